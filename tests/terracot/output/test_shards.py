"""Files of bounded bytes, row groups that a reader of single rows can afford, and the same bytes every time."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terracot.dataset import scenes_per_shard
from terracot.ground import GroundSampling
from terracot.io import OutputError
from terracot.render import default_display
from terracot.scenes import Frame, Modality, Scene, SceneError
from terracot.shards import read_rows, read_shard, row_groups, write_shard

MIB = 1 << 20
SCHEMA = pa.schema([("scene_id", pa.string()), ("pixels", pa.binary())])


def rows_of(count: int, size: int) -> list[dict[str, Any]]:
    """Rows with ``size`` bytes of pixels that cannot be compressed."""
    rng = np.random.default_rng(7)
    return [{"scene_id": f"s{n}", "pixels": rng.bytes(size)} for n in range(count)]


def groups_on_disk(path: Path) -> list[int]:
    data = pq.ParquetFile(path).metadata
    return [data.row_group(n).num_rows for n in range(data.num_row_groups)]


def test_small_rows_share_groups_of_32(tmp_path: Path):
    write_shard(tmp_path / "a.parquet", rows_of(70, 100), SCHEMA)
    assert groups_on_disk(tmp_path / "a.parquet") == [32, 32, 6]


def test_large_rows_make_smaller_groups_so_that_one_row_costs_no_gigabyte(tmp_path: Path):
    write_shard(tmp_path / "a.parquet", rows_of(7, 6 * MIB), SCHEMA)  # two of 6 MiB fit 16 MiB, three do not
    assert groups_on_disk(tmp_path / "a.parquet") == [2, 2, 2, 1]


def test_a_row_beyond_the_bound_stands_alone_and_nothing_is_lost():
    rows = [{"pixels": b"x" * size} for size in (1, 20 * MIB, 1, 1)]
    assert [[len(row["pixels"]) for row in group] for group in row_groups(rows)] == [[1], [20 * MIB], [1, 1]]


def test_an_empty_shard_can_be_read(tmp_path: Path):
    assert write_shard(tmp_path / "a.parquet", [], SCHEMA)["rows"] == 0
    assert read_shard(tmp_path / "a.parquet", SCHEMA) == []


def test_equal_rows_give_equal_bytes_and_their_hash(tmp_path: Path):
    rows = rows_of(40, MIB)
    records = [write_shard(tmp_path / name, rows, SCHEMA) for name in ("a.parquet", "b.parquet")]
    data = [(tmp_path / name).read_bytes() for name in ("a.parquet", "b.parquet")]
    assert data[0] == data[1]
    assert records == [{"rows": 40, "sha256": hashlib.sha256(data[0]).hexdigest()}] * 2
    assert read_shard(tmp_path / "a.parquet", SCHEMA) == rows


def test_keys_have_statistics_and_pixels_no_dictionary(tmp_path: Path):
    write_shard(tmp_path / "a.parquet", rows_of(3, 100), SCHEMA)
    group = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0)
    key, pixels = group.column(0), group.column(1)
    assert (key.statistics.min, key.statistics.max) == ("s0", "s2")
    assert pixels.statistics is None
    assert not pixels.has_dictionary_page


def test_pictures_are_not_compressed_twice_and_all_else_is(embedded: Path):
    group = pq.ParquetFile(embedded / "data" / "scenes-00000.parquet").metadata.row_group(0)
    codecs = {group.column(n).path_in_schema: group.column(n).compression for n in range(group.num_columns)}
    assert codecs.pop("frames.list.element.image.bytes") == "UNCOMPRESSED"
    assert set(codecs.values()) == {"ZSTD"}


def test_rows_are_read_in_order_over_files(tmp_path: Path):
    rows = rows_of(50, 10)
    for number in range(2):
        write_shard(tmp_path / "data" / f"scenes-{number:05d}.parquet", rows[number * 40 : number * 40 + 40], SCHEMA)
    assert [row["scene_id"] for row in read_rows(tmp_path, "scenes")] == [f"s{n}" for n in range(50)]
    assert list(read_rows(tmp_path, "scenes", ["scene_id"]))[49] == {"scene_id": "s49"}


def test_a_shard_of_other_columns_is_refused(tmp_path: Path):
    write_shard(tmp_path / "a.parquet", rows_of(1, 1), SCHEMA)
    with pytest.raises(OutputError, match="other columns"):
        read_shard(tmp_path / "a.parquet", pa.schema([("scene_id", pa.string())]))


class Sized:
    """Scenes of given sizes: (edge, bands, dates, dtype); None cannot be loaded."""

    name = "sized"

    def __init__(self, *sizes: tuple[int, int, int, str] | None) -> None:
        self.sizes = sizes

    def ids(self) -> Sequence[str]:
        return [str(n) for n in range(len(self.sizes))]

    def fingerprint(self) -> str:
        return "x"

    def load(self, scene_id: str) -> Scene:
        size = self.sizes[int(scene_id)]
        if size is None:
            raise SceneError("unreadable", "no such scene")
        edge, bands, dates, dtype = size
        names = ("B04", "B03", "B02", *(f"X{n}" for n in range(bands - 3)))
        display = default_display(Modality.MULTISPECTRAL, names, "reflectance")

        def read() -> np.ndarray:
            return np.broadcast_to(np.zeros((), dtype), (bands, edge, edge))

        frames = tuple(
            Frame(f"t{t}", t, Modality.MULTISPECTRAL, names, (edge, edge), read, "reflectance", display)
            for t in range(1, dates + 1)
        )
        return Scene(scene_id, "sized", "g", "CC0-1.0", frames, (), GroundSampling.unknown())


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 3, 1, "uint8"), 64),
        ((256, 12, 1, "float32"), 64),  # 12 MiB * 256 / 1024 = 3 MiB a scene: 192 MiB a file
        ((256, 12, 4, "float32"), 21),  # 12 MiB a scene: 252 MiB
        ((512, 12, 1, "float32"), 21),
        ((512, 3, 2, "uint8"), 32),  # by pixels
        ((1024, 3, 2, "uint8"), 8),
        ((1024, 12, 2, "float32"), 2),  # 96 MiB a scene
        ((4096, 12, 1, "float32"), 1),  # 768 MiB a scene: alone
    ],
)
def test_files_stay_below_256_mebibytes_of_pixels(size: tuple[int, int, int, str], expected: int):
    source = Sized(size)
    count = scenes_per_shard(source, source.ids())
    assert count == expected
    edge, bands, dates, dtype = size
    assert count == 1 or count * math.prod((edge, edge, bands, dates, np.dtype(dtype).itemsize)) <= 256 * MIB


def test_the_largest_of_some_scenes_decides_where_they_differ():
    small, large = (256, 3, 1, "uint8"), (512, 12, 1, "float32")
    source = Sized(*[small] * 40, None, *[large] * 39)
    assert scenes_per_shard(source, source.ids()) == 21


def test_a_source_of_which_nothing_can_be_loaded_has_full_shards():
    source = Sized(None, None)
    assert scenes_per_shard(source, source.ids()) == 64


def test_without_pandas_nothing_imports_it_and_whoever_does_later_can_use_it(tmp_path: Path):
    code = f"""
import sys
import pyarrow as pa
from terracot.shards import read_shard, without_pandas, write_shard
schema = pa.schema([("scene_id", pa.string()), ("pixels", pa.binary())])
without_pandas()
write_shard({str(tmp_path / "a.parquet")!r}, [{{"scene_id": "s", "pixels": b"p"}}], schema)
print("pandas" in sys.modules)
import pandas
print(pa.table({{"n": [1, 2]}}).to_pandas()["n"].sum())
print(pa.Table.from_pandas(pandas.DataFrame({{"n": [3]}})).to_pydict())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.split("\n") == ["False", "3", "{'n': [3]}", ""]


def test_without_pandas_leaves_alone_who_has_imported_it():
    code = """
import pandas
import pyarrow as pa
from terracot.shards import without_pandas
without_pandas()
print(pa.array(pandas.Series([1.0, float("nan")])).null_count)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout == "1\n"  # a missing value of a series is none in an array; that of a plain sequence stays
