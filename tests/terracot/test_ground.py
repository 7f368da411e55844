"""GroundSampling against oracles that do not use it: published tables, hand arithmetic, pyproj's geodesic polygons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from terracot.ground import GroundError, GroundSampling, crs_label
from terracot.rules import Filters

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


class Ruler:
    """Lengths and areas on the ellipsoid between points of a raster (column, row), with nothing but pyproj."""

    def __init__(self, crs: str, t: tuple[float, ...]) -> None:
        parsed = CRS.from_user_input(crs)
        self.t, self.geod = t, parsed.get_geod()
        self.to_degrees = Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)

    def place(self, col: float, row: float) -> tuple[float, float]:
        a, b, c, d, e, f = self.t
        return self.to_degrees.transform(a * col + b * row + c, d * col + e * row + f)

    def metres(self, start: tuple[float, float], end: tuple[float, float]) -> float:
        return self.geod.inv(*self.place(*start), *self.place(*end))[2]

    def area(self, col: int, row: int, size: int = 1) -> float:
        corners = [(col, row), (col + size, row), (col + size, row + size), (col, row + size)]
        lons, lats = zip(*(self.place(*corner) for corner in corners), strict=True)
        return abs(self.geod.polygon_area_perimeter(lons, lats)[0])


# What 100 columns, 100 rows and the two diagonals of 100 by 100 pixels around the middle measure, per pixel, in metres.
# No single pair of steps gives both diagonals of the last four, nor steps of the first at its top and bottom alike.
EQUAL_AREA = {
    "EASE grid at 60 north": ("EPSG:6933", (100, 0, 1e6, 0, -100, 6.35e6), 512, (58.56, 170.77, 180.5, 180.5)),
    "MODIS sinusoidal at 52 north, 13 east": (
        "+proj=sinu +R=6371007.181 +units=m",
        (463.3127, 0, 8.9e5, 0, -463.3127, 5.8e6),
        240,
        (463.3, 471.4, 596.9, 719.3),
    ),
    "MODIS sinusoidal at 45 north, 100 west": (
        "+proj=sinu +R=6371007.181 +units=m",
        (463.3127, 0, -7.86e6, 0, -463.3127, 5.0e6),
        240,
        (463.3, 724.6, 1120.6, 472.7),
    ),
    "Mollweide in the far west": ("ESRI:54009", (100, 0, -8e6, 0, -100, 5e6), 512, (99.62, 122.2, 196.9, 104.6)),
}


@pytest.mark.parametrize("name", EQUAL_AREA)
def test_equal_area_maps_are_not_taken_at_their_word_for_lengths(name: str) -> None:
    crs, t, size, expected = EQUAL_AREA[name]
    middle, ruler = size / 2, Ruler(crs, t)
    low, high = middle - 50, middle + 50
    found = [
        ruler.metres((low, middle), (high, middle)),
        ruler.metres((middle, low), (middle, high)),
        ruler.metres((low, low), (high, high)),
        ruler.metres((low, high), (high, low)),
    ]
    assert found == pytest.approx([100 * metres for metres in expected], rel=5e-4)
    ground = GroundSampling.from_georeference(crs, t, (size, size))
    assert (ground.dx_m, ground.dy_m) == pytest.approx(expected[:2], rel=WITHIN)
    assert ground.drift > Filters().max_drift  # so that no distance is asked
    assert ground.pixel_area_m2 == pytest.approx(t[0] ** 2, rel=WITHIN)  # areas they do keep
    assert ground.area_drift < 1e-4


def test_an_equal_area_map_near_its_true_latitude_keeps_its_distances() -> None:
    """EPSG:6933 is true at 30 degrees, y = 3688 km."""
    ground = GroundSampling.from_georeference("EPSG:6933", (100, 0, 1e6, 0, -100, 3.713e6), (512, 512))
    assert ground.sampling == pytest.approx((100, 100), rel=WITHIN)
    assert ground.drift < 0.005


def test_degrees_turned_by_29_degrees_have_no_single_diagonal() -> None:
    t = (8.7758e-5, 4.794e-5, 10.0, 4.794e-5, -8.7758e-5, 60.0)
    ground, ruler = GroundSampling.from_georeference("EPSG:4326", t, (256, 256)), Ruler("EPSG:4326", t)
    falling, rising = ruler.metres((128, 128), (129, 129)), ruler.metres((128, 129), (129, 128))
    assert (falling, rising) == pytest.approx((8.777, 15.28), rel=1e-3)
    assert ground.drift == pytest.approx(1 - 8.777 / math.hypot(7.2467, 10.137), abs=2e-3)
    assert ground.drift > Filters().max_drift
    assert ground.area_drift < 0.001


@pytest.mark.parametrize(
    ("x", "area"),
    [(500000.0, 100.0), (166100.0, 100.0), (100000.0, 99.69)],
    ids=["central meridian", "edge of the zone at the equator", "outside the zone"],
)
def test_utm_is_taken_at_its_word_inside_its_zone_only(x: float, area: float) -> None:
    """x = 100000 is 400 km off the meridian: 0.9996 (1 + 400^2 / 2 / 6383^2) = 1.00156, areas 1.00313."""
    t = (10.0, 0.0, x, 0.0, -10.0, 5331600.0)
    ground = GroundSampling.from_georeference("EPSG:32633", t, (64, 64))
    assert ground.pixel_area_m2 == pytest.approx(area, abs=0.005)
    assert ground.pixel_area_m2 == pytest.approx(Ruler("EPSG:32633", t).area(0, 0, 64) / 64**2, rel=WITHIN)
    assert ground.drift < 1e-4


def test_polar_stereographic_over_2000_km_asks_neither_distance_nor_area() -> None:
    t = (1000.0, 0.0, -3e6, 0.0, -1000.0, 3e6)
    ground, ruler = GroundSampling.from_georeference("EPSG:3413", t, (2000, 2000)), Ruler("EPSG:3413", t)
    corner, middle = ruler.area(0, 0), ruler.area(1000, 0)
    assert ground.row_areas_m2[0] == pytest.approx(middle, rel=1e-6)
    assert corner / middle == pytest.approx(0.9426, abs=1e-4)
    worst = max(abs(ruler.area(c, r) / ruler.area(1000, r) - 1) for c in (0, 1999) for r in (0, 1999))
    assert ground.area_drift == pytest.approx(worst, abs=1e-6)
    assert ground.area_drift > Filters().max_area_drift
    first, centre = (ruler.metres((p, p + 0.5), (p + 1, p + 0.5)) for p in (0, 1000))
    assert ground.drift == pytest.approx(1 - first / centre, abs=1e-6)
    assert ground.drift > Filters().max_drift


def test_a_corner_off_the_map_is_no_small_drift() -> None:
    """A whole world in Mollweide: its corners show nothing of the earth."""
    ground = GroundSampling.from_georeference("ESRI:54009", (1e5, 0, -1.8e7, 0, -1e5, 9e6), (180, 360))
    assert ground.drift >= 1
    assert ground.area_drift >= 1


def test_grads_below_a_projection_are_not_taken_for_degrees() -> None:
    """EPSG:27572 (Lambert II over NTF Paris) is true to 0.99988 at its latitude of 52 grads: 10 m are 10 m."""
    ground = GroundSampling.from_georeference("EPSG:27572", (10.0, 0, 600000.0, 0, -10.0, 2200000.0), (64, 64))
    assert (ground.sampling, ground.row_areas_m2) == ((10.0, 10.0), (100.0,))


def test_drift_is_rounded_to_what_versions_of_proj_agree_on() -> None:
    ground = GroundSampling.from_georeference("EPSG:6933", (100, 0, 1e6, 0, -100, 6.35e6), (512, 512))
    assert ground.drift == round(ground.drift, 6)
    assert ground.area_drift == round(ground.area_drift, 6)


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
        GroundSampling.from_georeference("EPSG:3413", (1e5, 0, -3e6, 0, -1e5, 3e6), (20, 20)),
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


def test_a_metre_grid_fitted_in_degrees_is_no_shear() -> None:
    # A UTM grid of 0.45 m, 134 km west of the central meridian of zone 15, given by the affine transform from pixels to
    # degrees that fits it. The scale of UTM there is 0.9996 (1 + 134000^2 / (2 x 6.3709e6^2)) = 0.999821, so a pixel
    # measures 0.45 / 0.999821 = 0.450081 m on the ground. In degrees its axes are far from a right angle (convergence
    # 0.9 degrees, a degree of longitude 0.8 times as long).
    back = Transformer.from_crs("EPSG:32615", "EPSG:4326", always_xy=True)
    corners = np.array([(0, 0), (1024, 0), (0, 1024), (1024, 1024)], float)
    lon, lat = back.transform(366_000 + 0.45 * corners[:, 0], 4_102_000 - 0.45 * corners[:, 1])
    design = np.column_stack([corners, np.ones(4)])
    (a, b, c), (d, e, f) = (np.linalg.lstsq(design, v, rcond=None)[0] for v in (lon, lat))
    assert abs(a * b + d * e) / (np.hypot(a, d) * np.hypot(b, e)) > 5e-3
    ground = GroundSampling.from_georeference("EPSG:4326", (a, b, c, d, e, f), (1024, 1024))
    assert ground.sampling == pytest.approx((0.450081, 0.450081), rel=1e-5)
    assert ground.pixel_area_m2 == pytest.approx(0.450081**2, rel=2e-5)
    assert max(ground.drift, ground.area_drift) < 1e-4
