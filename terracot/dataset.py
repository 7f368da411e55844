"""A whole data set: plan, shards, quarantine file, card, and the manifest that says it is finished."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from terracot.assembly import Plan
from terracot.card import card, counts_of, licences_of, synthetic_scenes
from terracot.croissant import write_croissant
from terracot.findings import Finding, SceneFacts, Setting
from terracot.generate import GenerateJob, SourceSpec, shard_samples, usable_scenes
from terracot.io import MANIFEST, atomic_write_text, canonical_json, read_json, stamp, write_manifest
from terracot.kinds import FolderKind, Rebuilt, Row
from terracot.levels import Mix
from terracot.pipeline import fingerprint, run_shards, shards_of, working_on
from terracot.pixel_files import EMBED
from terracot.questions import Question, ask
from terracot.render import render_stamp
from terracot.rewriting import Rewriter
from terracot.samples import SAMPLE_SCHEMA, SCENE_SCHEMA, SCHEMA_VERSION
from terracot.scenes import GeneratedSource, SceneError, SceneSource, SourceError
from terracot.shards import read_rows
from terracot.sources.catalogue import CATALOGUE
from terracot.splits import BlockSplits, SplitRule, block_splits, splits_of_source, stored_splits

TERRA_COT = "terra-cot"
QUARANTINE = "quarantine.jsonl"
FEWEST, MOST = 8, 64
SHARD_PIXELS = 1 << 23
SHARD_BYTES = 1 << 28
"""Native pixels of a shard, as long as it has more than one scene: 256 MiB."""
SIZED_BY = 8
"""Scenes, spread over the source, that say how large scenes are."""


@dataclass(frozen=True)
class Summary:
    """What a run left behind: counts from the manifest and the share of scenes that were quarantined."""

    out: Path
    scenes_read: int
    counts: Mapping[str, int]
    quarantined: int

    @property
    def quarantined_share(self) -> float:
        """Share of the scenes read that could not be used."""
        return self.quarantined / self.scenes_read if self.scenes_read else 0.0


def generate(
    source: SourceSpec,
    out: Path,
    seed: int = 0,
    limit: int | None = None,
    workers: int = 1,
    allow_licenses: tuple[str, ...] = (),
    progress: bool = False,
    mix: Mix | None = None,
    mcq_share: float = 0.5,
    split_rule: SplitRule | None = None,
    rewriter: Rewriter | None = None,
    images: str = EMBED,
) -> Summary:
    """Write a Terra-CoT data set to ``out``; resumes what an earlier, killed call began.

    ``limit`` reads only the first scenes. ``images`` says whether pictures and pixels lie in the scene table ("embed")
    or beside it ("files"). ``SourceError`` for a source that cannot be read, ``OutputError`` for a
    folder that cannot be used; scenes that cannot be used are listed with their reason in ``quarantine.jsonl``.
    """
    questions = Plan(seed, mix or Mix(), mcq_share)
    blocks = None if split_rule is None else BlockSplits(split_rule, seed)
    job = GenerateJob(source, str(out), questions, allow_licenses, blocks, rewriter, images)
    opened = source.open()
    ids = list(opened.ids())[:limit]
    if not ids:
        raise SourceError(f"{source.name} at {source.path} lists no scenes; run `terracot check` on it")
    source_fingerprint = opened.fingerprint()
    plan = fingerprint(job.identity(), source_fingerprint, ids)
    size = scenes_per_shard(opened, ids)
    shards = shards_of(ids, size)
    with working_on(out, plan, {"generate": len(shards)}) as finished:
        if not finished:
            if split_rule is not None:
                job = replace(job, splits=block_splits(source, ids, split_rule, seed, workers))
            records = run_shards(job, "generate", shards, out, workers, progress)
            write_quarantine(out, records)
            hashes = hashes_of(records)
            counts = describe_folder(out, source.name, total_counts(records), images == EMBED, hashes)
            content = {
                "kind": TERRA_COT,
                "schema": SCHEMA_VERSION,
                "plan": plan,
                "source": source_record(source, opened, source_fingerprint),
                "seed": seed,
                "questions": {"mix": asdict(questions.mix), "mcq_share": mcq_share},
                "licenses": list(allow_licenses),
                "scenes_read": len(ids),
                "scenes_per_shard": size,
                "images": images,
                "counts": counts,
                "quarantined": sum(len(r["quarantine"]) for r in records),
                "render": render_stamp(),
                "stamp": stamp(),
            }
            if split_rule is not None:
                content["splits"] = stored_splits(split_rule, read_rows(out, "scenes", ["split", "provenance"]))
            if rewriter is not None:
                content["rewriting"] = rewriter.identity() | {"rows": total_counts(records, "rewriting")}
            write_manifest(out, content, hashes)
    return summary(out)


def scenes_per_shard(source: SceneSource, ids: Sequence[str]) -> int:
    """How many scenes a shard has: up to 64, fewer of large ones, so that a shard's bytes and memory are bounded.

    Scenes of many bands and dates go by their bytes, down to one scene; others are at least 8, because questions get
    their options from the other scenes of a shard. Where scenes differ, the largest of some decides.
    """
    largest, count = 0, MOST
    for scene_id in ids[:: max(1, len(ids) // SIZED_BY)]:
        with suppress(SceneError):
            scene = source.load(scene_id)
            pixels = math.prod(scene.shape)
            bands = sum(len(frame.bands) for frame in scene.frames)
            if pixels * bands > largest:
                largest = pixels * bands
                size = sum(frame.pixels().nbytes for frame in scene.frames)
                count = min(max(FEWEST, min(MOST, SHARD_PIXELS // pixels)), max(1, SHARD_BYTES // size))
    return count


def describe_folder(
    out: Path, source: str, totals: Mapping[str, int], embedded: bool, hashes: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Write card and Croissant metadata of finished tables; returns the counts for the manifest.

    ``hashes`` are those that are known since the files were written, by path.
    """
    counts, licences = counts_of(out), licences_of(out)
    atomic_write_text(out / "README.md", card(source, totals, counts, licences, embedded, synthetic_scenes(out)))
    write_croissant(
        out,
        f"terra-cot-{source}",
        f"Terra-CoT: {totals['samples']} questions with pixel-grounded reasoning traces over {totals['scenes']} scenes "
        f"of {source}.",
        {"samples": (SAMPLE_SCHEMA, "id"), "scenes": (SCENE_SCHEMA, "scene_id")},
        [licence for _, licence, *_ in licences],
        hashes,
    )
    return dict(totals) | counts


def summary(out: Path) -> Summary:
    """Summary of a finished folder, from its manifest."""
    manifest = read_json(out / MANIFEST)
    counts = {k: v for k, v in manifest["counts"].items() if isinstance(v, int)}
    return Summary(out, manifest["scenes_read"], counts, manifest["quarantined"])


def source_record(source: SourceSpec, opened: SceneSource, known: str | None = None) -> dict[str, Any]:
    """The source as manifests name it; ``known`` is its fingerprint where somebody has worked it out.

    Folders are named by their last part only: a data set is no map of a disk. A procedural source is named so fully
    that it can be opened again from the manifest alone.
    """
    paths = {option.name for option in CATALOGUE[source.name].options if option.path}
    path = Path(source.path).name
    if isinstance(opened, GeneratedSource):
        path = opened.inline()
    return {
        "name": source.name,
        "path": path,
        "options": {k: Path(str(v)).name if k in paths else v for k, v in source.options},
        "fingerprint": known or opened.fingerprint(),
        "generated": isinstance(opened, GeneratedSource),
        **({"modalities": list(source.modalities)} if source.modalities else {}),
        **({"scenes": list(source.scenes)} if source.scenes else {}),
    }


def write_quarantine(out: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write every unusable scene and its reason, one JSON object a line, in scene order."""
    lines = [canonical_json(entry) + "\n" for record in records for entry in record["quarantine"]]
    atomic_write_text(out / QUARANTINE, "".join(lines))


def hashes_of(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """sha256 of all files that the shards have written, by path."""
    return {name: file["sha256"] for record in records for name, file in record["files"].items()}


def total_counts(records: Iterable[Mapping[str, Any]], of: str = "counts") -> dict[str, int]:
    """Sum of the shards' counts."""
    totals: Counter[str] = Counter()
    for record in records:
        totals.update(record[of])
    return dict(totals)


def rebuild(manifest: Mapping[str, Any], source: SceneSource) -> Rebuilt:
    """The samples that a data set with this manifest must hold, made again from its source, for ``verify``."""
    plan = plan_of(manifest)
    listed = list(source.ids())[: manifest["scenes_read"]]
    rule = SplitRule.from_dict(manifest["splits"]) if "splits" in manifest else None
    splits = None if rule is None else splits_of_source(source, listed, rule, manifest["seed"])

    def scenes(scene_ids: Sequence[str]) -> list[tuple[SceneFacts, Row]]:
        return list(usable_scenes(source, scene_ids, manifest["licenses"], [], splits))

    def rows(readable: Sequence[tuple[SceneFacts, Row]]) -> list[list[Row]]:
        return shard_samples([facts for facts, _ in readable], plan)

    return Rebuilt(shards_of(listed, manifest["scenes_per_shard"]), scenes, rows)


def plan_of(manifest: Mapping[str, Any]) -> Plan:
    """The plan that a manifest states."""
    stated = manifest["questions"]
    mix = Mix(tuple(stated["mix"]["levels"]), stated["mix"]["shares"], tuple(stated["mix"]["stated"]))
    return Plan(manifest["seed"], mix, stated["mcq_share"])


def _word(row: Mapping[str, Any], finding: Finding, setting: Setting) -> Question:
    return ask(finding, setting, row["seed"], row["answer"] if row["form"] == "choice" else None)


FOLDER = FolderKind("samples", SAMPLE_SCHEMA, _word, rebuild)
"""What ``verify`` needs to know of a data set; registered as an entry point of ``terracot.folders``."""
