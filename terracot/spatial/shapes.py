"""Shapes: fast exact geometry of label maps and masks, all in pixels of the image, from centre to centre."""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

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


def meeting(classes: ClassMap, size: int) -> npt.NDArray[np.bool_]:
    """``(256, 256)`` True where two classes have pixels in one block of ``size`` x ``size`` or in two that touch.

    Of a map with more than 64 classes the others are not looked at: they meet nobody.
    """
    present = [c for c in np.flatnonzero(np.bincount(classes.ravel(), minlength=256)).tolist() if c != IGNORE][:64]
    bits = np.zeros(256, np.min_scalar_type((1 << len(present)) - 1))  # the narrowest that has a bit for each
    bits[present] = np.uint64(1) << np.arange(len(present), dtype=np.uint64)
    rows, cols = (-(-n // size) for n in classes.shape)
    padded = np.zeros((rows * size, cols * size), bits.dtype)
    padded[: classes.shape[0], : classes.shape[1]] = bits.take(classes)
    by_row = np.bitwise_or.reduce(padded.reshape(rows, size, cols * size), axis=1)
    blocks = np.bitwise_or.reduce(by_row.reshape(rows, cols, size), axis=2)
    around = grown(blocks)  # of whole numbers it dilates each bit
    met = np.zeros((256, 256), dtype=bool)
    for c in present:
        reached = np.bitwise_or.reduce(around[blocks & bits[c] != 0])
        met[c, present] = reached & bits[present] != 0
    return met


def _where(mask: BoolMask, classes: ClassMap) -> ClassMap:
    """The class map within a mask and ``IGNORE`` beyond it, which has all bits: a tenth of the time of ``np.where``."""
    return classes | (mask.view(np.uint8) - np.uint8(1))


class Shapes:
    """The classes of a map after an opening by a 3 x 3 square, and how far they are apart."""

    def __init__(self, classes: ClassMap) -> None:
        across = (classes[:, :-2] == classes[:, 1:-1]) & (classes[:, 1:-1] == classes[:, 2:])
        middle = classes[:, 1:-1]
        down = (middle[:-2] == middle[1:-1]) & (middle[1:-1] == middle[2:])
        inner = np.zeros(classes.shape, dtype=bool)
        inner[1:-1, 1:-1] = across[:-2] & across[1:-1] & across[2:] & down
        self.core: ClassMap = _where(inner, classes)
        self.opened: ClassMap = _where(grown(inner), classes)
        self._pixels: dict[int, int] = {}
        self._masks: dict[int, BoolMask] = {}
        self._meeting: dict[int, npt.NDArray[np.bool_]] = {}

    def mask(self, class_id: int) -> BoolMask:
        """The opened mask of a class, the same array each time."""
        if class_id not in self._masks:
            self._masks[class_id] = fixed(np.asarray(self.opened == class_id))
        return self._masks[class_id]

    def pixels(self, class_id: int) -> int:
        """Pixels of the opened mask of a class."""
        if class_id not in self._pixels:
            self._pixels[class_id] = int(np.count_nonzero(self.mask(class_id)))
        return self._pixels[class_id]

    def rim(self, class_id: int) -> Rim:
        """Its rim."""
        return rim(self.mask(class_id))

    def within(self, a: int, b: int, limit: float) -> bool:
        """True when it is quickly found that the gap between two opened classes is at most ``limit``.

        False does not say that it is more.
        """
        size = int((limit / math.sqrt(2) + 1) / 2)  # from corner to corner of two such blocks is at most the limit
        if size and size not in self._meeting:
            self._meeting[size] = meeting(self.opened, size)
        return bool(size and self._meeting[size][a, b]) or self.rim(a).bound(self.rim(b)) <= limit

    def gap(self, a: int, b: int) -> float:
        """Smallest distance between two opened classes."""
        return self.rim(a).gap(self.rim(b))


_SHAPES: WeakKeyDictionary[MapFacts, Shapes] = WeakKeyDictionary()


def shapes_of(facts: MapFacts) -> Shapes:
    """The shapes of a map, worked out once as long as its facts are in use."""
    if facts not in _SHAPES:
        _SHAPES[facts] = Shapes(facts.classes)
    return _SHAPES[facts]
