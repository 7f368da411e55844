"""Stated questions as samples: what is written, what is refused, and what verify finds when somebody changes it."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
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
from make_scenes import class_map, memory_scene

from terracot.checks import check_belongs, check_row
from terracot.dataset import generate
from terracot.findings import SceneFacts, Setting
from terracot.generate import scene_samples, source_spec
from terracot.io import MANIFEST, read_json, write_manifest
from terracot.masks import decode, encode
from terracot.questions import ask
from terracot.samples import SAMPLE_SCHEMA, content_id
from terracot.scenes import Scene, SceneError, Stated
from terracot.shards import read_rows, scene_row
from terracot.show import sheet
from terracot.stated import ASKED, SHOWN, is_stated, level_of, phrase_of, refer_words, stated_number
from terracot.traces import SEG, seg_dates, split_text
from terracot.verify import verify

SHAPE = (48, 48)
Row = dict[str, Any]


def region() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[4:12, 6:20] = True
    return mask


def refers(phrase: str, key: str = "r1", **changes: Any) -> Stated:
    return replace(Stated(key, "refer", phrase, mask=region), **changes)


YES_NO = Stated("w1", "test/presence", "Is a road present?", "yes", words=("yes", "no"))
COUNT = Stated("n1", "test/count", "What is the number of roads?", "1234", value=1234.0)
PUBLISHED = Stated("p1", "test/cover", "What covers most?", "Water", options=("Bare ground", "Water", "Urban"))


def scene_of(*stated: Stated, labels: bool = False, dates: int = 1) -> Scene:
    """A scene of one or two dates with stated questions; without label maps unless asked for."""
    maps = [class_map(np.random.default_rng(t)) for t in range(dates)]
    scene = memory_scene(maps)
    return replace(scene, stated=stated, labels=scene.labels if labels else ())


def rows_of(*stated: Stated, seed: int = 0, **how: Any) -> list[Row]:
    """Sample rows as they come back from Parquet."""
    rows = scene_samples(SceneFacts(scene_of(*stated, **how)), seed)
    return list(pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA).to_pylist())


def written(stated: Stated, seed: int = 0) -> Row | None:
    """The one row of a question, or None when it is refused, which it is as a bad record."""
    try:
        (row,) = rows_of(stated, seed=seed)
    except SceneError as error:
        if error.reason != "bad_record":
            raise
        return None
    return row


def problems(row: Row, dates: int = 1) -> list[str]:
    facts = SceneFacts(scene_of(dates=dates))
    return [*check_row(row, facts.setting, SHAPE, ask), *check_belongs(row, scene_row(facts))]


# --- what a sample is -----------------------------------------------------------------------------------------------


def test_a_phrase_becomes_a_question_a_mask_and_a_reply_with_one_seg():
    (row,) = rows_of(refers("A ship on the left."))
    assert (row["level"], row["kind"], row["answer"]) == ("refer", "refer", "")
    assert row["masks"][0]["class_name"] == "a ship on the left"
    assert int(decode(row["masks"][0]["rle"], SHAPE).sum()) == 8 * 14
    assert "a ship on the left" in row["question"]
    assert [(s["kind"], s["mask"], s["values"]) for s in row["steps"]] == [("ground", 0, [])]
    assert row["text"] == f"{row['steps'][0]['text']} {SEG}."
    assert row["text"].count(SEG) == 1
    assert "<" not in row["text"]
    assert row["truth"] == {"value": None, "unit": "", "text": ""}
    assert (row["values"], row["ground_basis"]) == ([], "measured")


def test_words_and_numbers_become_answers_without_masks_or_steps():
    word, number = rows_of(YES_NO, COUNT)
    assert (word["level"], word["kind"], word["text"]) == ("qa", "test/presence", "<answer>yes</answer>")
    assert word["truth"] == {"value": None, "unit": "", "text": "yes"}
    assert (number["answer"], number["truth"]) == ("1234", {"value": 1234.0, "unit": "", "text": "1234"})
    assert number["text"] == "<answer>1234</answer>"
    for row in (word, number):
        assert (row["masks"], row["steps"], row["values"], row["template"]) == ([], [], [], "stated")
    assert word["question"] == "Is a road present?"


def test_a_number_without_a_text_is_written_out():
    (row,) = rows_of(replace(COUNT, answer="", value=12345.0))
    assert row["answer"] == "12,345"
    assert [stated_number(v) for v in (0.0, 1e6, 2.5, -3.0)] == ["0", "1,000,000", "2.5", "-3"]


def test_published_options_are_for_evaluation_and_give_no_sample():
    with pytest.raises(SceneError, match="use `terrabench build`") as error:
        rows_of(PUBLISHED)
    assert error.value.reason == "evaluation_only"
    assert [row["kind"] for row in rows_of(PUBLISHED, YES_NO)] == ["test/presence"]
    assert {row["level"] for row in rows_of(PUBLISHED, labels=True)} == {"caption", "l1"}


def test_measured_and_stated_rows_stand_side_by_side():
    plain = rows_of(labels=True)
    both = rows_of(refers("the lake"), YES_NO, labels=True)
    assert both[: len(plain)] == plain, "stated questions must not change what is measured"
    assert [row["level"] for row in both[len(plain) :]] == ["refer", "qa"]
    assert len({row["id"] for row in both}) == len(both)


def test_a_scene_without_maps_or_questions_has_nothing_to_ask_about():
    assert rows_of() == []
    facts = SceneFacts(scene_of())
    assert facts.valid[1].all()
    assert scene_row(facts)["valid"][0]["t"] == 1


def test_the_same_question_asked_twice_has_two_ids():
    rows = rows_of(YES_NO, replace(YES_NO, key="w2"), refers("ship"), refers("ship", "r2"))
    assert len({row["id"] for row in rows}) == 4


def test_rows_depend_on_seed_scene_and_key_alone():
    alone, among = rows_of(refers("ship")), rows_of(YES_NO, refers("ship"), COUNT)
    assert alone[0] == among[1]
    asked = {rows_of(refers("ship"), seed=seed)[0]["question"] for seed in range(200)}
    assert len(asked) == len(ASKED) >= 20


@pytest.mark.parametrize(
    ("phrase", "inside"),
    [
        ("The large ship.", "the large ship"),
        ("A ship on the left", "a ship on the left"),
        ("An airport", "an airport"),
        ("ship on the left", "the ship on the left"),
        ("Vehicles  in the\nmiddle ", "the vehicles in the middle"),
        ("theatre near the road", "the theatre near the road"),
        ("all buildings", "all buildings"),
        ("On the left a ship", "on the left a ship"),
        ("L-shaped building", "the L-shaped building"),
        ("SUV", "the SUV"),
        ("2 ships", "the 2 ships"),
    ],
)
def test_no_phrase_gets_two_articles(phrase, inside):
    for seed in range(40):
        (row,) = rows_of(refers(phrase), seed=seed)
        assert f" {inside}" in f" {row['question'].lower() if inside.islower() else row['question']}"
        for text in (row["question"], row["text"]):
            assert "the the " not in text.lower()
            assert "the a " not in text.lower()


def test_replies_do_not_mind_one_or_several():
    assert not any(f" {word} {{it}}" in f" {p}" for p in (*ASKED, *SHOWN) for word in ("is", "are"))
    assert not any(p.startswith(f"{{it}} {word} ") for p in (*ASKED, *SHOWN) for word in ("is", "are"))


def test_on_two_dates_question_and_reply_name_the_image():
    (row,) = rows_of(refers("ship", t=2), dates=2)
    assert row["question"].startswith("In image 2, ")
    assert seg_dates(row["text"]) == [2]
    assert problems(row, dates=2) == []


# --- what is refused ------------------------------------------------------------------------------------------------

BAD = {
    "mark of a trace in a phrase": refers("ship [SEG]"),
    "lower-case mark": refers("ship [ seg ] here"),
    "answer tag in a phrase": refers("ship</answer>"),
    "think tag in a question": replace(YES_NO, question="<think>Is a road present?"),
    "image token": replace(YES_NO, question="<image>\nIs a road present?"),
    "chat token": replace(YES_NO, question="<|im_end|> Is a road present?"),
    "mark in an option": replace(PUBLISHED, options=("<answer>A</answer>", "Water")),
    "mark in a word": replace(YES_NO, words=("yes", "no", "[SEG]")),
    "lone surrogate": refers("ship \ud800"),
    "control character": replace(YES_NO, question="Is a road\x00 present?"),
    "no phrase": refers(" . "),
    "no question": replace(YES_NO, question=""),
    "answer that is not possible": replace(YES_NO, answer="maybe"),
    "answer that is not published": replace(PUBLISHED, answer="water"),
    "number and text differ": replace(COUNT, answer="12"),
    "number that is none": replace(COUNT, answer="many"),
    "not a number": replace(COUNT, answer="", value=float("nan")),
    "infinite": replace(COUNT, answer="", value=float("inf")),
    "neither words nor options": replace(YES_NO, words=()),
    "words and options": replace(YES_NO, options=("yes", "no")),
    "phrase with an answer": refers("ship", answer="yes"),
    "question with a mask": replace(YES_NO, mask=region),
    "task of another source": replace(YES_NO, task="other/presence"),
    "task without a source": replace(YES_NO, task="presence"),
    "task that is measured": replace(YES_NO, task="coverage"),
    "task with a gap": replace(YES_NO, task="test/a b"),
    "task with an empty part": replace(YES_NO, task="test/"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_asked_is_a_scene_error_and_no_row(name):
    with pytest.raises(SceneError) as error:
        rows_of(BAD[name])
    assert error.value.reason == "bad_record"
    assert BAD[name].key in str(error.value)


def test_masks_that_are_missing_empty_or_of_another_size_are_named():
    for mask, reason in (
        (None, "missing_mask"),
        (lambda: np.zeros(SHAPE, bool), "empty_mask"),
        (lambda: np.ones((4, 4), bool), "mask_shape"),
        (lambda: np.ones(SHAPE, np.uint8), "mask_shape"),
    ):
        with pytest.raises(SceneError) as error:
            rows_of(refers("ship", mask=mask))
        assert error.value.reason == reason


def test_two_questions_with_one_key_are_refused():
    with pytest.raises(SceneError, match="several questions have the key w1"):
        rows_of(YES_NO, replace(YES_NO, question="Is a river present?"))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("aA [](){}<>/|SEGsegthinkanswerImage: 12.", max_size=40), st.integers(0, 50))
def test_any_phrase_is_refused_or_leaves_a_trace_that_can_be_read(phrase, seed):
    row = written(refers(phrase), seed)
    if row is None:
        return
    assert row["text"].count(SEG) == 1
    assert seg_dates(row["text"]) == [None]
    assert split_text(row["text"]) is None
    assert "<answer" not in row["text"].lower()
    assert phrase_of(row["masks"][0]["class_name"]) == row["masks"][0]["class_name"]
    assert problems(row) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.text("aA []<>/|SEGthinkanswer \n\t", max_size=40))
def test_any_question_is_refused_or_kept_as_it_stands(question):
    row = written(replace(YES_NO, question=question))
    if row is None:
        return
    assert row["question"] == question.strip()
    assert problems(row) == []


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_any_finite_number_is_written_so_that_it_reads_back(value):
    (row,) = rows_of(replace(COUNT, answer="", value=value))
    assert float(row["answer"].replace(",", "")) == value
    assert problems(row) == []


def test_names_of_kinds_say_who_answers():
    assert [is_stated(kind) for kind in ("refer", "rsvqa-lr/count", "coverage", "")] == [True, True, False, False]
    assert [level_of(kind) for kind in ("refer", "rsvqa-lr/count")] == ["refer", "qa"]


# --- verify, row by row ---------------------------------------------------------------------------------------------


def sealed(row: Row, **changes: Any) -> Row:
    """A changed row with the id of its new content, as a careful forger would write it."""
    row = copy.deepcopy(row) | changes
    return row | {"id": content_id(row)}


def truth(text: str, value: float | None = None, unit: str = "") -> Row:
    return {"value": value, "unit": unit, "text": text}


FORGED: dict[str, tuple[Stated, Callable[[Row], Row], str]] = {
    "id": (YES_NO, lambda r: r | {"id": "0" * 16}, "id does not follow"),
    "answer": (YES_NO, lambda r: sealed(r, answer="no"), "is not the truth"),
    "answer and truth": (YES_NO, lambda r: sealed(r, answer="no", truth=truth("no")), "text form"),
    "impossible answer": (
        YES_NO,
        lambda r: sealed(r, answer="rural", truth=truth("rural"), text="<answer>rural</answer>"),
        "is none of",
    ),
    "truth of a number": (COUNT, lambda r: sealed(r, truth=truth("1234", 99.0)), "is not the number"),
    "unit": (COUNT, lambda r: sealed(r, truth=truth("1234", 1234.0, "m2")), "no unit"),
    "text": (YES_NO, lambda r: sealed(r, text="<think>Surely.</think><answer>yes</answer>"), "text form"),
    "level": (YES_NO, lambda r: sealed(r, level="l1"), "level is 'l1'"),
    "kind of another source": (YES_NO, lambda r: sealed(r, kind="other/presence"), "begins with 'test/'"),
    "mask of an answer": (
        YES_NO,
        lambda r: sealed(r, masks=[{"t": 1, "class_name": "road", "plural": False, "rle": encode(region())}]),
        "has no masks",
    ),
    "step of an answer": (
        YES_NO,
        lambda r: sealed(r, steps=[{"kind": "say", "text": "Yes.", "mask": None, "values": []}]),
        "has no steps",
    ),
    "measured number": (
        YES_NO,
        lambda r: sealed(r, values=[{"quantity": "date", "of": [0], "value": 1.0, "unit": "date", "text": "1"}]),
        "no measured numbers",
    ),
    "tag in a question": (YES_NO, lambda r: sealed(r, question="<answer>no</answer>?"), "is a mark"),
    "parameters": (YES_NO, lambda r: sealed(r, parameters="{}"), "lack the key"),
    "options lost": (YES_NO, lambda r: sealed(r, parameters='{"key": "w1", "t": 1}'), "neither a number nor"),
    "phrase in the question": (
        refers("ship"),
        lambda r: sealed(r, question=r["question"].replace("ship", "car")),
        "does not ask for",
    ),
    "phrasing": (refers("ship"), lambda r: sealed(r, question=f"Look at the ship {r['seed']}"), "worded again"),
    "template": (refers("ship"), lambda r: sealed(r, template="refer.v1:99-0"), "template is"),
    "name of the mask": (
        refers("ship"),
        lambda r: sealed(r, masks=[r["masks"][0] | {"class_name": "Ship."}]),
        "does not ask for",
    ),
    "empty mask": (
        refers("ship"),
        lambda r: sealed(r, masks=[r["masks"][0] | {"rle": encode(np.zeros(SHAPE, bool))}]),
        "mask is empty",
    ),
    "damaged mask": (
        refers("ship"),
        lambda r: sealed(r, masks=[r["masks"][0] | {"rle": {"size": [48, 48], "counts": "00"}}]),
        "mask: RLE",
    ),
    "date of the mask": (refers("ship"), lambda r: sealed(r, masks=[r["masks"][0] | {"t": 2}]), "is of date 2"),
    "no mask": (refers("ship"), lambda r: sealed(r, masks=[]), "refers to one mask"),
    "two masks": (refers("ship"), lambda r: sealed(r, masks=r["masks"] * 2), "refers to one mask"),
    "reply": (
        refers("ship"),
        lambda r: sealed(r, steps=[r["steps"][0] | {"text": "Here is the ship:"}]),
        "the reply is not",
    ),
    "second SEG": (refers("ship"), lambda r: sealed(r, text=r["text"] + f" {SEG}."), "text form"),
    "answer of a phrase": (refers("ship"), lambda r: sealed(r, answer="yes", truth=truth("yes")), "no answer in words"),
    "pixel size": (refers("ship"), lambda r: sealed(r, ground_basis="nominal"), "ground basis"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_row_is_found_without_its_source(name):
    stated, forge, found = FORGED[name]
    (row,) = rows_of(stated)
    assert problems(row) == []
    assert any(found in problem for problem in problems(forge(row))), problems(forge(row))


def test_words_of_a_phrase_depend_on_what_a_row_holds():
    assert refer_words("ship", "scene", "r1", 1, 1, 0) == refer_words("ship", "scene", "r1", 1, 1, 0)
    assert isinstance(SceneFacts(scene_of()).setting, Setting)


# --- show -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stated", [refers("the ship on the left"), YES_NO, COUNT], ids=["refer", "words", "number"])
def test_show_draws_a_stated_row(stated):
    (row,) = rows_of(stated)
    facts = SceneFacts(scene_of())
    drawn = sheet(row, scene_row(facts), "terra-cot")
    assert drawn.ndim == 3
    if not row["masks"]:
        with_mask = sheet(rows_of(refers("ship"))[0], scene_row(facts))
        assert drawn.shape[1] < with_mask.shape[1] or drawn.shape[0] < with_mask.shape[0]  # the picture stands once


# --- whole data sets ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RSVQA as it lies on disk: 40 images (two shards), five questions each."""
    rows = [row for image in range(40) for row in rsvqa.asked(image)]
    return rsvqa.samples(tmp_path_factory.mktemp("rsvqa") / "set", rows, size=32)


@pytest.fixture(scope="module")
def answered(questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("answered") / "set"
    generate(source_spec("rsvqa-lr", str(questions)), out)
    return out


@pytest.fixture(scope="module")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    refs, content = refer.places(12)
    return refer.repack(tmp_path_factory.mktemp("refer") / "RISBench", refs, content)


@pytest.fixture(scope="module")
def pointed(phrases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pointed") / "set"
    generate(source_spec("refer", str(phrases)), out)
    return out


def test_a_question_set_becomes_a_data_set_that_verifies(questions, answered):
    manifest = read_json(answered / MANIFEST)
    assert manifest["counts"]["levels"] == {"qa": 200}
    assert manifest["counts"]["kinds"]["rsvqa-lr/count"] == 40
    rows = list(read_rows(answered, "samples"))
    assert len({row["id"] for row in rows}) == 200
    assert verify(answered).problems == []
    report = verify(answered, str(questions))
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] == 40
    card = (answered / "README.md").read_text()
    assert "**their answers are not measured**" in card
    assert "| rsvqa-lr/presence | 80 |" in card


def test_a_referring_set_becomes_a_data_set_that_verifies(phrases, pointed):
    rows = list(read_rows(pointed, "samples"))
    assert {row["level"] for row in rows} == {"refer"}
    assert all(row["text"].count(SEG) == 1 == len(row["masks"]) for row in rows)
    assert verify(pointed).problems == []
    assert verify(pointed, str(phrases)).problems == []
    assert "level `refer`" in (pointed / "README.md").read_text()


def test_one_and_three_workers_write_the_same_bytes(questions, answered, tmp_path):
    generate(source_spec("rsvqa-lr", str(questions)), tmp_path / "three", workers=3)
    for path in sorted(answered.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "three" / path.relative_to(answered)).read_bytes()


def test_a_set_for_evaluation_says_so_in_the_quarantine(tmp_path):
    root = landsat_set(tmp_path / "landsat", [row for n in range(3) for row in landsat_rows(n)])
    done = generate(source_spec("landsat30-au", str(root)), tmp_path / "out")
    assert (done.counts["samples"], done.quarantined) == (0, 3)
    lines = [json.loads(line) for line in (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()]
    assert {line["reason"] for line in lines} == {"evaluation_only"}
    assert all("terrabench build" in line["message"] for line in lines)
    assert verify(tmp_path / "out", str(root)).problems == []


def forged(folder: Path, tmp_path: Path, change: Callable[[Row], Row | None]) -> Path:
    """A copy whose first row was changed (or dropped), with a manifest written again."""
    out = tmp_path / "forged"
    shutil.copytree(folder, out)
    path = out / "data" / "samples-00000.parquet"
    rows = pq.read_table(path).to_pylist()
    changed = change(rows[0])
    rows[:1] = [changed] if changed else []
    pq.write_table(pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA), path)
    manifest = read_json(out / MANIFEST)
    manifest.pop("files")
    (out / MANIFEST).unlink()
    write_manifest(out, manifest)
    return out


def other_answer(row: Row) -> Row:
    """Another possible answer with everything that follows from it: only the source knows better."""
    words = json.loads(row["parameters"])["words"]
    text = next(word for word in words if word != row["answer"])
    return sealed(row, answer=text, truth=truth(text), text=f"<answer>{text}</answer>")


def other_question(row: Row) -> Row:
    return sealed(row, question="Is there any volcano?")


def other_mask(row: Row) -> Row:
    size = tuple(row["masks"][0]["rle"]["size"])
    mirrored = encode(decode(row["masks"][0]["rle"], size)[:, ::-1])
    return sealed(row, masks=[row["masks"][0] | {"rle": mirrored}])


@pytest.mark.parametrize("change", [other_answer, other_question])
def test_consistent_forgeries_of_answers_are_found_with_the_source(answered, questions, tmp_path, change):
    folder = forged(answered, tmp_path, change)
    assert verify(folder).ok, "this forgery is meant to be consistent in itself"
    assert any("does not follow from the source" in p for p in verify(folder, str(questions)).problems)


def test_a_moved_region_is_found_with_the_source(pointed, phrases, tmp_path):
    folder = forged(pointed, tmp_path, other_mask)
    assert verify(folder).ok
    assert any("does not follow from the source" in p for p in verify(folder, str(phrases)).problems)


def test_a_question_that_is_gone_is_missed(answered, questions, tmp_path):
    report = verify(forged(answered, tmp_path, lambda row: None), str(questions))
    assert any("follows from the source but is missing" in problem for problem in report.problems)
