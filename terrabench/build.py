"""Scenes to benchmark: measure every scene, give the items options, write the items.

Three stages, each resumable: ``measure`` finds what every scene can be asked (in parallel, without masks in memory),
``assign`` draws options over the whole pool at once (numbers only), ``write`` goes through the scenes again and writes
items and scenes (in parallel). All choices are hashes of the seed and of names, so the bytes do not depend on how the
work was spread or how often it was killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from terrabench.guard import Seen, leaks, stamps
from terrabench.items import every_task
from terrabench.options_plan import Assigned, Found, assign
from terrabench.rows import findings_of, item_row, picture_of, protocol_of, word
from terracot.croissant import write_croissant
from terracot.dataset import Summary, source_record, summary, total_counts, write_quarantine
from terracot.findings import SceneFacts
from terracot.generate import SourceSpec, usable_scenes
from terracot.io import (
    atomic_write_text,
    canonical_json,
    iter_jsonl,
    pretty_json,
    read_json,
    sha256_file,
    stamp,
    write_manifest,
)
from terracot.kinds import FolderKind, Rebuilt, Row
from terracot.pipeline import WORK, fingerprint, run_shards, shards_of, working_on
from terracot.render import render_stamp
from terracot.rules import Filters
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA, SCHEMA_VERSION
from terracot.scenes import SceneError, SceneSource, SourceError
from terracot.shards import read_rows, scene_row, write_shard

BENCH = "terrascope-bench"


@dataclass(frozen=True)
class MeasureJob:
    """First stage: ``.work/findings-00007.jsonl`` and the counts of what was refused."""

    source: SourceSpec
    out: str
    filters: Filters
    not_in: tuple[str, ...] = ()

    @cached_property
    def seen(self) -> Seen:
        """What models were trained on, read once per worker."""
        return Seen.read(self.not_in)

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return self.source.open()

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Measure the scenes of one shard."""
        lines, quarantine, rejected = [], [], Counter[str]()
        for scene_id in scene_ids:
            try:
                facts = SceneFacts(self.opened.load(scene_id))
                self.seen.refuse(facts)
                lines += [canonical_json(asdict(found)) for found, _ in findings_of(facts, self.filters, rejected)]
            except SceneError as error:
                quarantine.append({"scene_id": scene_id, "reason": error.reason, "message": str(error)})
        path = _findings_path(Path(self.out), index)
        atomic_write_text(path, "".join(line + "\n" for line in lines))
        return {
            "files": {f"{WORK}/{path.name}": {"rows": len(lines), "sha256": sha256_file(path)}},
            "counts": {"found": len(lines)},
            "rejected": dict(rejected),
            "quarantine": quarantine,
        }


@dataclass(frozen=True)
class WriteJob:
    """Last stage: ``items-00007`` and ``scenes-00007`` for the scenes that have items."""

    source: SourceSpec
    out: str
    filters: Filters
    seed: int

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return self.source.open()

    @cached_property
    def plan(self) -> Mapping[str, Assigned]:
        """Options by finding, as ``assign`` left them."""
        return {key: Assigned(**entry) for key, entry in read_json(_plan_path(Path(self.out))).items()}

    @cached_property
    def wanted(self) -> set[str]:
        """Scenes that have at least one item."""
        return {entry.scene_id for entry in self.plan.values()}

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Write the items and scenes of one shard."""
        items, scenes, quarantine = [], [], []
        for scene_id in scene_ids:
            if scene_id not in self.wanted:
                continue
            try:
                facts = SceneFacts(self.opened.load(scene_id))
                row = scene_row(facts)
            except SceneError as error:
                quarantine.append({"scene_id": scene_id, "reason": error.reason, "message": str(error)})
                continue
            scenes.append(row)
            for found, finding in findings_of(facts, self.filters, Counter()):
                if found.key in self.plan:
                    image = picture_of(row, finding.t)
                    items.append(item_row(found, finding, self.plan[found.key], facts, image, self.seed))
        data = Path(self.out) / "data"
        files = {}
        for stem, rows, schema in (("items", items, ITEM_SCHEMA), ("scenes", scenes, SCENE_SCHEMA)):
            name = f"{stem}-{index:05d}.parquet"
            files[f"data/{name}"] = write_shard(data / name, rows, schema)
        counts = Counter(item["task"] for item in items)
        return {
            "files": files,
            "counts": {"scenes": len(scenes), "items": len(items)},
            "tasks": dict(counts),
            "quarantine": quarantine,
        }


def build(
    source: SourceSpec,
    out: Path,
    seed: int = 0,
    limit: int | None = None,
    per_task: int | None = None,
    workers: int = 1,
    progress: bool = False,
    filters: Filters | None = None,
    not_in: Sequence[str | Path] = (),
) -> Summary:
    """Build a benchmark of all six tasks in ``out``; resumes what an earlier, killed call began.

    ``limit`` reads only the first scenes; ``per_task`` keeps at most so many items of a task, drawn by hash.
    ``not_in`` names Terra-CoT folders: scenes of their places, or with their images, give no item.
    ``SourceError`` for a source that cannot be read, ``OutputError`` for a folder that cannot be used.
    """
    filters = filters or Filters()
    opened = source.open()
    ids = list(opened.ids())[:limit]
    if not ids:
        raise SourceError(f"{source.name} at {source.path} lists no scenes; nothing can be built")
    guards = stamps(not_in)
    identity = {"job": "build", "source": source.name, "seed": seed, "per_task": per_task, "filters": asdict(filters)}
    identity["not_in"] = [guard["manifest_sha256"] for guard in guards]
    plan = fingerprint(identity, opened.fingerprint(), ids)
    with working_on(out, plan) as finished:
        if not finished:
            shards = shards_of(ids)
            measure = MeasureJob(source, str(out), filters, tuple(map(str, not_in)))
            measured = run_shards(measure, "measure", shards, out, workers, progress)
            found = (Found(**line) for index, _ in shards for line in iter_jsonl(_findings_path(out, index)))
            assigned, dropped = assign(list(found), seed, per_task)
            atomic_write_text(_audit_path(out), pretty_json(dropped))
            atomic_write_text(_plan_path(out), pretty_json({key: asdict(entry) for key, entry in assigned.items()}))
            written = run_shards(WriteJob(source, str(out), filters, seed), "write", shards, out, workers, progress)
            _finish(out, source, opened, seed, per_task, filters, plan, len(ids), guards, measured, written)
    return summary(out)


def _finish(
    out: Path,
    source: SourceSpec,
    opened: SceneSource,
    seed: int,
    per_task: int | None,
    filters: Filters,
    plan: str,
    scenes_read: int,
    guards: Sequence[Mapping[str, str]],
    measured: Sequence[Mapping[str, Any]],
    written: Sequence[Mapping[str, Any]],
) -> None:
    from terrabench.card import card

    rejected: Counter[str] = Counter()
    tasks: Counter[str] = Counter()
    for record in measured:
        rejected.update(record["rejected"])
    for record in written:
        tasks.update(record["tasks"])
    audit: dict[str, dict[str, Any]] = {}
    planned = read_json(_audit_path(out))
    for task in every_task({*planned, *(key.rpartition("/")[0] for key in rejected)}):
        refused = {k.rpartition("/")[2]: n for k, n in sorted(rejected.items()) if k.rpartition("/")[0] == task}
        options = planned.get(task, {"found": 0, "dropped_with_options": {}})
        audit[task] = {"kept": tasks[task], "refused_by_filter": refused, **options}
    write_quarantine(out, [*measured, *written])
    atomic_write_text(out / "audit.json", pretty_json(audit))
    counts = total_counts(written) | {"tasks": {task: tasks[task] for task in audit}}
    atomic_write_text(out / "README.md", card(source.name, counts, audit, out))
    write_croissant(
        out,
        f"terrascope-bench-{source.name}",
        f"{counts['items']} multiple-choice items with evidence masks over {counts['scenes']} scenes of {source.name}.",
        {"items": (ITEM_SCHEMA, "id"), "scenes": (SCENE_SCHEMA, "scene_id")},
        {row["license"] for row in read_rows(out, "scenes", ["license"])},
    )
    content = {
        "kind": BENCH,
        "schema": SCHEMA_VERSION,
        "plan": plan,
        "source": source_record(source, opened),
        "protocol": protocol_of(tasks),
        "filters": asdict(filters),
        "seed": seed,
        "per_task": per_task,
        "not_in": list(guards),
        "leaked": [entry["scene_id"] for record in measured for entry in leaks(record["quarantine"])],
        "scenes_read": scenes_read,
        "counts": counts,
        "quarantined": sum(len(r["quarantine"]) for r in [*measured, *written]),
        "render": render_stamp(),
        "stamp": stamp(),
    }
    write_manifest(out, content)


def rebuild(manifest: Mapping[str, Any], source: SceneSource) -> Rebuilt:
    """The items that a benchmark with this manifest must hold, made again from its source, for ``verify``."""
    filters, seed = Filters(**manifest["filters"]), manifest["seed"]
    listed = list(source.ids())[: manifest["scenes_read"]]
    leaked = set(manifest["leaked"])
    found: list[Found] = []
    for scene_id in (name for name in listed if name not in leaked):
        with suppress(SceneError):
            found += [one for one, _ in findings_of(SceneFacts(source.load(scene_id)), filters, Counter())]
    plan, _ = assign(found, seed, manifest["per_task"])
    wanted = {entry.scene_id for entry in plan.values()}

    def scenes(scene_ids: Sequence[str]) -> list[tuple[SceneFacts, Row]]:
        return list(usable_scenes(source, [name for name in scene_ids if name in wanted], (), []))

    def rows(readable: Sequence[tuple[SceneFacts, Row]]) -> list[list[Row]]:
        return [
            [
                item_row(one, finding, plan[one.key], facts, picture_of(scene, finding.t), seed)
                for one, finding in findings_of(facts, filters, Counter())
                if one.key in plan
            ]
            for facts, scene in readable
        ]

    return Rebuilt(shards_of(listed), scenes, rows)


FOLDER = FolderKind("items", ITEM_SCHEMA, lambda row, finding, setting: word(finding, setting, row["seed"]), rebuild)
"""What ``terracot verify`` needs to know of a benchmark; registered as an entry point of ``terracot.folders``."""


def _findings_path(out: Path, index: int) -> Path:
    return out / WORK / f"findings-{index:05d}.jsonl"


def _plan_path(out: Path) -> Path:
    return out / WORK / "options.json"


def _audit_path(out: Path) -> Path:
    return out / WORK / "options-audit.json"
