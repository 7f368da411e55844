"""Building polygons: WKT to repaired geometries inside the frame, to rasters; and the affine map of pixels to degrees.

Pixel coordinates are those of corners: x right, y down, the first pixel reaches from 0 to 1 and its centre is at 0.5.
A pixel belongs to a polygon when its centre does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import rasterize
from shapely.errors import ShapelyError

from terracot.ground import Transform
from terracot.scenes import SceneError

MAX_RESIDUAL = 1e-6  # degrees, 0.11 m: what a vertex may lie off the affine map
MAX_UNCERTAINTY = 0.005  # of the pixel size, one standard error
MIN_AGREEING = 0.75  # share of the vertices that one affine map has to explain
_TRIALS = 200
_TANGLED, _HOPELESS = 100, 1000  # corners of an outline that crosses itself
_FAR_PX = 1e5
_FAR = np.array([_FAR_PX, _FAR_PX, 360.0, 90.0])  # x, y, longitude, latitude beyond which a vertex is nonsense

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """``transform`` a, b, c, d, e, f of pixels to longitude and latitude, and how well it fits.

    ``residual`` is the largest one in degrees, over ``vertices``; ``left_out`` others contradict them.
    """

    transform: Transform
    residual: float
    vertices: int
    left_out: int


def read_polygon(wkt: object, where: str) -> Any:
    """The polygon or multipolygon of a WKT text, as it stands; ``SceneError`` "bad_label" names ``where``."""
    if not isinstance(wkt, str) or not wkt.lstrip().upper().startswith(("POLYGON", "MULTIPOLYGON")):
        raise _bad(where, f"expected the WKT of a POLYGON or MULTIPOLYGON, found {_short(wkt)}")
    try:
        with np.errstate(invalid="ignore"):  # coordinates that are no numbers are refused below, without a warning
            found = shapely.force_2d(shapely.from_wkt(wkt))
    except (ShapelyError, ValueError) as error:
        raise _bad(where, f"its WKT cannot be read ({_short(error)}): {_short(wkt)}") from error
    if found.is_empty or not (np.abs(shapely.get_coordinates(found)) <= _FAR_PX).all():
        raise _bad(where, f"a polygon needs corners, none of them beyond {_FAR_PX:.0f}; found {_short(wkt)}")
    return found


def inside_frame(geometry: Any, shape: tuple[int, int], where: str) -> Any:
    """The part of a polygon inside the ``(H, W)`` frame, repaired, as a multipolygon; empty when it lies outside.

    An outline that crosses itself is read by the even-odd rule: a bow tie becomes its two wings. One of more than
    ``_TANGLED`` corners is repaired part by part instead, which fills its small loops, since the even-odd repair takes
    minutes; one of more than ``_HOPELESS`` is refused.
    """
    height, width = shape
    corners = shapely.get_num_coordinates(geometry)
    if corners > _HOPELESS and not geometry.is_valid:
        raise _bad(where, f"the outline has {corners} corners and crosses itself; at most {_HOPELESS} can be repaired")
    try:
        repaired = geometry if geometry.is_valid else _repaired(geometry, corners)
        clipped = shapely.intersection(repaired, shapely.box(0, 0, width, height))
        parts = shapely.get_parts(shapely.get_parts(clipped))
        # Lines and points are left where an outline runs along itself or along the border; they have no area.
        return shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    except (ShapelyError, ValueError) as error:
        raise _bad(where, f"the polygon cannot be repaired ({_short(error)})") from error


def _repaired(geometry: Any, corners: int) -> Any:
    if corners > _TANGLED:
        return shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    return shapely.make_valid(geometry)


def visible(part: Any, shape: tuple[int, int]) -> bool:
    """True for a part of at least a pixel that ``burn`` shows: a sliver along the border may hold no pixel's centre."""
    wide = part.area >= part.length  # two pixels or more
    return bool(part.area >= 1 and (wide or burn([(part, 1)], shape, "uint8").any()))


def burn(polygons: Sequence[tuple[Any, int]], shape: tuple[int, int], dtype: str) -> npt.NDArray[Any]:
    """``(H, W)`` raster with each polygon's number in the pixels whose centre it holds; later ones over earlier."""
    drawn = [(geometry, number) for geometry, number in polygons if not geometry.is_empty]
    if not drawn:
        return np.zeros(shape, dtype)
    burnt: npt.NDArray[Any] = rasterize(drawn, out_shape=shape, fill=0, all_touched=False, dtype=dtype)
    return burnt


def fit_lonlat(pairs: Sequence[tuple[Any, Any]]) -> Fit | str:
    """The affine map of pixels to degrees, by least squares over polygons given in both; or why there is none.

    Pairs of unequal vertex counts are passed over. Where the map of all vertices leaves more than ``MAX_RESIDUAL``, one
    is sought that at least ``MIN_AGREEING`` of them agree on, and the others are left out.
    """
    if not pairs:
        return "no polygons"
    corners = [(shapely.get_coordinates(xy), shapely.get_coordinates(lonlat)) for xy, lonlat in pairs]
    matched = [np.hstack(pair) for pair in corners if len(pair[0]) == len(pair[1])]
    usable = [vertices for vertices in matched if (np.abs(vertices) <= _FAR).all()]
    if not usable:
        return "no polygon is given in pixels and in degrees with equally many vertices"
    every = np.concatenate(usable)
    if not _spread(every) >= 1:
        return "its vertices lie on one line"
    kept, solution = every, _solve(every)
    if _residuals(every, solution).max() >= MAX_RESIDUAL:
        kept = every[_agreeing(every)]
        if len(kept) < max(3, MIN_AGREEING * len(every)) or not _spread(kept) >= 1:
            return "the polygons in pixels and in degrees follow no common affine map"
        solution = _solve(kept)
    residuals = _residuals(kept, solution)
    if not residuals.max() < MAX_RESIDUAL:
        return f"vertices lie up to {residuals.max():.2g} degrees off the affine map"
    a, b, _, d, e, _ = solution
    pixel = float(min(np.hypot(a, d), np.hypot(b, e)))
    scatter = float(np.sqrt((residuals**2).sum() / max(1, 2 * len(kept) - 6)))
    rounding = _step(kept[:, 2:]) / 12**0.5  # of which a single parallelogram has no residuals to show
    if not max(scatter, rounding) < MAX_UNCERTAINTY * _spread(kept) * pixel:
        return "the polygons are too small for how exactly their degrees are written"
    return Fit(solution, round(float(residuals.max()), 10), len(kept), len(every) - len(kept))


def _solve(vertices: Floats) -> Transform:
    """Least squares about the means, so that nothing is lost beside the large constant part."""
    middle = vertices.mean(axis=0)
    centred = vertices - middle
    coefficients = np.linalg.lstsq(centred[:, :2], centred[:, 2:], rcond=None)[0]
    (a, d), (b, e) = (tuple(float(v) for v in row) for row in coefficients)
    x, y, lon, lat = (float(v) for v in middle)
    # Rounded to a micrometre over the whole image: the last digits depend on the machine, and the numbers are compared.
    c, f = round(lon - a * x - b * y, 11), round(lat - d * x - e * y, 11)
    return round(a, 16), round(b, 16), c, round(d, 16), round(e, 16), f


def _residuals(vertices: Floats, t: Transform) -> Floats:
    x, y, lon, lat = vertices.T
    off = np.hypot(t[0] * x + t[1] * y + t[2] - lon, t[3] * x + t[4] * y + t[5] - lat)
    return np.asarray(off)


def _spread(vertices: Floats) -> float:
    """Extent across the longest line through the vertices, in pixels: 0 when all lie on it."""
    xy = vertices[:, :2] - vertices[:, :2].mean(axis=0)
    return float(np.linalg.svd(xy, compute_uv=False)[-1]) if len(xy) > 2 else 0.0


def _step(values: Floats) -> float:
    """What all values are multiples of: 1, 0.1 ... 1e-9; 0 where they are written with more decimals."""
    return next((10.0**-n for n in range(10) if np.allclose(values * 10**n, np.round(values * 10**n), 0, 1e-5)), 0.0)


def _agreeing(vertices: Floats) -> npt.NDArray[np.bool_]:
    """Which vertices lie on the map through three of them that most agree with; the same three are always tried."""
    picks = vertices[np.random.default_rng(0).integers(0, len(vertices), (_TRIALS, 3))]
    sides = picks[:, 1:] - picks[:, :1]
    wide = np.abs(np.linalg.det(sides[:, :, :2])) > 1  # twice the area of the triangle, in pixels
    if not wide.any():
        return np.zeros(len(vertices), dtype=bool)
    maps = np.linalg.solve(sides[wide, :, :2], sides[wide, :, 2:])
    best = np.zeros(len(vertices), dtype=bool)
    for first, mapped in zip(picks[wide, 0], maps, strict=True):
        off = (vertices[:, :2] - first[:2]) @ mapped + first[2:] - vertices[:, 2:]
        near = np.hypot(off[:, 0], off[:, 1]) < MAX_RESIDUAL
        best = near if near.sum() > best.sum() else best
    return best


def _bad(where: str, what: str) -> SceneError:
    return SceneError("bad_label", f"{where}: {what}; fetch the label file again")


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float | None) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
