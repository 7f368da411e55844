"""Verify: measures every number and mask of a finished data set or benchmark again.

Without the source it checks that the folder agrees with itself: hashes, ids, masks, numbers, text, answers, ground
sampling. With the source (always for procedural scenes, which can be made again) it also rebuilds pixels, masks, words
and answers from the labels, so that consistent forgeries are found too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from terracot.checks import check_belongs, check_row, check_scene, scene_setting
from terracot.chosen import choose
from terracot.findings import Setting
from terracot.ground import GroundSampling
from terracot.io import MANIFEST, OutputError, check_manifest, read_json
from terracot.kinds import FolderKind, Rebuilt, folder_kind
from terracot.modalities import select
from terracot.pixel_files import without_paths
from terracot.rewriting import REWORDED
from terracot.samples import SCENE_SCHEMA
from terracot.scenes import SceneSource, SourceError
from terracot.shards import read_shard
from terracot.sources import open_source
from terracot.sources.catalogue import CATALOGUE

_UNCHECKABLE = (OSError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError)
"""What hostile rows raise: nulls, other JSON than objects, broken pictures, masks that no rule foresees."""


@dataclass
class Report:
    """What was checked and what is wrong; ``ok`` when nothing is."""

    problems: list[str] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.problems


def verify(
    folder: Path,
    source_path: str | None = None,
    progress: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Check a finished folder; ``OutputError`` when it is none. ``source_path`` is where its source lies here.

    ``options`` are further places of the source (its options that are paths), which manifests name without their disk.
    A folder that was joined of parts has its places there, by the name of the part: ``NAME`` and ``NAME.OPTION``.
    """
    from tqdm import tqdm

    report = Report(problems=check_manifest(folder))
    manifest = read_json(folder / MANIFEST)
    kind = folder_kind(str(manifest.get("kind")), str(folder))
    stem = kind.stem
    if kind.rebuild is None and source_path is not None:
        raise OutputError(f"{folder} holds the words and masks of a model, which follow from no source")
    rebuilt: list[tuple[int, Rebuilt]] = []
    for part, place, given in _parts(manifest, folder, source_path, options or {}):
        source = _source(part, place, given, report)
        if source is not None and kind.rebuild is not None:
            rebuilt.append((part.get("first_shard", 0), kind.rebuild(part, source)))
    seen: Counter[str] = Counter()
    for path in tqdm(sorted((folder / "data").glob(f"{stem}-*.parquet")), desc="verify", disable=not progress):
        scenes_path = path.with_name(path.name.replace(stem, "scenes", 1))
        try:
            rows, scenes = read_shard(path, kind.schema), read_shard(scenes_path, SCENE_SCHEMA)
        except OutputError as error:
            report.problems.append(str(error))
            continue
        problems = _check_shard(kind, rows, scenes, kind.ground(manifest), report.checked)
        report.problems += [f"{path.name}: {problem}" for problem in problems]
        seen.update(row["id"] for row in rows)
    report.problems += [f"id {id} occurs {n} times" for id, n in seen.items() if n > 1]
    if sum(seen.values()) != manifest["counts"].get(stem):
        report.problems.append(f"{sum(seen.values())} {stem} found, the manifest says {manifest['counts'].get(stem)}")
    for first, made in rebuilt:
        for index, scene_ids in tqdm(made.shards, desc="rebuild", disable=not progress):
            report.problems += _check_against_source(folder, kind, first + index, scene_ids, made, report.checked)
    return report


def _parts(
    manifest: Mapping[str, Any], folder: Path, path: str | None, options: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Any], str | None, Mapping[str, Any]]]:
    """What a folder was made of, with the place and the further places of each source; mostly one."""
    if "parts" not in manifest:
        yield manifest, path, options
        return
    names = [part["name"] for part in manifest["parts"]]
    unknown = [name for name in options if name.partition(".")[0] not in names]
    if path is not None or unknown:
        raise OutputError(
            f"{folder} was joined of {', '.join(names)}; say where each lies, and the places of its options: "
            f"-o {names[0]}=PATH -o {names[0]}.OPTION=PATH"
        )
    for part in manifest["parts"]:
        inner = f"{part['name']}."
        given = {name.removeprefix(inner): value for name, value in options.items() if name.startswith(inner)}
        yield part, options.get(part["name"]), given


def _source(
    manifest: Mapping[str, Any], path: str | None, options: Mapping[str, Any], report: Report
) -> SceneSource | None:
    recorded = manifest["source"]
    if path is None and recorded["generated"]:
        path = recorded["path"]
    if path is None:
        return None
    if recorded["name"] not in CATALOGUE:
        raise SourceError(
            f"this was imported from files in the {recorded['name']} form, and no source makes it again; leave out "
            "--source, or import the files once more and compare"
        )
    places = {o.name for o in CATALOGUE[recorded["name"]].options if o.path} & set(recorded["options"])
    if missing := sorted(places - set(options)):
        asked = " ".join(f"-o {name}=PATH" for name in missing)
        raise SourceError(f"this was made with {', '.join(missing)} as well; say where it lies: {asked}")
    opened = open_source(recorded["name"], path, **{**recorded["options"], **options})
    source = choose(select(opened, recorded.get("modalities", ())), recorded.get("scenes", ()))
    if source.fingerprint() != recorded["fingerprint"]:
        report.problems.append(f"the source at {path} is not the one this was made from: its fingerprint differs")
    return source


def _check_shard(
    kind: FolderKind,
    rows: Sequence[dict[str, Any]],
    scenes: Sequence[dict[str, Any]],
    ground: GroundSampling | None,
    checked: Counter[str],
) -> Iterator[str]:
    """What a shard says of itself."""
    settings: dict[str, Setting] = {}
    stored = {scene["scene_id"]: scene for scene in scenes}
    for scene in scenes:
        checked["scenes"] += 1
        try:
            settings[scene["scene_id"]] = scene_setting(scene)
            yield from (f"scene {scene['scene_id']}: {problem}" for problem in check_scene(scene, ground))
        except _UNCHECKABLE as error:
            yield f"scene {scene['scene_id']} cannot be checked: {type(error).__name__}: {error}"
    for row in rows:
        checked["rows"] += 1
        checked["masks"] += len(row["masks"])
        checked["numbers"] += len(row["values"]) + sum(len(step["values"]) for step in row.get("steps", ()))
        if row["scene_id"] not in settings:
            yield f"{row['id']}: its scene {row['scene_id']} is not readable in this shard"
            continue
        scene = stored[row["scene_id"]]
        shape = (scene["height"], scene["width"])
        checks = check_row(row, settings[row["scene_id"]], shape, kind.word), check_belongs(row, scene), kind.check(row)
        try:
            yield from (f"{row['id']}: {problem}" for problem in chain(*checks))
        except _UNCHECKABLE as error:
            yield f"{row['id']} cannot be checked: {type(error).__name__}: {error}"


def _check_against_source(
    folder: Path,
    kind: FolderKind,
    index: int,
    scene_ids: Sequence[str],
    rebuilt: Rebuilt,
    checked: Counter[str],
) -> Iterator[str]:
    """What the source says of a shard: every scene and every row made again and compared."""
    files = (folder / "data" / f"{stem}-{index:05d}.parquet" for stem in (kind.stem, "scenes"))
    try:
        rows, stored = (read_shard(file, s) for file, s in zip(files, (kind.schema, SCENE_SCHEMA), strict=True))
    except OutputError as error:
        yield str(error)
        return
    scenes = {scene["scene_id"]: scene for scene in stored}
    own: dict[str, list[dict[str, Any]]] = {scene_id: [] for scene_id in scene_ids}
    for row in rows:
        own.setdefault(row["scene_id"], []).append(row)
    readable = rebuilt.scenes(scene_ids)
    missing = own.keys() - {facts.scene.id for facts, _ in readable}
    yield from (f"scene {name} cannot be made from the source" for name in missing if own[name] or name in scenes)
    for (facts, fresh), expected in zip(readable, rebuilt.rows(readable), strict=True):
        name = facts.scene.id
        if expected and name not in scenes:
            yield f"scene {name} follows from the source but is missing"
        elif name in scenes:
            checked["scenes rebuilt from source"] += 1
            if differing := _differences(without_paths(scenes[name]), _normalised(fresh, SCENE_SCHEMA)):
                yield f"scene {name} differs from the source in {', '.join(differing)}"
        yield from _compare_rows(own[name], [_normalised(row, kind.schema) for row in expected])


def _compare_rows(stored: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Rows of one scene against those that follow from the source, by id."""
    fresh = {row["id"]: row for row in expected}
    for row in stored:
        template = row.get("template_id") or row["id"]  # the words of a reworded row follow from no source
        if template not in fresh:
            yield f"{row['id']} does not follow from the source"
            continue
        differing = set(_differences(row, fresh[template])) - (REWORDED if template != row["id"] else set())
        if differing:
            yield f"{row['id']} differs from the source in {', '.join(sorted(differing))}"
    for missing in fresh.keys() - {row.get("template_id") or row["id"] for row in stored}:
        yield f"{missing} follows from the source but is missing"


def _normalised(row: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """A fresh row as it comes back from Parquet."""
    return dict(pa.Table.from_pylist([row], schema=schema).to_pylist()[0])


def _differences(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[str]:
    return [column for column in fresh if stored.get(column) != fresh[column]]
