"""Batches for tests of the model: random images, a reply with some ``[SEG]``, evidence after each."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from terrascope_vlm.batch import Batch, batch_of
from terrascope_vlm.frames import FrameImage, frames_at
from terrascope_vlm.slots import Example, Slots, Target

from terracot.ground import GroundSampling

SIZE = 32
GROUND = GroundSampling.nominal(10.0, 10.0, "test")


def image(seed: int, t: int = 1, modality: str = "optical", bands: int = 0, size: int = SIZE) -> FrameImage:
    """A random image."""
    rng = np.random.default_rng(seed)
    return FrameImage(rng.random((3 + bands, size, size), dtype=np.float32), t, modality)


def example(
    processor: Any, frames: list[FrameImage], dates: tuple[int, ...] = (1,), ground: GroundSampling = GROUND
) -> Example:
    """A reply with one ``[SEG]`` for each of ``dates``, each with four visual tokens of its image after it."""
    query = processor.query(frames, "What is here?", ground)
    parts, targets = [query.slots], []
    length = len(query.slots)
    for number, date in enumerate(dates):
        words = Slots.text([*processor.encode(f"Image: {date} "), processor.ids["seg"]], learn=True)
        frame, other = frames_at(frames, date)
        evidence = Slots.image(torch.arange(4) + query.offsets[frame], processor.ids["image"])
        parts += [words, evidence]
        length += len(words)
        mask = np.zeros(query.shape, dtype=bool)
        mask[: 8 + 4 * number, 4:20] = True
        targets.append(Target(length - 1, frame, other, mask, np.ones(query.shape, dtype=bool)))
        length += len(evidence)
    parts.append(Slots.text([*processor.encode("Yes."), processor.ids["end"]], learn=True))
    return Example(query, Slots.joined(parts), tuple(targets))


def batch(config: Any, examples: list[Example]) -> Batch:
    """Side by side."""
    return batch_of(examples, config)
