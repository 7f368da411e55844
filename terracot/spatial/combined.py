"""Combined: how much of the image two or three classes cover together, in per cent or as an area."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.questions.writer import UNIT_WORDS, Question, Writer, with_clause
from terracot.rules import Filters
from terracot.spatial.asking import clear_classes, defined, listed, marked, names_of, pixels_of
from terracot.spatial.phrases.combined import AREA, AREA_FOUND, ITEM, SHARE, SHARE_FOUND, VALID

MOST = 3


def share(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Two or three classes that leave something over: at least ``min_share`` of the valid pixels."""
    for t, members in _sets(facts, filters):
        if facts.maps[t].shares[list(members)].sum() > 100 - filters.min_share:
            yield Rejected("combined_share", "nothing_left_over")
        else:
            yield facts.finding("combined_share", tuple(facts.region(t, c) for c in members), {"unit": "%"})


def area(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """The same in square metres, where the ground sampling is known; the unit shown is chosen later."""
    ground = facts.scene.ground
    for t, members in _sets(facts, filters):
        if not ground.known:
            yield Rejected("combined_area", "pixel_size_unknown")
        elif ground.area_drift > filters.max_area_drift:
            yield Rejected("combined_area", "pixel_size_varies")
        elif facts.maps[t].shares[list(members)].sum() > 100 - filters.min_share:
            yield Rejected("combined_area", "nothing_left_over")
        else:
            yield facts.finding("combined_area", tuple(facts.region(t, c) for c in members), {"unit": "m2"})


def _sets(facts: SceneFacts, filters: Filters) -> Iterator[tuple[int, tuple[int, ...]]]:
    for t in facts.maps:
        classes = clear_classes(facts, t, filters)
        yield from ((t, some) for size in range(2, MOST + 1) for some in combinations(classes, size))


def ask_share(w: Writer) -> Question:
    """Word a finding of kind ``combined_share``."""
    every = range(len(w.names))
    asked = w.asked([listed(phrasing, len(w.names), "{n#}") for phrasing in defined(SHARE, VALID)], **names_of(w))
    said = w.say(
        [listed(phrasing, len(w.names), ITEM) for phrasing in SHARE_FOUND],
        **names_of(w),
        **pixels_of(w),
        total=w.value("total_pixels", *every, unit="px"),
        valid=w.value("valid_pixels", 0, unit="px"),
        share=w.value("total_share", *every, unit="%"),
    )
    return w.question(asked, *marked(w), said)


def ask_area(w: Writer) -> Question:
    """Word a finding of kind ``combined_area``."""
    every, unit = range(len(w.names)), w.finding.truth.unit
    phrasings = [listed(phrasing, len(w.names), "{n#}") for phrasing in AREA]
    asked = with_clause(w.asked(phrasings, **names_of(w), unit=UNIT_WORDS[unit]), w.pixel_size())
    said = w.say(
        [listed(phrasing, len(w.names), ITEM) for phrasing in AREA_FOUND],
        **names_of(w),
        **pixels_of(w),
        total=w.value("total_pixels", *every, unit="px"),
        each=w.value("total_pixel_area", *every, unit="m2/px"),
        area=w.value("total_area", *every, unit=unit),
    )
    return w.question(asked, *marked(w), said)
