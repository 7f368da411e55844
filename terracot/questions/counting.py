"""Counting: how many separate patches of a class, or how many buildings?"""

from __future__ import annotations

from terracot.language import plural
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
    "Leaving out pieces of fewer than {minimum} pixels, it has {pixels} pixels in {count} connected patches.",
)


BUILDING_QUESTIONS = (
    "How many buildings are there in {image}?",
    "Count the buildings.",
    "What is the number of separate buildings here?",
    "How many individual buildings does {image} hold?",
)
BUILDINGS_HERE = ("Each building is marked:", "I outline every single building:", "Every building, one by one:")
BUILDING_COUNTS = (
    "The marked region has {pixels} pixels and falls into {count} separate {noun}.",
    "With a gap of a pixel between neighbours, {count} separate {noun} can be told apart on {pixels} pixels.",
    "It has {pixels} pixels in {count} separate {noun}.",
)


def ask(w: Writer) -> Question:
    """Word a finding of kind ``counting``."""
    if "min_pixels" not in w.finding.parameters:
        return _buildings(w)
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


def _buildings(w: Writer) -> Question:
    asked = w.asked(BUILDING_QUESTIONS)
    pixels, count = w.value("pixels", 0, unit="px"), w.value("components", 0, unit="count")
    noun = plural(round(count.value), w.names[0])
    steps = w.ground(BUILDINGS_HERE, 0), w.say(BUILDING_COUNTS, pixels=pixels, count=count, noun=noun)
    return w.question(asked, *steps)
