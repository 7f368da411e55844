"""The published table as it is: one row per item, with the columns image, question, candidates, answer, task_type.

It has no ids, no masks, no scenes and no ground sampling. Ids follow from the content here, items that share a picture
are of one group, and IoU cannot be measured. Every row becomes an item or stops the reading: a row that was left out
would be missing from the denominator of every score.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from terrabench.items import APART, TASKS, Benchmark, BenchmarkError, Place, reading
from terracot.ground import GroundSampling
from terracot.io import sha256_file
from terracot.plugins import LETTERS
from terracot.samples import content_id

PUBLISHED = "published"
COLUMNS = ("image", "question", "candidates", "answer", "task_type")
BANDS = ("R", "G", "B")

TASK_TYPES: dict[str, str] = {
    **{ours: ours for ours in (*TASKS, *APART)},
    **{published: ours for ours, published in TASKS.items()},
    # The tasks as the paper's table calls them, in the same style.
    "absolute_area": "area",
    "boundary_relationship": "boundary",
    "building_change": "building_change",
}
"""String in ``task_type`` (lower case, underscores for spaces and hyphens) -> our task id."""

_BATCH = 64
_BROKEN_PICTURE = (OSError, ValueError, SyntaxError, LookupError, ArithmeticError, EOFError, struct.error, zlib.error)
"""What Pillow raises on damaged files, beside its own error for pictures too large to be honest."""


class PublishedBenchmark(Benchmark):
    """The published table behind the reader of benchmarks: accuracy can be scored, IoU cannot."""

    columns: ClassVar[list[str] | None] = ["image"]

    @classmethod
    def of(cls, path: Path, files: Sequence[Path]) -> PublishedBenchmark:
        """Read the files of a table, pictures by their heads only; ``BenchmarkError`` names row and column."""
        items: list[dict[str, Any]] = []
        places: dict[str, Place] = {}
        repeats: Counter[str] = Counter()
        for file in files:
            for where, place, row in _rows(file):
                item, size = _item(row, where)
                places.setdefault(item["scene_id"], place._replace(height=size[0], width=size[1]))
                repeats[item["id"]] += 1
                if repeats[item["id"]] > 1:  # the same question twice: both count, and each needs an id of its own
                    item["id"] += f"-{repeats[item['id']]}"
                items.append(item)
        if not items:
            raise BenchmarkError(f"{path} has no rows; expected the published table, one row per item")
        hashes = [sha256_file(file) for file in files]
        sha256 = hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        tasks = dict(sorted(Counter(item["task"] for item in items).items()))
        manifest = {
            "kind": PUBLISHED,
            "name": path.name,
            "protocol": PUBLISHED,
            "counts": {"scenes": len(places), "items": len(items), "tasks": tasks},
        }
        return cls(path, manifest, sha256, items, places)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield ``(item id, encoded picture)`` in stored order, a scene at a time."""
        for item in self.items:
            yield item["id"], self.scene(item["scene_id"])["frames"][0]["image"]["bytes"]

    def _scene_of(self, scene_id: str, row: dict[str, Any]) -> dict[str, Any]:
        place = self._places[scene_id]
        data = _picture(row["image"], f"{place.file}, the picture of group {scene_id}")
        try:
            with Image.open(io.BytesIO(data)) as image:
                pixels = np.asarray(image.convert("RGB"))
        except (*_BROKEN_PICTURE, Image.DecompressionBombError) as error:
            items = [item["id"] for item in self.items if item["scene_id"] == scene_id]
            raise BenchmarkError(
                f"{place.file}, row group {place.group}, row {place.row} of it, column image: the picture of item "
                f"{items[0]} cannot be decoded ({error}). Fetch the table again"
            ) from error
        frame = {
            "id": "1",
            "t": 1,
            "modality": "optical",
            "bands": list(BANDS),
            "unit": "digital number",
            "time": None,
            "image": {"bytes": data, "path": None},
            "pixels": np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes(),
            "pixels_path": None,
            "dtype": "uint8",
            "hidden": None,
            "sha256": scene_id,
        }
        return {
            "scene_id": scene_id,
            "source": PUBLISHED,
            "split": "test",
            "group": scene_id,
            "license": "not stated",
            "non_commercial": True,
            "attribution": "",
            "height": place.height,
            "width": place.width,
            "crs": None,
            "transform": None,
            "ground": GroundSampling.unknown("the published table states no pixel size").to_dict(),
            "valid": [],
            "frames": [frame],
            "content_sha256": scene_id,
            "provenance": "{}",
        }


def task_of(task_type: str) -> str:
    """Our task of a published string; ``published/NAME`` for one that nobody knows."""
    plain = "_".join(task_type.lower().replace("-", " ").replace("_", " ").split())
    return TASK_TYPES.get(plain, f"{PUBLISHED}/{plain}")


def _rows(file: Path) -> Iterator[tuple[str, Place, dict[str, Any]]]:
    """Every row with its name for errors and its place, a few in memory at a time."""
    number = 0
    with reading(file):
        parquet = pq.ParquetFile(file)
        missing = [name for name in COLUMNS if name not in parquet.schema_arrow.names]
        if missing:
            raise BenchmarkError(
                f"{file} lacks the columns {', '.join(missing)}; expected the published table with {', '.join(COLUMNS)}"
                f", found {', '.join(parquet.schema_arrow.names)}"
            )
        for group in range(parquet.num_row_groups):
            within = 0
            for batch in parquet.iter_batches(_BATCH, row_groups=[group], columns=list(COLUMNS)):
                for row in batch.to_pylist():
                    yield f"{file}, row {number} (from 0)", Place(file, group, within, 0, 0, []), row
                    number, within = number + 1, within + 1


def _item(row: Mapping[str, Any], where: str) -> tuple[dict[str, Any], tuple[int, int]]:
    """A row as an item (``ITEM_SCHEMA`` without ``image``) and the ``(H, W)`` of its picture."""
    data = _picture(row["image"], where)
    size = _size(data, where)
    question, task_type = (_text(row[name], f"{where}, column {name}") for name in ("question", "task_type"))
    options = _options(row["candidates"], f"{where}, column candidates")
    letters = LETTERS[: len(options)]
    answer = row["answer"]
    if not isinstance(answer, str) or len(answer) != 1 or answer not in letters:
        raise BenchmarkError(
            f"{where}, column answer: expected one of the letters of its candidates, {', '.join(letters)}; found "
            f"{_shown(answer)}. Mend the row; leaving it out would change every score"
        )
    group = hashlib.sha256(data).hexdigest()[:16]
    told = {"picture": group, "question": question, "options": options, "answer": answer, "task_type": task_type}
    task = task_of(task_type)
    return {
        "id": content_id(told),
        "scene_id": group,
        "source": PUBLISHED,
        "split": "test",
        "group": group,
        "license": "not stated",
        "non_commercial": True,
        "pixels_sha256": [],
        "kind": task,
        "question": question,
        "values": [],
        "masks": [],
        "truth": {"value": None, "unit": "", "text": options[letters.index(answer)]},
        "parameters": "{}",
        "ground_basis": "unknown",
        "template": PUBLISHED,
        "seed": 0,
        "generator": PUBLISHED,
        "candidates": json.dumps(dict(zip(letters, options, strict=True)), ensure_ascii=False),
        "answer": answer,
        "task_type": task_type,
        "task": task,
        "options": options,
        "option_values": [None] * len(options),
        "stratum": task,
        "difficulty": None,
        "margin": None,
        "protocol": PUBLISHED,
        "rewriter": None,
        "template_id": None,
    }, size


def _picture(value: Any, where: str) -> bytes:
    data = value.get("bytes") if isinstance(value, Mapping) else value
    if not isinstance(data, bytes) or not data:
        found = f"only the path {_shown(value.get('path'))}" if isinstance(value, Mapping) else _shown(value)
        raise BenchmarkError(
            f"{where}, column image: expected the bytes of a picture, or a struct with `bytes`; found {found}. Fetch "
            "the table with its pictures embedded"
        )
    return data


def _size(data: bytes, where: str) -> tuple[int, int]:
    """``(H, W)`` of a picture, from its head; PNG files are held against their checksums as well."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            image.verify()
    except (*_BROKEN_PICTURE, Image.DecompressionBombError) as error:
        raise BenchmarkError(
            f"{where}, column image: cannot be read as a picture ({error}); expected PNG or JPEG. Fetch the table again"
        ) from error
    return height, width


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BenchmarkError(f"{where}: expected a text, found {_shown(value)}. Mend the row")
    _check_spelling(value, where)
    return value.strip()


def _check_spelling(text: str, where: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BenchmarkError(f"{where}: holds half a surrogate pair, which is no text: {_shown(text)}. Mend the row")


def _options(value: Any, where: str) -> list[str]:
    """Option texts in the order of their letters, out of a struct, a map, or a JSON object."""
    expected = "expected texts by letter, A, B, ... without a gap, as a struct or a JSON object"
    given = value
    if isinstance(value, str):
        try:
            given = json.loads(value, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise BenchmarkError(f"{where}: {expected}; found {_shown(value)} ({error}). Mend the row") from error
    elif isinstance(value, list) and all(isinstance(pair, tuple) and isinstance(pair[0], str) for pair in value):
        given = dict(value)  # an Arrow map
    problem = f"{where}: {expected}; found {_shown(value)}. Mend the row"
    if not isinstance(given, Mapping):
        raise BenchmarkError(problem)
    by_letter = {letter: text for letter, text in given.items() if text is not None}  # structs fill up with nulls
    if not 2 <= len(by_letter) <= len(LETTERS) or set(by_letter) != set(LETTERS[: len(by_letter)]):
        raise BenchmarkError(problem)
    options = [_option(by_letter[letter]) for letter in sorted(by_letter)]
    if not all(options):
        raise BenchmarkError(problem)
    for option in options:
        _check_spelling(option, where)
    return options


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _option(value: Any) -> str:
    """The text of an option; numbers as they are written, empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return str(value) if math.isfinite(value) else ""
    return value.strip() if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
