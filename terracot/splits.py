"""Splits by blocks of the ground, so that neighbours are trained on or tested on together.

The world is cut into rows of latitude, each ``km`` high, and each row into a whole number of columns about ``km`` wide
on a sphere: so blocks are nearly square at every latitude, nearly equal in area, and close at 180 degrees. A scene
belongs to the block of its centre; a hash of block and seed decides the split. Groups bind: where a group reaches over
several blocks, those blocks are one *unit* and share a split. A scene without georeference goes by its group.

So no block and no group is in two splits, whatever the order in which scenes are read. The price of coarse groups that
share blocks is few, large units, and shares that are met only roughly; the manifest counts them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from terracot.pipeline import each_shard, shards_of
from terracot.scenes import Scene, SceneError, SceneSource, SourceError
from terracot.seeding import seed_of

if TYPE_CHECKING:
    from terracot.generate import SourceSpec

EARTH_KM = 6371.0072
"""Radius of the sphere that has the area of the ellipsoid."""

SHARES: dict[str, float] = {"train": 0.8, "val": 0.1, "test": 0.1}


def centre(crs: str | None, transform: Sequence[float] | None, shape: tuple[int, int]) -> tuple[float, float] | None:
    """Longitude and latitude (degrees, WGS 84) of the middle of a raster; None without a georeference."""
    if crs is None or transform is None:
        return None
    a, b, c, d, e, f = tuple(transform)[:6]
    col, row = shape[1] / 2, shape[0] / 2
    try:
        lon, lat = _to_lonlat(crs)(a * col + b * row + c, d * col + e * row + f)
    except _proj_error():
        return None
    if not (math.isfinite(lon) and math.isfinite(lat) and -90 <= lat <= 90):
        return None
    return float((lon + 180) % 360 - 180), float(lat)


def _proj_error() -> type[Exception]:
    from pyproj.exceptions import ProjError

    return ProjError


@lru_cache(maxsize=256)
def _to_lonlat(crs: str) -> Any:
    import pyproj

    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform


def block_of(lon: float, lat: float, km: float) -> str:
    """Name of the block of the world that holds a point; ``km`` is the length of its sides."""
    rows = max(1, round(math.pi * EARTH_KM / km))
    row = min(rows - 1, int((lat + 90) / 180 * rows))
    middle = math.radians((row + 0.5) / rows * 180 - 90)
    columns = max(1, round(2 * math.pi * EARTH_KM * math.cos(middle) / km))
    return f"{row}/{int((lon + 180) % 360 / 360 * columns) % columns}"


@dataclass(frozen=True)
class SplitRule:
    """What the user asks for: blocks of ``km`` kilometres, and the share of each split."""

    km: float
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as manifests record them."""
        return {"blocks_km": self.km, "shares": dict(self.shares)}

    @classmethod
    def from_dict(cls, stated: Mapping[str, Any]) -> SplitRule:
        """The rule that a manifest states."""
        return cls(stated["blocks_km"], dict(stated["shares"]))


def parse_shares(text: str) -> dict[str, float]:
    """``train=0.8,val=0.1,test=0.1`` as a mapping; ``SourceError`` for anything else."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        try:
            share = float(number)
        except ValueError:
            share = 0.0
        if not name.replace("-", "_").isidentifier() or name in shares or not 0 < share <= 1:
            raise SourceError(
                "--split-shares takes NAME=SHARE,... with each name (letters, digits, -, _) once and shares above 0; "
                f"found {part.strip()!r} (train=0.8,val=0.1,test=0.1)"
            )
        shares[name] = share
    if not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
        raise SourceError(f"the shares of --split-shares have to sum to 1; {text!r} sums to {sum(shares.values()):g}")
    return shares


@dataclass(frozen=True)
class BlockSplits:
    """A rule at work: ``joined`` names the unit of every block and group that is not a unit of its own."""

    rule: SplitRule
    seed: int
    joined: Mapping[str, str] = field(default_factory=dict)

    def assigned(self, scene: Scene) -> Scene:
        """The scene in its split, and what decided it in its provenance."""
        block, group = _keys(scene, self.rule.km)
        unit = self.joined.get(block or group, block or group)
        decided = {"by": "block" if block else "group", "unit": unit, "km": self.rule.km, "source_split": scene.split}
        if block:
            decided["block"] = block
        return replace(scene, split=self.split_of(unit), provenance={**scene.provenance, "split": decided})

    def split_of(self, unit: str) -> str:
        """The split of a unit: a function of its name and the seed."""
        left = seed_of(self.seed, "split", unit) / 2**64 * sum(self.rule.shares.values())
        for name, share in self.rule.shares.items():
            if left < share:
                return name
            left -= share
        return list(self.rule.shares)[-1]


def block_splits(source: SourceSpec, scene_ids: Sequence[str], rule: SplitRule, seed: int, workers: int) -> BlockSplits:
    """Read where every scene lies (no pixels), on any number of processes, and join what belongs together."""
    records = (record for _, record in each_shard(_PlacesJob(source, rule.km), shards_of(scene_ids), workers))
    return BlockSplits(rule, seed, joined_units(_checked(records, rule.km)))


def splits_of_source(source: SceneSource, scene_ids: Sequence[str], rule: SplitRule, seed: int) -> BlockSplits:
    """The same of a source that is open, for ``verify``."""
    return BlockSplits(rule, seed, joined_units(_checked([_places(source, scene_ids, rule.km)], rule.km)))


@dataclass(frozen=True)
class _PlacesJob:
    """Where the scenes of one shard lie."""

    source: SourceSpec
    km: float

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return self.source.open()

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Pairs of block and group that occur, and the widest scene."""
        return _places(self.opened, scene_ids, self.km)


def _places(source: SceneSource, scene_ids: Sequence[str], km: float) -> dict[str, Any]:
    pairs: set[tuple[str, str]] = set()
    widest = 0.0
    for scene_id in scene_ids:
        with suppress(SceneError):  # a scene that cannot be read has no place; it is quarantined when its turn comes
            scene = source.load(scene_id)
            pairs.add(_keys(scene, km))
            if scene.ground.known:
                extents = (size * step for size, step in zip(scene.shape, scene.ground.sampling, strict=True))
                widest = max(widest, *(extent / 1000 for extent in extents))
    return {"pairs": sorted(pairs), "widest_km": widest}


def _checked(records: Iterable[Mapping[str, Any]], km: float) -> set[tuple[str, str]]:
    """All pairs; ``SourceError`` when scenes are wider than blocks, so that neighbours would overlap across splits."""
    pairs: set[tuple[str, str]] = set()
    for record in records:
        if record["widest_km"] > km:
            raise SourceError(
                f"scenes are up to {record['widest_km']:.3g} km wide, wider than blocks of {km:g} km: places would be "
                f"in two splits. Choose --split-blocks of at least {10 * record['widest_km']:.2g}"
            )
        pairs.update((block, group) for block, group in record["pairs"])
    return pairs


def _keys(scene: Scene, km: float) -> tuple[str, str]:
    """Block (empty without georeference) and group of a scene, as names that cannot be mistaken for each other."""
    place = centre(scene.crs, scene.transform, scene.shape)
    return "" if place is None else f"block/{block_of(*place, km)}", f"group/{scene.group}"


def joined_units(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Unit of each block and group that shares one: the first block by name of all that groups tie together.

    ``pairs`` are (block, group); an empty block says that scenes of the group have no georeference.
    """
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parents.setdefault(name, name)) != name:
            parents[name] = name = parents[above]  # halves the path, so that long chains stay cheap
        return name

    pairs = sorted(set(pairs))
    for block, group in pairs:
        if block:
            first, second = sorted((root(block), root(group)))  # "block/" before "group/": a block stays the root
            parents[second] = first
    asked = {block or group for block, group in pairs}
    return {name: root(name) for name in sorted(asked) if name in parents and root(name) != name}


def stored_splits(rule: SplitRule, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the manifest says: the rule, scenes by split, those that go by their group, units, and the largest of them.

    ``rows`` have ``split`` and ``provenance`` of every written scene.
    """
    units, by_split, deciding = Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        decided = json.loads(row["provenance"])["split"]
        units[decided["unit"]] += 1
        deciding[decided["by"]] += 1
        by_split[row["split"]] += 1
    return {
        **rule.to_dict(),
        "scenes": {name: by_split[name] for name in rule.shares},
        "without_georeference": deciding["group"],
        "units": len(units),
        "largest_unit_scenes": max(units.values(), default=0),
    }
