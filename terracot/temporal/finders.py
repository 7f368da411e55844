"""What a scene can be asked about time: each finder yields findings with the base unit of their answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.rules import Filters
from terracot.temporal.course import Course, pairs, sequence

Found = Iterator[Finding | Rejected]
Find = Callable[[SceneFacts, Filters], Found]

MIN_CHANGED = 1.0
"""Per cent of the valid pixels: less change than this is not asked about."""
MIN_CHANGED_PX = 9
"""Pixels, for small images: one 3 x 3 square."""
MIN_EXTENT = 2.0
"""Per cent of the valid pixels that a class has to cover where shares of its own extent are asked for."""
NET_MARGIN = 0.10
"""Growth: the extents differ by more than this part of the larger."""
THRESHOLDS = (20.0, 50.0)
"""First change: per cent of the extent on the first date."""
NEAR_THRESHOLD = 3.0
"""First change: points of per cent around the threshold within which nobody can say."""
STEP_RATIO = 1.5
"""Largest step: so many times the second largest."""

WATER, FLOOD_WATER = "water", "flood water"
_WATER = re.compile(r"\b(water|waters|lakes?|rivers?|reservoirs?|ponds?|sea|ocean)\b")
_DRY = re.compile(r"\b(no|not|non|without|land)\b")


def is_water(name: str) -> bool:
    """True for names of open water: "permanent water", "inland waters"; not for wetland, nor for "non-water"."""
    return bool(_WATER.search(name.lower())) and not _DRY.search(name.lower())


def turnover(kind: str, unit: str, gained: bool) -> Find:
    """Land that a class newly covers, or no longer covers, on the later of two dates."""

    def find(facts: SceneFacts, filters: Filters) -> Found:
        for course in pairs(facts, filters):
            moved = course.table.sum(axis=0 if gained else 1) - course.table.diagonal()
            for class_id in np.flatnonzero(course.table.sum(axis=0) + course.table.sum(axis=1)):
                reason = _unclear(course, int(moved[class_id])) or _unmeasured(course, filters, unit)
                yield _pair(kind, course, int(class_id), unit) if reason is None else Rejected(kind, reason)

    return find


def transition(kind: str, unit: str) -> Find:
    """How much of one class became another."""

    def find(facts: SceneFacts, filters: Filters) -> Found:
        for course in pairs(facts, filters):
            before = course.table.sum(axis=1)
            for a, b in np.argwhere(course.table > 0):
                if a == b:
                    continue
                reason = _unclear(course, int(course.table[a, b])) or _unmeasured(course, filters, unit)
                if reason is None and course.share(before[a]) < MIN_EXTENT:
                    reason = "small_on_first_date"
                if reason is None:
                    masks = (course.region(course.dates[0], int(a)), course.region(course.dates[1], int(b)))
                    yield facts.finding(kind, masks, {"compared": 2, "unit": unit})
                else:
                    yield Rejected(kind, reason)

    return find


def net_change(kind: str, unit: str) -> Find:
    """By how much the extent of a class differs between two dates, in area or in per cent of the earlier extent."""

    def find(facts: SceneFacts, filters: Filters) -> Found:
        for course in pairs(facts, filters):
            before, after = course.extents
            for class_id in np.flatnonzero(before + after):
                one, other = int(before[class_id]), int(after[class_id])
                reason = _unclear(course, abs(one - other)) or _unmeasured(course, filters, unit)
                if reason is None and unit == "%" and course.share(one) < MIN_EXTENT:
                    reason = "small_on_first_date"
                # The pixels of one extent may be larger than those of the other, which a small difference would show.
                drift = facts.scene.ground.area_drift * (one + other)
                if reason is None and unit != "%" and drift > filters.max_area_drift * abs(one - other):
                    reason = "pixel_size_varies"
                yield _pair(kind, course, int(class_id), unit) if reason is None else Rejected(kind, reason)

    return find


def flood(kind: str, unit: str) -> Find:
    """Land newly under water: of all classes of water together, or what a map of the later date calls flood water."""

    def find(facts: SceneFacts, filters: Filters) -> Found:
        yield from _mapped_flood(kind, unit, facts, filters)
        for course in pairs(facts, filters):
            legend = facts.maps[course.dates[0]].legend
            water = [c.id for c in legend.classes if is_water(c.name)]
            dry = [c.id for c in legend.classes if c.id not in water]
            flooded = int(course.table[np.ix_(dry, water)].sum())
            reason = "no_water" if not water else _unclear(course, flooded) or _unmeasured(course, filters, unit)
            if reason is None:
                masks = tuple(course.union(t, water, WATER) for t in course.dates)
                yield facts.finding(kind, masks, {"compared": 2, "unit": unit})
            else:
                yield Rejected(kind, reason)

    return find


def _mapped_flood(kind: str, unit: str, facts: SceneFacts, filters: Filters) -> Found:
    """Flood water by name, where an image but no map shows the land before: the class itself says what is new."""
    last = facts.scene.dates
    if last < 2 or set(facts.maps) != {last} or FLOOD_WATER not in facts.maps[last].legend.names:
        return
    course = Course(facts, (last,))
    class_id = facts.maps[last].legend.id_of(FLOOD_WATER)
    reason = _unclear(course, int(course.extents[0, class_id])) or _unmeasured(course, filters, unit)
    if reason is None:
        yield facts.finding(kind, course.regions(class_id), {"compared": 1, "before": last - 1, "unit": unit})
    else:
        yield Rejected(kind, reason)


def growth(facts: SceneFacts, filters: Filters) -> Found:
    """Whether a class covers more on the later date, where the extents clearly differ."""
    for course in pairs(facts, filters):
        before, after = course.extents
        for class_id in np.flatnonzero(before + after):
            one, other = int(before[class_id]), int(after[class_id])
            reason = _unclear(course, abs(one - other))
            if reason is None and abs(one - other) <= NET_MARGIN * max(one, other):
                reason = "extents_too_close"
            if reason is None:
                yield facts.finding("growth", course.regions(int(class_id)), {"compared": 2})
            else:
                yield Rejected("growth", reason)


def first_change(facts: SceneFacts, filters: Filters) -> Found:
    """On which image the extent first differs from that on image 1 by more than a share of it."""
    for course in sequence(facts, filters):
        for class_id in _of_some_extent(course):
            extents = course.extents[:, class_id].astype(float)
            change = 100 * np.abs(extents[1:] - extents[0]) / extents[0]
            for threshold in THRESHOLDS:
                crossed = np.flatnonzero(change > threshold)
                seen = change[: crossed[0] + 1] if crossed.size else change
                if np.abs(seen - threshold).min() < NEAR_THRESHOLD:
                    yield Rejected("first_change", "near_threshold")
                elif not crossed.size:
                    yield Rejected("first_change", "never_changes_so_much")
                else:
                    parameters = {"compared": len(course.dates), "threshold": threshold}
                    yield facts.finding("first_change", course.regions(class_id), parameters)


def trend(facts: SceneFacts, filters: Filters) -> Found:
    """Whether a class grows (or shrinks) at every step. A step is a clear change, or none at all."""
    for course in sequence(facts, filters):
        for class_id in np.flatnonzero(course.extents.any(axis=0)):
            steps = np.diff(course.extents[:, class_id])
            slight = (steps != 0) & np.array([_unclear(course, abs(int(step))) is not None for step in steps])
            if not steps.any():
                yield Rejected("trend", "never_changes")
            elif slight.any():
                yield Rejected("trend", "step_too_small_to_tell")
            else:
                for direction in ("grow", "shrink"):
                    parameters = {"compared": len(course.dates), "direction": direction}
                    yield facts.finding("trend", course.regions(int(class_id)), parameters)


def largest_step(facts: SceneFacts, filters: Filters) -> Found:
    """Between which two images that follow each other the extent changed most, when one step stands out."""
    for course in sequence(facts, filters):
        for class_id in np.flatnonzero(course.extents.any(axis=0)):
            steps = np.abs(np.diff(course.extents[:, class_id]))
            second, first = (int(step) for step in np.sort(steps)[-2:])
            reason = _unclear(course, first)
            if reason is None and first < STEP_RATIO * second:
                reason = "steps_too_close"
            if reason is None:
                yield facts.finding("largest_step", course.regions(int(class_id)), {"compared": len(course.dates)})
            else:
                yield Rejected("largest_step", reason)


def persistence(kind: str) -> Find:
    """Land that is of one class on every date."""

    def find(facts: SceneFacts, filters: Filters) -> Found:
        for course in sequence(facts, filters):
            for class_id in _of_some_extent(course):
                if (course.extents[:, class_id] == course.kept[class_id]).all():
                    yield Rejected(kind, "never_changes")
                elif kind == "persistence_cover" and course.share(course.kept[class_id]) < MIN_CHANGED:
                    yield Rejected(kind, "hardly_any_left")
                else:
                    yield facts.finding(kind, course.regions(class_id), {"compared": len(course.dates), "unit": "%"})

    return find


def _pair(kind: str, course: Course, class_id: int, unit: str) -> Finding:
    return course.facts.finding(kind, course.regions(class_id), {"compared": 2, "unit": unit})


def _of_some_extent(course: Course) -> list[int]:
    """Classes that cover enough of the first date for shares of that extent to mean something."""
    return [int(c) for c, n in enumerate(course.extents[0]) if course.share(n) >= MIN_EXTENT]


def _unclear(course: Course, pixels: int) -> str | None:
    """Why a change of so many pixels is not asked about."""
    if pixels < MIN_CHANGED_PX or course.share(pixels) < MIN_CHANGED:
        return "hardly_any_change"
    ground = course.facts.scene.ground
    least = max(course.facts.limits[t].min_patch_m2 for t in course.dates)
    return "below_mapping_unit" if ground.known and pixels * ground.pixel_area_m2 < least else None


def _unmeasured(course: Course, filters: Filters, unit: str) -> str | None:
    """Why no area can be given."""
    ground = course.facts.scene.ground
    if unit == "%":
        return None
    if not ground.known:
        return "pixel_size_unknown"
    return "pixel_size_varies" if ground.area_drift > filters.max_area_drift else None


def steps_of(dates: int) -> list[tuple[int, int]]:
    """Positions of the masks at both ends of each step."""
    return list(pairwise(range(dates)))
