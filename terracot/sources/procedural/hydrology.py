"""Where water runs: drainage of a terrain to its outlets, rivers and lakes.

Priority-flood filling is Prim's algorithm on edges weighted by the higher of their two cells, so the drainage of a
filled terrain is a minimum spanning tree rooted outside the outlets. Ranks instead of heights make every weight
distinct: the tree is unique, and steepest descent breaks the ties within a slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from terracot.scenes import BoolMask
from terracot.sources.procedural.fields import Field

Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Drainage:
    """``receiver``: for every cell (flat) the cell it drains into, itself at an outlet; ``filled``: (H, W) heights."""

    receiver: Index
    filled: Field

    def accumulate(self, rain: Field) -> Field:
        """``(H, W)``: the rain of a cell and of all cells upstream, by doubling the length of the paths."""
        size = rain.size  # also the number of the sink that swallows what leaves an outlet
        cells = np.arange(size)
        reach = np.append(np.where(self.receiver == cells, size, self.receiver), size)
        total = np.append(rain.ravel(), 0.0)
        while np.any(reach != size):
            total = total + np.bincount(reach, weights=total, minlength=size + 1)
            total[size] = 0.0
            reach = reach[reach]
        return total[:size].reshape(rain.shape)


def drain(height: Field, outlets: BoolMask) -> Drainage:
    """Drain an ``(H, W)`` terrain to the ``outlets``, which must hold at least one cell."""
    tree = _spanning_tree(height, outlets)
    size = height.size
    _, parent = breadth_first_order(tree, size, directed=False, return_predecessors=True)
    receiver = parent[:size].astype(np.intp)
    cells = np.arange(size)
    receiver = np.where(receiver == size, cells, receiver)
    filled, reach = height.ravel().copy(), receiver
    while True:
        filled = np.maximum(filled, filled[reach])
        further = reach[reach]
        if np.array_equal(further, reach):
            return Drainage(receiver, filled.reshape(height.shape))
        reach = further


def _spanning_tree(height: Field, outlets: BoolMask) -> Any:
    size = height.size
    rank = np.empty(size, np.int64)
    rank[np.argsort(height, axis=None, kind="stable")] = np.arange(size)
    cell = np.arange(size).reshape(height.shape)
    pairs = [
        (cell[:, :-1], cell[:, 1:]),
        (cell[:-1], cell[1:]),
        (cell[:-1, :-1], cell[1:, 1:]),
        (cell[:-1, 1:], cell[1:, :-1]),
    ]
    a = np.concatenate([p.ravel() for p, _ in pairs])
    b = np.concatenate([q.ravel() for _, q in pairs])
    high, low = np.maximum(rank[a], rank[b]), np.minimum(rank[a], rank[b])
    exits = np.flatnonzero(outlets)
    weights = np.concatenate([high * (size + 1) + low + 2, rank[exits] * (size + 1) + 1]).astype(np.float64)
    rows = np.concatenate([a, exits])
    cols = np.concatenate([b, np.full(exits.size, size)])
    return minimum_spanning_tree(csr_matrix((weights, (rows, cols)), shape=(size + 1, size + 1)))


def border(shape: tuple[int, int]) -> BoolMask:
    """The outermost ring of pixels."""
    ring = np.ones(shape, bool)
    ring[1:-1, 1:-1] = False
    return ring


def widen(course: BoolMask, flow: Field, width: float) -> BoolMask:
    """A river of ``width`` pixels where the flow along its ``course`` is largest, narrower upstream."""
    if not course.any():
        return course
    distance, (y, x) = ndimage.distance_transform_edt(~course, return_indices=True)
    radius = 0.5 * width * np.round(np.sqrt(flow / flow[course].max()), 6)
    wide: BoolMask = course | (distance <= radius[y, x])
    return wide
