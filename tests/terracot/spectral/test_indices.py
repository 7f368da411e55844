"""Indices by hand on tiny arrays: which band is which, which pixels count, and how numbers with a sign are written."""

from __future__ import annotations

import numpy as np
import pytest
from make_bands import S2, frame, scene, sentinel

from terracot.findings import SceneFacts
from terracot.language import NUMBER, number_text, option_text
from terracot.plugins import EvidenceMask
from terracot.quantities import Regions, measured, measured_value
from terracot.spectral.indices import INDICES, band_of, bands_for

HLS = ("B01_coastal", "B02_blue", "B03_green", "B04_red", "B05_nir", "B06_swir1", "B07_swir2")
UKIS = ("blue", "green", "red", "nir", "swir16", "swir22")
ALL_S2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        (S2, {"green": 1, "red": 2, "nir": 3, "swir1": 4, "swir2": 5}),
        (ALL_S2, {"green": 2, "red": 3, "nir": 7, "swir1": 11, "swir2": 12}),
        (HLS, {"green": 2, "red": 3, "nir": 4, "swir1": 5, "swir2": 6}),
        (UKIS, {"green": 1, "red": 2, "nir": 3, "swir1": 4, "swir2": 5}),
        (("red", "nir08", "swir22"), {"red": 0, "nir": 1, "swir2": 2, "green": None, "swir1": None}),
        (("B3", "B4", "B8A", "B12"), {"green": 0, "red": 1, "nir": 2, "swir2": 3, "swir1": None}),
        (("R", "G", "B"), {"red": 0, "green": 1, "nir": None}),
    ],
)
def test_bands_are_found_by_the_names_of_every_source(bands, expected) -> None:
    assert {role: band_of(bands, role) for role in expected} == expected


def test_numbers_of_landsat_are_not_taken_for_those_of_sentinel_2() -> None:
    landsat = ("B02", "B03", "B04", "B05", "B06", "B07", "B10", "B11")  # B11 is thermal, B05 near infrared
    assert [band_of(landsat, role) for role in ("green", "red", "nir", "swir1", "swir2")] == [None] * 5


def regions(
    pixels: np.ndarray, mask: np.ndarray, index: str, hidden: np.ndarray | None = None, **parameters
) -> Regions:
    facts = SceneFacts(scene({1: np.ones(mask.shape)}, [frame(pixels, hidden=hidden)]))
    masks = (EvidenceMask(1, "cropland", mask),)
    return Regions(masks, facts.valid, facts.scene.ground, {"index": index, **parameters}, facts.views)


def test_an_index_of_two_pixels_is_averaged_pixel_by_pixel() -> None:
    # NDVI: (0.4 - 0.1) / 0.5 = 0.6 and (0.1 - 0.3) / 0.4 = -0.5, mean 0.05; of the mean bands it would be 1/9.
    pixels = sentinel((1, 3), B08=[[0.4, 0.1, 0.9]], B04=[[0.1, 0.3, 0.0]])
    r = regions(pixels, np.array([[True, True, False]]), "NDVI")
    assert measured_value(r, "index_mean", (0,), "index") == pytest.approx(0.05, abs=1e-7)
    assert measured_value(r, "index_first", (0,), "reflectance") == pytest.approx(0.25, abs=1e-7)
    assert measured_value(r, "index_second", (0,), "reflectance") == pytest.approx(0.2, abs=1e-7)
    assert measured_value(r, "index_median", (0,), "index") == pytest.approx(0.05, abs=1e-7)


def test_a_difference_is_that_of_the_means_as_they_are_written() -> None:
    # NDVI 0.3006 and 0.3854, written 0.301 and 0.385: whoever subtracts finds 0.084, not 0.0848 or 0.085.
    pixels = sentinel((1, 2), B08=[[0.6503, 0.6927]], B04=[[0.3497, 0.3073]])
    one = regions(pixels, np.array([[True, False]]), "NDVI")
    masks = (*one.masks, EvidenceMask(1, "grassland", np.array([[False, True]])))
    r = Regions(masks, one.valid, one.ground, one.parameters, one.views)
    assert measured_value(r, "index_difference", (1, 0), "index") == pytest.approx(0.084, abs=1e-12)


@pytest.mark.parametrize(
    ("index", "expected"),
    [("NDVI", 0.6), ("NDWI", -1 / 3), ("MNDWI", 0.25), ("NBR", 1 / 3)],
)
def test_each_index_reads_its_own_two_bands(index: str, expected: float) -> None:
    # green 0.2, red 0.1, near infrared 0.4, short-wave infrared 0.12 and 0.2
    pixels = sentinel((1, 1), B03=0.2, B04=0.1, B08=0.4, B11=0.12, B12=0.2)
    r = regions(pixels, np.array([[True]]), index)
    assert measured_value(r, "index_mean", (0,), "index") == pytest.approx(expected, abs=1e-6)


def test_hidden_empty_and_negative_pixels_do_not_count() -> None:
    nan = np.nan
    pixels = sentinel((1, 6), B08=[[0.3, 0.9, nan, -0.1, 0.0, 0.3]], B04=[[0.1, 0.0, 0.1, 0.1, 0.0, 0.1]])
    hidden = np.array([[False, True, False, False, False, False]])
    r = regions(pixels, np.ones((1, 6), bool), "NDVI", hidden, threshold=0.5)
    assert measured_value(r, "index_pixels", (0,), "px") == 2  # the first and the last
    assert measured_value(r, "index_unmeasured", (0,), "px") == 4
    assert measured_value(r, "index_mean", (0,), "index") == pytest.approx(0.5, abs=1e-7)


def test_the_share_above_a_threshold_leaves_the_threshold_itself_out() -> None:
    pixels = sentinel((1, 4), B08=[[0.5, 0.3, 0.75, 0.1]], B04=[[0.5, 0.1, 0.25, 0.3]])  # 0, 0.5, 0.5, -0.5
    r = regions(pixels, np.ones((1, 4), bool), "NDVI", threshold=0.0)
    assert measured_value(r, "index_above", (0,), "px") == 2
    assert measured_value(r, "index_share", (0,), "%") == 50


def test_digital_numbers_have_no_index() -> None:
    facts = SceneFacts(scene({1: np.ones((1, 1))}, [frame(sentinel((1, 1)), unit="digital number")]))
    assert bands_for(facts.views[0], INDICES["NDVI"]) is None
    mask = (EvidenceMask(1, "cropland", np.ones((1, 1), bool)),)
    with pytest.raises(ValueError, match="no image of date 1 has the bands of NDVI in reflectance"):
        measured(
            Regions(mask, facts.valid, facts.scene.ground, {"index": "NDVI"}, facts.views), "index_mean", (0,), "index"
        )


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.12, "-0.12"), (0.6004, "0.6"), (-0.0004, "0"), (-1.0, "-1"), (0.0315, "0.032"), (-0.4996, "-0.5")],
)
def test_an_index_has_three_decimals_and_its_sign(value: float, text: str) -> None:
    assert number_text(value, "index") == option_text(value, "index") == text
    assert NUMBER.fullmatch(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It fell by -0.12, to -0.5.", ["-0.12", "-0.5"]),
        ("(-3 of 4)", ["-3", "4"]),
        ("a 3-5 range of well-known class-2 land", ["3", "5", "2"]),
        ("(NIR - red) / (NIR + red) with B08 and SWIR2", []),
        ("B8A, B05_nir and nir08 reflect 0.31", ["0.31"]),
        ("1,200 - 300", ["1,200", "300"]),
    ],
)
def test_a_hyphen_is_a_sign_only_before_a_number_of_its_own(text: str, numbers: list[str]) -> None:
    assert NUMBER.findall(text) == numbers
