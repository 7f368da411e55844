"""Samples of a batch that begin alike, with the same images, are read to where they part only once.

Questions about one scene have the images before them, 256 tokens or more each, and all that they say of the images is
the same for all of them. Training reads these first tokens once for every scene, and each sample goes on from their
keys and values. States and gradients are those of reading every sample from its start, but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

Reading = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Shared:
    """``group`` ``(B,)``: which rows begin alike; ``first`` ``(G,)``: one row of each group; ``length`` ``(G,)``: how
    many slots the group has in common.
    """

    group: Tensor
    first: Tensor
    length: Tensor

    def to(self, device: Any) -> Shared:
        """On another device."""
        return Shared(self.group.to(device), self.first.to(device), self.length.to(device))


def shared_by(keys: Sequence[object], lengths: Sequence[int]) -> Shared | None:
    """Rows of equal ``keys`` have their first ``lengths`` slots in common; None where no two rows do."""
    first: dict[object, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    if len(first) == len(keys):
        return None
    number = {key: n for n, key in enumerate(first)}
    return Shared(
        torch.tensor([number[key] for key in keys]),
        torch.tensor(list(first.values())),
        torch.tensor([lengths[row] for row in first.values()]),
    )


def read_shared(language_model: Reading, embeddings: Tensor, attention: Tensor, shared: Shared) -> Tensor:
    """``(B, L, D)`` last hidden states, as ``language_model`` has them of ``(B, L, D)`` embeddings; those of the common
    slots are 0, as nobody needs them.
    """
    common = int(shared.length.max())
    inside = torch.arange(common, device=embeddings.device)[None, :] < shared.length[:, None]  # (G, P)
    cache = DynamicCache()
    language_model(
        inputs_embeds=embeddings[shared.first, :common],
        attention_mask=inside.long(),
        position_ids=_positions(inside),
        past_key_values=cache,
        use_cache=True,
    )
    own = DynamicCache()
    for number, layer in enumerate(cache.layers):
        own.update(layer.keys[shared.group], layer.values[shared.group], number)
    begins = shared.length[shared.group]  # (B,)
    rest = int((attention.sum(-1) - begins).max())
    places = begins[:, None] + torch.arange(rest, device=embeddings.device)  # (B, R)
    there = places < attention.sum(-1)[:, None]
    places = places.clamp(max=embeddings.shape[1] - 1)
    index = places[..., None].expand(-1, -1, embeddings.shape[-1])
    seen = torch.cat([inside[shared.group], there], dim=1)
    states = language_model(
        inputs_embeds=embeddings.gather(1, index),
        attention_mask=seen.long(),
        position_ids=_positions(seen)[:, common:],
        past_key_values=own,
        use_cache=True,
    ).last_hidden_state
    # Padding is added onto slots of its own row: 0, so that nothing comes of it.
    found: Tensor = torch.zeros_like(embeddings, dtype=states.dtype).scatter_add(1, index, states * there[..., None])
    return found


def _positions(seen: Tensor) -> Tensor:
    return (seen.long().cumsum(-1) - 1).clamp(min=0)
