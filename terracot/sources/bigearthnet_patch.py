"""One patch of BigEarthNet v2.0: its fifteen files compared by their headers, and how their pixels are read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from terracot.ground import GroundError, GroundSampling
from terracot.render import default_display
from terracot.scenes import Frame, LabelMap, Legend, Modality, Scene, SceneError
from terracot.sources.bigearthnet_pixels import SIDE, Files, read_decibels, read_reflectance, read_seen_classes
from terracot.sources.catalogue import SourceInfo
from terracot.sources.corine import LIMITS
from terracot.sources.rasters import Header, misplaced, read_header

SIDES = {"B01": 20, "B02": 120, "B03": 120, "B04": 120, "B05": 60, "B06": 60, "B07": 60, "B08": 120, "B8A": 60}
SIDES |= {"B09": 20, "B11": 60, "B12": 60}
"""Bands of Sentinel-2 in the order of the frame, and pixels along a side of their files; there is no B10."""
GRID = "B04"
POLARISATIONS = ("VV", "VH")
MAX_SHIFT_PX = 0.01

_PATCH = re.compile(r"S2[A-Z]_MSIL2A_(\d{8}T\d{6})_N\d{4}_R\d{3}_T(\d{2}[A-Z]{3})_(\d{2})_(\d{2})", re.ASCII)
_S1_NAME = re.compile(r"S1[A-Z]_IW_GRDH_1SDV_(\d{8}T\d{6})_(\d{2}[A-Z]{3})_(\d{1,2})_(\d{1,2})", re.ASCII)


@dataclass(frozen=True)
class Folders:
    """Where the parts of a download lie. ``no_s1`` says why there is no folder of Sentinel-1."""

    root: Path
    s2: Path
    maps: Path
    s1: Path | None
    no_s1: str = ""


def tile_of(patch_id: str) -> str:
    """The folder of a patch: its name without column and row."""
    return patch_id.rsplit("_", 2)[0]


def open_patch(patch_id: str, row: Mapping[str, Any], folders: Folders, legend: Legend, info: SourceInfo) -> Scene:
    """The scene of one patch with lazy pixels; ``SceneError`` says what is missing or does not fit."""
    hit = _PATCH.fullmatch(patch_id)
    if hit is None:
        raise SceneError("bad_record", f"{patch_id}: expected the name of a patch like S2A_MSIL2A_<time>_..._26_57")
    time, tile, column, line = hit.groups()
    files = _Files(folders.root, patch_id)
    folder = folders.s2 / tile_of(patch_id) / patch_id
    if not folder.is_dir():
        raise SceneError("missing_image", f"{patch_id}: no folder {files.rel(folder)}; unpack its tile again")
    bands = [files.header(folder / f"{patch_id}_{b}.tif", "missing_image", side, "iu") for b, side in SIDES.items()]
    grid = bands[list(SIDES).index(GRID)]
    map_file = folders.maps / tile_of(patch_id) / patch_id / f"{patch_id}_reference_map.tif"
    label = files.header(map_file, "missing_label", SIDE, "iu")
    scene_s1, no_s1 = _sentinel1(row["s1_name"], (tile, int(column), int(line)), folders, files)
    sar = [
        files.header(scene_s1 / f"{scene_s1.name}_{p}.tif", "missing_sar", SIDE, "f") for p in POLARISATIONS if scene_s1
    ]
    ground = files.ground(grid)
    for header in (*bands, label, *sar):
        files.check_grid(header, grid)
    frames = [files.frame("S2", Modality.MULTISPECTRAL, tuple(SIDES), bands, time)]
    if scene_s1:
        frames.append(files.frame("S1", Modality.SAR, POLARISATIONS, sar, scene_s1.name.split("_")[4]))
    read_map = partial(read_seen_classes, label.path, files.rel(label.path), legend, files.named(bands))
    return Scene(
        id=patch_id,
        source=info.name,
        group=f"mgrs/{tile}_{column}_{line}",
        license=info.license,
        attribution=info.attribution,
        split=str(row["split"]),
        frames=tuple(frames),
        labels=(LabelMap(1, legend, (SIDE, SIDE), read_map, LIMITS),),
        ground=ground,
        crs=grid.crs,
        transform=grid.transform,
        provenance={
            "metadata": dict(row),
            "mgrs_tile": tile,
            "column": int(column),
            "row": int(line),
            "window": [0, 0, SIDE, SIDE],  # row, column, height, width
            "files": {"S2": [files.rel(h.path) for h in bands], "S1": [files.rel(h.path) for h in sar]},
            "sar": no_s1 or "joined by the metadata",
            "labels": [{"t": 1, "file": files.rel(label.path), "legend": legend.name, "codes": legend.codes()}],
            "static_labels": False,
            "crs": grid.crs,
            "transform": list(grid.transform),
            "georeference": files.rel(grid.path),
            "dates": {f.id: f.time for f in frames},
        },
    )


def _sentinel1(name: object, place: tuple[str, int, int], folders: Folders, files: _Files) -> tuple[Path | None, str]:
    """The folder of the Sentinel-1 patch that the metadata name, or why there is none: its whole scene is not here."""
    if folders.s1 is None:
        return None, folders.no_s1
    hit = _S1_NAME.fullmatch(name) if isinstance(name, str) else None
    if hit is None or (hit[2], int(hit[3]), int(hit[4])) != place:
        expected = f"S1._IW_GRDH_1SDV_<time>_{place[0]}_{place[1]}_{place[2]}"
        raise SceneError("bad_record", f"{files.patch_id}: expected s1_name {expected} in the metadata; found {name!r}")
    # The scene's folder has no tile in its name; copies that keep it there hold the same patches.
    for parts in (3, 2):
        scene = folders.s1 / hit[0].rsplit("_", parts)[0]
        if (scene / hit[0]).is_dir():
            return scene / hit[0], ""
        if scene.is_dir():
            message = f"{files.patch_id}: no folder {hit[0]} in {files.rel(scene)}; unpack its archive again, or leave "
            raise SceneError("missing_sar", message + "Sentinel-1 out with the option sar=no")
    return None, f"{hit[0]} is not below {files.rel(folders.s1)}"


@dataclass(frozen=True)
class _Files:
    """Headers of the files of one patch, named in errors relative to the download."""

    root: Path
    patch_id: str

    def rel(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def named(self, headers: Sequence[Header]) -> Files:
        return tuple((h.path, self.rel(h.path)) for h in headers)

    def header(self, path: Path, missing: str, side: int, kinds: str) -> Header:
        where = self.rel(path)
        if not path.is_file():
            raise SceneError(missing, f"{self.patch_id}: no file {where}; unpack its archive again")
        header = read_header(path, where)
        if header.count != 1:
            raise SceneError("band_count", f"{where}: expected 1 band, found {header.count}")
        if header.shape != (side, side):
            raise SceneError("mismatched_shapes", f"{where}: expected {side} x {side} pixels, found {header.shape}")
        if np.dtype(header.dtype).kind not in kinds:
            expected = "dB as floating-point numbers" if kinds == "f" else "whole numbers"
            raise SceneError("band_dtype", f"{where}: expected {expected}, found {header.dtype}; fetch the file again")
        return header

    def ground(self, grid: Header) -> GroundSampling:
        try:
            found = GroundSampling.from_georeference(grid.crs, grid.transform, grid.shape)
        except GroundError as error:
            raise SceneError("georeference", f"{self.rel(grid.path)}: {error}") from error
        if not found.known:
            raise SceneError("georeference", f"{self.rel(grid.path)}: expected UTM coordinates, found {found.origin}")
        return found

    def check_grid(self, header: Header, grid: Header) -> None:
        """Same CRS and same corners as the grid, whatever the pixel size."""
        if found := misplaced(header, grid, self.rel(grid.path), MAX_SHIFT_PX):
            raise SceneError("mismatched_georeference", f"{self.rel(header.path)} {found}; fetch the patch again")

    def frame(
        self, name: str, modality: Modality, bands: tuple[str, ...], headers: Sequence[Header], time: str
    ) -> Frame:
        unit = "dB" if modality is Modality.SAR else "reflectance"
        try:
            iso = dt.datetime.fromisoformat(time).isoformat()
        except ValueError as error:
            raise SceneError("bad_record", f"{self.patch_id}: {time} in the name of {name} is no time") from error
        return Frame(
            id=f"{self.patch_id}/{name}",
            t=1,
            modality=modality,
            bands=bands,
            shape=(SIDE, SIDE),
            read=partial(read_decibels if modality is Modality.SAR else read_reflectance, self.named(headers)),
            unit=unit,
            display=default_display(modality, bands, unit),
            time=iso,
        )
