"""The kinds of question of the level l2-spatial."""

from __future__ import annotations

from terracot.findings import Finding
from terracot.options import Separation
from terracot.questions.kind import Choice, QuestionKind
from terracot.spatial import between, border, combined, compare, distribution, nearest, ordering
from terracot.spatial.asking import number

LEVEL = "l2-spatial"


def _same_half(finding: Finding) -> str:
    return f"{finding.class_names[0]} | {finding.parameters['half']}"


KINDS = (
    QuestionKind(
        "larger",
        LEVEL,
        compare.larger,
        compare.larger_of,
        compare.ask_larger,
        Choice("word", words=lambda finding: (finding.class_names[0], finding.class_names[1])),
        family="compare",
    ),
    QuestionKind(
        "size_ratio",
        LEVEL,
        compare.ratio,
        number("ratio", 0, 1, unit="times"),
        compare.ask_ratio,
        Choice("number", Separation(ratio=1.2)),
        needs_pixels=True,
        family="compare",
    ),
    QuestionKind(
        "size_order", LEVEL, ordering.find, ordering.answer, ordering.ask, Choice("category"), needs_pixels=True
    ),
    QuestionKind(
        "combined_share",
        LEVEL,
        combined.share,
        number("total_share"),
        combined.ask_share,
        Choice("number", Separation(gap=3.0)),
        needs_pixels=True,
        family="combined",
    ),
    QuestionKind(
        "combined_area",
        LEVEL,
        combined.area,
        number("total_area"),
        combined.ask_area,
        Choice(
            "number",
            Separation(ratio=1.15),
            pixel=lambda ground: ground.pixel_area_m2,
            units=("m2", "ha", "km2"),
        ),
        needs_pixels=True,
        family="combined",
    ),
    QuestionKind(
        "nearest",
        LEVEL,
        nearest.find,
        nearest.answer,
        nearest.ask,
        Choice("word", words=lambda finding: (finding.class_names[1], finding.class_names[2])),
    ),
    QuestionKind(
        "half",
        LEVEL,
        distribution.half,
        distribution.half_of,
        distribution.ask_half,
        Choice("word", words=distribution.half_words, stratum=_same_half),
        family="distribution",
    ),
    QuestionKind(
        "half_share",
        LEVEL,
        distribution.half_share,
        distribution.share_of_half,
        distribution.ask_half_share,
        Choice("number", Separation(gap=3.0), stratum=_same_half),
        needs_pixels=True,
        family="distribution",
    ),
    QuestionKind(
        "parts",
        LEVEL,
        distribution.parts,
        number("parts_with", 0, unit="count"),
        distribution.ask_parts,
        Choice("number", Separation(gap=1.0)),
        needs_pixels=True,
        family="distribution",
    ),
    QuestionKind("between", LEVEL, between.find, between.answer, between.ask, Choice("word")),
    QuestionKind(
        "border_share",
        LEVEL,
        border.find,
        number("border_share", 0, 1, unit="%"),
        border.ask,
        Choice("number", Separation(gap=3.0)),
        needs_pixels=True,
    ),
)
