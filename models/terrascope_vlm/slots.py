"""A sequence as the language model reads it: each position is a token of text or stands for a visual token.

A slot has a token id and, where an image or evidence stands, the position of a visual token among those of its query.
So what is injected is looked up, never copied, and batching only has to add an offset to each query's positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from terracot.ground import GroundSampling
from terracot.scenes import BoolMask
from terrascope_vlm.frames import FrameImage
from terrascope_vlm.tiling import Tiling

TEXT, NOTHING = -1, -2
"""``visual`` of a slot that is a token of text, and of one that is the learned "nothing there" of an empty mask."""

IGNORED = -100
"""Label of a slot that the language model is not trained to write."""


@dataclass(frozen=True, eq=False)
class Slots:
    """``(L,)`` each: token ids; visual token or ``TEXT`` or ``NOTHING``; for a cell of a pair whose modality the model
    chooses, the same cell's token in the SAR image, else ``TEXT``; whether the slot belongs to the question; label.
    """

    ids: Tensor
    visual: Tensor
    other: Tensor
    question: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def text(cls, ids: Sequence[int], *, question: bool = False, learn: bool = False) -> Slots:
        """Tokens of text; with ``learn`` the model is trained to write them."""
        row = torch.tensor(list(ids), dtype=torch.long)
        none = torch.full_like(row, TEXT)
        labels = row.clone() if learn else torch.full_like(row, IGNORED)
        return cls(row, none, none.clone(), torch.full(row.shape, question), labels)

    @classmethod
    def image(cls, visual: Tensor, token_id: int, other: Tensor | None = None) -> Slots:
        """Visual tokens by position (or ``NOTHING``); ``token_id`` stands in their place where ids are needed."""
        ids = torch.full_like(visual, token_id)
        absent = torch.full_like(visual, TEXT)
        no = torch.zeros_like(visual, dtype=torch.bool)
        return cls(ids, visual, absent if other is None else other, no, torch.full_like(visual, IGNORED))

    @classmethod
    def joined(cls, parts: Iterable[Slots]) -> Slots:
        """One after the other."""
        rows = list(parts)
        return cls(*(torch.cat([getattr(row, entry.name) for row in rows]) for entry in fields(cls)))

    def shifted(self, offset: int) -> Slots:
        """With ``offset`` added to every position of a visual token: where those of the query begin in a batch."""
        moved = [torch.where(v >= 0, v + offset, v) for v in (self.visual, self.other)]
        return replace(self, visual=moved[0], other=moved[1])


@dataclass(frozen=True, eq=False)
class Query:
    """What is asked: frames of one ``(H, W)``, how each is tiled, and the slots up to where the reply begins.

    Visual tokens are numbered frame by frame; ``offsets`` has the first of each. ``ground`` and ``valid`` (by date) are
    what `measured` evidence measures with.
    """

    frames: tuple[FrameImage, ...]
    tilings: tuple[Tiling, ...]
    slots: Slots
    ground: GroundSampling
    valid: Mapping[int, BoolMask] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)`` of the frames and of every mask."""
        return self.frames[0].shape

    @property
    def offsets(self) -> tuple[int, ...]:
        """The first visual token of each frame."""
        starts = [0]
        for tiling in self.tilings[:-1]:
            starts.append(starts[-1] + tiling.tokens)
        return tuple(starts)

    @property
    def tokens(self) -> int:
        """Visual tokens of all frames."""
        return sum(tiling.tokens for tiling in self.tilings)


@dataclass(frozen=True, eq=False)
class Target:
    """A ``[SEG]`` of an example: its slot, the frame it is drawn on, the SAR frame beside it, the true mask.

    ``valid`` are the pixels that count in the loss. All ``(H, W)``.
    """

    slot: int
    frame: int
    other: int | None
    mask: BoolMask
    valid: BoolMask


@dataclass(frozen=True, eq=False)
class Example:
    """A query with its reply: all slots, and a target for every ``[SEG]`` in order."""

    query: Query
    slots: Slots
    targets: tuple[Target, ...]
