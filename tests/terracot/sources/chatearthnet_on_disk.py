"""A ChatEarthNet download and a SatlasPretrain label folder as they lie on disk; all pixels are synthetic.

Tiles have 512 x 512 pixels and pictures 256 x 256, as the format fixes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from terracot.scenes import Scene, SceneError
from terracot.sources.chatearthnet import ChatEarthNetSource

Codes = npt.NDArray[np.uint8]
RGB, B567, B8 = "s2_rgb_images", "s2_band_5_6_7_images", "s2_band_8_11_12_images"
INNER = "s2_images"
LISBON = (3886, 3141)
DIGITS = ("00", "01", "10", "11")
NW, NE, SW, SE = (f"3886_3141_patch{digits}" for digits in DIGITS)  # as (row, column)
ROW_COLUMN, COLUMN_ROW = "row, column", "column, row"

_COLOURS = np.array(
    [
        *((9, 9, 9), (20, 40, 90), (190, 170, 160), (20, 70, 30), (120, 110, 60), (110, 150, 70), (200, 190, 90)),
        *((210, 180, 150), (245, 245, 250), (60, 120, 130), (10, 90, 60), (140, 130, 140)),
    ],
    np.uint8,
)


@lru_cache(maxsize=32)
def land_cover(seed: int) -> Codes:
    """``(512, 512)`` codes 1 to 6 in patches of some 40 pixels, other shares of them for every seed; do not write."""
    rng = np.random.default_rng(seed)
    fields = np.stack([ndimage.zoom(rng.normal(size=(14, 14)), 128 / 14, order=1) for _ in range(6)])
    codes = np.argmax(fields + rng.normal(size=(6, 1, 1)), axis=0) + 1
    return codes.astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)


def picture(codes: Codes, seed: int) -> npt.NDArray[np.uint8]:
    """``(512, 512, 3)``: the colour of each class with a texture over it that is one over the whole tile."""
    rng = np.random.default_rng(seed)
    texture = ndimage.gaussian_filter(rng.normal(size=codes.shape), 2) * 40 + rng.normal(size=codes.shape) * 2
    return np.clip(_COLOURS[codes] + texture[..., None], 1, 254).astype(np.uint8)


def quadrant(array: npt.NDArray[Any], digits: str, order: str = ROW_COLUMN) -> npt.NDArray[Any]:
    first, second = int(digits[0]), int(digits[1])
    down, across = (first, second) if order == ROW_COLUMN else (second, first)
    return array[256 * down : 256 * down + 256, 256 * across : 256 * across + 256]


def write_png(path: Path, array: npt.NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(array)).save(path, "PNG", compress_level=1)
    return path


def png(root: Path, name: str, part: str = RGB) -> Path:
    return root / part / INNER / f"{name}.png"


def label_path(satlas: Path, place: tuple[int, int] = LISBON) -> Path:
    return satlas / "static" / f"{place[0]}_{place[1]}" / "land_cover.png"


def write_tile(
    root: Path,
    satlas: Path,
    place: tuple[int, int] = LISBON,
    codes: Codes | None = None,
    order: str = ROW_COLUMN,
    digits: Sequence[str] = DIGITS,
    parts: Sequence[str] = (RGB, B567, B8),
    seed: int = 0,
) -> list[str]:
    """Pictures of some quadrants of a tile and its label picture; returns the names of the pictures."""
    codes = land_cover(seed) if codes is None else codes
    write_png(label_path(satlas, place), codes)
    seen = picture(codes, seed)
    names = []
    for two in digits:
        names.append(f"{place[0]}_{place[1]}_patch{two}")
        for number, part in enumerate(parts):
            write_png(png(root, names[-1], part), np.roll(quadrant(seen, two, order), number, axis=2))
    return names


def write_captions(root: Path, names: Mapping[str, str], kind: str = "35", split: str = "train") -> Path:
    """One caption file; the two kinds differ in the key of the picture's name and in whether a caption is a list."""
    path = root / "json_files" / f"ChatEarthNet_caps_{kind}_{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "35":
        records: list[dict[str, Any]] = [{"image_id": f"{name}.png", "caption": text} for name, text in names.items()]
    else:
        records = [{"image": f"{name}.png", "caption": [text]} for name, text in names.items()]
    path.write_text(json.dumps(records))
    return path


def write_s1(folder: Path, name: str, vv: int = 90, vh: int = 40) -> None:
    for polarisation, value in (("vv", vv), ("vh", vh)):
        data = np.full((256, 256), value, np.uint8)
        data[0, 0] = 7
        write_png(folder / polarisation / f"{name}.png", data)


def write_download(
    folder: Path,
    places: int,
    split: str = "train",
    digits: Sequence[str] = ("00", "11"),
    parts: Sequence[str] = (RGB, B567, B8),
) -> tuple[Path, Path]:
    """A download of so many tiles along a row of the world, some quadrants of each, and its labels."""
    root, satlas = folder / "chatearthnet", folder / "satlas"
    names: list[str] = []
    for number in range(places):
        names += write_tile(root, satlas, (3900 + number, 3100), digits=digits, parts=parts, seed=number)
    write_captions(root, dict.fromkeys(names, "Fields around a town."), split=split)
    return root, satlas


def lisbon(folder: Path) -> Path:
    """The Lisbon tile whole in ``chatearthnet``, and its labels in ``satlas`` beside it."""
    names = write_tile(folder / "chatearthnet", folder / "satlas")
    write_captions(folder / "chatearthnet", {name: f"Caption of {name}." for name in names})
    return folder / "chatearthnet"


def opened(root: Path, **options: Any) -> ChatEarthNetSource:
    """The source, with the labels beside it unless others are given."""
    if "worldcover" not in options:
        options.setdefault("satlas", str(root.parent / "satlas"))
    return ChatEarthNetSource(root, **options)


def read_all(scene: Scene) -> None:
    for frame in scene.frames:
        frame.pixels()
    for label in scene.labels:
        label.classes()


def reason(root: Path, name: str = NW, **options: Any) -> str:
    """Reason code with which a scene is refused; the message may not name the disk."""
    with pytest.raises(SceneError) as caught:
        read_all(opened(root, **options).load(name))
    assert str(root) not in str(caught.value)
    return caught.value.reason


def left_out(source: ChatEarthNetSource) -> dict[str, str]:
    return {entry.name: entry.reason for entry in source.left_out()}
