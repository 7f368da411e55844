"""Localisation: which of the nine parts of the image holds most of a class?"""

from __future__ import annotations

from terracot.questions.phrases.localisation import PLACES, QUESTIONS
from terracot.questions.phrases.shared import HERE
from terracot.questions.writer import Question, Writer


def ask(w: Writer) -> Question:
    """Word a finding of kind ``localisation``."""
    asked = w.asked(QUESTIONS, name=w.name(0))
    return w.question(
        asked,
        w.ground(HERE, 0),
        w.say(
            PLACES,
            part=w.finding.truth.text,
            pixels=w.value("pixels", 0, unit="px"),
            most=w.value("most_in_part", 0, unit="px"),
        ),
    )
