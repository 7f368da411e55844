"""Images of any size with a CRS, cut into patches on their own grid and read patch by patch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from terracot.ground import IDENTITY
from terracot.scenes import SceneError, SourceError
from terracot.sources.label_rasters import SUFFIXES
from terracot.sources.published import LeftOut
from terracot.sources.rasters import Header, _opened, read_header

PATCH_NAME = re.compile(r"r(\d{5,})_c(\d{5,})")


@dataclass(frozen=True)
class Image:
    """An image that was opened but not read. ``name`` is its path in the source without the ending, ``where`` with it.

    ``numbers`` are its bands but for an alpha band; ``stated`` is the scale and offset in the file, if other than 1, 0.
    """

    name: str
    where: str
    header: Header
    numbers: tuple[int, ...]
    descriptions: tuple[str, ...]
    stated: tuple[float, float] | None


def read_image(path: Path, where: str) -> Image:
    """Header of an image; ``SceneError`` ``unreadable``, or ``missing_georeference`` when it lies nowhere on Earth."""
    image = open_image(path, where)
    if not image.header.placed:
        raise SceneError(
            "missing_georeference",
            f"{where}: has {'no CRS' if image.header.crs is None else 'no transform'}, so no label can be laid under "
            "it; expected a GeoTIFF with a CRS and an affine transform (ground control points alone: warp it first)",
        )
    return image


def open_image(path: Path, where: str) -> Image:
    """Header of an image, wherever it lies; ``SceneError`` ``unreadable``."""
    header = read_header(path, where)
    with _opened(path, where) as data:
        numbers = tuple(i for i, c in zip(data.indexes, data.colorinterp, strict=True) if c != ColorInterp.alpha)
        stated = {(float(s), float(o)) for s, o in zip(data.scales, data.offsets, strict=True)}
        return Image(
            name=where.removesuffix(path.suffix),
            where=where,
            header=header,
            numbers=numbers,
            descriptions=tuple(data.descriptions[i - 1] or "" for i in numbers),
            stated=stated.pop() if len(stated) == 1 and stated != {(1.0, 0.0)} else None,
        )


def find_images(folder: Path, labels: Path) -> tuple[Path, ...]:
    """The images in a folder and its subfolders, in order, but for the labels, which may lie in a folder among them."""
    below = labels.resolve()
    if labels.is_dir() and folder.resolve().is_relative_to(below):
        raise SourceError(
            f"the folder of images {folder} lies in the folder of labels {labels}; give each its own folder, or "
            "labels= the file of one label raster"
        )
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return tuple(p for p in found if not p.resolve().is_relative_to(below))


def open_images(
    files: Mapping[str, Path], check: Callable[[Image], object]
) -> tuple[Mapping[str, Image], tuple[LeftOut, ...]]:
    """Images by name, and those that cannot be read or fail ``check``; its ``SourceError`` when all that can be do."""
    images: dict[str, Image] = {}
    left: list[LeftOut] = []
    unsuited: list[SourceError] = []
    for where, path in files.items():
        try:
            image = read_image(path, where)
            check(image)
        except SceneError as error:
            left.append(LeftOut(where, error.reason, str(error)))
        except SourceError as error:
            unsuited.append(error)
            left.append(LeftOut(where, "image_options", str(error)))
        else:
            if image.name in images:
                left.append(LeftOut(where, "ambiguous_files", f"{images[image.name].where} has the same name"))
            images.setdefault(image.name, image)
    if unsuited and not images:
        raise unsuited[0]
    return images, tuple(left)


def patches(shape: tuple[int, int], patch: int) -> Iterator[tuple[str, bool]]:
    """Names of the patches of an image, row by row, and whether each is complete."""
    height, width = shape
    for row in range(0, height, patch):
        for col in range(0, width, patch):
            yield f"r{row:05d}_c{col:05d}", row + patch <= height and col + patch <= width


def patch_transform(image: Image, row: int, col: int) -> tuple[float, ...]:
    """Transform of a patch with its upper left pixel at ``row`` and ``col`` of the image."""
    a, b, c, d, e, f = image.header.transform or IDENTITY
    return a, b, a * col + b * row + c, d, e, d * col + e * row + f


def read_patch(image: Image, scale: float, offset: float, row: int, col: int, patch: int) -> npt.NDArray[Any]:
    """``read_window`` of a square patch with its upper left pixel at ``row`` and ``col``."""
    return read_window(image, scale, offset, row, col, (patch, patch))


def read_window(
    image: Image, scale: float, offset: float, row: int, col: int, shape: tuple[int, int]
) -> npt.NDArray[Any]:
    """``(C, H, W)`` stored values times ``scale`` plus ``offset``, NaN where the file has no data.

    A nodata tag of 0, or of bytes (255 is white), also stands in bands that saw something: there only all bands count.
    ``SceneError`` ``placeholder`` for a window without data, or of one value all over.
    """
    window = Window(col, row, shape[1], shape[0])
    with _opened(image.header.path, image.where) as data:
        raw: npt.NDArray[Any] = data.read(list(image.numbers), window=window)
        empty = data.dataset_mask(window=window) == 0  # nodata in all bands, mask or alpha
        missing = raw == (data.nodata if data.nodata and raw.dtype != np.uint8 else np.nan)
    if raw.dtype.kind == "f":
        empty = empty | ~np.isfinite(raw).any(axis=0)
    kept = raw[:, ~empty]
    if not kept.size or np.all(kept == kept[:, :1]):
        found = "has no data" if not kept.size else "has one value all over"
        raise SceneError("placeholder", f"{image.where}: the patch at row {row}, column {col} {found}")
    if scale == 1 and offset == 0 and not (empty.any() or missing.any()):
        return raw
    # float64 first: raw values and scale are exact there, and one rounding to float32 is left.
    values = (raw.astype(np.float64) * scale + offset).astype(np.float32)
    values[missing | empty] = np.nan
    return values
