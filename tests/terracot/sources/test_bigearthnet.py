"""BigEarthNet v2.0 in its published layout: what is read, and what can be wrong with a download."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
from bigearthnet_on_disk import (
    CLEAN,
    HALF,
    OTHER_TILE,
    SIDES,
    TWO_OF_ONE_TILE,
    Patch,
    download,
    many,
    place,
    read_all,
    refusal,
    stripes,
    write_patch,
    write_rows,
    write_tif,
)

from terrabench.building.build import build
from terracot.dataset import generate
from terracot.findings import Finding, SceneFacts, find
from terracot.generate import SourceSpec, scene_samples
from terracot.rules import Filters
from terracot.scenes import IGNORE, Modality
from terracot.sources import open_source
from terracot.sources.bigearthnet import BigEarthNetSource
from terracot.sources.corine import BEN19, BEN19_NAMES, COMMON
from terracot.verify import verify

PATCH = Patch()
BAND_ORDER = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


# --- what a scene is ------------------------------------------------------------------------------------------------


def test_scene_has_both_sensors_on_one_date_with_their_own_times(tmp_path: Path) -> None:
    scene = BigEarthNetSource(download(tmp_path, PATCH)).load(PATCH.id)
    s2, s1 = scene.frames
    assert (s2.modality, s2.bands, s2.unit, s2.t) == (Modality.MULTISPECTRAL, BAND_ORDER, "reflectance", 1)
    assert (s1.modality, s1.bands, s1.unit, s1.t) == (Modality.SAR, ("VV", "VH"), "dB", 1)
    assert (s2.time, s1.time) == ("2017-06-13T10:10:31", "2017-06-12T16:58:09")
    assert (s2.id, s1.id) == (f"{PATCH.id}/S2", f"{PATCH.id}/S1")
    assert (scene.source, scene.split, scene.group) == ("bigearthnet", "train", "mgrs/33UUP_26_57")
    assert scene.license == "CDLA-Permissive-1.0"
    assert "CORINE" in scene.attribution
    # 33UUP begins at (300000, 5400000): 300000 + 26 x 1200, 5400000 - 57 x 1200
    assert (scene.crs, scene.transform) == ("EPSG:32633", (10.0, 0.0, 331200.0, 0.0, -10.0, 5331600.0))
    assert (scene.ground.basis, scene.ground.pixel_area_m2) == ("measured", 100.0)


def test_reflectance_is_dn_over_ten_thousand_without_offset(tmp_path: Path) -> None:
    pixels = BigEarthNetSource(download(tmp_path, PATCH)).load(PATCH.id).frames[0].pixels()
    assert (pixels.shape, pixels.dtype) == ((12, 120, 120), np.float32)
    # the constant fields of the fixture, in the order of the frame
    expected = [0.0360, 0.0438, 0.0614, 0.0588, 0.0942, 0.1769, 0.2049, 0.2193, 0.2235, 0.2241, 0.1568, 0.0997]
    assert pixels[:, 60, 60].tolist() == pytest.approx(expected)
    assert np.ptp(pixels, axis=(1, 2)).max() == 0


def test_sar_stays_in_fractions_of_a_decibel_and_gaps_are_nan(tmp_path: Path) -> None:
    vv = np.full((120, 120), -12.64, np.float32)
    vv[0, :2] = -np.inf, np.nan
    pixels = (
        BigEarthNetSource(download(tmp_path, replace(PATCH, decibels={"VV": vv}))).load(PATCH.id).frames[1].pixels()
    )
    assert pixels.dtype == np.float32
    assert pixels[:, 5, 5].tolist() == pytest.approx([-12.64, -19.35])
    assert np.isnan(pixels[0, 0, :2]).all()
    assert np.isnan(pixels).sum() == 2


def test_coarse_bands_are_interpolated_between_pixel_centres(tmp_path: Path) -> None:
    """Centres of 10 m pixels lie a quarter of a 20 m pixel from its centre, 5/12, 3/12, 1/12 of a 60 m one."""
    twenty, sixty = np.full((60, 60), 1000, np.uint16), np.full((20, 20), 1000, np.uint16)
    twenty[:, 1:], sixty[:, 1:] = 2000, 2200
    patch = replace(PATCH, bands={"B05": twenty, "B01": sixty})
    pixels = BigEarthNetSource(download(tmp_path, patch)).load(PATCH.id).frames[0].pixels()
    assert pixels[4, 9, :5].tolist() == pytest.approx([0.1, 0.125, 0.175, 0.2, 0.2])
    # 1000 + 1200 x (1/12, 3/12, 5/12, 7/12, 9/12, 11/12) beyond the first centre, between columns 2 and 3
    assert pixels[0, 9, :10].tolist() == pytest.approx([0.1] * 3 + [0.11, 0.13, 0.15, 0.17, 0.19, 0.21, 0.22])


def test_the_nodata_tag_does_not_hide_real_zeros(tmp_path: Path) -> None:
    """GDAL would leave a 0 out of the interpolation: 0.2 all around; a quarter of it lies 5 m beside a 0."""
    dark, red = np.full((60, 60), 2000, np.uint16), np.full((120, 120), 588, np.uint16)
    dark[:, 30], red[5, 5] = 0, 0
    patch = replace(PATCH, bands={"B12": dark, "B04": red})
    pixels = BigEarthNetSource(download(tmp_path, patch)).load(PATCH.id).frames[0].pixels()
    assert pixels[11, 9, 58:64].tolist() == pytest.approx([0.2, 0.15, 0.05, 0.05, 0.15, 0.2])
    assert pixels[3, 5, 5] == 0
    assert np.isfinite(pixels).all()


def test_a_pixel_is_empty_only_where_all_bands_are_zero_and_colours_no_neighbour(tmp_path: Path) -> None:
    bands = {band: np.full((side, side), 1500, np.uint16) for band, side in SIDES.items()}
    for band, side in SIDES.items():
        bands[band][:, : side // 20] = 0  # the first 60 m of every band
    pixels = BigEarthNetSource(download(tmp_path, replace(PATCH, bands=bands))).load(PATCH.id).frames[0].pixels()
    assert np.isnan(pixels[:, :, :6]).all()
    assert pixels[:, :, 6:].ravel().tolist() == pytest.approx([0.15] * (12 * 120 * 114))


def test_nothing_is_asked_of_land_that_the_image_does_not_show(tmp_path: Path) -> None:
    """The western quarter of all bands is empty: 30 of the 60 columns of arable land are hidden."""
    bands = {band: np.full((side, side), 1500, np.uint16) for band, side in SIDES.items()}
    for band, side in SIDES.items():
        bands[band][:, : side // 4] = 0
    patch = replace(PATCH, bands=bands, map=stripes((211, 60), (311, 60)))
    scene = BigEarthNetSource(download(tmp_path, patch)).load(PATCH.id)
    assert scene.labels[0].classes()[60].tolist() == [IGNORE] * 30 + [2] * 30 + [8] * 60
    assert np.isnan(scene.frames[0].pixels()[0]).sum() == 30 * 120


def test_pictures_with_nothing_in_them_are_placeholders(tmp_path: Path) -> None:
    nothing = {band: np.zeros((side, side), np.uint16) for band, side in SIDES.items()}
    error = refusal(download(tmp_path / "s2", replace(PATCH, bands=nothing)))
    assert error.reason == "placeholder"
    for name, value in (("zero", 0.0), ("nan", np.nan), ("inf", -np.inf)):
        sar = {p: np.full((120, 120), value, np.float32) for p in ("VV", "VH")}
        root = download(tmp_path / name, replace(PATCH, decibels=sar))
        error = refusal(root)
        assert error.reason == "placeholder"
        assert "sar=no" in str(error)
        assert len(BigEarthNetSource(root, sar="no").load(PATCH.id).frames) == 1


def test_a_decibel_of_zero_is_a_gap_only_where_both_polarisations_have_it(tmp_path: Path) -> None:
    vv, vh = (np.full((120, 120), level, np.float32) for level in (-12.5, -19.5))
    vv[0, :2], vh[0, 0] = 0, 0
    patch = replace(PATCH, decibels={"VV": vv, "VH": vh})
    pixels = BigEarthNetSource(download(tmp_path, patch)).load(PATCH.id).frames[1].pixels()
    assert np.isnan(pixels[:, 0, 0]).all()
    assert pixels[:, 0, 1].tolist() == [0, -19.5]
    assert np.isnan(pixels).sum() == 2


def test_codes_without_an_answer_are_ignored(tmp_path: Path) -> None:
    classes = stripes((211, 50), (311, 30), (122, 15), (999, 15), (0, 10))
    source = BigEarthNetSource(download(tmp_path, replace(PATCH, map=classes)))
    (label,) = source.load(PATCH.id).labels
    row = label.classes()[17]
    assert row.tolist() == [2] * 50 + [8] * 30 + [IGNORE] * 40
    assert (label.limits.min_patch_m2, label.limits.min_distance_m) == (250_000, 100)
    assert label.limits.according_to == "the CORINE land-cover map"


def test_the_unlabelled_share_is_in_no_denominator(tmp_path: Path) -> None:
    """HALF: 60 of 120 columns are 211, 30 are 311, 30 have no answer: 60 / 90 and 30 / 90."""
    facts = SceneFacts(BigEarthNetSource(download(tmp_path, PATCH)).load(PATCH.id))
    shares = dict(zip(BEN19.names, facts.maps[1].shares, strict=True))
    assert shares["arable land"] == pytest.approx(100 * 60 / 90)
    assert shares["broad-leaved forest"] == pytest.approx(100 * 30 / 90)
    assert facts.valid[1].mean() == pytest.approx(90 / 120)


def test_provenance_leads_back_to_the_files_and_holds_no_path_of_this_machine(tmp_path: Path) -> None:
    where = BigEarthNetSource(download(tmp_path, PATCH)).load(PATCH.id).provenance
    assert where["files"]["S2"][3] == PATCH.band_file("B04")
    assert len(where["files"]["S2"]) == 12
    assert where["files"]["S1"] == [PATCH.s1_file("VV"), PATCH.s1_file("VH")]
    assert where["labels"][0]["file"] == PATCH.map_file
    assert where["labels"][0]["codes"]["classes"]["arable land"] == [211, 212, 213]
    assert 999 in where["labels"][0]["codes"]["ignore"]
    assert where["metadata"] == PATCH.row
    assert (where["mgrs_tile"], where["column"], where["row"]) == ("33UUP", 26, 57)
    assert where["static_labels"] is False
    assert str(tmp_path) not in str(where)


# --- joining --------------------------------------------------------------------------------------------------------


def test_unpadded_s1_names_are_found_by_the_metadata_alone(tmp_path: Path) -> None:
    patch = TWO_OF_ONE_TILE[1]
    assert (patch.id[-6:], patch.s1_name[-4:]) == ("_05_07", "_5_7")
    scene = BigEarthNetSource(download(tmp_path, patch)).load(patch.id)
    assert [f.id for f in scene.frames] == [f"{patch.id}/S2", f"{patch.id}/S1"]


def test_the_name_of_the_first_version_joins_nothing(tmp_path: Path) -> None:
    patch = OTHER_TILE
    assert patch.s2v1_name == "S2A_MSIL2A_20171101T94131_0_3"  # 094131 lost its zero
    scene = BigEarthNetSource(download(tmp_path, patch)).load(patch.id)
    assert scene.provenance["metadata"]["s2v1_name"] == patch.s2v1_name
    assert len(scene.frames) == 2


def test_s1_of_another_place_is_not_joined(tmp_path: Path) -> None:
    download(tmp_path, *TWO_OF_ONE_TILE)
    write_rows(tmp_path / CLEAN, [PATCH.row | {"s1_name": TWO_OF_ONE_TILE[1].s1_name}])
    assert refusal(tmp_path).reason == "bad_record"
    assert len(BigEarthNetSource(tmp_path, sar="no").load(PATCH.id).frames) == 1


@pytest.mark.parametrize("name", [None, "", "../../secret", "S1B_IW_GRDH_1SDV_20170612T165809_33UUP_26_57/.."])
def test_a_broken_s1_name_is_a_bad_record(tmp_path: Path, name: str | None) -> None:
    download(tmp_path, PATCH)
    write_rows(tmp_path / CLEAN, [PATCH.row | {"s1_name": name}])
    assert refusal(tmp_path).reason == "bad_record"


def test_scenes_without_sar_say_why(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH, s1=False)
    assert BigEarthNetSource(root).load(PATCH.id).provenance["sar"] == "there is no folder BigEarthNet-S1"
    write_patch(root, OTHER_TILE)  # on another scene of Sentinel-1
    source = BigEarthNetSource(root)
    assert len(source.load(PATCH.id).frames) == 1
    assert source.load(PATCH.id).provenance["sar"] == f"{PATCH.s1_name} is not below BigEarthNet-S1"
    off = BigEarthNetSource(root, sar="no").load(PATCH.id)
    assert (len(off.frames), off.provenance["sar"]) == (1, "left out by the option sar=no")


def test_a_gap_in_a_scene_of_sentinel_1_is_missing_sar_and_not_silence(tmp_path: Path) -> None:
    root = download(tmp_path, *TWO_OF_ONE_TILE)
    shutil.rmtree(root / PATCH.s1_folder)
    error = refusal(root)
    assert error.reason == "missing_sar"
    assert "sar=no" in str(error)
    assert len(BigEarthNetSource(root).load(TWO_OF_ONE_TILE[1].id).frames) == 2


def test_s1_folders_that_keep_the_tile_in_the_scene_are_read_too(tmp_path: Path) -> None:
    scene = download(tmp_path, PATCH) / "BigEarthNet-S1" / PATCH.s1_scene
    scene.rename(scene.with_name(f"{PATCH.s1_scene}_33UUP"))
    assert len(BigEarthNetSource(tmp_path).load(PATCH.id).frames) == 2


# --- files that do not fit ------------------------------------------------------------------------------------------


def test_missing_files_name_the_file(tmp_path: Path) -> None:
    for file, reason in (
        (PATCH.band_file("B8A"), "missing_image"),
        (PATCH.map_file, "missing_label"),
        (PATCH.s1_file("VH"), "missing_sar"),
    ):
        root = tmp_path / reason
        (download(root, PATCH) / file).unlink()
        error = refusal(root)
        assert error.reason == reason
        assert file in str(error)


@pytest.mark.parametrize("file", [PATCH.band_file("B02"), PATCH.band_file("B09"), PATCH.map_file, PATCH.s1_file("VV")])
def test_truncated_files_are_unreadable(tmp_path: Path, file: str) -> None:
    path = download(tmp_path, PATCH) / file
    whole = path.read_bytes()
    for share in (0.0, 0.1, 0.6):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert refusal(tmp_path).reason == "unreadable"


def test_an_unknown_code_is_refused_with_the_code(tmp_path: Path) -> None:
    error = refusal(download(tmp_path, replace(PATCH, map=stripes((211, 119), (777, 1)))))
    assert error.reason == "unknown_code"
    assert "777" in str(error)


def test_a_map_without_any_answer_is_refused(tmp_path: Path) -> None:
    assert refusal(download(tmp_path, replace(PATCH, map=stripes((999, 120))))).reason == "no_valid_pixels"


def test_sixty_metre_bands_have_twenty_pixels_not_thirty(tmp_path: Path) -> None:
    patch = replace(PATCH, bands={"B09": np.full((30, 30), 500, np.uint16)})
    error = refusal(download(tmp_path, patch))
    assert error.reason == "mismatched_shapes"
    assert "20 x 20" in str(error)


def test_decibels_rounded_to_whole_numbers_are_refused(tmp_path: Path) -> None:
    patch = replace(PATCH, decibels={"VV": np.full((120, 120), -12, np.int32)})
    assert refusal(download(tmp_path, patch)).reason == "band_dtype"


def test_a_file_with_several_bands_is_refused(tmp_path: Path) -> None:
    path = download(tmp_path, PATCH) / PATCH.band_file("B03")
    profile = {"driver": "GTiff", "width": 120, "height": 120, "count": 3, "dtype": "uint16", **place(PATCH, 120)}
    with rasterio.open(path, "w", **profile) as out:
        out.write(np.ones((3, 120, 120), np.uint16))
    assert refusal(tmp_path).reason == "band_count"


def test_s2_s1_and_map_must_lie_on_one_grid(tmp_path: Path) -> None:
    elsewhere = replace(PATCH, column=27)
    x, y = 331_200, 5_331_600
    half_a_pixel = {"crs": "EPSG:32633", "transform": rasterio.Affine(10, 0, x + 5, 0, -10, y)}
    zone = {"crs": "EPSG:32634", "transform": place(PATCH, 120)["transform"]}
    for name, file, data, where in (
        ("map", PATCH.map_file, HALF, place(elsewhere, 120)),
        ("half", PATCH.map_file, HALF, half_a_pixel),
        ("zone", PATCH.map_file, HALF, zone),
        ("s1", PATCH.s1_file("VH"), np.zeros((120, 120), np.float32), place(elsewhere, 120)),
        ("coarse", PATCH.band_file("B01"), np.ones((20, 20), np.uint16), place(elsewhere, 20)),
    ):
        root = download(tmp_path / name, PATCH)
        write_tif(root / file, data, **where)
        assert refusal(root).reason == "mismatched_georeference"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_patches_without_georeference_are_refused_rather_than_measured(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    write_tif(root / PATCH.band_file("B04"), np.ones((120, 120), np.uint16))
    assert refusal(root).reason == "georeference"


def test_the_common_legend_is_an_option(tmp_path: Path) -> None:
    scene = BigEarthNetSource(download(tmp_path, PATCH), legend="common").load(PATCH.id)
    assert scene.labels[0].legend is COMMON
    assert set(np.unique(scene.labels[0].classes())) == {
        COMMON.id_of("cropland"),
        COMMON.id_of("tree cover"),
        IGNORE,
    }


# --- measures -------------------------------------------------------------------------------------------------------


def test_areas_and_distances_agree_with_geodesy_on_vectors(tmp_path: Path) -> None:
    """Stripes of 40 columns: each 40 x 120 px x 100 m2 = 48 ha; centres of the outer two lie 41 px = 410 m apart."""
    patch = replace(PATCH, map=stripes((211, 40), (231, 40), (311, 40)))
    facts = SceneFacts(BigEarthNetSource(download(tmp_path, patch)).load(patch.id))
    area = facts.maps[1].areas_m2[BEN19.id_of("arable land")]
    assert area == 480_000
    (gap,) = [f for f in find("distance", facts, Filters()) if isinstance(f, Finding)]
    assert (gap.class_names, gap.truth.value) == (("arable land", "broad-leaved forest"), 410.0)
    to_earth = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    left, top = 331_200, 5_331_600
    lon, lat = to_earth.transform([left, left + 400, left + 400, left], [top, top, top - 1200, top - 1200])
    assert area == pytest.approx(abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0]), rel=0.01)
    lon, lat = to_earth.transform([left + 395, left + 805], [top - 600] * 2)
    assert gap.truth.value == pytest.approx(pyproj.Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2], rel=0.01)


# --- through the library --------------------------------------------------------------------------------------------


def test_a_download_becomes_terra_cot_and_verifies_against_its_source(tmp_path: Path) -> None:
    root = many(tmp_path / "ben", 4)
    source = open_source("bigearthnet", str(root))
    assert scene_samples(SceneFacts(source.load(source.ids()[0])), seed=0)
    out = tmp_path / "out"
    summary = generate(SourceSpec("bigearthnet", str(root), (("sar", "yes"),)), out)
    assert (summary.counts["scenes"], summary.quarantined) == (4, 0)
    report = verify(out, source_path=str(root))
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] == 4


def test_a_download_becomes_a_benchmark(tmp_path: Path) -> None:
    root = many(tmp_path / "ben", 14)
    out = tmp_path / "bench"
    summary = build(SourceSpec("bigearthnet", str(root)), out)
    assert summary.quarantined == 0
    items = pd.concat(pd.read_parquet(p) for p in (out / "data").glob("items-*.parquet"))
    assert {"coverage", "area", "ranking", "boundary"} <= set(items["kind"])
    assert set(items.loc[items["kind"] == "boundary", "answer"]) == {"A", "B"}  # yes and no
    assert items["question"].str.contains("CORINE land-cover map", regex=False).all()
    assert items["group"].str.startswith("mgrs/33UUP_").all()
    assert verify(out, source_path=str(root)).problems == []


# --- real pixels ----------------------------------------------------------------------------------------------------

REAL = "S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP_26_57"
REAL_PIXELS = {211: 7075, 231: 1154, 311: 4131, 313: 2040}


def _assert_real(source: BigEarthNetSource) -> None:
    scene = source.load(REAL)
    facts = SceneFacts(scene)
    areas = dict(zip(BEN19.names, facts.maps[1].areas_m2, strict=True))
    assert {name: area for name, area in areas.items() if area} == {
        "arable land": 7075 * 100,
        "pastures": 1154 * 100,
        "broad-leaved forest": 4131 * 100,
        "mixed forest": 2040 * 100,
    }
    labels = scene.provenance["metadata"]["labels"]
    assert {BEN19_NAMES[name] for name in labels} == {name for name, area in areas.items() if area}
    assert scene.transform == (10.0, 0.0, 331200.0, 0.0, -10.0, 5331600.0)
    assert scene.frames[0].time == "2017-06-13T10:10:31"
    for frame in scene.frames:
        pixels = frame.pixels()
        assert np.isfinite(pixels).all()
        low, high = (0.0, 1.5) if frame.unit == "reflectance" else (-60.0, 40.0)
        assert low <= pixels.min() < pixels.max() <= high


@pytest.mark.real
def test_the_real_patch_in_its_published_layout(tmp_path: Path, real_data: Path) -> None:
    """The samples hold the real pixels stacked; here they are one file a band again, as published."""
    stacked = real_data / "bigearthnet_v2"
    if not stacked.is_dir():
        pytest.skip(f"no {stacked}")
    index = pd.read_csv(stacked / "index.csv").set_index("id").loc["T33UUP_26_57"]
    assert index["patch_id"] == REAL
    bands, decibels = {}, {}
    for layer in ("S2_10m", "S2_20m", "S2_60m", "S1"):
        with rasterio.open(stacked / layer / "T33UUP_26_57.tif") as data:
            assert data.transform[2] == 331200.0
            (decibels if layer == "S1" else bands).update(zip(data.descriptions, data.read(), strict=True))
    with rasterio.open(stacked / "reference_map" / "T33UUP_26_57.tif") as data:
        codes = data.read(1)
    assert dict(zip(*(v.tolist() for v in np.unique(codes, return_counts=True)), strict=True)) == REAL_PIXELS
    patch = Patch(map=codes, bands=bands, decibels=decibels, labels=tuple(index["labels_19class"].split("|")))
    assert (patch.id, patch.s1_name) == (REAL, index["s1_name"])
    root = download(tmp_path / "ben", patch)
    _assert_real(BigEarthNetSource(root))
    out = tmp_path / "out"
    assert generate(SourceSpec("bigearthnet", str(root)), out).counts["scenes"] == 1
    assert verify(out, source_path=str(root)).problems == []


@pytest.mark.real
def test_a_real_download(tmp_path: Path) -> None:
    stated = os.environ.get("TERRASCOPE_BIGEARTHNET")
    if not stated:
        pytest.skip("TERRASCOPE_BIGEARTHNET is not set; it gives the folder of a BigEarthNet v2.0 download")
    source = BigEarthNetSource(stated, flagged="yes")
    splits = pd.Series([source.index.split(patch) for patch in source.index]).value_counts().to_dict()
    assert splits == {"train": 272_544, "validation": 139_577, "test": 137_367}  # clean and flagged together
    if REAL in source.listed.scenes:
        _assert_real(source)
    for patch in list(source.ids())[:200]:
        read_all(source.load(patch))
