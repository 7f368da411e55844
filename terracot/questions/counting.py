"""Counting: how many separate patches of a class, or how many buildings?"""

from __future__ import annotations

from terracot.questions.phrases.counting import BUILDING_COUNTS, BUILDING_QUESTIONS, BUILDINGS_HERE, COUNTS, QUESTIONS
from terracot.questions.phrases.shared import HERE
from terracot.questions.writer import Question, Writer


def ask(w: Writer) -> Question:
    """Word a finding of kind ``counting``."""
    size = {"pixels": w.value("pixels", 0, unit="px"), "count": w.value("components", 0, unit="count")}
    if "min_pixels" not in w.finding.parameters:
        return w.question(w.asked(BUILDING_QUESTIONS), w.ground(BUILDINGS_HERE, 0), w.say(BUILDING_COUNTS, **size))
    minimum = w.parameter("min_pixels", unit="px")
    asked = w.asked(QUESTIONS, name=w.name(0), minimum=minimum)
    return w.question(asked, w.ground(HERE, 0), w.say(COUNTS, minimum=minimum, **size))
