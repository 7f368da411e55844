"""Every shipped layout on the real samples it was written for: counts, pixel sizes, histograms as literals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from terracot.render import render
from terracot.scenes import IGNORE
from terracot.sources.geotiff import GeoTiffSource
from terracot.sources.layout import shipped_layouts

pytestmark = pytest.mark.real

# layout -> scenes, groups, basis, (dy, dx) of the first scene in metres. Scene counts from the data's own README; the
# amazon and kampala steps are pyproj geodesics between pixel edges at the middle of the raster.
EXPECTED = {
    "amazon_forest": (34, 34, "measured", (9.9460, 10.0040)),
    "bigearthnet_v2": (1, 1, "measured", (10.0, 10.0)),
    "eolearn_slovenia": (1, 1, "measured", (9.99745, 9.99479)),
    "fair_kampala_buildings": (63, 1, "measured", (0.074145, 0.074644)),
    "hls_worldcover": (199, 130, "nominal", (30.0, 30.0)),
    "ombria_flood": (201, 40, "nominal", (10.0, 10.0)),
    "spacenet_samples": (1, 1, "measured", (0.5, 0.5)),
    "terramind_tiles": (4, 4, "measured", (10.0, 10.0)),
    "ukis_cloud": (2, 2, "nominal", (30.0, 30.0)),
}


@pytest.fixture
def source(request: pytest.FixtureRequest, real_data: Path) -> GeoTiffSource:
    folder = real_data / request.param
    if not folder.is_dir():
        pytest.skip(f"sample {request.param} is not in {real_data}")
    return GeoTiffSource(folder)


def on(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("source", names, indirect=True)


def test_every_shipped_layout_is_tested_here() -> None:
    assert set(shipped_layouts()) == set(EXPECTED)


@on(*EXPECTED)
def test_layout_opens_and_every_scene_can_be_read(source: GeoTiffSource) -> None:
    scenes, groups, basis, sampling = EXPECTED[source.layout.name]
    loaded = [source.load(scene_id) for scene_id in source.ids()]
    assert len(loaded) == scenes
    assert len({s.group for s in loaded}) == groups
    assert {s.ground.basis for s in loaded} == {basis}
    assert loaded[0].ground.sampling == pytest.approx(sampling, rel=2e-5)
    means = []
    for scene in loaded:
        for label in scene.labels:
            assert (label.classes() != IGNORE).any()
        for buildings in scene.instances:
            assert buildings.numbers().max() == max(i.number for i in buildings.instances)
        for frame in scene.frames:
            picture = render(frame)
            assert picture.shape == (*scene.shape, 3)
            assert picture.std() > 8, f"{frame.id} shows nothing"  # the darkest flood picture has 8.9
            means.append(picture.mean())
    assert 30 < np.median(means) < 225, "the limits of this product make it black or white"
    assert source.fingerprint() == GeoTiffSource(source.root).fingerprint()


@on("bigearthnet_v2")
def test_corine_map_keeps_its_histogram(source: GeoTiffSource) -> None:
    scene = source.load("T33UUP_26_57")
    ids, counts = np.unique(scene.labels[0].classes(), return_counts=True)
    legend = scene.labels[0].legend
    found = {legend.classes[i].codes: int(n) for i, n in zip(ids, counts, strict=True)}
    # codes 211, 231, 311, 313 of the raster
    assert found == {(211, 212, 213): 7075, (231,): 1154, (311,): 4131, (313,): 2040}
    assert scene.ground.area_m2(scene.labels[0].classes() == legend.id_of("arable land")) == pytest.approx(707_500)
    assert [f.time for f in scene.frames] == ["2017-06-13T10:10:31", "2017-06-12T16:58:09"]
    assert scene.group == "bigearthnet_v2/T33UUP"


@on("bigearthnet_v2")
def test_corine_legend_has_all_44_codes_and_the_unlabelled_one_once(source: GeoTiffSource) -> None:
    legend = source.load("T33UUP_26_57").labels[0].legend
    kept = [code for c in legend.classes for code in c.codes]
    assert (len(legend.classes), len(kept), len(legend.ignore) - 2) == (19, 32, 12)  # 0 and 999 are ignored besides


@on("bigearthnet_v2")
def test_coarser_sentinel_bands_keep_their_values(source: GeoTiffSource) -> None:
    """A bilinear enlargement keeps the mean of the 20 m band away from the border, to a fraction of a percent."""
    frame = source.load("T33UUP_26_57").frames[0]
    fine = frame.pixels()[frame.bands.index("B8A")]
    with rasterio.open(source.root / "S2_20m" / "T33UUP_26_57.tif") as data:
        coarse = data.read(4) / 10000
    assert fine.mean() == pytest.approx(coarse.mean(), rel=1e-3)
    assert np.corrcoef(fine[::2, ::2].ravel(), coarse.ravel())[0, 1] > 0.97


@on("terramind_tiles")
def test_the_offset_of_new_processing_baselines_is_taken_off(source: GeoTiffSource) -> None:
    """Dark targets of the visible bands: without the offset their reflectance would stay above 0.1."""
    for scene_id, raw, expected in (("433D_629L_3_1", 1564, 0.0564), ("38D_378R_2_3", 1496, 0.1496)):
        frame = source.load(scene_id).frames[0]
        red = frame.bands.index("B04")
        with rasterio.open(source.root / "S2L2A" / f"{scene_id}.tif") as data:
            assert int(np.median(data.read(red + 1))) == raw
        assert float(np.median(frame.pixels()[red])) == pytest.approx(expected, abs=1e-4)


@on("eolearn_slovenia")
def test_clear_dates_have_the_land_use_and_cloudy_ones_are_hidden(source: GeoTiffSource) -> None:
    scene = source.load("slovenia")
    hidden = {f.t: float(f.hidden().mean()) for f in scene.frames if f.hidden}
    assert hidden == {1: 0.0, 2: 1.0, 3: 1.0, 4: 0.0, 5: 0.0}
    assert [label.t for label in scene.labels] == [1, 4, 5]
    assert scene.provenance["static_labels"] is True
    assert [f.time for f in scene.frames] == sorted(str(f.time) for f in scene.frames)


@on("hls_worldcover")
def test_fmask_hides_cloud_and_shadow_as_the_index_says(source: GeoTiffSource) -> None:
    """Patch 004: the index gives a cloud or shadow share of 0.0254."""
    (frame,) = source.load("004").frames
    assert frame.hidden is not None
    assert float(frame.hidden().mean()) == pytest.approx(0.0254, abs=5e-5)


@on("ombria_flood")
def test_flood_mask_lies_on_the_second_date(source: GeoTiffSource) -> None:
    scene = source.load("0001")
    assert [(f.id, f.t) for f in scene.frames] == [
        ("0001/S2_before", 1),
        ("0001/S1_before", 1),
        ("0001/S2_after", 2),
        ("0001/S1_after", 2),
    ]
    assert [label.t for label in scene.labels] == [2]
    flood = scene.labels[0].classes() == scene.labels[0].legend.id_of("flood water")
    assert int(flood.sum()) == 10072
    assert scene.ground.area_m2(flood) == pytest.approx(1_007_200)
    assert int(np.isnan(scene.frames[0].pixels()).any(axis=0).sum()) == 2784  # outside the swath


@on("spacenet_samples")
def test_atlanta_has_its_43_footprints(source: GeoTiffSource) -> None:
    (buildings,) = source.load("sn4_atlanta").instances
    assert len(buildings.instances) == 43


@on("fair_kampala_buildings")
def test_kampala_tile_has_the_buildings_of_its_index(source: GeoTiffSource) -> None:
    """Tile 1238424_1046544_21: six buildings on 40.92 % of the tile."""
    scene = source.load("1238424_1046544_21")
    assert len(scene.instances[0].instances) == 6
    buildings = scene.labels[0].classes() == scene.labels[0].legend.id_of("building cover")
    assert float(buildings.mean()) == pytest.approx(0.4092, abs=5e-5)
    # 0.074145 m x 0.074644 m x 256 x 256 = 362.7 m2
    assert scene.ground.area_m2(np.ones((256, 256), dtype=bool)) == pytest.approx(362.7, rel=1e-3)
