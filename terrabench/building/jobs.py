"""The stages of a build that go through scenes: each a job that a worker process runs shard by shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from terrabench.building.found import Assigned
from terrabench.building.guard import Seen
from terrabench.building.protocols import Protocol
from terrabench.building.rows import asked_of, findings_of, item_row, picture_of
from terrabench.building.settings import Settings
from terracot.findings import SceneFacts
from terracot.generate import SourceSpec
from terracot.io import atomic_write_text, canonical_json, read_json, sha256_file
from terracot.kinds import Row
from terracot.pipeline import WORK
from terracot.rewriting import Rewriter
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA
from terracot.scenes import Scene, SceneError, SceneSource
from terracot.shards import scene_row, write_shard


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
        path = findings_path(Path(self.out), index)
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
    rewriter: Rewriter | None = None

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return AsProtocol(self.source.open(), self.settings.protocol)

    @cached_property
    def plan(self) -> Mapping[str, Assigned]:
        """Options by finding, as ``assign`` left them."""
        return {key: Assigned(**entry) for key, entry in read_json(plan_path(Path(self.out))).items()}

    @cached_property
    def wanted(self) -> set[str]:
        """Scenes that have at least one item."""
        return {entry.scene_id for entry in self.plan.values()}

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Write the items and scenes of one shard."""
        made: list[Row] = []
        scenes: list[Row] = []
        quarantine: list[dict[str, str]] = []
        for scene_id in scene_ids:
            if scene_id not in self.wanted:
                continue
            try:
                facts = SceneFacts(self.opened.load(scene_id))
                row = scene_row(facts)
            except SceneError as error:
                quarantine.append({"scene_id": scene_id, "reason": error.reason, "message": str(error)})
                continue
            made += items_of(facts, row, self.plan, self.settings)
            scenes.append(row)
        fates: dict[str, int] = {}
        if self.rewriter is not None:
            made, fates = self.rewriter.rewrite(made)
        items = [item for item in made if not self.settings.rejects(item)]
        shown = {item["scene_id"] for item in items}
        scenes = [row for row in scenes if row["scene_id"] in shown]
        data = Path(self.out) / "data"
        files = {}
        for stem, rows, schema in (("items", items, ITEM_SCHEMA), ("scenes", scenes, SCENE_SCHEMA)):
            name = f"{stem}-{index:05d}.parquet"
            files[f"data/{name}"] = write_shard(data / name, rows, schema)
        return {
            "files": files,
            "counts": {"scenes": len(scenes), "items": len(items)},
            "tasks": dict(Counter(item["task"] for item in items)),
            "excluded": [
                {name: item[name] for name in ("id", "template_id", "task")}
                for item in made
                if self.settings.rejects(item)
            ],
            "quarantine": quarantine,
            "rewriting": fates,
        }


def items_of(facts: SceneFacts, scene: Row, plan: Mapping[str, Assigned], settings: Settings) -> Iterator[Row]:
    """The items of a scene that have options."""
    for found, finding in asked_of(facts, settings.protocol.filters, Counter()):
        if found.key in plan:
            yield item_row(found, finding, plan[found.key], facts, picture_of(scene, finding.t), settings)


def findings_path(out: Path, index: int) -> Path:
    """Where the first stage leaves what a shard can be asked."""
    return out / WORK / f"findings-{index:05d}.jsonl"


def plan_path(out: Path) -> Path:
    """Where the options of all items are kept between the stages."""
    return out / WORK / "options.json"
