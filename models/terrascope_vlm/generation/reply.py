"""One reply while it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from terracot.scenes import BoolMask
from terrascope_vlm.evidence import Region
from terrascope_vlm.frames import frames_at
from terrascope_vlm.generation.events import Drawn, ForcedMask, Reasoning
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.routing import Route, route
from terrascope_vlm.slots import Query

UNFINISHED = "\ufffd"
"""What a tokenizer decodes the first bytes of a character to."""


class Reply:
    """What was written and drawn for one query so far."""

    def __init__(self, query: Query, forced: Sequence[ForcedMask], processor: TerraScopeProcessor) -> None:
        self.query = query
        self.ids: list[int] = []
        self.drawn: list[Drawn] = []
        self.ended: Literal["end", "length"] | None = None
        self.segs = 0
        self._forced = [(getattr(mask, "t", None), np.asarray(getattr(mask, "mask", mask))) for mask in forced]
        self._processor = processor
        self._since = 0  # where the text for the next route begins
        self._context = self._told = 0  # tokens before _told were told; those from _context on begin a character

    @property
    def regions(self) -> list[Region]:
        """The regions so far."""
        return [drawn.region for drawn in self.drawn]

    def write(self, token: int, *, seg: bool) -> None:
        """One more token."""
        self.ids.append(token)
        self.segs += seg

    def route(self) -> tuple[Route, BoolMask | None]:
        """Where the ``[SEG]`` just written is drawn, and the mask if the caller gave it. To be asked once."""
        found = route(self.query, self._processor.decode(self.ids[self._since : -1]))
        self._since = len(self.ids)
        if self.segs > len(self._forced):
            return found, None
        t, mask = self._forced[self.segs - 1]
        if t is not None:
            found = Route(t, *frames_at(self.query.frames, t), stated=found.stated)
        return found, mask

    def fresh(self) -> str:
        """The text written since this was last asked, without a character whose bytes are not all there yet."""
        # With the tokens told before, since what a token decodes to may depend on the one before it.
        told = self._processor.decode(self.ids[self._context : self._told])
        text = self._processor.decode(self.ids[self._context :])
        if len(text) <= len(told) or (text.endswith(UNFINISHED) and self.ended is None):
            return ""
        self._context, self._told = self._told, len(self.ids)
        return text[len(told) :]

    @property
    def offset(self) -> int:
        """Where the text written so far ends."""
        return len(self._processor.decode(self.ids))

    def reasoning(self) -> Reasoning:
        """The reply, which has ended."""
        return Reasoning(self._processor.decode(self.ids), self.ids, tuple(self.drawn), self.ended or "length")
