"""ESA WorldCover tiles, Dynamic World exports and images above them, written as they lie on disk; all synthetic.

A tile has its true size (36000 x 36000 pixels, 3 x 3 degrees) and name; only the blocks that hold something are
written, so it costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
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


Point = tuple[float, float]
"""Longitude and latitude in degrees."""


def write_tile(
    folder: Path, tile: str, around: Point | Sequence[Point], paint: Paint, half: int = 512, version: str = "2021_v200"
) -> Path:
    """A whole WorldCover tile in which only ``half`` pixels each way of one or more points are filled.

    Pixel (row, col) of a tile with its lower left corner at (west, south) is centred at
    lon = west + (col + 0.5) / 12000, lat = south + 3 - (row + 0.5) / 12000.
    """
    west, south = corner(tile)
    path = tile_path(folder, tile, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    points = [around] if isinstance(around[0], float) else around
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
        for at_lon, at_lat in points:  # type: ignore[misc]
            col, row = int((at_lon - west) * PER_DEGREE), int((south + 3 - at_lat) * PER_DEGREE)
            c0, c1 = max(0, col - half), min(SIZE, col + half)
            r0, r1 = max(0, row - half), min(SIZE, row + half)
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


S2_BANDS = ("B02", "B03", "B04", "B08")
S2_OPTIONS = (("unit", "reflectance"), ("scale", "0.0001"), ("offset", "-0.1"))


def utm_grid(epsg: int, lon: float, lat: float, size: float = 10.0, pixels: int = 256) -> tuple[str, tuple[float, ...]]:
    """CRS and transform of a square north-up grid centred on a point, a little off the round metres."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", epsg, always_xy=True).transform(lon, lat)
    half = size * pixels / 2
    return f"EPSG:{epsg}", (size, 0.0, round(x) - half + 0.37, 0.0, -size, round(y) + half + 0.11)


def sentinel_2(pixels: int | tuple[int, int] = 256, seed: int = 0) -> npt.NDArray[np.uint16]:
    """Synthetic stored values of four bands: around 0.1 in reflectance, with the offset of baseline 04.00."""
    shape = (pixels, pixels) if isinstance(pixels, int) else pixels
    return np.random.default_rng(seed).integers(1500, 2500, (4, *shape)).astype(np.uint16)


def write_sentinel_2(path: Path, grid: tuple[str, Any], pixels: int | tuple[int, int] = 256, **profile: Any) -> Path:
    profile = {"descriptions": S2_BANDS, "nodata": 0, "tiled": True, "compress": "deflate"} | profile
    return write_raster(path, profile.pop("bands", sentinel_2(pixels)), *grid, **profile)


def place(index: int) -> Point:
    """Place 0, 1 ... of eighteen, one in each cell of one degree of the tiles N39E012 and N39E015 (UTM zone 33)."""
    return 12.3 + index % 6, 39.3 + index // 6


def countryside(lon: Any, lat: Any) -> Any:
    """WorldCover codes with two villages, a lake and a wood on fields, of sizes and places that differ by cell."""
    index = (np.floor(lon) - 12 + 6 * (np.floor(lat) - 39)).astype(int)
    u, v = (lon - np.floor(lon) - 0.3) * 85_000, (lat - np.floor(lat) - 0.3) * 111_000  # metres from the place, about
    out = np.full(lon.shape, 40, np.uint8)
    out[v > 500 + 25 * index] = 10
    out[np.hypot(u + 600 - 40 * index, v + 500) < 220 + 12 * index] = 80
    out[(np.abs(u - 700) < 150 + 9 * index) & (np.abs(v + 20 * index) < 200)] = 50
    out[(np.abs(u + 800) < 150) & (np.abs(v - 250) < 100 + 5 * index)] = 50
    if (index % 2).any():
        out[(np.abs(u - 300) < 250) & (np.abs(v + 900) < 220)] = 30
    return out


def write_places(folder: Path, count: int, pixels: int = 256, size: float = 10.0) -> tuple[Path, Path]:
    """``count`` places of one patch each: the folder of images and that of WorldCover tiles."""
    places = [place(i) for i in range(count)]
    for tile in ("N39E012", "N39E015"):
        inside = [p for p in places if corner(tile)[0] <= p[0] < corner(tile)[0] + 3]
        if inside:
            write_tile(folder / "labels", tile, inside, countryside, half=300)
    for i, point in enumerate(places):
        write_sentinel_2(
            folder / "images" / f"S2_{i:02d}.tif", utm_grid(32633, *point, size=size, pixels=pixels), pixels
        )
    return folder / "images", folder / "labels"
