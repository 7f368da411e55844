"""Pictures are made with fixed limits; every expected grey value here is worked out by hand."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from terracot.render import default_display, frame_png, overlay, png_bytes, render, render_stamp
from terracot.scenes import Display, Frame, Modality, SceneError


def frame(pixels: Any, bands: tuple[str, ...], unit: str, display: Display | None = None) -> Frame:
    array = np.asarray(pixels)
    modality = Modality.SAR if unit == "dB" else Modality.OPTICAL
    shown = display or default_display(modality, bands, unit)
    return Frame("f", 1, modality, bands, array.shape[1:], lambda: array, unit, shown)


def test_reflectance_is_shown_from_0_to_0_3_whatever_the_image() -> None:
    red, green, blue = [[0.0, 0.3, 0.15]], [[0.06, 0.6, -0.1]], [[0.3, 0.001, 0.03]]
    picture = render(frame([blue, green, red], ("B02", "B03", "B04"), "reflectance"))
    # 0.15 / 0.3 * 255 = 127.5 -> 128 (even); 0.06 -> 51; 0.6 and -0.1 clip; 0.001 -> 0.85 -> 1; 0.03 -> 25.5 -> 26
    assert picture.tolist() == [[[0, 51, 255], [255, 255, 1], [128, 0, 26]]]
    assert picture.dtype == np.uint8


def test_a_dark_date_stays_dark_beside_a_bright_one() -> None:
    dark = render(frame(np.full((3, 2, 2), 0.03), ("red", "green", "blue"), "reflectance"))
    bright = render(frame(np.full((3, 2, 2), 0.27), ("red", "green", "blue"), "reflectance"))
    assert set(dark.ravel().tolist()) == {26}  # 25.5, rounded to even
    assert set(bright.ravel().tolist()) == {230}  # 229.5, rounded to even


def test_decibels_have_their_own_limits_per_polarisation() -> None:
    vv, vh = [[-25.0, 0.0, -12.5]], [[-32.0, -5.0, -18.5]]
    picture = render(frame([vv, vh], ("VV", "VH"), "dB"))
    assert picture.tolist() == [[[0, 0, 0], [255, 255, 255], [128, 128, 128]]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_black_not_white(bad: float) -> None:
    picture = render(frame([[[bad, -12.5]], [[-18.5, bad]]], ("VV", "VH"), "dB"))
    assert picture.tolist() == [[[0, 128, 0], [128, 0, 128]]]


def test_eight_bit_pictures_pass_through_unchanged() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    rgb = np.concatenate([values, values[:, ::-1], values.transpose(0, 2, 1)])
    assert np.array_equal(render(frame(rgb, ("R", "G", "B"), "digital number")), np.moveaxis(rgb, 0, -1))


def test_one_band_is_shown_grey() -> None:
    picture = render(frame([[[0, 100, 255]]], ("PAN",), "digital number"))
    assert picture.tolist() == [[[0] * 3, [100] * 3, [255] * 3]]


@pytest.mark.parametrize(
    ("bands", "unit", "shown"),
    [
        (("B01", "B02", "B03", "B04", "B08"), "reflectance", ("B04", "B03", "B02")),
        (("blue", "green", "red", "nir"), "reflectance", ("red", "green", "blue")),
        (
            ("B01_coastal", "B02_blue", "B03_green", "B04_red", "B05_nir"),
            "reflectance",
            ("B04_red", "B03_green", "B02_blue"),
        ),
        (("VV", "VH"), "dB", ("VV", "VH", "VV")),
        (("VH",), "dB", ("VH", "VH", "VH")),
        (("hh", "hv"), "dB", ("hh", "hv", "hh")),
    ],
)
def test_default_bands_are_told_by_name_not_by_position(
    bands: tuple[str, ...], unit: str, shown: tuple[str, ...]
) -> None:
    assert default_display(Modality.MULTISPECTRAL, bands, unit).bands == shown


@pytest.mark.parametrize(("bands", "unit"), [(("x", "y", "z"), "reflectance"), (("x",), "dB")])
def test_unknown_bands_have_no_default(bands: tuple[str, ...], unit: str) -> None:
    with pytest.raises(ValueError, match="x"):
        default_display(Modality.MULTISPECTRAL, bands, unit)


def test_display_of_a_missing_band_is_a_scene_error() -> None:
    with pytest.raises(SceneError, match=r"\['nir'\]") as caught:
        render(frame([[[1]]], ("PAN",), "digital number", Display(("nir", "PAN", "PAN"), (0, 0, 0), (1, 1, 1))))
    assert caught.value.reason == "display"


def test_enlarging_reaches_the_minimum_side_and_never_shrinks() -> None:
    small = frame(np.full((1, 20, 30), 77, np.uint8), ("PAN",), "digital number")
    assert render(small, upscale_to=50).shape == (50, 75, 3)
    assert set(render(small, upscale_to=50).ravel().tolist()) == {77}
    assert render(small, upscale_to=10).shape == (20, 30, 3)


def test_png_holds_the_same_pixels_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (13, 17, 3), dtype=np.uint8)
    data = png_bytes(pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
    assert data == png_bytes(np.asfortranarray(pixels))
    chunks = {
        data[i : i + 4] for i in range(len(data)) if data[i : i + 4] in (b"tEXt", b"tIME", b"pHYs", b"iTXt", b"eXIf")
    }
    assert chunks == set()


def test_frame_png_is_the_rendered_picture() -> None:
    one = frame(np.full((1, 4, 6), 9, np.uint8), ("PAN",), "digital number")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(frame_png(one, 8)))), render(one, 8))


def test_overlay_outlines_and_tints() -> None:
    mask = np.zeros((7, 7), dtype=bool)
    mask[1:6, 1:6] = True
    out = overlay(np.full((7, 7, 3), 100, np.uint8), [mask], [(200, 0, 0)])
    assert out[0, 0].tolist() == [100, 100, 100]  # outside
    assert out[1, 1].tolist() == [200, 0, 0]  # outline
    assert out[3, 3].tolist() == [145, 55, 55]  # 0.55 * 100 + 0.45 * colour
    assert int((out == [200, 0, 0]).all(-1).sum()) == 16  # the rim of a 5 x 5 square


def test_overlay_fits_masks_to_an_enlarged_picture() -> None:
    mask = np.array([[True, False], [False, False]])
    out = overlay(np.zeros((8, 8, 3), np.uint8), [mask], [(0, 0, 255)])
    assert (out[:4, :4, 2] > 0).all()
    assert int((out[..., 2] > 0).sum()) == 16


def test_overlay_needs_one_colour_per_mask() -> None:
    with pytest.raises(ValueError, match="1 masks and 0 colours"):
        overlay(np.zeros((2, 2, 3), np.uint8), [np.ones((2, 2), bool)], [])


def test_stamp_states_limits_and_policy() -> None:
    stamp = render_stamp()
    assert stamp["reflectance"] == [0.0, 0.3]
    assert stamp["db"]["VV"] == [-25.0, 0.0]
    assert stamp["db"]["VH"] == [-32.0, -5.0]
    assert stamp["version"] == 1
