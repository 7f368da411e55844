"""Pure work on many things with a second process, where the system can fork; the result is that of a plain loop."""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORTH = 500
"""Fewer things than this are done without a second process."""


def in_halves(work: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """``[work(thing) for thing in things]``, the second half of it in a forked process when there is a second core.

    ``work`` must be pure: what it changes in the other process is lost. An error is the first one of the plain loop.
    """
    daemon = multiprocessing.current_process().daemon  # which may have no children
    if sys.platform != "linux" or daemon or len(things) < WORTH or len(os.sched_getaffinity(0)) < 2:
        return [work(thing) for thing in things]
    half = len(things) // 2
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(writer, work, things[half:]), daemon=True)
    with warnings.catch_warnings():  # of threads at a fork: the child touches numpy and scipy alone
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    writer.close()
    try:
        first = [work(thing) for thing in things[:half]]
        try:
            second = reader.recv()
        except EOFError:  # it failed or was killed: the plain loop says why, or does better
            second = [work(thing) for thing in things[half:]]
    finally:
        reader.close()
        child.kill()
        child.join()
    return [*first, *second]


def _send(writer: Connection, work: Callable[[T], R], things: Sequence[T]) -> None:
    """In the other process. Whatever goes wrong there closes the pipe without a result."""
    try:
        writer.send([work(thing) for thing in things])
    except BaseException:  # noqa: BLE001
        os._exit(1)
