"""Measured facts of captions: shapes, places and borders of the described regions, each date surveyed once.

Masks of one date must not overlap; together they make a map of positions, on which borders are counted in one pass.
Patches are 8-connected components; borders are counted in pixel sides, between pixels that share a side; halves leave
out a middle row or column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from terracot import measure
from terracot.scenes import BoolMask

if TYPE_CHECKING:
    from terracot.quantities import Regions

HALVES = ("upper", "lower", "left", "right")
_NONE = 15  # on the map: no described region
_Counts = npt.NDArray[np.int64]


class Survey:
    """The described regions of one date. Arrays are indexed by the place of a region among those of its date."""

    def __init__(self, masks: Sequence[BoolMask], valid: BoolMask) -> None:
        if len(masks) >= _NONE:
            raise ValueError(f"expected fewer than {_NONE} regions on one date, found {len(masks)}")
        self.masks, self.valid = masks, valid
        self.counts = [int(np.count_nonzero(mask)) for mask in masks]
        self.map: npt.NDArray[np.uint8] = np.full(valid.shape, _NONE, np.uint8)
        for place, mask in enumerate(masks):  # in numbers of 8 bits, which begin anew: many times as fast as by index
            self.map += mask * np.uint8((place - _NONE) % 256)
        if int(np.count_nonzero(self.map != _NONE)) != sum(self.counts):
            raise ValueError("regions of one date overlap")

    @cached_property
    def patches(self) -> _Counts:
        """Number of patches of each region."""
        return np.array([len(measure.patches(mask).ids) for mask in self.masks])

    def largest(self, place: int) -> int:
        """Pixels of the largest patch of a region."""
        return int(measure.patches(self.masks[place]).sizes.max())

    def elongation(self, place: int) -> tuple[float, float]:
        """Of the largest patch, long axis over short axis and the direction of the long one.

        The axes are those of the ellipse with the same second moments, pixels being squares; the direction is an angle
        in degrees, 0 from left to right, 90 from top to bottom, below 180.
        """
        found = measure.patches(self.masks[place])
        at = np.flatnonzero(found.numbers == found.ids[np.argmax(found.sizes)])
        rows, cols = np.divmod(at, found.numbers.shape[1])
        yy, xx = rows.var() + 1 / 12, cols.var() + 1 / 12
        xy = float(np.mean((rows - rows.mean()) * (cols - cols.mean())))
        spread = math.hypot((xx - yy) / 2, xy)
        long, short = (xx + yy) / 2 + spread, (xx + yy) / 2 - spread
        return math.sqrt(long / short), math.degrees(0.5 * math.atan2(2 * xy, xx - yy)) % 180

    def filled(self, place: int) -> float:
        """Per cent of a region's bounding box that it fills."""
        sides = [np.flatnonzero(np.any(self.masks[place], axis=axis)) for axis in (0, 1)]
        return 100.0 * self.counts[place] / math.prod(int(side[-1] - side[0]) + 1 for side in sides)

    @cached_property
    def parts(self) -> _Counts:
        """``(n, 9)`` pixels of each region in each ninth of the frame."""
        height, width = self.map.shape
        part = _ninth(height)[:, None] * 3 + _ninth(width)
        return np.bincount((self.map * np.uint8(9) + part).ravel(), minlength=256)[: 9 * len(self.masks)].reshape(-1, 9)

    @cached_property
    def valid_parts(self) -> _Counts:
        """``(9,)`` valid pixels in each ninth."""
        return measure.part_counts(self.valid)

    @cached_property
    def halves(self) -> _Counts:
        """``(n, 4)`` pixels of each region in each of ``HALVES``."""
        return np.array([_halves(mask) for mask in self.masks])

    @cached_property
    def valid_halves(self) -> list[int]:
        """Valid pixels in each of ``HALVES``."""
        return _halves(self.valid)

    @cached_property
    def _pairs(self) -> tuple[_Counts, _Counts]:
        """Neighbours ``(16, 16)`` of different regions by side, and by corner."""
        width = self.map.shape[1]
        line = self.map.ravel()
        sides, corners = np.zeros((16, 16), np.int64), np.zeros((16, 16), np.int64)
        # all rows as one; from the last column there is no step to the right, from the first none to the left
        for table, step, last in (
            (sides, 1, width - 1),
            (sides, width, None),
            (corners, width + 1, width - 1),
            (corners, width - 1, 0),
        ):
            differ = line[: max(line.size - step, 0)] != line[step:]  # which few do
            if last is not None:
                differ[last::width] = False
            at = np.flatnonzero(differ)
            pairs = line[at] * np.uint8(16) + line[at + step]
            table += np.bincount(pairs, minlength=256).reshape(16, 16)
        return sides + sides.T, corners + corners.T

    def sides(self, one: int, other: int) -> int:
        """Pixel sides that two regions share."""
        return int(self._pairs[0][one, other])

    def touch(self, one: int, other: int) -> bool:
        """True when two regions share a side or a corner."""
        return bool(self._pairs[0][one, other] + self._pairs[1][one, other])

    def outline(self, place: int) -> int:
        """Pixel sides between a region and all that it is not, within the frame."""
        return int(self._pairs[0][place].sum())


def _ninth(size: int) -> npt.NDArray[np.uint8]:
    return ((np.arange(size) + 0.5) * 3 / size).astype(np.uint8)


def _halves(mask: BoolMask) -> list[int]:
    height, width = mask.shape
    down, across = height // 2, width // 2
    found = mask[:down], mask[height - down :], mask[:, :across], mask[:, width - across :]
    return [int(np.count_nonzero(part)) for part in found]


_SURVEYS: WeakKeyDictionary[Regions, dict[int, Survey]] = WeakKeyDictionary()


def survey(r: Regions, t: int) -> Survey:
    """The survey of the masks of date ``t``; ``ValueError`` where they overlap."""
    known = _SURVEYS.setdefault(r, {})
    if t not in known:
        known[t] = Survey([m.mask for m in r.masks if m.t == t], r.valid[t])
    return known[t]


def placed(r: Regions, index: int) -> tuple[Survey, int]:
    """The survey that a mask belongs to, and its place in it."""
    t = r.masks[index].t
    return survey(r, t), sum(mask.t == t for mask in r.masks[:index])


def _two(r: Regions, of: Sequence[int]) -> tuple[Survey, int, int]:
    (one, a), (other, b) = placed(r, of[0]), placed(r, of[1])
    if one is not other:
        raise ValueError("two regions of different dates have no border")
    return one, a, b


def _largest_share(r: Regions, of: Sequence[int]) -> float:
    found, place = placed(r, of[0])
    return 100.0 * found.largest(place) / found.counts[place]


def _patches(r: Regions, of: Sequence[int]) -> float:
    return float(sum(found.patches[place] for found, place in (placed(r, index) for index in of)))


def _mean_patch(r: Regions, of: Sequence[int]) -> float:
    found, place = placed(r, of[0])
    return found.counts[place] / float(found.patches[place])


def _part_share(r: Regions, of: Sequence[int]) -> float:
    found, place = placed(r, of[0])
    return 100.0 * float(found.parts[place].max()) / found.counts[place]


def _least_part_share(r: Regions, of: Sequence[int]) -> float:
    found, place = placed(r, of[0])
    return 100.0 * float(found.parts[place].min()) / found.counts[place]


def _half_share(half: int) -> Callable[[Regions, Sequence[int]], float]:
    def share(r: Regions, of: Sequence[int]) -> float:
        found, place = placed(r, of[0])
        return 100.0 * float(found.halves[place, half]) / found.counts[place]

    return share


def _half_cover(half: int) -> Callable[[Regions, Sequence[int]], float]:
    def cover(r: Regions, of: Sequence[int]) -> float:
        found, place = placed(r, of[0])
        return 100.0 * float(found.halves[place, half]) / found.valid_halves[half]

    return cover


def _centre_cover(r: Regions, of: Sequence[int]) -> float:
    found, place = placed(r, of[0])
    return 100.0 * float(found.parts[place, 4]) / float(found.valid_parts[4])


def _sides(r: Regions, of: Sequence[int]) -> float:
    found, one, other = _two(r, of)
    return float(found.sides(one, other))


def _outline_share(r: Regions, of: Sequence[int]) -> float:
    """Of the outline of the first region, the share along the second."""
    found, one, other = _two(r, of)
    return 100.0 * found.sides(one, other) / found.outline(one)


def _elongation(r: Regions, of: Sequence[int]) -> float:
    found, place = placed(r, of[0])
    return found.elongation(place)[0]


def _filled(r: Regions, of: Sequence[int]) -> float:
    found, place = placed(r, of[0])
    return found.filled(place)


def _labelled_share(r: Regions, of: Sequence[int]) -> float:
    return 100.0 * r.valid_pixels(of[0]) / r.mask(of[0]).size


def _common(r: Regions, of: Sequence[int]) -> BoolMask:
    """Pixels that are valid on the dates of two masks."""
    return np.logical_and(*(r.valid[r.masks[index].t] for index in of))


def _common_share(r: Regions, of: Sequence[int]) -> float:
    """Share of the first mask in the pixels that are valid on the dates of both."""
    both = _common(r, of)
    return 100.0 * np.count_nonzero(r.mask(of[0]) & both) / np.count_nonzero(both)


def _gained(r: Regions, of: Sequence[int]) -> float:
    """Pixels of the second mask that are not in the first, where both dates are valid."""
    return float(np.count_nonzero(_common(r, of) & r.mask(of[1]) & ~r.mask(of[0])))


QUANTITIES: dict[str, Callable[[Regions, Sequence[int]], float]] = {
    "size_ratio": lambda r, of: r.pixels(of[0]) / r.pixels(of[1]),
    "patches": _patches,
    "largest_patch_share": _largest_share,
    "mean_patch": _mean_patch,
    "elongation": _elongation,
    "box_fill": _filled,
    "part_share": _part_share,
    "least_part_share": _least_part_share,
    **{f"{name}_half_share": _half_share(n) for n, name in enumerate(HALVES)},
    **{f"{name}_half_cover": _half_cover(n) for n, name in enumerate(HALVES)},
    "centre_cover": _centre_cover,
    "border_sides": _sides,
    "outline_share": _outline_share,
    "labelled_share": _labelled_share,
    "share_where_both": _common_share,
    "gained": _gained,
}
"""For ``terracot.quantities``: percentages, pixels, pixel sides, counts and plain ratios."""
