"""Tokenizers of the families in their layout on the hub: classes, special tokens and chat templates, few words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEXTS = ["How much area does the water extend over?\nA. 4.02 ha\nB. 12.6 ha\n", "Image 1 (optical): the letter"]

_CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_QWEN_VL = (
    *("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
_GLM = (
    *("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>"),
    *("<|observation|>", "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>"),
    *("<|image|>", "<|video|>"),
)
_GLM_PLAIN = ("<think>", "</think>", "<answer>", "</answer>", "<|begin_of_box|>", "<|end_of_box|>")
_INTERNVL = ("<img>", "</img>", "<IMG_CONTEXT>", "<quad>", "</quad>", "<ref>", "</ref>", "<box>", "</box>", "<video>")

# These write what the published templates write of one turn of a user with images, in fewer words.
_QWEN25_CHAT = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if 'image' in part or part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_QWEN3_CHAT = (
    "{%- for message in messages %}\n"
    "    {{- '<|im_start|>' + message.role + '\\n' }}\n"
    "    {%- if message.content is string %}\n        {{- message.content }}\n    {%- else %}\n"
    "        {%- for part in message.content %}\n"
    "            {%- if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>\n"
    "            {%- else %}\n                {{- part.text }}\n            {%- endif %}\n"
    "        {%- endfor %}\n    {%- endif %}\n    {{- '<|im_end|>\\n' }}\n{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
)
_INTERNVL_CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{{ '<IMG_CONTEXT>\n' if part['type'] == 'image' else part['text'] }}{% endfor %}{% endif %}{{ '<|im_end|>\n' }}"
    "{% endfor %}{{ '<|im_start|>assistant\n' if add_generation_prompt }}"
)
_LLAVA_CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' }}"
    "{{ '<image>' * (message['content'] | selectattr('type', 'equalto', 'image') | list | length) }}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ '\n' + part['text'] }}{% endfor %}"
    "{{ '<|im_end|>' }}{% endfor %}{{ '<|im_start|>assistant\n' if add_generation_prompt }}"
)
_GLM_CHAT = (
    "[gMASK]<sop>\n{%- for message in messages %}\n    {%- if message.role == 'system' %}\n<|system|>\n"
    "{{ message.content }}\n    {%- else %}\n<|user|>{{ '\\n' }}\n"
    "        {%- for part in message.content %}\n            {%- if part.type == 'image' %}\n"
    "<|begin_of_image|><|image|><|end_of_image|>\n            {%- else %}\n{{ part.text }}\n"
    "            {%- endif %}\n        {%- endfor %}\n    {%- endif %}\n{%- endfor %}\n"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

CHATS = {
    "qwen2.5-vl": _QWEN25_CHAT,
    "qwen3-vl": _QWEN3_CHAT,
    "internvl": _INTERNVL_CHAT,
    "llava-onevision": _LLAVA_CHAT,
    "glm-4.1v": _GLM_CHAT,
    "llava": _LLAVA_CHAT,
}
_SPECIAL = {
    "qwen2.5-vl": (*_CHATML, *_QWEN_VL),
    "qwen3-vl": (*_CHATML, *_QWEN_VL),
    "internvl": (*_CHATML, *_INTERNVL),
    "llava-onevision": (*_CHATML, "<image>", "<video>"),
    "glm-4.1v": _GLM,
    "llava": (*_CHATML, "<image>"),
}
_ROLES: dict[str, dict[str, str]] = {
    "internvl": {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    },
}


def write_tokenizer(family: str, folder: Path, *, chat: bool = True) -> dict[str, int]:
    """The files of a family's tokenizer; returns the ids of its tokens. ``chat``: with the chat template's own file."""
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    from tokenizers import AddedToken, decoders

    own.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    own.train_from_iterator(
        TEXTS * 3, trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False)
    )
    folder.mkdir(parents=True, exist_ok=True)
    plain = {"normalized": False, "lstrip": False, "rstrip": False, "single_word": False}
    tokens = [(token, True) for token in _SPECIAL[family]]
    tokens += [(token, False) for token in _GLM_PLAIN] if family == "glm-4.1v" else []
    added: dict[str, Any] = {}
    for token, special in tokens:
        one = AddedToken(token, special=special, **plain)
        (own.add_special_tokens if special else own.add_tokens)([one])
        added[str(own.token_to_id(token))] = {"content": token, "special": special, **plain}
    own.save(str(folder / "tokenizer.json"))
    if family != "glm-4.1v":
        own.model.save(str(folder))  # vocab.json and merges.txt
    roles = _ROLES.get(family, {})
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast" if family == "glm-4.1v" else "Qwen2Tokenizer",
        "eos_token": "<|endoftext|>" if family == "glm-4.1v" else "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "padding_side": "left",
        "added_tokens_decoder": added,
        **roles,
        **({"extra_special_tokens": roles} if roles else {}),
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if chat and family in ("internvl", "glm-4.1v"):
        (folder / "chat_template.jinja").write_text(CHATS[family])
    elif chat:
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": CHATS[family]}))
    return {token: int(number) for number, token in ((n, entry["content"]) for n, entry in added.items())}
