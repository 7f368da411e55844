"""The kinds of question of the level l2-spatial."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.options import Separation
from terracot.quantities import Regions
from terracot.questions.kind import Choice, QuestionKind
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters, Truth
from terracot.spatial import between, border, combined, compare, distribution, nearest, ordering
from terracot.spatial.asking import number

Find = Callable[[SceneFacts, Filters], Iterator[Finding | Rejected]]
Answer = Callable[[Regions], Truth]
Ask = Callable[[Writer], Question]


def _same_half(finding: Finding) -> str:
    return f"{finding.class_names[0]} | {finding.parameters['half']}"


def _kind(name: str, find: Find, answer: Answer, ask: Ask, choice: Choice, family: str = "") -> QuestionKind:
    """All of them need pixels: sizes, distances and lines have to be measured before they can be compared."""
    return QuestionKind(name, "l2-spatial", find, answer, ask, choice, needs_pixels=True, family=family)


KINDS = (
    _kind(
        "larger",
        compare.larger,
        compare.larger_of,
        compare.ask_larger,
        Choice("word", words=lambda finding: (finding.class_names[0], finding.class_names[1])),
        family="compare",
    ),
    _kind(
        "size_ratio",
        compare.ratio,
        number("ratio", 0, 1, unit="times"),
        compare.ask_ratio,
        Choice("number", Separation(ratio=1.2)),
        family="compare",
    ),
    _kind("size_order", ordering.find, ordering.answer, ordering.ask, Choice("category")),
    _kind(
        "combined_share",
        combined.share,
        number("total_share"),
        combined.ask_share,
        Choice("number", Separation(gap=3.0)),
        family="combined",
    ),
    _kind(
        "combined_area",
        combined.area,
        number("total_area"),
        combined.ask_area,
        Choice(
            "number",
            Separation(ratio=1.15),
            pixel=lambda ground: ground.pixel_area_m2,
            units=("m2", "ha", "km2"),
        ),
        family="combined",
    ),
    _kind(
        "nearest",
        nearest.find,
        nearest.answer,
        nearest.ask,
        Choice("word", words=lambda finding: (finding.class_names[1], finding.class_names[2])),
    ),
    _kind(
        "half",
        distribution.half,
        distribution.half_of,
        distribution.ask_half,
        Choice("word", words=distribution.half_words, stratum=_same_half),
        family="distribution",
    ),
    _kind(
        "half_share",
        distribution.half_share,
        distribution.share_of_half,
        distribution.ask_half_share,
        Choice("number", Separation(gap=3.0), stratum=_same_half),
        family="distribution",
    ),
    _kind(
        "parts",
        distribution.parts,
        number("parts_with", 0, unit="count"),
        distribution.ask_parts,
        Choice("number", Separation(gap=1.0)),
        family="distribution",
    ),
    _kind("between", between.find, between.answer, between.ask, Choice("word")),
    _kind(
        "border_share",
        border.find,
        number("border_share", 0, 1, unit="%"),
        border.ask,
        Choice("number", Separation(gap=3.0)),
    ),
)
