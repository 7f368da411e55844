"""The words around images and a question: InternVL's chat, its special tokens, how images are named.

A query is a chat as InternVL 2.5 and 3 were trained on, token for token:

    <|im_start|>system
    the system message they know<|im_end|>
    <|im_start|>user
    Image-1 (optical): <img>visual tokens</img>
    Image-1 (SAR): <img>visual tokens</img>
    128 x 128 pixels of 10 m x 10 m.
    question, options, instruction<|im_end|>
    <|im_start|>assistant

They know several images as ``Image-1:``, ``Image-2:``. Here the number is the date, which ``Image: t`` of the reply
takes up; where there is SAR, brackets tell the two images of a date apart. A single optical image has no name, as it
has none there. The line of sizes is left out where the ground is not known. Only the question (with options and
instruction) counts as question for the fusion.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from transformers import PreTrainedTokenizerBase

from terracot.ground import GroundSampling
from terrascope_vlm.frames import FrameImage

SPECIAL_TOKENS = (
    ("end", "<|im_end|>"),
    ("pad", "<|endoftext|>"),
    ("start", "<|im_start|>"),
    ("image_start", "<img>"),
    ("image_end", "</img>"),
    ("image", "<IMG_CONTEXT>"),
    ("seg", "[SEG]"),
)
"""Tokens by role, those of InternVL3 and ``[SEG]``."""

TOKENIZER_ROLES = {
    "pad": "pad_token",
    "image_start": "start_image_token",
    "image_end": "end_image_token",
    "image": "context_image_token",
}
"""Roles for which a tokenizer may name a token of its own: attributes that InternVL's tokenizers of the hub have."""

SYSTEM = "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。"
"""The system message that InternVL 2.5 and 3 were trained with: who they are and who made them."""


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, str]:
    """The tokens by role. ``ValueError`` names those that the tokenizer does not read as one token."""
    found = {role: getattr(tokenizer, TOKENIZER_ROLES.get(role, ""), None) or token for role, token in SPECIAL_TOKENS}
    missing = []
    for role, token in found.items():
        ids = tokenizer(token, add_special_tokens=False)["input_ids"]
        if tokenizer.convert_ids_to_tokens(ids) != [token]:
            missing.append(f"{token!r} ({role})")
    if missing:
        raise ValueError(
            f"the tokenizer {tokenizer.name_or_path or type(tokenizer).__name__} lacks the special tokens "
            f"{', '.join(missing)}; expected those of InternVL3 and '[SEG]': build the model with "
            "terrascope_vlm.parts.from_parts, which adds '[SEG]', or add them with "
            "tokenizer.add_tokens([...], special_tokens=True) and resize the embeddings"
        )
    return found


def image_names(frames: Sequence[FrameImage]) -> list[str]:
    """What stands before each image of a query: its date, and optical or SAR if there is SAR; "" of an optical one."""
    radar = any(frame.is_sar for frame in frames)
    if len(frames) == 1 and not radar:
        return [""]
    kinds = [f" ({'SAR' if frame.is_sar else 'optical'})" if radar else "" for frame in frames]
    return [f"Image-{frame.t}{kind}: " for frame, kind in zip(frames, kinds, strict=True)]


def size_line(ground: GroundSampling, shape: tuple[int, int]) -> str:
    """The line of the query that says how large a pixel is; empty where nobody knows."""
    if not ground.known:
        return ""
    dy, dx = ground.sampling
    return f"{shape[0]} x {shape[1]} pixels of {dy:.4g} m x {dx:.4g} m.\n"


def chat_form(tokens: Mapping[str, str], system: str) -> str:
    """The chat as a Jinja template, each image as one token: that of InternVL on the hub, with the system message."""
    opening = (
        "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n' + SYSTEM + '<|im_end|>\n' }}{% endif %}"
    )
    form = (opening if system else "") + _CHAT
    for role, token in SPECIAL_TOKENS:
        form = form.replace(token, tokens[role])
    return form.replace("SYSTEM", json.dumps(system, ensure_ascii=False))


_CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}"
    "{% elif content['type'] == 'text' %}{{ content['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
