"""Scenes to benchmark: measure every scene, give the items options, write the items.

Three stages, each resumable: ``measure`` finds what every scene can be asked (in parallel, without masks in memory),
``assign`` draws options over the whole pool at once (numbers only), ``write`` goes through the scenes again and writes
items and scenes (in parallel). All choices are hashes of the seed and of names, so the bytes do not depend on how the
work was spread or how often it was killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from terrabench.guard import Seen, leaks, stamps
from terrabench.items import every_task
from terrabench.options_plan import Assigned, Found, assign
from terrabench.protocols import STRICT, TEN_METRES, Protocol, protocol_named
from terrabench.rows import asked_of, findings_of, item_row, picture_of, protocol_of, word
from terrabench.settings import Settings
from terrabench.tasks import check_task
from terracot.croissant import write_croissant
from terracot.dataset import Summary, source_record, summary, total_counts, write_quarantine
from terracot.findings import Finding, SceneFacts, Setting
from terracot.generate import SourceSpec, usable_scenes
from terracot.ground import GroundSampling
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
from terracot.options import ANY
from terracot.pipeline import WORK, fingerprint, run_shards, shards_of, working_on
from terracot.questions import Question
from terracot.render import render_stamp
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA, SCHEMA_VERSION
from terracot.scenes import Scene, SceneError, SceneSource, SourceError
from terracot.shards import read_rows, scene_row, write_shard

BENCH = "terrascope-bench"


class AsProtocol:
    """A source whose scenes are as a protocol sees them."""

    def __init__(self, source: SceneSource, protocol: Protocol) -> None:
        self.source = source
        self.protocol = protocol
        self.name = source.name

    def ids(self) -> Sequence[str]:
        """Those of the source."""
        return self.source.ids()

    def load(self, scene_id: str) -> Scene:
        """A scene of the source, under the protocol."""
        return self.protocol.scene(self.source.load(scene_id))

    def fingerprint(self) -> str:
        """That of the source."""
        return self.source.fingerprint()


@dataclass(frozen=True)
class MeasureJob:
    """First stage: ``.work/findings-00007.jsonl`` and the counts of what was refused."""

    source: SourceSpec
    out: str
    settings: Settings
    not_in: tuple[str, ...] = ()

    @cached_property
    def seen(self) -> Seen:
        """What models were trained on, read once per worker."""
        return Seen.read(self.not_in)

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return AsProtocol(self.source.open(), self.settings.protocol)

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Measure the scenes of one shard."""
        lines, quarantine, rejected = [], [], Counter[str]()
        for scene_id in scene_ids:
            try:
                facts = SceneFacts(self.opened.load(scene_id))
                self.seen.refuse(facts)
                found = findings_of(facts, self.settings.protocol, rejected)
                lines += [canonical_json(asdict(one)) for one, _ in found]
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
    settings: Settings

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return AsProtocol(self.source.open(), self.settings.protocol)

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
        items, scenes, quarantine, excluded = [], [], [], []
        for scene_id in scene_ids:
            if scene_id not in self.wanted:
                continue
            try:
                facts = SceneFacts(self.opened.load(scene_id))
                row = scene_row(facts)
            except SceneError as error:
                quarantine.append({"scene_id": scene_id, "reason": error.reason, "message": str(error)})
                continue
            made = list(items_of(facts, row, self.plan, self.settings))
            excluded += [item for item in made if is_excluded(item, self.settings)]
            if kept := [item for item in made if not is_excluded(item, self.settings)]:
                scenes.append(row)
                items += kept
        data = Path(self.out) / "data"
        files = {}
        for stem, rows, schema in (("items", items, ITEM_SCHEMA), ("scenes", scenes, SCENE_SCHEMA)):
            name = f"{stem}-{index:05d}.parquet"
            files[f"data/{name}"] = write_shard(data / name, rows, schema)
        return {
            "files": files,
            "counts": {"scenes": len(scenes), "items": len(items)},
            "tasks": dict(Counter(item["task"] for item in items)),
            "excluded": [{"id": item["id"], "task": item["task"]} for item in excluded],
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
    not_in: Sequence[str | Path] = (),
    protocol: str | Protocol = STRICT,
    class_balance: bool = False,
    difficulty: str = ANY,
    exclude: Sequence[str] = (),
    only: Sequence[str] = (),
) -> Summary:
    """Build a benchmark of all tasks in ``out``; resumes what an earlier, killed call began.

    ``limit`` reads only the first scenes. ``not_in`` names Terra-CoT folders: scenes of their places, or with their
    images, give no item. ``terrabench.settings.Settings`` says what the others do; items in ``exclude``, and those of
    scenes in it, and all but those in ``only``, are left out after options were drawn, so that no other item changes.
    ``SourceError`` for a source that cannot be read, ``OutputError`` for a folder that cannot be used.
    """
    protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
    names = (tuple(sorted(set(given))) for given in (exclude, only))
    settings = Settings(seed, per_task, protocol, class_balance, difficulty, *names)
    opened = source.open()
    ids = list(opened.ids())[:limit]
    if not ids:
        raise SourceError(f"{source.name} at {source.path} lists no scenes; nothing can be built")
    guards = stamps(not_in)
    identity: dict[str, Any] = {"job": "build", "source": source.name, "settings": settings.to_dict()}
    identity["not_in"] = [guard["manifest_sha256"] for guard in guards]
    plan = fingerprint(identity, opened.fingerprint(), ids)
    with working_on(out, plan) as finished:
        if not finished:
            shards = shards_of(ids)
            measure = MeasureJob(source, str(out), settings, tuple(map(str, not_in)))
            measured = run_shards(measure, "measure", shards, out, workers, progress)
            found = (Found(**line) for index, _ in shards for line in iter_jsonl(_findings_path(out, index)))
            assigned, dropped = assign(list(found), settings)
            atomic_write_text(_audit_path(out), pretty_json(dropped))
            atomic_write_text(_plan_path(out), pretty_json({key: asdict(entry) for key, entry in assigned.items()}))
            written = run_shards(WriteJob(source, str(out), settings), "write", shards, out, workers, progress)
            _finish(out, source, opened, settings, plan, ids, guards, measured, written)
    return summary(out)


def _finish(
    out: Path,
    source: SourceSpec,
    opened: SceneSource,
    settings: Settings,
    plan: str,
    ids: Sequence[str],
    guards: Sequence[Mapping[str, str]],
    measured: Sequence[Mapping[str, Any]],
    written: Sequence[Mapping[str, Any]],
) -> None:
    from terrabench.card import card

    rejected: Counter[str] = Counter()
    tasks: Counter[str] = Counter()
    excluded = [entry for record in written for entry in record["excluded"]]
    for record in measured:
        rejected.update(record["rejected"])
    for record in written:
        tasks.update(record["tasks"])
    audit: dict[str, dict[str, Any]] = {}
    named = ", ".join(sorted({row["source"] for row in read_rows(out, "scenes", ["source"])})) or source.name
    planned = read_json(_audit_path(out))
    for task in every_task({*planned, *(key.rpartition("/")[0] for key in rejected)}):
        refused = {k.rpartition("/")[2]: n for k, n in sorted(rejected.items()) if k.rpartition("/")[0] == task}
        options = planned.get(task, {"found": 0, "dropped_with_options": {}})
        audit[task] = {"kept": tasks[task], "refused_by_filter": refused, **options}
        audit[task] |= {"excluded": sum(entry["task"] == task for entry in excluded), "source": named}
    write_quarantine(out, [*measured, *written])
    atomic_write_text(out / "audit.json", pretty_json(audit))
    counts = total_counts(written) | {"tasks": {task: tasks[task] for task in audit}}
    atomic_write_text(out / "README.md", card(source.name, counts, audit, settings, out))
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
        "protocol": protocol_of(tasks, settings.protocol),
        "seed": settings.seed,
        "settings": settings.to_dict(),
        "not_in": list(guards),
        "leaked": [entry["scene_id"] for record in measured for entry in leaks(record["quarantine"])],
        "exclude_unknown": sorted({*settings.exclude} - {*ids} - {entry["id"] for entry in excluded}),
        "scenes_read": len(ids),
        "counts": counts,
        "quarantined": sum(len(r["quarantine"]) for r in [*measured, *written]),
        "render": render_stamp(),
        "stamp": stamp(),
    }
    write_manifest(out, content)


def items_of(facts: SceneFacts, scene: Row, plan: Mapping[str, Assigned], settings: Settings) -> Iterator[Row]:
    """The items of a scene that have options."""
    for found, finding in asked_of(facts, settings.protocol.filters, Counter()):
        if found.key in plan:
            yield item_row(found, finding, plan[found.key], facts, picture_of(scene, finding.t), settings)


def is_excluded(item: Row, settings: Settings) -> bool:
    """True for items that curators have rejected, by themselves or with their scene, or have not chosen."""
    rejected = item["id"] in settings.exclude or item["scene_id"] in settings.exclude
    return rejected or bool(settings.only and item["id"] not in settings.only)


def rebuild(manifest: Mapping[str, Any], source: SceneSource) -> Rebuilt:
    """The items that a benchmark with this manifest must hold, made again from its source, for ``verify``."""
    settings = Settings.from_dict(manifest["settings"])
    seen = AsProtocol(source, settings.protocol)
    listed = list(source.ids())[: manifest["scenes_read"]]
    leaked = set(manifest["leaked"])
    found: list[Found] = []
    for scene_id in (name for name in listed if name not in leaked):
        with suppress(SceneError):
            found += [one for one, _ in findings_of(SceneFacts(seen.load(scene_id)), settings.protocol, Counter())]
    plan, _ = assign(found, settings)
    wanted = {entry.scene_id for entry in plan.values()}

    def scenes(scene_ids: Sequence[str]) -> list[tuple[SceneFacts, Row]]:
        return list(usable_scenes(seen, [name for name in scene_ids if name in wanted], (), []))

    def rows(readable: Sequence[tuple[SceneFacts, Row]]) -> list[list[Row]]:
        made = (items_of(facts, scene, plan, settings) for facts, scene in readable)
        return [[item for item in items if not is_excluded(item, settings)] for items in made]

    return Rebuilt(shards_of(listed), scenes, rows)


def _word(row: Mapping[str, Any], finding: Finding, setting: Setting) -> Question:
    return word(finding, setting, row["seed"])


def _ground(manifest: Mapping[str, Any]) -> GroundSampling | None:
    """The ground sampling that the protocol of a folder gives every scene; None where it is each scene's own."""
    return TEN_METRES if Settings.from_dict(manifest["settings"]).protocol.ten_metres else None


FOLDER = FolderKind("items", ITEM_SCHEMA, _word, rebuild, check_task, _ground)
"""What ``terracot verify`` needs to know of a benchmark; registered as an entry point of ``terracot.folders``."""


def _findings_path(out: Path, index: int) -> Path:
    return out / WORK / f"findings-{index:05d}.jsonl"


def _plan_path(out: Path) -> Path:
    return out / WORK / "options.json"


def _audit_path(out: Path) -> Path:
    return out / WORK / "options-audit.json"
