"""95 % intervals of shares, means and macro means, clustered by group."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from terrabench.statistics.groups import FloatArray, coded, group_sums, singles
from terrabench.statistics.spread import FEW_GROUPS, Spread, TSpread, bootstrap_spread

METHODS = {
    "bootstrap": "2,000 resamples of groups, bias-corrected and accelerated percentiles",
    "t": f"Student's t on group means (shares: on the scale of log odds), as a task has under {FEW_GROUPS} groups",
    "wilson": "Wilson, as every group holds one item",
    "wilson-groups": "Wilson with each group counted once, as all items are right or all are wrong",
    "none": "one group only, or nothing varies between groups",
}
"""What ``ci_method`` can be."""

ANYTHING, SHARE = (-math.inf, math.inf), (0.0, 1.0)
"""Bounds of a mean."""


@dataclass(frozen=True)
class Interval:
    """``ci95`` as ``[low, high]``, or None when the data cannot tell; how it was made; of how many groups."""

    ci95: list[float] | None
    method: str
    groups: int


def wilson(right: float, n: int, z: float = 1.959963984540054) -> list[float] | None:
    """Wilson's score interval of a share, 95 % by default; None for no items."""
    if n == 0:
        return None
    share, zz = right / n, z * z / n
    middle = (share + zz / 2) / (1 + zz)
    half = z / (1 + zz) * math.sqrt(max(0.0, share * (1 - share)) / n + zz / (4 * n))
    return [max(0.0, middle - half), min(1.0, middle + half)]


def share_interval(
    right: Sequence[bool], groups: Sequence[Hashable], tasks: Sequence[Hashable] | None = None
) -> Interval:
    """Interval of the share that is right; with ``tasks``, of the mean over tasks of their shares.

    Clustered by group (``terrabench.statistics.spread``). Wilson's where every group holds one item and there are no
    tasks. Where all items are right, or all wrong, resampling would claim to be certain: Wilson's is given with as
    many items as there are groups, of the task with the fewest.
    """
    n, total = len(right), sum(map(bool, right))
    if n and total in (0, n):
        fewest = min(_groups_by_task(groups, tasks).values())
        return Interval(wilson(fewest if total else 0, fewest), "wilson-groups", len(set(groups)))
    if n and tasks is None and singles(groups):
        return Interval(wilson(total, n), "wilson", n)
    return mean_interval([float(r) for r in right], groups, tasks, SHARE)


def mean_interval(
    values: Sequence[float] | FloatArray,
    groups: Sequence[Hashable],
    tasks: Sequence[Hashable] | None = None,
    bounds: tuple[float, float] = ANYTHING,
) -> Interval:
    """Clustered interval of the mean of ``values``, or with ``tasks`` of the mean over tasks of their means.

    ``bounds`` are the smallest and largest possible mean; the interval ends there.
    """
    return interval_of(mean_spread(values, groups, tasks), len(set(groups)), bounds)


def interval_of(spread: Spread | None, groups: int, bounds: tuple[float, float] = ANYTHING) -> Interval:
    """The interval of a spread, cut at ``bounds``; that of a share is made for one."""
    if spread is None:
        return Interval(None, "none", groups)
    low, high = spread.ends_as_share() if bounds == SHARE else spread.ends()
    return Interval([max(bounds[0], low), min(bounds[1], high)], spread.method, groups)


def mean_spread(
    values: Sequence[float] | FloatArray, groups: Sequence[Hashable], tasks: Sequence[Hashable] | None = None
) -> Spread | None:
    """Spread of the mean of ``values``, or with ``tasks`` of the mean over tasks of their means.

    Groups are drawn as wholes, across tasks. It counts as one of as many groups as the task with the fewest has. None
    when a task is in one group only, or nothing varies between groups.
    """
    if not len(values):
        return None
    codes, count = coded(groups)
    task_codes, many = coded(tasks if tasks is not None else [0] * len(values))
    columns = np.zeros((len(values), 2 * many))
    rows = np.arange(len(values))
    columns[rows, task_codes] = values
    columns[rows, many + task_codes] = 1.0
    sums = group_sums(columns, codes, count)
    fewest = int((sums[:, many:] > 0).sum(axis=0).min())
    if fewest < 2:
        return None
    if fewest < FEW_GROUPS:
        return _by_t(sums[:, :many], sums[:, many:])
    return bootstrap_spread(sums, _mean_of_means, fewest)


def _mean_of_means(sums: FloatArray) -> FloatArray:
    many = sums.shape[-1] // 2
    means: FloatArray = (sums[..., :many] / sums[..., many:]).mean(axis=-1)
    return means


def _by_t(sums: FloatArray, counts: FloatArray) -> TSpread | None:
    """Jackknife over groups ``(groups, tasks)``; degrees of freedom by Welch and Satterthwaite when there are tasks.

    Each task is scaled by its own number of groups; a group in several tasks moves them together.
    """
    many = sums.shape[1]
    totals, items = sums.sum(axis=0), counts.sum(axis=0)
    in_task = (counts > 0).sum(axis=0)
    moved = ((totals - sums) / (items - counts) - totals / items) * np.sqrt((in_task - 1) / in_task) / many
    variances = (moved**2).sum(axis=0)
    se = math.sqrt(float((moved.sum(axis=1) ** 2).sum()))
    if se < 1e-12:
        return None
    dof = float(variances.sum()) ** 2 / float((variances**2 / (in_task - 1)).sum())
    return TSpread(float((totals / items).mean()), se, dof)


def _groups_by_task(groups: Sequence[Hashable], tasks: Sequence[Hashable] | None) -> dict[Hashable, int]:
    found: dict[Hashable, set[Hashable]] = {}
    for group, task in zip(groups, tasks if tasks is not None else [0] * len(groups), strict=True):
        found.setdefault(task, set()).add(group)
    return {task: len(names) for task, names in found.items()}
