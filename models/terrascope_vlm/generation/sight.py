"""What the model sees of the images of several queries: each image once, however many queries show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from terracot.scenes import BoolMask
from terrascope_vlm.batch import images_of, rows_of
from terrascope_vlm.fusion import chosen
from terrascope_vlm.grounding import Features
from terrascope_vlm.modeling import TerraScopeForReasoning
from terrascope_vlm.routing import Route
from terrascope_vlm.slots import Query, Slots


class Sight:
    """Visual tokens of ``queries`` at once; what SAM sees of an image when it is first drawn on, and then never again.

    ``seen`` has the visual tokens of all queries, one after the other; ``offsets`` the first of each.
    """

    def __init__(self, model: TerraScopeForReasoning, queries: Sequence[Query]) -> None:
        self._model, self._queries = model, queries
        images = images_of(queries, model.config)
        self.offsets = images.offsets
        self._large, self._frame_of = images.large, images.frame_of  # not sent to the device before they are needed
        self._images = replace(images, large=images.large[:0]).to(model.device)
        prompts = rows_of([query.slots for query in queries], images.offsets).to(model.device)
        self.seen = model.see(self._images, prompts)
        self._beta = self.seen.beta.cpu()
        self._features: dict[int, Features] = {}

    def draw(self, states: Tensor, rows: Sequence[int], routes: Sequence[Route]) -> list[BoolMask]:
        """Masks ``(H, W)`` of the ``[SEG]`` states ``(M, D)`` of queries ``rows``, each on the image of its route."""
        places = list(zip((self._images.first[row] for row in rows), routes, strict=True))
        own = torch.tensor([first + route.frame for first, route in places])
        beside = torch.tensor([-1 if route.other is None else first + route.other for first, route in places])
        needed = self._frame_of[torch.cat([own, beside[beside >= 0]])].unique()
        frame_of = torch.searchsorted(needed, self._frame_of)  # right for those needed; nobody asks for others
        images = replace(self._images, frame_of=frame_of.to(states.device))
        own, beside = own.to(states.device), beside.to(states.device)
        found = self._model.mask_features(self._encoded(needed.tolist()), own, beside, images, self.seen)
        logits = self._model.drawn(states, found, [self._queries[row].shape for row in rows])
        return [(one > 0).cpu().numpy() for one in logits]

    def _encoded(self, frames: Sequence[int]) -> Features:
        """SAM's features of ``frames``, positions among those that differ."""
        # One at a time: the same to the bit in any batch, and large images fill a GPU as they are.
        for frame in frames:
            if frame not in self._features:
                self._features[frame] = self._model.encode(self._large[frame : frame + 1].to(self._model.device))
        return Features.joined([self._features[frame] for frame in frames])

    def from_sar(self, row: int, slots: Slots) -> tuple[bool, ...]:
        """For each slot of evidence of query ``row`` whether the model reads it from a SAR image."""
        query, offset = self._queries[row], self.offsets[row]
        moved = slots.shifted(offset)
        tokens = chosen(moved.visual, moved.other, self._beta) - offset
        sar = torch.zeros(len(slots), dtype=torch.bool)
        for start, tiling, frame in zip(query.offsets, query.tilings, query.frames, strict=True):
            if frame.is_sar:
                sar |= (tokens >= start) & (tokens < start + tiling.tokens)
        return tuple(sar.tolist())
