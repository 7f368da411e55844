"""python benchmarks/interval_cover.py [--runs 2000] [--json]

How often the 95 % intervals of ``terrabench.statistics`` hold the truth, and how often its tests find a difference that
is not there, on simulated items with a known truth. Items come in groups of 1 to about 20 (1 + Poisson(7)). Each item
draws a uniform number; with probability sqrt(icc) it takes that of its group instead, so that any two items of a group
correlate by ``icc`` in whatever is made of the number. The standard error of a cover of 0.95 over 2,000 runs is 0.005.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import click
import numpy as np
import numpy.typing as npt

from terrabench.statistics.association import correlation_interval
from terrabench.statistics.intervals import mean_interval, mean_spread, share_interval
from terrabench.statistics.paired import paired_test

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
GROUPS, ICCS = (10, 20, 40, 100), (0.0, 0.3)
SHARES = np.array([0.3, 0.6, 0.8])
"""True accuracy in three tasks; of the items, half are of the first, a third of the second, the rest of the third."""


class Items:
    """Items in groups, with as many clustered uniform numbers as asked for."""

    def __init__(self, rng: np.random.Generator, groups: int, icc: float) -> None:
        self.rng, self.icc = rng, icc
        self.group: Ints = np.repeat(np.arange(groups), 1 + rng.poisson(7, groups))
        self.task: Ints = np.searchsorted([0.5, 5 / 6], rng.random(len(self.group)), side="right")

    def uniform(self) -> Floats:
        """One number per item, correlated within groups."""
        shared = self.rng.random(self.group.max() + 1)[self.group]
        own = self.rng.random(len(self.group))
        return np.where(self.rng.random(len(own)) < math.sqrt(self.icc), shared, own)

    def pair(self) -> tuple[Floats, Floats]:
        """Numbers of two models, which are the same for two items in three."""
        first = self.uniform()
        return first, np.where(self.rng.random(len(first)) < 2 / 3, first, self.uniform())


def share(items: Items, p: float) -> bool | None:
    """Accuracy."""
    return _holds(share_interval((items.uniform() < p).tolist(), items.group.tolist()).ci95, p)


def macro(items: Items) -> bool | None:
    """Mean accuracy over tasks."""
    right = items.uniform() < SHARES[items.task]
    found = share_interval(right.tolist(), items.group.tolist(), items.task.tolist())
    return _holds(found.ci95, float(SHARES.mean()))


def mean_iou(items: Items) -> bool | None:
    """Mean of an IoU that is the square root of a uniform number: 2/3."""
    return _holds(mean_interval(np.sqrt(items.uniform()), items.group.tolist()).ci95, 2 / 3)


def r(items: Items) -> bool | None:
    """Point-biserial r where an item of IoU x is right with probability 0.1 + 0.8 x; var(x) = 1/18."""
    x = np.sqrt(items.uniform())
    y = items.uniform() < 0.1 + 0.8 * x
    p = 0.1 + 0.8 * 2 / 3
    truth = 0.8 * math.sqrt(1 / 18) / math.sqrt(p * (1 - p))
    return _holds(correlation_interval(x.tolist(), y.astype(float).tolist(), items.group.tolist()).ci95, truth)


def difference(items: Items) -> bool | None:
    """Difference of two models on the same items: 0.6 and 0.65 right."""
    a, b = items.pair()
    found = mean_interval((b < 0.65).astype(float) - (a < 0.6), items.group.tolist())
    return _holds(found.ci95, 0.05)


def macro_difference(items: Items) -> bool | None:
    """Difference of two models in the mean over tasks, the second 0.05 better in each."""
    a, b = items.pair()
    each = (b < SHARES[items.task] + 0.05).astype(float) - (a < SHARES[items.task])
    return _holds(mean_interval(each, items.group.tolist(), items.task.tolist()).ci95, 0.05)


def false_alarm(items: Items) -> bool | None:
    """The exact paired test of two models that are alike finds p <= 0.05."""
    a, b = items.pair()
    return paired_test((a < 0.6).tolist(), (b < 0.6).tolist(), items.group.tolist()).p <= 0.05


def false_alarm_macro(items: Items) -> bool | None:
    """The test of the macro difference of two models that are alike finds p <= 0.05."""
    a, b = items.pair()
    each = (b < SHARES[items.task]).astype(float) - (a < SHARES[items.task])
    spread = mean_spread(each, items.group.tolist(), items.task.tolist())
    return None if spread is None else spread.p_zero() <= 0.05


CASES: dict[str, Callable[[Items], bool | None]] = {
    "accuracy 0.6": lambda items: share(items, 0.6),
    "accuracy 0.9": lambda items: share(items, 0.9),
    "macro accuracy": macro,
    "mean IoU": mean_iou,
    "r of IoU and right": r,
    "paired difference": difference,
    "macro difference": macro_difference,
    "false alarms, paired": false_alarm,
    "false alarms, macro": false_alarm_macro,
}


def simulate(case: str, groups: int, icc: float, runs: int, seed: int = 0) -> tuple[float, float, int]:
    """Share of runs in which the case holds, its standard error, and the runs without an interval."""
    found = []
    for number in range(runs):
        rng = np.random.default_rng([seed, list(CASES).index(case), groups, round(100 * icc), number])
        found.append(CASES[case](Items(rng, groups, icc)))
    known = [f for f in found if f is not None]
    cover = float(np.mean(known))
    return cover, math.sqrt(max(cover * (1 - cover), 1e-12) / len(known)), runs - len(known)


def _holds(ci95: list[float] | None, truth: float) -> bool | None:
    return None if ci95 is None else ci95[0] <= truth <= ci95[1]


@click.command()
@click.option("--runs", default=2000, show_default=True, help="Simulated sets of items for each figure.")
@click.option("--json", "as_json", is_flag=True)
def main(runs: int, as_json: bool) -> None:
    """Simulate."""
    rows = []
    for case in CASES:
        for icc in ICCS:
            for groups in GROUPS:
                cover, se, unknown = simulate(case, groups, icc, runs)
                rows.append(
                    {"case": case, "icc": icc, "groups": groups, "share": cover, "se": se, "no_interval": unknown}
                )
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(
        f"share of {runs} runs (standard error): intervals that hold the truth, 0.95 wanted; false alarms, 0.05 or less"
    )
    print(f"{'':<22}" + "".join(f"{f'icc {icc}, {groups} groups':>22}" for icc in ICCS for groups in GROUPS))
    for case in CASES:
        own = [f"{row['share']:.3f} ({row['se']:.3f})" for row in rows if row["case"] == case]
        print(f"{case:<22}" + "".join(f"{cell:>22}" for cell in own))


if __name__ == "__main__":
    main()
