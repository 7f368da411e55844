"""The referring sets as they lie on disk, with synthetic pixels; only the number of pixels is smaller."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from pycocotools import mask as coco
from rasterio.errors import NotGeoreferencedWarning

from terracot.scenes import Scene, SceneError
from terracot.sources.refer import ReferSource

HEIGHT, WIDTH = 96, 128
SHAPE = (HEIGHT, WIDTH)
IMAGES = Path("images/rrsisd/JPEGImages")
RECTANGLE = [10.0, 20.0, 50.0, 20.0, 50.0, 60.0, 10.0, 60.0]
"""Columns 10 to 49, rows 20 to 59: 40 x 40 = 1,600 pixels."""

Record = dict[str, Any]


def pixels(seed: int, shape: tuple[int, int] = SHAPE) -> npt.NDArray[np.uint8]:
    """``(3, H, W)``: a synthetic gradient with a patch, different for each seed."""
    rows, columns = np.indices(shape)
    grey = ((rows + columns + 7 * seed) % 200).astype(np.uint8)
    return np.stack([grey, grey // 2 + seed % 100, 255 - grey])


def write(path: Path, bands: Any) -> Path:
    """A picture without georeference; the ending says which format. TIFF uncompressed, as RefSegRS has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.asarray(bands, dtype=np.uint8)
    data = data[None] if data.ndim == 2 else data
    driver = {".jpg": "JPEG", ".png": "PNG", ".tif": "GTiff"}[path.suffix]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver=driver, count=len(data), height=data.shape[1], width=data.shape[2], dtype="uint8"
        ) as out:
            out.write(data)
    for stray in path.parent.glob("*.aux.xml"):
        stray.unlink()
    return path


def box(top: int, left: int, bottom: int, right: int, shape: tuple[int, int] = SHAPE) -> npt.NDArray[np.bool_]:
    """A mask that is true in one rectangle."""
    mask = np.zeros(shape, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def rle(mask: npt.NDArray[np.bool_]) -> Record:
    """Compressed run lengths, as pycocotools writes them."""
    packed = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(n) for n in mask.shape], "counts": packed["counts"].decode()}


def runs(mask: npt.NDArray[np.bool_]) -> Record:
    """Uncompressed run lengths, column by column, background first."""
    flat = mask.T.ravel().astype(np.int8)
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, flat.size]).tolist()
    return {"size": [int(n) for n in mask.shape], "counts": [0, *lengths] if flat[0] else lengths}


def region(kind: int) -> Any:
    """The same 1,600 pixels in the four ways in which segmentations are written."""
    mask = box(20, 10, 60, 50)
    return [[RECTANGLE], [rle(mask)], rle(mask), runs(mask)][kind % 4]


def reference(number: int, phrase: str, split: str = "train", image: int | None = None, **changes: Any) -> Record:
    """One ref with all the keys that the published ones have."""
    image = number if image is None else image
    return {
        "sent_ids": [number],
        "file_name": f"{image:05d}.jpg",
        "ann_id": number,
        "ref_id": number,
        "image_id": image,
        "category_id": 3,
        "split": split,
        "sentences": [{"raw": phrase, "sent": phrase.lower(), "sent_id": number, "tokens": phrase.lower().split()}],
    } | changes


def annotation(number: int, segmentation: Any, image: int | None = None) -> Record:
    """One annotation with all the keys that the published ones have."""
    return {
        "id": number,
        "image_id": number if image is None else image,
        "category_id": 3,
        "bbox": [10, 20, 40, 40],
        "area": 1600,
        "iscrowd": 0,
        "segmentation": segmentation,
    }


def image_record(number: int, **changes: Any) -> Record:
    """One entry of ``images``."""
    return {"id": number, "file_name": f"{number:05d}.jpg", "height": HEIGHT, "width": WIDTH} | changes


def instances(images: Sequence[Record], annotations: Sequence[Record]) -> Record:
    """The content of ``instances.json``."""
    return {
        "info": {"description": "synthetic", "version": "1"},
        "licenses": [],
        "images": list(images),
        "annotations": list(annotations),
        "categories": [{"id": 3, "name": "ship", "supercategory": "object"}],
    }


def rrsisd(root: Path, refs: Sequence[Record], content: Record, protocol: int = 4) -> Path:
    """RRSIS-D as its owners pack it: pictures for all images, one XML each with expressions that have no mask."""
    folder = root / "images" / "rrsisd"
    for image in content["images"]:
        _picture(folder / "JPEGImages", image)
        xml = folder / "ann_split" / f"{image['file_name'][:-4]}.xml"
        xml.parent.mkdir(exist_ok=True)
        xml.write_text(
            f"<annotation><filename>{image['file_name']}</filename>"
            "<object><name>ship</name><description>An expression without a mask</description></object>"
            "</annotation>"
        )
    return _index(root, root / "rrsisd", refs, content, protocol)


def repack(root: Path, refs: Sequence[Record], content: Record, new: bool = False, protocol: int = 4) -> Path:
    """A set as it is repacked: pictures and index in one folder; RRSIS-D has its instances under a new name."""
    for image in content["images"]:
        _picture(root / "images", image)
    return _index(root, root, refs, content, protocol, "instances_new.json" if new else "instances.json")


def phrases(
    root: Path,
    lines: Mapping[str, Sequence[tuple[str, str]]],
    folders: tuple[str, str] = ("images", "masks"),
    ending: str = ".tif",
    foreground: int = 255,
) -> Path:
    """RefSegRS (or RISBench, with ``img_rgb`` and ``mask``): image and mask of every id, and the three phrase files.

    The mask of id n has 8 rows and 2 + n % 50 columns.
    """
    for split in ("train", "val", "test"):
        text = "".join(f"{name} {phrase}\n" for name, phrase in lines.get(split, ()))
        root.mkdir(parents=True, exist_ok=True)
        (root / f"output_phrase_{split}.txt").write_text(text, encoding="utf-8")
        for name, _ in lines.get(split, ()):
            stem = name.partition(".")[0]
            number = int(stem)
            write(root / folders[0] / f"{stem}{ending}", pixels(number))
            mask = box(4, 6, 12, 8 + number % 50)
            write(root / folders[1] / f"{stem}{ending}", mask * foreground)
    return root


def places(count: int) -> tuple[list[Record], Record]:
    """Refs and instances of ``count`` images, one region each, splits 3 : 1 : 1, all four ways of writing a region."""
    splits = ("train", "train", "train", "val", "test")
    refs = [reference(n, f"The ship number {n} at the pier.", splits[n % 5]) for n in range(1, count + 1)]
    numbers = range(1, count + 1)
    return refs, instances([image_record(n) for n in numbers], [annotation(n, region(n)) for n in numbers])


def reasons(source: ReferSource) -> dict[str, str]:
    """What a source leaves out, and why."""
    return {item.name: item.reason for item in source.left_out()}


def load_reason(source: ReferSource, scene_id: str) -> str:
    """Why a scene cannot be loaded."""
    with pytest.raises(SceneError) as caught:
        source.load(scene_id)
    return caught.value.reason


def areas(scene: Scene) -> dict[str, int]:
    """Pixels of the region of each pair."""
    return {one.key: int(one.region(scene.shape).sum()) for one in scene.stated}


def _picture(folder: Path, image: Record) -> None:
    if not (folder / image["file_name"]).exists():
        write(folder / image["file_name"], pixels(image["id"]))


def _index(root: Path, folder: Path, refs: Any, content: Record, protocol: int, name: str = "instances.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    (folder / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol))
    return root
