"""The kinds of level ``l2-spectral``: what is measured on the bands of an image, over a class."""

from __future__ import annotations

from terracot.findings import Finding
from terracot.options import Separation
from terracot.questions.kind import Choice, QuestionKind
from terracot.spectral import asking, finders

LEVEL = "l2-spectral"


def _asked(finding: Finding) -> str:
    """Questions alike: the same classes, index and threshold."""
    told = [str(finding.parameters[name]) for name in ("index", "threshold") if name in finding.parameters]
    return " & ".join([*dict.fromkeys(finding.class_names), *told])


def _dates(finding: Finding) -> str:
    """Questions about the peak of a series share options where the same images are to choose from."""
    return " & ".join(str(mask.t) for mask in finding.masks)


def _classes(finding: Finding) -> tuple[str, str]:
    first, second = finding.class_names
    return first, second


_INDEX = Choice("number", Separation(gap=0.04), stratum=_asked)
_SHARE = Choice("number", Separation(gap=3.0), stratum=_asked)

KINDS = (
    QuestionKind("index_mean", LEVEL, finders.mean, finders.mean_rule, asking.ask_mean, _INDEX, needs_pixels=True),
    QuestionKind(
        "index_compare",
        LEVEL,
        finders.compare,
        finders.compare_rule,
        asking.ask_compare,
        Choice("word", words=_classes, stratum=_asked),
        needs_pixels=True,
    ),
    QuestionKind("index_share", LEVEL, finders.share, finders.share_rule, asking.ask_share, _SHARE, needs_pixels=True),
    QuestionKind("index_water", LEVEL, finders.water, finders.share_rule, asking.ask_share, _SHARE, needs_pixels=True),
    QuestionKind(
        "index_change",
        LEVEL,
        finders.change,
        finders.change_rule,
        asking.ask_change,
        _INDEX,
        needs_pixels=True,
        family="index_series",
    ),
    QuestionKind(
        "index_peak",
        LEVEL,
        finders.peak,
        finders.peak_rule,
        asking.ask_peak,
        Choice("category", stratum=_dates),
        needs_pixels=True,
        family="index_series",
    ),
)
