"""RSVQA low resolution: both layouts give the same scenes; what is wrong with a row or an image is said and skipped."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rsvqa_on_disk import asked, pixels, published, question, samples, write_tif

from terracot.cli import main
from terracot.scenes import Modality, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.published import category
from terracot.sources.rsvqa import RsvqaSource

ROWS = [*asked(72), *asked(236, "test"), *asked(491, "val")]


def reasons(source: RsvqaSource) -> dict[str, str]:
    return {item.name: item.reason for item in source.left_out()}


def failure(source: RsvqaSource, image: str) -> str:
    with pytest.raises(SceneError, match=rf"{image}\.tif") as caught:
        source.load(image).frames[0].pixels()
    assert str(source.root) not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("layout", [samples, published])
def test_a_scene_is_an_image_with_its_questions_and_no_metres(tmp_path: Path, layout: Any) -> None:
    source = open_source("rsvqa-lr", str(layout(tmp_path, ROWS)))
    assert list(source.ids()) == ["72", "236", "491"]  # by number, not by letter
    scene = source.load("236")
    (frame,) = scene.frames
    assert (frame.modality, frame.t, frame.bands, frame.unit) == (
        Modality.OPTICAL,
        1,
        ("R", "G", "B"),
        "digital number",
    )
    assert np.array_equal(frame.pixels(), pixels(236))
    assert (frame.display.low, frame.display.high) == ((0, 0, 0), (255, 255, 255))
    assert [(s.task, s.question, s.answer, s.words, s.value) for s in scene.stated] == [
        ("rsvqa-lr/presence", "Is a road present?", "no", ("yes", "no"), None),
        ("rsvqa-lr/presence", "Is there a water area?", "yes", ("yes", "no"), None),
        ("rsvqa-lr/comparison", "Are there more buildings than roads?", "yes", ("yes", "no"), None),
        ("rsvqa-lr/rural_urban", "Is it a rural or an urban area", "rural", ("rural", "urban"), None),
        ("rsvqa-lr/count", "What is the number of roads?", "1655", (), 1655.0),  # 7 * 236 + 3
    ]
    assert (scene.split, scene.group, scene.license) == ("test", "rsvqa-lr/236", "CC-BY-4.0 AND ODbL-1.0")
    assert (scene.labels, scene.crs, scene.transform, scene.ground.basis) == ((), None, None, "unknown")
    assert scene.provenance["image_crs"] == "EPSG:3857"
    assert scene.provenance["image_transform"][0] == pytest.approx(16.1736332)
    assert str(tmp_path) not in json.dumps(dict(scene.provenance))


def test_keys_lead_back_to_the_rows_of_the_files(tmp_path: Path) -> None:
    assert [s.key for s in RsvqaSource(samples(tmp_path / "a", ROWS)).load("236").stated][::4] == ["row-5", "row-9"]
    keys = [s.key for s in RsvqaSource(published(tmp_path / "b", ROWS)).load("236").stated]
    assert keys == [f"question-{n}" for n in range(5, 10)]


def test_split_keeps_the_other_images_out_and_says_so(tmp_path: Path) -> None:
    source = RsvqaSource(published(tmp_path, ROWS), split="validation")
    assert source.ids() == ["491"]
    assert reasons(source) == {"72": "other_split", "236": "other_split"}
    with pytest.raises(SourceError, match="train, validation, test"):
        RsvqaSource(tmp_path, split="val")


def test_inactive_rows_are_no_questions(tmp_path: Path) -> None:
    published(tmp_path, ROWS)
    path = tmp_path / "LR_split_test_questions.json"
    content = json.loads(path.read_text())
    content["questions"][5]["active"] = False
    path.write_text(json.dumps(content))
    source = RsvqaSource(tmp_path)
    assert [s.key for s in source.load("236").stated] == [f"question-{n}" for n in range(6, 10)]
    assert source.left_out() == []


def test_png_copies_of_the_images_are_read(tmp_path: Path) -> None:
    published(tmp_path, ROWS)
    (tmp_path / "LR_png").mkdir()
    for image in (72, 236, 491):
        (tmp_path / "Images_LR" / f"{image}.tif").unlink()
        Image.fromarray(np.moveaxis(pixels(image), 0, 2)).save(tmp_path / "LR_png" / f"{image}.png")
    (tmp_path / "Images_LR").rmdir()
    scene = RsvqaSource(tmp_path).load("72")
    assert np.array_equal(scene.frames[0].pixels(), pixels(72))
    assert scene.provenance["files"] == {"rgb": "LR_png/72.png"}
    assert "image_crs" not in scene.provenance


def test_a_missing_image_is_told_once_with_the_number_of_its_questions(tmp_path: Path) -> None:
    (samples(tmp_path, ROWS) / "image" / "236.tif").unlink()
    source = RsvqaSource(tmp_path)
    assert source.ids() == ["72", "491"]
    (missing,) = source.left_out()
    assert (missing.name, missing.reason) == ("236", "missing_image")
    assert "image/236.tif" in missing.message
    assert "5 questions" in missing.message


def test_images_of_splits_whose_questions_were_not_fetched_do_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for n in range(1, 7) for row in asked(n, ("train", "val", "test")[n % 3])]
    published(tmp_path, rows, size=16)
    for path in tmp_path.glob("LR_split_train_*.json"):
        path.unlink()
    assert reasons(RsvqaSource(tmp_path)) == {"3": "not_downloaded", "6": "not_downloaded"}
    assert main(["check", "rsvqa-lr", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "Images_LR/3.tif; there is no LR_split_train_questions.json" in text
    (tmp_path / "Images_LR" / "1.tif").unlink()  # of validation
    assert reasons(RsvqaSource(tmp_path, split="test")) == {
        "1": "other_split",
        "3": "not_downloaded",
        "4": "other_split",
        "6": "not_downloaded",
    }


def test_an_image_that_nobody_asks_about_is_told(tmp_path: Path) -> None:
    write_tif(samples(tmp_path, ROWS) / "image" / "900.tif", pixels(900))
    source = RsvqaSource(tmp_path)
    assert reasons(source) == {"900": "missing_questions"}
    assert category("missing_questions") == "missing"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (question(72, "area", "What is the area?", "12m2"), "type"),
        (question(72, "presence", "Is a road present?", "maybe"), "yes or no"),
        (question(72, "rural_urban", "Which?", "yes"), "rural or urban"),
        (question(72, "count", "How many?", "-3"), "a count"),
        (question(72, "count", "How many?", "4.5"), "a count"),
        (question(72, "count", "How many?", "9" * 40), "a count"),
        (question(72, "presence", " ", "yes"), "text of a question"),
        (question(72, "presence", "Is a \ud800?", "yes"), "text of a question"),
        (question(72, "presence", "Where?", "yes", "hold"), "split"),
        (question("../72", "presence", "Where?", "yes"), "number of an image"),  # type: ignore[arg-type]
        (question(-1, "presence", "Where?", "yes"), "number of an image"),
        ({"image": ["72"], "type": {}, "split": []}, "number of an image"),
    ],
)
def test_a_bad_row_is_left_out_by_its_number_and_the_others_stay(tmp_path: Path, row: Any, said: str) -> None:
    samples(tmp_path, asked(72))
    (tmp_path / "qa.json").write_text(json.dumps([*asked(72), row]))
    source = RsvqaSource(tmp_path)
    assert len(source.load("72").stated) == 5
    (bad,) = source.left_out()
    assert (bad.name, bad.reason) == ("qa.json row 5", "bad_record")
    assert said in bad.message


def test_contradicting_answers_drop_the_question_and_repeated_ones_count_once(tmp_path: Path) -> None:
    rows = [*asked(72), question(72, "presence", "is a road  present?", "no"), asked(72)[4]]
    assert asked(72)[0]["answer"] == "no"
    rows[0]["answer"] = "yes"
    source = RsvqaSource(samples(tmp_path, rows))
    assert [s.key for s in source.load("72").stated] == ["row-1", "row-2", "row-3", "row-4"]
    (bad,) = source.left_out()
    assert (bad.name, bad.reason) == ("72/row-0", "bad_record")
    assert "row-0: 'yes', row-5: 'no'" in bad.message


def test_an_image_of_two_splits_is_not_used(tmp_path: Path) -> None:
    source = RsvqaSource(samples(tmp_path, [*asked(72), *asked(72, "test"), *asked(236)]))
    assert source.ids() == ["236"]
    assert reasons(source) == {"72": "bad_record"}


def test_questions_without_answer_or_with_two_are_left_out(tmp_path: Path) -> None:
    published(tmp_path, ROWS)
    path = tmp_path / "LR_split_train_answers.json"
    content = json.loads(path.read_text())
    content["answers"][0]["active"] = False
    content["answers"].append({"id": 99, "question_id": 1, "answer": "no", "active": True})
    path.write_text(json.dumps(content))
    source = RsvqaSource(tmp_path)
    assert reasons(source) == {"question 0": "bad_record", "question 1": "bad_record"}
    assert len(source.load("72").stated) == 3


def test_a_question_number_given_twice_names_one_question(tmp_path: Path) -> None:
    published(tmp_path, ROWS)
    for kind in ("questions", "answers"):
        path = tmp_path / f"LR_split_train_{kind}.json"
        content = json.loads(path.read_text())
        content[kind][1] |= {"id": 0, "question_id": 0, "answer": "no"}
        path.write_text(json.dumps(content))
    source = RsvqaSource(tmp_path)
    assert Counter(s.key for s in source.load("72").stated) == {f"question-{n}": 1 for n in (0, 2, 3, 4)}
    assert reasons(source) == {"72/question-0": "bad_record"}


def test_broken_images_are_scene_errors_with_their_reason(tmp_path: Path) -> None:
    samples(tmp_path, [*asked(1), *asked(2), *asked(3), *asked(4), *asked(5)])
    folder = tmp_path / "image"
    (folder / "1.tif").write_bytes(b"")
    (folder / "2.tif").write_bytes(b"II*\x00 no raster")
    write_tif(folder / "3.tif", pixels(3)[:2])
    write_tif(folder / "4.tif", pixels(4).astype(np.float32) + 0.5)
    whole = (folder / "5.tif").read_bytes()
    (folder / "5.tif").write_bytes(whole[: len(whole) // 2])
    source = RsvqaSource(tmp_path)
    found = [failure(source, image) for image in source.ids()]
    assert found == ["empty_file", "unreadable", "band_count", "pixel_type", "unreadable"]


def test_unknown_and_vanished_images_are_scene_errors(tmp_path: Path) -> None:
    source = RsvqaSource(samples(tmp_path, ROWS))
    with pytest.raises(SceneError) as unknown:
        source.load("7")
    (tmp_path / "image" / "72.tif").unlink()
    assert (unknown.value.reason, failure(source, "72")) == ("missing_questions", "missing_image")


def test_bytes_stored_as_floats_are_bytes(tmp_path: Path) -> None:
    write_tif(samples(tmp_path, asked(3)) / "image" / "3.tif", pixels(3).astype(np.float32))
    read = RsvqaSource(tmp_path).load("3").frames[0].pixels()
    assert read.dtype == np.uint8
    assert np.array_equal(read, pixels(3))


def test_a_wrong_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="LR_split_train_questions"):
        RsvqaSource(tmp_path)
    published(tmp_path / "a", ROWS)
    (tmp_path / "a" / "LR_split_val_answers.json").unlink()
    with pytest.raises(SourceError, match=r"LR_split_val_answers\.json is missing"):
        RsvqaSource(tmp_path / "a").ids()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "qa.json").write_text("[]")
    with pytest.raises(SourceError, match=r"unpack Images_LR\.zip"):
        RsvqaSource(tmp_path / "b")
    (tmp_path / "b" / "image").mkdir()
    with pytest.raises(SourceError, match="nothing found"):
        RsvqaSource(tmp_path / "b").ids()


def test_fingerprint_follows_questions_and_images(tmp_path: Path) -> None:
    first = RsvqaSource(samples(tmp_path, ROWS)).fingerprint()
    assert RsvqaSource(tmp_path).fingerprint() == first
    (tmp_path / "qa.json").write_text(json.dumps([{**ROWS[0], "answer": "yes"}, *ROWS[1:]]))
    other = RsvqaSource(tmp_path).fingerprint()
    (tmp_path / "image" / "72.tif").unlink()
    assert len({first, other, RsvqaSource(tmp_path).fingerprint()}) == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.text(max_size=6) | st.sampled_from(["yes", "count", "train"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image", "split", "type", "question", "answer"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=JSON)
def test_hostile_json_gives_source_errors_and_left_out_rows_only(tmp_path: Path, content: Any) -> None:
    (tmp_path / "image").mkdir(exist_ok=True)
    (tmp_path / "qa.json").write_text(json.dumps(content))
    try:
        source = RsvqaSource(tmp_path)
        found = (source.ids(), source.left_out())
    except SourceError:
        return
    assert len(found[1]) >= 1


@pytest.mark.parametrize("text", ["", "[", "\ufeff[]x", "[" * 100_000, '{"questions": 1}'])
def test_broken_json_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "qa.json").write_text(text)
    with pytest.raises(SourceError, match=r"qa\.json") as caught:
        RsvqaSource(tmp_path).ids()
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.real
def test_real_samples(real_data: Path) -> None:
    folder = real_data / "rsvqa_lr"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    source = RsvqaSource(folder)
    assert source.ids() == ["72", "236", "273", "296", "316", "491", "530", "555", "571"]
    assert source.left_out() == []
    scenes = [source.load(i) for i in source.ids()]
    assert Counter(s.task for scene in scenes for s in scene.stated) == {
        "rsvqa-lr/comparison": 352,
        "rsvqa-lr/count": 272,
        "rsvqa-lr/presence": 267,
        "rsvqa-lr/rural_urban": 9,
    }
    assert Counter(scene.split for scene in scenes) == {"train": 1, "validation": 4, "test": 4}
    for scene in scenes:
        assert scene.frames[0].pixels().shape == (3, 256, 256)
        assert len({s.key for s in scene.stated}) == 100


def test_real_download() -> None:
    """The release: 57,223 + 10,005 + 10,004 questions on 772 images."""
    folder = os.environ.get("TERRASCOPE_RSVQA_LR")
    if not folder:
        pytest.skip("TERRASCOPE_RSVQA_LR does not name a download of RSVQA low resolution")
    source = RsvqaSource(folder)
    asked_of = Counter[str]()
    for image in source.ids():
        scene = source.load(image)
        asked_of[scene.split] += len(scene.stated)
    left = Counter(item.reason for item in source.left_out())
    assert len(source.ids()) + left["missing_image"] + left["missing_questions"] == 772
    # Repeated questions count once, so these are upper limits.
    for split, stated in (("train", 57_223), ("validation", 10_005), ("test", 10_004)):
        assert 0.9 * stated < asked_of[split] <= stated
