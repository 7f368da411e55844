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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from terrabench.building.found import Found
from terrabench.building.guard import leaks, stamps
from terrabench.building.jobs import AsProtocol, MeasureJob, WriteJob, findings_path, items_of, plan_path
from terrabench.building.options_plan import assign
from terrabench.building.protocols import STRICT, TEN_METRES, Protocol, protocol_named
from terrabench.building.rows import findings_of, protocol_of, word
from terrabench.building.settings import Settings
from terrabench.items import every_task
from terrabench.tasks import check_task
from terracot.croissant import write_croissant
from terracot.dataset import Summary, source_record, summary, total_counts, write_quarantine
from terracot.findings import Finding, SceneFacts, Setting
from terracot.generate import SourceSpec, usable_scenes
from terracot.ground import GroundSampling
from terracot.io import (
    atomic_write_text,
    iter_jsonl,
    pretty_json,
    read_json,
    stamp,
    write_manifest,
)
from terracot.kinds import FolderKind, Rebuilt, Row
from terracot.options import ANY
from terracot.pipeline import WORK, fingerprint, run_shards, shards_of, working_on
from terracot.questions import Question
from terracot.render import render_stamp
from terracot.rewriting import Rewriter
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA, SCHEMA_VERSION
from terracot.scenes import SceneError, SceneSource, SourceError
from terracot.shards import read_rows

BENCH = "terrascope-bench"


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
    rewriter: Rewriter | None = None,
) -> Summary:
    """Build a benchmark of all tasks in ``out``; resumes what an earlier, killed call began.

    ``limit`` reads only the first scenes. ``not_in`` names Terra-CoT folders: scenes of their places, or with their
    images, give no item. ``terrabench.building.settings.Settings`` says what the others do; items in ``exclude``, and
    those of scenes in it, and all but those in ``only``, are left out after options were drawn, so that no other item
    changes. ``rewriter`` rewords questions where nothing but words changes.
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
    if rewriter is not None:
        identity["rewriter"] = rewriter.identity()
    plan = fingerprint(identity, opened.fingerprint(), ids)
    with working_on(out, plan) as finished:
        if not finished:
            shards = shards_of(ids)
            measure = MeasureJob(source, str(out), settings, tuple(map(str, not_in)))
            measured = run_shards(measure, "measure", shards, out, workers, progress)
            found = (Found(**line) for index, _ in shards for line in iter_jsonl(findings_path(out, index)))
            assigned, dropped = assign(list(found), settings)
            atomic_write_text(_audit_path(out), pretty_json(dropped))
            atomic_write_text(plan_path(out), pretty_json({key: asdict(entry) for key, entry in assigned.items()}))
            job = WriteJob(source, str(out), settings, rewriter)
            written = run_shards(job, "write", shards, out, workers, progress)
            _finish(out, job, opened, plan, ids, guards, measured, written)
    return summary(out)


def _finish(
    out: Path,
    job: WriteJob,
    opened: SceneSource,
    plan: str,
    ids: Sequence[str],
    guards: Sequence[Mapping[str, str]],
    measured: Sequence[Mapping[str, Any]],
    written: Sequence[Mapping[str, Any]],
) -> None:
    from terrabench.building.card import card

    source, settings, rewriter = job.source, job.settings, job.rewriter
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
    known = {entry[name] for entry in excluded for name in ("id", "template_id")}
    content = {
        "kind": BENCH,
        "schema": SCHEMA_VERSION,
        "plan": plan,
        "source": source_record(source, opened),
        "protocol": protocol_of(tasks, settings.protocol),
        "seed": settings.seed,
        "settings": settings.to_dict() if rewriter is None else _of_templates(settings, excluded, out).to_dict(),
        "not_in": list(guards),
        "leaked": [entry["scene_id"] for record in measured for entry in leaks(record["quarantine"])],
        "exclude_unknown": sorted({*settings.exclude} - {*ids} - known),
        "scenes_read": len(ids),
        "counts": counts,
        "quarantined": sum(len(r["quarantine"]) for r in [*measured, *written]),
        "render": render_stamp(),
        "stamp": stamp(),
    }
    if rewriter is not None:
        content["rewriting"] = rewriter.identity() | {"rows": total_counts(written, "rewriting")}
    write_manifest(out, content)


def _of_templates(settings: Settings, excluded: Sequence[Mapping[str, str | None]], out: Path) -> Settings:
    """The settings that select the same items by the ids of their templates: those follow from the source."""
    gone = {str(entry["template_id"] or entry["id"]) for entry in excluded}
    kept = {row["template_id"] or row["id"] for row in read_rows(out, "items", ["id", "template_id"])}
    only = tuple(sorted(kept)) if settings.only else ()
    return replace(settings, exclude=() if only else tuple(sorted(gone)), only=only)


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
        return [[item for item in items if not settings.rejects(item)] for items in made]

    return Rebuilt(shards_of(listed), scenes, rows)


def _word(row: Mapping[str, Any], finding: Finding, setting: Setting) -> Question:
    return word(finding, setting, row["seed"])


def _ground(manifest: Mapping[str, Any]) -> GroundSampling | None:
    """The ground sampling that the protocol of a folder gives every scene; None where it is each scene's own."""
    return TEN_METRES if Settings.from_dict(manifest["settings"]).protocol.ten_metres else None


FOLDER = FolderKind("items", ITEM_SCHEMA, _word, rebuild, check_task, _ground)
"""What ``terracot verify`` needs to know of a benchmark; registered as an entry point of ``terracot.folders``."""


def _audit_path(out: Path) -> Path:
    return out / WORK / "options-audit.json"
