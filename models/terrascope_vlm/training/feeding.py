"""Batches made ready ahead of the model, in order, by threads: decoding, resizing and tokenizing mostly run without
the interpreter's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from terrascope_vlm.batch import Batch, batch_of
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.slots import IGNORED, Example
from terrascope_vlm.training.examples import ExampleError, example_of
from terrascope_vlm.training.lessons import Lesson, Reader
from terrascope_vlm.training.order import Draw, Order

AHEAD = 3
"""Steps that are made ready while the model is at one."""


@dataclass(frozen=True, eq=False)
class Micro:
    """Samples that go through the model at once. ``words``: tokens that are learned; ``tokens``: all that are read."""

    lessons: tuple[Lesson, ...]
    examples: tuple[Example, ...]
    batch: Batch
    words: int
    tokens: int

    @property
    def masks(self) -> int:
        """Masks that are learned."""
        return len(self.batch.targets.row)


def example_from(processor: TerraScopeProcessor, config: TerraScopeConfig, lesson: Lesson) -> Example:
    """What is read and learned of a lesson; ``ExampleError`` names the sample."""
    try:
        query = processor.of_prompt(lesson.prompt)
        return example_of(processor, config, query, lesson.reply, lesson.masks, counted=lesson.counted)
    except ExampleError as error:
        raise ExampleError(f"sample {lesson.prompt.id}: {error}; `terracot verify` says what else is wrong") from error


def micro_of(processor: TerraScopeProcessor, config: TerraScopeConfig, lessons: Sequence[Lesson]) -> Micro:
    """Lessons side by side."""
    examples = tuple(example_from(processor, config, lesson) for lesson in lessons)
    batch = batch_of(examples, config, processor.ids["pad"])
    return micro_counted(tuple(lessons), examples, batch)


def micro_counted(lessons: tuple[Lesson, ...], examples: tuple[Example, ...], batch: Batch) -> Micro:
    """With the counts that the losses are weighed by."""
    words = int((batch.rows.labels[:, 1:] != IGNORED).sum())
    return Micro(lessons, examples, batch, words, int(batch.rows.attention.sum()))


class Feed:
    """The micro-batches of every step that fall to process ``rank`` of ``world``. Closing it stops its threads.

    All processes go through one order; of each step's samples, ``micro`` in a row are a micro-batch, and these go to
    the processes in turn.
    """

    def __init__(
        self,
        reader: Reader,
        order: Order,
        processor: TerraScopeProcessor,
        config: TerraScopeConfig,
        *,
        micro: int,
        workers: int = 2,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._reader, self._order, self._processor, self._config = reader, order, processor, config
        self._micro, self._rank, self._world = micro, rank, world
        self._pool = ThreadPoolExecutor(workers, "lessons") if workers else None

    def steps(self, first: int) -> Iterator[list[Micro]]:
        """From step ``first`` to the end of the run."""
        if self._pool is None:
            for step in range(first, self._order.steps):
                yield [self._made(draws) for draws in self._own(step)]
            return
        waiting: deque[list[Future[Micro]]] = deque()
        following = first
        while waiting or following < self._order.steps:
            while following < self._order.steps and len(waiting) < AHEAD:
                waiting.append([self._pool.submit(self._made, draws) for draws in self._own(following)])
                following += 1
            yield [made.result() for made in waiting.popleft()]

    def close(self) -> None:
        """Let the threads go; what they have not begun is left undone."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _own(self, step: int) -> list[list[Draw]]:
        draws = self._order.at(step)
        cut = [draws[first : first + self._micro] for first in range(0, len(draws), self._micro)]
        return cut[self._rank :: self._world]

    def _made(self, draws: Sequence[Draw]) -> Micro:
        lessons = [self._reader.lesson(draw.row, draw.number) for draw in draws]
        return micro_of(self._processor, self._config, lessons)
