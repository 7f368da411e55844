"""One OpenAI-compatible server: its address and key, requests that are tried again, the pace at which it may be asked.

Nothing but the standard library. The key is read from an environment variable and goes into the header of requests and
nowhere else: it is taken out of whatever the server sends back, and no error shows it. Redirects are not followed: they
would carry the key to another host.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import random
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from terracot.pacing import Pace, Patience, retry_after

KEY = "OPENAI_API_KEY"
MAX_REPLY_BYTES = 1 << 22
HIDDEN = "[key]"
"""What stands in place of the key wherever a server sends it back."""

_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504, 529)
_FILTERED = re.compile(r"content[ _]?(?:filter|management|policy)|moderation|flagged", re.I)
_NO_MONEY = re.compile(r"insufficient_quota|insufficient (?:balance|credit|funds)|billing", re.I)
_UNREACHABLE = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
_SAFE = "What is finished is safe: run the same command again"

T = TypeVar("T")


class ChatError(ValueError):
    """A server that cannot be asked at all: wrong address, no answer, refused key. The message says what to do.

    ``status`` is the one that it answered with, if it did.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RequestFailed(ValueError):
    """One request that failed for good, while others may do better.

    ``transient``: it was tried as often as allowed, and may work another time. ``unreadable``: an answer came, and
    was none. ``meta`` are plain values worth keeping, such as the tokens that were paid for.
    """

    def __init__(
        self, message: str, transient: bool = False, unreadable: bool = False, meta: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.transient, self.unreadable, self.meta = transient, unreadable, dict(meta or {})


class UnreadableReply(ValueError):
    """Raised by the ``read`` of ``Server.ask`` for an answer that has not the form of a reply."""


class _Trouble(Exception):
    """A failure that may pass: what it was, what the server ``said``, and how long it asks to wait."""

    def __init__(
        self,
        what: str,
        said: str = "",
        wait_s: float | None = None,
        unreachable: bool = False,
        unreadable: bool = False,
    ) -> None:
        super().__init__(what)
        self.said, self.wait_s, self.unreachable, self.unreadable = said, wait_s, unreachable, unreadable


@dataclass(frozen=True)
class Server:
    """``url`` is the base address, as in ``https://host/v1``; ``key_env`` names the variable of the key, or is None.

    ``timeout_s`` is for one request, until its last byte. May be used by several threads, which share ``pace``.
    ``ChatError`` for what is no address, and for a variable that holds no key.
    """

    url: str
    key_env: str | None = KEY
    timeout_s: float = 120.0
    patience: Patience = field(default_factory=Patience)
    pace: Pace = field(default_factory=Pace, compare=False, repr=False)

    def __post_init__(self) -> None:
        shown = re.sub(r"//.*@", "//[hidden]@", str(self.url))
        expected = f"expected the address of a server, such as http://127.0.0.1:8000/v1; found {shown!r}"
        try:
            parts = urllib.parse.urlsplit(self.url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except (ValueError, AttributeError, TypeError) as error:  # half an IPv6 address, a port beyond 65535, no text
            raise ChatError(f"{expected} ({error})") from error
        if parts.username or parts.password or parts.query or parts.fragment or self.holds_key(self.url):
            raise ChatError(f"the address of a server must hold no password and no query; put the key into {KEY}")
        if not known or re.search(r"[\x00-\x20\x7f]|[^\x00-\x7f]", self.url):
            raise ChatError(expected)

    def ask(self, path: str, body: Mapping[str, Any] | None, read: Callable[[dict[str, Any]], T]) -> tuple[T, int]:
        """What ``read`` makes of the JSON object that comes back, and how many attempts it took. No ``body``: GET.

        ``RequestFailed`` when this request failed for good, ``ChatError`` when no other would do better.
        """
        address = self.url.rstrip("/") + path
        attempt = 1
        while True:
            self.pace.wait()
            try:
                return read(self._once(address, body)), attempt
            except UnreadableReply as error:
                trouble = _Trouble(str(error), unreadable=True)
            except _Trouble as error:
                trouble = error
            last = attempt >= self.patience.attempts
            if last or (trouble.unreadable and not self.patience.unreadable_too):
                raise self._given_up(address, trouble, attempt) from None
            self._wait(address, trouble, attempt)
            attempt += 1

    def holds_key(self, text: str) -> bool:
        """True for a text that must not be written anywhere."""
        key = self._key()
        return key is not None and key in text

    def _wait(self, address: str, trouble: _Trouble, attempt: int) -> None:
        if trouble.wait_s is None:
            time.sleep(self.patience.wait_s(attempt))
            return
        if trouble.wait_s > self.patience.longest_retry_after_s:
            raise ChatError(
                f"{address}: {trouble}{trouble.said}. It asks to wait {trouble.wait_s:,.0f} s. {_SAFE} then"
            )
        self.pace.hold(trouble.wait_s)
        time.sleep(self.patience.first_s * random.random() / 4)  # so that threads do not come back all at once

    def _given_up(self, address: str, trouble: _Trouble, attempts: int) -> Exception:
        times = f"{attempts} time{'s' if attempts > 1 else ''}"
        if trouble.unreachable:
            said = f"{trouble}, {times}{trouble.said}"
            return ChatError(f"{address} could not be asked ({said}); start the server or check the address. {_SAFE}")
        return RequestFailed(f"{trouble}, {times}{trouble.said}", transient=True, unreadable=trouble.unreadable)

    def _once(self, address: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """One request, one JSON object; ``_Trouble`` for what may pass, ``RequestFailed`` or ``ChatError`` else."""
        key = self._key()
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        deadline = time.monotonic() + self.timeout_s
        try:
            with _OPENER.open(urllib.request.Request(address, data, headers), timeout=self.timeout_s) as response:
                kind = response.headers.get_content_type()
                return _object(_whole(response, deadline), kind, key)
        except urllib.error.HTTPError as error:
            with error:
                asked = f"{address} answers {error.code}" + (f" to model {body['model']!r}" if body else "")
                raise self._refused(error, asked, _excerpt(error, deadline, key)) from None
        except TimeoutError:
            raise _Trouble(f"no answer within {self.timeout_s:g} s") from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise _Trouble(f"no connection within {self.timeout_s:g} s", unreachable=True) from None
            unreachable = isinstance(error.reason, _UNREACHABLE)
            unreachable |= getattr(error.reason, "errno", None) in (errno.ENETUNREACH, errno.EHOSTUNREACH)
            raise _Trouble(_hidden(str(error.reason), key), unreachable=unreachable) from None
        except (http.client.HTTPException, OSError) as error:
            raise _Trouble(f"broken off: {_hidden(repr(error), key)[:200]}") from None

    def _refused(self, error: urllib.error.HTTPError, asked: str, text: str) -> Exception:
        """What follows from a status that is none of success."""
        status, said = error.code, f": {text}" if text else ""
        if status in (400, 403) and _FILTERED.search(text):
            return RequestFailed(f"content filter, status {status}{said}")
        if status == 402 or (status == 429 and _NO_MONEY.search(text)):
            return ChatError(f"{asked}, no credit left{said}. {_SAFE} once there is", status)
        if status in (401, 403):
            name = self.key_env or "no key (key_env is empty)"
            return ChatError(f"{asked}; check the key in {name}{said}", status)
        if status in (404, 405):
            return ChatError(f"{asked}; check the address and the name of the model{said}", status)
        if 300 <= status < 400:
            where = _hidden(str(error.headers.get("Location")), self._key())
            return ChatError(f"{asked}: it has moved to {where:.200}; give that address", status)
        if status in _AGAIN:
            return _Trouble(f"status {status}", said, retry_after(error.headers))
        return RequestFailed(f"status {status}{said}")

    def _key(self) -> str | None:
        """The key, or None where no variable is named or the usual one is not set."""
        if self.key_env is None:
            return None
        if not isinstance(self.key_env, str) or not re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", self.key_env):
            raise ChatError(
                f"key_env is the name of an environment variable in capitals, such as {KEY}, and never the key itself; "
                "what was given is not shown here, in case it is one"
            )
        key = os.environ.get(self.key_env, "").strip()
        if not key and self.key_env != KEY:
            raise ChatError(f"the environment variable {self.key_env} is empty; put the key of the server into it")
        if re.search(r"[^\x21-\x7e]", key):
            raise ChatError(f"{self.key_env} holds a space, a line break or a letter that no key has; set it again")
        return key or None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Never: the answer that says so becomes an error."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _whole(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body; ``TimeoutError`` past the deadline even if bytes drip in, ``IncompleteRead`` when some are missing."""
    parts, size = [], 0
    while part := response.read1(65536):
        parts.append(part)
        size += len(part)
        if size > MAX_REPLY_BYTES:
            raise _Trouble(f"an answer of more than {MAX_REPLY_BYTES:,} bytes", unreadable=True)
        if time.monotonic() > deadline:
            raise TimeoutError
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)


def _excerpt(response: Any, deadline: float, key: str | None) -> str:
    """The beginning of an error's body on one line, its message if it has one."""
    try:
        text = _whole(response, deadline).decode("utf-8", "replace")
    except (_Trouble, http.client.HTTPException, OSError):
        return ""
    try:
        error = json.loads(text)["error"]
        said = [str(error[name]) for name in ("code", "type", "message") if error.get(name)]
        text = ", ".join(said) or text
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return " ".join(_hidden(text, key).split())[:300].strip()


def _object(data: bytes, kind: str, key: str | None) -> dict[str, Any]:
    """The JSON object of an answer with the key taken out; ``_Trouble`` when there is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        start = " ".join(_hidden(data.decode("utf-8", "replace"), key)[:120].split())
        raise _Trouble(f"expected JSON, found {kind}: {start!r}", unreadable=True) from None
    if not isinstance(value, dict):
        raise _Trouble(f"expected a JSON object, found {type(value).__name__}", unreadable=True)
    return value if key is None else {name: _without(one, key) for name, one in value.items()}


def _hidden(text: str, key: str | None) -> str:
    return text.replace(key, HIDDEN) if key else text


def _without(value: Any, key: str) -> Any:
    """Plain JSON values with the key taken out of every text."""
    if isinstance(value, str):
        return value.replace(key, HIDDEN)
    if isinstance(value, list):
        return [_without(one, key) for one in value]
    if isinstance(value, dict):
        return {name.replace(key, HIDDEN): _without(one, key) for name, one in value.items()}
    return value
