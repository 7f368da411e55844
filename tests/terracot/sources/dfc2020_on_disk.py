"""Writes DFC2020 as it lies on disk, with synthetic pixels: 256 x 256, thirteen and two bands, int32 maps, UTM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tiny_rasters

SIZE = 256
UTM = (10.0, 0.0, 399960.0, 0.0, -10.0, 5300040.0)
BANDS = {"s1": 2, "s2": 13, "lc": 4, "dfc": 1}
TYPES = {"s1": np.float64, "s2": np.uint16, "lc": np.uint16, "dfc": np.int32}


def write(path: Path, data: Any, crs: str | None = "EPSG:32632", transform: Any = UTM) -> Path:
    tiny_rasters.write(path, data, crs, transform, compress="deflate")
    return path


def path_of(root: Path, kind: str, patch: int, season: str = "validation", suffix: str = "", place: str = "0") -> Path:
    folder = f"{kind}_{suffix or season}"
    return root / f"ROIs0000_{season}" / folder / f"ROIs0000_{season}_{kind}_{place}_p{patch}.tif"


def pixels(kind: str, codes: np.ndarray) -> np.ndarray:
    """Bands that follow the codes, so that classes can be seen; ``lc`` says something else than ``dfc``."""
    if kind == "s2":
        return np.stack([500 + 100 * band + 50 * codes for band in range(13)]).astype(np.uint16)
    if kind == "s1":
        return np.stack([-8.0 - codes, -15.0 - codes]).astype(np.float64)
    return np.full((4, *codes.shape), 11, np.uint16) if kind == "lc" else codes.astype(np.int32)


def write_patch(
    root: Path,
    patch: int,
    codes: np.ndarray,
    season: str = "validation",
    suffix: str = "",
    place: str = "0",
    crs: str | None = "EPSG:32632",
    transform: Any = UTM,
    kinds: tuple[str, ...] = ("s1", "s2", "lc", "dfc"),
) -> None:
    """One patch: s1, s2, lc and dfc in their folders."""
    for kind in kinds:
        write(path_of(root, kind, patch, season, suffix, place), pixels(kind, codes), crs, transform)


def quarters() -> np.ndarray:
    """Forest above, water in 40 x 60 pixels of it, cropland below with 40 x 50 of built-up area, 16 unlabelled."""
    codes = np.full((SIZE, SIZE), 1, np.int32)
    codes[128:] = 6
    codes[20:60, 30:90] = 10
    codes[180:220, 100:150] = 7
    codes[:4, :4] = 0
    return codes


def write_download(root: Path) -> Path:
    """Three validation patches and a test patch, the latter in folders named by number."""
    for patch in (10, 2, 0):
        write_patch(root, patch, quarters())
    write_patch(root, 2, quarters(), season="test", suffix="0")
    return root


def write_places(root: Path, count: int) -> Path:
    """``count`` validation patches, each in a UTM zone of its own, with other amounts of everything in each.

    They are a quarter of the published size, so that many can be gone through in a test.
    """
    for n in range(count):
        codes = np.full((SIZE // 2, SIZE // 2), 6, np.int32)
        codes[: 30 + 4 * n] = 1
        codes[2:14, 5 : 45 + 3 * n] = 10
        codes[100:125, 5 : 35 + (19 * n) % 45] = 7
        codes[100:125, 90:120] = 4 if n % 2 else 9
        if n % 3 == 0:  # then built-up area touches what lies right of it
            codes[120:125, 5:90] = 7
        write_patch(root, n, codes, crs=f"EPSG:{32601 + n}")
    return root
