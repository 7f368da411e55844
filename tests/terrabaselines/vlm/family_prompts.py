"""Prompts that differ in length, in the number of their images and in the form of these."""

from __future__ import annotations

import numpy as np

from terracot.ground import GroundSampling
from terracot.plugins import Prompt, PromptFrame
from terracot.scenes import Modality


def frame(t: int, modality: Modality, shape: tuple[int, int], seed: int) -> PromptFrame:
    """A frame of coloured blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = blocks[np.arange(shape[0])[:, None] * 4 // shape[0], np.arange(shape[1])[None, :] * 4 // shape[1]]
    sar = modality == Modality.SAR
    return PromptFrame(
        id=f"{t}-{modality}",
        t=t,
        modality=modality,
        bands=("VV", "VH") if sar else ("B04", "B03", "B02"),
        unit="dB" if sar else "reflectance",
        image=np.ascontiguousarray(image),
        native=lambda: np.moveaxis(image, -1, 0),
    )


def prompt(frames: tuple[PromptFrame, ...], question: str, instruction: str = "") -> Prompt:
    """A question of two options."""
    return Prompt("0", frames, GroundSampling.unknown(), question, ("yes", "no"), {}, instruction)


ONE = prompt((frame(1, Modality.OPTICAL, (64, 64), 0),), "Is there water?")
PAIR = prompt(
    (frame(1, Modality.OPTICAL, (60, 100), 1), frame(1, Modality.SAR, (60, 100), 2)),
    "Does the water extend over more of the image than the land does?",
    "Reply with nothing but the letter of the right option.",
)
DATES = prompt(
    (frame(1, Modality.OPTICAL, (96, 64), 3), frame(2, Modality.OPTICAL, (96, 64), 4)), "More water in image 2?"
)
WIDE = prompt((frame(1, Modality.OPTICAL, (40, 150), 5),), "Is it wide?")
PROMPTS = (ONE, PAIR, DATES, WIDE)
