"""Scene ids in, shards out, on any number of processes, resumable after any kind of death.

Work is cut into shards of scene ids before it starts. Each shard is a pure function of its ids: it writes its own files
by atomic rename, then a small record ``.work/STAGE-00007.json`` that says what it wrote. A run that finds a record (and
its files) skips the shard; so the result has the same bytes whatever the number of workers and however often the run
was killed. ``.work/plan.json`` holds what the result depends on; a folder with another plan is refused. ``.work/lock``
keeps a second process out while one is at work.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import terracot
from terracot.io import (
    MANIFEST,
    OutputError,
    atomic_write_text,
    canonical_json,
    check_manifest,
    lock,
    open_log,
    pretty_json,
    read_json,
    read_manifest,
    sha256_file,
)
from terracot.samples import SCHEMA_VERSION

SCENES_PER_SHARD = 32
WORK = ".work"
PLAN = "plan.json"


class Job(Protocol):
    """A picklable description of the work on one shard.

    ``start_worker()``, where it has one, is called once in each worker process before the first shard.
    """

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Do the work and return a plain record with ``files`` (relative path -> rows, sha256), counts and the like."""
        ...


def shards_of(scene_ids: Sequence[str], size: int = SCENES_PER_SHARD) -> list[tuple[int, tuple[str, ...]]]:
    """Cut scene ids into numbered shards."""
    return [(n, tuple(scene_ids[i : i + size])) for n, i in enumerate(range(0, len(scene_ids), size))]


def fingerprint(identity: Mapping[str, Any], source_fingerprint: str, scene_ids: Sequence[str]) -> str:
    """Hash of everything that the result depends on."""
    content = [dict(identity), source_fingerprint, list(scene_ids), terracot.__version__, SCHEMA_VERSION]
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


@contextmanager
def working_on(out: Path, plan: str, shards: Mapping[str, int] | None = None) -> Iterator[bool]:
    """Make ``out`` ready for work with this plan and hold it; the block gets True when it is finished already.

    ``shards`` says how many there are per stage, for whoever asks how far the work is. When the block ends and has
    written the manifest, working records are removed. ``OutputError`` when the folder holds something else, and nothing
    of it is touched, or when another process works on it.
    """
    if _is_finished(out, plan):
        yield True
    else:
        with _held(out):
            finished = _is_finished(out, plan)  # once more: another process may have been faster
            work = out / WORK / PLAN
            if not finished and (not work.exists() or read_plan(out).get("plan") != plan):
                atomic_write_text(work, pretty_json({"plan": plan, "shards": dict(shards or {})}))
            yield finished
    if (out / MANIFEST).exists():
        _clear_up(out)


@contextmanager
def _held(out: Path) -> Iterator[None]:
    try:
        (out / WORK).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {out / WORK}: {error}. Check the folder and its permissions") from error
    with open_log(out / WORK / "lock") as handle:
        if not lock(handle):
            raise OutputError(f"another process is working on {out}; wait for it or choose another --out")
        yield


def _is_finished(out: Path, plan: str) -> bool:
    """True when finished with this plan, False when there is work to do; ``OutputError`` for any other folder."""
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file, expected a folder or nothing; choose another --out")
    manifest, work = out / MANIFEST, out / WORK / PLAN
    if manifest.exists():
        if read_manifest(out).get("plan") == plan:
            damage = check_manifest(out, hashes=False)
            if damage:
                raise OutputError(
                    f"{out} was finished, but {damage[0]}; remove the folder and run the same command again"
                )
            return True
        raise OutputError(f"{out} holds a finished data set with other settings; choose another --out or remove it")
    if work.exists():
        if read_plan(out).get("plan") != plan and _begun(out):
            raise OutputError(
                f"{out} holds unfinished work with other settings (or an input changed since); "
                "run it again with those settings, choose another --out, or remove the folder"
            )
        return False
    # A run killed before it had written its plan leaves a working folder and nothing else.
    if out.exists() and any(entry.name != WORK for entry in out.iterdir()):
        raise OutputError(f"{out} is not empty and not a data set of this program; choose another --out")
    return False


def _begun(out: Path) -> bool:
    """True when there is more than a plan: a run that failed before its first shard must not stand in the way."""
    return any(entry.name != WORK for entry in out.iterdir()) or any((out / WORK).glob("*-*.json"))


def read_plan(out: Path) -> dict[str, Any]:
    """``plan`` and ``shards`` of a folder that holds unfinished work."""
    return read_json(out / WORK / PLAN, f"remove the folder {out} and run the same command again")


def run_shards(
    job: Job, stage: str, shards: Sequence[tuple[int, tuple[str, ...]]], out: Path, workers: int, progress: bool
) -> list[dict[str, Any]]:
    """Run ``job`` on every shard that has no record yet; returns all records in shard order."""
    from tqdm import tqdm

    records: dict[int, dict[str, Any]] = {}
    todo = []
    for index, ids in shards:
        record = _finished(out, stage, index)
        if record is None:
            todo.append((index, ids))
        else:
            records[index] = record
    bar = tqdm(total=sum(len(ids) for _, ids in shards), desc=stage, unit="scene", disable=not progress)
    bar.update(sum(len(ids) for index, ids in shards if index in records))
    lengths = {index: len(ids) for index, ids in shards}
    for index, record in each_shard(job, todo, workers):
        atomic_write_text(_record_path(out, stage, index), pretty_json(record))
        records[index] = record
        bar.update(lengths[index])
    bar.close()
    return [records[index] for index, _ in shards]


def _clear_up(out: Path) -> None:
    """Remove the working records of a finished folder, and what killed runs left half written."""
    for torn in out.rglob(".*.tmp"):
        torn.unlink(missing_ok=True)
    shutil.rmtree(out / WORK, ignore_errors=True)


def _record_path(out: Path, stage: str, index: int) -> Path:
    return out / WORK / f"{stage}-{index:05d}.json"


def _finished(out: Path, stage: str, index: int) -> dict[str, Any] | None:
    path = _record_path(out, stage, index)
    if not path.exists():
        return None
    try:
        record: dict[str, Any] = read_json(path)
    except OutputError:  # a damaged record is none: the shard is done again
        return None
    intact = all(
        (out / name).exists() and sha256_file(out / name) == file["sha256"]
        for name, file in record.get("files", {}).items()
    )
    return record if intact else None


def each_shard(
    job: Job, todo: Sequence[tuple[int, tuple[str, ...]]], workers: int
) -> Iterable[tuple[int, dict[str, Any]]]:
    """``(index, record)`` of each shard as it is done, by one process or several; nothing is kept."""
    if workers <= 1 or len(todo) <= 1:
        for index, ids in todo:
            yield index, job.run_shard(index, ids)
        return
    context = multiprocessing.get_context("spawn")  # forking a process with library threads can dead-lock
    with ProcessPoolExecutor(min(workers, len(todo)), context, _start_worker, (job,)) as pool:
        with _ctrl_c_ignored():  # workers inherit it: Ctrl-C is the parent's to handle, from their first instruction on
            futures = {pool.submit(_run_in_worker, index, ids): index for index, ids in todo}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise OutputError(
                "a worker process was killed, most often because memory ran out; finished shards are safe. Run the "
                "same command again, with fewer --workers if it happens again"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Ignore SIGINT for a moment, where that can be set (the main thread)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_job: Job | None = None


def _start_worker(job: Job) -> None:
    """Keep the job for the life of the worker, and die with the parent (a killed parent cannot say goodbye)."""
    global _job
    _job = job
    if start := getattr(job, "start_worker", None):
        start()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()  # returns at once when the parent died before this line
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run_in_worker(index: int, ids: Sequence[str]) -> dict[str, Any]:
    assert _job is not None
    return _job.run_shard(index, ids)
