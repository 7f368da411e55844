"""GroundSampling: how big a pixel is, and the only place that turns pixels into metres.

Rules (see docs/ground-sampling.md for the oracles):

* nine pixels (middle, corners, middles of the edges) are measured on the CRS's own ellipsoid: steps, diagonals, area;
* a projection that is true there (areas to 0.3 %, lengths to 0.5 %) is taken at its word: the affine transform, times
  the CRS's linear unit;
* any other projection (EPSG:3857, equal-area world maps, UTM far outside its zone) and every geographic CRS: geodesic
  areas row by row (``cos2(lat)`` alone is off by up to 0.7 %), steps at the middle pixel, and how far others differ;
* an identity transform is no georeference;
* metres stated by a source's layout are ``nominal``: questions in metres are asked, marked and reported apart;
* otherwise ``unknown``: no question in metres is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from terracot.memo import remembered

Basis = Literal["measured", "nominal", "unknown"]
Transform = tuple[float, float, float, float, float, float]
Floats = npt.NDArray[np.float64]
IDENTITY: Transform = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

MAX_SHEAR = 1e-3  # cosine of the angle between the pixel axes that still counts as a right angle
MAX_AREAL_DRIFT = 0.003  # a projection whose areas are off by more than this is measured on the ellipsoid instead
MAX_STEP_DRIFT = 0.005  # and so is one whose steps or diagonals are

# Points of a pixel, as shares of it across and down: its corners, clockwise from the upper left, then the middles of
# its left, right, upper and lower edge.
_ACROSS = np.array([0, 1, 1, 0, 0, 1, 0.5, 0.5])
_DOWN = np.array([0, 0, 1, 1, 0.5, 0.5, 0, 1])
_CORNERS = slice(0, 4)
_MIDDLE = 4  # of nine pixels, row by row
_FROM, _TO = [4, 6, 0, 1], [5, 7, 2, 3]  # the step across, the step down, and the two diagonals


class GroundError(ValueError):
    """A georeference that cannot be turned into metres."""


@dataclass(frozen=True)
class GroundSampling:
    """Size of the pixels of one raster.

    ``dy_m`` and ``dx_m`` are the steps between the centres of neighbouring pixels down and across, in metres, at the
    middle of the raster. ``row_areas_m2`` holds one pixel area per row, or a single value when all rows are alike.
    ``drift`` is the largest relative deviation of a pixel's steps and diagonals from what ``(dy_m, dx_m)`` predict,
    ``area_drift`` that of a pixel's area from its row's, both over middle, corners and middles of the edges: 0.0 where
    an affine transform was found true to ``MAX_STEP_DRIFT`` and ``MAX_AREAL_DRIFT``, 1.0 and more off the map.
    All are ``None`` / empty when ``basis`` is ``unknown``. ``origin`` says in words where the numbers come from.
    """

    basis: Basis
    dy_m: float | None = None
    dx_m: float | None = None
    row_areas_m2: tuple[float, ...] = ()
    drift: float = 0.0
    origin: str = ""
    area_drift: float = 0.0

    @classmethod
    def unknown(cls, origin: str = "no georeference") -> GroundSampling:
        """A raster about whose pixel size nothing is known; metre questions raise ``GroundError``."""
        return cls("unknown", origin=origin)

    @classmethod
    def nominal(cls, dy_m: float, dx_m: float, origin: str) -> GroundSampling:
        """A pixel size that somebody states (metres), for rasters without a georeference."""
        if not (dy_m > 0 and dx_m > 0 and math.isfinite(dy_m * dx_m)):
            raise GroundError(f"nominal pixel size must be positive metres, found {dy_m} x {dx_m} ({origin})")
        return cls("nominal", float(dy_m), float(dx_m), (float(dy_m) * float(dx_m),), origin=origin)

    @classmethod
    def from_georeference(cls, crs: str | None, transform: Sequence[float], shape: tuple[int, int]) -> GroundSampling:
        """Measure the pixels of an ``(H, W)`` raster.

        ``crs`` is anything pyproj reads ("EPSG:32633", WKT) or None; ``transform`` the six numbers a, b, c, d, e, f
        of ``x = a col + b row + c``, ``y = d col + e row + f``. Raises ``GroundError`` for a CRS without a usable
        transform, a transform with sheared or degenerate pixels, or a CRS that is not understood.
        """
        t = _six(transform)
        if t == IDENTITY or (abs(t[0]), t[1], t[2], t[3], abs(t[4]), t[5]) == IDENTITY:
            if crs:
                raise GroundError(
                    f"CRS {crs_label(crs)} comes with an identity transform, which is no georeference; expected an "
                    "affine transform in CRS units. Re-export the raster with its geotransform, or state the pixel "
                    "size as nominal metres in the layout (ground: {nominal_m: [dy, dx]})"
                )
            return cls.unknown("identity transform")
        if not crs:
            return cls.unknown("transform without a CRS")
        return _measure(crs, t, (int(shape[0]), int(shape[1])))

    @property
    def known(self) -> bool:
        """True when lengths and areas in metres may be asked for."""
        return self.basis != "unknown"

    @cached_property
    def pixel_area_m2(self) -> float:
        """Mean area of one pixel over the rows, in square metres."""
        self._require()
        return float(np.mean(self.row_areas_m2))

    @property
    def sampling(self) -> tuple[float, float]:
        """``(dy, dx)`` in metres, as distance transforms take it."""
        self._require()
        assert self.dy_m is not None
        assert self.dx_m is not None
        return self.dy_m, self.dx_m

    def areas_of_rows(self, height: int) -> npt.NDArray[np.float64]:
        """``(height,)`` pixel areas in square metres, one per row."""
        self._require()
        if len(self.row_areas_m2) == 1:
            return np.full(height, self.row_areas_m2[0])
        if len(self.row_areas_m2) != height:
            raise GroundError(f"ground sampling has {len(self.row_areas_m2)} rows, the mask has {height}")
        return np.asarray(self.row_areas_m2)

    def area_m2(self, mask: npt.NDArray[np.bool_]) -> float:
        """Area of an ``(H, W)`` boolean mask in square metres."""
        self._require()
        return float(_row_counts(mask) @ self.areas_of_rows(mask.shape[0]))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for Arrow and JSON; ``from_dict`` reads them back."""
        return {
            "basis": self.basis,
            "dy_m": self.dy_m,
            "dx_m": self.dx_m,
            "row_areas_m2": list(self.row_areas_m2),
            "drift": self.drift,
            "origin": self.origin,
            "area_drift": self.area_drift,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> GroundSampling:
        """Read what ``to_dict`` wrote."""
        return cls(
            value["basis"],
            value["dy_m"],
            value["dx_m"],
            tuple(value["row_areas_m2"]),
            value["drift"],
            value["origin"],
            value["area_drift"],
        )

    def _require(self) -> None:
        if not self.known:
            raise GroundError(f"pixel size is unknown ({self.origin}); no length or area in metres can be given")


@remembered
def _row_counts(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    # half the time of ``count_nonzero`` along an axis
    return np.asarray(mask.view(np.uint8).sum(axis=1, dtype=np.uint32))


def crs_label(crs: str) -> str:
    """Short name of a CRS ("EPSG:32633"), for messages and provenance."""
    import pyproj

    try:
        parsed = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return crs[:60]
    return _label(parsed)


def _label(parsed: Any) -> str:
    authority = parsed.to_authority(min_confidence=100)
    return ":".join(authority) if authority else str(parsed.name)


def _six(transform: Sequence[float]) -> Transform:
    values = tuple(float(v) for v in tuple(transform)[:6])
    if len(values) != 6 or not all(math.isfinite(v) for v in values):
        raise GroundError(f"expected six finite affine numbers a, b, c, d, e, f; found {tuple(transform)}")
    return values


@lru_cache(maxsize=4096)
def _measure(crs: str, t: Transform, shape: tuple[int, int]) -> GroundSampling:
    a, b, _, d, e, _ = t
    across, down, area = math.hypot(a, d), math.hypot(b, e), abs(a * e - b * d)
    if across == 0 or down == 0 or area < 1e-12 * across * down:
        raise GroundError(f"degenerate transform {t}: pixels have no area")
    system = _system(crs)
    parsed, label = system.parsed, system.label
    # Not in degrees: right angles there are not those on the ground, whose diagonals are measured as part of the drift.
    if not parsed.is_geographic and abs(a * b + d * e) > MAX_SHEAR * across * down:
        raise GroundError(f"sheared transform {t}: pixel axes are not at right angles; warp the raster first")
    if not (parsed.is_projected or parsed.is_geographic):
        raise GroundError(f"CRS {label} is neither projected nor geographic; expected one of the two")
    to_earth = _ToEarth(system, t)
    rows, steps, areas = to_earth.probe(shape)
    if parsed.is_projected:
        unit = float(parsed.axis_info[0].unit_conversion_factor)
        dy, dx, area = down * unit, across * unit, area * unit * unit
        if _deviation(area, areas) <= MAX_AREAL_DRIFT and _deviation(steps, _predicted(dy, dx)) <= MAX_STEP_DRIFT:
            return GroundSampling("measured", dy, dx, (area,), origin=f"{label}, affine transform")
    of_rows = to_earth.row_areas(shape)
    dx, dy = steps[_MIDDLE, 0], steps[_MIDDLE, 1]
    if not (np.isfinite([dx, dy, *of_rows]).all() and min(dx, dy, *of_rows) > 0):
        raise GroundError(
            f"transform {t} lies outside {label}: its pixels have no area on the ellipsoid; expected coordinates "
            "of that CRS"
        )
    return GroundSampling(
        "measured",
        float(dy),
        float(dx),
        tuple(of_rows),
        _deviation(steps, _predicted(dy, dx)),
        f"{label}, geodesic area of each row",
        _deviation(areas, np.array(of_rows)[rows]),
    )


def _predicted(dy: float, dx: float) -> Floats:
    """Step across, step down and both diagonals of a pixel of these steps, where directions are at right angles."""
    return np.array([dx, dy, math.hypot(dx, dy), math.hypot(dx, dy)])


def _deviation(found: Floats | float, expected: Floats) -> float:
    """Largest relative deviation, 1.0 where there is nothing to measure.

    It is stored and compared, so it is rounded to what no version of PROJ disputes.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        shares = np.abs(found / expected - 1)
    return round(float(np.where(np.isfinite(shares), shares, 1.0).max()), 6)


class _System:
    """A CRS and the way from it to longitude and latitude; ``GroundError`` when it is not understood."""

    def __init__(self, crs: str) -> None:
        import pyproj

        try:
            self.parsed: Any = pyproj.CRS.from_user_input(crs)
        except pyproj.exceptions.CRSError as error:
            raise GroundError(f"CRS {crs[:80]!r} is not understood ({error}); expected an EPSG code or WKT") from error
        self.label = _label(self.parsed)

    @cached_property
    def geod(self) -> Any:
        """Its ellipsoid."""
        return self.parsed.get_geod()

    @cached_property
    def _base(self) -> Any:
        return self.parsed if self.parsed.is_geographic else self.parsed.geodetic_crs

    @cached_property
    def project(self) -> Any:
        """To its longitude and latitude; None where it has no others."""
        import pyproj

        return (
            None if self.parsed.is_geographic else pyproj.Transformer.from_crs(self.parsed, self._base, always_xy=True)
        )

    @cached_property
    def degrees(self) -> float:
        """Degrees in one unit of its longitude: 1, but a few old systems count in grads."""
        return math.degrees(self._base.axis_info[0].unit_conversion_factor)


@lru_cache(maxsize=64)
def _system(crs: str) -> _System:
    """Most scenes of a source share a CRS, and reading it takes longer than all measurements on it."""
    return _System(crs)


class _ToEarth:
    """Pixels of one raster on the ellipsoid of its CRS."""

    def __init__(self, system: _System, t: Transform) -> None:
        self.t, self.system, self.geod = t, system, system.geod

    def lonlat(self, cols: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """Longitude and latitude in degrees of points of the raster; not finite off the map."""
        t, project, degrees = self.t, self.system.project, self.system.degrees
        x, y = t[0] * cols + t[1] * rows + t[2], t[3] * cols + t[4] * rows + t[5]
        if project is not None:
            x, y = project.transform(x, y)
        x, y = x * degrees, y * degrees
        if project is None and np.any(np.abs(y) > 90):
            raise GroundError(f"transform {t} gives latitudes beyond 90 degrees in {self.system.label}")
        return x, y

    def probe(self, shape: tuple[int, int]) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
        """Nine pixels, the middle one at ``_MIDDLE``: ``(9,)`` rows, ``(9, 4)`` steps (across, down, diagonals) in
        metres, ``(9,)`` areas in square metres."""
        rows, cols = (np.array([0, size // 2, size - 1]) for size in shape)
        rows, cols = np.repeat(rows, 3), np.tile(cols, 3)
        lon, lat = self.lonlat(cols[:, None] + _ACROSS, rows[:, None] + _DOWN)
        steps = self.geod.inv(lon[:, _FROM], lat[:, _FROM], lon[:, _TO], lat[:, _TO])[2]
        return rows, np.asarray(steps), np.array(self._areas(lon[:, _CORNERS], lat[:, _CORNERS]))

    def row_areas(self, shape: tuple[int, int]) -> list[float]:
        """Area of the middle pixel of each row, in square metres."""
        edges, left = np.arange(shape[0] + 1.0), np.full(shape[0] + 1, shape[1] // 2)
        lon, lat = self.lonlat(np.stack([left, left + 1], axis=1), np.stack([edges, edges], axis=1))
        around = [np.concatenate([v[:-1], v[1:, ::-1]], axis=1) for v in (lon, lat)]  # clockwise from the upper left
        return self._areas(*around)

    def _areas(self, lons: Floats, lats: Floats) -> list[float]:
        """Areas of ``(n, 4)`` corners."""
        return [abs(self.geod.polygon_area_perimeter(x, y)[0]) for x, y in zip(lons, lats, strict=True)]
