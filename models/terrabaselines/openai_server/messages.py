"""A prompt as the messages of a chat: pictures as PNG data URLs in the order of their dates, names, the question."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from terrabaselines.vlm.conversation import Conversation
from terracot.render import png_bytes


def messages_of(conversation: Conversation, detail: str | None = None) -> list[dict[str, Any]]:
    """Messages of ``POST chat/completions``; ``detail`` is how closely a hosted model is to look ("low", "high")."""
    content: list[dict[str, Any]] = []
    for part in conversation.parts:
        if isinstance(part, str):
            content.append({"type": "text", "text": part})
            continue
        png = png_bytes(np.asarray(part.convert("RGB")))
        url = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
        content.append({"type": "image_url", "image_url": {"url": url} | ({"detail": detail} if detail else {})})
    system = [] if conversation.system is None else [{"role": "system", "content": conversation.system}]
    return [*system, {"role": "user", "content": content}]
