"""IoU against correctness, held against scipy and scikit-learn; a known relation is found again."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from terrabench.statistics.association import (
    association,
    auroc,
    correlation_interval,
    deciles,
    midranks,
    simpson_warning,
    spearman,
    within,
)

IOUS = st.sampled_from([0.0, 0.1, 0.25, 0.25001, 0.5, 0.9, 1.0])
PAIRS = st.lists(st.tuples(IOUS, st.booleans()), min_size=2, max_size=60)


def related(n, groups, seed, low=0.1, high=0.9):
    """Items that are right with probability ``low`` at IoU 0 and ``high`` at IoU 1, IoU uniform."""
    rng = np.random.default_rng(seed)
    iou = rng.random(n)
    right = rng.random(n) < low + (high - low) * iou
    return iou.tolist(), right.tolist(), rng.integers(0, groups, n).tolist()


@settings(max_examples=100, deadline=None)
@given(PAIRS)
def test_ranks_agree_with_scipy(pairs):
    values = [iou for iou, _ in pairs]
    assert midranks(values).tolist() == stats.rankdata(values).tolist()


@settings(max_examples=100, deadline=None)
@given(PAIRS)
def test_spearman_and_auroc_agree_with_scipy_and_scikit_learn(pairs):
    iou, right = [i for i, _ in pairs], [r for _, r in pairs]
    if len(set(right)) == 1:
        assert auroc(iou, right) is None
        assert spearman(iou, [float(r) for r in right]) is None
        return
    assert auroc(iou, right) == pytest.approx(roc_auc_score(right, iou))
    if len(set(iou)) > 1:
        assert spearman(iou, [float(r) for r in right]) == pytest.approx(stats.spearmanr(iou, right).statistic)
    else:
        assert spearman(iou, [float(r) for r in right]) is None
        assert auroc(iou, right) == 0.5


@pytest.mark.parametrize("seed", range(3))
def test_few_groups_get_the_jackknife_of_scipys_r_on_fishers_scale(seed):
    iou, right, groups = related(120, 8, seed)
    x, y, g = np.array(iou), np.array(right, float), np.array(groups)
    whole = math.atanh(stats.pearsonr(x, y).statistic)
    without = [math.atanh(stats.pearsonr(x[g != k], y[g != k]).statistic) for k in range(8)]
    half = stats.t.ppf(0.975, 7) * math.sqrt(7 / 8 * sum((w - whole) ** 2 for w in without))
    found = correlation_interval(iou, y.tolist(), groups)
    assert found.ci95 == pytest.approx([math.tanh(whole - half), math.tanh(whole + half)])
    assert found.method == "t"


def test_many_independent_items_get_about_the_interval_of_fishers_z():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    y = 0.5 * x + rng.normal(size=600)
    theirs = stats.pearsonr(x, y).confidence_interval(0.95)
    found = correlation_interval(x.tolist(), y.tolist(), list(range(600)))
    assert found.method == "bootstrap"
    assert found.ci95 == pytest.approx([theirs.low, theirs.high], abs=0.015)


def test_copies_of_items_in_a_group_do_not_make_r_surer():
    iou, right, groups = related(60, 60, 1)
    y = [float(r) for r in right]
    groups = list(range(60))
    once, fivefold = correlation_interval(iou, y, groups), correlation_interval(iou * 5, y * 5, groups * 5)
    assert fivefold.ci95 == pytest.approx(once.ci95)


def test_a_known_relation_is_found_again():
    """P(right) = 0.1 + 0.8 IoU, IoU uniform: r = 0.8 sd(IoU) / 0.5 = 0.4619; right: mean IoU 0.633, wrong 0.367."""
    truth = 0.8 * math.sqrt(1 / 12) / 0.5
    ends = [association(*related(1000, 100, seed))["r_ci95"] for seed in range(20)]
    assert sum(low < truth < high for low, high in ends) >= 17  # 19 wanted
    assert max(high - low for low, high in ends) < 0.13
    found = association(*related(4000, 400, seed=20))
    assert found["r"] == pytest.approx(truth, abs=0.04)
    assert found["iou_right"] == pytest.approx((0.1 / 2 + 0.8 / 3) / 0.5, abs=0.015)
    assert found["iou_wrong"] == pytest.approx((0.9 / 2 - 0.8 / 3) / 0.5, abs=0.015)
    for tenth in found["deciles"]:
        expected = 0.1 + 0.8 * (tenth["iou_low"] + tenth["iou_high"]) / 2
        assert tenth["ci95"][0] - 0.02 < expected < tenth["ci95"][1] + 0.02


def test_no_relation_is_found_where_there_is_none():
    found = association(*related(2000, 200, seed=4, low=0.5, high=0.5))
    assert found["r_ci95"][0] < 0 < found["r_ci95"][1]
    assert found["auroc"] == pytest.approx(0.5, abs=0.04)


def test_deciles_hold_a_tenth_each_and_every_item_once():
    iou, right, groups = related(200, 20, seed=5)
    found = deciles(iou, right, groups)
    assert [tenth["n"] for tenth in found] == [20] * 10
    order = np.argsort(iou)
    assert [tenth["accuracy"] for tenth in found] == pytest.approx(np.array(right)[order].reshape(10, 20).mean(axis=1))
    assert found[0]["iou_low"] == min(iou)
    assert found[-1]["iou_high"] == max(iou)


def test_equal_ious_are_never_parted():
    """Half of the items have IoU 0: their order among themselves would be accidental."""
    found = deciles([0.0] * 50 + [i / 100 for i in range(50, 100)], [True] * 50 + [False] * 50, list(range(100)))
    assert (found[0]["n"], found[0]["iou_high"], found[0]["accuracy"]) == (50, 0.0, 1.0)
    assert [tenth["decile"] for tenth in found] == [3, 6, 7, 8, 9, 10]
    assert sum(tenth["n"] for tenth in found) == 100
    assert deciles([0.5] * 9, [True] * 9, list(range(9))) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(IOUS, st.booleans(), st.integers(0, 40)), min_size=1, max_size=80))
def test_nothing_is_ever_nan(items):
    iou, right, groups = (list(column) for column in zip(*items, strict=True))
    found = association(iou, right, groups)
    json.dumps(found, allow_nan=False)
    assert found["r_ci95"] is None or -1 <= found["r_ci95"][0] <= found["r_ci95"][1] <= 1
    assert (found["iou_right"] is None) == (not any(right))


def test_r_with_the_means_of_tasks_taken_out_is_that_of_regression_residuals():
    rng = np.random.default_rng(6)
    tasks = rng.integers(0, 3, 300)
    x, y = rng.normal(size=300) + tasks, rng.normal(size=300) - 2 * tasks
    dummies = np.eye(3)[tasks]
    rest = [v - LinearRegression(fit_intercept=False).fit(dummies, v).predict(dummies) for v in (x, y)]
    assert within(x.tolist(), y.tolist(), tasks.tolist()) == pytest.approx(stats.pearsonr(*rest).statistic)


def test_tasks_that_differ_in_both_iou_and_ease_are_called_misleading():
    """Within each task IoU and correctness are unrelated; the easy task has the larger masks."""
    rng = np.random.default_rng(7)
    iou = np.concatenate([rng.uniform(0, 0.4, 300), rng.uniform(0.6, 1, 300)])
    right = np.concatenate([rng.random(300) < 0.2, rng.random(300) < 0.9]).astype(float)
    tasks = ["hard"] * 300 + ["easy"] * 300
    pooled = stats.pearsonr(iou, right).statistic
    own = {
        "hard": stats.pearsonr(iou[:300], right[:300]).statistic,
        "easy": stats.pearsonr(iou[300:], right[300:]).statistic,
    }
    warning = simpson_warning(pooled, own, within(iou.tolist(), right.tolist(), tasks))
    assert "above that of every task" in warning
    assert "Read r by task" in warning


@pytest.mark.parametrize(
    ("pooled", "by_task", "inside", "words"),
    [
        (0.607, {"a": 0.70, "b": 0.80}, 0.74, "below that of every task"),  # the paper's own figures
        (-0.10, {"a": -0.20, "b": 0.60}, 0.30, "of another sign than within tasks"),
        (-0.30, {"a": 0.40, "b": 0.60}, 0.50, "below that of every task"),
    ],
)
def test_misleading_pools_are_named(pooled, by_task, inside, words):
    assert words in simpson_warning(pooled, by_task, inside)


@pytest.mark.parametrize(
    ("pooled", "by_task", "inside"),
    [
        (0.50, {"a": 0.40, "b": 0.60}, 0.50),
        (0.61, {"a": 0.40, "b": 0.60}, 0.50),  # outside by no more than 0.02
        (0.90, {"a": 0.40}, 0.40),
        (0.90, {"a": 0.40, "b": None}, 0.40),
        (None, {"a": 0.40, "b": 0.50}, None),
    ],
)
def test_pools_that_mislead_nobody_are_left_alone(pooled, by_task, inside):
    assert simpson_warning(pooled, by_task, inside) is None
