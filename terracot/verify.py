"""Verify: measures every number and mask of a finished data set or benchmark again.

Without the source it checks that the folder agrees with itself: hashes, ids, masks, numbers, text, answers, ground
sampling. With the source (always for procedural scenes, which can be made again) it also rebuilds pixels, masks, words
and answers from the labels, so that consistent forgeries are found too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from terracot.checks import SceneFrame, check_belongs, check_row, check_scene, scene_frame
from terracot.findings import Finding, SceneFacts, find
from terracot.generate import FILTERS, scene_samples
from terracot.io import MANIFEST, OutputError, check_manifest, read_json
from terracot.masks import RleError
from terracot.samples import ITEM_SCHEMA, SAMPLE_SCHEMA, SCENE_SCHEMA
from terracot.scenes import SceneError, SceneSource
from terracot.shards import mask_records, read_shard, scene_row
from terracot.sources import open_source

TABLES = {"terra-cot": ("samples", SAMPLE_SCHEMA), "terrascope-bench": ("items", ITEM_SCHEMA)}
"""Kind of folder -> stem and schema of its table."""


@dataclass
class Report:
    """What was checked and what is wrong; ``ok`` when nothing is."""

    problems: list[str] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.problems


def verify(folder: Path, source_path: str | None = None, progress: bool = False) -> Report:
    """Check a finished folder; ``OutputError`` when it is none. ``source_path`` is where its source lies here."""
    from tqdm import tqdm

    report = Report(problems=check_manifest(folder))
    manifest = read_json(folder / MANIFEST)
    if manifest.get("kind") not in TABLES:
        raise OutputError(f"{folder} holds {manifest.get('kind')!r}; expected one of {', '.join(TABLES)}")
    stem, schema = TABLES[manifest["kind"]]
    source = _source(manifest, source_path, report)
    seen: Counter[str] = Counter()
    for path in tqdm(sorted((folder / "data").glob(f"{stem}-*.parquet")), desc="verify", disable=not progress):
        scenes_path = path.with_name(path.name.replace(stem, "scenes", 1))
        try:
            rows, scenes = read_shard(path, schema), read_shard(scenes_path, SCENE_SCHEMA)
        except OutputError as error:
            report.problems.append(str(error))
            continue
        for problem in _check_shard(rows, scenes, manifest, source, report.checked):
            report.problems.append(f"{path.name}: {problem}")
        seen.update(row["id"] for row in rows)
    report.problems += [f"id {id} occurs {n} times" for id, n in seen.items() if n > 1]
    if sum(seen.values()) != manifest["counts"].get(stem):
        report.problems.append(f"{sum(seen.values())} {stem} found, the manifest says {manifest['counts'].get(stem)}")
    return report


def _source(manifest: Mapping[str, Any], path: str | None, report: Report) -> SceneSource | None:
    recorded = manifest["source"]
    if path is None and recorded["generated"]:
        path = recorded["path"]
    if path is None:
        return None
    source = open_source(recorded["name"], path, **recorded["options"])
    if source.fingerprint() != recorded["fingerprint"]:
        report.problems.append(f"the source at {path} is not the one this was made from: its fingerprint differs")
    return source


def _check_shard(
    rows: Sequence[dict[str, Any]],
    scenes: Sequence[dict[str, Any]],
    manifest: Mapping[str, Any],
    source: SceneSource | None,
    checked: Counter[str],
) -> Iterator[str]:
    frames: dict[str, SceneFrame] = {}
    stored = {scene["scene_id"]: scene for scene in scenes}
    for scene in scenes:
        checked["scenes"] += 1
        try:
            frames[scene["scene_id"]] = scene_frame(scene)
            yield from (f"scene {scene['scene_id']}: {problem}" for problem in check_scene(scene))
        except (RleError, OSError, ValueError) as error:
            yield f"scene {scene['scene_id']}: {error}"
    for row in rows:
        checked["rows"] += 1
        checked["masks"] += len(row["masks"])
        checked["numbers"] += len(row["values"]) + sum(len(step["values"]) for step in row.get("steps", ()))
        if row["scene_id"] not in frames:
            yield f"{row['id']}: its scene {row['scene_id']} is not readable in this shard"
            continue
        yield from (f"{row['id']}: {problem}" for problem in check_row(row, frames[row["scene_id"]]))
        yield from (f"{row['id']}: {problem}" for problem in check_belongs(row, stored[row["scene_id"]]))
    if source is not None:
        for scene in scenes:
            own = [row for row in rows if row["scene_id"] == scene["scene_id"]]
            yield from _check_against_source(scene, own, manifest, source)
            checked["scenes rebuilt from source"] += 1


def _check_against_source(
    stored: dict[str, Any], rows: Sequence[dict[str, Any]], manifest: Mapping[str, Any], source: SceneSource
) -> Iterator[str]:
    scene_id = stored["scene_id"]
    try:
        facts = SceneFacts(source.load(scene_id))
        differing = _differences(stored, _normalised(scene_row(facts), SCENE_SCHEMA))
    except SceneError as error:
        yield f"scene {scene_id} cannot be made from the source: {error}"
        return
    if differing:
        yield f"scene {scene_id} differs from the source in {', '.join(differing)}"
    if manifest["kind"] == "terra-cot":
        expected = {row["id"]: _normalised(row, SAMPLE_SCHEMA) for row in scene_samples(facts, manifest["seed"])}
        for row in rows:
            if row["id"] not in expected:
                yield f"{row['id']} does not follow from the source"
            elif differing := _differences(row, expected[row["id"]]):
                yield f"{row['id']} differs from the source in {', '.join(differing)}"
        for missing in set(expected) - {row["id"] for row in rows}:
            yield f"{missing} follows from the source but is missing"
        return
    for row in rows:
        yield from _check_item(row, facts)


def _check_item(row: Mapping[str, Any], facts: SceneFacts) -> Iterator[str]:
    """The evidence masks of an item, found again in the labels by kind, date and classes."""
    names, parameters = [mask["class_name"] for mask in row["masks"]], json.loads(row["parameters"])
    for finding in find(row["kind"], facts, FILTERS):
        if not isinstance(finding, Finding) or list(finding.class_names) != names:
            continue
        if finding.parameters.get("measure") != parameters.get("measure") or finding.t != row["masks"][-1]["t"]:
            continue
        if mask_records(finding.masks) != row["masks"]:
            yield f"{row['id']}: its masks differ from the source's"
        return
    yield f"{row['id']}: the source holds no such fact about {' and '.join(names)}"


def _normalised(row: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """A fresh row as it comes back from Parquet."""
    return dict(pa.Table.from_pylist([row], schema=schema).to_pylist()[0])


def _differences(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[str]:
    return [column for column in fresh if stored.get(column) != fresh[column]]
