"""Pixels of BigEarthNet v2.0: reflectance of twelve bands at three resolutions, Sentinel-1 in dB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terracot.sources.rasters import read_bands

SIDE = 120
"""Pixels along a side of a patch, at 10 m."""

Files = tuple[tuple[Path, str], ...]
"""One file per band: where it is, and its name in errors."""


def read_reflectance(files: Files) -> npt.NDArray[np.float32]:
    """``(12, 120, 120)``; NaN only where all bands are 0, for the nodata tag 0 hides real zeros of single bands."""
    raw = [read_bands(path, where, count=1)[0] for path, where in files]
    repeated = [band.repeat(SIDE // len(band), axis=0).repeat(SIDE // len(band), axis=1) for band in raw]
    empty = np.all(np.stack(repeated) == 0, axis=0)
    values = np.stack([_finer(band, empty) for band in raw]) / 10_000
    values[:, empty] = np.nan
    return values.astype(np.float32)


def _finer(band: npt.NDArray[Any], empty: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """A band on the 10 m grid, bilinear between pixel centres; empty pixels do not colour their neighbours.

    Not by GDAL, which would leave out every 0 (the nodata tag) and round to whole numbers.
    """
    n, k = len(band), SIDE // len(band)
    values = band.astype(np.float64)
    if k == 1:
        return values
    known = ~np.asarray(empty.reshape(n, k, n, k).all(axis=(1, 3)))
    if known.all():
        return _bilinear(values, k)
    return _bilinear(values * known, k) / np.maximum(_bilinear(known.astype(np.float64), k), 1e-9)


def _bilinear(values: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.float64]:
    finer: npt.NDArray[np.float64] = ndimage.zoom(values, k, order=1, mode="nearest", grid_mode=True)
    return finer


def read_decibels(files: Files) -> npt.NDArray[np.float32]:
    """``(2, 120, 120)`` of VV and VH; what is not finite is NaN."""
    values = np.concatenate([read_bands(path, where, count=1) for path, where in files]).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return values
