"""Options over the whole pool: every stratum drawn or balanced, every drop counted.

Stated questions (``terracot.stated``) are given options like the measured ones, from the answers of their own task;
those whose source publishes options keep them, in their order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from terrabench.items import every_task
from terrabench.tasks import TASKS, Task
from terracot.language import option_text
from terracot.measure import significant
from terracot.options import Candidate, Separation, balanced, capped, draw, shuffled_words
from terracot.stated import is_stated, stated_number

STATED_K = 4
STATED_SEPARATION = Separation(ratio=1.2, gap=2.0)
"""Numbers that a source states are counts: they keep the distance that numbers of destroyed buildings keep."""


@dataclass(frozen=True)
class Found:
    """One finding without its masks: what ``assign`` needs to know of it. ``value`` is in base units.

    ``scale`` is what a pixel measures in those units: values are compared, and lent as options, in pixels. So scenes of
    any pixel size can lend each other values, and the pixel size that a question states says nothing of its answer.

    Of stated questions, ``options`` are the published ones and ``words`` all answers that are possible.
    """

    key: str
    task: str
    measure: str
    classes: Sequence[str]
    stratum: str
    scene_id: str
    group: str
    value: float | None
    word: str
    scale: float = 1.0
    options: Sequence[str] = ()
    words: Sequence[str] = ()

    @property
    def in_pixels(self) -> float:
        """The value in pixels, or as it is where it does not depend on their size, to twelve digits."""
        return significant(float(self.value or 0.0) / self.scale, 12)

    @property
    def outcome(self) -> str | None:
        """The answer that a balance has to count; None where options are numbers or published."""
        return None if self.options or self.value is not None else self.word


@dataclass(frozen=True)
class Assigned:
    """The options of one item: values in base units or words, in letter order; ``answer`` is a position."""

    scene_id: str
    answer: int
    values: Sequence[float] = ()
    words: Sequence[str] | None = None
    unit: str | None = None


def assign(found: Sequence[Found], seed: int, per_task: int | None) -> tuple[dict[str, Assigned], dict[str, Any]]:
    """Options for every finding that can have some, and per task what was dropped and why."""
    strata: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in found:
        strata[one.task, one.stratum].append(one)
    tasks = every_task({f.task for f in found})
    assigned: dict[str, Assigned] = {}
    dropped: dict[str, Counter[str]] = {task: Counter() for task in tasks}
    for (task, stratum), members in sorted(strata.items()):
        members.sort(key=lambda f: f.key)
        key = (seed, stratum)
        if is_stated(task):
            assigned.update(_stated(members, key, dropped[task]))
        elif TASKS[task].words is None:
            assigned.update(_numbers(TASKS[task], members, key, dropped[task]))
        else:
            assigned.update(_words(members, _words_of(TASKS[task]), key, dropped[task]))
    if per_task is not None:
        assigned = _capped(assigned, found, seed, per_task, dropped)
    audit = {
        task: {"found": sum(f.task == task for f in found), "dropped_with_options": dict(sorted(dropped[task].items()))}
        for task in tasks
    }
    return assigned, audit


def _stated(members: Sequence[Found], key: tuple[object, ...], dropped: Counter[str]) -> Mapping[str, Assigned]:
    """Options of one stratum of stated questions, which are all of one form."""
    if members[0].options:
        return {f.key: Assigned(f.scene_id, f.options.index(f.word), words=f.options) for f in members}
    if members[0].words:
        said = {f.word for f in members}  # an option that never is right would be known to be wrong
        return _words(members, lambda f: [word for word in f.words if word in said], key, dropped)
    return _drawn(members, STATED_K, STATED_SEPARATION, stated_number, key, dropped)


def _numbers(
    task: Task, members: Sequence[Found], key: tuple[object, ...], dropped: Counter[str]
) -> Mapping[str, Assigned]:
    assert task.separation is not None
    measure = members[0].measure
    # Digits alone decide whether options read alike; those of three significant ones do not depend on the unit.
    shown = task.units[0] if task.units else "count" if measure == "number" else "%"
    drawn = _drawn(members, task.k, task.separation(measure), lambda v: option_text(v, shown), key, dropped)
    middle = median(f.in_pixels for f in members)
    of = {f.key: f for f in members}
    return {item: _of_own_size(one, of[item], task.unit_for(middle * of[item].scale)) for item, one in drawn.items()}


def _of_own_size(one: Assigned, found: Found, unit: str | None) -> Assigned:
    """Options in base units, at the pixel size of the scene asked about.

    The answer goes the same way as the others, or its last bits would tell it (a blind reader found that).
    """
    return replace(one, unit=unit, values=tuple(value * found.scale for value in one.values))


def _drawn(
    members: Sequence[Found],
    k: int,
    separation: Separation,
    text: Callable[[float], str],
    key: tuple[object, ...],
    dropped: Counter[str],
) -> Mapping[str, Assigned]:
    drawn = draw([Candidate(f.key, f.group, f.in_pixels) for f in members], k, separation, text, key)
    dropped.update(drawn.dropped)
    scenes = {f.key: f.scene_id for f in members}
    return {item: Assigned(scenes[item], answer, values=options) for item, (options, answer) in drawn.options.items()}


def _words_of(task: Task) -> Callable[[Found], Sequence[str]]:
    assert task.words is not None
    words = task.words
    return lambda found: words(found.classes)


def _words(
    members: Sequence[Found],
    words_of: Callable[[Found], Sequence[str]],
    key: tuple[object, ...],
    dropped: Counter[str],
) -> Mapping[str, Assigned]:
    kept, lost = balanced([(f.key, f.word) for f in members], key)
    dropped["outcome_out_of_balance"] += lost
    result = {}
    for f in members:
        if f.key in kept:
            words = words_of(f)
            answer = f.word if f.word in words else next(word for word in words if word.lower() == f.word.lower())
            options, position = shuffled_words(words, answer, (*key, f.key))
            result[f.key] = Assigned(f.scene_id, position, words=options)
    return result


def _capped(
    assigned: Mapping[str, Assigned],
    found: Sequence[Found],
    seed: int,
    per_task: int,
    dropped: Mapping[str, Counter[str]],
) -> dict[str, Assigned]:
    kept: set[str] = set()
    for task in dropped:
        items = [(f.key, f.stratum, f.outcome) for f in found if f.task == task and f.key in assigned]
        chosen = capped(items, per_task, (seed, task))
        dropped[task]["over_the_number_asked_for"] += len(items) - len(chosen)
        kept |= chosen
    return {key: entry for key, entry in assigned.items() if key in kept}
