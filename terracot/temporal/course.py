"""Course: the label maps of one scene along time, counted together once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from terracot.findings import SceneFacts
from terracot.measure import transitions
from terracot.plugins import EvidenceMask
from terracot.rules import Filters
from terracot.scenes import IGNORE, BoolMask

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Course:
    """Some of the labelled dates of a scene, in order. Only pixels with a label on all of them count.

    Arrays are indexed by class id; all maps have one legend.
    """

    facts: SceneFacts
    dates: tuple[int, ...]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.facts.maps[self.dates[0]].legend.classes)

    @cached_property
    def valid(self) -> BoolMask:
        """``(H, W)`` pixels with a class on every date."""
        return reduce(np.logical_and, [self.facts.maps[t].valid for t in self.dates])

    @cached_property
    def valid_pixels(self) -> int:
        """Number of pixels with a class on every date: the denominator of every share."""
        return int(np.count_nonzero(self.valid))

    @cached_property
    def extents(self) -> Counts:
        """``(dates, K)`` pixels of each class on each date."""
        return np.stack([self._counted(t, self.valid) for t in self.dates])

    @cached_property
    def kept(self) -> Counts:
        """``(K,)`` pixels that are of a class on every date."""
        maps = [self.facts.maps[t].classes for t in self.dates]
        same = reduce(np.logical_and, [a == b for a, b in pairwise(maps)], self.valid)
        return self._counted(self.dates[0], same)

    @cached_property
    def table(self) -> Counts:
        """``(K, K)`` pixels that went from class i on the first date to class j on the last."""
        first, last = (self.facts.maps[t].classes for t in (self.dates[0], self.dates[-1]))
        return transitions(first, last, self.classes)

    def share(self, pixels: float) -> float:
        """Per cent of the valid pixels."""
        return 100.0 * pixels / self.valid_pixels

    def region(self, t: int, class_id: int) -> EvidenceMask:
        """A class on one date, as far as pixels count."""
        mask = self.facts.maps[t].mask(class_id)
        return self.facts.region(t, class_id, mask if self.valid_pixels == mask.size else mask & self.valid)

    def regions(self, class_id: int) -> tuple[EvidenceMask, ...]:
        """A class on every date."""
        return tuple(self.region(t, class_id) for t in self.dates)

    def union(self, t: int, class_ids: list[int], name: str) -> EvidenceMask:
        """Several classes on one date under a name of their own."""
        return EvidenceMask(t, name, np.isin(self.facts.maps[t].classes, class_ids) & self.valid)

    def _counted(self, t: int, where: BoolMask) -> Counts:
        """``(K,)`` pixels of each class on one date, of some pixels."""
        facts = self.facts.maps[t]
        if where.all():
            return facts.counts
        return np.bincount(np.where(where, facts.classes, IGNORE).ravel(), minlength=256)[: self.classes]


_KNOWN: WeakKeyDictionary[SceneFacts, list[Course]] = WeakKeyDictionary()
"""Several kinds of question ask about the same dates of a scene; each pair of maps is counted once."""


def pairs(facts: SceneFacts, filters: Filters) -> Iterator[Course]:
    """The first and the last labelled date, then (of more than two) each date with the next."""
    yield from (course for course in _courses(facts, filters) if len(course.dates) == 2)


def sequence(facts: SceneFacts, filters: Filters) -> Iterator[Course]:
    """All dates, when they are three or more and every one has a label map."""
    yield from (course for course in _courses(facts, filters) if len(course.dates) > 2)


def _courses(facts: SceneFacts, filters: Filters) -> list[Course]:
    """Those dates that may be compared: maps of one legend, each drawn for its own date, mostly labelled on both."""
    if facts not in _KNOWN:
        scene = facts.scene
        dates = tuple(sorted(facts.maps))
        legends = {facts.maps[t].legend for t in dates}
        chosen: list[tuple[int, ...]] = []
        # One map that serves several dates says nothing about what happened between them.
        if len(dates) > 1 and len(legends) == 1 and not scene.provenance.get("static_labels"):
            chosen.append((dates[0], dates[-1]))
            if len(dates) > 2:
                chosen += [*pairwise(dates), *([dates] if len(dates) == scene.dates else [])]
        _KNOWN[facts] = [Course(facts, some) for some in chosen]
    return [c for c in _KNOWN[facts] if 100 * c.valid_pixels >= filters.min_valid_share * c.valid.size]
