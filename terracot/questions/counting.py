"""Counting: how many separate patches of a class?"""

from __future__ import annotations

from terracot.questions.writer import HERE, Question, Writer

QUESTIONS = (
    "How many separate patches of {name} of at least {minimum} pixels are there? Diagonal neighbours are connected.",
    "Count the separate patches of {name} that have {minimum} pixels or more; pixels that meet at a corner belong "
    "together.",
    "Into how many pieces of at least {minimum} pixels does the {name} fall, if corners connect too?",
    "What is the number of patches of {name} with {minimum} or more pixels, if pixels connect at corners too?",
)
COUNTS = (
    "Without pieces of fewer than {minimum} pixels, the region has {pixels} pixels in {count} connected patches.",
    "Pieces of fewer than {minimum} pixels are left out; the {pixels} pixels that remain form {count} connected "
    "patches.",
    "It has {pixels} pixels. Leaving out pieces of fewer than {minimum} pixels, {count} connected patches are there.",
)


def ask(w: Writer) -> Question:
    """Word a finding of kind ``counting``."""
    minimum = w.parameter("min_pixels", unit="px")
    asked = w.asked(QUESTIONS, name=w.names[0], minimum=minimum)
    return w.question(
        asked,
        w.ground(HERE, 0),
        w.say(
            COUNTS,
            minimum=minimum,
            pixels=w.value("pixels", 0, unit="px"),
            count=w.value("components", 0, unit="count"),
        ),
    )
