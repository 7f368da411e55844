"""What the answers of a probe say: accuracy by level, how much IoU a task needs, whether a model uses its masks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from terrabench.items import tasks_of
from terrabench.probe.points import ARITHMETIC, MODEL, Point, points_of
from terrabench.probe.run import TRUE
from terrabench.probe.use import follows_wrong_masks, interval_fields, use_of_masks
from terrabench.statistics.chance import chance_centred
from terrabench.statistics.intervals import share_interval

ALL_WAYS = "all"
NEEDS = {"half": 0.5, "ninety": 0.9}
"""Share of the chance-centred accuracy with true masks that has to be kept."""

RULES = {
    "masks": "Every mask of an item is degraded to the level. So missing parts and parts elsewhere leave the order of "
    "two areas as it was, and a ranking survives them by construction.",
    "levels": "A level is compared with the true masks of the same items, since not all reach the low levels; "
    "`reached` is the share of the series (items times seeds) that do.",
    "needs": "The smallest level at which, and at every higher level asked, the chance-centred accuracy is at least "
    "half (or 90 %) of that with the true masks. Null when the highest level fails already, or when the true masks "
    "themselves do not beat chance.",
    "difference": "Accuracy at the highest level less that at the lowest, over the series that reach both. A reader "
    "that ignores its masks has none.",
    "follows_wrong_masks": "Of the degraded masks that lead arithmetic to a wrong option, the share at which the model "
    "picks that very option; `beyond_true_masks` takes away how often it picks it with the true masks as well.",
    "uses_masks": "Whether an interval lies above 0: that of the difference, or for the model as a whole also that of "
    "following wrong masks beyond the true ones. Where all items agree and there is no interval, six groups that agree "
    "count as one (sign test). False when no interval does, null when there is none.",
}
"""How the figures are defined; a copy is in ``probe.json``."""

_EPSILON = 1e-9


def report(lines: Sequence[Mapping[str, Any]], items: Mapping[str, Mapping[str, Any]], model: bool) -> dict[str, Any]:
    """All curves: by reader, task and way. ``unreached`` counts series (items times seeds) by task, way and level."""
    readers = {"arithmetic": ARITHMETIC} | ({"model": MODEL} if model else {})
    series = Counter((line["task"], way) for line in lines if line["way"] != TRUE for way in (line["way"], ALL_WAYS))
    return {
        "rules": RULES,
        "unreached": _unreached(lines),
        "errors": sum(p.get("status") == "error" for line in lines for p in line["points"]),
        "unparsed": sum(p.get("status") == "unparsed" for line in lines for p in line["points"]),
        "readers": {name: _reader(points_of(lines, items, field), series, name) for name, field in readers.items()},
    }


def _unreached(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, int]]]:
    counts: dict[str, dict[str, Counter[str]]] = {}
    for line in lines:
        if line["way"] != TRUE:
            own = counts.setdefault(line["task"], {}).setdefault(line["way"], Counter())
            own.update(str(level) for level in line["unreached"])
    return {task: {way: dict(own) for way, own in ways.items()} for task, ways in counts.items()}


def _reader(points: Sequence[Point], series: Mapping[tuple[str, str], int], name: str) -> dict[str, Any]:
    ways = [*dict.fromkeys(p.way for p in points), ALL_WAYS]
    tasks = {}
    for task in tasks_of({p.task for p in points}):
        of_task = [p for p in points if p.task == task]
        by_way = {way: [p for p in of_task if way in (p.way, ALL_WAYS)] for way in ways}
        tasks[task] = {way: _curve(own, series[task, way]) for way, own in by_way.items() if own}
    found: dict[str, Any] = {"tasks": tasks}
    if name == "model" and points:
        use, follows = use_of_masks(points), follows_wrong_masks(points)
        verdicts = (use["uses_masks"], follows["beyond_true_masks"]["above_zero"])
        used = True in verdicts or (None if verdicts == (None, None) else False)
        found |= {"all_tasks": use | {"uses_masks": used}, "follows_wrong_masks": follows}
    return found


def _curve(points: Sequence[Point], series: int) -> dict[str, Any]:
    asked = sorted({p.level for p in points}, reverse=True)
    levels = [_level([p for p in points if p.level == level], level, series) for level in asked]
    needs = {name: needed_iou(levels, share) for name, share in NEEDS.items()}
    return {"levels": levels, "needs": needs, **use_of_masks(points)}


def _level(points: Sequence[Point], level: float, series: int) -> dict[str, Any]:
    n = len(points)
    groups = [p.group for p in points]
    accuracy, chance = sum(p.right for p in points) / n, math.fsum(p.chance for p in points) / n
    true = sum(p.true_right for p in points) / n
    interval = share_interval([p.right for p in points], groups)
    ious = [p.iou for p in points if p.iou is not None]
    return {
        "level": level,
        "iou": math.fsum(ious) / len(ious) if ious else None,
        "n": n,
        "items": len({p.item for p in points}),
        "reached": n / series,
        "accuracy": accuracy,
        **interval_fields(interval),
        "chance": chance,
        "chance_centred": chance_centred(accuracy, chance),
        "centred_ci95": interval.ci95 and [chance_centred(end, chance) for end in interval.ci95],
        "true_accuracy": true,
        "true_centred": chance_centred(true, chance),
    }


def needed_iou(levels: Sequence[Mapping[str, Any]], share: float) -> float | None:
    """The smallest level that keeps ``share`` of the true masks' chance-centred accuracy, as all higher levels do.

    ``levels`` have ``level``, ``chance_centred`` and ``true_centred``. None: never, or nothing to keep.
    """
    smallest = None
    for row in sorted(levels, key=lambda row: -row["level"]):
        true, own = row["true_centred"], row["chance_centred"]
        if true is None or own is None or true <= 0 or own < share * true - _EPSILON:
            break
        smallest = row["level"]
    return smallest
