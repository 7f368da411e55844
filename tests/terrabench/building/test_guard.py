"""The leakage guard: what a model was trained on gives no benchmark item, under whatever name it comes."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_scenes import make_scenes, memory_scene

from terrabench.building.build import build
from terrabench.building.guard import Seen
from terrabench.cli import main
from terracot.dataset import generate
from terracot.findings import SceneFacts
from terracot.generate import source_spec
from terracot.io import MANIFEST, OutputError, iter_jsonl, read_json, write_manifest
from terracot.scenes import SceneError
from terracot.shards import read_rows
from terracot.verify import verify

SCENES = 40


@pytest.fixture(scope="module")
def rasters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("rasters") / "all", count=SCENES)


def part(rasters: Path, folder: Path, names: list[str], rename: str = "{}") -> Path:
    """Some scenes of ``rasters`` in a folder of their own, byte for byte, under other names if wanted."""
    for kind in ("image", "label"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(rasters / kind / f"{name}.tif", folder / kind / f"{rename.format(name)}.tif")
    shutil.copy(rasters / "terracot.yaml", folder)
    return folder


def leaked(bench: Path) -> dict[str, str]:
    return {
        e["scene_id"]: e["reason"] for e in iter_jsonl(bench / "quarantine.jsonl") if e["reason"].startswith("leak")
    }


def item_scenes(bench: Path) -> set[str]:
    return {row["scene_id"] for row in read_rows(bench, "items", ["scene_id"])}


def test_scenes_of_the_training_set_give_no_item_and_are_named(rasters: Path, tmp_path: Path) -> None:
    trained = ["s006", "s008", "s009"]
    training = tmp_path / "training"
    generate(source_spec("geotiff", str(part(rasters, tmp_path / "part", trained))), training)
    everything = tmp_path / "all"
    build(source_spec("geotiff", str(rasters)), everything)
    assert set(trained) & item_scenes(everything), "the scenes do give items when nobody objects"
    bench = tmp_path / "bench"
    build(source_spec("geotiff", str(rasters)), bench, not_in=[training])
    assert leaked(bench) == dict.fromkeys(trained, "leaked_group")
    assert not set(trained) & item_scenes(bench)
    assert item_scenes(bench)
    manifest = read_json(bench / MANIFEST)
    assert manifest["leaked"] == trained
    assert [entry["name"] for entry in manifest["not_in"]] == ["training"]


def test_the_same_image_under_another_name_and_place_is_recognised(rasters: Path, tmp_path: Path) -> None:
    training = tmp_path / "training"
    renamed = part(rasters, tmp_path / "part", ["s003"], rename="elsewhere_{}")
    generate(source_spec("geotiff", str(renamed)), training)
    bench = tmp_path / "bench"
    build(source_spec("geotiff", str(rasters)), bench, not_in=[training])
    assert leaked(bench) == {"s003": "leaked_pixels"}


def test_blank_images_are_no_leak(rasters: Path, tmp_path: Path) -> None:
    from make_scenes import write_raster

    blank = np.zeros((3, 48, 48), np.uint8)
    parts = {}
    for name in ("one", "two"):
        parts[name] = part(rasters, tmp_path / name, ["s004", "s005"], rename=name + "_{}")
        for scene in ("s004", "s005"):
            write_raster(parts[name] / "image" / f"{name}_{scene}.tif", blank)
    generate(source_spec("geotiff", str(parts["one"])), tmp_path / "training")
    build(source_spec("geotiff", str(parts["two"])), tmp_path / "bench", not_in=[tmp_path / "training"])
    assert leaked(tmp_path / "bench") == {}


@pytest.mark.parametrize(
    ("pixels", "refused"),
    [
        (np.full((1, 4, 4), np.nan, np.float32), False),  # a frame without data
        (np.array([[[7, 7]], [[9, 9]]], np.uint16), False),  # each band constant
        (np.array([[[7, np.nan]]], np.float32), False),
        (np.array([[[7, 7]], [[9, 8]]], np.uint16), True),
        (np.array([[[7, np.nan, 8]]], np.float32), True),
    ],
)
def test_only_images_that_show_something_leak(pixels: np.ndarray, refused: bool) -> None:
    scene = memory_scene([np.zeros(pixels.shape[1:], np.uint8)])
    bands = tuple(map(str, range(len(pixels))))
    frame = replace(scene.frames[0], bands=bands, read=lambda: pixels)
    facts = SceneFacts(replace(scene, frames=(frame,)))
    seen = Seen({}, {}, dict.fromkeys(facts.pixel_hashes, "training: a scene"))
    with pytest.raises(SceneError, match="shows the image of training") if refused else nullcontext():
        seen.refuse(facts)


def test_guarded_benchmark_verifies_against_its_source(rasters: Path, tmp_path: Path) -> None:
    generate(source_spec("geotiff", str(part(rasters, tmp_path / "part", ["s000", "s007"]))), tmp_path / "training")
    build(source_spec("geotiff", str(rasters)), tmp_path / "bench", not_in=[tmp_path / "training"])
    assert verify(tmp_path / "bench", str(rasters)).problems == []


def test_guard_takes_finished_terra_cot_folders_only(rasters: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="expected a data-set folder"):
        build(source_spec("geotiff", str(rasters)), tmp_path / "bench", not_in=[tmp_path / "nothing"])
    build(source_spec("geotiff", str(rasters)), tmp_path / "bench")
    with pytest.raises(OutputError, match="expected a Terra-CoT data set"):
        build(source_spec("geotiff", str(rasters)), tmp_path / "other", not_in=[tmp_path / "bench"])
    assert not (tmp_path / "other").exists()
    torn = tmp_path / "torn"
    generate(source_spec("geotiff", str(rasters)), torn)
    (torn / "data" / "samples-00000.parquet").unlink()
    with pytest.raises(OutputError, match=r"is damaged.*samples-00000"):
        build(source_spec("geotiff", str(rasters)), tmp_path / "other", not_in=[torn])
    old = tmp_path / "old"
    generate(source_spec("geotiff", str(rasters)), old)
    write_manifest(old, read_json(old / MANIFEST) | {"schema": 1})
    with pytest.raises(OutputError, match="schema 1, this version reads schema 4"):
        build(source_spec("geotiff", str(rasters)), tmp_path / "other", not_in=[old])
    (old / MANIFEST).unlink()
    with pytest.raises(OutputError, match="no data set or benchmark of this program"):
        build(source_spec("geotiff", str(rasters)), tmp_path / "other", not_in=[old])


def test_command_names_the_places_and_fails_when_all_leak(
    rasters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = tmp_path / "training"
    generate(source_spec("geotiff", str(rasters)), training)
    arguments = ["build", "geotiff", str(rasters), "--out", str(tmp_path / "bench"), "--not-in", str(training)]
    assert main(arguments) == 3
    captured = capsys.readouterr()
    assert "scene s000: its place or event, test_scenes/s000, is in training: test_scenes s000" in captured.out
    assert "more in quarantine.jsonl" in captured.out
    assert main([*arguments, "--json"]) == 3
    assert len(json.loads(capsys.readouterr().out)["leaks"]) == SCENES


def test_rows_carry_licence_mark_and_pixel_hashes(rasters: Path, tmp_path: Path) -> None:
    closed = make_scenes(tmp_path / "closed", count=4, licence="CC-BY-NC-SA-4.0")
    for folder, forbids in ((closed, True), (part(rasters, tmp_path / "open", ["s000", "s001"]), False)):
        out = tmp_path / f"set-{forbids}"
        generate(source_spec("geotiff", str(folder)), out)
        rows = list(read_rows(out, "samples", ["license", "non_commercial", "pixels_sha256", "scene_id"]))
        hashes = {s["scene_id"]: [f["sha256"] for f in s["frames"]] for s in read_rows(out, "scenes")}
        assert rows
        assert all(row["non_commercial"] is forbids for row in rows)
        assert all(row["pixels_sha256"] == hashes[row["scene_id"]] for row in rows)
        assert all(len(sha256) == 64 for row in rows for sha256 in row["pixels_sha256"])
        assert ("CC-BY-NC-SA-4.0 (non-commercial); " in (out / "README.md").read_text()) is forbids
