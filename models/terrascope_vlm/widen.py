"""Patch embeddings for further bands: InternVL's of the vision encoder, SAM 2's of its image encoder.

The weights of red, green and blue stay, those of a new channel begin at zero. So the widened model answers as before
where bands are missing (a missing band is zero after normalisation), and at the start whatever they show; what they are
good for is learned.

The other way, groups of three bands as further images, would need no new weights. But each image costs 256 visual
tokens: the ten further bands of Sentinel-2 make four images more, five times the tokens of every frame and every date,
in training and in each answer, and the evidence after ``[SEG]`` would have to choose between groups. And a group of
near infrared shown as red, green and blue looks like no image that the encoder has seen. A wider patch embedding
costs no token, and one token then tells all of a place.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from transformers import InternVLForConditionalGeneration, Sam2Model

from terrascope_vlm.config import BAND_MEAN, BAND_STD
from terrascope_vlm.modeling import TerraScopeForReasoning


def widen(model: TerraScopeForReasoning, bands: Sequence[str]) -> None:
    """Let ``model`` read ``bands`` beside what it reads. ``ValueError`` for a band that it has already.

    Its processor has to be made anew with ``TerraScopeProcessor.of``.
    """
    config = model.config
    known = {band.lower() for band in config.bands}
    for band in bands:
        if band.lower() in known:
            raise ValueError(f"band {band} is there already; the model reads {', '.join(config.bands)}")
        known.add(band.lower())
    config.bands += list(bands)
    config.pixel_mean += [BAND_MEAN] * len(bands)
    config.pixel_std += [BAND_STD] * len(bands)
    widen_internvl(model.vlm, config.channels)
    widen_sam2(model.grounding.sam, config.channels)
    config.internvl_config.vision_config.num_channels = config.channels
    config.sam2_config.vision_config.backbone_config.num_channels = config.channels


def widen_internvl(vlm: InternVLForConditionalGeneration, channels: int) -> None:
    """Let the vision encoder read ``channels``; the first are those that it reads now."""
    embedding = vlm.model.vision_tower.embeddings.patch_embeddings
    embedding.projection = widened(embedding.projection, channels)
    embedding.num_channels = channels
    vlm.config.vision_config.num_channels = channels


def widen_sam2(sam: Sam2Model, channels: int) -> None:
    """Let SAM's image encoder read ``channels``; the first are those that it reads now."""
    embedding = sam.vision_encoder.backbone.patch_embed
    embedding.projection = widened(embedding.projection, channels)
    sam.config.vision_config.backbone_config.num_channels = channels


def widened(projection: nn.Conv2d, channels: int) -> nn.Conv2d:
    """The same convolution of more channels, zero for the new ones; itself if it has as many."""
    if channels < projection.in_channels:
        raise ValueError(f"expected at least the {projection.in_channels} channels there are, found {channels}")
    if channels == projection.in_channels:
        return projection
    wide = nn.Conv2d(
        channels,
        projection.out_channels,
        projection.kernel_size,
        projection.stride,
        projection.padding,
        bias=projection.bias is not None,
        device=projection.weight.device,
        dtype=projection.weight.dtype,
    )
    with torch.no_grad():
        wide.weight.zero_()
        wide.weight[:, : projection.in_channels] = projection.weight
        if projection.bias is not None:
            wide.bias.copy_(projection.bias)
    return wide
