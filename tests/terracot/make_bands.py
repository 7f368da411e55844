"""Scenes in memory with bands of known reflectance, clouds and a SAR image, for tests of what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from terracot.checks import check_row, scene_setting
from terracot.findings import Finding, Setting
from terracot.ground import GroundSampling
from terracot.questions import Question, ask
from terracot.render import default_display
from terracot.scenes import Display, Frame, LabelMap, Legend, LegendClass, Modality, Scene

NAMES = ("water", "cropland", "tree cover")
S2 = ("B02", "B03", "B04", "B08", "B11", "B12")
SHOWN = Display(("B04", "B03", "B02"), (0.0, 0.0, 0.0), (0.3, 0.3, 0.3))


def frame(
    pixels: np.ndarray,
    bands: Sequence[str] = S2,
    unit: str = "reflectance",
    t: int = 1,
    modality: Modality = Modality.MULTISPECTRAL,
    hidden: np.ndarray | None = None,
) -> Frame:
    """An image of ``(C, H, W)`` pixels, with what clouds hide of it."""
    shape = (pixels.shape[1], pixels.shape[2])
    shown = SHOWN if tuple(bands) == S2 else default_display(modality, bands, unit)
    hides = None if hidden is None else (lambda: hidden)
    return Frame(f"t{t}-{modality}", t, modality, tuple(bands), shape, lambda: pixels, unit, shown, None, hides)


def sar(shape: tuple[int, int], t: int = 1) -> Frame:
    """A SAR image that shows everything alike."""
    return frame(np.full((2, *shape), -12.0, np.float32), ("VV", "VH"), "dB", t, Modality.SAR)


def sentinel(shape: tuple[int, int], **bands: Any) -> np.ndarray:
    """``(6, H, W)`` float32 reflectance, 0.1 wherever a band is not given."""
    pixels = np.full((len(S2), *shape), 0.1, np.float32)
    for name, values in bands.items():
        pixels[S2.index(name)] = values
    return pixels


def scene(
    maps: Mapping[int, np.ndarray],
    frames: Sequence[Frame],
    names: Sequence[str] = NAMES,
    scene_id: str = "scene",
    **more: Any,
) -> Scene:
    """A scene of these images, with a map of class ids by date."""
    legend = Legend("test_legend", tuple(LegendClass(i, name, (i,)) for i, name in enumerate(names)))
    labels = [
        LabelMap(t, legend, frames[0].shape, lambda classes=classes: classes.astype(np.uint8))  # type: ignore[misc]
        for t, classes in maps.items()
    ]
    ground = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test")
    ordered = tuple(sorted(frames, key=lambda f: f.t))
    return Scene(scene_id, "test", scene_id, "CC0-1.0", ordered, tuple(labels), ground, **more)


def problems_of(scene: Scene, row: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """What ``verify`` says of a sample's row against its stored scene."""

    def word(row: Mapping[str, Any], finding: Finding, setting: Setting) -> Question:
        return ask(finding, setting, row["seed"], row["answer"] if row["form"] == "choice" else None)

    return list(check_row(row, scene_setting(stored), scene.shape, word))
