"""BRIGHT on synthetic tiles laid out as the download is; expected metres by pyproj on vectors."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from bright_on_disk import BATA, STEP, blocks, degrees, path_of, write, write_download, write_events, write_lists
from bright_on_disk import write_tile as tile_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from terrabench.building.build import build
from terracot.assembly import FILTERS
from terracot.dataset import generate
from terracot.findings import Finding, SceneFacts, find
from terracot.generate import SourceSpec, scene_samples
from terracot.render import render
from terracot.scenes import Modality, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.bright import BrightSource
from terracot.survey import read_all, survey
from terracot.verify import verify

BATA_TILE = "bata-explosion_00000000"
GEOD = Geod(ellps="WGS84")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_download(tmp_path / "bright")


def reason(folder: Path, tile: str = BATA_TILE) -> str:
    with pytest.raises(SceneError) as caught:
        read_all(BrightSource(folder).load(tile))
    assert tile in str(caught.value)
    assert str(folder) not in str(caught.value)
    return caught.value.reason


def left_out(source: BrightSource) -> dict[str, str]:
    return {left.name: left.reason for left in source.left_out()}


def test_a_tile_is_optical_before_and_sar_after_with_its_damage(folder: Path) -> None:
    source = BrightSource(folder)
    assert source.ids() == [BATA_TILE]
    scene = source.load(BATA_TILE)
    optical, sar = scene.frames
    assert (optical.t, optical.modality, optical.bands) == (1, Modality.OPTICAL, ("R", "G", "B"))
    assert (sar.t, sar.modality, sar.bands, sar.unit) == (2, Modality.SAR, ("amplitude",), "digital number")
    assert (optical.pixels().shape, sar.pixels().shape) == ((3, 64, 64), (1, 64, 64))
    after = scene.label_of(2)
    assert after is not None
    # 64 x 64 pixels: 20 x 30 intact, 10 x 20 damaged, 8 x 16 destroyed, and the rest
    assert np.bincount(after.classes().ravel()).tolist() == [4096 - 928, 600, 200, 128]
    assert after.legend.names == (
        "ground without buildings",
        "intact building cover",
        "damaged building cover",
        "destroyed building cover",
    )
    assert (scene.group, scene.source, scene.instances) == ("event/bata-explosion", "bright", ())
    assert scene.license == "CC-BY-NC-4.0"


def test_what_is_damaged_after_the_event_stands_before_it(folder: Path) -> None:
    before = BrightSource(folder).load(BATA_TILE).label_of(1)
    assert before is not None
    assert np.bincount(before.classes().ravel()).tolist() == [4096 - 928, 928]
    assert before.legend.names == ("ground without buildings", "building cover")


def test_stretched_amplitude_is_shown_as_it_is_and_never_as_decibels(folder: Path) -> None:
    sar = BrightSource(folder).load(BATA_TILE).frames[1]
    assert (sar.display.low, sar.display.high) == ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
    assert np.array_equal(render(sar), np.repeat(sar.pixels()[0][:, :, None], 3, axis=2))


def test_only_the_first_three_bands_are_the_picture(folder: Path) -> None:
    tile_of(folder, BATA_TILE, blocks(), bands=4)
    assert BrightSource(folder).load(BATA_TILE).frames[0].pixels()[:, 0, 0].tolist() == [0, 40, 80]


def test_provenance_finds_the_pixels_again_and_names_no_machine(folder: Path) -> None:
    where = BrightSource(folder).load(BATA_TILE).provenance
    assert where["files"] == {
        "optical": ["pre-event/bata-explosion_00000000_pre_disaster.tif"],
        "sar": ["post-event/bata-explosion_00000000_post_disaster.tif"],
    }
    assert [label["file"] for label in where["labels"]] == ["target/bata-explosion_00000000_building_damage.tif"] * 2
    assert (where["event"], where["crs"], where["transform"]) == ("bata-explosion", "EPSG:4326", list(BATA))
    assert where["static_labels"] is False
    assert str(folder) not in str(where)


# --- pixel size ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lat", "north_south", "east_west"),
    [(1.8465, 0.506, 0.509), (37.5, 0.507, 0.404), (50.0, 0.509, 0.328)],  # Bata, Turkiye, 50 N
)
def test_degree_pixels_are_not_square_on_the_ground(
    tmp_path: Path, lat: float, north_south: float, east_west: float
) -> None:
    tile_of(tmp_path, BATA_TILE, blocks(), transform=degrees(lat))
    ground = BrightSource(tmp_path).load(BATA_TILE).ground
    assert (ground.basis, ground.sampling) == ("measured", pytest.approx((north_south, east_west), rel=0.01))
    assert ground.pixel_area_m2 == pytest.approx(north_south * east_west, rel=0.01)
    # The table of literals is what the ellipsoid says.
    assert GEOD.inv(30, lat, 30, lat - STEP)[2] == pytest.approx(north_south, rel=0.01)
    assert GEOD.inv(30, lat, 30 + STEP, lat)[2] == pytest.approx(east_west, rel=0.01)


def test_areas_and_distances_agree_with_vectors_on_the_ellipsoid(tmp_path: Path) -> None:
    lat, lon = 37.5, 36.9
    codes = np.zeros((128, 128), np.uint8)
    codes[10:40, 8:48] = 1  # 30 x 40 = 1200 pixels
    codes[10:40, 68:98] = 3  # 30 x 30 = 900 pixels, 21 steps east of it
    tile_of(tmp_path, BATA_TILE, codes, transform=degrees(lat, lon))
    facts = SceneFacts(BrightSource(tmp_path).load(BATA_TILE))
    areas = {f.class_names[0]: f.truth.value for f in find("area", facts, FILTERS) if isinstance(f, Finding)}

    def corner(col: float, row: float) -> tuple[float, float]:
        return lon + col * STEP, lat - row * STEP

    for name, left, right in (("intact building cover", 8, 48), ("destroyed building cover", 68, 98)):
        lons, lats = zip(*(corner(c, r) for c, r in ((left, 10), (right, 10), (right, 40), (left, 40))), strict=True)
        assert areas[name] == pytest.approx(abs(GEOD.polygon_area_perimeter(lons, lats)[0]), rel=0.01)
    assert areas["intact building cover"] == pytest.approx(1200 * 0.507 * 0.404, rel=0.01)
    (apart,) = (
        f
        for f in find("distance", facts, FILTERS)
        if isinstance(f, Finding) and "ground without buildings" not in f.class_names
    )
    # Centre to centre, column 47.5 to 68.5: 21 steps of 0.404 m, not of 0.507 m.
    assert apart.truth.value == pytest.approx(GEOD.inv(*corner(47.5, 20), *corner(68.5, 20))[2], rel=0.01)
    assert apart.truth.value == pytest.approx(8.49, rel=0.01)


def test_no_distance_below_five_metres_is_asked_across_sensors(tmp_path: Path) -> None:
    codes = np.zeros((64, 64), np.uint8)
    codes[10:40, 5:20] = 1
    codes[10:40, 34:60] = 3  # column 19 to 34: 15 steps of 0.328 m are 4.92 m, 15 of 0.404 m are 6.06 m
    asked = {}
    for lat in (50.0, 37.5):
        tile_of(tmp_path, BATA_TILE, codes, transform=degrees(lat))
        found = find("distance", SceneFacts(BrightSource(tmp_path).load(BATA_TILE)), FILTERS)
        asked[lat] = [f.truth.value for f in found if isinstance(f, Finding)]
    assert asked == {50.0: [], 37.5: [pytest.approx(6.06, rel=0.01)]}


def test_utm_tiles_are_measured_in_their_own_metres(tmp_path: Path) -> None:
    utm = (0.35, 0.0, 401000.0, 0.0, -0.35, 5200000.0)
    tile_of(tmp_path, "ukraine-conflict_00000003", blocks(), "EPSG:32637", utm)
    scene = BrightSource(tmp_path).load("ukraine-conflict_00000003")
    assert (scene.crs, scene.ground.sampling) == ("EPSG:32637", (0.35, 0.35))
    assert scene.ground.pixel_area_m2 == pytest.approx(0.1225)


def test_tiles_without_georeference_have_no_metres(tmp_path: Path) -> None:
    tile_of(tmp_path, BATA_TILE, blocks(), crs=None, transform=None)
    scene = BrightSource(tmp_path).load(BATA_TILE)
    assert (scene.ground.basis, scene.crs, scene.transform) == ("unknown", None, None)
    kinds = {row["kind"] for row in scene_samples(SceneFacts(scene), seed=0)}
    assert kinds
    assert "distance" not in kinds


def test_a_damage_map_without_georeference_takes_that_of_its_images(folder: Path) -> None:
    write(path_of(folder, BATA_TILE, "building_damage"), blocks(), crs=None, transform=None)
    scene = BrightSource(folder).load(BATA_TILE)
    assert (scene.crs, scene.transform) == ("EPSG:4326", BATA)
    assert scene.provenance["georeference"] == "pre-event/bata-explosion_00000000_pre_disaster.tif"


# --- one bad tile per pitfall -------------------------------------------------------------------------------------


def test_optical_images_that_are_not_redistributed_are_named_with_the_way_to_get_them(folder: Path) -> None:
    tile_of(folder, "ukraine-conflict_00000004", blocks(), leave_out=("pre_disaster",))
    source = BrightSource(folder)
    missing = [left for left in source.left_out() if left.reason == "not_downloaded"]
    assert [left.name for left in missing] == ["ukraine-conflict_00000003", "ukraine-conflict_00000004"]
    for words in ("ukraine-conflict is not redistributed (2 tiles without it)", "tutorial.md"):
        assert words in missing[0].message
    with pytest.raises(SceneError, match=r"tutorial\.md"):
        source.load("ukraine-conflict_00000003")


def test_a_complete_download_passes_the_check_and_counts_the_missing_optical_images(folder: Path) -> None:
    found = survey(SourceSpec("bright", str(folder)))
    assert (found.usable, found.categories["missing"], found.unusable) == (1, 1, 0)
    utm = (0.35, 0.0, 401000.0, 0.0, -0.35, 5200000.0)
    tile_of(folder, "ukraine-conflict_00000004", blocks(), "EPSG:32637", utm)  # the user made this one, not the other
    assert left_out(BrightSource(folder)) == {"ukraine-conflict_00000003": "missing_image"}


def test_a_home_made_optical_image_is_used_under_its_own_terms(folder: Path) -> None:
    utm = (0.35, 0.0, 401000.0, 0.0, -0.35, 5200000.0)
    tile_of(folder, "ukraine-conflict_00000003", blocks(), "EPSG:32637", utm)
    scene = BrightSource(folder).load("ukraine-conflict_00000003")
    assert scene.license == "CC-BY-NC-4.0 AND LicenseRef-Google-Earth"
    assert "Google Earth" in scene.attribution


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("pre_disaster", "missing_image"), ("post_disaster", "missing_sar"), ("building_damage", "missing_label")],
)
def test_a_tile_that_lacks_a_file_is_left_out(folder: Path, kind: str, expected: str) -> None:
    path_of(folder, BATA_TILE, kind).unlink()
    source = BrightSource(folder)
    assert (source.ids(), left_out(source)[BATA_TILE]) == ([], expected)
    assert reason(folder) == expected


def test_event_names_may_hold_an_underscore(folder: Path) -> None:
    tile_of(folder, "la_palma-volcano_00000279", blocks())
    assert BrightSource(folder).load("la_palma-volcano_00000279").group == "event/la-palma-volcano"


def test_the_older_name_of_the_optical_folder_is_known(folder: Path) -> None:
    (folder / "pre-event").rename(folder / "pre-event_wo_ukraine_myanmar_mexico")
    assert BrightSource(folder).ids() == [BATA_TILE]


def test_an_archive_unpacked_into_a_folder_of_its_name_is_found(folder: Path) -> None:
    (folder / "post-event").rename(folder / "inner")
    (folder / "post-event").mkdir()
    (folder / "inner").rename(folder / "post-event" / "post-event")
    scene = BrightSource(folder).load(BATA_TILE)
    assert scene.provenance["files"]["sar"] == [f"post-event/post-event/{BATA_TILE}_post_disaster.tif"]


def test_files_of_other_names_are_reported_and_not_read(folder: Path) -> None:
    (folder / "target" / "bata-explosion_00000000_building_damage.tif.aux.xml").write_text("<x/>")
    write(folder / "target" / "bata-explosion_1_building_damage.tif", blocks())
    source = BrightSource(folder)
    assert source.ids() == [BATA_TILE]
    assert left_out(source)["target/bata-explosion_1_building_damage.tif"] == "unexpected_name"


def test_codes_beyond_destroyed_are_refused_on_both_dates(folder: Path) -> None:
    codes = blocks()
    codes[0, 0] = 4
    write(path_of(folder, BATA_TILE, "building_damage"), codes)
    assert reason(folder) == "unknown_code"
    before = BrightSource(folder).load(BATA_TILE).label_of(1)
    assert before is not None
    with pytest.raises(SceneError, match="label codes"):
        before.classes()


def test_a_damage_map_of_another_shape_is_refused(folder: Path) -> None:
    write(path_of(folder, BATA_TILE, "building_damage"), blocks(62))
    assert reason(folder) == "mismatched_shapes"


@pytest.mark.parametrize("kind", ["pre_disaster", "post_disaster"])
def test_an_image_of_another_place_is_refused(folder: Path, kind: str) -> None:
    data = np.zeros((3 if kind == "pre_disaster" else 1, 64, 64), np.uint8)
    shifted = (*BATA[:2], BATA[2] + STEP, *BATA[3:])  # one pixel east
    write(path_of(folder, BATA_TILE, kind), data, transform=shifted)
    assert reason(folder) == "mismatched_georeference"
    write(path_of(folder, BATA_TILE, kind), data, "EPSG:32632", (0.5, 0, 588000, 0, -0.5, 204000))
    assert reason(folder) == "mismatched_georeference"
    write(path_of(folder, BATA_TILE, kind), data, "EPSG:4267")  # the same numbers in another system
    assert reason(folder) == "mismatched_georeference"
    nudged = (*BATA[:2], BATA[2] + 0.3 * STEP, *BATA[3:])  # less than the sensors are registered to
    write(path_of(folder, BATA_TILE, kind), data, transform=nudged)
    assert BrightSource(folder).load(BATA_TILE).transform == BATA


@pytest.mark.parametrize(("kind", "bands"), [("pre_disaster", 2), ("post_disaster", 3), ("building_damage", 2)])
def test_wrong_numbers_of_bands_are_refused(folder: Path, kind: str, bands: int) -> None:
    write(path_of(folder, BATA_TILE, kind), np.zeros((bands, 64, 64), np.uint8))
    assert reason(folder) == "band_count"


@pytest.mark.parametrize("kind", ["pre_disaster", "post_disaster", "building_damage"])
def test_pixels_that_are_not_bytes_are_refused(folder: Path, kind: str) -> None:
    bands = 3 if kind == "pre_disaster" else 1
    write(path_of(folder, BATA_TILE, kind), np.zeros((bands, 64, 64), np.float32))
    assert reason(folder) == "pixel_type"


@pytest.mark.parametrize("kind", ["pre_disaster", "post_disaster", "building_damage"])
@pytest.mark.parametrize("keep", [0, 0.6])
def test_truncated_files_are_refused(folder: Path, kind: str, keep: float) -> None:
    rng = np.random.default_rng(0)
    bands = 3 if kind == "pre_disaster" else 1
    path = write(path_of(folder, BATA_TILE, kind), rng.integers(0, 4, (bands, 64, 64), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    assert reason(folder) == "unreadable"


@pytest.mark.parametrize("kind", ["pre_disaster", "post_disaster"])
def test_a_picture_of_one_value_all_over_is_a_placeholder(folder: Path, kind: str) -> None:
    write(path_of(folder, BATA_TILE, kind), np.full((3 if kind == "pre_disaster" else 1, 64, 64), 255, np.uint8))
    assert reason(folder) == "placeholder"


def test_a_degenerate_transform_is_refused(folder: Path) -> None:
    tile_of(folder, BATA_TILE, blocks(), transform=(STEP, 0.0, 9.8, STEP, 0.0, 1.8))
    assert reason(folder) == "georeference"


def test_a_reference_system_that_is_none_is_refused(folder: Path) -> None:
    tile_of(folder, BATA_TILE, blocks(), 'LOCAL_CS["somewhere",UNIT["metre",1]]')
    assert reason(folder) == "georeference"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), name=st.sampled_from(["pre_disaster", "building_damage"]))
def test_any_bytes_for_a_file_give_a_scene_error(folder: Path, content: bytes, name: str) -> None:
    path_of(folder, BATA_TILE, name).write_bytes(content)
    with pytest.raises(SceneError):
        read_all(BrightSource(folder).load(BATA_TILE))


def test_a_wrong_folder_says_what_was_expected_and_found(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(SourceError, match=r"pre-event, post-event and target; found no pre-event but train"):
        BrightSource(tmp_path).ids()
    with pytest.raises(SourceError, match="found no folder"):
        BrightSource(tmp_path / "gone")
    for name in ("pre-event", "post-event", "target"):
        (tmp_path / name).mkdir()
    with pytest.raises(SourceError, match="nothing found"):
        BrightSource(tmp_path).ids()


# --- splits -------------------------------------------------------------------------------------------------------


@pytest.fixture
def four(tmp_path: Path) -> Path:
    for n in range(4):
        tile_of(tmp_path / "data", f"bata-explosion_{n:08d}", blocks())
    return tmp_path


def name(n: int) -> str:
    return f"bata-explosion_{n:08d}"


def test_without_lists_no_split_is_claimed(four: Path) -> None:
    source = BrightSource(four / "data")
    assert source.load(name(0)).split == "unstated"
    assert list(BrightSource(four / "data", split="unstated").ids()) == [name(n) for n in range(4)]
    with pytest.raises(SourceError, match=r"splits=FOLDER"):
        BrightSource(four / "data", split="train")


def test_lists_split_with_and_without_endings_of_names(four: Path) -> None:
    lists = write_lists(
        four / "lists",
        train_set=[name(0), ""],
        val_set=[f"{name(1)}_pre_disaster.tif"],
        test_set=[f"post-event\\{name(2)}_post_disaster.tif\r", "bata-explosion_00000009"],
        holdout_setlevel=[f"{name(3)}_building_damage"],
        notes=["nothing of this kind"],
    )
    source = BrightSource(four / "data", splits=str(lists))
    assert [source.load(name(n)).split for n in range(4)] == ["train", "validation", "test", "holdout"]
    assert left_out(source) == {"bata-explosion_00000009": "missing_image"}
    only = BrightSource(four / "data", split="validation", splits=str(lists))
    assert (list(only.ids()), Counter(left.reason for left in only.left_out())["other_split"]) == ([name(1)], 4)
    assert source.fingerprint() != BrightSource(four / "data").fingerprint()


def test_tiles_that_no_list_names_are_left_out(four: Path) -> None:
    lists = write_lists(four / "lists", train_set=[name(0)])
    assert left_out(BrightSource(four / "data", splits=str(lists)))[name(2)] == "missing_index"


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({"train_set": [name(0)], "test_set": [name(0)]}, "is in test_set.txt .test. and in train_set.txt"),
        ({"train_val": [name(0)]}, "named after train and validation"),
        ({"readme": [name(0)]}, "expected lists of tiles"),
        ({"train_set": []}, "found no tile in train_set.txt"),
        ({"train_set": [name(0), "../../secret"]}, "train_set.txt, line 2: expected the name of a tile"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(four: Path, lists: dict[str, list[str]], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        BrightSource(four / "data", splits=str(write_lists(four / "lists", **lists)))
    with pytest.raises(SourceError, match="expected a folder with lists"):
        BrightSource(four / "data", splits=str(four / "gone"))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60))
def test_any_bytes_for_a_list_give_tiles_or_a_source_error(four: Path, content: bytes) -> None:
    lists = four / "lists"
    lists.mkdir(exist_ok=True)
    (lists / "train_set.txt").write_bytes(content)
    try:
        splits = set(BrightSource(four / "data", splits=str(lists)).listed.scenes.values())
    except SourceError:
        return
    assert splits <= {"train"}


# --- through the library ------------------------------------------------------------------------------------------


def test_a_tile_becomes_samples_a_data_set_and_a_benchmark(tmp_path: Path) -> None:
    folder = write_events(tmp_path / "bright", 16)
    source = open_source("bright", str(folder))
    assert scene_samples(SceneFacts(source.load(source.ids()[0])), seed=0)
    spec = SourceSpec("bright", str(folder))
    made = generate(spec, tmp_path / "cot")
    assert (made.counts["scenes"], made.quarantined) == (16, 0)
    assert verify(tmp_path / "cot", str(folder)).problems == []
    built = build(spec, tmp_path / "bench")
    assert built.counts["items"] > 12
    assert verify(tmp_path / "bench", str(folder)).problems == []


def test_same_files_give_the_same_listing_and_fingerprint(folder: Path) -> None:
    first, second = BrightSource(folder), BrightSource(folder)
    assert first.fingerprint() == second.fingerprint()
    tile_of(folder, "turkey-earthquake_00000001", blocks())
    assert BrightSource(folder).fingerprint() != first.fingerprint()


def test_a_tile_without_buildings_says_so_on_both_dates(folder: Path) -> None:
    tile_of(folder, BATA_TILE, np.zeros((64, 64), np.uint8))
    facts = SceneFacts(BrightSource(folder).load(BATA_TILE))
    said = {(f.t, f.class_names[0]): f.truth.text for f in find("existence", facts, FILTERS) if isinstance(f, Finding)}
    assert said == {
        (1, "ground without buildings"): "yes",
        (1, "building cover"): "no",
        (2, "ground without buildings"): "yes",
        (2, "intact building cover"): "no",
        (2, "damaged building cover"): "no",
        (2, "destroyed building cover"): "no",
    }


def test_real_download_has_the_published_numbers() -> None:
    stated = os.environ.get("TERRASCOPE_BRIGHT")
    if not stated:
        pytest.skip("TERRASCOPE_BRIGHT is not set: the folder of a real BRIGHT download, with the standard split lists")
    lists = next((p for p in (Path(stated), Path(stated) / "standard_ML") if list(p.glob("train*.txt"))), None)
    source = BrightSource(stated, splits=str(lists) if lists else None)
    missing = [left for left in source.left_out() if left.reason in ("not_downloaded", "missing_image")]
    assert len(source.ids()) + len(missing) == 4246
    assert {left.name.rpartition("_")[0] for left in missing} <= {
        "ukraine-conflict",
        "myanmar-hurricane",
        "mexico-hurricane",
    }
    if lists and not missing:
        assert Counter(source.listed.scenes.values()) == {"train": 2918, "validation": 450, "test": 878}
    events = {tile.rpartition("_")[0]: tile for tile in reversed(source.ids())}
    for tile in events.values():
        scene = source.load(tile)
        read_all(scene)
        assert scene.shape == (1024, 1024)
        assert scene.ground.basis == "measured"
        assert all(0.2 < step < 1.1 for step in scene.ground.sampling)
    assert source.load(BATA_TILE).ground.sampling == pytest.approx((0.506, 0.509), rel=0.01)
