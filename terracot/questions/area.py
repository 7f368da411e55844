"""Area: how much of a class there is, in square metres, hectares, square kilometres or per cent of the valid pixels."""

from __future__ import annotations

from terracot.questions.writer import HERE, Question, Writer, with_clause

SHARE_QUESTIONS = (
    "What percentage of the valid pixels of {image} is {name}?",
    "How much of the valid image area is covered by {name}, in per cent?",
    "Which share of the valid pixels does {name} take up?",
    "What is the coverage of {name}, as a percentage of all valid pixels?",
)
AREA_QUESTIONS = (
    "How large is the area covered by {name}, in {unit}?",
    "What area does the {name} take up, in {unit}?",
    "How many {unit} of {name} are there in {image}?",
    "What is the total area of {name}, in {unit}?",
)
SHARES = (
    "It covers {pixels} of {valid} valid pixels, which is {share}.",
    "That is {pixels} of the {valid} valid pixels, so {share}.",
    "The region has {pixels} pixels and the image {valid} valid ones, hence {share}.",
)
AREAS = (
    "It has {pixels} pixels of {pixel_area} each, which makes {area}.",
    "That is {pixels} pixels; at {pixel_area} a pixel, this is {area}.",
    "With {pixels} pixels and {pixel_area} per pixel, the area is {area}.",
)
UNIT_WORDS = {"m2": "square metres", "ha": "hectares", "km2": "square kilometres"}


def ask(w: Writer) -> Question:
    """Word a finding of kind ``coverage`` or ``area``."""
    name, unit = w.names[0], w.finding.truth.unit
    pixels = w.value("pixels", 0, unit="px")
    if unit == "%":
        asked = w.asked(SHARE_QUESTIONS, name=name)
        valid, share = w.value("valid_pixels", 0, unit="px"), w.value("share", 0, unit="%")
        return w.question(asked, w.ground(HERE, 0), w.say(SHARES, pixels=pixels, valid=valid, share=share))
    asked = with_clause(w.asked(AREA_QUESTIONS, name=name, unit=UNIT_WORDS[unit]), w.pixel_size())
    pixel_area, area = w.value("pixel_area", 0, unit="m2/px"), w.value("area", 0, unit=unit)
    return w.question(asked, w.ground(HERE, 0), w.say(AREAS, pixels=pixels, pixel_area=pixel_area, area=area))
