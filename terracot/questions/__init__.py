"""Questions: one file per kind of L1 question; each turns a finding into words and a trace.

``ask(finding, setting, seed)`` is the way in, for kinds of all levels. Phrasings are chosen by a hash of the seed and
the scene, never by the answer, and recorded, so that the same input always gives the same words.
"""

from __future__ import annotations

from terracot.findings import Finding, Setting
from terracot.questions.writer import Question, Writer


def ask(finding: Finding, setting: Setting, seed: int, letter: str | None = None) -> Question:
    """Word one finding: question, trace and answer, which is ``letter`` where the question has options."""
    from terracot.levels import kind_named  # which imports the kinds of all levels

    kind = kind_named(finding.kind)
    return kind.ask(Writer(finding, setting, seed, kind.level, letter))


__all__ = ["Question", "Writer", "ask"]
