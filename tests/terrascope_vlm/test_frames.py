"""Frames: the render and further bands within fixed limits, missing bands, and which images a date means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("transformers")

from terrascope_vlm.frames import FrameImage, channels_of, frame_image, frames_at, limits

from terracot.plugins import PromptFrame
from terracot.render import compose, default_display
from terracot.scenes import Modality


def prompt_frame(
    bands: Sequence[str],
    unit: str,
    values: np.ndarray,
    image: np.ndarray | None = None,
    modality: Modality = Modality.OPTICAL,
    t: int = 1,
) -> PromptFrame:
    picture = np.zeros((*values.shape[1:], 3), np.uint8) if image is None else image
    return PromptFrame("x", t, modality, tuple(bands), unit, picture, lambda: values)


def constant(*values: float) -> np.ndarray:
    return np.stack([np.full((2, 3), value, np.float32) for value in values])


def test_the_render_comes_first_with_white_as_one():
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    image[0, 0] = 255, 0, 51
    found = frame_image(prompt_frame(("red", "green", "blue"), "digital number", constant(1, 1, 1), image, t=2))
    assert found.channels.dtype == np.float32
    assert found.channels[:, 0, 0] == pytest.approx([1, 0, 0.2])
    assert found.channels[2, 1, 2] == pytest.approx(17 / 255)
    assert (found.shape, found.t, found.is_sar) == ((2, 3), 2, False)


@pytest.mark.parametrize(
    ("band", "unit", "value", "expected"),
    [
        ("B08", "reflectance", 0.3, 0.5),  # of 0 to 0.6
        ("B08", "reflectance", 0.9, 1.0),
        ("B08", "reflectance", -0.1, 0.0),
        ("VV", "dB", -5.0, 0.8),  # of -25 to 0
        ("vh", "dB", -18.5, 0.5),  # of -32 to -5
        ("HH", "dB", -25.0, 0.0),
        ("nir", "digital number", 51.0, 0.2),  # of 0 to 255
        ("B08", "reflectance", np.nan, 0.0),  # black, as in the render
        ("B08", "reflectance", np.inf, 0.0),
    ],
)
def test_a_band_lies_between_the_limits_of_its_unit(band, unit, value, expected):
    channels = channels_of(prompt_frame((band,), unit, constant(value)), [band])
    assert channels.shape == (4, 2, 3)
    assert channels[3] == pytest.approx(expected)


def test_bands_are_found_by_name_without_regard_to_case_and_in_the_order_asked_for():
    frame = prompt_frame(("B02", "b8a", "B11"), "reflectance", constant(0.06, 0.12, 0.18))
    channels = channels_of(frame, ["b11", "B8A"])
    assert channels[3:, 0, 0] == pytest.approx([0.3, 0.2])


def test_a_band_that_the_frame_lacks_is_missing_and_not_black():
    channels = channels_of(prompt_frame(("VV", "VH"), "dB", constant(-5, -5)), ["B08", "VV"])
    assert np.isnan(channels[3]).all()
    assert channels[4] == pytest.approx(0.8)


@pytest.mark.parametrize("bands", [(), ("B08", "B11")])
def test_native_pixels_are_not_read_where_no_band_of_theirs_is_wanted(bands):
    def unreadable() -> np.ndarray:
        raise OSError("should not be read")

    frame = PromptFrame("x", 1, Modality.SAR, ("VV",), "dB", np.zeros((2, 3, 3), np.uint8), unreadable)
    assert channels_of(frame, bands).shape == (3 + len(bands), 2, 3)


@pytest.mark.parametrize(("bands", "unit"), [(("VV", "VH"), "dB"), (("HH", "HV"), "dB"), (("r", "g", "b"), "DN")])
def test_a_band_looks_as_in_the_render(bands, unit):
    # the same pixels by the way of the render: one place has the limits
    values = np.random.default_rng(0).uniform(-40, 260, (len(bands), 8, 8)).astype(np.float32)
    display = default_display(Modality.SAR if unit == "dB" else Modality.OPTICAL, bands, unit)
    picture = compose(values, bands, display, "test").transpose(2, 0, 1) / 255
    channels = channels_of(prompt_frame(bands, unit, values), bands)
    for position, name in enumerate(display.bands):
        assert channels[3 + bands.index(name)] == pytest.approx(picture[position], abs=0.5 / 255 + 1e-6)


def test_infrared_is_shown_to_twice_the_reflectance_of_colours():
    display = default_display(Modality.OPTICAL, ("B04", "B03", "B02"), "reflectance")
    assert limits("B08", "reflectance") == (display.low[0], 2 * display.high[0])


def frames(*given: tuple[int, str]) -> list[FrameImage]:
    return [FrameImage(np.zeros((3, 2, 2), np.float32), t, modality) for t, modality in given]


@pytest.mark.parametrize(
    ("given", "t", "expected"),
    [
        ([(1, "optical")], 1, (0, None)),
        ([(1, "sar")], 1, (0, None)),  # SAR alone is the image
        ([(1, "sar"), (1, "optical")], 1, (1, 0)),
        ([(1, "multispectral"), (1, "sar")], 1, (0, 1)),
        ([(1, "optical"), (2, "optical"), (3, "optical")], 3, (2, None)),
        ([(1, "optical"), (2, "optical"), (2, "sar")], 2, (1, 2)),
        ([(1, "optical"), (1, "sar"), (2, "sar")], 2, (2, None)),
        ([(1, "optical"), (2, "optical")], None, (0, None)),
        ([(2, "optical"), (3, "optical")], 9, (0, None)),  # a date that no frame has: the first
    ],
)
def test_a_date_means_its_optical_image_and_the_radar_beside_it(given, t, expected):
    assert frames_at(frames(*given), t) == expected
