"""``--modality``: only the frames of the chosen sensors, through manifest and verify, and a reason for what is left."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from terracot.cli import cli, main
from terracot.io import read_json
from terracot.modalities import parse_modalities
from terracot.scenes import SourceError
from terracot.sources import open_source
from terracot.verify import verify

SETTINGS = "{scenes: 16, size: 64, cloud_share: 0.8, families: {landscape: 0.5, change: 0.25, settlement: 0.25}}"


def run(out: Path, modality: str) -> list[dict]:
    options = ["--levels", "l1", "--mix", "all", "--modality", modality, "--max-quarantined", "1", "--quiet"]
    assert main(["generate", "procedural", SETTINGS, "--out", str(out), *options]) == 0
    return pq.read_table(out / "data" / "scenes-00000.parquet").to_pylist()


@pytest.mark.parametrize(("modality", "bands"), [("sar", ["VV", "VH"]), ("optical", ["B02", "B03", "B04", "B08"])])
def test_only_the_chosen_frames_are_kept_and_verified(tmp_path: Path, modality: str, bands: list[str]) -> None:
    scenes = run(tmp_path / "out", modality)
    assert scenes
    for scene in scenes:
        assert [(frame["modality"], frame["bands"]) for frame in scene["frames"]] == [(modality, bands)] * len(
            {frame["t"] for frame in scene["frames"]}
        )
        assert json.loads(scene["provenance"])["modalities"] == [modality]
    rows = pq.read_table(tmp_path / "out" / "data" / "samples-00000.parquet").to_pylist()
    assert {row["modality"] for row in rows} == {modality}
    assert not any(mask["class_name"] == "cloud or shadow" for row in rows for mask in row["masks"])
    manifest = read_json(tmp_path / "out" / "manifest.json")
    assert manifest["source"]["modalities"] == [modality]
    report = verify(tmp_path / "out")
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] == len(scenes)


def test_scenes_without_the_sensor_are_quarantined_with_the_reason(tmp_path: Path) -> None:
    run(tmp_path / "out", "sar")
    lines = [json.loads(line) for line in (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()]
    missing = [line for line in lines if line["reason"] == "modality_missing"]
    towns = [name for name in open_source("procedural", SETTINGS).ids() if "settlement" in name]
    assert [line["scene_id"] for line in missing] == towns
    assert missing[0]["message"].endswith("has no sar image on dates 1, 2; it has optical, which --modality may name")


def test_several_sensors_keep_the_pairs(tmp_path: Path) -> None:
    scenes = run(tmp_path / "out", "sar,optical")
    assert {tuple(sorted({f["modality"] for f in scene["frames"]})) for scene in scenes} >= {("optical", "sar")}


def test_another_choice_is_another_data_set(tmp_path: Path) -> None:
    """A folder begun with one choice is not gone on with another."""
    run(tmp_path / "out", "sar")
    again = CliRunner().invoke(
        cli, ["generate", "procedural", SETTINGS, "--out", str(tmp_path / "out"), "--modality", "optical"]
    )
    assert again.exit_code != 0


def test_an_unknown_sensor_is_named() -> None:
    with pytest.raises(SourceError, match="unknown modality 'radar'; expected some of optical, sar, multispectral"):
        parse_modalities("optical,radar")
    assert parse_modalities("multispectral, SAR") == ("sar", "multispectral")
    assert parse_modalities(None) == ()
