"""Refer: "segment the tree cover", one row for every class of every labelled date, and for buildings.

The rows have the very form of phrases that a source states (``terracot.stated``), which words and checks them; only the
phrase, a class name, comes from here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from terracot.findings import DESTROYED, Finding, Rejected, SceneFacts
from terracot.plugins import EvidenceMask
from terracot.quantities import Regions
from terracot.questions.kind import QuestionKind
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters, Truth
from terracot.scenes import BoolMask, InstanceMap
from terracot.stated import REFER, phrase_of, refer_words

MIN_PIXELS = 25
"""A region of fewer pixels (one 5 x 5 square) is not asked for."""

NO_ANSWER = Truth(None, "", "")


def find(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Every class, and buildings by what became of them, of at least ``MIN_PIXELS`` pixels."""
    for t, m in facts.maps.items():
        for c in m.legend.classes:
            if m.counts[c.id] >= MIN_PIXELS:
                yield _finding(EvidenceMask(t, phrase_of(c.name), m.mask(c.id), c.is_plural), "class")
            elif m.counts[c.id]:
                yield Rejected(REFER, "too_small")
    for buildings in facts.scene.instances:
        for name, mask in _buildings(buildings, facts):
            if np.count_nonzero(mask) >= MIN_PIXELS:
                yield _finding(EvidenceMask(buildings.t, name, mask, plural=True), "buildings")
            else:
                yield Rejected(REFER, "too_small")


def _buildings(buildings: InstanceMap, facts: SceneFacts) -> Iterator[tuple[str, BoolMask]]:
    """All buildings where none is damaged beyond that name; else the destroyed and the others, where all are judged.

    Phrases are in the plural, so a name that one building alone bears is not asked for.
    """
    numbers = facts.building_numbers[buildings.t]
    gone = [i.number for i in buildings.instances if i.damage == DESTROYED]
    others = [i.number for i in buildings.instances if i.damage != DESTROYED]
    if not gone:
        named = {"buildings": others}
    elif any(i.damage is None for i in buildings.instances):
        named = {}  # nobody can say which of them the destroyed are
    else:
        named = {"destroyed buildings": gone, "buildings that are not destroyed": others}
    for name, members in named.items():
        if len(members) > 1:
            yield name, np.isin(numbers, members)


def _finding(mask: EvidenceMask, what: str) -> Finding:
    parameters = {"key": f"{what}:{mask.class_name}", "t": mask.t}
    return Finding(REFER, mask.t, (mask.class_name,), (mask,), NO_ANSWER, parameters)


def answer(regions: Regions) -> Truth:
    """A phrase that refers has no answer but its mask."""
    return NO_ANSWER


def ask(w: Writer) -> Question:
    """The phrase in the words that stated phrases have."""
    finding, setting = w.finding, w.setting
    key = str(finding.parameters["key"])
    text, step, template = refer_words(finding.class_names[0], setting.scene_id, key, finding.t, setting.dates, w.seed)
    return Question(finding, text, (), (step,), "", template)


REFER_KIND = QuestionKind(REFER, "refer", find, answer, ask, every=True)
