"""Existence: is there any of a class in the image?"""

from __future__ import annotations

from terracot.questions.writer import Question, Writer

QUESTIONS = (
    "Is there any {name} in {image}?",
    "Does {image} contain {name}?",
    "Can {name} be seen in {image}?",
    "Does any part of {image} show {name}?",
    "Is {name} present here?",
)
LOOKS = (
    "I look for {name}:",
    "I search the picture for {name}:",
    "To answer, I mark all {name}:",
    "Let me segment whatever is {name}:",
)
PRESENT = (
    "The region holds {pixels} of {valid} valid pixels, so there is {name} here.",
    "It takes up {pixels} of the {valid} valid pixels, so {name} is present.",
    "That is {pixels} of {valid} valid pixels: {name} does occur.",
)
ABSENT = (
    "The region holds {pixels} of {valid} valid pixels, so there is no {name} here.",
    "The mask is empty, with {pixels} of the {valid} valid pixels, so {name} is absent.",
    "That is {pixels} of {valid} valid pixels: {name} does not occur.",
)


def ask(w: Writer) -> Question:
    """Word a finding of kind ``existence``."""
    name = w.names[0]
    asked = w.asked(QUESTIONS, name=name)
    found = PRESENT if w.finding.truth.text == "yes" else ABSENT
    return w.question(
        asked,
        w.ground(LOOKS, 0),
        w.say(found, name=name, pixels=w.value("pixels", 0, unit="px"), valid=w.value("valid_pixels", 0, unit="px")),
    )
