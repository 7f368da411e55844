"""Random fields and small raster tools that everything else is made of.

Fields are rounded to six decimals: FFTs and SIMD functions differ in the last bits between machines, and no label may
hang on those bits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import ndimage
from skimage.measure import label as connected

from terracot.scenes import BoolMask, ClassMap

Field = npt.NDArray[np.float64]
Shape = tuple[int, int]
Range = tuple[float, float]
Rng = np.random.Generator

PADDING = 1.25  # spectral synthesis is periodic; cropping a larger square hides the wrap-around


def fractal(rng: Rng, shape: Shape, beta: float) -> Field:
    """``(H, W)`` noise with a power spectrum ``f^-beta``, mean 0, variance 1. 0 is white, 2 rough, 4 very smooth."""
    n = scipy.fft.next_fast_len(int(PADDING * max(shape)), real=True)
    amplitude = _amplitude(n, round(beta, 1))
    spectrum = rng.standard_normal((*amplitude.shape, 2)).view(np.complex128)[..., 0]
    square = scipy.fft.irfft2(spectrum * amplitude, s=(n, n), overwrite_x=True)
    crop = square[: shape[0], : shape[1]]
    return rounded((crop - crop.mean()) / crop.std())


def rounded(values: Field, decimals: int = 6) -> Field:
    """``values`` without the digits that differ between machines; round before anything is decided by them."""
    result: Field = np.round(values, decimals)
    return result


@lru_cache(maxsize=64)
def _amplitude(n: int, beta: float) -> Field:
    frequency = np.hypot(scipy.fft.fftfreq(n)[:, None], scipy.fft.rfftfreq(n)[None, :])
    frequency[0, 0] = 1.0
    amplitude: Field = frequency ** (-beta / 2)
    amplitude[0, 0] = 0.0
    amplitude.flags.writeable = False
    return amplitude


def draw(rng: Rng, limits: Range) -> float:
    """One uniform number between two limits."""
    return float(rng.uniform(*limits))


def top(score: Field, share: float, within: BoolMask | None = None) -> BoolMask:
    """The ``share`` of all pixels of the image that score highest, taken from ``within`` (fewer if it is smaller)."""
    inside = np.ones(score.shape, bool) if within is None else within
    values = score[inside]
    count = min(round(share * score.size), values.size)
    if count <= 0:
        return np.zeros(score.shape, bool)
    threshold = np.partition(values, values.size - count)[values.size - count]
    chosen: BoolMask = inside & (score >= threshold)
    return chosen


def distance_to(mask: BoolMask) -> Field:
    """Distance of every pixel to ``mask`` in pixels; very large everywhere when it is empty."""
    if not mask.any():
        return np.full(mask.shape, 1e6)
    distance: Field = ndimage.distance_transform_edt(~mask)
    return distance


def ragged(rng: Rng, label: ClassMap, reach: float) -> ClassMap:
    """Every pixel takes the class of a random pixel about ``reach`` pixels away: frayed edges, small islands."""
    if reach <= 0:
        return label
    rows, cols = np.indices(label.shape, dtype=np.float64)
    steps = rng.standard_normal((2, *label.shape)) * reach
    y = np.clip(np.rint(rows + steps[0]), 0, label.shape[0] - 1).astype(np.intp)
    x = np.clip(np.rint(cols + steps[1]), 0, label.shape[1] - 1).astype(np.intp)
    moved: ClassMap = label[y, x]
    return moved


def sieve(label: ClassMap, smallest: int) -> ClassMap:
    """Give 8-connected patches below ``smallest`` pixels to the nearest larger patch (a minimum mapping unit)."""
    if smallest <= 1:
        return label
    patches = connected(label.astype(np.int32) + 1, connectivity=2)
    small = np.bincount(patches.ravel())[patches] < smallest
    if not small.any() or small.all():
        return label
    y, x = ndimage.distance_transform_edt(small, return_distances=False, return_indices=True)
    kept: ClassMap = label[y, x]
    return kept


def drop_small(mask: BoolMask, smallest: int) -> BoolMask:
    """``mask`` without its 8-connected components below ``smallest`` pixels."""
    patches = connected(mask, connectivity=2)
    large = np.bincount(patches.ravel()) >= smallest
    large[0] = False
    kept: BoolMask = large[patches]
    return kept
