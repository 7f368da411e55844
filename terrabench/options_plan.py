"""Options over the whole pool: every stratum drawn or balanced, every drop counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from terrabench.tasks import TASKS, Task
from terracot.language import UNITS, option_text
from terracot.options import Candidate, balanced, capped, draw, shuffled_words

if TYPE_CHECKING:
    from terrabench.rows import Found


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
    assigned: dict[str, Assigned] = {}
    dropped: dict[str, Counter[str]] = {task: Counter() for task in TASKS}
    for (task, stratum), members in sorted(strata.items()):
        members.sort(key=lambda f: f.key)
        key = (seed, stratum)
        if TASKS[task].words is None:
            assigned.update(_numbers(TASKS[task], members, key, dropped[task]))
        else:
            assigned.update(_words(TASKS[task], members, key, dropped[task]))
    if per_task is not None:
        assigned = _capped(assigned, found, seed, per_task, dropped)
    audit = {
        task: {"found": sum(f.task == task for f in found), "dropped_with_options": dict(sorted(dropped[task].items()))}
        for task in TASKS
    }
    return assigned, audit


def _numbers(
    task: Task, members: Sequence[Found], key: tuple[object, ...], dropped: Counter[str]
) -> Mapping[str, Assigned]:
    assert task.separation is not None
    values = [float(f.value or 0.0) for f in members]
    unit = task.unit_for(values)
    measure = members[0].measure
    shown = unit or ("count" if measure == "number" else "%")
    scale = UNITS.get(shown, 1.0)
    pool = [Candidate(f.key, f.group, value) for f, value in zip(members, values, strict=True)]
    drawn = draw(pool, task.k, task.separation(measure), lambda v: option_text(v / scale, shown), key)
    dropped.update(drawn.dropped)
    scenes = {f.key: f.scene_id for f in members}
    return {
        item: Assigned(scenes[item], answer, values=options, unit=unit)
        for item, (options, answer) in drawn.options.items()
    }


def _words(
    task: Task, members: Sequence[Found], key: tuple[object, ...], dropped: Counter[str]
) -> Mapping[str, Assigned]:
    assert task.words is not None
    kept, lost = balanced([(f.key, f.word) for f in members], key)
    dropped["outcome_out_of_balance"] += lost
    result = {}
    for f in members:
        if f.key in kept:
            words = task.words(f.classes)
            answer = next(word for word in words if word.lower() == f.word.lower())
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
    for task in TASKS:
        words = TASKS[task].words is not None
        items = [(f.key, f.stratum, f.word if words else None) for f in found if f.task == task and f.key in assigned]
        chosen = capped(items, per_task, (seed, task))
        dropped[task]["over_the_number_asked_for"] += len(items) - len(chosen)
        kept |= chosen
    return {key: entry for key, entry in assigned.items() if key in kept}
