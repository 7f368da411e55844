"""Pixels of BigEarthNet v2.0: reflectance of twelve bands at three resolutions, Sentinel-1 in dB."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.scenes import IGNORE, ClassMap, Legend, SceneError
from terracot.sources.rasters import finer, read_bands, read_labels

SIDE = 120
"""Pixels along a side of a patch, at 10 m."""

Files = tuple[tuple[Path, str], ...]
"""One file per band: where it is, and its name in errors."""


def read_reflectance(files: Files) -> npt.NDArray[np.float32]:
    """``(12, 120, 120)``; NaN only where all bands are 0, for the nodata tag 0 hides real zeros of single bands.

    ``SceneError`` ``placeholder`` where that is everywhere.
    """
    raw = [_read_band(*file) for file in files]
    empty = _empty(raw)
    if empty.all():
        raise SceneError("placeholder", f"{files[0][1]} and the other bands are 0 all over: there is nothing to see")
    values = np.stack([_finer(band, empty) for band in raw]) / 10_000
    values[:, empty] = np.nan
    return values.astype(np.float32)


def read_seen_classes(map_file: Path, where: str, legend: Legend, bands: Files) -> ClassMap:
    """``(120, 120)`` class ids of a reference map, none where the bands are empty: nobody can see what is there."""
    classes = read_labels(map_file, where, legend, None)
    classes[_empty(_read_band(*file) for file in bands)] = IGNORE
    return classes


def _read_band(path: Path, where: str) -> npt.NDArray[Any]:
    band: npt.NDArray[Any] = read_bands(path, where, count=1)[0]
    return band


def _empty(bands: Iterable[npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """``(120, 120)``: where all bands are 0. Reads no further than the first band that tells."""
    empty = np.ones((SIDE, SIDE), dtype=bool)
    for band in bands:
        k = SIDE // len(band)
        empty &= (band == 0).repeat(k, axis=0).repeat(k, axis=1)
        if not empty.any():
            break
    return empty


def _finer(band: npt.NDArray[Any], empty: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """A band on the 10 m grid, bilinear between pixel centres; empty pixels do not colour their neighbours."""
    n, k, grid = len(band), SIDE // len(band), (SIDE, SIDE)
    values = band.astype(np.float64)
    if k == 1:
        return values
    known = ~np.asarray(empty.reshape(n, k, n, k).all(axis=(1, 3)))
    if known.all():
        return finer(values, grid)
    return finer(np.where(known, values, 0.0), grid) / np.maximum(finer(known, grid), 1e-9)


def read_decibels(files: Files) -> npt.NDArray[np.float32]:
    """``(2, 120, 120)`` of VV and VH; NaN where a value is not finite, or both are 0, as beside the radar's swath.

    ``SceneError`` ``placeholder`` where that is everywhere.
    """
    values = np.stack([_read_band(*file) for file in files]).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    values[:, np.all(values == 0, axis=0)] = np.nan
    if np.isnan(values).all():
        found = "have no data; the option sar=no reads patches without Sentinel-1"
        raise SceneError("placeholder", f"{' and '.join(where for _, where in files)} {found}")
    return values
