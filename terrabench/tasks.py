"""The tasks of a benchmark, and the kinds of question of Terra-CoT that ask each of them.

Wording, rule, units and how far apart options must be are those of the kinds; nothing about them is said here again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from terracot import findings
from terracot.findings import FINDERS, Finding, Rejected, SceneFacts
from terracot.levels import kind_named
from terracot.questions import Question, Writer
from terracot.questions.kind import Choice, QuestionKind
from terracot.rules import Filters, answer_from_masks
from terracot.spatial.phrases.compare import LARGER

TASKS: dict[str, tuple[str, ...]] = {
    "coverage": ("coverage",),
    "area": ("area",),
    "ranking": ("ranking",),
    "boundary": ("boundary",),
    "distance": ("distance",),
    "building_change": ("building_change",),
    "flood_change": ("flood_share", "flood_area"),
    "sequence_change": ("first_change", "largest_step", "persistence_share"),
}
"""Task id -> its kinds of question: the six of the paper in the published order, then those that stand apart."""


def _ask_ranking(w: Writer) -> Question:
    """Which of two classes covers more; they stand in legend order, whichever is larger."""
    return w.question(w.asked(LARGER, a=w.name(0), b=w.name(1)))


_RANKING = QuestionKind(
    "ranking",
    "l2-spatial",
    findings.ranking,
    lambda r: answer_from_masks("ranking", r.masks, r.valid, r.ground, r.parameters),
    _ask_ranking,
    Choice("word", words=lambda finding: (finding.class_names[0], finding.class_names[1])),
)
"""Terra-CoT compares numbers of pixels (kind ``larger``); the paper's task compares areas on the ground."""


def kind_of(name: str) -> QuestionKind:
    """A kind of question by its name; ``ValueError`` lists the known ones."""
    return _RANKING if name == _RANKING.name else kind_named(name)


def choice_of(name: str) -> Choice:
    """How questions of a kind get options."""
    choice = kind_of(name).choice
    if choice is None:
        raise ValueError(f"questions of kind {name!r} have no options, so no task can ask them")
    return choice


def find(name: str, facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """What a scene can be asked of a kind. Where the paper has a filter of its own, it is that one.

    Terra-CoT also leaves out what goes without saying on maps of two classes; here a balance sees to that.
    """
    return FINDERS.get(name, kind_of(name).find)(facts, filters)


def check_task(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the task of a stored item: it has to be one that its kind of question asks."""
    if row["kind"] not in TASKS.get(row["task"], (row["task"],)):
        yield f"task {row['task']!r} is not one that the kind of the question, {row['kind']!r}, asks"
