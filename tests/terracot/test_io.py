"""Nothing half-written may look finished: atomic files, healed logs, manifests that notice every change."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terracot import io
from terracot.io import OutputError


def test_atomic_write_replaces_whole_files_and_leaves_no_temporary_ones(tmp_path):
    target = tmp_path / "deep" / "file.txt"
    io.atomic_write_text(target, "one")
    io.atomic_write_text(target, "zwei ü")
    assert target.read_bytes() == "zwei ü".encode()
    assert [p.name for p in target.parent.iterdir()] == ["file.txt"]


def test_a_full_disk_keeps_the_old_file_and_says_so(tmp_path, monkeypatch):
    target = tmp_path / "scores.json"
    target.write_text("old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(io.os, "fsync", full)
    with pytest.raises(OutputError, match=r"disk is full.*unchanged.*run the same command again"):
        io.atomic_write_text(target, "new")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["scores.json"]


def test_an_error_inside_the_block_keeps_the_old_file(tmp_path):
    target = tmp_path / "x.bin"
    target.write_bytes(b"old")
    with pytest.raises(KeyError), io.atomic_file(target) as file:  # noqa: PT012
        file.write(b"half of the new")
        raise KeyError("stop")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.bin"]


def test_written_files_are_readable_for_others_like_any_file(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    io.atomic_write_text(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == plain.stat().st_mode


def test_a_path_below_a_file_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        io.atomic_write_text(tmp_path / "file" / "below", "x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a Linux device that is always full")
def test_appending_to_a_full_disk_says_what_is_safe():
    with io.open_log("/dev/full") as handle, pytest.raises(OutputError) as error:
        io.append_line(handle, {"id": 1})
    assert "disk is full" in str(error.value)
    assert "every line before this one is safe" in str(error.value)


def test_lines_round_trip_and_nan_is_refused(tmp_path):
    path = tmp_path / "log.jsonl"
    with io.open_log(path) as handle:
        io.append_line(handle, {"reply": "Äñ \n\u2028 ok"}, sync=True)
        io.append_line(handle, {"reply": "lone \ud800 surrogate"})
        with pytest.raises(ValueError, match="JSON compliant"):
            io.append_line(handle, {"x": float("nan")})
    first, second = io.iter_jsonl(path)
    assert first == {"reply": "Äñ \n\u2028 ok"}
    assert second["reply"].startswith("lone ")


@pytest.mark.parametrize("torn", [b'{"id": 3, "re', b"\x00" * 100_000, b'{"id": 3}', b"\xff\xfe"])
def test_a_torn_last_line_is_cut_off_the_file(tmp_path, torn):
    path = tmp_path / "log.jsonl"
    whole = b'{"id": 1}\n{"id": 2}\n'
    path.write_bytes(whole + torn)
    assert [v["id"] for v in io.iter_jsonl(path)] == [1, 2]
    assert path.read_bytes() == whole + torn  # reading alone never changes a file that may still be written
    assert [v["id"] for v in io.read_jsonl_healing(path)] == [1, 2]
    assert path.read_bytes() == whole


def test_a_file_that_is_one_torn_line_heals_to_empty(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"id"')
    assert io.read_jsonl_healing(path) == []
    assert path.read_bytes() == b""


@pytest.mark.parametrize("damage", [b"{broken\n", b"[1]\n", b"\n", b"\xff\n"])
def test_damage_elsewhere_is_an_error_that_names_the_line(tmp_path, damage):
    path = tmp_path / "log.jsonl"
    content = b'{"id": 1}\n' + damage + b'{"id": 3}\n'
    path.write_bytes(content)
    with pytest.raises(OutputError, match="line 2"):
        io.read_jsonl_healing(path)
    assert path.read_bytes() == content


def test_a_missing_log_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        io.read_jsonl_healing(tmp_path / "absent.jsonl")
    with pytest.raises(OutputError, match="No such file"):
        list(io.iter_jsonl(tmp_path / "absent.jsonl"))


def folder_with_files(root: Path) -> Path:
    (root / "data").mkdir(parents=True)
    pq.write_table(pa.table({"x": [1, 2, 3]}), root / "data" / "items-0.parquet")
    (root / "README.md").write_text("card")
    (root / "log.jsonl").write_text('{"a":1}\n{"a":2}\n')
    (root / ".hidden").write_text("caches of other programs are not ours")
    return root


def test_manifest_lists_every_file_with_size_hash_and_rows(tmp_path):
    folder = folder_with_files(tmp_path / "bench")
    io.write_manifest(folder, {"protocol": "strict"})
    manifest = json.loads((folder / "manifest.json").read_text())
    assert list(manifest["files"]) == ["README.md", "data/items-0.parquet", "log.jsonl"]
    assert manifest["files"]["README.md"] == {"bytes": 4, "sha256": hashlib.sha256(b"card").hexdigest()}
    assert manifest["files"]["data/items-0.parquet"]["rows"] == 3
    assert manifest["files"]["log.jsonl"]["rows"] == 2
    assert manifest["protocol"] == "strict"
    assert io.check_manifest(folder) == []


def test_manifest_is_the_same_bytes_for_the_same_content(tmp_path):
    for name in "ab":
        io.write_manifest(folder_with_files(tmp_path / name), {"n": 1, "stamp": io.stamp()})
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


def test_manifest_notices_missing_changed_and_extra_files(tmp_path):
    folder = folder_with_files(tmp_path / "bench")
    io.write_manifest(folder, {})
    (folder / "README.md").unlink()
    (folder / "log.jsonl").write_text('{"a":1}\n{"a":3}\n')  # same length, other content
    (folder / "data" / "items-1.parquet").write_bytes(b"extra")
    assert sorted(io.check_manifest(folder)) == [
        "README.md is missing",
        "data/items-1.parquet is not in the manifest",
        "log.jsonl changed: its sha256 differs from the manifest",
    ]
    (folder / "log.jsonl").write_text("short")
    assert any("expected 16 bytes, found 5" in problem for problem in io.check_manifest(folder))


def test_a_folder_without_a_manifest_was_never_finished(tmp_path):
    with pytest.raises(OutputError, match="never finished"):
        io.check_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(OutputError, match="not valid JSON"):
        io.check_manifest(tmp_path)


def test_canonical_json_has_one_spelling_and_no_nan():
    assert io.canonical_json({"b": 1, "a": ["ü", None, 0.5]}) == '{"a":["ü",null,0.5],"b":1}'
    with pytest.raises(ValueError, match="JSON compliant"):
        io.canonical_json(float("inf"))


def test_stamp_names_version_commit_and_libraries():
    io._git.cache_clear()
    found = io.stamp()
    expected = subprocess.run(
        ["git", "-C", Path(io.__file__).parent, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    assert found["version"] == "0.1.0"
    assert found["commit"] == (expected.stdout.strip() or None)
    assert set(io.STAMPED_LIBRARIES) == set(found["libraries"])
    json.dumps(found, allow_nan=False)


def test_stamp_outside_a_checkout_is_null_not_a_strangers_commit(tmp_path):
    """A copy installed inside somebody else's repository must not report that repository's commit."""
    package = tmp_path / "site-packages" / "terracot"
    package.mkdir(parents=True)
    for name in ("__init__.py", "io.py"):
        (package / name).write_bytes((Path(io.__file__).parent / name).read_bytes())
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    code = "import terracot.io as io; s = io.stamp(); print(io.__file__, s['commit'], s['dirty'])"
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == [str(package / "io.py"), "None", "None"]


def test_json_nested_too_deeply_is_damage_and_no_crash(tmp_path):
    (tmp_path / "deep").write_text("[" * 100_000 + "\n")
    with pytest.raises(OutputError, match="is not valid JSON"):
        io.read_json(tmp_path / "deep")
    with pytest.raises(OutputError, match="line 1 is damaged"):
        list(io.iter_jsonl(tmp_path / "deep"))
