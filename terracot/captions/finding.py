"""What a caption may describe: the land of one date, land on two dates, or buildings.

A finding's parameter ``about`` is "land" or "buildings". ``new`` and ``gone`` list the classes that the first or the
last of two dates does not have at all, which no mask can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from terracot import measure
from terracot.findings import DESTROYED, Finding, Rejected, SceneFacts
from terracot.measure import MapFacts
from terracot.plugins import EvidenceMask
from terracot.rules import Filters, Truth
from terracot.scenes import InstanceMap

CAPTION = "caption"
MIN_SHARE = 1.0
"""Per cent of the valid pixels that a described class has at least, on one of its dates."""
MOST = 6
MOST_OF_DATE = 4
"""Regions of a caption of one date, and of each date of a caption of two."""
BUILDINGS = "buildings"
GONE = ("destroyed building", "destroyed buildings")
LEFT = ("building that is not destroyed", "buildings that are not destroyed")
"""Names of masks: of one building, and of several."""
FEWEST_BUILDINGS, MOST_BUILDINGS = 5, 500

NO_ANSWER = Truth(None, "", "")


def find(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """One finding for two dates where labels tell a change, else one for each labelled date; and one for buildings.

    A map that serves several dates (``static_labels``) says nothing of change.
    """
    dates = sorted(facts.maps)
    usable = [t for t in dates if _labelled(facts, t) >= filters.min_valid_share]
    if len(usable) > 1 and not facts.scene.provenance.get("static_labels"):
        yield _change(facts, usable[0], usable[-1], filters)
    else:
        for t in dates:
            yield _land(facts, t)
    if facts.scene.instances:
        yield _buildings(facts)


def _labelled(facts: SceneFacts, t: int) -> float:
    """Per cent of the frame that is labelled on a date."""
    return 100.0 * facts.maps[t].valid_pixels / facts.maps[t].classes.size


def _finding(masks: Iterable[EvidenceMask], parameters: Mapping[str, Any]) -> Finding:
    masks = tuple(masks)
    return Finding(CAPTION, masks[-1].t, tuple(m.class_name for m in masks), masks, NO_ANSWER, parameters)


def _by_size(m: MapFacts, ids: Iterable[int]) -> list[int]:
    return sorted((i for i in ids if m.counts[i]), key=lambda i: (-int(m.counts[i]), i))


def _land(facts: SceneFacts, t: int) -> Finding | Rejected:
    m = facts.maps[t]
    chosen = _by_size(m, m.classes_over(MIN_SHARE))[:MOST]
    if not chosen:
        return Rejected(CAPTION, "no_class_of_a_size_to_describe")
    return _finding((facts.region(t, i) for i in chosen), {"about": "land"})


def _change(facts: SceneFacts, first: int, last: int, filters: Filters) -> Finding | Rejected:
    """The largest class of each date, the one that changes most, and further ones by size, on both dates."""
    maps = facts.maps[first], facts.maps[last]
    shares = [dict(zip(m.legend.names, m.shares, strict=True)) for m in maps]
    names = list(dict.fromkeys(name for share in shares for name in share))
    size = {name: max(share.get(name, 0.0) for share in shares) for name in names}
    described = sorted((name for name in names if size[name] >= MIN_SHARE), key=lambda name: -size[name])
    if not described:
        return Rejected(CAPTION, "no_class_of_a_size_to_describe")
    shared = [name for name in described if all(name in share for share in shares)]
    mover = max(shared, key=lambda name: abs(shares[1][name] - shares[0][name]), default=described[0])
    leaders = [max(described, key=lambda name: share.get(name, 0.0)) for share in shares]
    chosen = list(dict.fromkeys([*leaders, mover, *described]))[:MOST_OF_DATE]
    masks = [
        facts.region(t, i)
        for t, m in zip((first, last), maps, strict=True)
        for i in _by_size(m, (i for i, name in enumerate(m.legend.names) if name in chosen))
    ]
    whole = all(_labelled(facts, t) >= filters.min_valid_share_absent for t in (first, last))
    told = {
        kind: [name for name in shared if name in chosen and whole and share[name] == 0]
        for kind, share in zip(("new", "gone"), shares, strict=True)
    }
    return _finding(masks, {"about": "land", **told})


def _buildings(facts: SceneFacts) -> Finding | Rejected:
    """Buildings before an event and what became of them, or those of the last date that has them and no damage."""
    scene = facts.scene
    after = scene.instances_of(scene.dates)
    damage = measure.damage_counts(after.instances) if after else {}
    if after is None or not damage or scene.dates < 2:
        return _standing(facts, after or scene.instances[-1])
    groups = {
        GONE: [i.number for i in after.instances if i.damage == DESTROYED],
        LEFT: [i.number for i in after.instances if i.damage not in (None, DESTROYED)],
    }
    numbers = facts.building_numbers[after.t]
    judged = np.isin(numbers, [*groups[GONE], *groups[LEFT]])
    every = measure.separate_instances(np.where(judged, numbers, 0).astype(np.int32))
    masks = [EvidenceMask(1, BUILDINGS, every, plural=True)]
    masks += [
        EvidenceMask(after.t, names[len(members) > 1], every & np.isin(numbers, members), len(members) > 1)
        for names, members in sorted(groups.items(), key=lambda group: -len(group[1]))
        if members
    ]
    return _checked(facts, masks, [sum(map(len, groups.values())), *sorted(map(len, groups.values()), reverse=True)])


def _standing(facts: SceneFacts, buildings: InstanceMap) -> Finding | Rejected:
    if measure.damage_counts(buildings.instances):
        return Rejected(CAPTION, "damage_without_two_dates")
    every = measure.separate_instances(facts.building_numbers[buildings.t])
    return _checked(facts, [EvidenceMask(buildings.t, BUILDINGS, every, plural=True)], [len(buildings.instances)])


def _checked(facts: SceneFacts, masks: list[EvidenceMask], counts: list[int]) -> Finding | Rejected:
    """A finding where the pieces of each mask are as many as its buildings, all of them on labelled ground."""
    if not FEWEST_BUILDINGS <= counts[0] <= MOST_BUILDINGS:
        return Rejected(CAPTION, "too_few_buildings" if counts[0] < FEWEST_BUILDINGS else "too_many_buildings")
    for mask, count in zip(masks, counts, strict=False):
        if measure.components(mask.mask) != count:
            return Rejected(CAPTION, "buildings_cannot_be_told_apart")
        if np.any(mask.mask & ~facts.valid[mask.t]):
            return Rejected(CAPTION, "buildings_on_unlabelled_ground")
    return _finding(masks, {"about": "buildings"})
