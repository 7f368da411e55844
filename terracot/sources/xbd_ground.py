"""How big a pixel of xBD is.

The PNGs have no georeference, and ``gsd`` of the metadata is not theirs (2.5 m stated where a pixel is 0.45 m). But
each label file gives its polygons in pixels and in degrees, and one affine map leads from the ones to the others.
Images without buildings have an entry in ``xview_geotransforms.json`` at best.

That file is no full substitute: the entries that could be seen are square in degrees, as ``gdalwarp`` makes rasters, so
0.44 m x 0.50 m at 30 degrees north, while the pixels that the polygons give are square on the ground. Such an entry
belongs to another grid than that of the PNG. It counts only where its own pixels are square on the ground.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from terracot.ground import GroundError, GroundSampling, Transform, crs_label
from terracot.scenes import SourceError
from terracot.sources.polygons import Fit, fit_lonlat
from terracot.sources.xbd_labels import Label, Phase

GEOTRANSFORMS = "xview_geotransforms.json"
LONLAT = "EPSG:4326"
FINEST_M, COARSEST_M = 0.2, 3.0
FIT_SQUARE = 0.05  # how far the sides of a pixel may differ, and its diagonals be off
GEOTRANSFORM_SQUARE = 0.01
SAME_SIZE = 0.01  # how far pre and post, which share a grid, may differ


@dataclass(frozen=True)
class PixelSize:
    """Ground sampling with the CRS and transform it follows from; ``how`` says for provenance how it was found."""

    ground: GroundSampling
    crs: str | None
    transform: Transform | None
    how: Mapping[str, Any]


@dataclass(frozen=True)
class Geotransforms:
    """``xview_geotransforms.json``: image name -> [GDAL geotransform, CRS as WKT]. Empty where there is no file."""

    entries: Mapping[str, Any] = field(default_factory=dict, repr=False)
    digest: str = ""

    @classmethod
    def find(cls, root: Path, stated: str | None) -> Geotransforms:
        """The file at ``stated``, else the one in ``root`` or beside it, else none; ``SourceError`` if unreadable."""
        near = (folder / GEOTRANSFORMS for folder in (root, root.absolute().parent))
        path = Path(stated) if stated is not None else next((p for p in near if p.is_file()), None)
        if path is None:
            return cls()
        expected = f"xbd expects {GEOTRANSFORMS} as xview2.org gives it, image name -> [geotransform, WKT]"
        try:
            text = path.read_bytes()
            entries = json.loads(text)
        except OSError as error:
            raise SourceError(f"{expected}; {path} cannot be read: {error.strerror}") from error
        except (RecursionError, ValueError) as error:
            raise SourceError(f"{expected}; {path} is no JSON: {error}") from error
        if not isinstance(entries, dict):
            raise SourceError(f"{expected}; found a {type(entries).__name__} in {path}")
        return cls(entries, hashlib.sha256(text).hexdigest())

    def of(self, image: str) -> tuple[str, Transform] | str:
        """CRS and transform of an image, or why there is none."""
        if not self.entries:
            return f"no {GEOTRANSFORMS}"
        if image not in self.entries:
            return f"{image} is not in {GEOTRANSFORMS}"
        try:
            (x, a, b, y, d, e), wkt = self.entries[image]
            transform = (float(a), float(b), float(x), float(d), float(e), float(y))
        except (TypeError, ValueError):
            return f"the entry of {image} in {GEOTRANSFORMS} is not [six numbers, WKT]"
        if not isinstance(wkt, str) or "[" not in wkt or not np.isfinite(transform).all():
            return f"the entry of {image} in {GEOTRANSFORMS} is not [six numbers, WKT]"
        label = crs_label(wkt)
        return (label if label.startswith("EPSG:") else wkt), transform


def pixel_size(
    labels: Mapping[Phase, Label], images: Mapping[Phase, str], geotransforms: Geotransforms, shape: tuple[int, int]
) -> PixelSize:
    """Pixel size of a pair: the fit of pre, else of post, else the geotransform of one of them, else unknown.

    ``labels`` and ``images`` (names of the files) are by phase. ``how`` has ``from``, what the fit was like, and why
    better ways were not taken; with a fit and a geotransform, how far apart in pixels they place a corner at most.
    """
    refused: dict[str, str] = {}
    fits: dict[Phase, tuple[Fit, GroundSampling]] = {}
    for phase, label in labels.items():
        fit = fit_lonlat(label.pairs)
        ground = fit if isinstance(fit, str) else measured(LONLAT, fit.transform, shape, FIT_SQUARE)
        if isinstance(ground, str) or isinstance(fit, str):
            refused[f"polygons of {phase}"] = str(ground)
        else:
            fits[phase] = fit, ground
    areas = [ground.pixel_area_m2 for _, ground in fits.values()]
    if areas and max(areas) / min(areas) > (1 + SAME_SIZE) ** 2:
        sizes = " and ".join(f"{area**0.5:.4g} m" for area in areas)
        refused["polygons"] = f"pre and post share a grid, but their polygons give pixels of {sizes}"
        fits = {}
    entries = {phase: geotransforms.of(image) for phase, image in images.items()}
    for phase, (fit, ground) in fits.items():
        quality = {"residual_deg": fit.residual, "vertices": fit.vertices, "vertices_left_out": fit.left_out}
        apart = {p: _apart_px(fit.transform, e, shape) for p, e in entries.items() if not isinstance(e, str)}
        how = {"from": f"polygons of {phase}", "refused": refused, **quality, "geotransform_off_px": apart}
        return PixelSize(ground, LONLAT, fit.transform, how)
    for side, entry in entries.items():
        found = entry if isinstance(entry, str) else measured(*entry, shape, GEOTRANSFORM_SQUARE)
        if isinstance(found, str) or isinstance(entry, str):
            refused[f"geotransform of {side}"] = str(found)
        else:
            return PixelSize(found, *entry, {"from": f"{GEOTRANSFORMS}, {images[side]}", "refused": refused})
    why = "; ".join(f"{what}: {reason}" for what, reason in refused.items())
    return PixelSize(GroundSampling.unknown(why), None, None, {"from": None, "refused": refused})


def measured(crs: str, transform: Transform, shape: tuple[int, int], square: float) -> GroundSampling | str:
    """Ground sampling of a map from pixels to coordinates that xBD pictures can have, or why it is none."""
    a, b, _, d, e, _ = transform
    if not a * e - b * d < 0:
        return "rows should lead south where columns lead east; are longitude and latitude swapped?"
    try:
        ground = GroundSampling.from_georeference(crs, transform, shape)
    except GroundError as error:
        return str(error)
    if not ground.known:
        return ground.origin
    dy, dx = ground.sampling
    if not FINEST_M < min(dy, dx) <= max(dy, dx) < COARSEST_M:
        return f"pixels of {dy:.4g} m x {dx:.4g} m; those of xBD are between {FINEST_M} and {COARSEST_M} m"
    if max(dy, dx) / min(dy, dx) - 1 > square or ground.drift > square:
        return f"pixels of {dy:.4g} m x {dx:.4g} m that are not square on the ground to {square:.0%}"
    return ground


def _apart_px(fit: Transform, entry: tuple[str, Transform], shape: tuple[int, int]) -> float | None:
    """Largest distance, in pixels along either axis, between where a fit and a geotransform place a corner."""
    import pyproj

    crs, (a, b, c, d, e, f) = entry
    corners = np.array([(x, y, 1) for x in (0, shape[1]) for y in (0, shape[0])], dtype=float)
    lon, lat = corners @ fit[:3], corners @ fit[3:]
    try:
        there = np.array(pyproj.Transformer.from_crs(LONLAT, crs, always_xy=True).transform(lon, lat))
        pixels = np.linalg.solve([[a, b], [d, e]], there - [[c], [f]])
    except (pyproj.exceptions.ProjError, np.linalg.LinAlgError):
        return None
    off = float(np.abs(pixels.T - corners[:, :2]).max())
    return round(off, 3) if np.isfinite(off) else None
