"""Questions: one file per kind of L1 question; each turns a finding into words and a trace.

``ask(finding, setting, seed)`` is the way in. Phrasings are chosen by a hash of the seed and the scene, never by the
answer, and recorded, so that the same input always gives the same words.
"""

from __future__ import annotations

from collections.abc import Callable

from terracot.findings import Finding, Setting
from terracot.questions import area, boundary, counting, distance, existence, localisation
from terracot.questions.writer import Question, Writer

ASKERS: dict[str, Callable[[Writer], Question]] = {
    "existence": existence.ask,
    "counting": counting.ask,
    "localisation": localisation.ask,
    "coverage": area.ask,
    "area": area.ask,
    "boundary": boundary.ask,
    "distance": distance.ask,
}
"""Kind of finding -> the function that words it."""


def ask(finding: Finding, setting: Setting, seed: int) -> Question:
    """Word one finding: question, trace and answer."""
    return ASKERS[finding.kind](Writer(finding, setting, seed))


__all__ = ["ASKERS", "Question", "Writer", "ask"]
