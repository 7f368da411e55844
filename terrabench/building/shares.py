"""Which items are kept: no two that tell each other, of every class its fair share, and of a task as many as wanted.

Items with two possible answers leave in couples, one of each, so that a balance stays what it is
(``terracot.options.capped``).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from terrabench.items import APART
from terracot.options import capped
from terracot.seeding import seed_of
from terracot.stated import is_stated
from terracot.temporal.finders import is_water

if TYPE_CHECKING:
    from terrabench.building.found import Assigned, Found


EXTENT = ("coverage", "area", "flood_change", "sequence_change")
"""Tasks whose numbers say how much of an image a class covers, in one unit or another, on one date or several."""


def one_pool_a_fact(found: Sequence[Found], seed: int, dropped: Mapping[str, Counter[str]]) -> list[Found]:
    """The findings that may have options: of numbers that tell each other, one, by hash; all that are words.

    These are the share and the area of one class, on any date; all water, floods among it; where a scene has two
    classes, both; one distance on several dates. It has to be before options are drawn: an extent that is an option of
    two pools is less often the answer of either, and a reader who counted that had 30 % of four options.
    """
    facts: dict[tuple[str, ...], list[Found]] = defaultdict(list)
    covers: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for one in found:
        if one.task in EXTENT:
            covers[one.scene_id].add(_covering(one))
    for one in found:
        if _is_number(one) and one.task != "building_change":
            about = tuple(one.classes)
            if one.task in EXTENT:
                about = _covering(one) if len(covers[one.scene_id]) > 2 else ()
            facts[(one.scene_id, _fact(one), *about)].append(one)
    lost: set[str] = set()
    for fact, members in facts.items():
        # what few sources can ask goes first
        task = min({one.task for one in members}, key=lambda n: (n not in APART, seed_of(seed, "pool", *fact, n)))
        own = min((one.key for one in members if one.task == task), key=lambda key: seed_of(seed, "fact", key))
        for one in members:
            if one.key != own:
                dropped[one.task]["fact_asked_in_other_words"] += 1
                lost.add(one.key)
    return [one for one in found if one.key not in lost]


def one_number_a_scene(
    assigned: Mapping[str, Assigned], found: Sequence[Found], seed: int, dropped: Mapping[str, Counter[str]]
) -> dict[str, Assigned]:
    """One extent of each scene, by hash, and one number of its buildings.

    Shares of one map add up to at most 100, and a number over a share of buildings is a whole one: who sees two items
    of a scene could tell which of their options go together.
    """
    scenes: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in found:
        if one.key in assigned and _is_number(one) and one.task in (*EXTENT, "building_change"):
            scenes[one.scene_id, _fact(one)].append(one)
    lost: set[str] = set()
    for members in scenes.values():
        for one in sorted(members, key=lambda f: seed_of(seed, "fact", f.key))[1:]:
            dropped[one.task]["scene_asked_for_another_number"] += 1
            lost.add(one.key)
    return {key: entry for key, entry in assigned.items() if key not in lost}


def _covering(one: Found) -> tuple[str, ...]:
    """The classes whose extent a finding is about; all water is one."""
    return tuple("water" if one.task == "flood_change" or is_water(name) else name for name in one.classes)


def _is_number(one: Found) -> bool:
    return one.value is not None and not is_stated(one.task)


def _fact(one: Found) -> str:
    return "extent" if one.task in EXTENT else one.task


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
