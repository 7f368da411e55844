"""Landsat30-AU: options and answers as the publisher's texts, days before months, one line for each bad row."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landsat30_on_disk import COLUMNS, asked, geohash, picture, pixels, write
from PIL import Image

from terracot.scenes import Modality, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.landsat30 import Landsat30Source, iso_date
from terracot.sources.option_texts import by_letter, lettered, matched, python_list, several, spelled

INDEX = "Landsat30-AU-VQA-test.csv"


def stem(n: int) -> str:
    return Path(picture(n)).stem


def reasons(source: Landsat30Source) -> dict[str, str]:
    return {item.name: item.reason for item in source.left_out()}


def test_a_scene_is_a_picture_with_the_publishers_options(tmp_path: Path) -> None:
    source = open_source("landsat30-au", str(write(tmp_path, [*asked(0), *asked(3)])))
    assert list(source.ids()) == [stem(0), stem(3)]
    scene = source.load(stem(3))
    (frame,) = scene.frames
    assert (frame.modality, frame.bands, frame.unit, frame.time) == (
        Modality.OPTICAL,
        ("R", "G", "B"),
        "digital number",
        "2024-08-02",
    )
    assert np.array_equal(frame.pixels(), np.moveaxis(pixels(3), 2, 0))
    land = ("Urban fabric", "Bare ground", "Cultivated terrestrial vegetation", "Water bodies")
    first = scene.stated[0]
    assert (first.key, first.task, first.options, first.answer) == (
        "vqa_id_00030",
        "landsat30-au/DLC",
        land,
        "Water bodies",
    )
    assert scene.stated[1].answer == "Not usable: cloud cover obscures too much of the scene to be useful"
    assert (scene.split, scene.group, scene.license) == ("test", f"geohash/{geohash(3)}", "CC-BY-4.0")
    assert (scene.ground.basis, scene.ground.sampling, scene.labels, scene.crs) == ("nominal", (30.0, 30.0), (), None)
    where = scene.provenance
    assert where["files"] == {"rgb": picture(3)}
    assert where["questions"]["vqa_id_00030"]["challenge_case"] == "normal"
    assert str(tmp_path) not in json.dumps(dict(where))


def test_the_word_none_is_an_answer_and_no_missing_value(tmp_path: Path) -> None:
    scene = Landsat30Source(write(tmp_path, asked(0))).load(stem(0))
    assert (scene.stated[2].answer, scene.stated[2].options) == ("None", ("None", "Two", "Three", "One"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-08-02", "2024-08-02"),
        ("2/08/2024", "2024-08-02"),
        ("1/10/2015", "2015-10-01"),  # the picture of this row is named 2015-10-01: the day comes first
        ("25/08/2000", "2000-08-25"),
        ("13/11/2024", "2024-11-13"),
        ("2024-08-02T00:12:33", "2024-08-02"),
        ("11/13/2024", None),
        ("31/2/2024", None),
        ("2024", None),
        ("", None),
    ],
)
def test_days_come_before_months(text: str, expected: str | None) -> None:
    assert iso_date(text) == expected


def test_both_spellings_of_one_day_are_one_time_and_two_days_are_none(tmp_path: Path) -> None:
    rows = asked(0) + asked(1)
    rows[1]["capture_time"] = "2/8/2024"
    rows[4]["capture_time"] = "3/8/2024"
    source = Landsat30Source(write(tmp_path, rows))
    assert source.load(stem(0)).frames[0].time == "2024-08-02"
    assert source.load(stem(1)).frames[0].time is None
    assert source.load(stem(1)).provenance["capture_time"] == ["2024-08-02", "3/8/2024"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"options": "['a', 'b'"}, "expected options like"),
        ({"options": "['a', 2]"}, "expected options like"),
        ({"options": "{'a', 'b'}"}, "expected options like"),
        ({"options": "__import__('os').getcwd()"}, "expected options like"),
        ({"options": "[" * 3000}, "expected options like"),
        ({"options": "['a'" + ", 'a'" * 2000 + "]"}, "expected options like"),
        ({"options": "['Bare ground']"}, "two to 26"),
        ({"options": "['Bare ground', 'bare ground.', 'Sea']"}, "are the same"),
        ({"answer": "C"}, "none of the options"),
        ({"answer": ""}, "none of the options"),
        ({"question": "  "}, "expected a question"),
        ({"question_type": "Dominant Land-Cover Classification"}, "expected a type"),
        ({"question_type": "Other (XYZ)"}, "expected a type"),
        ({"image_path": "../../etc/passwd.png"}, "below the folder"),
        ({"image_path": "/DEA_VLM_images/a.png"}, "below the folder"),
        ({"geohash": "qd5k99z"}, "has the name of"),
        ({"question": "Which is <answer>A</answer>?"}, "mark by which replies are read"),
    ],
)
def test_a_bad_row_is_left_out_by_its_qa_id_and_the_others_stay(
    tmp_path: Path, change: dict[str, str], said: str
) -> None:
    rows = asked(0)
    source = Landsat30Source(write(tmp_path, [*rows, {**rows[0], "qa_id": "vqa_id_99999", **change}]))
    assert [s.key for s in source.load(stem(0)).stated] == ["vqa_id_00000", "vqa_id_00001", "vqa_id_00002"]
    (bad,) = source.left_out()
    assert "vqa_id_99999" in bad.name
    assert bad.reason == "bad_record"
    assert said in bad.message


def test_an_answer_may_differ_from_its_option_in_case_only_if_that_names_one(tmp_path: Path) -> None:
    rows = asked(0)
    rows[0]["answer"] = "  urban FABRIC "
    assert Landsat30Source(write(tmp_path, rows)).load(stem(0)).stated[0].answer == "Urban fabric"
    assert matched("a", ("A", "b")) == "A"
    with pytest.raises(ValueError, match="none of the options"):
        matched("c", ("A", "b"))


def test_contradicting_rows_drop_the_question(tmp_path: Path) -> None:
    rows = asked(0)
    options = "['Water bodies', 'Bare ground', 'Urban fabric', 'Cultivated terrestrial vegetation']"
    rows.append({**rows[0], "options": options, "answer": "Water bodies", "qa_id": "vqa_id_77777"})
    source = Landsat30Source(write(tmp_path, rows))
    assert [s.key for s in source.load(stem(0)).stated] == ["vqa_id_00001", "vqa_id_00002"]
    assert reasons(source) == {f"{stem(0)}/vqa_id_00000": "bad_record"}


def test_missing_and_unasked_pictures_are_told(tmp_path: Path) -> None:
    write(tmp_path, [*asked(0), *asked(1), *asked(2)])
    (tmp_path / picture(1)).unlink()
    Image.fromarray(pixels(5)).save((tmp_path / picture(2)).with_name("other.png"))
    source = Landsat30Source(tmp_path)
    assert source.ids() == [stem(0), stem(2)]
    missing, unasked = source.left_out()
    assert (missing.name, missing.reason) == (stem(1), "missing_image")
    assert "3 questions" in missing.message
    assert (unasked.name, unasked.reason, unasked.message[:10]) == ("DEA_VLM_images", "missing_questions", "1 pictures")


def test_capitals_of_file_names_may_differ_from_the_index(tmp_path: Path) -> None:
    write(tmp_path, asked(0))
    path = tmp_path / picture(0)
    path.rename(path.with_suffix(".PNG"))
    scene = Landsat30Source(tmp_path).load(stem(0))
    assert scene.provenance["files"]["rgb"].endswith(".PNG")
    assert scene.frames[0].pixels().shape == (3, 32, 32)


def test_transparent_pixels_are_no_data(tmp_path: Path) -> None:
    write(tmp_path, [*asked(0), *asked(1)])
    for n, alpha in ((0, 0), (1, 255)):
        rgba = np.dstack([pixels(n), np.full((32, 32), 255, np.uint8)])
        rgba[:4, :, 3] = alpha
        Image.fromarray(rgba).save(tmp_path / picture(n))
    source = Landsat30Source(tmp_path)
    seen = source.load(stem(0)).frames[0].pixels()
    assert seen.dtype == np.float32
    assert np.isnan(seen[:, :4]).all()
    assert np.array_equal(seen[:, 4:], np.moveaxis(pixels(0), 2, 0)[:, 4:])
    assert source.load(stem(1)).frames[0].pixels().dtype == np.uint8


def failure(source: Landsat30Source, n: int) -> str:
    with pytest.raises(SceneError) as caught:
        source.load(stem(n)).frames[0].pixels()
    assert str(source.root) not in str(caught.value)
    return caught.value.reason


def test_broken_pictures_are_scene_errors_with_their_reason(tmp_path: Path) -> None:
    write(tmp_path, [*asked(0), *asked(1)])
    (tmp_path / picture(0)).write_bytes(b"")
    Image.fromarray(pixels(1)).convert("P").save(tmp_path / picture(1))
    source = Landsat30Source(tmp_path)
    assert [failure(source, n) for n in range(2)] == ["empty_file", "band_count"]


@pytest.mark.parametrize("kept", [0.02, 0.1, 0.5, 0.99])
def test_a_cut_png_is_not_read_as_the_pixels_that_gdal_makes_up(tmp_path: Path, kept: float) -> None:
    path = write(tmp_path, asked(0), size=128) / picture(0)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert failure(Landsat30Source(tmp_path), 0) == "unreadable"


def test_a_wrong_folder_or_file_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="DEA_VLM_images"):
        Landsat30Source(tmp_path)
    write(tmp_path, asked(0))
    (tmp_path / INDEX).write_text("image_path,question\n")
    with pytest.raises(SourceError, match=r"columns .*qa_id.* are missing"):
        Landsat30Source(tmp_path).ids()
    (tmp_path / INDEX).write_bytes(b"image_path,question\n\xff\xfe")
    with pytest.raises(SourceError, match="UTF-8"):
        Landsat30Source(tmp_path).ids()


def test_fingerprint_follows_the_questions(tmp_path: Path) -> None:
    first = Landsat30Source(write(tmp_path, asked(0))).fingerprint()
    assert Landsat30Source(write(tmp_path, asked(0))).fingerprint() == first
    assert Landsat30Source(write(tmp_path, asked(0)[:2])).fingerprint() != first


TEXTS = st.text(max_size=12) | st.sampled_from(["None", "it's", 'say "x"', "a, b", "B. c", "[1]", "\\", "é"])


@given(st.lists(TEXTS, max_size=6))
def test_any_list_of_texts_that_python_writes_is_read_back(options: list[str]) -> None:
    stripped = [o.strip() for o in options]
    try:
        assert python_list(repr(options)) == tuple(stripped)
    except ValueError:
        folded = [" ".join(o.casefold().split()).removesuffix(".") for o in stripped]
        assert len(options) < 2 or not all(stripped) or len(set(folded)) < len(folded)


@given(st.text(max_size=60) | st.text("[]'\",ab() AB.\n", max_size=40))
def test_hostile_option_texts_raise_value_errors_only(text: str) -> None:
    for parse in (python_list, lettered, lambda t: matched(t, ("a", "b")), lambda t: by_letter(t, ("a", "b"))):
        with contextlib.suppress(ValueError):
            assert parse(text)
    assert several(text) in (True, False)
    assert spelled(text, ("a", "b")) in (True, False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(max_size=15), max_size=12), max_size=4))
def test_hostile_tables_give_source_errors_and_left_out_rows_only(tmp_path: Path, table: list[list[str]]) -> None:
    write(tmp_path, [])
    with (tmp_path / INDEX).open("w", newline="", encoding="utf-8", errors="replace") as file:
        csv.writer(file).writerows([COLUMNS, *table])
    with contextlib.suppress(SourceError):
        assert Landsat30Source(tmp_path).ids() == []


def test_real_download() -> None:
    """The test file has eight types of questions; none of its rows is expected to be bad."""
    folder = os.environ.get("TERRASCOPE_LANDSAT30_AU")
    if not folder:
        pytest.skip("TERRASCOPE_LANDSAT30_AU does not name a download of Landsat30-AU")
    source = Landsat30Source(folder)
    left = Counter(item.reason for item in source.left_out())
    scene = source.load(source.ids()[0])
    assert scene.frames[0].pixels().shape[0] == 3
    kinds = {s.task for name in source.ids() for s in source._pictures[0][name].stated}
    assert kinds == {f"landsat30-au/{k}" for k in ("DLC", "COA", "MOP", "NUM", "APR", "SRI", "USR", "FOD")}
    assert left["bad_record"] <= 0.01 * sum(len(p.stated) for p in source._pictures[0].values())
