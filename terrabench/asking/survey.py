"""What a benchmark's images are like as a whole: their mean colours and bands, and which of them look alike in form."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from terrabench.asking.controls import Greys
from terrabench.items import Benchmark
from terracot.scenes import Modality

Item = dict[str, Any]
Look = tuple[Any, ...]
"""``(H, W)`` and, frame by frame, date and modality."""


@dataclass(frozen=True)
class Survey:
    """``looks``: scene id -> size, dates and modalities; ``greys``: means over every pixel of every scene once."""

    looks: Mapping[str, Look]
    greys: Greys

    @classmethod
    def of(cls, bench: Benchmark) -> Survey:
        """One pass over the scenes in stored order, for as many as have items."""
        looks: dict[str, Look] = {}
        colours: dict[Modality, _Mean] = defaultdict(_Mean)
        bands: dict[tuple[Modality, str, str], _Mean] = defaultdict(_Mean)
        for item in sorted(bench.items, key=bench.place):
            if item["scene_id"] in looks:
                continue
            prompt = bench.prompt(item, 0)
            looks[item["scene_id"]] = (prompt.shape, *((frame.t, str(frame.modality)) for frame in prompt.frames))
            for frame in prompt.frames:
                colours[frame.modality].add(frame.image.reshape(-1, 3))
                for band, values in zip(frame.bands, frame.native(), strict=True):
                    bands[frame.modality, frame.unit, band].add(values.reshape(-1, 1))
        means = {modality: mean.value() for modality, mean in colours.items()}
        return cls(
            looks,
            Greys(
                {modality: (int(m[0]), int(m[1]), int(m[2])) for modality, m in means.items()},
                {key: mean.value()[0] for key, mean in bands.items()},
            ),
        )


class _Mean:
    """Mean of finite values by column, in the type that they came in (of several types the widest)."""

    def __init__(self) -> None:
        self._sum: Any = 0.0
        self._n: Any = 0
        self._dtype: np.dtype[Any] | None = None

    def add(self, values: np.ndarray[Any, Any]) -> None:
        finite = np.isfinite(values)
        self._sum = self._sum + np.where(finite, values, 0).sum(axis=0, dtype=np.float64)
        self._n = self._n + finite.sum(axis=0)
        self._dtype = values.dtype if self._dtype is None else np.result_type(self._dtype, values.dtype)

    def value(self) -> np.ndarray[Any, Any]:
        mean = np.asarray(self._sum / np.maximum(self._n, 1))
        whole = self._dtype is not None and np.issubdtype(self._dtype, np.integer)
        return (np.rint(mean) if whole else mean).astype(self._dtype)


def partners(items: Sequence[Item], looks: Mapping[str, Look]) -> dict[str, Item]:
    """Item id -> the item whose image is shown in its place, for those that have such a partner.

    A partner has the same task and the same look, and another group. Items are put into the order of a hash of their
    ids, closed to a ring; the partner is the next one of another group.
    """
    alike: dict[tuple[str, Look], list[Item]] = defaultdict(list)
    for item in items:
        alike[item["task"], looks[item["scene_id"]]].append(item)
    found: dict[str, Item] = {}
    for ring in alike.values():
        ring.sort(key=lambda item: hashlib.sha256(f"other-image\n{item['id']}".encode()).digest())
        if len({item["group"] for item in ring}) < 2:
            continue
        following = ring[0]
        for item in reversed(ring + ring):  # twice around, so that the last ones find the first ones
            partner = following if following["group"] != item["group"] else found.get(following["id"])
            if partner is not None:
                found[item["id"]] = partner
            following = item
    return found
