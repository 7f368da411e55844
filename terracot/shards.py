"""Rows and Parquet shards: a scene as a row, pixels in and out of it, how a shard is written and read.

Pixels and pictures lie in the scene table itself, or as files beside it that the rows name (``pixel_files``).
Every reader here gives rows that hold their bytes, so nobody else minds which.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from terracot.features import described
from terracot.findings import SceneFacts
from terracot.ground import GroundSampling
from terracot.io import OutputError, atomic_file, sha256_file
from terracot.licences import non_commercial
from terracot.masks import decode, encode
from terracot.memo import fixed
from terracot.pixel_files import with_files
from terracot.plugins import EvidenceMask
from terracot.render import compose, png_bytes
from terracot.scenes import BoolMask, Frame, Modality
from terracot.views import View

ROW_GROUP = 32  # rows; small, so that a reader of single rows does not load a whole shard
ROW_GROUP_BYTES = 16 << 20
"""Bytes of a row group before compression, where it has more than one row."""

_REPEATED = ("source", "split", "group", "license", "attribution", "kind", "level", "modality", "form", "task")
_SELECTED_BY = ("id", "scene_id", "dates", *_REPEATED)
"""Columns with statistics, so that readers who select by them can skip row groups."""


def without_pandas() -> None:
    """Have pyarrow do without pandas in this process, unless somebody has imported it.

    On its first conversion pyarrow imports pandas, a third of a second, to ask whether a value is a data frame; ours
    never are. For processes in which only our own code runs: ``pyarrow.array`` then takes a column of a data frame for
    any sequence.
    """
    if "pandas" not in sys.modules:
        nowhere = _NoPandas()
        sys.meta_path.insert(0, nowhere)
        try:
            pa.array([])
        finally:
            sys.meta_path.remove(nowhere)


class _NoPandas(MetaPathFinder):
    """Finds that there is no pandas."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("left out", name=fullname)


def write_shard(
    path: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema, embedded: bool = True
) -> dict[str, Any]:
    """Write rows as one Parquet file, atomically; returns ``{"rows", "sha256"}``. Same rows, same bytes.

    A row group has at most ``ROW_GROUP`` rows and ``ROW_GROUP_BYTES`` bytes, or one row. Only one group is held as
    Arrow columns at a time. ``embedded``: the rows hold their pictures and not paths of them.
    """
    with (
        atomic_file(path) as file,
        pq.ParquetWriter(file, described(schema, embedded), **parquet_options(schema)) as writer,
    ):
        for group in row_groups(rows):
            writer.write_table(pa.Table.from_pylist(group, schema=writer.schema), row_group_size=ROW_GROUP)
    return {"rows": len(rows), "sha256": sha256_file(path)}


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """How columns are compressed, and which have dictionaries and statistics."""
    # a PNG is compressed already: zstd would take its time over it and save nothing
    codecs = {leaf: "none" if leaf.endswith("image.bytes") else "zstd" for leaf in _leaves(schema)}
    return {
        "compression": codecs,
        "compression_level": {leaf: 3 for leaf, codec in codecs.items() if codec == "zstd"},
        # none of pixels and texts: they do not repeat, and looking for repetitions takes time
        "use_dictionary": [name for name in _REPEATED if name in schema.names],
        "write_statistics": [name for name in _SELECTED_BY if name in schema.names],
        "write_page_index": True,
    }


def _leaves(schema: pa.Schema) -> Iterator[str]:
    """The columns of a Parquet file with this schema, by path: structs and lists end in columns of plain values."""

    def below(path: str, kind: pa.DataType) -> Iterator[str]:
        if pa.types.is_struct(kind):
            for member in kind:
                yield from below(f"{path}.{member.name}", member.type)
        elif pa.types.is_list(kind):
            yield from below(f"{path}.list.element", kind.value_type)
        else:
            yield path

    for column in schema:
        yield from below(column.name, column.type)


def row_groups(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Rows in groups of bounded rows and bytes, in order."""
    group: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        own = _bytes_of(row)
        if group and (len(group) == ROW_GROUP or size + own > ROW_GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += own
    if group:
        yield group


def _bytes_of(row: Mapping[str, Any]) -> int:
    """Bytes of the pictures and pixels of a row; all else of it is small."""
    holders = [row, *row.get("frames", ())]
    holders += [holder["image"] for holder in holders if "image" in holder]
    return sum(len(value) for holder in holders for value in holder.values() if isinstance(value, bytes))


def read_rows(folder: Path, stem: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """All rows of ``folder/data/stem-*.parquet`` in order, one row group in memory at a time."""
    for path in sorted((folder / "data").glob(f"{stem}-*.parquet")):
        try:
            file = pq.ParquetFile(path)
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=None if columns is None else list(columns))
                yield from (with_files(row, folder) for row in table.to_pylist())
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error


def read_columns(folder: Path, stem: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Some columns that hold little, of all rows in order: a tuple of each row, a whole file in memory at a time."""
    for path in sorted((folder / "data").glob(f"{stem}-*.parquet")):
        try:
            table = pq.ParquetFile(path).read(list(columns))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
        yield from zip(*(table.column(name).to_pylist() for name in columns), strict=True)


def _unreadable(path: Path, error: Exception) -> OutputError:
    return OutputError(f"{path} cannot be read as Parquet ({error}); make the folder again")


def read_shard(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """All rows of one shard; ``OutputError`` when it cannot be read or has other columns than ``schema``."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    if not table.schema.equals(schema):
        raise OutputError(f"{path} has other columns than this version writes; found {table.schema.names}")
    return [with_files(row, path.parent.parent) for row in table.to_pylist()]


def scene_row(facts: SceneFacts) -> dict[str, Any]:
    """A scene as a row of ``SCENE_SCHEMA``: renders, native pixels, valid masks and ground sampling."""
    scene = facts.scene
    hashed = zip(scene.frames, facts.pixels, facts.pixel_hashes, strict=True)
    frames = [_frame_record(frame, pixels, sha256) for frame, pixels, sha256 in hashed]
    return {
        "scene_id": scene.id,
        "source": scene.source,
        "split": scene.split,
        "group": scene.group,
        "license": scene.license,
        "non_commercial": non_commercial(scene.license),
        "attribution": scene.attribution,
        "height": scene.shape[0],
        "width": scene.shape[1],
        "crs": scene.crs,
        "transform": None if scene.transform is None else list(scene.transform),
        "ground": scene.ground.to_dict(),
        "valid": [
            {"t": t, "rle": encode(mask), "according_to": facts.according_to.get(t)}
            for t, mask in sorted(facts.valid.items())
        ],
        "frames": frames,
        "content_sha256": content_sha256({"frames": frames}),
        "provenance": json.dumps(dict(scene.provenance), sort_keys=True, ensure_ascii=False),
    }


def content_sha256(row: Mapping[str, Any]) -> str:
    """Hash over the frames of a scene row, each with its id, date, modality and the hash of its pixels."""
    lines = (f"{f['id']}|{f['t']}|{f['modality']}|{f['sha256']}\n" for f in row["frames"])
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _frame_record(frame: Frame, native: npt.NDArray[Any], sha256: str) -> dict[str, Any]:
    picture = compose(native, frame.bands, frame.display, frame.id)
    return {
        "id": frame.id,
        "t": frame.t,
        "modality": str(frame.modality),
        "bands": list(frame.bands),
        "unit": frame.unit,
        "time": frame.time,
        "image": {"bytes": png_bytes(picture), "path": None},
        "pixels": native.tobytes(),
        "pixels_path": None,
        "dtype": str(native.dtype),
        "hidden": None if frame.hidden is None else encode(frame.hidden()),
        "sha256": sha256,
    }


def frame_pixels(row: Mapping[str, Any], frame: Mapping[str, Any]) -> npt.NDArray[Any]:
    """Native bands ``(C, H, W)`` of a stored frame (read-only)."""
    return np.frombuffer(frame["pixels"], dtype=frame["dtype"]).reshape(
        len(frame["bands"]), row["height"], row["width"]
    )


def frame_image(frame: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    """The common render ``(H, W, 3) uint8`` of a stored frame."""
    with Image.open(io.BytesIO(frame["image"]["bytes"])) as image:
        return np.asarray(image.convert("RGB"))


def row_valid(row: Mapping[str, Any]) -> dict[int, BoolMask]:
    """Valid pixels by date of a stored scene; ``RleError`` on damage."""
    return {v["t"]: fixed(decode(v["rle"], (row["height"], row["width"]))) for v in row["valid"]}


def row_views(row: Mapping[str, Any]) -> tuple[View, ...]:
    """The images of a stored scene; ``RleError`` on damaged cloud masks."""
    shape = (row["height"], row["width"])
    return tuple(
        View(
            frame["t"],
            Modality(frame["modality"]),
            tuple(frame["bands"]),
            frame["unit"],
            lambda frame=frame: frame_pixels(row, frame),  # type: ignore[misc]
            frame["hidden"] and decode(frame["hidden"], shape),
            frame["time"],
        )
        for frame in row["frames"]
    )


def row_ground(row: Mapping[str, Any]) -> GroundSampling:
    """Ground sampling of a stored scene."""
    return GroundSampling.from_dict(row["ground"])


def row_masks(row: Mapping[str, Any], shape: tuple[int, int]) -> tuple[EvidenceMask, ...]:
    """Evidence masks of a stored sample or item; ``RleError`` on damage."""
    return tuple(
        EvidenceMask(m["t"], m["class_name"], fixed(decode(m["rle"], shape)), m["plural"]) for m in row["masks"]
    )


def mask_records(masks: Sequence[EvidenceMask]) -> list[dict[str, Any]]:
    """Evidence masks as they are stored."""
    return [{"t": m.t, "class_name": m.class_name, "plural": m.plural, "rle": encode(m.mask)} for m in masks]
