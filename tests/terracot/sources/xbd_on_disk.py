"""Writes a tiny xBD as it lies on disk: tree, names, label files, RGB PNGs without georeference. Pixels are synthetic.

Polygons in degrees come from a UTM grid by pyproj, 0.45 m a pixel unless told otherwise, while the metadata state a
``gsd`` of 2.5 m, as the published ones do. Images are 1024 x 1024 as published; ``write_many`` makes smaller ones, and
says so in ``width`` and ``height``, where only the number of places matters.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer

from terracot.scenes import IGNORE, Scene, SceneError
from terracot.sources import open_source
from terracot.sources.xbd import XbdSource
from terracot.survey import read_all

SIZE = 1024
GSD_STATED = 2.513
TARGETS = {"no-damage": 1, "minor-damage": 2, "major-damage": 3, "destroyed": 4, "un-classified": 1}  # as published

PAIR = "guatemala-volcano_00000000"
SCENE = f"train/{PAIR}"

Corners = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Grid:
    """The pixel grid of a pair: a UTM zone, its upper left corner, the pixel in metres, and how far it is turned."""

    epsg: int = 32614
    x: float = 600000.0
    y: float = 4100000.0  # 37 degrees north
    pixel: float = 0.45
    turned: float = 0.0

    def utm(self, corners: Corners) -> list[tuple[float, float]]:
        cos, sin = math.cos(math.radians(self.turned)), math.sin(math.radians(self.turned))
        p = self.pixel
        return [(self.x + p * (cos * x - sin * y), self.y - p * (sin * x + cos * y)) for x, y in corners]

    def lonlat(self, corners: Corners) -> list[tuple[float, float]]:
        to_degrees = Transformer.from_crs(self.epsg, 4326, always_xy=True)
        return [to_degrees.transform(*point) for point in self.utm(corners)]


@dataclass(frozen=True)
class Building:
    """Rings of corners in pixels, the outer one first; ``wkt`` is written instead, where given."""

    rings: tuple[Corners, ...]
    subtype: str = "no-damage"
    uid: str = ""
    wkt: str | None = None


def rectangle(
    left: float, top: float, right: float, bottom: float, subtype: str = "no-damage", uid: str = ""
) -> Building:
    return Building((((left, top), (right, top), (right, bottom), (left, bottom)),), subtype, uid)


THREE = (
    rectangle(100, 100, 140, 160),  # 40 x 60 = 2400 pixels
    rectangle(300, 100, 350, 180, "destroyed"),  # 50 x 80 = 4000
    rectangle(600, 600, 650, 650, "un-classified"),  # 50 x 50 = 2500
)


def three_buildings(folder: Path) -> Path:
    """A root with one pair of ``THREE``."""
    write_pair(folder / "xbd", PAIR, THREE)
    return folder / "xbd"


def wkt(rings: Sequence[Corners]) -> str:
    closed = [[*ring, ring[0]] for ring in rings]
    return "POLYGON (" + ", ".join("(" + ", ".join(f"{x!r} {y!r}" for x, y in ring) + ")" for ring in closed) + ")"


def label(
    buildings: Sequence[Building], grid: Grid, pair: str, phase: str, size: int = SIZE, **metadata: Any
) -> dict[str, Any]:
    """Content of a label file; ``subtype`` is in post files only."""
    xy, degrees = [], []
    for n, building in enumerate(buildings):
        properties = {"feature_type": "building", "uid": building.uid or f"{pair[-8:]}-{n:04d}"}
        if phase == "post":
            properties["subtype"] = building.subtype
        xy.append({"properties": properties, "wkt": building.wkt or wkt(building.rings)})
        degrees.append({"properties": properties, "wkt": wkt([grid.lonlat(ring) for ring in building.rings])})
    event = pair[:-9]
    return {
        "features": {"lng_lat": degrees, "xy": xy},
        "metadata": {
            "sensor": "WORLDVIEW02",
            "provider_asset_type": "WORLDVIEW02",
            "gsd": GSD_STATED,
            "capture_date": "2011-05-22T17:20:31.000Z" if phase == "post" else "2009-08-10T17:12:02.000Z",
            "off_nadir_angle": 28.4,
            "pan_resolution": 0.629,
            "sun_azimuth": 145.2,
            "sun_elevation": 66.1,
            "target_azimuth": 93.8,
            "disaster": event,
            "disaster_type": event.split("-")[-1],
            "catalog_id": "0000000000000000",
            "original_width": size,
            "original_height": size,
            "width": size,
            "height": size,
            "id": "c3ludGhldGlj",
            "img_name": f"{pair}_{phase}_disaster.png",
        }
        | metadata,
    }


def write_pair(
    root: Path,
    pair: str,
    buildings: Sequence[Building] = (),
    split: str = "train",
    grid: Grid | None = None,
    size: int = SIZE,
    **metadata: Any,
) -> str:
    """Write images, labels and (but for tier3) targets of one pair; returns the id of its scene."""
    folder = root / split
    for name in ("images", "labels", *([] if split == "tier3" else ["targets"])):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for phase in ("pre", "post"):
        stem = f"{pair}_{phase}_disaster"
        content = label(buildings, grid or Grid(), pair, phase, size, **metadata)
        (folder / "labels" / f"{stem}.json").write_text(json.dumps(content))
        target = np.zeros((size, size), np.uint8)
        for building in buildings:  # the targets of rectangles with whole corners; no others are drawn
            (left, top), (right, bottom) = np.array(building.rings[0]).min(0), np.array(building.rings[0]).max(0)
            value = TARGETS.get(building.subtype, 0) if phase == "post" else 1
            target[max(0, int(top)) : max(0, int(bottom)), max(0, int(left)) : max(0, int(right))] = value
        picture = np.stack([90 + 20 * target, 100 + 10 * target, 80 + 15 * target], axis=-1).astype(np.uint8)
        picture[-1, -1] = 0  # one value all over would be a stand-in
        save(folder / "images" / f"{stem}.png", picture)
        if split != "tier3":
            save(folder / "targets" / f"{stem}_target.png", target)
    return f"{split}/{pair}"


def save(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path, compress_level=1)


def write_many(root: Path, places: int, size: int = 256, split: str = "train") -> None:
    """``places`` pairs of as many events with 24 buildings each, 3 to 24 of them destroyed, of varied sizes."""
    for place in range(places):
        destroyed = 3 + (place * 7) % 22
        wide = 16 + place % 17
        buildings = []
        for n in range(24):
            left, top = 8 + 40 * (n % 6), 8 + 60 * (n // 6)
            subtype = "destroyed" if n < destroyed else ("no-damage", "minor-damage")[n % 2]
            buildings.append(rectangle(left, top, left + wide, top + 30, subtype))
        grid = Grid(x=400000.0 + 9000 * place)
        write_pair(root, f"example-event-{place:02d}-storm_{place:08d}", buildings, split, grid, size)


def geotransforms(path: Path, entries: dict[str, Any]) -> Path:
    """``xview_geotransforms.json`` with these entries, image name -> [geotransform, WKT]."""
    path.write_text(json.dumps(entries))
    return path


def change_label(root: Path, scene_id: str, phase: str, change: Any) -> Path:
    """Apply ``change`` to the parsed label file of a scene and write it back."""
    split, pair = scene_id.split("/")
    path = root / split / "labels" / f"{pair}_{phase}_disaster.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def opened(root: Path, **options: Any) -> XbdSource:
    source = open_source("xbd", str(root), **options)
    assert isinstance(source, XbdSource)
    return source


def reason(root: Path, scene_id: str = SCENE, says: str = "") -> str:
    """Reason code with which a scene fails, at load or when its pixels are read."""
    with pytest.raises(SceneError) as caught:
        read_all(opened(root).load(scene_id))
    assert says in str(caught.value)
    assert str(root) not in str(caught.value)
    return caught.value.reason


def counts(scene: Scene, t: int) -> dict[str, int]:
    """Pixels by class name of date ``t``, those of no class as "ignored"."""
    label = scene.label_of(t)
    assert label is not None
    classes = label.classes()
    found = {name: int((classes == n).sum()) for n, name in enumerate(label.legend.names)}
    return {name: n for name, n in found.items() if n} | {"ignored": int((classes == IGNORE).sum())}
