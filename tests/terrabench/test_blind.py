"""The blind reader: finds a leak when there is one, finds none in options drawn from true values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from terrabench.blind import BlindReader, blind_score, wilson, wilson_upper, with_ladder
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


CLASSES = ("tree cover", "water", "cropland", "built-up area", "snow and ice", "grassland", "bare land")
AREA = ("How large is the area covered by {}", "What area does the {} take up", "How much ground does the {} cover")
RANKING = ("Which covers the larger area in this image, {} or {}?", "Of {} and {}, which takes up more of this image?")


def numbers(n: int, seed: int, leak: str = "") -> list[dict[str, Any]]:
    """Items whose options are four draws of one law, one of them right by lot; half of the items that could leak do."""
    rng = np.random.default_rng(seed)
    items = []
    for i in range(n):
        c, source = int(rng.integers(7)), ("alpha", "beta", "gamma")[rng.integers(3)]
        pixel = (10, 30, 0.5, 3)[rng.integers(4)]
        question = AREA[rng.integers(3)].format(CLASSES[c]) + f" (one pixel is {pixel} m wide and high)?"
        values, answer = np.exp(rng.normal(c, 1, 4)), int(rng.integers(4))
        if rng.random() < 0.5:
            if leak == "source" and source == "beta":
                answer = int(np.argmax(values))
            elif leak == "length of the question" and len(question) > 75:
                answer = int(np.argmin(values))
            elif leak == "pixel size" and pixel == 30:
                answer = 2
            elif leak == "rare word" and rng.random() < 0.2:
                question, answer = "Indeed, " + question, 1
        if leak == "ladder":
            steps = rng.permutation([0.7, 1.0, 1.2, 1.4])
            values, answer = values[0] * steps, int(np.argmin(np.abs(steps - 1.0)))
        items.append(
            asked(f"{seed}-{i}", question, [f"{v:.3g} ha" for v in values], values.tolist(), answer, i, source)
        )
    return items


def rankings(n: int, seed: int, leak: str = "") -> list[dict[str, Any]]:
    """Which of two classes is larger, by lot; with the leak "prior" the one earlier in the list wins in 70 of 100."""
    rng = np.random.default_rng(seed)
    items = []
    for i in range(n):
        pair = rng.permutation(7)[:2]
        a, b = (CLASSES[c] for c in pair)
        first = rng.random() < 0.7 if leak == "prior" else rng.random() < 0.5
        larger = CLASSES[min(pair) if first else max(pair)]
        options = [a, b] if rng.random() < 0.5 else [b, a]
        question = RANKING[rng.integers(2)].format(a, b)
        items.append(asked(f"{seed}-{i}", question, options, [None, None], options.index(larger), i, "alpha"))
    return items


def asked(
    name: str, question: str, options: list[str], values: list[Any], answer: int, number: int, source: str
) -> dict[str, Any]:
    return {
        "id": name,
        "question": question,
        "options": options,
        "option_values": values,
        "answer": "ABCD"[answer],
        "group": f"place-{number // 3}",
        "source": source,
    }


@pytest.mark.parametrize("leak", ["ladder", "source", "length of the question", "pixel size", "rare word"])
def test_a_leak_through_numbers_or_words_is_found(leak: str) -> None:
    score = blind_score(numbers(800, 1, leak))
    assert score.low > score.chance
    assert not score.passes


def test_a_class_prior_is_found() -> None:
    score = blind_score(rankings(800, 1, "prior"))
    assert score.accuracy > 0.62  # who knows the order of the classes scores 0.70
    assert score.low > 0.5
    assert not score.passes


def test_fair_items_leave_every_reader_at_chance() -> None:
    """Over the seeds together: 1,200 items of each kind, 4.5 standard errors."""
    for kind, chance in ((numbers, 0.25), (rankings, 0.5)):
        scores = [blind_score(kind(400, seed)) for seed in range(10, 13)]
        assert {score.chance for score in scores} == {chance}
        mean = float(np.mean([score.accuracy for score in scores]))
        assert abs(mean - chance) < 4.5 * (chance * (1 - chance) / 1200) ** 0.5


def test_one_place_in_training_and_test_is_never_known_beforehand() -> None:
    """Each place repeats one question with one answer; were places split over folds, all would be known."""
    rng = np.random.default_rng(3)
    items = []
    for place in range(120):
        answer, name = int(rng.integers(2)), f"word{place:03d}".translate(str.maketrans("0123456789", "abcdefghij"))
        items += [
            asked(f"{place}-{i}", f"Is there {name} here?", ["yes", "no"], [None, None], answer, place * 3, "s")
            for i in range(5)
        ]
    assert 0.3 < blind_score(items).accuracy < 0.7


def test_items_without_source_and_with_one_option_or_many_are_read() -> None:
    items = [
        {k: v for k, v in item.items() if k != "source"} | {"options": list("pqrstuvwxy"), "option_values": [None] * 10}
        for item in numbers(60, 2)
    ]
    assert blind_score(items).chance == pytest.approx(0.1)
    single = [item | {"options": ["x"], "option_values": [None], "answer": "A"} for item in numbers(60, 2)]
    assert blind_score(single).accuracy == 1.0


def test_the_reader_is_the_same_every_time() -> None:
    items = numbers(200, 5)
    first, second = (BlindReader(items[:150], seed=1).scores(items[150:]) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(np.exp(a).sum() > 0 for a in first)


def test_two_sided_interval_against_scipy() -> None:
    from scipy.stats import binomtest

    for right, n in ((500, 2000), (3, 10), (0, 50), (50, 50)):
        expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
        assert wilson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-12)
