"""Answers by reading everything anew for every word: no cache, no batch, nothing clever. What ``reason`` must equal.

The reply is scripted (token by token), so that what is compared does not hang on a random model's taste.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from terrascope_vlm.batch import images_of, rows_of
from terrascope_vlm.evidence import Evidence, Region, evidence_for
from terrascope_vlm.routing import route
from terrascope_vlm.slots import Query, Slots
from torch import Tensor


@dataclass
class Slow:
    """Logits before each written token and before the end; regions and evidence by ``[SEG]``."""

    logits: list[Tensor]
    regions: list[Region]
    evidence: list[Evidence]


@torch.no_grad()
def slowly(model: Any, processor: Any, query: Query, script: Sequence[int]) -> Slow:
    """Write ``script`` as the reply to ``query``."""
    found = Slow([], [], [])
    images = images_of([query], model.config)
    seen = model.see(images, rows_of([query.slots], [0]))
    features = model.encode(images.large)
    slots, text = query.slots, ""

    def state() -> Tensor:
        rows = rows_of([slots], [0])
        return model.read(model.embedded(rows, seen), rows.attention)[:, -1]

    found.logits.append(model.vlm.lm_head(state())[0])
    for token in script:
        slots = Slots.joined([slots, Slots.text([token])])
        text += processor.decode([token])
        if token == model.config.seg_token_id:
            where = route(query, text)
            frame, other = torch.tensor([where.frame]), torch.tensor([-1 if where.other is None else where.other])
            shown = model.mask_features(features, frame, other, images, seen)
            mask = (model.drawn(state(), shown, [query.shape])[0] > 0).numpy()
            found.regions.append(Region(where.t, where.frame, where.other, mask))
            found.evidence.append(evidence_for(query, found.regions, model.config, processor))
            slots = Slots.joined([slots, found.evidence[-1].slots])
            text = ""
        found.logits.append(model.vlm.lm_head(state())[0])
    return found
