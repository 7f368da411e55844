"""Masks on a coarser grid: every cell is the majority of its valid pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from terracot.scenes import BoolMask

_FINEST = 1.05  # pixels
_STEP = 1.12  # from one cell size to the next
_OFFSETS = 6  # tried for every cell size but those below _MANY: with many cells all offsets come out alike
_OFFSETS_OF_MANY = 2  # for each of many parts, which make up for each other's misses
_MANY = 4.0

Numbers = npt.NDArray[Any]


class _Grid(NamedTuple):
    """One grid over a window: cell size, borders of its cells, which cells are on, what they share with the mask."""

    size: float
    rows: Numbers
    columns: Numbers
    on: BoolMask
    both: int
    either: int


def coarser_grid(
    parts: Sequence[BoolMask], valid: BoolMask, levels: Sequence[float], rng: np.random.Generator
) -> list[tuple[BoolMask, str]]:
    """For every level, the ``(H, W)`` mask on the grid that comes closest to this IoU, and the size of its cells.

    ``parts`` are non-empty ``(H, W)`` masks; each gets a grid of its own. Nothing guarantees that any grid comes close.
    """
    made = [np.zeros_like(valid) for _ in levels]
    sizes: list[list[float]] = [[] for _ in levels]
    sums = [(0, 0) for _ in levels]
    for part in parts:
        window = _window(part)
        grids = list(_grids(part[window], valid[window], rng, _OFFSETS if len(parts) == 1 else _OFFSETS_OF_MANY))
        own = np.array([grid.both / grid.either for grid in grids])
        both, either = np.array([grid.both for grid in grids]), np.array([grid.either for grid in grids])
        for number, level in enumerate(levels):
            # Close by itself, and together with the parts before it, whose misses it can make up for.
            together = (sums[number][0] + both) / (sums[number][1] + either)
            best = int(np.argmin(abs(own - level) + abs(together - level)))
            grid = grids[best]
            sums[number] = sums[number][0] + grid.both, sums[number][1] + grid.either
            sizes[number].append(grid.size)
            cells = np.repeat(np.repeat(grid.on, np.diff(grid.rows), axis=0), np.diff(grid.columns), axis=1)
            made[number][window] |= cells & valid[window]
    return [(mask, f"cells of {np.mean(of):.1f} px") for mask, of in zip(made, sizes, strict=True)]


def _window(part: BoolMask) -> tuple[slice, slice]:
    """The bounding rectangle with as much again on every side, as far as the image goes."""
    sides = []
    for axis in (1, 0):
        found = np.flatnonzero(part.any(axis=axis))
        first, last = int(found[0]), int(found[-1]) + 1
        sides.append(slice(max(0, 2 * first - last), 2 * last - first))
    return sides[0], sides[1]


def _grids(mask: BoolMask, valid: BoolMask, rng: np.random.Generator, offsets: int) -> Iterator[_Grid]:
    height, width = mask.shape
    total = int(np.count_nonzero(mask))
    sums = np.zeros((2, height + 1, width + 1), dtype=np.int32)
    sums[:, 1:, 1:] = np.stack([mask, valid]).cumsum(axis=1, dtype=np.int32).cumsum(axis=2, dtype=np.int32)
    size, seen = _FINEST, 1
    while seen and size < 2 * max(height, width):  # until no cell is on any more
        seen = 0
        for down, across in rng.random((offsets if size >= _MANY else 1, 2)):
            rows, columns = _borders(height, size, down), _borders(width, size, across)
            inside, known = _cells(sums, rows, columns)
            on = (2 * inside >= known) & (inside > 0)
            both = int(inside[on].sum())
            seen += both
            yield _Grid(size, rows, columns, on, both, total + int(known[on].sum()) - both)
        size *= _STEP


def _borders(length: int, size: float, offset: float) -> Numbers:
    """Where cells of a size above one pixel begin, and the end."""
    inner = np.ceil((np.arange(int(length / size) + 2) - offset) * size)
    return np.concatenate([[0], inner[(inner > 0) & (inner < length)], [length]]).astype(np.intp)


def _cells(sums: Numbers, rows: Numbers, columns: Numbers) -> Numbers:
    """Pixels in every cell, from the cumulative sums of each mask."""
    at = sums.take(rows, axis=1).take(columns, axis=2)
    strips = at[:, 1:] - at[:, :-1]
    return np.asarray(strips[:, :, 1:] - strips[:, :, :-1])
