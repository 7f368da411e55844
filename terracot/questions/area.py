"""Area: how much of a class there is, in square metres, hectares, square kilometres or per cent of the valid pixels."""

from __future__ import annotations

from terracot.questions.phrases.area import AREA_QUESTIONS, AREAS, SHARE_QUESTIONS, SHARES
from terracot.questions.phrases.shared import HERE
from terracot.questions.writer import UNIT_WORDS, Question, Writer, with_clause


def ask(w: Writer) -> Question:
    """Word a finding of kind ``coverage`` or ``area``."""
    name, unit = w.name(0), w.finding.truth.unit
    pixels = w.value("pixels", 0, unit="px")
    if unit == "%":
        asked = w.asked(SHARE_QUESTIONS, name=name)
        valid, share = w.value("valid_pixels", 0, unit="px"), w.value("share", 0, unit="%")
        return w.question(asked, w.ground(HERE, 0), w.say(SHARES, pixels=pixels, valid=valid, share=share))
    asked = with_clause(w.asked(AREA_QUESTIONS, name=name, unit=UNIT_WORDS[unit]), w.pixel_size())
    pixel_area, area = w.value("pixel_area", 0, unit="m2/px"), w.value("area", 0, unit=unit)
    return w.question(asked, w.ground(HERE, 0), w.say(AREAS, pixels=pixels, pixel_area=pixel_area, area=area))
