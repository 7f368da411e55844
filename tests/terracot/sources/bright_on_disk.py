"""Writes BRIGHT as it lies on disk, with synthetic pixels; tiles may be smaller than the published 1024 x 1024."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tiny_rasters

STEP = 4.572e-6  # degrees
BATA = (STEP, 0.0, 9.7962, 0.0, -STEP, 1.8465)
FOLDERS = {"pre_disaster": "pre-event", "post_disaster": "post-event", "building_damage": "target"}


def degrees(lat: float, lon: float = 30.0) -> tuple[float, ...]:
    """Transform of a tile whose upper left corner lies there."""
    return (STEP, 0.0, lon, 0.0, -STEP, lat)


def write(path: Path, data: Any, crs: str | None = "EPSG:4326", transform: Any = BATA) -> Path:
    tiny_rasters.write(path, data, crs, transform, compress="lzw")
    return path


def path_of(root: Path, tile: str, kind: str) -> Path:
    return root / FOLDERS[kind] / f"{tile}_{kind}.tif"


def write_tile(
    root: Path,
    tile: str,
    codes: Any,
    crs: str | None = "EPSG:4326",
    transform: Any = BATA,
    leave_out: tuple[str, ...] = (),
    bands: int = 3,
) -> None:
    """One tile: optical of ``bands`` bands, one band of SAR, one of damage codes, all uint8."""
    codes = np.asarray(codes, np.uint8)
    rows, cols = np.indices(codes.shape)
    optical = np.stack([(rows + 40 * band + 60 * (codes > 0)) % 256 for band in range(bands)]).astype(np.uint8)
    sar = ((cols * 3 + 50 * codes) % 256).astype(np.uint8)
    for kind, data in (("pre_disaster", optical), ("post_disaster", sar), ("building_damage", codes)):
        (root / FOLDERS[kind]).mkdir(parents=True, exist_ok=True)
        if kind not in leave_out:
            write(path_of(root, tile, kind), data, crs, transform)


def blocks(size: int = 64) -> np.ndarray:
    """Ground with an intact block of 20 x 30 pixels, a damaged one of 10 x 20 and a destroyed one of 8 x 16."""
    codes = np.zeros((size, size), np.uint8)
    codes[2:22, 2:32] = 1
    codes[40:50, 2:22] = 2
    codes[40:48, 40:56] = 3
    return codes


def write_download(root: Path) -> Path:
    """A pair at Bata and, as in the download, a tile of Ukraine without its optical image."""
    write_tile(root, "bata-explosion_00000000", blocks())
    utm = (0.35, 0.0, 401000.0, 0.0, -0.35, 5200000.0)
    write_tile(root, "ukraine-conflict_00000003", blocks(), "EPSG:32637", utm, leave_out=("pre_disaster",))
    return root


def write_events(root: Path, count: int, size: int = 96) -> Path:
    """``count`` events of one tile each, all of Bata's pixel size, with other amounts of everything in each."""
    for n in range(count):
        codes = np.zeros((size, size), np.uint8)
        codes[2 : 20 + 2 * n, 2:40] = 1
        width = 12 + (7 * n) % 26
        codes[2 : 2 + width, 60:90] = 3 if n % 2 else 2
        codes[50 : 60 + n, 60:90] = 2 if n % 2 else 3
        if n % 3 == 0:  # then intact and destroyed touch
            codes[2:12, 40:60] = 1
        write_tile(root, f"event{chr(97 + n)}-flood_{n:08d}", codes)
    return root


def write_lists(folder: Path, **tiles: list[str]) -> Path:
    """Split lists: ``train_set=[...]`` becomes train_set.txt, one name a line."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, names in tiles.items():
        (folder / f"{name}.txt").write_text("".join(f"{n}\n" for n in names))
    return folder
