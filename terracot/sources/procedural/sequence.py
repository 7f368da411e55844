"""Land along three to six dates: a reservoir fills or dries, a forest is cleared bit by bit, a town grows, or nothing.

Every process orders its pixels once; on each date those of the highest order are taken, more or fewer of them. So land
changes step by step and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from terracot.scenes import BoolMask
from terracot.sources.procedural import legends as c
from terracot.sources.procedural.change import SMALLEST
from terracot.sources.procedural.fields import Field, Rng, distance_to, draw, drop_small, fractal, top
from terracot.sources.procedural.landcover import Land
from terracot.sources.procedural.parcels import make_parcels

DATES = (3, 6)
PROCESSES: dict[str, float] = {"reservoir": 0.34, "clearing": 0.3, "town": 0.26, "nothing": 0.1}
PLACES: dict[str, tuple[str, ...]] = {
    "reservoir": ("hills", "lakes", "dry", "plain"),
    "clearing": ("hills", "lakes", "meadows"),
    "town": ("town", "plain", "coast"),
    "nothing": ("plain", "hills", "lakes", "coast", "meadows"),
}
"""Kinds of landscape in which each process is plausible."""
SEASONAL, YEARLY = (15, 35), (330, 400)  # days from one date to the next
TOTAL: dict[str, tuple[float, float]] = {"reservoir": (0.05, 0.3), "clearing": (0.05, 0.4), "town": (0.04, 0.2)}
"""Shares of the image that a process reaches."""


@dataclass(frozen=True)
class Course:
    """What happens on how many ``dates``. ``shares`` maps each process to the share of the image it has on each date;
    ``gap_days`` are the fewest and most days between two dates."""

    dates: int
    kind: str
    shares: dict[str, tuple[float, ...]]
    gap_days: tuple[int, int]

    @property
    def name(self) -> str:
        """The processes in words: "town", "reservoir and clearing", "nothing"."""
        return " and ".join(self.shares) or "nothing"


def plan_course(rng: Rng) -> Course:
    """The course of one seed: one process, in three of ten scenes a second one, or nothing."""
    dates = int(rng.integers(DATES[0], DATES[1] + 1))
    first, second = (str(name) for name in rng.choice(list(PROCESSES), 2, replace=False, p=list(PROCESSES.values())))
    kind = str(rng.choice(PLACES[first]))
    chosen = [first, second] if rng.random() < 0.3 and first != "nothing" else [first]
    shares = {name: _shares(rng, dates, name) for name in chosen if name != "nothing"}
    return Course(dates, kind, shares, SEASONAL if first == "reservoir" else YEARLY)


def _shares(rng: Rng, dates: int, process: str) -> tuple[float, ...]:
    """Share of the image on each date. Forests are only cleared and towns only grow; water may also fall, or do both.

    Some steps bring nothing, so that not every step is a change.
    """
    total = draw(rng, TOTAL[process])
    steps = rng.dirichlet([1.3] * (dates - 1)) * (rng.random(dates - 1) > 0.15)
    rising = np.append(0.0, np.cumsum(steps)) / max(float(steps.sum()), 0.05)
    way = rng.choice(["fills", "dries", "both"], p=[0.4, 0.35, 0.25]) if process == "reservoir" else "fills"
    if way == "both":
        rising = rng.random(dates)
    elif way == "dries":
        rising = rising[::-1]
    return tuple(float(share) for share in np.round(total * rising, 6))


def follow(rng: Rng, land: Land, course: Course) -> Sequence[Land]:
    """The land on each date of a course, of which ``land`` is the start (before the reservoir fills)."""
    areas = {name: _areas(rng, land, name, course.shares[name]) for name in PROCESSES if name in course.shares}
    felled = int(rng.choice([c.BARE, c.GRASS, c.CROP]))
    nothing = np.zeros(land.label.shape, bool)
    drowned, lands = nothing.copy(), []
    for t in range(course.dates):
        label = land.label.copy()
        label[areas["clearing"][t] if "clearing" in areas else nothing] = felled
        label[areas["town"][t] if "town" in areas else nothing] = c.BUILT
        bed = areas["reservoir"][t] if "reservoir" in areas else nothing
        drowned |= bed
        label[drowned] = c.BARE  # mud, where the water has left
        label[bed] = c.WATER
        lands.append(replace(land, label=label, lake=land.lake | bed, road=land.road & ~drowned))
    return lands


def _areas(rng: Rng, land: Land, process: str, shares: Sequence[float]) -> list[BoolMask]:
    """Where a process is on each date; of two dates, the area of the smaller share lies in that of the larger."""
    order, within = {"reservoir": _rising, "clearing": _felling, "town": _growing}[process](rng, land)
    return [drop_small(top(order, share, within), SMALLEST) for share in shares]


def _rising(rng: Rng, land: Land) -> tuple[Field, BoolMask]:
    """Water rises over the low land next to it; where there is none, from the lowest ground."""
    water = land.label == c.WATER
    low = -np.round(land.height / (land.height.std() + 1e-6), 6)
    near = -np.minimum(distance_to(water), 60.0) / 15
    return low + np.round(near, 6) + 0.05 * fractal(rng, water.shape, 2.5), ~water


def _felling(rng: Rng, land: Land) -> tuple[Field, BoolMask]:
    """Block by block, from one side of the forest or from the roads."""
    shape = land.label.shape
    blocks = make_parcels(rng, shape, draw(rng, (6.0, 16.0)), warp=0.8)
    front = np.round(-distance_to(land.road) / 20, 6) if rng.random() < 0.5 and land.road.any() else 0.0
    score = fractal(rng, shape, 3.4) + front
    weight = np.maximum(np.bincount(blocks.number.ravel(), minlength=blocks.count), 1)
    mean = np.bincount(blocks.number.ravel(), weights=score.ravel(), minlength=blocks.count) / weight
    when = np.round(mean + 0.3 * rng.standard_normal(blocks.count), 6)
    return when[blocks.number], land.label == c.TREE


def _growing(rng: Rng, land: Land) -> tuple[Field, BoolMask]:
    """Built-up land spreads from where there is most of it, along roads, with gaps."""
    open_land = np.isin(land.label, (c.GRASS, c.CROP, c.BARE, c.SHRUB))
    core = drop_small(land.label == c.BUILT, 20)
    if not core.any() and open_land.any():
        core.flat[rng.choice(np.flatnonzero(open_land))] = True
    far = distance_to(core)
    near = np.minimum(far / 8, 0.5 + 0.4 * distance_to(land.road | core)) + far / 40
    noise = 0.7 * fractal(rng, core.shape, 2.6) + 0.25 * rng.standard_normal(core.shape)
    return np.round(noise - near, 6), open_land
