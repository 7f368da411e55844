"""What the answers of a probe say: accuracy by level, how much IoU a task needs, whether a model uses its masks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from terrabench.items import tasks_of
from terrabench.probe.run import TRUE
from terrabench.statistics.chance import chance_centred
from terrabench.statistics.groups import FloatArray, coded, group_sums
from terrabench.statistics.intervals import Interval, interval_of, mean_interval, share_interval
from terrabench.statistics.spread import spread_of

ARITHMETIC, MODEL = "arithmetic", "letter"
"""Fields of a point that hold a letter."""

ALL_WAYS = "all"
NEEDS = {"half": 0.5, "ninety": 0.9}
"""Share of the chance-centred accuracy with true masks that has to be kept."""

RULES = {
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
_AGREEING = 6  # groups: 2 / 2^6 is under 5 %


@dataclass(frozen=True)
class Point:
    """One answer to one set of masks. ``true_letter`` and ``true_right`` are of the same reader with the true masks."""

    item: str
    task: str
    group: str
    way: str
    seed: int
    level: float
    iou: float | None
    chance: float
    right: bool
    true_right: bool
    letter: str | None
    true_letter: str | None
    misled: str | None
    """The wrong option that arithmetic picks from these masks; None where it picks the right one or none."""


def points_of(lines: Iterable[Mapping[str, Any]], items: Mapping[str, Mapping[str, Any]], field: str) -> list[Point]:
    """The answers of one reader (``ARITHMETIC`` or ``MODEL``) to degraded masks; ``items`` by id."""
    lines = list(lines)
    true = {line["id"]: line["points"][0].get(field) for line in lines if line["way"] == TRUE}
    found = []
    for line in lines:
        if line["way"] == TRUE:
            continue
        item = items[line["id"]]
        for point in line["points"]:
            exact = point[ARITHMETIC]
            found.append(
                Point(
                    item=line["id"],
                    task=line["task"],
                    group=item["group"],
                    way=line["way"],
                    seed=line["seed"],
                    level=point["level"],
                    iou=point["iou"],
                    chance=1 / len(item["options"]),
                    right=point.get(field) == item["answer"],
                    true_right=true[line["id"]] == item["answer"],
                    letter=point.get(field),
                    true_letter=true[line["id"]],
                    misled=exact if exact != item["answer"] else None,
                )
            )
    return found


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
        **_stated(interval),
        "chance": chance,
        "chance_centred": chance_centred(accuracy, chance),
        "centred_ci95": interval.ci95 and [chance_centred(end, chance) for end in interval.ci95],
        "true_accuracy": true,
        "true_centred": chance_centred(true, chance),
    }


def _stated(interval: Interval) -> dict[str, Any]:
    return {"ci95": interval.ci95, "ci_method": interval.method, "groups": interval.groups}


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


def use_of_masks(points: Sequence[Point]) -> dict[str, Any]:
    """How much accuracy hangs on the masks: lost from the highest to the lowest level, and per unit of IoU.

    ``difference`` is over the series that reach both levels; ``slope`` is that of a straight line through all answers
    by the item's IoU. Both have intervals clustered by group, and are None where they are not defined.
    """
    levels = sorted({p.level for p in points})
    high, low = ({(p.item, p.way, p.seed): p for p in points if p.level == v} for v in (levels[-1], levels[0]))
    both = [key for key in high if key in low] if len(levels) > 1 else []
    gains = [float(high[key].right) - float(low[key].right) for key in both]
    lost = _contrast(gains, [high[key].group for key in both])
    slope, interval = _slope([p for p in points if p.iou is not None])
    return {
        "difference": {"between": [levels[-1], levels[0]], **lost},
        "slope": {"value": slope, **_stated(interval)},
        "uses_masks": lost["above_zero"],
    }


def _contrast(gains: Sequence[float], groups: Sequence[str]) -> dict[str, Any]:
    """Mean of paired differences from -1 to 1, its interval, and whether that lies above 0."""
    interval = mean_interval(gains, groups, bounds=(-1.0, 1.0))
    above = interval.ci95[0] > 0 if interval.ci95 else _agreed(gains, interval.groups)
    value = math.fsum(gains) / len(gains) if gains else None
    return {"n": len(gains), "value": value, **_stated(interval), "above_zero": above}


def _agreed(gains: Sequence[float], groups: int) -> bool | None:
    """The verdict without an interval: no difference at all, or the same one in so many groups that it is no chance."""
    if not gains or len(set(gains)) > 1:
        return None
    if gains[0] <= 0:
        return False
    return True if groups >= _AGREEING else None


def _slope(points: Sequence[Point]) -> tuple[float | None, Interval]:
    if len({p.iou for p in points}) < 2:
        return None, Interval(None, "none", len({p.group for p in points}))
    x, y = np.array([p.iou for p in points]), np.array([float(p.right) for p in points])
    codes, count = coded([p.group for p in points])
    sums = group_sums(np.stack([np.ones(len(x)), x, y, x * x, x * y], axis=1), codes, count)
    figure: Callable[[FloatArray], FloatArray] = _regression
    return float(figure(sums.sum(axis=0))), interval_of(spread_of(sums, figure), count)


def _regression(sums: FloatArray) -> FloatArray:
    n, x, y, xx, xy = np.moveaxis(sums, -1, 0)
    slope: FloatArray = (xy - x * y / n) / (xx - x * x / n)
    return slope


def follows_wrong_masks(points: Sequence[Point]) -> dict[str, Any]:
    """How often a model goes along with masks that mislead, by itself and beyond the true masks, with intervals."""
    misled = [p for p in points if p.misled is not None]
    groups = [p.group for p in misled]
    follows = [p.letter == p.misled for p in misled]
    beyond = [float(p.letter == p.misled) - float(p.true_letter == p.misled) for p in misled]
    return {
        "n": len(misled),
        "share": sum(follows) / len(follows) if follows else None,
        **_stated(share_interval(follows, groups)),
        "beyond_true_masks": _contrast(beyond, groups),
    }
