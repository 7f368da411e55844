"""Names and configuration of checkpoints in the layout of Sa2VA: InternVL's own code, Meta's SAM 2, one projection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import InternVLConfig, InternVLVisionConfig, LlamaConfig, Qwen2Config

from terrascope_vlm.checkpoints import CheckpointError
from terrascope_vlm.grounding.keys import VIDEO_ONLY, from_meta

WRAPPERS = re.compile(
    r"^(module\.|model\.|mllm\.)+(?=vision_model\.|mlp1\.|language_model\.|grounding_encoder\.|text_)"
)
SAM2 = "grounding_encoder.sam2_model."
QKV = re.compile(r"^(vlm\.model\.vision_tower\.encoder\.layer\.\d+\.attention)\.qkv\.(weight|bias)$")

RENAMED = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^vision_model\.embeddings\.class_embedding$", "vlm.model.vision_tower.embeddings.cls_token"),
        (r"^vision_model\.embeddings\.position_embedding$", "vlm.model.vision_tower.embeddings.position_embeddings"),
        (
            r"^vision_model\.embeddings\.patch_embedding\.",
            "vlm.model.vision_tower.embeddings.patch_embeddings.projection.",
        ),
        (r"^vision_model\.encoder\.layers\.", "vlm.model.vision_tower.encoder.layer."),
        (r"^(vlm\.model\.vision_tower\..*)\.attn\.proj\.", r"\1.attention.projection_layer."),
        (r"^(vlm\.model\.vision_tower\..*)\.attn\.", r"\1.attention."),
        (r"^(vlm\.model\.vision_tower\..*)\.norm1\.", r"\1.layernorm_before."),
        (r"^(vlm\.model\.vision_tower\..*)\.norm2\.", r"\1.layernorm_after."),
        (r"^(vlm\.model\.vision_tower\..*)\.ls([12])$", r"\1.lambda_\2"),
        (r"^mlp1\.0\.", "vlm.model.multi_modal_projector.layer_norm."),
        (r"^mlp1\.1\.", "vlm.model.multi_modal_projector.linear_1."),
        (r"^mlp1\.3\.", "vlm.model.multi_modal_projector.linear_2."),
        (r"^language_model\.model\.", "vlm.model.language_model."),
        (r"^language_model\.lm_head\.", "vlm.lm_head."),
        (r"^text_hidden_fcs\.(?:0\.)?([02])\.(weight|bias)$", r"seg_projection.\1.\2"),
    )
]


def ours(theirs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Their weights by our names, and the names of those that only the tracking in videos needs.

    A name that is none of theirs stays as it is. ``CheckpointError`` for adapters that were not merged.
    """
    found: dict[str, Tensor] = {}
    sam: dict[str, Tensor] = {}
    for name, weight in theirs.items():
        bare = WRAPPERS.sub("", name)
        if ".lora_A." in name or ".modules_to_save." in name or ".base_layer." in name:
            raise CheckpointError(
                f"{name} is of an adapter that was not merged, and how strong it is is not in the file; merge it with "
                f"the code that trained it (Sa2VA: tools/convert_to_hf.py)"
            )
        if bare.startswith(SAM2):
            sam[bare.removeprefix(SAM2)] = weight
            continue
        for pattern, new in RENAMED:
            bare = pattern.sub(new, bare)
        joined = QKV.match(bare)
        if joined:
            for part, rows in zip("qkv", weight.chunk(3), strict=True):
                found[f"{joined[1]}.{part}_proj.{joined[2]}"] = rows.contiguous()
        else:
            found[bare] = weight
    left_out = [SAM2 + name for name in sam if VIDEO_ONLY.match(name)]
    return found | {f"grounding.sam.{name}": weight for name, weight in from_meta(sam).items()}, left_out


def internvl_config_of(values: Mapping[str, Any]) -> InternVLConfig:
    """The configuration of transformers of one of InternVL's own code (``vision_config``, ``llm_config``)."""
    vision, text = values.get("vision_config"), values.get("llm_config")
    if not isinstance(vision, Mapping) or not isinstance(text, Mapping):
        raise CheckpointError("config.json: expected vision_config and llm_config, as InternVL's and Sa2VA's have them")
    kinds = {"Qwen2ForCausalLM": Qwen2Config, "LlamaForCausalLM": LlamaConfig}
    architecture = (text.get("architectures") or ["none"])[0]
    if architecture not in kinds:
        raise CheckpointError(f"config.json: the language model is {architecture}; expected one of {', '.join(kinds)}")
    if values.get("ps_version", "v2") != "v2":
        raise CheckpointError(
            f"config.json: ps_version is {values['ps_version']}; expected v2, the pixel shuffle in use"
        )
    size, patch = values.get("force_image_size") or vision["image_size"], vision["patch_size"]
    ratio = values.get("downsample_ratio", 0.5)
    return InternVLConfig(
        vision_config=InternVLVisionConfig(
            **{name: vision[name] for name in _VISION if name in vision},
            image_size=[size, size],
            patch_size=[patch, patch],
            attention_bias=vision.get("qkv_bias", False),
            use_qk_norm=vision.get("qk_normalization", False),
        ).to_dict(),
        text_config=kinds[architecture](**{name: text[name] for name in _TEXT if text.get(name) is not None}).to_dict(),
        image_seq_length=round(size // patch * ratio) ** 2,
        downsample_ratio=ratio,
        vision_feature_layer=values.get("select_layer", -1),
    )


_VISION = (
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_channels"),
    *("hidden_act", "norm_type", "layer_norm_eps", "attention_dropout", "initializer_range"),
)
_TEXT = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "hidden_act", "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling"),
    *("attention_dropout", "initializer_range", "use_sliding_window", "sliding_window", "max_window_layers"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "head_dim"),
)
