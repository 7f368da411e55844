"""The synthetic source keeps its promises: same bytes, exact labels, buildings apart, water that drains."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import reconstruction

from terracot.scenes import Modality, Scene, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.procedural import ProceduralSource
from terracot.sources.procedural.buildings import plan_town
from terracot.sources.procedural.hydrology import border, drain
from terracot.sources.procedural.kinds import KINDS
from terracot.sources.procedural.landcover import make_land
from terracot.sources.procedural.legends import LAND, WATER
from terracot.sources.procedural.seeds import scene_seed, stream

EIGHT = np.ones((3, 3))
WORLDCOVER = {
    "tree cover": 10, "shrubland": 20, "grassland": 30, "cropland": 40, "built-up area": 50, "bare ground": 60,
    "water": 80, "wetland": 90,
}  # fmt: skip


def source_of(tmp_path: Path, text: str) -> ProceduralSource:
    path = tmp_path / "scenes.yaml"
    path.write_text(text)
    return ProceduralSource(str(path))


def digest(scene: Scene) -> str:
    parts = [layer.classes() for layer in scene.labels] + [frame.pixels() for frame in scene.frames]
    parts += [layer.numbers() for layer in scene.instances]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def first_of_each_family() -> dict[str, str]:
    ids = open_source("procedural", "default").ids()
    return {family: next(i for i in ids if f"-{family}-" in i) for family in ("landscape", "change", "settlement")}


def test_a_scene_has_the_same_bytes_again_and_in_another_process() -> None:
    source, ids = open_source("procedural", "default"), list(first_of_each_family().values())
    here = [digest(source.load(i)) for i in ids]
    assert here == [digest(source.load(i)) for i in ids]
    assert len(set(here)) == 3
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_procedural as t; "
        "s = t.open_source('procedural', 'default'); print(*[t.digest(s.load(i)) for i in sys.argv[2:]])"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent), *ids]
    there = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert there.stdout.split() == here


def test_bytes_do_not_depend_on_what_is_read_first() -> None:
    source, scene_id = open_source("procedural", "default"), first_of_each_family()["change"]
    forward, backward = source.load(scene_id), source.load(scene_id)
    last = backward.frames[-1].pixels()
    assert np.array_equal(backward.labels[1].classes(), forward.labels[1].classes())
    forward.labels[0].classes()[:] = 0  # a reader that scribbles on its copy harms nobody
    assert np.array_equal(forward.frames[-1].pixels(), last)
    assert np.array_equal(backward.labels[0].classes(), forward.labels[0].classes())


def test_no_train_seed_can_be_a_test_seed() -> None:
    train = [scene_seed("train", family, i) for family in ("landscape", "settlement") for i in range(200)]
    test = [scene_seed("test", family, i) for family in ("landscape", "settlement") for i in range(200)]
    assert max(train) < 2**62 <= min(test)
    assert max(test) < 2**63  # fits a signed 64-bit column
    assert len(set(train + test)) == 800


def test_the_same_index_is_another_place_in_train_and_test(tmp_path: Path) -> None:
    text = "split: {}\nscenes: 1\nsize: 64\nfamilies: {{landscape: 1}}"
    maps = []
    for split in ("train", "test"):
        source = source_of(tmp_path, text.format(split))
        scene = source.load(source.ids()[0])
        assert (scene.split, scene.id) == (split, f"procedural-{split}-landscape-000000")
        maps.append(scene.labels[0].classes())
    assert not np.array_equal(*maps)


def test_buildings_never_touch_and_are_as_many_as_their_instances() -> None:
    counts = []
    for seed in range(80):
        town = plan_town(stream(seed, "town"), (128, 128))
        patches, count = ndimage.label(town.number > 0, EIGHT)
        assert count == len(town.heights) == len(town.damage) == town.number.max()
        areas = np.bincount(patches.ravel())[1:]
        assert areas.min() >= 12
        for patch, box in enumerate(ndimage.find_objects(patches), 1):
            assert len(np.unique(town.number[box][patches[box] == patch])) == 1
        counts.append(count)
    assert np.percentile(counts, 10) >= 8
    assert max(counts) <= 60


def test_damage_ranges_from_none_to_a_whole_settlement() -> None:
    shares = [np.mean(plan_town(stream(seed, "town"), (128, 128)).damage == 3) for seed in range(60)]
    assert min(shares) == 0
    assert max(shares) > 0.8
    assert np.mean([0 < s < 0.8 for s in shares]) > 0.4


def test_a_settlement_scene_has_the_same_buildings_on_both_dates_and_debris_where_they_fell() -> None:
    source = open_source("procedural", "default")
    levels = set()
    for scene_id in [i for i in source.ids() if "-settlement-" in i][:8]:
        scene = source.load(scene_id)
        before, after = scene.instances
        assert np.array_equal(before.numbers(), after.numbers())
        assert all(b.uid == a.uid and b.damage is None for b, a in zip(before.instances, after.instances, strict=True))
        legend, label = scene.labels[1].legend, scene.labels[1].classes()
        fallen = np.isin(after.numbers(), [i.number for i in after.instances if i.damage == "destroyed"])
        assert np.array_equal(label == legend.id_of("debris"), fallen)
        assert np.array_equal(scene.labels[0].classes() == legend.id_of("building cover"), before.numbers() > 0)
        levels |= {i.damage for i in after.instances}
        assert scene.ground.pixel_area_m2 == pytest.approx(1.0)
    assert levels == {"no-damage", "minor-damage", "major-damage", "destroyed"}


def test_landscape_frames_keep_the_contract() -> None:
    scene = open_source("procedural", "default").load(first_of_each_family()["change"])
    assert [f.id for f in scene.frames] == ["t1-optical", "t1-sar", "t2-optical", "t2-sar"]
    assert [f.bands for f in scene.frames[:2]] == [("B02", "B03", "B04", "B08"), ("VV", "VH")]
    assert {c.name: c.codes[0] for c in scene.labels[0].legend.classes} == WORLDCOVER
    for frame in scene.frames:
        pixels = frame.pixels()
        assert pixels.dtype == np.float32
        assert np.isfinite(pixels).all()
        if frame.modality == Modality.OPTICAL:
            assert 0 < pixels.min() < pixels.max() <= 1
    assert scene.frames[0].time < scene.frames[2].time
    assert scene.ground.pixel_area_m2 == pytest.approx(100.0)
    assert (scene.group, scene.license, scene.provenance["synthetic"]) == (scene.id, "CC0-1.0", True)


def test_sensors_see_what_the_label_says() -> None:
    source = open_source("procedural", "default")
    vv, nir = {c: [] for c in WORLDCOVER}, {c: [] for c in WORLDCOVER}
    for scene_id in [i for i in source.ids() if "-landscape-" in i][:12]:
        scene = source.load(scene_id)
        label, (optical, sar) = scene.labels[0].classes(), scene.frames
        clear, power, infrared = ~optical.hidden(), sar.pixels()[0], optical.pixels()[3]
        for c in LAND.classes:
            vv[c.name] += list(power[label == c.id])
            nir[c.name] += list(infrared[clear & (label == c.id)])
    assert np.mean(vv["water"]) < np.mean(vv["grassland"]) - 3
    assert np.mean(vv["built-up area"]) > np.mean(vv["grassland"]) + 3
    assert np.mean(nir["water"]) < 0.1 < np.mean(nir["tree cover"]) < np.mean(nir["grassland"])


def test_clouds_are_in_optical_frames_only_and_never_in_clear_ones(tmp_path: Path) -> None:
    for share, cloudy in ((1, True), (0, False)):
        source = source_of(tmp_path, f"scenes: 3\nsize: 96\nfamilies: {{change: 1}}\ncloud_share: {share}")
        for scene_id in source.ids():
            for frame in source.load(scene_id).frames:
                assert (frame.hidden is None) == (frame.modality == Modality.SAR)
                if frame.hidden is not None:
                    assert frame.hidden().any() == cloudy


def test_the_default_mixes_all_families_in_their_shares() -> None:
    ids = open_source("procedural", "default").ids()
    counts = [sum(f"-{family}-" in i for i in ids) for family in ("landscape", "change", "settlement")]
    assert len(set(ids)) == 128
    assert counts == pytest.approx([64, 25.6, 38.4], abs=2)
    assert all(i.startswith("procedural-train-") for i in open_source("procedural", "default-train").ids())


def test_land_changes_between_the_dates_of_most_change_scenes() -> None:
    source = open_source("procedural", "default")
    changed = []
    for scene_id in [i for i in source.ids() if "-change-" in i][:13]:
        before, after = (layer.classes() for layer in source.load(scene_id).labels)
        changed.append(np.mean(before != after))
    assert np.mean(np.array(changed) > 0.01) > 0.6
    assert np.ptp(changed) > 0.1


def test_every_river_ends_in_a_lake_or_leaves_the_image() -> None:
    rivers = 0
    for seed in range(35):
        land = make_land(stream(seed, "labels"), (96, 96), list(KINDS)[seed % len(KINDS)])
        patches, count = ndimage.label(land.label == WATER, EIGHT)
        for patch in range(1, count + 1):
            water = patches == patch
            assert (water & (land.lake | border(water.shape))).any()
        rivers += bool(((land.label == WATER) & ~land.lake).any())
    assert rivers >= 10


def test_drainage_fills_hollows_as_morphological_reconstruction_does() -> None:
    height = np.random.default_rng(3).normal(size=(40, 50)).round(3)
    outlets = border(height.shape)
    seed = np.where(outlets, height, height.max())
    expected = reconstruction(seed, height, method="erosion", footprint=EIGHT)
    assert np.array_equal(drain(height, outlets).filled, expected)


def test_flow_counts_every_cell_upstream_once() -> None:
    height = np.random.default_rng(4).normal(size=(13, 11))
    drainage = drain(height, border(height.shape))
    expected = np.zeros(height.size)
    for cell in range(height.size):  # walk every drop of rain down to its outlet
        expected[cell] += 1
        while drainage.receiver[cell] != cell:
            cell = drainage.receiver[cell]
            expected[cell] += 1
    assert np.array_equal(drainage.accumulate(np.ones(height.shape)).ravel(), expected)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("scenes: 5\ncolour: red", "unknown keys colour; known keys: split, scenes, first, size"),
        ("split: validation", "split must be train or test, found 'validation'"),
        ("families: {forest: 1}", "families must be shares"),
        ("size: 12", "size must be a whole number of pixels from 64 to 1024, found 12"),
        ("cloud_share: 2", "cloud_share must be a share"),
        ("- scenes", "expected a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_wrong_configuration_names_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        source_of(tmp_path, text)


def test_a_missing_file_names_the_built_in_words() -> None:
    with pytest.raises(
        SourceError, match="one of default, default-train, everything or a YAML file, found no file 'defualt'"
    ):
        open_source("procedural", "defualt")


@pytest.mark.parametrize("wrong", ["procedural-test-landscape-000128", "procedural-train-landscape-000000", "x", ""])
def test_an_id_outside_the_configured_range_is_refused(wrong: str) -> None:
    with pytest.raises(SceneError, match="expected an id of its 128 scenes"):
        open_source("procedural", "default").load(wrong)


def test_scenes_lie_in_different_places_and_configurations_have_different_fingerprints(tmp_path: Path) -> None:
    source = open_source("procedural", "default")
    scenes = [source.load(i) for i in source.ids()[:20]]
    assert len({s.transform for s in scenes}) == 20
    assert source.fingerprint() == open_source("procedural", "default").fingerprint()
    assert source.fingerprint() != source_of(tmp_path, "scenes: 63").fingerprint()


def test_a_source_opened_from_its_inline_settings_gives_the_same_scenes(tmp_path: Path) -> None:
    source = source_of(tmp_path, "scenes: 2\nsize: 64\nfirst: 7\nfamilies: {settlement: 1}")
    again = open_source("procedural", source.inline())
    assert again.ids() == ["procedural-test-settlement-000007", "procedural-test-settlement-000008"]
    assert again.fingerprint() == source.fingerprint()
    assert digest(again.load(again.ids()[1])) == digest(source.load(again.ids()[1]))


SEQUENCES = "scenes: 40\nsize: 64\nfamilies: {sequence: 1}\ncloud_share: 0"


def test_sequences_have_three_to_six_dates_with_two_frames_and_a_map_each(tmp_path: Path) -> None:
    source = source_of(tmp_path, SEQUENCES)
    dates, processes = set(), set()
    for scene_id in source.ids():
        scene = source.load(scene_id)
        dates.add(scene.dates)
        processes |= set(scene.provenance["process"].split(" and "))
        assert [f.modality for f in scene.frames] == [Modality.OPTICAL, Modality.SAR] * scene.dates
        assert [label.t for label in scene.labels] == list(range(1, scene.dates + 1))
        times = [f.time for f in scene.frames[::2]]
        assert times == sorted(set(times))
        assert "static_labels" not in scene.provenance
    assert dates == {3, 4, 5, 6}
    assert processes == {"reservoir", "clearing", "town", "nothing"}


def test_forests_are_only_cleared_and_towns_only_grow_and_nothing_is_nothing(tmp_path: Path) -> None:
    source = source_of(tmp_path, SEQUENCES)
    changed = {"clearing": 0, "town": 0, "reservoir": 0}
    for scene in map(source.load, source.ids()):
        process = scene.provenance["process"]
        maps = [label.classes() for label in scene.labels]
        legend = scene.labels[0].legend
        tree, built, water = (legend.id_of(name) for name in ("tree cover", "built-up area", "water"))
        for before, after in pairwise(maps):
            if process == "clearing":
                assert np.all(before[before != after] == tree)
            if process == "town":
                assert np.all(after[before != after] == built)
            if process == "reservoir":
                assert np.all(((before == water) | (after == water))[before != after])
            if process == "nothing":
                assert np.array_equal(before, after)
        if process in changed:
            changed[process] += any(not np.array_equal(a, maps[0]) for a in maps)
    assert min(changed.values()) >= 3


def test_a_sequence_has_the_same_bytes_again_whatever_is_read_first(tmp_path: Path) -> None:
    source = source_of(tmp_path, SEQUENCES)
    for scene_id in list(source.ids())[:4]:
        backward = source.load(scene_id)
        last = backward.frames[-1].pixels()
        assert digest(backward) == digest(source.load(scene_id))
        assert np.array_equal(source.load(scene_id).frames[-1].pixels(), last)


def test_pictures_of_a_sequence_change_most_where_its_map_does(tmp_path: Path) -> None:
    """What is not relabelled keeps its texture; only the season and the sensor differ."""
    source = source_of(tmp_path, "scenes: 24\nsize: 96\nfamilies: {sequence: 1}\ncloud_share: 0")
    kept, moved = [], []
    for scene in map(source.load, source.ids()):
        if scene.provenance["process"] not in ("town", "reservoir"):
            continue
        (first, last), legend = (scene.labels[i].classes() for i in (0, -1)), scene.labels[0].legend
        steady = (first == last) & ~np.isin(first, [legend.id_of("cropland"), legend.id_of("grassland")])
        vv = [ndimage.uniform_filter(scene.frames[i].pixels()[0], 3) for i in (1, -1)]
        if (first != last).sum() > 200 and steady.sum() > 200:
            kept.append(np.median(np.abs(vv[1] - vv[0])[steady]))
            moved.append(np.median(np.abs(vv[1] - vv[0])[first != last]))
    assert len(kept) >= 5
    assert np.median(moved) > 1.5 * np.median(kept)


def test_everything_has_all_families_and_short_wave_infrared() -> None:
    source = open_source("procedural", "everything")
    families = {scene_id.split("-")[2] for scene_id in source.ids()}
    assert families == {"landscape", "change", "settlement", "sequence"}
    assert source.config.bands == "multispectral"


def test_scenes_of_the_other_families_are_as_they_were_before_there_were_sequences() -> None:
    """Published data sets name these scenes by seed; sha256 of labels and instances, as version 2 has made them."""
    source = open_source("procedural", "default")
    found = {}
    for family, scene_id in first_of_each_family().items():
        scene = source.load(scene_id)
        parts = [layer.classes() for layer in scene.labels] + [layer.numbers() for layer in scene.instances]
        found[family] = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()[
            :16
        ]
    assert found == {
        "landscape": "2e3675818648caf8",
        "change": "701aaa5981049fd0",
        "settlement": "6f144ab20cf4cb67",
    }
