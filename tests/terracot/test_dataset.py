"""The finished folder as others read it: Hugging Face datasets, the card, the manifest."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from make_scenes import SIZE, make_scenes, unknown_code
from PIL import Image
from pycocotools import mask as coco

from terracot import dataset
from terracot.card import card_head
from terracot.dataset import generate, summary
from terracot.generate import SourceSpec
from terracot.sources.strict_yaml import read_yaml


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_scenes(tmp_path_factory.mktemp("in") / "scenes", count=36)  # two shards
    unknown_code(folder, "s005")
    return folder


@pytest.fixture(scope="module")
def folder(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "data-set"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "MOST", 32)
        generate(SourceSpec("geotiff", str(scenes)), out, seed=2)
    return out


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")

    def load_dataset(*arguments: Any, **options: Any) -> Any:
        return datasets.load_dataset(*arguments, cache_dir=str(tmp_path / "cache"), **options)

    return load_dataset


def rows(folder: Path, stem: str) -> list[dict[str, Any]]:
    """Read with pyarrow alone."""
    return [row for path in sorted((folder / "data").glob(f"{stem}-*")) for row in pq.read_table(path).to_pylist()]


def test_load_dataset_reads_both_tables(folder: Path, load: Any):
    for stem in ("samples", "scenes"):
        read = load("parquet", data_files=str(folder / "data" / f"{stem}-*.parquet"), split="train")
        expected = rows(folder, stem)
        assert len(read) == len(expected) > 32
        key = "id" if stem == "samples" else "scene_id"
        assert read[key][:] == [row[key] for row in expected]
        if stem == "samples":
            assert read[0] == expected[0]
        else:  # pictures come decoded, all else as it is stored
            [frame], [stored] = read[0]["frames"], expected[0]["frames"]
            picture, encoded = frame.pop("image"), stored.pop("image")
            assert frame == stored
            with Image.open(io.BytesIO(encoded["bytes"])) as image:
                assert np.array_equal(np.asarray(picture), np.asarray(image))


def test_the_configs_of_the_card_work(folder: Path, load: Any):
    samples = load(str(folder), "samples", split="train")
    scenes = load(str(folder), "scenes", split="train")
    assert len(samples) == len(rows(folder, "samples"))
    assert set(samples["scene_id"]) == set(scenes["scene_id"])
    assert "question" in load(str(folder), split="train").column_names  # samples are the default


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # pycocotools with numpy 2
def test_a_stranger_can_read_masks_and_pixels_with_common_tools(folder: Path, scenes: Path):
    stored = {row["scene_id"]: row for row in rows(folder, "scenes")}
    checked = 0
    for sample in rows(folder, "samples"):
        scene = stored[sample["scene_id"]]
        if sample["kind"] != "coverage" and not (sample["kind"] == "area" and sample["masks"]):
            continue
        [record] = sample["masks"]
        counts = record["rle"]["counts"].encode()
        mask = coco.decode({"size": record["rle"]["size"], "counts": counts}).astype(bool)
        code = {"water": 10, "cropland": 20, "tree cover": 30, "built-up area": 40, "wetland": 50}[record["class_name"]]
        with rasterio.open(scenes / "label" / f"{sample['scene_id']}.tif") as data:
            assert np.array_equal(mask, data.read(1) == code)
        with rasterio.open(scenes / "image" / f"{sample['scene_id']}.tif") as data:
            pixels = data.read()
        frame = scene["frames"][0]
        native = np.frombuffer(frame["pixels"], frame["dtype"]).reshape(3, SIZE, SIZE)
        assert np.array_equal(native, pixels)
        with Image.open(io.BytesIO(frame["image"]["bytes"])) as image:
            assert np.array_equal(np.asarray(image), pixels.transpose(1, 2, 0))  # bytes are shown as they are
        checked += 1
    assert checked >= 10


def test_the_manifest_lists_every_file_with_its_hash_and_rows(folder: Path):
    manifest = json.loads((folder / "manifest.json").read_text())
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(manifest["files"]) == found - {"manifest.json"}
    assert {"data/samples-00001.parquet", "data/scenes-00001.parquet", "quarantine.jsonl", "README.md"} <= found
    for name, entry in manifest["files"].items():
        data = (folder / name).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert sum(e["rows"] for n, e in manifest["files"].items() if "scenes-" in n) == 35
    assert manifest["files"]["quarantine.jsonl"]["rows"] == 1


def test_the_manifest_counts_what_is_there_and_names_no_path(folder: Path, scenes: Path):
    text = (folder / "manifest.json").read_text()
    manifest = json.loads(text)
    samples = rows(folder, "samples")
    assert manifest["counts"]["samples"] == len(samples) == sum(manifest["counts"]["kinds"].values())
    assert manifest["counts"]["scenes"] == 35
    assert (manifest["scenes_read"], manifest["quarantined"], manifest["seed"]) == (36, 1, 2)
    assert manifest["source"]["path"] == "scenes"
    for file in (folder / "README.md", folder / "quarantine.jsonl", folder / "manifest.json"):
        assert str(scenes.parent) not in file.read_text()
    assert not any(str(scenes.parent) in row["provenance"] for row in rows(folder, "scenes"))


def test_the_summary_of_a_finished_folder_is_that_of_the_run(folder: Path, scenes: Path):
    again = generate(SourceSpec("geotiff", str(scenes)), folder, seed=2)
    assert again == summary(folder)
    assert again.quarantined_share == pytest.approx(1 / 36)


def test_ids_are_unique_and_samples_join_scenes(folder: Path):
    samples, stored = rows(folder, "samples"), rows(folder, "scenes")
    assert len({row["id"] for row in samples}) == len(samples)
    assert len({row["scene_id"] for row in stored}) == len(stored)
    assert {row["scene_id"] for row in samples} == {row["scene_id"] for row in stored}


def test_the_card_has_readable_front_matter_with_licences_that_hold_quotes(tmp_path: Path):
    head = card_head(("samples", "scenes"), ["CC-BY-4.0", "It's a licence: free", 'say "yes"'])
    assert head.startswith("---\n")
    assert head.endswith("---\n")
    (tmp_path / "card.yaml").write_text(head.strip("-\n"))
    top = read_yaml(tmp_path / "card.yaml")[1].value
    assert top["source_licenses"] == ["CC-BY-4.0", "It's a licence: free", 'say "yes"']
    assert [c["config_name"] for c in top["configs"]] == ["samples", "scenes"]
    assert [c.get("default", False) for c in top["configs"]] == [True, False]


def test_the_card_credits_the_source(folder: Path):
    card = (folder / "README.md").read_text()
    assert "(35 scenes): CC-BY-4.0; Synthetic test scenes" in card
    assert f"{len(rows(folder, 'samples'))} question-and-answer samples" in card
    assert "are synthetic" not in card  # said of generated sources only
