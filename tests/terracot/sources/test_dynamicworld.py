"""Dynamic World under images: 0 is water, and masked pixels are told by a mark that is no class, or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from worldcover_on_disk import S2_OPTIONS, place, utm_grid, write_raster, write_sentinel_2

from terracot.dataset import generate
from terracot.findings import SceneFacts
from terracot.generate import SourceSpec, scene_samples
from terracot.scenes import IGNORE, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.dynamicworld import DYNAMIC_WORLD, DynamicWorldSource
from terracot.verify import verify

S2 = dict(S2_OPTIONS)
NAME = "20210615T100031_20210615T100026_T33TUL"  # image id of Earth Engine: that of the Sentinel-2 image
GRID = utm_grid(32633, *place(0), pixels=128)
SCENE = f"{NAME}/r00000_c00000"
PROBABILITIES = (
    "water", "trees", "grass", "flooded_vegetation", "crops", "shrub_and_scrub", "built", "bare", "snow_and_ice",
)  # fmt: skip


def land(masked: int | None = None) -> npt.NDArray[np.uint8]:
    """128 x 128 codes: a lake (0) of 40 x 40, a town (6) of 30 x 50, trees (1) above, crops (4); clouds 10 x 20."""
    out = np.full((128, 128), 4, np.uint8)
    out[:30] = 1
    out[50:90, 10:50] = 0
    out[60:90, 70:120] = 6
    if masked is not None:
        out[100:110, 40:60] = masked
    return out


def fixture(folder: Path, labels: Any, name: str = NAME, **profile: Any) -> tuple[Path, Path]:
    """One image on the grid of its label raster, both named by the image id."""
    write_sentinel_2(folder / "images" / f"{NAME}.tif", GRID, 128)
    write_raster(folder / "labels" / f"{name}.tif", labels, *GRID, compress="deflate", **profile)
    return folder / "images", folder / "labels"


def opened(paths: tuple[Path, Path], **options: Any) -> DynamicWorldSource:
    return DynamicWorldSource(paths[0], paths[1], **({"patch": 128} | S2 | options))


def classes(paths: tuple[Path, Path], **options: Any) -> npt.NDArray[np.uint8]:
    return opened(paths, **options).load(SCENE).labels[0].classes()


def refused(paths: tuple[Path, Path], **options: Any) -> tuple[str, str]:
    source = opened(paths, **options)
    with pytest.raises(SceneError) as caught:
        source.load(SCENE).labels[0].classes()
    return caught.value.reason, str(caught.value)


EXPECTED = np.where(land(255) == 255, IGNORE, land())


# --- what marks a masked pixel --------------------------------------------------------------------------------------


def test_codes_follow_the_catalogue_of_earth_engine() -> None:
    assert [(c.name, c.codes) for c in DYNAMIC_WORLD.classes] == [
        ("water", (0,)),
        ("tree cover", (1,)),
        ("grass", (2,)),
        ("flooded vegetation", (3,)),
        ("cropland", (4,)),
        ("shrub and scrub", (5,)),
        ("built-up area", (6,)),
        ("bare ground", (7,)),
        ("snow and ice", (8,)),
    ]
    colours = ["419bdf", "397d49", "88b053", "7a87c6", "e49635", "dfc35a", "c4281b", "a59b8f", "b39fe1"]
    assert [bytes(c.color).hex() for c in DYNAMIC_WORLD.classes] == colours


def test_a_nodata_value_that_is_no_class_marks_clouds_and_zero_stays_water(tmp_path: Path) -> None:
    found = classes(fixture(tmp_path, land(255), nodata=255, descriptions=("label",)))
    assert np.array_equal(found, EXPECTED)
    assert int((found == DYNAMIC_WORLD.id_of("water")).sum()) == 1600
    assert int((found == IGNORE).sum()) == 200


def test_unmasked_exports_without_a_tag_are_understood(tmp_path: Path) -> None:
    assert np.array_equal(classes(fixture(tmp_path, land(255))), EXPECTED)


def test_a_mask_band_marks_clouds(tmp_path: Path) -> None:
    mask = np.where(land(255) == 255, 0, 255).astype(np.uint8)
    assert np.array_equal(classes(fixture(tmp_path, land(0), mask=mask)), EXPECTED)


def test_an_alpha_band_marks_clouds(tmp_path: Path) -> None:
    alpha = np.where(land(255) == 255, 0, 255).astype(np.uint8)
    paths = fixture(tmp_path, np.stack([land(0), alpha]), ALPHA="YES", photometric="MINISBLACK")
    assert np.array_equal(classes(paths), EXPECTED)


def test_not_a_number_marks_clouds_in_exports_of_fractions(tmp_path: Path) -> None:
    """All bands of one export share a type: beside the probabilities the label is a float."""
    label = land(255).astype(np.float32)
    label[label == 255] = np.nan
    share = np.full((128, 128), 0.125, np.float32)
    bands = np.stack([share] * 9 + [label])
    found = classes(fixture(tmp_path, bands, descriptions=(*PROBABILITIES, "label")))
    assert np.array_equal(found, EXPECTED)


def test_zero_as_no_data_is_refused_since_it_is_water(tmp_path: Path) -> None:
    code, text = refused(fixture(tmp_path, land(0), nodata=0))
    assert code == "ambiguous_nodata"
    assert "calls 0 no data, which is also the class 'water'" in text
    assert "unmask(255)" in text


def test_zeros_in_a_raster_without_any_mark_are_refused_unless_stated(tmp_path: Path) -> None:
    """Integer exports write 0 for masked pixels: a cloud would be counted as water."""
    paths = fixture(tmp_path, land(0))
    code, text = refused(paths)
    assert code == "ambiguous_nodata"
    assert "may be water or masked clouds" in text
    assert "-o zero=water" in text
    assert np.array_equal(classes(paths, zero="water"), land(0))
    with pytest.raises(SourceError, match="option zero: expected `water`"):
        opened(paths, zero="clouds")


def test_a_raster_without_any_mark_and_without_zeros_is_all_valid(tmp_path: Path) -> None:
    dry = np.where(land() == 0, 2, land()).astype(np.uint8)
    assert np.array_equal(classes(fixture(tmp_path, dry)), dry)


# --- which band, which raster ---------------------------------------------------------------------------------------


def test_the_band_called_label_is_taken_wherever_it_is(tmp_path: Path) -> None:
    other = np.full((128, 128), 7, np.uint8)
    paths = fixture(tmp_path, np.stack([other, land(255)]), descriptions=("mode", "label"), nodata=255)
    assert np.array_equal(classes(paths), EXPECTED)


def test_probabilities_are_no_labels(tmp_path: Path) -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(9), (128, 128)).transpose(2, 0, 1).astype(np.float32)
    code, text = refused(fixture(tmp_path, shares, descriptions=PROBABILITIES))
    assert code == "probabilities"
    assert "select('label')" in text


@pytest.mark.parametrize(("value", "expected"), [(9, "unknown_code"), (100, "unknown_code")])
def test_codes_of_other_maps_are_refused(tmp_path: Path, value: int, expected: str) -> None:
    """A WorldCover tile given by mistake has 10 to 100."""
    code, text = refused(fixture(tmp_path, land(value), nodata=255))
    assert (code, str(value) in text) == (expected, True)


def test_values_beyond_a_byte_are_refused_and_not_wrapped(tmp_path: Path) -> None:
    """256 would become 0, which is water."""
    assert (
        refused(fixture(tmp_path, np.where(land() == 0, np.int16(256), land().astype(np.int16)), nodata=-1))[0]
        == "bad_label"
    )


def test_of_several_dates_the_raster_named_like_the_image_is_taken(tmp_path: Path) -> None:
    paths = fixture(tmp_path, land(255), nodata=255)
    later = np.where(land(255) == 4, 5, land(255)).astype(np.uint8)
    fixture(tmp_path, later, name="20210715T100031_20210715T100026_T33TUL", nodata=255)
    assert np.array_equal(classes(paths), EXPECTED)
    assert opened(paths).load(SCENE).provenance["labels"]["files"] == [f"{NAME}.tif"]
    (paths[0] / f"{NAME}.tif").rename(paths[0] / "mine.tif")
    with pytest.raises(SceneError, match="says something else than") as caught:
        opened(paths).load("mine/r00000_c00000").labels[0].classes()
    assert caught.value.reason == "ambiguous_labels"


def test_labels_of_another_utm_zone_are_brought_to_the_grid_of_the_image(tmp_path: Path) -> None:
    """At 12.3 E, three degrees west of its zone's middle, 33 and 32 both reach. A lake of 40 x 40 pixels of 10 m."""
    write_sentinel_2(tmp_path / "images" / "a.tif", utm_grid(32632, *place(0), pixels=128), 128)
    write_raster(tmp_path / "labels" / "b.tif", land(255), *GRID, nodata=255)
    scene = opened((tmp_path / "images", tmp_path / "labels")).load("a/r00000_c00000")
    assert scene.crs == "EPSG:32632"
    found = scene.labels[0].classes()
    lake = found == DYNAMIC_WORLD.id_of("water")
    assert scene.ground.area_m2(lake) == pytest.approx(160_000, rel=0.01)
    assert scene.provenance["labels"]["native_pixel_m"] == pytest.approx([10, 10], rel=1e-3)


# --- the scene, end to end ------------------------------------------------------------------------------------------


def test_a_scene_says_where_it_is_from(tmp_path: Path) -> None:
    scene = opened(fixture(tmp_path, land(255), nodata=255), image_license="CC0-1.0").load(SCENE)
    assert (scene.source, scene.group, scene.license) == ("dynamicworld", "cell/N39E012", "CC0-1.0 AND CC-BY-4.0")
    assert "Brown" in scene.attribution
    assert scene.ground.pixel_area_m2 == 100.0
    limits = scene.labels[0].limits
    assert (limits.min_patch_m2, limits.min_distance_m, limits.according_to) == (100.0, 10.0, "the Dynamic World map")
    assert scene.provenance["labels"]["versions"] == []


def test_fingerprint_follows_the_statement_about_zeros(tmp_path: Path) -> None:
    paths = fixture(tmp_path, land(255), nodata=255)
    assert opened(paths).fingerprint() != opened(paths, zero="water").fingerprint()


def test_images_and_exports_become_a_data_set_that_verifies(tmp_path: Path) -> None:
    images, labels = fixture(tmp_path, land(255), nodata=255)
    options = (("labels", str(labels)), ("patch", "128"), ("zero", "water"), *S2_OPTIONS)
    source = open_source("dynamicworld", str(images), **dict(options))
    assert scene_samples(SceneFacts(source.load(SCENE)), seed=0)
    made = generate(SourceSpec("dynamicworld", str(images), options), tmp_path / "out")
    assert (made.quarantined, made.counts["scenes"]) == (0, 1)
    report = verify(tmp_path / "out")
    assert report.ok, report.problems


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=arrays.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32, np.float64, np.uint32]), (4, 4), elements=None
    ),
    nodata=st.sampled_from([None, 0, 8, 9, 100]),
)
def test_whatever_a_raster_holds_only_a_named_error_comes_out(
    tmp_path: Path, values: npt.NDArray[Any], nodata: float | None
) -> None:
    paths = fixture(tmp_path, np.tile(values, (32, 32)), nodata=nodata)
    with suppress(SceneError):
        assert set(np.unique(classes(paths)).tolist()) <= {*range(9), IGNORE}


def test_real_exports() -> None:
    """TERRASCOPE_DYNAMICWORLD names a folder with ``images`` and ``labels`` (exported with unmask(255))."""
    folder = os.environ.get("TERRASCOPE_DYNAMICWORLD")
    if not folder:
        pytest.skip("TERRASCOPE_DYNAMICWORLD names no folder with images and labels")
    source = DynamicWorldSource(Path(folder) / "images", Path(folder) / "labels", **S2)
    scene = source.load(source.ids()[0])
    assert scene.provenance["labels"]["native_pixel_m"] == pytest.approx([10, 10], rel=2e-3)
    assert (scene.labels[0].classes() != IGNORE).any()
