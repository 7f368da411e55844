"""What is looked at before a batch is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from terrascope_vlm.generation.events import ForcedMask
from terrascope_vlm.slots import Query


def check_forced(forced: Sequence[Sequence[ForcedMask]], queries: Sequence[Query]) -> None:
    """``ValueError`` where a given mask does not fit its query."""
    if len(forced) != len(queries):
        raise ValueError(
            f"forced has masks for {len(forced)} queries; expected one sequence for each of {len(queries)}"
        )
    for row, (masks, query) in enumerate(zip(forced, queries, strict=True)):
        dates = sorted({frame.t for frame in query.frames})
        for number, mask in enumerate(masks, 1):
            t, grid = getattr(mask, "t", None), np.asarray(getattr(mask, "mask", mask))
            if grid.shape != query.shape or grid.dtype != bool:
                raise ValueError(
                    f"forced mask {number} of query {row} is {grid.shape} {grid.dtype}; expected {query.shape} bool, "
                    "the shape of the query's images"
                )
            if t is not None and t not in dates:
                raise ValueError(
                    f"forced mask {number} of query {row} is of date {t}; the query has images of "
                    f"{', '.join(map(str, dates))}: give one of these, or a mask without a date"
                )


def positions_of(config: Any, queries: Sequence[Query]) -> int:
    """How many positions the language model of ``config`` has.

    ``ValueError`` where a prompt is longer than that, or the attention is of a kind that the cache does not serve.
    """
    kind = config._attn_implementation
    if kind not in ("eager", "sdpa"):
        raise ValueError(
            f"rows of different lengths need the attention 'sdpa' or 'eager'; the language model has {kind!r}: "
            "load the model with attn_implementation='sdpa'"
        )
    layers = getattr(config, "layer_types", None)
    if any(layer != "full_attention" for layer in layers or []) or (not layers and _window(config)):
        raise ValueError(
            "interleaved decoding needs a language model with full attention in every layer; "
            f"{type(config).__name__} has {', '.join(sorted(set(layers or []))) or 'a sliding window'}"
        )
    most = int(config.max_position_embeddings)
    for row, query in enumerate(queries):
        if len(query.slots) > most:
            raise ValueError(
                f"the prompt of query {row} has {len(query.slots)} positions, {query.tokens} of them visual tokens; "
                f"the language model has {most}: show fewer images, cut them into fewer tiles (max_tiles), or ask "
                "with fewer words"
            )
    return most


def _window(config: Any) -> bool:
    return getattr(config, "sliding_window", None) is not None
