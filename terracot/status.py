"""How far a folder is: finished, unfinished (with the shards that are done), or none of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from terracot.io import MANIFEST, OutputError, check_manifest, read_manifest
from terracot.pipeline import PLAN, WORK, read_plan
from terracot.samples import SCHEMA_VERSION


@dataclass(frozen=True)
class Status:
    """``state`` is "finished", "damaged" (finished once, changed since), "unfinished" or "not a data set".

    ``shards`` maps each stage of unfinished work to (done, planned); ``counts`` are those of the manifest.
    """

    folder: Path
    state: str
    kind: str = ""
    counts: Mapping[str, Any] = field(default_factory=dict)
    quarantined: int = 0
    shards: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def folder_status(folder: Path) -> Status:
    """Look at names and sizes only. ``OutputError`` when there is no such folder, or its records are damaged."""
    if not folder.is_dir():
        raise OutputError(f"expected a data-set folder, found {'a file' if folder.exists() else 'nothing'} at {folder}")
    if (folder / MANIFEST).is_file():
        problems = tuple(check_manifest(folder, hashes=False))
        manifest = read_manifest(folder)
        return Status(
            folder,
            "damaged" if problems else "finished",
            str(manifest.get("kind", "")),
            manifest.get("counts", {}),
            manifest.get("quarantined", 0),
            problems=problems,
        )
    if not (folder / WORK / PLAN).is_file():
        return Status(folder, "not a data set")
    records = [path.name for path in (folder / WORK).glob("*.json")]
    planned: Mapping[str, int] = read_plan(folder).get("shards", {})
    done = {stage: sum(name.startswith(f"{stage}-") for name in records) for stage in planned}
    return Status(folder, "unfinished", shards={stage: (done[stage], total) for stage, total in planned.items()})


def require_finished(folder: Path) -> dict[str, Any]:
    """Manifest of a finished folder of this schema; ``OutputError`` says what it is instead and what to do."""
    status = folder_status(folder)
    if status.state == "unfinished":
        raise OutputError(f"{folder} is unfinished; run the command that makes it again, it goes on where it stopped")
    if status.state == "not a data set":
        raise OutputError(f"{folder} has no {MANIFEST}: it is no data set or benchmark of this program")
    manifest = read_manifest(folder)
    if manifest.get("schema") != SCHEMA_VERSION:
        raise OutputError(
            f"{folder} has tables of schema {manifest.get('schema')}, this version reads schema {SCHEMA_VERSION}; make "
            "it again, or read it with the version that its manifest states"
        )
    return manifest


def status_dict(status: Status) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "folder": str(status.folder),
        "state": status.state,
        "kind": status.kind,
        "counts": dict(status.counts),
        "quarantined": status.quarantined,
        "shards": {stage: {"done": done, "planned": total} for stage, (done, total) in status.shards.items()},
        "problems": list(status.problems),
    }
