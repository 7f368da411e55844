"""The L1 kinds: existence, counting, localisation, area (also in per cent), boundary, distance, and building change."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from terracot import findings
from terracot.findings import Finding, Rejected, SceneFacts
from terracot.measure import PARTS
from terracot.options import Separation
from terracot.quantities import Regions
from terracot.questions import area, boundary, building_change, counting, distance, existence, localisation
from terracot.questions.kind import Choice, QuestionKind
from terracot.rules import Filters, Truth, answer_from_masks

Find = Callable[[SceneFacts, Filters], Iterator[Finding | Rejected]]


def _rule(kind: str) -> Callable[[Regions], Truth]:
    return lambda r: answer_from_masks(kind, r.masks, r.valid, r.ground, r.parameters)


def _not_obvious(find: Find) -> Find:
    """Leave out maps of two classes, on which existence and touching go without saying."""

    def found(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
        for one in find(facts, filters):
            if isinstance(one, Finding) and len(facts.maps[one.t].legend.classes) <= 2:
                yield Rejected(one.kind, "two_classes_only")
            else:
                yield one

    return found


def _same_measure(finding: Finding) -> str:
    return str(finding.parameters.get("measure", ""))


KINDS = (
    QuestionKind(
        "existence", "l1", _not_obvious(findings.existence), _rule("existence"), existence.ask, Choice("word")
    ),
    QuestionKind(
        "counting",
        "l1",
        findings.counting,
        _rule("counting"),
        counting.ask,
        Choice("number", Separation(ratio=1.2, gap=1.0)),
        needs_pixels=True,
    ),
    QuestionKind(
        "localisation",
        "l1",
        findings.localisation,
        _rule("localisation"),
        localisation.ask,
        Choice("category", stratum=lambda finding: " ".join(PARTS)),
    ),
    QuestionKind(
        "coverage",
        "l1",
        findings.coverage,
        _rule("coverage"),
        area.ask,
        Choice("number", Separation(gap=3.0)),
        needs_pixels=True,
        family="area",
    ),
    QuestionKind(
        "area",
        "l1",
        findings.area,
        _rule("area"),
        area.ask,
        Choice(
            "number",
            Separation(ratio=1.15),
            pixel=lambda ground: ground.pixel_area_m2,
            units=("m2", "ha", "km2"),
        ),
        needs_pixels=True,
    ),
    QuestionKind("boundary", "l1", _not_obvious(findings.boundary), _rule("boundary"), boundary.ask, Choice("word")),
    QuestionKind(
        "distance",
        "l1",
        findings.distance,
        _rule("distance"),
        distance.ask,
        Choice(
            "number",
            Separation(ratio=1.2),
            pixel=lambda ground: math.sqrt(math.prod(ground.sampling)),
            units=("m", "km"),
        ),
        needs_pixels=True,
    ),
    QuestionKind(
        "building_change",
        "l1",
        findings.building_change,
        _rule("building_change"),
        building_change.ask,
        Choice("number", Separation(ratio=1.2, gap=2.0), stratum=_same_measure),
        needs_pixels=True,
    ),
)
