"""What a control hides is gone from every corner of the prompt, what it does not hide stays, no input is changed."""

import gc
from types import MappingProxyType, ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrabench.asking import controls
from terrabench.asking.cloud_paint import PAD_PX, cloud_over
from terrabench.asking.controls import Greys
from terracot.ground import GroundSampling
from terracot.plugins import Prompt, PromptFrame
from terracot.scenes import Modality

SECRET = 77.0
"""Value of every pixel, so that a leak can be found wherever it is."""

H, W = 24, 32
OPTICAL_BANDS = ("B02", "B03", "B04", "B08")


def frame(number, t, modality, bands=OPTICAL_BANDS, unit="reflectance", dtype="float32", value=SECRET):
    image = np.full((H, W, 3), int(value), np.uint8)
    pixels = np.full((len(bands), H, W), value, dtype)
    image.flags.writeable = pixels.flags.writeable = False
    return PromptFrame(f"{number}-{modality}", t, modality, bands, unit, image, lambda: pixels, f"2021-0{t}-01")


def optical(number, t, **changes):
    return frame(number, t, Modality.OPTICAL, **changes)


def sar(number, t, **changes):
    return frame(number, t, Modality.SAR, **({"bands": ("VV", "VH"), "unit": "dB"} | changes))


def prompt(*frames, options=("1%", "2%", "3%", "4%"), identity="0123456789abcdef"):
    valid = np.ones((H, W), bool)
    valid[:5] = False
    valid.flags.writeable = False
    dates = {f.t: valid for f in frames}
    ground = GroundSampling.nominal(10.0, 10.0, "test")
    return Prompt(identity, frames, ground, "How much is water?", options, MappingProxyType(dates), "Reply.")


def snapshot(p):
    """All that a prompt holds, as plain values."""
    frames = [
        (f.id, f.t, f.modality, f.bands, f.unit, f.image.tobytes(), f.native().tobytes(), f.time) for f in p.frames
    ]
    return (p.id, frames, p.question, p.options, {t: v.tobytes() for t, v in p.valid.items()}, p.instruction)


def arrays_within(p):
    """Every array that can be reached from a prompt by any path, closures and partial functions included."""
    seen, waiting, found = set(), [p], []
    while waiting:
        thing = waiting.pop()
        names_of_a_module = isinstance(thing, dict) and "__name__" in thing
        if id(thing) in seen or names_of_a_module or isinstance(thing, type | ModuleType):
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            found.append(thing)
            waiting.append(thing.base)
        else:
            waiting += gc.get_referents(thing)
    return found


GREYS = Greys(
    {Modality.OPTICAL: (10, 20, 30), Modality.SAR: (40, 50, 60)},
    {
        **{(Modality.OPTICAL, "reflectance", b): np.float32(0.1 * i) for i, b in enumerate(OPTICAL_BANDS, 1)},
        (Modality.SAR, "dB", "VV"): np.float32(-11.0),
        (Modality.SAR, "dB", "VH"): np.float32(-17.0),
    },
)


def evidence():
    mask = np.zeros((H, W), bool)
    mask[10:14, 12:18] = True
    return mask


def clouds(*dates):
    return {t: cloud_over(evidence(), f"item\n{t}") for t in dates}


CONTROLS = {
    "blind": controls.without_image,
    "grey": lambda p: controls.grey(p, GREYS),
    "optical-only": lambda p: controls.only(p, (Modality.OPTICAL, Modality.MULTISPECTRAL)),
    "sar-only": lambda p: controls.only(p, (Modality.SAR,)),
    "cloudy": lambda p: controls.clouded(p, clouds(1, 2, 3)),
    "rgb-only": controls.rgb_only,
    "first-and-last-date": controls.first_and_last_date,
    "shuffled-options": lambda p: controls.rotated(p, 3),
    "other-image": lambda p: controls.other_image(prompt(optical(1, 1, value=5.0)), p.id, p.question, p.options),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_never_changes_the_prompt_that_it_is_given(name):
    """The read-only arrays of the prompt would raise, and its values are compared."""
    given_prompt = prompt(optical(1, 1), sar(2, 1), optical(3, 2), sar(4, 3))
    before = snapshot(given_prompt)
    shown = CONTROLS[name](given_prompt)
    assert shown is not given_prompt
    assert snapshot(given_prompt) == before


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_keeps_question_and_pixel_size_in_words(name):
    shown = CONTROLS[name](prompt(optical(1, 1), sar(2, 1), optical(3, 2), sar(4, 3)))
    assert shown.question == "How much is water?"
    assert sorted(shown.options) == ["1%", "2%", "3%", "4%"]
    assert shown.ground.basis == "nominal"


@pytest.mark.parametrize("name", ["blind", "grey", "other-image"])
def test_no_pixel_of_a_hidden_image_can_be_reached_by_any_path(name):
    shown = CONTROLS[name](prompt(optical(1, 1), sar(2, 1), optical(3, 2)))
    assert not any((array == SECRET).any() for array in arrays_within(shown))


def test_the_search_for_leaks_finds_them():
    """Else the test above would prove nothing."""
    leaking = prompt(optical(1, 1))
    assert any((array == SECRET).any() for array in arrays_within(leaking))


def test_blind_leaves_neither_frames_nor_what_valid_masks_tell():
    shown = controls.without_image(prompt(optical(1, 1), sar(2, 2)))
    assert shown.frames == ()
    assert shown.shape == (H, W)
    assert sorted(shown.valid) == [1, 2]
    assert all(mask.all() for mask in shown.valid.values())


def test_grey_is_uniform_in_pictures_and_bands_and_has_no_time():
    shown = controls.grey(prompt(optical(1, 1), sar(2, 2)), GREYS)
    first, second = shown.frames
    assert (first.image == [10, 20, 30]).all()
    assert (second.image == [40, 50, 60]).all()
    assert first.image.shape == (H, W, 3)
    assert first.native().dtype == np.float32
    assert first.native().shape == (4, H, W)
    np.testing.assert_allclose(first.native()[:, 3, 4], [0.1, 0.2, 0.3, 0.4], rtol=1e-6)
    assert (second.native() == np.array([-11.0, -17.0])[:, None, None]).all()
    assert [f.time for f in shown.frames] == [None, None]
    assert [(f.id, f.t, f.bands) for f in shown.frames] == [("1-optical", 1, OPTICAL_BANDS), ("2-sar", 2, ("VV", "VH"))]
    assert all(mask.all() for mask in shown.valid.values())


def test_other_image_has_the_words_of_one_item_and_all_else_of_the_other():
    own, other = prompt(optical(1, 1)), prompt(optical(1, 1, value=5.0), identity="fedcba9876543210")
    shown = controls.other_image(other, own.id, "Own question?", ["a", "b"])
    assert (shown.id, shown.question, shown.options) == ("0123456789abcdef", "Own question?", ("a", "b"))
    assert (shown.frames[0].native() == 5.0).all()
    assert shown.valid is other.valid


def test_one_modality_alone_has_neither_frames_nor_dates_of_the_other():
    mixed = prompt(optical(1, 1), sar(2, 1), sar(3, 2))
    shown = controls.only(mixed, (Modality.OPTICAL,))
    assert [(f.id, f.t) for f in shown.frames] == [("1-optical", 1)]
    assert sorted(shown.valid) == [1]  # date 2 was seen by radar only
    radar = controls.only(mixed, (Modality.SAR,))
    assert [(f.id, f.t) for f in radar.frames] == [("1-sar", 1), ("2-sar", 2)]  # no number tells of a missing frame
    assert controls.only(prompt(sar(1, 1)), (Modality.OPTICAL,)) is None
    alone = prompt(sar(1, 1))
    assert controls.only(alone, (Modality.SAR,)) is alone


def test_first_and_last_date_keep_their_numbers():
    shown = controls.first_and_last_date(prompt(optical(1, 1), optical(2, 2), sar(3, 2), optical(4, 3), sar(5, 3)))
    assert [(f.id, f.t) for f in shown.frames] == [("1-optical", 1), ("2-optical", 3), ("3-sar", 3)]
    assert sorted(shown.valid) == [1, 3]
    two = prompt(optical(1, 1), optical(2, 2))
    assert controls.first_and_last_date(two) is two


def test_rgb_only_leaves_no_way_to_the_other_bands():
    bands = ("B02", "B03", "B04", "B08")
    pixels = np.stack([np.full((H, W), v, np.float32) for v in (0.2, 0.3, 0.4, SECRET)])
    image = np.zeros((H, W, 3), np.uint8)
    one = PromptFrame("1-multispectral", 1, Modality.MULTISPECTRAL, bands, "reflectance", image, lambda: pixels)
    shown = controls.rgb_only(prompt(one, sar(2, 1)))
    assert shown.frames[0].bands == ("B04", "B03", "B02")
    np.testing.assert_allclose(shown.frames[0].native()[:, 0, 0], [0.4, 0.3, 0.2], rtol=1e-6)
    assert shown.frames[1].bands == ("VV", "VH")
    optical_alone = controls.rgb_only(prompt(one))
    assert not any((array == SECRET).any() for array in arrays_within(optical_alone))


def test_rgb_only_of_nameless_bands_is_the_picture_and_of_rgb_is_unchanged():
    nameless = controls.rgb_only(prompt(optical(1, 1, bands=("b1", "b7", "x"), value=9.0)))
    assert nameless.frames[0].bands == ("red", "green", "blue")
    assert (nameless.frames[0].native() == np.full((3, H, W), 9, np.uint8)).all()
    rgb = prompt(optical(1, 1, bands=("red", "green", "blue"), unit="digital number"), sar(2, 1))
    assert controls.rgb_only(rgb) is rgb


def near(mask, pixels):
    rows, columns = np.indices(mask.shape)
    return np.min([np.hypot(rows - r, columns - c) for r, c in np.argwhere(mask)], axis=0) <= pixels


@pytest.mark.parametrize(
    ("unit", "dtype"), [("reflectance", "float32"), ("digital number", "uint16"), ("K", "float64")]
)
def test_clouds_leave_no_trace_of_the_evidence_in_any_band(unit, dtype):
    """Whatever lies below the cloud, even if it is not finite, the result is the same bytes."""
    hidden = near(evidence(), PAD_PX)

    def shown(inside):
        pixels = np.full((2, H, W), 3, dtype)
        pixels[:, hidden] = inside
        image = np.full((H, W, 3), 50, np.uint8)
        image[hidden] = 200 if np.isfinite(inside) else 0
        one = PromptFrame("1-optical", 1, Modality.OPTICAL, ("a", "b"), unit, image, lambda: pixels)
        painted = controls.clouded(prompt(one), clouds(1))
        return painted.frames[0].image, painted.frames[0].native()

    picture, native = shown(100)
    assert picture[hidden].min() >= 220
    assert native.dtype == dtype
    expected = np.float32(0.6) if unit == "reflectance" else 3  # the brightest that can be seen
    assert (native[:, hidden] == expected).all()
    for other in (0, 7, *([np.nan, np.inf] if dtype != "uint16" else [])):
        again = shown(other)
        assert (again[0] == picture).all()
        assert (again[1] == native).all()


def test_clouds_are_soft_leave_radar_alone_and_other_dates_too():
    given_prompt = prompt(optical(1, 1), sar(2, 1), optical(3, 2))
    shown = controls.clouded(given_prompt, clouds(1))
    opacity = clouds(1)[1].opacity
    assert ((opacity > 0) & (opacity < 1)).any()
    assert (opacity == 0).any()
    assert (shown.frames[0].image[opacity == 0] == int(SECRET)).all()
    assert shown.frames[1] is given_prompt.frames[1]
    assert shown.frames[2] is given_prompt.frames[2]
    radar = prompt(sar(1, 1))
    assert controls.clouded(radar, clouds(1)) is radar


def test_the_same_item_has_the_same_cloud_and_another_item_another():
    assert (cloud_over(evidence(), "a").opacity == cloud_over(evidence(), "a").opacity).all()
    assert (cloud_over(evidence(), "a").opacity != cloud_over(evidence(), "b").opacity).any()
    assert cloud_over(np.zeros((H, W), bool), "a") is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(0.001, 1))
def test_every_evidence_pixel_is_hidden_completely_whatever_its_shape(height, width, seed, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    cloud = cloud_over(mask, str(seed))
    if mask.any():
        assert (cloud.opacity[mask] == 1).all()
        assert (cloud.opacity >= 0).all()
        assert (cloud.opacity <= 1).all()
        assert (cloud.brightness >= 228).all()
        assert (cloud.brightness <= 252).all()
    else:
        assert cloud is None


def test_rotations_show_every_option_once_at_every_letter():
    shown = [controls.rotated(prompt(optical(1, 1)), r) for r in range(4)]
    assert [p.options for p in shown] == [
        ("1%", "2%", "3%", "4%"),
        ("2%", "3%", "4%", "1%"),
        ("3%", "4%", "1%", "2%"),
        ("4%", "1%", "2%", "3%"),
    ]
    assert len({p.id for p in shown}) == 4  # a model cannot tell that it is asked the same thing again
    assert all(len(p.id) == 16 for p in shown)


@pytest.mark.parametrize(("shown", "rotation", "options", "stored"), [
    ("A", 0, 4, "A"), ("A", 1, 4, "B"), ("D", 1, 4, "A"), ("B", 3, 4, "A"), ("A", 1, 2, "B"), ("B", 1, 2, "A"),
    (None, 2, 4, None), ("A", 0, 1, "A"),
])  # fmt: skip
def test_letters_of_a_rotation_are_led_back_to_the_stored_ones(shown, rotation, options, stored):
    assert controls.stored_letter(shown, rotation, options) == stored
