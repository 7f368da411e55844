"""ChatEarthNet as it lies on disk: pictures, captions, labels from two sets, and everything that can be wrong."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from chatearthnet_on_disk import (
    B8,
    B567,
    COLUMN_ROW,
    LISBON,
    NE,
    NW,
    RGB,
    ROW_COLUMN,
    SE,
    SW,
    label_path,
    land_cover,
    lisbon,
    opened,
    picture,
    png,
    quadrant,
    read_all,
    reason,
    write_captions,
    write_download,
    write_png,
    write_s1,
    write_tile,
)
from pyproj import Geod
from worldcover_on_disk import write_tile as write_worldcover

from terrabench.building.build import build
from terracot.dataset import generate
from terracot.findings import SceneFacts
from terracot.generate import SourceSpec, scene_samples
from terracot.measure import distance
from terracot.render import render
from terracot.scenes import IGNORE, Modality, SceneError, SourceError
from terracot.shards import read_rows
from terracot.sources import open_source
from terracot.sources.chatearthnet import ChatEarthNetSource
from terracot.verify import verify

GEOD = Geod(ellps="WGS84")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lisbon(tmp_path)


# --- what a scene is ----------------------------------------------------------------------------------------------


def test_three_pictures_make_one_frame_of_nine_bands(root: Path) -> None:
    source = opened(root)
    assert list(source.ids()) == [NW, NE, SW, SE]
    scene = source.load(NW)
    (frame,) = scene.frames
    assert (frame.id, frame.t, frame.time, frame.unit) == (f"{NW}/S2", 1, None, "digital number")
    assert frame.modality is Modality.MULTISPECTRAL
    assert frame.bands == ("B04", "B03", "B02", "B05", "B06", "B07", "B08", "B11", "B12")
    seen = quadrant(picture(land_cover(0), 0), "00")
    pixels = frame.pixels()
    assert (pixels.shape, pixels.dtype) == ((9, 256, 256), np.uint8)
    for band, channel in enumerate((0, 1, 2, 2, 0, 1, 1, 2, 0)):  # the builder rolls the channels of the other parts
        assert np.array_equal(pixels[band], seen[:, :, channel]), frame.bands[band]
    assert np.array_equal(render(frame), seen)  # red, green, blue at 0 to 255
    assert (scene.source, scene.split, scene.group) == ("chatearthnet", "train", "tile/3886_3141")


def test_pictures_and_labels_are_never_flipped(root: Path) -> None:
    codes = np.full((512, 512), 4, np.uint8)
    codes[:10, :50] = 1  # a corner in the north-west, wider than high
    write_tile(root, root.parent / "satlas", codes=codes)
    scene = opened(root).load(NW)
    water = scene.labels[0].classes() == scene.labels[0].legend.id_of("water")
    assert np.argwhere(water).max(axis=0).tolist() == [9, 49]
    blue = scene.frames[0].pixels()[2].astype(int)
    assert blue[:8, :48].mean() > blue[20:, 60:].mean() + 10  # water is bluer than shrubs


def test_provenance_finds_the_pixels_again_and_names_no_disk(root: Path) -> None:
    scene = opened(root).load(SE)
    where = scene.provenance
    assert where["files"] == {part: f"{part}/s2_images/{SE}.png" for part in (RGB, B567, B8)}
    assert where["labels"] == {
        "set": "satlas",
        "file": "static/3886_3141/land_cover.png",
        "legend": "satlas_land_cover",
    }
    assert where["tile"] == {
        "zoom": 13,
        "column": 3886,
        "row": 3141,
        "digits": "11",
        "quadrant": "south-east",
        "digit_order": "either",
        "statistic": None,
    }
    assert where["captions"] == {"GPT-3.5": [f"Caption of {SE}."]}
    assert "value * 32 / 10000" in where["radiometry"]["B05, B06, B07"]
    assert "value * 32 / 10000" in where["radiometry"]["B08, B11, B12"]
    assert "10000" not in where["radiometry"]["RGB"]
    assert where["static_labels"] is False
    assert str(root.parent) not in json.dumps(where)


def test_satlas_codes_become_the_eleven_classes_and_0_has_no_answer(root: Path) -> None:
    codes = np.full((512, 512), 1, np.uint8)
    codes[0, :12] = range(12)
    write_png(label_path(root.parent / "satlas"), codes)
    label = opened(root).load(NW).labels[0]
    names = [label.legend.names[i] if i != IGNORE else None for i in label.classes()[0, :12].tolist()]
    assert names == [
        None,
        "water",
        "developed area",
        "tree cover",
        "shrubland",
        "grassland",
        "cropland",
        "bare land",
        "snow and ice",
        "wetland",
        "mangroves",
        "moss and lichen",
    ]


def test_satlas_labels_bring_their_licence_with_them(root: Path) -> None:
    scene = opened(root).load(NW)
    assert scene.license == "CC-BY-4.0 AND ODbL-1.0"
    assert "SatlasPretrain" in scene.attribution
    assert "ESA WorldCover" in scene.attribution


def test_the_satlas_folder_may_be_static_itself(root: Path) -> None:
    inside = opened(root, satlas=str(root.parent / "satlas" / "static"))
    assert np.array_equal(inside.load(NW).labels[0].classes(), opened(root).load(NW).labels[0].classes())


def test_rgb_alone_makes_optical_scenes(tmp_path: Path) -> None:
    names = write_tile(tmp_path / "c", tmp_path / "satlas", parts=(RGB,))
    write_captions(tmp_path / "c", dict.fromkeys(names, "x"))
    scene = opened(tmp_path / "c").load(NW)
    (frame,) = scene.frames
    assert (frame.modality, frame.bands, frame.pixels().shape) == (Modality.OPTICAL, ("R", "G", "B"), (3, 256, 256))
    assert list(scene.provenance["radiometry"]) == ["RGB"]


# --- the ground ---------------------------------------------------------------------------------------------------


def lonlat(x: float, y: float, place: tuple[int, int] = LISBON) -> tuple[float, float]:
    """Longitude and latitude of a point of a tile in pixels, by the published formula."""
    lon = (place[0] + x / 512) / 8192 * 360 - 180
    return lon, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (place[1] + y / 512) / 8192))))


def test_pixels_at_lisbon_are_55_6_square_metres_and_not_100(root: Path) -> None:
    ground = opened(root).load(NW).ground
    assert ground.basis == "measured"
    # pyproj.Geod, WGS84: area of the quadrant over 65,536
    assert ground.pixel_area_m2 == pytest.approx(55.609, rel=1e-4)
    # pyproj.Geod.inv between the corners of the pixel in column 128, row 128
    assert ground.sampling == (pytest.approx(7.4419, rel=1e-4), pytest.approx(7.4725, rel=1e-4))
    block = np.zeros((256, 256), bool)
    block[100:200, 50:150] = True
    area = ground.area_m2(block)
    assert area == pytest.approx(556_113.2, rel=1e-5)  # Geod.polygon_area_perimeter of the block's outline
    assert 10_000 * 100 / area == pytest.approx(1.80, abs=0.005)


def test_pixel_size_follows_the_row_of_the_tile(tmp_path: Path) -> None:
    root, satlas = tmp_path / "c", tmp_path / "satlas"
    far, middle = (write_tile(root, satlas, (4200, row), digits=("00",))[0] for row in (2401, 4096))
    write_captions(root, {far: "x", middle: "x"})
    # pyproj.Geod: area of the quadrant below 59.512 N, and of that below the equator, over 65,536
    assert opened(root).load(far).ground.pixel_area_m2 == pytest.approx(23.5836, rel=1e-4)
    assert opened(root).load(middle).ground.pixel_area_m2 == pytest.approx(90.6798, rel=1e-4)


def test_nothing_below_a_pixel_of_the_map_is_asked_about(root: Path) -> None:
    limits = opened(root).load(NW).labels[0].limits
    # WorldCover pixels of 1/12000 degree at 38.634 N, by pyproj.Geod: 67.13 m2, 9.25 m from north to south
    assert (limits.min_patch_m2, limits.min_distance_m) == (pytest.approx(67.1, abs=0.1), pytest.approx(9.25, abs=0.01))
    assert limits.according_to == "the SatlasPretrain land-cover map"


def test_polygons_drawn_in_degrees_have_their_geodesic_area_and_distance(root: Path) -> None:
    west, east = [(x0, 60, x1, 190) for x0, x1 in ((20, 90), (170, 240))]  # pixel columns and rows
    codes = np.full((512, 512), 6, np.uint8)
    outlines = {}
    for code, (x0, y0, x1, y1) in ((1, west), (2, east)):
        edge = [lonlat(x, y) for x, y in ((x0, y0), (x1, y0), (x1 - 10, y1), (x0 + 10, y1))]
        outlines[code] = shapely.Polygon(edge)
        points = [lonlat(c + 0.5, r + 0.5) for r in range(256) for c in range(256)]
        inside = shapely.contains_xy(outlines[code], *np.transpose(points)).reshape(256, 256)
        codes[:256, :256][inside] = code
    write_tile(root, root.parent / "satlas", codes=codes)
    scene = opened(root).load(NW)
    classes = scene.labels[0].classes()
    for code, outline in outlines.items():
        geodesic = abs(GEOD.geometry_area_perimeter(outline)[0])
        assert scene.ground.area_m2(classes == code - 1) == pytest.approx(geodesic, rel=0.01)
    # The gap between the polygons, and one pixel more, since pixels are measured from centre to centre.
    gap = GEOD.inv(*lonlat(90, 60), *lonlat(170, 60))[2]
    assert gap == pytest.approx(597.9, abs=0.5)  # 80 pixels of 7.47 m
    assert distance(classes == 0, classes == 1, scene.ground.sampling) == pytest.approx(gap + 7.47, rel=0.01)


# --- which quadrant -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [ROW_COLUMN, COLUMN_ROW])
def test_01_and_10_lie_where_the_edges_put_them(tmp_path: Path, order: str) -> None:
    root, codes = tmp_path / "c", land_cover(3)
    names = write_tile(root, tmp_path / "satlas", codes=codes, order=order)
    write_captions(root, dict.fromkeys(names, "x"))
    source = opened(root)
    for name in (NE, SW):
        scene = source.load(name)
        tile = scene.provenance["tile"]
        assert tile["digit_order"] == order
        assert abs(tile["statistic"]) > 4
        east = (name == NE) == (order == ROW_COLUMN)
        assert tile["quadrant"] == ("north-east" if east else "south-west")
        down, across = (0, 256) if east else (256, 0)
        raw = codes[down:, across:][:256, :256]
        assert np.array_equal(scene.labels[0].classes(), raw - 1)
        corner = scene.transform[2], scene.transform[5]  # type: ignore[index]
        first = source.load(NW).transform
        assert first is not None
        step = 256 * 9.554628535647
        assert corner == (
            pytest.approx(first[2] + (step if east else 0)),
            pytest.approx(first[5] - (0 if east else step)),
        )


def test_a_tile_without_edges_keeps_00_and_11_and_gives_up_01_and_10(root: Path) -> None:
    write_png(label_path(root.parent / "satlas"), np.full((512, 512), 6, np.uint8))
    for name in (NW, NE, SW, SE):
        write_png(png(root, name), np.full((256, 256, 3), 90, np.uint8))
    assert {reason(root, name) for name in (NE, SW)} == {"quadrant_undecided"}
    for name in (NW, SE):
        read_all(opened(root).load(name))


def test_noise_decides_no_quadrant(root: Path) -> None:
    rng = np.random.default_rng(0)
    for name in (NW, NE, SW, SE):
        write_png(png(root, name), rng.integers(1, 255, (256, 256, 3), dtype=np.uint8))
    assert {reason(root, name) for name in (NE, SW)} == {"quadrant_undecided"}


def test_broken_and_placeholder_neighbours_do_not_stop_the_decision(root: Path) -> None:
    write_png(png(root, NW), np.full((256, 256, 3), 255, np.uint8))
    png(root, SE).write_bytes(b"no picture")
    tile = opened(root).load(NE).provenance["tile"]
    assert (tile["digit_order"], tile["quadrant"]) == (ROW_COLUMN, "north-east")


def test_a_placeholder_is_called_that_and_not_undecided(root: Path) -> None:
    for name in (NW, NE, SW, SE):
        write_png(png(root, name), np.zeros((256, 256, 3), np.uint8))
    assert reason(root, NE) == "placeholder"


# --- WorldCover ---------------------------------------------------------------------------------------------------


def coast(lon: Any, lat: Any) -> Any:
    """Water west of 9.2 W, built-up south of 38.63 N, else cropland."""
    return np.where(lon < -9.2, 80, np.where(lat < 38.63, 50, 40))


def test_worldcover_is_laid_under_the_tile_by_the_place_of_its_pixels(root: Path) -> None:
    labels = root.parent / "worldcover"
    write_worldcover(labels, "N36W012", (-9.2, 38.63), coast, half=700, version="2020_v100")
    source = opened(root, worldcover=str(labels))
    scene = source.load(NW)
    assert scene.license == "CC-BY-4.0"
    assert scene.provenance["labels"]["file"] == "ESA_WorldCover_10m_2020_v100_N36W012_Map.tif"
    legend, classes = scene.labels[0].legend, scene.labels[0].classes()
    # 9.2 W is column 512 * (8192 * (180 - 9.2) / 360 - 3886) = 332.2: beyond the western quadrants
    assert (classes == legend.id_of("permanent water")).all()
    # 38.63 N is row 512 * (4096 - 8192 asinh(tan(38.63 deg)) / 2 pi - 3141) = 316.2 of the tile, 60.2 of the quadrant
    classes = source.load(SE).labels[0].classes()
    names = [legend.names[c] for c in (classes[30, 70], classes[30, 80], classes[59, 80], classes[62, 80])]
    assert names == ["permanent water", "cropland", "cropland", "built-up area"]
    assert {legend.names[c] for c in np.unique(classes[:, 78:])} == {"cropland", "built-up area"}


def test_places_outside_the_worldcover_tiles_are_refused(root: Path) -> None:
    labels = root.parent / "worldcover"
    write_worldcover(labels, "N36E012", (13.0, 37.0), coast, half=10, version="2020_v100")
    assert reason(root, worldcover=str(labels)) == "missing_label"


def test_another_release_of_worldcover_is_refused(root: Path) -> None:
    labels = root.parent / "worldcover"
    write_worldcover(labels, "N36W012", (-9.2, 38.63), coast, half=10, version="2021_v200")
    with pytest.raises(SourceError, match=r"expected release 2020_v100.*found 2021_v200"):
        opened(root, worldcover=str(labels))


# --- Sentinel-1 ---------------------------------------------------------------------------------------------------


def test_sentinel_1_pictures_are_a_frame_of_digital_numbers_where_they_lie(root: Path) -> None:
    s1 = root.parent / "s1"
    write_s1(s1, NW, vv=90, vh=40)
    source = opened(root, s1=str(s1))
    scene = source.load(NW)
    sar = scene.frames[1]
    assert (sar.id, sar.t, sar.modality, sar.unit) == (f"{NW}/S1", 1, Modality.SAR, "digital number")
    assert (sar.bands, sar.pixels()[:, 5, 5].tolist()) == (("VV", "VH"), [90, 40])
    assert render(sar)[5, 5].tolist() == [90, 40, 90]
    assert scene.provenance["files"]["s1_vv"] == f"vv/{NW}.png"
    assert str(s1) not in json.dumps(scene.provenance)
    assert len(source.load(SE).frames) == 1
    assert len(opened(root).load(NW).frames) == 1


def test_half_of_a_sentinel_1_pair_is_missing_sar(root: Path) -> None:
    s1 = root.parent / "s1"
    write_s1(s1, NW)
    (s1 / "vh" / f"{NW}.png").unlink()
    assert reason(root, s1=str(s1)) == "missing_sar"


def test_a_folder_without_both_polarisations_is_a_source_error(root: Path) -> None:
    (root.parent / "s1" / "vv").mkdir(parents=True)
    with pytest.raises(SourceError, match="folder with vv and vh"):
        opened(root, s1=str(root.parent / "s1"))


# --- fingerprint and the whole way --------------------------------------------------------------------------------


def test_fingerprint_follows_captions_labels_and_sentinel_1_but_not_the_disk(root: Path, tmp_path: Path) -> None:
    first = opened(root).fingerprint()
    write_s1(root.parent / "s1", NW)
    assert opened(root, s1=str(root.parent / "s1")).fingerprint() != first
    moved = root.rename(tmp_path / "moved")
    assert opened(moved).fingerprint() == first
    write_captions(moved, {NW: "Another text.", NE: "x", SW: "x", SE: "x"})
    assert opened(moved).fingerprint() != first


def test_listing_reads_no_pixels(root: Path) -> None:
    for name in (NW, NE, SW, SE):
        png(root, name).write_bytes(b"not looked at")
    assert list(opened(root).ids()) == [NW, NE, SW, SE]


def test_scenes_become_samples_and_a_data_set_that_verifies(tmp_path: Path) -> None:
    root, satlas = write_download(tmp_path, 2)
    source = open_source("chatearthnet", str(root), satlas=str(satlas))
    rows = scene_samples(SceneFacts(source.load(source.ids()[0])), seed=0)
    assert len(rows) >= 2
    spec = SourceSpec("chatearthnet", str(root), (("satlas", str(satlas)),))
    summary = generate(spec, tmp_path / "out")
    assert (summary.scenes_read, summary.quarantined) == (4, 0)
    for source_path in (None, str(root)):
        report = verify(tmp_path / "out", source_path, options={"satlas": str(satlas)})
        assert report.ok, report.problems


def test_a_benchmark_can_be_built(tmp_path: Path) -> None:
    root, satlas = write_download(tmp_path, 14, split="test", digits=("00",), parts=(RGB,))
    spec = SourceSpec("chatearthnet", str(root), (("satlas", str(satlas)), ("split", "test")))
    summary = build(spec, tmp_path / "bench")
    assert summary.quarantined == 0
    assert summary.counts["items"] >= 12
    asked = {row["task"] for row in read_rows(tmp_path / "bench", "items", ["task"])}
    assert {"area", "coverage"} & asked, asked
    assert verify(tmp_path / "bench").ok


def test_a_real_download_agrees_with_what_is_published() -> None:
    folder, satlas = os.environ.get("TERRASCOPE_CHATEARTHNET"), os.environ.get("TERRASCOPE_SATLAS")
    if not folder or not satlas:
        pytest.skip("set TERRASCOPE_CHATEARTHNET to the download and TERRASCOPE_SATLAS to the SatlasPretrain labels")
    source = ChatEarthNetSource(folder, satlas=satlas)
    assert len(source.index.splits) == 163_488
    names = source.ids()
    if NW in names:
        scene = source.load(NW)
        assert scene.ground.pixel_area_m2 == pytest.approx(55.6, abs=0.05)
        read_all(scene)
    # Never published, so to be settled here: all tiles that say in which order the digits count must say the same.
    orders: Counter[str] = Counter()
    asked = [name for name in names if name.endswith("01")][:200]
    for name in asked:
        try:
            orders[source.load(name).provenance["tile"]["digit_order"]] += 1
        except SceneError as error:
            orders[error.reason] += 1
    decided = [orders[ROW_COLUMN], orders[COLUMN_ROW]]
    assert min(decided) <= 0.02 * sum(decided), orders
    assert sum(decided) >= 0.5 * len(asked), orders
