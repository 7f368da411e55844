"""Shapes: fast exact geometry of label maps and masks, all in pixels of the image.

Two pixels are as far apart as their centres. Of every shape only the rim counts for that: from a pixel whose four
neighbours all belong to the shape, one step towards any place outside stays inside and is closer.
"""

from __future__ import annotations

import math
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from terracot.measure import MapFacts
from terracot.scenes import IGNORE, BoolMask, ClassMap

Points = npt.NDArray[np.int64]
SAMPLED = 128
"""Pixels of a rim that are tried first, for a bound that makes the rest quick."""


class Rim:
    """The rim of a mask: ``(N, 2)`` row and column of its pixels with one of four neighbours outside the mask."""

    def __init__(self, mask: BoolMask) -> None:
        inner = mask.copy()
        inner[1:] &= mask[:-1]
        inner[:-1] &= mask[1:]
        inner[:, 1:] &= mask[:, :-1]
        inner[:, :-1] &= mask[:, 1:]
        self.points: Points = np.argwhere(mask & ~inner)

    @cached_property
    def tree(self) -> cKDTree:
        """Finds the nearest of its pixels."""
        return cKDTree(self.points, balanced_tree=False, compact_nodes=False)

    def bound(self, other: Rim) -> float:
        """A distance that ``gap`` does not exceed, at a small part of its cost."""
        if not len(self.points) or not len(other.points):
            raise ValueError("distance to an empty mask")
        small, large = sorted((self, other), key=lambda rim: len(rim.points))
        step = max(1, len(small.points) // SAMPLED)
        return float(np.min(large.tree.query(small.points[::step])[0]))

    def gap(self, other: Rim) -> float:
        """Smallest distance to the pixels of another rim; ``ValueError`` when one has no pixel."""
        bound = self.bound(other)
        small, large = sorted((self, other), key=lambda rim: len(rim.points))
        index = np.asarray(large.tree.query(small.points, distance_upper_bound=bound + 1e-6)[1])
        near = index < len(large.points)
        steps = small.points[near] - large.points[index[near]]
        return math.sqrt(int((steps**2).sum(axis=1).min()))  # from whole numbers, so that equal gaps are equal

    def pairs(self, other: Rim, within: float) -> tuple[Points, Points]:
        """All pairs of pixels at most ``within`` apart, each as ``(N, 2)``, in the order of ``points``."""
        near = self.tree.query(other.points, distance_upper_bound=within + 1e-9)[0] <= within + 1e-9
        found = [np.asarray(one, int) for one in self.tree.query_ball_point(other.points[near], within + 1e-9)]
        theirs = np.repeat(other.points[near], [len(one) for one in found], axis=0)
        mine = self.points[np.concatenate(found)] if found else theirs
        order = np.lexsort((*theirs.T[::-1], *mine.T[::-1]))
        return mine[order], theirs[order]


def line(start: Points, end: Points) -> Points:
    """``(N, L, 2)`` pixels of straight lines from ``start`` to ``end``, both ``(N, 2)`` and part of the line.

    A line goes in equal steps, as many as the longest one has rows or columns to cross.
    """
    steps = int(np.abs(end - start).max())
    part = np.linspace(0.0, 1.0, steps + 1)[None, :, None]
    found: Points = np.floor(start[:, None] + (end - start)[:, None] * part + 0.5).astype(np.int64)
    return found


def closest_line(a: BoolMask, b: BoolMask) -> Points:
    """``(L, 2)`` pixels of the line between the two pixels at which two masks are closest.

    Of several such pairs it is the first, by the rows and columns of ``a`` and then of ``b``.
    """
    one, other = Rim(a), Rim(b)
    starts, ends = one.pairs(other, one.gap(other))
    first: Points = line(starts[:1], ends[:1])[0]
    return first


def grown(mask: BoolMask) -> BoolMask:
    """The mask with all eight neighbours of its pixels."""
    tall = mask.copy()
    tall[1:] |= mask[:-1]
    tall[:-1] |= mask[1:]
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide


def border(mask: BoolMask, valid: BoolMask) -> BoolMask:
    """Pixels of the mask that have a valid pixel outside the mask among their eight neighbours."""
    return mask & grown(valid & ~mask)


class Shapes:
    """The classes of a map after an opening by a 3 x 3 square, and how far they are apart."""

    def __init__(self, classes: ClassMap) -> None:
        across = (classes[:, :-2] == classes[:, 1:-1]) & (classes[:, 1:-1] == classes[:, 2:])
        middle = classes[:, 1:-1]
        down = (middle[:-2] == middle[1:-1]) & (middle[1:-1] == middle[2:])
        inner = np.zeros(classes.shape, dtype=bool)
        inner[1:-1, 1:-1] = across[:-2] & across[1:-1] & across[2:] & down
        self.core: ClassMap = np.where(inner, classes, np.uint8(IGNORE))
        self.opened: ClassMap = np.where(grown(inner), classes, np.uint8(IGNORE))
        self._counts = np.bincount(self.opened.ravel(), minlength=256)
        self._rims: dict[int, Rim] = {}
        self._gaps: dict[tuple[int, int], float] = {}
        self._bounds: dict[tuple[int, int], float] = {}

    def mask(self, class_id: int) -> BoolMask:
        """The opened mask of a class."""
        return np.asarray(self.opened == class_id)

    def pixels(self, class_id: int) -> int:
        """Pixels of the opened mask of a class."""
        return int(self._counts[class_id])

    def rim(self, class_id: int) -> Rim:
        """Its rim."""
        if class_id not in self._rims:
            self._rims[class_id] = Rim(self.mask(class_id))
        return self._rims[class_id]

    def bound(self, a: int, b: int) -> float:
        """A distance that the gap between two opened classes does not exceed, quickly found."""
        key = min(a, b), max(a, b)
        if key not in self._bounds:
            self._bounds[key] = self.rim(key[0]).bound(self.rim(key[1]))
        return self._bounds[key]

    def gap(self, a: int, b: int) -> float:
        """Smallest distance between two opened classes."""
        key = min(a, b), max(a, b)
        if key not in self._gaps:
            self._gaps[key] = self.rim(key[0]).gap(self.rim(key[1]))
        return self._gaps[key]


_SHAPES: WeakKeyDictionary[MapFacts, Shapes] = WeakKeyDictionary()


def shapes_of(facts: MapFacts) -> Shapes:
    """The shapes of a map, worked out once as long as its facts are in use."""
    if facts not in _SHAPES:
        _SHAPES[facts] = Shapes(facts.classes)
    return _SHAPES[facts]
