"""Label rasters below any grid: the very label pixel under each centre, over tile borders and the 180th meridian."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from worldcover_on_disk import corner, tile_path, utm_grid, write_raster, write_tile

from terracot.scenes import SceneError, SourceError
from terracot.sources.label_rasters import LabelRasters

LISBON = (-9.2, 38.7)  # tile N36W012


def stripes(lon: Any, lat: Any) -> Any:
    """A code that differs from each label pixel to its neighbours: 10, 20, 30, 40 by column, 50 more by row."""
    col, row = np.floor(lon * 12000).astype(int), np.floor(lat * 12000).astype(int)
    return 10 * (col % 4 + 1) + 50 * (row % 2)


def lonlat(crs: str, transform: Any, shape: tuple[int, int]) -> tuple[Any, Any]:
    """Longitudes and latitudes of the pixel centres, by pyproj."""
    col, row = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    a, b, c, d, e, f = transform
    to_earth = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    return to_earth.transform(a * col + b * row + c, d * col + e * row + f)


def reason(labels: LabelRasters, grid: tuple[str, Any], shape: tuple[int, int] = (64, 64)) -> tuple[str, str]:
    with pytest.raises(SceneError) as caught:
        labels.codes(*grid, shape)
    return caught.value.reason, str(caught.value)


GRIDS = {
    "utm": utm_grid(32629, *LISBON, pixels=64),
    "mercator": ("EPSG:3857", (10.0, 0.0, -1024148.3, 0.0, -10.0, 4679500.2)),
    "degrees": ("EPSG:4326", (7e-5, 0.0, -9.2021, 0.0, -7e-5, 38.7022)),
    "rotated": ("EPSG:32629", (8.0, 6.0, 482600.3, 6.0, -8.0, 4283400.7)),
    "equal area": ("EPSG:3035", (10.0, 0.0, 2667000.4, 0.0, -10.0, 1947000.8)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_each_pixel_has_the_code_of_the_label_pixel_below_its_centre(tmp_path: Path, name: str) -> None:
    crs, transform = GRIDS[name]
    lon, lat = lonlat(crs, transform, (64, 64))
    write_tile(tmp_path, "N36W012", (float(lon.mean()), float(lat.mean())), stripes)
    codes = LabelRasters(tmp_path, "labels").codes(crs, transform, (64, 64))
    assert codes.dtype == np.uint8
    assert np.array_equal(codes, stripes(lon, lat))


def test_a_grid_on_two_tiles_takes_from_both(tmp_path: Path) -> None:
    crs, transform = utm_grid(32629, -9.0, 39.0, pixels=64)
    for tile in ("N36W012", "N36W009", "N39W012", "N39W009"):
        west, south = corner(tile)
        write_tile(tmp_path, tile, (-9.0, 39.0), lambda lon, lat, w=west, s=south: 40 + w + s + stripes(lon, lat) % 7)
    labels = LabelRasters(tmp_path, "labels")
    lon, lat = lonlat(crs, transform, (64, 64))
    expected = 40 + np.where(lon < -9, -12, -9) + np.where(lat < 39, 36, 39) + stripes(lon, lat) % 7
    assert np.array_equal(labels.codes(crs, transform, (64, 64)), expected)
    names = [r.name.split("_")[5] for r in labels.covering(crs, transform, (64, 64))]
    assert names == ["N36W009", "N36W012", "N39W009", "N39W012"]


def test_a_missing_neighbour_leaves_its_part_empty(tmp_path: Path) -> None:
    grid = utm_grid(32629, -9.0, 38.0, pixels=64)
    write_tile(tmp_path, "N36W012", (-9.0, 38.0), lambda lon, lat: 10)
    codes = LabelRasters(tmp_path, "labels").codes(*grid, (64, 64))
    lon, _ = lonlat(*grid, (64, 64))
    assert np.array_equal(codes, np.where(lon < -9, 10, 0))
    assert np.array_equal(
        LabelRasters(tmp_path, "labels", fill=255).codes(*grid, (64, 64)), np.where(lon < -9, 10, 255)
    )


def test_no_tile_at_all_names_the_one_that_is_needed(tmp_path: Path) -> None:
    write_tile(tmp_path, "N36W012", LISBON, stripes)
    code, text = reason(LabelRasters(tmp_path, "option labels"), utm_grid(32633, 14.0, 41.0, pixels=64))
    assert code == "missing_label"
    assert "option labels" in text
    assert "latitude 41.0" in text
    assert "N39E012" in text
    labels = LabelRasters(tmp_path, "labels")
    with pytest.raises(SceneError, match="S03W003"):
        labels.covering(*utm_grid(32730, -2.5, -0.5, pixels=64), (64, 64))


def test_the_180th_meridian_is_a_tile_border_like_any_other(tmp_path: Path) -> None:
    """Taveuni, Fiji: 180 degrees runs through it. UTM zone 1 south and degrees that go on beyond 180."""
    for tile, code in (("S18E177", 10), ("S18W180", 20)):
        write_tile(tmp_path, tile, (180.0 if code == 10 else -180.0, -16.8), lambda lon, lat, c=code: c)
    labels = LabelRasters(tmp_path, "labels")
    grid = utm_grid(32701, -180.0, -16.8, pixels=64)
    lon, _ = lonlat(*grid, (64, 64))
    assert set(np.sign(lon).ravel()) == {-1, 1}
    assert np.array_equal(labels.codes(*grid, (64, 64)), np.where(lon > 0, 10, 20))
    beyond = ("EPSG:4326", (1e-4, 0.0, 180 - 32e-4 + 3e-5, 0.0, -1e-4, -16.8))
    codes = labels.codes(*beyond, (64, 64))
    assert [int((codes == c).sum()) for c in (10, 20)] == [32 * 64, 32 * 64]


def test_centres_on_the_edge_of_tiles_are_never_lost(tmp_path: Path) -> None:
    """Pixels of two label pixels' width that begin one label pixel left of 9 W have a centre exactly there."""
    for tile, code in (("N36W012", 10), ("N36W009", 20)):
        write_tile(tmp_path, tile, (-9.0, 38.0), lambda lon, lat, c=code: c)
    step = 2 / 12000
    grid = ("EPSG:4326", (step, 0.0, -9 - 5 / 12000, 0.0, -step, 38.0))
    assert LabelRasters(tmp_path, "labels").codes(*grid, (1, 6)).tolist() == [[10, 10, 20, 20, 20, 20]]


def test_a_single_file_and_subfolders_are_taken_and_companions_are_not(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    tile = write_tile(deep, "N36W012", LISBON, stripes)
    ones = np.ones((4, 4), np.int16)
    degrees = (1e-3, 0, -9.3, 0, -1e-3, 38.8)
    write_raster(tile_path(deep, "N36W012", layer="InputQuality"), ones, "EPSG:4326", degrees, nodata=-1)
    write_raster(tile_path(deep, "N36W012", layer="S2RGBNIR"), ones, "EPSG:4326", degrees)
    write_raster(deep / "mine_InputQuality.tif", ones, "EPSG:4326", degrees)
    (deep / "readme.txt").write_text("x")
    crs, transform = GRIDS["utm"]
    expected = LabelRasters(tile, "labels").codes(crs, transform, (64, 64))
    folder = LabelRasters(tmp_path, "labels")
    assert folder.versions == ("2021_v200",)
    assert np.array_equal(folder.codes(crs, transform, (64, 64)), expected)
    (raster,) = folder.covering(crs, transform, (64, 64))
    assert raster.name == "a/b/ESA_WorldCover_10m_2021_v200_N36W012_Map.tif"
    assert raster.version == "2021_v200"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_wrong_paths_say_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"option labels: expected a label raster.*found nothing at"):
        LabelRasters(tmp_path / "gone", "option labels")
    with pytest.raises(SourceError, match=r"expected label rasters \(\.tif\).*found none; "):
        LabelRasters(tmp_path, "labels")
    write_raster(tile_path(tmp_path, "N36W012", layer="InputQuality"), np.ones((2, 2), np.int16), None, None)
    with pytest.raises(SourceError, match=r"1 companion layers.*_Map\.tif"):
        LabelRasters(tmp_path, "labels")


def test_two_releases_are_not_mixed(tmp_path: Path) -> None:
    for version in ("2020_v100", "2021_v200"):
        write_tile(tmp_path, "N36W012", LISBON, stripes, version=version)
    with pytest.raises(SourceError, match=r"2020_v100 and 2021_v200.*different algorithms"):
        LabelRasters(tmp_path, "labels")


@pytest.mark.parametrize("kept", [0, 100, -50])
def test_a_broken_tile_is_unreadable_and_only_where_it_is_needed(tmp_path: Path, kept: int) -> None:
    write_tile(tmp_path, "N36W012", LISBON, stripes)
    broken = write_tile(tmp_path, "N39E012", (14.0, 41.0), stripes, half=100)
    broken.write_bytes(broken.read_bytes()[:kept])
    labels = LabelRasters(tmp_path, "labels")
    assert labels.codes(*GRIDS["utm"], (64, 64)).all()
    code, text = reason(labels, utm_grid(32633, 14.0, 41.0, pixels=64))
    assert (code, "N39E012" in text, str(tmp_path) in text) == ("unreadable", True, False)


def test_rasters_of_other_names_are_found_by_their_georeference(tmp_path: Path) -> None:
    crs, transform = GRIDS["utm"]
    values = np.arange(64 * 64, dtype=np.int64).reshape(64, 64) % 90 + 1
    write_raster(tmp_path / "cut.tif", values.astype(np.uint8), crs, transform)
    write_raster(tmp_path / "far.tif", values.astype(np.uint8), "EPSG:32633", (10, 0, 500000, 0, -10, 4000000))
    labels = LabelRasters(tmp_path, "labels")
    assert np.array_equal(labels.codes(crs, transform, (64, 64)), values)
    # A grid shifted by four pixels right and three down sees the rest, and nothing beyond it.
    a, b, c, d, e, f = transform
    shifted = labels.codes(crs, (a, b, c + 40, d, e, f - 30), (64, 64))
    assert np.array_equal(shifted[:61, :60], values[3:, 4:])
    assert not shifted[61:].any()
    assert not shifted[:, 60:].any()


def test_rasters_that_say_different_things_are_refused(tmp_path: Path) -> None:
    crs, transform = GRIDS["utm"]
    for name, code in (("a", 10), ("b", 10)):
        write_raster(tmp_path / f"{name}.tif", np.full((64, 64), code, np.uint8), crs, transform)
    assert (LabelRasters(tmp_path, "labels").codes(crs, transform, (64, 64)) == 10).all()
    write_raster(tmp_path / "b.tif", np.full((64, 64), 20, np.uint8), crs, transform)
    code, text = reason(LabelRasters(tmp_path, "labels"), (crs, transform))
    assert code == "ambiguous_labels"
    assert "b.tif says something else than a.tif" in text


def test_pictures_of_maps_and_other_rasters_are_no_labels(tmp_path: Path) -> None:
    crs, transform = GRIDS["utm"]
    write_raster(tmp_path / "rgb.tif", np.ones((3, 64, 64), np.uint8), crs, transform)
    assert reason(LabelRasters(tmp_path, "labels"), (crs, transform))[0] == "bad_label"
    write_raster(tmp_path / "rgb.tif", np.ones((64, 64), np.float32), crs, transform)
    code, text = reason(LabelRasters(tmp_path, "labels"), (crs, transform))
    assert (code, "1 bands of float32" in text) == ("bad_label", True)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_label_raster_without_crs_is_named(tmp_path: Path) -> None:
    crs, transform = GRIDS["utm"]
    write_raster(tmp_path / "plain.tif", np.ones((64, 64), np.uint8), None, None)
    code, text = reason(LabelRasters(tmp_path, "labels"), (crs, transform))
    assert (code, "plain.tif" in text) == ("missing_georeference", True)
    write_raster(tmp_path / "good.tif", np.full((64, 64), 30, np.uint8), crs, transform)
    assert (LabelRasters(tmp_path, "labels").codes(crs, transform, (64, 64)) == 30).all()


def test_a_tile_under_another_tiles_name_is_refused(tmp_path: Path) -> None:
    right = write_tile(tmp_path, "N36W012", LISBON, stripes)
    right.rename(tile_path(tmp_path, "N39E012"))
    code, text = reason(LabelRasters(tmp_path, "labels"), utm_grid(32633, 14.0, 41.0, pixels=64))
    assert code == "mismatched_georeference"
    assert "named after, N39E012" in text


def test_a_grid_off_the_map_or_of_an_unknown_crs_is_a_scene_error(tmp_path: Path) -> None:
    write_tile(tmp_path, "N36W012", LISBON, stripes)
    labels = LabelRasters(tmp_path, "labels")
    assert reason(labels, ("EPSG:32629", (10.0, 0.0, 9e8, 0.0, -10.0, 9e8)))[0] == "missing_label"
    assert reason(labels, ("no such system", (10.0, 0.0, 9e5, 0.0, -10.0, 4e6)))[0] == "georeference"


def test_only_the_window_is_read(tmp_path: Path) -> None:
    """A whole tile has 1.3e9 pixels; pixels of a kilometre, 64 of them, would need 7000 x 9000 label pixels."""
    write_tile(tmp_path, "N36W012", LISBON, stripes)
    labels = LabelRasters(tmp_path, "labels")
    code, text = reason(labels, utm_grid(32629, -10.5, 37.5, size=3000, pixels=64), (64, 64))
    assert (code, "far coarser" in text) == ("labels_too_fine", True)


def test_ground_of_a_label_pixel_is_that_of_its_own_row(tmp_path: Path) -> None:
    """sources.md: at 38.65 degrees a WorldCover pixel is 9.251 m by 7.254 m."""
    tile = write_tile(tmp_path, "N36W012", LISBON, stripes)
    labels = LabelRasters(tile, "labels")
    crs, transform = utm_grid(32629, -9.2, 38.65, pixels=64)
    (raster,) = labels.covering(crs, transform, (64, 64))
    x, y = transform[2] + 320, transform[5] - 320
    assert raster.ground_at(crs, x, y).sampling == pytest.approx((9.251, 7.254), abs=1e-3)
    assert rasterio.open(tile).shape == (36000, 36000)
