"""Clouds and the shadows they throw, displaced away from the sun."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terracot.scenes import BoolMask
from terracot.sources.procedural.fields import Field, Rng, Shape, draw, fractal

HIDDEN_CLOUD = 0.15  # opacity from which a pixel counts as hidden
HIDDEN_SHADOW = 0.3


@dataclass(frozen=True)
class Sky:
    """``cloud`` opacity and ``shadow`` depth, both ``(H, W)`` in 0..1, and the brightness of the clouds."""

    cloud: Field
    shadow: Field
    brightness: float

    @property
    def hidden(self) -> BoolMask:
        """Pixels behind cloud or in its shadow."""
        return (self.cloud > HIDDEN_CLOUD) | (self.shadow > HIDDEN_SHADOW)


def make_sky(rng: Rng, shape: Shape, cloudy: bool, sun_azimuth: float) -> Sky:
    """A clear sky, or clouds over a twentieth to half of the image."""
    if not cloudy:
        return Sky(np.zeros(shape), np.zeros(shape), 0.0)
    pad = max(shape) // 3
    field = fractal(rng, (shape[0] + 2 * pad, shape[1] + 2 * pad), draw(rng, (2.6, 3.3)))
    base = np.quantile(field, 1 - draw(rng, (0.05, 0.5)))
    opacity = np.clip((field - base) * draw(rng, (0.9, 2.5)), 0, 1)
    far = rng.uniform(0.25, 0.95) * pad
    dy, dx = round(np.cos(sun_azimuth) * far), round(-np.sin(sun_azimuth) * far)  # away from the sun, rows run south
    cloud = opacity[pad : pad + shape[0], pad : pad + shape[1]]
    shadow = opacity[pad - dy : pad - dy + shape[0], pad - dx : pad - dx + shape[1]]
    return Sky(cloud, np.minimum(1.3 * shadow, 1) * (1 - cloud), draw(rng, (0.45, 0.85)))
