"""Images as input: which frames a date is read from, and what a pixel knows of its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terracot.plugins import PromptFrame
from terracot.spectral.indices import INDICES, band_of

Floats = npt.NDArray[np.float32]
Look = tuple[Any, ...]
"""What kind of images a date is read from: modality, bands and unit of each, and which date of the scene it is."""

MEANS, DEVIATION = (5, 15), 7
"""Sides of the squares, in pixels, over which means and the standard deviation around a pixel are taken."""


@dataclass(frozen=True, eq=False)
class Stack:
    """All images that one date is read from: its own, then those of the date that it is compared with.

    ``images`` are ``(C, H, W)`` float32 with NaN where a sensor saw nothing.
    """

    look: Look
    images: tuple[Floats, ...]
    bands: tuple[tuple[str, ...], ...]
    own: int  # how many of them are of the date itself

    @property
    def channels(self) -> Floats:
        """``(all C, H, W)``."""
        return np.concatenate(self.images)


def stack_of(frames: Sequence[PromptFrame], t: int, dates: int) -> Stack:
    """The images of date ``t`` and, where there are more dates, of the first one (for the first: of the last)."""
    other = dates if t == 1 else 1
    own = [frame for frame in frames if frame.t == t]
    beside = [frame for frame in frames if frame.t == other] if dates > 1 else []
    role = "only" if dates == 1 else "first" if t == 1 else "later"
    described = tuple((str(f.modality), tuple(f.bands), f.unit) for f in (*own, *beside))
    images = tuple(np.asarray(frame.native(), dtype=np.float32) for frame in (*own, *beside))
    return Stack((role, len(own), described), images, tuple(tuple(f.bands) for f in (*own, *beside)), len(own))


def features(stack: Stack) -> Floats:
    """``(H * W, features)``: bands, local means and deviations, normalised differences, differences between dates."""
    layers: list[Floats] = []
    for image, bands in zip(stack.images, stack.bands, strict=True):
        filled = np.where(np.isfinite(image), image, np.float32(np.nanmean(image) if np.isfinite(image).any() else 0))
        means = [ndimage.uniform_filter(filled, (0, side, side), mode="nearest") for side in MEANS]
        mean = ndimage.uniform_filter(filled, (0, DEVIATION, DEVIATION), mode="nearest")
        square = ndimage.uniform_filter(filled * filled, (0, DEVIATION, DEVIATION), mode="nearest")
        layers += [image, *means, np.sqrt(np.maximum(square - mean * mean, 0)), *_ratios(filled, bands)]
    for before, after in zip(stack.images[stack.own :], stack.images[: stack.own], strict=False):
        if before.shape == after.shape:
            change = np.nan_to_num(after - before)
            layers += [change, ndimage.uniform_filter(change, (0, MEANS[0], MEANS[0]), mode="nearest")]
    joined = np.concatenate(layers)
    return np.ascontiguousarray(joined.reshape(len(joined), -1).T)


def _ratios(image: Floats, bands: Sequence[str]) -> list[Floats]:
    """Spectral indices by the names of bands; where no name says anything, all pairs of up to four bands."""
    found = [(band_of(bands, index.first), band_of(bands, index.second)) for index in INDICES.values()]
    pairs = [(a, b) for a, b in found if a is not None and b is not None]
    if not pairs and len(bands) <= 4:
        pairs = list(combinations(range(len(bands)), 2))
    if not pairs:
        return []
    first, second = (image[[pair[side] for pair in pairs]] for side in (0, 1))
    total = np.abs(first) + np.abs(second)
    return [np.divide(first - second, total, out=np.zeros_like(total), where=total > 0)]
