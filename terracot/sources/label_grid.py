"""One georeferenced label raster below the grid of an image, and the names of ESA WorldCover tiles.

Centres of pixels go through the projection itself and not through a warper's approximation of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio import Affine

from terracot.ground import GroundError, GroundSampling
from terracot.scenes import SceneError
from terracot.sources.rasters import Header

EARTH = "EPSG:4326"
TILE = re.compile(r"ESA_WorldCover_10m_(?P<version>\d{4}_v\d{3})_(?P<tile>[NS]\d{2}[EW]\d{3})_(?P<layer>[A-Za-z0-9]+)")
TILE_DEG = 3
TIE = 6  # decimals of a pixel: centres on the edge between two label pixels go right and down on every machine

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
BoolGrid = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LabelRaster:
    """One label raster, opened but not read: its name below the folder of labels, its header, its release if named."""

    name: str
    header: Header
    version: str | None = None

    def pixels_at(self, crs: str, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Columns and rows (fractions, from the upper left corner) of points given in ``crs``; maybe outside."""
        back = ~Affine(*self.header.transform)
        x, y = transformer(crs, str(self.header.crs)).transform(x, y)
        if (turn := full_turn(str(self.header.crs))) is not None:
            # The same meridian has many longitudes: take the one at or right of the raster's left edge.
            left = min(self._corners()[0]) - 10**-TIE * abs(self.header.transform[0])
            x = left + np.mod(x - left, turn)
        a, b, c, d, e, f = tuple(back)[:6]
        with np.errstate(invalid="ignore"):
            return a * x + b * y + c, d * x + e * y + f

    def below(self, crs: str, x: Floats, y: Floats) -> tuple[Indices, Indices, BoolGrid]:
        """Column and row of the label pixel below each point given in ``crs``; which points lie on the raster."""
        cols, rows = self.pixels_at(crs, x, y)
        known = np.isfinite(cols) & np.isfinite(rows)
        column, row = (np.floor(np.round(np.where(known, v, -1.0), TIE)).astype(np.int64) for v in (cols, rows))
        height, width = self.header.shape
        return column, row, known & (column >= 0) & (column < width) & (row >= 0) & (row < height)

    def ground_at(self, crs: str, x: float, y: float) -> GroundSampling:
        """Ground sampling of the label pixel at a point given in ``crs``; ``SceneError`` for a bad georeference."""
        cols, rows = self.pixels_at(crs, np.array([x]), np.array([y]))
        a, b, _, d, e, _ = self.header.transform
        left, top = self._point(math.floor(cols[0]), math.floor(rows[0]))
        try:
            return GroundSampling.from_georeference(self.header.crs, (a, b, left, d, e, top), (1, 1))
        except GroundError as error:
            raise SceneError("georeference", f"{self.name}: {error}") from error

    def within(self, tile: str) -> bool:
        """True when the raster lies in the WorldCover tile of that name, to a pixel."""
        west, south = _lower_left(tile)
        x, y = self._corners()
        slack = 2 * abs(self.header.transform[0])
        return (
            west - slack <= min(x)
            and max(x) <= west + TILE_DEG + slack
            and south - slack <= min(y)
            and max(y) <= south + TILE_DEG + slack
        )

    def _corners(self) -> tuple[list[float], list[float]]:
        """Coordinates x and y of the four corners, in the raster's CRS."""
        height, width = self.header.shape
        points = [self._point(col, row) for row in (0, height) for col in (0, width)]
        return [x for x, _ in points], [y for _, y in points]

    def _point(self, col: float, row: float) -> tuple[float, float]:
        a, b, c, d, e, f = self.header.transform
        return a * col + b * row + c, d * col + e * row + f


def tile_name(lat: float, lon: float, step: int = TILE_DEG) -> str:
    """Name of a cell of whole degrees by its lower left corner: N39E012. Longitudes of any turn are taken."""
    south, west = math.floor(lat / step) * step, math.floor(((lon + 180) % 360 - 180) / step) * step
    return f"{'NS'[south < 0]}{abs(south):02d}{'EW'[west < 0]}{abs(west):03d}"


def tiles_of(lon: Floats, lat: Floats, slack: float) -> set[str]:
    """Names of the tiles that points lie in; with ``slack`` (degrees) also of those just beside them."""
    known = np.isfinite(lon) & np.isfinite(lat)
    names: set[str] = set()
    for dx in {-slack, slack}:
        for dy in {-slack, slack}:
            rows, cols = (np.floor(v / TILE_DEG).astype(np.int64) for v in (lat[known] + dy, lon[known] + dx))
            cells = set(np.unique(rows * 1000 + cols + 500).tolist())  # one number per cell: far faster than rows
            names |= {tile_name(n // 1000 * TILE_DEG, (n % 1000 - 500) * TILE_DEG) for n in cells}
    return names


def _lower_left(tile: str) -> tuple[int, int]:
    """Longitude and latitude of the lower left corner that a tile is named after."""
    south, west = int(tile[1:3]), int(tile[4:7])
    return (-west if tile[3] == "W" else west), (-south if tile[0] == "S" else south)


def is_map(path: Path) -> bool:
    """False for the companion layers of WorldCover tiles (InputQuality, composites), which hold no classes."""
    match = TILE.match(path.name)
    return match["layer"] == "Map" if match else "_InputQuality" not in path.stem


def centres(transform: Sequence[float], rows: npt.NDArray[Any], cols: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Coordinates of the centres of the pixels of some rows and columns of a grid."""
    a, b, c, d, e, f = (float(v) for v in tuple(transform)[:6])
    col, row = np.meshgrid(cols + 0.5, rows + 0.5)
    return a * col + b * row + c, d * col + e * row + f


@lru_cache(maxsize=256)
def transformer(crs: str, to: str) -> Any:
    """The way from one CRS to another, x (longitude) first; ``SceneError`` when there is none."""
    import pyproj

    try:
        return pyproj.Transformer.from_crs(crs, to, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise SceneError("georeference", f"no way is known from CRS {crs[:80]!r} to {to[:80]!r} ({error})") from error


@lru_cache(maxsize=256)
def full_turn(crs: str) -> float | None:
    """A whole turn in the units of a geographic CRS (360 for degrees); None for any other CRS."""
    import pyproj

    parsed = pyproj.CRS.from_user_input(crs)
    return float(round(math.tau / parsed.axis_info[0].unit_conversion_factor, 9)) if parsed.is_geographic else None
