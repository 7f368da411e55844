"""Phrasings of a step that comes several times in a trace."""

from __future__ import annotations

from collections.abc import Sequence

from terracot.questions.unused import Unused


class Last:
    """Stands for a writer: chooses the last phrasing."""

    def choose(self, phrasings: Sequence[str]) -> str:
        return phrasings[-1]


def test_no_phrasing_comes_twice_and_a_long_series_begins_anew():
    unused = Unused(Last(), ("a", "b", "c"))  # type: ignore[arg-type]
    assert [unused.one() for _ in range(7)] == ["c", "b", "a", "c", "b", "a", "c"]
