"""Between: whether a class lies on the shortest straight line between two others.

Asked only where neither the choice among nearly closest pairs of pixels nor a shift of the line by one pixel in any
direction would change the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.measure import grown
from terracot.quantities import QUANTITIES, Regions
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters, Truth
from terracot.spatial.asking import clear_shapes, defined, marked, word
from terracot.spatial.phrases.between import CROSSED, FREE, LINE, QUESTIONS
from terracot.spatial.shapes import line, shapes_of

SLACK_PX = 1.0
"""Pairs of pixels that are farther apart than the closest ones by at most this could be taken for them."""

MOST_PAIRS = 400

LEAST_GAP_PX = 6.0
"""Shorter lines have hardly room for anything in between."""


def find(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Any two classes more than ``LEAST_GAP_PX`` apart with every other that clearly is, or is not, on the line."""
    for t, m in facts.maps.items():
        shapes = shapes_of(m)
        classes = clear_shapes(facts, t)
        if len(classes) < 3:
            continue
        regions = {c: facts.region(t, c, shapes.mask(c)) for c in classes}
        wide = {c: grown(shapes.mask(c)) for c in classes}
        for a, b in combinations(classes, 2):
            if shapes.within(a, b, LEAST_GAP_PX):
                yield Rejected("between", "gap_below_minimum")
                continue
            gap = shapes.gap(a, b)
            if gap <= LEAST_GAP_PX:
                yield Rejected("between", "gap_below_minimum")
                continue
            starts, ends = shapes.rim(a).pairs(shapes.rim(b), gap + SLACK_PX)
            if len(starts) > MOST_PAIRS:
                yield Rejected("between", "too_many_closest_pairs")
                continue
            rows, cols = np.moveaxis(line(starts, ends), 2, 0)
            for c in (other for other in classes if other not in (a, b)):
                crossed = (shapes.core[rows, cols] == c).any(axis=1).all()
                if not crossed and wide[c][rows, cols].any():
                    yield Rejected("between", "line_passes_by_closely")
                    continue
                # From the lines at hand; ``answer`` draws the one that the question speaks of again.
                masks = (regions[a], regions[b], regions[c])
                names = tuple(mask.class_name for mask in masks)
                yield Finding("between", t, names, masks, word("yes" if crossed else "no"))


def answer(r: Regions) -> Truth:
    """Whether the line between the first two masks meets the third."""
    return word("yes" if QUANTITIES["line_pixels"](r, (0, 1, 2)) else "no")


def ask(w: Writer) -> Question:
    """Word a finding of kind ``between``."""
    a, b, c = (w.name(n) for n in range(3))
    asked = w.asked(defined(QUESTIONS, LINE), a=a, b=b, c=c)
    gap, length = w.value("gap", 0, 1, unit="px distance"), w.value("line_length", 0, 1, unit="px")
    on = w.value("line_pixels", 0, 1, 2, unit="px")
    found = CROSSED if w.finding.truth.text == "yes" else FREE
    return w.question(asked, *marked(w), w.say(found, a=a, b=b, c=c, gap=gap, length=length, on=on))
