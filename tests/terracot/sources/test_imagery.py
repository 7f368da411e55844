"""Images of any user: bands, units, no data, patches; what is not said by file or options is asked for, not guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from worldcover_on_disk import S2_OPTIONS, place, sentinel_2, utm_grid, write_places, write_raster, write_sentinel_2

from terracot.scenes import IGNORE, Modality, SceneError, SourceError
from terracot.sources.worldcover import WorldCoverSource
from terracot.survey import read_all

S2 = dict(S2_OPTIONS)


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


# --- bands and units ---


def test_bytes_of_red_green_and_blue_need_no_options(two: tuple[Path, Path]) -> None:
    images, labels = two
    rgb = np.random.default_rng(1).integers(1, 255, (3, 256, 256)).astype(np.uint8)
    write_raster(images.parent / "rgb.tif", rgb, *utm_grid(32633, *place(0)))
    scene = WorldCoverSource(images.parent / "rgb.tif", labels, image_license="CC0-1.0").load("rgb/r00000_c00000")
    (frame,) = scene.frames
    assert (frame.modality, frame.bands, frame.unit) == (Modality.OPTICAL, ("R", "G", "B"), "digital number")
    assert np.array_equal(frame.pixels(), rgb)
    assert scene.license == "CC0-1.0 AND CC-BY-4.0"


def test_radar_in_decibels_needs_its_unit_alone(two: tuple[Path, Path]) -> None:
    images, labels = two
    sar = np.random.default_rng(1).normal(-12, 3, (2, 256, 256)).astype(np.float32)
    write_raster(images.parent / "s1.tif", sar, *utm_grid(32633, *place(0)))
    source = WorldCoverSource(images.parent / "s1.tif", labels, bands="VV+VH", unit="dB")
    (frame,) = source.load("s1/r00000_c00000").frames
    assert (frame.modality, frame.display.bands) == (Modality.SAR, ("VV", "VH", "VV"))
    assert np.array_equal(frame.pixels(), sar)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_images_that_lie_nowhere_or_cannot_be_read_are_left_out(two: tuple[Path, Path]) -> None:
    images, labels = two
    write_raster(images / "plain.tif", sentinel_2(64), None, None)
    write_raster(images / "halfway.tif", sentinel_2(64), "EPSG:32633", None)
    (images / "broken.tif").write_text("<html>not found</html>")
    write_raster(images / "other.tif", sentinel_2(64)[:2], *utm_grid(32633, *place(0)))
    source = opened(images, labels)
    assert len(source.ids()) == 2
    assert {item.name: item.reason for item in source.left_out()} == {
        "plain.tif": "missing_georeference",
        "halfway.tif": "missing_georeference",
        "broken.tif": "unreadable",
        "other.tif": "image_options",
    }


def test_sixteen_bit_images_say_which_flags_are_wanted(two: tuple[Path, Path]) -> None:
    images, labels = two
    with pytest.raises(SourceError) as caught:
        WorldCoverSource(images, labels).ids()
    for text in ("S2_00.tif holds uint16", "-o unit=reflectance -o scale=0.0001", "-o offset=-0.1", "January 2022"):
        assert text in str(caught.value)
    with pytest.raises(SourceError, match=r"reflectance needs a scale.*scale=0\.0001"):
        WorldCoverSource(images, labels, unit="reflectance").ids()
    with pytest.raises(SourceError, match="only 8-bit digital numbers"):
        WorldCoverSource(images, labels, unit="digital number").ids()


def test_what_the_file_states_of_its_scale_is_told_and_not_taken(two: tuple[Path, Path]) -> None:
    images, labels = two
    with rasterio.open(images / "S2_00.tif", "r+") as data:
        data.scales, data.offsets = (0.0001,) * 4, (-0.1,) * 4
    with pytest.raises(SourceError, match=r"the file itself states scale 0\.0001, offset -0\.1"):
        WorldCoverSource(images / "S2_00.tif", labels).ids()


def test_bands_without_names_are_asked_for(two: tuple[Path, Path]) -> None:
    images, labels = two
    for path in sorted(images.iterdir()):
        write_sentinel_2(path, utm_grid(32633, *place(0)), descriptions=())
    with pytest.raises(SourceError, match=r"4 bands of uint16 without names.*-o bands=.*B02\+B03\+B04"):
        opened(images, labels).ids()
    with pytest.raises(SourceError, match=r"names 3 bands \(B02\+B03\+B04\).*has 4"):
        opened(images, labels, bands="B02+B03+B04").ids()
    with pytest.raises(SourceError, match=r"red, green and blue cannot be told.*-o bands="):
        opened(images, labels, bands="a+b+c+d").ids()
    assert opened(images, labels, bands="B02+B03+B04+B08").load("S2_00/r00000_c00000").frames[0].bands[3] == "B08"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("patch", "0"),
        ("patch", "many"),
        ("patch", "-256"),
        ("patch", "100000"),
        ("bands", "B02,,B03+"),
        ("bands", "R+R+B"),
        ("unit", "metres"),
        ("scale", "small"),
        ("scale", "0"),
        ("offset", "nan"),
        ("image_license", " "),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(two: tuple[Path, Path], option: str, value: str) -> None:
    with pytest.raises(SourceError, match=f"option {option}"):
        opened(*two, **{option: value})


@pytest.mark.parametrize(
    ("band", "low", "high", "options", "told"),
    [
        ("B08", 500, 2500, {"unit": "reflectance"}, "scale=0.0001"),  # stored values, exported as floats
        ("B08", 500, 2500, {"unit": "reflectance", "scale": "0.01"}, "scale=0.0001"),
        ("VV", 0.01, 0.4, {"unit": "dB"}, "10 * log10"),  # backscatter as a power
    ],
)
def test_values_that_cannot_be_in_their_unit_make_no_white_pictures(
    two: tuple[Path, Path], band: str, low: float, high: float, options: dict[str, str], told: str
) -> None:
    images, labels = two
    values = np.random.default_rng(1).uniform(low, high, (1, 256, 256)).astype(np.float32)
    values[0, :10] = np.nan
    write_raster(images / "float.tif", values, *utm_grid(32633, *place(0)), descriptions=(band,))
    code, text = reason(WorldCoverSource(images / "float.tif", labels, **options), "float/r00000_c00000")
    assert code == "unit"
    assert told in text


def test_a_bright_cloud_is_a_reflectance(two: tuple[Path, Path]) -> None:
    images, labels = two
    cloud = np.random.default_rng(1).uniform(0.8, 1.6, (1, 256, 256)).astype(np.float32)
    write_raster(images.parent / "cloud.tif", cloud, *utm_grid(32633, *place(0)), descriptions=("B08",))
    scene = WorldCoverSource(images.parent / "cloud.tif", labels, unit="reflectance").load("cloud/r00000_c00000")
    assert np.array_equal(scene.frames[0].pixels(), cloud)


def test_complex_values_are_no_picture(two: tuple[Path, Path]) -> None:
    images, labels = two
    values = np.full((2, 256, 256), 1 + 1j, np.complex64)
    write_raster(images.parent / "slc.tif", values, *utm_grid(32633, *place(0)), descriptions=("VV", "VH"))
    with pytest.raises(SourceError, match=r"slc\.tif holds complex64 values"):
        WorldCoverSource(images.parent / "slc.tif", labels, unit="dB").ids()


# --- no data --------------------------------------------------------------------------------------------------------


def test_where_the_image_has_no_data_there_is_neither_pixel_nor_label(two: tuple[Path, Path]) -> None:
    images, labels = two
    bands = sentinel_2()
    bands[:, :100, :] = 0
    bands[0, 200, 200] = 0  # zero in one band alone is a value
    grid = utm_grid(32633, *place(0))
    write_sentinel_2(images / "S2_00.tif", grid, bands=bands)
    scene = opened(images, labels).load("S2_00/r00000_c00000")
    pixels, classes = scene.frames[0].pixels(), scene.labels[0].classes()
    assert np.isnan(pixels[:, :100]).all()
    assert np.isfinite(pixels[:, 100:]).all()
    assert pixels[0, 200, 200] == pytest.approx(-0.1)
    assert (classes[:100] == IGNORE).all()
    assert (classes[100:] != IGNORE).all()


def test_no_data_in_one_band_is_no_value_unless_the_tag_may_be_one(two: tuple[Path, Path]) -> None:
    images, labels = two
    grid = utm_grid(32633, *place(0))
    values = sentinel_2().astype(np.float32) * 0.0001
    values[0, 200, 200] = -9999
    write_sentinel_2(images / "S2_00.tif", grid, bands=values, nodata=-9999)
    source = WorldCoverSource(images / "S2_00.tif", labels, unit="reflectance")
    scene = source.load("S2_00/r00000_c00000")
    assert np.argwhere(np.isnan(scene.frames[0].pixels())).tolist() == [[0, 200, 200]]
    assert scene.labels[0].classes()[200, 200] != IGNORE
    white = np.random.default_rng(1).integers(1, 250, (3, 256, 256)).astype(np.uint8)
    white[0, 100, 100] = white[:, 0, 0] = 255
    write_raster(images.parent / "rgb.tif", white, *grid, nodata=255)
    pixels = WorldCoverSource(images.parent / "rgb.tif", labels).load("rgb/r00000_c00000").frames[0].pixels()
    assert pixels[0, 100, 100] == 255
    assert np.argwhere(np.isnan(pixels)).tolist() == [[0, 0, 0], [1, 0, 0], [2, 0, 0]]


def test_alpha_and_mask_bands_are_no_colours(two: tuple[Path, Path]) -> None:
    images, labels = two
    rgba = np.random.default_rng(1).integers(1, 255, (4, 256, 256)).astype(np.uint8)
    rgba[3] = 255
    rgba[3, :50] = 0
    grid = utm_grid(32633, *place(0))
    write_raster(images.parent / "rgba.tif", rgba, *grid, photometric="RGB", ALPHA="YES")
    mask = np.where(np.arange(256)[:, None] < 50, 0, 255).astype(np.uint8).repeat(256, axis=1)
    write_raster(images.parent / "masked.tif", rgba[:3], *grid, mask=mask)
    for name in ("rgba", "masked"):
        (frame,) = WorldCoverSource(images.parent / f"{name}.tif", labels).load(f"{name}/r00000_c00000").frames
        assert frame.bands == ("R", "G", "B")
        assert np.isnan(frame.pixels()[:, :50]).all()
        assert np.array_equal(frame.pixels()[:, 50:], rgba[:3, 50:])


@pytest.mark.parametrize("value", [0, 3000])
def test_patches_without_data_or_of_one_value_are_placeholders(two: tuple[Path, Path], value: int) -> None:
    images, labels = two
    bands = np.full((4, 256, 256), value, np.uint16)
    write_sentinel_2(images / "S2_00.tif", utm_grid(32633, *place(0)), bands=bands)
    source = opened(images, labels)
    assert reason(source, "S2_00/r00000_c00000")[0] == "placeholder"
    assert source.load("S2_01/r00000_c00000").labels[0].classes().shape == (256, 256)


# --- patches ---


def test_edges_that_fill_no_patch_are_counted(two: tuple[Path, Path]) -> None:
    source = opened(*two, patch="100")
    assert len(source.ids()) == 8
    assert {item.reason for item in source.left_out()} == {"incomplete_patch"}
    # 256 = 2 x 100 + 56: five incomplete patches in each image.
    assert len(source.left_out()) == 10
    assert source.left_out()[0].name == "S2_00/r00000_c00200"
    assert reason(source, "S2_00/r00000_c00200")[0] == "incomplete_patch"
    assert reason(source, "S2_00/r00000_c00001")[0] == "unknown_scene"
    assert reason(source, "S2_77/r00000_c00000")[0] == "unknown_scene"
