"""Boundary: do two classes touch?"""

from __future__ import annotations

from terracot.questions.phrases.boundary import APART, LARGE_ONLY, QUESTIONS, TOUCH
from terracot.questions.phrases.shared import ALSO_HERE, HERE
from terracot.questions.writer import Question, Writer, with_clause
from terracot.traces import Say


def ask(w: Writer) -> Question:
    """Word a finding of kind ``boundary``."""
    a, b = w.name(0), w.name(1)
    asked = w.asked(QUESTIONS, a=a, b=b)
    if "min_share" in w.finding.parameters:
        clause = w.say(LARGE_ONLY, least=w.parameter("min_share", unit="%"))
        asked = with_clause(asked, Say(clause.text[:1].lower() + clause.text[1:], clause.values))
    found = TOUCH if w.finding.truth.text == "yes" else APART
    contact = w.value("contact_pixels", 0, 1, unit="px")
    return w.question(asked, w.ground(HERE, 0), w.ground(ALSO_HERE, 1), w.say(found, a=a, b=b, contact=contact))
