"""Ordering: three or more classes by size, the largest first. Sizes are numbers of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.quantities import Regions
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters, Truth
from terracot.spatial.asking import apart, clear_classes, defined, listed, marked, names_of, pixels_of, word
from terracot.spatial.phrases.compare import BY_PIXELS
from terracot.spatial.phrases.ordering import FOUND, ITEM, QUESTIONS

MOST = 4


def find(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Sets of three or four classes, each smaller than the next by more than ``ranking_margin``."""
    for t, m in facts.maps.items():
        classes = clear_classes(facts, t, filters)
        for members in (some for size in range(3, MOST + 1) for some in combinations(classes, size)):
            if apart([m.counts[c] for c in members], filters.ranking_margin):
                yield facts.finding("size_order", tuple(facts.region(t, c) for c in members))
            else:
                yield Rejected("size_order", "sizes_too_close")


def answer(r: Regions) -> Truth:
    """The names, largest first."""
    ranked = sorted(range(len(r.masks)), key=lambda n: -r.pixels(n))
    return word(in_order([r.masks[n].class_name for n in ranked]))


def in_order(names: Sequence[str]) -> str:
    """Names in a row; by semicolons where a name has a comma of its own."""
    return ("; " if any("," in name for name in names) else ", ").join(names)


def ask(w: Writer) -> Question:
    """Word a finding of kind ``size_order``."""
    count = len(w.names)
    asked = w.asked([listed(phrasing, count, "{n#}") for phrasing in defined(QUESTIONS, BY_PIXELS)], **names_of(w))
    found = [listed(phrasing, count, ITEM) for phrasing in FOUND]
    said = w.say(found, **names_of(w), **pixels_of(w), order=w.finding.truth.text)
    return w.question(asked, *marked(w), said)
