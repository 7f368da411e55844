"""Small synthetic scenes for tests: as a folder of GeoTIFFs with its layout, and in memory.

A scene is cropland with a lake on the left, a town on the right and woods sprinkled between, at 10 m in UTM; every kind
of question finds something to ask about in some of them. All is a function of the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

from terracot.ground import GroundSampling
from terracot.render import default_display
from terracot.scenes import ClassMap, Frame, LabelMap, Legend, LegendClass, Modality, Scene

SIZE = 48
NAMES = ("water", "cropland", "tree cover", "built-up area", "wetland")
CODES = (10, 20, 30, 40, 50)  # raw label codes of NAMES; 0 is unlabelled
LICENCE = "CC-BY-4.0"

LAYOUT = """\
name: test_scenes
license: {licence}
attribution: Synthetic test scenes
legend:
  name: test_legend
  classes:
    - {{name: water, codes: [10]}}
    - {{name: cropland, codes: [20]}}
    - {{name: tree cover, codes: [30]}}
    - {{name: built-up area, codes: [40]}}
    - {{name: wetland, codes: [50]}}
  ignore: [0]
frames:
{frames}
labels:
{labels}
"""


def label_codes(rng: np.random.Generator, size: int = SIZE) -> np.ndarray:
    """``(size, size) uint8`` raw codes of one scene. Wetland never occurs: a class to say no to."""
    codes = np.full((size, size), 20, np.uint8)
    codes[: rng.integers(1, 5)] = 0
    top, left = rng.integers(6, 20, 2)
    codes[top : top + rng.integers(8, 20), 1 : 1 + rng.integers(5, 12)] = 10
    codes[left : left + rng.integers(6, 20), 32 : 32 + rng.integers(4, 15)] = 40
    for _ in range(rng.integers(0, 10)):
        y, x = rng.integers(5, size - 8, 2)
        codes[y : y + rng.integers(3, 7), x : x + rng.integers(3, 7)] = 30
    return codes


def make_scenes(folder: Path, count: int = 12, seed: int = 0, dates: int = 1, licence: str = LICENCE) -> Path:
    """Write ``count`` scenes of ``dates`` dates with a ``terracot.yaml``; returns the folder."""
    rng = np.random.default_rng(seed)
    suffixes = [f"_{t}" if dates > 1 else "" for t in range(1, dates + 1)]
    frames = "\n".join(
        f"  - {{name: image{s}, files: 'image{s}/{{id}}.tif', t: {t}, modality: optical, bands: [red, green, blue], "
        "unit: digital number}"
        for t, s in enumerate(suffixes, 1)
    )
    labels = "\n".join(f"  - {{files: 'label{s}/{{id}}.tif', t: {t}}}" for t, s in enumerate(suffixes, 1))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "terracot.yaml").write_text(LAYOUT.format(licence=licence, frames=frames, labels=labels))
    for number in range(count):
        for suffix in suffixes:
            codes = label_codes(rng)
            picture = np.stack([codes * k + rng.integers(0, 20, codes.shape, np.uint8) for k in (1, 2, 3)])
            write_raster(folder / f"image{suffix}" / f"s{number:03d}.tif", picture.astype(np.uint8))
            write_raster(folder / f"label{suffix}" / f"s{number:03d}.tif", codes[None])
    return folder


def write_raster(path: Path, bands: np.ndarray) -> None:
    """A GeoTIFF of ``(C, H, W) uint8`` at 10 m in UTM zone 33 north."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = bands.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=count,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(10, 0, 500_000, 0, -10, 5_000_000),
    ) as data:
        data.write(bands)


def unknown_code(folder: Path, scene_id: str) -> None:
    """Give a scene a label code that the legend does not know: reason ``unknown_code``."""
    codes = np.full((1, SIZE, SIZE), 99, np.uint8)
    write_raster(folder / "label" / f"{scene_id}.tif", codes)


def memory_scene(
    maps: Sequence[np.ndarray],
    names: Sequence[str] = NAMES,
    ground: GroundSampling | None = None,
    scene_id: str = "scene",
) -> Scene:
    """A scene in memory: one black optical frame and one map of class ids per date."""
    legend = Legend("test_legend", tuple(LegendClass(i, name, (i,)) for i, name in enumerate(names)))
    shape = (int(maps[0].shape[0]), int(maps[0].shape[1]))
    bands = ("red", "green", "blue")
    display = default_display(Modality.OPTICAL, bands, "digital number")
    frames, labels = [], []
    for t, classes in enumerate((m.astype(np.uint8) for m in maps), 1):

        def read(classes: ClassMap = classes) -> ClassMap:
            return classes

        def black() -> np.ndarray:
            return np.zeros((3, *shape), np.uint8)

        frames.append(Frame(f"{scene_id}/{t}", t, Modality.OPTICAL, bands, shape, black, "digital number", display))
        labels.append(LabelMap(t, legend, shape, read))
    ground = ground or GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test")
    return Scene(scene_id, "test", scene_id, LICENCE, tuple(frames), tuple(labels), ground)


def class_map(rng: np.random.Generator) -> np.ndarray:
    """Class ids of a scene as ``label_codes`` draws it, unlabelled pixels 255."""
    codes = label_codes(rng)
    return np.where(codes == 0, 255, codes // 10 - 1).astype(np.uint8)
