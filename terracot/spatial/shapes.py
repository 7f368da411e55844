"""Shapes: fast exact geometry of label maps and masks, all in pixels of the image, from centre to centre."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from terracot.measure import MapFacts, grown
from terracot.memo import fixed
from terracot.rims import Points, Rim, rim
from terracot.scenes import IGNORE, BoolMask, ClassMap


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
    one, other = rim(a), rim(b)
    starts, ends = one.pairs(other, one.gap(other))
    first: Points = line(starts[:1], ends[:1])[0]
    return first


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
        self._masks: dict[int, BoolMask] = {}

    def mask(self, class_id: int) -> BoolMask:
        """The opened mask of a class, the same array each time."""
        if class_id not in self._masks:
            self._masks[class_id] = fixed(np.asarray(self.opened == class_id))
        return self._masks[class_id]

    def pixels(self, class_id: int) -> int:
        """Pixels of the opened mask of a class."""
        return int(self._counts[class_id])

    def rim(self, class_id: int) -> Rim:
        """Its rim."""
        return rim(self.mask(class_id))

    def bound(self, a: int, b: int) -> float:
        """A distance that the gap between two opened classes does not exceed, quickly found."""
        return self.rim(a).bound(self.rim(b))

    def gap(self, a: int, b: int) -> float:
        """Smallest distance between two opened classes."""
        return self.rim(a).gap(self.rim(b))


_SHAPES: WeakKeyDictionary[MapFacts, Shapes] = WeakKeyDictionary()


def shapes_of(facts: MapFacts) -> Shapes:
    """The shapes of a map, worked out once as long as its facts are in use."""
    if facts not in _SHAPES:
        _SHAPES[facts] = Shapes(facts.classes)
    return _SHAPES[facts]
