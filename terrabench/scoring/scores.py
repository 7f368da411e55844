"""From a run folder to ``scores.json``: accuracy, mask IoU, how the two go together, and how sure each figure is.

Everything is computed from the results of single items (``terrabench.scoring.results``); the formulas are in
``terrabench.statistics``. What is not defined is null, never NaN.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from terrabench.asking.control_names import CIRCULAR
from terrabench.asking.responses import SCORES, STATUSES, control_of, load_rotations, load_run
from terrabench.items import TASKS, Benchmark, tasks_of
from terrabench.replies.answers import PARSER_VERSION
from terrabench.scoring.circular import circular_scores
from terrabench.scoring.results import Result, benchmark_of, item_results, without_masks
from terrabench.statistics.association import association, simpson_warning, within
from terrabench.statistics.chance import chance_centred, chance_of, macro_chance
from terrabench.statistics.intervals import SHARE, mean_interval, share_interval
from terrabench.statistics.power import design_effect, intraclass_correlation, smallest_difference
from terrabench.statistics.spread import FEW_GROUPS, LEVEL, RESAMPLES, SEED
from terracot.io import atomic_write_text, pretty_json, stamp

GROUND_TASKS = ("area", "distance")
"""Tasks in metres, reported apart for measured and nominal pixel sizes."""

_MACRO = (
    "macro_accuracy",
    "macro_ci95",
    "macro_ci_method",
    "groups",
    "chance_macro",
    "chance_macro_range95",
    "p_chance_macro",
)


def score(run_dir: str | Path, bench: str | Path | Benchmark | None = None) -> dict[str, Any]:
    """Score a run, write ``scores.json`` into it, and return its content.

    ``control`` is null for a plain run, else {name, label, version, ...}; ``items`` includes those ``not_applicable``
    under it, which are in no other figure. ``circular`` is null but under shuffled-options, where ``chance`` is that of
    a reader who picks the same text each time. ``no_masks``: the model points at nothing, so IoU is null.

    The benchmark is the one that ``run.json`` names, unless given. ``RunError`` when its manifest has changed since
    the run (a benchmark given as ``bench`` may have another manifest as long as it holds the same items).
    """
    run = load_run(run_dir)
    benchmark, items = benchmark_of(run, run_dir, bench)
    results = item_results(run_dir, benchmark, items)
    scores = {
        "model": run["model"],
        "privileged": run.get("privileged", False),
        "bench": {**run["bench"], **{k: benchmark.manifest.get(k) for k in ("name", "protocol")}},
        "seed": run["seed"],
        "limit": run.get("limit"),
        "items": len(items),
        "parser": PARSER_VERSION,
        "iou_measurable": benchmark.has_masks,
        "no_masks": run["model"].get("gives_masks") is False and without_masks(run, load_rotations(run_dir)),
        "prompt": run.get("prompt"),
        "control": run.get("control"),
        "not_applicable": len(items) - len(results),
        **summary(results),
        "circular": circular_scores(results) if control_of(run) == CIRCULAR else None,
        "statistics": {"level": LEVEL, "resamples": RESAMPLES, "seed": SEED, "few_groups": FEW_GROUPS},
        "run_stamp": run.get("stamp"),
        "score_stamp": stamp(),
    }
    atomic_write_text(Path(run_dir) / SCORES, pretty_json(scores))
    return scores


def headline_tasks(present: Collection[str]) -> list[str]:
    """The tasks that macro, micro, mean IoU and r are over: those of the six that are present, else all."""
    return [task for task in TASKS if task in present] or tasks_of(present)


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """All figures of ``scores.json`` that follow from the item results.

    Macro is the mean over tasks, micro that over items, both of the tasks in ``macro_tasks``; so are mean IoU and r.
    ``pooled`` has the figures of ``task_scores`` for all their items as one set. ``counts`` are over all items.
    """
    tasks = {}
    for task in tasks_of({r.task for r in results}):
        of_task = [r for r in results if r.task == task]
        tasks[task] = task_scores(of_task)
        if task in GROUND_TASKS:
            bases = {basis: [r for r in of_task if r.ground_basis == basis] for basis in ("measured", "nominal")}
            whole = dict(tasks[task])
            tasks[task]["by_ground"] = {
                basis: whole if len(part) == len(of_task) else task_scores(part)
                for basis, part in bases.items()
                if part
            }
    names = headline_tasks(tasks)
    counts = Counter(r.status for r in results)
    headline = [r for r in results if r.task in names]
    pooled = _pooled(headline, {name: tasks[name]["r_iou_correct"] for name in names}) if headline else {}
    return {
        **_macro(headline),
        "macro_tasks": names,
        "macro6": _mean([tasks[task]["accuracy"] for task in TASKS]) if TASKS.keys() <= tasks.keys() else None,
        "macro_chance_centred": _mean([tasks[n]["chance_centred"] for n in names if tasks[n]["chance"] < 1]),
        "micro_accuracy": pooled.get("accuracy"),
        "micro_ci95": pooled.get("ci95"),
        "micro_ci_method": pooled.get("ci_method"),
        "chance_micro": pooled.get("chance"),
        "chance_micro_range95": pooled.get("chance_range95"),
        "p_chance_micro": pooled.get("p_chance"),
        "mean_iou": pooled.get("mean_iou"),
        "mean_iou_ci95": pooled.get("mean_iou_ci95"),
        "mean_iou_macro": _mean([tasks[n]["mean_iou"] for n in names if tasks[n]["mean_iou"] is not None]),
        "iou_covered": pooled.get("iou_covered"),
        "iou_both_empty": sum(r.both_empty for r in results),
        "dropped_masks": sum(r.dropped_masks for r in results),
        "r_iou_correct": pooled.get("r_iou_correct"),
        "counts": {status: counts[status] for status in STATUSES},
        "complete": counts["missing"] == 0,
        "pooled": pooled or None,
        "tasks": tasks,
    }


def task_scores(results: Sequence[Result]) -> dict[str, Any]:
    """Figures of one non-empty set of items.

    ``ci95`` is clustered over ``groups`` (places or events) as ``ci_method`` says (``intervals.METHODS``). ``chance``
    is the mean of 1 / options, ``chance_range95`` where 95 % of guessers end, ``p_chance`` the exact chance that one
    does at least so well; ``chance_centred`` is 0 at chance and 1 when all is right. ``power`` says what these items
    can show (``power.smallest_difference``). ``mean_iou`` and ``iou_covered`` (share with at least one mask given) are
    over items with true masks. ``association`` relates the IoU of these to correctness, null where there are none;
    ``r_iou_correct`` is its point-biserial r.
    """
    right, groups = [r.correct for r in results], [r.group for r in results]
    n, accuracy = len(results), sum(right) / len(results)
    interval, guessing = share_interval(right, groups), chance_of([1 / r.options for r in results], sum(right))
    icc = intraclass_correlation([float(c) for c in right], groups)
    measured = [(r.iou, r.correct, r.group) for r in results if r.iou is not None]
    ious, ious_right, iou_groups = map(list, zip(*measured, strict=True)) if measured else ([], [], [])
    related = association(ious, ious_right, iou_groups) | {"warning": None} if measured else None
    return {
        "n": n,
        "groups": interval.groups,
        "accuracy": accuracy,
        "ci95": interval.ci95,
        "ci_method": interval.method,
        "chance": guessing.mean,
        "chance_range95": guessing.range95,
        "p_chance": guessing.p,
        "chance_centred": chance_centred(accuracy, guessing.mean),
        "power": {
            "icc": icc,
            "design_effect": design_effect(groups, icc or 0.0),
            "smallest_difference": smallest_difference(groups, icc),
        },
        "mean_iou": _mean(ious),
        "mean_iou_ci95": mean_interval(ious, iou_groups, bounds=SHARE).ci95,
        "iou_n": len(ious),
        "iou_covered": _mean([r.covered for r in results if r.iou is not None]),
        "r_iou_correct": related and related["r"],
        "association": related,
    }


def _pooled(results: Sequence[Result], r_by_task: dict[str, float | None]) -> dict[str, Any]:
    """``task_scores`` over tasks; r with the tasks' means taken out, and a warning when pooling misleads."""
    scores = task_scores(results)
    measured = [(r.iou, float(r.correct), r.task) for r in results if r.iou is not None]
    if measured:
        r_within = within(*map(list, zip(*measured, strict=True)))
        warning = simpson_warning(scores["r_iou_correct"], r_by_task, r_within)
        scores["association"] |= {"r_within_tasks": r_within, "warning": warning}
    return scores


def _macro(results: Sequence[Result]) -> dict[str, Any]:
    """The mean over tasks; its interval draws groups across tasks."""
    if not results:
        return dict.fromkeys(_MACRO)
    right, groups, tasks = ([getattr(r, name) for r in results] for name in ("correct", "group", "task"))
    of_task: dict[str, list[bool]] = {}
    for task, correct in zip(tasks, right, strict=True):
        of_task.setdefault(task, []).append(correct)
    accuracy = math.fsum(sum(own) / len(own) for own in of_task.values()) / len(of_task)
    found = share_interval(right, groups, tasks)
    guessing = macro_chance([1 / r.options for r in results], tasks, accuracy)
    values = (accuracy, found.ci95, found.method, found.groups, guessing.mean, guessing.range95, guessing.p)
    return dict(zip(_MACRO, values, strict=True))


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else None
