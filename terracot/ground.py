"""GroundSampling: how big a pixel is, and the only place that turns pixels into metres.

Rules (see docs/ground-sampling.md for the oracles):

* projected CRS: from the affine transform, times the CRS's linear unit;
* geographic CRS, EPSG:3857 and any projection whose areal scale is off by more than 1 % at the image centre:
  geodesic areas on the CRS's own ellipsoid, row by row (``cos2(lat)`` alone is off by up to 0.7 %);
* an identity transform is no georeference;
* metres stated by a source's layout are ``nominal``: questions in metres are asked, marked and reported apart;
* otherwise ``unknown``: no question in metres is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Basis = Literal["measured", "nominal", "unknown"]
Transform = tuple[float, float, float, float, float, float]
IDENTITY: Transform = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

MAX_SHEAR = 1e-3  # cosine of the angle between the pixel axes that still counts as a right angle
MAX_AREAL_DRIFT = 0.01  # a projection off by more than this is measured on the ellipsoid instead


class GroundError(ValueError):
    """A georeference that cannot be turned into metres."""


@dataclass(frozen=True)
class GroundSampling:
    """Size of the pixels of one raster.

    ``dy_m`` and ``dx_m`` are the steps between the centres of neighbouring pixels down and across, in metres, at the
    middle of the raster. ``row_areas_m2`` holds one pixel area per row, or a single value when all rows are alike.
    ``drift`` is the largest relative change of either step over the raster: distances are exact to that share.
    All are ``None`` / empty when ``basis`` is ``unknown``. ``origin`` says in words where the numbers come from.
    """

    basis: Basis
    dy_m: float | None = None
    dx_m: float | None = None
    row_areas_m2: tuple[float, ...] = ()
    drift: float = 0.0
    origin: str = ""

    @classmethod
    def unknown(cls, origin: str = "no georeference") -> GroundSampling:
        """A raster about whose pixel size nothing is known; metre questions raise ``GroundError``."""
        return cls("unknown", origin=origin)

    @classmethod
    def nominal(cls, dy_m: float, dx_m: float, origin: str) -> GroundSampling:
        """A pixel size that somebody states (metres), for rasters without a georeference."""
        if not (dy_m > 0 and dx_m > 0 and math.isfinite(dy_m * dx_m)):
            raise GroundError(f"nominal pixel size must be positive metres, found {dy_m} x {dx_m} ({origin})")
        return cls("nominal", float(dy_m), float(dx_m), (float(dy_m) * float(dx_m),), 0.0, origin)

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

    @property
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
        return float(np.count_nonzero(mask, axis=1) @ self.areas_of_rows(mask.shape[0]))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for Arrow and JSON; ``from_dict`` reads them back."""
        return {
            "basis": self.basis,
            "dy_m": self.dy_m,
            "dx_m": self.dx_m,
            "row_areas_m2": list(self.row_areas_m2),
            "drift": self.drift,
            "origin": self.origin,
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
        )

    def _require(self) -> None:
        if not self.known:
            raise GroundError(f"pixel size is unknown ({self.origin}); no length or area in metres can be given")


def crs_label(crs: str) -> str:
    """Short name of a CRS ("EPSG:32633"), for messages and provenance."""
    import pyproj

    try:
        parsed = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return crs[:60]
    authority = parsed.to_authority(min_confidence=100)
    return ":".join(authority) if authority else parsed.name


def _six(transform: Sequence[float]) -> Transform:
    values = tuple(float(v) for v in tuple(transform)[:6])
    if len(values) != 6 or not all(math.isfinite(v) for v in values):
        raise GroundError(f"expected six finite affine numbers a, b, c, d, e, f; found {tuple(transform)}")
    return values


@lru_cache(maxsize=4096)
def _measure(crs: str, t: Transform, shape: tuple[int, int]) -> GroundSampling:
    import pyproj

    a, b, _, d, e, _ = t
    across, down = math.hypot(a, d), math.hypot(b, e)
    if across == 0 or down == 0 or abs(a * e - b * d) < 1e-12 * across * down:
        raise GroundError(f"degenerate transform {t}: pixels have no area")
    if abs(a * b + d * e) > MAX_SHEAR * across * down:
        raise GroundError(f"sheared transform {t}: pixel axes are not at right angles; warp the raster first")
    try:
        parsed = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise GroundError(f"CRS {crs[:80]!r} is not understood ({error}); expected an EPSG code or WKT") from error
    label = crs_label(crs)
    if parsed.is_projected and abs(_areal_scale(parsed, t, shape) - 1) <= MAX_AREAL_DRIFT:
        unit = float(parsed.axis_info[0].unit_conversion_factor)
        dy, dx = down * unit, across * unit
        return GroundSampling(
            "measured", dy, dx, (abs(a * e - b * d) * unit * unit,), 0.0, f"{label}, affine transform"
        )
    if not (parsed.is_projected or parsed.is_geographic):
        raise GroundError(f"CRS {label} is neither projected nor geographic; expected one of the two")
    return _measure_geodesic(parsed, t, shape, label)


def _to_lonlat(parsed: Any, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Any:
    import pyproj

    base = parsed.geodetic_crs
    return pyproj.Transformer.from_crs(parsed, base, always_xy=True).transform(x, y, errcheck=True)


def _areal_scale(parsed: Any, t: Transform, shape: tuple[int, int]) -> float:
    """Map area over true area at the image centre; far from 1 for Web Mercator."""
    import pyproj

    row, col = shape[0] / 2, shape[1] / 2
    x, y = t[0] * col + t[1] * row + t[2], t[3] * col + t[4] * row + t[5]
    try:
        lon, lat = _to_lonlat(parsed, np.array([x]), np.array([y]))
        scale = float(pyproj.Proj(parsed).get_factors(lon[0], lat[0]).areal_scale)
    except pyproj.exceptions.ProjError as error:
        raise GroundError(
            f"transform {t} puts the image outside {parsed.name} ({error}); expected coordinates of that CRS"
        ) from error
    # Web Mercator treats the ellipsoid as a sphere and its factors cannot be trusted: always go geodesic.
    return math.inf if parsed.to_epsg() == 3857 or "Pseudo" in parsed.name else scale


def _measure_geodesic(parsed: Any, t: Transform, shape: tuple[int, int], label: str) -> GroundSampling:
    import pyproj

    height, width = shape
    geod = parsed.get_geod()
    col = width // 2
    rows = np.arange(height + 1, dtype=float)
    # 1 for degrees; a few old systems count in grads
    degrees = math.degrees(parsed.axis_info[0].unit_conversion_factor) if parsed.is_geographic else 1.0

    def lonlat(c: npt.NDArray[np.float64], r: npt.NDArray[np.float64]) -> Any:
        x, y = t[0] * c + t[1] * r + t[2], t[3] * c + t[4] * r + t[5]
        if parsed.is_geographic:
            x, y = x * degrees, y * degrees
            if np.any(np.abs(y) > 90):
                raise GroundError(f"transform {t} gives latitudes beyond 90 degrees in {label}")
            return x, y
        try:
            return _to_lonlat(parsed, x, y)
        except pyproj.exceptions.ProjError as error:
            raise GroundError(f"transform {t} lies outside {label} ({error})") from error

    left_lon, left_lat = lonlat(np.full(height + 1, float(col)), rows)
    right_lon, right_lat = lonlat(np.full(height + 1, float(col + 1)), rows)
    areas = []
    for r in range(height):
        lons = (left_lon[r], right_lon[r], right_lon[r + 1], left_lon[r + 1])
        lats = (left_lat[r], right_lat[r], right_lat[r + 1], left_lat[r + 1])
        areas.append(abs(geod.polygon_area_perimeter(lons, lats)[0]))
    # Steps between pixel centres, down the middle column and across it, at the first, middle and last row.
    probe = np.array([0.0, max(height // 2 - 0.5, 0.0), max(height - 1.0, 0.0)]) + 0.5
    lon0, lat0 = lonlat(np.full(3, col + 0.0), probe)
    lon1, lat1 = lonlat(np.full(3, col + 1.0), probe)
    dx = geod.inv(lon0, lat0, lon1, lat1)[2]
    lon0, lat0 = lonlat(np.full(3, col + 0.5), probe - 0.5)
    lon1, lat1 = lonlat(np.full(3, col + 0.5), probe + 0.5)
    dy = geod.inv(lon0, lat0, lon1, lat1)[2]
    if not (np.isfinite([*areas, *dx, *dy]).all() and min(areas) > 0):  # some projections answer nan beyond their edge
        raise GroundError(f"transform {t} lies outside {label}: its pixels have no area on the ellipsoid")
    drift = max(float(np.ptp(dx) / dx[1]), float(np.ptp(dy) / dy[1]))
    return GroundSampling(
        "measured", float(dy[1]), float(dx[1]), tuple(areas), drift, f"{label}, geodesic area of each row"
    )
