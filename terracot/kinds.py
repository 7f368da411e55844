"""Kinds of finished folders: what ``verify`` must know to word and to make their rows again.

A package that writes folders of its own registers a ``FolderKind`` under the entry point group ``terracot.folders``, by
the ``kind`` of its manifests. So ``terracot verify`` checks benchmarks without knowing terrabench.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import pyarrow as pa

from terracot.findings import Finding, SceneFacts, Setting
from terracot.ground import GroundSampling
from terracot.io import OutputError
from terracot.questions import Question
from terracot.scenes import SceneSource

ENTRY_POINT_GROUP = "terracot.folders"


Row = dict[str, Any]


@dataclass(frozen=True)
class Rebuilt:
    """What follows from a source: the scenes that were read, by shard, and the rows of a shard's scenes.

    ``rows`` gets the scenes of one shard that can be read, each with its row of ``SCENE_SCHEMA``, and gives the rows of
    each; a scene without rows is not in the folder. ``scenes`` reads them as the folder's program does.
    """

    shards: Sequence[tuple[int, Sequence[str]]]
    scenes: Callable[[Sequence[str]], list[tuple[SceneFacts, Row]]]
    rows: Callable[[Sequence[tuple[SceneFacts, Row]]], list[list[Row]]]


def _nothing(row: Mapping[str, Any]) -> Iterator[str]:
    yield from ()


def _its_own(manifest: Mapping[str, Any]) -> GroundSampling | None:
    return None


@dataclass(frozen=True)
class FolderKind:
    """Name and schema of a folder's table, how a finding is worded in it, and how all of it follows from the source.

    ``word`` gets the stored row, what it finds, and its setting. ``rebuild`` is None for rows that a model has written.
    ``check`` says what else is wrong with a row. ``ground`` is the ground sampling that a manifest sets for every
    scene, whatever its CRS; None where each has its own.
    """

    stem: str
    schema: pa.Schema
    word: Callable[[Mapping[str, Any], Finding, Setting], Question]
    rebuild: Callable[[Mapping[str, Any], SceneSource], Rebuilt] | None
    check: Callable[[Mapping[str, Any]], Iterator[str]] = _nothing
    ground: Callable[[Mapping[str, Any]], GroundSampling | None] = _its_own


def folder_kind(name: str, where: str) -> FolderKind:
    """The kind registered under the name that a manifest states; ``OutputError`` names the known ones."""
    points = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in points:
        raise OutputError(f"{where} holds {name!r}; expected one of {', '.join(sorted(points))}")
    kind: FolderKind = points[name].load()
    return kind
