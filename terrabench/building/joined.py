"""Benchmarks of several sources in one folder: the files of every part, one manifest, one card, an audit per part.

A part keeps its shards under new numbers, so that items and scenes of a shard still have the same number, and its
manifest, so that ``terracot verify`` can make every part again from its own source.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from terrabench.items import BenchmarkError, tasks_of
from terracot.card import card_head, credit_lines
from terracot.croissant import write_croissant
from terracot.dataset import QUARANTINE
from terracot.io import (
    MANIFEST,
    atomic_write_text,
    canonical_json,
    iter_jsonl,
    pretty_json,
    read_json,
    stamp,
    write_manifest,
)
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA, SCHEMA_VERSION
from terracot.shards import read_rows

JOINED = "terrascope-bench-joined"
_OF_THE_WHOLE = ("kind", "schema", "files", "render", "stamp")


def join(parts: Mapping[str, Path], out: Path, name: str, plan: str) -> None:
    """Join finished benchmark folders, by name, into ``out``; the manifest comes last.

    ``BenchmarkError`` when two parts have a scene or an item of the same name, or were built under other settings.
    """
    manifests = {part: read_json(folder / MANIFEST) for part, folder in parts.items()}
    _check_alike(manifests)
    _check_apart(parts)
    first, entries = 0, []
    for part, folder in parts.items():
        shards = _take_shards(folder, out, first)
        own = {key: value for key, value in manifests[part].items() if key not in _OF_THE_WHOLE}
        entries.append({"name": part, "first_shard": first, "shards": shards, **own})
        first += shards
    audit = {part: read_json(folder / "audit.json") for part, folder in parts.items()}
    atomic_write_text(out / "audit.json", pretty_json(audit))
    refused = [{"part": part} | entry for part, folder in parts.items() for entry in iter_jsonl(folder / QUARANTINE)]
    atomic_write_text(out / QUARANTINE, "".join(canonical_json(entry) + "\n" for entry in refused))
    tasks: Counter[str] = Counter()
    for entry in entries:
        tasks.update(entry["counts"]["tasks"])
    kept = {key: sum(entry["counts"][key] for entry in entries) for key in ("scenes", "items")}
    counts = {**kept, "tasks": {task: tasks[task] for task in tasks_of(tasks)}}
    protocol = " + ".join(sorted({kind for entry in entries for kind in entry["protocol"].split(" + ")}))
    atomic_write_text(out / "README.md", _card(name, counts, protocol, entries, out))
    write_croissant(
        out,
        f"terrascope-bench-{name}",
        f"{counts['items']} multiple-choice items over {counts['scenes']} scenes of {', '.join(parts)}.",
        {"items": (ITEM_SCHEMA, "id"), "scenes": (SCENE_SCHEMA, "scene_id")},
        {row["license"] for row in read_rows(out, "scenes", ["license"])},
    )
    content = {
        "kind": JOINED,
        "schema": SCHEMA_VERSION,
        "plan": plan,
        "name": name,
        "protocol": protocol,
        "seed": entries[0]["seed"],
        "settings": entries[0]["settings"],
        "scenes_read": sum(entry["scenes_read"] for entry in entries),
        "counts": counts,
        "quarantined": sum(entry["quarantined"] for entry in entries),
        "parts": entries,
        "render": next(iter(manifests.values()))["render"],
        "stamp": stamp(),
    }
    write_manifest(out, content)


def _check_alike(manifests: Mapping[str, Mapping[str, Any]]) -> None:
    (name, first), *others = manifests.items()
    for other, manifest in others:
        for key in ("schema", "seed", "settings"):
            if manifest[key] != first[key]:
                raise BenchmarkError(
                    f"{name} and {other} were built with another {key}; numbers of the two cannot be told together. "
                    "Build both with the same"
                )


def _check_apart(parts: Mapping[str, Path]) -> None:
    for stem, column in (("scenes", "scene_id"), ("items", "id")):
        seen: dict[str, str] = {}
        for part, folder in parts.items():
            for row in read_rows(folder, stem, [column]):
                other = seen.setdefault(row[column], part)
                if other != part:
                    raise BenchmarkError(
                        f"{other} and {part} both have {stem[:-1]} {row[column]}; in one benchmark a name stands for "
                        "one thing. Take the scenes of one part from elsewhere (for procedural ones, another `first`)"
                    )


def _take_shards(folder: Path, out: Path, first: int) -> int:
    """Bring the shards of a part under their new numbers; returns how many there are."""
    shards = sorted((folder / "data").glob("items-*.parquet"))
    (out / "data").mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(shards):
        for stem in ("items", "scenes"):
            source = path.with_name(path.name.replace("items", stem, 1))
            _place(source, out / "data" / f"{stem}-{first + number:05d}.parquet")
    return len(shards)


def _place(source: Path, target: Path) -> None:
    """The same file under another name, without a second copy of its bytes where the disk can do that."""
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with suppress(OSError):
            os.link(source, temporary)
        if not temporary.exists():
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise BenchmarkError(
            f"cannot write {target}: {error}; free some space and run the same command again"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)  # a link to the file that is there already is not moved


def _card(name: str, counts: Mapping[str, Any], protocol: str, entries: Sequence[Mapping[str, Any]], out: Path) -> str:
    scenes = read_rows(out, "scenes", ["license", "attribution"])
    credits = sorted({(row["license"], row["attribution"]) for row in scenes})
    tasks = list(counts["tasks"])
    rows = "\n".join(
        f"| {e['name']} | {e['source']['name']} | {e['counts']['scenes']} | "
        + " | ".join(str(e["counts"]["tasks"].get(task, 0)) for task in tasks)
        + " |"
        for e in entries
    )
    synthetic = "\n**All images of this benchmark are synthetic.**\n" if _all_made(entries) else ""
    return (
        card_head(("items", "scenes"), [licence for licence, _ in credits])
        + f"""# TerraScope-Bench items: `{name}`
{synthetic}
{counts["items"]} multiple-choice items over {counts["scenes"]} scenes, joined of {len(entries)} parts that were built
one by one under the protocol `{protocol}`. What was kept and dropped in each, and why, is in `audit.json`.

| part | source | scenes | {" | ".join(tasks)} |
|---|---|---|{"---|" * len(tasks)}
{rows}

## Licences

{credit_lines(credits)}
"""
    )


def _all_made(entries: Sequence[Mapping[str, Any]]) -> bool:
    return all(entry["source"]["generated"] for entry in entries)
