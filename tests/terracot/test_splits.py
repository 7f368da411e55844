"""Splits by blocks of the ground: nothing that lies together, or belongs together, is on two sides."""

from __future__ import annotations

import json
import math
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from make_scenes import make_scenes, memory_scene

from terracot.cli import main
from terracot.dataset import generate
from terracot.generate import source_spec
from terracot.io import OutputError, read_manifest
from terracot.levels import parse_mix
from terracot.scenes import Scene, SceneError, SourceError
from terracot.shards import read_rows
from terracot.splits import BlockSplits, SplitRule, block_of, centre, joined_units, parse_shares, splits_of_source
from terracot.stats import stats
from terracot.verify import verify

LON = st.floats(-180, 180, allow_nan=False)
LAT = st.floats(-90, 90, allow_nan=False)


class Places:
    """A source of tiny scenes at stated places: (lon, lat) or None, and group."""

    name = "places"

    def __init__(self, places: Sequence[tuple[tuple[float, float] | None, str]]) -> None:
        self.places = places

    def ids(self) -> Sequence[str]:
        return [str(n) for n in range(len(self.places))]

    def load(self, scene_id: str) -> Scene:
        place, group = self.places[int(scene_id)]
        scene = replace(memory_scene([np.zeros((2, 2))], scene_id=scene_id), group=group)
        if place is None:
            return scene
        return replace(scene, crs="EPSG:4326", transform=(1e-4, 0.0, place[0] - 1e-4, 0.0, -1e-4, place[1] + 1e-4))

    def fingerprint(self) -> str:
        return "fixed"


def assigned(places: Sequence[tuple[tuple[float, float] | None, str]], km: float = 100, seed: int = 0) -> list[Scene]:
    source = Places(places)
    splits = splits_of_source(source, source.ids(), SplitRule(km), seed)
    return [splits.assigned(source.load(scene_id)) for scene_id in source.ids()]


# --- where a scene lies ---------------------------------------------------------------------------------------------


def test_centre_is_the_middle_of_the_raster_and_not_its_corner() -> None:
    """UTM 33 N: easting 500,000 is 15 degrees east; 10 pixels of 10 m lie right of it here."""
    lon, lat = centre("EPSG:32633", (10, 0, 500_000 - 50, 0, -10, 5_000_050), (10, 10)) or (0.0, 0.0)
    assert lon == pytest.approx(15.0, abs=1e-9)
    expected = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform(500_000, 5_000_000)
    assert lat == pytest.approx(expected[1], abs=1e-9)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [(None, (1, 0, 0, 0, -1, 0)), ("EPSG:4326", None), ("EPSG:999999", (1, 0, 0, 0, -1, 0)),
     ("EPSG:4326", (1, 0, 0, 0, -1, 500)), ("EPSG:32633", (10, 0, 1e12, 0, -10, 1e12))],
)  # fmt: skip
def test_no_place_is_made_up_where_there_is_none(crs: str | None, transform: tuple[float, ...] | None) -> None:
    assert centre(crs, transform, (4, 4)) is None


def test_blocks_have_the_asked_size_everywhere() -> None:
    """Two points 2 x KM apart are never in one block; its area is about KM squared at 0, 45 and 70 degrees."""
    geod = pyproj.Geod(ellps="WGS84")
    for lat in (0.3, 45.0, 70.0, -60.0):
        lons, lats = np.meshgrid(np.arange(0, 12, 0.02), lat + np.arange(0, 3, 0.02))
        names = [block_of(lon, la, 100) for lon, la in zip(lons.ravel(), lats.ravel(), strict=True)]
        inside = defaultdict(list)
        for name, lon, la in zip(names, lons.ravel(), lats.ravel(), strict=True):
            inside[name].append((lon, la))
        full = [points for points in inside.values() if len(points) > 0.9 * max(map(len, inside.values()))]
        for points in full:
            (west, south), (east, north) = np.min(points, 0), np.max(points, 0)
            width = geod.inv(west, (south + north) / 2, east, (south + north) / 2)[2] / 1000
            height = geod.inv(west, south, west, north)[2] / 1000
            assert 85 < width < 115
            assert 90 < height < 110


@given(LON, LAT, st.floats(1, 20_000))
def test_every_point_of_the_world_has_a_block_and_the_date_line_is_no_edge_of_the_map(
    lon: float, lat: float, km: float
) -> None:
    row, column = map(int, block_of(lon, lat, km).split("/"))
    assert row >= 0
    assert column >= 0
    assert block_of(-180.0, lat, km) == block_of(180.0, lat, km)
    assert block_of(12.0, 90.0, km) == block_of(12.0, 89.999999, km)


# --- what is kept together ------------------------------------------------------------------------------------------

SCENES = st.lists(
    st.tuples(
        st.one_of(st.none(), st.tuples(st.floats(5, 15), st.floats(40, 50))),
        st.sampled_from([f"g{n}" for n in range(9)]),
    ),
    min_size=1,
    max_size=25,
)


@given(SCENES, st.integers(0, 5))
def test_no_block_and_no_group_is_in_two_splits(
    places: list[tuple[tuple[float, float] | None, str]], seed: int
) -> None:
    of_block, of_group = defaultdict(set), defaultdict(set)
    for scene, (place, group) in zip(assigned(places, seed=seed), places, strict=True):
        assert scene.split in ("train", "val", "test")
        of_group[group].add(scene.split)
        if place is not None:
            lonlat = centre(scene.crs, scene.transform, scene.shape)
            assert lonlat is not None
            of_block[block_of(*lonlat, 100)].add(scene.split)
    assert [block for block, splits in of_block.items() if len(splits) > 1] == []
    assert [group for group, splits in of_group.items() if len(splits) > 1] == []


@given(SCENES, st.randoms())
def test_order_of_scenes_decides_nothing(places: list[tuple[tuple[float, float] | None, str]], random: object) -> None:
    order = list(range(len(places)))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight, mixed = assigned(places), assigned([places[n] for n in order])
    assert [straight[n].split for n in order] == [scene.split for scene in mixed]


def test_groups_smaller_than_a_block_join_nothing() -> None:
    pairs = [("block/1/1", "group/a"), ("block/1/1", "group/b"), ("block/2/2", "group/c")]
    assert joined_units(pairs) == {}


def test_chain_of_groups_and_blocks_is_one_unit() -> None:
    """a ties 3/1 to 2/1, b ties 2/1 to 1/1; scenes of b without a place go with them; c stands alone."""
    pairs = [("block/3/1", "group/a"), ("block/2/1", "group/a"), ("block/2/1", "group/b"), ("block/1/1", "group/b"),
             ("", "group/b"), ("", "group/c"), ("block/9/9", "group/d")]  # fmt: skip
    assert joined_units(pairs) == dict.fromkeys(["block/2/1", "block/3/1", "group/b"], "block/1/1")


def test_shares_are_about_right_and_depend_on_the_seed() -> None:
    """10,000 units: three standard deviations of a share of 0.1 are 0.009."""
    rule = SplitRule(10, {"train": 0.7, "val": 0.1, "test": 0.2})
    splits = [BlockSplits(rule, 0).split_of(f"block/{n}/7") for n in range(10_000)]
    for name, share in rule.shares.items():
        assert splits.count(name) / 10_000 == pytest.approx(share, abs=3 * math.sqrt(share * (1 - share) / 10_000))
    assert splits != [BlockSplits(rule, 1).split_of(f"block/{n}/7") for n in range(10_000)]


def test_scene_that_cannot_be_read_does_not_stop_the_others() -> None:
    class Broken(Places):
        def load(self, scene_id: str) -> Scene:
            if scene_id == "0":
                raise SceneError("broken", "broken")
            return super().load(scene_id)

    source = Broken([((5.0, 5.0), "a"), (None, "b")])
    splits = splits_of_source(source, source.ids(), SplitRule(50), 0)
    assert splits.assigned(source.load("1")).provenance["split"]["unit"] == "group/b"


def test_blocks_smaller_than_scenes_are_refused() -> None:
    """Two pixels of 10 m are 0.02 km."""
    source = Places([((5.0, 5.0), "a")])
    with pytest.raises(SourceError, match=r"wider than blocks of 0\.01 km"):
        splits_of_source(source, source.ids(), SplitRule(0.01), 0)


def test_provenance_says_what_decided_and_what_the_source_had_said() -> None:
    (scene,) = assigned([((15.0, 45.0), "a")])
    decided = scene.provenance["split"]
    assert (decided["by"], decided["km"], decided["source_split"]) == ("block", 100, "train")
    assert decided["block"] == decided["unit"] == f"block/{block_of(15.0, 45.0, 100)}"


# --- shares as they are typed ---------------------------------------------------------------------------------------


def test_shares_are_read() -> None:
    assert parse_shares("train=0.75, test=0.25") == {"train": 0.75, "test": 0.25}


@pytest.mark.parametrize("text", ["", "train", "train=x", "train=0", "train=-1", "train=0.5,train=0.5", "=1", "a=nan"])
def test_shares_that_cannot_be_read_are_named(text: str) -> None:
    with pytest.raises(SourceError, match="NAME=SHARE"):
        parse_shares(text)


def test_shares_that_leave_something_over_are_refused() -> None:
    with pytest.raises(SourceError, match=r"sums to 0\.9"):
        parse_shares("train=0.8,test=0.1")


# --- whole data sets ------------------------------------------------------------------------------------------------

SOURCE = source_spec("procedural", "{scenes: 40, size: 64}")
RULE = SplitRule(200, {"train": 0.5, "test": 0.5})
L1 = parse_mix("l1", "all")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("blocks") / "set"
    generate(SOURCE, out, workers=2, mix=L1, split_rule=RULE)
    return out


def test_splits_do_not_depend_on_the_number_of_workers(made: Path, tmp_path: Path) -> None:
    generate(SOURCE, tmp_path / "one", workers=1, mix=L1, split_rule=RULE)
    assert (tmp_path / "one" / "manifest.json").read_bytes() == (made / "manifest.json").read_bytes()


def test_rows_and_manifest_tell_the_same_splits(made: Path) -> None:
    told = read_manifest(made)["splits"]
    scenes = {row["scene_id"]: row for row in read_rows(made, "scenes", ["scene_id", "split", "provenance"])}
    counted = {name: sum(row["split"] == name for row in scenes.values()) for name in ("train", "test")}
    assert min(counted.values()) > 5
    assert told["scenes"] == counted
    assert told["without_georeference"] == 0
    assert told["units"] == len({json.loads(row["provenance"])["split"]["unit"] for row in scenes.values()})
    assert {row["split"] == scenes[row["scene_id"]]["split"] for row in read_rows(made, "samples")} == {True}


def test_verify_assigns_the_splits_again(made: Path) -> None:
    report = verify(made)
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] > 30


def test_forged_rule_is_found_by_verify(made: Path, tmp_path: Path) -> None:
    """Splits that do not follow from the stated seed are no blocks of the ground."""
    forged = tmp_path / "forged"
    forged.mkdir()
    for path in made.rglob("*.*"):
        if path.is_file():
            (forged / path.relative_to(made)).parent.mkdir(exist_ok=True)
            (forged / path.relative_to(made)).write_bytes(path.read_bytes())
    manifest = json.loads((forged / "manifest.json").read_text())
    manifest["splits"]["blocks_km"] = 1000.0
    (forged / "manifest.json").write_text(json.dumps(manifest))
    assert any("differs from the source in split" in problem for problem in verify(forged).problems)


def test_other_blocks_do_not_go_on_with_a_finished_folder(made: Path) -> None:
    with pytest.raises(OutputError, match="other settings"):
        generate(SOURCE, made, mix=L1, split_rule=SplitRule(300, RULE.shares))


def test_command_says_what_went_by_group(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten scenes whose CRS and transform were taken away."""
    folder = make_scenes(tmp_path / "rasters", count=10)
    for path in folder.rglob("*.tif"):
        with rasterio.open(path) as data:
            bands, profile = data.read(), data.profile | {"crs": None, "transform": None}
        with warnings.catch_warnings(action="ignore"), rasterio.open(path, "w", **profile) as data:
            data.write(bands)
    arguments = ["generate", "geotiff", str(folder), "--out", str(tmp_path / "set"), "--levels", "l1"]
    assert main([*arguments, "--split-blocks", "10", "--split-shares", "a=0.5,b=0.5"]) == 0
    shown = capsys.readouterr().out
    assert "scenes by blocks of 10 km: a " in shown
    assert "10 scenes have no georeference and went by their group" in shown
    assert set(stats(tmp_path / "set")["scenes_by_split"]) <= {"a", "b"}


def test_command_needs_blocks_for_shares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", "procedural", "default", "--out", str(tmp_path / "x"), "--split-shares", "a=1"]
    assert main(arguments) == 2
    assert "give both" in capsys.readouterr().err
