"""DisasterM3: Windows paths that stay in the folder, one right option, events as xBD and BRIGHT spell them."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disasterm3_on_disk import INDEX, KINDS, asked, lettered, pair, pixels, record, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from terracot.scenes import Modality, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources import option_texts as texts
from terracot.sources.disasterm3 import DisasterM3Source, event_of
from terracot.sources.question_files import Files, plain_path


def name(n: int, sar: bool = False) -> str:
    return "+".join(path.rpartition("\\")[2].removesuffix(".png") for path in pair(n, sar))


def reasons(source: DisasterM3Source) -> dict[str, str]:
    return {item.name: item.reason for item in source.left_out()}


def read_all(source: DisasterM3Source, scene_id: str) -> None:
    for frame in source.load(scene_id).frames:
        frame.pixels()


def failure(source: DisasterM3Source, scene_id: str) -> str:
    with pytest.raises(SceneError) as caught:
        read_all(source, scene_id)
    assert str(source.root) not in str(caught.value)
    return caught.value.reason


def test_a_scene_is_a_pair_with_the_publishers_options(tmp_path: Path) -> None:
    source = open_source("disasterm3", str(write(tmp_path, [*asked(0), *asked(1)])))
    assert list(source.ids()) == [
        "joplin_tornado_00000000_pre_disaster+joplin_tornado_00000000_post_disaster",
        "hurricane_florence_pre_0+hurricane_florence_post_0",
    ]
    scene = source.load(name(1))
    assert [(f.t, f.modality, f.bands, f.unit) for f in scene.frames] == [
        (1, Modality.OPTICAL, ("R", "G", "B"), "digital number"),
        (2, Modality.OPTICAL, ("R", "G", "B"), "digital number"),
    ]
    assert np.array_equal(scene.frames[1].pixels(), np.moveaxis(pixels("hurricane_florence_post_0"), 2, 0))
    counting, kind = scene.stated
    assert (counting.key, counting.task) == ("record-2", "disasterm3/building_damage_counting")
    assert (counting.options, counting.answer) == (("40", "44", "36", "48", "32"), "44")
    assert (kind.task, kind.options, kind.answer) == ("disasterm3/disaster_type_recognition", KINDS, "earthquake")
    assert (scene.split, scene.group, scene.license) == ("test", "event/hurricane-florence", "CC-BY-NC-SA-4.0")
    assert (scene.ground.basis, scene.labels, scene.crs) == ("unknown", (), None)
    assert scene.provenance["files"] == {
        "pre": "test_images/hurricane_florence_pre_0.png",
        "post": "test_images/hurricane_florence_post_0.png",
    }
    assert str(tmp_path) not in json.dumps(dict(scene.provenance))


@pytest.mark.parametrize(
    ("file", "event"),
    [
        ("joplin_tornado_00000050_pre_disaster.png", "joplin-tornado"),
        ("test_images/santa-rosa-wildfire_00000121_pre_disaster.png", "santa-rosa-wildfire"),
        ("bata_explosion_pre_0.png", "bata-explosion"),
        ("turkey_earthquake5_pre_12.png", "turkey-earthquake"),
        ("la_palma_volcano_post_sar_3.png", "la-palma-volcano"),
        ("relational_reasoning_images/bata_explosion_post_1052_0.png", "bata-explosion"),
        ("hurricane_harvey.png", "hurricane-harvey"),
        ("lower_puna_volcano_00000003.png", "lower-puna-volcano"),
        ("preston_fire_pre_1.png", "preston-fire"),
        ("000123.png", "unknown"),
    ],
)
def test_events_are_spelled_as_xbd_and_bright_spell_them(file: str, event: str) -> None:
    """The leakage guard compares groups: one event under two names would let training pictures into a test."""
    assert event_of(file) == event


def test_sar_after_the_event_is_one_grey_band(tmp_path: Path) -> None:
    pre, post = pair(3, sar=True)
    entry = asked(3)[0] | {"pre_image_path": pre, "post_image_path": post, "post_image_type": "SAR"}
    frame = DisasterM3Source(write(tmp_path, [entry])).load(name(3, sar=True)).frames[1]
    assert (frame.modality, frame.bands, frame.unit) == (Modality.SAR, ("amplitude",), "digital number")
    grey = pixels(Path(post.replace("\\", "/")).stem)[..., 0]
    assert np.array_equal(frame.pixels(), grey[None])
    assert (frame.display.low, frame.display.high) == ((0, 0, 0), (255, 255, 255))


def test_a_record_without_sensor_takes_it_from_the_file_name(tmp_path: Path) -> None:
    pre, post = pair(3, sar=True)
    entries = [asked(3)[0] | {"pre_image_path": pre, "post_image_path": post}, *asked(5)]
    for entry in entries:
        del entry["post_image_type"]
    source = DisasterM3Source(write(tmp_path, entries))
    file = tmp_path / post.replace("\\", "/")
    Image.fromarray(np.asarray(Image.open(file))[..., 0]).save(file)
    assert [f.modality for f in source.load(name(3, sar=True)).frames] == [Modality.OPTICAL, Modality.SAR]
    assert [f.modality for f in source.load(name(5)).frames] == [Modality.OPTICAL, Modality.OPTICAL]


def test_grey_sar_in_three_bands_is_read_and_coloured_sar_refused(tmp_path: Path) -> None:
    entries = [entry | {"post_image_type": "SAR"} for n in (1, 3) for entry in asked(n)]
    source = DisasterM3Source(write(tmp_path, entries))
    for n, colour in ((1, 0), (3, 9)):
        grey = pixels(str(n))[..., 0]
        Image.fromarray(np.stack([grey, grey, grey + colour], -1)).save(tmp_path / pair(n)[1].replace("\\", "/"))
    assert source.load(name(1)).frames[1].pixels().shape == (1, 48, 48)
    assert failure(source, name(3)) == "band_count"


def test_relations_show_a_single_picture(tmp_path: Path) -> None:
    entry = record(0, "Relational Reasoning", "How does red relate to blue?", ["left", "above", "below"], 1)
    for field in ("pre_image_path", "post_image_path", "post_image_type", "ground_truth"):
        del entry[field]
    entry["option_str"] = entry.pop("options_str")
    path = "test_images\\relational_reasoning_images\\bata_explosion_post_1052_0.png"
    scene = DisasterM3Source(write(tmp_path, [entry | {"image_path": path}])).load("bata_explosion_post_1052_0")
    assert (scene.dates, scene.group, scene.stated[0].t, scene.stated[0].answer) == (
        1,
        "event/bata-explosion",
        1,
        "above",
    )


def test_tasks_that_are_not_one_right_option_are_counted_and_left_out(tmp_path: Path) -> None:
    bodies = ["Stadiums", "Buildings", "Coastline", "Dams"]
    several = record(0, "Disaster Bearing Bodies Recognition", "What is damaged?", bodies, 1)
    report = {"pre_image_path": pair(0)[0], "post_image_path": pair(0)[1], "task": "Disaster Report", "prompts": ["x"]}
    entries = [*asked(0), several | {"ground_truth_option": "B, D."}, several, report, report, report]
    source = DisasterM3Source(write(tmp_path, entries))
    assert len(source.load(name(0)).stated) == 2
    found = {item.name: (item.reason, item.message.partition(";")[0]) for item in source.left_out()}
    assert found == {
        "Disaster Bearing Bodies Recognition": ("several_answers", "2 records"),
        "Disaster Report": ("no_options", "3 records"),
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ground_truth_option": "B, D."}, "one right option"),
        ({"ground_truth_option": "F"}, "one letter of A to E"),
        ({"ground_truth_option": "a"}, "one letter of A to E"),
        ({"ground_truth_option": ""}, "one letter of A to E"),
        ({"ground_truth_option": None}, "one letter of A to E"),
        ({"ground_truth_option": ["A", "B"]}, "one letter of A to E"),
        ({"ground_truth_option": "B. hurricane"}, "does not go with option B"),
        ({"ground_truth": 24}, "but ground_truth is 24"),
        ({"options_list": [20, 24, 20, 28, 12]}, "are the same"),
        ({"options_list": [20, 24, 16, 28, 13]}, "do not say the same"),
        ({"options_list": [20, 24, 16, 28]}, "do not say the same"),
        ({"options_list": [20, True]}, "do not say the same"),
        ({"options_list": None, "options_str": "A. 20, C. 24"}, "expected options like"),
        ({"options_list": None, "options_str": "20, 24, 16"}, "expected options like"),
        ({"prompts": []}, "expected a task and a prompt"),
        ({"prompts": {"a": 1}}, "expected a task and a prompt"),
        ({"pre_image_path": "..\\..\\secret.png"}, "below the folder"),
        ({"pre_image_path": "C:\\secret.png"}, "below the folder"),
        ({"pre_image_path": "\\\\host\\secret.png"}, "below the folder"),
        ({"pre_image_path": "test_images\\..\\..\\secret.png"}, "below the folder"),
        ({"pre_image_path": None}, "below the folder"),
        ({"post_image_type": "Radar"}, "Optical or SAR"),
        ({"post_image_type": "SAR"}, "goes by the name of"),
        ({"prompts": "Where is [SEG]?"}, "mark by which replies are read"),
    ],
)
def test_a_bad_record_is_left_out_by_its_number_and_the_others_stay(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    source = DisasterM3Source(write(tmp_path, [*asked(0), asked(0)[0] | {"prompts": "Count."} | change]))
    assert [s.key for s in source.load(name(0)).stated] == ["record-0", "record-1"]
    (bad,) = source.left_out()
    assert "record-2" in bad.name
    assert bad.reason == "bad_record"
    assert said in bad.message


@pytest.mark.parametrize("answer", ["B", "B.", "(B)", "B)", "B. 24", "(B) 24", ["B"]])
def test_letters_of_answers_may_carry_points_brackets_and_their_text(tmp_path: Path, answer: Any) -> None:
    entry = asked(0)[0] | {"ground_truth_option": answer, "ground_truth": 24}
    assert DisasterM3Source(write(tmp_path, [entry])).load(name(0)).stated[0].answer == "24"


def test_the_first_of_several_prompts_is_asked_and_the_others_are_noted(tmp_path: Path) -> None:
    scene = DisasterM3Source(write(tmp_path, [asked(0)[0] | {"prompts": ["How many?", "Count them."]}])).load(name(0))
    assert scene.stated[0].question == "How many?"
    assert scene.provenance["questions"]["record-0"]["other_prompts"] == ["Count them."]


def test_contradicting_records_drop_the_question_and_repeated_ones_count_once(tmp_path: Path) -> None:
    first, second = asked(0)
    other = first | {"ground_truth_option": "C", "ground_truth": 16}
    source = DisasterM3Source(write(tmp_path, [first, second, other, second]))
    assert [s.key for s in source.load(name(0)).stated] == ["record-1"]
    assert reasons(source) == {f"{name(0)}/record-0": "bad_record"}


def test_missing_unasked_and_misspelled_pictures(tmp_path: Path) -> None:
    write(tmp_path, [*asked(0), *asked(1), *asked(2)])
    files = [tmp_path / path.replace("\\", "/") for n in range(3) for path in pair(n)]
    files[1].unlink()
    files[2].rename(files[2].with_suffix(".PNG"))
    Image.fromarray(pixels("x")).save(tmp_path / "test_images" / "other_pre_disaster.png")
    source = DisasterM3Source(tmp_path)
    assert source.ids() == [name(1), name(2)]
    assert source.load(name(1)).provenance["files"]["pre"].endswith(".PNG")
    missing, unasked = source.left_out()
    assert (missing.name, missing.reason) == (name(0), "missing_image")
    assert "test_images/joplin_tornado_00000000_post_disaster.png not there; 2 questions" in missing.message
    assert (unasked.name, unasked.reason) == ("test_images", "missing_questions")
    assert unasked.message.startswith("1 pictures")


def test_broken_pictures_are_scene_errors_with_their_reason(tmp_path: Path) -> None:
    write(tmp_path, [entry for n in range(5) for entry in asked(n)])
    files = [tmp_path / pair(n)[1].replace("\\", "/") for n in range(5)]
    files[0].write_bytes(b"")
    files[1].write_bytes(files[1].read_bytes()[:-20])
    Image.fromarray(pixels("x", size=24)).save(files[2])
    Image.fromarray(pixels("x")[..., 0]).save(files[3])
    files[4].write_bytes(b"no picture")
    source = DisasterM3Source(tmp_path)
    found = [failure(source, name(n)) for n in range(5)]
    assert found == ["empty_file", "unreadable", "mismatched_shapes", "band_count", "unreadable"]
    files[0].unlink()
    assert failure(source, name(0)) == "missing_image"
    assert failure(source, "nowhere") == "missing_questions"


def test_a_wrong_folder_or_file_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has no benchmark_release\.json"):
        DisasterM3Source(tmp_path)
    (tmp_path / INDEX).write_text('{"records": []}')
    with pytest.raises(SourceError, match="list of records"):
        DisasterM3Source(tmp_path).ids()
    (tmp_path / INDEX).write_text("[")
    with pytest.raises(SourceError, match="not readable as JSON"):
        DisasterM3Source(tmp_path).ids()


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("A. Stadiums, B. Buildings, C. Dams.", ("Stadiums", "Buildings", "Dams")),
        ("A. 1,234, B. 12, C. 1.5.", ("1,234", "12", "1.5")),
        ("A.20,B.24", ("20", "24")),
        ("A) one\nB) two", ("one", "two")),
        ("(A) one (B) two", ("one", "two")),
        ("A. one.\nB. two.\n", ("one.", "two.")),
        ("A: one; B: two", ("one", "two")),
        ("A. In the U.S. army, B. none", ("In the U.S. army", "none")),
    ],
)
def test_lettered_options_are_read_in_all_their_forms(text: str, options: tuple[str, ...]) -> None:
    assert texts.lettered(text) == options
    assert texts.spelled(text, options)


@pytest.mark.parametrize(
    "text",
    ["", "one, two", "A. one", "B. one, A. two", "A. one, B. two, B. three", "A. one, B. two, D. four", "A., B. two",
     "Options: A. one, B. two", "A. same, B. Same", "A. " + "x" * 5000 + ", B. y"],
)  # fmt: skip
def test_lettered_options_that_could_be_read_in_two_ways_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|the same"):
        texts.lettered(text)


WORDS = st.text("abcdefghij KLM0123456789-/%", min_size=1, max_size=15).map(str.strip).filter(bool)


@given(st.lists(WORDS, min_size=2, max_size=8, unique_by=lambda w: " ".join(w.casefold().split())))
def test_whatever_is_written_with_letters_is_read_back(options: list[str]) -> None:
    assert texts.lettered(lettered(options)) == tuple(options)
    assert texts.spelled(lettered(options), options)
    assert not texts.spelled(lettered(options), options[:-1])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("ab./\\: \0C~", max_size=14) | st.text(max_size=10))
def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    with contextlib.suppress(ValueError):
        plain = plain_path(path)
        assert not plain.startswith("/")
        assert ".." not in plain.split("/")
        assert (tmp_path / plain).is_relative_to(tmp_path)
        assert Files(tmp_path).find(plain) is None


VALUES = st.none() | st.integers(-2, 30) | st.text(max_size=8) | st.sampled_from(["A", "A. x, B. y", "SAR", "a\\b.png"])
RECORDS = st.lists(
    st.none()
    | st.dictionaries(st.sampled_from(sorted(asked(0)[0])), VALUES | st.lists(VALUES, max_size=3), max_size=9),
    max_size=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RECORDS)
def test_hostile_records_are_left_out_and_never_a_crash(tmp_path: Path, records: list[Any]) -> None:
    (tmp_path / INDEX).write_text(json.dumps(records))
    source = DisasterM3Source(tmp_path)
    if records:
        assert source.ids() == []
        assert source.left_out()
    else:
        with pytest.raises(SourceError, match="nothing found"):
            source.ids()


def test_real_download() -> None:
    """The release: 30,042 records, of which four tasks have one right option."""
    folder = os.environ.get("TERRASCOPE_DISASTERM3")
    if not folder:
        pytest.skip("TERRASCOPE_DISASTERM3 does not name a download of DisasterM3_Bench")
    source = DisasterM3Source(folder)
    left = {item.name: item for item in source.left_out()}
    for task, count in (
        ("Referring Expression Segmentation", 12_348),
        ("Disaster Report", 2_363),
        ("Disaster Restoration Advice", 2_363),
        ("Disaster Bearing Bodies Recognition", 2_363),
        ("Disaster Scene Recognition", 2_007),
    ):
        assert left[task].message.startswith(f"{count} records")
    kinds = Counter(s.task for place in source._places[0].values() for s in place.stated)
    assert set(kinds) == {
        "disasterm3/building_damage_counting",
        "disasterm3/road_damage_counting",
        "disasterm3/disaster_type_recognition",
        "disasterm3/relational_reasoning",
    }
    assert sum(kinds.values()) <= 4_982 + 2_178 + 420 + 1_018
    assert sum(kinds.values()) > 7_000
    assert {frame.shape for frame in source.load(source.ids()[0]).frames} == {(1024, 1024)}
