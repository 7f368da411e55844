"""What the language test reads: findings of every kind, worded with each of their phrasings, names in either number.

Names keep their words; only the flag says whether they are plural. So "tree cover are" is right where the flag is set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from make_scenes import memory_scene

from terracot.findings import Finding, SceneFacts, Setting
from terracot.levels import kind_named, kinds
from terracot.quantities import Value
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters
from terracot.scenes import Legend, Scene
from terracot.sources import open_source

FILTERS = Filters(min_boundary_share=0.5, max_components=10_000)
NUMBERS = ("singular", "plural", "both")
EACH = 3  # findings of a kind and a number that are worded
SOURCES = (
    (
        "{scenes: 40, size: 96, bands: multispectral, families: {landscape: 1, change: 1, settlement: 1, sequence: 1}}",
        40,
    ),
    ("{scenes: 40, size: 224, families: {landscape: 1}}", 8),
)


@dataclass(frozen=True)
class Case:
    """A finding and where it was made."""

    finding: Finding
    setting: Setting


class Chooser(Writer):
    """Takes the n-th of all phrasings, notes what it chose from; with ``ones`` every number is 1."""

    def __init__(self, case: Case, n: int, letter: str | None = None, ones: bool = False) -> None:
        level = kind_named(case.finding.kind).level
        super().__init__(case.finding, case.setting, n, level, letter)
        self._n, self._ones = n, ones
        self.lists: list[tuple[str, ...]] = []

    def choose(self, phrasings: Sequence[str]) -> str:
        self.lists.append(tuple(phrasings))
        self._chosen.append(self._n % len(phrasings))
        return phrasings[self._n % len(phrasings)]

    def value(self, quantity: str, *of: int, unit: str) -> Value:
        found = super().value(quantity, *of, unit=unit)
        return replace(found, value=1.0, text="1") if self._ones and unit != "date" else found

    def parameter(self, name: str, unit: str) -> Value:
        found = super().parameter(name, unit)
        return replace(found, value=1.0, text="1") if self._ones and unit != "date" else found


def worded(case: Case, n: int, letter: str | None = None, ones: bool = False) -> tuple[Question, list[tuple[str, ...]]]:
    """A finding with the n-th phrasing of every list, and the lists it was chosen from."""
    writer = Chooser(case, n, letter, ones)
    return kind_named(case.finding.kind).ask(writer), writer.lists


@cache
def cases() -> dict[str, list[Case]]:
    """Findings of every kind: of each outcome and each form of parameters, with singular and with plural names."""
    found: dict[str, list[Case]] = defaultdict(list)
    places: dict[int, list[str]] = {n: list(kinds()) for n in range(len(_scenes()))}
    for number in NUMBERS:
        seen: set[tuple[str, str]] = set()
        useful: dict[int, list[str]] = defaultdict(list)
        for n, names in places.items():
            facts = SceneFacts(_numbered(_scenes()[n], number))
            if number == "both":
                facts.__dict__["according_to"] = dict.fromkeys(facts.maps, "the map of the test")
            for name in names:
                for finding in kind_named(name).findings(facts, FILTERS):
                    key = name, _form(finding)
                    if key not in seen and sum(1 for kind, _ in seen if kind == name) < EACH:
                        seen.add(key)
                        useful[n].append(name)
                        found[name].append(Case(finding, facts.setting))
        places = {n: list(dict.fromkeys(names)) for n, names in useful.items()}
    return found


def _form(finding: Finding) -> str:
    """Findings of one form are worded with the same lists of phrasings."""
    form = f"{sorted(finding.parameters)} {len(finding.masks)} {finding.class_names[0] == 'building'}"
    return form + finding.truth.text if kind_named(finding.kind).balanced else form


@cache
def _scenes() -> list[Scene]:
    """Synthetic scenes of all families in turn, large ones, and a flood, which these do not show."""
    classes = np.zeros((48, 48), np.uint8)
    classes[:, 28:] = 1
    flood = memory_scene([np.zeros_like(classes), classes], ["unflooded surface", "flood water"], scene_id="flood")
    scenes = [replace(flood, labels=flood.labels[1:])]
    for settings, count in SOURCES:
        source = open_source("procedural", settings)
        scenes += [source.load(scene_id) for scene_id in list(source.ids())[:count]]
    return scenes


def _numbered(scene: Scene, number: str) -> Scene:
    """The scene with names in the singular, in the plural, or every other one."""

    def changed(legend: Legend) -> Legend:
        flags = {"singular": lambda i: False, "plural": lambda i: True, "both": lambda i: i % 2 == 1}
        return replace(legend, classes=tuple(replace(c, plural=flags[number](c.id)) for c in legend.classes))

    return replace(scene, labels=tuple(replace(label, legend=changed(label.legend)) for label in scene.labels))


def spoken(question: Question) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """All that is said: the question, then each step, with its numbers."""
    yield question.text, question.values
    for step in question.steps:
        yield step.text, getattr(step, "values", ())
    yield question.answer, question.answer_values


__all__ = ["Case", "cases", "spoken", "worded"]
