"""What the domain rules measure, as pure functions of a record's masks; registered in ``terracot.quantities``.

``parameters["roles"]`` says of each mask which role it plays ("built", "water"); masks of one role are taken together.
Distances run from pixel centre to pixel centre, in metres, and only what the image shows counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from terracot.measure import patches
from terracot.scenes import BoolMask

if TYPE_CHECKING:
    from terracot.quantities import Regions

ROUNDING = 1e-9  # pixels; a distance that is exactly the limit counts as within it


def within(mask: BoolMask, limit: float, sampling: tuple[float, float]) -> BoolMask:
    """``(H, W)``: pixels whose centre lies at most ``limit`` from that of a pixel of ``mask``; exact.

    ``limit`` is in the unit of ``sampling`` (dy, dx).
    """
    return _reached(_columns_to(mask), limit, sampling)


def _reached(away: npt.NDArray[np.int16], limit: float, sampling: tuple[float, float]) -> BoolMask:
    """``within`` of a mask to which the columns are known.

    It looks up and down as far as the limit reaches; so it is many times faster than a full distance transform.
    """
    height, width = away.shape
    near = np.zeros(away.shape, dtype=bool)
    for step in range(min(math.floor(limit / sampling[0] + ROUNDING), height - 1) + 1):
        reach = math.sqrt(max(limit**2 - (step * sampling[0]) ** 2, 0.0)) / sampling[1]
        hit = away <= np.int16(min(reach, width) + ROUNDING)
        near[step:] |= hit[: height - step]
        near[: height - step] |= hit[step:]
    return near


def _columns_to(mask: BoolMask) -> npt.NDArray[np.int16]:
    """``(H, W)`` columns from each pixel to the nearest pixel of the mask in its row; beyond the width if none."""
    turned = np.ascontiguousarray(mask.T)
    width = len(turned)
    columns = np.arange(width, dtype=np.int16)[:, None]
    none = np.int16(2 * width + 2)
    left = np.maximum.accumulate(np.where(turned, columns, -none), axis=0)
    right = np.minimum.accumulate(np.where(turned, columns, none)[::-1], axis=0)[::-1]
    return np.ascontiguousarray(np.minimum(columns - left, right - columns).T)


def role(r: Regions, name: str) -> BoolMask:
    """Pixels of all masks of one role; ``ValueError`` when the record has none."""
    roles: Sequence[str] = r.parameters["roles"]
    masks = [r.mask(i) for i, own in enumerate(roles) if own == name]
    if not masks:
        raise ValueError(f"no mask of role {name!r}; the roles are {list(roles)}")
    return np.logical_or.reduce(masks) if len(masks) > 1 else masks[0]


Counted = Callable[[float], tuple[int, int]]
"""Pixels of a part and of its whole, for a distance or a size of block."""


def near(r: Regions) -> Counted:
    """The part of the first role within a distance of the second, and all of the first."""
    one, other = dict.fromkeys(r.parameters["roles"])
    whole, away = role(r, one), _columns_to(role(r, other))
    pixels = int(np.count_nonzero(whole))
    return lambda limit: (int(np.count_nonzero(whole & _reached(away, limit, r.ground.sampling))), pixels)


def surroundings(r: Regions) -> Counted:
    """The part of the second role in the surroundings of the first (up to a distance, itself included), and those."""
    one, other = dict.fromkeys(r.parameters["roles"])
    away, cover = _columns_to(role(r, one)), role(r, other)

    def counted(limit: float) -> tuple[int, int]:
        zone = _reached(away, limit, r.ground.sampling) & r.valid[r.masks[0].t]
        return int(np.count_nonzero(zone & cover)), int(np.count_nonzero(zone))

    return counted


def blocks(r: Regions) -> Counted:
    """The part of the masks in 8-connected blocks of at least so many hectares, and all of them."""
    whole = role(r, r.parameters["roles"][0])
    at = np.flatnonzero(whole)
    owners = patches(whole).numbers.ravel()[at]
    pixels = np.bincount(owners)
    areas = np.bincount(owners, r.ground.areas_of_rows(len(whole))[at // whole.shape[1]])
    return lambda block: (int(pixels[areas >= block * 1e4 * (1 - ROUNDING)].sum()), int(pixels.sum()))


def mean_factor(r: Regions) -> float:
    """Mean of ``factor_ROLE`` over the pixels of all masks."""
    factors = [r.parameters[f"factor_{name}"] for name in r.parameters["roles"]]
    pixels = [r.pixels(i) for i in range(len(r.masks))]
    return float(np.average(factors, weights=pixels))


@dataclass(frozen=True)
class Part:
    """A part of some land: how it is counted, and the parameter that says how far or how large."""

    counted: Callable[[Regions], Counted]
    parameter: str


PARTS: dict[str, Part] = {
    "near": Part(near, "distance"),
    "surroundings": Part(surroundings, "distance"),
    "blocks": Part(blocks, "block"),
}

_COUNTED: WeakKeyDictionary[Regions, dict[str, tuple[int, int]]] = WeakKeyDictionary()


def _of_record(r: Regions, name: str) -> tuple[int, int]:
    """Pixels of the part and of the whole; a trace states both and their share, so they are measured once a record."""
    known = _COUNTED.setdefault(r, {})
    if name not in known:
        part = PARTS[name]
        known[name] = part.counted(r)(r.parameters[part.parameter])
    return known[name]


def percent(part: int, whole: int) -> float:
    """A part of a whole in per cent."""
    return 100.0 * part / whole


def _count(name: str, which: int) -> Callable[[Regions, Sequence[int]], float]:
    return lambda r, of: float(_of_record(r, name)[which])


def _share(name: str) -> Callable[[Regions, Sequence[int]], float]:
    return lambda r, of: percent(*_of_record(r, name))


QUANTITIES: dict[str, Callable[[Regions, Sequence[int]], float]] = {
    **{f"{name}_pixels": _count(name, 0) for name in PARTS},
    **{f"{name}_of_pixels": _count(name, 1) for name in PARTS},
    **{f"{name}_share": _share(name) for name in PARTS},
    "role_pixels": lambda r, of: float(sum(r.pixels(i) for i in of)),
    "mean_factor": lambda r, of: mean_factor(r),
}
"""Of all masks of the record in the roles that ``parameters`` give them; ``role_pixels`` of those that are listed."""
