"""Existence: is there any of a class in the image?"""

from __future__ import annotations

from terracot.questions.phrases.existence import ABSENT, LOOKS, PRESENT, QUESTIONS
from terracot.questions.writer import Question, Writer


def ask(w: Writer) -> Question:
    """Word a finding of kind ``existence``."""
    name = w.name(0)
    asked = w.asked(QUESTIONS, name=name)
    found = PRESENT if w.finding.truth.text == "yes" else ABSENT
    return w.question(
        asked,
        w.ground(LOOKS, 0),
        w.say(found, name=name, pixels=w.value("pixels", 0, unit="px"), valid=w.value("valid_pixels", 0, unit="px")),
    )
