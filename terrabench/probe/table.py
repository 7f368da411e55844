"""The curves of a probe as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {"arithmetic": "exact arithmetic on the masks", "model": "{spec}, given the masks"}


def reader_name(reader: str, spec: str | None) -> str:
    """What a reader is called in tables and pictures."""
    return NAMES[reader].format(spec=spec_name(spec))


def spec_name(spec: str | None) -> str:
    """A model's specification without the folders of its file."""
    return (spec or "the model").rpartition("/")[2]


def probe_table(found: Mapping[str, Any]) -> str:
    """For every reader a table: chance-centred accuracy in per cent by level, and the IoU that is needed.

    ``found`` is the content of ``probe.json``. "-" stands for a level that no item reached, or for never.
    """
    spec = (found.get("model") or {}).get("spec")
    levels = sorted(found["levels"], reverse=True)
    lines: list[str] = []
    for reader, curves in found["readers"].items():
        lines += [f"{reader_name(reader, spec)}: accuracy by IoU, in per cent of the way from chance (0) to all right"]
        header = ["task", "way", "items", *[f"{level:g}" for level in levels], "half", "90%"]
        rows = [_row(task, way, curve, levels) for task, ways in curves["tasks"].items() for way, curve in ways.items()]
        lines += [*_aligned([header, *rows]), ""]
        lines += _use(curves, spec)
    return "\n".join([*lines, *_notes(found)])


def _row(task: str, way: str, curve: Mapping[str, Any], levels: Sequence[float]) -> list[str]:
    by_level = {row["level"]: row for row in curve["levels"]}
    centred = [by_level[level]["chance_centred"] if level in by_level else None for level in levels]
    cells = ["-" if value is None else f"{100 * value:.0f}" for value in centred]
    needs = ["-" if need is None else f"{need:g}" for need in curve["needs"].values()]
    return [task, way, str(max(row["items"] for row in curve["levels"])), *cells, *needs]


def _use(curves: Mapping[str, Any], spec: str | None) -> list[str]:
    if "all_tasks" not in curves:
        return []
    use, follows = curves["all_tasks"], curves["follows_wrong_masks"]
    verdict = {True: "uses its masks", False: "does not show that it uses its masks", None: "cannot be judged"}
    high, low = use["difference"]["between"]
    lost = f"{_with_interval(use['difference'])} (n = {use['difference']['n']})"
    lines = [f"{spec_name(spec)} {verdict[use['uses_masks']]}: accuracy at IoU {high:g} less that at {low:g} is {lost}"]
    if follows["n"]:
        share, beyond = _with_interval(follows | {"value": follows["share"]}), follows["beyond_true_masks"]
        lines += [
            f"Where the masks lead to a wrong option, it picks that one in {share} (n = {follows['n']}),",
            f"more often than with the true masks by {_with_interval(beyond)}",
        ]
    return [*lines, ""]


def _with_interval(figure: Mapping[str, Any]) -> str:
    value, interval = figure["value"], figure["ci95"]
    if value is None:
        return "not defined"
    return f"{100 * value:.1f} %" + (f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else "")


def _notes(found: Mapping[str, Any]) -> list[str]:
    unreached = sum(n for ways in found["unreached"].values() for own in ways.values() for n in own.values())
    notes = [
        "half, 90%: the smallest IoU down to which that part of the accuracy with true masks is kept; - is never",
        f"{unreached} of {found['asked']} sets of masks could not be degraded to their level and are left out",
        "probe.json counts them by task, way and level, and has the intervals",
    ]
    if found["errors"] or found["unparsed"]:
        notes.append(f"{found['errors']} errors and {found['unparsed']} replies without a letter, all counted as wrong")
    return notes


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = [
        [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))] for row in rows
    ]
    return ["  ".join(row).rstrip() for row in cells]
