"""One landscape at 10 m: terrain, water, vegetation, fields and towns, and the class of every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from terracot.scenes import BoolMask, ClassMap
from terracot.sources.procedural import legends as c
from terracot.sources.procedural.fields import (
    Field,
    Rng,
    Shape,
    distance_to,
    draw,
    drop_small,
    fractal,
    ragged,
    rounded,
    sieve,
    top,
)
from terracot.sources.procedural.hydrology import border, drain, widen
from terracot.sources.procedural.kinds import KINDS, Kind
from terracot.sources.procedural.parcels import Parcels, make_parcels
from terracot.sources.procedural.towns import build, draw_roads, place_towns

LAKE_PIXELS = 12  # smaller hollows are drained: WorldCover shows few ponds below 0.1 ha


@dataclass(frozen=True)
class Land:
    """The truth of one date: ``label`` (H, W) class ids, ``height`` in metres, and what drawing the pixels needs.

    ``road`` holds streets and country roads, ``lake`` standing water (a part of the water class).
    """

    label: ClassMap
    height: Field
    parcels: Parcels
    road: BoolMask
    lake: BoolMask
    dryness: float


def make_land(rng: Rng, shape: Shape, kind_name: str) -> Land:
    """The landscape of one seed."""
    kind = KINDS[kind_name]
    tidy = rng.random() < 0.36  # some maps are generalised to large patches, most keep single pixels
    rough = draw(rng, (0.0, 0.35)) if tidy else draw(rng, (0.35, 1.0))
    height = _terrain(rng, shape, kind)
    lake, river = _water(rng, height, kind)
    water = lake | river
    above = np.round(height - height.min(), 6) / (kind.relief[1] + 1)
    moisture = fractal(rng, shape, 3.0) - 0.4 * above
    label = _vegetation(rng, shape, kind, moisture, height, rough)
    parcels = make_parcels(rng, shape, draw(rng, (6.0, 24.0)))
    label = _fields(rng, label, kind, parcels, height, rough, tidy)
    label = ragged(rng, label, 0.0 if tidy else draw(rng, (0.2, 0.65)))
    towns = place_towns(rng, -height, ~water, int(rng.integers(kind.towns[0], kind.towns[1] + 1)), kind.spread)
    road = draw_roads(rng, shape, towns)
    label = _verges(rng, label, road, river)
    farms = int(rng.integers(kind.farms[0], kind.farms[1] + 1)) * shape[0] * shape[1] // 16384
    built, streets = build(rng, shape, towns, road, farms, rough)
    label[built] = c.BUILT
    if kind.sea and rng.random() < 0.7:
        beach = (distance_to(lake) <= draw(rng, (1.0, 3.5))) & (fractal(rng, shape, 2.6) > draw(rng, (-1.0, 1.0)))
        label[beach & ~built] = c.BARE
    marsh = _marsh(rng, kind, height, water, rough)
    label[marsh & ~built] = c.WETLAND
    label[water] = c.WATER
    label = sieve(label, int(rng.integers(20, 200)) if tidy else int(rng.integers(1, 3)))
    return Land(label, height, parcels, (road | streets) & ~water, lake, draw(rng, kind.dryness))


def _terrain(rng: Rng, shape: Shape, kind: Kind) -> Field:
    """Heights in metres: fractal relief on a tilted plane."""
    angle, tilt = rng.uniform(0, 2 * np.pi), draw(rng, kind.tilt)
    rows, cols = np.indices(shape, dtype=np.float64) / max(shape) - 0.5
    plane = 3.0 * tilt * (rows * np.sin(angle) + cols * np.cos(angle))
    noise = fractal(rng, shape, draw(rng, kind.smooth))
    return rounded(draw(rng, kind.relief) * (noise + plane), 4)


def _water(rng: Rng, height: Field, kind: Kind) -> tuple[BoolMask, BoolMask]:
    """``(standing, running)`` water: sea and lakes; rivers, which end in them or leave the image."""
    ring = border(height.shape)
    standing = np.zeros(height.shape, bool)
    if rng.random() < kind.sea:
        standing = drop_small(height <= np.quantile(height, draw(rng, (0.06, 0.5))), 2 * LAKE_PIXELS)
    lakes, has_river = draw(rng, kind.lake), rng.random() < kind.river
    if lakes < 0.005 and not has_river:
        return standing, np.zeros(height.shape, bool)
    low = ring & (height <= np.median(height[ring]))
    drainage = drain(height, low | standing)
    depth = drainage.filled - height
    if lakes >= 0.005:
        standing = standing | drop_small(top(depth, lakes, depth > 0), LAKE_PIXELS)
    if not has_river:
        return standing, np.zeros(height.shape, bool)
    rain = np.ones(height.shape)
    inlets = np.flatnonzero(ring & ~low & ~standing)
    if inlets.size:
        # The valley that brings the river in is the lowest of a few places on the upper rim.
        tries = rng.choice(inlets, 5)
        rain.flat[tries[np.argmin(height.ravel()[tries])]] += height.size * draw(rng, (0.5, 4.0))
    flow = drainage.accumulate(rain)
    course = flow > height.size * draw(rng, (0.1, 0.35))
    return standing, widen(course, flow, draw(rng, kind.river_width)) & ~standing


def _vegetation(rng: Rng, shape: Shape, kind: Kind, moisture: Field, height: Field, rough: float) -> ClassMap:
    """Trees where it is moist, shrubs and bare ground where it is not, grass in between."""

    def patchy(beta: float) -> Field:
        return fractal(rng, shape, beta + 0.8 * (0.7 - rough)) + 0.8 * rough * fractal(rng, shape, 1.2)

    label = np.full(shape, c.GRASS, np.uint8)
    trees = top(0.6 * moisture + patchy(2.6), draw(rng, kind.tree))
    label[trees] = c.TREE
    shrubs = top(patchy(2.2) - 0.3 * moisture, draw(rng, kind.shrub), ~trees)
    label[shrubs] = c.SHRUB
    slope = np.hypot(*np.gradient(height))
    steep = slope / (slope.std() + 1e-6)
    bare = top(patchy(2.6) - 0.4 * moisture + 0.3 * np.round(steep, 6), draw(rng, kind.bare), label == c.GRASS)
    label[bare] = c.BARE
    return label


def _fields(
    rng: Rng, label: ClassMap, kind: Kind, parcels: Parcels, height: Field, rough: float, tidy: bool
) -> ClassMap:
    """Whole parcels under crops on the flatter, lower land; meadows, groves, hedges and single trees among them."""
    score = fractal(rng, label.shape, 3.2) - 0.5 * np.round(height / (height.std() + 1e-6), 6)
    weight = np.bincount(parcels.number.ravel(), minlength=parcels.count)
    total = np.bincount(parcels.number.ravel(), weights=score.ravel(), minlength=parcels.count)
    mean = rounded(total / np.maximum(weight, 1))
    farmed = top(mean[parcels.number], draw(rng, kind.crop))
    chance = rng.random(parcels.count)
    meadow, grove = draw(rng, (0.0, 0.25)), draw(rng, (0.0, 0.06))
    use = np.where(chance < meadow, c.GRASS, np.where(chance > 1 - grove, c.TREE, c.CROP)).astype(np.uint8)
    kept = farmed & (label == c.TREE) & (fractal(rng, label.shape, 1.2) > draw(rng, (0.5, 1.5)))
    cropped = np.where(farmed & ~kept, use[parcels.number], label)
    if not tidy or rng.random() < 0.3:
        hedge = parcels.edge & farmed & (fractal(rng, label.shape, 1.4) > draw(rng, (-1.5, 1.5)))
        cropped[hedge] = c.TREE if rng.random() < 0.6 else c.GRASS
        strays = farmed & (rng.random(label.shape) < 0.004 * rough)
        # Garden plots and odd corners of fields: most patches of a real crop map are small.
        plots = (label == c.GRASS) & ~farmed & (rng.random(label.shape) < 0.012 * rough)
        cropped[ndimage.binary_dilation(plots)] = c.CROP
        cropped[strays] = np.where(rng.random(label.shape) < 0.4, c.TREE, c.GRASS).astype(np.uint8)[strays]
    return cropped


def _verges(rng: Rng, label: ClassMap, road: BoolMask, river: BoolMask) -> ClassMap:
    """Grass and trees along roads and rivers, in stretches."""
    stretches, trees = fractal(rng, label.shape, 1.8), np.uint8(c.TREE)
    beside_road = ndimage.binary_dilation(road, np.ones((3, 3), bool)) & (stretches > draw(rng, (-1.5, 1.5)))
    label = np.where(beside_road & (label == c.CROP), c.GRASS if rng.random() < 0.6 else trees, label)
    near = distance_to(river) <= draw(rng, (0.0, 4.0))
    return np.where(near & (stretches < draw(rng, (-1.5, 1.0))), trees, label).astype(np.uint8)


def _marsh(rng: Rng, kind: Kind, height: Field, water: BoolMask, rough: float) -> BoolMask:
    """Wetland on the low land nearest to water (or in the lowest hollows where there is none)."""
    share = draw(rng, kind.wetland)
    if share < 0.002:
        return np.zeros(height.shape, bool)
    low = -np.round(height / (height.std() + 1e-6), 6)
    near = -0.08 * np.minimum(distance_to(water), 40.0)
    return top(low + near + 0.6 * fractal(rng, height.shape, 2.7 - rough), share, ~water)
