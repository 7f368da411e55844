"""xBD as it lies on disk, and one clear answer for everything that can be wrong with it. All pixels are synthetic."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from xbd_on_disk import (
    SIZE,
    Building,
    Grid,
    change_label,
    geotransforms,
    rectangle,
    save,
    wkt,
    write_many,
    write_pair,
)

from terracot import measure
from terracot.findings import Finding, Rejected, SceneFacts, find
from terracot.generate import SourceSpec, scene_samples
from terracot.rules import Filters
from terracot.scenes import IGNORE, Scene, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.polygons import MAX_RESIDUAL, burn, fit_lonlat, inside_frame, read_polygon
from terracot.sources.published import category
from terracot.sources.xbd import XbdSource

THREE = (
    rectangle(100, 100, 140, 160),  # 40 x 60 = 2400 pixels
    rectangle(300, 100, 350, 180, "destroyed"),  # 50 x 80 = 4000
    rectangle(600, 600, 650, 650, "un-classified"),  # 50 x 50 = 2500
)
PAIR = "guatemala-volcano_00000000"
SCENE = f"train/{PAIR}"
WGS84 = pyproj.CRS("EPSG:4326").to_wkt("WKT1_GDAL")


def opened(root: Path, **options: Any) -> XbdSource:
    source = open_source("xbd", str(root), **options)
    assert isinstance(source, XbdSource)
    return source


def reason(root: Path, scene_id: str = SCENE, says: str = "") -> str:
    """Reason code with which a scene fails, at load or when its pixels are read."""
    with pytest.raises(SceneError) as caught:
        read_all(opened(root).load(scene_id))
    assert says in str(caught.value)
    assert str(root) not in str(caught.value)
    return caught.value.reason


def read_all(scene: Scene) -> None:
    for frame in scene.frames:
        frame.pixels()
    for layer in scene.labels:
        layer.classes()
    for layer in scene.instances:
        layer.numbers()


def counts(scene: Scene, t: int) -> dict[str, int]:
    label = scene.label_of(t)
    assert label is not None
    classes = label.classes()
    found = {name: int((classes == n).sum()) for n, name in enumerate(label.legend.names)}
    return {name: n for name, n in found.items() if n} | {"ignored": int((classes == IGNORE).sum())}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "xbd"
    write_pair(folder, PAIR, THREE)
    return folder


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


# --- pixel size -------------------------------------------------------------------------------------------------------


def test_pixel_size_is_that_of_the_polygons_not_the_stated_gsd(root: Path) -> None:
    """0.45 m on the UTM grid, whose scale factor at x = 600000 is 0.9996 (1 + (100000 / 6378137)^2 / 2) = 0.99972."""
    scene = opened(root).load(SCENE)
    assert scene.provenance["image_metadata"]["pre"]["gsd"] == 2.513
    assert (scene.ground.basis, scene.crs) == ("measured", "EPSG:4326")
    assert scene.ground.sampling == pytest.approx((0.45 / 0.99972,) * 2, rel=2e-4)
    assert scene.ground.drift < 0.001
    assert scene.provenance["pixel_size"]["from"] == "polygons of pre"


@pytest.mark.parametrize(
    "grid",
    [
        Grid(),
        Grid(epsg=32733, x=350000, y=8000000, pixel=0.6),  # 18 degrees south
        Grid(epsg=32633, x=700000, y=7000000, pixel=0.35),  # 63 degrees north
        Grid(turned=30),
        Grid(turned=-75, pixel=1.2),
    ],
    ids=str,
)
def test_areas_and_distances_agree_with_geodesy_on_the_vectors(tmp_path: Path, grid: Grid) -> None:
    slanted = Building((((200, 220), (420, 300), (390, 470), (170, 390)),))  # about 220 x 170 pixels
    other = Building((((700, 500), (900, 650), (640, 760)),), "destroyed")
    write_pair(tmp_path, PAIR, [slanted, other], grid=grid)
    scene = opened(tmp_path).load(SCENE)
    classes = scene.labels[1].classes()
    geod = pyproj.Geod(ellps="WGS84")
    for building, class_id in ((slanted, 1), (other, 4)):
        expected = abs(geod.geometry_area_perimeter(shapely.Polygon(grid.lonlat(building.rings[0])))[0])
        assert scene.ground.area_m2(classes == class_id) == pytest.approx(expected, rel=0.01)
    in_metres = [shapely.Polygon(grid.utm(b.rings[0])) for b in (slanted, other)]
    found = measure.distance(classes == 1, classes == 4, scene.ground.sampling)
    gap = shapely.distance(*in_metres)
    assert found is not None
    assert gap < found + grid.pixel
    assert found == pytest.approx(gap, rel=0.01, abs=grid.pixel)


def test_one_polygon_with_wrong_degrees_does_not_spoil_the_fit(root: Path) -> None:
    write_pair(root, PAIR, [*THREE, rectangle(800, 100, 850, 150), rectangle(100, 800, 150, 850)])

    def shift(content: dict[str, Any]) -> None:
        there = Grid(x=600900.0).lonlat(THREE[1].rings[0])
        content["features"]["lng_lat"][1]["wkt"] = wkt([there])

    for phase in ("pre", "post"):
        change_label(root, SCENE, phase, shift)
    scene = opened(root).load(SCENE)
    assert scene.ground.sampling == pytest.approx((0.45, 0.45), rel=1e-3)
    assert scene.provenance["pixel_size"]["vertices"] == 4 * 5
    assert scene.provenance["pixel_size"]["vertices_left_out"] == 5


def test_degrees_that_mostly_contradict_the_pixels_give_no_size(root: Path) -> None:
    def scramble(content: dict[str, Any]) -> None:
        places = [Grid(x=600000.0 + 700 * n).lonlat(b.rings[0]) for n, b in enumerate(THREE)]
        for entry, place in zip(content["features"]["lng_lat"], places, strict=True):
            entry["wkt"] = wkt([place])

    for phase in ("pre", "post"):
        change_label(root, SCENE, phase, scramble)
    scene = opened(root).load(SCENE)
    assert (scene.ground.basis, scene.crs, scene.transform) == ("unknown", None, None)
    assert "follow no common affine map" in scene.provenance["pixel_size"]["refused"]["polygons of pre"]


def test_a_pre_file_without_degrees_leaves_it_to_the_post_file(root: Path) -> None:
    change_label(root, SCENE, "pre", lambda c: c["features"].pop("lng_lat"))
    scene = opened(root).load(SCENE)
    assert scene.ground.sampling == pytest.approx((0.45, 0.45), rel=1e-3)
    assert scene.provenance["pixel_size"]["from"] == "polygons of post"


def test_degrees_in_another_order_are_matched_by_uid(root: Path) -> None:
    write_pair(root, PAIR, [rectangle(10, 10, 30, 40), rectangle(500, 10, 530, 50), rectangle(10, 600, 40, 630)])
    for phase in ("pre", "post"):
        change_label(root, SCENE, phase, lambda c: c["features"]["lng_lat"].reverse())
    assert opened(root).load(SCENE).provenance["pixel_size"]["vertices_left_out"] == 0


def test_repeated_uids_are_matched_by_order(root: Path) -> None:
    write_pair(root, PAIR, [rectangle(10, 10, 30, 40, uid="same"), rectangle(500, 10, 530, 50, uid="same")])
    where = opened(root).load(SCENE).provenance["pixel_size"]
    assert (where["vertices"], where["vertices_left_out"]) == (10, 0)


@pytest.mark.parametrize(
    ("grid", "why"),
    [
        (Grid(pixel=0.15), "those of xBD are between 0.2 and 3.0 m"),
        (Grid(pixel=3.2), "those of xBD are between 0.2 and 3.0 m"),
    ],
)
def test_pixel_sizes_that_the_pictures_cannot_have_are_not_believed(tmp_path: Path, grid: Grid, why: str) -> None:
    write_pair(tmp_path, PAIR, THREE, grid=grid)
    scene = opened(tmp_path).load(SCENE)
    assert scene.ground.basis == "unknown"
    assert why in scene.ground.origin


def degrees_of(root: Path, change: Any) -> str:
    """Why there is no pixel size when ``change`` was made to every point in degrees."""

    def all_points(content: dict[str, Any]) -> None:
        for entry, building in zip(content["features"]["lng_lat"], THREE, strict=True):
            entry["wkt"] = wkt(
                [
                    [
                        change(*point, *xy)
                        for point, xy in zip(Grid().lonlat(building.rings[0]), building.rings[0], strict=True)
                    ]
                ]
            )

    for phase in ("pre", "post"):
        change_label(root, SCENE, phase, all_points)
    scene = opened(root).load(SCENE)
    assert scene.ground.basis == "unknown"
    return scene.ground.origin


def test_stretched_pixels_are_not_believed(root: Path) -> None:
    assert "not square on the ground" in degrees_of(root, lambda lon, lat, x, y: (lon, 37 + 1.06 * (lat - 37)))


def test_slanted_pixels_are_not_believed(root: Path) -> None:
    assert "not square on the ground" in degrees_of(root, lambda lon, lat, x, y: (lon + 0.2 * (lat - 37), lat))


def test_latitude_before_longitude_is_not_believed(root: Path) -> None:
    assert "swapped" in degrees_of(root, lambda lon, lat, x, y: (lat, lon / 2))


def test_degrees_rounded_too_coarsely_for_one_small_building_are_not_believed(tmp_path: Path) -> None:
    """Six decimals are 0.1 m: over a building of 8 pixels the size would be off by several per cent."""
    small = rectangle(500, 500, 508, 508)
    write_pair(tmp_path, PAIR, [small])

    def rounded(content: dict[str, Any]) -> None:
        points = [(round(lon, 6), round(lat, 6)) for lon, lat in Grid().lonlat(small.rings[0])]
        content["features"]["lng_lat"][0]["wkt"] = wkt([points])

    for phase in ("pre", "post"):
        change_label(tmp_path, SCENE, phase, rounded)
    assert "too small for how exactly" in opened(tmp_path).load(SCENE).ground.origin


def test_pre_and_post_of_different_sizes_are_not_believed(root: Path) -> None:
    def other(content: dict[str, Any]) -> None:
        for entry, building in zip(content["features"]["lng_lat"], THREE, strict=True):
            entry["wkt"] = wkt([Grid(pixel=0.5).lonlat(building.rings[0])])

    change_label(root, SCENE, "post", other)
    scene = opened(root).load(SCENE)
    assert scene.ground.basis == "unknown"
    assert "0.4501 m and 0.5001 m" in scene.provenance["pixel_size"]["refused"]["polygons"]


def test_three_points_on_a_line_give_no_fit() -> None:
    line = shapely.Polygon([(0, 0), (10, 10), (20, 20)])
    assert fit_lonlat([(line, line)]) == "its vertices lie on one line"
    assert fit_lonlat([(shapely.box(0, 0, 9, 9), shapely.Polygon([(0, 0), (1, 0), (1, 1)]))]) == (
        "no polygon is given in pixels and in degrees with equally many vertices"
    )


# --- xview_geotransforms.json -----------------------------------------------------------------------------------------

UTM14 = pyproj.CRS("EPSG:32614").to_wkt("WKT1_GDAL")
METRES = [600000.0, 0.45, 0.0, 4100000.0, 0.0, -0.45]
EMPTY = "palu-tsunami_00000007"


@pytest.mark.parametrize("where", ["in the folder", "beside it", "as option"])
def test_images_without_buildings_take_the_geotransform(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "xbd"
    write_pair(folder, EMPTY)
    path = {"in the folder": folder, "beside it": tmp_path, "as option": tmp_path / "elsewhere"}[where]
    path.mkdir(exist_ok=True)
    file = geotransforms(path / "xview_geotransforms.json", {f"{EMPTY}_pre_disaster.png": [METRES, UTM14]})
    options = {"geotransforms": str(file)} if where == "as option" else {}
    scene = opened(folder, **options).load(f"train/{EMPTY}")
    assert (scene.ground.basis, scene.ground.sampling, scene.crs) == ("measured", (0.45, 0.45), "EPSG:32614")
    assert scene.transform == (0.45, 0.0, 600000.0, 0.0, -0.45, 4100000.0)
    assert scene.provenance["pixel_size"]["from"] == f"xview_geotransforms.json, {EMPTY}_pre_disaster.png"


def test_geotransforms_change_the_fingerprint(tmp_path: Path) -> None:
    write_pair(tmp_path / "xbd", EMPTY)
    before = opened(tmp_path / "xbd").fingerprint()
    geotransforms(tmp_path / "xbd" / "xview_geotransforms.json", {})
    assert opened(tmp_path / "xbd").fingerprint() != before


def test_without_buildings_and_geotransform_nothing_is_asked_in_metres(tmp_path: Path) -> None:
    scene_id = write_pair(tmp_path, EMPTY)
    scene = opened(tmp_path).load(scene_id)
    assert scene.ground.basis == "unknown"
    assert counts(scene, 1) == counts(scene, 2) == {"ground without buildings": SIZE**2, "ignored": 0}
    assert [i.instances for i in scene.instances] == [(), ()]
    facts = SceneFacts(scene)
    absent = [f for f in find("existence", facts, Filters()) if isinstance(f, Finding) and f.truth.text == "no"]
    assert [f.class_names for f in absent] == [
        ("building cover",),
        ("undamaged building cover",),
        ("building cover with minor damage",),
        ("building cover with major damage",),
        ("destroyed building cover",),
    ]
    kinds = {row["kind"] for seed in range(5) for row in scene_samples(facts, seed)}
    assert kinds
    assert not kinds & {"distance", "counting"}
    assert not any(isinstance(f, Finding) for f in find("area", facts, Filters()))


def test_the_fit_wins_over_a_geotransform_and_says_how_far_it_is_off(root: Path) -> None:
    """The same grid moved by 9 m east is 20 pixels of 0.45 m."""
    moved = [600009.0, 0.45, 0.0, 4100000.0, 0.0, -0.45]
    geotransforms(root / "xview_geotransforms.json", {f"{PAIR}_post_disaster.png": [moved, UTM14]})
    scene = opened(root).load(SCENE)
    assert (scene.crs, scene.provenance["pixel_size"]["from"]) == ("EPSG:4326", "polygons of pre")
    assert scene.provenance["pixel_size"]["geotransform_off_px"] == {"post": pytest.approx(20, abs=0.05)}


def test_a_geotransform_square_in_degrees_is_not_that_of_the_picture(tmp_path: Path) -> None:
    """At 29.757 north a degree is 110.85 km of latitude and 96.74 km of longitude: 4.5424e-6 of them are 0.5035 m and
    0.4394 m. The pixels of the pictures are square on the ground."""
    scene_id = write_pair(tmp_path, EMPTY)
    square = [-95.38617, 4.5424e-6, 0.0, 29.757341, 0.0, -4.5424e-6]
    geotransforms(tmp_path / "xview_geotransforms.json", {f"{EMPTY}_pre_disaster.png": [square, WGS84]})
    scene = opened(tmp_path).load(scene_id)
    assert scene.ground.basis == "unknown"
    assert "0.5035 m x 0.4394 m that are not square on the ground" in scene.ground.origin


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        [METRES],
        [METRES[:5], UTM14],
        [["a"] * 6, UTM14],
        [METRES, 4326],
        [METRES, "no WKT"],
        [METRES, "PROJCS[]"],
        "x",
        [[0, 1, 0, 0, 0, 1], UTM14],
    ],
    ids=str,
)
def test_geotransform_entries_that_are_none_give_no_size_and_no_crash(root: Path, entry: object) -> None:
    scene_id = write_pair(root, EMPTY)
    entries = {f"{name}_{phase}_disaster.png": entry for name in (EMPTY, PAIR) for phase in ("pre", "post")}
    geotransforms(root / "xview_geotransforms.json", entries)
    assert opened(root).load(scene_id).ground.basis == "unknown"
    assert opened(root).load(SCENE).ground.basis == "measured"


@pytest.mark.parametrize("content", ["", "[]", "{", '"x"'])
def test_a_geotransforms_file_that_is_none_is_refused_at_once(root: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "g.json").write_text(content)
    with pytest.raises(SourceError, match=r"xview_geotransforms\.json as xview2\.org gives it"):
        opened(root, geotransforms=str(tmp_path / "g.json"))
    with pytest.raises(SourceError, match="cannot be read"):
        opened(root, geotransforms=str(tmp_path / "nowhere.json"))


# --- polygons ---------------------------------------------------------------------------------------------------------


def test_polygons_over_the_border_are_clipped(tmp_path: Path) -> None:
    """x from -50 to 30 and from 1000 to 1100: 30 and 24 columns are inside."""
    write_pair(tmp_path, PAIR, [rectangle(-50, 10, 30, 20), rectangle(1000, 1014, 1100, 1040.5, "destroyed")])
    scene = opened(tmp_path).load(SCENE)
    assert counts(scene, 2)["undamaged building cover"] == 30 * 10
    assert counts(scene, 2)["destroyed building cover"] == 24 * 10
    assert scene.ground.known


def test_buildings_of_which_less_than_a_pixel_is_inside_are_counted_apart(tmp_path: Path) -> None:
    """Outside; touching the border; 0.5 x 1.9 pixels inside; 0.9 x 0.9 pixels around a pixel centre; two that stay."""
    buildings = [
        rectangle(1030, 10, 1090, 60),
        rectangle(1024, 10, 1090, 60),
        rectangle(-20, 10, 0.5, 11.9),
        rectangle(500.05, 500.05, 500.95, 500.95),
        rectangle(600, 600, 601, 601),
        rectangle(10, 10, 20, 20),
    ]
    write_pair(tmp_path, PAIR, buildings)
    scene = opened(tmp_path).load(SCENE)
    assert scene.provenance["buildings"]["pre"] == {"building": 2, "below_a_pixel": 4}
    assert [i.uid for i in scene.instances[1].instances] == ["00000000-0004", "00000000-0005"]
    assert counts(scene, 1)["building cover"] == 101


def test_an_outline_that_crosses_itself_is_repaired(tmp_path: Path) -> None:
    """A bow tie of two triangles, each 100 wide and 100 high at its base: 2 x 100 x 50 / 2 = 5000 square pixels."""
    write_pair(tmp_path, PAIR, [Building((((100, 100), (200, 200), (200, 100), (100, 200)),)), THREE[1]])
    scene = opened(tmp_path).load(SCENE)
    assert counts(scene, 1)["building cover"] - 4000 == pytest.approx(5000, abs=100)
    assert scene.labels[0].classes()[[110, 150, 150], [150, 110, 190]].tolist() == [0, 1, 1]


def test_holes_stay_open_and_multipolygons_are_one_building(tmp_path: Path) -> None:
    yard = Building(
        (((100, 100), (200, 100), (200, 200), (100, 200)), ((120, 120), (120, 180), (180, 180), (180, 120)))
    )
    left, right = ((300, 310), (320, 330))
    squares = (f"(({a} 100, {b} 100, {b} 110, {a} 110, {a} 100))" for a, b in (left, right))
    two = f"MULTIPOLYGON ({', '.join(squares)})"
    write_pair(tmp_path, PAIR, [yard, Building(THREE[1].rings, wkt=two)])
    scene = opened(tmp_path).load(SCENE)
    assert counts(scene, 1)["building cover"] == 100 * 100 - 60 * 60 + 2 * 100
    numbers = scene.instances[0].numbers()
    assert (numbers[150, 150], numbers[105, 305], numbers[105, 325], numbers[105, 315]) == (0, 2, 2, 0)


def test_pixels_belong_to_the_polygon_that_holds_their_centre(tmp_path: Path) -> None:
    """Columns 10 to 19 have centres 10.5 to 19.5: from 10.4 on ten of them are in, from 10.6 on nine."""
    write_pair(tmp_path, PAIR, [rectangle(10.4, 0, 20, 10), rectangle(30.6, 0, 40, 10)])
    numbers = opened(tmp_path).load(SCENE).instances[0].numbers()
    assert [int((numbers == n).sum()) for n in (1, 2)] == [100, 90]


def test_later_buildings_lie_over_earlier_ones_and_undecidable_ones_over_all(tmp_path: Path) -> None:
    """Three squares of 20 pixels, each 10 columns on: the un-classified one, first in the file, is drawn last."""
    write_pair(
        tmp_path,
        PAIR,
        [
            rectangle(110, 100, 130, 120, "un-classified"),
            rectangle(100, 100, 120, 120, "no-damage"),
            rectangle(90, 100, 110, 120, "destroyed"),
        ],
    )
    classes = opened(tmp_path).load(SCENE).labels[1].classes()
    assert classes[110, [95, 105, 115, 125]].tolist() == [4, 4, IGNORE, IGNORE]


def test_a_building_that_one_file_alone_has_is_open_in_the_other(root: Path) -> None:
    """The pre file loses the first (2400 pixels), the post file the second (4000)."""
    change_label(root, SCENE, "pre", lambda c: c["features"]["xy"].pop(0))
    change_label(root, SCENE, "post", lambda c: c["features"]["xy"].pop(1))
    scene = opened(root).load(SCENE)
    assert counts(scene, 1) == {
        "ground without buildings": SIZE**2 - 8900,
        "building cover": 4000 + 2500,
        "ignored": 2400,
    }
    assert counts(scene, 2) == {
        "ground without buildings": SIZE**2 - 8900,
        "undamaged building cover": 2400,
        "ignored": 4000 + 2500,
    }
    assert scene.provenance["without_partner"] == {"pre": 1, "post": 1}
    assert [i.uid for i in scene.instances[1].instances] == ["00000000-0000", "00000000-0002"]


def test_other_uids_in_the_two_files_cost_no_label(root: Path) -> None:
    write_pair(root, PAIR, THREE)
    for n in range(3):
        change_label(root, SCENE, "pre", lambda c, n=n: c["features"]["xy"][n]["properties"].update(uid=f"other-{n}"))
    assert counts(opened(root).load(SCENE), 2)["ignored"] == 2500


def test_a_building_that_others_cover_is_never_lost_from_a_count(tmp_path: Path) -> None:
    """Eleven polygons, two of them on one spot: whoever counts ten of the raster would be wrong about the list."""
    buildings = [rectangle(60 * n + 10, 10, 60 * n + 40, 40, "destroyed") for n in range(10)]
    scene_id = write_pair(tmp_path, PAIR, [*buildings, rectangle(5, 5, 45, 45, "no-damage")])
    facts = SceneFacts(opened(tmp_path).load(scene_id))
    assert len(facts.scene.instances[1].instances) == 11
    found = list(find("building_change", facts, Filters()))
    assert [(type(f), f.reason) for f in found if isinstance(f, Rejected)] == [
        (Rejected, "buildings_cannot_be_told_apart")
    ]
    assert len(found) == 1


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


@settings(max_examples=100, deadline=None)
@given(points=st.lists(st.tuples(st.floats(-200, 1200), st.floats(-200, 1200)), min_size=3, max_size=9))
def test_repair_keeps_what_is_drawn_close_to_the_area_of_the_polygon(points: list[tuple[float, float]]) -> None:
    """A raster differs from its polygon by at most about half a pixel along the outline, and never leaves the frame."""
    part = inside_frame(read_polygon(wkt([points]), "x"), (1000, 1000), "x")
    assert part.is_valid
    assert part.is_empty or (min(part.bounds) > -1e-9 and max(part.bounds) < 1000 + 1e-9)
    drawn = int(burn([(part, 1)], (1000, 1000), "uint8").sum())
    assert abs(drawn - part.area) <= part.length + 4


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 359), st.floats(0.25, 2.5), st.integers(0, 2**32 - 1))
def test_fit_finds_the_map_again_from_random_vertices(turned: int, pixel: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cos, sin, p = math.cos(math.radians(turned)), math.sin(math.radians(turned)), pixel / 111320
    true = np.array([[p * cos, -p * sin, 10.0], [-p * sin, -p * cos, 20.0]])
    pairs = []
    for _ in range(8):
        corners = rng.uniform(0, 1024, (4, 2))
        degrees = np.column_stack([corners, np.ones(4)]) @ true.T
        pairs.append((shapely.Polygon(corners), shapely.Polygon(degrees)))
    wrong = shapely.Polygon(rng.uniform(0, 1024, (4, 2)))
    fit = fit_lonlat([*pairs, (wrong, shapely.Polygon(rng.uniform(10, 11, (4, 2))))])
    assert not isinstance(fit, str)
    assert fit.left_out == 5
    assert fit.residual < MAX_RESIDUAL
    assert np.abs(np.array(fit.transform).reshape(2, 3) - true).max() < 1e-10


# --- end to end -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "xbd"
    write_many(folder, 16)
    return folder


def test_undecidable_buildings_are_in_neither_side_of_the_share(tmp_path: Path) -> None:
    """12 judged buildings, 3 of them destroyed, and 4 un-classified: 3 of 12 is 25 %, never 3 of 16."""
    buildings = [rectangle(60 * n + 10, 10, 60 * n + 40, 40, "destroyed" if n < 3 else "no-damage") for n in range(12)]
    buildings += [rectangle(60 * n + 10, 90, 60 * n + 40, 120, "un-classified") for n in range(4)]
    scene_id = write_pair(tmp_path, PAIR, buildings)
    facts = SceneFacts(opened(tmp_path).load(scene_id))
    found = [f for f in find("building_change", facts, Filters()) if isinstance(f, Finding)]
    assert [(f.parameters["measure"], f.truth.value) for f in found] == [("number", 3), ("share", 25.0)]


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

    from terrabench.build import build
    from terrabench.items import Benchmark
    from terrabench.runner import run
    from terrabench.scoring import score
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
    assert {item["task"] for item in benchmark.items} >= {"area", "coverage", "ranking", "building_change"}
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
