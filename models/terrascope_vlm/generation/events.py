"""What is asked of the decoding, and what comes of it: at the end, and while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from terracot.scenes import BoolMask
from terrascope_vlm.evidence import Evidence, Region


@dataclass(frozen=True)
class Decoding:
    """Rules of a reply. It is greedy: the same for the same query.

    It ends with the end token or after ``max_new_tokens`` written ones (injected ones do not count) or where the
    positions of the language model end. After ``max_masks`` times ``[SEG]`` is never written again. Without ``draw``
    masks are decoded only where the evidence needs them: not at all for ``text``.
    """

    max_new_tokens: int = 768
    max_masks: int = 16
    draw: bool = True

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "max_masks"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 0 or more")


@dataclass(frozen=True, eq=False)
class Drawn:
    """A region of a reply: its mask, what the model read of it, and how it came about.

    ``sar``: for each slot of the evidence whether it was read from the SAR image. ``offset``: where in
    ``Reasoning.text`` its ``[SEG]`` ends, in characters. ``forced``: the caller gave the mask. ``stated``: the reply
    named the date.
    """

    region: Region
    evidence: Evidence
    sar: tuple[bool, ...]
    offset: int
    forced: bool
    stated: bool


@dataclass(frozen=True, eq=False)
class Reasoning:
    """A reply. ``text`` and ``ids`` are what the model wrote, with ``[SEG]``, without the end token and what was
    injected; ``drawn`` has the region of every ``[SEG]`` in order (those that were drawn, see ``Decoding.draw``).
    """

    text: str
    ids: list[int]
    drawn: tuple[Drawn, ...]
    ended: Literal["end", "length"]


@dataclass(frozen=True)
class Wrote:
    """More text, in whole characters. Those of a reply, joined, are its ``Reasoning.text``."""

    text: str


@dataclass(frozen=True, eq=False)
class Drew:
    """A region was drawn; the text up to its ``[SEG]`` was reported before."""

    drawn: Drawn


Event = Wrote | Drew

Hook = Callable[[int, Event], None]
"""Called with the position of the query and what happened. What it raises ends the decoding."""


class DatedMask(Protocol):
    """A mask that says its date itself, such as ``terracot.plugins.EvidenceMask``."""

    @property
    def t(self) -> int:
        """The date, from 1."""
        ...

    @property
    def mask(self) -> BoolMask:
        """``(H, W)``."""
        ...


ForcedMask = BoolMask | DatedMask
"""A mask that a caller gives instead of the model's: with a date, or on the one that the reply names."""
