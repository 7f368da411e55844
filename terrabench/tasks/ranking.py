"""Ranking: which of two classes covers more ground (published as comparative ranking)."""

from __future__ import annotations

from collections.abc import Sequence

from terrabench.tasks.task import Task
from terracot.questions import Writer
from terracot.traces import Say

QUESTIONS = (
    "Which covers the larger area in {image}, {a} or {b}?",
    "Of {a} and {b}, which takes up more of {image}?",
    "Is there more {a} or more {b} in {image}?",
    "Compare {a} and {b}: which of the two is larger in area here?",
)


def phrase(w: Writer) -> Say:
    """Word a ranking item; the classes stand in legend order, whichever is larger."""
    a, b = w.names
    return w.asked(QUESTIONS, a=a, b=b)


def words(classes: Sequence[str]) -> tuple[str, str]:
    """The two class names."""
    a, b = classes
    return a, b


TASK = Task("ranking", phrase, words=words)
