"""Spectral indices, and which band of an image is red, near infrared and so on.

An index is ``(first - second) / (first + second)`` of two bands in *reflectance*. Digital numbers are refused: gain and
offset of either band are unknown, and with them the ratio means nothing (and no threshold holds). Sources:

* NDVI: Rouse et al. 1974, NASA SP-351 (3rd ERTS Symposium), 309-317; Tucker 1979, Remote Sens. Environ. 8, 127-150.
* NDWI: McFeeters 1996, Int. J. Remote Sens. 17(7), 1425-1432: water where it is above 0.
* MNDWI: Xu 2006, Int. J. Remote Sens. 27(14), 3025-3033: water where it is above 0.
* NBR: Lopez Garcia & Caselles 1991, Geocarto Int. 6(1), 31-37; Key & Benson 2006, USDA RMRS-GTR-164-CD.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.scenes import BoolMask
from terracot.views import View

UNIT = "reflectance"
"""The only unit of pixels that an index is measured on."""


@dataclass(frozen=True)
class Index:
    """A normalised difference of two bands, by their roles; ``name`` is what it is called in a sentence."""

    name: str
    first: str
    second: str


INDICES = {
    index.name: index
    for index in (
        Index("NDVI", "nir", "red"),
        Index("NDWI", "green", "nir"),
        Index("MNDWI", "green", "swir1"),
        Index("NBR", "nir", "swir2"),
    )
}

ROLE_TEXT = {"green": "green", "red": "red", "nir": "NIR", "swir1": "SWIR1", "swir2": "SWIR2"}
"""How a band is called in a sentence."""

_NAMES = {
    "green": ("green", "g"),
    "red": ("red", "r"),
    "nir": ("nir", "nir08", "nir1", "near_infrared", "n"),
    "swir1": ("swir1", "swir16"),
    "swir2": ("swir2", "swir22"),
}
_SENTINEL_2 = {"green": (3,), "red": (4,), "nir": (8,), "swir1": (11,), "swir2": (12,)}
_NUMBERED = re.compile(r"b0?(\d{1,2})")


def band_of(bands: Sequence[str], role: str) -> int | None:
    """Position of the band with a role, by its name; None where no name says it.

    Names tell by themselves ("nir", "swir16") or at their end ("B05_nir"). Bare numbers are those of Sentinel-2, and
    only beside a band "B08" or "B8A": Landsat numbers its bands otherwise, and has none of these.
    """
    lower = [band.lower() for band in bands]
    for position, name in enumerate(lower):
        if name in _NAMES[role] or name.partition("_")[2] in _NAMES[role]:
            return position
    if "b08" in lower or "b8a" in lower:
        for position, name in enumerate(lower):
            match = _NUMBERED.fullmatch(name)
            if match and int(match[1]) in _SENTINEL_2[role]:
                return position
        if role == "nir" and "b8a" in lower:
            return lower.index("b8a")
    return None


def bands_for(view: View, index: Index) -> tuple[int, int] | None:
    """Positions of the two bands of an index in an image; None where it cannot be measured on it."""
    return _pair(tuple(view.bands), index) if view.unit == UNIT else None


@lru_cache(maxsize=256)
def _pair(bands: tuple[str, ...], index: Index) -> tuple[int, int] | None:
    first, second = band_of(bands, index.first), band_of(bands, index.second)
    return None if first is None or second is None else (first, second)


def view_for(views: Sequence[View], t: int, index: Index) -> View | None:
    """The image of date ``t`` that an index is measured on: the first that has its bands in reflectance."""
    return next((view for view in views if view.t == t and bands_for(view, index)), None)


@dataclass(frozen=True, eq=False)
class IndexImage:
    """The two bands of an index on one image, ``(H, W)``, and the pixels that count (``usable``).

    A pixel counts when no cloud hides it, both bands are finite and not negative, and not both are 0.
    """

    first: npt.NDArray[Any]
    second: npt.NDArray[Any]
    usable: BoolMask

    def over(self, mask: BoolMask) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Both bands at the pixels of a mask that count, ``(N,)`` each."""
        at = np.flatnonzero(self.usable & mask)  # twice as fast as a boolean index
        return self.first.ravel()[at].astype(np.float64), self.second.ravel()[at].astype(np.float64)


@lru_cache(maxsize=8)
def index_image(view: View, index: Index) -> IndexImage:
    """Measure an index on an image that has its bands (``bands_for``); ``ValueError`` for any other."""
    found = bands_for(view, index)
    if found is None:
        raise ValueError(f"{index.name} cannot be measured on bands {', '.join(view.bands)} in {view.unit}")
    pixels = view.pixels()
    first, second = pixels[found[0]], pixels[found[1]]
    total = first + second
    usable = np.isfinite(total) & (first >= 0) & (second >= 0) & (total > 0)
    if view.hidden is not None:
        usable &= ~view.hidden
    return IndexImage(first, second, usable)


def named(index: Index) -> str:
    """The definition of an index in words: "(NIR - red) / (NIR + red)"."""
    first, second = ROLE_TEXT[index.first], ROLE_TEXT[index.second]
    return f"({first} - {second}) / ({first} + {second})"
