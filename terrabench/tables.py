"""Scores as a plain text table: models are rows, so that several runs can be read side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from terrabench.compat import refuse_release
from terrabench.items import TASKS
from terracot.stated import is_stated

_SHORT = {
    "coverage": "coverage",
    "area": "area",
    "ranking": "ranking",
    "boundary": "boundary",
    "distance": "distance",
    "building_change": "build.chg",
}
_WIDE = 8
"""So many stated tasks are columns; more are printed a line each."""


def format_table(scores_list: Sequence[Mapping[str, Any]]) -> str:
    """Aligned text: accuracy in per cent by task, macro and micro mean, mean IoU in per cent, and r.

    Tasks whose answers are stated by a source follow in a table of their own, when there are any. "-" stands for what a
    run does not have. Marks behind a name: ``*`` privileged, ``!`` incomplete, ``~`` limited to a part of the
    benchmark; the lines below the tables say what they mean.
    """
    refuse_release(scores_list)
    header = ["model", *[_SHORT[task] for task in TASKS], "macro", "micro", "mIoU", "r", "n"]
    lines = _table(header, [_row(scores) for scores in scores_list])
    return "\n".join([*lines, *_stated(scores_list), *_notes(scores_list)])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return [_aligned(row, widths) for row in [header, ["-" * w for w in widths], *rows]]


def _stated(scores_list: Sequence[Mapping[str, Any]]) -> list[str]:
    """Accuracy in the stated tasks: models are rows, or columns when the tasks are too many."""
    tasks = sorted({task for scores in scores_list for task in scores["tasks"] if is_stated(task)})
    if not tasks:
        return []
    names = [scores["model"]["spec"] + _marks(scores) for scores in scores_list]
    cells = [[_percent(s["tasks"].get(task, {}).get("accuracy")) for task in tasks] for s in scores_list]
    if len(tasks) <= _WIDE:
        lines = _table(["stated by the source", *tasks], [[n, *own] for n, own in zip(names, cells, strict=True)])
    else:
        by_task = [[task, *column] for task, column in zip(tasks, zip(*cells, strict=True), strict=True)]
        lines = _table(["stated by the source", *names], by_task)
    return ["", *lines]


def _row(scores: Mapping[str, Any]) -> list[str]:
    by_task = [_percent(scores["tasks"].get(task, {}).get("accuracy")) for task in TASKS]
    r = scores["r_iou_correct"]
    return [
        scores["model"]["spec"] + _marks(scores),
        *by_task,
        _percent(scores["macro_accuracy"]),
        _percent(scores["micro_accuracy"]),
        _percent(scores["mean_iou"]),
        "-" if r is None else f"{r:.2f}",
        str(scores["items"]),
    ]


def _marks(scores: Mapping[str, Any]) -> str:
    marks = {"*": scores["privileged"], "!": not scores["complete"], "~": _limited(scores)}
    text = "".join(mark for mark, applies in marks.items() if applies)
    return f" {text}" if text else ""


def _limited(scores: Mapping[str, Any]) -> bool:
    return bool(scores["items"] < scores["bench"].get("size", scores["items"]))


def _notes(scores_list: Sequence[Mapping[str, Any]]) -> list[str]:
    notes = []
    for scores in scores_list:
        bad = {k: v for k, v in scores["counts"].items() if k != "ok" and v}
        if bad:
            counted = ", ".join(f"{n} {status}" for status, n in bad.items())
            notes.append(f"{scores['model']['spec']}: of {scores['items']} items {counted}, all counted as wrong")
    if any(scores["privileged"] for scores in scores_list):
        notes.append("* privileged: measures the true masks; a bound, not a competitor")
        if any(is_stated(task) for scores in scores_list for task in scores["tasks"]):
            notes.append("  it leaves tasks stated by the source unanswered (unparsed): they have no masks to measure")
    if any(not scores["complete"] for scores in scores_list):
        notes.append("! incomplete: some items have not been asked; the same `run` command goes on")
    if any(_limited(scores) for scores in scores_list):
        notes.append("~ limited to a part of the benchmark by --limit")
    notes += [
        f"{scores['model']['spec']}: IoU: not measurable, the benchmark has no masks"
        for scores in scores_list
        if not scores.get("iou_measurable", True)
    ]
    if any(len(scores["macro_tasks"]) < len(TASKS) for scores in scores_list):
        notes.append("macro: mean over the tasks present, not over all six")
    return ["", *notes] if notes else []


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
