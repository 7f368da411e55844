"""A whole data set: plan, shards, quarantine file, card, and the manifest that says it is finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terracot.findings import SceneFacts
from terracot.generate import GenerateJob, SourceSpec, scene_samples
from terracot.io import MANIFEST, atomic_write_text, canonical_json, read_json, stamp, write_manifest
from terracot.kinds import FolderKind, Rebuilt
from terracot.licences import allowed, mark
from terracot.pipeline import fingerprint, run_shards, shards_of, working_on
from terracot.questions import ask
from terracot.render import render_stamp
from terracot.samples import SAMPLE_SCHEMA, SCHEMA_VERSION
from terracot.scenes import GeneratedSource, SceneError, SceneSource, SourceError
from terracot.shards import read_rows
from terracot.sources.catalogue import CATALOGUE
from terracot.stated import REFER, level_of

TERRA_COT = "terra-cot"
QUARANTINE = "quarantine.jsonl"


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
) -> Summary:
    """Write a Terra-CoT data set of L1 samples to ``out``; resumes what an earlier, killed call began.

    ``limit`` reads only the first scenes. ``SourceError`` for a source that cannot be read, ``OutputError`` for a
    folder that cannot be used; scenes that cannot be used are listed with their reason in ``quarantine.jsonl``.
    """
    job = GenerateJob(source, str(out), seed, allow_licenses)
    opened = source.open()
    ids = list(opened.ids())[:limit]
    if not ids:
        raise SourceError(f"{source.name} at {source.path} lists no scenes; run `terracot check` on it")
    plan = fingerprint(job.identity(), opened.fingerprint(), ids)
    shards = shards_of(ids)
    with working_on(out, plan, {"generate": len(shards)}) as finished:
        if not finished:
            records = run_shards(job, "generate", shards, out, workers, progress)
            write_quarantine(out, records)
            counts = Counter(row["kind"] for row in read_rows(out, "samples", ["kind"]))
            totals = total_counts(records)
            licences = sorted(
                {(r["license"], r["attribution"]) for r in read_rows(out, "scenes", ["license", "attribution"])}
            )
            atomic_write_text(out / "README.md", _card(source.name, totals, counts, licences))
            content = {
                "kind": TERRA_COT,
                "schema": SCHEMA_VERSION,
                "plan": plan,
                "source": source_record(source, opened),
                "seed": seed,
                "licenses": list(allow_licenses),
                "scenes_read": len(ids),
                "counts": totals | {"kinds": dict(sorted(counts.items())), "levels": _levels(counts)},
                "quarantined": sum(len(r["quarantine"]) for r in records),
                "render": render_stamp(),
                "stamp": stamp(),
            }
            write_manifest(out, content)
    return summary(out)


def summary(out: Path) -> Summary:
    """Summary of a finished folder, from its manifest."""
    manifest = read_json(out / MANIFEST)
    counts = {k: v for k, v in manifest["counts"].items() if isinstance(v, int)}
    return Summary(out, manifest["scenes_read"], counts, manifest["quarantined"])


def source_record(source: SourceSpec, opened: SceneSource) -> dict[str, Any]:
    """The source as manifests name it.

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
        "fingerprint": opened.fingerprint(),
        "generated": isinstance(opened, GeneratedSource),
    }


def write_quarantine(out: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write every unusable scene and its reason, one JSON object a line, in scene order."""
    lines = [canonical_json(entry) + "\n" for record in records for entry in record["quarantine"]]
    atomic_write_text(out / QUARANTINE, "".join(lines))


def total_counts(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Sum of the shards' counts."""
    totals: Counter[str] = Counter()
    for record in records:
        totals.update(record["counts"])
    return dict(totals)


def card_head(configs: Sequence[str], licences: Sequence[str]) -> str:
    """YAML front matter of a data-set card, so that ``datasets.load_dataset(folder, config)`` finds the tables."""
    lines = ["---", "license: other", "configs:"]
    for config in configs:
        lines += [f"- config_name: {config}", f"  data_files: data/{config}-*.parquet"]
        if config == configs[0]:
            lines.append("  default: true")
    lines += ["tags:", "- earth-observation", "- visual-question-answering", "- segmentation"]
    lines += ["source_licenses:", *(f"- {licence!r}" for licence in licences), "---", ""]
    return "\n".join(lines)


def credit_lines(licences: Sequence[tuple[str, str]]) -> str:
    """The section of a card that names licences, whether they forbid commercial use, and whom to credit."""
    return "\n".join(f"- {licence}{mark(licence)}: {who or 'no attribution asked for'}" for licence, who in licences)


def _levels(kinds: Mapping[str, int]) -> dict[str, int]:
    """Samples by level: l1, refer, qa."""
    levels: Counter[str] = Counter()
    for kind, count in kinds.items():
        levels[level_of(kind)] += count
    return dict(sorted(levels.items()))


def _stated_note(kinds: Mapping[str, int]) -> str:
    """What the card says of samples that nobody measured; empty where there are none."""
    levels = _levels(kinds)
    notes = []
    if levels.get(REFER):
        notes.append(
            f"{levels[REFER]} samples (level `refer`) have a phrase of the source and the mask of the region that it "
            "names; phrase and mask are the source's."
        )
    if levels.get("qa"):
        notes.append(
            f"{levels['qa']} samples (level `qa`) have question and answer as the source states them: **their answers "
            "are not measured** on any mask, and `terracot verify` can only compare them with the source (`--source`)."
        )
    return "".join(f"\n{note}\n" for note in notes)


def _card(source: str, totals: Mapping[str, int], kinds: Mapping[str, int], licences: Sequence[tuple[str, str]]) -> str:
    rows = "\n".join(f"| {kind} | {count} |" for kind, count in sorted(kinds.items()))
    synthetic = "\n**All images of this data set are synthetic.**\n" if source == "procedural" else ""
    return (
        card_head(("samples", "scenes"), [licence for licence, _ in licences])
        + f"""# Terra-CoT from `{source}`
{synthetic}
{totals["samples"]} question-and-answer samples with reasoning traces over {totals["scenes"]} scenes. Each `[SEG]` of a
trace stands for one mask of `masks` (compressed COCO RLE); every number of question and trace is recorded under
`values` and can be measured again: `terracot verify` does so.
{_stated_note(kinds)}
| kind | samples |
|---|---|
{rows}

```python
from datasets import load_dataset

samples = load_dataset("parquet", data_files="data/samples-*.parquet", split="train")
scenes = load_dataset("parquet", data_files="data/scenes-*.parquet", split="train")  # joined by scene_id
```

Scenes that could not be used, and why: `quarantine.jsonl`. Hashes and versions: `manifest.json`.

## Licences

{credit_lines(licences)}
"""
    )


def rebuild(manifest: Mapping[str, Any], source: SceneSource) -> Rebuilt:
    """The samples that a data set with this manifest must hold, made again from its source, for ``verify``."""
    seed, licenses = manifest["seed"], manifest["licenses"]

    def holds(scene_id: str) -> bool:
        try:
            scene = source.load(scene_id)
            return (not licenses or allowed(scene.license, licenses)) and bool(scene_samples(SceneFacts(scene), seed))
        except SceneError:
            return False

    listed = list(source.ids())[: manifest["scenes_read"]]
    return Rebuilt(listed, holds, lambda facts, scene: scene_samples(facts, seed))


FOLDER = FolderKind("samples", SAMPLE_SCHEMA, ask, rebuild)
"""What ``verify`` needs to know of a data set; registered as an entry point of ``terracot.folders``."""
