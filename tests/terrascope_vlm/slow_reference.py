"""Answers by reading everything anew for every word: no cache, no batch, nothing clever. What ``reason`` must equal.

The reply is scripted (token by token), so that what is compared does not hang on a random model's taste.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from terrascope_vlm.batch import images_of, rows_of
from terrascope_vlm.evidence import Evidence, Region, evidence_for
from terrascope_vlm.routing import route
from terrascope_vlm.slots import Query, Slots


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
    slots, text = query.slots, ""
    found.logits.append(_logits(model, query, slots))
    for token in script:
        slots = Slots.joined([slots, Slots.text([token])])
        if token == model.config.seg_token_id:
            where = route(query, text)
            region = Region(where.t, where.frame, where.other, _mask(model, query, slots, where))
            found.regions.append(region)
            found.evidence.append(evidence_for(query, found.regions, model.config, processor))
            slots = Slots.joined([slots, found.evidence[-1].slots])
            text = ""
        else:
            text += processor.decode([token])
        found.logits.append(_logits(model, query, slots))
    return found


def _state(model: Any, query: Query, slots: Slots) -> Tensor:
    images = images_of([query], model.config)
    rows = rows_of([slots], [0])
    seen = model.see(images, rows)
    return model.read(model.embedded(rows, seen), rows.attention)[:, -1]


def _logits(model: Any, query: Query, slots: Slots) -> Tensor:
    return model.vlm.lm_head(_state(model, query, slots))[0]


def _mask(model: Any, query: Query, slots: Slots, where: Any) -> Any:
    images = images_of([query], model.config)
    seen = model.see(images, rows_of([slots], [0]))
    frame, other = torch.tensor([where.frame]), torch.tensor([-1 if where.other is None else where.other])
    features = model.mask_features(model.encode(images.large), frame, other, images, seen)
    return (model.drawn(_state(model, query, slots), features, [query.shape])[0] > 0).numpy()
