"""The model's own masks as evidence for some samples, as it will have them when it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from terracot.seeding import seeded_rng
from terrascope_vlm.batch import Batch, targets_of, training_rows
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.training.examples import example_of
from terrascope_vlm.training.feeding import Micro, micro_counted


def with_predicted(
    model: Any, processor: TerraScopeProcessor, config: TerraScopeConfig, micro: Micro, share: float, seed: int
) -> Micro:
    """``micro`` with a ``share`` of its samples, drawn by seed and number, reading the masks that ``model`` draws.

    The masks come from a pass without gradients, in which the true ones are the evidence. What is learned stays: the
    true masks and the reply.
    """
    drawn = [
        bool(lesson.masks) and seeded_rng(seed, "predicted", lesson.number).random() < share for lesson in micro.lessons
    ]
    if not any(drawn):
        return micro
    with torch.no_grad():
        logits = model(micro.batch).mask_logits
    found = iter([(one > 0).cpu().numpy() for one in logits])
    examples = []
    for lesson, example, chosen in zip(micro.lessons, micro.examples, drawn, strict=True):
        masks = [next(found) for _ in example.targets]
        if chosen:
            example = example_of(processor, config, example.query, lesson.reply, lesson.masks, masks, lesson.counted)
        examples.append(example)
    images = micro.batch.images
    rows = training_rows(examples, images, processor.ids["pad"])
    device = micro.batch.rows.ids.device
    batch = Batch(images, rows.to(device), targets_of(examples, images).to(device))
    return micro_counted(micro.lessons, tuple(examples), batch)


def on_device(micro: Micro, device: Any) -> Micro:
    """With its batch on a device."""
    return replace(micro, batch=micro.batch.to(device))
