"""Reading rasters of a layout: headers, bands in their unit, class ids, cloud masks, building numbers.

Every error of GDAL, also one raised while reading, becomes a ``SceneError`` with reason ``unreadable``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.env import hasenv
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from scipy import ndimage

from terracot.ground import IDENTITY, crs_label
from terracot.scenes import BoolMask, ClassMap, Legend, SceneError
from terracot.sources.layout import FrameSpec, HiddenSpec


@dataclass(frozen=True)
class Header:
    """What a raster says about itself, read without its pixels."""

    path: Path
    shape: tuple[int, int]
    count: int
    dtype: str
    crs: str | None
    transform: tuple[float, ...]

    @property
    def placed(self) -> bool:
        """True when the raster has a CRS and a transform that is not the identity."""
        return self.crs is not None and not self.identity

    @property
    def identity(self) -> bool:
        """True when the transform is none, whichever way up."""
        return tuple(abs(v) for v in self.transform) == IDENTITY


_KEPT: dict[Path, Any] = {}
_MOST_KEPT = 16
"""Files whose header was read stay open for the next reader, as opening takes as long as reading; so many at most."""


def _enter_gdal() -> None:
    """Have an environment of GDAL in this thread: once, as entering it for each file takes a tenth of opening it."""
    if not hasenv():
        rasterio.Env.from_defaults().__enter__()


@contextmanager
def _opened(path: Path, where: str, keep: bool = False) -> Iterator[Any]:
    """A rasterio data set; every error of GDAL, also one raised while reading, becomes ``SceneError`` "unreadable".

    One that was kept is used once more and then closed; with ``keep`` the file is opened in any case, and kept.
    """
    try:
        with warnings.catch_warnings():
            _enter_gdal()
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            data = _KEPT.pop(path, None)
            if data is None or keep:
                data = rasterio.open(path)
                if data.driver == "PNG" and not _has_end(path):
                    raise OSError("the end of the PNG is missing")
            if not keep:
                with data:
                    yield data
                return
            yield data
            if len(_KEPT) == _MOST_KEPT:
                _KEPT.pop(next(iter(_KEPT))).close()
            _KEPT[path] = data
    except (RasterioError, OSError, UnicodeDecodeError) as error:  # the last: a damaged name in the CRS
        found = str(error).replace(str(path), where)  # the quarantine file must not depend on where the data lie
        raise SceneError(
            "unreadable", f"{where}: cannot be read as a raster ({found}); fetch the file again, it may be truncated"
        ) from error


def _has_end(path: Path) -> bool:
    """True when a PNG has its last chunk. GDAL reads what there is of a cut one and makes up the rest, unasked."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1024))
        return b"IEND\xaeB`\x82" in file.read()


def read_header(path: Path, where: str) -> Header:
    """CRS, transform, shape and number of bands of a raster; ``SceneError`` when it cannot be opened."""
    with _opened(path, where, keep=True) as data:
        crs = (data.crs.to_string() or data.crs.to_wkt()) if data.crs else None
        return Header(path, data.shape, data.count, data.dtypes[0], crs, tuple(float(v) for v in data.transform[:6]))


def read_bands(
    path: Path, where: str, shape: tuple[int, int] | None = None, count: int | None = None
) -> npt.NDArray[Any]:
    """All bands ``(C, H, W)`` of a raster or picture in its own dtype.

    ``shape`` brings coarser bands to ``(H, W)`` by bilinear interpolation as float32 (for images, never for labels);
    ``count`` is the number of bands expected. ``where`` names the file in errors, relative to the source.
    """
    with _opened(path, where) as data:
        if count is not None and data.count != count:
            raise SceneError("band_count", f"{where}: expected {count} bands, found {data.count}")
        if shape is None or data.shape == shape:
            bands: npt.NDArray[Any] = data.read()
            return bands
        return np.stack([finer(band, shape) for band in data.read()]).astype(np.float32)


def finer(band: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """A coarser band on a finer grid of the same extent, bilinear between pixel centres.

    Not by GDAL, which takes a nodata tag of 0 for no value and would leave real zeros out.
    """
    factors = (shape[0] / band.shape[0], shape[1] / band.shape[1])
    resampled: npt.NDArray[np.float64] = ndimage.zoom(
        band.astype(np.float64), factors, order=1, mode="nearest", grid_mode=True
    )
    return resampled


def read_image(path: Path, where: str, count: int | None = None) -> npt.NDArray[Any]:
    """``read_bands`` of an image; ``SceneError`` "placeholder" where no band shows more than one value."""
    bands = read_bands(path, where, count=count)
    if np.all((bands == bands[:, :1, :1]) | ~np.isfinite(bands)):
        raise SceneError("placeholder", f"{where}: one value all over, there is nothing to see; fetch the file again")
    return bands


def read_frame(files: tuple[tuple[Path, str], ...], shape: tuple[int, int], spec: FrameSpec) -> npt.NDArray[Any]:
    """``(C, H, W)`` bands of a frame in its unit (NaN where empty), coarser files brought to ``shape``."""
    parts = [read_bands(path, where, shape) for path, where in files]
    raw = np.concatenate(parts) if len(parts) > 1 else parts[0]
    if spec.scale == 1 and spec.offset == 0 and spec.nodata is None:
        return raw
    # float64 first: raw values and scale are exact there, and one rounding to float32 is left.
    exact = raw.astype(np.float64)
    exact *= spec.scale
    exact += spec.offset
    values = exact.astype(np.float32)
    if spec.nodata is not None:
        # Zero is a legitimate value in single bands: a pixel is empty only where all of them say so.
        values[:, np.all(raw == spec.nodata, axis=0)] = np.nan
    return values


def _read_band(path: Path, where: str) -> npt.NDArray[Any]:
    with _opened(path, where) as data:
        band: npt.NDArray[Any] = data.read(1)
        return band


def read_labels(path: Path, where: str, legend: Legend, derive: str | None) -> ClassMap:
    """``(H, W) uint8`` class ids of a label raster."""
    raw = _read_band(path, where)
    return legend.encode((raw != 0).astype(np.uint8) if derive == "nonzero" else raw, where)


def read_hidden(path: Path, where: str, rule: HiddenSpec) -> BoolMask:
    """``(H, W)`` booleans of a cloud mask by equal values or set bits."""
    raw = _read_band(path, where)
    if rule.equals:
        return np.asarray(np.isin(raw, rule.equals), dtype=bool)
    if raw.dtype.kind not in "iu":
        raise SceneError("hidden_dtype", f"{where}: bits need whole numbers, the raster has {raw.dtype}")
    return np.asarray((raw.astype(np.int64) & sum(1 << b for b in rule.bits)) != 0)


def read_instances(path: Path, where: str) -> npt.NDArray[np.int32]:
    """``(H, W) int32`` building numbers."""
    raw = _read_band(path, where)
    if raw.dtype.kind not in "iu" or raw.min() < 0 or raw.max() > np.iinfo(np.int32).max:
        raise SceneError("instance_number", f"{where}: building numbers must be whole and 0 or more, found {raw.dtype}")
    return raw.astype(np.int32)


def misplaced(header: Header, grid: Header, grid_name: str, max_shift_px: float) -> str | None:
    """How a raster lies elsewhere than ``grid``, whatever its pixel size, or None: another CRS, or corners that are
    more than ``max_shift_px`` pixels of the grid away."""
    if not same_crs(header.crs, grid.crs):
        return f"is in {crs_label(str(header.crs))}, {grid_name} in {crs_label(str(grid.crs))}"
    shift = shift_px(header, grid) if all(map(math.isfinite, header.transform)) else math.inf
    if not shift <= max_shift_px:
        return f"has corners that lie {shift:.2f} pixels from those of {grid_name} (at most {max_shift_px})"
    return None


def same_crs(a: str | None, b: str | None) -> bool:
    """True when two CRS texts mean the same system."""
    import pyproj

    try:
        return a == b or bool(pyproj.CRS.from_user_input(a) == pyproj.CRS.from_user_input(b))
    except pyproj.exceptions.CRSError:
        return False


def shift_px(header: Header, grid: Header) -> float:
    """Largest distance between the same corners of two rasters, in pixels of ``grid``, along either axis."""
    back = tuple(~rasterio.Affine(*grid.transform))[:6]
    worst = 0.0
    for v, u in ((0, 0), (0, 1), (1, 0), (1, 1)):
        x, y = _applied(header.transform, u * header.shape[1], v * header.shape[0])
        col, row = _applied(back, x, y)
        worst = max(worst, abs(col - u * grid.shape[1]), abs(row - v * grid.shape[0]))
    return worst


def _applied(transform: tuple[float, ...], x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = transform
    return a * x + b * y + c, d * x + e * y + f
