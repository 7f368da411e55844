"""What follows ``[SEG]`` in the sequence: the tokens of the ground under the mask, or what stands in their place.

The variants of ``TerraScopeConfig.evidence``:

* ``mask``: the cells that the mask covers by more than ``min_cover`` of their exact area, thinned to ``max_evidence``;
* ``box``: the same of the smallest rectangle around the mask (Box-CoT);
* ``random``: as many cells as ``mask`` would give, from anywhere in the image;
* ``text``: nothing;
* ``measured``: no token of the image but text: what ``terrascope_vlm.measured`` measures on the mask;
* ``release``: as the authors' published code has it: the cells whose centre pixel is in the mask, at most 8.

An empty mask is one slot with the learned "nothing there"; a mask that covers no cell enough gives its best covered
cell. Neither happens to ``text`` and ``release``, which then add nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from terracot.measure import shrunk
from terracot.scenes import BoolMask
from terracot.seeding import seeded_rng
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.measured import measured_text
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.slots import NOTHING, Query, Slots
from terrascope_vlm.tiling import Booleans, Tiling

Cells = npt.NDArray[np.int64]

RELEASED_TOKENS = 8


@dataclass(frozen=True, eq=False)
class Region:
    """A mask ``(H, W)`` of date ``t``; ``frame`` and ``other`` (its SAR image, or None) are places in the frames."""

    t: int
    frame: int
    other: int | None
    mask: BoolMask


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is added to the sequence after a ``[SEG]``.

    ``cells`` ``(K,)``: the tokens read, by position among those of the frame; ``covered``: cells over the threshold,
    before thinning. ``empty``: the mask has no pixel; ``weak``: no cell was over the threshold, the best stands for
    it. ``text``: what ``measured`` wrote, else "".
    """

    slots: Slots
    cells: Cells
    covered: int
    empty: bool
    weak: bool
    text: str = ""


def evidence_for(
    query: Query, regions: Sequence[Region], config: TerraScopeConfig, processor: TerraScopeProcessor
) -> Evidence:
    """What follows the ``[SEG]`` of the last of ``regions``; the earlier ones of the reply are what it is measured to.

    A function of its arguments alone: the same in any batch, in training and in answering.
    """
    region = regions[-1]
    empty = not region.mask.any()
    none = np.empty(0, np.int64)
    if config.evidence in ("text", "measured"):
        text = measured_text(query, regions) if config.evidence == "measured" else ""
        return Evidence(Slots.text(processor.encode(text) if text else []), none, 0, empty, weak=False, text=text)
    image = processor.ids["image"]
    if empty and config.evidence != "release":
        return Evidence(Slots.image(torch.tensor([NOTHING]), image), none, 0, empty, weak=False)
    tiling = query.tilings[region.frame]
    if config.evidence == "release":
        inside, weak = centres(tiling, region.mask), False
        kept = thinned(inside, RELEASED_TOKENS, whole=False)
    else:
        share = tiling.coverage(boxed(region.mask) if config.evidence == "box" else region.mask)
        inside = share > config.min_cover
        weak = not inside.any()
        kept = thinned(_best(share) if weak else inside, config.max_evidence)
    if config.evidence == "random":
        rng = seeded_rng("evidence", len(regions), *query.slots.ids.tolist())
        drawn = rng.choice(kept.size, np.count_nonzero(kept), replace=False)
        kept = np.isin(np.arange(kept.size), drawn).reshape(kept.shape)
    cells = tiling.token_of_cell[kept]
    covered = int(np.count_nonzero(inside))
    return Evidence(_slots(query, region, cells, config.fusion, image), cells, covered, empty, weak)


def thinned(cells: Booleans, most: int, *, whole: bool = True) -> Booleans:
    """At most ``most`` of ``cells`` ``(rows, columns)``, spread evenly: spatial uniform sampling.

    The box around the cells is divided into n x n parts, n the root of ``most`` rounded up, and the cell nearest the
    centre of each part is kept (of two the first, row by row). That can be more than ``most``: then parts go in even
    steps, those first that lie inside the region, corners last. Not ``whole``: the last ones go, which cuts a corner.
    """
    at = np.argwhere(cells)
    if len(at) <= most:
        return cells
    n = math.isqrt(most - 1) + 1
    box = at.max(axis=0) - at.min(axis=0) + 1
    centre = 2 * (at - at.min(axis=0)) + 1  # in half cells, so that all is exact
    part = centre * n // (2 * box)
    off = ((centre * n - (2 * part + 1) * box) ** 2).sum(axis=1)
    number = part[:, 0] * n + part[:, 1]
    order = np.lexsort((off, number))
    filled, nearest = np.unique(number[order], return_index=True)
    parts = np.isin(np.arange(n * n), filled).reshape(n, n)
    excess = len(filled) - most
    if excess > 0:
        dropped = _even(parts, excess) if whole else filled[most:]
        nearest = nearest[~np.isin(filled, dropped)]
    kept = np.zeros_like(cells)
    kept[tuple(at[order[nearest]].T)] = True
    return kept


def _even(parts: Booleans, count: int) -> Cells:
    """``count`` of the ``parts`` ``(n, n)`` in even steps: inner ones, then those of the border, then the corners."""
    inner = shrunk(parts)
    around = np.pad(parts, 1)
    column = around[:-2, 1:-1] & around[2:, 1:-1]
    row = around[1:-1, :-2] & around[1:-1, 2:]
    corner = parts & ~column & ~row
    found: list[Cells] = []
    for tier in (inner, parts & ~inner & ~corner, corner):
        own = np.flatnonzero(tier)
        number = min(count, len(own))
        found.append(own[(2 * np.arange(number) + 1) * len(own) // max(2 * number, 1)])
        count -= number
    return np.concatenate(found)


def boxed(mask: BoolMask) -> BoolMask:
    """The smallest upright rectangle around a mask that is not empty, filled."""
    box = np.zeros_like(mask)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box


def centres(tiling: Tiling, mask: BoolMask) -> Booleans:
    """``grid``-shaped: whether the pixel at each cell's centre is in ``mask``. This is the released test."""
    rows, columns = ((2 * np.arange(n) + 1) * size // (2 * n) for n, size in zip(tiling.grid, mask.shape, strict=True))
    return np.asarray(mask[np.ix_(rows, columns)])


def _best(share: npt.NDArray[np.float64]) -> Booleans:
    best = np.zeros(share.shape, bool)
    best.flat[int(share.argmax())] = True
    return best


def _slots(query: Query, region: Region, cells: Cells, fusion: str, image: int) -> Slots:
    """Visual tokens of ``cells``, as ``fusion`` reads a pair."""
    tokens = torch.from_numpy(cells)
    own = Slots.image(tokens + query.offsets[region.frame], image)
    if region.other is None or fusion == "none":
        return own
    beside = tokens + query.offsets[region.other]
    if fusion == "concat":
        return Slots.joined([own, Slots.image(beside, image)])
    return Slots.image(own.visual, image, beside)
