"""Scores as a plain text table: models are rows, so that several runs can be read side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from terrabench.items import APART, TASKS
from terrabench.replies.compat import refuse_release
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


def format_table(scores_list: Sequence[Mapping[str, Any]], details: bool | None = None) -> str:
    """Aligned text: accuracy in per cent by task, macro (with its 95 % interval) and micro mean, mean IoU, and r.

    A run under a control stands below the plain run of the same model; one that leaves items out also below that run's
    scores on the remaining items (``terrabench.scoring.beside``). Tasks that the paper does not have, and tasks whose
    answers are stated by a source, follow in tables of their own, when there are any. ``details`` adds the figures of
    every run by task, with intervals; by default for one run alone. "-" stands for what a run does not have, ``n``
    counts the items that are scored. Marks behind a name: ``*`` privileged, ``!`` incomplete, ``~`` limited to a part
    of the benchmark; the lines below the tables say what they mean. ``RunError`` for scores by the released scorer.
    """
    from terrabench.scoring.details import detail_lines
    from terrabench.scoring.notes import note_lines

    refuse_release(scores_list)
    runs = _controls_beside(scores_list)
    header = ["model", *[_SHORT[task] for task in TASKS], "macro", "95 %", "micro", "mIoU", "r", "n"]
    rows = [row for scores in runs for row in (scores.get("plain_part"), scores) if row]
    lines = aligned_table(header, [_row(scores) for scores in rows])
    lines += [*_apart(rows), *_stated(rows)]
    if details or (details is None and len(runs) == 1):
        for scores in runs:
            lines += detail_lines(scores)
    return "\n".join([*lines, *note_lines(runs)])


def run_name(run: Mapping[str, Any]) -> str:
    """How a run, or its scores, is called: the model, and the control or the part of the items in brackets.

    A model that has many checkpoints may say in ``info["label"]`` which one it is.
    """
    info = run["model"].get("info")
    label = info.get("label") if isinstance(info, Mapping) else None
    name = f"{run['model']['spec']} {label}" if label else str(run["model"]["spec"])
    control = {"label": run["part"]} if run.get("part") else run.get("control")
    return f"{name} [{control['label']}]" if control else name


def aligned_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with a rule under its header: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return [_aligned(row, widths) for row in [header, ["-" * w for w in widths], *rows]]


def percent(share: float | None) -> str:
    """A share in per cent with one decimal, "-" for None."""
    return "-" if share is None else f"{100 * share:.1f}"


def interval_text(ends: Sequence[float] | None, signed: bool = False) -> str:
    """An interval in per cent, "-" for None; ``signed`` for differences, where a plain dash could be a minus."""
    if ends is None:
        return "-"
    low, high = (100 * end for end in ends)
    return f"{low:+.1f} to {high:+.1f}" if signed else f"{low:.1f}-{high:.1f}"


def r_text(r: float | None) -> str:
    """A correlation with two decimals, "-" for None."""
    return "-" if r is None else f"{r:.2f}"


def p_text(p: float | None) -> str:
    """A p-value with three decimals, "-" for None."""
    return "-" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def marks(scores: Mapping[str, Any]) -> str:
    """What is to be minded about a run, as marks behind its name."""
    found = {"*": scores["privileged"], "!": not scores["complete"], "~": limited(scores)}
    text = "".join(mark for mark, applies in found.items() if applies)
    return f" {text}" if text else ""


def limited(scores: Mapping[str, Any]) -> bool:
    """True for a run of a part of its benchmark."""
    return bool(scores["items"] < (scores["bench"].get("size") or 0))


def plain_run_of(scores: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The run of the same model on the same items without a control; None for plain runs, and when there is none."""
    if not scores.get("control"):
        return None
    return next((run for run in runs if not run.get("control") and _asked(run) == _asked(scores)), None)


def _controls_beside(scores_list: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The runs in their order, those under a control moved below their plain run."""
    plain_runs = [plain_run_of(scores, scores_list) for scores in scores_list]
    ordered: list[Mapping[str, Any]] = []
    for scores, plain in zip(scores_list, plain_runs, strict=True):
        if plain is None:
            ordered += [scores, *(s for s, p in zip(scores_list, plain_runs, strict=True) if p is scores)]
    return ordered


def _asked(scores: Mapping[str, Any]) -> str:
    """Who was asked what, as text that can be compared."""
    bench = scores["bench"]
    return json.dumps(
        [scores["model"], bench.get("ids_sha256"), bench.get("manifest_sha256")], sort_keys=True, default=str
    )


def _row(scores: Mapping[str, Any]) -> list[str]:
    by_task = [percent(scores["tasks"].get(task, {}).get("accuracy")) for task in TASKS]
    return [
        run_name(scores) + marks(scores),
        *by_task,
        percent(scores["macro_accuracy"]),
        interval_text(scores["macro_ci95"]),
        percent(scores["micro_accuracy"]),
        "no masks" if scores.get("no_masks") else percent(scores["mean_iou"]),
        r_text(scores["r_iou_correct"]),
        str(scores["items"] - scores.get("not_applicable", 0)),
    ]


def _apart(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Tasks that the paper does not have: accuracy with its interval, and the number of items."""
    tasks = [task for task in APART if any(task in scores["tasks"] for scores in runs)]
    if not tasks:
        return []
    header = ["apart from the six", *(cell for task in tasks for cell in (task, "95 %", "n"))]
    rows = []
    for scores in runs:
        own = [scores["tasks"].get(task, {}) for task in tasks]
        cells = [(percent(t.get("accuracy")), interval_text(t.get("ci95")), str(t.get("n", "-"))) for t in own]
        rows.append([run_name(scores) + marks(scores), *(cell for group in cells for cell in group)])
    return ["", *aligned_table(header, rows)]


def _stated(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Accuracy in the stated tasks: models are rows, or columns when the tasks are too many."""
    tasks = sorted({task for scores in runs for task in scores["tasks"] if is_stated(task)})
    if not tasks:
        return []
    names = [run_name(scores) + marks(scores) for scores in runs]
    cells = [[percent(s["tasks"].get(task, {}).get("accuracy")) for task in tasks] for s in runs]
    if len(tasks) <= _WIDE:
        lines = aligned_table(
            ["stated by the source", *tasks], [[n, *own] for n, own in zip(names, cells, strict=True)]
        )
    else:
        by_task = [[task, *column] for task, column in zip(tasks, zip(*cells, strict=True), strict=True)]
        lines = aligned_table(["stated by the source", *names], by_task)
    return ["", *lines]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()
