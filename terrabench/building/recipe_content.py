"""What a benchmark holds, small enough to be shipped with a recipe, and how two of them differ."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terrabench.items import every_task
from terracot.io import canonical_json
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA
from terracot.shards import read_rows

_SHOWN = 5


class RecipeError(ValueError):
    """A recipe that cannot be read, written or used; the message says why and what to do."""


@dataclass(frozen=True)
class Content:
    """What a benchmark holds, small enough to be compared and shipped: scene -> hash of its row and its item ids."""

    scenes: Mapping[str, tuple[str, tuple[str, ...]]]
    tasks: Mapping[str, int]
    splits: Mapping[str, int]

    def text(self) -> str:
        """One line per scene: name, hash, item ids."""
        rows = ((name, sha256, " ".join(ids)) for name, (sha256, ids) in sorted(self.scenes.items()))
        return "".join("\t".join(row) + "\n" for row in rows)

    @property
    def ids(self) -> dict[str, str]:
        """Item id -> its scene."""
        return {item: scene for scene, (_, ids) in self.scenes.items() for item in ids}

    def expected(self) -> dict[str, Any]:
        """Counts and hashes, as a recipe states them."""
        return {
            "items": dict(self.tasks),
            "scenes": len(self.scenes),
            "splits": dict(self.splits),
            "ids_sha256": _sha256("\n".join(sorted(self.ids))),
            "content_sha256": _sha256(self.text()),
        }


def content_of(folders: Iterable[Path]) -> Content:
    """What finished benchmark folders hold together. Pixels are not read: their hashes stand in the rows."""
    ids: dict[str, list[str]] = {}
    tasks: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    hashes: dict[str, str] = {}
    items = [name for name in ITEM_SCHEMA.names if name in ("id", "scene_id", "task")]
    scenes = [name for name in SCENE_SCHEMA.names if name != "frames"]
    for folder in folders:
        for row in read_rows(folder, "items", items):
            ids.setdefault(row["scene_id"], []).append(row["id"])
            tasks[row["task"]] += 1
        for row in read_rows(folder, "scenes", scenes):
            if row["scene_id"] in hashes:
                raise RecipeError(f"{folder}: scene {row['scene_id']} is there twice; one name stands for one scene")
            hashes[row["scene_id"]] = _sha256(canonical_json(row))[:16]
            splits[row["split"]] += 1
    rows = {name: (sha256, tuple(sorted(ids.get(name, ())))) for name, sha256 in hashes.items()}
    order = {task: tasks[task] for task in every_task(tasks) if tasks[task]}
    return Content(rows, order, dict(sorted(splits.items())))


def differences(expected: Content, found: Content) -> list[str]:
    """Every way in which a benchmark is not the one expected, one sentence each; empty when it is."""
    problems = [
        f"{task}: {expected.tasks.get(task, 0)} items expected, {found.tasks.get(task, 0)} found"
        for task in every_task({*expected.tasks, *found.tasks})
        if expected.tasks.get(task, 0) != found.tasks.get(task, 0)
    ]
    both = expected.scenes.keys() & found.scenes.keys()
    changed = sorted(name for name in both if expected.scenes[name][0] != found.scenes[name][0])
    problems += _named(expected.scenes.keys() - found.scenes.keys(), "scene", "expected and not there")
    problems += _named(found.scenes.keys() - expected.scenes.keys(), "scene", "there and not expected")
    problems += _named(changed, "scene", "other than expected (images, labels, place or licence)")
    old, new = expected.ids, found.ids
    problems += _named((f"{i} of {old[i]}" for i in old.keys() - new.keys()), "item", "expected and not there")
    problems += _named((f"{i} of {new[i]}" for i in new.keys() - old.keys()), "item", "there and not expected")
    if expected.splits != found.splits:
        problems.append(f"scenes by split: {dict(expected.splits)} expected, {dict(found.splits)} found")
    return problems


def _named(names: Iterable[str], what: str, how: str) -> list[str]:
    listed = sorted(names)
    if not listed:
        return []
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    plural = "s" if len(listed) > 1 else ""
    return [f"{len(listed)} {what}{plural} {how}: {', '.join(listed[:_SHOWN])}{more}"]


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
