"""Sentences on one region: extent, place and shape, each only where a measured criterion is met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from terracot.captions.measures import HALVES
from terracot.captions.phrases import regions as phrases
from terracot.captions.phrases import summary
from terracot.captions.teller import IT, THEY, Fact, Teller
from terracot.grammar import Noun
from terracot.measure import PARTS
from terracot.questions.writer import Slot
from terracot.traces import Ground, Say

PART_SHARE, HALF_SHARE, EVEN_SHARE = 60.0, 80.0, 5.0
"""Per cent of a region that a ninth, or a half, holds to be its place; that each ninth holds where it is everywhere."""
MAIN_SHARE, NEARLY_WHOLE = 80.0, 99.95
SCATTERED_PATCHES, SCATTERED_SHARE = 10, 40.0
STRIP_RATIO, STRIP_COVER = 4.0, 30.0
"""Axes of a strip, and per cent of the valid pixels above which nothing is called a strip."""
COMPACT_FILL, COMPACT_COVER = 60.0, 50.0

PLANS = ("extent place shape", "extent shape place", "place extent shape", "extent shape", "extent place")
SHORT_PLANS = ("extent shape", "extent place", "shape extent", "place extent")
LONG = 3
"""Regions of which more is told than of the others."""


def region_steps(
    tell: Teller, mask: int, rank: int, opening: Sequence[str] | None = None, plain: bool = False
) -> Iterator[Ground | Say]:
    """A region's mask and what is said of it; ``plain`` leaves it at the extent.

    ``opening`` has phrasings for the mask of the first region.
    """
    yield tell.mark(phrases.NEXT if rank else opening or phrases.FIRST, mask)
    plan = tell.w.decide(("extent",) if plain else PLANS if rank < LONG else SHORT_PLANS, "plan", mask).split()
    for n, aspect in enumerate(plan):
        fact = {"extent": extent, "place": place, "shape": shape}[aspect](tell, mask)
        if fact is not None:
            if n and tell.w.decide(("pronoun", "noun"), "subject", mask, n) == "noun":
                fact = replace(fact, slots={**fact.slots, "subj": Noun("this region")})
            yield tell.tell(fact)


def about(tell: Teller, mask: int) -> dict[str, Slot]:
    """Slots that every fact of a region has."""
    name = tell.w.name(mask)
    return {"subj": THEY if name.plural else IT, "name": name}


def extent(tell: Teller, mask: int) -> Fact:
    """Share, and area where the ground sampling is known."""
    slots = about(tell, mask) | {
        "share": tell.value("share", mask, unit="%"),
        "whole": tell.whole(mask),
        "pixels": tell.value("pixels", mask, unit="px"),
    }
    if tell.areas:
        return Fact("extent", phrases.AREA, slots | tell.area(mask))
    return Fact("extent", phrases.EXTENT, slots)


def place(tell: Teller, mask: int) -> Fact | None:
    """The ninth or the half that holds most of it, or that it is everywhere."""
    found, at = tell.placed(mask)
    size = found.counts[at]
    parts, halves = found.parts[at], found.halves[at]
    if parts.max() * 100.0 >= PART_SHARE * size:
        part = PARTS[int(parts.argmax())]
        text = f"the {'central' if part == 'centre' else part} ninth of the frame"
        where: dict[str, Slot] = {"part": text, "p": tell.value("part_share", mask, unit="%")}
        return Fact("part", phrases.PART, about(tell, mask) | where, summary.PART)
    half = int(halves.argmax())
    if halves[half] * 100.0 >= HALF_SHARE * size:
        where = {"half": HALVES[half], "p": tell.value(f"{HALVES[half]}_half_share", mask, unit="%")}
        return Fact("half", phrases.HALF, about(tell, mask) | where, summary.HALF)
    if parts.min() * 100.0 >= EVEN_SHARE * size:
        least = tell.value("least_part_share", mask, unit="%")
        return Fact("everywhere", phrases.EVERYWHERE, about(tell, mask) | {"p": least})
    return None


def shape(tell: Teller, mask: int) -> Fact | None:
    """A strip, a compact or single patch, a main patch and others, several patches, or many scattered ones."""
    found, at = tell.placed(mask)
    size, count = found.counts[at], int(found.patches[at])
    cover = 100.0 * size / tell.w.regions.valid_pixels(mask)
    largest = 100.0 * found.largest(at) / size
    slots = about(tell, mask)
    if largest >= MAIN_SHARE and cover <= STRIP_COVER:
        ratio, angle = found.elongation(at)
        if ratio >= STRIP_RATIO:
            slots |= {"ratio": tell.value("elongation", mask, unit="ratio"), "direction": direction(angle)}
            return Fact("strip", phrases.STRIP, slots, summary.STRIP)
    if count == 1:
        if cover <= COMPACT_COVER and found.filled(at) >= COMPACT_FILL:
            fill = tell.value("box_fill", mask, unit="%")
            return Fact("compact", phrases.COMPACT, slots | {"fill": fill}, summary.COMPACT)
        return Fact("single", phrases.SINGLE, slots)
    slots |= {
        "n": tell.value("patches", mask, unit="count"),
        "largest": tell.value("largest_patch_share", mask, unit="%"),
        "mean": tell.value("mean_patch", mask, unit="px mean"),
    }
    if largest >= NEARLY_WHOLE:  # nor is it a single patch; "100% in the largest of two" would confuse
        return None
    if largest >= MAIN_SHARE:
        return Fact("main", phrases.MAIN, slots)
    if count >= SCATTERED_PATCHES and largest < SCATTERED_SHARE:
        return Fact("scattered", phrases.SCATTERED, slots, summary.SCATTERED)
    return Fact("patches", phrases.PATCHES, slots)


def direction(angle: float) -> str:
    """The direction of a long axis in words; ``angle`` as of ``Survey.elongation``."""
    names = (
        "from left to right",
        "from the upper left to the lower right",
        "from top to bottom",
        "from the lower left to the upper right",
    )
    return names[int(((angle + 22.5) % 180) // 45)]
