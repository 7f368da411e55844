"""Questions and traces of every kind: numbers, masks, wording; and the words for numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from make_scenes import NAMES, class_map, memory_scene

from terracot import language
from terracot.assembly import Asked, Plan
from terracot.findings import Finding, SceneFacts
from terracot.generate import sample_row, shard_samples
from terracot.ground import GroundSampling
from terracot.language import NUMBER
from terracot.levels import Mix, kind_named, kinds_of
from terracot.questions import ask
from terracot.rules import Filters
from terracot.traces import seg_dates, split_text

KINDS = tuple(kind.name for kind in kinds_of("l1") if kind.name != "building_change")  # which needs buildings
L1 = Mix(("l1",), {})

GROUNDS = (
    GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test"),
    GroundSampling.nominal(0.512, 0.4, "test"),
    GroundSampling.unknown(),
)


def findings(kind: str, facts: SceneFacts) -> list[Finding]:
    """What a scene can be asked, with the filters of the paper."""
    return kind_named(kind).findings(facts, Filters())


def row_of(finding: Finding, facts: SceneFacts, seed: int) -> dict:
    """The row of a finding in the open form."""
    return sample_row(Asked(kind_named(finding.kind), finding), facts, seed)


def l1_samples(scenes: list[SceneFacts], seed: int, shard: int = 60) -> list[dict]:
    """The rows of level l1 of some scenes, in shards of so many."""
    shards = [scenes[n : n + shard] for n in range(0, len(scenes), shard)]
    return [row for one in shards for rows in shard_samples(one, Plan(seed, L1)) for row in rows]


@cache
def rows_of_kind(kind: str) -> list[tuple[dict, int]]:
    """Every finding of a kind over a few scenes, as rows, with the number of dates of its scene."""
    rows = []
    for seed in range(18):
        rng = np.random.default_rng(seed)
        dates = 1 + seed % 2
        scene = memory_scene([class_map(rng) for _ in range(dates)], ground=GROUNDS[seed % 3], scene_id=f"s{seed}")
        facts = SceneFacts(scene)
        rows += [(row_of(f, facts, seed), dates) for f in findings(kind, facts)]
    assert len(rows) >= 10, kind
    return rows


def tolerance(value: float, unit: str) -> float:
    """Half a unit of the last digit that is written."""
    if unit in ("px", "count", "date"):
        return 0.0
    if unit in ("%", "px distance"):
        return 0.05 + 1e-9
    return abs(value) * 0.005 + 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_of_a_text_is_recorded_and_true(kind):
    for row, _ in rows_of_kind(kind):
        spoken = [(row["question"], row["values"])]
        spoken += [(step["text"], step["values"]) for step in row["steps"]]
        for text, values in spoken:
            assert NUMBER.findall(text) == [v["text"] for v in values], text
            for v in values:
                assert abs(float(v["text"].replace(",", "")) - v["value"]) <= tolerance(v["value"], v["unit"]), v


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_ends_the_text_and_is_the_truth(kind):
    for row, _ in rows_of_kind(kind):
        parts = split_text(row["text"])
        assert parts is not None
        assert parts[1] == row["answer"] == row["truth"]["text"]


@pytest.mark.parametrize("kind", KINDS)
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


@pytest.mark.parametrize("kind", KINDS)
def test_no_template_mark_and_no_clumsy_space_is_left(kind):
    for row, _ in rows_of_kind(kind):
        for text in (row["question"], row["text"]):
            assert not set("{}") & set(text)
            assert "  " not in text
            assert " ." not in text.replace("[SEG] .", "")
            assert text.strip() == text


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
        [finding] = [f for f in findings(kind, facts) if f.class_names == names]
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
    return l1_samples(many_facts(), seed=1)


@pytest.mark.parametrize("kind", ["existence", "boundary"])
def test_yes_and_no_come_up_equally_often_for_each_question(kind):
    answers: dict[tuple, Counter] = {}
    for row in many_samples():
        if row["kind"] == kind:
            names = tuple(mask["class_name"] for mask in row["masks"])
            answers.setdefault(names, Counter())[row["truth"]["text"]] += 1
    assert sum(count.total() for count in answers.values()) >= 10
    for names, count in answers.items():
        assert count["yes"] == count["no"], names


def test_scenes_get_two_to_four_kinds_and_one_that_needs_pixels():
    asked: dict[str, list[str]] = {}
    for row in many_samples():
        asked.setdefault(row["scene_id"], []).append(kind_named(row["kind"]).family)
    assert len(asked) == 240
    needing = {kind.family for kind in kinds_of("l1") if kind.needs_pixels}
    for families in asked.values():
        assert 2 <= len(families) <= 4
        assert len(set(families)) == len(families)
        assert set(families) & needing
    assert {row["kind"] for row in many_samples()} == set(KINDS)


def test_units_of_areas_vary():
    units = Counter(row["truth"]["unit"] for row in many_samples() if row["kind"] in ("area", "coverage"))
    assert set(units) == {"m2", "ha", "km2", "%"} or set(units) == {"m2", "ha", "%"}


def test_on_a_map_of_two_classes_nobody_asks_whether_they_exist_or_touch():
    """Also where the other date has more classes, as before a disaster "building" and "ground" touch, of course."""
    scenes = []
    for n in range(40):
        classes = class_map(np.random.default_rng(n))
        before = memory_scene([(classes == 0).astype(np.uint8)], ["ground", "building"], scene_id=f"s{n}")
        after = memory_scene([classes, classes], scene_id=f"s{n}")
        scene = replace(after, labels=(before.labels[0], after.labels[1]))
        scenes.append(SceneFacts(scene))
    asked = {(row["kind"], row["masks"][0]["t"]) for row in l1_samples(scenes, seed=0)}
    assert {("area", 1), ("coverage", 1), ("boundary", 2), ("existence", 2)} <= asked
    assert not {("boundary", 1), ("existence", 1)} & asked


def test_nothing_in_metres_is_said_where_the_pixel_size_is_unknown():
    maps = [class_map(np.random.default_rng(seed)) for seed in range(20)]
    unknown = GroundSampling.unknown()
    scenes = [SceneFacts(memory_scene([m], ground=unknown, scene_id=f"u{n}")) for n, m in enumerate(maps)]
    rows = l1_samples(scenes, seed=0)
    assert len(rows) >= 40
    for row in rows:
        assert row["kind"] != "distance"
        assert row["truth"]["unit"] in ("", "%", "count")
        assert {v["unit"] for s in row["steps"] for v in s["values"]} <= {"px", "%", "count"}


def test_a_nominal_pixel_size_is_called_nominal_and_both_sides_are_named():
    scene = memory_scene([two_squares(30)], ground=GroundSampling.nominal(0.512, 0.4, "test"))
    facts = SceneFacts(scene)
    [finding] = findings("distance", facts)
    row = row_of(finding, facts, 0)
    assert row["question"].endswith("(parts narrower than three pixels are left out; "
                                    "one pixel is nominally 0.512 m high and 0.4 m wide)")  # fmt: skip
    # Water ends at column 8, the town begins at column 30: 22 pixels of 0.4 m.
    assert row["answer"] == "8.8 m"


def test_samples_do_not_depend_on_what_was_processed_before():
    maps = [class_map(np.random.default_rng(seed)) for seed in range(4)]

    def rows(order: list[int]) -> dict:
        return {n: l1_samples([SceneFacts(memory_scene([maps[n]], scene_id=f"s{n}"))], 9) for n in order}

    assert rows([0, 1, 2, 3]) == rows([3, 1, 0, 2])


def test_another_seed_gives_other_samples_of_the_same_scene():
    facts = SceneFacts(memory_scene([class_map(np.random.default_rng(0))]))
    assert len({str(sorted(r["id"] for r in l1_samples([facts], seed))) for seed in range(6)}) > 3


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
