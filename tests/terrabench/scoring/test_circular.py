"""Chance under shuffled options, by name, held against simulated readers."""

import numpy as np
import pytest

from terrabench.scoring.circular import circular_scores
from terrabench.scoring.results import Result


def result(task="coverage", options=4, correct=False, consistent=False):
    return Result("x", task, "g", "measured", options, "ok", None, correct, None, False, 0, 0, options, consistent)


def test_the_two_chances_are_k_to_the_minus_k_and_one_over_k():
    found = circular_scores([result(options=2), result(options=4, correct=True, consistent=True)])
    assert found["chance_guessing"] == (0.25 + 1 / 256) / 2
    assert found["chance_same_text"] == (0.5 + 0.25) / 2
    assert (found["n"], found["accuracy"], found["consistent"]) == (2, 0.5, 0.5)


def test_figures_are_given_by_task_and_null_without_items():
    found = circular_scores([result(), result(task="boundary", options=2, consistent=True)])
    assert {task: f["consistent"] for task, f in found["tasks"].items()} == {"coverage": 0.0, "boundary": 1.0}
    assert circular_scores([])["accuracy"] is None
    assert circular_scores([])["tasks"] == {}


@pytest.mark.parametrize("options", [1, 2, 3, 4])
def test_simulated_readers_score_as_the_two_chances_say(options):
    """Option 0 is right; in rotation r it stands at place (0 - r) mod k."""
    rng = np.random.default_rng(options)
    n = 40_000
    right_place = (-np.arange(options)) % options
    guessing = (rng.integers(options, size=(n, options)) == right_place).all(axis=1)
    text = rng.integers(options, size=(n, 1))
    same_text = ((text - np.arange(options)) % options == right_place).all(axis=1)
    found = circular_scores([result(options=options)])
    for simulated, named in [(guessing, "chance_guessing"), (same_text, "chance_same_text")]:
        p = found[named]
        assert abs(simulated.mean() - p) <= 4 * np.sqrt(p * (1 - p) / n)
