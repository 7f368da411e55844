"""Nearest: which of two classes comes closer to a third. Distances are in pixels, between opened masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.quantities import QUANTITIES, Regions
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters, Truth
from terracot.spatial.asking import clear_shapes, defined, marked, word
from terracot.spatial.phrases.nearest import CLEAN, FOUND, QUESTIONS
from terracot.spatial.shapes import shapes_of

MARGIN_PX, MARGIN = 4.0, 1.5
"""The farther class is so many pixels, and so many times, farther away than the nearer one."""


def find(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Every class with two others of clearly different distance, all as opened masks."""
    ground = facts.scene.ground
    for t, m in facts.maps.items():
        shapes = shapes_of(m)
        classes = clear_shapes(facts, t)
        regions = {c: facts.region(t, c, shapes.mask(c)) for c in classes}
        least = max(MARGIN_PX, facts.limits[t].min_distance_m / min(ground.sampling) if ground.known else 0.0)
        for a in classes:
            for b, c in combinations([other for other in classes if other != a], 2):
                if all(shapes.within(a, other, least + 1 - 1e-9) for other in (b, c)):  # no gap is below one pixel
                    yield Rejected("nearest", "distances_too_close")
                    continue
                near, far = sorted((shapes.gap(a, b), shapes.gap(a, c)))
                if far - near < least or far < MARGIN * near:
                    yield Rejected("nearest", "distances_too_close")
                    continue
                # From the distances at hand, which many triples of a map share; ``answer`` measures them again.
                masks = (regions[a], regions[b], regions[c])
                names = tuple(mask.class_name for mask in masks)
                truth = _nearer(names, shapes.gap(a, b), shapes.gap(a, c))
                yield Finding("nearest", t, names, masks, truth)


def answer(r: Regions) -> Truth:
    """The second or the third name, by the distances of their masks from the first."""
    gap = QUANTITIES["gap"]
    return _nearer([mask.class_name for mask in r.masks], gap(r, (0, 1)), gap(r, (0, 2)))


def _nearer(names: Sequence[str], to_second: float, to_third: float) -> Truth:
    return word(names[1] if to_second <= to_third else names[2])


def ask(w: Writer) -> Question:
    """Word a finding of kind ``nearest``."""
    a, b, c = (w.name(n) for n in range(3))
    asked = w.asked(defined(QUESTIONS, CLEAN), a=a, b=b, c=c)
    p, q = w.value("gap", 0, 1, unit="px distance"), w.value("gap", 0, 2, unit="px distance")
    d = b if w.finding.truth.text == b.text else c
    return w.question(asked, *marked(w), w.say(FOUND, a=a, b=b, c=c, p=p, q=q, d=d))
