"""A settlement before and after a disaster, at 1 m: surfaces and their reflectance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from terracot.scenes import BoolMask, ClassMap
from terracot.sources.procedural import legends as c
from terracot.sources.procedural.buildings import Town
from terracot.sources.procedural.fields import Field, Rng, Shape, distance_to, draw, fractal, top
from terracot.sources.procedural.sensors import Pixels, to_reflectance

NONE, MINOR, MAJOR, DESTROYED = range(4)

ROOFS: Field = np.array(
    [
        [0.24, 0.25, 0.26, 0.28],
        [0.07, 0.10, 0.19, 0.26],
        [0.11, 0.12, 0.13, 0.16],
        [0.15, 0.17, 0.20, 0.24],
        [0.09, 0.12, 0.15, 0.21],
        [0.16, 0.17, 0.15, 0.18],
    ]
)
SURFACES: Field = np.array(
    [
        [0.15, 0.16, 0.17, 0.20],
        [0.11, 0.12, 0.125, 0.15],
        [0.032, 0.060, 0.038, 0.36],
        [0.045, 0.085, 0.060, 0.34],
        [0.10, 0.14, 0.185, 0.26],
        [0.050, 0.060, 0.045, 0.020],
        [0.14, 0.155, 0.17, 0.21],
    ]
)
"""``(class of the settlement legend, band)`` reflectance; buildings are painted with ``ROOFS``."""
TARPAULIN = np.array([0.30, 0.17, 0.09, 0.20])


@dataclass(frozen=True)
class Place:
    """A settlement: its plan and the surfaces between the buildings on the first date (``before``, class ids)."""

    town: Town
    before: ClassMap

    def label(self, t: int) -> ClassMap:
        """Class ids of date 1 or 2: destroyed buildings are debris on date 2."""
        label = self.before.copy()
        if t == 2:
            label[self._with(DESTROYED)] = c.DEBRIS
        return label

    def _with(self, *damage: int) -> BoolMask:
        hit = np.flatnonzero(np.isin(self.town.damage, damage)) + 1
        return np.isin(self.town.number, hit)


def make_place(rng: Rng, town: Town) -> Place:
    """Gardens, trees, bare yards and now and then a pond around the buildings of a plan."""
    shape = town.number.shape
    label = np.full(shape, c.LAWN, np.uint8)
    label[top(fractal(rng, shape, 2.6), draw(rng, (0.05, 0.6)))] = c.SOIL
    label[_crowns(rng, shape)] = c.TREES
    if rng.random() < 0.25:
        label[top(fractal(rng, shape, 3.6), draw(rng, (0.02, 0.15)))] = c.POND
    label[town.road] = c.ROAD
    label[town.number > 0] = c.HOUSE
    return Place(town, label)


def _crowns(rng: Rng, shape: Shape) -> BoolMask:
    """Round crowns of single trees, more of them where a grove is."""
    n = int(rng.integers(5, 90)) * shape[0] * shape[1] // 128**2
    seeds = np.zeros(shape, bool)
    likely = np.flatnonzero(fractal(rng, shape, 3.0) > draw(rng, (-1.0, 0.5)))
    seeds.flat[rng.choice(likely, n)] = True
    ragged_edge = 0.7 * fractal(rng, shape, 1.5)
    return np.asarray(np.round(distance_to(seeds) + ragged_edge, 6) < draw(rng, (2.5, 7.0)))


def photograph_place(place: Place, t: int, places: Rng, season: Rng, sensor: Rng) -> Pixels:
    """``(4, H, W)`` float32 reflectance of date ``t``; ``places`` is the same stream on both dates."""
    town, label = place.town, place.label(t)
    shape, count = label.shape, len(town.heights)
    surfaces = SURFACES * places.normal(1, 0.12, (len(SURFACES), 1)) * season.normal(1, 0.06, (len(SURFACES), 1))
    grain, patchy = places.standard_normal(shape), fractal(places, shape, 2.2)
    roofs = ROOFS[places.choice(len(ROOFS), count + 1, p=places.dirichlet(np.ones(len(ROOFS))))]
    roofs = roofs * places.normal(1, 0.12, (count + 1, 1))
    wear = places.standard_normal((2, *shape))

    texture = np.array([0.06, 0.05, 0.28, 0.12, 0.12, 0.04, 0.28])[label]
    bands = surfaces[label] * np.exp(texture * (0.7 * grain + 0.6 * patchy))[..., None]
    azimuth, elevation = draw(season, (1.6, 4.6)), draw(season, (35.0, 65.0))
    house = label == c.HOUSE
    # The two sides of a gable roof catch the light differently.
    side = np.sign(town.across)[..., None] * 0.16 * np.cos(azimuth)
    bands[house] = (roofs[town.number] * (1 + side) * (1 + 0.05 * wear[0][..., None]))[house]
    if t == 2:
        bands = _damage(place, bands, surfaces[c.DEBRIS], wear)
    bands *= (1 - 0.55 * _shadows(place, label, azimuth, elevation))[..., None]
    blur = draw(sensor, (0.4, 0.7))
    bands = ndimage.gaussian_filter(bands * season.normal(1, 0.04), (blur, blur, 0)).transpose(2, 0, 1)
    bands += sensor.standard_normal(bands.shape) * 0.005
    return to_reflectance(bands)


def _damage(place: Place, bands: Field, debris: Field, wear: Field) -> Field:
    """Holes and tarpaulins in damaged roofs, rubble where a building was, and dust around it."""
    blotches = ndimage.gaussian_filter(wear[1], 1.2) * 4
    rubble = debris * np.exp(0.28 * wear[0] + 0.25 * blotches)[..., None]
    minor, major = place._with(MINOR), place._with(MAJOR)
    bands = bands.copy()
    bands[minor & (blotches > 1.3)] = TARPAULIN
    bands[minor & (blotches < -1.5)] *= 0.45
    broken = major & (blotches + 0.8 * place.town.across > 0.1)
    bands[broken] = rubble[broken]
    bands[major & ~broken & (blotches < -1.2)] *= 0.4
    ruin = place._with(DESTROYED)
    dust = np.clip(1 - distance_to(ruin) / 4, 0, 0.7) * ~ruin * (wear[1] > -0.5)
    return np.asarray(bands * (1 - dust[..., None]) + rubble * dust[..., None])


def _shadows(place: Place, label: ClassMap, azimuth: float, elevation: float) -> Field:
    """Shadows of standing buildings and trees on the ground beside them."""
    tall = np.where(label == c.HOUSE, np.append(0.0, place.town.heights)[place.town.number], 0.0)
    tall[label == c.TREES] = 4.5
    ground = (label != c.HOUSE) & (label != c.TREES)
    shadow = np.zeros(label.shape, bool)
    for step in range(1, 11):
        rise = step * np.tan(np.radians(elevation))
        dy, dx = round(np.cos(azimuth) * step), round(-np.sin(azimuth) * step)
        shadow |= _shifted(tall, dy, dx) > rise
    soft: Field = ndimage.gaussian_filter((shadow & ground).astype(np.float64), 0.5)
    return soft


def _shifted(field: Field, dy: int, dx: int) -> Field:
    """``field`` moved by whole pixels; zeros come in."""
    height, width = field.shape
    moved = np.zeros_like(field)
    if abs(dy) < height and abs(dx) < width:
        moved[max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)] = field[
            max(-dy, 0) : height + min(-dy, 0), max(-dx, 0) : width + min(-dx, 0)
        ]
    return moved
