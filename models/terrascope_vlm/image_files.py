"""One image file as a frame of a prompt: a GeoTIFF with its bands and unit, or a PNG or JPEG picture.

What a file is, its first bytes say, not its name: nothing else than these formats is opened, so that no file can make
GDAL read another. What the values of a GeoTIFF mean is never guessed: its bands and unit are read by the rules of the
sources of the user's own images (``terracot.sources.image_options``). A SAR image in floating point is in decibels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as Pictures

from terracot.memo import fixed
from terracot.plugins import PromptFrame
from terracot.render import compose
from terracot.scenes import BoolMask, Modality, SceneError, SourceError
from terracot.sources.image_options import LARGEST, ImageOptions
from terracot.sources.imagery import Image, open_image, read_window

OPTIONS = ("bands", "unit", "scale", "offset")
"""Names of the options of a GeoTIFF."""

MAX_PICTURE = 100_000_000
"""Pixels of a PNG or JPEG, which has to be read whole, whatever part of it is asked for."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PICTURES = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}

Window = tuple[int, int, int, int]
"""Row, column, height, width."""


@dataclass(frozen=True)
class ImageFile:
    """A file of date ``t``. ``name`` is what messages call it; ``options`` say how a GeoTIFF is read (``OPTIONS``)."""

    path: Path
    name: str
    t: int = 1
    sar: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    time: str | None = None


@dataclass(frozen=True, eq=False)
class OpenedImage:
    """A file that was read: ``seen`` ``(H, W)`` are its pixels with data, ``image`` the header of a GeoTIFF."""

    frame: PromptFrame
    seen: BoolMask
    image: Image | None
    name: str

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)``."""
        return self.seen.shape[0], self.seen.shape[1]


def open_file(file: ImageFile, window: Window | None = None) -> OpenedImage:
    """Read a file, or a window of it; ``SceneError`` or ``SourceError`` says what to do."""
    try:
        with file.path.open("rb") as opened:
            start = opened.read(8)
    except OSError as error:
        raise SourceError(f"{file.name} cannot be read: {error.strerror}; check the path") from error
    if start.startswith(_TIFF):
        return _geotiff(file, window)
    kind = next((kind for mark, kind in _PICTURES.items() if start.startswith(mark)), None)
    if kind is None:
        raise SourceError(f"{file.name} is no image that can be read; expected a GeoTIFF, PNG or JPEG")
    return _picture(file, window, kind)


def _geotiff(file: ImageFile, window: Window | None) -> OpenedImage:
    image = open_image(file.path, file.name)
    row, col, *shape = _window(window, image.header.shape, file.name)
    try:
        reading = _options(file, image).reading(image)
    except SourceError as error:
        raise SourceError(f"{error}{_for_sar(file)}") from error
    values = read_window(image, reading.scale, reading.offset, row, col, (shape[0], shape[1]))
    try:
        reading.check(values, file.name)
    except SceneError as error:
        raise SceneError(error.reason, f"{error}{_for_sar(file)}") from error
    modality = Modality.SAR if file.sar else reading.modality
    frame = PromptFrame(
        id=Path(file.name).name,
        t=file.t,
        modality=modality,
        bands=reading.bands,
        unit=reading.unit,
        image=compose(values, reading.bands, reading.display, file.name),
        native=_holding(values),
        time=file.time,
    )
    return OpenedImage(frame, np.isfinite(values).any(axis=0), image, file.name)


def _for_sar(file: ImageFile) -> str:
    return ". Options of the SAR image are given with --sar-option instead of -o" if file.sar else ""


def _options(file: ImageFile, image: Image) -> ImageOptions:
    given = {name: file.options.get(name) for name in OPTIONS}
    if unknown := sorted(set(file.options) - set(OPTIONS)):
        raise SourceError(f"unknown option {unknown[0]!r} of an image; expected one of {', '.join(OPTIONS)}")
    options = ImageOptions.parse(LARGEST, given["bands"], given["unit"], given["scale"], given["offset"])
    dtype = image.header.dtype
    if file.sar and options.unit is None and np.dtype(dtype).kind == "f":
        options = replace(options, unit="dB")
    if options.bands is None and dtype == "uint8" and image.descriptions == ("",):
        options = replace(options, bands=("grey",))
    return options


def _picture(file: ImageFile, window: Window | None, kind: str) -> OpenedImage:
    if file.options:
        raise SourceError(
            f"{file.name} is a {kind}: bands and units are of GeoTIFF; leave {', '.join(file.options)} out"
        )
    try:
        with Pictures.open(file.path, formats=[kind]) as picture:
            size = (picture.height, picture.width)
            row, col, height, width = _window(window, size, file.name)
            if size[0] * size[1] > MAX_PICTURE:
                raise SceneError(
                    "too_large", f"{file.name}: {size[0]} x {size[1]} pixels; at most {MAX_PICTURE:,} of a {kind}"
                )
            if picture.mode[0] in "IF" or any(";16" in str(tile[3]) for tile in picture.tile):
                raise SceneError("depth", f"{file.name} has more than 8 bits a colour; expected 8, or a GeoTIFF")
            pixels = np.asarray(picture.convert("RGBA"))[row : row + height, col : col + width].copy()
    except SceneError:
        raise
    except (OSError, SyntaxError, ValueError, Pictures.DecompressionBombError) as error:
        raise SceneError("unreadable", f"{file.name} cannot be read as a {kind} ({error}); it may be cut") from error
    seen = pixels[..., 3] > 0
    pixels[~seen] = 0
    colours = np.ascontiguousarray(pixels[..., :3])
    modality = Modality.SAR if file.sar else Modality.OPTICAL
    frame = PromptFrame(
        id=Path(file.name).name,
        t=file.t,
        modality=modality,
        bands=("R", "G", "B"),
        unit="digital number",
        image=colours,
        native=_holding(np.moveaxis(colours, -1, 0).copy()),
        time=file.time,
    )
    return OpenedImage(frame, seen, None, file.name)


def _window(window: Window | None, shape: tuple[int, int], name: str) -> Window:
    row, col, height, width = window or (0, 0, *shape)
    inside = row >= 0 and col >= 0 and height > 0 and width > 0 and row + height <= shape[0] and col + width <= shape[1]
    if not inside:
        raise SceneError(
            "window",
            f"{name} has {shape[0]} x {shape[1]} pixels; the window of {height} x {width} at row {row}, column {col} "
            "does not lie in it",
        )
    if max(height, width) > LARGEST:
        raise SceneError(
            "too_large",
            f"{name}: {height} x {width} pixels are too many, at most {LARGEST} a side are read at once; choose a part "
            "with --window ROW COLUMN HEIGHT WIDTH",
        )
    return row, col, height, width


def _holding(values: npt.NDArray[Any]) -> Any:
    kept = fixed(values)
    return lambda: kept
