"""Boundary: do two classes touch?"""

from __future__ import annotations

from terracot.questions.writer import ALSO_HERE, HERE, Question, Writer

QUESTIONS = (
    "Does the {a} touch the {b} anywhere in {image}, be it at a corner?",
    "Do {a} and {b} share a border here, corners included?",
    "Is any {a} directly next to {b}, corners included?",
    "Are {a} and {b} adjacent at some point of {image}, corners included?",
)
TOUCH = (
    "{contact} pixels of {a} have {b} among their eight neighbours, so the two touch.",
    "A margin of one pixel around the {b} meets {contact} pixels of {a}: they share a border.",
    "At {contact} pixels the {a} lies right next to {b}, so yes.",
)
APART = (
    "{contact} pixels of {a} have {b} among their eight neighbours, so the two do not touch.",
    "A margin of one pixel around the {b} meets {contact} pixels of {a}: they do not share a border.",
    "The {a} lies next to {b} at {contact} pixels, so no.",
)


def ask(w: Writer) -> Question:
    """Word a finding of kind ``boundary``."""
    a, b = w.names
    asked = w.asked(QUESTIONS, a=a, b=b)
    found = TOUCH if w.finding.truth.text == "yes" else APART
    contact = w.value("contact_pixels", 0, 1, unit="px")
    return w.question(asked, w.ground(HERE, 0), w.ground(ALSO_HERE, 1), w.say(found, a=a, b=b, contact=contact))
