"""GroundSampling against oracles that do not use it: published tables, hand arithmetic, pyproj's geodesic polygons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from terracot.ground import GroundError, GroundSampling, crs_label

WITHIN = 0.003
UTM33 = (10.0, 0.0, 331200.0, 0.0, -10.0, 5331600.0)


def degrees_raster(lat: float, size: int = 9, step: float = 1 / 12000) -> tuple[float, ...]:
    """Transform of a north-up raster in degrees whose middle row is centred at ``lat``."""
    return (step, 0.0, 12.0, 0.0, -step, lat + step * size / 2)


# latitude, rows apart (m), columns apart (m), pixel area (m2) of the 1/12000 degree grid of ESA WorldCover
WORLDCOVER = [
    (0.0, 9.215, 9.277, 85.48),
    (20.0, 9.225, 8.721, 80.45),
    (38.65, 9.251, 7.254, 67.11),
    (45.0, 9.261, 6.571, 60.85),
    (52.5, 9.273, 5.659, 52.48),
    (60.0, 9.284, 4.650, 43.17),
    (70.0, 9.297, 3.182, 29.58),
]


@pytest.mark.parametrize(("lat", "dy", "dx", "area"), WORLDCOVER)
def test_degree_pixels_are_not_taken_for_100_square_metres(lat: float, dy: float, dx: float, area: float) -> None:
    ground = GroundSampling.from_georeference("EPSG:4326", degrees_raster(lat), (9, 9))
    assert ground.basis == "measured"
    assert ground.row_areas_m2[4] == pytest.approx(area, rel=WITHIN)
    assert ground.sampling == pytest.approx((dy, dx), rel=WITHIN)


def test_rows_of_a_large_degree_raster_have_their_own_areas() -> None:
    step = 3 / 360  # 360 rows over 39 to 42 degrees north
    ground = GroundSampling.from_georeference("EPSG:4326", (step, 0, 12, 0, -step, 42), (360, 4))
    first, last = ground.row_areas_m2[0], ground.row_areas_m2[-1]
    assert len(ground.row_areas_m2) == 360
    assert last / first == pytest.approx(1.045, abs=0.002)  # cos 39 / cos 42
    top = np.zeros((360, 4), dtype=bool)
    top[0, :2] = True
    assert ground.area_m2(top) == pytest.approx(2 * first)
    assert ground.drift == pytest.approx(0.0227, abs=0.0002)  # 1 - cos 42 / cos 40.5
    assert ground.area_drift == 0.0  # along a row all pixels are alike


def test_web_mercator_tile_is_measured_on_the_ground() -> None:
    """Tile 3886_3141 of zoom 13 (Lisbon): 9.5546 m on the map, 7.46 m and 55.6 m2 on the ground."""
    world = 40075016.685578
    step = world / 8192 / 512
    transform = (step, 0.0, 3886 / 8192 * world - world / 2, 0.0, -step, world / 2 - 3141 / 8192 * world)
    to_degrees = Transformer.from_crs(3857, 4326, always_xy=True)
    assert to_degrees.transform(transform[2], transform[5]) == pytest.approx((-9.2285, 38.6512), abs=1e-4)
    corner = (transform[2] + 512 * step, transform[5] - 512 * step)
    assert to_degrees.transform(*corner) == pytest.approx((-9.1846, 38.6169), abs=1e-4)
    ground = GroundSampling.from_georeference("EPSG:3857", transform, (512, 512))
    assert step == pytest.approx(9.5546, abs=1e-4)
    assert ground.pixel_area_m2 == pytest.approx(55.6, rel=WITHIN)
    assert ground.sampling[1] == pytest.approx(7.46, rel=WITHIN)


def test_web_mercator_at_the_equator_keeps_the_ellipsoid() -> None:
    """There the meridian is curved more: rows lie (1 - e2) = 0.99331 times as far apart as columns."""
    ground = GroundSampling.from_georeference("EPSG:3857", (1.0, 0.0, 0.0, 0.0, -1.0, 4.0), (8, 8))
    assert ground.sampling == pytest.approx((0.99331, 1.0), abs=2e-5)
    assert ground.pixel_area_m2 == pytest.approx(0.99331, abs=2e-5)


def test_utm_pixel_of_ten_metres_has_100_square_metres() -> None:
    ground = GroundSampling.from_georeference("EPSG:32633", UTM33, (120, 120))
    assert (ground.dy_m, ground.dx_m, ground.row_areas_m2) == (10.0, 10.0, (100.0,))
    assert ground.area_m2(np.ones((120, 120), dtype=bool)) == pytest.approx(1_440_000)  # 144 ha


def test_feet_are_not_taken_for_metres() -> None:
    """EPSG:2263 (New York, US survey feet): 10 ft are 3.048006 m, 100 square feet 9.290341 m2."""
    ground = GroundSampling.from_georeference("EPSG:2263", (10.0, 0.0, 987000.0, 0.0, -10.0, 200000.0), (64, 64))
    assert ground.sampling == pytest.approx((3.048006, 3.048006), rel=1e-6)
    assert ground.pixel_area_m2 == pytest.approx(9.290341, rel=1e-6)


def test_rotated_raster_keeps_its_pixel_size() -> None:
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    rotated = (10 * cos, 10 * sin, 331200.0, 10 * sin, -10 * cos, 5331600.0)
    ground = GroundSampling.from_georeference("EPSG:32633", rotated, (64, 64))
    assert ground.sampling == pytest.approx((10.0, 10.0))
    assert ground.pixel_area_m2 == pytest.approx(100.0)


def test_rectangular_pixels_keep_rows_and_columns_apart() -> None:
    ground = GroundSampling.from_georeference("EPSG:32633", (10.0, 0, 331200, 0, -20.0, 5331600), (8, 8))
    assert ground.sampling == (20.0, 10.0)
    assert ground.pixel_area_m2 == 200.0


def test_another_datum_uses_its_own_ellipsoid() -> None:
    """Clarke 1866 (NAD27): a = 6378206.4, e2 = 0.0067687. One second at the equator is 2 pi a / 1296000 = 30.92242 m
    across and (1 - e2) times that, 30.71312 m, down; on WGS 84 it would be 30.92208 and 30.71507 m."""
    step = 1 / 3600
    ground = GroundSampling.from_georeference("EPSG:4267", (step, 0, -90, 0, -step, step / 2), (1, 1))
    assert ground.sampling == pytest.approx((30.71312, 30.92242), abs=1e-4)


def test_grads_are_not_taken_for_degrees() -> None:
    """NTF (Paris) counts in grads, 0.9 degree each: at the equator 0.001 grad are 0.0009 degree, 100.19 m across
    (a = 6378249.2 m: 2 pi a x 0.0009 / 360)."""
    ground = GroundSampling.from_georeference("EPSG:4807", (0.001, 0, 2, 0, -0.001, 0.0005), (1, 1))
    assert ground.sampling[1] == pytest.approx(100.1893, abs=1e-3)


@pytest.mark.parametrize("transform", [(1, 0, 0, 0, 1, 0), (1, 0, 0, 0, -1, 0)])
def test_identity_transform_is_no_georeference(transform: tuple[float, ...]) -> None:
    assert GroundSampling.from_georeference(None, transform, (8, 8)).basis == "unknown"


def test_crs_without_a_transform_is_an_error_not_one_metre() -> None:
    with pytest.raises(GroundError, match=r"EPSG:32633.*identity transform.*nominal"):
        GroundSampling.from_georeference("EPSG:32633", (1, 0, 0, 0, 1, 0), (8, 8))


def test_transform_without_a_crs_stays_unknown() -> None:
    ground = GroundSampling.from_georeference(None, UTM33, (8, 8))
    assert (ground.basis, ground.known) == ("unknown", False)
    assert "CRS" in ground.origin


@pytest.mark.parametrize(
    ("crs", "transform", "words"),
    [
        ("EPSG:32633", (10.0, 3.0, 331200.0, 0.0, -10.0, 5331600.0), "sheared"),
        ("EPSG:32633", (10.0, 0.0, 331200.0, 0.0, 0.0, 5331600.0), "degenerate"),
        ("EPSG:32633", (10.0, 10.0, 331200.0, 10.0, 10.0, 5331600.0), "degenerate"),
        ("EPSG:32633", (10.0, 0.0, float("nan"), 0.0, -10.0, 5331600.0), "finite"),
        ("EPSG:32633", (10.0, 0.0, 331200.0, 0.0, -10.0), "six"),
        ("EPSG:4326", (0.1, 0.0, 12.0, 0.0, -0.1, 95.0), "latitudes beyond 90"),
        ("not a crs", UTM33, "not understood"),
        ("EPSG:32633", (10.0, 0.0, 1e12, 0.0, -10.0, 5e6), "outside EPSG:32633"),
        ("ESRI:54009", (10.0, 0.0, 3e7, 0.0, -10.0, 5e6), "outside ESRI:54009"),
        ("EPSG:4978", UTM33, "neither projected nor geographic"),
    ],
)
def test_unusable_georeference_is_refused(crs: str, transform: tuple[float, ...], words: str) -> None:
    with pytest.raises(GroundError, match=words):
        GroundSampling.from_georeference(crs, transform, (16, 16))


def test_nominal_size_is_marked_nominal() -> None:
    ground = GroundSampling.nominal(10, 12, "stated by a layout")
    assert (ground.basis, ground.known, ground.sampling, ground.pixel_area_m2) == ("nominal", True, (10.0, 12.0), 120.0)


@pytest.mark.parametrize(("dy", "dx"), [(0, 10), (-10, 10), (10, float("inf"))])
def test_nominal_size_must_be_positive(dy: float, dx: float) -> None:
    with pytest.raises(GroundError, match="positive"):
        GroundSampling.nominal(dy, dx, "stated by a layout")


def test_unknown_refuses_every_metre() -> None:
    ground = GroundSampling.unknown("png without georeference")
    for ask in (
        lambda: ground.pixel_area_m2,
        lambda: ground.sampling,
        lambda: ground.area_m2(np.ones((2, 2), dtype=bool)),
        lambda: ground.areas_of_rows(2),
    ):
        with pytest.raises(GroundError, match="png without georeference"):
            ask()


def test_mask_of_another_height_is_refused() -> None:
    ground = GroundSampling.from_georeference("EPSG:4326", degrees_raster(45.0), (9, 9))
    with pytest.raises(GroundError, match="9 rows, the mask has 5"):
        ground.area_m2(np.ones((5, 9), dtype=bool))


@pytest.mark.parametrize(
    "ground",
    [
        GroundSampling.unknown(),
        GroundSampling.nominal(30, 30, "stated"),
        GroundSampling.from_georeference("EPSG:32633", UTM33, (120, 120)),
        GroundSampling.from_georeference("EPSG:4326", degrees_raster(60.0), (9, 9)),
    ],
    ids=lambda g: f"{g.basis}-{len(g.row_areas_m2)}",
)
def test_round_trip_through_plain_values_loses_nothing(ground: GroundSampling) -> None:
    assert GroundSampling.from_dict(ground.to_dict()) == ground


def test_crs_label_is_short() -> None:
    assert crs_label("EPSG:32633") == "EPSG:32633"
    assert crs_label("nonsense") == "nonsense"


@settings(max_examples=40, deadline=None)
@given(
    lat=st.floats(-75, 75),
    lon=st.floats(-170, 170),
    per_degree=st.integers(1200, 20000),
    bits=st.lists(st.booleans(), min_size=48, max_size=48),
)
def test_mask_area_equals_geodesic_polygons(lat: float, lon: float, per_degree: int, bits: list[bool]) -> None:
    """Each run of pixels in a row is one polygon on WGS 84; their areas must add up to the area of the mask."""
    step, mask = 1 / per_degree, np.array(bits).reshape(8, 6)
    ground = GroundSampling.from_georeference("EPSG:4326", (step, 0, lon, 0, -step, lat), (8, 6))
    geod, expected = Geod(ellps="WGS84"), 0.0
    for row in range(8):
        edges = np.flatnonzero(np.diff(np.r_[0, mask[row].astype(int), 0]))
        for start, stop in edges.reshape(-1, 2):
            west, east = lon + start * step, lon + stop * step
            north, south = lat - row * step, lat - (row + 1) * step
            lons, lats = (west, west, east, east), (north, south, south, north)
            expected += abs(geod.polygon_area_perimeter(lons, lats)[0])
    assert ground.area_m2(mask) == pytest.approx(expected, rel=1e-4, abs=1e-6)
