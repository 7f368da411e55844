"""QuestionKind: everything that is known of one kind of question, and how its multiple-choice form is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.ground import GroundSampling
from terracot.options import Separation
from terracot.quantities import Regions
from terracot.questions.clouds import in_view
from terracot.questions.writer import Question, Writer
from terracot.rules import Filters, Truth

_ANY = Separation()


def _one(ground: GroundSampling) -> float:
    return 1.0


def _asked(finding: Finding) -> str:
    return " & ".join(finding.class_names)


@dataclass(frozen=True)
class Choice:
    """How questions of a kind get options, among the scenes of one shard.

    "number" and "category": four true answers of different scenes, of which a die says which one is asked about;
    numbers are compared in pixels (``pixel`` is what one measures in base units) and shown in one of ``units`` that
    suits the set. "word": two possible answers, which ``words`` gives; both come up equally often in every ``stratum``,
    in the open form too, and the order of the options is drawn. Only questions of one ``stratum`` share options or a
    balance.
    """

    mode: Literal["number", "category", "word"]
    separation: Separation = _ANY
    pixel: Callable[[GroundSampling], float] = _one
    units: tuple[str, ...] = ()
    words: Callable[[Finding], tuple[str, str]] = lambda finding: ("yes", "no")
    stratum: Callable[[Finding], str] = _asked


@dataclass(frozen=True)
class QuestionKind:
    """One kind of question. ``find`` yields what a scene can be asked; ``answer`` is the rule, on masks alone.

    ``find`` gives findings with the base unit of the answer; ``choice`` None means that there is only the open form.
    ``needs_pixels``: it cannot be answered without measuring. A scene gets one question of a ``family`` (its own name
    unless said otherwise); with ``every`` one of each finding.
    """

    name: str
    level: str
    find: Callable[[SceneFacts, Filters], Iterator[Finding | Rejected]]
    answer: Callable[[Regions], Truth]
    ask: Callable[[Writer], Question]
    choice: Choice | None = None
    needs_pixels: bool = False
    family: str = ""
    every: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", self.family or self.name)

    @property
    def balanced(self) -> bool:
        """True when its answers are words that have to come up equally often."""
        return self.choice is not None and self.choice.mode == "word"

    def findings(self, facts: SceneFacts, filters: Filters) -> list[Finding]:
        """What may be asked of a scene: what passes the filters, on dates that are mostly labelled and in view."""
        found = [one for one in self.find(facts, filters) if isinstance(one, Finding)]
        found = [one for one in found if facts.valid_share[one.t] >= filters.min_valid_share]
        if self.level == "l2-spectral":  # measures only what is clear
            return found
        return [one for one in found if in_view(one, facts, filters)]
