"""Regions in a model's coordinates, as masks on the pixel grid of the scene."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from terrabaselines.grounding.reading import Region
from terracot.plugins import PredictedMask
from terracot.scenes import BoolMask

MAX_MASKS = 16
"""Masks that a reply may become; regions of further names are counted."""


@dataclass(frozen=True)
class Drawn:
    """Masks, one for each name and date, and how many regions were ``outside`` the image, ``undated`` (drawn on the
    first date, as the reply did not say which) or ``left_out`` since there were too many names."""

    masks: tuple[PredictedMask, ...]
    regions: int
    outside: int = 0
    undated: int = 0
    left_out: int = 0

    def counts(self) -> dict[str, int]:
        """Plain values for ``meta``; zeros are left out, but for ``regions``."""
        extra = {"outside": self.outside, "undated": self.undated, "left_out": self.left_out}
        return {"regions": self.regions} | {name: count for name, count in extra.items() if count}


def draw(regions: Sequence[Region], scale: tuple[float, float], shape: tuple[int, int], dates: Sequence[int]) -> Drawn:
    """Masks ``(H, W)`` of regions whose coordinates run to ``scale`` (width, height) at the right and lower edge.

    Regions of one name and date are one mask, as the evidence of the benchmark is one mask for a class. ``dates`` are
    the dates of the scene (``t``, not empty).
    """
    masks: dict[tuple[int, str | None], BoolMask] = {}
    labels: dict[tuple[int, str | None], str | None] = {}
    outside = undated = left_out = 0
    for region in regions:
        place = window(region.numbers, scale, shape)
        if place is None:
            outside += 1
            continue
        told = region.image in dates
        undated += not told and len(dates) > 1
        t = region.image if told and region.image is not None else dates[0]
        key = (t, region.label.casefold() if region.label else None)
        if key not in masks and len(masks) == MAX_MASKS:
            left_out += 1
            continue
        labels.setdefault(key, region.label)
        masks.setdefault(key, np.zeros(shape, dtype=bool))[place] = True
    drawn = tuple(PredictedMask(key[0], mask, labels[key]) for key, mask in masks.items())
    return Drawn(drawn, len(regions), outside, undated, left_out)


def window(numbers: Sequence[float], scale: tuple[float, float], shape: tuple[int, int]) -> tuple[slice, slice] | None:
    """Rows and columns of a box or point; None if it lies outside the image or is no finite box or point.

    A pixel belongs to a box that holds its centre; a box between centres is the one pixel (row, column) around it.
    Corners may come in any order, and what reaches beyond the image is cut.
    """
    if len(numbers) not in (2, 4) or not all(map(math.isfinite, numbers)):
        return None
    (x1, x2), (y1, y2) = (sorted((numbers[axis], numbers[axis - 2])) for axis in (0, 1))
    columns = _span(x1, x2, scale[0], shape[1])
    rows = _span(y1, y2, scale[1], shape[0])
    return None if rows is None or columns is None else (rows, columns)


def _span(low: float, high: float, scale: float, size: int) -> slice | None:
    if high < 0 or low > scale or (low < high and (high == 0 or low == scale)):
        return None
    first, last = (min(max(value / scale, 0.0), 1.0) * size for value in (low, high))
    start, stop = math.ceil(first - 0.5), math.ceil(last - 0.5)
    if stop <= start:
        start = min(int((first + last) / 2), size - 1)
        stop = start + 1
    return slice(start, stop)
