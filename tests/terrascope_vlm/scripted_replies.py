"""Queries of every shape, a loud random model, and replies whose words are dictated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from terrascope_vlm.frames import FrameImage
from terrascope_vlm.slots import Query
from terrascope_vlm.tiny import tiny_parts
from torch import Tensor

from terracot.ground import GroundSampling

GROUND = GroundSampling.nominal(10.0, 10.0, "synthetic")


def loud_parts(seed: int = 1, **settings: Any) -> tuple[Any, Any]:
    """A tiny model whose weights are large, so that a wrong token anywhere shows in every later logit."""
    settings = {"image": 32, "patch": 4, "mask_input": 32, "width": 32, "vision_width": 32} | settings
    model, processor = tiny_parts(seed, **settings)
    return loud(model, seed), processor


@torch.no_grad()
def loud(model: Any, seed: int = 1) -> Any:
    """Give ``model`` large random weights."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.normal_(0, 0.3, generator=generator)
    return model


def image(seed: int, t: int = 1, modality: str = "s2", shape: tuple[int, int] = (20, 20)) -> FrameImage:
    """A synthetic image of noise."""
    return FrameImage(np.random.default_rng(seed).random((3, *shape), np.float32), t, modality)


def queries_of_all_kinds(processor: Any) -> list[Query]:
    """Eight: one image, two dates, a pair, SAR alone, two dates of pairs, tiles with a thumbnail, ..."""
    frames = [
        [image(1)],
        [image(2, 1), image(3, 2)],
        [image(4), image(5, modality="sar")],
        [image(6, modality="sar")],
        [image(7, 1), image(8, 1, "sar"), image(9, 2), image(10, 2, "sar")],
        [image(11, shape=(32, 64))],
        [image(1)],  # of the same bytes as the first
        [image(12, 1), image(13, 2), image(14, 3)],
    ]
    return [processor.query(row, "What is there?" + " And?" * n, GROUND) for n, row in enumerate(frames)]


SCRIPTS = (
    "a[SEG][SEG]b[SEG].",
    "Image: 2 [SEG] Image: 1[SEG]",
    "[SEG]x[SEG]yz",
    "radar [SEG]",
    "Image: 2 [SEG]. [SEG]?",
    "ab[SEG]c[SEG]",
    "",
    "Image: 3 [SEG]",
)
"""Replies to them: regions at different steps, on each date, at the very beginning, and one that ends at once."""


class Scripted:
    """Dictates the words of a reply through the private argument of ``reason``, and keeps the logits it was shown."""

    def __init__(self, processor: Any, texts: Sequence[str]) -> None:
        self.ids = [processor.encode(text) for text in texts]
        self.logits: list[list[Tensor]] = [[] for _ in texts]
        self._end = processor.ids["end"]

    def __call__(self, rows: list[int], logits: Tensor) -> Tensor:
        dictated = torch.zeros_like(logits)
        for place, row in enumerate(rows):
            token = [*self.ids[row], self._end][len(self.logits[row])]
            dictated[place, token] = 1.0
            self.logits[row].append(logits[place].clone())
        return dictated
