"""The four sizes of SAM 2 that Meta published, since its files do not say of which they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import Sam2Config

PUBLISHED: dict[str, dict[str, Any]] = {
    "tiny": {
        "embed_dim_per_stage": [96, 192, 384, 768],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "blocks_per_stage": [1, 2, 7, 2],
        "global_attention_blocks": [5, 7, 9],
        "window_size_per_stage": [8, 4, 14, 7],
        "window_positional_embedding_background_size": [7, 7],
    },
    "small": {
        "embed_dim_per_stage": [96, 192, 384, 768],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "blocks_per_stage": [1, 2, 11, 2],
        "global_attention_blocks": [7, 10, 13],
        "window_size_per_stage": [8, 4, 14, 7],
        "window_positional_embedding_background_size": [7, 7],
    },
    "base-plus": {
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 3, 16, 3],
        "global_attention_blocks": [12, 16, 20],
        "window_size_per_stage": [8, 4, 14, 7],
        "window_positional_embedding_background_size": [14, 14],
    },
    "large": {
        "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 6, 36, 4],
        "global_attention_blocks": [23, 33, 43],
        "window_size_per_stage": [8, 4, 16, 8],
        "window_positional_embedding_background_size": [7, 7],
    },
}


def published(size: str) -> Sam2Config:
    """The configuration of one of the four."""
    hiera = PUBLISHED[size]
    widths = hiera["embed_dim_per_stage"]
    backbone = {"model_type": "sam2_hiera_det_model", "hidden_size": widths[0], **hiera}
    backbone["num_attention_heads"] = hiera["num_attention_heads_per_stage"][0]
    return Sam2Config(vision_config={"backbone_config": backbone, "backbone_channel_list": widths[::-1]})


def config_of(weights: Mapping[str, Tensor], file: Path) -> Sam2Config:
    """The configuration of weights with the names of ``Sam2Model``. ``ValueError`` if they are of no published size."""
    prefix = "vision_encoder.backbone."
    blocks = len({name.split(".")[3] for name in weights if name.startswith(f"{prefix}blocks.")})
    embedding = weights.get(f"{prefix}patch_embed.projection.weight")
    width = 0 if embedding is None else len(embedding)
    for size, hiera in PUBLISHED.items():
        if sum(hiera["blocks_per_stage"]) == blocks and hiera["embed_dim_per_stage"][0] == width:
            return published(size)
    raise ValueError(
        f"{file}: {blocks} blocks that begin {width} wide are none of Meta's sizes ({', '.join(PUBLISHED)}); "
        f"give sam2_config"
    )
