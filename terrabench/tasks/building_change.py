"""Building change: how many buildings, or which share of them, were destroyed (building change estimation)."""

from __future__ import annotations

from terrabench.tasks.task import Task
from terracot.options import Separation
from terracot.questions import Writer
from terracot.traces import Say

NUMBER = (
    "How many buildings were destroyed between the first and the last image?",
    "What is the number of buildings that the event destroyed?",
    "How many of the buildings in the first image are destroyed in the last one?",
    "Count the buildings that were destroyed.",
)
SHARE = (
    "Which share of the buildings was destroyed between the first and the last image?",
    "What percentage of the buildings did the event destroy?",
    "How large a share of the buildings in the first image is destroyed in the last one?",
    "What part of all buildings, by number, was destroyed?",
)


def phrase(w: Writer) -> Say:
    """Word a building-change item; it names both images itself."""
    return w.say(NUMBER if w.finding.parameters["measure"] == "number" else SHARE)


def separation(measure: str) -> Separation:
    """Two buildings and a fifth, or eight points."""
    return Separation(ratio=1.2, gap=2.0) if measure == "number" else Separation(gap=8.0)


TASK = Task("building_change", phrase, separation=separation)
