"""What guessing gives, held against scipy and the enumeration of all ways to guess."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from terrabench.statistics.chance import chance_centred, chance_of, macro_chance, right_by_chance


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_distribution_is_that_of_all_ways_to_guess(options):
    expected = np.zeros(len(options) + 1)
    for outcome in product((True, False), repeat=len(options)):
        chances = [1 / k if right else 1 - 1 / k for right, k in zip(outcome, options, strict=True)]
        expected[sum(outcome)] += np.prod(chances)
    assert right_by_chance([1 / k for k in options]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("counts", [(855, 0, 0), (429, 855, 12), (2127, 1710, 0)])
def test_large_sets_agree_with_scipys_poisson_binomial(counts):
    chances = [p for p, n in zip((0.25, 0.5, 0.2), counts, strict=True) for _ in range(n)]
    theirs = stats.poisson_binom(chances)
    ours = right_by_chance(chances)
    k = np.arange(len(chances) + 1)
    assert ours.sum() == pytest.approx(1)
    assert ours @ k == pytest.approx(theirs.mean())
    assert ours == pytest.approx(theirs.pmf(k), abs=1e-10)


def test_range_and_p_of_four_way_items_are_the_binomials():
    right = 35
    found = chance_of([0.25] * 100, right)
    assert found.mean == 0.25
    assert found.range95 == [stats.binom.ppf(0.025, 100, 0.25) / 100, stats.binom.ppf(0.975, 100, 0.25) / 100]
    assert found.p == pytest.approx(stats.binomtest(right, 100, 0.25, alternative="greater").pvalue)


def test_p_at_the_ends():
    assert chance_of([0.5, 0.25], 0).p == pytest.approx(1)
    assert chance_of([0.5, 0.25], 2).p == pytest.approx(0.125)
    assert chance_of([0.25] * 1000, 1000).p == pytest.approx(0.25**1000, abs=0)
    assert chance_of([1.0, 1.0], 2).p == 1.0


def test_mixed_options_are_not_one_binomial():
    """Half of the items with 2 options and half with 4: the mean chance alone would make the range too wide."""
    mixed = chance_of([0.5] * 200 + [0.1] * 200, 120)
    one = chance_of([0.3] * 400, 120)
    assert mixed.mean == pytest.approx(one.mean)
    assert mixed.range95[1] - mixed.range95[0] < one.range95[1] - one.range95[0]


def test_macro_chance_agrees_with_the_normal_distribution_of_many_items():
    chances, tasks = [0.25] * 1000 + [0.5] * 400, ["a"] * 1000 + ["b"] * 400
    sd = np.sqrt(0.25 * 0.75 / 1000 + 0.5 * 0.5 / 400) / 2
    found = macro_chance(chances, tasks, 0.375 + sd)
    assert found.mean == pytest.approx(0.375)
    assert found.range95 == pytest.approx([0.375 - 1.96 * sd, 0.375 + 1.96 * sd], abs=0.15 * sd)
    assert found.p == pytest.approx(stats.norm.sf(1), abs=0.015)
    assert macro_chance(chances, tasks, 1.0).p == pytest.approx(1 / 20_001)  # none of the draws: not 0


def test_macro_chance_of_one_task_is_that_of_the_task():
    chances = [0.25] * 60
    exact, drawn = chance_of(chances, 20), macro_chance(chances, ["a"] * 60, 20 / 60)
    assert drawn.range95 == pytest.approx(exact.range95, abs=1e-9)
    assert drawn.p == pytest.approx(exact.p, abs=0.01)


def test_centred_accuracy_by_hand():
    assert chance_centred(0.25, 0.25) == 0
    assert chance_centred(0.625, 0.25) == 0.5
    assert chance_centred(0.0, 0.5) == -1
    assert chance_centred(1.0, 1.0) is None
