"""Quantities of masks on several dates. Only pixels with a valid label on the date of every mask named count.

"beyond": in the first mask and outside the second, so the land gained is the later mask beyond the earlier one, the
land lost the other way round. "common": in all of the masks. "change": the net difference of two extents, either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from terracot.scenes import BoolMask

if TYPE_CHECKING:
    from terracot.quantities import Regions

Of = Sequence[int]
Quantity = Callable[["Regions", Of], float]


def _valid(r: Regions, of: Of) -> BoolMask:
    """Pixels with a valid label on the date of each of the masks."""
    return reduce(np.logical_and, [r.valid[t] for t in sorted({r.masks[i].t for i in of})])


def _beyond(r: Regions, of: Of) -> BoolMask:
    return r.mask(of[0]) & ~r.mask(of[1]) & _valid(r, of)


def _common(r: Regions, of: Of) -> BoolMask:
    return reduce(np.logical_and, [r.mask(i) for i in of]) & _valid(r, of)


def _pixels(mask: BoolMask) -> float:
    return float(np.count_nonzero(mask))


def _of_region(name: str, region: Callable[[Regions, Of], BoolMask]) -> dict[str, Quantity]:
    """Pixels, per cent of the valid pixels, area, and mean area of a pixel of a region made of several masks."""
    return {
        f"{name}_pixels": lambda r, of: _pixels(region(r, of)),
        f"{name}_share": lambda r, of: 100.0 * _pixels(region(r, of)) / _pixels(_valid(r, of)),
        f"{name}_area": lambda r, of: r.ground.area_m2(region(r, of)),
        f"{name}_pixel_area": lambda r, of: r.ground.area_m2(region(r, of)) / _pixels(region(r, of)),
    }


def _part_of_first(r: Regions, of: Of) -> float:
    return 100.0 * _pixels(_common(r, of)) / _pixels(r.mask(of[0]) & _valid(r, of))


def _extents(r: Regions, of: Of) -> tuple[float, float]:
    valid = _valid(r, of)
    return _pixels(r.mask(of[0]) & valid), _pixels(r.mask(of[1]) & valid)


def _change_pixels(r: Regions, of: Of) -> float:
    before, after = _extents(r, of)
    return abs(after - before)


def _change_share(r: Regions, of: Of) -> float:
    """Per cent of the extent of the first mask."""
    return 100.0 * _change_pixels(r, of) / _extents(r, of)[0]


def _change_area(r: Regions, of: Of) -> float:
    valid = _valid(r, of)
    return abs(r.ground.area_m2(r.mask(of[1]) & valid) - r.ground.area_m2(r.mask(of[0]) & valid))


TEMPORAL: Mapping[str, Quantity] = {
    "valid_in_all": lambda r, of: _pixels(_valid(r, of)),
    **_of_region("beyond", _beyond),
    **_of_region("common", _common),
    "part_of_first": _part_of_first,
    "change_pixels": _change_pixels,
    "change_share": _change_share,
    "change_area": _change_area,
    "change_pixel_area": lambda r, of: _change_area(r, of) / _change_pixels(r, of),
}
"""Quantity name -> measurement in its base unit; part of ``terracot.quantities.QUANTITIES``."""
