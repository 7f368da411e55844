"""What each class is made of, as sensors see it: covers with their mixture of materials and their backscatter.

A class has several covers (conifers and broadleaf trees; green, ripe and ploughed fields), so that one class is not
one colour. Spectra and backscatter are round numbers in the range of published C-band and Sentinel-2 values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from terracot.sources.procedural import legends as c
from terracot.sources.procedural.fields import Field, Rng, draw, fractal
from terracot.sources.procedural.landcover import Land

CoverMap = npt.NDArray[np.intp]

MATERIALS = ("green", "dry", "soil", "shade", "water", "bright roof", "red roof", "asphalt")
SPECTRA: Field = np.array(
    [
        [0.028, 0.060, 0.036, 0.400],
        [0.066, 0.108, 0.148, 0.255],
        [0.092, 0.138, 0.185, 0.255],
        [0.010, 0.016, 0.014, 0.030],
        [0.036, 0.042, 0.026, 0.010],
        [0.190, 0.215, 0.235, 0.275],
        [0.075, 0.110, 0.175, 0.240],
        [0.072, 0.092, 0.102, 0.140],
    ]
)
"""``(material, band)`` reflectance in B02, B03, B04, B08."""
SHORTWAVE: Field = np.array(
    [
        [0.175, 0.080],
        [0.330, 0.225],
        [0.340, 0.290],
        [0.024, 0.014],
        [0.006, 0.004],
        [0.290, 0.265],
        [0.290, 0.250],
        [0.165, 0.150],
    ]
)
"""``(material, band)`` reflectance in B11 and B12: leaves and water absorb, dry soil and dry plants reflect."""


@dataclass(frozen=True)
class Cover:
    """One cover: its class, its mixture (material shares), how much the mixture varies, VV and VH in dB."""

    name: str
    label: int
    mix: tuple[float, ...]  # in the order of MATERIALS
    vary: float
    vv: float
    vh: float


#                                         green  dry soil shade water bright red asphalt
COVERS = (
    Cover("broadleaf trees", c.TREE, (0.56, 0.10, 0.03, 0.31, 0, 0, 0, 0), 0.20, -10.0, -15.3),
    Cover("conifers", c.TREE, (0.36, 0.08, 0.02, 0.54, 0, 0, 0, 0), 0.20, -10.8, -16.2),
    Cover("green shrubs", c.SHRUB, (0.30, 0.19, 0.17, 0.34, 0, 0, 0, 0), 0.18, -11.8, -17.8),
    Cover("dry shrubs", c.SHRUB, (0.15, 0.18, 0.32, 0.35, 0, 0, 0, 0), 0.18, -12.4, -19.3),
    Cover("lush grass", c.GRASS, (0.58, 0.32, 0.06, 0.04, 0, 0, 0, 0), 0.25, -13.2, -20.0),
    Cover("dry grass", c.GRASS, (0.22, 0.60, 0.14, 0.04, 0, 0, 0, 0), 0.25, -14.5, -21.8),
    Cover("green crop", c.CROP, (0.86, 0.06, 0.06, 0.02, 0, 0, 0, 0), 0.12, -11.5, -17.8),
    Cover("ripe crop", c.CROP, (0.05, 0.62, 0.23, 0, 0, 0.10, 0, 0), 0.12, -12.5, -19.5),
    Cover("ploughed field", c.CROP, (0.04, 0.06, 0.82, 0.08, 0, 0, 0, 0), 0.12, -10.8, -19.8),
    Cover("sprouting crop", c.CROP, (0.40, 0.10, 0.48, 0.02, 0, 0, 0, 0), 0.12, -12.2, -19.5),
    Cover("houses", c.BUILT, (0.26, 0.05, 0.08, 0.15, 0, 0.14, 0.16, 0.16), 0.75, -6.5, -13.5),
    Cover("halls", c.BUILT, (0.05, 0.02, 0.06, 0.10, 0, 0.45, 0.02, 0.30), 0.80, -4.0, -12.0),
    Cover("street", c.BUILT, (0.12, 0.04, 0.08, 0.08, 0, 0.04, 0.04, 0.60), 0.40, -9.0, -16.5),
    Cover("sand", c.BARE, (0.01, 0.02, 0.62, 0, 0, 0.35, 0, 0), 0.30, -16.0, -24.5),
    Cover("rock and gravel", c.BARE, (0.04, 0.06, 0.40, 0.12, 0, 0.13, 0, 0.25), 0.35, -12.5, -21.5),
    Cover("lake", c.WATER, (0.01, 0, 0, 0.35, 0.64, 0, 0, 0), 0.10, -19.5, -27.5),
    Cover("river", c.WATER, (0.02, 0, 0.10, 0.15, 0.73, 0, 0, 0), 0.10, -18.5, -26.5),
    Cover("reeds", c.WETLAND, (0.28, 0.27, 0.02, 0.23, 0.20, 0, 0, 0), 0.25, -11.0, -18.2),
    Cover("fen", c.WETLAND, (0.24, 0.14, 0.04, 0.18, 0.40, 0, 0, 0), 0.25, -13.5, -20.5),
)
MIX: Field = np.array([k.mix for k in COVERS])
VARY: Field = np.array([k.vary for k in COVERS])
BACKSCATTER: Field = np.array([[k.vv, k.vh] for k in COVERS])
NUMBER = {k.name: i for i, k in enumerate(COVERS)}
FIELD_CROPS = tuple(NUMBER[name] for name in ("green crop", "ripe crop", "ploughed field", "sprouting crop"))


def cover_map(places: Rng, season: Rng, land: Land) -> CoverMap:
    """``(H, W)`` cover numbers. ``places`` must be the same for all dates of a scene, ``season`` differs by date."""
    shape, label = land.label.shape, land.label
    patchy, fine = fractal(places, shape, 2.6), fractal(places, shape, 1.0)
    wetter = patchy + 0.5 * fine - 2.0 * (land.dryness - 0.4)
    conifers = draw(places, (-1.5, 1.5))
    cover: CoverMap = np.zeros(shape, np.intp)

    def split(kind: int, where: Field, first: str, second: str) -> None:
        cover[label == kind] = np.where(where > 0, NUMBER[first], NUMBER[second])[label == kind]

    split(c.TREE, patchy + conifers, "broadleaf trees", "conifers")
    split(c.SHRUB, wetter, "green shrubs", "dry shrubs")
    split(c.GRASS, wetter + draw(season, (-0.8, 1.4)), "lush grass", "dry grass")
    split(c.BUILT, patchy - 1.0, "halls", "houses")
    split(c.BARE, patchy, "sand", "rock and gravel")
    split(c.WATER, np.where(land.lake, 1.0, -1.0), "lake", "river")
    split(c.WETLAND, patchy, "reeds", "fen")
    crops = season.dirichlet([1.3] * len(FIELD_CROPS))
    stage = np.searchsorted(np.cumsum(crops)[:-1], season.random(land.parcels.count))
    cover[label == c.CROP] = np.array(FIELD_CROPS)[stage][land.parcels.number][label == c.CROP]
    cover[land.road & (label == c.BUILT)] = NUMBER["street"]
    return cover
