"""SAM 2 by the classes of transformers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import Sam2Model

from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.grounding import Features

NO_OBJECT = -1024.0
"""Logit that SAM 2 writes everywhere where it thinks that there is nothing."""


class Sam2Transformers(nn.Module):
    """``Sam2Model`` asked by an embedding instead of points. Gradients reach all of it.

    SAM 2 has four mask tokens: the first for a clear prompt, three for an ambiguous one. With ``mask_output`` "single"
    the mask is the first token's, in training and afterwards alike, so what is drawn is what was trained; SAM's own
    fallback to one of the three where the first is unstable is off. "release" is what the code does that the authors
    build on (Sa2VA): two empty points stand before the embedding, the mask is that of the three with the highest
    predicted IoU, and nothing is drawn where the object score is not positive.
    """

    def __init__(self, config: TerraScopeConfig) -> None:
        super().__init__()
        self.take(Sam2Model(config.sam2_config))
        self.single = config.mask_output == "single"

    def take(self, sam: Sam2Model) -> None:
        """Draw with ``sam``."""
        self.sam = sam
        sam.mask_decoder.dynamic_multimask_via_stability = False

    def backbone(self, pixels: Tensor) -> Features:
        """What the image encoder alone makes of normalised images ``(F, C, S, S)``."""
        found = self.sam.vision_encoder(pixels.to(self.sam.dtype), return_dict=True)
        return Features(tuple(found.fpn_hidden_states[: self.sam.num_feature_levels]))

    def adapted(self, maps: Features) -> Features:
        """Those of ``backbone`` as ``decode`` reads them."""
        fine, middle, coarse = maps.levels
        decoder = self.sam.mask_decoder
        embedding = coarse + self.sam.no_memory_embedding.reshape(1, -1, 1, 1)
        return Features((decoder.conv_s0(fine), decoder.conv_s1(middle), embedding))

    def encode(self, pixels: Tensor) -> Features:
        """Features of normalised images ``(F, C, S, S)``."""
        return self.adapted(self.backbone(pixels))

    def decode(self, features: Features, prompts: Tensor) -> Tensor:
        """``(M, h, w)`` mask logits for ``prompts`` ``(M, 256)``."""
        encoder = self.sam.prompt_encoder
        embedding = features.levels[-1]
        sparse = prompts[:, None].to(embedding)
        if not self.single:
            empty = encoder.not_a_point_embed.weight.to(embedding).expand(len(prompts), 2, -1)
            sparse = torch.cat([empty, sparse], dim=1)
        dense = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).to(embedding).expand_as(embedding)
        masks, quality, present = self.heads(features, sparse, dense)
        if self.single:
            return masks[:, 0]
        best = masks[torch.arange(len(masks), device=masks.device), quality.argmax(dim=-1)]
        return torch.where((present > 0)[:, :, None], best, NO_OBJECT)

    def heads(self, features: Features, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mask logits ``(M, n, h, w)``, predicted IoU ``(M, n)``, object score ``(M, 1)``; n is 1 or, "release", 3."""
        *fine, embedding = features.levels
        where = self.sam.get_image_wide_positional_embeddings().to(embedding)
        masks, quality, _, present = self.sam.mask_decoder(
            image_embeddings=embedding,
            image_positional_embeddings=where.expand(len(embedding), -1, -1, -1),
            sparse_prompt_embeddings=sparse[:, None],
            dense_prompt_embeddings=dense,
            multimask_output=not self.single,
            high_resolution_features=fine,
        )
        return masks[:, 0], quality[:, 0], present[:, 0]
