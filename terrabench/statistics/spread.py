"""How far a figure would move had other groups been drawn.

A figure is a function of sums over items. Resampling groups means weighting the sums of each group: a bootstrap weighs
a group by how often it was drawn, a jackknife by 1, and by 0 the one group that it leaves out. So every figure needs
the same two lines, and a resample costs one product of matrices.

With ``FEW_GROUPS`` groups or more the bootstrap is used, with percentiles corrected for bias and skewness (BCa: Efron
1987, doi 10.1080/01621459.1987.10478410) and expanded for the number of groups (Hesterberg 2015, doi
10.1080/00031305.2015.1089789): plain ones are too narrow near 0 and 1, and for few groups. With fewer groups the
jackknife gives a standard error and Student's t the interval: for a mean over groups of one size this is the t-interval
on group means; for other sizes and figures, that on Tukey's pseudo-values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from terrabench.statistics.groups import FloatArray

RESAMPLES = 2000
SEED = 0
FEW_GROUPS = 30
"""Below this number of groups a bootstrap is too narrow, and t-intervals are given."""

LEVEL = 0.95
_CHUNK = 1 << 20
"""Weights held at a time, as a number of them."""

Statistic = Callable[[FloatArray], FloatArray]
"""Sums ``(..., k)`` to figures ``(...)``; NaN where the figure is not defined."""


@dataclass(frozen=True)
class TSpread:
    """A standard error with degrees of freedom."""

    value: float
    se: float
    dof: float
    method: str = "t"

    def ends(self) -> tuple[float, float]:
        """The 95 % interval."""
        half = self.half
        return self.value - half, self.value + half

    def ends_as_share(self) -> tuple[float, float]:
        """The 95 % interval of a value between 0 and 1, by its log odds: near the ends it is not symmetric."""
        from scipy.special import expit, logit

        odds = self.half / (self.value * (1 - self.value))
        return float(expit(logit(self.value) - odds)), float(expit(logit(self.value) + odds))

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        from scipy.special import stdtrit

        return float(stdtrit(self.dof, (1 + LEVEL) / 2)) * self.se

    def p_zero(self) -> float:
        """Two-sided p-value of the figure being 0 in truth."""
        from scipy.special import stdtr

        return min(1.0, 2 * float(stdtr(self.dof, -abs(self.value) / self.se)))


@dataclass(frozen=True)
class BootstrapSpread:
    """Figures of the resamples, ``(b,)``, of so many groups; ``bias`` and ``skew`` are z0 and a of BCa."""

    replicates: FloatArray
    groups: int
    bias: float = 0.0
    skew: float = 0.0
    method: str = "bootstrap"

    @property
    def se(self) -> float:
        """Standard error: the standard deviation of the resamples, times what makes up for plugging in n."""
        return float(np.std(self.replicates, ddof=1)) * math.sqrt(self.groups / (self.groups - 1))

    @property
    def dof(self) -> float:
        """Degrees of freedom of the standard error."""
        return self.groups - 1.0

    def ends(self) -> tuple[float, float]:
        """The 95 % interval."""
        from scipy.special import ndtr, stdtrit

        z = float(stdtrit(self.dof, (1 + LEVEL) / 2)) * math.sqrt(self.groups / (self.groups - 1))
        moved = [self.bias + (self.bias + side) / (1 - self.skew * (self.bias + side)) for side in (-z, z)]
        low, high = np.quantile(self.replicates, ndtr(moved))
        return float(low), float(high)

    ends_as_share = ends

    def p_zero(self) -> float:
        """Two-sided p-value of the figure being 0 in truth: the level at which 0 would leave the interval.

        The resamples count as one more than they are, so that it is never 0.
        """
        from scipy.special import ndtri, stdtr

        below = float((self.replicates < 0).sum()) + 0.5 * float((self.replicates == 0).sum())
        at = float(ndtri((below + 0.5) / (len(self.replicates) + 1))) - self.bias
        z = at / (1 + self.skew * at) - self.bias
        return min(1.0, 2 * float(stdtr(self.dof, -abs(z) * math.sqrt((self.groups - 1) / self.groups))))


Spread = TSpread | BootstrapSpread


def spread_of(sums: FloatArray, statistic: Statistic) -> Spread | None:
    """The spread of one figure of ``(groups, k)`` sums; None when the groups cannot tell (one, or all alike)."""
    groups = len(sums)
    if groups < 2:
        return None
    value = float(statistic(sums.sum(axis=0)))
    if not math.isfinite(value):
        return None
    if groups < FEW_GROUPS:
        moved = jackknife(sums, statistic) - value
        se = math.sqrt((groups - 1) / groups * float(moved @ moved)) if np.isfinite(moved).all() else 0.0
        return TSpread(value, se, groups - 1) if se > 1e-12 else None
    return bootstrap_spread(sums, statistic, groups)


def bootstrap_spread(sums: FloatArray, statistic: Statistic, groups: int) -> BootstrapSpread | None:
    """The spread by resampling, to be judged as one of ``groups`` groups; None when the resamples cannot tell.

    Resamples in which the figure is not defined are left out, up to one in ten.
    """
    from scipy.special import ndtri

    replicates = bootstrap(sums, statistic)
    defined = replicates[np.isfinite(replicates)]
    if len(defined) < 0.9 * len(replicates) or float(np.ptp(defined)) < 1e-12:
        return None
    value = float(statistic(sums.sum(axis=0)))
    below = float((defined < value).sum()) + 0.5 * float((defined == value).sum())
    pulls = value - jackknife(sums, statistic)
    pulls = pulls[np.isfinite(pulls)]
    pulls -= pulls.mean()
    skew = float((pulls**3).sum()) / (6 * float(pulls @ pulls) ** 1.5)
    return BootstrapSpread(defined, groups, float(ndtri((below + 0.5) / (len(defined) + 1))), skew)


def jackknife(sums: FloatArray, statistic: Statistic) -> FloatArray:
    """``(groups,)`` figures, each without one of the groups."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return statistic(sums.sum(axis=0) - sums)


def bootstrap(sums: FloatArray, statistic: Statistic, resamples: int = RESAMPLES, seed: int = SEED) -> FloatArray:
    """``(resamples,)`` figures of as many groups as there are, drawn with replacement."""
    groups = len(sums)
    rows = max(1, _CHUNK // groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.concatenate(
            [
                statistic(_drawn(groups, min(rows, resamples - start), seed, start).astype(np.float64) @ sums)
                for start in range(0, resamples, rows)
            ]
        )


@lru_cache(maxsize=32)  # 64 MB at most; the figures of one set of items have the same resamples
def _drawn(groups: int, rows: int, seed: int, start: int) -> npt.NDArray[np.uint16]:
    """How often each group is drawn, ``(rows, groups)``."""
    drawn = np.random.default_rng([seed, groups, start]).integers(groups, size=(rows, groups))
    drawn += (np.arange(rows) * groups)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.uint16)
