"""Statistics of finished folders against numbers worked out by hand."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_pages import sample, scene

from terracot.cli import main
from terracot.io import OutputError, write_manifest
from terracot.nearest import nearest
from terracot.samples import SAMPLE_SCHEMA, SCENE_SCHEMA, SCHEMA_VERSION
from terracot.shards import write_shard
from terracot.stats import letter_test, stats, stats_text

HASHES = [f"{n:02x}" * 32 for n in range(1, 10)]


def placed(scene_id: str, split: str, lonlat: tuple[float, float] | None, sha256: str) -> dict[str, Any]:
    """A stored scene of 8 x 8 pixels whose centre is at a place, with one image."""
    step = 1e-4
    where: dict[str, Any] = {}
    if lonlat is not None:
        transform = [step, 0.0, lonlat[0] - 4 * step, 0.0, -step, lonlat[1] + 4 * step]
        where = {"crs": "EPSG:4326", "transform": transform}
    row = scene(scene_id, split=split, **where)
    return row | {"frames": [{**row["frames"][0], "sha256": sha256}]}


def folder_of(folder: Path, rows: Sequence[Mapping[str, Any]], scenes: Sequence[Mapping[str, Any]]) -> Path:
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        write_shard(folder / "data" / f"samples-{number:05d}.parquet", part, SAMPLE_SCHEMA)
    write_shard(folder / "data" / "scenes-00000.parquet", scenes, SCENE_SCHEMA)
    write_manifest(folder, {"kind": "terra-cot", "schema": SCHEMA_VERSION, "counts": {}})
    return folder


def word(answer: str) -> dict[str, Any]:
    return {"value": None, "unit": "", "text": answer}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Six rows; four scenes: train at 0 E, test at 1 E on the equator and at 0.01 E, and one without a place."""
    hectares = {"value": 2.0, "unit": "ha", "text": "2"}
    rows = [
        sample(
            "a", kind="coverage", truth={"value": 40.0, "unit": "%", "text": "40"}, dates=2, ground_basis="measured"
        ),
        sample("b", truth=hectares, form="choice", options=list("wxyz"), answer="B", dates=2, ground_basis="unknown"),
        sample("c", truth={"value": 5000.0, "unit": "m2", "text": "5,000"}, dates=1, ground_basis="unknown"),
        sample(
            "d", kind="existence", truth=word("Yes"), form="choice", options=["yes", "no"], answer="A", split="test"
        ),
        sample("e", kind="existence", truth=word("no"), split="test", masks=sample()["masks"][:1]),
        sample("f", kind="caption", level="caption", truth=word("a long text of its own"), steps=[]),
    ]
    scenes = [
        placed("near", "test", (0.01, 0.0), HASHES[0]),
        placed("train", "train", (0.0, 0.0), HASHES[1]),
        placed("far", "test", (1.0, 0.0), HASHES[1]),
        placed("lost", "test", None, HASHES[2]),
    ]
    return folder_of(tmp_path / "set", rows, scenes)


def test_rows_are_counted_by_every_column(small: Path) -> None:
    found = stats(small)
    assert (found["rows"], found["scenes"]) == (6, 4)
    assert found["counts"]["level"] == {"l1": 5, "caption": 1}
    assert found["counts"]["kind"] == {"area": 2, "existence": 2, "caption": 1, "coverage": 1}
    assert found["counts"]["form"] == {"open": 4, "choice": 2}
    assert found["counts"]["split"] == {"train": 4, "test": 2}
    assert found["counts"]["modality"] == {"optical": 6}
    assert found["counts"]["class"] == {"water": 6, "town": 5}
    assert found["scenes_by_split"] == {"test": 3, "train": 1}


def test_answers_are_spread_by_letter_and_word(small: Path) -> None:
    found = stats(small)["answers"]
    assert found["letters"]["4"]["counts"] == {"A": 0, "B": 1, "C": 0, "D": 0}
    assert found["letters"]["2"]["counts"] == {"A": 1, "B": 0}
    assert found["words"] == {"existence": {"no": 1, "yes": 1}}  # captions are texts, not answers


def test_letters_are_tested_against_equal_shares() -> None:
    """20, 10, 10, 0 of 40: squares 100 + 0 + 0 + 100 over 10 are 20; three degrees of freedom: p = 0.000170."""
    found = letter_test({"A": 20, "B": 10, "C": 10}, 4)
    assert found["chi_square"] == pytest.approx(20.0)
    assert found["p"] == pytest.approx(0.00016974, rel=1e-3)
    assert letter_test({"A": 5, "B": 5}, 2)["p"] == 1.0


def test_values_of_one_kind_are_put_into_one_unit(small: Path) -> None:
    """2 ha and 5,000 m2: mean 12,500 m2."""
    (entry,) = [entry for entry in stats(small)["values"] if entry["kind"] == "area"]
    assert (entry["unit"], entry["count"], entry["mean"]) == ("m2", 2, 12_500.0)
    assert (entry["quantiles"]["0"], entry["quantiles"]["50"], entry["quantiles"]["100"]) == (
        5000.0,
        12_500.0,
        20_000.0,
    )


def test_masks_and_words_of_rows_are_measured(small: Path) -> None:
    """Each trace: "The water is here: The town is here: It has 9 pixels. That is all." are 15 words."""
    lengths = stats(small)["lengths"]
    assert lengths["seg"]["counts"] == {"0": 1, "2": 5}
    assert lengths["trace_words"]["counts"] == {"15": 5}
    assert lengths["question_words"]["mean"] == 5.0  # "How much town is there?"


# --- splits ---------------------------------------------------------------------------------------------------------


def test_nearest_train_scene_of_each_test_scene(small: Path) -> None:
    """On the equator of WGS 84 a degree is 6378.137 km x pi / 180 = 111.3195 km."""
    found = stats(small, within_km=2)["neighbours"]
    assert [(one["scene_id"], one["train_scene_id"]) for one in found["scenes"]] == [
        ("near", "train"),
        ("far", "train"),
    ]
    assert [one["km"] for one in found["scenes"]] == pytest.approx([1.113195, 111.3195], rel=1e-5)
    test = found["splits"]["test"]
    assert (test["scenes"], test["unknown"], test["measured"], test["within"]) == (3, 1, 2, 1)
    assert stats(small, within_km=1)["neighbours"]["splits"]["test"]["within"] == 0


PLACES = st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=30)


@settings(deadline=None)
@given(PLACES, PLACES)
def test_nearest_is_the_smallest_of_all_geodesics(
    places: list[tuple[float, float]], among: list[tuple[float, float]]
) -> None:
    geod = pyproj.Geod(ellps="WGS84")
    _, km = nearest(np.array(places), np.array(among))
    for place, found in zip(places, km, strict=True):
        smallest = min(geod.inv(*place, *other)[2] for other in among) / 1000
        assert found == pytest.approx(smallest, rel=0.007, abs=1e-6)  # beyond 8 candidates the sphere decides


@given(st.lists(st.tuples(st.floats(10, 11), st.floats(50, 51)), min_size=1, max_size=8), st.floats(10, 11))
def test_nearest_of_few_is_exact(among: list[tuple[float, float]], lon: float) -> None:
    geod = pyproj.Geod(ellps="WGS84")
    which, km = nearest(np.array([(lon, 50.5)]), np.array(among))
    assert km[0] * 1000 == pytest.approx(min(geod.inv(lon, 50.5, *other)[2] for other in among), abs=1e-6)
    assert geod.inv(lon, 50.5, *among[which[0]])[2] == pytest.approx(km[0] * 1000, abs=1e-6)


def test_neighbours_across_the_date_line_are_near() -> None:
    _, km = nearest(np.array([(179.95, 0.0)]), np.array([(-179.95, 0.0), (170.0, 0.0)]))
    assert km[0] == pytest.approx(11.132, rel=1e-3)


def test_same_pixels_in_two_splits_are_found(small: Path) -> None:
    found = stats(small)["duplicates"]
    assert (found["images"], found["repeated"], found["across_splits"]) == (3, 1, 1)
    assert found["by_splits"] == {"test+train": 1}
    assert found["examples"] == [{"test": "far", "train": "train"}]


def test_repeats_within_a_split_are_no_leak(tmp_path: Path) -> None:
    scenes = [placed(name, "train", None, HASHES[0]) for name in ("a", "b", "c")]
    found = stats(folder_of(tmp_path / "set", [sample()], scenes))
    assert (found["duplicates"]["repeated"], found["duplicates"]["across_splits"]) == (2, 0)
    assert found["neighbours"]["splits"] == {}


# --- text, command, memory ------------------------------------------------------------------------------------------


def test_text_tells_the_same(small: Path) -> None:
    text = stats_text(stats(small))
    assert "set (terra-cot): 6 rows over 4 scenes" in text
    assert "  existence          2   33.3%" in text
    assert "  of  4: A 0  B 1  C 0  D 0  p 0.39" in text  # chi-square 3 with 3 degrees of freedom
    assert "test: min 1.11 km, median 56.2 km, max 111 km; 1 of 2 closer than 5 km" in text
    assert "test: unknown for 1 scenes without georeference" in text
    assert "the same: far (test), train (train)" in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_command_prints_text_or_json(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(small), "--within", "200"]) == 0
    assert "2 of 2 closer than 200 km" in capsys.readouterr().out
    assert main(["stats", str(small), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(stats(small)))


def test_unfinished_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        stats(tmp_path)


def test_benchmarks_have_statistics_too(tmp_path: Path) -> None:
    from terrabench.building.build import build
    from terracot.generate import source_spec

    build(source_spec("procedural", "{scenes: 32, size: 64}"), tmp_path / "bench")
    found = stats(tmp_path / "bench")
    assert found["kind"] == "terrascope-bench"
    assert found["rows"] == sum(found["counts"]["kind"].values()) > 20
    assert "level" not in found["counts"]
    assert "no scene is in train" in stats_text(found)


def test_pictures_and_masks_are_not_read(tmp_path: Path) -> None:
    """40 scenes with pixels of 2 MB each: statistics of them stay below 10 MB."""
    pixels = np.random.default_rng(0).bytes(2_000_000)
    scenes = [placed(f"s{n}", "train", (0.0, 0.0), HASHES[0]) for n in range(40)]
    for one in scenes:
        one["frames"][0]["pixels"] = pixels
    folder = folder_of(tmp_path / "set", [sample(scene_id=f"s{n}") for n in range(40)], scenes)
    stats(folder)  # imports
    pool, usual = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        stats(folder)
        peak = tracemalloc.get_traced_memory()[1] + (pool.max_memory() or 0)
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)
    assert peak < 10_000_000
