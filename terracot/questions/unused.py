"""Phrasings of a step that a trace has several times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from terracot.questions.writer import Writer


class Unused:
    """Hands out phrasings, none of them twice before all have been used."""

    def __init__(self, w: Writer, phrasings: Sequence[str]) -> None:
        self._writer, self._all, self._left = w, tuple(phrasings), tuple(phrasings)

    def one(self) -> str:
        """One of those that are left, by the writer's choice."""
        chosen = self._writer.choose(self._left)
        self._left = tuple(text for text in self._left if text != chosen) or self._all
        return chosen
