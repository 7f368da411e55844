"""Tiny checkpoints with random weights in the layouts of the hub, and Meta's names for SAM 2's weights."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from terrascope_vlm.tiny import tiny_config, tiny_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    InternVLForConditionalGeneration,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Sam2Model,
    Sam2VideoConfig,
    Sam2VideoModel,
)


def internvl_tokenizer() -> PreTrainedTokenizerFast:
    """As those of InternVL3-*-hf: bytes, the tokens of the chat and of images, and no ``[SEG]``."""
    own = Tokenizer(models.BPE({symbol: n for n, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=own,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens={
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
        },
    )
    tokenizer.add_tokens(["<|im_start|>", "<box>", "</box>"], special_tokens=True)
    return tokenizer


def internvl(folder: Path, *, tied: bool = True, rows: int | None = None, llama: bool = False, seed: int = 0) -> Any:
    """InternVL as on the hub, in a folder: config.json, safetensors by the names of transformers 4, the tokenizer."""
    tokenizer = internvl_tokenizer()
    config = tiny_config(tiny_tokenizer(), layers=2).internvl_config
    if llama:
        qwen = config.text_config
        config.text_config = LlamaConfig(
            **{name: getattr(qwen, name) for name in ("hidden_size", "intermediate_size", "num_hidden_layers")},
            num_attention_heads=qwen.num_attention_heads,
            num_key_value_heads=qwen.num_key_value_heads,
        )
    config.text_config.vocab_size = rows or len(tokenizer)
    config.image_token_id = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
    config.tie_word_embeddings = config.text_config.tie_word_embeddings = tied
    torch.manual_seed(seed)
    model = InternVLForConditionalGeneration(config).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    file = folder / "config.json"
    values = json.loads(file.read_text())
    del values["tie_word_embeddings"]  # the files on the hub do not have it
    file.write_text(json.dumps(values))
    return model


def sam2(folder: Path, *, video: bool = False, seed: int = 1) -> Any:
    """SAM 2 as on the hub: of images, or, as Meta's are, of videos."""
    config = tiny_config(tiny_tokenizer()).sam2_config
    torch.manual_seed(seed)
    model = spread(Sam2Model(config).eval())
    positions = model.shared_image_embedding.positional_embedding  # one in Meta's code, two of the same here
    model.prompt_encoder.shared_embedding.positional_embedding.copy_(positions)
    if not video:
        model.save_pretrained(folder)
        return model
    own = Sam2VideoConfig(
        vision_config=config.vision_config.to_dict(),
        prompt_encoder_config=config.prompt_encoder_config.to_dict(),
        mask_decoder_config=config.mask_decoder_config.to_dict(),
        image_size=64,
        memory_attention_hidden_size=32,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=32,
        memory_encoder_hidden_size=32,
        memory_encoder_output_channels=16,
        mask_downsampler_embed_dim=32,
        memory_fuser_embed_dim=32,
        memory_fuser_intermediate_dim=32,
        memory_fuser_num_layers=1,
        memory_attention_rope_feat_sizes=[8, 8],
    )
    whole = Sam2VideoModel(own)
    whole.load_state_dict(model.state_dict(), strict=False)
    whole.save_pretrained(folder)
    return model


def spread(model: Any) -> Any:
    """Weights far from where they begin, so that no mistake hides behind a zero or a one."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * 0.1)
    return model


META = (
    (r"^vision_encoder\.backbone\.", "image_encoder.trunk."),
    (r"^vision_encoder\.neck\.convs\.(\d+)\.", r"image_encoder.neck.convs.\1.conv."),
    (r"\.patch_embed\.projection\.", ".patch_embed.proj."),
    (r"\.upscale_conv1\.", ".output_upscaling.0."),
    (r"\.upscale_layer_norm\.", ".output_upscaling.1."),
    (r"\.upscale_conv2\.", ".output_upscaling.3."),
    (r"\.mask_embed\.conv1\.", ".mask_downscaling.0."),
    (r"\.mask_embed\.layer_norm1\.", ".mask_downscaling.1."),
    (r"\.mask_embed\.conv2\.", ".mask_downscaling.3."),
    (r"\.mask_embed\.layer_norm2\.", ".mask_downscaling.4."),
    (r"\.mask_embed\.conv3\.", ".mask_downscaling.6."),
    (r"layer_norm", "norm"),
    (r"\.o_proj\.", ".out_proj."),
    (r"(mlps\.\d+|head)\.proj_out\.", r"\1.layers.2."),
    (r"(mlps\.\d+|head)\.layers\.0\.", r"\1.layers.1."),
    (r"\.mlp\.proj_out\.", ".mlp.layers.1."),
    (r"\.proj_in\.", ".layers.0."),
    (r"^prompt_encoder\.", "sam_prompt_encoder."),
    (r"^mask_decoder\.", "sam_mask_decoder."),
    (r"^no_memory_embedding$", "no_mem_embed"),
    (
        r"^shared_image_embedding\.positional_embedding$",
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ),
)


def by_metas_names(sam: Any) -> dict[str, torch.Tensor]:
    """The weights of a ``Sam2Model`` as Meta's files name them, with some that only videos need."""
    found = {}
    for name, weight in sam.state_dict().items():
        if name == "prompt_encoder.point_embed.weight":
            found |= {
                f"sam_prompt_encoder.point_embeddings.{n}.weight": row[None].clone() for n, row in enumerate(weight)
            }
        elif name != "prompt_encoder.shared_embedding.positional_embedding":
            for pattern, new in META:
                name = re.sub(pattern, new, name)
            found[name] = weight
    extra = ("maskmem_tpos_enc", "no_obj_ptr", "obj_ptr_proj.layers.0.weight", "memory_encoder.out_proj.weight")
    return found | {name: torch.zeros(3) for name in extra}
