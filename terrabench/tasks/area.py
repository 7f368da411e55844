"""Area: how large the ground covered by a class is (published as area quantification)."""

from __future__ import annotations

from terrabench.tasks.task import Task
from terracot.options import Separation
from terracot.questions import Writer
from terracot.questions.writer import with_clause
from terracot.traces import Say

QUESTIONS = (
    "How large is the area covered by {name}?",
    "What area does the {name} take up?",
    "What is the total area of {name} in {image}?",
    "How much ground does the {name} cover?",
)


def phrase(w: Writer) -> Say:
    """Word an area item, with the pixel size."""
    return with_clause(w.asked(QUESTIONS, name=w.names[0]), w.pixel_size())


TASK = Task(
    "area",
    phrase,
    separation=lambda measure: Separation(ratio=1.15),
    units=("m2", "ha", "km2"),
    pixel=lambda ground: ground.pixel_area_m2,
)
