"""The benchmark on disk: six tasks, their published names, and a reader of items and scenes.

BENCH/
  manifest.json            files with sha256, counts, protocol, stamps; written last, so its absence means unfinished
  README.md                the card
  audit.json               what was kept and dropped, and why
  data/items-*.parquet     terracot.samples.ITEM_SCHEMA
  data/scenes-*.parquet    terracot.samples.SCENE_SCHEMA

Items are held in memory without pictures; pixels are read scene by scene, one Parquet row group at a time. A benchmark
that was joined of several parts has the same files. ``terrabench.published`` reads the published table instead.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terracot.io import MANIFEST, check_manifest, read_json, sha256_file
from terracot.masks import Order, RleError, decode
from terracot.plugins import LETTERS, EvidenceMask, PrivilegedItem, Prompt, PromptFrame
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA
from terracot.scenes import BoolMask, Modality
from terracot.shards import frame_image, frame_pixels, row_ground
from terracot.stated import is_stated

TASKS: dict[str, str] = {
    "coverage": "coverage_percentage",
    "area": "area_quantification",
    "ranking": "comparative_ranking",
    "boundary": "boundary_detection",
    "distance": "distance_measurement",
    "building_change": "building_change_estimation",
}
"""Our task id -> the string in the published ``task_type`` column.

``boundary_detection`` stands in the released inference script and ``coverage_percentage`` in the released table. The
other four strings appear nowhere in the released code (building change is not released at all); they are our guesses.
"""


APART: dict[str, str] = {"flood_change": "flood_change", "sequence_change": "sequence_change"}
"""Tasks that the paper does not have: reported apart from its six, and never in their average."""


def every_task(present: Collection[str]) -> list[str]:
    """The six tasks in their order, then those of ``present`` that stand apart, then those that a source states."""
    apart = [task for task in APART if task in present]
    return [*TASKS, *apart, *sorted(set(present) - set(TASKS) - set(APART))]


def tasks_of(present: Collection[str]) -> list[str]:
    """Those of ``every_task`` that are present."""
    return [task for task in every_task(present) if task in present]


RULE_PARAMETERS = ("unit", "measure", "min_pixels", "connectivity", "compared", "threshold")
"""The parameters of an item that a reference model may see: how its rule measures, never what came out."""

EMBEDDED = Path(__file__).with_name("embedded")
"""The benchmark that comes with the package, rebuilt by ``terrabench build --recipe embedded``."""

_CACHED_SCENES = 8


class BenchmarkError(ValueError):
    """A benchmark folder that is missing, unfinished or damaged; the message says which and what to do."""


class Benchmark:
    """A finished benchmark. ``Benchmark.open(path)`` checks it; ``items`` is in the stored order.

    ``manifest_sha256`` tells benchmarks apart: the hash of the manifest, or of the published table itself.
    """

    columns: ClassVar[list[str] | None] = None
    """Columns to read of a row that holds a scene's pixels; None for all."""

    def __init__(
        self,
        path: Path,
        manifest: Mapping[str, Any],
        manifest_sha256: str,
        items: list[dict[str, Any]],
        places: Mapping[str, Place],
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.manifest_sha256 = manifest_sha256
        self.items = items
        self._places = places
        self._scenes: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._group: tuple[tuple[Path, int], pa.Table] | None = None
        _check_items(path, items, places)

    @classmethod
    def open(cls, path: str | Path) -> Benchmark:
        """Open a folder made by ``terrabench build``, the published table, or ``embedded``, which comes with us.

        The published table is a ``.parquet`` file, or a folder of such files without a manifest. ``BenchmarkError``
        says what is wrong with anything else. File sizes are compared with the manifest here;
        ``terracot.io.check_manifest`` compares the hashes too.
        """
        path = Path(path)
        if not path.exists() and path == Path(EMBEDDED.name):
            path = EMBEDDED
        if tables := published_tables(path):
            from terrabench.published import PublishedBenchmark

            return PublishedBenchmark.of(path, tables)
        if not path.is_dir():
            raise BenchmarkError(
                f"{path} is not a folder; expected a benchmark made by `terrabench build`, the published table "
                f"(.parquet), or {EMBEDDED.name}"
            )
        if not (path / MANIFEST).is_file():
            raise BenchmarkError(
                f"{path} has no {MANIFEST}: either it is no benchmark or its build was not finished; "
                "run the same `terrabench build` command again to finish it"
            )
        problems = check_manifest(path, hashes=False)
        if problems:
            raise BenchmarkError(f"{path} is damaged: {'; '.join(problems[:5])}. Copy or build it again")
        sha256 = sha256_file(path / MANIFEST)
        return Benchmark(path, read_json(path / MANIFEST), sha256, list(_read_items(path)), _scene_places(path))

    def __len__(self) -> int:
        """Number of items."""
        return len(self.items)

    @property
    def has_masks(self) -> bool:
        """False when no item has a true mask, so that no IoU can be measured."""
        return any(item["masks"] for item in self.items)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield ``(item id, encoded picture)`` in stored order, a few at a time."""
        for file in _files(self.path, "items"):
            for batch in pq.ParquetFile(file).iter_batches(batch_size=16, columns=["id", "image"]):
                for row in batch.to_pylist():
                    yield row["id"], row["image"]["bytes"]

    def scene(self, scene_id: str) -> dict[str, Any]:
        """One row of the scene table as plain values (``SCENE_SCHEMA``); ``KeyError`` for an unknown id."""
        if scene_id in self._scenes:
            self._scenes.move_to_end(scene_id)
            return self._scenes[scene_id]
        place = self._places[scene_id]
        if self._group is None or self._group[0] != (place.file, place.group):
            self._group = None  # let go of the old pixels before reading the new ones
            with reading(place.file):
                table = pq.ParquetFile(place.file).read_row_group(place.group, columns=self.columns)
                self._group = (place.file, place.group), table
        scene = self._scene_of(scene_id, self._group[1].slice(place.row, 1).to_pylist()[0])
        self._scenes[scene_id] = scene
        if len(self._scenes) > _CACHED_SCENES:
            self._scenes.popitem(last=False)
        return scene

    def _scene_of(self, scene_id: str, row: dict[str, Any]) -> dict[str, Any]:
        """The scene that a stored row holds, as a row of ``SCENE_SCHEMA``."""
        return row

    def place(self, item: Mapping[str, Any]) -> tuple[str, int, int]:
        """Where the item's scene is stored; sorting by it reads every row group once."""
        place = self._places[item["scene_id"]]
        return place.file.name, place.group, place.row

    def prompt(self, item: Mapping[str, Any], run_seed: int) -> Prompt:
        """The item as a model sees it: decoded pictures, question, options, and an id that means nothing."""
        scene = self.scene(item["scene_id"])
        frames = tuple(_frame(scene, number, frame) for number, frame in enumerate(scene["frames"], 1))
        everywhere = {frame["t"]: np.ones(self.shape(item), dtype=bool) for frame in scene["frames"]}
        return Prompt(
            id=prompt_id(item["id"], run_seed),
            frames=frames,
            ground=row_ground(scene),
            question=item["question"],
            options=tuple(item["options"]),
            valid=everywhere | self.valid(item),
        )

    def privileged(self, item: Mapping[str, Any], run_seed: int) -> PrivilegedItem:
        """The item as a reference model sees it: the prompt, the evidence masks, the rule."""
        given = json.loads(item["parameters"] or "{}")
        parameters = {name: given[name] for name in RULE_PARAMETERS if name in given}
        return PrivilegedItem(self.prompt(item, run_seed), item["kind"], self.evidence(item), parameters)

    def evidence(self, item: Mapping[str, Any], order: Order = "C") -> tuple[EvidenceMask, ...]:
        """The true masks of an item, decoded; ``order`` as in ``terracot.masks.decode``. Reads no pixels."""
        shape = self.shape(item)
        return tuple(
            EvidenceMask(m["t"], m["class_name"], self._decode(m["rle"], shape, item["id"], order))
            for m in item["masks"] or ()
        )

    def valid(self, item: Mapping[str, Any], order: Order = "C") -> dict[int, BoolMask]:
        """Date -> ``(H, W)`` pixels that have a label; dates without a label map are absent. Reads no pixels."""
        shape = self.shape(item)
        listed = self._places[item["scene_id"]].valid
        return {v["t"]: self._decode(v["rle"], shape, item["scene_id"], order) for v in listed}

    def shape(self, item: Mapping[str, Any]) -> tuple[int, int]:
        """``(H, W)`` of the item's frames and masks. Reads no pixels."""
        place = self._places[item["scene_id"]]
        return place.height, place.width

    def _decode(self, rle: Mapping[str, Any], shape: tuple[int, int], where: str, order: Order) -> BoolMask:
        try:
            return decode(rle, shape, order)
        except RleError as error:
            raise BenchmarkError(f"{self.path}, {where}: {error}. Copy or build the benchmark again") from error


def prompt_id(item_id: str, run_seed: int) -> str:
    """The opaque id that a model sees instead of the item's own: another one for every run seed."""
    return hashlib.sha256(f"{run_seed}\n{item_id}".encode()).hexdigest()[:16]


def published_tables(path: Path) -> list[Path]:
    """The files of a published table: the one named, or those of a folder that is no folder of ours; else none."""
    if path.is_file():
        return [path] if path.suffix == ".parquet" else []
    unfinished = (path / ".work").exists() or list((path / "data").glob("scenes-*.parquet"))
    if not path.is_dir() or (path / MANIFEST).exists() or unfinished:
        return []
    return sorted(path.glob("*.parquet")) or sorted((path / "data").glob("*.parquet"))


def _frame(scene: Mapping[str, Any], number: int, frame: Mapping[str, Any]) -> PromptFrame:
    modality = Modality(frame["modality"])
    return PromptFrame(
        # The source's own frame id could be looked up in its public labels, so a model gets a plain number.
        id=f"{number}-{modality}",
        t=frame["t"],
        modality=modality,
        bands=tuple(frame["bands"]),
        unit=frame["unit"],
        image=frame_image(frame),
        native=partial(frame_pixels, {"height": scene["height"], "width": scene["width"]}, frame),
        time=frame["time"],
    )


def _files(path: Path, table: str) -> list[Path]:
    files = sorted((path / "data").glob(f"{table}-*.parquet"))
    if not files:
        raise BenchmarkError(f"{path} has no data/{table}-*.parquet; expected a folder made by `terrabench build`")
    return files


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """``BenchmarkError`` for a Parquet file that cannot be read."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise BenchmarkError(f"{file} cannot be read ({error}). Copy or build the benchmark again") from error


def _check_columns(file: Path, expected: pa.Schema) -> None:
    with reading(file):
        found = pq.read_schema(file)
    missing = [name for name in expected.names if name not in found.names]
    if missing:
        raise BenchmarkError(
            f"{file} lacks the columns {', '.join(missing)}; it was written by another version or is no benchmark"
        )
    for column in expected:
        if not found.field(column.name).type.equals(column.type):
            raise BenchmarkError(
                f"{file}: column {column.name} should be {column.type}, found {found.field(column.name).type}"
            )


def _read_items(path: Path) -> Iterator[dict[str, Any]]:
    columns = [name for name in ITEM_SCHEMA.names if name != "image"]
    for file in _files(path, "items"):
        _check_columns(file, ITEM_SCHEMA)
        with reading(file):
            for batch in pq.ParquetFile(file).iter_batches(batch_size=1024, columns=columns):
                yield from batch.to_pylist()


class Place(NamedTuple):
    """Where a scene is stored, and the little that scoring needs to know of it."""

    file: Path
    group: int
    row: int
    height: int
    width: int
    valid: list[dict[str, Any]]


def _scene_places(path: Path) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for file in _files(path, "scenes"):
        _check_columns(file, SCENE_SCHEMA)
        parquet = pq.ParquetFile(file)
        for group in range(parquet.num_row_groups):
            with reading(file):
                table = parquet.read_row_group(group, columns=["scene_id", "height", "width", "valid"])
            for row, scene in enumerate(table.to_pylist()):
                scene_id = scene.pop("scene_id")
                places[scene_id] = Place(file, group, row, scene["height"], scene["width"], scene["valid"] or [])
    return places


def _check_items(path: Path, items: list[dict[str, Any]], scenes: Mapping[str, Any]) -> None:
    seen: set[str] = set()
    for item in items:
        problem = None
        if item["id"] in seen:
            problem = "appears twice"
        elif item["scene_id"] not in scenes:
            problem = f"belongs to scene {item['scene_id']}, which is not in data/scenes-*.parquet"
        elif item["task"] not in TASKS | APART and not is_stated(item["task"]):
            problem = f"has the unknown task {item['task']!r}; known: {', '.join(TASKS | APART)}, and SOURCE/NAME"
        elif not 1 <= len(item["options"] or ()) <= len(LETTERS):
            problem = f"has {len(item['options'] or ())} options; expected 1 to {len(LETTERS)}"
        elif item["answer"] not in tuple(LETTERS[: len(item["options"])]):
            problem = f"has the answer {item['answer']!r} to {len(item['options'])} options"
        if problem:
            raise BenchmarkError(f"{path}: item {item['id']} {problem}. Copy or build the benchmark again")
        seen.add(item["id"])
