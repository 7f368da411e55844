"""Towns, farms and roads of a landscape at 10 m."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terracot.scenes import BoolMask
from terracot.sources.procedural.fields import Field, Rng, Shape, distance_to, draw, fractal, rounded


@dataclass(frozen=True)
class Town:
    """Centre (row, column), radius of the built area in pixels; angle, spacing, and how long the town
    is for its width."""

    row: float
    col: float
    radius: float
    angle: float
    spacing: float
    stretch: float


def place_towns(rng: Rng, suitability: Field, dry: BoolMask, count: int, radius: tuple[float, float]) -> list[Town]:
    """``count`` towns at the most suitable of random dry places (fewer when there is no dry land)."""
    places = np.flatnonzero(dry)
    if count == 0 or places.size == 0:
        return []
    towns = []
    for _ in range(count):
        tries = rng.choice(places, 6)
        best = tries[np.argmax(suitability.ravel()[tries])]
        row, col = divmod(int(best), dry.shape[1])
        size, angle, spacing = rng.uniform(*radius), rng.uniform(0, np.pi), rng.uniform(6, 11)
        towns.append(Town(row, col, float(size), float(angle), float(spacing), float(rng.uniform(1, 1.8))))
    return towns


def draw_roads(rng: Rng, shape: Shape, towns: list[Town]) -> BoolMask:
    """Country roads, one pixel wide: from every town to the next one and out of the image."""
    height, width = shape
    ends = [(t.row, t.col) for t in towns] or [(rng.uniform(0, height), rng.uniform(0, width))]
    road = np.zeros(shape, bool)
    for number, start in enumerate(ends):
        goals = [ends[number + 1]] if number + 1 < len(ends) else []
        goals += [_outside(rng, shape) for _ in range(rng.integers(1, 3))]
        for goal in goals:
            _curve(rng, road, start, goal)
    return road


def _outside(rng: Rng, shape: Shape) -> tuple[float, float]:
    side, where = rng.integers(4), rng.random()
    row = (-1.0, float(shape[0]), where * shape[0], where * shape[0])[side]
    col = (where * shape[1], where * shape[1], -1.0, float(shape[1]))[side]
    return row, col


def _curve(rng: Rng, road: BoolMask, start: tuple[float, float], goal: tuple[float, float]) -> None:
    """A quadratic Bezier curve with a bent middle."""
    a, b = np.array(start), np.array(goal)
    middle = (a + b) / 2 + rng.normal(0, 0.15, 2) * (np.abs(b - a).sum() + 1)
    s = np.linspace(0, 1, 4 * max(road.shape))[:, None]
    points = np.rint((1 - s) ** 2 * a + 2 * s * (1 - s) * middle + s**2 * b).astype(np.intp)
    inside = np.all((points >= 0) & (points < road.shape), axis=1)
    road[points[inside, 0], points[inside, 1]] = True


def build(
    rng: Rng, shape: Shape, towns: list[Town], road: BoolMask, farms: int, rough: float
) -> tuple[BoolMask, BoolMask]:
    """``(built, streets)``: built-up pixels of towns and farms, and the streets among them."""
    built, streets = np.zeros(shape, bool), np.zeros(shape, bool)
    if towns:
        grain = 0.45 * fractal(rng, shape, 2.6) + rough * 0.8 * rng.standard_normal(shape)
        ribbon = 0.45 * np.exp(-distance_to(road) / 2.5)  # houses line the roads first
        parks = fractal(rng, shape, 2.8) > draw(rng, (1.0, 2.5))
        rows, cols = np.indices(shape, dtype=np.float64)
        for town in towns:
            dy, dx = rows - town.row, cols - town.col
            u = dx * np.cos(town.angle) + dy * np.sin(town.angle)
            v = dy * np.cos(town.angle) - dx * np.sin(town.angle)
            density = 0.9 - np.hypot(u, town.stretch * v) / town.radius + ribbon + grain
            core = (rounded(density) > 0) & (np.hypot(dy, dx) < 3 * town.radius) & ~parks
            grid = (rounded(u) % town.spacing < 1) | (rounded(v) % (1.6 * town.spacing) < 1)
            streets |= core & grid
            built |= core
    built |= road & (fractal(rng, shape, 1.6) > draw(rng, (-1.5, 1.2)))
    for size in 1 + (rng.random((farms, 2)) < 0.3):
        row, col = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
        built[row : row + size[0], col : col + size[1]] = True
    return built, streets
