"""ESA WorldCover tiles, Dynamic World exports and images above them, written as they lie on disk; all synthetic.

A tile has its true size (36000 x 36000 pixels, 3 x 3 degrees) and name; only the blocks that hold something are
written, so it costs little.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio import Affine
from rasterio.windows import Window

SIZE, PER_DEGREE = 36_000, 12_000
Codes = npt.NDArray[np.uint8]
Paint = Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], Any]
"""Longitudes and latitudes of pixel centres, in degrees, to codes."""


def tile_path(folder: Path, tile: str, version: str = "2021_v200", layer: str = "Map") -> Path:
    return folder / f"ESA_WorldCover_10m_{version}_{tile}_{layer}.tif"


def corner(tile: str) -> tuple[int, int]:
    """Longitude and latitude of the lower left corner of N39E012 and the like."""
    lat, lon = int(tile[1:3]), int(tile[4:7])
    return (-lon if tile[3] == "W" else lon), (-lat if tile[0] == "S" else lat)


def write_tile(
    folder: Path, tile: str, around: tuple[float, float], paint: Paint, half: int = 512, version: str = "2021_v200"
) -> Path:
    """A whole WorldCover tile in which only ``half`` pixels each way of the point ``around`` (lon, lat) are filled.

    Pixel (row, col) of a tile with its lower left corner at (west, south) is centred at
    lon = west + (col + 0.5) / 12000, lat = south + 3 - (row + 0.5) / 12000.
    """
    west, south = corner(tile)
    path = tile_path(folder, tile, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    col, row = int((around[0] - west) * PER_DEGREE), int((south + 3 - around[1]) * PER_DEGREE)
    c0, c1 = max(0, col - half), min(SIZE, col + half)
    r0, r1 = max(0, row - half), min(SIZE, row + half)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=SIZE,
        height=SIZE,
        count=1,
        dtype="uint8",
        nodata=0,
        crs="EPSG:4326",
        transform=Affine(1 / PER_DEGREE, 0, west, 0, -1 / PER_DEGREE, south + 3),
        tiled=True,
        blockxsize=1024,
        blockysize=1024,
        compress="deflate",
        SPARSE_OK="TRUE",
    ) as out:
        if c1 > c0 and r1 > r0:
            lon = west + (np.arange(c0, c1) + 0.5) / PER_DEGREE
            lat = south + 3 - (np.arange(r0, r1) + 0.5) / PER_DEGREE
            codes = np.broadcast_to(np.asarray(paint(*np.meshgrid(lon, lat)), np.uint8), (r1 - r0, c1 - c0))
            out.write(codes, 1, window=Window(c0, r0, c1 - c0, r1 - r0))
    return path


def write_raster(path: Path, bands: Any, crs: str | None, transform: Any, **profile: Any) -> Path:
    """A GeoTIFF of ``(H, W)`` or ``(C, H, W)`` values; ``descriptions`` names its bands."""
    array = np.asarray(bands)
    array = array[None] if array.ndim == 2 else array
    path.parent.mkdir(parents=True, exist_ok=True)
    names = profile.pop("descriptions", ())
    mask = profile.pop("mask", None)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=array.shape[2],
        height=array.shape[1],
        count=array.shape[0],
        dtype=array.dtype,
        crs=crs,
        transform=Affine(*transform) if transform else None,
        **profile,
    ) as out:
        out.write(array)
        if names:
            out.descriptions = names
        if mask is not None:
            out.write_mask(mask)
    return path
