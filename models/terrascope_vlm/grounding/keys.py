"""Names of SAM 2's weights: Meta's, in its .pt files and in the package sam2, and those of transformers."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

VIDEO_ONLY = re.compile(
    r"memory_attention\.|memory_encoder\.|obj_ptr_proj\.|obj_ptr_tpos_proj\.|mask_downsample\."
    r"|(maskmem_tpos_enc|no_mem_pos_enc|no_obj_ptr|no_obj_embed_spatial)$"
)
"""Weights in Meta's files that only the tracking in videos needs."""

POINT = re.compile(r"sam_prompt_encoder\.point_embeddings\.(\d+)\.weight")
POSITIONS = "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"

_RENAMED = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
        (r"^image_encoder\.neck\.convs\.(\d+)\.conv\.", r"vision_encoder.neck.convs.\1."),
        (r"^(vision_encoder\.backbone\.patch_embed)\.proj\.", r"\1.projection."),
        (r"^(vision_encoder\.backbone\.blocks\.\d+)\.norm(\d)\.", r"\1.layer_norm\2."),
        (r"^sam_prompt_encoder\.mask_downscaling\.0\.", "prompt_encoder.mask_embed.conv1."),
        (r"^sam_prompt_encoder\.mask_downscaling\.1\.", "prompt_encoder.mask_embed.layer_norm1."),
        (r"^sam_prompt_encoder\.mask_downscaling\.3\.", "prompt_encoder.mask_embed.conv2."),
        (r"^sam_prompt_encoder\.mask_downscaling\.4\.", "prompt_encoder.mask_embed.layer_norm2."),
        (r"^sam_prompt_encoder\.mask_downscaling\.6\.", "prompt_encoder.mask_embed.conv3."),
        (r"^sam_prompt_encoder\.", "prompt_encoder."),
        (r"^sam_mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
        (r"^sam_mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
        (r"^sam_mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
        (r"^sam_mask_decoder\.", "mask_decoder."),
        (r"^(mask_decoder\.transformer\.layers\.\d+)\.norm(\d)\.", r"\1.layer_norm\2."),
        (r"^mask_decoder\.transformer\.norm_final_attn\.", "mask_decoder.transformer.layer_norm_final_attn."),
        (r"^(mask_decoder\.transformer\..*)\.out_proj\.", r"\1.o_proj."),
        (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|\w+_head))\.layers\.0\.", r"\1.proj_in."),
        (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|\w+_head))\.layers\.1\.", r"\1.layers.0."),
        (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|\w+_head))\.layers\.2\.", r"\1.proj_out."),
        (r"^(.*\.mlp)\.layers\.0\.", r"\1.proj_in."),
        (r"^(.*\.mlp)\.layers\.1\.", r"\1.proj_out."),
        (r"^no_mem_embed$", "no_memory_embedding"),
    )
]


def transformers_name(name: str) -> str:
    """The name in ``Sam2Model`` of a weight that Meta's ``SAM2Base`` calls ``name``.

    All four point embeddings are rows of one weight there.
    """
    if POINT.fullmatch(name):
        return "prompt_encoder.point_embed.weight"
    if name == POSITIONS:
        return "shared_image_embedding.positional_embedding"
    for pattern, new in _RENAMED:
        name = pattern.sub(new, name)
    return name


def from_meta(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights by the names of ``Sam2Model`` of those that Meta's files have; what only videos need is left out."""
    points: dict[int, Tensor] = {}
    found: dict[str, Tensor] = {}
    for name, weight in weights.items():
        point = POINT.fullmatch(name)
        if point:
            points[int(point[1])] = weight
        elif not VIDEO_ONLY.match(name):
            found[transformers_name(name)] = weight
    if points:
        found["prompt_encoder.point_embed.weight"] = torch.cat([points[row] for row in sorted(points)])
    if POSITIONS in weights:  # Sam2Model has it twice
        found["prompt_encoder.shared_embedding.positional_embedding"] = weights[POSITIONS].clone()
    return found
