"""What the domain rules measure, as pure functions of a record's masks; registered in ``terracot.quantities``.

``parameters["roles"]`` says of each mask which role it plays ("built", "water"); masks of one role are taken together.
Distances run from pixel centre to pixel centre, in metres, and only what the image shows counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terracot.scenes import BoolMask

if TYPE_CHECKING:
    from terracot.quantities import Regions

SQUARE = np.ones((3, 3), dtype=bool)
ROUNDING = 1e-9  # pixels; a distance that is exactly the limit counts as within it


def within(mask: BoolMask, limit: float, sampling: tuple[float, float]) -> BoolMask:
    """``(H, W)``: pixels whose centre lies at most ``limit`` from that of a pixel of ``mask``; exact.

    ``limit`` is in the unit of ``sampling`` (dy, dx). It first finds how far left or right the nearest pixel is, then
    looks up and down as far as the limit reaches; so it is many times faster than a full distance transform.
    """
    height, width = mask.shape
    away = _columns_to(mask)
    near = np.zeros(mask.shape, dtype=bool)
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


def near(r: Regions) -> tuple[BoolMask, BoolMask]:
    """The part of the first role within ``distance`` of the second, and all of the first."""
    one, other = dict.fromkeys(r.parameters["roles"])
    whole = role(r, one)
    return whole & within(role(r, other), r.parameters["distance"], r.ground.sampling), whole


def surroundings(r: Regions) -> tuple[BoolMask, BoolMask]:
    """The part of the second role in the surroundings of the first (up to ``distance``, itself included), and those."""
    one, other = dict.fromkeys(r.parameters["roles"])
    zone = within(role(r, one), r.parameters["distance"], r.ground.sampling) & r.valid[r.masks[0].t]
    return role(r, other) & zone, zone


def blocks(r: Regions) -> tuple[BoolMask, BoolMask]:
    """The part of the masks in 8-connected blocks of at least ``block`` hectares, and all of them."""
    whole = role(r, r.parameters["roles"][0])
    numbers, _ = ndimage.label(whole, SQUARE)
    sizes = np.bincount(numbers.ravel(), _areas(r, whole.shape).ravel())
    large = sizes >= r.parameters["block"] * 1e4 * (1 - ROUNDING)
    large[0] = False
    return np.asarray(large[numbers]), whole


def _areas(r: Regions, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    return np.broadcast_to(r.ground.areas_of_rows(shape[0])[:, None], shape)


def mean_factor(r: Regions) -> float:
    """Mean of ``factor_ROLE`` over the pixels of all masks."""
    factors = [r.parameters[f"factor_{name}"] for name in r.parameters["roles"]]
    pixels = [r.pixels(i) for i in range(len(r.masks))]
    return float(np.average(factors, weights=pixels))


PARTS: dict[str, Callable[[Regions], tuple[BoolMask, BoolMask]]] = {
    "near": near,
    "surroundings": surroundings,
    "blocks": blocks,
}
"""Name -> a part of some land, and that land."""


_COUNTED: WeakKeyDictionary[Regions, dict[str, tuple[int, int]]] = WeakKeyDictionary()


def _counted(r: Regions, name: str) -> tuple[int, int]:
    """Pixels of the part and of the whole; a trace states both and their share, so they are measured once a record."""
    known = _COUNTED.setdefault(r, {})
    if name not in known:
        part, whole = PARTS[name](r)
        known[name] = int(np.count_nonzero(part)), int(np.count_nonzero(whole))
    return known[name]


def _count(name: str, which: int) -> Callable[[Regions, Sequence[int]], float]:
    return lambda r, of: float(_counted(r, name)[which])


def _share(name: str) -> Callable[[Regions, Sequence[int]], float]:
    def share(r: Regions, of: Sequence[int]) -> float:
        part, whole = _counted(r, name)
        return 100.0 * part / whole

    return share


QUANTITIES: dict[str, Callable[[Regions, Sequence[int]], float]] = {
    **{f"{name}_pixels": _count(name, 0) for name in PARTS},
    **{f"{name}_of_pixels": _count(name, 1) for name in PARTS},
    **{f"{name}_share": _share(name) for name in PARTS},
    "role_pixels": lambda r, of: float(sum(r.pixels(i) for i in of)),
    "mean_factor": lambda r, of: mean_factor(r),
}
"""Of all masks of the record in the roles that ``parameters`` give them; ``role_pixels`` of those that are listed."""
