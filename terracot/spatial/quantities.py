"""Quantities that questions of the level l2-spatial state, all of them counted in pixels of the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from terracot.measure import PARTS, grown, part_counts
from terracot.rims import rim
from terracot.scenes import BoolMask
from terracot.spatial.shapes import border, closest_line

if TYPE_CHECKING:  # terracot.quantities imports this module
    from terracot.quantities import Regions

Measure = Callable[["Regions", Sequence[int]], float]
HALVES = ("left", "right", "upper", "lower")


def in_half(mask: BoolMask, half: str) -> int:
    """Pixels of a mask in a half of the image; the image has an even number of rows or columns."""
    height, width = mask.shape
    halves = {
        "left": mask[:, : width // 2],
        "right": mask[:, width // 2 :],
        "upper": mask[: height // 2],
        "lower": mask[height // 2 :],
    }
    return int(np.count_nonzero(halves[half]))


def part_shares(mask: BoolMask, valid: BoolMask) -> npt.NDArray[np.float64]:
    """``(9,)`` per cent of the valid pixels of each of the nine parts; 0 where there are none."""
    return np.asarray(part_counts(mask) * 100.0 / np.maximum(part_counts(valid), 1))


def _part_shares(r: Regions, of: Sequence[int]) -> npt.NDArray[np.float64]:
    return part_shares(r.mask(of[0]), r.valid[r.masks[of[0]].t])


def _parts_with(r: Regions, of: Sequence[int]) -> float:
    return float(np.count_nonzero(_part_shares(r, of) >= r.parameters["least"]))


def _line_pixels(r: Regions, of: Sequence[int]) -> float:
    rows, cols = closest_line(r.mask(of[0]), r.mask(of[1])).T
    return float(np.count_nonzero(r.mask(of[2])[rows, cols]))


def _border_pixels(r: Regions, of: Sequence[int]) -> float:
    return float(np.count_nonzero(border(r.mask(of[0]), r.valid[r.masks[of[0]].t])))


def _half_pixels(half: str) -> Measure:
    return lambda r, of: float(in_half(r.mask(of[0]), half))


def _half_share(half: str) -> Measure:
    return lambda r, of: 100.0 * in_half(r.mask(of[0]), half) / r.pixels(of[0])


def _part_share(part: int) -> Measure:
    return lambda r, of: float(_part_shares(r, of)[part])


def _total(r: Regions, of: Sequence[int]) -> int:
    return sum(r.pixels(n) for n in of)


def _border_share(r: Regions, of: Sequence[int]) -> float:
    beside = int(np.count_nonzero(r.mask(of[0]) & grown(r.mask(of[1]))))
    return 100.0 * beside / _border_pixels(r, of)


QUANTITIES: dict[str, Measure] = {
    "ratio": lambda r, of: r.pixels(of[0]) / r.pixels(of[1]),
    "total_pixels": lambda r, of: float(_total(r, of)),
    "total_share": lambda r, of: 100.0 * _total(r, of) / r.valid_pixels(of[0]),
    "total_area": lambda r, of: sum(r.ground.area_m2(r.mask(n)) for n in of),
    "total_pixel_area": lambda r, of: sum(r.ground.area_m2(r.mask(n)) for n in of) / _total(r, of),
    **{f"{half}_pixels": _half_pixels(half) for half in HALVES},
    **{f"{half}_share": _half_share(half) for half in HALVES},
    **{f"share_in_{part.replace(' ', '_')}": _part_share(n) for n, part in enumerate(PARTS)},
    "parts_with": _parts_with,
    "gap": lambda r, of: rim(r.mask(of[0])).gap(rim(r.mask(of[1]))),
    "line_length": lambda r, of: float(len(closest_line(r.mask(of[0]), r.mask(of[1])))),
    "line_pixels": _line_pixels,
    "border_pixels": _border_pixels,
    "border_share": _border_share,
}
"""Quantity name -> measurement, as ``terracot.quantities`` has them."""
