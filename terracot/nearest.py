"""How far scenes of other splits lie from the training scenes, and which images are in several splits.

Both ask whether a test is a test: a patch beside a training patch, or the same picture under another name, is none.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.splits import centre

TRAIN = "train"
_CANDIDATES = 8  # nearest on the sphere, among which is the nearest on the ellipsoid
EXAMPLES = 5

Floats = npt.NDArray[np.float64]


@dataclass
class SceneIndex:
    """Places and pixel hashes of all scenes: some hundred bytes a scene, whatever its size."""

    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    places: dict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    unknown: Counter[str] = field(default_factory=Counter)
    scenes: Counter[str] = field(default_factory=Counter)
    images: dict[bytes, dict[str, str]] = field(default_factory=dict)
    repeated: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """One stored scene: id, split, size, ``crs``, ``transform``, and ``sha256`` of its frames."""
        split, scene_id = row["split"], row["scene_id"]
        self.scenes[split] += 1
        place = centre(row["crs"], row["transform"], (row["height"], row["width"]))
        if place is None:
            self.unknown[split] += 1
        else:
            self.ids[split].append(scene_id)
            self.places[split].extend(place)
        for frame in row["frames"]:
            holders = self.images.setdefault(bytes.fromhex(frame["sha256"])[:16], {})
            self.repeated += bool(holders)
            holders.setdefault(split, scene_id)

    def lonlat(self, split: str) -> Floats:
        """``(n, 2)`` degrees of the scenes of a split that have a place, in the order of ``ids[split]``."""
        return np.frombuffer(self.places[split], dtype=float).reshape(-1, 2) if self.places[split] else np.empty((0, 2))

    def neighbours(self, within_km: float) -> dict[str, Any]:
        """For each scene outside train its nearest train scene; per split a summary and how many are ``within_km``."""
        train = self.lonlat(TRAIN)
        listed: list[dict[str, Any]] = []
        splits: dict[str, Any] = {}
        for split in sorted(set(self.scenes) - {TRAIN}):
            places = self.lonlat(split)
            entry: dict[str, Any] = {"scenes": self.scenes[split], "unknown": self.unknown[split]}
            if len(train) and len(places):
                which, km = nearest(places, train)
                names = zip(self.ids[split], (self.ids[TRAIN][n] for n in which), km.tolist(), strict=True)
                listed += [{"scene_id": a, "split": split, "train_scene_id": b, "km": c} for a, b, c in names]
                entry |= {"measured": len(km), "within": int((km < within_km).sum()), "km": quantiles(km)}
            splits[split] = entry
        train_entry = {"scenes": self.scenes[TRAIN], "unknown": self.unknown[TRAIN]}
        listed.sort(key=lambda one: (one["km"], one["scene_id"]))
        return {"within_km": within_km, "train": train_entry, "splits": splits, "scenes": listed}

    def duplicates(self) -> dict[str, Any]:
        """Images by the hash of their pixels: how many differ, how many repeat another, which are in several splits."""
        across = [holders for holders in self.images.values() if len(holders) > 1]
        pairs: Counter[str] = Counter("+".join(sorted(holders)) for holders in across)
        return {
            "images": len(self.images),
            "repeated": self.repeated,
            "across_splits": len(across),
            "by_splits": dict(sorted(pairs.items())),
            "examples": [dict(sorted(holders.items())) for holders in across[:EXAMPLES]],
        }


def nearest(places: Floats, among: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """For each of ``(n, 2)`` places in degrees the position of the nearest of ``(m, 2)`` others, and geodesic km."""
    from pyproj import Geod
    from scipy.spatial import cKDTree

    count = min(_CANDIDATES, len(among))
    _, found = cKDTree(_unit(among)).query(_unit(places), k=count)
    found = np.asarray(found).reshape(len(places), count)
    lon, lat = (np.repeat(places[:, axis], count) for axis in (0, 1))
    others = among[found.ravel()]
    metres = np.asarray(Geod(ellps="WGS84").inv(lon, lat, others[:, 0], others[:, 1])[2]).reshape(found.shape)
    best = metres.argmin(axis=1)
    rows = np.arange(len(places))
    return found[rows, best], metres[rows, best] / 1000


def _unit(lonlat: Floats) -> Floats:
    """Degrees to points on the unit sphere, ``(n, 3)``."""
    lon, lat = np.radians(lonlat).T
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


QUANTILES = (0, 5, 25, 50, 75, 95, 100)


def quantiles(values: Sequence[float] | Floats) -> dict[str, float]:
    """Minimum, 5, 25, 50, 75 and 95 per cent, maximum, by per cent."""
    return dict(zip(map(str, QUANTILES), np.percentile(values, QUANTILES).tolist(), strict=True))
