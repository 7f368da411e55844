"""The pixel size of xBD: fitted to polygons, from geotransforms, or unknown; never the stated gsd."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from xbd_on_disk import (
    PAIR,
    SCENE,
    SIZE,
    THREE,
    Building,
    Grid,
    change_label,
    counts,
    geotransforms,
    opened,
    rectangle,
    three_buildings,
    wkt,
    write_pair,
)

from terracot import measure
from terracot.findings import Finding, SceneFacts, find
from terracot.generate import scene_samples
from terracot.rules import Filters
from terracot.scenes import SourceError
from terracot.sources.polygons import MAX_RESIDUAL, fit_lonlat

WGS84 = pyproj.CRS("EPSG:4326").to_wkt("WKT1_GDAL")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return three_buildings(tmp_path)


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


def test_rounded_degrees_of_a_single_rectangle_are_not_believed_though_they_fit_it_exactly() -> None:
    """A parallelogram has no residuals. Five decimals are 1.1 m: 9 m of 20 pixels would be off by up to 12 %."""
    corners = ((500, 500), (520, 500), (520, 520), (500, 520))
    degrees = [(round(lon, 5), round(lat, 5)) for lon, lat in [(10.0, 37.0), (10.0001, 37.0)]]
    degrees += [(degrees[1][0], 36.99992), (degrees[0][0], 36.99992)]
    found = fit_lonlat([(shapely.Polygon(corners), shapely.Polygon(degrees))])
    assert found == "the polygons are too small for how exactly their degrees are written"
    exact = [(lon + 1 / 3e6, lat + 1 / 3e6) for lon, lat in degrees]
    assert not isinstance(fit_lonlat([(shapely.Polygon(corners), shapely.Polygon(exact))]), str)


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
