"""How the IoU of the masks and the correctness of the answer go together."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from terrabench.statistics.groups import FloatArray, coded, group_sums
from terrabench.statistics.intervals import Interval, interval_of, share_interval
from terrabench.statistics.spread import FEW_GROUPS, Spread, TSpread, spread_of

DECILES = 10
TOLERANCE = 0.02
"""A pooled r this little outside those of the tasks misleads nobody."""

SIMPSON = (
    f"r over all tasks is more than {TOLERANCE} outside the range of the tasks' own r, or of another sign than r with "
    "the tasks' means taken out"
)
"""The rule by which pooling is said to mislead."""


def association(iou: Sequence[float], right: Sequence[bool], groups: Sequence[Hashable]) -> dict[str, Any]:
    """Figures of items with a measured IoU; each is None where it is not defined.

    ``r`` is the point-biserial correlation with its clustered interval, ``auroc`` the chance that a right answer has
    the larger IoU of a pair of one right and one wrong. ``deciles`` are accuracies in tenths of the items by IoU.
    """
    y = [float(v) for v in right]
    interval = correlation_interval(iou, y, groups)
    return {
        "n": len(iou),
        "r": pearson(iou, y),
        "r_ci95": interval.ci95,
        "ci_method": interval.method,
        "groups": interval.groups,
        "spearman": spearman(iou, y),
        "auroc": auroc(iou, right),
        "iou_right": _mean([i for i, v in zip(iou, right, strict=True) if v]),
        "iou_wrong": _mean([i for i, v in zip(iou, right, strict=True) if not v]),
        "deciles": deciles(iou, right, groups),
    }


def pearson(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Pearson correlation; None with fewer than two pairs or when either side does not vary."""
    if len(x) < 2 or float(np.ptp(x)) < 1e-12 or float(np.ptp(y)) < 1e-12:
        return None
    a, b = np.asarray(x) - np.mean(x), np.asarray(y) - np.mean(y)
    return float(np.clip(a @ b / math.sqrt(float(a @ a) * float(b @ b)), -1.0, 1.0))


def spearman(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Spearman's rank correlation, ties at their middle rank; None as for ``pearson``."""
    return pearson(midranks(x).tolist(), midranks(y).tolist()) if len(x) else None


def auroc(x: Sequence[float], right: Sequence[bool]) -> float | None:
    """Area under the ROC curve of ``x`` as a sign of being right, ties count half; None when all or none are right."""
    chosen = np.asarray(right, dtype=bool)
    n = int(chosen.sum())
    pairs = n * (len(chosen) - n)
    return float((midranks(x)[chosen].sum() - n * (n + 1) / 2) / pairs) if pairs else None


def midranks(x: Sequence[float]) -> FloatArray:
    """Ranks from 1 on; equal values share the middle of theirs."""
    _, place, counts = np.unique(np.asarray(x, dtype=float), return_inverse=True, return_counts=True)
    ranks: FloatArray = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def correlation_interval(x: Sequence[float], y: Sequence[float], groups: Sequence[Hashable]) -> Interval:
    """Clustered interval of Pearson's r: expanded bootstrap percentiles; under 30 groups t on Fisher's scale."""
    count = len(set(groups))
    if pearson(x, y) is None:
        return Interval(None, "none", count)
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
    codes, count = coded(groups)
    sums = group_sums(np.stack([np.ones(len(a)), a, b, a * a, b * b, a * b], axis=1), codes, count)
    if count >= FEW_GROUPS:
        return interval_of(spread_of(sums, _correlation), count, (-1.0, 1.0))
    spread: Spread | None = spread_of(sums, _fisher)
    if not isinstance(spread, TSpread):
        return Interval(None, "none", count)
    low, high = spread.ends()
    return Interval([math.tanh(low), math.tanh(high)], spread.method, count)


def _correlation(sums: FloatArray) -> FloatArray:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    variances = np.maximum(xx / n - (x / n) ** 2, 0) * np.maximum(yy / n - (y / n) ** 2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (xy / n - x * y / n**2) / np.sqrt(np.where(variances > 1e-18, variances, np.nan))
    clipped: FloatArray = np.clip(r, -1, 1)
    return clipped


def _fisher(sums: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        z: FloatArray = np.arctanh(_correlation(sums))
    return z


def deciles(iou: Sequence[float], right: Sequence[bool], groups: Sequence[Hashable]) -> list[dict[str, Any]] | None:
    """Accuracy in tenths of the items by IoU, the lowest first; None under 10 items.

    Items of equal IoU are never parted, so a tenth may be missing and its neighbour larger.
    """
    n = len(iou)
    if n < DECILES:
        return None
    tenth = np.minimum(DECILES - 1, np.floor((midranks(iou) - 0.5) / n * DECILES)).astype(int)
    rows = []
    for number in np.unique(tenth):
        inside = np.flatnonzero(tenth == number).tolist()
        own = [right[i] for i in inside]
        interval = share_interval(own, [groups[i] for i in inside])
        rows.append(
            {
                "decile": int(number) + 1,
                "iou_low": min(iou[i] for i in inside),
                "iou_high": max(iou[i] for i in inside),
                "n": len(inside),
                "accuracy": sum(own) / len(own),
                "ci95": interval.ci95,
                "ci_method": interval.method,
                "groups": interval.groups,
            }
        )
    return rows


def within(x: Sequence[float], y: Sequence[float], tasks: Sequence[Hashable]) -> float | None:
    """Pearson's r with the means of each task taken out of both sides: what pooling would give were tasks alike."""
    codes, count = coded(tasks)
    if not len(x):
        return None
    columns = np.stack([np.ones(len(x)), np.asarray(x, dtype=float), np.asarray(y, dtype=float)], axis=1)
    sums = group_sums(columns, codes, count)
    means = sums[:, 1:] / sums[:, :1]
    rest = columns[:, 1:] - means[codes]
    return pearson(rest[:, 0].tolist(), rest[:, 1].tolist())


def simpson_warning(pooled: float | None, by_task: Mapping[str, float | None], r_within: float | None) -> str | None:
    """Words of warning when r over all tasks misleads by the rule ``SIMPSON``; None otherwise."""
    own = {task: r for task, r in by_task.items() if r is not None}
    if pooled is None or len(own) < 2:
        return None
    low, high = min(own.values()), max(own.values())
    ranges = f"those of the tasks are {low:.2f} to {high:.2f}"
    if pooled > high + TOLERANCE:
        found = f"above that of every task ({ranges}): it mostly tells tasks apart"
    elif pooled < low - TOLERANCE:
        found = f"below that of every task ({ranges}): differences between tasks hide the relation within them"
    elif r_within is not None and pooled * r_within < 0:
        found = f"of another sign than within tasks ({r_within:.2f} with the tasks' means taken out)"
    else:
        return None
    return f"r over all tasks, {pooled:.2f}, is {found}. Read r by task"


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
