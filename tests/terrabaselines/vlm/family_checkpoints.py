"""Tiny checkpoints with random weights, one a family: the real classes in the layout that the hub has them in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from family_tokenizers import write_tokenizer

FAMILIES = ("qwen2.5-vl", "qwen3-vl", "internvl", "llava-onevision", "glm-4.1v")
GROUNDING = ("qwen2.5-vl", "qwen3-vl", "internvl", "glm-4.1v")
_CLIP = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
_TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_VISION: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "depth": 2}


def _rope(sections: list[int], **more: Any) -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": sections, **more}


def write_checkpoint(family: str, folder: Path, *, seed: int = 0, chat: bool = True) -> Path:
    """A checkpoint of a family; its weights are spread so far that what it says depends on what it sees."""
    ids = write_tokenizer(family, folder, chat=chat)
    config = _CONFIGS[family](ids, max(ids.values()) + 1)
    torch.manual_seed(seed)
    model = getattr(transformers, config.architectures[0])(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(
                torch.randn_like(weight) * (0.3 if weight.ndim > 1 else 0.1) + (1.0 if "norm" in name else 0.0)
            )
    model.generation_config = transformers.GenerationConfig(
        do_sample=True, temperature=0.7, repetition_penalty=1.05, eos_token_id=[ids[_END[family]]]
    )
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(_PREPROCESSORS[family]))
    if family in _VIDEO_PROCESSORS:
        video = {**_PREPROCESSORS[family], "video_processor_type": _VIDEO_PROCESSORS[family]}
        (folder / "video_preprocessor_config.json").write_text(json.dumps(video))
    if family in _PROCESSORS:
        (folder / "processor_config.json").write_text(json.dumps(_PROCESSORS[family]))
    return folder


_END = dict.fromkeys(("qwen2.5-vl", "qwen3-vl", "internvl", "llava-onevision", "llava"), "<|im_end|>")
_END["glm-4.1v"] = "<|endoftext|>"


def _qwen25(ids: dict[str, int], words: int) -> Any:
    return transformers.Qwen2_5_VLConfig(
        architectures=["Qwen2_5_VLForConditionalGeneration"],
        text_config={**_TEXT, "vocab_size": words, "rope_parameters": _rope([1, 1, 2])},
        vision_config={**_VISION, "out_hidden_size": 32, "fullatt_block_indexes": [1], "window_size": 56},
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )


def _qwen3(ids: dict[str, int], words: int) -> Any:
    return transformers.Qwen3VLConfig(
        architectures=["Qwen3VLForConditionalGeneration"],
        text_config={
            **_TEXT,
            "head_dim": 8,
            "vocab_size": words,
            "rope_parameters": _rope([2, 1, 1], mrope_interleaved=True),
        },
        vision_config={
            **_VISION,
            "out_hidden_size": 32,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )


def _internvl(ids: dict[str, int], words: int) -> Any:
    return transformers.InternVLConfig(
        architectures=["InternVLForConditionalGeneration"],
        text_config={"model_type": "qwen2", **_TEXT, "vocab_size": words, "tie_word_embeddings": False},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": [56, 56],
            "patch_size": [14, 14],
        },
        image_token_id=ids["<IMG_CONTEXT>"],
        image_seq_length=4,
        tie_word_embeddings=False,
    )


_SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 56,
    "patch_size": 14,
    "vision_use_head": False,
}
_PINPOINTS = [[56, 56], [56, 112], [112, 56], [112, 112], [56, 168], [168, 56]]


def _onevision(ids: dict[str, int], words: int) -> Any:
    return transformers.LlavaOnevisionConfig(
        architectures=["LlavaOnevisionForConditionalGeneration"],
        text_config={"model_type": "qwen2", **_TEXT, "vocab_size": words},
        vision_config=_SIGLIP,
        image_token_index=ids["<image>"],
        video_token_index=ids["<video>"],
        image_grid_pinpoints=_PINPOINTS,
    )


def _llava(ids: dict[str, int], words: int) -> Any:
    return transformers.LlavaConfig(
        architectures=["LlavaForConditionalGeneration"],
        text_config={"model_type": "qwen2", **_TEXT, "vocab_size": words},
        vision_config=_SIGLIP,
        image_token_index=ids["<image>"],
        image_seq_length=16,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )


def _glm(ids: dict[str, int], words: int) -> Any:
    return transformers.Glm4vConfig(
        architectures=["Glm4vForConditionalGeneration"],
        text_config={**_TEXT, "vocab_size": words, "rope_parameters": _rope([1, 1, 2], partial_rotary_factor=1.0)},
        vision_config={**_VISION, "out_hidden_size": 32, "image_size": 56},
        image_token_id=ids["<|image|>"],
        video_token_id=ids["<|video|>"],
        image_start_token_id=ids["<|begin_of_image|>"],
        image_end_token_id=ids["<|end_of_image|>"],
        video_start_token_id=ids["<|begin_of_video|>"],
        video_end_token_id=ids["<|end_of_video|>"],
    )


_CONFIGS: dict[str, Callable[[dict[str, int], int], Any]] = {
    "qwen2.5-vl": _qwen25,
    "qwen3-vl": _qwen3,
    "internvl": _internvl,
    "llava-onevision": _onevision,
    "glm-4.1v": _glm,
    "llava": _llava,
}
_PREPROCESSORS: dict[str, dict[str, Any]] = {
    "qwen2.5-vl": {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2_5_VLProcessor",
        "min_pixels": 56 * 56,
        "max_pixels": 112 * 112,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        **_CLIP,
    },
    "qwen3-vl": {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "processor_class": "Qwen3VLProcessor",
        "size": {"shortest_edge": 64 * 64, "longest_edge": 128 * 128},
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    },
    "internvl": {
        "image_processor_type": "GotOcr2ImageProcessorFast",
        "processor_class": "InternVLProcessor",
        "size": {"height": 56, "width": 56},
        "crop_to_patches": False,
        "min_patches": 1,
        "max_patches": 4,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    },
    "llava-onevision": {
        "image_processor_type": "LlavaOnevisionImageProcessor",
        "processor_class": "LlavaOnevisionProcessor",
        "size": {"height": 56, "width": 56},
        "image_grid_pinpoints": _PINPOINTS,
        "do_pad": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    },
    "glm-4.1v": {
        "image_processor_type": "Glm4vImageProcessor",
        "processor_class": "Glm4vProcessor",
        "size": {"shortest_edge": 2 * 56 * 56, "longest_edge": 2 * 112 * 112},
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        **_CLIP,
    },
    "llava": {
        "image_processor_type": "CLIPImageProcessor",
        "processor_class": "LlavaProcessor",
        "size": {"shortest_edge": 56},
        "crop_size": {"height": 56, "width": 56},
        **_CLIP,
    },
}
_VIDEO_PROCESSORS = {
    "qwen3-vl": "Qwen3VLVideoProcessor",
    "internvl": "InternVLVideoProcessor",
    "llava-onevision": "LlavaOnevisionVideoProcessor",
    "glm-4.1v": "Glm4vVideoProcessor",
}
_PROCESSORS: dict[str, dict[str, Any]] = {
    "internvl": {"processor_class": "InternVLProcessor", "image_seq_length": 4},
    "llava-onevision": {
        "processor_class": "LlavaOnevisionProcessor",
        "num_image_tokens": 16,
        "vision_feature_select_strategy": "full",
        "image_token": "<image>",
        "video_token": "<video>",
    },
    "llava": {
        "processor_class": "LlavaProcessor",
        "patch_size": 14,
        "vision_feature_select_strategy": "full",
        "image_token": "<image>",
    },
}
