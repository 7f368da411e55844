"""Which items are kept: one of each fact, of every class its fair share, and not more of a task than asked for.

Items with two possible answers leave in couples, one of each, so that a balance stays what it is
(``terracot.options.capped``).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from terracot.options import capped
from terracot.seeding import seed_of
from terracot.stated import is_stated

if TYPE_CHECKING:
    from terrabench.found import Assigned, Found


EXTENT = {"coverage": "extent", "area": "extent"}
"""Tasks that ask for one fact in two units."""


def one_of_each_fact(
    assigned: Mapping[str, Assigned], found: Sequence[Found], seed: int, dropped: Mapping[str, Counter[str]]
) -> dict[str, Assigned]:
    """One numeric item of each fact, by hash: a share and an area of one mask, or a number and a share of buildings.

    Who sees both items of a fact, and what a pixel measures, finds the value that stands among the options of both.
    """
    facts: dict[tuple[str, ...], list[Found]] = defaultdict(list)
    for one in found:
        if one.key in assigned and one.value is not None and not is_stated(one.task):
            when = one.key.rpartition(" | ")[2]
            facts[one.scene_id, EXTENT.get(one.task, one.task), when, *one.classes].append(one)
    lost: set[str] = set()
    for members in facts.values():
        for one in sorted(members, key=lambda f: seed_of(seed, "fact", f.key))[1:]:
            dropped[one.task]["fact_asked_in_another_unit"] += 1
            lost.add(one.key)
    return {key: entry for key, entry in assigned.items() if key not in lost}


def fair_shares(
    assigned: Mapping[str, Assigned], found: Sequence[Found], seed: int, dropped: Mapping[str, Counter[str]]
) -> dict[str, Assigned]:
    """At most as many items of each class (or pair of classes) as a task has of them on average.

    The average is that before anything is dropped, rounded up; what a class has above it leaves by hash.
    """
    kept: set[str] = set()
    for task, items in _by_task(assigned, found).items():
        classes: dict[str, list[Found]] = defaultdict(list)
        for one in items:
            classes[" & ".join(dict.fromkeys(one.classes))].append(one)
        share = math.ceil(len(items) / len(classes))
        for name, members in sorted(classes.items()):
            kept |= _capped(members, share, (seed, task, "class", name))
        dropped[task]["over_the_share_of_its_class"] += len(items) - sum(one.key in kept for one in items)
    return {key: entry for key, entry in assigned.items() if key in kept}


def capped_tasks(
    assigned: Mapping[str, Assigned],
    found: Sequence[Found],
    seed: int,
    per_task: int,
    dropped: Mapping[str, Counter[str]],
) -> dict[str, Assigned]:
    """At most ``per_task`` items of each task, by hash."""
    kept: set[str] = set()
    for task, items in _by_task(assigned, found).items():
        chosen = _capped(items, per_task, (seed, task))
        dropped[task]["over_the_number_asked_for"] += len(items) - len(chosen)
        kept |= chosen
    return {key: entry for key, entry in assigned.items() if key in kept}


def _by_task(assigned: Mapping[str, Assigned], found: Sequence[Found]) -> dict[str, list[Found]]:
    items: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        if one.key in assigned:
            items[one.task].append(one)
    return items


def _capped(items: Sequence[Found], most: int, key: tuple[object, ...]) -> set[str]:
    return capped([(one.key, one.stratum, one.outcome) for one in items], most, key)
