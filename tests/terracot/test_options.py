"""Options must tell nothing: exchangeability by enumeration, balance, separation, and the drops that are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from terracot.options import Candidate, Nearness, Separation, balanced, capped, draw, robust, shuffled_words

OPEN = Separation()


def pool_of(values: list[float]) -> list[Candidate]:
    return [Candidate(f"item{i}", f"place{i}", v) for i, v in enumerate(values)]


def test_every_member_of_a_set_is_equally_often_the_answer() -> None:
    """The claim of the module, counted: over many draws each rank and each letter is right a quarter of the time."""
    ranks: Counter[int] = Counter()
    letters: Counter[int] = Counter()
    by_value: Counter[float] = Counter()
    for seed in range(1600):
        for values, answer in draw(pool_of([float(v) for v in range(1, 13)]), 4, OPEN, str, (seed,)).options.values():
            ranks[sorted(values).index(values[answer])] += 1
            letters[answer] += 1
            by_value[values[answer]] += 1
    total = sum(ranks.values())
    assert total == 1600 * 3
    for counted in (ranks, letters):
        assert all(abs(counted[i] / total - 0.25) < 0.025 for i in range(4))  # four standard deviations
    assert all(abs(by_value[v] / total - 1 / 12) < 0.016 for v in range(1, 13))


def test_no_value_is_an_option_twice() -> None:
    """Found by a reviewer: with shared values the option that is rarest in its stratum was the answer too often."""
    drawn = draw(pool_of([float(v) for v in range(1, 101)]), 4, Separation(ratio=1.15), str, ("s",))
    offered = [v for values, _ in drawn.options.values() for v in values]
    assert len(offered) == len(set(offered)) == 4 * len(drawn.options) > 80


def test_options_are_true_values_of_other_places_and_the_answer_is_its_own() -> None:
    pool = pool_of([float(v) for v in range(1, 41)])
    truth = {c.key: c.value for c in pool}
    drawn = draw(pool, 4, OPEN, str, ("s",))
    assert len(drawn.options) == 10
    for key, (values, answer) in drawn.options.items():
        assert values[answer] == truth[key]
        assert len(set(values)) == 4
        assert set(values) <= set(truth.values())


def test_sets_that_are_too_close_are_dropped_and_counted_not_drawn_again() -> None:
    pool = pool_of([10.0, 10.1, 10.2, 50.0, 50.1, 50.2, 90.0, 90.1, 90.2, 91.0, 91.1, 91.2])
    drawn = draw(pool, 4, Separation(gap=5.0), str, ("s",))
    assert drawn.options == {}
    assert drawn.dropped == {"options_too_close": 12}


def test_options_that_read_alike_after_rounding_are_dropped() -> None:
    pool = pool_of([1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07, 1.08, 1.09, 1.1, 1.11, 1.12])
    drawn = draw(pool, 4, OPEN, lambda v: f"{v:.0f}", ("s",))
    assert drawn.options == {}
    assert drawn.dropped == {"options_read_alike": 12}


def test_one_place_never_fills_two_options() -> None:
    pool = [Candidate(f"i{i}", f"place{i % 2}", float(i)) for i in range(24)]
    drawn = draw(pool, 4, OPEN, str, ("s",))
    assert drawn.options == {}
    assert drawn.dropped == {"options_from_one_place": 24}


@pytest.mark.parametrize(("size", "lost"), [(0, {}), (3, {"pool_too_small": 3})])
def test_a_pool_smaller_than_a_set_gives_no_items(size: int, lost: dict[str, int]) -> None:
    drawn = draw(pool_of([float(i) for i in range(size)]), 4, OPEN, str, ("s",))
    assert drawn.options == {}
    assert drawn.dropped == lost


def test_every_finding_is_accounted_for() -> None:
    pool = pool_of([float(i) for i in range(1, 16)])
    for seed in range(20):
        drawn = draw(pool, 4, Separation(ratio=1.5), str, (seed,))
        assert len(drawn.options) + sum(drawn.dropped.values()) == 15
        assert all(count > 0 for count in drawn.dropped.values())


def test_surplus_is_left_out_at_random() -> None:
    used: Counter[float] = Counter()
    for seed in range(400):
        for values, _ in draw(pool_of([float(i) for i in range(15)]), 4, OPEN, str, (seed,)).options.values():
            used.update(values)
    # Twelve of fifteen are in a set: expected 320 each, standard deviation 8.
    assert min(used.values()) > 280
    assert max(used.values()) < 360


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.1, 1e6, allow_nan=False), min_size=4, max_size=40), st.integers(0, 5))
def test_accepted_sets_always_keep_the_separation(values: list[float], seed: int) -> None:
    rule = Separation(ratio=1.2, gap=0.5)
    for options, answer in draw(pool_of(values), 4, rule, lambda v: f"{v:.3g}", (seed,)).options.values():
        ordered = sorted(options)
        assert all(b >= 1.2 * a and b - a >= 0.5 for a, b in pairwise(ordered))
        assert len({f"{v:.3g}" for v in options}) == 4
        assert 0 <= answer < 4


def test_draws_depend_on_the_key_alone() -> None:
    pool = pool_of([float(v) for v in range(1, 21)])
    assert draw(pool, 4, OPEN, str, ("a", 1)) == draw(pool, 4, OPEN, str, ("a", 1))
    assert draw(pool, 4, OPEN, str, ("a", 1)) != draw(pool, 4, OPEN, str, ("a", 2))


def test_word_outcomes_are_balanced_and_a_foregone_answer_is_dropped() -> None:
    items = [(f"y{i}", "yes") for i in range(9)] + [(f"n{i}", "no") for i in range(4)]
    kept, lost = balanced(items, ("s",))
    assert lost == 5
    assert sum(k.startswith("y") for k in kept) == 4
    assert sum(k.startswith("n") for k in kept) == 4
    assert balanced([("a", "yes"), ("b", "yes")], ("s",)) == (set(), 2)


def test_word_options_take_both_orders() -> None:
    orders = Counter(shuffled_words(("Yes", "No"), "No", (i,)) for i in range(400))
    assert set(orders) == {(("Yes", "No"), 1), (("No", "Yes"), 0)}
    assert all(150 < n < 250 for n in orders.values())  # expected 200, standard deviation 10


def test_a_cap_does_not_upset_the_balance_of_outcomes() -> None:
    """Found by the blind reader: a random part of a balanced whole is unbalanced, and class names tell the stratum."""
    items = [(f"{s}-{o}-{i}", s, o) for s in ("ab", "ac", "bc") for o in ("yes", "no") for i in range(30)]
    kept = capped(items, 50, ("s",))
    assert len(kept) == 50
    for stratum in ("ab", "ac", "bc"):
        assert sum(k.startswith(f"{stratum}-yes") for k in kept) == sum(k.startswith(f"{stratum}-no") for k in kept)
    assert capped(items, 1000, ("s",)) == {key for key, _, _ in items}
    numeric = [(str(i), "s", None) for i in range(40)]
    assert len(capped(numeric, 7, ("s",))) == 7


# --- robust options and difficulty ------------------------------------------------------------------------------------


def wide(seed: int, n: int = 400) -> list[Candidate]:
    """Values from 1 to 100, those above 50 measured a tenth of themselves less or more, the others exactly."""
    values = np.random.default_rng(seed).uniform(1, 100, n)
    return [
        Candidate(f"k{i}", f"g{i}", v, *((v * 0.9, v * 1.1) if v > 50 else (None, None))) for i, v in enumerate(values)
    ]


def strays(member: Candidate, values: Sequence[float]) -> bool:
    """True when its least or its most is nearer (or as near) to the value of another than to its own."""
    return any(
        abs(end - other) <= abs(end - member.value)
        for end in (member.value, member.low, member.high)
        if end is not None
        for other in values
        if other != member.value
    )


def test_no_truth_measured_a_little_differently_comes_nearer_to_another_option():
    pool = wide(0)
    drawn = draw(pool, 4, Separation(ratio=1.05), str, (0,))
    of = {c.value: c for c in pool}
    assert len(drawn.options) > 40
    assert drawn.dropped["options_not_robust"] > 0
    assert not any(strays(of[v], values) for values, _ in drawn.options.values() for v in values)
    free = draw([Candidate(c.key, c.group, c.value) for c in pool], 4, Separation(ratio=1.05), str, (0,))
    assert any(strays(of[v], values) for values, _ in free.options.values() for v in values)


@pytest.mark.parametrize("difficulty", ["any", "near", "far"])
def test_neither_reach_nor_difficulty_tells_the_rank_of_the_answer(difficulty: str):
    """If only the answer had to be robust, small values (which are exact here) would be right more often."""
    ranks: Counter[int] = Counter()
    for seed in range(30):
        drawn = draw(wide(seed), 4, Separation(ratio=1.05), str, (seed,), Nearness(ratio=3.0), difficulty)
        ranks.update(sorted(values).index(values[answer]) for values, answer in drawn.options.values())
    n = sum(ranks.values())
    assert n > 500
    # 16.27 is the 99.9 % point of chi-squared with three degrees of freedom
    assert sum((ranks[r] - n / 4) ** 2 / (n / 4) for r in range(4)) < 16.27


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 9), st.floats(0, 9)), min_size=4, max_size=4), st.randoms())
def test_whether_a_set_is_robust_does_not_depend_on_the_order_of_its_members(drawn: list[Any], random: Any):
    members = [Candidate(str(i), str(i), v, v - less, v + more) for i, (v, less, more) in enumerate(drawn)]
    values = [m.value for m in members]
    assume(all(abs(a - b) > 1e-6 for a, b in combinations(values, 2)))
    ends = [abs(end - (a + b) / 2) for m in members for end in m.reach for a, b in combinations(values, 2)]
    assume(min(ends) > 1e-6)  # right between two options, rounding decides
    expected = not any(strays(m, values) for m in members)
    shuffled = random.sample(members, 4)
    assert robust(members) == robust(shuffled) == expected


@pytest.mark.parametrize("nearness", [Nearness(ratio=3.0), Nearness(gap=20.0)])
def test_sets_are_near_or_far_as_asked(nearness: Nearness):
    for difficulty, near in (("near", True), ("far", False)):
        drawn = draw(wide(7), 4, Separation(ratio=1.01), str, (7,), nearness, difficulty)
        assert len(drawn.options) > 40
        for values, _ in drawn.options.values():
            close = max(values) <= 3 * min(values) if nearness.ratio else max(values) - min(values) <= 20
            assert close == near
            assert nearness.of(values) == difficulty
