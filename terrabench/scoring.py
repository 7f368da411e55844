"""From a run folder to ``scores.json``: accuracy, mask IoU, and how the two go together.

Everything is computed from the results of single items (``terrabench.results``). What is not defined is null, never
NaN.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from terrabench.answers import PARSER_VERSION
from terrabench.circular import circular_scores
from terrabench.control_names import CIRCULAR
from terrabench.items import TASKS, Benchmark, tasks_of
from terrabench.responses import SCORES, STATUSES, control_of, load_run
from terrabench.results import Result, benchmark_of, item_results
from terracot.io import atomic_write_text, pretty_json, stamp

GROUND_TASKS = ("area", "distance")
"""Tasks in metres, reported apart for measured and nominal pixel sizes."""


def score(run_dir: str | Path, bench: str | Path | Benchmark | None = None) -> dict[str, Any]:
    """Score a run, write ``scores.json`` into it, and return its content.

    ``control`` is null for a plain run, else {name, label, version, ...}; ``items`` includes those ``not_applicable``
    under it, which are in no other figure. ``circular`` is null but under shuffled-options.

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
        "prompt": run.get("prompt"),
        "control": run.get("control"),
        "not_applicable": len(items) - len(results),
        **summary(results),
        "circular": circular_scores(results) if control_of(run) == CIRCULAR else None,
        "run_stamp": run.get("stamp"),
        "score_stamp": stamp(),
    }
    atomic_write_text(Path(run_dir) / SCORES, pretty_json(scores))
    return scores


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """All figures of ``scores.json`` that follow from the item results."""
    tasks = {}
    for task in tasks_of({r.task for r in results}):
        of_task = [r for r in results if r.task == task]
        tasks[task] = task_scores(of_task)
        if task in GROUND_TASKS:
            bases = {basis: [r for r in of_task if r.ground_basis == basis] for basis in ("measured", "nominal")}
            tasks[task]["by_ground"] = {basis: task_scores(part) for basis, part in bases.items() if part}
    macro = _mean([t["accuracy"] for t in tasks.values()])
    counts = Counter(r.status for r in results)
    overall = task_scores(results) if results else dict.fromkeys(("mean_iou", "iou_covered", "r_iou_correct"))
    return {
        "macro_accuracy": macro,
        "macro_tasks": list(tasks),
        "macro6": _mean([tasks[task]["accuracy"] for task in TASKS]) if TASKS.keys() <= tasks.keys() else None,
        "micro_accuracy": _mean([r.correct for r in results]),
        "micro_ci95": wilson(sum(r.correct for r in results), len(results)),
        "chance_macro": _mean([t["chance"] for t in tasks.values()]),
        "chance_micro": _mean([1 / r.options for r in results]),
        "mean_iou": overall["mean_iou"],
        "mean_iou_macro": _mean([t["mean_iou"] for t in tasks.values() if t["mean_iou"] is not None]),
        "iou_covered": overall["iou_covered"],
        "iou_both_empty": sum(r.both_empty for r in results),
        "dropped_masks": sum(r.dropped_masks for r in results),
        "r_iou_correct": overall["r_iou_correct"],
        "counts": {status: counts[status] for status in STATUSES},
        "complete": counts["missing"] == 0,
        "tasks": tasks,
    }


def task_scores(results: Sequence[Result]) -> dict[str, Any]:
    """Figures of one non-empty set of items.

    ``ci95`` is Wilson's interval; ``chance`` the mean of 1 / options; ``chance_centred`` is 0 at chance and 1 when
    all is right; ``mean_iou`` and ``iou_covered`` (share with at least one mask given) are over items with true
    masks; ``r_iou_correct`` is the point-biserial correlation of IoU and correctness over the same.
    """
    n, right = len(results), sum(r.correct for r in results)
    accuracy, chance = right / n, math.fsum(1 / r.options for r in results) / n
    measured = [r for r in results if r.iou is not None]
    ious = [r.iou for r in measured if r.iou is not None]
    return {
        "n": n,
        "accuracy": accuracy,
        "ci95": wilson(right, n),
        "chance": chance,
        "chance_centred": (accuracy - chance) / (1 - chance) if chance < 1 else None,
        "mean_iou": _mean(ious),
        "iou_n": len(ious),
        "iou_covered": _mean([r.covered for r in measured]),
        "r_iou_correct": pearson(ious, [float(r.correct) for r in measured]),
    }


def wilson(right: int, n: int, z: float = 1.959963984540054) -> list[float] | None:
    """Wilson's score interval of a share, 95 % by default; None for no items."""
    if n == 0:
        return None
    share, zz = right / n, z * z / n
    middle = (share + zz / 2) / (1 + zz)
    half = z / (1 + zz) * math.sqrt(share * (1 - share) / n + zz / (4 * n))
    return [max(0.0, middle - half), min(1.0, middle + half)]


def pearson(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Pearson correlation; None with fewer than two pairs or when either side does not vary."""
    if len(x) < 2 or float(np.ptp(x)) < 1e-12 or float(np.ptp(y)) < 1e-12:
        return None
    a, b = np.asarray(x) - np.mean(x), np.asarray(y) - np.mean(y)
    return float(np.clip(a @ b / math.sqrt(float(a @ a) * float(b @ b)), -1.0, 1.0))


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else None
