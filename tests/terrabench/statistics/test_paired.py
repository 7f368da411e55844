"""Paired tests and Holm's correction, held against scipy, statsmodels and full enumeration."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from terrabench.statistics.paired import holm, mcnemar, paired_test, sign_flip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-6, 6), min_size=1, max_size=10))
def test_sign_flip_is_the_share_of_all_flips(sums):
    totals = [abs(sum(s * d for s, d in zip(signs, sums, strict=True))) for signs in product((1, -1), repeat=len(sums))]
    expected = sum(total >= abs(sum(sums)) for total in totals) / len(totals)
    assert sign_flip(sums).p == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_sign_flip_agrees_with_scipys_exact_permutation_test(seed):
    sums = np.random.default_rng(seed).integers(-5, 8, 12)
    theirs = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided", vectorized=True
    )
    # scipy doubles the smaller tail; the distribution is symmetric, so the two agree below 1
    assert sign_flip(sums.tolist()).p == pytest.approx(min(1, theirs.pvalue))


def test_sign_flip_over_many_groups_agrees_with_random_flips():
    rng = np.random.default_rng(9)
    sums = rng.integers(-3, 5, 80)
    flips = rng.choice([-1, 1], size=(100_000, 80)) @ sums
    share = (np.abs(flips) >= abs(sums.sum())).mean()
    assert sign_flip(sums.tolist()).p == pytest.approx(share, abs=4 * np.sqrt(share / 100_000) + 1e-4)


def test_sign_flip_of_groups_of_one_item_is_mcnemars():
    assert sign_flip([1] * 9 + [-1] * 3 + [0] * 20).p == pytest.approx(mcnemar(9, 3).p)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_statsmodels(gained, lost):
    theirs = statsmodels_mcnemar([[5, gained], [lost, 7]], exact=True).pvalue if gained + lost else 1.0
    assert mcnemar(gained, lost).p == pytest.approx(theirs)


def test_p_is_never_0():
    assert 0 < sign_flip([1] * 3000).p < 1e-300
    assert 0 < mcnemar(3000, 0).p < 1e-300


def test_models_that_never_differ_have_p_1():
    assert sign_flip([0] * 10).p == 1
    assert mcnemar(0, 0).p == 1
    assert paired_test([True, False], [True, False], ["a", "a"]).p == 1


def test_one_group_can_never_show_a_difference():
    found = paired_test([False] * 50, [True] * 50, ["a"] * 50)
    assert (found.p, found.test, found.differing) == (1.0, "sign-flip", 1)


def test_clustered_items_are_not_tested_as_if_independent():
    """Six groups of ten, all gained in five and lost in one: McNemar would see 60 items."""
    groups = [i // 10 for i in range(60)]
    b = [g < 5 for g in groups]
    found = paired_test([not v for v in b], b, groups)
    # of 64 flips the totals are 60, 40 (6 ways), ... and their negatives: 2 (1 + 6) / 64
    assert found.p == pytest.approx(14 / 64)
    assert found.test == "sign-flip"
    assert mcnemar(50, 10).p < 1e-6
    assert paired_test([not v for v in b], b, list(range(60))).test == "mcnemar"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_of_nothing():
    assert holm([]) == []
