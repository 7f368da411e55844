"""The geotiff source on tiny synthetic rasters: what it reads, and one clear error for everything that can be wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rasterio.errors import NotGeoreferencedWarning
from tiny_rasters import LABELS, LAYOUT, UTM, image, opened, two_scenes, write

from terracot.scenes import IGNORE, Modality, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.geotiff import GeoTiffSource
from terracot.sources.layout import shipped_layouts
from terracot.survey import read_all


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return two_scenes(tmp_path)


def reason(source: GeoTiffSource, scene_id: str = "a") -> str:
    with pytest.raises(SceneError) as caught:
        read_all(source.load(scene_id))
    assert scene_id in str(caught.value)
    return caught.value.reason


def test_scene_has_pixels_in_unit_labels_in_ids_and_where_they_are_from(folder: Path) -> None:
    source = opened(folder)
    assert source.ids() == ("a", "b")
    scene = source.load("a")
    (frame,) = scene.frames
    assert (frame.modality, frame.t, frame.time, frame.hidden) == (Modality.MULTISPECTRAL, 1, None, None)
    assert frame.pixels()[:, 0, 0].tolist() == pytest.approx([0.1, 0.1001, 0.1002])
    assert frame.pixels().dtype == np.float32
    assert scene.labels[0].classes().tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [0, IGNORE, 1, 1], [0, 0, 1, 1]]
    assert (scene.ground.basis, scene.ground.pixel_area_m2) == ("measured", 100.0)
    assert (scene.crs, scene.transform) == ("EPSG:32633", UTM)
    assert (scene.source, scene.group, scene.split, scene.license) == ("tiny", "tiny/a", "train", "CC0-1.0")
    where = scene.provenance
    assert where["files"] == {"S2": ["image/a.tif"]}
    assert where["labels"][0]["file"] == "label/a.tif"
    assert where["labels"][0]["codes"] == {"classes": {"water": [1], "forest": [2]}, "ignore": [0]}
    assert (where["layout"], where["window"], where["static_labels"]) == ("tiny", [0, 0, 4, 4], False)


def test_nothing_machine_dependent_reaches_the_provenance(folder: Path) -> None:
    assert str(folder) not in str(opened(folder).load("a").provenance)


def test_source_opens_by_its_registered_name(folder: Path) -> None:
    opened(folder)
    assert open_source("geotiff", str(folder)).name == "geotiff"


def test_extra_files_are_no_scenes(folder: Path) -> None:
    source = opened(folder)
    before = source.fingerprint()
    (folder / "label" / "notes.txt").write_text("x")
    (folder / "label" / "deep").mkdir()
    write(folder / "image" / "c.tif", image())
    again = opened(folder)
    assert again.ids() == ("a", "b")
    assert again.fingerprint() == before


def test_missing_files_name_the_scene_and_the_file(folder: Path) -> None:
    (folder / "image" / "a.tif").unlink()
    assert reason(opened(folder)) == "missing_frame"
    assert reason(opened(folder), "nowhere") == "missing_label"
    assert opened(folder).load("b").id == "b"


def test_a_label_with_more_pixels_than_the_image_is_refused(folder: Path) -> None:
    write(folder / "label" / "a.tif", np.ones((4, 5), np.uint8))
    assert reason(opened(folder)) == "mismatched_shapes"


def test_coarser_bands_are_refused_unless_the_layout_asks_for_them(folder: Path) -> None:
    write(folder / "image" / "a.tif", image(size=2), transform=(20, 0, 331200, 0, -20, 5331600))
    assert reason(opened(folder)) == "mismatched_shapes"


def test_coarser_bands_are_brought_to_the_label_grid_bilinearly(folder: Path) -> None:
    """Centres of 10 m pixels lie a quarter of a 20 m pixel beside its centre: 1000, 1250, 1750, 2000."""
    columns = np.tile(np.array([1000, 2000], np.uint16), (3, 2, 1))
    write(folder / "image" / "a.tif", columns, transform=(20, 0, 331200, 0, -20, 5331600))
    source = opened(folder, lambda d: d["frames"][0].update(resample="bilinear"))
    row = source.load("a").frames[0].pixels()[0, 1]
    assert row.tolist() == pytest.approx([0.1, 0.125, 0.175, 0.2])


def test_coarser_bands_of_another_extent_are_refused(folder: Path) -> None:
    write(folder / "image" / "a.tif", image(size=2), transform=(20, 0, 331220, 0, -20, 5331600))
    assert reason(opened(folder, lambda d: d["frames"][0].update(resample="bilinear"))) == "mismatched_georeference"


def test_bands_of_several_files_make_one_frame(folder: Path) -> None:
    write(folder / "nir" / "a.tif", np.full((4, 4), 5000, np.uint16))

    def two(d: dict[str, Any]) -> None:
        d["frames"][0].update(files=["image/{id}.tif", "nir/{id}.tif"], bands=["B02", "B03", "B04", "B08"])

    pixels = opened(folder, two).load("a").frames[0].pixels()
    assert pixels[:, 3, 3].tolist() == pytest.approx([0.1, 0.1001, 0.1002, 0.5])


def test_unknown_code_names_file_and_code(folder: Path) -> None:
    write(folder / "label" / "a.tif", np.where(LABELS == 2, 77, LABELS).astype(np.uint8))
    source = opened(folder)
    with pytest.raises(SceneError, match=r"label/a\.tif: label codes \[77\]") as caught:
        source.load("a").labels[0].classes()
    assert caught.value.reason == "unknown_code"


def test_label_map_of_ignored_codes_only_is_refused(folder: Path) -> None:
    write(folder / "label" / "a.tif", np.zeros((4, 4), np.uint8))
    source = opened(folder)
    with pytest.raises(SceneError) as caught:
        source.load("a").labels[0].classes()
    assert caught.value.reason == "no_valid_pixels"


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.6])
def test_truncated_raster_is_a_scene_error_also_when_read_late(folder: Path, kept: float) -> None:
    size = 256
    for kind, data in (("image", image(size=size)), ("label", np.ones((size, size), np.uint8))):
        write(folder / kind / "a.tif", data)
    path = folder / "image" / "a.tif"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    source = opened(folder)
    with pytest.raises(SceneError, match=r"image/a\.tif.*truncated") as caught:
        source.load("a").frames[0].pixels()
    assert caught.value.reason == "unreadable"


def test_truncated_label_and_a_text_file_are_unreadable(folder: Path) -> None:
    path = folder / "label" / "a.tif"
    path.write_bytes(path.read_bytes()[:-8])
    (folder / "label" / "b.tif").write_text("<html>not found</html>")
    source = opened(folder)
    for scene_id in ("a", "b"):
        with pytest.raises(SceneError) as caught:
            source.load(scene_id).labels[0].classes()
        assert caught.value.reason == "unreadable"


def test_shifted_image_is_refused_and_a_hundredth_of_a_pixel_is_not(folder: Path) -> None:
    write(folder / "image" / "a.tif", image(), transform=(10, 0, 331200.05, 0, -10, 5331600))
    assert opened(folder).load("a").transform == UTM
    write(folder / "image" / "a.tif", image(), transform=(10, 0, 331205, 0, -10, 5331600))
    assert reason(opened(folder)) == "mismatched_georeference"


def test_image_in_another_crs_is_refused(folder: Path) -> None:
    write(folder / "image" / "a.tif", image(), crs="EPSG:32632")
    assert reason(opened(folder)) == "mismatched_georeference"


def test_two_images_that_disagree_are_refused_though_the_label_has_no_georeference(folder: Path) -> None:
    write(folder / "label" / "a.tif", LABELS, crs=None, transform=None)
    write(folder / "other" / "a.tif", image(), transform=(10, 0, 999999, 0, -10, 5331600))

    def two(d: dict[str, Any]) -> None:
        d["frames"].append(d["frames"][0] | {"name": "other", "files": "other/{id}.tif"})

    assert reason(opened(folder, two)) == "mismatched_georeference"


def test_label_without_georeference_takes_that_of_its_image(folder: Path) -> None:
    write(folder / "label" / "a.tif", LABELS, crs=None, transform=None)
    scene = opened(folder).load("a")
    assert (scene.ground.basis, scene.crs, scene.provenance["georeference"]) == (
        "measured",
        "EPSG:32633",
        "image/a.tif",
    )


def test_crs_without_a_transform_is_refused(folder: Path) -> None:
    for kind, data in (("image", image()), ("label", LABELS)):
        write(folder / kind / "a.tif", data, transform=None)
    assert reason(opened(folder)) == "crs_without_transform"
    nominal = opened(folder, lambda d: d.update(ground={"nominal_m": [10, 10]})).load("a").ground
    assert (nominal.basis, nominal.pixel_area_m2) == ("nominal", 100.0)


def test_sheared_georeference_is_refused(folder: Path) -> None:
    for kind, data in (("image", image()), ("label", LABELS)):
        write(folder / kind / "a.tif", data, transform=(10, 4, 331200, 0, -10, 5331600))
    assert reason(opened(folder)) == "georeference"


def test_png_folder_has_unknown_size_unless_the_layout_states_it(
    folder: Path, recwarn: pytest.WarningsRecorder
) -> None:
    write(folder / "image" / "a.png", image().astype(np.uint8))
    write(folder / "label" / "a.png", LABELS)

    def png(d: dict[str, Any]) -> None:
        d["labels"][0]["files"] = "label/{id}.png"
        d["frames"][0].update(files="image/{id}.png", bands=["R", "G", "B"], unit="digital number", scale=1)

    recwarn.clear()
    scene = opened(folder, png).load("a")
    assert scene.frames[0].pixels().dtype == np.uint8
    assert not [w for w in recwarn if w.category is NotGeoreferencedWarning]
    assert (scene.ground.basis, scene.crs) == ("unknown", None)
    stated = opened(folder, lambda d: (png(d), d.update(ground={"nominal_m": [3, 4]}))).load("a")
    assert (stated.ground.basis, stated.ground.sampling) == ("nominal", (3.0, 4.0))


def test_stated_size_never_overrides_a_measured_one(folder: Path) -> None:
    ground = opened(folder, lambda d: d.update(ground={"nominal_m": [3, 3]})).load("a").ground
    assert (ground.basis, ground.pixel_area_m2) == ("measured", 100.0)


def test_building_numbers_that_are_none_are_refused(folder: Path) -> None:
    write(folder / "buildings" / "a.tif", np.full((4, 4), -1, np.int16))
    assert reason(opened(folder, lambda d: d.update(instances=[{"files": "buildings/{id}.tif"}]))) == "instance_number"


def test_bits_of_a_mask_that_holds_fractions_are_refused(folder: Path) -> None:
    write(folder / "mask" / "a.tif", np.full((4, 4), 0.5, np.float32))
    hidden = {"files": "mask/{id}.tif", "bits": [1]}
    source = opened(folder, lambda d: d["frames"][0].update(hidden=hidden))
    assert reason(source) == "hidden_dtype"


def test_wrong_number_of_bands_is_refused(folder: Path) -> None:
    write(folder / "image" / "a.tif", image()[:2])
    assert reason(opened(folder)) == "band_count"
    write(folder / "label" / "b.tif", image())
    assert reason(opened(folder), "b") == "band_count"


def test_sixteen_bit_digital_numbers_need_stated_limits(folder: Path) -> None:
    change = {"bands": ["R", "G", "B"], "unit": "digital number", "scale": 1}
    assert reason(opened(folder, lambda d: d["frames"][0].update(change))) == "display"
    limits = {"bands": ["R", "G", "B"], "low": 0, "high": 4000}
    scene = opened(folder, lambda d: d["frames"][0].update(change, display=limits)).load("a")
    assert scene.frames[0].display.high == (4000.0, 4000.0, 4000.0)


def test_empty_pixels_are_those_where_every_band_says_so(folder: Path) -> None:
    data = image()
    data[:, 0, 0] = 0
    data[1, 3, 3] = 0
    write(folder / "image" / "a.tif", data)
    pixels = opened(folder, lambda d: d["frames"][0].update(nodata=0)).load("a").frames[0].pixels()
    assert np.isnan(pixels[:, 0, 0]).all()
    assert int(np.isnan(pixels).sum()) == 3
    assert pixels[1, 3, 3] == 0


def test_values_that_are_not_finite_stay_so(folder: Path) -> None:
    data = np.full((2, 4, 4), -12.0, np.float32)
    data[0, 1, 1], data[1, 2, 2] = np.nan, -np.inf
    write(folder / "image" / "a.tif", data)
    sar = {"bands": ["VV", "VH"], "unit": "dB", "modality": "sar", "scale": 1}
    pixels = opened(folder, lambda d: d["frames"][0].update(sar)).load("a").frames[0].pixels()
    assert int((~np.isfinite(pixels)).sum()) == 2


def test_offset_of_single_scenes_is_applied_to_them_alone(folder: Path) -> None:
    source = opened(folder, lambda d: d.update(overrides={"b": {"S2": {"offset": -0.1}}}))
    assert source.load("a").frames[0].pixels()[0, 0, 0] == pytest.approx(0.1)
    assert source.load("b").frames[0].pixels()[0, 0, 0] == pytest.approx(0.0)
    assert source.load("b").provenance["overrides"] == {"S2": {"offset": -0.1}}


@pytest.mark.parametrize(("rule", "count"), [({"equals": [255]}, 1), ({"bits": [1, 3]}, 3)])
def test_cloud_mask_by_value_or_by_bits(folder: Path, rule: dict[str, Any], count: int) -> None:
    mask = np.zeros((4, 4), np.uint8)
    mask[0] = [0b10, 0b1000, 0b100, 255]
    write(folder / "mask" / "a.tif", mask)
    hidden = {"files": "mask/{id}.tif"} | rule
    source = opened(folder, lambda d: d["frames"][0].update(hidden=hidden))
    read = source.load("a").frames[0].hidden
    assert read is not None
    assert (read().dtype, int(read().sum()), bool(read()[0, 3])) == (np.dtype(bool), count, True)
    assert reason(source, "b") == "missing_hidden"


def two_dates(d: dict[str, Any]) -> None:
    first = d["frames"][0]
    d["frames"] = [
        first | {"name": "late", "files": "after/{id}.tif", "t": 2, "time": "2020-06-01"},
        first | {"name": "early", "time": "2020-05-01T10:00:00"},
    ]
    d["labels"][0]["t"] = 2


def test_dates_are_put_in_order(folder: Path) -> None:
    write(folder / "after" / "a.tif", image(2000))
    scene = opened(folder, two_dates).load("a")
    assert [(f.id, f.t, f.time) for f in scene.frames] == [
        ("a/early", 1, "2020-05-01T10:00:00"),
        ("a/late", 2, "2020-06-01"),
    ]
    assert (scene.labels[0].t, scene.provenance["static_labels"]) == (2, False)


def test_dates_against_the_order_of_t_are_refused(folder: Path) -> None:
    write(folder / "after" / "a.tif", image(2000))

    def swapped(d: dict[str, Any]) -> None:
        two_dates(d)
        d["frames"][0]["time"] = "2019-06-01"

    assert reason(opened(folder, swapped)) == "bad_dates"


@pytest.mark.parametrize("time", ["summer", "2020-13-01"])
def test_a_time_that_is_none_is_refused(folder: Path, time: str) -> None:
    assert reason(opened(folder, lambda d: d["frames"][0].update(time=time))) == "bad_dates"


def test_one_map_for_two_dates_is_marked(folder: Path) -> None:
    write(folder / "after" / "a.tif", image(2000))

    def both(d: dict[str, Any]) -> None:
        two_dates(d)
        d["labels"] = [{"files": "label/{id}.tif", "t": 1}, {"files": "label/{id}.tif", "t": 2}]

    assert opened(folder, both).load("a").provenance["static_labels"] is True


def test_time_and_group_and_split_come_from_an_index(folder: Path) -> None:
    (folder / "index.csv").write_text("id,place,product,part\na,delta,S2A_20170613T101031_N1,val\n")

    def index(d: dict[str, Any]) -> None:
        d["frames"][0]["time"] = {"column": "product", "match": r"_(\d{8}T\d{6})_"}
        d.update(index="index.csv", group={"column": "place"})
        d["split"] = {"column": "part", "values": {"val": "test"}}

    source = opened(folder, index)
    scene = source.load("a")
    assert (scene.frames[0].time, scene.group, scene.split) == ("2017-06-13T10:10:31", "tiny/delta", "test")
    assert reason(source, "b") == "missing_index"


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ({"block": 20}, ["tiny/0", "tiny/0", "tiny/1"]),
        ({"match": r"^(\w)"}, ["tiny/p", "tiny/q", "tiny/q"]),
        ({"fixed": "one"}, ["tiny/one"] * 3),
    ],
)
def test_groups_by_rule(folder: Path, group: dict[str, Any], names: list[str]) -> None:
    for scene_id in ("p0001", "q0019", "q0020"):
        write(folder / "image" / f"{scene_id}.tif", image())
        write(folder / "label" / f"{scene_id}.tif", LABELS)
    source = opened(folder, lambda d: d.update(group=group))
    assert [source.load(s).group for s in ("p0001", "q0019", "q0020")] == names


def test_a_group_rule_that_does_not_apply_is_an_error(folder: Path) -> None:
    assert reason(opened(folder, lambda d: d.update(group={"block": 20}))) == "group"


def test_buildings_are_counted_and_make_a_label_map(folder: Path) -> None:
    numbers = np.zeros((4, 4), np.uint16)
    numbers[0, 0], numbers[2:, 2:] = 7, 300
    write(folder / "buildings" / "a.tif", numbers)

    def instances(d: dict[str, Any]) -> None:
        d["instances"] = [{"files": "buildings/{id}.tif"}]
        d["labels"] = [{"files": "buildings/{id}.tif", "derive": "nonzero"}]
        d["legend"]["classes"][0]["codes"], d["legend"]["ignore"] = [0], []
        d["legend"]["classes"][1]["codes"] = [1]

    scene = opened(folder, instances).load("a")
    (buildings,) = scene.instances
    assert [(i.number, i.uid) for i in buildings.instances] == [(7, "7"), (300, "300")]
    assert buildings.numbers().dtype == np.int32
    assert np.array_equal(scene.labels[0].classes() == 1, numbers > 0)


def test_fixed_file_names_need_ids(folder: Path) -> None:
    def fixed(d: dict[str, Any]) -> None:
        d.update(ids=["place"])
        d["frames"][0]["files"], d["labels"][0]["files"] = "image/a.tif", "label/a.tif"

    source = opened(folder, fixed)
    assert source.ids() == ("place",)
    assert source.load("place").shape == (4, 4)
    with pytest.raises(SourceError, match="key ids: expected a pattern with"):
        opened(folder, lambda d: (fixed(d), d.pop("ids")))


def test_patterns_with_folders_and_stars_find_one_file(folder: Path) -> None:
    write(folder / "tiles" / "T33" / "p1" / "p1_map.tif", LABELS)
    write(folder / "tiles" / "T33" / "p1" / "p1_image.tif", image())
    write(folder / "tiles" / "T33" / "p2" / "other_map.tif", LABELS)

    def deep(d: dict[str, Any]) -> None:
        d["labels"][0]["files"] = "tiles/*/{id}/{id}_map.tif"
        d["frames"][0]["files"] = "tiles/*/{id}/{id}_image.tif"

    source = opened(folder, deep)
    assert source.ids() == ("p1",)
    assert source.load("p1").provenance["files"]["S2"] == ["tiles/T33/p1/p1_image.tif"]
    write(folder / "tiles" / "T34" / "p1" / "p1_image.tif", image())
    assert reason(source, "p1") == "ambiguous_files"


def test_fingerprint_follows_files_sizes_and_layout(folder: Path) -> None:
    first = opened(folder).fingerprint()
    assert GeoTiffSource(folder).fingerprint() == first
    assert opened(folder, lambda d: d["frames"][0].update(scale=0.001)).fingerprint() != first
    write(folder / "image" / "a.tif", image(), compress="deflate")
    assert opened(folder).fingerprint() != first


def test_layout_file_may_lie_elsewhere(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    opened(folder)
    own = GeoTiffSource(folder / "terracot.yaml")
    assert own.ids() == ("a", "b")
    far = tmp_path_factory.mktemp("layouts") / "mine.yaml"
    far.write_text(yaml.safe_dump(LAYOUT | {"root": os.path.relpath(folder, far.parent)}))
    assert GeoTiffSource(far).ids() == ("a", "b")
    far.write_text(yaml.safe_dump(LAYOUT | {"root": "gone"}))
    with pytest.raises(SourceError, match="key root"):
        GeoTiffSource(far)


def test_folder_without_layout_says_how_to_get_one(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"terracot\.yaml.*Shipped layouts: amazon_forest.*--layout NAME") as caught:
        GeoTiffSource(folder)
    assert folder.name in str(caught.value)
    with pytest.raises(SourceError, match="--layout nonsense"):
        GeoTiffSource(folder, layout="nonsense")
    with pytest.raises(SourceError, match="found nothing at"):
        GeoTiffSource(folder / "gone")


def test_shipped_layout_by_option_or_by_folder_name(folder: Path) -> None:
    assert "ukis_cloud" in shipped_layouts()
    named = folder / "ukis_cloud"
    named.mkdir()
    assert GeoTiffSource(named).layout.name == "ukis_cloud"
    assert GeoTiffSource(folder, layout="ukis_cloud").layout.name == "ukis_cloud"


def test_empty_folder_is_a_source_error(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"no file matches nothing/\{id\}\.tif"):
        opened(folder, lambda d: d["labels"][0].update(files="nothing/{id}.tif")).ids()
