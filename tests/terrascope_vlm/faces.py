"""A tiny checkpoint on disk, image files, prompts, and words that are put into a model's mouth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from terracot.ground import GroundSampling
from terracot.plugins import Prompt, PromptFrame
from terracot.scenes import Modality

SIZES = {"image": 32, "patch": 4, "mask_input": 32, "width": 32, "vision_width": 32}
"""Of the tiny model: 4 x 4 visual tokens a tile."""

GRID = rasterio.Affine(10, 0, 331200, 0, -10, 5331600)
TEN_METRES = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test")


def write_checkpoint(folder: Path) -> Path:
    """Save a tiny random model."""
    import torch
    from terrascope_vlm.checkpoints import save
    from terrascope_vlm.tiny import tiny_parts

    torch.set_num_threads(1)
    save(*tiny_parts(0, **SIZES), folder)
    return folder


def dictate(monkeypatch: pytest.MonkeyPatch, *texts: str) -> list[Any]:
    """From now on the n-th reply has the words of the n-th text, and so on in turn; masks stay the model's own.

    The list gets a ``Scripted`` for each batch that is answered.
    """
    import terrascope_vlm.generation
    from scripted_replies import Scripted
    from terrascope_vlm.generation.decoding import reason

    asked, given = count(), []

    def dictated(model: Any, processor: Any, queries: Sequence[Any], *args: Any, **options: Any) -> Any:
        given.append(Scripted(processor, [texts[next(asked) % len(texts)] for _ in queries]))
        return reason(model, processor, queries, *args, **options, _adjust=given[-1])

    monkeypatch.setattr(terrascope_vlm.generation, "reason", dictated)
    return given


def noise(seed: int, side: int = 32) -> np.ndarray:
    """``(side, side, 3) uint8``."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def prompt_of_noise(*dates: int, sar: Sequence[int] = (), question: str = "How much?", seed: int = 0) -> Prompt:
    """A frame of noise for each of ``dates``, and a SAR frame for each of ``sar``; four options."""
    frames = []
    for t, modality in [(t, Modality.OPTICAL) for t in dates] + [(t, Modality.SAR) for t in sar]:
        image = noise(1000 * seed + 10 * t + (modality is Modality.SAR))
        native = np.moveaxis(image, -1, 0)
        frames.append(
            PromptFrame(f"{t}-{modality}", t, modality, ("R", "G", "B"), "digital number", image, lambda n=native: n)  # type: ignore[misc]
        )
    frames.sort(key=lambda frame: frame.t)
    valid = {frame.t: np.ones((32, 32), dtype=bool) for frame in frames}
    return Prompt("x", tuple(frames), TEN_METRES, question, ("10%", "20%", "30%", "40%"), valid)


def geotiff(path: Path, bands: np.ndarray, names: Sequence[str] = (), **changed: Any) -> Path:
    """Write ``(C, H, W)`` bands with their names, on a grid of 10 m unless ``changed``."""
    count_, height, width = bands.shape
    profile = {
        "driver": "GTiff", "count": count_, "height": height, "width": width, "dtype": bands.dtype,
        "crs": "EPSG:32633", "transform": GRID,
    } | changed  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(bands)
        for number, name in enumerate(names, 1):
            file.set_band_description(number, name)
    return path


def sentinel_2(path: Path, side: int = 32, seed: int = 0, **changed: Any) -> Path:
    """Four bands of whole numbers, 10,000 for a reflectance of 1."""
    values = np.random.default_rng(seed).integers(100, 3000, (4, side, side), dtype=np.uint16)
    return geotiff(path, values, ("B02", "B03", "B04", "B08"), **changed)


def sentinel_1(path: Path, side: int = 32, seed: int = 0, **changed: Any) -> Path:
    """Two bands in decibels."""
    values = np.random.default_rng(seed).uniform(-24, -2, (2, side, side)).astype(np.float32)
    return geotiff(path, values, ("VV", "VH"), **changed)


def picture(path: Path, seed: int = 0, side: int = 32) -> Path:
    """A PNG or JPEG of noise."""
    Image.fromarray(noise(seed, side)).save(path)
    return path


REPLY = (
    "<think>The water is here: Image: 1 [SEG]. It has 9 <b>pixels</b>. Now the tree cover: Image: 2 [SEG]."
    "</think><answer>B</answer>"
)
"""About the example of the demo."""

QUESTION = {"question": "How much water?", "options": ["1 ha", "2 ha"], "answer": "A: 1 ha"}


def one_example() -> list[Any]:
    """One example for the demo, of two dates."""
    from terrascope_vlm.demo.examples import Example

    return [Example("By hand", prompt_of_noise(1, 2), (QUESTION,))]
