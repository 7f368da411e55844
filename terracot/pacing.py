"""How fast and how often a server is asked: waits that double, ``Retry-After``, requests per minute of all threads."""

from __future__ import annotations

import email.utils
import math
import random
import threading
import time
from dataclasses import dataclass
from email.message import Message


@dataclass(frozen=True)
class Patience:
    """How often a request is tried, and how long one waits in between.

    The first wait is ``first_s``, each further one twice as long up to ``longest_s``, each by chance shortened by up to
    half. A server's own ``Retry-After`` counts instead; one beyond ``longest_retry_after_s`` is not waited for.
    ``unreadable_too``: an answer that is none is asked for again as well.
    """

    attempts: int = 4
    first_s: float = 1.0
    longest_s: float = 60.0
    longest_retry_after_s: float = 300.0
    unreadable_too: bool = False

    def wait_s(self, attempt: int) -> float:
        """Seconds between an attempt (from 1) and the next."""
        return min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 60)) * (1 - random.random() / 2)


class Pace:
    """At most ``per_minute`` requests of all threads together, evenly spaced; and pauses that a server asks for."""

    def __init__(self, per_minute: float | None = None) -> None:
        self._gap = 0.0 if per_minute is None else 60.0 / per_minute
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self._gap
        if start > now:
            time.sleep(start - now)

    def hold(self, seconds: float) -> None:
        """No request is begun for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def retry_after(headers: Message) -> float | None:
    """Seconds of ``retry-after-ms`` or ``Retry-After`` (a number or a date); None for neither, or for nonsense."""
    milliseconds, told = headers.get("retry-after-ms"), headers.get("Retry-After")
    for text, unit in ((milliseconds, 0.001), (told, 1.0)):
        try:
            seconds = float(text) * unit if text else math.nan
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time()) if told else None
    except (ValueError, OverflowError):
        return None
