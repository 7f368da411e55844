"""Buildings of a settlement at 1 m: where they stand, and what a disaster leaves of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terracot.scenes import BoolMask
from terracot.sources.procedural.fields import Field, Rng, Shape, draw, fractal

DAMAGE = ("no-damage", "minor-damage", "major-damage", "destroyed")
SMALLEST = 12  # pixels of a building, after the image border has cut it
MOST = 60  # buildings per 128 x 128 pixels


@dataclass(frozen=True)
class Town:
    """A settlement's plan. ``number`` (H, W) int32: building of each pixel, 0 outside; ``across`` (H, W): position
    across the ridge of its roof, -1..1; ``road`` (H, W); ``heights`` in pixels, ``damage`` 0..3, both by building.
    """

    number: npt.NDArray[np.int32]
    across: Field
    road: BoolMask
    heights: Field
    damage: npt.NDArray[np.int64]


def plan_town(rng: Rng, shape: Shape) -> Town:
    """Streets on a bent grid, lots along them, one building on most lots; then the damage of every building."""
    rows, cols = np.indices(shape, dtype=np.float64)
    angle, side = rng.uniform(0, np.pi), float(np.exp(rng.uniform(np.log(8.5), np.log(19))))
    pitch, disorder = side * draw(rng, (1.3, 2.1)), draw(rng, (0.0, 1.0)) ** 2
    warp = 2 + 5 * disorder
    y, x = rows + warp * fractal(rng, shape, 3.6), cols + warp * fractal(rng, shape, 3.6)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    road = _streets(rng, u, v, pitch)
    number, across = np.zeros(shape, np.int32), np.zeros(shape)
    taken = road.copy()
    most = max(1, round(MOST * shape[0] * shape[1] / 128**2))
    heights: list[float] = []
    vacancy = draw(rng, (0.0, 0.45))
    for row, col in _lots(rng, shape, angle, pitch, disorder):
        if len(heights) == most:
            break
        length, width = side * draw(rng, (0.75, 1.45)), side * draw(rng, (0.55, 0.95))
        turn = angle + rng.choice([0, np.pi / 2]) + rng.normal(0, 0.03 + 0.3 * disorder)
        if rng.random() >= vacancy and _stand(number, across, taken, (row, col, length, width, turn), len(heights) + 1):
            heights.append(draw(rng, (4.0, 10.0)))
    return Town(number, across, road, np.array(heights), _strike(rng, number, len(heights)))


def _streets(rng: Rng, u: Field, v: Field, pitch: float) -> BoolMask:
    """Parallel streets two lots apart, crossed by fewer; some places have only one direction."""
    width = draw(rng, (4.0, 9.0))
    along, crossing = draw(rng, (2.1, 3.2)) * pitch + width, draw(rng, (4.0, 8.0)) * pitch
    road: BoolMask = np.round(u + rng.uniform(0, along), 6) % along < width
    if rng.random() < 0.8:
        road |= np.round(v + rng.uniform(0, crossing), 6) % crossing < 0.8 * width
    return road


def _lots(rng: Rng, shape: Shape, angle: float, pitch: float, disorder: float) -> Field:
    """``(n, 2)`` rows and columns of lots: a turned, jittered grid over the image, in random order."""
    reach = int(np.ceil(0.75 * max(shape) / pitch)) + 1
    steps = np.arange(-reach, reach + 1) * pitch
    u, v = np.meshgrid(steps, steps)
    places = np.stack([u.ravel(), v.ravel()]) + rng.normal(0, 0.08 + 0.2 * disorder, (2, u.size)) * pitch
    row = places[1] * np.cos(angle) + places[0] * np.sin(angle) + shape[0] / 2
    col = places[0] * np.cos(angle) - places[1] * np.sin(angle) + shape[1] / 2
    lots = np.round(np.stack([row, col], axis=1), 3)
    inside = np.all((lots > -3) & (lots < np.array(shape) + 3), axis=1)
    return np.asarray(rng.permutation(lots[inside]))


def _stand(
    number: npt.NDArray[np.int32],
    across: Field,
    taken: BoolMask,
    box: tuple[float, float, float, float, float],
    n: int,
) -> bool:
    """Put building ``n`` on the map if its ground, and one pixel around it, is free; says whether it did."""
    row, col, length, width, turn = box
    reach = int(np.hypot(length, width) / 2) + 2
    top, left = max(int(row) - reach, 0), max(int(col) - reach, 0)
    window = (slice(top, max(int(row) + reach + 1, 0)), slice(left, max(int(col) + reach + 1, 0)))
    y, x = np.indices(number[window].shape, dtype=np.float64)
    y, x = y + top - row, x + left - col
    along = np.round(x * np.cos(turn) + y * np.sin(turn), 6)
    aside = np.round(y * np.cos(turn) - x * np.sin(turn), 6)
    body = (np.abs(along) <= length / 2) & (np.abs(aside) <= width / 2)
    if np.count_nonzero(body) < SMALLEST or np.any(body & taken[window]):
        return False
    number[window][body] = n
    across[window][body] = (2 * aside / width)[body]
    # The ring around it is taken too: two buildings never share an edge or a corner.
    taken[window] |= ndimage.binary_dilation(body, np.ones((3, 3), bool))
    return True


def _strike(rng: Rng, number: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    """Damage by building: the severity of the scene, weaker away from the middle of an impact zone."""
    severity, reach = rng.uniform(0.45, 1.25), draw(rng, (0.4, 1.5)) * max(number.shape)
    middle = rng.uniform(0, 1, 2) * number.shape
    if count == 0 or rng.random() < 0.06:
        return np.zeros(count, np.int64)
    centres = np.array(ndimage.center_of_mass(number > 0, number, np.arange(1, count + 1)))
    distance = np.hypot(*(centres - middle).T)
    harm = severity * np.exp(-((distance / reach) ** 2)) + rng.normal(0, 0.2, count)
    return np.asarray(np.searchsorted([0.3, 0.5, 0.7], np.round(harm, 6)), np.int64)
