"""From a query, a reply in Terra-CoT's text form and its masks to an Example: what is read, learned and drawn.

    <think>I mark the water: [SEG] evidence. It covers ... </think><answer>B</answer><|im_end|>

Words, ``[SEG]`` and the end are learned. What follows a ``[SEG]`` as evidence is only read; its last slot predicts the
next word, as when the model answers. Every ``[SEG]`` is supervised against the image that it means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from terracot.masks import DatedMask
from terracot.scenes import BoolMask
from terracot.traces import SEG
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.evidence import Region, evidence_for
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.routing import route
from terrascope_vlm.slots import Example, Query, Slots, Target


class ExampleError(ValueError):
    """A sample that cannot be learned from; the message says what contradicts what."""


def example_of(
    processor: TerraScopeProcessor,
    config: TerraScopeConfig,
    query: Query,
    reply: str,
    masks: Sequence[DatedMask],
    evidence_masks: Sequence[BoolMask] | None = None,
    counted: Mapping[int, BoolMask] | None = None,
) -> Example:
    """The example of a reply whose n-th ``[SEG]`` is the n-th of ``masks``.

    ``evidence_masks``: ``(H, W)`` each, injected instead of the true ones, which are learned all the same. ``counted``
    has by date the pixels that count in the mask loss; without it, the ``valid`` ones of the query do, and a date that
    is not there counts everywhere. ``ExampleError`` where masks and ``[SEG]`` differ in number, a mask has another
    shape than the image, or the reply speaks of another date than its mask.
    """
    said = reply.split(SEG)
    if len(said) - 1 != len(masks):
        raise ExampleError(f"the reply has {len(said) - 1} {SEG} and {len(masks)} masks; expected one mask for each")
    if evidence_masks is not None and len(evidence_masks) != len(masks):
        raise ExampleError(f"{len(evidence_masks)} masks of evidence for {len(masks)} {SEG}; expected one for each")
    counted = query.valid if counted is None else counted
    everywhere = np.ones(query.shape, bool)
    parts = [query.slots]
    length = len(query.slots)
    regions: list[Region] = []
    targets: list[Target] = []

    def add(slots: Slots) -> None:
        nonlocal length
        parts.append(slots)
        length += len(slots)

    for number, (text, truth) in enumerate(zip(said[:-1], masks, strict=True)):
        where = route(query, text)
        if where.t != truth.t:
            raise ExampleError(
                f"{SEG} number {number + 1} of the reply is on date {where.t}, its mask on date {truth.t}; the words "
                "before it have to name the date of the mask, as in `Image: 2 [SEG]`"
            )
        if truth.mask.shape != query.shape:
            raise ExampleError(
                f"mask {number + 1} is {truth.mask.shape}; expected the shape of the image, {query.shape}"
            )
        add(Slots.text([*processor.plain(text), processor.ids["seg"]], learn=True))
        shown = truth.mask if evidence_masks is None else evidence_masks[number]
        regions.append(Region(where.t, where.frame, where.other, shown))
        targets.append(Target(length - 1, where.frame, where.other, truth.mask, counted.get(where.t, everywhere)))
        add(evidence_for(query, regions, config, processor).slots)
    add(Slots.text([*processor.plain(said[-1]), processor.ids["end"]], learn=True))
    return Example(query, Slots.joined(parts), tuple(targets))
