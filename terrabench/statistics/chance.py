"""What guessing gives: the exact distribution of the number of right answers, when each item has its own chance.

A reader who picks each letter at random answers items independently, whatever group they are in, so the number right
follows the Poisson binomial distribution. Items of equal chance are binomial; the few kinds are convolved.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from terrabench.statistics.groups import FloatArray
from terrabench.statistics.spread import SEED

DRAWS = 20_000


@dataclass(frozen=True)
class Chance:
    """``mean`` accuracy of guessing, its central 95 % range, and the chance ``p`` of doing at least so well."""

    mean: float
    range95: list[float]
    p: float


def right_by_chance(chances: Sequence[float]) -> FloatArray:
    """``(n + 1,)`` probabilities of 0, 1 ... n right answers; ``chances`` are those of each item."""
    distribution = np.ones(1)
    for chance, count in sorted(Counter(chances).items()):
        distribution = np.convolve(distribution, _binomial(count, chance))
    return distribution


def chance_of(chances: Sequence[float], right: int) -> Chance:
    """Chance of a non-empty set of items, ``right`` of which were answered rightly."""
    distribution, n = right_by_chance(chances), len(chances)
    below = np.cumsum(distribution)
    low, high = (min(int(np.searchsorted(below, q)), n) for q in (0.025, 0.975))
    tail = math.fsum(distribution[right:])
    return Chance(math.fsum(chances) / n, [low / n, high / n], min(1.0, tail))


def macro_chance(chances: Sequence[float], tasks: Sequence[Hashable], macro: float) -> Chance:
    """Chance of the mean over tasks: the mean is exact, range and p come from ``DRAWS`` seeded draws of guesses."""
    of_task: dict[Hashable, list[float]] = {}
    for task, chance in zip(tasks, chances, strict=True):
        of_task.setdefault(task, []).append(chance)
    rng = np.random.default_rng(SEED)
    drawn = np.zeros(DRAWS)
    for _, own in sorted(of_task.items(), key=lambda pair: str(pair[0])):
        for chance, count in sorted(Counter(own).items()):
            drawn += rng.binomial(count, chance, DRAWS) / len(own)
    drawn /= len(of_task)
    mean = math.fsum(math.fsum(own) / len(own) for own in of_task.values()) / len(of_task)
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    as_good = int((drawn >= macro - 1e-12).sum())
    return Chance(mean, [float(low), float(high)], (1 + as_good) / (1 + DRAWS))


def chance_centred(accuracy: float, chance: float) -> float | None:
    """0 at chance and 1 when all is right; below chance it is negative. None where there is nothing to choose."""
    return (accuracy - chance) / (1 - chance) if chance < 1 else None


def _binomial(n: int, p: float) -> FloatArray:
    from scipy.special import gammaln, xlog1py, xlogy

    k = np.arange(n + 1.0)
    logs = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p)
    values: FloatArray = np.exp(logs)
    values /= values.sum()  # the logarithms of large factorials lose some digits
    return values
