"""In which order samples are seen: a function of the seed alone, so that any step can be found again.

An epoch visits the units of all folders in a drawn order. Rows are shuffled within blocks of units of about ``shuffle``
rows, so that a reader holds two blocks at most; ``together`` rows of a scene stay side by side. ``bucket`` steps
together are then sorted by length and cut into batches of rows of like length, whose order is drawn. The number of
processes changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.seeding import seeded_rng
from terrascope_vlm.training.folders import Rows

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """One sample to be seen: its row in the index, and its number among all that the run sees."""

    row: int
    number: int


class Order:
    """The samples of every step. ``weights`` has one number a folder: how often each of its rows is seen an epoch.

    ``length`` ``(N,)``: about how many tokens a row has. A run has ``steps`` steps, by default those of ``epochs``; the
    last one is filled up from the epoch that would follow.
    """

    def __init__(
        self,
        rows: Rows,
        weights: Sequence[float],
        length: npt.NDArray[Any],
        *,
        batch: int,
        epochs: float = 1.0,
        steps: int | None = None,
        seed: int = 0,
        shuffle: int = 4096,
        bucket: int = 1,
        together: int = 1,
    ) -> None:
        self._rows, self._length, self._seed, self._shuffle = rows, length, seed, shuffle
        self._together = together
        folder = np.array([unit.folder for unit in rows.units])[rows.unit]
        self._often = np.array(weights, dtype=np.float64)[folder]
        self.epoch_size = max(1, round(float(self._often.sum())))
        self.batch = batch
        self._bucket = min(bucket, max(1, self.epoch_size // batch))  # else a batch would have a sample twice
        self.steps = steps or max(1, -(-round(epochs * self.epoch_size) // batch))
        # One or two epochs are in use at a time; so are one or two windows.
        self._epoch = lru_cache(maxsize=2)(self._drawn_epoch)
        self._window = lru_cache(maxsize=2)(self._drawn_window)

    def epoch_of(self, step: int) -> float:
        """How many epochs are done after ``step`` steps."""
        return step * self.batch / self.epoch_size

    def at(self, step: int) -> list[Draw]:
        """The samples of a step (from 0), those of like length side by side."""
        window, place = divmod(step, self._bucket)
        return [Draw(int(row), int(number)) for row, number in self._window(window)[place]]

    def _drawn_window(self, window: int) -> Any:
        first = window * self._bucket
        steps = min(self._bucket, self.steps - first)
        numbers = np.arange(first * self.batch, (first + steps) * self.batch)
        rows = np.concatenate(
            [self._epoch(int(e))[numbers[numbers // self.epoch_size == e] % self.epoch_size]
             for e in np.unique(numbers // self.epoch_size)]
        )  # fmt: skip
        by_length = np.argsort(self._length[rows], kind="stable")
        batches = np.stack([rows[by_length], numbers[by_length]], axis=1).reshape(steps, self.batch, 2)
        return batches[seeded_rng(self._seed, "batches", window).permutation(steps)]

    def _drawn_epoch(self, epoch: int) -> Positions:
        """``(epoch_size,)``: rows of the index in the order of an epoch."""
        rng = seeded_rng(self._seed, "order", epoch)
        whole = np.floor(self._often)
        # Of fractions, as many rows as make up the sum: each epoch has the same length.
        chance = self._often - whole
        extra = self.epoch_size - int(whole.sum())
        keys = np.where(chance > 0, rng.random(len(chance)) / np.maximum(chance, 1e-12), np.inf)
        whole[np.argsort(keys, kind="stable")[:extra]] += 1
        units = rng.permutation(len(self._rows.units))
        place = np.empty(len(units), np.int64)
        place[units] = np.arange(len(units))
        seen = np.repeat(np.arange(len(whole)), whole.astype(np.int64))
        seen = seen[np.argsort(place[self._rows.unit[seen]], kind="stable")]
        # Blocks end where a unit does.
        sizes = np.bincount(place[self._rows.unit[seen]], minlength=len(units))
        block = (np.cumsum(sizes) - 1) // self._shuffle
        return seen[np.lexsort((self._keys(rng, seen), block[place[self._rows.unit[seen]]]))]

    def _keys(self, rng: np.random.Generator, seen: Positions) -> npt.NDArray[np.float64]:
        """``(n,)``: a number for each of the rows ``seen``, drawn once for ``together`` rows of a scene."""
        if self._together == 1:
            return rng.random(len(seen))
        scene = self._rows.unit[seen].astype(np.int64) << 32 | self._rows.scene[seen]
        mixed = rng.permutation(len(seen))
        mixed = mixed[np.argsort(scene[mixed], kind="stable")]  # scene by scene, the rows of each in a drawn order
        first = np.searchsorted(scene[mixed], scene[mixed])
        rank = np.arange(len(seen)) - first
        _, group = np.unique(np.stack([scene[mixed], rank // self._together]), axis=1, return_inverse=True)
        keys = np.empty(len(seen))
        keys[mixed] = rng.random(len(seen))[group.ravel()]
        return keys

    @property
    def units_held(self) -> int:
        """About how many units two neighbouring blocks have: who keeps so many reads each unit once an epoch."""
        span = max(self._shuffle, self._bucket * self.batch)
        return 2 + -(-2 * span * len(self._rows.units) // self.epoch_size)
