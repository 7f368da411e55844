"""DFC2020: Sentinel-1 and Sentinel-2 patches with land cover at 10 m (``dfc``).

Beside every ``dfc`` map lies an ``lc`` map, as in SEN12MS: MODIS land cover of 500 m brought to 10 m. Nothing can be
measured on it, and it is never opened. A folder with ``lc`` alone (SEN12MS itself) is refused.

Folders are called after the split (``s2_validation``), a number (``s2_0``) or, in the set as it was published after the
contest, a city (``ROIs0000_autumn/s2_Mumbai``); the names of the files decide. That last form states no split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.ground import GroundSampling, crs_label
from terracot.render import default_display
from terracot.scenes import Frame, LabelMap, Legend, LegendClass, Modality, Scene, SceneError, SourceError
from terracot.sources.dfc2020_files import SPLITS, UNSTATED, Files, find_patches, list_patches, place_and_number
from terracot.sources.grids import Grid, common_grid
from terracot.sources.legends import common
from terracot.sources.published import LeftOut, Listing, PublishedSource
from terracot.sources.rasters import Header, read_header, read_image, read_labels

LEGEND = Legend(
    "dfc2020",
    (
        LegendClass(0, "forest", (1,), (0, 154, 0)),
        LegendClass(1, "shrubland", (2,), (198, 176, 68)),
        LegendClass(2, "grassland", (4,), (182, 255, 5)),
        LegendClass(3, "wetland", (5,), (39, 255, 135)),
        LegendClass(4, "cropland", (6,), (194, 79, 68)),
        LegendClass(5, "built-up area", (7,), (165, 165, 165)),
        LegendClass(6, "barren ground", (9,), (249, 255, 164)),
        LegendClass(7, "water", (10,), (28, 13, 255)),
    ),
    ignore=(0, 3, 8),
)
"""0 is no label. Savanna (3) and snow (8) are in the published legend, but its maps do not use them: where a map does
not show them, they may still be, so they are no classes here, and their pixels, should there be any, have no answer."""

CROSSWALK: Mapping[str, str | None] = {
    "forest": "tree cover",
    "shrubland": "shrub and grass",
    "grassland": "shrub and grass",
    "wetland": "wetland",
    "cropland": "cropland",
    "built-up area": "built-up area",
    "barren ground": "bare ground",
    "water": "water",
}

S2_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
S1_BANDS = ("VV", "VH")
PIXEL_M = 10.0
_MAX_SHIFT_PX = 0.01  # the three rasters of a patch were cut from one grid


class Dfc2020Source(PublishedSource):
    """DFC2020 as downloaded. ``legend="common"`` regroups its classes into those that sources share (lossy)."""

    name = "dfc2020"
    splits = (*SPLITS, UNSTATED)

    def __init__(self, path: str | Path, split: str | None = None, legend: str | None = None) -> None:
        super().__init__(path, split)
        if legend not in (None, "common"):
            raise SourceError(f"dfc2020: legend: expected `common`, or nothing for its own legend; found {legend!r}")
        self._legend = common(LEGEND, CROSSWALK) if legend else LEGEND
        self._files: Mapping[str, Files] = {}

    def settings(self) -> tuple[str, ...]:
        """The legend, and the patches without Sentinel-1."""
        return (self._legend.name, *(p for p in self.listed.scenes if "s1" not in self._files[p]))

    def listing(self) -> Listing:
        """Patches with Sentinel-2 and a 10 m map are scenes; Sentinel-1 may be absent."""
        self._files, left_out = find_patches(self.root, self.info.path)
        return list_patches(self.root, self._files, left_out)

    def load(self, scene_id: str) -> Scene:
        """One patch with a map of 10 m; ``SceneError`` for what does not fit."""
        if scene_id not in self.listed.scenes:
            known = {left.name: left for left in self.listed.left_out}
            left = known.get(scene_id, LeftOut(scene_id, "unknown_scene", "no such patch in the data folder"))
            raise SceneError(left.reason, f"scene {scene_id}: {left.message}")
        paths = {kind: path for kind, (path, *_) in self._files[scene_id].items()}
        names = {kind: self.rel(path) for kind, path in paths.items()}
        kinds = [kind for kind in ("dfc", "s2", "s1") if kind in paths]
        headers = {kind: read_header(paths[kind], names[kind]) for kind in kinds}
        for kind in kinds:
            _check(scene_id, names[kind], kind, headers[kind])
        grid = common_grid(scene_id, [(names[k], headers[k]) for k in kinds], _MAX_SHIFT_PX)
        ground = grid.ground(scene_id)
        if not ground.known:
            ground = GroundSampling.nominal(PIXEL_M, PIXEL_M, "stated by the data set; no georeference in the files")
        frames = [
            Frame(
                id=f"{scene_id}/{kind}",
                t=1,
                modality=modality,
                bands=bands,
                shape=grid.shape,
                read=partial(read, paths[kind], names[kind]),
                unit=unit,
                display=default_display(modality, bands, unit),
            )
            for kind, modality, bands, unit, read in (
                ("s2", Modality.MULTISPECTRAL, S2_BANDS, "reflectance", _reflectance),
                ("s1", Modality.SAR, S1_BANDS, "dB", _decibels),
            )
            if kind in paths
        ]
        return Scene(
            id=scene_id,
            source=self.name,
            group=_group(scene_id, grid),
            license=self.info.license,
            attribution=self.info.attribution,
            split=self.listed.scenes[scene_id],
            frames=tuple(frames),
            labels=(
                LabelMap(
                    1, self._legend, grid.shape, partial(read_labels, paths["dfc"], names["dfc"], self._legend, None)
                ),
            ),
            ground=ground,
            crs=grid.crs,
            transform=grid.transform,
            provenance=self._provenance(scene_id, names, grid, ground.origin),
        )

    def _provenance(self, scene_id: str, names: Mapping[str, str], grid: Grid, origin: str) -> dict[str, Any]:
        legend = self._legend
        return {
            "patch": scene_id,
            "window": [0, 0, *grid.shape],
            "files": {kind: [name] for kind, name in names.items() if kind != "dfc"},
            "labels": [{"t": 1, "file": names["dfc"], "legend": legend.name, "codes": legend.codes()}],
            "static_labels": False,
            "level": "Sentinel-2 L1C",
            "crs": grid.crs,
            "transform": list(grid.transform) if grid.transform else None,
            "georeference": grid.origin,
            "pixel_size": origin,
        }


def _group(scene_id: str, grid: Grid) -> str:
    """The UTM zone: the seven cities of the set lie in seven zones, and one file name ("0") stands for many of them."""
    zone = crs_label(grid.crs) if grid.crs else ""
    is_utm = re.fullmatch(r"EPSG:32[67]\d\d", zone)
    return f"dfc2020/{zone if is_utm else place_and_number(scene_id)[0]}"


def _check(scene_id: str, name: str, kind: str, header: Header) -> None:
    bands, types = {"dfc": (1, ""), "s2": (len(S2_BANDS), "uint16"), "s1": (len(S1_BANDS), "float32 float64")}[kind]
    if header.count != bands:
        raise SceneError("band_count", f"scene {scene_id}: {name}: expected {bands} bands, found {header.count}")
    if types and header.dtype not in types.split():
        expected = types.replace(" ", " or ")
        raise SceneError(
            "pixel_type", f"scene {scene_id}: {name}: expected {expected} as published, found {header.dtype}"
        )


def _reflectance(path: Path, where: str) -> npt.NDArray[Any]:
    return (read_image(path, where, count=len(S2_BANDS)) / 10000.0).astype(np.float32)


def _decibels(path: Path, where: str) -> npt.NDArray[Any]:
    values = read_image(path, where, count=len(S1_BANDS)).astype(np.float32)
    values[~np.isfinite(values)] = np.nan  # the decibels of no power at all
    return values
