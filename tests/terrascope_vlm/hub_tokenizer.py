"""A tokenizer in the layout that InternVL3-*-hf has on the hub: Qwen2's classes and roles, few words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
ROLES = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}
ADDED = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *ROLES.values(), "<box>", "</box>")

CHAT = (  # chat_template.jinja of OpenGVLab/InternVL3-1B-hf, 481 characters
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n'}}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}{% elif content['type'] == 'video' %}{{ '<video>\n' }}"
    "{% elif content['type'] == 'text' %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}{{'<|im_end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{'<|im_start|>assistant\n' }}{% endif %}"
)


def hub_tokenizer(folder: Path) -> Any:
    """Written to ``folder`` as the hub has it, then read by transformers; ``[SEG]`` added as ``from_parts`` adds it."""
    own = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(Regex(QWEN), "isolated")
    own.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    texts = ["How many pixels of 10 m are water?\n\nA. one.\nB. two.\n", "Image-1 (optical): SAR pixels\n\n"]
    own.train_from_iterator(
        texts * 3, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
    )
    folder.mkdir(parents=True, exist_ok=True)
    own.model.save(str(folder))
    first = own.get_vocab_size()
    plain = {"special": True, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False}
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        **ROLES,
        "extra_special_tokens": ROLES,
        "added_tokens_decoder": {str(first + i): {"content": token, **plain} for i, token in enumerate(ADDED)},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "chat_template.jinja").write_text(CHAT)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["[SEG]"], special_tokens=True)
    return tokenizer
