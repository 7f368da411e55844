"""Curves of simulated readers whose true curves are known: what was put in has to come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from terrabench.probe.curves import needed_iou, report
from terrabench.probe.degrade import LEVELS
from terrabench.probe.points import points_of
from terrabench.probe.use import follows_wrong_masks, use_of_masks

Simulated = Callable[[np.random.Generator, float, str, str], str]


def simulate(model: Simulated, items: int = 400, holds: float = 0.5, seed: int = 0) -> tuple[Any, Any]:
    """Lines of a probe of items with four options in 80 groups, and the items by id.

    Arithmetic is right down to IoU ``holds``, below it picks the option after the right one. ``model`` gets the random
    numbers, the level, the right letter and arithmetic's.
    """
    rng = np.random.default_rng(seed)
    by_id: dict[str, Any] = {}
    lines = []
    for number in range(items):
        right = "ABCD"[rng.integers(4)]
        wrong = "ABCD"["ABCD".index(right) - 3]
        name = f"item-{number:03d}"
        by_id[name] = {"id": name, "group": f"group-{number % 80}", "answer": right, "options": ["1", "2", "3", "4"]}
        for way, levels in (("true", (1.0,)), ("boundary", LEVELS), ("missing", LEVELS)):
            points = []
            for level in levels:
                exact = right if level >= holds else wrong
                letter = model(rng, level, right, exact)
                points.append({"level": level, "iou": level, "arithmetic": exact, "letter": letter, "status": "ok"})
            lines.append({"id": name, "task": "coverage", "way": way, "seed": 0, "points": points, "unreached": []})
    return lines, by_id


def follower(share: float) -> Simulated:
    """Answers as the masks say with this probability, else guesses."""
    return lambda rng, level, right, exact: exact if rng.random() < share else "ABCD"[rng.integers(4)]


def careless(rng: np.random.Generator, level: float, right: str, exact: str) -> str:
    """Sees the image, not the masks: right in 60 % of all cases."""
    return right if rng.random() < 0.6 else "ABCD"["ABCD".index(right) - 1]


def collapsing(rng: np.random.Generator, level: float, right: str, exact: str) -> str:
    """Right in 90 % down to IoU 0.5, and guesses below."""
    return (
        (right if rng.random() < 0.9 else "ABCD"["ABCD".index(right) - 1]) if level >= 0.5 else "ABCD"[rng.integers(4)]
    )


def model_curve(lines: Any, items: Any) -> dict[str, Any]:
    return dict(report(lines, items, model=True)["readers"]["model"]["tasks"]["coverage"]["all"])


def test_a_model_that_follows_its_masks_in_60_percent_is_recovered() -> None:
    lines, items = simulate(follower(0.6))
    reader = report(lines, items, model=True)["readers"]["model"]
    curve = reader["tasks"]["coverage"]["all"]
    # Right with 0.6 + 0.4 / 4 = 0.7 where masks are good: centred (0.7 - 0.25) / 0.75 = 0.6. Where they mislead
    # 0.4 / 4 = 0.1: centred -0.2.
    for row in curve["levels"]:
        expected = 0.6 if row["level"] >= 0.5 else -0.2
        assert row["chance_centred"] == pytest.approx(expected, abs=0.07)
        assert row["centred_ci95"][0] - 0.03 < expected < row["centred_ci95"][1] + 0.03
    assert curve["needs"] == {"half": 0.5, "ninety": 0.5}
    assert curve["difference"]["value"] == pytest.approx(0.6, abs=0.06)
    assert curve["uses_masks"] is True
    # Of the masks that mislead it picks their option in 0.6 + 0.4 / 4.
    assert reader["follows_wrong_masks"]["share"] == pytest.approx(0.7, abs=0.03)
    assert reader["follows_wrong_masks"]["n"] == 400 * 2 * 4
    # With the true masks it picks that option in 0.4 / 4.
    beyond = reader["follows_wrong_masks"]["beyond_true_masks"]
    assert beyond["value"] == pytest.approx(0.6, abs=0.04)
    assert beyond["ci95"][0] < 0.6 < beyond["ci95"][1]
    assert reader["all_tasks"]["uses_masks"] is True


def test_a_model_that_ignores_its_masks_has_a_flat_curve() -> None:
    lines, items = simulate(careless)
    curve = model_curve(lines, items)
    # (0.6 - 0.25) / 0.75 at every level
    assert [row["chance_centred"] for row in curve["levels"]] == pytest.approx([0.4667] * 9, abs=0.07)
    assert curve["uses_masks"] is False
    assert curve["difference"]["ci95"][0] < 0 < curve["difference"]["ci95"][1]
    assert curve["slope"]["ci95"][0] < 0 < curve["slope"]["ci95"][1]
    assert curve["needs"]["half"] == 0.1


def test_a_model_that_collapses_below_half_is_found_to_need_half() -> None:
    lines, items = simulate(collapsing)
    curve = model_curve(lines, items)
    assert curve["needs"] == {"half": 0.5, "ninety": 0.5}
    low = [row["chance_centred"] for row in curve["levels"] if row["level"] < 0.5]
    assert low == pytest.approx([0.0] * 4, abs=0.08)
    assert curve["difference"]["value"] == pytest.approx(0.65, abs=0.06)  # 0.9 less 0.25
    assert curve["uses_masks"] is True


def test_arithmetic_is_reported_beside_the_model_and_needs_what_was_put_in() -> None:
    for holds in (0.9, 0.5, 0.2):
        lines, items = simulate(careless, items=40, holds=holds)
        curve = report(lines, items, model=True)["readers"]["arithmetic"]["tasks"]["coverage"]["missing"]
        assert curve["needs"] == {"half": holds, "ninety": holds}
        assert [row["accuracy"] for row in curve["levels"]] == [1.0 if v >= holds else 0.0 for v in LEVELS]


def test_the_slope_is_that_of_least_squares() -> None:
    lines, items = simulate(follower(0.6), items=100)
    points = points_of(lines, items, "letter")
    expected = stats.linregress([p.iou for p in points], [float(p.right) for p in points]).slope
    assert use_of_masks(points)["slope"]["value"] == pytest.approx(expected, abs=1e-12)


def test_intervals_of_difference_and_slope_cover_the_truth_as_often_as_they_say() -> None:
    # 60 simulations of 40 groups: 95 % of 60 are 57, and 52 or fewer would happen once in 1,000 times.
    covered = {"difference": 0, "slope": 0}
    truth = {"difference": 0.6, "slope": 0.0}
    # The true slope of the follower: least squares through its expected accuracies, 0.7 from 0.5 on and 0.1 below.
    truth["slope"] = stats.linregress(LEVELS, [0.7 if level >= 0.5 else 0.1 for level in LEVELS]).slope
    for seed in range(60):
        found = use_of_masks(points_of(*simulate(follower(0.6), items=40, seed=seed), "letter"))
        for name, value in truth.items():
            low, high = found[name]["ci95"]
            covered[name] += low <= value <= high
    assert min(covered.values()) >= 53


def test_low_levels_are_compared_with_the_true_masks_of_the_same_items() -> None:
    # Item a is right with true masks and reaches 0.9 only; item b is wrong at all of them and reaches both levels.
    items = {n: {"id": n, "group": n, "answer": "A", "options": ["x", "y"]} for n in "ab"}
    lines = [
        _line("a", "true", {1.0: "A"}),
        _line("a", "wrong", {0.9: "A"}, unreached=[0.1]),
        _line("b", "true", {1.0: "B"}),
        _line("b", "wrong", {0.9: "B", 0.1: None}),
    ]
    found = report(lines, items, model=False)
    high, low = found["readers"]["arithmetic"]["tasks"]["ranking"]["wrong"]["levels"]
    assert (high["true_accuracy"], high["accuracy"], high["reached"], high["n"]) == (0.5, 0.5, 1.0, 2)
    assert (low["true_accuracy"], low["accuracy"], low["reached"], low["n"]) == (0.0, 0.0, 0.5, 1)
    assert found["unreached"] == {"ranking": {"wrong": {"0.1": 1}}}
    assert "model" not in found["readers"]


def _line(name: str, way: str, letters: dict[float, str | None], unreached: Any = ()) -> dict[str, Any]:
    points = [{"level": level, "iou": level, "arithmetic": letter} for level, letter in letters.items()]
    return {"id": name, "task": "ranking", "way": way, "seed": 0, "points": points, "unreached": list(unreached)}


def test_masks_that_lead_to_no_option_mislead_nobody() -> None:
    items = {"a": {"id": "a", "group": "g", "answer": "A", "options": ["x", "y"]}}
    lines = [_line("a", "true", {1.0: "A"}), _line("a", "wrong", {0.9: "A", 0.5: "B", 0.1: None})]
    for line in lines:
        for point in line["points"]:
            point["letter"] = "B"
    found = follows_wrong_masks(points_of(lines, items, "letter"))
    assert (found["n"], found["share"]) == (1, 1.0)
    assert found["beyond_true_masks"]["value"] == 0.0  # it says B with the true masks as well
    assert found["beyond_true_masks"]["above_zero"] is False
    none = follows_wrong_masks([])
    assert (none["n"], none["share"], none["ci95"], none["beyond_true_masks"]["above_zero"]) == (0, None, None, None)


def test_following_is_seen_where_accuracy_does_not_fall() -> None:
    # Half of the items gain what the other half loses as masks get worse: a flat curve of a model that does as told.
    items = {str(n): {"id": str(n), "group": str(n), "answer": "A", "options": ["x", "y"]} for n in range(80)}
    lines = []
    for n in range(80):
        first, last = ("A", "B") if n % 2 else ("B", "A")
        lines += [_line(str(n), "true", {1.0: "A"}), _line(str(n), "wrong", {0.9: first, 0.1: last})]
    for line in lines:
        for point in line["points"]:
            point["letter"] = point["arithmetic"]
    reader = report(lines, items, model=True)["readers"]["model"]
    assert reader["all_tasks"]["difference"]["value"] == 0.0
    assert reader["all_tasks"]["difference"]["above_zero"] is False
    assert reader["all_tasks"]["uses_masks"] is True
    assert reader["follows_wrong_masks"]["beyond_true_masks"]["value"] == 1.0
    few = report(lines[:10], items, model=True)["readers"]["model"]  # 5 items, each a group: 2 / 2^5 is over 5 %
    assert few["follows_wrong_masks"]["beyond_true_masks"]["value"] == 1.0
    assert few["follows_wrong_masks"]["beyond_true_masks"]["above_zero"] is None


def rows(*centred: float | None, true: float | None = 1.0) -> list[dict[str, Any]]:
    pairs = zip((0.9, 0.5, 0.3, 0.1), centred, strict=False)
    return [{"level": level, "chance_centred": value, "true_centred": true} for level, value in pairs]


@pytest.mark.parametrize(
    ("levels", "share", "expected"),
    [
        (rows(1.0, 0.8, 0.5, 0.2), 0.5, 0.3),
        (rows(1.0, 0.8, 0.5, 0.2), 0.9, 0.9),
        (rows(0.4, 0.8, 0.5, 0.2), 0.5, None),  # the highest level fails already
        (rows(1.0, 0.2, 0.8, 0.8), 0.5, 0.9),  # what comes back below a failure does not count
        (rows(1.0, 1.0, 1.0, 1.0), 0.9, 0.1),
        (rows(0.3, 0.3, 0.2, 0.1, true=0.4), 0.5, 0.3),  # half of 0.4
        (rows(0.0, 0.0, true=0.0), 0.5, None),  # true masks do not beat chance
        (rows(None, true=None), 0.5, None),  # one option: no chance-centred accuracy
        ([], 0.5, None),
    ],
)
def test_needed_iou_by_its_rule(levels: list[dict[str, Any]], share: float, expected: float | None) -> None:
    assert needed_iou(levels, share) == expected
    assert needed_iou(levels[::-1], share) == expected


def test_one_level_alone_shows_no_use_of_masks() -> None:
    lines, items = simulate(follower(1.0), items=10)
    one = [p for p in points_of(lines, items, "letter") if p.level == 0.5]
    found = use_of_masks(one)
    assert found["uses_masks"] is None
    assert (found["difference"]["value"], found["slope"]["value"]) == (None, None)
