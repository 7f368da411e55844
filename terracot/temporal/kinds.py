"""The kinds of level ``l2-temporal``: change between two dates, and the course of a class over three or more."""

from __future__ import annotations

from collections.abc import Callable

from terracot.findings import Finding
from terracot.options import Separation
from terracot.questions.kind import Choice, QuestionKind
from terracot.questions.writer import Question, Writer
from terracot.temporal import finders, rules, words
from terracot.temporal.finders import Find

LEVEL = "l2-temporal"


def _alike(finding: Finding) -> str:
    """What questions have in common that may share options or a balance: classes, dates, and what the question sets."""
    dates = [mask.t for mask in finding.masks]
    stated = {key: value for key, value in finding.parameters.items() if key != "unit"}
    return f"{' & '.join(finding.class_names)} | {dates} | {sorted(stated.items())}"


def _same_dates(finding: Finding) -> str:
    """Answers that name an image do not depend on the class."""
    return f"{[mask.t for mask in finding.masks]} | {finding.parameters.get('threshold')}"


def _share(name: str, find: Find, ask: Callable[[Writer], Question], family: str) -> QuestionKind:
    choice = Choice("number", Separation(gap=3.0), stratum=_alike)
    return QuestionKind(name, LEVEL, find, rules.number(name), ask, choice, needs_pixels=True, family=family)


def _area(name: str, find: Find, ask: Callable[[Writer], Question], family: str) -> QuestionKind:
    choice = Choice(
        "number",
        Separation(ratio=1.15),
        pixel=lambda ground: ground.pixel_area_m2,
        units=("m2", "ha", "km2"),
        stratum=_alike,
    )
    return QuestionKind(name, LEVEL, find, rules.number(name), ask, choice, needs_pixels=True, family=family)


KINDS = (
    _share("gain_share", finders.turnover("gain_share", "%", gained=True), words.gain, "gain"),
    _area("gain_area", finders.turnover("gain_area", "m2", gained=True), words.gain, "gain"),
    _share("loss_share", finders.turnover("loss_share", "%", gained=False), words.loss, "loss"),
    _area("loss_area", finders.turnover("loss_area", "m2", gained=False), words.loss, "loss"),
    _share("transition_share", finders.transition("transition_share", "%"), words.transition, "transition"),
    _area("transition_area", finders.transition("transition_area", "m2"), words.transition, "transition"),
    _share("net_change_share", finders.net_change("net_change_share", "%"), words.net_change, "net_change"),
    _area("net_change_area", finders.net_change("net_change_area", "m2"), words.net_change, "net_change"),
    _share("flood_share", finders.flood("flood_share", "%"), words.flood, "flood"),
    _area("flood_area", finders.flood("flood_area", "m2"), words.flood, "flood"),
    QuestionKind("growth", LEVEL, finders.growth, rules.growth, words.growth, Choice("word", stratum=_alike)),
    QuestionKind(
        "first_change",
        LEVEL,
        finders.first_change,
        rules.first_change,
        words.first_change,
        Choice("category", stratum=_same_dates),
        needs_pixels=True,
    ),
    QuestionKind("trend", LEVEL, finders.trend, rules.trend, words.trend, Choice("word", stratum=_alike)),
    QuestionKind(
        "largest_step",
        LEVEL,
        finders.largest_step,
        rules.largest_step,
        words.largest_step,
        Choice("category", stratum=_same_dates),
        needs_pixels=True,
    ),
    _share("persistence_share", finders.persistence("persistence_share"), words.persistence, "persistence"),
    _share("persistence_cover", finders.persistence("persistence_cover"), words.persistence, "persistence"),
)
