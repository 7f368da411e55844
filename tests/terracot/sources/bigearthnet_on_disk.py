"""A small BigEarthNet v2.0 on disk in its published layout, all pixels synthetic; and how tests read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio

from terracot.scenes import SceneError
from terracot.sources.bigearthnet import BigEarthNetSource
from terracot.survey import read_all

SIDES = {"B02": 120, "B03": 120, "B04": 120, "B08": 120, "B05": 60, "B06": 60, "B07": 60, "B8A": 60, "B11": 60}
SIDES |= {"B12": 60, "B01": 20, "B09": 20}
DN = dict(zip(SIDES, (438, 614, 588, 2193, 942, 1769, 2049, 2235, 1568, 997, 360, 2241), strict=True))
DECIBELS = {"VV": -12.64, "VH": -19.35}
TILES = {"33UUP": ("EPSG:32633", 300_000, 5_400_000), "35VNJ": ("EPSG:32635", 499_980, 6_900_000)}
CLEAN = "metadata.parquet"
FLAGGED = "metadata_for_patches_with_snow_cloud_or_shadow.parquet"
COLUMNS = pa.schema(
    [
        ("patch_id", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("split", pa.string()),
        ("country", pa.string()),
        ("s1_name", pa.string()),
        ("s2v1_name", pa.string()),
        ("contains_seasonal_snow", pa.bool_()),
        ("contains_cloud_or_shadow", pa.bool_()),
    ]
)


def stripes(*widths: tuple[int, int]) -> npt.NDArray[np.uint16]:
    """A map of upright stripes: (CORINE code, width in pixels), together 120 wide."""
    codes = np.concatenate([np.full(width, code, np.uint16) for code, width in widths])
    return np.tile(codes, (120, 1))


HALF = stripes((211, 60), (311, 30), (122, 15), (999, 15))


@dataclass(frozen=True)
class Patch:
    """One patch: where, when, what is on its map, and what its row says."""

    column: int = 26
    line: int = 57
    tile: str = "33UUP"
    time: str = "20170613T101031"
    s1_time: str = "20170612T165809"
    map: npt.NDArray[Any] = field(default_factory=lambda: HALF)
    bands: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    decibels: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    labels: tuple[str, ...] = ("Arable land", "Broad-leaved forest")
    split: str = "train"
    country: str = "Austria"
    snow: bool = False
    cloud: bool = False

    @property
    def tile_id(self) -> str:
        return f"S2A_MSIL2A_{self.time}_N9999_R022_T{self.tile}"

    @property
    def id(self) -> str:
        return f"{self.tile_id}_{self.column:02d}_{self.line:02d}"

    @property
    def s1_scene(self) -> str:
        return f"S1B_IW_GRDH_1SDV_{self.s1_time}"

    @property
    def s1_name(self) -> str:
        return f"{self.s1_scene}_{self.tile}_{self.column}_{self.line}"  # not padded

    @property
    def s2v1_name(self) -> str:
        date, clock = self.time.split("T")
        clock = clock[1:] if clock.startswith("0") else clock  # the first version lost a leading zero
        return f"S2A_MSIL2A_{date}T{clock}_{self.column}_{self.line}"

    @property
    def folder(self) -> str:
        return f"BigEarthNet-S2/{self.tile_id}/{self.id}"

    def band_file(self, band: str) -> str:
        return f"{self.folder}/{self.id}_{band}.tif"

    @property
    def s1_folder(self) -> str:
        return f"BigEarthNet-S1/{self.s1_scene}/{self.s1_name}"

    def s1_file(self, polarisation: str) -> str:
        return f"{self.s1_folder}/{self.s1_name}_{polarisation}.tif"

    @property
    def map_file(self) -> str:
        return f"Reference_Maps/{self.tile_id}/{self.id}/{self.id}_reference_map.tif"

    @property
    def row(self) -> dict[str, Any]:
        return {
            "patch_id": self.id,
            "labels": list(self.labels),
            "split": self.split,
            "country": self.country,
            "s1_name": self.s1_name,
            "s2v1_name": self.s2v1_name,
            "contains_seasonal_snow": self.snow,
            "contains_cloud_or_shadow": self.cloud,
        }


TWO_OF_ONE_TILE = (Patch(), Patch(5, 7, map=stripes((231, 40), (512, 80)), split="validation"))
OTHER_TILE = Patch(0, 3, "35VNJ", "20171101T094131", "20171101T154016", country="Finland", split="test")
SNOWY = replace(OTHER_TILE, column=13, line=13, snow=True)


def place(patch: Patch, side: int) -> dict[str, Any]:
    """CRS and transform of a file: the patch begins (1200 x, -1200 y) metres from the corner of its tile."""
    crs, x, y = TILES[patch.tile]
    left, top, step = x + 1200 * patch.column, y - 1200 * patch.line, 1200 / side
    return {"crs": crs, "transform": rasterio.Affine(step, 0, left, 0, -step, top)}


def write_tif(path: Path, data: npt.NDArray[Any], **profile: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = data.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=1, dtype=data.dtype, **profile
    ) as out:
        out.write(data, 1)


def write_patch(root: Path, patch: Patch, s1: bool = True) -> None:
    """The fifteen files of a patch."""
    for band, side in SIDES.items():
        data = patch.bands.get(band, np.full((side, side), DN[band], np.uint16))
        write_tif(root / patch.band_file(band), data, nodata=0, **place(patch, len(data)))
    for name, level in DECIBELS.items() if s1 else ():
        data = patch.decibels.get(name, np.full((120, 120), level, np.float32))
        write_tif(root / patch.s1_file(name), data, **place(patch, 120))
    write_tif(root / patch.map_file, patch.map, nodata=0, compress="deflate", **place(patch, 120))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema = COLUMNS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


def download(root: Path, *patches: Patch, s1: bool = True) -> Path:
    """Patches and both metadata files; those with snow or cloud are in the second."""
    for patch in patches:
        write_patch(root, patch, s1)
    write_rows(root / CLEAN, [p.row for p in patches if not (p.snow or p.cloud)])
    write_rows(root / FLAGGED, [p.row for p in patches if p.snow or p.cloud])
    return root


def many(root: Path, count: int) -> Path:
    """Places for benchmarks: three stripes of ever other widths, each class in turn in the middle; some have four."""
    patches = []
    for i in range(count):
        left, middle = 24 + 7 * i % 17, 22 + 11 * i % 37
        widths = [left, middle, 120 - left - middle]
        codes = [(211, 311, 512), (311, 512, 211), (512, 211, 311)][i % 3]
        extra = ((112, 22),) if i % 4 == 0 and widths[2] >= 44 else ()
        widths[2] -= 22 * len(extra)
        patches.append(Patch(i, 2 * i, map=stripes(*zip(codes, widths, strict=True), *extra)))
    return download(root, *patches)


def refusal(root: Path, patch: Patch | None = None, **options: str) -> SceneError:
    with pytest.raises(SceneError) as caught:
        read_all(BigEarthNetSource(root, **options).load((patch or Patch()).id))
    assert str(root) not in str(caught.value)
    return caught.value
