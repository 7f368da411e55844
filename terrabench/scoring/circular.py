"""Figures of a run under shuffled-options, in which an item is asked once for every rotation of its k options."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from terrabench.items import tasks_of
from terrabench.scoring.results import Result


def circular_scores(results: Sequence[Result]) -> dict[str, Any]:
    """``circular`` of ``scores.json``, over all items and by task.

    ``accuracy`` is the share right in all rotations. Two chances, by name: ``chance_guessing`` is the mean of k^-k, for
    a reader who guesses anew each time; ``chance_same_text`` the mean of 1/k, for one who knows nothing and picks the
    same text each time (one who picks the same letter is never right, unless k = 1). ``consistent`` is the share that
    picked one text throughout, right or wrong. Null where there are no items.
    """
    tasks = {task: [r for r in results if r.task == task] for task in tasks_of({r.task for r in results})}
    return _figures(results) | {"tasks": {task: _figures(part) for task, part in tasks.items()}}


def _figures(results: Sequence[Result]) -> dict[str, Any]:
    return {
        "n": len(results),
        "accuracy": _mean([r.correct for r in results]),
        "chance_guessing": _mean([float(r.options) ** -r.options for r in results]),
        "chance_same_text": _mean([1 / r.options for r in results]),
        "consistent": _mean([bool(r.consistent) for r in results]),
    }


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else None
