"""Tiny synthetic rasters with a layout beside them, for the tests of the geotiff source."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import yaml
from rasterio.errors import NotGeoreferencedWarning

from terracot.sources.geotiff import GeoTiffSource

UTM = (10.0, 0.0, 331200.0, 0.0, -10.0, 5331600.0)
LABELS = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [1, 0, 2, 2], [1, 1, 2, 2]], np.uint8)

LAYOUT: dict[str, Any] = {
    "name": "tiny",
    "license": "CC0-1.0",
    "attribution": "synthetic",
    "legend": {
        "name": "two",
        "classes": [
            {"name": "water", "codes": [1], "color": [0, 0, 255]},
            {"name": "forest", "codes": [2], "color": [0, 99, 0]},
        ],
        "ignore": [0],
    },
    "frames": [
        {
            "name": "S2",
            "files": "image/{id}.tif",
            "modality": "multispectral",
            "bands": ["B02", "B03", "B04"],
            "unit": "reflectance",
            "scale": 0.0001,
        }
    ],
    "labels": [{"files": "label/{id}.tif"}],
}


def write(path: Path, data: Any, crs: str | None = "EPSG:32633", transform: Any = UTM, **profile: Any) -> None:
    array = np.asarray(data)
    array = array[None] if array.ndim == 2 else array
    path.parent.mkdir(parents=True, exist_ok=True)
    placed = {"crs": crs} | ({"transform": rasterio.Affine(*transform)} if transform else {})
    kind = "PNG" if path.suffix == ".png" else "GTiff"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver=kind,
            width=array.shape[2],
            height=array.shape[1],
            count=array.shape[0],
            dtype=array.dtype,
            **(placed if kind == "GTiff" else {}),
            **profile,
        ) as out:
            out.write(array)


def image(value: int = 1000, size: int = 4) -> Any:
    return np.stack([np.full((size, size), value + band, np.uint16) for band in range(3)])


def two_scenes(folder: Path) -> Path:
    """Scenes a and b, 4 x 4, UTM."""
    for scene_id in ("b", "a"):
        write(folder / "image" / f"{scene_id}.tif", image())
        write(folder / "label" / f"{scene_id}.tif", LABELS)
    return folder


def opened(folder: Path, change: Callable[[dict[str, Any]], Any] | None = None) -> GeoTiffSource:
    layout = copy.deepcopy(LAYOUT)
    if change:
        change(layout)
    (folder / "terracot.yaml").write_text(yaml.safe_dump(layout))
    return GeoTiffSource(folder)
