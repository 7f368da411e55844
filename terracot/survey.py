"""Survey of a download: reads every pixel of every scene and says what can be used, and why the rest cannot.

Nothing is written. Scenes are read as ``generate`` would read them, so what is counted as usable here is usable there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from terracot.generate import SourceSpec
from terracot.pipeline import each_shard, shards_of
from terracot.scenes import Scene, SceneError, SceneSource
from terracot.sources.published import NOT_DOWNLOADED, PublishedSource, category

NOT_COUNTED = ("outside the split", "left out by choice")
CATEGORIES = ("missing", "corrupt", "placeholder", "unusable", *NOT_COUNTED)


@dataclass
class Survey:
    """What a download holds. ``reasons`` counts by reason code; ``examples`` has the first scenes of each.

    ``unlisted`` of the unusable things are no scenes of the source at all; ``unread`` scenes are beyond the limit.
    """

    source: str
    usable: int = 0
    unlisted: int = 0
    unread: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    ground: Counter[str] = field(default_factory=Counter)
    sensors: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, name: str, reason: str, message: str, count: int = 1, shown: int = 3) -> None:
        """Count what cannot be used: one scene, or several under one name."""
        self.reasons[reason] += count
        examples = self.examples.setdefault(reason, [])
        if len(examples) < shown:
            examples.append({"name": name, "message": message, "count": count})

    @property
    def categories(self) -> dict[str, int]:
        """Counts by what the reasons mean, all categories named."""
        totals = Counter(dict.fromkeys(CATEGORIES, 0))
        for reason, count in self.reasons.items():
            totals[category(reason)] += count
        return {name: totals[name] for name in CATEGORIES}

    @property
    def unusable(self) -> int:
        """What should be usable and is not, without parts of the set that were not fetched or not asked for."""
        return sum(n for r, n in self.reasons.items() if category(r) not in NOT_COUNTED and r != NOT_DOWNLOADED)

    @property
    def unusable_share(self) -> float:
        """Share of ``unusable`` in all that should be usable; 1 when nothing is. Unread scenes count as those read."""
        if not self.usable:
            return 1.0
        failed = self.unusable - self.unlisted
        read = self.usable + failed
        scenes = read + self.unread
        return (self.unlisted + failed * scenes / read) / (self.unlisted + scenes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "source": self.source,
            "usable": self.usable,
            "unread": self.unread,
            "splits": dict(sorted(self.splits.items())),
            "ground": dict(sorted(self.ground.items())),
            "sensors": dict(sorted(self.sensors.items())),
            "unusable_share": self.unusable_share,
            "categories": self.categories,
            "reasons": dict(sorted(self.reasons.items())),
            "examples": self.examples,
        }


def survey(source: SourceSpec, limit: int | None = None, workers: int = 1, progress: bool = False) -> Survey:
    """Read a source to the last pixel, or its first ``limit`` scenes; ``SourceError`` when it cannot be opened."""
    from tqdm import tqdm

    opened = source.open()
    found = Survey(source.name)
    for left in opened.left_out() if isinstance(opened, PublishedSource) else ():
        found.add(left.name, left.reason, left.message, left.count)
    found.unlisted = found.unusable
    ids = list(opened.ids())
    found.unread = len(ids) - len(ids[:limit])
    ids = ids[:limit]
    with tqdm(total=len(ids), desc="check", unit="scene", disable=not progress) as bar:
        records = {}
        for index, record in each_shard(SurveyJob(source), shards_of(ids), workers):
            records[index] = record
            bar.update(len(record["scenes"]))
    for _, record in sorted(records.items()):
        _count(found, record["scenes"])
    return found


def _count(found: Survey, scenes: Iterable[dict[str, str]]) -> None:
    for scene in scenes:
        if "reason" in scene:
            found.add(scene["name"], scene["reason"], scene["message"])
        else:
            found.usable += 1
            found.splits[scene["split"]] += 1
            found.ground[scene["ground"]] += 1
            found.sensors[scene["sensors"]] += 1


@dataclass(frozen=True)
class SurveyJob:
    """Reads the scenes of one shard and keeps a line about each."""

    source: SourceSpec

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return self.source.open()

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """One line per scene: split, basis of the pixel size and sensors, or reason and message."""
        lines = []
        for scene_id in scene_ids:
            try:
                scene = self.opened.load(scene_id)
                read_all(scene)
                lines.append(_line(scene))
            except SceneError as error:
                lines.append({"name": scene_id, "reason": error.reason, "message": str(error)})
        return {"scenes": lines}


def _line(scene: Scene) -> dict[str, str]:
    sensors = " and ".join(dict.fromkeys(str(frame.modality) for frame in scene.frames))
    return {"name": scene.id, "split": scene.split, "ground": scene.ground.basis, "sensors": sensors}


def read_all(scene: Scene) -> None:
    """Read every pixel, label, building number and stated mask of a scene; ``SceneError`` at the first that fails."""
    for frame in scene.frames:
        frame.pixels()
        if frame.hidden:
            frame.hidden()
    for label in scene.labels:
        label.classes()
    for layer in scene.instances:
        layer.numbers()
    for stated in scene.stated:
        if stated.mask is not None:
            stated.region(scene.shape)
