"""Fields of farmland: parcels that share a crop, cut in strips or grown like cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terracot.scenes import BoolMask
from terracot.sources.procedural.fields import Rng, Shape, fractal


@dataclass(frozen=True)
class Parcels:
    """``number`` (H, W): parcel of each pixel, below ``count``."""

    number: npt.NDArray[np.intp]
    count: int

    @property
    def edge(self) -> BoolMask:
        """Pixels whose right or lower neighbour is of another parcel: where hedges and ditches run."""
        edge = np.zeros(self.number.shape, bool)
        edge[:, :-1] |= self.number[:, 1:] != self.number[:, :-1]
        edge[:-1] |= self.number[1:] != self.number[:-1]
        return edge


def make_parcels(rng: Rng, shape: Shape, width: float, warp: float = 1.5) -> Parcels:
    """Parcels about ``width`` pixels wide that fill an ``(H, W)`` image; borders bend by ``warp`` pixels."""
    rows, cols = np.indices(shape, dtype=np.float64)
    rows, cols = rows + warp * fractal(rng, shape, 3.5), cols + warp * fractal(rng, shape, 3.5)
    if rng.random() < 0.65:
        return _strips(rng, rows, cols, width)
    return _cells(rng, rows, cols, width)


def _strips(rng: Rng, rows: npt.NDArray[np.float64], cols: npt.NDArray[np.float64], width: float) -> Parcels:
    """Strips of uneven height at one angle, each cut into fields of its own length."""
    angle, reach = rng.uniform(0, np.pi), 1.5 * max(rows.shape)
    u = cols * np.cos(angle) + rows * np.sin(angle) + reach
    v = rows * np.cos(angle) - cols * np.sin(angle) + reach
    strips = int(3 * reach / width) + 2
    bounds = np.cumsum(rng.uniform(0.5, 1.6, strips) * width)
    strip = np.minimum(np.searchsorted(bounds, np.round(v, 6)), strips - 1)
    length = width * rng.uniform(0.8, 3.5, strips)
    along = np.floor(np.round(u / length[strip] + rng.random(strips)[strip], 6)).astype(np.intp)
    per_strip = int(along.max()) + 1
    return Parcels(strip * per_strip + np.maximum(along, 0), strips * per_strip)


def _cells(rng: Rng, rows: npt.NDArray[np.float64], cols: npt.NDArray[np.float64], width: float) -> Parcels:
    """Voronoi cells around jittered seeds: old, irregular farmland."""
    height, across = rows.shape
    n = max(2, round(rows.size / (1.5 * width * width)))
    seeds = np.zeros(rows.shape, bool)
    seeds[rng.integers(0, height, n), rng.integers(0, across, n)] = True
    y, x = ndimage.distance_transform_edt(~seeds, return_distances=False, return_indices=True)
    near = np.zeros(rows.shape, np.intp)
    near[seeds] = np.arange(np.count_nonzero(seeds))
    number = near[y, x]
    r = np.clip(np.rint(rows), 0, height - 1).astype(np.intp)
    c = np.clip(np.rint(cols), 0, across - 1).astype(np.intp)
    return Parcels(number[r, c], n)
