"""True masks made worse to a stated IoU, in four ways that predictions go wrong.

* ``boundary``: the outline eroded or dilated, which of the two is up to the seed;
* ``blockiness``: the mask on a coarser grid, every cell the majority of its valid pixels;
* ``missing``: parts of the region are missing;
* ``wrong``: parts of the region are somewhere else; the only way that keeps the area, to the pixel.

Pixels are put into an order once (by distance from the outline, or by a smooth random field), and a level takes the
first so many of them. This is what a bisection on the radius would find, made exact where many pixels are equally far.
So for one seed what is lost at a level is lost at every lower one. Only the grid has no such order: there the best of
many cell sizes and offsets is taken. Pixels without a label are never in a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terrabench.probe.grids import coarser_grid
from terracot.measure import SQUARE
from terracot.scenes import BoolMask
from terracot.seeding import seeded_rng

WAYS = ("boundary", "blockiness", "missing", "wrong")
LEVELS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
TOLERANCE = 0.02
"""A degraded mask is this close to the IoU that it stands for, or it is none."""

_WAVES = 8  # of the random field, along a side of the image: parts are about an eighth of it or larger

Numbers = npt.NDArray[Any]


class ProbeError(ValueError):
    """A probe that cannot be made, resumed or read; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Degraded:
    """A worse mask: ``(H, W)`` booleans, its IoU with the true one, and how it was made ("erosion", "missing")."""

    mask: BoolMask
    iou: float
    how: str


class Region:
    """A true mask to be degraded, over the ``valid`` pixels of its date; both ``(H, W)`` booleans.

    With ``apart`` each 8-connected component is degraded by itself, as for buildings that are counted; what it gains
    lies on the ground that is nearest to it.
    ``ProbeError`` when the shapes differ.
    """

    def __init__(self, mask: BoolMask, valid: BoolMask, apart: bool = False) -> None:
        if mask.shape != valid.shape or mask.ndim != 2:
            raise ProbeError(f"mask and valid pixels have one (H, W) shape; found {mask.shape} and {valid.shape}")
        self.mask: BoolMask = mask & valid
        self.valid = valid
        self.apart = apart

    def degraded(self, way: str, levels: Sequence[float], *key: object) -> list[Degraded | None]:
        """The mask at each of ``levels`` (IoU between 0 and 1); None for a level that this way cannot reach.

        ``key`` (plain values, such as a seed and the item's id) decides all that is random. ``ProbeError`` for an
        unknown way or a level that is no IoU.
        """
        if way not in WAYS:
            raise ProbeError(f"unknown way {way!r} to degrade masks; known: {', '.join(WAYS)}")
        if wild := [level for level in levels if not 0 < level < 1]:
            raise ProbeError(f"levels are IoU between 0 and 1, both left out; found {wild[0]}")
        if not self.mask.any():
            return [None for _ in levels]
        rng = seeded_rng("probe", way, *key)
        if way == "blockiness":
            return [self._checked(level, *made) for level, made in zip(levels, self._blocky(levels, rng), strict=True)]
        moves = self._moves(way, rng)
        return [self._checked(level, self._moved(moves, level), moves.how) for level in levels]

    def _checked(self, level: float, mask: BoolMask, how: str) -> Degraded | None:
        iou = int(np.count_nonzero(mask & self.mask)) / int(np.count_nonzero(mask | self.mask))
        return Degraded(mask, iou, how) if abs(iou - level) <= TOLERANCE + 1e-12 else None

    def _moves(self, way: str, rng: np.random.Generator) -> _Moves:
        one, other = _field(self.mask.shape, rng), _field(self.mask.shape, rng)
        if way == "missing":
            return _Moves(way, lambda iou: 1 - iou, lost=self._order(self.mask, one))
        rest = self.valid & ~self.mask
        if way == "wrong":
            lost, gained = self._order(self.mask, one), self._order(rest, other)
            return _Moves(way, lambda iou: (1 - iou) / (1 + iou), lost, gained)
        dilates = bool(rng.integers(2))
        if not rest.any():  # no outline
            return _Moves("no outline", lambda iou: 0.0)
        # The field decides among equally distant pixels, so that they go stretch by stretch and not as salt and pepper.
        if dilates:
            return _Moves("dilation", lambda iou: 1 / iou - 1, gained=self._order(rest, self._away + one))
        return _Moves("erosion", lambda iou: 1 - iou, lost=self._order(self.mask, self._depth + one))

    def _moved(self, moves: _Moves, level: float) -> BoolMask:
        # Rounded along the cumulative sum: roundings of many small parts do not add up.
        exact = np.cumsum(np.append(0.0, self._sizes * moves.share(level)))
        numbers = np.diff(np.rint(exact)).astype(np.int64)
        for order in (moves.lost, moves.gained):
            if order is not None:
                numbers = np.minimum(numbers, order.counts)
        mask = self.mask.copy()
        if moves.lost is not None:
            mask.flat[moves.lost.first(numbers)] = False
        if moves.gained is not None:
            mask.flat[moves.gained.first(numbers)] = True
        return mask

    def _blocky(self, levels: Sequence[float], rng: np.random.Generator) -> list[tuple[BoolMask, str]]:
        if not self.apart:
            return coarser_grid([self.mask], self.valid, levels, rng)
        return coarser_grid(
            [self.mask & (self._parts == part) for part in range(len(self._sizes))], self.valid, levels, rng
        )

    def _order(self, pixels: BoolMask, keys: Numbers) -> _Order:
        chosen = np.flatnonzero(pixels)
        parts = self._parts.ravel()[chosen] if self.apart else np.zeros(chosen.size, dtype=np.int64)
        return _Order(chosen, parts, keys.ravel()[chosen], len(self._sizes))

    @cached_property
    def _depth(self) -> Numbers:
        """Squared distance of every pixel to the nearest valid one outside the mask."""
        return _squared(ndimage.distance_transform_edt(~(self.valid & ~self.mask)))

    @cached_property
    def _away(self) -> Numbers:
        """Squared distance of every pixel to the mask."""
        return _squared(ndimage.distance_transform_edt(~self.mask))

    @cached_property
    def _parts(self) -> Numbers:
        """``(H, W)`` number of the part, from 0, that a pixel belongs to or is nearest to."""
        numbers = np.asarray(ndimage.label(self.mask, SQUARE)[0])
        nearest = ndimage.distance_transform_edt(~self.mask, return_distances=False, return_indices=True)
        return np.asarray(numbers[tuple(nearest)] - 1)

    @cached_property
    def _sizes(self) -> Numbers:
        """Pixels of every part; of the whole mask when it is degraded as one."""
        return np.bincount(self._parts[self.mask]) if self.apart else np.array([np.count_nonzero(self.mask)])


class _Order:
    """Pixels of every part in the order in which they are lost or gained; equal keys in the order of the image."""

    def __init__(self, pixels: Numbers, parts: Numbers, keys: Numbers, number: int) -> None:
        order = np.argsort(keys, kind="stable") if number == 1 else np.lexsort((keys, parts))
        self.counts = np.bincount(parts, minlength=number)
        self._pixels, self._parts = pixels[order], parts[order]
        self._place = np.arange(pixels.size) - (np.cumsum(self.counts) - self.counts)[self._parts]

    def first(self, numbers: Numbers) -> Numbers:
        """Flat positions of the first so many pixels of every part."""
        return np.asarray(self._pixels[self._place < numbers[self._parts]])


@dataclass(frozen=True, eq=False)
class _Moves:
    """Pixels to lose, to gain or both, and how many of them (as a share of the region) for an IoU."""

    how: str
    share: Callable[[float], float]
    lost: _Order | None = None
    gained: _Order | None = None


def _squared(distances: Numbers) -> Numbers:
    return np.asarray(np.rint(distances**2))  # whole numbers, on every machine


def _field(shape: tuple[int, ...], rng: np.random.Generator) -> Numbers:
    """``(H, W)`` smooth random numbers from 0 to below 1, rounded so that all machines put them into one order."""
    rows, columns = (np.cos(np.outer(np.arange(n) + 0.5, np.arange(_WAVES + 1)) * np.pi / n) for n in shape)
    waves = rows @ rng.standard_normal((_WAVES + 1, _WAVES + 1)) @ columns.T
    spread = float(np.ptp(waves))
    return np.floor((waves - waves.min()) / spread * 2**20) / 2**21 if spread else np.zeros(shape)
