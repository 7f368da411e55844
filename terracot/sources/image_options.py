"""What the bands of a user's image are, and how their stored values get a unit: the options of a source of images.

What values mean is never guessed: 8-bit red, green and blue are taken as they are, everything else needs a unit, and
whole numbers a scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.render import default_display
from terracot.scenes import Display, Modality, SceneError, SourceError
from terracot.sources.imagery import Image

UNITS = ("reflectance", "dB", "digital number")
SMALLEST, LARGEST = 16, 2048
MAX_REFLECTANCE = 2.0
"""No half of a picture is brighter, not of snow and clouds under a low sun."""

SENTINEL_2 = (
    "for Sentinel-2 give -o unit=reflectance -o scale=0.0001, and for products of processing baseline 04.00 or later "
    "(since January 2022) -o offset=-0.1 as well"
)


@dataclass(frozen=True)
class Reading:
    """What the bands of an image are; stored values times ``scale`` plus ``offset`` are in ``unit``."""

    bands: tuple[str, ...]
    unit: str
    modality: Modality
    display: Display
    scale: float
    offset: float

    def check(self, values: npt.NDArray[Any], where: str) -> None:
        """``SceneError`` ``unit`` for values ``(C, H, W)`` that cannot be in the unit: their picture would be white."""
        known = values[np.isfinite(values)]
        middle = float(np.median(known)) if known.size else math.nan
        if self.unit == "reflectance" and middle > MAX_REFLECTANCE:
            raise SceneError(
                "unit", f"{where}: half of the values are above {middle:.4g}, no reflectance; {SENTINEL_2}"
            )
        if self.unit == "dB" and middle > 0:
            raise SceneError(
                "unit",
                f"{where}: half of the values are above {middle:.4g}, as of intensities and not of decibels; bring the "
                "image to 10 * log10(intensity)",
            )


@dataclass(frozen=True)
class ImageOptions:
    """The options of a source of images, as given on the command line."""

    patch: int
    bands: tuple[str, ...] | None
    unit: str | None
    scale: float | None
    offset: float | None

    @classmethod
    def parse(
        cls,
        patch: str | int,
        bands: str | None,
        unit: str | None,
        scale: str | float | None,
        offset: str | float | None,
    ) -> ImageOptions:
        """Options from text; ``SourceError`` says what is expected of each."""
        if not str(patch).isdecimal() or not SMALLEST <= int(patch) <= LARGEST:
            raise SourceError(
                f"option patch: expected a number of pixels from {SMALLEST} to {LARGEST}, found {patch!r}"
            )
        names = tuple(bands.split("+")) if bands is not None else None
        if names is not None and (not all(names) or len(set(names)) != len(names)):
            raise SourceError(f"option bands: expected names with + between, such as B02+B03+B04, found {bands!r}")
        if unit is not None and unit not in UNITS:
            raise SourceError(f"option unit: expected {', '.join(UNITS)}, found {unit!r}")
        factor, added = _number("scale", scale), _number("offset", offset)
        if factor == 0:
            raise SourceError("option scale: 0 leaves nothing of the image; expected a factor such as 0.0001")
        return cls(int(patch), names, unit, factor, added)

    def reading(self, image: Image) -> Reading:
        """How to read one image; ``SourceError`` says which options to give."""
        bands = self._bands(image)
        unit, scale, offset = self._calibration(image)
        sar, colour = unit == "dB", unit == "digital number" and len(bands) <= 3
        modality = Modality.SAR if sar else Modality.OPTICAL if colour else Modality.MULTISPECTRAL
        try:
            display = default_display(modality, bands, unit)
        except ValueError as error:
            raise SourceError(
                f"{image.where}: {error}; name the bands in their order with -o bands=, for instance B02+B03+B04, "
                "R+G+B or VV+VH"
            ) from error
        return Reading(bands, unit, modality, display, scale, offset)

    def _bands(self, image: Image) -> tuple[str, ...]:
        count = len(image.numbers)
        if self.bands is not None:
            if len(self.bands) != count:
                raise SourceError(
                    f"option bands names {len(self.bands)} bands ({'+'.join(self.bands)}), {image.where} has {count}"
                )
            return self.bands
        names = tuple(text.split(",")[0].strip() for text in image.descriptions)  # "B4, central wavelength 665 nm"
        if all(names) and len(set(names)) == count:
            return names
        if count == 3 and image.header.dtype == "uint8":
            return ("R", "G", "B")
        raise SourceError(
            f"{image.where} has {count} bands of {image.header.dtype} without names of their own; name them in their "
            "order with "
            "-o bands=, for instance B02+B03+B04"
        )

    def _calibration(self, image: Image) -> tuple[str, float, float]:
        dtype, unit = image.header.dtype, self.unit
        whole = np.dtype(dtype).kind in "iu"
        if np.dtype(dtype).kind not in "iuf":
            raise SourceError(f"{image.where} holds {dtype} values; expected whole or floating-point numbers")
        hint = (
            f" (the file itself states scale {image.stated[0]:g}, offset {image.stated[1]:g})" if image.stated else ""
        )
        if unit is None and dtype == "uint8" and self.scale is None and self.offset is None:
            unit = "digital number"
        if unit is None:
            raise SourceError(
                f"{image.where} holds {dtype} values and nothing says what they mean{hint}; {SENTINEL_2}. Other "
                f"images: -o unit= one of {', '.join(UNITS)}, and -o scale= for whole numbers"
            )
        if unit == "digital number":
            if dtype != "uint8" or self.scale not in (None, 1.0) or self.offset not in (None, 0.0):
                raise SourceError(
                    f"{image.where} holds {dtype} values; only 8-bit digital numbers without scale and offset have a "
                    f"black and white that need not be guessed{hint}; {SENTINEL_2}"
                )
            return unit, 1.0, 0.0
        if whole and self.scale is None:
            raise SourceError(
                f"{image.where} holds whole numbers ({dtype}), so {unit} needs a scale{hint}; {SENTINEL_2}"
            )
        return unit, 1.0 if self.scale is None else self.scale, self.offset or 0.0


def _number(name: str, text: str | float | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SourceError(f"option {name}: expected a number, found {text!r}")
    return value
