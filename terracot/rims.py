"""Rims: how far two masks are apart, from the pixels at their outlines.

Two pixels are as far apart as their centres. Of a mask only the rim counts for that: from a pixel whose four neighbours
all belong to the mask, one step towards any place outside stays inside and is closer.
"""

from __future__ import annotations

import math
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from terracot.memo import remembered
from terracot.scenes import BoolMask

Points = npt.NDArray[np.int64]
SAMPLED = 128
"""Pixels of a rim that are tried first, for a bound that makes the rest quick."""

SQUARE = (1.0, 1.0)


class Rim:
    """The rim of a mask: ``(N, 2)`` row and column of its pixels with one of four neighbours outside the mask.

    Distances between rims are those between their masks where the masks do not overlap.
    """

    def __init__(self, mask: BoolMask) -> None:
        inner = mask.copy()
        inner[1:] &= mask[:-1]
        inner[:-1] &= mask[1:]
        inner[:, 1:] &= mask[:, :-1]
        inner[:, :-1] &= mask[:, 1:]
        rows, cols = np.divmod(np.flatnonzero(mask & ~inner), mask.shape[1])
        self.points: Points = np.stack([rows, cols], axis=1)
        self._trees: dict[tuple[float, float], cKDTree] = {}
        self._pairs: WeakKeyDictionary[Rim, dict[tuple[float, float], _Pair]] = WeakKeyDictionary()

    def tree(self, pixel: tuple[float, float] = SQUARE) -> cKDTree:
        """Finds the nearest of its pixels."""
        if pixel not in self._trees:
            self._trees[pixel] = cKDTree(self.points * pixel, balanced_tree=False, compact_nodes=False)
        return self._trees[pixel]

    def _with(self, other: Rim, pixel: tuple[float, float]) -> _Pair:
        small, large = sorted((self, other), key=lambda rim: len(rim.points))
        if not len(small.points):
            raise ValueError("distance to an empty mask")
        known = small._pairs.setdefault(large, {})
        if pixel not in known:
            known[pixel] = _Pair(small.points, large.points, large.tree(pixel), np.array(pixel))
        return known[pixel]

    def bound(self, other: Rim) -> float:
        """A distance that ``gap`` does not exceed, at a small part of its cost."""
        return self._with(other, SQUARE).bound

    def gap(self, other: Rim) -> float:
        """Smallest distance to the pixels of another rim; ``ValueError`` when one has no pixel."""
        least = (self._with(other, SQUARE).closest ** 2).sum(axis=1).min()
        return math.sqrt(int(least))  # from whole numbers, so that equal gaps are equal

    def closest(self, other: Rim, pixel: tuple[float, float]) -> Points:
        """``(N, 2)`` rows and columns between pixels that are closest where pixels are so high and so wide."""
        return self._with(other, SQUARE if pixel[0] == pixel[1] else pixel).closest

    def pairs(self, other: Rim, within: float) -> tuple[Points, Points]:
        """All pairs of pixels at most ``within`` apart, each as ``(N, 2)``, in the order of ``points``."""
        near = self.tree().query(other.points, distance_upper_bound=within + 1e-9)[0] <= within + 1e-9
        found = [np.asarray(one, int) for one in self.tree().query_ball_point(other.points[near], within + 1e-9)]
        theirs = np.repeat(other.points[near], [len(one) for one in found], axis=0)
        mine = self.points[np.concatenate(found)] if found else theirs
        order = np.lexsort((*theirs.T[::-1], *mine.T[::-1]))
        return mine[order], theirs[order]


class _Pair:
    """Two rims, neither empty; lengths are those of pixels of a height and width (``pixel``)."""

    def __init__(self, points: Points, others: Points, tree: cKDTree, pixel: npt.NDArray[np.float64]) -> None:
        self._points, self._others, self._tree, self._pixel = points, others, tree, pixel

    @cached_property
    def bound(self) -> float:
        """Distance of some pixel of the first."""
        step = max(1, len(self._points) // SAMPLED)
        return float(np.min(self._tree.query(self._points[::step] * self._pixel)[0]))

    @cached_property
    def closest(self) -> Points:
        """``(N, 2)`` rows and columns of the shortest ways."""
        limit = self.bound * (1 + 1e-9) + 1e-9
        found = self._tree.query(self._points * self._pixel, distance_upper_bound=limit)
        away, index = np.asarray(found[0]), np.asarray(found[1])
        near = np.flatnonzero(away <= away.min() * (1 + 1e-9))
        steps: Points = np.abs(self._points[near] - self._others[index[near]])
        return steps


@remembered
def rim(mask: BoolMask) -> Rim:
    """The rim of a mask."""
    return Rim(mask)
