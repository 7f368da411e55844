"""Comparisons of runs as text: a table for every pair, what it says, and what to mind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from terrabench.scoring.tables import aligned_table, interval_text, p_text, percent
from terrabench.statistics.intervals import METHODS
from terrabench.statistics.paired import TESTS


def comparison_text(found: Mapping[str, Any]) -> str:
    """All of ``terrabench.scoring.compare.compare``, to be read."""
    lines: list[str] = []
    for pair in found["comparisons"]:
        lines += [*_pair(pair, corrected=found["correction"] is not None), ""]
    figures = [f for pair in found["comparisons"] for f in (pair["macro"], *pair["tasks"].values()) if f]
    notes = [f"{found['correction']}: p (Holm)"] if found["correction"] else []
    notes += [f"test {name}: {TESTS[name]}" for name in TESTS if any(f["test"] == name for f in figures)]
    notes += [f"interval {name}: {METHODS[name]}" for name in METHODS if any(f["ci_method"] == name for f in figures)]
    notes.append("shows from: the difference in points that these items show in four of five tries, at 5 %")
    return "\n".join([*lines, *found["warnings"], *notes])


def _pair(pair: Mapping[str, Any], corrected: bool) -> list[str]:
    header = ["accuracy", "n", "groups", "A", "B", "B - A", "95 %", "p", "p (Holm)", "test", "shows from"]
    figures = {"macro": pair["macro"], **pair["tasks"]}
    rows = [_row(name, figure) for name, figure in figures.items() if figure]
    if not corrected:
        header, rows = _without(header, 8), [_without(row, 8) for row in rows]
    lines = [f"A: {pair['a']}", f"B: {pair['b']}", "", *aligned_table(header, rows)]
    lines += [f"Note: {warning}" for warning in pair["warnings"]]
    return [*lines, *([pair["reading"]] if pair["reading"] else [])]


def _row(name: str, figure: Mapping[str, Any]) -> list[str]:
    return [
        name,
        str(figure["n"]),
        str(figure["groups"]),
        percent(figure["a"]),
        percent(figure["b"]),
        f"{100 * figure['difference']:+.1f}",
        interval_text(figure["ci95"], signed=True),
        p_text(figure["p"]),
        p_text(figure["p_holm"]),
        figure["test"],
        percent(figure["smallest_difference"]),
    ]


def _without(row: list[str], index: int) -> list[str]:
    return row[:index] + row[index + 1 :]
