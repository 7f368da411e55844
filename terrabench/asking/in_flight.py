"""Several askings at a time, for models that wait for somebody else: each result is handed out as it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def as_completed(work: Callable[[T], R], given: Iterable[T], at_a_time: int) -> Iterator[tuple[T, R]]:
    """Yield ``(one, work(one))`` in the order in which they are finished by ``at_a_time`` threads.

    ``given`` is read by the calling thread, and never further than there are threads that wait for it. What ``work``
    raises is raised here, after the results of those that were begun. The threads do not keep a program alive that is
    interrupted.
    """
    begun: SimpleQueue[tuple[T] | None] = SimpleQueue()
    done: SimpleQueue[tuple[T, R | None, BaseException | None]] = SimpleQueue()

    def loop() -> None:
        while (next_one := begun.get()) is not None:
            (one,) = next_one
            try:
                done.put((one, work(one), None))
            except BaseException as error:  # noqa: BLE001, it is raised by the thread that asked for it
                done.put((one, None, error))

    for number in range(at_a_time):
        threading.Thread(target=loop, name=f"asking-{number}", daemon=True).start()
    source, waiting = iter(given), 0
    raised: BaseException | None = None
    try:
        while True:
            while raised is None and waiting < at_a_time:
                try:
                    begun.put((next(source),))
                except StopIteration:
                    break
                waiting += 1
            if not waiting:
                break
            one, result, error = done.get()
            waiting -= 1
            if error is None:
                yield one, result  # type: ignore[misc]
            raised = raised or error
    finally:
        for _ in range(at_a_time):
            begun.put(None)
    if raised is not None:
        raise raised
