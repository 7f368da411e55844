"""Border: along which share of its border one class has another beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.measure import grown
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters
from terracot.spatial.asking import clear_classes, defined, marked
from terracot.spatial.phrases.border import FOUND, QUESTIONS, RIM
from terracot.spatial.shapes import border

LEAST_BORDER_PX = 50
LEAST, MOST = 3.0, 97.0
"""Shares in per cent that are neither next to nothing nor next to all."""


def find(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Every ordered pair of classes that meet, where the first has a border that is long enough."""
    for t, m in facts.maps.items():
        classes = clear_classes(facts, t, filters)
        wide = {c: grown(m.mask(c)) for c in classes}
        regions = {c: facts.region(t, c) for c in classes}
        for a in classes:
            rim = border(m.mask(a), m.valid)
            whole = np.count_nonzero(rim)
            if whole < LEAST_BORDER_PX:
                yield Rejected("border_share", "border_too_short")
                continue
            for b in (other for other in classes if other != a):
                share = 100.0 * np.count_nonzero(rim & wide[b]) / whole
                if LEAST <= share <= MOST:
                    yield facts.finding("border_share", (regions[a], regions[b]))
                else:
                    yield Rejected("border_share", "share_near_none_or_all")


def ask(w: Writer) -> Question:
    """Word a finding of kind ``border_share``."""
    a, b = w.name(0), w.name(1)
    asked = w.asked(defined(QUESTIONS, RIM), a=a, b=b)
    whole, on = w.value("border_pixels", 0, unit="px"), w.value("contact_pixels", 0, 1, unit="px")
    share = w.value("border_share", 0, 1, unit="%")
    return w.question(asked, *marked(w), w.say(FOUND, a=a, b=b, all=whole, on=on, share=share))
