"""Sentences on the regions of one date together: dominance, borders, layout, patterns, and what has no label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from terracot.captions.phrases import scene as phrases
from terracot.captions.teller import NEARLY_ALL, Fact, Teller, half_slots, the
from terracot.grammar import Noun
from terracot.measure import at_edge
from terracot.questions.writer import Slot

DOMINANT_SHARE, DOMINANT_RATIO, EVEN_RATIO = 50.0, 1.5, 1.2
ALONE_SHARE = 98.0
BORDER_SIDES, BORDER_LEAD = 10, 1.1
"""Pixel sides of a border worth telling, and how much longer than any other it is."""
HALF_COVER, CENTRE_COVER = 50.0, 60.0
"""Per cent of a half, or of the central ninth, that its leading class covers."""
ENCLOSED_OUTLINE = 90.0
MOSAIC_PATCHES = 100

ASPECTS = (
    "dominance adjacency layout pattern labels",
    "adjacency dominance layout pattern labels",
    "layout dominance adjacency pattern labels",
    "labels dominance layout adjacency pattern",
    "dominance layout pattern adjacency labels",
    "pattern adjacency layout dominance labels",
    "labels dominance adjacency pattern",
    "labels adjacency layout pattern",
    "dominance labels layout adjacency",
    "layout labels pattern dominance",
)
"""What is told of the regions together, and in which order."""


def facts_of(tell: Teller, masks: Sequence[int], aspects: str) -> Iterator[Fact]:
    """What can be told of the regions of one date, largest first."""
    known = {
        "dominance": dominance,
        "adjacency": adjacency,
        "layout": layout,
        "pattern": pattern,
        "labels": labels,
    }
    for aspect in aspects.split():
        yield from known[aspect](tell, masks)


def standing(tell: Teller, masks: Sequence[int]) -> str:
    """How the largest region stands to the second: "alone", "dominant", "even" or "first"."""
    share = tell.value("share", masks[0], unit="%").value
    if share >= ALONE_SHARE:
        return "alone"
    ratio = tell.value("size_ratio", masks[0], masks[1], unit="ratio").value if len(masks) > 1 else np.inf
    if share >= DOMINANT_SHARE and ratio >= DOMINANT_RATIO:
        return "dominant"
    return "even" if ratio < EVEN_RATIO else "first"


def dominance(tell: Teller, masks: Sequence[int]) -> Iterator[Fact]:
    """Which class dominates and by how much, or that none does."""
    stands = standing(tell, masks)
    slots: dict[str, Slot] = {
        "a": tell.w.name(masks[0]),
        "sa": tell.value("share", masks[0], unit="%"),
        "whole": tell.whole(masks[0]),
    }
    if stands == "alone":
        yield Fact("alone", phrases.ALONE, slots)
    elif stands != "first" and len(masks) > 1:
        second: dict[str, Slot] = {
            "b": tell.w.name(masks[1]),
            "sb": tell.value("share", masks[1], unit="%"),
            "ratio": tell.value("size_ratio", masks[0], masks[1], unit="ratio"),
        }
        yield Fact(stands, phrases.DOMINANT if stands == "dominant" else phrases.EVEN, slots | second)


def adjacency(tell: Teller, masks: Sequence[int]) -> Iterator[Fact]:
    """The neighbours of a region, the longest border, and two regions that do not touch."""
    found = tell.placed(masks[0])[0]
    if len(masks) < 2:
        return
    pairs = list(combinations(range(len(masks)), 2))
    subject = int(tell.w.decide([str(n) for n in range(len(masks))], "neighbours"))
    others = [n for n in range(len(masks)) if n != subject and found.touch(subject, n)]
    if others and len(masks) > 2:
        every = len(others) == len(masks) - 1 and len(masks) > 3
        named = Noun("all other marked regions", True) if every else the([tell.w.name(masks[n]) for n in others])
        yield Fact("touch", phrases.TOUCH, {"a": tell.w.name(masks[subject]), "others": named})
    sides = sorted(((found.sides(*pair), pair) for pair in pairs), reverse=True)
    longest, (a, b) = sides[0]
    if longest >= BORDER_SIDES and (len(sides) == 1 or longest >= BORDER_LEAD * sides[1][0]) and len(masks) > 2:
        slots: dict[str, Slot] = {"a": tell.w.name(masks[a]), "b": tell.w.name(masks[b])}
        yield Fact(
            "border",
            phrases.BORDER,
            slots | {"sides": tell.value("border_sides", masks[a], masks[b], unit="px")},
        )
    apart = next((pair for pair in pairs if not found.touch(*pair)), None)
    if apart is not None:
        yield Fact("apart", phrases.APART, {"a": tell.w.name(masks[apart[0]]), "b": tell.w.name(masks[apart[1]])})


def layout(tell: Teller, masks: Sequence[int]) -> Iterator[Fact]:
    """Opposite halves with different leading classes; a class that holds the centre without dominating."""
    found = tell.placed(masks[0])[0]
    cover = found.halves * 100.0 / np.maximum(found.valid_halves, 1)
    best, which = cover.max(axis=0), cover.argmax(axis=0)
    axes = [half for half in (0, 2) if which[half] != which[half + 1] and min(best[half : half + 2]) >= HALF_COVER]
    if axes:
        half = max(axes, key=lambda half: min(best[half : half + 2]))
        (one, other), a, b = half_slots(half), masks[which[half]], masks[which[half + 1]]
        yield Fact(
            "halves",
            phrases.HALVES,
            {
                "one": one,
                "other": other,
                "a": tell.w.name(a),
                "b": tell.w.name(b),
                "p": tell.value(f"{one}_half_cover", a, unit="%"),
                "q": tell.value(f"{other}_half_cover", b, unit="%"),
            },
        )
    centre = found.parts[:, 4] * 100.0 / max(int(found.valid_parts[4]), 1)
    leader = int(centre.argmax())
    if centre[leader] >= CENTRE_COVER and (leader > 0 or standing(tell, masks) in ("even", "first")):
        held: dict[str, Slot] = {
            "a": tell.w.name(masks[leader]),
            "p": tell.value("centre_cover", masks[leader], unit="%"),
        }
        yield Fact("centre", phrases.CENTRE, held)


def pattern(tell: Teller, masks: Sequence[int]) -> Iterator[Fact]:
    """A region within another; many small pieces."""
    found = tell.placed(masks[0])[0]
    for a, b in combinations(range(len(masks)), 2):
        enclosed = found.sides(a, b) * 100.0 >= ENCLOSED_OUTLINE * found.outline(b)
        if enclosed and found.outline(b) and not at_edge(found.masks[b]):
            slots: dict[str, Slot] = {"a": tell.w.name(masks[a]), "b": tell.w.name(masks[b])}
            share = tell.value("outline_share", masks[b], masks[a], unit="%")
            yield Fact("enclosed", phrases.ENCLOSED, slots | {"p": share})
            break
    if sum(found.patches) >= MOSAIC_PATCHES and len(masks) > 1:
        yield Fact("mosaic", phrases.MOSAIC, {"n": tell.value("patches", *masks, unit="count")})


def labels(tell: Teller, masks: Sequence[int]) -> Iterator[Fact]:
    """How much of the frame is labelled, where not all of it is."""
    if tell.valid_part(masks[0]) < NEARLY_ALL:
        yield Fact("labels", phrases.UNLABELLED, {"p": tell.value("labelled_share", masks[0], unit="%")})
