"""Small models of the same classes: what tests use, and where the shipped checkpoint starts from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from transformers import InternVLConfig, InternVLVisionConfig, PreTrainedTokenizerFast, Qwen2Config, Sam2Config
from transformers.models.sam2.configuration_sam2 import (
    Sam2HieraDetConfig,
    Sam2MaskDecoderConfig,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
)

from terrascope_vlm.chat import SPECIAL_TOKENS, TOKENIZER_ROLES
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.processing import TerraScopeProcessor

_WORDS = r"\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""What BPE never merges across: digits are tokens of their own, a word takes the space before it."""


def tiny_tokenizer(texts: Iterable[str] = (), size: int = 0) -> PreTrainedTokenizerFast:
    """Byte-level BPE of ``size`` tokens in all, learned from ``texts``; fewer if they do not yield as many.

    Bytes and special tokens are always among them, so every text is written, exactly. The same texts in any order give
    the same tokenizer. Special tokens have the roles that InternVL's tokenizers give them.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    own.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=max(size - len(SPECIAL_TOKENS), len(alphabet)),
        min_frequency=2,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    special = dict(SPECIAL_TOKENS)
    around = re.compile("|".join(map(re.escape, special.values())))  # "[SEG]" is no word to be learned
    own.train_from_iterator((piece for text in texts for piece in around.split(text)), trainer)
    roles = {TOKENIZER_ROLES.get(role, f"{role}_token"): token for role, token in special.items()}
    del roles["end_token"], roles["pad_token"]
    return PreTrainedTokenizerFast(
        tokenizer_object=own, eos_token=special["end"], pad_token=special["pad"], extra_special_tokens=roles
    )


def tiny_config(
    tokenizer: PreTrainedTokenizerFast,
    *,
    image: int = 64,
    patch: int = 4,
    shuffle: int = 2,
    mask_input: int = 64,
    mask_stride: int = 2,
    width: int = 64,
    layers: int = 2,
    vision_width: int = 64,
    vision_layers: int = 2,
    sam_width: int = 32,
    sam_dims: tuple[int, int, int, int] = (16, 32, 64, 128),
    sam_blocks: tuple[int, int, int, int] = (1, 1, 2, 1),
    bands: Sequence[str] = (),
    **settings: Any,
) -> TerraScopeConfig:
    """A configuration whose every size is small. Visual tokens: (image / patch / shuffle) squared for a tile.

    ``mask_stride`` pixels of SAM's input (``mask_input`` a side) are one of the mask's; 4 is SAM's own.
    """
    channels = 3 + len(bands)
    heads = max(width // 32, 1)
    vision = InternVLVisionConfig(
        hidden_size=vision_width,
        num_hidden_layers=vision_layers,
        num_attention_heads=max(vision_width // 32, 1),
        intermediate_size=4 * vision_width,
        image_size=[image, image],
        patch_size=[patch, patch],
        num_channels=channels,
    )
    text = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=4096,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    names = dict(SPECIAL_TOKENS)
    internvl = InternVLConfig(
        vision_config=vision.to_dict(),
        text_config=text.to_dict(),
        image_token_id=tokenizer.convert_tokens_to_ids(names["image"]),
        image_seq_length=(image // patch // shuffle) ** 2,
        downsample_ratio=1 / shuffle,
    )
    sizes = [mask_input // mask_stride // 2**level for level in range(3)]
    hiera = Sam2HieraDetConfig(
        hidden_size=sam_dims[0],
        num_channels=channels,
        image_size=[mask_input, mask_input],
        patch_kernel_size=[2 * mask_stride - 1] * 2,
        patch_stride=[mask_stride] * 2,
        patch_padding=[mask_stride - 1] * 2,
        blocks_per_stage=list(sam_blocks),
        embed_dim_per_stage=list(sam_dims),
        num_attention_heads_per_stage=[1, 1, 2, 4],
        window_size_per_stage=[8, 4, 4, 4],
        global_attention_blocks=[sum(sam_blocks[:3]) - 1],  # not the first of its stage: that one pools
    )
    sam = Sam2Config(
        vision_config=Sam2VisionConfig(
            backbone_config=hiera.to_dict(),
            backbone_channel_list=list(reversed(sam_dims)),
            backbone_feature_sizes=[[size, size] for size in sizes],
            fpn_hidden_size=sam_width,
        ).to_dict(),
        prompt_encoder_config=Sam2PromptEncoderConfig(
            hidden_size=sam_width, image_size=mask_input, patch_size=4 * mask_stride
        ).to_dict(),
        mask_decoder_config=Sam2MaskDecoderConfig(
            hidden_size=sam_width, mlp_dim=2 * sam_width, num_attention_heads=2, iou_head_hidden_dim=sam_width
        ).to_dict(),
    )
    return TerraScopeConfig(
        internvl_config=internvl,
        sam2_config=sam,
        seg_token_id=tokenizer.convert_tokens_to_ids(names["seg"]),
        bands=list(bands),
        **settings,
    )


def tiny_parts(seed: int = 0, **settings: Any) -> tuple[Any, TerraScopeProcessor]:
    """A model with random weights, ready to answer, and its processor."""
    import torch

    from terrascope_vlm.modeling import TerraScopeForReasoning

    tokenizer = tiny_tokenizer()
    config = tiny_config(tokenizer, **settings)
    torch.manual_seed(seed)
    return TerraScopeForReasoning(config).eval(), TerraScopeProcessor.of(config, tokenizer, system="")
