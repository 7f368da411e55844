"""Power notes, held against statsmodels, analysis of variance and simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestPower

from terrabench.statistics.intervals import mean_spread
from terrabench.statistics.power import design_effect, detectable, intraclass_correlation, smallest_difference


@pytest.mark.parametrize("groups", [8, 20, 60, 300])
def test_detectable_difference_agrees_with_statsmodels_t_test_power(groups):
    theirs = TTestPower().solve_power(nobs=groups, alpha=0.05, power=0.8) * np.sqrt(1 / groups) ** -1
    assert detectable(1.0, groups - 1) == pytest.approx(theirs, rel=0.02 if groups > 8 else 0.05)


@pytest.mark.parametrize("n", [100, 855])
def test_independent_items_agree_with_statsmodels_two_sample_power(n):
    effect = NormalIndPower().solve_power(nobs1=n, alpha=0.05, power=0.8, ratio=1)
    assert smallest_difference(list(range(n)), None) == pytest.approx(effect * 0.5, rel=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_intraclass_correlation_agrees_with_one_way_analysis_of_variance(seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(20, 6)) + rng.normal(size=(20, 1))
    f = stats.f_oneway(*y).statistic
    groups = np.repeat(np.arange(20), 6).tolist()
    assert intraclass_correlation(y.ravel().tolist(), groups) == pytest.approx((f - 1) / (f - 1 + 6))


def test_known_intraclass_correlation_is_found_again():
    rng = np.random.default_rng(1)
    sizes = 1 + rng.poisson(9, 500)
    groups = np.repeat(np.arange(500), sizes)
    y = np.sqrt(0.3) * rng.normal(size=500)[groups] + np.sqrt(0.7) * rng.normal(size=len(groups))
    assert intraclass_correlation(y.tolist(), groups.tolist()) == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize(
    ("values", "groups"),
    [([1.0, 0.0, 1.0], ["a", "b", "c"]), ([1.0, 0.0], ["a", "a"]), ([1.0] * 4, list("aabb")), ([1.0], ["a"])],
)
def test_intraclass_correlation_is_null_where_it_is_undefined(values, groups):
    assert intraclass_correlation(values, groups) is None


def test_unlike_items_within_like_groups_count_as_0():
    assert intraclass_correlation([0.0, 1.0] * 5, [i // 2 for i in range(10)]) == 0


def test_design_effect_by_hand():
    assert design_effect(list("aabb"), 0.5) == 1.5
    assert design_effect(["a"] * 9 + ["b"], 0.1) == pytest.approx(1 + (82 / 10 - 1) * 0.1)
    assert design_effect(list("abc"), 1.0) == 1.0


def test_clustering_and_few_items_raise_the_smallest_difference():
    independent = smallest_difference(list(range(200)), None)
    clustered = smallest_difference([i // 10 for i in range(200)], 0.3)
    assert independent < clustered < smallest_difference([i // 10 for i in range(40)], 0.3) <= 1
    assert smallest_difference(["a"] * 50, None) is None


def test_the_stated_difference_is_found_in_four_of_five_tries():
    """Two models, 60 groups of 5, intraclass correlation 0.2, accuracies half the stated difference around one half."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(60), 5)
    shown = smallest_difference(groups.tolist(), 0.2)

    def model(p):
        shared, own = rng.random(60)[groups], rng.random(300)
        return np.where(rng.random(300) < np.sqrt(0.2), shared, own) < p

    found = 0
    for _ in range(400):
        each = model(0.5 + shown / 2).astype(float) - model(0.5 - shown / 2)
        found += mean_spread(each, groups.tolist()).p_zero() <= 0.05
    assert found / 400 == pytest.approx(0.8, abs=0.07)
