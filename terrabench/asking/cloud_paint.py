"""Synthetic clouds over evidence: opaque, white, soft at the edge, and the same for an item in every run.

A cloud that followed the outline of a region would show the region. So it reaches beyond it by a distance that wavers,
and a few clouds that hide nothing stand beside it. Its size still hints at the size of what it hides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.scenes import BoolMask

WHITE = 240
CLOUD_REFLECTANCE = 0.6
"""Beyond the 0.3 at which pictures are white."""

PAD_PX = 3
"""Every pixel this near to the evidence is hidden completely."""


@dataclass(frozen=True)
class Cloud:
    """``opacity`` ``(H, W)``, 1 where nothing shows through, and ``brightness``, the white of each pixel (0 to 255)."""

    opacity: npt.NDArray[np.float64]
    brightness: npt.NDArray[np.float64]

    def over_picture(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The ``(H, W, 3) uint8`` picture below the cloud; a new array."""
        opacity, white = self.opacity[..., None], self.brightness[..., None]
        return np.rint(opacity * white + (1 - opacity) * image).astype(np.uint8)


def cloud_over(evidence: BoolMask, key: str) -> Cloud | None:
    """A cloud over all of ``evidence`` ``(H, W)``, drawn by ``key``; None when there is nothing to hide."""
    from scipy import ndimage

    if not evidence.any():
        return None
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(f"cloudy\n{key}".encode()).digest()[:8]))
    side = min(evidence.shape)
    distance = ndimage.distance_transform_edt(~evidence)
    rows, columns = np.indices(evidence.shape)
    for _ in range(int(rng.integers(1, 4))):
        row, column, radius = rng.random(3) * (*evidence.shape, side / 6)
        distance = np.minimum(distance, np.maximum(np.hypot(rows - row, columns - column) - radius, 0))
    noise = ndimage.gaussian_filter(rng.standard_normal(evidence.shape), side / 16, mode="wrap")
    noise = (noise - noise.min()) / max(float(np.ptp(noise)), 1e-9)
    reach = PAD_PX + noise * side / 8
    opacity = np.clip(1 - (distance - reach) / max(2.0, side / 32), 0.0, 1.0)
    return Cloud(opacity, WHITE - 12 + 24 * noise)


def under(cloud: Cloud, pixels: npt.NDArray[Any], unit: str) -> npt.NDArray[Any]:
    """Native bands ``(C, H, W)`` below the cloud, in their own type; a new array.

    A cloud has reflectance 0.6; in other units the highest value of what it does not hide, band by band. What lies
    below an opaque pixel leaves no trace, whether it was finite or not.
    """
    hidden = cloud.opacity == 1
    mixed = np.empty(pixels.shape, dtype=np.float64)
    for band, values in enumerate(pixels.astype(np.float64)):
        bright = CLOUD_REFLECTANCE if unit == "reflectance" else _brightest(values[~hidden], pixels.dtype)
        values[hidden] = 0  # whatever it was: nothing times infinity is no number
        mixed[band] = np.where(hidden, bright, cloud.opacity * bright + (1 - cloud.opacity) * values)
    if np.issubdtype(pixels.dtype, np.integer):
        mixed = np.rint(mixed)
    return mixed.astype(pixels.dtype)


def _brightest(visible: npt.NDArray[np.float64], dtype: np.dtype[Any]) -> float:
    finite = visible[np.isfinite(visible)]
    if finite.size:
        return float(finite.max())
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 1.0
