"""Web-Mercator tiles: where they lie, and which quadrant a picture shows; all pixels are synthetic."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from chatearthnet_on_disk import COLUMN_ROW, DIGITS, ROW_COLUMN, land_cover, picture, quadrant
from pyproj import Transformer
from scipy import ndimage

from terracot.sources.webmercator import CLEAR, CRS, Order, corner_of, read_digits, transform_of

TO_EARTH = Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True)


def pictures(
    seen: npt.NDArray[np.uint8], order: str, digits: tuple[str, ...] = DIGITS
) -> dict[str, npt.NDArray[np.uint8]]:
    return {d: np.moveaxis(quadrant(seen, d, order), 2, 0) for d in digits}


def test_corners_of_the_lisbon_tile() -> None:
    a, b, left, d, e, upper = transform_of(3886, 3141)
    assert (b, d, CRS) == (0.0, 0.0, "EPSG:3857")
    # 2 pi 6378137 / (8192 * 512)
    assert (a, e) == (pytest.approx(9.554628535647, abs=1e-11), pytest.approx(-9.554628535647, abs=1e-11))
    assert TO_EARTH.transform(left, upper) == pytest.approx((-9.2285, 38.6512), abs=5e-5)
    assert TO_EARTH.transform(left + 512 * a, upper + 512 * e) == pytest.approx((-9.1846, 38.6169), abs=5e-5)


@pytest.mark.parametrize(("corner", "across", "down"), [((0, 0), 0, 0), ((0, 1), 256, 0), ((1, 0), 0, 256)])
def test_quadrants_begin_at_whole_pixels_of_their_tile(corner: tuple[int, int], across: int, down: int) -> None:
    a, _, left, _, e, upper = transform_of(3886, 3141)
    _, _, x, _, _, y = transform_of(3886, 3141, corner)
    assert (x, y) == (pytest.approx(left + across * a, abs=1e-6), pytest.approx(upper + down * e, abs=1e-6))


@pytest.mark.parametrize(("col", "row"), [(0, 0), (8191, 8191), (4096, 4096), (3886, 3141)])
def test_tiles_lie_where_the_published_formula_puts_them(col: int, row: int) -> None:
    lon = col / 8192 * 360 - 180
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 8192))))
    _, _, x, _, _, y = transform_of(col, row)
    assert TO_EARTH.transform(x, y) == pytest.approx((lon, lat), abs=1e-9)


@pytest.mark.parametrize("order", [ROW_COLUMN, COLUMN_ROW])
def test_00_and_11_mean_the_same_under_either_order(order: Order) -> None:
    assert (corner_of("00", order), corner_of("11", order)) == ((0, 0), (1, 1))
    assert corner_of("01", order) == ((0, 1) if order == ROW_COLUMN else (1, 0))


@pytest.mark.parametrize("order", [ROW_COLUMN, COLUMN_ROW])
@pytest.mark.parametrize("digits", [DIGITS, ("00", "01"), ("01", "11"), ("01", "10"), ("10",)])
def test_clear_edges_decide_under_both_conventions(order: str, digits: tuple[str, ...]) -> None:
    for seed in range(2):
        codes = land_cover(seed)
        assert read_digits(pictures(picture(codes, seed), order, digits), codes).order == order


def test_neighbouring_pictures_decide_where_the_map_shows_one_class() -> None:
    seen = picture(land_cover(1), 1)
    for order in (ROW_COLUMN, COLUMN_ROW):
        found = read_digits(pictures(seen, order), np.full((512, 512), 6, np.uint8))
        assert found.order == order


def test_uniform_tiles_decide_nothing() -> None:
    codes, flat = np.full((512, 512), 1, np.uint8), np.full((512, 512, 3), 60, np.uint8)
    for shown, labelled in ((flat, codes), (flat, land_cover(0)), (picture(land_cover(0), 0), codes)):
        digits = ("01", "10") if shown is not flat else DIGITS
        found = read_digits(pictures(shown, ROW_COLUMN, digits), labelled)
        assert (found.statistic, found.order) == (0.0, None)


def test_borders_of_missing_labels_are_no_evidence() -> None:
    codes = np.full((512, 512), 3, np.uint8)
    codes[40:200, 300:400] = 0
    assert read_digits(pictures(picture(land_cover(0), 0), ROW_COLUMN, ("01",)), codes).statistic == 0.0


def test_no_picture_of_the_two_in_question_decides_nothing() -> None:
    found = read_digits(pictures(picture(land_cover(0), 0), ROW_COLUMN, ("00", "11")), land_cover(0))
    assert (found.statistic, found.comparisons, found.order) == (0.0, 0, None)


@pytest.mark.parametrize("smooth", [0, 3, 15])
def test_pictures_that_have_nothing_to_do_with_the_tile_hardly_ever_decide(smooth: int) -> None:
    """White noise and smooth fields alike: the statistic has a standard deviation of about 1, so 4 is 6 in 100,000."""
    rng = np.random.default_rng(smooth)
    found = []
    for seed in range(60):
        noise = rng.normal(size=(4, 128, 128))  # smaller than real ones, for speed
        noise = ndimage.gaussian_filter(noise, (0, smooth, smooth)) if smooth else noise
        bands = {d: n[None] * 50 / n.std() + 128 for d, n in zip(DIGITS, noise, strict=True)}
        found.append(read_digits(bands, land_cover(seed % 6)[:256, :256]).statistic)
    assert 0.7 < np.std(found) < 1.4
    assert np.mean(np.abs(found) >= CLEAR) <= 0.02


def test_pictures_of_other_places_hardly_ever_decide() -> None:
    rng = np.random.default_rng(0)
    seen = [np.moveaxis(picture(land_cover(seed), seed), 2, 0) for seed in range(5)]
    found = []
    for number in range(60):
        places = rng.permutation(5)
        bands = {}
        for digits, place in zip(DIGITS, places[1:], strict=True):
            row, col = rng.integers(0, 512 - 128, 2)
            bands[digits] = seen[place][:, row : row + 128, col : col + 128]
        found.append(read_digits(bands, land_cover(int(places[0]))[number : number + 256, :256]).statistic)
    assert 0.7 < np.std(found) < 1.5
    assert np.mean(np.abs(found) >= CLEAR) <= 0.04


@pytest.mark.real
@pytest.mark.parametrize("order", [ROW_COLUMN, COLUMN_ROW])
def test_real_sentinel_2_tiles_are_decided_right(real_data: Path, order: str) -> None:
    """512 x 512 pixels of 10 m with a map of forest, cut into quadrants as ChatEarthNet cuts its tiles."""
    images = sorted((real_data / "amazon_forest" / "image").glob("*.tif"))[:10]
    if not images:
        pytest.skip("real data has no folder amazon_forest")
    found = []
    for path in images:
        with rasterio.open(path) as image, rasterio.open(path.parents[1] / "mask" / path.name) as mask:
            seen, codes = np.moveaxis(image.read([1, 2, 3]), 0, 2), mask.read(1) + 1
        found.append(read_digits(pictures(seen, order), codes).order)
    assert found == [order] * len(images)
