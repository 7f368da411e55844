"""Conversations with an OpenAI-compatible server (``POST URL/chat/completions``), with a cache on disk.

A reply is cached by everything that was asked (server, model, messages, decoding), so a second run costs nothing.
Address, key, retries and timeouts are those of ``terracot.server``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terracot.io import OutputError, atomic_write_text, canonical_json, pretty_json, read_json
from terracot.pacing import Patience
from terracot.server import ChatError, RequestFailed, Server

__all__ = ["Chat", "ChatError", "Reply", "default_cache"]


@dataclass(frozen=True)
class Reply:
    """What came back: the text, and the model and revision (``system_fingerprint``) that the server states."""

    text: str
    model: str
    revision: str


@dataclass(frozen=True)
class Chat:
    """One server and model. ``url`` is the base address, as in ``https://host/v1``; ``cache`` a folder or None."""

    url: str
    model: str
    cache: str | None = None
    temperature: float = 0.0
    max_tokens: int = 1024
    timeout_s: float = 120.0
    attempts: int = 4

    def __post_init__(self) -> None:
        self._server()

    def ask(self, messages: Sequence[Mapping[str, Any]], seed: int = 0) -> Reply | None:
        """The reply to a conversation, from the cache if it is there; None when the server refuses this request.

        ``ChatError`` when the server cannot be reached, after ``attempts`` tries, or does not know model or key.
        """
        body = {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": seed,
        }
        path = self._cached(body)
        if path is not None and path.exists():
            try:
                return _reply(read_json(path))
            except OutputError:  # a torn file of a full disk: ask again
                path.unlink(missing_ok=True)
        reply = self._post(body)
        if path is not None and reply is not None:
            kept = {"model": reply.model, "system_fingerprint": reply.revision}
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_text(path, pretty_json({**kept, "choices": [{"message": {"content": reply.text}}]}))
        return reply

    def _cached(self, body: Mapping[str, Any]) -> Path | None:
        if self.cache is None:
            return None
        name = hashlib.sha256(canonical_json({"url": self.url.rstrip("/"), **body}).encode()).hexdigest()
        return Path(self.cache) / name[:2] / f"{name}.json"

    def _server(self) -> Server:
        return Server(self.url, timeout_s=self.timeout_s, patience=Patience(self.attempts, 1.0, 8.0))

    def _post(self, body: Mapping[str, Any]) -> Reply | None:
        try:
            return self._server().ask("/chat/completions", body, _reply)[0]
        except RequestFailed as error:
            if error.unreadable or not error.transient:
                return None
            raise ChatError(
                f"{self.url.rstrip('/')}/chat/completions could not be asked ({error}); start the server or check the "
                "address. What is finished is safe: run the same command again"
            ) from error


def _reply(answer: Mapping[str, Any]) -> Reply | None:
    """Text and origin of an answer; None when it has no text where the protocol says it is, or no valid one."""
    try:
        text = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return None
    if not isinstance(text, str):
        return None
    reply = Reply(text, str(answer.get("model") or ""), str(answer.get("system_fingerprint") or ""))
    try:
        "".join((reply.text, reply.model, reply.revision)).encode()
    except UnicodeEncodeError:  # JSON lets half a character through, which no file can hold
        return None
    return reply


def default_cache() -> Path:
    """Where replies are kept unless said otherwise: ``$XDG_CACHE_HOME/terracot/chat``, or the like in the home."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "terracot" / "chat"
