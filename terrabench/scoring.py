"""From a run folder to ``scores.json``: accuracy, mask IoU, and how the two go together.

Everything is computed from the raw replies and masks in ``responses.jsonl`` and from the benchmark. Replies are parsed
here again, so that one parser decides all runs. Every selected item stays in the denominator: unparsed, failed and
missing ones are wrong, and count as IoU 0 where there is a true mask. What is not defined is null, never NaN.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from terrabench.answers import PARSER_VERSION, parse
from terrabench.items import TASKS, Benchmark, tasks_of
from terrabench.responses import SCORES, STATUSES, RunError, ids_sha256, load_responses, load_run, selected_items
from terracot.io import atomic_write_text, pretty_json, stamp
from terracot.masks import RleError, decode, item_iou
from terracot.plugins import PredictedMask

GROUND_TASKS = ("area", "distance")
"""Tasks in metres, reported apart for measured and nominal pixel sizes."""


@dataclass(frozen=True)
class Result:
    """One item as scored. ``iou`` is None when the item has no true mask that can be measured."""

    id: str
    task: str
    group: str
    ground_basis: str
    options: int
    status: str
    letter: str | None
    correct: bool
    iou: float | None
    covered: bool
    both_empty: int
    dropped_masks: int = 0


def score(run_dir: str | Path, bench: str | Path | Benchmark | None = None) -> dict[str, Any]:
    """Score a run, write ``scores.json`` into it, and return its content.

    The benchmark is the one that ``run.json`` names, unless given. ``RunError`` when its manifest has changed since
    the run (a benchmark given as ``bench`` may have another manifest as long as it holds the same items).
    """
    run = load_run(run_dir)
    benchmark, items = _benchmark_of(run, run_dir, bench)
    scores = {
        "model": run["model"],
        "privileged": run.get("privileged", False),
        "bench": {**run["bench"], **{k: benchmark.manifest.get(k) for k in ("name", "protocol")}},
        "seed": run["seed"],
        "limit": run.get("limit"),
        "items": len(items),
        "parser": PARSER_VERSION,
        **summary(item_results(run_dir, benchmark, items)),
        "run_stamp": run.get("stamp"),
        "score_stamp": stamp(),
    }
    atomic_write_text(Path(run_dir) / SCORES, pretty_json(scores))
    return scores


def item_results(run_dir: str | Path, bench: Benchmark, items: Sequence[dict[str, Any]]) -> list[Result]:
    """One ``Result`` per item, in the order of ``items``, from the lines of the run."""
    lines = load_responses(run_dir)
    stray = sorted(set(lines) - {item["id"] for item in bench.items})
    if stray:
        raise RunError(f"{run_dir} answers {len(stray)} items that {bench.path} does not have, such as {stray[0]}")
    return [_result(bench, item, lines.get(item["id"])) for item in items]


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


def _benchmark_of(
    run: Mapping[str, Any], run_dir: str | Path, given: str | Path | Benchmark | None
) -> tuple[Benchmark, list[dict[str, Any]]]:
    """The benchmark and the items that the run selected of it, both checked against ``run.json``."""
    path = run["bench"]["path"]
    if given is None and not Path(path).is_dir():
        raise RunError(f"the benchmark of {run_dir} is not at {path} any more; say where it is with --bench")
    bench = given if isinstance(given, Benchmark) else Benchmark.open(given or path)
    items = selected_items(bench, run.get("limit"))
    if bench.manifest_sha256 != run["bench"]["manifest_sha256"]:
        if given is None:
            raise RunError(
                f"{path} has changed since {run_dir} was made (its manifest is another one). Run again, or give the "
                "benchmark to score against with --bench"
            )
        if ids_sha256(items) != run["bench"].get("ids_sha256"):
            raise RunError(f"{bench.path} does not hold the items that {run_dir} was asked; give that benchmark")
    return bench, items


def _result(bench: Benchmark, item: Mapping[str, Any], line: Mapping[str, Any] | None) -> Result:
    status, letter = "missing", None
    predicted: list[PredictedMask] = []
    if line is not None:
        status = line["status"]
        if status != "error":
            letter = parse(str(line["reply"]), item["options"]).letter
            status = "ok" if letter else "unparsed"
            predicted = _predicted(line, bench.shape(item))
    iou = item_iou(predicted, bench.evidence(item), bench.valid(item))
    return Result(
        id=item["id"],
        task=item["task"],
        group=item["group"],
        ground_basis=item["ground_basis"],
        options=len(item["options"]),
        status=status,
        letter=letter,
        correct=letter == item["answer"],
        iou=iou.value,
        covered=iou.covered,
        both_empty=iou.both_empty,
        dropped_masks=int((line or {}).get("dropped_masks") or 0),
    )


def _predicted(line: Mapping[str, Any], shape: tuple[int, int]) -> list[PredictedMask]:
    masks = []
    for number, entry in enumerate(line.get("masks") or (), 1):
        try:
            masks.append(PredictedMask(int(entry["t"]), decode(entry["rle"], shape), entry.get("label")))
        except (RleError, KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"responses.jsonl, item {line['id']}, mask {number} cannot be read ({error}); the file was changed "
                "after the run. Restore it, or run the item again"
            ) from error
    return masks


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else None
