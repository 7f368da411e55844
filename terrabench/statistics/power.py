"""What a set of items can show: the smallest difference that would be seen in four of five tries."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from terrabench.statistics.groups import coded, group_sums
from terrabench.statistics.spread import LEVEL

POWER = 0.8


def intraclass_correlation(values: Sequence[float], groups: Sequence[Hashable]) -> float | None:
    """How alike items of a group are, 0 to 1, by analysis of variance; None without a group of two, or of one group.

    A negative estimate is given as 0. Where nothing varies it is None.
    """
    codes, count = coded(groups)
    n = len(values)
    if count < 2 or count == n:
        return None
    y = np.asarray(values, dtype=float)
    sums = group_sums(np.stack([np.ones(n), y - y.mean()], axis=1), codes, count)
    sizes, totals = sums[:, 0], sums[:, 1]
    means = totals / sizes
    between = float(sizes @ means**2) / (count - 1)
    within = float(((y - y.mean() - means[codes]) ** 2).sum()) / (n - count)
    usual = (n - float(sizes @ sizes) / n) / (count - 1)
    spread = between + (usual - 1) * within
    return min(1.0, max(0.0, (between - within) / spread)) if spread > 1e-12 else None


def design_effect(groups: Sequence[Hashable], icc: float) -> float:
    """How much wider clustered items make the variance of a mean: 1 + (m - 1) icc, m the size met by an item."""
    codes, count = coded(groups)
    sizes = np.bincount(codes, minlength=count)
    return 1 + (float(sizes @ sizes) / len(groups) - 1) * icc


def smallest_difference(groups: Sequence[Hashable], icc: float | None) -> float | None:
    """The smallest difference in accuracy between two models that these items show with 80 % power at 5 % (two-sided).

    Both near one half right, where it takes most, and no more alike than two models can be: `compare` pairs them by
    item and usually sees less. ``icc`` None counts as 0. None for one group; never above 1.
    """
    count = len(set(groups))
    if count < 2:
        return None
    variance = 2 * 0.25 * design_effect(groups, icc or 0.0) / len(groups)
    return min(1.0, detectable(math.sqrt(variance), count - 1))


def detectable(se: float, dof: float) -> float:
    """The difference that a two-sided t test at 5 % with this standard error shows with 80 % power."""
    from scipy.special import stdtrit

    return float(stdtrit(dof, (1 + LEVEL) / 2) + stdtrit(dof, POWER)) * se
