"""A client of OpenAI-compatible servers (``POST URL/chat/completions``): retries, and a cache on disk.

Nothing but the standard library. A reply is cached by everything that was asked (server, model, messages, decoding), so
a second run costs nothing. The key of a server is read from the environment variable ``OPENAI_API_KEY`` and is written
nowhere.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terracot.io import OutputError, atomic_write_text, canonical_json, pretty_json, read_json

KEY = "OPENAI_API_KEY"
MAX_REPLY_BYTES = 1 << 22
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)


class ChatError(ValueError):
    """A server that cannot be asked at all: wrong address, no answer, refused key. The message says what to do."""


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
        expected = f"expected the address of a server, such as http://127.0.0.1:8000/v1; found {self.url!r}"
        try:
            parts = urllib.parse.urlsplit(self.url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError as error:  # half an IPv6 address, a port beyond 65535
            raise ChatError(f"{expected} ({error})") from error
        if not known:
            raise ChatError(expected)
        if parts.username or parts.password:
            raise ChatError(f"the address of a server must hold no password; put the key into {KEY}")

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
        answer = self._post(body)
        reply = None if answer is None else _reply(answer)
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

    def _post(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        address = self.url.rstrip("/") + "/chat/completions"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)
        trouble = "no answer"
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(min(8.0, 0.5 * 2**attempt))
            try:
                with urllib.request.urlopen(request, timeout=self.timeout_s) as response:
                    return _parsed(response.read(MAX_REPLY_BYTES))
            except urllib.error.HTTPError as error:
                if error.code in (401, 403, 404):
                    raise ChatError(
                        f"{address} answers {error.code} to model {self.model!r}; check address, model and {KEY}"
                    ) from error
                if error.code not in _AGAIN:
                    return None
                trouble = f"status {error.code}"
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                trouble = str(getattr(error, "reason", error)) or type(error).__name__
        raise ChatError(
            f"{address} could not be asked ({trouble}, {self.attempts} times); start the server or check the address. "
            "What is finished is safe: run the same command again"
        )


def _parsed(data: bytes) -> dict[str, Any] | None:
    """The JSON object of a reply, or None."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


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
