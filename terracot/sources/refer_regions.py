"""Regions of referring sets as masks: COCO polygons, COCO run lengths, mask files.

Polygons are burnt by pixel centre (``rasterio.features.rasterize``), and several of one region are united. Coordinates
are those of COCO: x to the right, y down, pixel (0, 0) from 0 to 1. So a mask agrees with the area of its polygons;
pycocotools walks along the outline instead and differs from this by pixels of the edge only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.features import rasterize

from terracot.masks import RleError, decode
from terracot.scenes import BoolMask, SceneError
from terracot.sources.rasters import read_bands

MAX_NUMBERS = 200_000
"""Coordinates of one region; more are refused, since burning takes rows times points."""


def burn(segmentation: Any, shape: tuple[int, int], where: str) -> BoolMask:
    """``(H, W)`` booleans of a ``segmentation``: polygons, an RLE, or a list of RLEs.

    ``SceneError`` "bad_label" for what is none of these, "mismatched_shapes" for an RLE of another size,
    "empty_mask" when no pixel is left. ``where`` names the region.
    """
    parts = segmentation if isinstance(segmentation, list) else [segmentation]
    if parts and all(isinstance(part, Mapping) for part in parts):
        mask = _united(parts, shape, where)
    elif parts and all(isinstance(part, list) for part in parts):
        mask = _burnt(parts, shape, where)
    else:
        kinds = sorted({type(part).__name__ for part in parts})
        raise SceneError("bad_label", f"{where}: a segmentation is a list of polygons or of RLEs; found {kinds}")
    if not mask.any():
        raise SceneError("empty_mask", f"{where}: no pixel of the image lies in the region")
    return mask


def read_mask(path: Path, where: str, shape: tuple[int, int]) -> BoolMask:
    """``(H, W)`` booleans of a mask file of 0 and 1, or of 0 and 255 (values between are rounded to the nearer)."""
    bands = read_bands(path, where)
    if bands.dtype != np.uint8 or len(bands) not in (1, 3) or np.any(bands != bands[0]):
        raise SceneError(
            "bad_label", f"{where}: a mask has one 8-bit band, or three alike; found {len(bands)} of {bands.dtype}"
        )
    if bands.shape[1:] != shape:
        raise SceneError("mismatched_shapes", f"{where}: the mask is {bands.shape[1:]} and its image {shape}")
    return np.asarray(bands[0] > (127 if bands[0].max() > 1 else 0))


def _united(parts: list[Any], shape: tuple[int, int], where: str) -> BoolMask:
    mask = np.zeros(shape, dtype=bool)
    for part in parts:
        try:
            mask |= decode(part, shape)
        except RleError as error:
            other = isinstance(part.get("size"), list) and part["size"] != list(shape)
            raise SceneError("mismatched_shapes" if other else "bad_label", f"{where}: {error}") from error
    return mask


def _burnt(parts: list[Any], shape: tuple[int, int], where: str) -> BoolMask:
    if sum(map(len, parts)) > MAX_NUMBERS:
        raise SceneError("bad_label", f"{where}: its polygons have more than {MAX_NUMBERS} coordinates")
    rings = [_ring(part, shape, where) for part in parts if part]
    shapes = ({"type": "Polygon", "coordinates": [ring]} for ring in rings)
    burnt = rasterize(shapes, out_shape=shape, fill=0, default_value=1, dtype="uint8")
    return np.asarray(burnt, dtype=bool)


def _ring(numbers: list[Any], shape: tuple[int, int], where: str) -> list[tuple[float, float]]:
    """A closed ring of a polygon as COCO writes it: x1, y1, x2, y2 ..., at least three points, near the image."""
    if len(numbers) < 6 or len(numbers) % 2 or not all(type(n) in (int, float) for n in numbers):
        raise SceneError(
            "bad_label", f"{where}: a polygon lists x and y of at least three points; found {len(numbers)} values"
        )
    height, width = shape
    xs, ys = numbers[0::2], numbers[1::2]
    for values, size in ((xs, width), (ys, height)):
        if not all(-size <= v <= 2 * size for v in values):  # not of NaN either
            raise SceneError("bad_label", f"{where}: a polygon lies far outside its image of {width} x {height} pixels")
    points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
    return [*points, points[0]]
