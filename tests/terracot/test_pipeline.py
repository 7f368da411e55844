"""The pipeline: same bytes whatever happens, and nothing that looks finished but is not."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from make_scenes import make_scenes, unknown_code

from terracot import dataset, pipeline
from terracot.cli import main
from terracot.dataset import QUARANTINE, generate
from terracot.generate import SourceSpec
from terracot.io import OutputError, check_manifest, iter_jsonl, read_json
from terracot.status import folder_status

COMMAND = "import sys; from terracot.cli import main; sys.exit(main())"
SMALL_SHARDS = "from terracot import dataset; dataset.scenes_per_shard = lambda source, ids: 8; "
CTRL_C = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # shells' background jobs ignore it
)

Terracot = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def terracot(tmp_path_factory: pytest.TempPathFactory) -> Terracot:
    """Starts the program as a process of its own; compiled modules are kept between starts."""
    cache = str(tmp_path_factory.mktemp("pycache"))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": cache, "OMP_NUM_THREADS": "1", "GIT_DIR": "/nonexistent"}

    def start(*arguments: object, prelude: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", prelude + COMMAND, *map(str, arguments)]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    return start


@pytest.fixture(autouse=True)
def no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest names the commit of a checkout; somebody may commit while these tests run."""
    monkeypatch.setenv("GIT_DIR", "/nonexistent")


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four scenes per shard, for calls in this process."""
    monkeypatch.setattr(dataset, "scenes_per_shard", lambda source, ids: 4)


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return make_scenes(tmp_path / "scenes", count=12)


def spec(scenes: Path) -> SourceSpec:
    return SourceSpec("geotiff", str(scenes))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too; empty folders as well."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


def shard_names(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "data").iterdir())


# --- same bytes -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_shards")
def test_one_and_two_workers_write_the_same_bytes(scenes: Path, tmp_path: Path):
    for workers in (1, 2):
        generate(spec(scenes), tmp_path / f"out{workers}", seed=7, workers=workers)
    one = contents(tmp_path / "out1")
    assert one == contents(tmp_path / "out2")
    assert {"manifest.json", "README.md", "quarantine.jsonl", "data/samples-00002.parquet"} <= set(one)
    assert not [name for name in one if name.startswith(".") or "/." in name]


@pytest.mark.usefixtures("small_shards")
def test_another_seed_is_another_data_set(scenes: Path, tmp_path: Path):
    for seed in (0, 1):
        generate(spec(scenes), tmp_path / f"seed{seed}", seed=seed)
    first, second = (contents(tmp_path / f"seed{s}")["data/samples-00000.parquet"] for s in (0, 1))
    assert first != second


@pytest.mark.e2e
def test_killed_five_times_and_run_again_gives_the_bytes_of_an_uninterrupted_run(terracot: Terracot, tmp_path: Path):
    scenes = make_scenes(tmp_path / "scenes", count=80)  # ten shards
    arguments = ("generate", "geotiff", scenes, "--seed", 3, "--quiet")
    whole = terracot(*arguments, "--out", tmp_path / "whole", prelude=SMALL_SHARDS)
    working = _wait_for(whole, tmp_path / "whole" / ".work" / "plan.json")
    assert whole.wait(120) == 0, whole.communicate()
    span = time.monotonic() - working

    out, random_moment, killed_at_work = tmp_path / "killed", random.Random(20), 0
    for number in range(5):
        process = terracot(*arguments, "--out", out, "--workers", 1 + number % 2, prelude=SMALL_SHARDS)
        _wait_for(process, out / ".work" / "plan.json")
        time.sleep(random_moment.uniform(0, span / 3))
        process.send_signal(signal.SIGKILL)  # the parent only: its workers must notice by themselves
        process.communicate(timeout=60)  # ends only when the workers, who hold its pipes, are gone too
        killed_at_work += (out / ".work").exists() and folder_status(out).state == "unfinished"
    assert killed_at_work >= 3
    last = terracot(*arguments, "--out", out, "--workers", 2, prelude=SMALL_SHARDS)
    assert last.wait(120) == 0, last.communicate()
    assert contents(out) == contents(tmp_path / "whole")


def _wait_for(process: subprocess.Popen[str], path: Path) -> float:
    while not path.exists() and process.poll() is None:
        time.sleep(0.005)
    return time.monotonic()


@pytest.mark.e2e
def test_ctrl_c_says_how_to_go_on_and_the_next_run_does(terracot: Terracot, tmp_path: Path):
    scenes = make_scenes(tmp_path / "scenes", count=80)
    out = tmp_path / "out"
    process = terracot("generate", "geotiff", scenes, "--out", out, "--workers", 2, prelude=CTRL_C + SMALL_SHARDS)
    _wait_for(process, out / "data")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: every process of the group
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert f"terracot generate geotiff {scenes} --out {out} --workers 2" in errors
    assert folder_status(out).state == "unfinished"
    again = terracot("generate", "geotiff", scenes, "--out", out, prelude=SMALL_SHARDS)
    assert again.wait(120) == 0, again.communicate()
    assert check_manifest(out) == []


# --- failing disks --------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 KiB; skips where none may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no small file system can be mounted here (needs root)")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("small_shards")
def test_a_full_disk_is_one_clear_error_and_space_completes_the_run(
    scenes: Path, small_disk: Path, workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = small_disk / "out"
    arguments = ["generate", "geotiff", str(scenes), "--out", str(out), "--workers", str(workers)]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: the disk is full")
    assert "Free some space and run the same command again" in error
    assert error.count("\n") == 1
    kept = shard_names(out)
    assert kept
    assert not (out / "manifest.json").exists()

    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    before = {name: (out / "data" / name).stat().st_mtime_ns for name in _recorded(out)}
    assert main(arguments) == 0
    assert {name: (out / "data" / name).stat().st_mtime_ns for name in before} == before
    generate(spec(scenes), tmp_path / "elsewhere")
    assert contents(out) == contents(tmp_path / "elsewhere")


def _recorded(out: Path) -> list[str]:
    records = [read_json(path) for path in (out / ".work").glob("generate-*.json")]
    return [Path(name).name for record in records for name in record["files"]]


@pytest.mark.e2e
def test_a_file_size_limit_is_one_clear_error_and_without_it_the_run_completes(
    terracot: Terracot, scenes: Path, tmp_path: Path
):
    out = tmp_path / "out"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
    process = terracot("generate", "geotiff", scenes, "--out", out, prelude=limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("Error: cannot write ")
    assert errors.count("\n") == 1
    assert folder_status(out).state == "unfinished"
    assert main(["generate", "geotiff", str(scenes), "--out", str(out), "--quiet"]) == 0
    assert check_manifest(out) == []


# --- damage and other people's folders ------------------------------------------------------------------------------


def stop_after(monkeypatch: pytest.MonkeyPatch, shards: int) -> None:
    """The run fails when it comes to write the record after so many shards."""
    write, written = pipeline.atomic_write_text, []

    def failing(path: Path, text: str) -> None:
        if Path(path).name.startswith("generate-"):
            if len(written) == shards:
                raise OutputError("stopped by the test")
            written.append(path)
        write(path, text)

    monkeypatch.setattr(pipeline, "atomic_write_text", failing)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("harm", ["changed", "removed"])
def test_a_damaged_finished_shard_is_written_again(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
):
    generate(spec(scenes), tmp_path / "whole")
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(OutputError, match="stopped by the test"):
            generate(spec(scenes), out)
    assert folder_status(out).shards == {"generate": (2, 3)}
    damaged = out / "data" / "samples-00001.parquet"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data) if harm == "changed" else damaged.unlink()
    generate(spec(scenes), out)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.usefixtures("small_shards")
def test_finished_shards_are_not_done_again(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(OutputError, match="stopped by the test"):
            generate(spec(scenes), out)
    done: list[int] = []
    run = dataset.GenerateJob.run_shard

    def counting(job: dataset.GenerateJob, index: int, ids: tuple[str, ...]) -> dict:
        done.append(index)
        return run(job, index, ids)

    monkeypatch.setattr(dataset.GenerateJob, "run_shard", counting)
    generate(spec(scenes), out)
    assert done == [2]


def test_a_run_killed_before_its_plan_was_written_is_no_strangers_folder(scenes: Path, tmp_path: Path):
    out = tmp_path / "out"
    (out / ".work").mkdir(parents=True)
    (out / ".work" / ".plan.json.12345678.tmp").write_text("{")
    assert generate(spec(scenes), out).counts["scenes"] == 12
    assert not (out / ".work").exists()


def test_leftovers_of_killed_runs_are_removed_at_the_end(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_after(patch, 0)
        with pytest.raises(OutputError, match="stopped by the test"):
            generate(spec(scenes), out)
    (out / "data" / ".samples-00000.parquet.0badcafe.tmp").write_bytes(b"half")
    generate(spec(scenes), out)
    assert not [name for name in contents(out) if ".tmp" in name or ".work" in name]


def test_a_run_killed_between_manifest_and_clearing_up_is_finished(scenes: Path, tmp_path: Path):
    out = tmp_path / "out"
    generate(spec(scenes), out)
    whole = contents(out)
    (out / ".work").mkdir()
    (out / ".work" / "plan.json").write_text("{}")
    generate(spec(scenes), out)
    assert contents(out) == whole


def test_a_finished_folder_that_lost_a_file_is_not_called_finished(scenes: Path, tmp_path: Path):
    out = tmp_path / "out"
    generate(spec(scenes), out)
    (out / "data" / "scenes-00000.parquet").unlink()
    with pytest.raises(OutputError, match=r"was finished, but data/scenes-00000.parquet is missing; remove the folder"):
        generate(spec(scenes), out)


@pytest.mark.e2e
def test_two_processes_on_one_folder_do_not_interleave(terracot: Terracot, tmp_path: Path):
    pytest.importorskip("fcntl")
    scenes, out = make_scenes(tmp_path / "scenes", count=160), tmp_path / "out"
    arguments = ("generate", "geotiff", scenes, "--out", out, "--quiet")
    first = terracot(*arguments)
    _wait_for(first, out / ".work" / "plan.json")
    second = terracot(*arguments)
    _, errors = second.communicate(timeout=60)
    assert first.poll() is None, "the first was too fast for this test"
    assert second.returncode == 2
    assert errors == f"Error: another process is working on {out}; wait for it or choose another --out\n"
    assert first.wait(120) == 0, first.communicate()
    assert check_manifest(out) == []
    assert not (out / ".work").exists()


def test_a_folder_that_another_process_holds_is_left_alone_until_that_ends(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fcntl = pytest.importorskip("fcntl")
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_after(patch, 0)
        with pytest.raises(OutputError, match="stopped by the test"):
            generate(spec(scenes), out)
    before = contents(out)
    with (out / ".work" / "lock").open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another process is working on"):
            generate(spec(scenes), out)
        assert contents(out) == before
    generate(spec(scenes), out)
    assert not (out / ".work").exists()


def test_a_file_system_without_locks_does_not_stop_a_run(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fcntl = pytest.importorskip("fcntl")

    def without_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without_locks)
    assert generate(spec(scenes), tmp_path / "out").counts["scenes"] == 12


@pytest.mark.parametrize("damage", ['{"plan": "', "[]", ""])
@pytest.mark.parametrize("name", ["manifest.json", ".work/plan.json"])
def test_damaged_records_of_a_folder_say_what_to_remove(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: str
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_after(patch, 0 if name != "manifest.json" else 9)
        with suppress(OutputError):
            generate(spec(scenes), out)
    (out / name).write_text(damage)
    for look in (lambda: generate(spec(scenes), out), lambda: folder_status(out)):
        with pytest.raises(OutputError, match=rf"{name}.*; remove the folder {out} and run the .*command .*again"):
            look()
    shutil.rmtree(out)
    assert generate(spec(scenes), out).counts["scenes"] == 12


def test_other_settings_and_changed_inputs_do_not_touch_a_folder(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out, half = tmp_path / "out", tmp_path / "half"
    generate(spec(scenes), out)
    with monkeypatch.context() as patch:
        stop_after(patch, 0)
        with pytest.raises(OutputError, match="stopped by the test"):
            generate(spec(scenes), half)
    before = contents(out), contents(half)
    with pytest.raises(OutputError, match="finished data set with other settings"):
        generate(spec(scenes), out, seed=1)
    with pytest.raises(OutputError, match="unfinished work with other settings"):
        generate(spec(scenes), half, limit=3)
    (scenes / "image" / "s003.tif").unlink()
    with pytest.raises(OutputError, match="or an input changed since"):
        generate(spec(scenes), half)
    assert (contents(out), contents(half)) == before


def test_a_strangers_folder_and_a_file_are_refused(scenes: Path, tmp_path: Path):
    stranger, file = tmp_path / "stranger", tmp_path / "file"
    stranger.mkdir()
    (stranger / "thesis.tex").write_text("years of work")
    file.write_text("a file")
    with pytest.raises(OutputError, match="not empty and not a data set"):
        generate(spec(scenes), stranger)
    with pytest.raises(OutputError, match="is a file, expected a folder"):
        generate(spec(scenes), file)
    assert contents(stranger) == {"thesis.tex": b"years of work"}
    assert file.read_text() == "a file"


class _DiesInWorker(dataset.GenerateJob):
    def run_shard(self, index: int, scene_ids: object) -> dict:
        os._exit(9)


@pytest.mark.usefixtures("small_shards")
def test_a_killed_worker_is_explained(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dataset, "GenerateJob", _DiesInWorker)
    with pytest.raises(OutputError, match=r"a worker process was killed.*fewer --workers"):
        generate(spec(scenes), tmp_path / "out", workers=2)


# --- quarantine -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_shards")
def test_unusable_scenes_are_listed_with_their_reasons(scenes: Path, tmp_path: Path):
    unknown_code(scenes, "s004")
    (scenes / "image" / "s007.tif").unlink()
    (scenes / "label" / "s009.tif").write_bytes((scenes / "label" / "s009.tif").read_bytes()[:100])
    (scenes / "image" / "s010.tif").write_bytes(b"not a tiff")
    summary = generate(spec(scenes), tmp_path / "out", workers=2)
    entries = list(iter_jsonl(tmp_path / "out" / QUARANTINE))
    assert [(e["scene_id"], e["reason"]) for e in entries] == [
        ("s004", "unknown_code"),
        ("s007", "missing_frame"),
        ("s009", "unreadable"),
        ("s010", "unreadable"),
    ]
    assert "label codes [99] are not in legend test_legend" in entries[0]["message"]
    assert str(tmp_path) not in json.dumps(entries)
    assert (summary.quarantined, summary.scenes_read, summary.counts["scenes"]) == (4, 12, 8)
    assert summary.quarantined_share == pytest.approx(1 / 3)


def test_only_allowed_licences_are_used(scenes: Path, tmp_path: Path):
    assert generate(spec(scenes), tmp_path / "kept", allow_licenses=("MIT", "CC-BY-4.0")).quarantined == 0
    assert generate(spec(scenes), tmp_path / "none", allow_licenses=("MIT",)).quarantined == 12
    entry = next(iter_jsonl(tmp_path / "none" / QUARANTINE))
    assert (entry["reason"], entry["message"]) == ("license", "licence CC-BY-4.0 is not among those allowed (MIT)")


@pytest.mark.parametrize(("allowed_share", "code"), [("0.2", 3), ("0.25", 0)])
def test_exit_code_three_only_when_more_than_the_share_is_quarantined(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], allowed_share: str, code: int
):
    for scene_id in ("s001", "s002", "s003"):
        unknown_code(scenes, scene_id)
    out = tmp_path / "out"
    arguments = ["generate", "geotiff", str(scenes), "--out", str(out), "--max-quarantined", allowed_share]
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert "3 of 12 scenes quarantined (unknown_code 3)" in captured.out
    assert ("Warning: 3 of 12 scenes were quarantined" in captured.err) == (code == 3)
    assert check_manifest(out) == []
    assert main(arguments) == code  # a finished folder gives the same verdict


def test_shards_are_cut_in_order():
    ids = [f"s{n}" for n in range(7)]
    assert pipeline.shards_of(ids, 3) == [(0, ("s0", "s1", "s2")), (1, ("s3", "s4", "s5")), (2, ("s6",))]
    assert pipeline.SCENES_PER_SHARD == 32
