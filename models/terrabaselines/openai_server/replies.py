"""What an OpenAI-compatible server sends back, as a text with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from terracot.server import RequestFailed, UnreadableReply


@dataclass(frozen=True)
class Prices:
    """Money for a million tokens, in whatever currency; None when nobody said."""

    prompt: float | None = None
    completion: float | None = None

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost."""
        if self.prompt is None or self.completion is None:
            return None
        return round((prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6, 10)


def completion_of(answer: Mapping[str, Any], prices: Prices) -> tuple[str, dict[str, Any]]:
    """Reply and ``meta`` of a chat completion.

    ``UnreadableReply`` when it has no choice with a message, ``RequestFailed`` when a filter took the reply away. A
    message without a text is an empty reply: what the model thought is in ``meta.reasoning`` then.
    """
    if not isinstance(answer.get("choices"), list) or not answer["choices"]:
        said = answer.get("error")
        raise UnreadableReply(f"an answer without choices{f', with the error {said!r:.300}' if said else ''}")
    choice = answer["choices"][0]
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        raise UnreadableReply(f"a choice without a message: {choice!r:.200}")
    ended = choice.get("finish_reason")
    meta = _about(answer, prices) | {"finish_reason": ended if isinstance(ended, str) else None}
    if ended == "content_filter":
        raise RequestFailed("content filter: the server took the reply away", meta=meta)
    text = _text(message.get("content"))
    if not text and isinstance(message.get("refusal"), str):
        text = message["refusal"]
    thought = next((message[name] for name in ("reasoning_content", "reasoning") if message.get(name)), None)
    return text, meta | ({"reasoning": thought} if isinstance(thought, str) else {})


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise UnreadableReply(f"a message whose content is no text: {content!r:.200}")
    return "".join(text for text in texts if isinstance(text, str))


def _about(answer: Mapping[str, Any], prices: Prices) -> dict[str, Any]:
    """Revision (model and fingerprint, as the server states them), tokens and cost."""
    told = [answer.get(name) for name in ("model", "system_fingerprint")]
    meta: dict[str, Any] = {"revision": " ".join(text for text in told if isinstance(text, str) and text) or None}
    usage = answer.get("usage")
    if isinstance(usage, Mapping):
        tokens = {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")}
        known = {name: n for name, n in tokens.items() if isinstance(n, int) and not isinstance(n, bool) and n >= 0}
        cost = prices.cost(*known.values()) if len(known) == 2 else None
        meta["usage"] = known | ({} if cost is None else {"cost": cost})
    return meta
