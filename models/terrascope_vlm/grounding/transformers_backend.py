"""SAM 2 by the classes of transformers."""

from __future__ import annotations

from torch import Tensor, nn
from transformers import Sam2Model

from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.grounding import Features


class Sam2Transformers(nn.Module):
    """``Sam2Model`` asked by an embedding instead of points. Gradients reach all of it."""

    def __init__(self, config: TerraScopeConfig) -> None:
        super().__init__()
        self.sam = Sam2Model(config.sam2_config)

    def encode(self, pixels: Tensor) -> Features:
        """Features of normalised images ``(F, C, S, S)``."""
        # get_image_embeddings would be shorter, but it is under no_grad.
        found = self.sam.get_image_features(pixels.to(self.sam.dtype), return_dict=True)
        maps = list(found.fpn_hidden_states)[: self.sam.num_feature_levels]
        maps[-1] = maps[-1] + self.sam.no_memory_embedding
        sizes = self.sam.backbone_feature_sizes
        return Features(tuple(m.permute(1, 2, 0).unflatten(-1, tuple(s)) for m, s in zip(maps, sizes, strict=True)))

    def decode(self, features: Features, prompts: Tensor) -> Tensor:
        """``(M, h, w)`` mask logits for ``prompts`` ``(M, 256)``."""
        embedding = features.levels[-1]
        encoder = self.sam.prompt_encoder
        where = self.sam.get_image_wide_positional_embeddings().to(embedding)
        dense = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(embedding)
        masks, *_ = self.sam.mask_decoder(
            image_embeddings=embedding,
            image_positional_embeddings=where.expand(len(prompts), -1, -1, -1),
            sparse_prompt_embeddings=prompts[:, None, None, :].to(embedding),
            dense_prompt_embeddings=dense,
            multimask_output=False,
            high_resolution_features=list(features.levels[:-1]),
        )
        logits: Tensor = masks[:, 0, 0]
        return logits
