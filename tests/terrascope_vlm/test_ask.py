"""Image files as a prompt, the answer in words, and the picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from faces import dictate, geotiff, noise, picture, sentinel_1, sentinel_2
from PIL import Image
from terrascope_vlm.ask import answer_text, files_of
from terrascope_vlm.drawing import sheet, write_picture
from terrascope_vlm.image_files import ImageFile, open_file
from terrascope_vlm.opening import prompt_of
from terrascope_vlm.plugin import TerraScope

from terracot.plugins import EvidenceMask, Prompt
from terracot.scenes import Modality, SceneError, SourceError

pytest.importorskip("torch")

REFLECTANCE = {"unit": "reflectance", "scale": "0.0001"}
RED, BLUE = (255, 70, 70), (70, 190, 255)  # of the first two masks


def one(path: Path, sar: bool = False, **options: str) -> ImageFile:
    return ImageFile(path, path.name, sar=sar, options=options)


# --- files ----------------------------------------------------------------------------------------------------------


def test_geotiff_brings_bands_render_and_ground(tmp_path: Path) -> None:
    path = sentinel_2(tmp_path / "a.tif")
    prompt = prompt_of([one(path, **REFLECTANCE)], "How much?", ("1", "2"))
    (frame,) = prompt.frames
    assert (frame.bands, frame.unit, frame.modality) == (("B02", "B03", "B04", "B08"), "reflectance", "multispectral")
    with rasterio.open(path) as file:
        stored = file.read()
    assert np.allclose(frame.native(), stored * 0.0001)
    # Red of the render: B04 between 0 and 0.3.
    assert np.array_equal(frame.image[..., 0], np.rint(np.clip(stored[2] / 3000, 0, 1) * 255))
    assert prompt.ground.sampling == (10.0, 10.0)
    assert prompt.ground.basis == "measured"
    assert (prompt.question, prompt.options, prompt.shape) == ("How much?", ("1", "2"), (32, 32))
    assert prompt.valid[1].all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "nothing says what they mean"),
        ({"unit": "reflectance"}, "needs a scale"),
        ({"unit": "reflectance", "scale": "1"}, "no reflectance"),
        ({"unit": "digital number"}, "8-bit"),
        ({"bands": "B02+B03", **REFLECTANCE}, "names 2 bands"),
        ({"band": "B02"}, "unknown option 'band'"),
        ({"unit": "lux"}, "option unit"),
    ],
)
def test_values_of_a_geotiff_are_never_guessed(tmp_path: Path, options: dict[str, str], words: str) -> None:
    with pytest.raises((SourceError, SceneError), match=words):
        prompt_of([one(sentinel_2(tmp_path / "a.tif"), **options)], "?")


def test_bands_are_named_by_position(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", np.random.default_rng(0).uniform(0, 0.4, (3, 16, 16)).astype(np.float32))
    frame = prompt_of([one(path, unit="reflectance", bands="B04+B03+B02")], "?").frames[0]
    assert np.array_equal(frame.image[..., 0], np.rint(np.clip(frame.native()[0] / np.float64(0.3), 0, 1) * 255))


def test_8_bit_geotiff_is_read_as_it_is(tmp_path: Path) -> None:
    values = np.moveaxis(noise(3), -1, 0)
    assert np.array_equal(prompt_of([one(geotiff(tmp_path / "a.tif", values))], "?").frames[0].image, noise(3))
    grey = prompt_of([one(geotiff(tmp_path / "g.tif", values[:1]))], "?").frames[0]
    assert np.array_equal(grey.image, np.repeat(values[0][..., None], 3, axis=2))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_geotiff_without_a_place_takes_the_stated_size(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", np.moveaxis(noise(3), -1, 0), crs=None, transform=rasterio.Affine.identity())
    assert not prompt_of([one(path)], "?").ground.known
    assert prompt_of([one(path)], "?", gsd=0.5).ground.sampling == (0.5, 0.5)
    assert prompt_of([one(path)], "?", gsd=0.5).ground.basis == "nominal"


def test_stated_size_cannot_contradict_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="says itself how large its pixels are"):
        prompt_of([one(sentinel_2(tmp_path / "a.tif"), **REFLECTANCE)], "?", gsd=3)


def test_missing_data_is_not_valid(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(1, 3000, (3, 16, 16), dtype=np.uint16)
    values[:, :4] = 0
    path = geotiff(tmp_path / "a.tif", values, ("B02", "B03", "B04"), nodata=0)
    prompt = prompt_of([one(path, **REFLECTANCE)], "?")
    assert np.flatnonzero(~prompt.valid[1].all(axis=1)).tolist() == [0, 1, 2, 3]
    assert np.isnan(prompt.frames[0].native()[:, :4]).all()


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_picture_has_no_ground(tmp_path: Path, ending: str) -> None:
    prompt = prompt_of([one(picture(tmp_path / f"a.{ending}"))], "?")
    assert prompt.frames[0].modality is Modality.OPTICAL
    assert not prompt.ground.known
    with Image.open(tmp_path / f"a.{ending}") as stored:
        assert np.array_equal(prompt.frames[0].image, np.asarray(stored.convert("RGB")))


def test_transparent_pixels_are_neither_seen_nor_valid(tmp_path: Path) -> None:
    pixels = np.dstack([noise(0), np.full((32, 32), 255, np.uint8)])
    pixels[:8, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    prompt = prompt_of([one(tmp_path / "a.png")], "?")
    assert not prompt.valid[1][:8].any()
    assert prompt.valid[1][8:].all()
    assert not prompt.frames[0].image[:8].any()


def test_optical_and_sar_are_one_date(tmp_path: Path) -> None:
    optical, sar = sentinel_2(tmp_path / "o.tif"), sentinel_1(tmp_path / "s.tif")
    files = files_of([str(optical)], [str(sar)], ["2021-06-01"], REFLECTANCE)
    prompt = prompt_of(files, "?")
    assert [(f.t, f.modality, f.unit) for f in prompt.frames] == [
        (1, "multispectral", "reflectance"),
        (1, "sar", "dB"),
    ]
    assert {f.time for f in prompt.frames} == {"2021-06-01"}


def test_two_images_are_two_dates_and_sar_stands_alone(tmp_path: Path) -> None:
    a, b = picture(tmp_path / "a.png", 1), picture(tmp_path / "b.png", 2)
    assert [f.t for f in prompt_of(files_of([str(a), str(b)]), "?").frames] == [1, 2]
    sar = prompt_of(files_of([], [str(sentinel_1(tmp_path / "s.tif"))]), "?")
    assert [(f.t, f.modality) for f in sar.frames] == [(1, "sar")]
    grey = prompt_of(files_of([], [str(a)]), "?")
    assert grey.frames[0].modality is Modality.SAR


@pytest.mark.parametrize(
    ("images", "sar", "dates", "words"),
    [
        (["a"], ["s", "s"], [], "2 SAR images for 1 dates"),
        (["a", "b"], [], ["2020"], "1 dates for 2 images"),
        (["a", "b"], [], ["2021", "2020"], "order of time"),
        (["a"], [], ["June"], "'June' is not understood"),
    ],
)
def test_files_that_make_no_scene_are_refused(
    images: Sequence[str], sar: Sequence[str], dates: Sequence[str], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        files_of(images, sar, dates)


def test_sar_in_intensities_is_refused_with_the_option_of_sar(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0.01, 1, (2, 16, 16)).astype(np.float32)
    path = geotiff(tmp_path / "s.tif", values, ("VV", "VH"))
    with pytest.raises(SceneError, match=r"intensities.*--sar-option instead of -o"):
        prompt_of([one(path, sar=True)], "?")


def test_images_of_other_sizes_or_places_are_refused(tmp_path: Path) -> None:
    small = picture(tmp_path / "s.png", side=16)
    with pytest.raises(SceneError, match=r"32 x 32 and 16 x 16 pixels"):
        prompt_of(files_of([str(picture(tmp_path / "a.png")), str(small)]), "?")
    here = sentinel_2(tmp_path / "here.tif")
    there = sentinel_1(tmp_path / "there.tif", transform=rasterio.Affine(10, 0, 331220, 0, -10, 5331600))
    with pytest.raises(SceneError, match=r"there.tif has corners that lie 2.00 pixels"):
        prompt_of(files_of([str(here)], [str(there)], options=REFLECTANCE), "?")


def test_window_reads_its_part_where_it_lies(tmp_path: Path) -> None:
    path = sentinel_2(tmp_path / "a.tif", side=64)
    whole = prompt_of([one(path, **REFLECTANCE)], "?")
    part = prompt_of([one(path, **REFLECTANCE)], "?", window=(8, 16, 20, 30))
    assert np.array_equal(part.frames[0].native(), whole.frames[0].native()[:, 8:28, 16:46])
    assert part.shape == (20, 30)
    drawn = picture(tmp_path / "a.png", side=64)
    cut = prompt_of([one(drawn)], "?", window=(8, 16, 20, 30)).frames[0].image
    assert np.array_equal(cut, noise(0, 64)[8:28, 16:46])


@pytest.mark.parametrize("window", [(0, 0, 33, 32), (-1, 0, 8, 8), (0, 0, 0, 8), (30, 0, 8, 8)])
def test_window_outside_is_refused(tmp_path: Path, window: tuple[int, int, int, int]) -> None:
    with pytest.raises(SceneError, match="does not lie in it"):
        prompt_of([one(picture(tmp_path / "a.png"))], "?", window=window)


def test_large_image_is_not_read_whole(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", np.zeros((3, 1, 4096), np.uint8))
    with pytest.raises(SceneError, match=r"1 x 4096 pixels are too many.*--window ROW COLUMN HEIGHT WIDTH"):
        prompt_of([one(path)], "?")


def test_file_that_makes_gdal_read_another_is_refused(tmp_path: Path) -> None:
    secret = sentinel_2(tmp_path / "secret.tif")
    vrt = tmp_path / "innocent.tif"
    vrt.write_text(
        f'<VRTDataset rasterXSize="32" rasterYSize="32"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"<SourceFilename>{secret}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(SourceError, match=r"innocent.tif is no image that can be read; expected"):
        open_file(one(vrt))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_cut_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.tif":
        geotiff(path, np.moveaxis(noise(0, 256), -1, 0))
    else:
        picture(path, side=256)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(SceneError) as caught:
        open_file(one(path))
    assert caught.value.reason == "unreadable"
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("bands", [1, 3])
def test_picture_of_more_than_8_bits_is_refused(tmp_path: Path, bands: int) -> None:
    deep = np.arange(256, dtype=np.uint16).reshape(1, 16, 16).repeat(bands, axis=0) * 200
    with rasterio.open(tmp_path / "a.png", "w", driver="PNG", width=16, height=16, count=bands, dtype="uint16") as file:
        file.write(deep)
    with pytest.raises(SceneError, match="more than 8 bits"):
        open_file(one(tmp_path / "a.png"))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone.tif cannot be read: No such file"):
        open_file(one(tmp_path / "gone.tif"))


@pytest.mark.real
def test_real_sentinel_2_is_opened(real_data: Path) -> None:
    path = real_data / "eolearn_slovenia" / "S2L1C" / "scene4_2015-07-11.tif"
    if not path.is_file():
        pytest.skip(f"no {path.name} of eolearn_slovenia")
    prompt = prompt_of([one(path, **REFLECTANCE)], "?")
    (frame,) = prompt.frames
    assert (len(frame.bands), frame.bands[1], prompt.shape) == (13, "B02", (101, 100))
    assert np.allclose(prompt.ground.sampling, (10, 10), rtol=0.01)
    assert frame.image.mean() == pytest.approx(52.5, abs=0.1)  # neither black nor white: the unit is right


# --- answers --------------------------------------------------------------------------------------------------------

REPLY = (
    "<think>The water is here: [SEG]. Then I mark the tree cover: [SEG]. It has 64 pixels.</think><answer>B</answer>"
)


def asked(checkpoint: Path, prompt: Prompt, masks: Sequence[Any] = (), **arguments: Any) -> Any:
    """The answer, its masks given by hand."""
    (told,) = TerraScope(checkpoint, **arguments).tell([prompt], [list(masks)])
    return told


def square(top: int, left: int, side: int = 8, name: str = "") -> EvidenceMask:
    mask = np.zeros((32, 32), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return EvidenceMask(1, name, mask)


@pytest.fixture
def told(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two squares on an optical and a SAR image of one date, both images read."""
    dictate(monkeypatch, REPLY)
    files = files_of(
        [str(sentinel_2(tmp_path / "o.tif"))], [str(sentinel_1(tmp_path / "s.tif"))], ["2021-06-01"], REFLECTANCE
    )
    prompt = prompt_of(files, "How much tree cover is there?", ("32 pixels", "64 pixels"))
    return asked(checkpoint, prompt, [square(0, 0), square(16, 16)], fusion="concat")


def test_answer_numbers_masks_and_measures_them(told: Any) -> None:
    lines = answer_text(told).splitlines()
    assert lines[0] == "o.tif · multispectral · 2021-06-01 · B02+B03+B04+B08 in reflectance"
    assert lines[1] == "s.tif · sar · 2021-06-01 · VV+VH in dB"
    assert (
        lines[2] == "32 x 32 pixels. Ground sampling: 10 m down, 10 m across, measured (EPSG:32633, affine transform)."
    )
    assert "The water is here: [SEG 1]. Then I mark the tree cover: [SEG 2]. It has 64 pixels." in lines
    assert (
        "[SEG 1] water: 64 pixels, 6.2% of the valid ones, 6,400 m²; read 1 cell; 50% of them from the SAR image"
        in lines
    )
    assert lines[-1] == "Answer: B: 64 pixels"


def test_picture_shows_masks_and_what_was_read(told: Any, tmp_path: Path) -> None:
    write_picture(told, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as stored:
        page = np.asarray(stored)
    assert np.array_equal(page, sheet(told))
    # Three panels a row (image, masks, read), 384 px each; a pixel of the image is 12.
    image = told.prompt.frames[0].image.repeat(12, axis=0).repeat(12, axis=1)
    top = next(y for y in range(len(page)) if np.array_equal(page[y, 24:408], image[0]))
    panels = [page[top : top + 384, 24 + n * 400 :][:, :384] for n in range(3)]
    assert np.array_equal(panels[0], image)
    assert tuple(panels[1][0, 48]) == RED  # the outline of the upper left square
    assert tuple(panels[1][16 * 12, 20 * 12]) == BLUE
    tinted = np.rint(0.55 * image[48, 48] + 0.45 * np.array(RED))
    assert np.array_equal(panels[1][48, 48], tinted)
    assert tuple(panels[2][0, 48]) == RED  # the cell of the first mask, outlined and bright
    assert np.array_equal(panels[2][30, 48], image[30, 48])
    assert np.array_equal(panels[2][300, 48], np.rint(image[300, 48] * 0.4))  # nothing was read there


def test_cell_read_from_the_sar_image_is_crossed_out_on_the_optical_one(told: Any) -> None:
    from dataclasses import replace

    (first, second) = told.reasoning.drawn
    from_sar = replace(first, sar=(True,))
    drawn = replace(told, reasoning=replace(told.reasoning, drawn=(from_sar, second)))
    page = sheet(drawn)
    image = told.prompt.frames[0].image.repeat(12, axis=0).repeat(12, axis=1)
    top = next(y for y in range(len(page)) if np.array_equal(page[y, 24:408], image[0]))
    read = page[top : top + 384, 824 : 824 + 384]
    assert tuple(read[48, 47]) == RED  # the diagonal of the cell of 96 px
    assert np.array_equal(read[30, 30], np.rint(image[30, 30] * 0.4))


def test_reply_without_masks_or_form_is_drawn(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dictate(monkeypatch, "No idea [", "")
    prompt = prompt_of([one(picture(tmp_path / "a.png"))], "What is\nthis?")
    told = asked(checkpoint, prompt)
    assert answer_text(told).splitlines()[-1] == "Answer: none"
    assert "No idea [" in answer_text(told)
    assert sheet(told).shape[2] == 3
    assert sheet(asked(checkpoint, prompt)).shape[2] == 3


def test_reply_cannot_steer_the_terminal(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, "<think>red \x1b[31m\r text</think><answer>\x07</answer>")
    said = answer_text(asked(checkpoint, prompt_of([one(picture(tmp_path / "a.png"))], "?")))
    assert "red \ufffd[31m\ufffd text" in said
    assert {c for c in said if not c.isprintable()} == {"\n"}


def test_cut_reply_says_so(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, "<think>The water is here")
    told = asked(checkpoint, prompt_of([one(picture(tmp_path / "a.png"))], "?"), max_new_tokens=10)
    assert "The reply was cut off after 10 tokens." in answer_text(told)
    assert answer_text(told).splitlines()[-1] == "Answer: none: the reply was cut off"


def test_large_and_long_images_fit_the_sheet(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, "Here: [SEG]")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 1300, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    prompt = prompt_of([one(tmp_path / "a.png")], "?")
    mask = np.zeros((40, 1300), dtype=bool)
    mask[20, 650] = True  # a single pixel of a reduced image
    told = asked(checkpoint, prompt, [EvidenceMask(1, "", mask)])
    page = sheet(told)
    assert page.shape[1] <= 3 * 640 + 2 * 16 + 48
    assert (page.reshape(-1, 3) == RED).all(axis=1).any()
