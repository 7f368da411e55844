"""Compare: which of two classes is larger, and how many times as large. Sizes are numbers of pixels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.quantities import Regions
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters, Truth
from terracot.spatial.asking import apart, clear_classes, defined, marked, word
from terracot.spatial.phrases.compare import BY_PIXELS, LARGER, LARGER_FOUND, RATIO, RATIO_FOUND


def larger(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Two classes that differ by more than ``ranking_margin`` of the larger."""
    for t, m in facts.maps.items():
        for a, b in combinations(clear_classes(facts, t, filters), 2):
            if apart([m.counts[a], m.counts[b]], filters.ranking_margin):
                yield facts.finding("larger", (facts.region(t, a), facts.region(t, b)))
            else:
                yield Rejected("larger", "sizes_too_close")


def ratio(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """The same, always the larger over the smaller."""
    for t, m in facts.maps.items():
        for pair in combinations(clear_classes(facts, t, filters), 2):
            a, b = sorted(pair, key=lambda c: -m.counts[c])
            if apart([m.counts[a], m.counts[b]], filters.ranking_margin):
                yield facts.finding("size_ratio", (facts.region(t, a), facts.region(t, b)))
            else:
                yield Rejected("size_ratio", "sizes_too_close")


def larger_of(r: Regions) -> Truth:
    """The name of the larger of two masks."""
    return word(r.masks[0 if r.pixels(0) >= r.pixels(1) else 1].class_name)


def ask_larger(w: Writer) -> Question:
    """Word a finding of kind ``larger``."""
    a, b = w.name(0), w.name(1)
    asked = w.asked(defined(LARGER, BY_PIXELS), a=a, b=b)
    p, q = w.value("pixels", 0, unit="px"), w.value("pixels", 1, unit="px")
    c = a if w.finding.truth.text == a.text else b
    return w.question(asked, *marked(w), w.say(LARGER_FOUND, a=a, b=b, p=p, q=q, c=c))


def ask_ratio(w: Writer) -> Question:
    """Word a finding of kind ``size_ratio``."""
    a, b = w.name(0), w.name(1)
    asked = w.asked(defined(RATIO, BY_PIXELS), a=a, b=b)
    p, q = w.value("pixels", 0, unit="px"), w.value("pixels", 1, unit="px")
    found = w.say(RATIO_FOUND, a=a, b=b, p=p, q=q, r=w.value("ratio", 0, 1, unit="times"))
    return w.question(asked, *marked(w), found)
