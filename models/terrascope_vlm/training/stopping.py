"""Ending a run in good order: on Ctrl-C, on SIGTERM as a cluster sends it, or when its time is up."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any


class Stopping:
    """Within ``with``, the first signal only asks for the end; a second Ctrl-C interrupts at once.

    ``reason`` is "" until the run should end, then "signal" or "time".
    """

    def __init__(self, minutes: float | None = None) -> None:
        self._until = None if minutes is None else time.monotonic() + 60 * minutes
        self._signalled = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def reason(self) -> str:
        """Why the run should end now, or ""."""
        if self._signalled:
            return "signal"
        return "time" if self._until is not None and time.monotonic() >= self._until else ""

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():  # nowhere else may handlers be set
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signalled = True
