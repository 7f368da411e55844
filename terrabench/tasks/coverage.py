"""Coverage: the share of the valid pixels that a class takes up (published as coverage percentage)."""

from __future__ import annotations

from terrabench.tasks.task import Task
from terracot.options import Separation
from terracot.questions import Writer
from terracot.traces import Say

QUESTIONS = (
    "What percentage of the valid pixels of {image} is {name}?",
    "How much of the valid image area is covered by {name}?",
    "Which share of the valid pixels does {name} take up?",
    "What is the coverage of {name} among all valid pixels?",
)


def phrase(w: Writer) -> Say:
    """Word a coverage item."""
    return w.asked(QUESTIONS, name=w.names[0])


TASK = Task("coverage", phrase, separation=lambda measure: Separation(gap=3.0))
