"""PNG pictures of ChatEarthNet: 256 x 256 pixels of 8 bits, stand-ins told from pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.scenes import SceneError
from terracot.sources.rasters import read_bands
from terracot.sources.webmercator import PATCH_PX

SHAPE = (PATCH_PX, PATCH_PX)
PLACEHOLDERS = ("13c0915d", "3b93f262")
"""First digits of the sha256 of the white and the black PNG that stand in for pictures that could not be made."""


def read_pictures(files: tuple[tuple[Path, str, int], ...]) -> npt.NDArray[Any]:
    """Bands of several PNGs, each given as path, name for errors and number of bands, one after the other."""
    return np.concatenate([read_picture(path, where, bands) for path, where, bands in files])


def read_picture(path: Path, where: str, bands: int) -> npt.NDArray[Any]:
    """``(bands, 256, 256) uint8`` of one PNG; ``SceneError`` for stand-ins and everything of another kind."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SceneError("missing_image", f"{where}: cannot be read ({error.strerror})") from error
    if not content:
        raise SceneError("empty_file", f"{where}: the file is empty; unpack its archive again")
    if hashlib.sha256(content).hexdigest().startswith(PLACEHOLDERS):
        raise SceneError("placeholder", f"{where}: one of the known stand-in pictures; there is nothing to see in it")
    pixels = read_bands(path, where, count=bands)
    if pixels.dtype != np.uint8:
        raise SceneError(
            "pixel_type", f"{where}: expected 8-bit values, found {pixels.dtype}; unpack its archive again"
        )
    if pixels.shape[1:] != SHAPE:
        height, width = pixels.shape[1:]
        raise SceneError(
            "frame_shape",
            f"{where}: expected {PATCH_PX} x {PATCH_PX} pixels, found {height} x {width}; unpack its archive again",
        )
    if pixels.min() == pixels.max() and pixels.min() in (0, 255):
        colour = "white" if pixels.min() else "black"
        raise SceneError("placeholder", f"{where}: every pixel is {colour}, a stand-in picture; nothing can be seen")
    return pixels
