"""Writer: fills sentences with measured numbers, so that no number in a text is without its record."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from terracot.findings import Finding, Setting
from terracot.grammar import Noun, agreeing
from terracot.language import UNIT_TEXT, plural, sentence
from terracot.quantities import PARAMETER, Regions, Value, measured
from terracot.questions.clouds import after_grounding, cloud_steps
from terracot.questions.phrases.shared import ALSO_HERE, HERE, LETTER, VALID
from terracot.seeding import seeded_index
from terracot.traces import Ground, Say, Step

TEMPLATE_VERSION = 3

__all__ = ["ALSO_HERE", "HERE", "LETTER", "UNIT_WORDS", "VALID", "Question", "Writer", "with_clause"]


@dataclass(frozen=True, eq=False)
class Question:
    """A worded finding. ``values`` are the numbers in the question; ``template`` says which phrasings were chosen.

    ``answer_values`` are the numbers of an answer that is a text (a caption's summary).
    """

    finding: Finding
    text: str
    values: tuple[Value, ...]
    steps: tuple[Step, ...]
    answer: str
    template: str
    answer_values: tuple[Value, ...] = ()


class Writer:
    """Words for one finding. Choices depend on the seed, the scene, the kind and the classes, never on the answer.

    ``letter`` is that of the right option where the question has options; the trace then ends by naming it.
    """

    def __init__(
        self, finding: Finding, setting: Setting, seed: int, prefix: str = "l1", letter: str | None = None
    ) -> None:
        self.finding = finding
        self.setting = setting
        self.seed = seed
        self.regions = Regions(
            finding.masks, setting.valid, setting.ground, finding.parameters, setting.views, finding.clouds
        )
        self._prefix = prefix
        self._letter = letter
        self._key = (seed, setting.scene_id, prefix, finding.kind, finding.t, *finding.class_names)
        self._chosen: list[int] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in the order of the masks."""
        return self.finding.class_names

    def name(self, mask: int) -> Noun:
        """The class name of a mask, ready to be put into a sentence whose verbs agree with it."""
        return Noun(self.names[mask], self.finding.masks[mask].plural)

    def choose(self, phrasings: Sequence[str]) -> str:
        """One of several phrasings, by hash; the choice is recorded."""
        index = seeded_index(len(phrasings), *self._key, len(self._chosen))
        self._chosen.append(index)
        return phrasings[index]

    def decide(self, among: Sequence[str], *about: object) -> str:
        """One of several by hash, where no words are at stake: an order, a selection. It is not recorded."""
        return among[seeded_index(len(among), *self._key, "decide", *about)]

    def value(self, quantity: str, *of: int, unit: str) -> Value:
        """A measured number, ready to be put into a sentence."""
        return measured(self.regions, quantity, of, unit)

    def parameter(self, name: str, unit: str) -> Value:
        """A number that the question itself sets, ready to be put into a sentence."""
        return measured(self.regions, PARAMETER + name, (), unit)

    def fill(self, phrasing: str, **slots: Slot) -> Say:
        """A sentence with its slots filled and its numbers recorded in the order in which they stand.

        ``{name}`` writes the slot, ``{name:covers|cover}`` the form that agrees with it: the second after a plural
        name and after any number but 1. ``{pixels:+pixel}`` writes a number and its noun ("1 pixel", "2 pixels"),
        ``{area:about}`` says so where digits are left out: "about 201,000 m²".
        """
        parts, values = [], []
        for literal, name, forms in _parsed(phrasing):
            parts.append(literal)
            if name is None:
                continue
            slot = slots[name]
            if forms and "|" in forms:
                parts.append(agreeing(forms, _takes_plural(slot)))
            elif isinstance(slot, Value):
                values.append(slot)
                parts.append(_number(slot, forms or ""))
            else:
                parts.append(slot.text if isinstance(slot, Noun) else slot)
        return Say(sentence("".join(parts)), tuple(values))

    def say(self, phrasings: Sequence[str], **slots: Slot) -> Say:
        """``fill`` one of several phrasings."""
        return self.fill(self.choose(phrasings), **slots)

    def ground(self, phrasings: Sequence[str], mask: int) -> Ground:
        """A grounding step that names the class of a mask in its ``{name}`` slot, without numbers."""
        return Ground(self.fill(self.choose(phrasings), name=self.name(mask)).text, mask)

    def asked(self, phrasings: Sequence[str], **slots: Slot) -> Say:
        """The question. ``{image}`` is "this image", or "image 2" on scenes of several dates, which is always said.

        Where the map shows less than the picture does, the question names the map.
        """
        phrasing = self.choose(phrasings)
        source = self.setting.according_to.get(self.finding.t)
        if self.setting.dates > 1 and "{image}" not in phrasing:
            phrasing = "In image {date}, " + _lowered(phrasing)
        if source:
            phrasing = "According to {source}, " + _lowered(phrasing)
            slots["source"] = source
        if self.setting.dates == 1:
            return self.fill(phrasing.replace("{image}", "this image"), **slots)
        phrasing = phrasing.replace("{image}", "image {date}")
        return self.fill(phrasing, date=self.value("date", len(self.finding.masks) - 1, unit="date"), **slots)

    def pixel_size(self) -> Say:
        """The ground sampling as a clause of a question: one length, or both axes when they differ."""
        dy, dx = self.value("pixel_down", unit="m/px"), self.value("pixel_across", unit="m/px")
        basis = "" if self.setting.ground.basis == "measured" else "nominally "
        if dy.text == dx.text:
            clause = self.fill("one pixel is " + basis + "{dy} wide and high", dy=dy)
        else:
            clause = self.fill("one pixel is " + basis + "{dy} high and {dx} wide", dy=dy, dx=dx)
        return Say(clause.text[:1].lower() + clause.text[1:], clause.values)

    def question(self, asked: Say, *steps: Step, answer: Say | None = None) -> Question:
        """Everything together; the answer is the finding's truth, or the letter of the right option.

        ``answer`` is that of questions whose answer is a text of several sentences, with its numbers.
        """
        if self.finding.clouds:
            steps = after_grounding(steps, cloud_steps(self))
        if self._letter is not None:
            steps = (*steps, self.say(LETTER, letter=self._letter))
        template = f"{self._prefix}.{self.finding.kind}.v{TEMPLATE_VERSION}:" + "-".join(map(str, self._chosen))
        if answer is not None:
            return Question(self.finding, asked.text, asked.values, steps, answer.text, template, answer.values)
        short = self.finding.truth.text if self._letter is None else self._letter
        return Question(self.finding, asked.text, asked.values, steps, short, template)


Slot = str | Noun | Value


@lru_cache(maxsize=8192)
def _parsed(phrasing: str) -> tuple[tuple[str, str | None, str | None], ...]:
    """The literal parts of a phrasing, each with the name and the forms of the slot that follows it, if one does."""
    return tuple((literal, name, forms) for literal, name, forms, _ in string.Formatter().parse(phrasing))


def _lowered(phrasing: str) -> str:
    """A phrasing that goes on a sentence; it may begin with two forms of a verb, ``{name:Is|Are}``."""
    head, bar, rest = phrasing.partition("}")
    if bar and re.fullmatch(r"\{\w+:\w[^{]*", head):
        name, _, forms = head.partition(":")
        return name + ":" + "|".join(form[:1].lower() + form[1:] for form in forms.split("|")) + bar + rest
    return phrasing[:1].lower() + phrasing[1:]


def _number(value: Value, form: str) -> str:
    """A number with its unit, and what the form of its slot asks for."""
    text = value.text + UNIT_TEXT.get(value.unit, "")
    if form.startswith("+"):
        return f"{text} {plural(1 + _takes_plural(value), form[1:])}"
    exact = math.isclose(float(value.text.replace(",", "")), value.value, rel_tol=1e-9, abs_tol=1e-12)
    return text if exact or form != "about" else f"about {text}"


def _takes_plural(slot: Slot) -> bool:
    if isinstance(slot, Noun):
        return slot.plural
    return isinstance(slot, Value) and slot.text != "1"


UNIT_WORDS = {"m2": "square metres", "ha": "hectares", "km2": "square kilometres", "m": "metres", "km": "kilometres"}
"""How a question asks for a unit."""


def with_clause(question: Say, clause: Say) -> Say:
    """A question followed by a clause in brackets: "How large ...? (one pixel is 10 m wide and high)"."""
    return Say(f"{question.text} ({clause.text})", (*question.values, *clause.values))
