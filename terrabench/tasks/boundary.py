"""Boundary: whether two classes touch (published as boundary detection)."""

from __future__ import annotations

from collections.abc import Sequence

from terrabench.tasks.task import Task
from terracot.questions import Writer
from terracot.traces import Say

QUESTIONS = (
    "Does the {a} touch the {b} anywhere in {image}, corners included?",
    "Do {a} and {b} share a border in {image}, corners included?",
    "Is any pixel of {a} directly next to a pixel of {b}, corners included?",
    "Are {a} and {b} adjacent at some point of {image}, corners included?",
)


def phrase(w: Writer) -> Say:
    """Word a boundary item."""
    a, b = w.names
    return w.asked(QUESTIONS, a=a, b=b)


def words(classes: Sequence[str]) -> tuple[str, str]:
    """Yes and no."""
    return "Yes", "No"


TASK = Task("boundary", phrase, words=words)
