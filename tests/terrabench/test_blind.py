"""The blind reader: finds a leak when there is one, finds none in options drawn from true values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from terrabench.blind import blind_score, wilson_upper, with_ladder
from terracot.language import option_text
from terracot.options import Candidate, Separation, draw


def drawn_items(wanted: int) -> list[dict[str, Any]]:
    """Items over skewed pools of very different sizes of value, as classes and sources give them."""
    rng = np.random.default_rng(7)
    items: list[dict[str, Any]] = []
    stratum = 0
    while len(items) < wanted:
        centre = rng.normal(3, 2)
        pool = [
            Candidate(f"{stratum}-{i}", f"place-{stratum}-{i}", float(np.exp(rng.normal(centre, 1))))
            for i in range(int(rng.integers(30, 200)))
        ]
        truth = {c.key: c for c in pool}
        options = draw(pool, 4, Separation(ratio=1.15), lambda v: option_text(v, "ha"), (stratum,)).options
        for key, (values, answer) in options.items():
            items.append(
                {
                    "id": key,
                    "question": "How large?" + " indeed" * (stratum % 4),
                    "options": [option_text(v, "ha") for v in values],
                    "option_values": list(values),
                    "answer": "ABCD"[answer],
                    "group": truth[key].group,
                    "truth": {"value": truth[key].value},
                }
            )
        stratum += 1
    return items[:wanted]


@pytest.fixture(scope="module")
def items() -> list[dict[str, Any]]:
    return drawn_items(2000)


def test_options_drawn_from_true_values_leave_the_reader_at_chance(items: list[dict[str, Any]]) -> None:
    score = blind_score(items)
    assert score.n == 2000
    assert score.chance == 0.25
    assert score.upper95 < 0.25 + 0.03


def test_the_published_ladder_gives_the_answer_away(items: list[dict[str, Any]]) -> None:
    assert blind_score(with_ladder(items[:600])).accuracy > 0.25 + 0.20


def test_random_ratios_with_uniform_rank_leak_too(items: list[dict[str, Any]]) -> None:
    """The trap that a uniform rank alone falls into: made-up values are rounder or stranger than true ones."""
    rng = np.random.default_rng(0)
    trapped = []
    for item in items[:1000]:
        truth = item["truth"]["value"]
        rank = int(rng.integers(4))
        ratios = np.sort(rng.uniform(1.15, 2.0, 3))
        below, above = [truth / r for r in ratios[:rank]], [truth * r for r in ratios[rank:]]
        values = [truth, *below, *above]
        order = rng.permutation(4)
        answer = "ABCD"[int(np.flatnonzero(order == 0)[0])]
        texts = [option_text(values[i], "ha") for i in order]
        trapped.append({**item, "options": texts, "option_values": [values[i] for i in order], "answer": answer})
    assert blind_score(trapped).accuracy > 0.30


def test_too_few_places_is_an_error_not_a_score(items: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="at least 5 places, found 1"):
        blind_score([{**item, "group": "here"} for item in items[:50]])


def test_wilson_upper_bound_against_scipy(items: list[dict[str, Any]]) -> None:
    from scipy.stats import binomtest

    for right, n in ((500, 2000), (3, 10), (0, 50)):
        # A one-sided 95 % bound is the upper end of the two-sided 90 % interval.
        expected = binomtest(right, n).proportion_ci(0.90, method="wilson").high
        assert wilson_upper(right, n) == pytest.approx(expected, rel=1e-12)
