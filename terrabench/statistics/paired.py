"""Two models on the same items, and several models at once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from terrabench.statistics.groups import coded, singles

TESTS = {
    "mcnemar": "exact McNemar, as every group holds one item",
    "sign-flip": "sign-flip permutation over groups, exact",
    "bootstrap": "clustered paired bootstrap",
    "t": "Student's t on group means",
}
"""What ``test`` can be."""


@dataclass(frozen=True)
class PairedTest:
    """A two-sided p-value, the test that gave it, and the number of groups in which the models differ."""

    p: float
    test: str
    differing: int


def paired_test(a: Sequence[bool], b: Sequence[bool], groups: Sequence[Hashable]) -> PairedTest:
    """The exact test that fits: McNemar where every group holds one item, else a sign flip over groups.

    ``a`` and ``b`` say which items each model has right.
    """
    differences = np.asarray(b, dtype=np.int64) - np.asarray(a, dtype=np.int64)
    if singles(groups):
        return mcnemar(int((differences > 0).sum()), int((differences < 0).sum()))
    codes, count = coded(groups)
    return sign_flip([round(d) for d in np.bincount(codes, differences, minlength=count)])


def mcnemar(gained: int, lost: int) -> PairedTest:
    """Exact McNemar: of the items on which two models differ, as many are gained as lost, by a fair coin."""
    from scipy.special import bdtr

    n = gained + lost
    p = min(1.0, 2 * float(bdtr(min(gained, lost), n, 0.5))) if n else 1.0
    return PairedTest(max(p, math.ulp(0.0)), "mcnemar", n)


def sign_flip(sums: Sequence[int]) -> PairedTest:
    """Sign-flip permutation test: were the models alike, each group's sum would as well have the other sign.

    ``sums`` are whole numbers, gained minus lost in each group. The p-value is the share of all 2^groups flips whose
    total is at least as far from 0. They are not enumerated, nor drawn: totals of whole numbers are few, so their
    exact distribution is built group by group. The flip that changes nothing is one of them, hence p is never 0.
    """
    sizes = [abs(s) for s in sums if s]
    span = sum(sizes)
    ways = np.ones(1)  # share of flips by total; index 0 is the least total possible
    for size in sorted(sizes):
        wider = np.zeros(len(ways) + 2 * size)
        wider[: len(ways)] += 0.5 * ways
        wider[2 * size :] += 0.5 * ways
        ways = wider
    totals = np.arange(len(ways)) - span
    p = math.fsum(ways[np.abs(totals) >= abs(sum(sums))])
    return PairedTest(min(1.0, max(p, math.ulp(0.0))), "sign-flip", len(sizes))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the given order: each is valid for the family as a whole."""
    adjusted, most = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        most = max(most, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = most
    return adjusted
