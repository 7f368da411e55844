"""The paper's protocol on five small label maps worked out by hand: filters, 10 m for every pixel, ladders of options.

The maps are 20 x 20, at 30 m in UTM, with one unlabelled row, so 380 pixels are valid:

* s0: 20 pixels of water, 24 built up (11 columns to the right of it), 16 of trees, 11 of wetland in one row, 309 of
  cropland. Shares 5.26, 6.32, 4.21, 2.89 and 81.32 %.
* s1: 80 of water in full rows, 300 of cropland (21.05 and 78.95 %).
* s2: 160 of water, six patches of two pixels of trees (3.16 %), 208 of cropland (42.11 and 54.74 %).
* s3: 260 of water, 120 of cropland (68.42 and 31.58 %).
* s4: 180 of water, 200 of cropland (47.37 and 52.63 %): 20 less, exactly 10 % of the larger.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_scenes import LAYOUT
from tiny_rasters import write

from terrabench.building.build import build
from terracot.generate import source_spec
from terracot.io import MANIFEST, read_json, write_manifest
from terracot.samples import SCENE_SCHEMA
from terracot.verify import verify

WATER, CROPLAND, TREES, BUILT, WETLAND = 10, 20, 30, 40, 50
UTM_30 = (30.0, 0.0, 500_000.0, 0.0, -30.0, 5_000_000.0)
WATER_ROWS = {1: 4, 2: 8, 3: 13, 4: 9}


def maps() -> list[np.ndarray]:
    fields = [np.full((20, 20), CROPLAND, np.uint8) for _ in range(5)]
    for codes in fields:
        codes[0] = 0
    first = fields[0]
    first[2:7, 1:5] = WATER
    first[2:8, 15:19] = BUILT
    first[10:14, 5:9] = TREES
    first[17, 2:13] = WETLAND
    for number, rows in WATER_ROWS.items():
        fields[number][1 : 1 + rows] = WATER
    for row, column in ((11, 2), (11, 8), (11, 14), (15, 2), (15, 8), (15, 14)):
        fields[2][row, column : column + 2] = TREES
    return fields


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("paper") / "scenes"
    frames = (
        "  - {name: image, files: 'image/{id}.tif', modality: optical, bands: [red, green, blue], unit: digital number}"
    )
    for number, codes in enumerate(maps()):
        write(out / "image" / f"s{number}.tif", np.stack([codes * k for k in (1, 2, 3)]), transform=UTM_30)
        write(out / "label" / f"s{number}.tif", codes, transform=UTM_30)
    text = LAYOUT.format(licence="CC0-1.0", frames=frames, labels="  - {files: 'label/{id}.tif'}")
    (out / "terracot.yaml").write_text(text)
    return out


@pytest.fixture(scope="module")
def bench(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench") / "b"
    build(source_spec("geotiff", str(folder)), out, protocol="paper")
    return out


@pytest.fixture(scope="module")
def items(bench: Path) -> list[dict[str, Any]]:
    rows = [row for path in sorted((bench / "data").glob("items-*.parquet")) for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: (row["scene_id"], row["task"], row["question"]))


def of(items: list[dict[str, Any]], task: str, scene: str | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    """Items of a task by scene and classes."""
    chosen = [item for item in items if item["task"] == task and scene in (None, item["scene_id"])]
    return {(item["scene_id"], " & ".join(m["class_name"] for m in item["masks"])): item for item in chosen}


def answer(item: dict[str, Any]) -> str:
    return str(item["options"]["ABCD".index(item["answer"])])


def test_the_filters_let_through_what_was_counted_by_hand(items: list[dict[str, Any]], bench: Path) -> None:
    assert Counter(item["task"] for item in items) == {
        "area": 11,  # classes of 5 % or more: three on s0, two on each other map
        "ranking": 6,  # pairs of them: three, one, one, one; those of s4 are too close
        "boundary": 10,  # classes of 3 % or more: six pairs on s0, one on each other map
        "distance": 1,  # water to built-up area on s0; all others are 10 pixels or nearer
        "coverage": 1,  # one set of four true shares of water; those of cropland are less than 3 points apart
    }
    audit = json.loads((bench / "audit.json").read_text())
    assert audit["coverage"]["refused_by_filter"] == {"share_below_minimum": 3}  # trees twice, wetland
    assert audit["area"]["refused_by_filter"] == {"share_below_minimum": 3}
    assert audit["ranking"]["refused_by_filter"] == {"areas_too_close": 1}
    assert audit["boundary"]["refused_by_filter"] == {"too_many_components": 2}  # the six patches of s2
    assert audit["coverage"]["found"] == 11
    assert audit["coverage"]["source"] == "test_scenes"


def test_areas_are_those_of_10_m_pixels_and_their_ladder(items: list[dict[str, Any]]) -> None:
    areas = of(items, "area")
    # 24 pixels of 100 m2; all of one stratum, so in square metres
    assert set(areas["s0", "built-up area"]["options"]) == {"240 m²", "1,200 m²", "2,400 m²", "4,800 m²"}
    assert answer(areas["s0", "built-up area"]) == "2,400 m²"
    # 20 pixels; the median of water is 160 pixels, 1.6 ha, so in hectares
    assert set(areas["s0", "water"]["options"]) == {"0.02 ha", "0.1 ha", "0.2 ha", "0.4 ha"}
    assert answer(areas["s0", "water"]) == "0.2 ha"
    assert set(areas["s1", "cropland"]["options"]) == {"0.3 ha", "1.5 ha", "3 ha", "6 ha"}
    assert answer(areas["s1", "cropland"]) == "3 ha"
    assert areas["s1", "cropland"]["question"].endswith("(one pixel is nominally 10 m wide and high)")
    assert {area["difficulty"] for area in areas.values()} == {"far"}  # 2 is twenty times 0.1


def test_distances_are_those_of_10_m_pixels_and_their_ladder(items: list[dict[str, Any]]) -> None:
    (distance,) = of(items, "distance").values()
    # columns 4 and 15 in the same rows: 11 pixels
    assert set(distance["options"]) == {"77 m", "110 m", "132 m", "154 m"}
    assert answer(distance) == "110 m"
    assert distance["difficulty"] == "near"  # 1.4 is twice 0.7


def test_words_are_not_balanced(items: list[dict[str, Any]]) -> None:
    assert {key: answer(item) for key, item in of(items, "boundary").items()} == {
        ("s0", "water & cropland"): "yes",
        ("s0", "water & tree cover"): "no",
        ("s0", "water & built-up area"): "no",
        ("s0", "cropland & tree cover"): "yes",
        ("s0", "cropland & built-up area"): "yes",
        ("s0", "tree cover & built-up area"): "no",
        ("s1", "water & cropland"): "yes",
        ("s2", "water & cropland"): "yes",
        ("s3", "water & cropland"): "yes",
        ("s4", "water & cropland"): "yes",
    }
    assert {key: answer(item) for key, item in of(items, "ranking").items()} == {
        ("s0", "water & cropland"): "cropland",
        ("s0", "water & built-up area"): "built-up area",
        ("s0", "cropland & built-up area"): "cropland",
        ("s1", "water & cropland"): "cropland",
        ("s2", "water & cropland"): "cropland",
        ("s3", "water & cropland"): "water",
    }


def test_shares_have_true_shares_of_other_maps_as_options(items: list[dict[str, Any]]) -> None:
    ((scene, name),) = of(items, "coverage")
    item = of(items, "coverage")[scene, name]
    truths = {"s0": "5%", "s1": "21%", "s2": "42%", "s3": "68%", "s4": "47%"}
    assert name == "water"
    assert answer(item) == truths[scene]
    assert len(set(item["options"])) == 4
    assert set(item["options"]) <= set(truths.values())


def test_a_folder_of_the_paper_verifies_though_its_pixels_are_not_10_m(folder: Path, bench: Path) -> None:
    assert verify(bench).problems == []
    assert verify(bench, str(folder)).problems == []
    manifest = read_json(bench / MANIFEST)
    assert manifest["protocol"] == "paper"
    assert manifest["settings"]["protocol"]["ten_metres"] is True
    scenes = pq.read_table(bench / "data" / "scenes-00000.parquet").to_pylist()
    assert {(scene["ground"]["basis"], scene["ground"]["dy_m"], scene["crs"]) for scene in scenes} == {
        ("nominal", 10.0, "EPSG:32633")
    }
    assert "tell answers" in (bench / "README.md").read_text()


def test_another_pixel_size_than_that_of_the_protocol_is_found(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "forged"
    shutil.copytree(bench, out)
    path = out / "data" / "scenes-00000.parquet"
    scenes = pq.read_table(path).to_pylist()
    scenes[0]["ground"] |= {"dy_m": 30.0, "dx_m": 30.0, "row_areas_m2": [900.0]}
    pq.write_table(pa.Table.from_pylist(scenes, schema=SCENE_SCHEMA), path)
    manifest = read_json(out / MANIFEST)
    manifest.pop("files")
    write_manifest(out, manifest)
    assert any("is not that of its protocol" in problem for problem in verify(out).problems)


def test_the_strict_protocol_keeps_true_pixels_and_drops_what_cannot_be_balanced(folder: Path, tmp_path: Path) -> None:
    build(source_spec("geotiff", str(folder)), tmp_path / "strict")
    audit = json.loads((tmp_path / "strict" / "audit.json").read_text())
    assert audit["boundary"]["kept"] == 0  # water always touches cropland; every other pair is seen once
    assert audit["boundary"]["dropped_with_options"] == {"outcome_out_of_balance": audit["boundary"]["found"]}
    scenes = pq.read_table(tmp_path / "strict" / "data" / "scenes-00000.parquet").to_pylist()
    assert {(scene["ground"]["basis"], scene["ground"]["dy_m"]) for scene in scenes} == {("measured", 30.0)}
