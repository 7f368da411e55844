"""The rows of Terra-CoT folders to train on: which there are, how long they are, and reading them in pieces.

Only an index is held in memory (about 20 bytes a row). Rows are read a *unit* at a time: the scenes of one row group
of a scene table, and the samples of these scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from terracot.io import MANIFEST, OutputError, sha256_file
from terracot.pixel_files import with_files
from terracot.scenes import SourceError
from terracot.status import require_finished

CHOOSING = ("level", "kind", "modality", "split")
"""Columns that rows are chosen by."""

CHARACTERS_A_TOKEN = 4.0
_INDEXED = (*CHOOSING, "id", "scene_id", "question", "text", "pixels_sha256")
_SAMPLE = (
    "id", "scene_id", "question", "options", "text", "steps.list.element.mask", "masks.list.element.t",
    "masks.list.element.rle.size.list.element", "masks.list.element.rle.counts",
)  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """Which rows are used; None for a column that does not matter."""

    level: Collection[str] | None = None
    kind: Collection[str] | None = None
    modality: Collection[str] | None = None
    split: Collection[str] | None = None
    ids: frozenset[str] | None = None

    def mask(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """``(rows,)``: the rows that are used."""
        kept = np.ones(table.num_rows, bool)
        for column, wanted in (*((name, getattr(self, name)) for name in CHOOSING), ("id", self.ids)):
            if wanted is not None:
                kept &= pc.is_in(table[column], value_set=pa.array(sorted(wanted), pa.string())).to_numpy()
        return kept


@dataclass(frozen=True)
class Unit:
    """Scenes of row group ``group`` of the scene table of shard ``shard`` of folder ``folder``."""

    folder: int
    shard: int
    group: int


@dataclass(frozen=True, eq=False)
class Rows:
    """The index, ``(N,)`` each, ordered by unit.

    ``unit``: position in ``units``; ``scene``: row in the unit's group of scenes; ``sample``: row in the table of
    samples; ``characters`` of question and reply; ``frames`` of the scene, and its ``height`` and ``width``.
    """

    units: tuple[Unit, ...]
    unit: npt.NDArray[np.int32]
    scene: npt.NDArray[np.int32]
    sample: npt.NDArray[np.int32]
    characters: npt.NDArray[np.int32]
    frames: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    width: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.unit)

    def tokens(self, visual: Callable[[int, tuple[int, int]], int]) -> npt.NDArray[np.float64]:
        """``(N,)``: about how many tokens each row has, without its evidence. ``visual`` says how many are of images,
        by their number and their ``(H, W)``.
        """
        shapes, kind = np.unique(np.stack([self.frames, self.height, self.width]), axis=1, return_inverse=True)
        images = np.array([visual(frames, (height, width)) for frames, height, width in shapes.T.tolist()])
        return images[kind.ravel()] + self.characters / CHARACTERS_A_TOKEN


class Folders:
    """Finished Terra-CoT folders, read by unit. ``rows`` is the index of what ``chosen`` (one for all, or one for each)
    picks.

    ``SourceError`` when nothing is picked: it says which values there are. ``OutputError`` for folders that cannot be
    used. ``hashes`` are those of the manifests.
    """

    def __init__(self, paths: Sequence[str | Path], chosen: Chosen | Sequence[Chosen]) -> None:
        self.paths = [Path(path) for path in paths]
        self.hashes: list[str] = []
        self._shards: list[list[tuple[Path, Path]]] = []
        for path in self.paths:
            kind = require_finished(path).get("kind")
            if not str(kind).startswith("terra-cot"):
                raise SourceError(f"{path} holds {kind!r}; expected a folder of `terracot generate` to train on")
            self.hashes.append(sha256_file(path / MANIFEST))
            samples = sorted((path / "data").glob("samples-*.parquet"))
            self._shards.append([(s, s.with_name(s.name.replace("samples", "scenes", 1))) for s in samples])
        self.rows = self._index([chosen] * len(self.paths) if isinstance(chosen, Chosen) else chosen)

    def _index(self, chosen: Sequence[Chosen]) -> Rows:
        units: list[Unit] = []
        columns: list[npt.NDArray[Any]] = []
        seen: dict[str, set[str]] = {name: set() for name in CHOOSING}
        for folder, shards in enumerate(self._shards):
            for shard, (samples, scenes) in enumerate(shards):
                with reading(samples):
                    table = pq.read_table(samples, columns=list(_INDEXED))
                for name, values in seen.items():
                    values.update(pc.unique(table[name]).to_pylist())
                kept = np.flatnonzero(chosen[folder].mask(table))
                if len(kept):
                    columns.append(_located(units, Unit(folder, shard, 0), scenes, table.take(kept), kept))
        if not columns:
            raise SourceError(_nothing(self.paths, chosen, seen))
        table = np.concatenate(columns, axis=1)
        return Rows(tuple(units), *table[:, np.lexsort((table[2], table[0]))])

    def read(
        self, unit: Unit, wanted: Sequence[int], native: bool = False
    ) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
        """The scenes of a unit, with the pixels of all bands if ``native``, and the rows ``wanted`` of its table of
        samples, by row.
        """
        samples, scenes = self._shards[unit.folder][unit.shard]
        with reading(scenes):
            file = pq.ParquetFile(scenes)
            leaves = [file.schema.column(n).path for n in range(len(file.schema))]
            columns = None if native else [leaf for leaf in leaves if not leaf.endswith(".pixels")]
            found = file.read_row_group(unit.group, columns=columns).to_pylist()
        folder = self.paths[unit.folder]
        for row in found if not native else ():
            for frame in row["frames"]:
                frame.pop("pixels_path", None)  # not wanted: with_files would read them
        return [with_files(row, folder) for row in found], _rows(samples, sorted(set(wanted)))

    def texts(self, most: int) -> Iterator[str]:
        """Questions, options and replies of about ``most`` rows, chosen or not, in even steps through all folders.

        What a tokenizer learns from: a first stage that sees short replies alone must know the words of the next one.
        """
        files = [samples for shards in self._shards for samples, _ in shards]
        counts = []
        for path in files:
            with reading(path):
                counts.append(pq.ParquetFile(path).metadata.num_rows)
        step = max(1, -(-sum(counts) // most))
        first = 0  # of the rows of a file, so that steps go on from file to file
        for path, count in zip(files, counts, strict=True):
            for row in _rows(path, range(first, count, step)).values():
                yield "\n".join([row["question"], *(row["options"] or ())])
                yield row["text"]
            first = (first - count) % step


def _located(
    units: list[Unit], first: Unit, scenes: Path, table: pa.Table, rows: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    """``(7, n)``: the columns of ``Rows``; the units of the shard are added to ``units``."""
    places: dict[str, tuple[int, ...]] = {}
    with reading(scenes):
        file = pq.ParquetFile(scenes)
        for group in range(file.num_row_groups):
            found = file.read_row_group(group, columns=["scene_id", "height", "width"]).to_pylist()
            for row, scene in enumerate(found):
                places[scene["scene_id"]] = len(units), row, scene["height"], scene["width"]
            units.append(Unit(first.folder, first.shard, group))
    names = table["scene_id"].to_pylist()
    if missing := [name for name in names if name not in places]:
        raise OutputError(f"{scenes} has no scene {missing[0]}; make the folder again")
    unit, scene, height, width = np.array([places[name] for name in names]).T
    characters = pc.add(pc.utf8_length(table["question"]), pc.utf8_length(table["text"])).to_numpy()
    frames = pc.list_value_length(table["pixels_sha256"]).to_numpy()
    return np.stack([unit, scene, rows, characters, frames, height, width]).astype(np.int32)


def _rows(path: Path, wanted: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Rows of a table of samples by position; only the row groups that hold them are read."""
    with reading(path):
        file = pq.ParquetFile(path)
        found: dict[int, dict[str, Any]] = {}
        first = 0
        for group in range(file.num_row_groups):
            length = file.metadata.row_group(group).num_rows
            here = [row for row in wanted if first <= row < first + length]
            if here:
                table = file.read_row_group(group, columns=list(_SAMPLE)).take([row - first for row in here])
                found.update(zip(here, table.to_pylist(), strict=True))
            first += length
    return found


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """``OutputError`` for a Parquet file that cannot be read."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise OutputError(f"{path} cannot be read as Parquet ({error}); make the folder again") from error


def _nothing(paths: Sequence[Path], chosen: Sequence[Chosen], seen: Mapping[str, set[str]]) -> str:
    wanted = {name: {value for one in chosen for value in getattr(one, name) or ()} for name in CHOOSING}
    asked = [f"{name} {', '.join(sorted(values))}" for name, values in wanted.items() if values]
    there = [f"{name} {', '.join(sorted(values)) or 'nothing'}" for name, values in seen.items()]
    return (
        f"no row of {', '.join(map(str, paths))} is chosen by {'; '.join(asked) or 'ids'}; they have "
        f"{'; '.join(there)}. Change levels, kinds, modalities, splits or ids"
    )
