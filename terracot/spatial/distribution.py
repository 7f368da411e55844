"""Distribution: in which half of the image a class lies, how much of it, and over how many parts it is spread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.measure import PARTS, MapFacts
from terracot.quantities import Regions
from terracot.questions.writer import HERE, Question, Slot, Writer
from terracot.rules import Filters, Truth
from terracot.spatial.asking import clear_classes, defined, listed, number, word
from terracot.spatial.phrases import distribution as said
from terracot.spatial.quantities import in_half, part_shares

OTHER = {"left": "right", "upper": "lower"}
"""Halves that are asked about, and the half opposite each."""

MOST_IN_HALF = 60.0
"""Per cent of a class that one half must hold to have clearly more."""

LEAST_IN_PART, UNSURE = 10.0, 1.0
"""Per cent of a part from which a class counts as there, and how near to that no part may be."""


def _halves(m: MapFacts) -> list[str]:
    """Halves of an image whose middle falls between two pixels."""
    height, width = m.classes.shape
    return [half for half, size in (("left", width), ("upper", height)) if size % 2 == 0]


def half(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Classes of which clearly more lies in one half."""
    for t, m in facts.maps.items():
        for c in clear_classes(facts, t, filters):
            region = facts.region(t, c)
            for one in _halves(m):
                share = 100.0 * in_half(region.mask, one) / m.counts[c]
                if max(share, 100 - share) < MOST_IN_HALF:
                    yield Rejected("half", "halves_too_alike")
                else:
                    yield facts.finding("half", (region,), {"half": one})


def half_of(r: Regions) -> Truth:
    """The half with more of the mask."""
    one = str(r.parameters["half"])
    more = in_half(r.mask(0), one) >= in_half(r.mask(0), OTHER[one])
    return word(f"{one if more else OTHER[one]} half")


def half_words(finding: Finding) -> tuple[str, str]:
    """The two possible answers."""
    one = str(finding.parameters["half"])
    return f"{one} half", f"{OTHER[one]} half"


def half_share(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """The share of any class of at least ``min_share`` in the left and in the upper half."""
    for t, m in facts.maps.items():
        for c in clear_classes(facts, t, filters):
            for one in _halves(m):
                yield facts.finding("half_share", (facts.region(t, c),), {"half": one})


def share_of_half(r: Regions) -> Truth:
    """Per cent of the mask in the half asked about."""
    return number(f"{r.parameters['half']}_share", 0, unit="%")(r)


def parts(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Classes that clearly reach, or clearly do not reach, ``LEAST_IN_PART`` in each of the nine parts."""
    for t, m in facts.maps.items():
        for c in clear_classes(facts, t, filters):
            region = facts.region(t, c)
            shares = part_shares(region.mask, m.valid)
            if np.any(np.abs(shares - LEAST_IN_PART) < UNSURE):
                yield Rejected("parts", "share_near_threshold")
            else:
                yield facts.finding("parts", (region,), {"least": LEAST_IN_PART})


def ask_half(w: Writer) -> Question:
    """Word a finding of kind ``half``."""
    one = str(w.finding.parameters["half"])
    slots: dict[str, Slot] = {"name": w.name(0), "one": one, "other": OTHER[one]}
    p, q = (w.value(f"{name}_pixels", 0, unit="px") for name in (one, OTHER[one]))
    asked = w.asked(said.HALF, **slots)
    return w.question(asked, w.ground(HERE, 0), w.say(said.HALF_FOUND, **slots, p=p, q=q, most=w.finding.truth.text))


def ask_half_share(w: Writer) -> Question:
    """Word a finding of kind ``half_share``."""
    one = str(w.finding.parameters["half"])
    slots: dict[str, Slot] = {"name": w.name(0), "one": one, "other": OTHER[one]}
    asked = w.asked(said.HALF_SHARE, **slots)
    found = w.say(
        said.HALF_SHARE_FOUND,
        **slots,
        p=w.value(f"{one}_pixels", 0, unit="px"),
        all=w.value("pixels", 0, unit="px"),
        share=w.value(f"{one}_share", 0, unit="%"),
    )
    return w.question(asked, w.ground(HERE, 0), found)


def ask_parts(w: Writer) -> Question:
    """Word a finding of kind ``parts``."""
    name, least = w.name(0), w.parameter("least", unit="%")
    asked = w.asked(defined(said.PARTS, said.GRID), name=name, least=least)
    shares: dict[str, Slot] = {
        f"s{n}": w.value(f"share_in_{part.replace(' ', '_')}", 0, unit="%") for n, part in enumerate(PARTS)
    }
    found = w.say(
        [listed(phrasing, len(PARTS), "{s#}") for phrasing in said.PARTS_FOUND],
        **shares,
        least=least,
        count=w.value("parts_with", 0, unit="count"),
    )
    return w.question(asked, w.ground(HERE, 0), found)
