"""Leakage guard: a benchmark has no item from a place or an image that a given Terra-CoT data set contains.

Compared are places and events (``group``, which sources spell alike where they share them), scenes by name, and the
pixels of every frame by hash, so that an image is also recognised under another name and in another data set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.dataset import TERRA_COT
from terracot.findings import SceneFacts
from terracot.io import MANIFEST, OutputError, check_manifest, read_json, sha256_file
from terracot.scenes import SceneError
from terracot.shards import read_rows
from terracot.status import require_finished

LEAKED_GROUP, LEAKED_PIXELS = "leaked_group", "leaked_pixels"


@dataclass(frozen=True)
class Seen:
    """What data sets for training contain: places, scenes and images, each with the scene it was found in."""

    groups: Mapping[str, str]
    scenes: Mapping[tuple[str, str], str]
    pixels: Mapping[str, str]

    @classmethod
    def read(cls, folders: Sequence[str | Path]) -> Seen:
        """Read finished Terra-CoT folders; ``OutputError`` when one is something else."""
        groups: dict[str, str] = {}
        scenes: dict[tuple[str, str], str] = {}
        pixels: dict[str, str] = {}
        for folder in map(Path, folders):
            _check(folder)
            for row in read_rows(folder, "samples", ["source", "scene_id", "group", "pixels_sha256"]):
                where = f"{folder.name}: {row['source']} {row['scene_id']}"
                groups.setdefault(row["group"], where)
                scenes.setdefault((row["source"], row["scene_id"]), where)
                for sha256 in row["pixels_sha256"]:
                    pixels.setdefault(sha256, where)
        return cls(groups, scenes, pixels)

    def refuse(self, facts: SceneFacts) -> None:
        """``SceneError`` when a scene is of a place, or shows an image, that was seen."""
        scene = facts.scene
        where = self.groups.get(scene.group) or self.scenes.get((scene.source, scene.id))
        if where:
            raise SceneError(LEAKED_GROUP, f"scene {scene.id}: its place or event, {scene.group}, is in {where}")
        if not self.pixels:
            return
        for frame, pixels, sha256 in zip(scene.frames, facts.pixels, facts.pixel_hashes, strict=True):
            if sha256 in self.pixels and not _blank(pixels):
                where = self.pixels[sha256]
                raise SceneError(LEAKED_PIXELS, f"scene {scene.id}: frame {frame.id} shows the image of {where}")


def _blank(pixels: npt.NDArray[Any]) -> bool:
    """True where each band has one value everywhere, or none: such images are alike wherever they are from."""
    bands = pixels.reshape(len(pixels), -1)
    return bool(np.all((bands == bands[:, :1]) | (bands != bands)))


def stamps(folders: Sequence[str | Path]) -> list[dict[str, str]]:
    """Name and manifest hash of each folder, for the manifest of the benchmark."""
    for folder in folders:
        _check(Path(folder))
    return [{"name": Path(f).name, "manifest_sha256": sha256_file(Path(f) / MANIFEST)} for f in folders]


def leaks(quarantine: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries of a quarantine file that this guard wrote."""
    return [entry for entry in quarantine if entry["reason"] in (LEAKED_GROUP, LEAKED_PIXELS)]


def _check(folder: Path) -> None:
    require_finished(folder)
    kind = read_json(folder / MANIFEST).get("kind")
    if kind != TERRA_COT:
        raise OutputError(f"{folder} holds {kind!r}; expected a Terra-CoT data set made by `terracot generate`")
    if damage := check_manifest(folder, hashes=False):
        raise OutputError(f"{folder} is damaged: {damage[0]}. What is missing could not be guarded against")
