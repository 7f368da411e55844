"""DFC2020 on synthetic patches laid out as the download is; expected metres by pyproj on vectors."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dfc2020_on_disk import (
    SIZE,
    UTM,
    path_of,
    pixels,
    quarters,
    write,
    write_download,
    write_patch,
    write_places,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from terrabench.building.build import build
from terracot.assembly import FILTERS
from terracot.dataset import generate
from terracot.findings import Finding, SceneFacts, find
from terracot.generate import SourceSpec, scene_samples
from terracot.scenes import IGNORE, Modality, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.dfc2020 import CROSSWALK, LEGEND, Dfc2020Source
from terracot.survey import read_all
from terracot.verify import verify

PATCH = "ROIs0000_validation_0_p0"


@pytest.fixture(scope="session")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_download(tmp_path_factory.mktemp("dfc2020"))


@pytest.fixture
def one(tmp_path: Path) -> Path:
    write_patch(tmp_path, 0, quarters())
    return tmp_path


def reason(folder: Path, patch: str = PATCH) -> str:
    with pytest.raises(SceneError) as caught:
        read_all(Dfc2020Source(folder).load(patch))
    assert str(folder) not in str(caught.value)
    return caught.value.reason


def left_out(source: Dfc2020Source) -> dict[str, str]:
    return {left.name: left.reason for left in source.left_out()}


def test_patches_are_listed_by_number_with_their_split(download: Path) -> None:
    source = Dfc2020Source(download)
    assert list(source.listed.scenes.items()) == [
        ("ROIs0000_test_0_p2", "test"),
        ("ROIs0000_validation_0_p0", "validation"),
        ("ROIs0000_validation_0_p2", "validation"),
        ("ROIs0000_validation_0_p10", "validation"),
    ]
    assert source.left_out() == []
    only = Dfc2020Source(download, split="test")
    assert (list(only.ids()), set(left_out(only).values())) == (["ROIs0000_test_0_p2"], {"other_split"})
    assert (source.load("ROIs0000_test_0_p2").split, source.load(PATCH).split) == ("test", "validation")


def test_a_patch_has_thirteen_bands_of_reflectance_two_of_decibels_and_a_map(download: Path) -> None:
    scene = Dfc2020Source(download).load(PATCH)
    s2, s1 = scene.frames
    assert (s2.modality, s2.unit, s2.bands[8:11]) == (Modality.MULTISPECTRAL, "reflectance", ("B8A", "B09", "B10"))
    assert (s1.modality, s1.unit, s1.bands) == (Modality.SAR, "dB", ("VV", "VH"))
    # Forest is code 1: band n holds 500 + 100 n + 50, over 10000
    assert s2.pixels()[:, 100, 0].tolist() == pytest.approx([0.055 + 0.01 * band for band in range(13)])
    assert s1.pixels()[:, 100, 0].tolist() == [-9.0, -16.0]
    assert (s2.pixels().dtype, s1.pixels().dtype) == (np.float32, np.float32)
    assert s2.display.bands == ("B04", "B03", "B02")
    classes = scene.labels[0].classes()
    # 256 x 128 each of forest and cropland, less 40 x 60 water, 40 x 50 built-up area, 4 x 4 without label
    counted = {LEGEND.names[i]: int(np.count_nonzero(classes == i)) for i in range(len(LEGEND.names))}
    assert {name: n for name, n in counted.items() if n} == {
        "forest": 32768 - 2400 - 16,
        "cropland": 32768 - 2000,
        "water": 2400,
        "built-up area": 2000,
    }
    assert int(np.count_nonzero(classes == IGNORE)) == 16
    assert (scene.group, scene.license, scene.crs, scene.transform) == (
        "dfc2020/EPSG:32632",
        "CC-BY-4.0",
        "EPSG:32632",
        UTM,
    )


def test_provenance_finds_the_pixels_again_and_names_no_machine(download: Path) -> None:
    where = Dfc2020Source(download).load(PATCH).provenance
    stem = "ROIs0000_validation/{0}_validation/ROIs0000_validation_{0}_0_p0.tif"
    assert where["files"] == {"s2": [stem.format("s2")], "s1": [stem.format("s1")]}
    assert where["labels"][0]["file"] == stem.format("dfc")
    assert where["labels"][0]["codes"]["classes"]["forest"] == [1]
    assert (where["crs"], where["static_labels"]) == ("EPSG:32632", False)
    assert str(download) not in str(where)


def test_classes_that_the_maps_never_use_are_never_said_to_be_absent(download: Path) -> None:
    facts = SceneFacts(Dfc2020Source(download).load(PATCH))
    asked = {f.class_names[0] for f in find("existence", facts, FILTERS) if isinstance(f, Finding)}
    assert {"forest", "barren ground"} <= asked
    assert not {name for name in asked if "savanna" in name or "snow" in name}


# --- the 500 m maps -----------------------------------------------------------------------------------------------


def test_a_broken_lc_map_changes_nothing(one: Path) -> None:
    before = Dfc2020Source(one)
    scene = before.load(PATCH)
    lc = path_of(one, "lc", 0)
    lc.write_bytes(b"no raster")
    after = Dfc2020Source(one)
    assert np.array_equal(after.load(PATCH).labels[0].classes(), scene.labels[0].classes())
    lc.unlink()
    assert after.fingerprint() == before.fingerprint() == Dfc2020Source(one).fingerprint()
    assert "lc" not in str(scene.provenance)


def test_sen12ms_is_refused_with_the_reason(tmp_path: Path) -> None:
    for kind in ("s1", "s2", "lc"):
        name = f"ROIs1158_spring_{kind}_1_p1.tif"
        write(tmp_path / "ROIs1158_spring" / f"{kind}_1" / name, pixels(kind, quarters()))
    with pytest.raises(
        SourceError, match=r"ROIs1158_spring has lc maps only \(SEN12MS\).*500 m.*distances can be measured"
    ):
        Dfc2020Source(tmp_path).ids()
    with pytest.raises(SourceError, match="dfc2020"):
        open_source("sen12ms", str(tmp_path))
    write_patch(tmp_path, 0, quarters())
    source = Dfc2020Source(tmp_path)
    assert (list(source.ids()), left_out(source)) == ([PATCH], {"ROIs1158_spring": "coarse_labels"})


# --- pixel size ---------------------------------------------------------------------------------------------------


def test_areas_and_distances_agree_with_vectors_on_the_ellipsoid(download: Path) -> None:
    facts = SceneFacts(Dfc2020Source(download).load(PATCH))
    assert (facts.scene.ground.basis, facts.scene.ground.sampling) == ("measured", (10.0, 10.0))
    geod, lonlat = Geod(ellps="WGS84"), Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)

    def corner(col: float, row: float) -> tuple[float, float]:
        lon, lat = lonlat.transform(399960 + 10 * col, 5300040 - 10 * row)
        return lon, lat

    areas = {f.class_names[0]: f.truth.value for f in find("area", facts, FILTERS) if isinstance(f, Finding)}
    assert "water" not in areas  # 2400 of 65520 pixels are less than 5 %
    assert facts.scene.ground.area_m2(facts.scene.labels[0].classes() == LEGEND.id_of("water")) == 240_000.0
    lons, lats = zip(*(corner(c, r) for c, r in ((30, 20), (90, 20), (90, 60), (30, 60))), strict=True)
    assert abs(geod.polygon_area_perimeter(lons, lats)[0]) == pytest.approx(240_000, rel=0.01)
    assert areas["cropland"] == (32768 - 2000) * 100.0
    gaps = {frozenset(f.class_names): f.truth.value for f in find("distance", facts, FILTERS) if isinstance(f, Finding)}
    # Water ends in row 59 and column 89, built-up area begins in row 180 and column 100: 121 rows and 11 columns on
    apart = gaps[frozenset({"water", "built-up area"})]
    assert apart == pytest.approx(10 * (121**2 + 11**2) ** 0.5)
    assert geod.inv(*corner(89.5, 59.5), *corner(100.5, 180.5))[2] == pytest.approx(apart, rel=0.01)


@pytest.mark.parametrize("crs", [None, "EPSG:4326"])
def test_without_georeference_ten_metres_are_nominal(tmp_path: Path, crs: str | None) -> None:
    write_patch(tmp_path, 0, quarters(), crs=crs, transform=None)  # a CRS with no transform is no georeference
    scene = Dfc2020Source(tmp_path).load(PATCH)
    assert (scene.ground.basis, scene.ground.sampling, scene.crs) == ("nominal", (10.0, 10.0), None)
    assert scene.group == "dfc2020/ROIs0000_validation_0"


def test_a_map_without_georeference_takes_that_of_its_image(one: Path) -> None:
    write(path_of(one, "dfc", 0), quarters(), crs=None, transform=None)
    scene = Dfc2020Source(one).load(PATCH)
    assert (scene.crs, scene.ground.basis) == ("EPSG:32632", "measured")


# --- other ways the set lies on disk ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["validation", "0"])
def test_folders_may_be_named_by_split_or_number(tmp_path: Path, suffix: str) -> None:
    write_patch(tmp_path, 0, quarters(), suffix=suffix)
    source = Dfc2020Source(tmp_path)
    assert list(source.ids()) == [PATCH]
    assert source.load(PATCH).provenance["files"]["s2"][0].startswith(f"ROIs0000_validation/s2_{suffix}/")


def test_folders_of_one_patch_may_differ_in_their_ending(tmp_path: Path) -> None:
    write_patch(tmp_path, 0, quarters(), kinds=("dfc",))
    write_patch(tmp_path, 0, quarters(), suffix="0", kinds=("s1", "s2"))
    assert len(Dfc2020Source(tmp_path).load(PATCH).frames) == 2


def test_a_season_folder_itself_can_be_given(download: Path) -> None:
    source = Dfc2020Source(download / "ROIs0000_validation")
    assert list(source.ids()) == [PATCH, "ROIs0000_validation_0_p2", "ROIs0000_validation_0_p10"]


def test_the_set_named_by_season_and_city_states_no_split(tmp_path: Path) -> None:
    write_patch(tmp_path, 741, quarters(), season="autumn", suffix="Mumbai", place="Mumbai", crs="EPSG:32643")
    scene = Dfc2020Source(tmp_path).load("ROIs0000_autumn_Mumbai_p741")
    assert (scene.split, scene.group) == ("unstated", "dfc2020/EPSG:32643")


def test_maps_as_bytes_are_read_alike(one: Path) -> None:
    write(path_of(one, "dfc", 0), quarters().astype(np.uint8))
    assert np.count_nonzero(Dfc2020Source(one).load(PATCH).labels[0].classes() == LEGEND.id_of("water")) == 2400


# --- one bad patch per pitfall ------------------------------------------------------------------------------------


def test_absent_radar_is_no_error(one: Path) -> None:
    before = Dfc2020Source(one).fingerprint()
    path_of(one, "s1", 0).unlink()
    source = Dfc2020Source(one)
    assert [f.modality for f in source.load(PATCH).frames] == [Modality.MULTISPECTRAL]
    assert source.fingerprint() != before


@pytest.mark.parametrize(("kind", "expected"), [("s2", "missing_image"), ("dfc", "missing_label")])
def test_a_patch_that_lacks_image_or_map_is_left_out(download: Path, one: Path, kind: str, expected: str) -> None:
    write_patch(one, 5, quarters())
    path_of(one, kind, 0).unlink()
    source = Dfc2020Source(one)
    assert (list(source.ids()), left_out(source)) == (["ROIs0000_validation_0_p5"], {PATCH: expected})
    assert reason(one) == expected


def test_a_patch_that_lies_twice_is_left_out(one: Path) -> None:
    write_patch(one, 0, quarters(), suffix="0", kinds=("dfc",))
    (left,) = Dfc2020Source(one).left_out()
    assert (left.name, left.reason) == (PATCH, "ambiguous_files")
    assert "ROIs0000_validation/dfc_0 and in ROIs0000_validation/dfc_validation" in left.message


def test_files_of_other_names_are_reported_and_not_read(one: Path) -> None:
    write(path_of(one, "dfc", 0).with_name("mosaic.tif"), quarters())
    path_of(one, "s2", 0).rename(path_of(one, "dfc", 0).with_name(path_of(one, "s2", 0).name))
    names = {Path(name).name: why for name, why in left_out(Dfc2020Source(one)).items()}
    assert names["mosaic.tif"] == names["ROIs0000_validation_s2_0_p0.tif"] == "unexpected_name"


def with_code(value: int) -> np.ndarray:
    codes = quarters()
    codes[0, 0] = value
    return codes


@pytest.mark.parametrize("value", [11, 17, -1, 255])
def test_codes_beyond_the_legend_are_refused(one: Path, value: int) -> None:
    write(path_of(one, "dfc", 0), with_code(value))
    assert reason(one) == "unknown_code"


@pytest.mark.parametrize("value", [0, 3, 8])
def test_codes_without_an_answer_are_ignored(one: Path, value: int) -> None:
    codes = quarters()
    codes[:10] = value
    write(path_of(one, "dfc", 0), codes)
    assert np.count_nonzero(Dfc2020Source(one).load(PATCH).labels[0].classes() == IGNORE) == 2560


def test_a_map_without_any_label_is_refused(one: Path) -> None:
    write(path_of(one, "dfc", 0), np.zeros((SIZE, SIZE), np.int32))
    assert reason(one) == "no_valid_pixels"


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("dfc", lambda: quarters()[:250], "mismatched_shapes"),
        ("s2", lambda: pixels("s2", quarters())[:12], "band_count"),
        ("s1", lambda: pixels("s1", quarters())[:1], "band_count"),
        ("dfc", lambda: np.stack([quarters()] * 4), "band_count"),
        ("s2", lambda: (pixels("s2", quarters()) / 10000).astype(np.float32), "pixel_type"),
        ("s1", lambda: pixels("s1", quarters()).astype(np.int32), "pixel_type"),
    ],
    ids=["map of another shape", "twelve bands", "one polarisation", "map of four bands", "scaled", "whole decibels"],
)
def test_rasters_unlike_the_published_are_refused(
    one: Path, kind: str, data: Callable[[], np.ndarray], expected: str
) -> None:
    write(path_of(one, kind, 0), data())
    assert reason(one) == expected


@pytest.mark.parametrize("kind", ["s1", "s2"])
def test_an_image_of_another_place_is_refused(one: Path, kind: str) -> None:
    write(path_of(one, kind, 0), pixels(kind, quarters()), transform=(10, 0, 399970, 0, -10, 5300040))
    assert reason(one) == "mismatched_georeference"
    write(path_of(one, kind, 0), pixels(kind, quarters()), crs="EPSG:32633")
    assert reason(one) == "mismatched_georeference"


@pytest.mark.parametrize("kind", ["s1", "s2", "dfc"])
@pytest.mark.parametrize("keep", [0, 0.6])
def test_truncated_files_are_refused(one: Path, kind: str, keep: float) -> None:
    noise = np.random.default_rng(0).random((256, 256))
    data = {"s1": np.stack([noise, noise]), "s2": np.stack([noise * 9999] * 13).astype(np.uint16)}
    path = write(path_of(one, kind, 0), data.get(kind, (noise * 10).astype(np.int32)))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    assert reason(one) == "unreadable"


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_bands_of_one_value_all_over_are_a_placeholder(one: Path, value: float) -> None:
    write(path_of(one, "s1", 0), np.full((2, 256, 256), value, np.float64))
    assert reason(one) == "placeholder"
    write(path_of(one, "s1", 0), pixels("s1", quarters()))
    write(path_of(one, "s2", 0), np.zeros((13, 256, 256), np.uint16))
    assert reason(one) == "placeholder"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), kind=st.sampled_from(["s1", "s2", "dfc"]))
def test_any_bytes_for_a_file_give_a_scene_error(one: Path, content: bytes, kind: str) -> None:
    path_of(one, kind, 0).write_bytes(content)
    with pytest.raises(SceneError):
        read_all(Dfc2020Source(one).load(PATCH))


def test_decibels_of_no_power_become_holes(one: Path) -> None:
    data = pixels("s1", quarters())
    data[0, 0, 0], data[1, 1, 1], data[1, 2, 2] = -np.inf, np.nan, np.inf
    write(path_of(one, "s1", 0), data)
    sar = Dfc2020Source(one).load(PATCH).frames[1].pixels()
    assert (int(np.isnan(sar).sum()), bool(np.isinf(sar).any())) == (3, False)


def test_wrong_folders_say_what_was_expected_and_found(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found nothing"):
        Dfc2020Source(tmp_path).ids()
    (tmp_path / "BigEarthNet-S2").mkdir()
    with pytest.raises(SourceError, match=r"ROIs0000_validation or ROIs0000_test.*found BigEarthNet-S2"):
        Dfc2020Source(tmp_path).ids()
    with pytest.raises(SourceError, match="legend: expected `common`"):
        Dfc2020Source(tmp_path, legend="worldcover")
    with pytest.raises(SourceError, match="has the splits validation, test, unstated"):
        Dfc2020Source(tmp_path, split="train")


# --- through the library ------------------------------------------------------------------------------------------


def test_common_legend_regroups_and_says_that_it_is_lossy(download: Path) -> None:
    source = open_source("dfc2020", str(download), legend="common")
    label = source.load(PATCH).labels[0]
    assert label.legend.name == "dfc2020 as common classes (lossy)"
    assert np.count_nonzero(label.classes() == label.legend.id_of("tree cover")) == 32768 - 2400 - 16
    assert set(CROSSWALK) == set(LEGEND.names)
    assert source.fingerprint() != Dfc2020Source(download).fingerprint()


def test_patches_become_samples_a_data_set_and_a_benchmark(tmp_path: Path) -> None:
    folder = write_places(tmp_path / "dfc2020", 14)
    source = open_source("dfc2020", str(folder))
    assert scene_samples(SceneFacts(source.load(source.ids()[0])), seed=0)
    spec = SourceSpec("dfc2020", str(folder), (("split", "validation"),))
    made = generate(spec, tmp_path / "cot", limit=4)
    assert (made.counts["scenes"], made.quarantined) == (4, 0)
    assert verify(tmp_path / "cot", str(folder)).problems == []
    built = build(spec, tmp_path / "bench")
    assert built.counts["items"] > 12
    assert verify(tmp_path / "bench", str(folder)).problems == []


def test_real_download_has_the_published_numbers() -> None:
    stated = os.environ.get("TERRASCOPE_DFC2020")
    if not stated:
        pytest.skip("TERRASCOPE_DFC2020 is not set: the folder of a real DFC2020 download")
    source = Dfc2020Source(stated)
    counts = Counter(source.listed.scenes.values())
    assert counts.get("validation", 986) == 986
    for scene_id in list(source.ids())[:: max(1, len(source.ids()) // 50)]:
        scene = source.load(scene_id)
        read_all(scene)
        assert scene.shape == (256, 256)
        assert scene.ground.pixel_area_m2 == pytest.approx(100, rel=0.01)
