"""Web-Mercator tiles of SatlasPretrain: where a quadrant of a tile lies, and which quadrant a picture shows.

Tiles are numbered by column and row at zoom 13 and have 512 x 512 pixels; data sets cut them into four pictures
``patch00`` to ``patch11``. Under either reading of the two digits, (row, column) or (column, row), 00 is the north-west
and 11 the south-east quadrant. Which of 01 and 10 is the north-east one was never published, so ``read_digits`` asks
the tile itself, and is silent where the tile does not say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

CRS = "EPSG:3857"
TILES = 2**13
"""Tiles along either axis of the world at zoom 13."""
TILE_PX = 512
PATCH_PX = 256
PIXEL = 2 * math.pi * 6378137.0 / (TILES * TILE_PX)
"""Edge of a pixel in the units of EPSG:3857: 9.5546, which are metres at the equator only."""

Order = Literal["row, column", "column, row"]
Corner = tuple[int, int]
"""Row and column of a quadrant in its tile."""
NW, NE, SW, SE = (0, 0), (0, 1), (1, 0), (1, 1)

CLEAR = 4.0
"""A tile decides when its statistic is this far from 0; chance alone gives it a standard deviation of about 1."""


def transform_of(col: int, row: int, corner: Corner | None = None) -> tuple[float, float, float, float, float, float]:
    """Affine numbers a, b, c, d, e, f of a tile in EPSG:3857, or of one of its quadrants."""
    down, across = corner or (0, 0)
    left = (col + across / 2 - TILES / 2) * TILE_PX * PIXEL
    upper = (TILES / 2 - row - down / 2) * TILE_PX * PIXEL
    return PIXEL, 0.0, left, 0.0, -PIXEL, upper


def centre_of(col: int, row: int) -> tuple[float, float]:
    """Longitude and latitude of the middle of a tile, in degrees."""
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (row + 0.5) / TILES))))
    return (col + 0.5) / TILES * 360 - 180, lat


def corner_of(digits: str, order: Order) -> Corner:
    """Quadrant that the two digits mean under an order."""
    first, second = int(digits[0]), int(digits[1])
    return (first, second) if order == "row, column" else (second, first)


@dataclass(frozen=True)
class Reading:
    """What a tile says of the order of the digits.

    ``statistic`` is above 0 for (row, column) and below for (column, row), in standard deviations of what pictures that
    have nothing to do with the tile would give. ``comparisons`` is how many went into it.
    """

    statistic: float
    comparisons: int

    @property
    def order(self) -> Order | None:
        """The order, or None when the tile does not say."""
        if abs(self.statistic) < CLEAR:
            return None
        return "row, column" if self.statistic > 0 else "column, row"


def read_digits(pictures: Mapping[str, npt.NDArray[Any]], codes: npt.NDArray[Any]) -> Reading:
    """Tell the order of the digits from pictures ``(C, h, w)`` of a tile by digits, and its ``(2 h, 2 w)`` land cover.

    Each comparison is made for both orders, and the difference counts: edges in the picture against class boundaries of
    the quadrant it would be, and the outermost pixels of two pictures that would be neighbours. A comparison is the
    correlation where things would lie, in standard deviations of the same correlation at all other shifts, so that
    neither rough pictures nor many boundaries count as agreement. 0 in ``codes`` is no class.
    """
    grey = {digits: bands.astype(np.float64).mean(axis=0) for digits, bands in pictures.items()}
    boundaries = _boundaries(codes)
    one = list(_agreements(grey, boundaries, "row, column"))
    other = list(_agreements(grey, boundaries, "column, row"))
    return Reading((sum(one) - sum(other)) / math.sqrt(2 * max(len(one), 1)), len(one))


def _agreements(
    grey: Mapping[str, npt.NDArray[np.float64]], boundaries: npt.NDArray[np.float64], order: Order
) -> Iterator[float]:
    """How well pictures fit where an order puts them; the same number of values for either order."""
    height, width = boundaries.shape[0] // 2, boundaries.shape[1] // 2
    placed = {corner_of(digits, order): picture for digits, picture in sorted(grey.items())}
    for digits in ("01", "10"):
        if digits in grey:
            down, across = corner_of(digits, order)
            there = boundaries[down * height :, across * width :][:height, :width]
            yield _agreement(_edges(grey[digits]), there)
    for a, b in ((NW, NE), (SW, SE)):
        if a in placed and b in placed:
            yield _agreement(np.diff(placed[a][:, -1]), np.diff(placed[b][:, 0]))
    for a, b in ((NW, SW), (NE, SE)):
        if a in placed and b in placed:
            yield _agreement(np.diff(placed[a][-1]), np.diff(placed[b][0]))


def _edges(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much a picture changes at each pixel; the logarithm keeps one bright roof from outweighing a coast."""
    return np.asarray(np.log1p(np.hypot(*np.gradient(picture))))


def _boundaries(codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 at pixels whose neighbour to the right or below has another class, else 0."""
    found = np.zeros(codes.shape)
    for a, b, at in ((codes[:, :-1], codes[:, 1:], found[:, :-1]), (codes[:-1], codes[1:], found[:-1])):
        at[(a != b) & (a != 0) & (b != 0)] = 1
    return found


def _agreement(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Correlation of two arrays of one shape in standard deviations of that at all circular shifts; 0 if constant."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    if norm == 0:
        return 0.0
    at_shifts = np.fft.irfftn(np.conj(np.fft.rfftn(a)) * np.fft.rfftn(b), a.shape, axes=range(a.ndim)) / norm
    spread = float(at_shifts.std())
    return float(at_shifts.flat[0]) / spread if spread > 1e-9 else 0.0
