"""python benchmarks/turn_folder.py FOLDER OUT [--turns 8]

Copies of a folder of rasters, each patch in up to eight orientations (quarter turns, and mirrored quarter turns), for
training on few places. `terracot generate` then words every copy anew, so what a trace says of left and right stays
true. OUT gets the name of FOLDER, by which its shipped layout is found. Only for folders whose ground sampling is
stated (`nominal_m`) and square: georeferences are not turned, and copies of files that have one are refused.
"""

from __future__ import annotations

import csv
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from tqdm import tqdm


def turned(pixels: npt.NDArray[np.generic], turn: int) -> npt.NDArray[np.generic]:
    """``(bands, H, W)`` turned by ``turn % 4`` quarters, mirrored before that from 4 on."""
    return np.ascontiguousarray(np.rot90(pixels[..., ::-1] if turn >= 4 else pixels, turn % 4, axes=(-2, -1)))


def copy(source: Path, target: Path, turn: int) -> None:
    """One raster, turned; its values, type and tags of nodata stay."""
    with rasterio.open(source) as file:
        profile, pixels = file.profile, file.read()
        if file.transform != Affine.identity():
            raise click.ClickException(f"{source} has a georeference, which would not be turned; expected one without")
    pixels = turned(pixels, turn)
    profile |= {"height": pixels.shape[1], "width": pixels.shape[2]}
    profile.pop("transform", None)
    target.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(target, "w", **profile) as file:
        file.write(pixels)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--turns", type=click.IntRange(1, 8), default=8, show_default=True, help="Orientations of each patch.")
def main(folder: Path, out: Path, turns: int) -> None:
    """Write OUT/NAME."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    target = out / folder.name
    for row in tqdm(rows):
        for source in sorted(folder.glob(f"*/{row['id']}.*")):
            for turn in range(turns):
                copy(source, target / source.parent.name / f"{row['id']}_turn{turn}{source.suffix}", turn)
    with (target / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"id": f"{row['id']}_turn{turn}"} for row in rows for turn in range(turns))
    print(f"{len(rows)} patches, {turns} times each, in {target}")


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    main()
