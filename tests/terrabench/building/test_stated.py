"""Stated questions as items: published options kept, words in balance, numbers drawn; asked, scored and verified."""

from __future__ import annotations

import copy
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import refer_on_disk as refer
import rsvqa_on_disk as rsvqa
from hypothesis import given, settings
from hypothesis import strategies as st
from landsat30_on_disk import asked as landsat_rows
from landsat30_on_disk import write as landsat_set
from make_scenes import class_map, make_scenes, memory_scene

from terrabench.asking.responses import selected_items
from terrabench.asking.runner import run
from terrabench.blind import blind_score
from terrabench.building.build import build
from terrabench.building.found import Found
from terrabench.building.options_plan import assign
from terrabench.building.protocols import PAPER, STRICT
from terrabench.building.rows import findings_of, item_row, picture_of, protocol_of, word
from terrabench.building.settings import Settings
from terrabench.building.stated import stated_findings
from terrabench.items import TASKS, Benchmark, BenchmarkError, every_task, tasks_of
from terrabench.scoring.results import Result
from terrabench.scoring.scores import score, summary
from terrabench.scoring.tables import format_table
from terrabench.tasks import check_task
from terracot.checks import check_belongs, check_row
from terracot.findings import SceneFacts
from terracot.generate import source_spec
from terracot.io import MANIFEST, canonical_json, read_json, write_manifest
from terracot.masks import encode
from terracot.plugins import LETTERS, Response, load_model
from terracot.samples import ITEM_SCHEMA, content_id
from terracot.scenes import Scene, SceneError, Stated
from terracot.shards import scene_row
from terracot.show import sheet
from terracot.verify import verify

Row = dict[str, Any]
YES_NO = Stated("w1", "test/presence", "Is a road present?", "yes", words=("yes", "no"))
COUNT = Stated("n1", "test/count", "What is the number of roads?", "1234", value=1234.0)
PUBLISHED = Stated("p1", "test/cover", "What covers most?\nChoose one.", "Water", options=("Soil", "Water", "Urban"))


def scene_of(*stated: Stated, name: str = "scene", labels: bool = False) -> Scene:
    scene = memory_scene([class_map(np.random.default_rng(0))], scene_id=name)
    return replace(scene, stated=stated, labels=scene.labels if labels else ())


def found_in(*scenes: Scene) -> list[Found]:
    """Findings of scenes, read back from the lines that a build keeps them in."""
    found = [one for scene in scenes for one, _ in stated_findings(SceneFacts(scene), Counter())]
    return [Found(**json.loads(canonical_json(asdict(one)))) for one in found]


def items_of(*scenes: Scene, seed: int = 0) -> list[Row]:
    """Item rows as they come back from Parquet."""
    plan, _ = assign(found_in(*scenes), Settings(seed))
    rows = []
    for scene in scenes:
        facts = SceneFacts(scene)
        for found, finding in findings_of(facts, STRICT, Counter()):
            if found.key in plan:
                image = picture_of(scene_row(facts), finding.t)
                rows.append(item_row(found, finding, plan[found.key], facts, image, Settings(seed)))
    return list(pa.Table.from_pylist(rows, schema=ITEM_SCHEMA).to_pylist())


def problems(row: Row, scene: Scene) -> list[str]:
    facts = SceneFacts(scene)
    return [*check_row(row, facts.setting, scene.shape, word), *check_belongs(row, scene_row(facts)), *check_task(row)]


def counts(numbers: list[float]) -> list[Scene]:
    """One place for every count."""
    return [scene_of(replace(COUNT, answer=str(int(v)), value=v), name=f"place-{n:03d}") for n, v in enumerate(numbers)]


# --- options --------------------------------------------------------------------------------------------------------


def test_published_options_are_kept_as_they_stand_and_in_their_order():
    for seed in range(5):
        (item,) = items_of(scene_of(PUBLISHED), seed=seed)
        assert item["options"] == ["Soil", "Water", "Urban"]
        assert (item["answer"], item["template"], item["protocol"]) == ("B", "published", "stated")
        assert json.loads(item["candidates"]) == {"A": "Soil", "B": "Water", "C": "Urban"}
        assert item["question"] == "What covers most?\nChoose one."
        assert item["task"] == item["task_type"] == item["kind"] == "test/cover"
        assert (item["masks"], item["values"], item["option_values"]) == ([], [], [None] * 3)
        assert problems(item, scene_of(PUBLISHED)) == []


def test_words_are_balanced_and_shuffled():
    scenes = [scene_of(replace(YES_NO, answer="no" if n < 12 else "yes"), name=f"p{n:03d}") for n in range(60)]
    items = items_of(*scenes)
    assert Counter(item["truth"]["text"] for item in items) == {"yes": 12, "no": 12}
    assert {tuple(item["options"]) for item in items} == {("yes", "no"), ("no", "yes")}
    assert all(item["options"][LETTERS.index(item["answer"])] == item["truth"]["text"] for item in items)
    assert {item["template"] for item in items} == {"stated"}
    _, audit = assign(found_in(*scenes), Settings())
    assert audit["test/presence"] == {"found": 60, "dropped_with_options": {"outcome_out_of_balance": 36}}


def test_a_word_that_never_is_right_is_not_offered():
    """Known to be wrong, it would leave two options to choose from and call it three."""
    three = replace(YES_NO, words=("more", "fewer", "as many"), answer="more")
    scenes = [scene_of(replace(three, answer=("more", "fewer")[n % 2]), name=f"p{n}") for n in range(8)]
    assert {frozenset(item["options"]) for item in items_of(*scenes)} == {frozenset({"more", "fewer"})}
    assert all(problems(item, scene_of(three, name=item["scene_id"])) == [] for item in items_of(*scenes))
    always = [scene_of(three, name=f"p{n}") for n in range(8)]
    assert items_of(*always) == []


def test_numbers_are_drawn_from_other_places_and_none_stands_twice():
    scenes = counts([float(7 * n + 3) for n in range(48)])
    items = items_of(*scenes)
    assert 9 <= len(items) <= 12  # 48 / 4, less what keeps no distance
    shown = [v for item in items for v in item["option_values"]]
    assert len(set(shown)) == len(shown) == 4 * len(items)
    for item in items:
        assert item["options"] == [f"{int(v):,}" for v in item["option_values"]]
        assert item["option_values"][LETTERS.index(item["answer"])] == item["truth"]["value"]
        assert all(b >= 1.2 * a and b - a >= 2 for a, b in pairwise(sorted(item["option_values"])))
        scene = next(s for s in scenes if s.id == item["scene_id"])
        assert problems(item, scene) == []
    assert len({item["answer"] for item in items}) > 1


def test_numbers_of_one_place_make_no_set():
    scene = scene_of(*(replace(COUNT, key=f"n{v}", answer=str(v), value=float(v)) for v in (1, 10, 100, 1000)))
    _, audit = assign(found_in(scene), Settings())
    assert audit["test/count"]["dropped_with_options"] == {"options_from_one_place": 4}


def test_splits_and_forms_do_not_lend_each_other_options():
    train, test = counts([float(10 * n) for n in range(1, 13)]), counts([float(10 * n) for n in range(1, 13)])
    test = [replace(scene, id=f"test-{scene.id}", split="test") for scene in test]
    items = items_of(*train, *test)
    by_split = {split: [i for i in items if i["split"] == split] for split in ("train", "test")}
    assert all(by_split.values())
    shown = {split: [v for i in own for v in i["option_values"]] for split, own in by_split.items()}
    assert all(len(set(values)) == len(values) for values in shown.values())
    assert set(shown["train"]) & set(shown["test"]), "the same numbers are there in both"
    strata = {item["stratum"] for item in items_of(*train, scene_of(PUBLISHED), scene_of(YES_NO, name="other"))}
    number = "test/count | test | train | number | What is the number of roads?"
    assert strata == {number, "test/cover | test | train | published options"}


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (replace(PUBLISHED, options=tuple("abcdefghijk"), answer="k"), "more_options_than_letters"),
        (replace(YES_NO, words=tuple("abcdefghijk"), answer="k"), "more_options_than_letters"),
        (replace(PUBLISHED, options=("Water",)), "one_option_only"),
        (replace(PUBLISHED, options=("Water", "Soil", "Soil")), "options_read_alike"),
        (replace(PUBLISHED, options=("Water", "bare soil", "bare  soil")), "options_read_alike"),
        (Stated("r1", "refer", "ship", mask=lambda: np.ones((48, 48), bool)), "no_choice_among_options"),
    ],
)
def test_what_can_be_no_item_is_counted_with_its_reason(stated, reason):
    rejected: Counter[str] = Counter()
    assert list(stated_findings(SceneFacts(scene_of(stated)), rejected)) == []
    assert rejected == {f"{stated.task}/{reason}": 1}


def test_ten_options_have_ten_letters():
    ten = replace(PUBLISHED, options=tuple("abcdefghij"), answer="j")
    (item,) = items_of(scene_of(ten))
    assert item["answer"] == "J"
    assert problems(item, scene_of(ten)) == []


@pytest.mark.parametrize(
    "bad",
    [
        replace(PUBLISHED, options=("Soil <answer>", "Water")),
        replace(PUBLISHED, answer="water"),
        replace(YES_NO, question="[SEG]?"),
        replace(YES_NO, task="presence"),
    ],
)
def test_what_cannot_be_asked_quarantines_its_scene(bad):
    with pytest.raises(SceneError) as error:
        list(stated_findings(SceneFacts(scene_of(bad)), Counter()))
    assert error.value.reason == "bad_record"


@pytest.mark.parametrize("what", ["read", "hidden"])
@pytest.mark.parametrize("labels", [False, True])
def test_a_picture_that_cannot_be_read_is_noticed_before_options_are_drawn(what, labels):
    def broken() -> np.ndarray:
        raise SceneError("unreadable", "not a picture")

    scene = scene_of(YES_NO, labels=labels)
    scene = replace(scene, frames=(replace(scene.frames[0], **{what: broken}),))
    with pytest.raises(SceneError, match="not a picture"):
        list(findings_of(SceneFacts(scene), STRICT, Counter()))


def test_measured_and_stated_findings_come_from_one_scene():
    both = scene_of(YES_NO, labels=True)
    tasks = [found.task for found, _ in findings_of(SceneFacts(both), STRICT, Counter())]
    assert tasks[0] == "test/presence"
    assert set(tasks) - {"test/presence"} <= set(TASKS)
    assert len(tasks) > 1


def test_a_cap_leaves_words_in_balance_and_counts_what_it_takes():
    scenes = [scene_of(replace(YES_NO, answer=("yes", "no")[n % 2]), PUBLISHED, name=f"p{n:02d}") for n in range(40)]
    plan, audit = assign(found_in(*scenes), Settings(per_task=10))
    words = {f.key: f.word for f in found_in(*scenes)}
    assert Counter(words[key] for key in plan) == {"yes": 5, "no": 5, "Water": 10}
    for task in ("test/presence", "test/cover"):
        assert audit[task]["dropped_with_options"]["over_the_number_asked_for"] == 30


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["yes", "no"]), max_size=30), st.lists(st.integers(0, 500), max_size=40))
def test_whatever_is_stated_every_item_is_sound(words, numbers):
    scenes = [scene_of(replace(YES_NO, answer=w), name=f"w{n}") for n, w in enumerate(words)]
    scenes += [replace(s, id=f"n-{s.id}") for s in counts([float(v) for v in numbers])]
    items = items_of(*scenes)
    said = Counter(item["truth"]["text"] for item in items if item["task"] == "test/presence")
    assert said["yes"] == said["no"] == min(words.count("yes"), words.count("no"))
    assert len({item["id"] for item in items}) == len(items)
    for item in items:
        scene = next(s for s in scenes if s.id == item["scene_id"])
        assert problems(item, scene) == []


# --- verify, row by row ---------------------------------------------------------------------------------------------


def sealed(row: Row, **changes: Any) -> Row:
    row = copy.deepcopy(row) | changes
    return row | {"id": content_id(row)}


def lettered(options: list[str]) -> str:
    return json.dumps(dict(zip(LETTERS, options, strict=False)), ensure_ascii=False)


FORGED: dict[str, tuple[Callable[[Row], Row], str]] = {
    "letter": (lambda r: sealed(r, answer="A"), "the truth is 'Water'"),
    "letter beyond": (lambda r: sealed(r, answer="D"), "no option letter"),
    "two letters": (lambda r: sealed(r, answer="AB"), "no option letter"),
    "option": (lambda r: sealed(r, options=["Soil", "Lake", "Urban"]), "candidates are not"),
    "case of an option": (
        lambda r: sealed(r, options=["Soil", "water", "Urban"], candidates=lettered(["Soil", "water", "Urban"])),
        "the truth is 'Water'",
    ),
    "option twice": (
        lambda r: sealed(r, options=["Water"] * 3, candidates=lettered(["Water"] * 3)),
        "2 to 10 different texts",
    ),
    "too many options": (
        lambda r: sealed(r, options=list("abcdefghijk"), option_values=[None] * 11),
        "2 to 10 different texts",
    ),
    "values of words": (lambda r: sealed(r, option_values=[1.0, 2.0, 3.0]), "does not show its value"),
    "values lost": (lambda r: sealed(r, option_values=[None]), "3 options have 1 values"),
    "mask": (
        lambda r: sealed(
            r, masks=[{"t": 1, "class_name": "x", "plural": False, "rle": encode(np.ones((48, 48), bool))}]
        ),
        "has no masks",
    ),
    "measured number": (
        lambda r: sealed(r, values=[{"quantity": "date", "of": [0], "value": 1.0, "unit": "date", "text": "1"}]),
        "no measured numbers",
    ),
    "task": (lambda r: sealed(r, task="test/other"), "is not one that the kind"),
    "another source": (lambda r: sealed(r, task="x/cover", kind="x/cover"), "begins with 'test/'"),
    "a phrase as an item": (lambda r: sealed(r, task="refer", kind="refer"), "no multiple-choice question"),
    "template": (lambda r: sealed(r, template="bench.coverage.v1:0"), "template is"),
    "picture": (lambda r: r | {"image": {"bytes": b"other", "path": None}}, "picture is none of its scene"),
    "date": (lambda r: sealed(r, parameters='{"key": "p1", "t": 7}'), "lack the key"),
    "question": (lambda r: r | {"question": "What covers least?"}, "id does not follow"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_item_is_found_without_its_source(name):
    forge, expected = FORGED[name]
    (item,) = items_of(scene_of(PUBLISHED))
    found = problems(forge(item), scene_of(PUBLISHED))
    assert any(expected in problem for problem in found), found


def test_forged_numbers_and_words_are_found():
    scenes = counts([10.0, 20.0, 40.0, 80.0])
    (item,) = items_of(*scenes)
    scene = next(s for s in scenes if s.id == item["scene_id"])
    other = sealed(item, truth=item["truth"] | {"value": 99.0})
    assert any("is not the number" in p for p in problems(other, scene))
    wrong = [o if n else "7" for n, o in enumerate(item["options"])]
    assert any("does not show" in p for p in problems(sealed(item, options=wrong, candidates=lettered(wrong)), scene))
    pair = [scene_of(replace(YES_NO, answer=w), name=w) for w in ("yes", "no")]
    item = items_of(*pair)[0]
    three = [*item["options"], "maybe"]
    changed = sealed(item, options=three, candidates=lettered(three), option_values=[None] * 3)
    assert any("not among the possible answers" in p for p in problems(changed, pair[0]))


# --- tasks, scores, tables ------------------------------------------------------------------------------------------


def test_the_six_tasks_come_first_and_stated_ones_by_name():
    assert every_task({"b/x", "a/y", "area"}) == [*TASKS, "a/y", "b/x"]
    assert tasks_of({"b/x", "a/y", "area"}) == ["area", "a/y", "b/x"]


def test_protocols_are_those_of_the_items_that_there_are():
    assert protocol_of({}, STRICT) == protocol_of({"area": 3, "a/x": 0}, STRICT) == "strict"
    assert protocol_of({"area": 0, "a/x": 2}, PAPER) == "stated"
    assert protocol_of({"area": 1, "a/x": 2}, PAPER) == "paper + stated"


def result(task: str, correct: bool, iou: float | None = None, options: int = 4) -> Result:
    return Result("id", task, "group", "unknown", options, "ok", "A", correct, iou, False, 0)


def test_macro_is_of_the_six_alone_where_there_are_any():
    six = [result(task, True, 1.0) for task in TASKS]
    found = summary([*six, result("a/x", False, options=2)])
    assert found["macro6"] == 1.0
    assert found["macro_accuracy"] == 1.0
    assert found["macro_tasks"] == [*TASKS]
    alone = summary([result("a/x", True), result("a/y", False)])
    assert (alone["macro6"], alone["macro_accuracy"]) == (None, 0.5)
    assert (alone["mean_iou"], alone["r_iou_correct"], alone["iou_covered"]) == (None, None, None)
    assert alone["tasks"]["a/x"]["mean_iou"] is None
    json.dumps(alone, allow_nan=False)


def scores_with(tasks: dict[str, float], spec: str = "m") -> Row:
    rows = [result(task, n < round(10 * share)) for task, share in tasks.items() for n in range(10)]
    run_of = {"model": {"spec": spec}, "privileged": False, "bench": {"size": len(rows)}, "items": len(rows)}
    return run_of | summary(rows)


def test_stated_tasks_have_a_table_of_their_own():
    plain = scores_with(dict.fromkeys(TASKS, 0.5))
    assert "stated" not in format_table([plain])
    both = format_table([plain, scores_with({"a/count": 0.3, "b/presence": 0.8}, "other")])
    lines = both.splitlines()
    assert lines[0].split()[1:7] == ["coverage", "area", "ranking", "boundary", "distance", "build.chg"]
    start = next(n for n, line in enumerate(lines) if line.startswith("stated by the source"))
    assert lines[start].split()[-2:] == ["a/count", "b/presence"]
    assert lines[start + 2].split() == ["m", "-", "-"]
    assert lines[start + 3].split() == ["other", "30.0", "80.0"]
    assert len({len(line) for line in lines[start : start + 4]}) == 1


def test_many_stated_tasks_are_lines():
    many = {f"a/{n:02d}": 0.1 * n for n in range(9)}
    lines = format_table([scores_with(many, "one"), scores_with(many, "two")]).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("stated by the source"))
    assert lines[start].split()[-2:] == ["one", "two"]
    assert [line.split() for line in lines[start + 2 : start + 4]] == [["a/00", "0.0", "0.0"], ["a/01", "10.0", "10.0"]]


# --- whole benchmarks -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RSVQA as it lies on disk: 48 images, five questions each, all in one split."""
    rows = [row for image in range(48) for row in rsvqa.asked(image, "test")]
    return rsvqa.samples(tmp_path_factory.mktemp("rsvqa") / "set", rows, size=32)


@pytest.fixture(scope="module")
def bench(questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stated") / "bench"
    build(source_spec("rsvqa-lr", str(questions)), out)
    return out


@pytest.fixture(scope="module")
def landsat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return landsat_set(tmp_path_factory.mktemp("landsat") / "set", [r for n in range(12) for r in landsat_rows(n)])


@pytest.fixture(scope="module")
def evaluation(landsat: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluation") / "bench"
    build(source_spec("landsat30-au", str(landsat)), out)
    return out


def test_a_question_set_becomes_a_benchmark_that_verifies(questions, bench):
    manifest = read_json(bench / MANIFEST)
    assert manifest["protocol"] == "stated"
    counted = manifest["counts"]["tasks"]["rsvqa-lr/count"]
    assert 8 <= counted <= 12  # 48 counts make at most 12 sets of four; some are too close
    assert manifest["counts"]["tasks"] == dict.fromkeys(TASKS, 0) | {
        "rsvqa-lr/comparison": 48,
        "rsvqa-lr/count": counted,
        "rsvqa-lr/presence": 96,
        "rsvqa-lr/rural_urban": 48,
    }
    audit = json.loads((bench / "audit.json").read_text())
    assert list(audit) == every_task(audit)
    assert audit["rsvqa-lr/count"]["dropped_with_options"]["lent_as_distractor"] == 3 * counted
    assert verify(bench).problems == []
    report = verify(bench, str(questions))
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] == 48
    card = (bench / "README.md").read_text()
    assert "**stated, not measured**" in card
    assert "none of them with evidence masks" in card


def test_a_published_set_keeps_its_options_and_verifies(landsat, evaluation):
    items = Benchmark.open(evaluation).items
    assert Counter(item["task"] for item in items) == {f"landsat30-au/{k}": 12 for k in ("DLC", "COA", "NUM")}
    assert {item["template"] for item in items} == {"published"}
    rows = [row for n in range(12) for row in landsat_rows(n)]
    written = {(row["question"], row["options"], row["answer"]) for row in rows}
    for item in items:
        answer = item["options"][LETTERS.index(item["answer"])]
        assert (item["question"], repr(item["options"]), answer) in written
    assert verify(evaluation).problems == []
    assert verify(evaluation, str(landsat)).problems == []


def test_a_referring_set_has_no_items_and_the_audit_says_why(tmp_path):
    refs, content = refer.places(4)
    root = refer.repack(tmp_path / "RISBench", refs, content)
    done = build(source_spec("refer", str(root)), tmp_path / "out")
    assert done.counts["items"] == 0
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    refused = {"no_choice_among_options": audit["refer"]["refused_by_filter"]["no_choice_among_options"]}
    assert audit["refer"] == {
        "kept": 0,
        "refused_by_filter": refused,
        "found": 0,
        "dropped_with_options": {},
        "excluded": 0,
        "source": "refer",
    }


def test_a_measured_source_knows_nothing_of_stated_tasks(tmp_path):
    folder = make_scenes(tmp_path / "scenes", count=6)
    build(source_spec("geotiff", str(folder)), tmp_path / "out")
    manifest = read_json(tmp_path / "out" / MANIFEST)
    assert list(manifest["counts"]["tasks"]) == list(TASKS)
    assert manifest["protocol"] == "strict"
    assert "stated" not in (tmp_path / "out" / "README.md").read_text()


def test_one_and_two_workers_write_the_same_bytes(questions, bench, tmp_path):
    build(source_spec("rsvqa-lr", str(questions)), tmp_path / "two", workers=2)
    for path in sorted(bench.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(bench)).read_bytes()


def test_every_split_is_asked_in_turn_when_limited(bench):
    chosen = selected_items(Benchmark.open(bench), 8)
    assert set(Counter(item["task"] for item in chosen).values()) == {2}


def test_chance_and_majority_answer_stated_items(questions, bench, tmp_path):
    run(Benchmark.open(bench), load_model("chance"), "chance", tmp_path / "chance")
    found = score(tmp_path / "chance")
    assert found["counts"]["ok"] == found["items"] == len(Benchmark.open(bench))
    assert (found["mean_iou"], found["macro6"], found["r_iou_correct"]) == (None, None, None)
    assert 0.3 < found["micro_accuracy"] < 0.7
    rows = [row for image in range(100, 132) for row in rsvqa.asked(image)]
    other = rsvqa.samples(tmp_path / "train", rows, size=32)
    build(source_spec("rsvqa-lr", str(other)), tmp_path / "fitted")
    model = load_model("majority", {"train": str(tmp_path / "fitted")})
    run(Benchmark.open(bench), model, "majority", tmp_path / "majority")
    found = score(tmp_path / "majority")
    assert found["counts"]["ok"] == len(Benchmark.open(bench))
    assert 0.2 < found["tasks"]["rsvqa-lr/rural_urban"]["accuracy"] < 0.8  # words are balanced in both benchmarks
    assert "rsvqa-lr/presence" in format_table([found])


@pytest.mark.parametrize("name", ["oracle", "box-oracle"])
def test_an_oracle_leaves_unanswered_what_it_cannot_measure(evaluation, tmp_path, name):
    """An answer would have to be guessed, and a bound that guesses is none."""
    run(Benchmark.open(evaluation), load_model(name), name, tmp_path / "run")
    found = score(tmp_path / "run")
    assert found["counts"] == {"ok": 0, "unparsed": 36, "error": 0, "missing": 0}
    assert found["micro_accuracy"] == 0.0
    assert "stated by the source unanswered (unparsed)" in format_table([found])


def test_the_note_on_stated_tasks_needs_both_an_oracle_and_such_tasks(evaluation, tmp_path):
    run(Benchmark.open(evaluation), load_model("chance"), "chance", tmp_path / "run")
    assert "unanswered" not in format_table([score(tmp_path / "run")])


def test_the_blind_reader_reads_stated_items(bench, evaluation):
    for path in (bench, evaluation):
        items = Benchmark.open(path).items
        for task in tasks_of({item["task"] for item in items}):
            of_task = [item for item in items if item["task"] == task]
            found = blind_score(of_task)
            assert found.n == len(of_task)
            assert 0 <= found.accuracy <= 1


def test_masks_of_a_model_on_stated_items_are_no_error(evaluation, tmp_path):
    class Pointing:
        def respond(self, prompts):
            from terracot.plugins import PredictedMask

            return [Response("<answer>A</answer>", (PredictedMask(1, np.ones(p.shape, bool)),)) for p in prompts]

    run(Benchmark.open(evaluation), Pointing(), "pointing", tmp_path / "run")
    assert score(tmp_path / "run")["mean_iou"] is None


def test_show_draws_a_stated_item(evaluation):
    bench = Benchmark.open(evaluation)
    assert sheet(bench.items[0], bench.scene(bench.items[0]["scene_id"]), "terrascope-bench").ndim == 3


def rewritten(folder: Path, tmp_path: Path, change: Callable[[list[Row]], None]) -> Path:
    out = tmp_path / "changed"
    shutil.copytree(folder, out)
    path = out / "data" / "items-00000.parquet"
    rows = pq.read_table(path).to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=ITEM_SCHEMA), path)
    manifest = read_json(out / MANIFEST)
    manifest.pop("files")
    (out / MANIFEST).unlink()
    write_manifest(out, manifest)
    return out


def test_the_reader_takes_stated_tasks_and_no_others(evaluation, tmp_path):
    def unknown(rows: list[Row]) -> None:
        rows[0]["task"] = "poetry"

    with pytest.raises(BenchmarkError, match="unknown task 'poetry'"):
        Benchmark.open(rewritten(evaluation, tmp_path, unknown))


def test_the_reader_refuses_more_options_than_letters(evaluation, tmp_path):
    def eleven(rows: list[Row]) -> None:
        rows[0]["options"] = list("abcdefghijk")

    with pytest.raises(BenchmarkError, match="has 11 options; expected 1 to 10"):
        Benchmark.open(rewritten(evaluation, tmp_path, eleven))


def another_truth(rows: list[Row]) -> None:
    """Another option is right, with everything that follows from it."""
    row = rows[0]
    position = (LETTERS.index(row["answer"]) + 1) % len(row["options"])
    rows[0] = sealed(row, answer=LETTERS[position], truth=row["truth"] | {"text": row["options"][position]})


def another_order(rows: list[Row]) -> None:
    row = rows[0]
    options = row["options"][::-1]
    answer = LETTERS[len(options) - 1 - LETTERS.index(row["answer"])]
    rows[0] = sealed(row, options=options, candidates=lettered(options), answer=answer)


def another_question(rows: list[Row]) -> None:
    rows[0] = sealed(rows[0], question="Which of these is it?")


@pytest.mark.parametrize("change", [another_truth, another_order, another_question])
def test_consistent_forgeries_are_found_with_the_source(evaluation, landsat, tmp_path, change):
    folder = rewritten(evaluation, tmp_path, change)
    assert verify(folder).ok, "this forgery is meant to be consistent in itself"
    assert any("does not follow from the source" in p for p in verify(folder, str(landsat)).problems)
