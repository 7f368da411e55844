"""xBD as it lies on disk, and one clear answer for everything that can be wrong with it. All pixels are synthetic."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from xbd_on_disk import (
    PAIR,
    SCENE,
    SIZE,
    change_label,
    counts,
    opened,
    reason,
    rectangle,
    save,
    three_buildings,
    wkt,
    write_many,
    write_pair,
)

from terracot.findings import SceneFacts
from terracot.generate import SourceSpec, scene_samples
from terracot.scenes import IGNORE, SceneError, SourceError
from terracot.sources.published import category
from terracot.sources.xbd import XbdSource
from terracot.survey import read_all


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return three_buildings(tmp_path)


# --- what a pair is ---------------------------------------------------------------------------------------------------


def test_a_pair_is_two_dates_with_their_own_legends(root: Path) -> None:
    scene = opened(root).load(SCENE)
    assert [(f.id, f.t, f.time, f.unit, f.bands) for f in scene.frames] == [
        (f"{SCENE}/pre", 1, "2009-08-10T17:12:02.000Z", "digital number", ("R", "G", "B")),
        (f"{SCENE}/post", 2, "2011-05-22T17:20:31.000Z", "digital number", ("R", "G", "B")),
    ]
    assert (scene.source, scene.split, scene.group) == ("xbd", "train", "event/guatemala-volcano")
    assert scene.license == "CC-BY-NC-SA-4.0"
    before = {"ground without buildings": SIZE**2 - 2400 - 4000 - 2500, "building cover": 8900, "ignored": 0}
    assert counts(scene, 1) == before
    assert counts(scene, 2) == {
        "ground without buildings": SIZE**2 - 8900,
        "undamaged building cover": 2400,
        "destroyed building cover": 4000,
        "ignored": 2500,
    }
    assert scene.frames[1].pixels()[:, 140, 320].tolist() == [90 + 80, 100 + 40, 80 + 60]  # drawn by target value 4


def test_buildings_are_listed_with_their_damage_and_unclassified_ones_without(root: Path) -> None:
    before, after = opened(root).load(SCENE).instances
    assert [i.damage for i in before.instances] == [None, None, None]
    assert [(i.number, i.uid, i.damage) for i in after.instances] == [
        (1, "00000000-0000", "no-damage"),
        (2, "00000000-0001", "destroyed"),
        (3, "00000000-0002", None),
    ]
    numbers = after.numbers()
    assert np.bincount(numbers.ravel()).tolist() == [SIZE**2 - 8900, 2400, 4000, 2500]
    assert numbers[100, 100] == 1
    assert numbers[99, 100] == numbers[100, 99] == 0


def test_published_targets_agree_with_the_polygons(root: Path) -> None:
    """The targets are not read by the source, so they are an independent check of what it draws."""
    target = np.array(Image.open(root / "train" / "targets" / f"{PAIR}_post_disaster_target.png"))
    classes = opened(root).load(SCENE).labels[1].classes()
    judged = classes != IGNORE
    assert np.array_equal(classes[judged], target[judged])
    assert (target[~judged] == 1).all()  # the published targets call un-classified undamaged


def test_all_four_damage_classes_have_their_own_name(tmp_path: Path) -> None:
    subtypes = ("no-damage", "minor-damage", "major-damage", "destroyed")
    buildings = [rectangle(100 * n, 10, 100 * n + 10 + n, 20, s) for n, s in enumerate(subtypes)]
    write_pair(tmp_path, PAIR, buildings)
    assert list(counts(opened(tmp_path).load(SCENE), 2).items())[1:] == [
        ("undamaged building cover", 100),
        ("building cover with minor damage", 110),
        ("building cover with major damage", 120),
        ("destroyed building cover", 130),
        ("ignored", 0),
    ]


def test_provenance_finds_the_files_again_and_tells_nothing_of_the_disk(root: Path) -> None:
    where = opened(root).load(SCENE).provenance
    assert where["files"]["post"] == [
        f"train/images/{PAIR}_post_disaster.png",
        f"train/labels/{PAIR}_post_disaster.json",
    ]
    assert where["buildings"]["post"] == {"destroyed": 1, "no-damage": 1, "un-classified": 1, "below_a_pixel": 0}
    assert where["static_labels"] is False
    assert str(root) not in json.dumps(where)


# --- what lies in the folder ------------------------------------------------------------------------------------------


def test_four_splits_are_told_by_folder_and_tier3_needs_no_targets(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "tier3", "test", "hold")):
        write_pair(tmp_path, f"santa-rosa-wildfire_{number:08d}", split=split)
    assert not (tmp_path / "tier3" / "targets").exists()
    source = opened(tmp_path)
    assert source.ids() == [
        "train/santa-rosa-wildfire_00000000",
        "tier3/santa-rosa-wildfire_00000001",
        "test/santa-rosa-wildfire_00000002",
        "hold/santa-rosa-wildfire_00000003",
    ]
    assert [source.load(i).split for i in source.ids()] == ["train", "tier3", "test", "hold"]
    only = opened(tmp_path, split="tier3")
    assert only.ids() == ["tier3/santa-rosa-wildfire_00000001"]
    assert {(left.name, left.reason) for left in only.left_out()} == {
        (i, "other_split") for i in source.ids() if not i.startswith("tier3")
    }
    assert only.fingerprint() != source.fingerprint()


def test_what_train_lacks_says_nothing_of_test(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_pair(tmp_path, PAIR, split=split, size=32)
    (tmp_path / "train" / "labels" / f"{PAIR}_pre_disaster.json").unlink()
    assert [left.reason for left in opened(tmp_path, split="train").left_out()] == ["missing_label", "other_split"]
    assert [left.reason for left in opened(tmp_path, split="test").left_out()] == ["other_split"]


@pytest.mark.parametrize(
    ("folder", "ending", "expected"), [("labels", "json", "missing_label"), ("images", "png", "missing_image")]
)
@pytest.mark.parametrize("phase", ["pre", "post"])
def test_a_pair_that_lacks_a_file_is_left_out_and_says_which(
    root: Path, folder: str, ending: str, expected: str, phase: str
) -> None:
    write_pair(root, "guatemala-volcano_00000001")
    (root / "train" / folder / f"{PAIR}_{phase}_disaster.{ending}").unlink()
    source = opened(root)
    assert source.ids() == ["train/guatemala-volcano_00000001"]
    (left,) = source.left_out()
    assert (left.name, left.reason, category(left.reason)) == (SCENE, expected, "missing")
    assert f"{folder}/..._{phase}_disaster.{ending}" in left.message
    assert reason(root, says=phase) == expected


def test_files_of_other_names_are_left_out_and_hidden_ones_ignored(root: Path) -> None:
    for name in ("guatemala_volcano_00000002_pre_disaster.png", "notes.txt"):
        (root / "train" / "images" / name).write_text("x")
    (root / "train" / "images" / f"._{PAIR}_pre_disaster.png").write_text("macOS leaves these")
    source = opened(root)
    assert source.ids() == [SCENE]
    assert [(left.name, left.reason) for left in source.left_out()] == [
        ("train/images/guatemala_volcano_00000002_pre_disaster.png", "unexpected_name"),
        ("train/images/notes.txt", "unexpected_name"),
    ]


@pytest.mark.parametrize("scene_id", ["train/../../etc_00000000", "elsewhere/palu-tsunami_00000000", "train", ""])
def test_ids_that_are_none_are_refused(root: Path, scene_id: str) -> None:
    assert reason(root, scene_id) == "missing_image"


def test_wrong_folders_say_what_was_expected_and_found(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        SourceError, match="holds train, tier3, test or hold, each with images and labels; found nothing"
    ):
        opened(tmp_path / "empty")
    with pytest.raises(SourceError, match=r"found images, labels, targets in .*give the folder above it"):
        opened(root / "train")
    with pytest.raises(SourceError, match="found no folder at"):
        opened(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="has the splits train, tier3, test, hold; found split=val"):
        opened(root, split="val")
    (tmp_path / "bare" / "train").mkdir(parents=True)
    with pytest.raises(SourceError, match="nothing found"):
        opened(tmp_path / "bare").ids()


# --- what can be wrong with a scene -----------------------------------------------------------------------------------


def break_building(root: Path, phase: str = "post", **changes: Any) -> None:
    def change(content: dict[str, Any]) -> None:
        entry = content["features"]["xy"][1]
        for key, value in changes.items():
            (entry if key == "wkt" else entry["properties"])[key] = value

    change_label(root, SCENE, phase, change)


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON ((1 1, 2 2",
        "POLYGON ((0 0, 9 0, 9 9))",
        "POLYGON EMPTY",
        "POINT (1 1)",
        "POLYGON ((nan 0, 1 0, 1 1, nan 0))",
        "POLYGON ((0 0, 1e300 0, 1e300 1e300, 0 0))",
        "",
        None,
        7,
    ],
    ids=str,
)
def test_broken_wkt_names_file_and_building(root: Path, text: object) -> None:
    break_building(root, wkt=text)
    assert reason(root, says=f"train/labels/{PAIR}_post_disaster.json, building 1 (uid '00000000-0001')") == "bad_label"


def test_broken_degrees_are_passed_over(root: Path) -> None:
    change_label(root, SCENE, "pre", lambda c: c["features"]["lng_lat"][0].update(wkt="POLYGON ((1 1, 2"))
    assert opened(root).load(SCENE).provenance["pixel_size"]["vertices"] == 10


@pytest.mark.parametrize("subtype", ["collapsed", "Destroyed", "", None, 4, ["destroyed"]])
def test_unknown_damage_is_refused(root: Path, subtype: object) -> None:
    break_building(root, subtype=subtype)
    assert reason(root, says="is not one of no-damage, minor-damage") == "unknown_code"


def test_what_is_no_building_is_refused(root: Path) -> None:
    break_building(root, "pre", feature_type="lava")
    assert reason(root, says="feature_type 'lava'") == "unknown_code"


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"metadata": {}}', b'{"metadata": [], "features": {}}', b"<html>"]
    + [b'{"metadata": {}, "features": {"xy": %s, "lng_lat": []}}' % x for x in (b"{}", b"[1]", b"[{}]")]
    + [b'{"metadata": {}, "features": {"xy": [], "lng_lat": 3}}'],
)
def test_a_label_file_that_is_none_is_a_bad_label(root: Path, content: bytes) -> None:
    (root / "train" / "labels" / f"{PAIR}_pre_disaster.json").write_bytes(content)
    assert reason(root, says=f"train/labels/{PAIR}_pre_disaster.json") == "bad_label"


def test_empty_files_are_told_from_broken_ones(root: Path) -> None:
    """``sunda-tsunami_00000135_pre`` was reported empty in a copy of the data."""
    scene_id = write_pair(root, "sunda-tsunami_00000135", split="tier3")
    image = root / "tier3" / "images" / "sunda-tsunami_00000135_pre_disaster.png"
    image.write_bytes(b"")
    assert reason(root, scene_id, "tier3/images/sunda-tsunami_00000135_pre_disaster.png") == "empty_file"
    (root / "train" / "labels" / f"{PAIR}_post_disaster.json").write_bytes(b"")
    assert reason(root) == "empty_file"


@pytest.mark.parametrize("kept", [0.001, 0.5, 0.99])
def test_a_truncated_image_is_unreadable_though_its_header_may_be_fine(root: Path, kept: float) -> None:
    image = root / "train" / "images" / f"{PAIR}_post_disaster.png"
    noise = np.random.default_rng(1).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    save(image, noise)
    assert opened(root).load(SCENE).frames[1].pixels().shape == (3, SIZE, SIZE)
    image.write_bytes(image.read_bytes()[: int(image.stat().st_size * kept)])
    assert reason(root, says=f"train/images/{PAIR}_post_disaster.png") == "unreadable"


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (90, 100, 80)])
def test_a_picture_of_one_colour_is_a_placeholder_not_ground_without_buildings(
    root: Path, colour: tuple[int, int, int]
) -> None:
    blank = np.full((SIZE, SIZE, 3), colour, np.uint8)
    save(root / "train" / "images" / f"{PAIR}_post_disaster.png", blank)
    assert reason(root, says=f"train/images/{PAIR}_post_disaster.png: one value all over") == "placeholder"


def test_an_image_of_another_size_than_its_label_says_is_refused(root: Path) -> None:
    for phase in ("pre", "post"):
        save(root / "train" / "images" / f"{PAIR}_{phase}_disaster.png", np.zeros((512, 512, 3), np.uint8))
    assert reason(root, says="(1024, 1024) rows and columns, found 512 x 512") == "mismatched_shapes"


def test_two_images_of_different_sizes_are_refused(root: Path) -> None:
    save(root / "train" / "images" / f"{PAIR}_post_disaster.png", np.zeros((512, 512, 3), np.uint8))
    for phase in ("pre", "post"):
        change_label(root, SCENE, phase, lambda c: [c["metadata"].pop(k) for k in ("width", "height")])
    assert reason(root, says="(1024, 1024) and (512, 512)") == "mismatched_shapes"


def test_pictures_that_are_not_8_bit_rgb_are_refused(root: Path) -> None:
    save(root / "train" / "images" / f"{PAIR}_post_disaster.png", np.zeros((SIZE, SIZE, 4), np.uint8))
    assert reason(root, says="expected 3 bands of uint8, found 4 of uint8") == "band_count"


@pytest.mark.parametrize("date", ["2001-05-22T17:20:31.000Z", "yesterday", 20110522, "2011-05-22"])
def test_dates_that_are_none_or_run_backwards_are_refused(root: Path, date: object) -> None:
    """The last one has no time zone, so it cannot be compared with the other."""
    change_label(root, SCENE, "post", lambda c: c["metadata"].update(capture_date=date))
    assert reason(root) == "bad_dates"


def test_a_pair_without_dates_is_still_a_pair(root: Path) -> None:
    change_label(root, SCENE, "post", lambda c: c["metadata"].pop("capture_date"))
    assert [f.time for f in opened(root).load(SCENE).frames] == ["2009-08-10T17:12:02.000Z", None]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
coordinate = st.floats(allow_nan=True) | st.floats(-2000, 2000) | st.integers(-5, 5)
ring = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=6)
wkts = st.text(max_size=12).map(lambda t: f"POLYGON {t}") | ring.map(lambda r: wkt([r])) | json_values
properties = st.fixed_dictionaries(
    {},
    optional={"uid": st.text(max_size=3) | json_values, "subtype": st.sampled_from(["destroyed", "x"]) | json_values},
)
entries = st.lists(
    st.fixed_dictionaries({}, optional={"properties": properties | json_values, "wkt": wkts}), max_size=4
)
files = json_values | st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries({}, optional={"width": st.just(64) | json_values, "gsd": json_values})
        | json_values
    },
    optional={
        "features": st.fixed_dictionaries({"xy": entries | json_values}, optional={"lng_lat": entries | json_values})
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=files)
def test_no_label_file_whatever_raises_anything_but_scene_errors(tmp_path: Path, content: Any) -> None:
    scene_id = f"train/{PAIR}"
    if not (tmp_path / "train").exists():
        write_pair(tmp_path, PAIR, size=64)
    for phase in ("pre", "post"):
        (tmp_path / "train" / "labels" / f"{PAIR}_{phase}_disaster.json").write_text(json.dumps(content))
    try:
        scene = opened(tmp_path).load(scene_id)
        read_all(scene)
        json.dumps(dict(scene.provenance), allow_nan=False).encode()
    except SceneError as error:
        str(error).encode()


# --- end to end -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "xbd"
    write_many(folder, 16)
    return folder


def test_scenes_give_samples_and_the_data_set_verifies_against_its_source(many: Path, tmp_path: Path) -> None:
    from terracot.dataset import generate
    from terracot.verify import verify

    spec = SourceSpec("xbd", str(many))
    assert scene_samples(SceneFacts(spec.open().load(spec.open().ids()[0])), seed=0)
    made = generate(spec, tmp_path / "cot", limit=6)
    assert (made.scenes_read, made.quarantined) == (6, 0)
    assert made.counts["samples"] >= 12
    assert verify(tmp_path / "cot").problems == []
    report = verify(tmp_path / "cot", str(many))
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] == 6


def test_benchmark_has_building_change_items_that_the_oracle_answers(many: Path, tmp_path: Path) -> None:
    from terrabaselines.oracle import Oracle

    from terrabench.asking.runner import run
    from terrabench.building.build import build
    from terrabench.items import Benchmark
    from terrabench.scoring.scores import score
    from terracot.verify import verify

    made = build(SourceSpec("xbd", str(many)), tmp_path / "bench")
    assert made.quarantined == 0
    benchmark = Benchmark.open(tmp_path / "bench")
    change = [item for item in benchmark.items if item["task"] == "building_change"]
    assert {json.loads(item["parameters"])["measure"] for item in change} == {"number", "share"}
    for item in change:
        place = int(item["scene_id"][-8:])
        destroyed = 3 + (place * 7) % 22  # of 24, as write_many draws them
        expected = destroyed if item["truth"]["unit"] == "count" else 100 * destroyed / 24
        assert item["truth"]["value"] == pytest.approx(expected)
        assert len(set(item["options"])) == 4
    tasks = {item["task"] for item in benchmark.items}
    assert tasks >= {"ranking", "building_change"}
    assert tasks & {"area", "coverage"}  # two units of one fact: of so few scenes one of them may find no options
    assert verify(tmp_path / "bench", str(many)).problems == []
    run(benchmark, Oracle(), "oracle", tmp_path / "run")
    scored = score(tmp_path / "run")["tasks"]
    assert {task: scored[task]["accuracy"] for task in {item["task"] for item in benchmark.items}} == dict.fromkeys(
        {item["task"] for item in benchmark.items}, 1.0
    )


# --- a real download --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def download() -> XbdSource:
    folder = os.environ.get("TERRASCOPE_XBD")
    if not folder:
        pytest.skip("TERRASCOPE_XBD is not set to a folder with train, tier3, test or hold of xBD")
    return opened(Path(folder))


def test_real_splits_have_their_published_numbers_of_pairs(download: XbdSource) -> None:
    published = {"train": 2799, "tier3": 6369, "test": 933, "hold": 933}
    listed = list(download.listed.scenes.values())
    found = {split: listed.count(split) for split in published if (download.root / split).is_dir()}
    assert found == {split: published[split] for split in found}


def test_real_pixel_of_joplin_is_045_m_though_the_metadata_say_25(download: XbdSource) -> None:
    scene_id = next((i for i in download.ids() if i.endswith("/joplin-tornado_00000050")), None)
    if scene_id is None:
        pytest.skip("joplin-tornado_00000050 is not in this download (it is part of tier3)")
    scene = download.load(scene_id)
    assert scene.ground.sampling == pytest.approx((0.45136, 0.45136), abs=2e-5)
    assert scene.ground.pixel_area_m2 == pytest.approx(0.20372, abs=2e-5)
    assert scene.provenance["image_metadata"]["pre"]["gsd"] == pytest.approx(2.513, abs=0.001)
    read_all(scene)


def test_the_label_file_of_another_image_is_refused(root: Path) -> None:
    """Copied over each other in a folder of 20,000 names; its buildings would be drawn where none are."""
    folder = root / "train" / "labels"
    (folder / f"{PAIR}_post_disaster.json").write_bytes((folder / f"{PAIR}_pre_disaster.json").read_bytes())
    assert reason(root, says=f"it says that it is for '{PAIR}_pre_disaster.png'") == "bad_label"
