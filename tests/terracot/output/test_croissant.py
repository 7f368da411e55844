"""croissant.json: mlcroissant accepts it without a word and reads every record by it, offline."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from terrabench.building.build import build
from terracot.generate import SourceSpec

mlc = pytest.importorskip("mlcroissant")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench") / "bench"
    build(SourceSpec("procedural", "default"), out, limit=40)
    return out


def opened(folder: Path) -> Any:
    return mlc.Dataset(jsonld=str(folder / "croissant.json"))


@pytest.mark.parametrize("kept", ["embedded", "beside", "bench"])
def test_mlcroissant_finds_no_error_and_no_warning(
    kept: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
):
    folder: Path = request.getfixturevalue(kept)
    issues = opened(folder).metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == []


def test_every_sample_is_a_record_with_its_values(embedded: Path):
    records = list(opened(embedded).records("samples"))
    stored = pq.read_table(embedded / "data/samples-00000.parquet").to_pylist()
    assert len(records) == len(stored) > 10
    for record, row in zip(records, stored, strict=True):
        assert record["samples/question"].decode() == row["question"]
        assert record["samples/dates"] == row["dates"]
        assert record["samples/truth"]["samples/truth/text"].decode() == row["truth"]["text"]
        assert [o.decode() for o in record["samples/options"]] == row["options"]
        masks = [
            (m["samples/masks/t"], m["samples/masks/class_name"].decode(), m["samples/masks/rle_counts"].decode())
            for m in record["samples/masks"]
        ]
        assert masks == [(m["t"], m["class_name"], m["rle"]["counts"]) for m in row["masks"]]
        assert [s["samples/steps/text"].decode() for s in record["samples/steps"]] == [s["text"] for s in row["steps"]]
        of = [[int(n) for n in v["samples/values/of"]] for v in record["samples/values"]]
        assert of == [v["of"] for v in row["values"]]


def test_every_scene_is_a_record_with_its_pixels(embedded: Path):
    records = list(opened(embedded).records("scenes"))
    stored = pq.read_table(embedded / "data/scenes-00000.parquet").to_pylist()
    assert len(records) == 10
    for record, row in zip(records, stored, strict=True):
        assert record["scenes/ground"]["scenes/ground/dy_m"] == row["ground"]["dy_m"]
        for frame, known in zip(record["scenes/frames"], row["frames"], strict=True):
            assert frame["scenes/frames/pixels"] == known["pixels"]
            assert frame["scenes/frames/image_bytes"] == known["image"]["bytes"]


def test_items_come_with_their_picture(bench: Path):
    records = list(opened(bench).records("items"))
    stored = pq.read_table(bench / "data/items-00000.parquet").to_pylist()
    assert records
    first = np.asarray(records[0]["items/image"])
    assert first.shape == (128, 128, 3)
    assert records[0]["items/candidates"].decode() == stored[0]["candidates"]


def test_files_are_listed_with_the_hash_of_their_bytes(embedded: Path):
    content = json.loads((embedded / "croissant.json").read_text())
    files = {e["contentUrl"]: e["sha256"] for e in content["distribution"] if e["@type"] == "cr:FileObject"}
    assert files == {
        f"data/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in (embedded / "data").iterdir()
    }
    assert content["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert content["license"] == ["CC0-1.0"]
    assert "arXiv:2603.19039" in content["citeAs"]


@pytest.mark.parametrize("stem", ["samples", "scenes"])
def test_every_column_has_a_field(embedded: Path, stem: str):
    content = json.loads((embedded / "croissant.json").read_text())
    (table,) = [t for t in content["recordSet"] if t["@id"] == stem]
    fields = {field["name"] for field in table["field"]}
    assert fields == set(pq.read_schema(embedded / f"data/{stem}-00000.parquet").names)


def test_it_is_part_of_the_manifest_and_moves_with_the_folder(embedded: Path, tmp_path: Path):
    assert "croissant.json" in json.loads((embedded / "manifest.json").read_text())["files"]
    moved = shutil.copytree(embedded, tmp_path / "elsewhere")
    assert next(iter(opened(moved).records("samples")))["samples/id"]
