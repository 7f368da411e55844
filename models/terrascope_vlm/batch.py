"""Queries and examples put side by side, as the model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from terracot.scenes import BoolMask
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.frames import FrameImage, frames_at
from terrascope_vlm.sharing import Shared, shared_by
from terrascope_vlm.slots import IGNORED, TEXT, Example, Query, Slots, Target
from terrascope_vlm.tiling import Tiling, resized


@dataclass(frozen=True, eq=False)
class Images:
    """Pixels of the frames of several queries, one query's after the other's; those of equal frames only once.

    ``tiles`` ``(U, C, h, w)`` for the vision encoder, ``large`` ``(G, C, S, S)`` for SAM's; both 0 to 1 with NaN for a
    missing band. ``tile_of`` ``(T,)`` and ``frame_of`` ``(F,)``: which of them each tile and each frame of the queries
    is. All else counts the queries' own tiles and frames, shared ones once for each query: a visual token has a
    relevance to its query. ``offsets``: the first visual token of each query; ``first``: its first frame;
    ``frame_tokens``: the first visual token of each frame. ``pairs`` ``(P, 4)``: row, first token of the optical
    frame, first token of the SAR frame, tokens of each.
    """

    tiles: Tensor
    large: Tensor
    tile_of: Tensor
    frame_of: Tensor
    offsets: tuple[int, ...]
    first: tuple[int, ...]
    frame_tokens: tuple[int, ...]
    pairs: Tensor

    def to(self, device: Any) -> Images:
        """On another device."""
        return _to(self, device)


@dataclass(frozen=True, eq=False)
class Rows:
    """Slots of several sequences, padded on the right: ``(B, L)`` each; ``attention`` says which are none.

    ``shared``: which of them begin alike, where some do and it may be made use of.
    """

    ids: Tensor
    visual: Tensor
    other: Tensor
    question: Tensor
    labels: Tensor
    attention: Tensor
    shared: Shared | None = None

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


@dataclass(frozen=True, eq=False)
class UniqueFrames:
    """The different ones among the frames of several queries, and how each is tiled.

    ``places``: for each frame of each query, one query's after the other's, its position in ``frames``.
    """

    frames: tuple[FrameImage, ...]
    tilings: tuple[Tiling, ...]
    places: tuple[int, ...]


def unique_frames(queries: Sequence[Query]) -> UniqueFrames:
    """Frames that are one object, or have equal channels, and are tiled alike are one."""
    found: dict[tuple[Any, ...], int] = {}
    content: dict[int, bytes] = {}
    frames: list[FrameImage] = []
    tilings: list[Tiling] = []
    places = []
    for frame, tiling in ((f, t) for query in queries for f, t in zip(query.frames, query.tilings, strict=True)):
        if id(frame) not in content:
            content[id(frame)] = blake2b(np.ascontiguousarray(frame.channels).data, digest_size=16).digest()
        key = (content[id(frame)], len(frame.channels), tiling)
        if key not in found:
            found[key] = len(frames)
            frames.append(frame)
            tilings.append(tiling)
        places.append(found[key])
    return UniqueFrames(tuple(frames), tuple(tilings), tuple(places))


def images_of(queries: Sequence[Query], config: TerraScopeConfig) -> Images:
    """The pixels of ``queries``."""
    unique = unique_frames(queries)
    tiles = [tiling.cut(frame.channels) for frame, tiling in zip(unique.frames, unique.tilings, strict=True)]
    starts = np.cumsum([0, *map(len, tiles)])
    tile_of = [np.arange(starts[place], starts[place + 1]) for place in unique.places]
    size = (config.mask_input, config.mask_input)
    large = np.stack([resized(frame.channels, size) for frame in unique.frames])
    offsets, first, frame_tokens, pairs = [], [], [], []
    tokens = seen = 0
    for row, query in enumerate(queries):
        offsets.append(tokens)
        first.append(seen)
        frame_tokens += [tokens + start for start in query.offsets]
        pairs += [[row, tokens + a, tokens + b, n] for a, b, n in pairs_of(query)]
        tokens += query.tokens
        seen += len(query.frames)
    return Images(
        torch.from_numpy(np.concatenate(tiles)),
        torch.from_numpy(large),
        torch.from_numpy(np.concatenate(tile_of)),
        _long(unique.places),
        tuple(offsets),
        tuple(first),
        tuple(frame_tokens),
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
    return Batch(images, training_rows(examples, images, pad_id), targets_of(examples, images))


def training_rows(examples: Sequence[Example], images: Images, pad_id: int = 0) -> Rows:
    """The rows of ``examples``; what those with the same images have in common before their questions is shared."""
    rows = rows_of([example.slots for example in examples], images.offsets, pad_id)
    ends = [*images.first[1:], len(images.frame_of)]
    keys, lengths = [], []
    for example, first, end in zip(examples, images.first, ends, strict=True):
        slots = example.query.slots
        length = int(slots.question.to(torch.uint8).argmax()) if bool(slots.question.any()) else 0
        frames = tuple(images.frame_of[first:end].tolist())
        keys.append((frames, example.query.tilings, *(_bytes(part[:length]) for part in (slots.ids, slots.visual))))
        lengths.append(length)
    return replace(rows, shared=shared_by(keys, lengths) if min(lengths) else None)


def targets_of(examples: Sequence[Example], images: Images) -> Targets:
    """Every ``[SEG]`` of ``examples``, whose pixels are ``images``."""
    found: list[tuple[int, int, Target]] = [
        (row, first, target)
        for row, (example, first) in enumerate(zip(examples, images.first, strict=True))
        for target in example.targets
    ]
    return Targets(
        row=_long(row for row, _, _ in found),
        column=_long(target.slot for _, _, target in found),
        frame=_long(first + target.frame for _, first, target in found),
        other=_long(-1 if target.other is None else first + target.other for _, first, target in found),
        masks=tuple(_mask(target.mask) for _, _, target in found),
        valid=tuple(_mask(target.valid) for _, _, target in found),
    )


def _long(values: Any) -> Tensor:
    return torch.tensor(list(values), dtype=torch.long)


def _mask(mask: BoolMask) -> Tensor:
    return torch.tensor(np.ascontiguousarray(mask))  # a copy: decoded masks may be read-only, or views turned over


def _bytes(values: Tensor) -> bytes:
    return values.numpy().tobytes()


def _to(value: Any, device: Any) -> Any:
    def moved(item: Any) -> Any:
        if isinstance(item, Tensor | Shared):
            return item.to(device)
        if isinstance(item, tuple) and item and isinstance(item[0], Tensor):
            return tuple(tensor.to(device) for tensor in item)
        return item

    return replace(value, **{entry.name: moved(getattr(value, entry.name)) for entry in fields(value)})
