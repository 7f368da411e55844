"""A key-value cache whose rows have lengths of their own, so that each may read something else at any step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import Cache


class RaggedCache(Cache):
    """Keys and values of all layers for rows of different lengths. Give it as ``past_key_values``.

    Before a forward, ``place`` says which rows read how many new positions and gives the ``position_ids`` and the
    attention mask; afterwards ``keep`` says how many of the new positions each row keeps: the others were padding on
    the right, are seen by nobody and written over. Tables are ``(rows, heads, capacity, d)`` and grow by doubling.

    A row that has ended is dropped and the last one moves to its place, so that the running rows are always the first
    and are read without a copy.
    """

    def __init__(self, rows: int, capacity: int, device: Any) -> None:
        super().__init__(layers=[])
        self.lengths = [0] * rows
        self._capacity = max(capacity, 1)
        self._device = device
        self._tables: dict[tuple[int, str], Tensor] = {}
        self._rows: slice | Tensor = slice(0)
        self._places: tuple[Tensor, Tensor]  # rows, and the new positions of each
        self._lines: dict[int, Tensor] = {}
        self._before = self._after = 0

    def place(self, rows: Sequence[int], width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Positions ``(n, width)`` of what ``rows`` read next, and the mask ``(n, 1, width, longest)`` for it.

        The mask is added to the scores. There is none where the rows have one length: the model then makes its own, or
        needs none.
        """
        lengths = [self.lengths[row] for row in rows]
        self._before, self._after = max(lengths), max(lengths) + width
        if self._after > self._capacity:
            self._capacity = max(2 * self._capacity, self._after)
        first, places = torch.tensor([lengths, list(rows)], device=self._device)
        positions = first[:, None] + torch.arange(width, device=self._device)
        self._places, self._lines = (places, positions), {}
        adjoin = list(rows) == list(range(rows[0], rows[0] + len(rows)))
        self._rows = slice(rows[0], rows[0] + len(rows)) if adjoin else places
        if min(lengths) == self._before:
            return positions, None
        hidden = torch.arange(self._after, device=self._device) > positions[:, None, :, None]
        mask = torch.zeros(hidden.shape, dtype=dtype, device=self._device)
        return positions, mask.masked_fill_(hidden, torch.finfo(dtype).min)

    def keep(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        """The first ``counts`` of the positions just read belong to ``rows`` now."""
        for row, count in zip(rows, counts, strict=True):
            self.lengths[row] += count

    def drop(self, row: int) -> None:
        """Forget a row; the last one takes its place."""
        last = len(self.lengths) - 1
        length = self.lengths.pop()
        if row != last:
            self.lengths[row] = length
            for table in self._tables.values():
                table[row, :, :length] = table[last, :, :length]

    # What the model calls

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write ``(n, heads, width, d)`` where ``place`` said, and give all of those rows, up to the longest."""
        return self._update((layer_idx, "keys"), key_states), self._update((layer_idx, "values"), value_states)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Positions read before the forward that was placed; asked where the rows have one length."""
        return self._before

    def get_mask_sizes(self, query_length: Any, layer_idx: int = 0) -> tuple[int, int]:
        """Length of the keys that ``update`` gives, and where they begin."""
        return self._after, 0

    def _update(self, name: tuple[int, str], new: Tensor) -> Tensor:
        _, heads, _, d = new.shape
        table = self._tables.get(name)
        if table is None or table.shape[2] < self._capacity:
            # Zeros: what is hidden is multiplied by a weight of 0, which would keep the NaN of memory never written.
            grown = new.new_zeros(len(self.lengths), heads, self._capacity, d)
            if table is not None:
                grown[:, :, : table.shape[2]] = table[: len(grown)]
            table = self._tables[name] = grown
        table.view(-1, d).index_copy_(0, self._lines_of(heads), new.reshape(-1, d))
        return table[self._rows, :, : self._after]

    def _lines_of(self, heads: int) -> Tensor:
        """Where what is new goes in a table seen as ``(rows * heads * capacity, d)``; the same in all layers."""
        if heads not in self._lines:
            rows, positions = self._places
            head = rows[:, None] * heads + torch.arange(heads, device=self._device)
            self._lines[heads] = (head[..., None] * self._capacity + positions[:, None]).flatten()
        return self._lines[heads]
