"""Questions and traces of every kind: numbers, masks, wording; and the words for numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from make_scenes import NAMES, class_map, memory_scene

from terracot import language
from terracot.findings import Finding, SceneFacts, find
from terracot.generate import KINDS, NEEDS_PIXELS, sample_row, scene_samples
from terracot.ground import GroundSampling
from terracot.language import NUMBER
from terracot.questions import ASKERS, ask
from terracot.rules import Filters
from terracot.traces import seg_dates, split_text

GROUNDS = (
    GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test"),
    GroundSampling.nominal(0.512, 0.4, "test"),
    GroundSampling.unknown(),
)


@cache
def rows_of_kind(kind: str) -> list[tuple[dict, int]]:
    """Every finding of a kind over a few scenes, as rows, with the number of dates of its scene."""
    rows = []
    for seed in range(18):
        rng = np.random.default_rng(seed)
        dates = 1 + seed % 2
        scene = memory_scene([class_map(rng) for _ in range(dates)], ground=GROUNDS[seed % 3], scene_id=f"s{seed}")
        facts = SceneFacts(scene)
        found = [f for f in find(kind, facts, Filters()) if isinstance(f, Finding)]
        rows += [(sample_row(ask(f, facts.setting, seed), facts, seed), dates) for f in found]
    assert len(rows) >= 10, kind
    return rows


def tolerance(value: float, unit: str) -> float:
    """Half a unit of the last digit that is written."""
    if unit in ("px", "count", "date"):
        return 0.0
    if unit in ("%", "px distance"):
        return 0.05 + 1e-9
    return abs(value) * 0.005 + 1e-9


@pytest.mark.parametrize("kind", ASKERS)
def test_every_number_of_a_text_is_recorded_and_true(kind):
    for row, _ in rows_of_kind(kind):
        spoken = [(row["question"], row["values"])]
        spoken += [(step["text"], step["values"]) for step in row["steps"]]
        for text, values in spoken:
            assert NUMBER.findall(text) == [v["text"] for v in values], text
            for v in values:
                assert abs(float(v["text"].replace(",", "")) - v["value"]) <= tolerance(v["value"], v["unit"]), v


@pytest.mark.parametrize("kind", ASKERS)
def test_the_answer_ends_the_text_and_is_the_truth(kind):
    for row, _ in rows_of_kind(kind):
        parts = split_text(row["text"])
        assert parts is not None
        assert parts[1] == row["answer"] == row["truth"]["text"]


@pytest.mark.parametrize("kind", ASKERS)
def test_one_seg_per_mask_with_its_date_only_when_there_are_several(kind):
    seen = set()
    for row, dates in rows_of_kind(kind):
        expected = [m["t"] for m in row["masks"]] if dates > 1 else [None] * len(row["masks"])
        assert seg_dates(row["text"]) == expected
        assert row["text"].count("[SEG]") == len(row["masks"])
        assert [s["mask"] for s in row["steps"] if s["kind"] == "ground"] == list(range(len(row["masks"])))
        says_which = any(words in row["question"].lower() for words in ("image 1", "image 2"))
        assert ("Image:" in row["text"]) == says_which == (dates > 1)
        seen.add(dates)
    assert seen == {1, 2}


@pytest.mark.parametrize("kind", ASKERS)
def test_no_template_mark_and_no_clumsy_space_is_left(kind):
    for row, _ in rows_of_kind(kind):
        for text in (row["question"], row["text"]):
            assert not set("{}") & set(text)
            assert "  " not in text
            assert " ." not in text.replace("[SEG] .", "")
            assert text.strip() == text


@pytest.mark.parametrize("kind", ASKERS)
def test_every_phrasing_of_the_question_comes_up(kind):
    openings = {row["template"].split(":")[1].split("-")[0] for row, _ in rows_of_kind(kind)}
    assert len(openings) >= 3


def two_squares(left: int) -> np.ndarray:
    """Water in columns 1 to 8; a town of six columns from ``left``; cropland around."""
    classes = np.full((48, 48), 1, np.uint8)
    classes[4:40, 1:9] = 0
    classes[4:40, left : left + 6] = 3
    return classes


def templates(kind: str, maps: list[np.ndarray], names: tuple[str, ...]) -> list[tuple[str, str]]:
    """(template, answer) of the finding about ``names`` in each map; all scenes have one id."""
    found = []
    for classes in maps:
        facts = SceneFacts(memory_scene([classes], scene_id="same"))
        [finding] = [f for f in find(kind, facts, Filters()) if isinstance(f, Finding) and f.class_names == names]
        question = ask(finding, facts.setting, seed=5)
        found.append((question.template, question.answer))
    return found


@pytest.mark.parametrize(
    ("kind", "lefts", "names"),
    [
        ("boundary", (9, 20), ("water", "built-up area")),
        ("distance", (24, 40), ("water", "built-up area")),
    ],
)
def test_the_answer_does_not_choose_the_words_of_pairs(kind, lefts, names):
    found = templates(kind, [two_squares(left) for left in lefts], names)
    assert found[0][1] != found[1][1]
    assert found[0][0] == found[1][0]


@pytest.mark.parametrize("kind", ["existence", "counting", "coverage", "area", "localisation"])
def test_the_answer_does_not_choose_the_words_of_one_class(kind):
    one, two = np.full((48, 48), 1, np.uint8), np.full((48, 48), 1, np.uint8)
    one[0:15, 0:15] = 0
    two[33:48, 17:32] = 0
    two[40, 17:48] = 0
    if kind == "existence":
        two[:] = 1
    if kind == "counting":
        one[20:24, 0:4] = 0
        two[0:4, 0:4] = two[0:4, 10:14] = 0
    found = templates(kind, [one, two], ("water",))
    assert found[0][1] != found[1][1]
    assert found[0][0] == found[1][0]


@cache
def many_facts() -> list[SceneFacts]:
    maps = [class_map(np.random.default_rng(seed)) for seed in range(240)]
    return [SceneFacts(memory_scene([m], scene_id=f"scene-{n}")) for n, m in enumerate(maps)]


@cache
def many_samples() -> list[dict]:
    return [row for facts in many_facts() for row in scene_samples(facts, seed=1)]


@pytest.mark.parametrize("kind", ["existence", "boundary"])
def test_yes_and_no_are_equally_likely_where_a_scene_has_both(kind):
    both = set()
    for facts in many_facts():
        found = [f for f in find(kind, facts, Filters()) if isinstance(f, Finding)]
        if {f.truth.text for f in found} == {"yes", "no"}:
            both.add(facts.scene.id)
    rows = [row for row in many_samples() if row["kind"] == kind and row["scene_id"] in both]
    answers = Counter(row["answer"] for row in rows)
    assert set(answers) == {"yes", "no"}
    assert sum(answers.values()) >= 50
    assert 0.35 < answers["yes"] / sum(answers.values()) < 0.65


def test_scenes_get_two_to_four_kinds_and_one_that_needs_pixels():
    kinds: dict[str, list[str]] = {}
    for row in many_samples():
        kinds.setdefault(row["scene_id"], []).append("area" if row["kind"] == "coverage" else row["kind"])
    assert len(kinds) == 240
    for found in kinds.values():
        assert 2 <= len(found) <= 4
        assert len(set(found)) == len(found)
        assert set(found) & set(NEEDS_PIXELS)
    assert {k for found in kinds.values() for k in found} == set(KINDS)


def test_units_of_areas_vary():
    units = Counter(row["truth"]["unit"] for row in many_samples() if row["kind"] in ("area", "coverage"))
    assert set(units) == {"m2", "ha", "km2", "%"} or set(units) == {"m2", "ha", "%"}


def test_on_a_map_of_two_classes_nobody_asks_whether_they_exist_or_touch():
    """Also where the other date has more classes, as before a disaster "building" and "ground" touch, of course."""
    asked = set()
    for n in range(40):
        classes = class_map(np.random.default_rng(n))
        before = memory_scene([(classes == 0).astype(np.uint8)], ["ground", "building"], scene_id=f"s{n}")
        after = memory_scene([classes, classes], scene_id=f"s{n}")
        scene = replace(after, labels=(before.labels[0], after.labels[1]))
        rows = scene_samples(SceneFacts(scene), seed=0)
        asked |= {(row["kind"], row["masks"][0]["t"]) for row in rows}
    assert {("area", 1), ("coverage", 1), ("boundary", 2), ("existence", 2)} <= asked
    assert not {("boundary", 1), ("existence", 1)} & asked


def test_nothing_in_metres_is_said_where_the_pixel_size_is_unknown():
    for seed in range(20):
        classes = class_map(np.random.default_rng(seed))
        scene = memory_scene([classes], ground=GroundSampling.unknown(), scene_id=f"u{seed}")
        for row in scene_samples(SceneFacts(scene), seed=0):
            assert row["kind"] != "distance"
            assert row["truth"]["unit"] in ("", "%", "count")
            assert {v["unit"] for s in row["steps"] for v in s["values"]} <= {"px", "%", "count"}


def test_a_nominal_pixel_size_is_called_nominal_and_both_sides_are_named():
    scene = memory_scene([two_squares(30)], ground=GroundSampling.nominal(0.512, 0.4, "test"))
    facts = SceneFacts(scene)
    [finding] = [f for f in find("distance", facts, Filters()) if isinstance(f, Finding)]
    row = sample_row(ask(finding, facts.setting, 0), facts, 0)
    assert row["question"].endswith("(parts narrower than three pixels are left out; "
                                    "one pixel is nominally 0.512 m high and 0.4 m wide)")  # fmt: skip
    # Water ends at column 8, the town begins at column 30: 22 pixels of 0.4 m.
    assert row["answer"] == "8.8 m"


def test_samples_do_not_depend_on_what_was_processed_before():
    maps = [class_map(np.random.default_rng(seed)) for seed in range(4)]

    def rows(order: list[int]) -> dict:
        return {n: scene_samples(SceneFacts(memory_scene([maps[n]], scene_id=f"s{n}")), 9) for n in order}

    assert rows([0, 1, 2, 3]) == rows([3, 1, 0, 2])


def test_another_seed_gives_other_samples_of_the_same_scene():
    facts = SceneFacts(memory_scene([class_map(np.random.default_rng(0))]))
    assert len({str(sorted(r["id"] for r in scene_samples(facts, seed))) for seed in range(6)}) > 3


def test_class_names_of_the_samples_are_those_of_the_legend():
    assert {m["class_name"] for row in many_samples() for m in row["masks"]} <= set(NAMES)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234567, "px", "1,234,567"),
        (0, "px", "0"),
        (7.0, "count", "7"),
        (2.0, "date", "2"),
        (51.849, "%", "51.8"),
        (100.0, "%", "100"),
        (0.04, "%", "0"),
        (33.333, "%", "33.3"),
        (17.464, "px distance", "17.46"),
        (20.0, "px distance", "20"),
        (1234.5, "m", "1,230"),
        (999.6, "m", "1,000"),
        (0.512, "m", "0.512"),
        (12.3456, "km", "12.3"),
        (123_456_789.0, "m2", "123,000,000"),
        (100.0, "m2/px", "100"),
        (99.8765, "m2/px", "99.9"),
        (12.54, "ha", "12.5"),
        (12.0, "ha", "12"),
        (0.012345, "km2", "0.0123"),
        (0.5123, "m/px", "0.512"),
        (30.922, "m/px", "30.9"),
        (10.0, "m/px", "10"),
        (0.0, "m", "0"),
    ],
)
def test_number_text(value, unit, text):
    assert language.number_text(value, unit) == text
    assert NUMBER.fullmatch(text)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(12.54, "ha", "12.5 ha"), (34.0, "%", "34%"), (1200.4, "m", "1,200 m"), (99.0, "m2", "99 m²"), (3, "count", "3")],
)
def test_quantity_text(value, unit, text):
    assert language.quantity_text(value, unit) == text


def test_option_text():
    assert language.option_text(33.6, "%") == "34%"
    assert language.option_text(33.64, "ha") == "33.6 ha"


def test_small_grammar():
    assert language.join(["a"]) == "a"
    assert language.join(["a", "b"]) == "a and b"
    assert language.join(["a", "b", "c"], "or") == "a, b or c"
    assert [language.plural(n, "patch") for n in (1, 2)] == ["patch", "patches"]
    assert language.plural(2, "building") == "buildings"
    assert language.sentence("built-up area of ESA") == "Built-up area of ESA"
