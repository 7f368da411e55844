"""WorldCover under images: true areas and distances on the image's own grid, and a reason for what cannot be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worldcover_on_disk import (
    S2_OPTIONS,
    countryside,
    place,
    sentinel_2,
    tile_path,
    utm_grid,
    write_places,
    write_sentinel_2,
    write_tile,
)

from terrabench.building.build import build
from terracot.assembly import FILTERS
from terracot.dataset import generate
from terracot.findings import Finding, SceneFacts, find
from terracot.generate import SourceSpec, scene_samples
from terracot.ground import GroundSampling
from terracot.scenes import IGNORE, Modality, Scene, SceneError, SourceError
from terracot.shards import read_rows
from terracot.sources import open_source
from terracot.sources.worldcover import WorldCoverSource
from terracot.survey import read_all
from terracot.verify import verify

GEOD = pyproj.Geod(ellps="WGS84")
S2 = dict(S2_OPTIONS)
LISBON = (-9.2, 38.7)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Images and labels of two places."""
    return write_places(tmp_path, 2)


def opened(images: Path, labels: Path, **options: Any) -> WorldCoverSource:
    return WorldCoverSource(images, str(labels), **(S2 | options))


def reason(source: WorldCoverSource, scene_id: str) -> tuple[str, str]:
    with pytest.raises(SceneError) as caught:
        read_all(source.load(scene_id))
    return caught.value.reason, str(caught.value)


# --- pixel size -----------------------------------------------------------------------------------------------------

TABLE = [
    (0.0, 9.215, 9.277, 85.48),
    (20.0, 9.225, 8.721, 80.45),
    (38.65, 9.251, 7.254, 67.11),
    (45.0, 9.261, 6.571, 60.85),
    (52.5, 9.273, 5.659, 52.48),
    (60.0, 9.284, 4.650, 43.17),
    (70.0, 9.297, 3.182, 29.58),
]


@pytest.mark.parametrize(("lat", "north", "east", "area"), TABLE)
def test_a_worldcover_pixel_has_the_size_it_has_at_its_latitude(
    lat: float, north: float, east: float, area: float
) -> None:
    """One pixel of 1/12000 of a degree centred at a latitude; metres and square metres on the WGS84 ellipsoid."""
    step = 1 / 12000
    ground = GroundSampling.from_georeference("EPSG:4326", (step, 0, 12, 0, -step, lat + step / 2), (1, 1))
    assert ground.sampling == pytest.approx((north, east), abs=6e-4)
    assert ground.pixel_area_m2 == pytest.approx(area, abs=6e-3)


def test_pixel_area_changes_by_four_and_a_half_percent_down_a_tile() -> None:
    """cos 39 / cos 42 = 1.0458, a little less on the ellipsoid."""
    step = 1 / 12000
    ground = GroundSampling.from_georeference("EPSG:4326", (step, 0, 12, 0, -step, 42), (36000, 1))
    assert ground.row_areas_m2[-1] / ground.row_areas_m2[0] - 1 == pytest.approx(0.045, abs=5e-4)


# --- true areas and distances ---------------------------------------------------------------------------------------


def circle(lon: float, lat: float, radius_m: float) -> shapely.Polygon:
    bearings = np.linspace(0, 360, 361)
    lons, lats, _ = GEOD.fwd(np.full(361, lon), np.full(361, lat), bearings, np.full(361, radius_m))
    return shapely.Polygon(np.stack([lons, lats], axis=1))


GRIDS = [
    ("S03E036", (37.5, -1.5), "EPSG:32737", 10.0),
    ("N36W012", LISBON, "EPSG:32629", 10.0),
    ("N36W012", LISBON, "EPSG:3857", 10.0),  # 7.8 m on the ground
    ("N36W012", LISBON, "EPSG:4326", 1e-4),
    ("N60E024", (25.5, 61.2), "EPSG:32635", 20.0),
    ("N60E024", (25.5, 61.2), "EPSG:3067", 10.0),
]


@pytest.mark.parametrize(("tile", "centre", "crs", "size"), GRIDS)
def test_areas_and_distances_are_those_of_the_vectors_on_the_ellipsoid(
    tmp_path: Path, tile: str, centre: tuple[float, float], crs: str, size: float
) -> None:
    """A lake of 300 m radius and two towns, drawn as vectors; within 1 %, though no label pixel is a square of 10 m."""
    lon0, lat0 = centre
    lake = circle(lon0, lat0 + 0.005, 300)
    east, north = 1 / 111_320 / np.cos(np.radians(lat0)), 1 / 111_320  # degrees per metre, about: only to draw
    west_edge, east_edge = lon0 - 400 * east, lon0 + 400 * east
    bottom, top = lat0 - 500 * north, lat0 - 200 * north
    towns = [
        shapely.box(west_edge - 300 * east, bottom, west_edge, top),
        shapely.box(east_edge, bottom, east_edge + 300 * east, top),
    ]

    def paint(lon: Any, lat: Any) -> Any:
        out = np.full(lon.shape, 40)
        out[shapely.contains_xy(lake, lon, lat)] = 80
        for code, town in zip((50, 60), towns, strict=True):
            out[shapely.contains_xy(town, lon, lat)] = code
        return out

    write_tile(tmp_path / "labels", tile, centre, paint, half=700)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon0, lat0)
    grid = (crs, (size, 0.0, x - 128.3 * size, 0.0, -size, y + 127.8 * size))
    write_sentinel_2(tmp_path / "images" / "s2.tif", grid)
    facts = SceneFacts(opened(tmp_path / "images", tmp_path / "labels").load("s2/r00000_c00000"))
    classes, legend, ground = facts.maps[1].classes, facts.scene.labels[0].legend, facts.scene.ground
    mask = classes == legend.id_of("permanent water")
    assert mask.sum() > 500
    assert ground.area_m2(mask) == pytest.approx(abs(GEOD.geometry_area_perimeter(lake)[0]), rel=0.01)
    (found,) = [
        f
        for f in find("distance", facts, FILTERS)
        if isinstance(f, Finding) and set(f.class_names) == {"built-up area", "bare or sparse vegetation"}
    ]
    _, _, gap = GEOD.inv(west_edge, (bottom + top) / 2, east_edge, (bottom + top) / 2)
    assert found.truth.value is not None
    # From centre to centre: one pixel of the image more than between the edges, give or take a label pixel.
    assert found.truth.value == pytest.approx(gap + ground.sampling[1], abs=10)


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3857", "EPSG:4326"])
def test_classes_are_those_below_the_pixel_centres_in_every_patch(tmp_path: Path, crs: str) -> None:
    def squares(lon: Any, lat: Any) -> Any:
        return np.where((np.floor(lon * 2400) + np.floor(lat * 2400)) % 2 == 0, 10, 40)  # five label pixels wide

    lon0, lat0 = place(7)
    write_tile(tmp_path / "labels", "N39E012", (lon0, lat0), squares)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon0, lat0)
    size = 1.1e-4 if crs == "EPSG:4326" else 10.0
    transform = (size, 0.0, x - 64.2 * size, 0.0, -size, y + 64.4 * size)
    write_sentinel_2(tmp_path / "images" / "s2.tif", (crs, transform), (130, 140))
    source = opened(tmp_path / "images", tmp_path / "labels", patch="64")
    assert list(source.ids()) == [f"s2/r{r:05d}_c{c:05d}" for r in (0, 64) for c in (0, 64)]
    to_earth = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    for top, left in ((0, 0), (0, 64), (64, 0), (64, 64)):
        col, row = np.meshgrid(np.arange(left, left + 64) + 0.5, np.arange(top, top + 64) + 0.5)
        lon, lat = to_earth.transform(transform[0] * col + transform[2], transform[4] * row + transform[5])
        # The label pixel's own centre, not the point, decides what was painted there.
        lon, lat = ((np.floor(v * 12000) + 0.5) / 12000 for v in (lon, lat))
        scene = source.load(f"s2/r{top:05d}_c{left:05d}")
        expected = np.where(squares(lon, lat) == 10, 0, 3)  # tree cover, cropland
        assert {0, 3} == set(expected.ravel().tolist())
        assert np.array_equal(scene.labels[0].classes(), expected)
        assert scene.transform == pytest.approx(
            (size, 0, transform[2] + left * size, 0, -size, transform[5] - top * size), abs=1e-9
        )


# --- the scene ------------------------------------------------------------------------------------------------------


def test_a_scene_is_on_the_grid_of_the_image_and_says_where_all_of_it_is_from(two: tuple[Path, Path]) -> None:
    source = opened(*two)
    assert list(source.ids()) == ["S2_00/r00000_c00000", "S2_01/r00000_c00000"]
    assert source.left_out() == []
    scene = source.load("S2_01/r00000_c00000")
    crs, transform = utm_grid(32633, *place(1))
    assert (scene.source, scene.group, scene.split) == ("worldcover", "cell/N39E013", "train")
    assert scene.license == "LicenseRef-unstated AND CC-BY-4.0"
    assert scene.attribution.startswith("(c) ESA WorldCover project")
    assert (scene.crs, scene.transform) == (crs, transform)
    assert (scene.ground.basis, scene.ground.pixel_area_m2) == ("measured", 100.0)
    (frame,) = scene.frames
    assert (frame.modality, frame.bands, frame.unit) == (
        Modality.MULTISPECTRAL,
        ("B02", "B03", "B04", "B08"),
        "reflectance",
    )
    assert frame.display.bands == ("B04", "B03", "B02")
    # stored value * 0.0001 - 0.1
    assert frame.pixels() == pytest.approx(sentinel_2().astype(float) * 0.0001 - 0.1, abs=1e-6)
    where = scene.provenance
    assert (where["image"], where["window"], where["static_labels"]) == ("S2_01.tif", [0, 0, 256, 256], False)
    assert where["labels"]["files"] == ["ESA_WorldCover_10m_2021_v200_N39E012_Map.tif"]
    assert (where["labels"]["versions"], where["labels"]["warped"]) == (["2021_v200"], "nearest")
    # At 39.3 degrees a pixel of 1/12000 degree is 9.25 m from north to south and 7.19 m from west to east.
    assert where["labels"]["native_pixel_m"] == pytest.approx([9.252, 7.187], abs=2e-3)
    assert str(two[0].parent) not in str(where)


def test_a_single_image_and_a_single_tile_will_do(two: tuple[Path, Path]) -> None:
    images, labels = two
    tile = tile_path(labels, "N39E012")
    source = opened(images / "S2_00.tif", tile)
    assert list(source.ids()) == ["S2_00/r00000_c00000"]
    expected = opened(images, labels).load("S2_00/r00000_c00000").labels[0].classes()
    assert np.array_equal(source.load("S2_00/r00000_c00000").labels[0].classes(), expected)


def test_limits_of_the_map_are_those_of_its_pixel(two: tuple[Path, Path]) -> None:
    """9.252 m x 7.187 m = 66.5 m2."""
    limits = opened(*two).load("S2_00/r00000_c00000").labels[0].limits
    assert limits.min_patch_m2 == pytest.approx(66.5, abs=0.1)
    assert limits.min_distance_m == pytest.approx(9.25, abs=0.01)
    assert limits.according_to == "the ESA WorldCover map"


def test_neighbours_share_a_group_across_images_and_hemispheres(tmp_path: Path) -> None:
    points = {"a": (-9.2, 38.7), "b": (-9.3, 38.6), "c": (-8.9, 38.7), "d": (-9.2, -0.5)}
    for name, (lon, lat) in points.items():
        write_sentinel_2(tmp_path / "images" / f"{name}.tif", utm_grid(32629, lon, lat, pixels=32), 32)
    for tile, inside in (("N36W012", "ab"), ("N36W009", "c"), ("S03W012", "d")):
        write_tile(tmp_path / "labels", tile, [points[i] for i in inside], countryside, half=100)
    source = opened(tmp_path / "images", tmp_path / "labels", patch=32)
    groups = {scene_id[0]: source.load(scene_id).group for scene_id in source.ids()}
    assert groups == {"a": "cell/N38W010", "b": "cell/N38W010", "c": "cell/N38W009", "d": "cell/S01W010"}


# --- what cannot be used --------------------------------------------------------------------------------------------


def test_wrong_paths_name_what_is_expected(two: tuple[Path, Path], tmp_path: Path) -> None:
    images, labels = two
    with pytest.raises(SourceError, match=r"needs the label rasters: -o labels=PATH"):
        WorldCoverSource(images)
    with pytest.raises(SourceError, match="option labels: expected a label raster"):
        opened(images, tmp_path / "gone")
    with pytest.raises(SourceError, match=r"worldcover expects a georeferenced image.*found nothing at"):
        opened(tmp_path / "gone", labels)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"found no \.tif"):
        opened(tmp_path / "empty", labels)
    with pytest.raises(SourceError, match="lies in the folder of labels"):
        opened(images, images.parent)
    with pytest.raises(SourceError, match=r"S2_00\.tif lies among the label rasters"):
        opened(images / "S2_00.tif", images)


def test_labels_may_lie_in_a_folder_among_the_images(two: tuple[Path, Path]) -> None:
    images, labels = two
    source = opened(images.parent, labels)
    assert list(source.ids()) == ["images/S2_00/r00000_c00000", "images/S2_01/r00000_c00000"]


def test_two_releases_are_never_mixed(two: tuple[Path, Path]) -> None:
    images, labels = two
    write_tile(labels, "N36W012", LISBON, countryside, version="2020_v100")
    with pytest.raises(SourceError, match="2020_v100 and 2021_v200"):
        opened(images, labels)


def test_an_image_without_labels_names_the_tile_it_needs(two: tuple[Path, Path]) -> None:
    images, labels = two
    write_sentinel_2(images / "far.tif", utm_grid(32629, *LISBON))
    code, text = reason(opened(images, labels), "far/r00000_c00000")
    assert (code, "N36W012" in text) == ("missing_label", True)


def test_a_broken_tile_costs_its_images_alone(two: tuple[Path, Path]) -> None:
    images, labels = two
    write_sentinel_2(images / "far.tif", utm_grid(32629, *LISBON))
    tile_path(labels, "N36W012").write_bytes(b"II*\x00 truncated")
    source = opened(images, labels)
    assert reason(source, "far/r00000_c00000")[0] == "unreadable"
    assert source.load("S2_00/r00000_c00000").labels[0].classes().any()


def test_an_unknown_code_names_the_image(two: tuple[Path, Path]) -> None:
    images, labels = two
    tile_path(labels, "N39E012").unlink()
    write_tile(labels, "N39E012", place(0), lambda lon, lat: np.full(lon.shape, 35))
    code, text = reason(opened(images, labels), "S2_00/r00000_c00000")
    assert (code, "S2_00.tif" in text, "[35]" in text) == ("unknown_code", True, True)


@pytest.mark.parametrize(
    ("size", "expected"), [(0.5, "labels_too_coarse"), (1.5, "labels_too_coarse"), (250.0, "labels_too_fine")]
)
def test_images_of_quite_other_pixels_than_the_labels_are_refused(
    two: tuple[Path, Path], size: float, expected: str
) -> None:
    """A label pixel at 39.3 degrees is as large as a square of 8.155 m: 5.4 pixels of 1.5 m, a thirtieth of 250 m."""
    images, labels = two
    write_sentinel_2(images / "odd.tif", utm_grid(32633, *place(0), size=size))
    code, text = reason(opened(images, labels), "odd/r00000_c00000")
    assert code == expected
    assert f"pixels of {size:g} m" in text
    assert "8.16 m wide" in text


@pytest.mark.parametrize("size", [2.5, 30.0])
def test_images_of_somewhat_other_pixels_are_taken(two: tuple[Path, Path], size: float) -> None:
    images, labels = two
    write_sentinel_2(images / "odd.tif", utm_grid(32633, *place(0), size=size, pixels=64), 64)
    scene = opened(images / "odd.tif", labels, patch=64).load("odd/r00000_c00000")
    assert scene.ground.pixel_area_m2 == size * size
    assert scene.labels[0].classes().max() < 11


def test_a_sheared_image_is_a_scene_error(two: tuple[Path, Path]) -> None:
    images, labels = two
    crs, transform = utm_grid(32633, *place(0))
    write_sentinel_2(images / "skew.tif", (crs, (10, 3, transform[2], 0, -10, transform[5])))
    assert reason(opened(images, labels), "skew/r00000_c00000")[0] == "georeference"


def test_a_rotated_image_keeps_its_grid(two: tuple[Path, Path]) -> None:
    """Turned by the angle of the triangle 3, 4, 5: pixels of 10 m still, 100 m2."""
    images, labels = two
    crs, transform = utm_grid(32633, *place(0))
    turned = (8.0, 6.0, transform[2], 6.0, -8.0, transform[5] - 1500)
    write_sentinel_2(images / "turned.tif", (crs, turned))
    scene = opened(images / "turned.tif", labels).load("turned/r00000_c00000")
    assert scene.transform == turned
    assert (scene.ground.pixel_area_m2, scene.ground.sampling) == (100.0, (10.0, 10.0))


def test_an_image_half_outside_its_labels_is_unlabelled_there(tmp_path: Path) -> None:
    grid = utm_grid(32629, -9.0, 38.0, pixels=128)
    write_tile(tmp_path / "labels", "N36W012", (-9.0, 38.0), countryside)
    write_sentinel_2(tmp_path / "images" / "s2.tif", grid, 128)
    scene = opened(tmp_path / "images", tmp_path / "labels", patch=128).load("s2/r00000_c00000")
    classes = scene.labels[0].classes()
    # 9 W is 0 m from the middle of the grid, give or take the half metre that the grid is off it.
    assert [int((classes[64] != IGNORE).sum())] == pytest.approx([64], abs=1)
    assert (classes[:, 70:] == IGNORE).all()


def test_fingerprint_follows_options_images_and_labels(two: tuple[Path, Path]) -> None:
    images, labels = two
    first = opened(images, labels).fingerprint()
    assert opened(images, labels).fingerprint() == first
    seen = {first, opened(images, labels, patch=128).fingerprint(), opened(images, labels, offset="0").fingerprint()}
    seen.add(opened(images, labels, image_license="CC0-1.0").fingerprint())
    write_tile(labels, "N36W012", LISBON, countryside)
    seen.add(opened(images, labels).fingerprint())
    write_sentinel_2(images / "S2_01.tif", utm_grid(32633, *place(1)), compress="lzw")
    seen.add(opened(images, labels).fingerprint())
    assert len(seen) == 6


# --- hostile content ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    crs=st.sampled_from(["EPSG:4326", "EPSG:3857", "EPSG:32633", "EPSG:3413", "EPSG:3031", "EPSG:2193", "EPSG:5041"]),
    transform=st.tuples(*[st.floats(-1e8, 1e8, allow_nan=False)] * 6),
)
def test_no_georeference_whatever_ends_in_anything_but_a_named_error(
    tmp_path: Path, crs: str, transform: tuple[float, ...]
) -> None:
    labels, image = tmp_path / "labels", tmp_path / "s2.tif"
    if not labels.is_dir():
        write_tile(labels, "N39E012", place(0), countryside, half=50)
    try:
        write_sentinel_2(image, (crs, transform), 32)
        source = opened(image, labels, patch=32)
        for scene_id in source.ids():
            scene = source.load(scene_id)
            assert isinstance(scene, Scene)
            scene.labels[0].classes()
    except (SceneError, SourceError):
        pass


# --- end to end -----------------------------------------------------------------------------------------------------


def test_images_and_tiles_become_a_data_set_that_verifies(two: tuple[Path, Path], tmp_path: Path) -> None:
    images, labels = two
    scene = opened(images, labels).load("S2_00/r00000_c00000")
    assert scene_samples(SceneFacts(scene), seed=0)
    options = (("labels", str(labels)), *S2_OPTIONS, ("image_license", "CC0-1.0"))
    spec = SourceSpec("worldcover", str(images), options)
    assert open_source(spec.name, spec.path, **dict(options)).name == "worldcover"
    made = generate(spec, tmp_path / "out")
    assert (made.quarantined, made.counts["scenes"]) == (0, 2)
    for report in (verify(tmp_path / "out"), verify(tmp_path / "out", str(images), options={"labels": str(labels)})):
        assert report.ok, report.problems
    assert report.checked["scenes rebuilt from source"] == 2


def test_many_places_become_benchmark_items(tmp_path: Path) -> None:
    images, labels = write_places(tmp_path, 18, pixels=100, size=25.0)
    spec = SourceSpec("worldcover", str(images), (("labels", str(labels)), ("patch", "100"), *S2_OPTIONS))
    made = build(spec, tmp_path / "bench")
    assert made.quarantined == 0
    tasks = {row["task"] for row in read_rows(tmp_path / "bench", "items", ["task"])}
    assert "boundary" in tasks
    assert tasks & {"area", "coverage"}  # two units of one fact: of so few places one of them may find no options
    report = verify(tmp_path / "bench")
    assert report.ok, report.problems


@pytest.mark.real
def test_a_real_image_is_read_on_its_own_grid(real_data: Path, tmp_path: Path) -> None:
    """A Sentinel-2 patch of BigEarthNet v2 (120 x 120 pixels of 10 m) above a synthetic tile."""
    image = real_data / "bigearthnet_v2" / "S2_10m" / "T33UUP_26_57.tif"
    if not image.is_file():
        pytest.skip(f"no {image.name} in the real data")
    transform = (10.0, 0.0, 331200.0, 0.0, -10.0, 5331600.0)
    to_earth = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    lon, lat = to_earth.transform(331800.0, 5331000.0)
    write_tile(tmp_path, "N48E012", (lon, lat), lambda x, y: np.where(x < lon, 10, 50), half=300)
    source = WorldCoverSource(image, tmp_path, patch=120, unit="reflectance", scale=0.0001)
    scene = source.load("T33UUP_26_57/r00000_c00000")
    assert (scene.crs, scene.transform, scene.group) == ("EPSG:32633", transform, "cell/N48E012")
    assert (scene.frames[0].bands, scene.ground.pixel_area_m2) == (("B02", "B03", "B04", "B08"), 100.0)
    assert 0 < float(np.nanmedian(scene.frames[0].pixels())) < 0.5
    col, row = np.meshgrid(np.arange(120) + 0.5, np.arange(120) + 0.5)
    x, _ = to_earth.transform(331200 + 10 * col, 5331600 - 10 * row)
    beside = np.abs(x - lon) < 1 / 12000  # where the label pixel's centre decides
    expected = np.where(x < lon, 0, 4)  # tree cover, built-up area
    assert np.array_equal(scene.labels[0].classes()[~beside], expected[~beside])


def test_real_tiles(tmp_path: Path) -> None:
    """Real ``ESA_WorldCover_10m_*_Map.tif`` tiles in TERRASCOPE_WORLDCOVER: their grid, codes and pixel size."""
    folder = os.environ.get("TERRASCOPE_WORLDCOVER")
    if not folder:
        pytest.skip("TERRASCOPE_WORLDCOVER names no folder of WorldCover tiles")
    source = None
    for path in sorted(Path(folder).rglob("ESA_WorldCover_10m_*_Map.tif"))[:3]:
        with rasterio.open(path) as data:
            assert (data.shape, data.dtypes, data.nodata, data.crs.to_epsg()) == ((36000, 36000), ("uint8",), 0, 4326)
            assert data.transform.a == pytest.approx(1 / 12000, rel=1e-9)
            lon, lat = data.transform @ (18000.0, 18000.0)
        zone = 32600 + int((lon + 180) // 6) + 1 if lat >= 0 else 32700 + int((lon + 180) // 6) + 1
        image = write_sentinel_2(tmp_path / f"{path.stem}.tif", utm_grid(zone, lon, lat))
        source = WorldCoverSource(image, path, **S2)
        classes = source.load(source.ids()[0]).labels[0].classes()
        assert (classes != IGNORE).any()
    assert source is not None, "no tile found"
