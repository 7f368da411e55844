"""LabelRasters: class codes of georeferenced label rasters on the grid of an image, by nearest neighbour.

A pixel of the grid gets the code of the label pixel in whose area its centre lies; only the window that the centres
fall into is read. File names of ESA WorldCover are understood: its companion layers are no labels, only tiles that can
cover a grid are opened, and releases are never mixed, since they differ by their algorithm as much as by the land.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from terracot.scenes import SceneError, SourceError
from terracot.sources.label_grid import (
    EARTH,
    TILE,
    Floats,
    LabelRaster,
    centres,
    full_turn,
    is_map,
    tiles_of,
    transformer,
)
from terracot.sources.rasters import _opened, read_header

SUFFIXES = (".tif", ".tiff")
MAX_WINDOW_PX = 2**26
BESIDE_DEG = 1e-6  # so near to a tile, it is opened as well: rounding alone may put a centre on the other side

Codes = npt.NDArray[np.uint8]


class LabelRasters:
    """A label raster, or all those in a folder and its subfolders. ``fill`` is the code where none of them has one.

    ``where`` begins every error ("option labels"). ``SourceError`` when nothing is found or releases are mixed.
    """

    def __init__(self, path: str | Path, where: str, fill: int = 0) -> None:
        self.where, self.fill = where, fill
        given = Path(path)
        if not given.exists():
            raise SourceError(
                f"{where}: expected a label raster or a folder of them, found nothing at {path}; give the path of a "
                "GeoTIFF such as ESA_WorldCover_10m_2021_v200_N39E012_Map.tif, or of the folder that holds it"
            )
        self.root = given if given.is_dir() else given.parent
        found = [given] if given.is_file() else sorted(p for p in given.rglob("*") if p.suffix.lower() in SUFFIXES)
        self.paths = tuple(p for p in found if is_map(p) and p.is_file())
        if not self.paths:
            companions = f", {len(found)} companion layers (InputQuality and others)" if found else ""
            raise SourceError(
                f"{where}: expected label rasters (.tif) in {path}, found none{companions}; WorldCover labels end in "
                "_Map.tif"
            )
        self.versions = tuple(sorted({m["version"] for p in self.paths if (m := TILE.match(p.name))}))
        if len(self.versions) > 1:
            raise SourceError(
                f"{where}: {path} holds the WorldCover releases {' and '.join(self.versions)}; they were made by "
                "different algorithms, so a map of both shows changes that never happened. Give a folder of one release"
            )
        self._opened: dict[Path, LabelRaster | SceneError] = {}

    def codes(self, crs: str, transform: Sequence[float], shape: tuple[int, int]) -> Codes:
        """``(H, W) uint8`` raw codes on a grid, ``fill`` where no raster has one.

        ``SceneError``: ``missing_label`` when no raster covers any of it, ``ambiguous_labels`` when two disagree,
        ``unreadable``, ``missing_georeference`` or ``bad_label`` for a raster that would be needed.
        """
        x, y = centres(transform, np.arange(shape[0]), np.arange(shape[1]))
        out = np.full(x.shape, self.fill, np.uint8)
        covered = np.zeros(x.shape, bool)
        sources: list[str] = []
        rasters, problem = self._candidates(crs, x, y)
        for raster in rasters:
            cols, rows, inside = raster.below(crs, x, y)
            if not inside.any():
                continue
            covered |= inside
            values = np.full(x.shape, self.fill, np.uint8)
            values[inside] = self._read(raster, rows[inside], cols[inside])
            if np.any((values != self.fill) & (out != self.fill) & (values != out)):
                raise SceneError(
                    "ambiguous_labels",
                    f"{self.where}: {raster.name} says something else than {' and '.join(sources)} about the same "
                    "pixels; keep one raster (one date) of each place in the folder",
                )
            out = np.where(values != self.fill, values, out)
            sources.append(raster.name)
        if problem is not None and not covered.all():
            raise problem
        if not covered.any():
            raise self._missing(crs, x, y)
        return out

    def covering(self, crs: str, transform: Sequence[float], shape: tuple[int, int]) -> tuple[LabelRaster, ...]:
        """The rasters that a grid lies on, in the order of their names; errors as of ``codes``, no pixel is read."""
        rows, cols = (np.unique(np.linspace(0, size - 1, 33).round()) for size in shape)
        x, y = centres(transform, rows, cols)
        rasters, problem = self._candidates(crs, x, y)
        hits = [(raster, raster.below(crs, x, y)[2]) for raster in rasters]
        used = tuple(raster for raster, inside in hits if inside.any())
        if problem is not None and not np.any([inside for _, inside in hits], axis=0).all():
            raise problem
        if not used:
            raise self._missing(crs, x, y)
        return used

    def only(self, paths: Sequence[Path]) -> LabelRasters:
        """The same, of some of the rasters alone."""
        fewer = copy(self)
        fewer.paths = tuple(paths)
        return fewer

    def read_window(self, data: Any, window: Window, name: str) -> Codes:
        """Codes of a window of an opened raster, ``fill`` where it has none; ``bad_label`` for no label raster."""
        if data.count != 1 or data.dtypes[0] != "uint8":
            raise SceneError(
                "bad_label",
                f"{self.where}: {name} has {data.count} bands of {data.dtypes[0]}, expected one of uint8 with class "
                "codes; a coloured picture of a map is no label raster",
            )
        valid = data.read_masks(1, window=window) > 0
        return np.where(valid, data.read(1, window=window), self.fill).astype(np.uint8)

    def _read(self, raster: LabelRaster, rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64]) -> Codes:
        top, left = int(rows.min()), int(cols.min())
        height, width = int(rows.max()) - top + 1, int(cols.max()) - left + 1
        if height * width > MAX_WINDOW_PX:
            raise SceneError(
                "labels_too_fine",
                f"{self.where}: {height} x {width} pixels of {raster.name} lie below one image, expected at most "
                f"{MAX_WINDOW_PX}; its pixels are far coarser than the labels, or a mosaic of the whole Earth is "
                "crossed at 180 degrees: give tiles instead",
            )
        with _opened(raster.header.path, raster.name) as data:
            codes = self.read_window(data, Window(left, top, width, height), raster.name)
        return codes[rows - top, cols - left]

    def _candidates(self, crs: str, x: Floats, y: Floats) -> tuple[list[LabelRaster], SceneError | None]:
        """Rasters that may cover the points, and what is wrong with the first of those that cannot be opened."""
        near = self._tiles(crs, x, y, BESIDE_DEG)
        wanted = [p for p in self.paths if (m := TILE.match(p.name)) is None or m["tile"] in near]
        opened = [self._open(path) for path in wanted]
        problems = [r for r in opened if isinstance(r, SceneError)]
        return [r for r in opened if isinstance(r, LabelRaster)], problems[0] if problems else None

    def _open(self, path: Path) -> LabelRaster | SceneError:
        if path not in self._opened:
            try:
                self._opened[path] = self._checked(path)
            except SceneError as error:
                self._opened[path] = error
        return self._opened[path]

    def _checked(self, path: Path) -> LabelRaster:
        name, match = path.relative_to(self.root).as_posix(), TILE.match(path.name)
        header = read_header(path, name)
        if not header.placed:
            raise SceneError(
                "missing_georeference",
                f"{self.where}: {name} has no CRS or no transform; nobody knows "
                "where its labels lie, so it can cover nothing. Export it again as a GeoTIFF",
            )
        raster = LabelRaster(name, header, match["version"] if match else None)
        if match and full_turn(str(header.crs)) == 360 and not raster.within(match["tile"]):
            raise SceneError(
                "mismatched_georeference",
                f"{self.where}: {name} does not lie in the tile that it is "
                f"named after, {match['tile']}; fetch it again",
            )
        return raster

    def _tiles(self, crs: str, x: Floats, y: Floats, slack: float = 0.0) -> set[str]:
        lon, lat = transformer(crs, EARTH).transform(x, y)
        return tiles_of(lon, lat, slack)

    def _missing(self, crs: str, x: Floats, y: Floats) -> SceneError:
        lon, lat = transformer(crs, EARTH).transform(x.mean(), y.mean())
        tiles = ", ".join(sorted(self._tiles(crs, x, y))) or "none: the grid is off the map"
        return SceneError(
            "missing_label",
            f"{self.where}: none of the {len(self.paths)} label rasters covers the image around latitude {lat:.4f}, "
            f"longitude {lon:.4f}; add one that does (WorldCover tile: {tiles})",
        )
