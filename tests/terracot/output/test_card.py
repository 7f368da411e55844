"""The data-set card: its snippets run, Hugging Face `datasets` reads the folder by it, and its counts are true."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

datasets = pytest.importorskip("datasets")


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def load_dataset(folder: Path, config: str, **options: Any) -> Any:
        return datasets.load_dataset(str(folder), config, split="train", cache_dir=str(tmp_path / "cache"), **options)

    return load_dataset


def stored(folder: Path, stem: str) -> list[dict[str, Any]]:
    return [r for p in sorted((folder / "data").glob(f"{stem}-*")) for r in pq.read_table(p).to_pylist()]


@pytest.mark.parametrize("streaming", [False, True])
def test_both_configs_load_and_pictures_come_decoded(embedded: Path, load: Any, streaming: bool):
    samples = list(load(embedded, "samples", streaming=streaming))
    assert samples == stored(embedded, "samples")
    scenes = list(load(embedded, "scenes", streaming=streaming))
    expected = stored(embedded, "scenes")
    assert [row["scene_id"] for row in scenes] == [row["scene_id"] for row in expected]
    for row, known in zip(scenes, expected, strict=True):
        for frame, other in zip(row["frames"], known["frames"], strict=True):
            assert frame["pixels"] == other["pixels"]
            with Image.open(io.BytesIO(other["image"]["bytes"])) as picture:
                assert np.array_equal(np.asarray(frame["image"]), np.asarray(picture))


@pytest.mark.parametrize("streaming", [False, True])
def test_a_folder_of_files_gives_their_paths(beside: Path, load: Any, streaming: bool):
    scenes = list(load(beside, "scenes", streaming=streaming))
    assert scenes == stored(beside, "scenes")
    assert (beside / scenes[0]["frames"][0]["image"]["path"]).is_file()


def test_rows_of_one_split_are_chosen_by_the_column(embedded: Path, load: Any):
    splits = Counter(row["split"] for row in stored(embedded, "samples"))
    assert splits
    for split, count in splits.items():
        assert len(load(embedded, "samples", filters=[("split", "==", split)])) == count
    assert list(load(embedded, "samples", filters=[("split", "==", "none such")], streaming=True)) == []


def blocks(folder: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("kept", ["embedded", "beside"])
def test_the_snippets_of_the_card_run(
    kept: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    folder: Path = request.getfixturevalue(kept)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for block in blocks(folder):
        exec(block, names)
    first = stored(folder, "samples")[0]
    assert first["question"] in capsys.readouterr().out
    assert names["samples"][0]["id"] == first["id"]
    last = stored(folder, "samples")[-1]
    assert (names["sample"]["id"], names["scene"]["scene_id"]) == (last["id"], last["scene_id"])


def test_the_counts_of_the_card_are_those_of_the_rows(embedded: Path):
    card = (embedded / "README.md").read_text()
    rows = stored(embedded, "samples")
    for column in ("level", "kind", "form", "modality", "dates", "source", "split"):
        table = card.split(f"| {column} | samples |\n|---|---|\n")[1].split("\n\n")[0]
        found = dict(re.findall(r"\| (.+?) \| (\d+) \|", table))
        assert {k: int(v) for k, v in found.items()} == Counter(str(row[column]) for row in rows)
    assert f"{len(rows)} question-and-answer samples with reasoning traces over 10 scenes" in card


def test_the_card_says_that_images_are_synthetic_and_names_licence_and_paper(embedded: Path):
    card = (embedded / "README.md").read_text()
    assert "**All scenes of this data set are synthetic: no satellite saw them.**" in card
    assert "- procedural (10 scenes): CC0-1.0; synthetic" in card
    assert "arXiv:2603.19039" in card


def test_other_columns_than_pictures_keep_their_types(embedded: Path, load: Any):
    features = load(embedded, "samples").features
    assert (
        features.arrow_schema.field("masks").type
        == pq.read_schema(embedded / "data/samples-00000.parquet").field("masks").type
    )
