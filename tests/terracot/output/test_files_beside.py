"""``--images files``: the same data set with pictures and pixels as files, read by the same readers."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from terracot.cli import main
from terracot.io import OutputError, check_manifest
from terracot.pixel_files import inside, with_files
from terracot.samples import SCENE_SCHEMA
from terracot.shards import frame_image, frame_pixels, read_rows, read_shard
from terracot.verify import verify

TABLE = "data/scenes-00000.parquet"


def test_both_forms_hold_the_same_samples_and_pixels(embedded: Path, beside: Path):
    assert list(read_rows(embedded, "samples")) == list(read_rows(beside, "samples"))
    pairs = list(zip(read_rows(embedded, "scenes"), read_rows(beside, "scenes"), strict=True))
    assert len(pairs) == 10
    for one, other in pairs:
        for a, b in zip(one["frames"], other["frames"], strict=True):
            assert np.array_equal(frame_pixels(one, a), frame_pixels(other, b))
            assert np.array_equal(frame_image(a), frame_image(b))
            assert (a["image"]["path"], a["pixels_path"]) == (None, None)


def test_files_can_be_read_by_pillow_and_numpy_alone(embedded: Path, beside: Path):
    stored = pq.read_table(beside / TABLE).to_pylist()
    expected = pq.read_table(embedded / TABLE).to_pylist()
    for row, known in zip(stored, expected, strict=True):
        for frame, other in zip(row["frames"], known["frames"], strict=True):
            assert frame["pixels"] is None
            assert frame["image"]["bytes"] is None
            pixels = np.load(beside / frame["pixels_path"], allow_pickle=False)
            assert pixels.shape == (len(frame["bands"]), row["height"], row["width"])
            assert pixels.tobytes() == other["pixels"]
            with (
                Image.open(beside / frame["image"]["path"]) as picture,
                Image.open(io.BytesIO(other["image"]["bytes"])) as same,
            ):
                assert np.array_equal(np.asarray(picture), np.asarray(same))


def test_the_manifest_lists_the_files(beside: Path):
    manifest = json.loads((beside / "manifest.json").read_text())
    assert manifest["images"] == "files"
    frames = [f for row in pq.read_table(beside / TABLE).to_pylist() for f in row["frames"]]
    named = {f["pixels_path"] for f in frames} | {f["image"]["path"] for f in frames}
    assert len(named) == 2 * len(frames)
    assert named == {name for name in manifest["files"] if name.startswith(("images/", "pixels/"))}
    assert check_manifest(beside) == []


def test_two_workers_write_the_same_bytes(beside: Path, tmp_path: Path, make_set: Callable[..., Path]):
    other = make_set(tmp_path / "set", "files", workers=2)
    files = json.loads((beside / "manifest.json").read_text())["files"]
    assert json.loads((other / "manifest.json").read_text())["files"] == files


def test_a_folder_begun_in_one_form_is_not_finished_in_the_other(beside: Path, make_set: Callable[..., Path]):
    with pytest.raises(OutputError, match="other settings"):
        make_set(beside, "embed")


def test_verify_rebuilds_and_finds_nothing(beside: Path):
    report = verify(beside)
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] == 10


@pytest.mark.parametrize("what", ["image", "pixels"])
def test_verify_finds_a_changed_file(beside: Path, tmp_path: Path, what: str):
    folder = shutil.copytree(beside, tmp_path / "set")
    frame = pq.read_table(folder / TABLE).to_pylist()[0]["frames"][0]
    if what == "pixels":
        array = np.load(folder / frame["pixels_path"]) + 1
        np.save(folder / frame["pixels_path"], array)
        expected = "do not have the recorded sha256"
    else:
        Image.new("RGB", (128, 128)).save(folder / frame["image"]["path"])
        expected = "differs from the source in frames"
    assert any(expected in problem for problem in verify(folder).problems)


def test_verify_and_status_find_a_missing_file(beside: Path, tmp_path: Path):
    folder = shutil.copytree(beside, tmp_path / "set")
    (folder / "pixels/00000/0000-1.npy").unlink()
    problems = verify(folder).problems
    assert any("pixels/00000/0000-1.npy is missing" in problem for problem in problems)
    assert any("no readable .npy array" in problem for problem in problems)
    assert main(["status", str(folder)]) == 1


def test_show_draws_a_sample(beside: Path, embedded: Path, tmp_path: Path):
    row = next(iter(read_rows(beside, "samples", ["id"])))
    for folder, name in ((beside, "a.png"), (embedded, "b.png")):
        assert main(["show", str(folder), row["id"], "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("name", ["../x.npy", "/etc/hosts", "pixels/../../x", "a\\b", "C:x", "", "a\0b"])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, name: str):
    with pytest.raises(OutputError, match="inside the folder"):
        inside(tmp_path, name)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "set" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(OutputError, match="inside the folder"):
        inside(tmp_path / "set", "link")


def row_naming(path: Path, dtype: str = "uint8") -> dict[str, Any]:
    frame = {"bands": ["a"], "dtype": dtype, "pixels": None, "pixels_path": path.name}
    return {"height": 2, "width": 3, "frames": [{**frame, "image": {"bytes": b"", "path": None}}]}


def test_arrays_of_objects_are_never_unpickled(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.array([[[print]]], dtype=object), allow_pickle=True)
    with pytest.raises(OutputError, match=r"no readable \.npy"):
        with_files(row_naming(tmp_path / "a.npy"), tmp_path)


@pytest.mark.parametrize("array", [np.zeros((1, 3, 2), "uint8"), np.zeros((1, 2, 3), "int16"), np.zeros(6, "uint8")])
def test_an_array_of_another_shape_or_type_is_refused(tmp_path: Path, array: np.ndarray):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(OutputError, match="expected uint8"):
        with_files(row_naming(tmp_path / "a.npy"), tmp_path)


def test_a_header_that_claims_terabytes_costs_nothing(tmp_path: Path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 1 << 20)}
        )
    with pytest.raises(OutputError, match=r"no readable \.npy"):
        with_files(row_naming(tmp_path / "a.npy"), tmp_path)


def test_arrays_in_fortran_order_are_read_in_c_order(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.asfortranarray(np.arange(6, dtype="uint8").reshape(1, 2, 3)))
    row = with_files(row_naming(tmp_path / "a.npy"), tmp_path)
    assert row["frames"][0]["pixels"] == bytes(range(6))


def test_read_shard_reads_the_files_too(beside: Path):
    assert all(frame["pixels"] for row in read_shard(beside / TABLE, SCENE_SCHEMA) for frame in row["frames"])
