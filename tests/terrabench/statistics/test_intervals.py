"""Clustered intervals, held against scipy, statsmodels and the same thing done item by item."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from terrabench.statistics.groups import coded, group_sums, singles
from terrabench.statistics.intervals import mean_interval, mean_spread, share_interval, wilson
from terrabench.statistics.spread import BootstrapSpread, TSpread, _drawn, bootstrap, spread_of


def clustered(seed, groups, size=None, p=0.6):
    """Group names and right or wrong, with groups that differ."""
    rng = np.random.default_rng(seed)
    sizes = np.full(groups, size) if size else 1 + rng.poisson(4, groups)
    names = np.repeat([f"g{i}" for i in range(groups)], sizes)
    chance = np.repeat(rng.beta(3 * p, 3 * (1 - p), groups), sizes)
    return names.tolist(), (rng.random(len(names)) < chance).tolist()


def ratio(sums):
    return sums[..., 0] / sums[..., 1]


def test_group_sums_are_those_of_a_loop():
    groups, right = clustered(3, 7)
    codes, count = coded(groups)
    sums = group_sums(np.stack([np.array(right, float), np.ones(len(right))], axis=1), codes, count)
    for number, name in enumerate(sorted(set(groups))):
        own = [r for r, g in zip(right, groups, strict=True) if g == name]
        assert sums[number].tolist() == [sum(own), len(own)]


@pytest.mark.parametrize(("groups", "alone"), [(["a", "b"], True), (["a", "a"], False), ([], True)])
def test_items_are_independent_only_where_no_group_repeats(groups, alone):
    assert singles(groups) is alone


@pytest.mark.parametrize("seed", range(5))
def test_few_groups_of_one_size_get_the_t_interval_on_group_means(seed):
    groups, right = clustered(seed, 12, size=5)
    means = np.reshape(right, (12, 5)).mean(axis=1)
    theirs = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    ours = mean_interval(np.array(right, float), groups)
    assert ours.ci95 == pytest.approx([theirs.low, theirs.high])
    assert (ours.method, ours.groups) == ("t", 12)


@pytest.mark.parametrize("seed", range(5))
def test_standard_error_agrees_with_statsmodels_cluster_robust_one(seed):
    groups, right = clustered(seed, 15, size=4)
    y, codes = np.array(right, float), coded(groups)[0]
    fit = sm.OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": codes})
    assert mean_spread(y, groups).se == pytest.approx(fit.bse[0])


@pytest.mark.parametrize("seed", range(5))
def test_unequal_groups_get_the_jackknife_done_group_by_group(seed):
    groups, right = clustered(seed, 9)
    y, names = np.array(right, float), np.array(groups)
    without = np.array([y[names != name].mean() for name in sorted(set(groups))])
    se = math.sqrt(8 / 9 * ((without - y.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, 8) * se
    assert mean_interval(y, groups).ci95 == pytest.approx([y.mean() - half, y.mean() + half])


def test_shares_in_few_groups_stay_between_0_and_1_by_their_log_odds():
    groups = [f"g{i // 4}" for i in range(40)]
    right = [True] * 37 + [False] * 3  # one group has 1 of 4, the others all
    se = stats.sem([1.0] * 9 + [0.25])
    half = stats.t.ppf(0.975, 9) * se / (0.925 * 0.075)
    odds = math.log(0.925 / 0.075)
    expected = [1 / (1 + math.exp(-(odds - half))), 1 / (1 + math.exp(-(odds + half)))]
    assert share_interval(right, groups).ci95 == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_bootstrap_interval_agrees_with_scipys_bca_at_the_expanded_level(seed):
    groups, right = clustered(seed, 45, p=0.8)
    codes, count = coded(groups)
    sums = group_sums(np.stack([np.array(right, float), np.ones(len(right))], axis=1), codes, count)
    z = stats.t.ppf(0.975, 44) * math.sqrt(45 / 44)
    theirs = stats.bootstrap(
        (sums[:, 0], sums[:, 1]),
        lambda a, b, axis=-1: a.sum(axis=axis) / b.sum(axis=axis),
        n_resamples=20_000,
        paired=True,
        vectorized=True,
        confidence_level=1 - 2 * stats.norm.sf(z),
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    ours = share_interval(right, groups)
    assert ours.method == "bootstrap"
    assert ours.ci95 == pytest.approx([theirs.low, theirs.high], abs=0.06 * (theirs.high - theirs.low))


def test_a_resample_draws_as_many_groups_as_there_are():
    drawn = _drawn(50, 400, 0, 0)
    assert set(drawn.sum(axis=1)) == {50}
    assert abs(drawn.mean(axis=0) - 1).max() < 5 / math.sqrt(400)  # each group is drawn once on average


def test_resamples_are_the_same_each_time_and_those_of_an_explicit_draw():
    sums = np.stack([np.arange(30.0), np.full(30, 2.0)], axis=1)
    explicit = [
        np.repeat(sums, weights, axis=0)[:, 0].sum() / np.repeat(sums, weights, axis=0)[:, 1].sum()
        for weights in _drawn(30, 2000, 0, 0)
    ]
    assert bootstrap(sums, ratio) == pytest.approx(explicit)
    _drawn.cache_clear()
    assert bootstrap(sums, ratio) == pytest.approx(explicit)


def test_figures_do_not_depend_on_the_order_of_items():
    groups, right = clustered(1, 40)
    shuffled = np.random.default_rng(0).permutation(len(groups))
    assert share_interval([right[i] for i in shuffled], [groups[i] for i in shuffled]) == share_interval(right, groups)


def test_independent_items_get_wilsons_interval():
    found = share_interval([True] * 30 + [False] * 10, list(range(40)))
    theirs = stats.binomtest(30, 40).proportion_ci(0.95, method="wilson")
    assert found.ci95 == pytest.approx([theirs.low, theirs.high])
    assert (found.method, found.groups) == ("wilson", 40)


def test_one_doubled_group_is_enough_for_items_not_to_be_independent():
    assert share_interval([True] * 30 + [False] * 10, [0, *range(39)]).method == "bootstrap"


@pytest.mark.parametrize("all_right", [True, False])
def test_all_right_in_four_groups_is_no_certainty(all_right):
    found = share_interval([all_right] * 100, [i % 4 for i in range(100)])
    theirs = stats.binomtest(4 * all_right, 4).proportion_ci(0.95, method="wilson")
    assert found.ci95 == pytest.approx([theirs.low, theirs.high])
    assert found.method == "wilson-groups"


def test_all_right_in_every_task_counts_the_groups_of_the_smallest_task():
    found = share_interval([True] * 13, [*range(10), 0, 1, 2], ["a"] * 10 + ["b"] * 3)
    theirs = stats.binomtest(3, 3).proportion_ci(0.95, method="wilson")
    assert found.ci95 == pytest.approx([theirs.low, theirs.high])


def test_one_group_has_no_interval():
    found = share_interval([True, False, True], ["a"] * 3)
    assert (found.ci95, found.method, found.groups) == (None, "none", 1)
    assert mean_interval([0.5, 0.7], ["a", "a"]).ci95 is None


def test_nothing_is_claimed_where_nothing_varies_or_nothing_is_there():
    assert mean_interval([0.5] * 6, list("aabbcc")).ci95 is None
    assert mean_interval([0.5] * 80, list(range(80))).ci95 is None
    assert share_interval([], []).ci95 is None
    assert mean_spread([], []) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 50), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=120)
)
def test_intervals_of_any_items_lie_in_0_to_1_in_order_and_are_finite(items):
    right, groups, tasks = (list(column) for column in zip(*items, strict=True))
    for found in (share_interval(right, groups), share_interval(right, groups, tasks)):
        assert found.ci95 is None or 0 <= found.ci95[0] <= found.ci95[1] <= 1
        assert found.groups == len(set(groups))


def test_macro_of_two_tasks_in_different_places_has_welchs_interval():
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.6, 0.1, 8), rng.normal(0.2, 0.3, 15)
    # (mean a + mean of -b) / 2: half of Welch's difference
    theirs = stats.ttest_ind(a, b, equal_var=False)
    ends = theirs.confidence_interval(0.95)
    groups, tasks = list(range(23)), ["a"] * 8 + ["b"] * 15
    spread = mean_spread(np.concatenate([a, -b]), groups, tasks)
    assert isinstance(spread, TSpread)
    assert spread.ends() == pytest.approx((ends.low / 2, ends.high / 2))
    assert spread.dof == pytest.approx(theirs.df)
    assert spread.p_zero() == pytest.approx(theirs.pvalue)


def test_a_task_in_one_place_leaves_the_macro_without_an_interval():
    values, groups = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0], ["a", "b", "c", "d", "e", "e"]
    assert mean_interval(values, groups, ["x"] * 4 + ["y"] * 2).ci95 is None


def test_groups_in_several_tasks_move_them_together():
    """Two tasks with the same items in the same groups: the macro is as uncertain as each of them."""
    groups, right = clustered(2, 40)
    y = np.array(right, float)
    alone = mean_interval(y, groups).ci95
    twice = mean_interval(np.tile(y, 2), groups * 2, ["a"] * len(y) + ["b"] * len(y)).ci95
    assert twice == pytest.approx(alone)
    few_groups, few = clustered(2, 10)
    z = np.array(few, float)
    assert mean_spread(np.tile(z, 2), few_groups * 2, ["a"] * len(z) + ["b"] * len(z)).se == pytest.approx(
        mean_spread(z, few_groups).se
    )


@pytest.mark.parametrize("groups", [12, 60])
def test_p_is_005_where_the_interval_just_reaches_0(groups):
    names, right = clustered(4, groups)
    y = np.array(right, float)
    low, high = mean_spread(y, names).ends()
    # moved by half an interval's width at most, so that 0 lies on its end
    assert mean_spread(y - low, names).p_zero() == pytest.approx(0.05, abs=0.004)
    assert mean_spread(y - high, names).p_zero() == pytest.approx(0.05, abs=0.004)
    assert mean_spread(y - y.mean(), names).p_zero() > 0.8


def test_p_of_a_bootstrap_is_never_0():
    spread = mean_spread(np.arange(40.0) + 1000, list(range(40)))
    assert isinstance(spread, BootstrapSpread)
    assert 0 < spread.p_zero() < 0.01


def test_a_figure_that_most_resamples_leave_undefined_has_no_interval():
    sums = np.zeros((40, 2))
    sums[0] = [1.0, 1.0]  # one group of 40 has the items: 36 % of resamples do not draw it
    assert spread_of(sums, ratio) is None


@settings(max_examples=200)
@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_holds_the_share_and_stays_in_0_to_1(n, share):
    assume(share * n > 1e-9)
    low, high = wilson(share * n, n)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
