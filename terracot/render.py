"""The one function that makes pictures of bands, and what goes with it: PNG bytes, overlays, the stamp.

A picture is made with the fixed limits in ``Frame.display``, the same for every scene and date of a product. Limits are
never taken from the image itself: a percentile stretch shows a cloud, a desert and a lake in the same greys, and two
dates of one place differently.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from terracot.scenes import BoolMask, Display, Frame, Modality, SceneError

VERSION = 1
REFLECTANCE = (0.0, 0.3)
DECIBELS = {"VV": (-25.0, 0.0), "HH": (-25.0, 0.0), "VH": (-32.0, -5.0), "HV": (-32.0, -5.0)}
BYTES = (0.0, 255.0)
PNG_LEVEL = 1
PNG_STRATEGY = zlib.Z_RLE  # on satellite images half the time of level 2, and no more bytes
PNG_FILTER = 2  # every row as its difference from the one above; a third of the time of trying all filters, as small
TINT = 0.45

Picture = npt.NDArray[np.uint8]

_COLOURS = (("b04", "b4", "red", "r"), ("b03", "b3", "green", "g"), ("b02", "b2", "blue", "b"))


def default_display(modality: Modality, bands: Sequence[str], unit: str) -> Display:
    """Fixed limits by modality and unit; ``ValueError`` says why there are none.

    Reflectance: red, green, blue at 0 to 0.3. dB: (VV, VH, VV), with -25 to 0 for VV and HH, -32 to -5 for VH and HV;
    one polarisation is grey. Digital numbers: red, green, blue or a single grey band at 0 to 255.
    """
    if unit == "dB":
        known = [b for b in bands if b.upper() in DECIBELS][:2]
        if not known:
            raise ValueError(f"no band among {list(bands)} is named VV, VH, HH or HV")
        shown = (known[0], known[-1], known[0])
        limits = [DECIBELS[b.upper()] for b in shown]
        return _display(shown, limits)
    limits = [REFLECTANCE if unit == "reflectance" else BYTES] * 3
    if len(bands) == 1:
        return _display((bands[0],) * 3, limits)
    picked = tuple(next((b for b in bands if _is_colour(b, names)), "") for names in _COLOURS)
    if not all(picked):
        raise ValueError(f"red, green and blue cannot be told among the {modality} bands {list(bands)}")
    return _display(picked, limits)


def _is_colour(band: str, names: Sequence[str]) -> bool:
    lower = band.lower()
    return lower in names or lower.rpartition("_")[2] in names[2:]


def _display(bands: Sequence[str], limits: Sequence[tuple[float, float]]) -> Display:
    a, b, c = bands
    (l0, h0), (l1, h1), (l2, h2) = limits
    return Display((a, b, c), (l0, l1, l2), (h0, h1, h2))


def render(frame: Frame, upscale_to: int | None = None) -> Picture:
    """``(H, W, 3) uint8`` picture of a frame; ``SceneError`` when its pixels cannot be read.

    Values at ``display.low`` are black, at ``display.high`` full; beyond both is clipped; non-finite is black. With
    ``upscale_to``, an image whose shorter side is smaller is enlarged (bicubic) until that side has as many pixels.
    """
    return upscale(compose(frame.pixels(), frame.bands, frame.display, frame.id), upscale_to)


def compose(pixels: npt.NDArray[Any], bands: Sequence[str], display: Display, where: str) -> Picture:
    """``(C, H, W)`` values to an ``(H, W, 3) uint8`` picture with fixed limits."""
    missing = [b for b in display.bands if b not in bands]
    if missing:
        raise SceneError("display", f"frame {where}: display asks for bands {missing}, the frame has {list(bands)}")
    channels = []
    for band, low, high in zip(display.bands, display.low, display.high, strict=True):
        share = pixels[bands.index(band)].astype(np.float64)
        empty = ~np.isfinite(share)
        share -= low
        share /= high - low
        share[empty] = 0.0
        np.clip(share, 0.0, 1.0, out=share)
        share *= 255
        channels.append(np.rint(share, out=share).astype(np.uint8))
    return np.stack(channels, axis=-1)


def upscale(picture: Picture, upscale_to: int | None) -> Picture:
    """Enlarge by bicubic interpolation until the shorter side has ``upscale_to`` pixels; never make smaller."""
    height, width = picture.shape[:2]
    if upscale_to is None or min(height, width) >= upscale_to:
        return picture
    factor = upscale_to / min(height, width)
    size = (round(width * factor), round(height * factor))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def render_stamp() -> dict[str, Any]:
    """What a reader of an output needs to make the same pictures again."""
    return {
        "version": VERSION,
        "limits": "fixed by product, never from the image",
        "reflectance": list(REFLECTANCE),
        "db": {name: list(limits) for name, limits in DECIBELS.items()},
        "sar": "VV, VH, VV",
        "non_finite": 0,
        "upscaling": "bicubic to a minimum side",
        "png_level": PNG_LEVEL,
        "png_strategy": PNG_STRATEGY,
        "png_filter": PNG_FILTER,
    }


def png_bytes(array: npt.NDArray[np.uint8]) -> bytes:
    """PNG of an ``(H, W)`` or ``(H, W, 3) uint8`` array; no metadata, fixed compression: equal pixels, equal bytes."""
    height, width = array.shape[:2]
    rows = array.reshape(height, -1)
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = PNG_FILTER
    filtered[:1, 1:] = rows[:1]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    packer = zlib.compressobj(PNG_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, PNG_STRATEGY)
    colour = 0 if array.ndim == 2 else 2  # grey or RGB
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packer.compress(filtered.data) + packer.flush()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def frame_png(frame: Frame, upscale_to: int | None = None) -> bytes:
    """PNG of a rendered frame."""
    return png_bytes(render(frame, upscale_to))


def overlay(image: Picture, masks: Sequence[BoolMask], colors: Sequence[tuple[int, int, int]]) -> Picture:
    """Tint ``(H, W)`` masks on an ``(H', W', 3)`` picture and outline them; later masks lie above earlier ones.

    Masks on the frame's own grid are enlarged (nearest) to an enlarged picture. ``ValueError`` when there is not one
    colour per mask.
    """
    if len(masks) != len(colors):
        raise ValueError(f"expected one colour per mask, found {len(masks)} masks and {len(colors)} colours")
    out = image.astype(np.float64)
    height, width = image.shape[:2]
    for mask, color in zip(masks, colors, strict=True):
        grown = mask.astype(bool)
        if grown.shape != (height, width):
            grown = np.asarray(Image.fromarray(grown).resize((width, height), Image.Resampling.NEAREST))
        edge = grown & ~ndimage.binary_erosion(grown)
        out[grown] = (1 - TINT) * out[grown] + TINT * np.array(color)
        out[edge] = color
    return np.rint(out).astype(np.uint8)
