"""The table of tasks: every kind can be asked, answered and given options; answers in words of which there are many."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from make_scenes import memory_scene

from terrabench.building.found import Found
from terrabench.building.options_plan import assign
from terrabench.building.protocols import PAPER, STRICT
from terrabench.building.robust import support
from terrabench.building.rows import asked_of, word
from terrabench.building.settings import Settings
from terrabench.items import APART
from terrabench.items import TASKS as PUBLISHED
from terrabench.tasks import TASKS, check_task, choice_of, find
from terracot.findings import Finding, SceneFacts
from terracot.generate import source_spec


def test_the_tasks_are_the_six_and_those_that_stand_apart() -> None:
    assert list(TASKS) == [*PUBLISHED, *APART]
    assert len({kind for kinds in TASKS.values() for kind in kinds}) == sum(map(len, TASKS.values()))
    for kinds in TASKS.values():
        assert all(choice_of(kind).mode in ("number", "word", "category") for kind in kinds)
    with pytest.raises(ValueError, match="no options, so no task can ask them"):
        choice_of("caption")


@pytest.mark.parametrize(
    ("task", "kind", "wrong"),
    [
        ("flood_change", "flood_area", False),
        ("coverage", "coverage", False),
        ("rsvqa-lr/count", "rsvqa-lr/count", False),
        ("coverage", "area", True),
        ("flood_change", "gain_area", True),
        ("rsvqa-lr/count", "coverage", True),
    ],
)
def test_an_item_whose_task_does_not_ask_its_kind_is_found(task: str, kind: str, wrong: bool) -> None:
    assert bool(list(check_task({"task": task, "kind": kind}))) == wrong


def test_a_flood_and_a_sequence_are_asked_as_worked_out_by_hand() -> None:
    """20 x 20 at 10 m: 4, 6 and 12 columns of water. 40 pixels flooded by image 2, 120 more by image 3."""
    maps = []
    for columns in (4, 6, 12):
        classes = np.ones((20, 20), np.uint8)
        classes[:, :columns] = 0
        maps.append(classes)
    facts = SceneFacts(memory_scene(maps))
    asked = [finding for found, finding in asked_of(facts, STRICT.filters, Counter()) if found.task in APART]
    said = {
        (f.kind, f.class_names[0], f.parameters.get("threshold"), *(m.t for m in f.masks)): f.truth.text for f in asked
    }
    floods = {key: text for key, text in said.items() if key[0].startswith("flood")}
    assert floods == {
        ("flood_share", "water", None, 1, 3): "40%",
        ("flood_share", "water", None, 1, 2): "10%",
        ("flood_share", "water", None, 2, 3): "30%",
        ("flood_area", "water", None, 1, 3): "16,000 m²",
        ("flood_area", "water", None, 1, 2): "4,000 m²",
        ("flood_area", "water", None, 2, 3): "12,000 m²",
    }
    # water 80, 120 (50 % more, just at that threshold) and 240 pixels; cropland 320, 280 (12.5 % less), 160 (50 % less)
    assert said["first_change", "water", 20.0, 1, 2, 3] == "image 2"
    assert said["first_change", "cropland", 20.0, 1, 2, 3] == "image 3"
    assert ("first_change", "water", 50.0, 1, 2, 3) not in said
    assert said["largest_step", "water", None, 1, 2, 3] == "from image 2 to image 3"
    assert said["persistence_share", "cropland", None, 1, 2, 3] == "50%"
    questions = {f.kind: word(f, facts.setting, 0) for f in asked}
    assert all(question.text.count("image") for question in questions.values())


def steps(answers: list[str], about: str = "water") -> list[Found]:
    """Findings of the largest step, each of a place of its own."""
    return [
        Found(
            key=f"{about} {n}",
            task="sequence_change",
            kind="largest_step",
            classes=(about,),
            stratum=about,
            source="test",
            scene_id=f"s{n}",
            group=f"g{n}",
            value=None,
            word=answer,
        )
        for n, answer in enumerate(answers)
    ]


@pytest.mark.parametrize(("alternatives", "k"), [(2, 2), (3, 3), (5, 4)])
def test_of_many_answers_in_words_each_is_right_as_often_as_the_others(alternatives: int, k: int) -> None:
    """The first answer is given three times as often as any other: no reader of the options may profit from that."""
    right: Counter[bool] = Counter()
    shown: Counter[int] = Counter()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        weights = np.array([3.0, *[1.0] * (alternatives - 1)])
        answers = [f"step {n}" for n in rng.choice(alternatives, 60, p=weights / weights.sum())]
        assigned, _ = assign(steps(answers), Settings(seed))
        for one in assigned.values():
            assert one.words is not None
            assert one.values == ()
            shown[len(set(one.words))] += 1
            if "step 0" in one.words:
                right[one.words[one.answer] == "step 0"] += 1
    n = right.total()
    assert n > 150
    assert set(shown) == {k}
    assert right[True] / n == pytest.approx(1 / k, abs=4 * np.sqrt((1 - 1 / k) / k / n))


def test_where_only_one_answer_occurs_nothing_is_asked() -> None:
    assigned, audit = assign(steps(["step 1"] * 9), Settings())
    assert assigned == {}
    assert audit["sequence_change"]["dropped_with_options"] == {"one_answer_only": 9}


@pytest.mark.real
def test_boundaries_of_a_real_land_cover_map_survive_the_strict_filters(real_data: Path) -> None:
    """Counted beforehand by another program: 565 pairs touch and 118 do not; the paper's filter leaves none of them."""
    source = source_spec("geotiff", str(real_data / "hls_worldcover")).open()
    asked: Counter[str] = Counter()
    robust: Counter[str] = Counter()
    published: Counter[str] = Counter()
    for scene_id in source.ids():
        scene = source.load(scene_id)
        facts = SceneFacts(scene)
        for one in find("boundary", facts, STRICT.filters):
            if isinstance(one, Finding):
                asked[one.truth.text] += 1
                robust[one.truth.text] += support(one, facts, STRICT.robustness).refusal is None
        paper = SceneFacts(PAPER.scene(scene))
        published.update(type(one).__name__ for one in find("boundary", paper, PAPER.filters))
    assert asked == {"yes": 565, "no": 118}
    assert robust["yes"] > 400
    assert robust["no"] > 60
    assert published == {"Rejected": 959}
