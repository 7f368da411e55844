"""SAM 2 by Meta's code, the package sam2 (extra ``sam2``). Neither hydra's configurations nor torchvision are used."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from transformers import Sam2Config

from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.grounding import Features
from terrascope_vlm.grounding.keys import transformers_name
from terrascope_vlm.grounding.transformers_backend import Sam2Transformers


class Sam2Package(Sam2Transformers):
    """Meta's modules run with the weights of ``Sam2Model``.

    The weights belong to the classes of transformers, so names, files, device, freezing and adapters are the same for
    both backends; Meta's modules have none of their own and are handed them at each call.
    """

    def __init__(self, config: TerraScopeConfig) -> None:
        super().__init__(config)
        # In a tuple: a registered module would bring its empty weights into the state of the model.
        self._meta = (_without_weights(config.sam2_config),)

    def backbone(self, pixels: Tensor) -> Features:
        """What the image encoder alone makes of normalised images ``(F, C, S, S)``."""
        encoder = self._meta[0]["image_encoder"]
        found = functional_call(encoder, self._weights("image_encoder"), (pixels.to(self.sam.dtype),))
        return Features(tuple(found["backbone_fpn"]))

    def heads(self, features: Features, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mask logits ``(M, n, h, w)``, predicted IoU ``(M, n)``, object score ``(M, 1)``; n is 1 or, "release", 3."""
        *fine, embedding = features.levels
        positions = {"positional_encoding_gaussian_matrix": self.sam.shared_image_embedding.positional_embedding}
        size = self.sam.prompt_encoder.image_embedding_size
        where = functional_call(self._meta[0]["positions"], positions, (size,))
        asked = {
            "image_embeddings": embedding,
            "image_pe": where[None].to(embedding),
            "sparse_prompt_embeddings": sparse,
            "dense_prompt_embeddings": dense,
            "multimask_output": not self.single,
            "repeat_image": False,
            "high_res_features": fine,
        }
        decoder = self._meta[0]["sam_mask_decoder"]
        masks, quality, _, present = functional_call(decoder, self._weights("sam_mask_decoder"), (), asked)
        return masks, quality, present

    def _weights(self, part: str) -> dict[str, Tensor]:
        names = self._meta[0][part].state_dict()
        return {name: attrgetter(transformers_name(f"{part}.{name}"))(self.sam) for name in names}


def _without_weights(config: Sam2Config) -> dict[str, nn.Module]:
    try:
        from sam2.modeling.backbones.hieradet import Hiera
        from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
        from sam2.modeling.backbones.utils import PatchEmbed
        from sam2.modeling.position_encoding import PositionEmbeddingRandom, PositionEmbeddingSine
        from sam2.modeling.sam.mask_decoder import MaskDecoder
        from sam2.modeling.sam.transformer import TwoWayTransformer
    except ImportError as missing:
        raise ImportError(
            f"grounding_backend is 'sam2', and {missing.name} is not installed; docs/terrascope.md says how to install "
            f"sam2 without torchvision, or take grounding_backend='transformers'"
        ) from missing
    vision, decoder = config.vision_config, config.mask_decoder_config
    hiera = vision.backbone_config
    _check(config)
    width, heads = hiera.embed_dim_per_stage[0], hiera.num_attention_heads_per_stage
    norm: Any = partial(nn.LayerNorm, eps=hiera.layer_norm_eps)
    with torch.device("cpu"):  # it asks a tensor for its values, which on "meta" has none
        trunk = Hiera(
            embed_dim=width,
            num_heads=heads[0],
            q_pool=hiera.num_query_pool_stages,
            q_stride=_pair(hiera.query_stride),
            stages=tuple(hiera.blocks_per_stage),
            window_pos_embed_bkg_spatial_size=tuple(hiera.window_positional_embedding_background_size),
            window_spec=tuple(hiera.window_size_per_stage),
            global_att_blocks=tuple(hiera.global_attention_blocks),
        ).to("meta")
    with torch.device("meta"):
        trunk.patch_embed = PatchEmbed(
            _pair(hiera.patch_kernel_size),
            _pair(hiera.patch_stride),
            _pair(hiera.patch_padding),
            hiera.num_channels,
            width,
        )
        blocks = iter(trunk.blocks)
        for count, number in zip(hiera.blocks_per_stage, heads, strict=True):
            for _ in range(count):  # Meta's class doubles them at each stage, the configuration is free
                next(blocks).attn.num_heads = number
        for block in trunk.blocks:
            block.norm1, block.norm2 = norm(block.dim), norm(block.dim_out)
        neck = FpnNeck(
            position_encoding=PositionEmbeddingSine(vision.fpn_hidden_size, warmup_cache=False),
            d_model=vision.fpn_hidden_size,
            backbone_channel_list=list(vision.backbone_channel_list),
            kernel_size=vision.fpn_kernel_size,
            stride=vision.fpn_stride,
            padding=vision.fpn_padding,
            fpn_interp_model="nearest",
            fpn_top_down_levels=list(vision.fpn_top_down_levels),
        )
        return {
            "image_encoder": ImageEncoder(
                trunk, neck, scalp=len(vision.backbone_channel_list) - vision.num_feature_levels
            ),
            "positions": PositionEmbeddingRandom(config.prompt_encoder_config.hidden_size // 2),
            "sam_mask_decoder": MaskDecoder(
                transformer_dim=decoder.hidden_size,
                transformer=TwoWayTransformer(
                    decoder.num_hidden_layers,
                    decoder.hidden_size,
                    decoder.num_attention_heads,
                    decoder.mlp_dim,
                    attention_downsample_rate=decoder.attention_downsample_rate,
                ),
                num_multimask_outputs=decoder.num_multimask_outputs,
                iou_head_depth=decoder.iou_head_depth,
                iou_head_hidden_dim=decoder.iou_head_hidden_dim,
                use_high_res_features=True,
                iou_prediction_use_sigmoid=True,
                pred_obj_scores=True,
                pred_obj_scores_mlp=True,
                use_multimask_token_for_obj_ptr=True,
            ),
        }


def _pair(size: int | list[int]) -> tuple[int, ...]:
    return (size, size) if isinstance(size, int) else tuple(size)


def _check(config: Sam2Config) -> None:
    """``ValueError`` for a configuration that Meta's classes cannot have."""
    hiera, decoder = config.vision_config.backbone_config, config.mask_decoder_config
    widths = list(hiera.embed_dim_per_stage)
    for name, found, expected in (
        ("embed_dim_per_stage", widths, [widths[0] * 2**stage for stage in range(len(widths))]),
        ("mlp_ratio", hiera.mlp_ratio, 4.0),
        ("hidden_act", hiera.hidden_act, "gelu"),
        ("iou_head_depth", decoder.iou_head_depth, 3),
        ("num_hidden_layers", decoder.num_hidden_layers, 2),
    ):
        if found != expected:
            raise ValueError(f"{name} is {found}; expected {expected}, as the package sam2 has it")
