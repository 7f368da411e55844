"""Queries and examples put side by side, as the model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.frames import frames_at
from terrascope_vlm.slots import IGNORED, TEXT, Example, Query, Slots, Target
from terrascope_vlm.tiling import resized


@dataclass(frozen=True, eq=False)
class Images:
    """Pixels of the frames of several queries, one query's after the other's.

    ``tiles`` ``(T, C, h, w)`` for the vision encoder, ``large`` ``(F, C, S, S)`` for SAM's; both 0 to 1 with NaN for a
    missing band. ``offsets``: the first visual token of each query; ``first``: its first frame; ``frame_tokens``: the
    first visual token of each frame. ``pairs`` ``(P, 4)``: row, first token of the optical frame, first token of the
    SAR frame, tokens of each.
    """

    tiles: Tensor
    large: Tensor
    offsets: tuple[int, ...]
    first: tuple[int, ...]
    frame_tokens: tuple[int, ...]
    pairs: Tensor

    def to(self, device: Any) -> Images:
        """On another device."""
        return _to(self, device)


@dataclass(frozen=True, eq=False)
class Rows:
    """Slots of several sequences, padded on the right: ``(B, L)`` each; ``attention`` says which are none."""

    ids: Tensor
    visual: Tensor
    other: Tensor
    question: Tensor
    labels: Tensor
    attention: Tensor

    def to(self, device: Any) -> Rows:
        """On another device."""
        return _to(self, device)


@dataclass(frozen=True, eq=False)
class Targets:
    """Every ``[SEG]`` of a batch: where it is in ``Rows``; ``frame`` and ``other`` (or -1) in ``Images.large``.

    ``masks`` and ``valid`` are lists of ``(H, W)`` booleans, since images differ in size.
    """

    row: Tensor
    column: Tensor
    frame: Tensor
    other: Tensor
    masks: tuple[Tensor, ...]
    valid: tuple[Tensor, ...]

    def to(self, device: Any) -> Targets:
        """On another device."""
        return _to(self, device)


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step of training reads."""

    images: Images
    rows: Rows
    targets: Targets

    def to(self, device: Any) -> Batch:
        """On another device."""
        return Batch(self.images.to(device), self.rows.to(device), self.targets.to(device))


def images_of(queries: Sequence[Query], config: TerraScopeConfig) -> Images:
    """The pixels of ``queries``."""
    frames = [frame for query in queries for frame in query.frames]
    tiles = [tiling.cut(frame.channels) for q in queries for frame, tiling in zip(q.frames, q.tilings, strict=True)]
    size = (config.mask_input, config.mask_input)
    large = np.stack([resized(frame.channels, size) for frame in frames])
    offsets, first, starts, pairs = [], [], [], []
    tokens = seen = 0
    for row, query in enumerate(queries):
        offsets.append(tokens)
        first.append(seen)
        starts += [tokens + start for start in query.offsets]
        pairs += [[row, tokens + a, tokens + b, n] for a, b, n in pairs_of(query)]
        tokens += query.tokens
        seen += len(query.frames)
    return Images(
        torch.from_numpy(np.concatenate(tiles)),
        torch.from_numpy(large),
        tuple(offsets),
        tuple(first),
        tuple(starts),
        torch.tensor(pairs, dtype=torch.long).reshape(-1, 4),
    )


def pairs_of(query: Query) -> list[tuple[int, int, int]]:
    """By date with an optical and a SAR image: first visual token of each, and how many each has."""
    found = []
    for date in sorted({frame.t for frame in query.frames}):
        one, other = frames_at(query.frames, date)
        if other is not None:
            found.append((query.offsets[one], query.offsets[other], query.tilings[one].tokens))
    return found


def rows_of(sequences: Sequence[Slots], offsets: Sequence[int], pad_id: int = 0) -> Rows:
    """Slots of several queries as one table; ``offsets`` are those of their visual tokens."""
    moved = [slots.shifted(offset) for slots, offset in zip(sequences, offsets, strict=True)]
    lengths = torch.tensor([len(slots) for slots in moved])
    fill: dict[str, Any] = {"ids": pad_id, "visual": TEXT, "other": TEXT, "question": False, "labels": IGNORED}
    padded = {
        name: torch.nn.utils.rnn.pad_sequence([getattr(s, name) for s in moved], batch_first=True, padding_value=value)
        for name, value in fill.items()
    }
    return Rows(**padded, attention=torch.arange(int(lengths.max()))[None, :] < lengths[:, None])


def batch_of(examples: Sequence[Example], config: TerraScopeConfig, pad_id: int = 0) -> Batch:
    """One step of training."""
    images = images_of([example.query for example in examples], config)
    rows = rows_of([example.slots for example in examples], images.offsets, pad_id)
    found: list[tuple[int, int, Target]] = [
        (row, first, target)
        for row, (example, first) in enumerate(zip(examples, images.first, strict=True))
        for target in example.targets
    ]
    targets = Targets(
        row=_long(row for row, _, _ in found),
        column=_long(target.slot for _, _, target in found),
        frame=_long(first + target.frame for _, first, target in found),
        other=_long(-1 if target.other is None else first + target.other for _, first, target in found),
        masks=tuple(torch.from_numpy(target.mask) for _, _, target in found),
        valid=tuple(torch.from_numpy(target.valid) for _, _, target in found),
    )
    return Batch(images, rows, targets)


def _long(values: Any) -> Tensor:
    return torch.tensor(list(values), dtype=torch.long)


def _to(value: Any, device: Any) -> Any:
    def moved(item: Any) -> Any:
        if isinstance(item, Tensor):
            return item.to(device)
        if isinstance(item, tuple) and item and isinstance(item[0], Tensor):
            return tuple(tensor.to(device) for tensor in item)
        return item

    return replace(value, **{entry.name: moved(getattr(value, entry.name)) for entry in fields(value)})
