"""Intervals hold the truth about as often as they say: a short run of benchmarks/interval_cover.py."""

import importlib.util
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "interval_cover.py"
RUNS = 300
WRONG = ("false alarms, paired", "false alarms, macro")


@pytest.fixture(scope="module")
def cover():
    spec = importlib.util.spec_from_file_location("interval_cover", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("groups", [20, 40])
@pytest.mark.parametrize(
    "case",
    ["accuracy 0.6", "macro accuracy", "mean IoU", "r of IoU and right", "paired difference", "macro difference"],
)
def test_intervals_of_clustered_items_hold_the_truth_in_about_95_of_100(cover, case, groups):
    share, _, unknown = cover.simulate(case, groups, 0.3, RUNS)
    assert unknown == 0
    assert 0.905 <= share <= 0.985  # 0.95 give or take 3.5 standard errors of 0.0126


@pytest.mark.parametrize("case", WRONG)
def test_tests_find_no_more_than_5_in_100_differences_that_are_not_there(cover, case):
    share, _, _ = cover.simulate(case, 40, 0.3, RUNS)
    assert share <= 0.05 + 3.5 * 0.0126


def test_resampling_items_instead_of_groups_would_be_too_sure(cover):
    """The same simulation sees through an interval that takes items for independent."""
    import numpy as np

    held = []
    for number in range(RUNS):
        items = cover.Items(np.random.default_rng([1, number]), 40, 0.3)
        right = items.uniform() < 0.6
        low, high = cover.share_interval(right.tolist(), list(range(len(right)))).ci95
        held.append(low <= 0.6 <= high)
    assert np.mean(held) < 0.85
