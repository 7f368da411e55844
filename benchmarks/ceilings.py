"""python benchmarks/ceilings.py TERRA_COT... [--cells 16] [--strides 1,2,4,8] [--least 0.05]

What the grids of a model cost before anything is learned, on the true masks of Terra-CoT folders (each mask of a scene
once): the mean IoU of the best mask that a grid of so many pixels a side can say, and what is left of a mask as visual
tokens: how many masks cover no cell by more than half, and how far the covered cells' area is from the mask's.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from terrascope_vlm.tiling import tiling_of

from terracot.masks import decode

Mask = npt.NDArray[np.bool_]


def masks_of(folder: Path, least: float) -> Iterator[Mask]:
    """Every mask of at least one pixel and of the share ``least`` of its image, once a scene."""
    for file in sorted((folder / "data").glob("samples-*.parquet")):
        seen = set()
        for row in pq.read_table(file, columns=["scene_id", "masks"]).to_pylist():
            for mask in row["masks"]:
                key = row["scene_id"], mask["t"], mask["rle"]["counts"]
                if key not in seen:
                    seen.add(key)
                    height, width = mask["rle"]["size"]
                    pixels = decode(mask["rle"], (height, width))
                    if pixels.any() and pixels.mean() >= least:
                        yield pixels


def coarse_iou(mask: Mask, stride: int) -> float:
    """IoU of ``mask`` with itself by blocks of ``stride`` pixels: the majority of each."""
    height, width = mask.shape
    blocks = mask[: height // stride * stride, : width // stride * stride]
    share = blocks.reshape(height // stride, stride, width // stride, stride).mean(axis=(1, 3))
    again = np.kron(share > 0.5, np.ones((stride, stride), bool))
    union = int((again | blocks).sum())
    return int((again & blocks).sum()) / union if union else 1.0


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--cells", default=16, show_default=True, help="Visual tokens along a side of an image.")
@click.option("--strides", default="1,2,4,8", show_default=True, help="Pixels of the scene along a side of the mask's.")
@click.option("--least", default=0.05, show_default=True, help="Leave out masks of less than this share of the image.")
def main(folders: tuple[Path, ...], cells: int, strides: str, least: float) -> None:
    """Print both ceilings of each folder."""
    for folder in folders:
        masks = list(masks_of(folder, least))
        ious = {int(s): statistics.mean(coarse_iou(mask, int(s)) for mask in masks) for s in strides.split(",")}
        print(f"{folder.name}: {len(masks)} masks")
        print("  mean IoU at best " + ", ".join(f"stride {s}: {iou:.3f}" for s, iou in ious.items()))
        none, errors = 0, []
        for mask in masks:
            cover = tiling_of(mask.shape, (cells, cells), (cells, cells)).coverage(mask)
            chosen = cover > 0.5
            none += not chosen.any()
            errors.append(abs(chosen.mean() - mask.mean()) / mask.mean())
        print(f"  {cells} x {cells} tokens: {none / len(masks):.1%} of masks have no cell over half; "
              f"area by cells is off by {statistics.median(errors):.1%} of the mask (median)")  # fmt: skip


if __name__ == "__main__":
    main()
