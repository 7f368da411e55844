"""Land cover of Web-Mercator tiles: SatlasPretrain's own label pictures, or ESA WorldCover warped to the tile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from terracot.ground import GroundSampling
from terracot.scenes import ClassMap, Legend, LegendClass, MapLimits, SceneError, SourceError
from terracot.sources.label_rasters import LabelRasters
from terracot.sources.legends import WORLDCOVER
from terracot.sources.rasters import read_bands
from terracot.sources.webmercator import CRS, PATCH_PX, TILE_PX, Corner, centre_of, transform_of

# Colours are those of the masks that the captions were written from. The captions say developed area, tree, shrub,
# grass, crop, bare land and snow where these names differ.
SATLAS = Legend(
    "satlas_land_cover",
    (
        LegendClass(0, "water", (1,), (0, 0, 255)),
        LegendClass(1, "developed area", (2,), (255, 0, 0)),
        LegendClass(2, "tree cover", (3,), (0, 192, 0)),
        LegendClass(3, "shrubland", (4,), (200, 170, 120)),
        LegendClass(4, "grassland", (5,), (0, 255, 0)),
        LegendClass(5, "cropland", (6,), (255, 255, 0)),
        LegendClass(6, "bare land", (7,), (128, 128, 128)),
        LegendClass(7, "snow and ice", (8,), (255, 255, 255)),
        LegendClass(8, "wetland", (9,), (0, 255, 255)),
        LegendClass(9, "mangroves", (10,), (255, 0, 255)),
        LegendClass(10, "moss and lichen", (11,), (128, 0, 128)),
    ),
    ignore=(0,),
)
"""``land_cover.png`` of SatlasPretrain: ESA WorldCover, numbered anew; 0 is invalid."""

_RELEASE = "2020_v100"
_STEP = 1 / 12000  # degrees between pixels of WorldCover
_TILE = re.compile(r"\d+_\d+")


class TileLabels(Protocol):
    """Land cover of tiles. ``license`` is what binds users of pictures and labels together."""

    key: str
    map_name: str
    legend: Legend
    license: str
    attribution: str

    def where(self, col: int, row: int) -> str:
        """The file of a tile for provenance; ``SceneError`` "missing_label" when there is none."""
        ...

    def codes(self, col: int, row: int, corner: Corner | None = None) -> npt.NDArray[Any]:
        """Raw codes of a tile, ``(512, 512)``, or of one of its quadrants, ``(256, 256)``."""
        ...


@dataclass(frozen=True)
class SatlasLabels:
    """``static/<col>_<row>/land_cover.png``; ``folder`` is the one that holds ``static``, or ``static`` itself."""

    folder: str
    key = "satlas"
    map_name = "the SatlasPretrain land-cover map"
    legend = SATLAS
    license = "CC-BY-4.0 AND ODbL-1.0"
    attribution = "Labels as packed in SatlasPretrain, F. Bastani et al. 2023 (ODbL-1.0, CC-BY-4.0 and ESA terms)"

    @cached_property
    def static(self) -> Path:
        """The folder of tiles; ``SourceError`` when there is none."""
        given = Path(self.folder)
        if (given / "static").is_dir():
            return given / "static"
        if given.is_dir() and any(_TILE.fullmatch(path.name) for path in given.iterdir()):
            return given
        raise SourceError(
            f"chatearthnet: -o satlas={given.name}: expected a folder with static/<col>_<row>/land_cover.png, or that "
            f"folder static, found {_found(given)}; unpack satlas-dataset-v1-labels-static.tar and give its folder"
        )

    def where(self, col: int, row: int) -> str:
        """The label picture of a tile, from ``static`` on."""
        name = f"static/{col}_{row}/land_cover.png"
        if not (self.static / f"{col}_{row}" / "land_cover.png").is_file():
            raise SceneError(
                "missing_label",
                f"{name}: not in the folder given with -o satlas; its archive has it if the tile is in SatlasPretrain, "
                "otherwise give WorldCover tiles (-o worldcover=PATH)",
            )
        return name

    def codes(self, col: int, row: int, corner: Corner | None = None) -> npt.NDArray[Any]:
        """Codes 0 to 11 as they stand in the picture."""
        where = self.where(col, row)
        codes: npt.NDArray[Any] = read_bands(self.static / f"{col}_{row}" / "land_cover.png", where, count=1)[0]
        if codes.shape != (TILE_PX, TILE_PX):
            raise SceneError(
                "label_shape",
                f"{where}: expected {TILE_PX} x {TILE_PX} pixels, found {codes.shape[0]} x "
                f"{codes.shape[1]}; fetch it again",
            )
        if corner is None:
            return codes
        down, across = corner
        return codes[down * PATCH_PX :, across * PATCH_PX :][:PATCH_PX, :PATCH_PX]


class WorldCoverLabels:
    """WorldCover 2020 v100, which the captions were written from, by nearest neighbour on the grid of a tile."""

    key = "worldcover"
    map_name = "the ESA WorldCover map"
    legend = WORLDCOVER
    license = "CC-BY-4.0"
    attribution = ""

    def __init__(self, path: str) -> None:
        self.rasters = LabelRasters(path, "-o worldcover")
        if other := [v for v in self.rasters.versions if v != _RELEASE]:
            raise SourceError(
                f"chatearthnet: -o worldcover: expected release {_RELEASE}, from which the captions were written, "
                f"found {other[0]}; the releases differ by their algorithm. Give tiles of {_RELEASE}"
            )

    def where(self, col: int, row: int) -> str:
        """The rasters that a tile lies on."""
        covering = self.rasters.covering(CRS, transform_of(col, row), (TILE_PX, TILE_PX))
        return ", ".join(raster.name for raster in covering)

    def codes(self, col: int, row: int, corner: Corner | None = None) -> npt.NDArray[Any]:
        """WorldCover codes, 0 where there are none."""
        size = TILE_PX if corner is None else PATCH_PX
        return self.rasters.codes(CRS, transform_of(col, row, corner), (size, size))


def open_labels(satlas: str | None, worldcover: str | None) -> TileLabels:
    """The labels that the options ask for; ``SourceError`` unless it is one of the two."""
    if (satlas is None) == (worldcover is None):
        found = "neither" if satlas is None else "both, which need not agree"
        raise SourceError(
            f"chatearthnet: the download holds no label masks, so they come from one of two other sets; found {found}. "
            "Give either -o satlas=FOLDER (unpacked satlas-dataset-v1-labels-static.tar of SatlasPretrain, with "
            "static/<col>_<row>/land_cover.png) or -o worldcover=PATH (ESA WorldCover 2020 v100 tiles)"
        )
    if worldcover is not None:
        return WorldCoverLabels(worldcover)
    labels = SatlasLabels(str(satlas))
    labels.static  # noqa: B018 - a wrong folder is refused when the source is opened
    return labels


def read_classes(labels: TileLabels, col: int, row: int, corner: Corner, where: str) -> ClassMap:
    """``(256, 256)`` class ids of a quadrant."""
    return labels.legend.encode(labels.codes(col, row, corner), where)


def limits_of(labels: TileLabels, col: int, row: int) -> MapLimits:
    """What the labels cannot say: both are WorldCover, whose pixels here are larger than those of the pictures."""
    lon, lat = centre_of(col, row)
    pixel = GroundSampling.from_georeference("EPSG:4326", (_STEP, 0.0, lon, 0.0, -_STEP, lat), (1, 1))
    return MapLimits(pixel.pixel_area_m2, max(pixel.sampling), labels.map_name)


def _found(folder: Path) -> str:
    if not folder.is_dir():
        return "no folder"
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "") if names else "an empty folder"
