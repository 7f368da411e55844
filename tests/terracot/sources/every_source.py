"""Every published set as a small download on disk, so that the whole way can be walked for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bigearthnet_on_disk
import bright_on_disk
import chatearthnet_on_disk
import dfc2020_on_disk
import disasterm3_on_disk
import landsat30_on_disk
import numpy as np
import refer_on_disk
import rsvqa_on_disk
import worldcover_on_disk
import xbd_on_disk

PLACES = 16


@dataclass(frozen=True)
class Download:
    """A folder to point a command at, the options that the source needs, and what can come of it."""

    path: Path
    options: tuple[str, ...] = ()
    samples: bool = True
    items: bool = True
    paths: tuple[str, ...] = field(default=())

    @property
    def flags(self) -> list[str]:
        """Options of generate, build and check."""
        return [part for option in self.options for part in ("-o", option)]

    @property
    def path_flags(self) -> list[str]:
        """Options of verify: those that say where something lies."""
        return [part for o in self.options if o.partition("=")[0] in self.paths for part in ("-o", o)]


def _xbd(folder: Path) -> Download:
    xbd_on_disk.write_many(folder, PLACES)
    return Download(folder)


def _chatearthnet(folder: Path) -> Download:
    root, satlas = chatearthnet_on_disk.write_download(folder, PLACES)
    return Download(root, (f"satlas={satlas}",), paths=("satlas",))


def _worldcover(folder: Path) -> Download:
    images, labels = worldcover_on_disk.write_places(folder, 18)
    options = (f"labels={labels}", "unit=reflectance", "scale=0.0001", "offset=-0.1")
    return Download(images, options, paths=("labels",))


def _dynamicworld(folder: Path) -> Download:
    classes = {10: 1, 20: 5, 30: 2, 40: 4, 50: 6, 60: 7, 80: 0}
    codes = np.zeros(256, np.uint8)
    for worldcover, dynamic in classes.items():
        codes[worldcover] = dynamic
    for number in range(18):
        point = worldcover_on_disk.place(number)
        grid = worldcover_on_disk.utm_grid(32633, *point)
        worldcover_on_disk.write_sentinel_2(folder / "images" / f"S2_{number:02d}.tif", grid)
        lon, lat = _centres(grid, 256)
        label = codes[worldcover_on_disk.countryside(lon, lat)]
        label[:2] = 255
        worldcover_on_disk.write_raster(folder / "labels" / f"S2_{number:02d}.tif", label, *grid, nodata=255)
    options = (f"labels={folder / 'labels'}", "unit=reflectance", "scale=0.0001", "offset=-0.1")
    return Download(folder / "images", options, paths=("labels",))


def _centres(grid: tuple[str, tuple[float, ...]], size: int) -> tuple[np.ndarray, np.ndarray]:
    import pyproj

    crs, (a, _, c, _, e, f) = grid
    cols, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    lon, lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(c + a * cols, f + e * rows)
    return lon, lat


def _refer(folder: Path) -> Download:
    return Download(refer_on_disk.rrsisd(folder / "RRSIS-D", *refer_on_disk.places(PLACES)), items=False)


def _rsvqa(folder: Path) -> Download:
    rows = [row for image in range(PLACES) for row in rsvqa_on_disk.asked(image, "test")]
    return Download(rsvqa_on_disk.published(folder, rows, size=64))


def _landsat30(folder: Path) -> Download:
    rows = [row for number in range(PLACES) for row in landsat30_on_disk.asked(number)]
    return Download(landsat30_on_disk.write(folder, rows), samples=False)


def _disasterm3(folder: Path) -> Download:
    records = [record for number in range(PLACES) for record in disasterm3_on_disk.asked(number)]
    return Download(disasterm3_on_disk.write(folder, records), samples=False)


DOWNLOADS: dict[str, Callable[[Path], Download]] = {
    "bigearthnet": lambda folder: Download(bigearthnet_on_disk.many(folder, 24)),
    "xbd": _xbd,
    "chatearthnet": _chatearthnet,
    "bright": lambda folder: Download(bright_on_disk.write_events(folder, PLACES)),
    "worldcover": _worldcover,
    "dynamicworld": _dynamicworld,
    "refer": _refer,
    "dfc2020": lambda folder: Download(dfc2020_on_disk.write_places(folder, PLACES)),
    "rsvqa-lr": _rsvqa,
    "landsat30-au": _landsat30,
    "disasterm3": _disasterm3,
}
"""Source name -> what writes a download of it into a folder. All pixels are synthetic."""
