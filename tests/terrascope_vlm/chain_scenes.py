"""Scenes of every kind with replies, and the tokens that follow each ``[SEG]``, worked out by hand.

A tile has 4 x 4 visual tokens of 8 pixels each; tokens are numbered frame by frame, so those of the n-th frame begin at
16 n.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from scripted_replies import GROUND, image
from terrascope_vlm.frames import FrameImage
from terrascope_vlm.slots import IGNORED
from terrascope_vlm.training.examples import example_of

TILE = (32, 32)


@dataclass(frozen=True, eq=False)
class Dated:
    t: int
    mask: np.ndarray


def part(rows: slice, columns: slice, shape: tuple[int, int] = TILE) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


UPPER_LEFT = part(slice(0, 16), slice(0, 16))
LOWER_RIGHT = part(slice(16, 32), slice(16, 32))
FOUR, LAST = (0, 1, 4, 5), (10, 11, 14, 15)  # the tokens of a tile under them


@dataclass(frozen=True, eq=False)
class Scene:
    """Frames, a reply, its masks by date, the visual tokens after each ``[SEG]``, the frames SAM reads for them."""

    frames: list[FrameImage]
    reply: str
    masks: list[tuple[int, np.ndarray]]
    tokens: list[list[int]]
    read: set[int]


def after(first: int, tokens: tuple[int, ...]) -> list[int]:
    return [first + token for token in tokens]


SCENES = {
    "optical": Scene([image(1, shape=TILE)], "Here [SEG].", [(1, UPPER_LEFT)], [[*FOUR]], {0}),
    "SAR alone": Scene([image(2, 1, "sar", TILE)], "[SEG] x", [(1, LOWER_RIGHT)], [[*LAST]], {0}),
    "two dates": Scene(
        [image(3, 1, shape=TILE), image(4, 2, shape=TILE)],
        "Image: 2 [SEG], Image: 1 [SEG].",
        [(2, UPPER_LEFT), (1, LOWER_RIGHT)],
        [after(16, FOUR), [*LAST]],
        {0, 1},
    ),
    "three dates": Scene(
        [image(5, 1, shape=TILE), image(6, 2, shape=TILE), image(7, 3, shape=TILE)],
        "Image: 3 [SEG] and Image: 3 [SEG].",
        [(3, UPPER_LEFT), (3, LOWER_RIGHT)],
        [after(32, FOUR), after(32, LAST)],
        {2},
    ),
    "a pair, SAR first": Scene(
        [image(8, 1, "sar", TILE), image(9, 1, shape=TILE)], "So [SEG].", [(1, UPPER_LEFT)], [after(16, FOUR)], {0, 1}
    ),
    "two dates of pairs": Scene(
        [image(10, 1, shape=TILE), image(11, 1, "sar", TILE), image(12, 2, shape=TILE), image(13, 2, "sar", TILE)],
        "Image: 2 [SEG].",
        [(2, LOWER_RIGHT)],
        [after(32, LAST)],
        {2, 3},
    ),
    "SAR on the first date alone": Scene(
        [image(14, 1, shape=TILE), image(15, 1, "sar", TILE), image(16, 2, shape=TILE)],
        "Image: 2 [SEG] or Image: 1 [SEG]",
        [(2, UPPER_LEFT), (1, UPPER_LEFT)],
        [after(32, FOUR), [*FOUR]],
        {0, 1, 2},
    ),
    "tiles and a thumbnail": Scene(  # 2 x 3 tiles; the mask is around the corner where tiles 0, 1, 3 and 4 meet
        [image(17, shape=(64, 96))],
        "[SEG]",
        [(1, part(slice(24, 40), slice(24, 40), (64, 96)))],
        [[15, 16 + 12, 48 + 3, 64 + 0]],
        {0},
    ),
}
PAIRED = ("a pair, SAR first", "two dates of pairs", "SAR on the first date alone")
BESIDE = {  # the same tokens in the SAR image of the date, where there is one
    "a pair, SAR first": [[*FOUR]],
    "two dates of pairs": [after(48, LAST)],
    "SAR on the first date alone": [None, after(16, FOUR)],
}


@contextmanager
def set_to(model, **settings):
    before = {name: getattr(model.config, name) for name in settings}
    for name, value in settings.items():
        setattr(model.config, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(model.config, name, value)


def queries_of(processor, scenes, text="What is there?"):
    return [processor.query(scene.frames, text, GROUND) for scene in scenes]


def examples_of(parts, scenes, queries, shown=None):
    """``shown``: for each scene masks that are evidence instead of the true ones."""
    model, processor = parts
    shown = shown or [None] * len(scenes)
    return [
        example_of(processor, model.config, query, scene.reply, [Dated(*mask) for mask in scene.masks], masks)
        for scene, query, masks in zip(scenes, queries, shown, strict=True)
    ]


def evidence_of(example) -> list[torch.Tensor]:
    """Positions of the slots between each ``[SEG]`` of the reply and the next word that is learned."""
    learned = (example.slots.labels != IGNORED).nonzero()[:, 0]
    following = [int(learned[learned > target.slot][0]) for target in example.targets]
    return [torch.arange(target.slot + 1, end) for target, end in zip(example.targets, following, strict=True)]


def visual_of(example) -> list[list[int]]:
    return [example.slots.visual[at].tolist() for at in evidence_of(example)]
