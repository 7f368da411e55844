"""The second date of a landscape: clearing, planting, building, floods and drained lakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from terracot.scenes import BoolMask
from terracot.sources.procedural import legends as c
from terracot.sources.procedural.fields import Rng, distance_to, draw, drop_small, fractal, ragged, top
from terracot.sources.procedural.landcover import Land
from terracot.sources.procedural.parcels import make_parcels

SMALLEST = 6  # pixels; smaller changes are not mapped


def later(rng: Rng, land: Land) -> Land:
    """The land some years on: one to three events of widely varying size; sometimes nothing happens."""
    label, lake = land.label.copy(), land.lake.copy()
    count = int(rng.choice([0, 1, 2, 3], p=[0.08, 0.42, 0.35, 0.15]))
    events = [_clearing, _growth, _flood, _planting]
    for number in rng.permutation(len(events))[:count]:
        area, becomes = events[number](rng, replace(land, label=label, lake=lake))
        area = drop_small(area, SMALLEST)
        label[area] = becomes
        lake[area] = becomes == c.WATER
    return replace(land, label=label, lake=lake, road=land.road & (label != c.WATER))


def _clearing(rng: Rng, land: Land) -> tuple[BoolMask, int]:
    """Blocks of forest are felled; bare ground, grass or fields follow."""
    trees = land.label == c.TREE
    blocks = make_parcels(rng, trees.shape, draw(rng, (6.0, 16.0)), warp=0.8)
    chosen = rng.random(blocks.count) < draw(rng, (0.05, 0.6))
    near = fractal(rng, trees.shape, 3.0) > draw(rng, (-1.0, 0.8))
    return trees & chosen[blocks.number] & near, int(rng.choice([c.BARE, c.GRASS, c.CROP]))


def _growth(rng: Rng, land: Land) -> tuple[BoolMask, int]:
    """Built-up land spreads from where there is some, along its edge."""
    open_land = np.isin(land.label, (c.GRASS, c.CROP, c.BARE, c.SHRUB))
    core = drop_small(land.label == c.BUILT, 20)
    if not core.any() and open_land.any():
        core.flat[rng.choice(np.flatnonzero(open_land))] = True
    score = -np.round(distance_to(core), 6) / 8 + 0.8 * fractal(rng, core.shape, 2.6)
    grown = top(score, draw(rng, (0.01, 0.12)), open_land)
    return grown & (ragged(rng, grown.astype(np.uint8), 0.5) > 0), c.BUILT


def _flood(rng: Rng, land: Land) -> tuple[BoolMask, int]:
    """Water rises over the low land next to it, or fills the lowest ground."""
    water = land.label == c.WATER
    low = -np.round(land.height / (land.height.std() + 1e-6), 6) - np.minimum(distance_to(water), 60.0) / 15
    return top(low + 0.1 * fractal(rng, water.shape, 2.5), draw(rng, (0.02, 0.25)), ~water), c.WATER


def _planting(rng: Rng, land: Land) -> tuple[BoolMask, int]:
    """Whole parcels of open land are planted with trees."""
    open_land = np.isin(land.label, (c.GRASS, c.CROP, c.SHRUB))
    chosen = rng.random(land.parcels.count) < draw(rng, (0.03, 0.3))
    return open_land & chosen[land.parcels.number], c.TREE
