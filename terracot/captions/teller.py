"""Teller: a writer that says no two things in the same words, and remembers what it said for the summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from terracot.captions.measures import HALVES, Survey, placed
from terracot.grammar import Noun
from terracot.language import join
from terracot.quantities import Value
from terracot.questions.writer import Slot, Writer
from terracot.traces import Ground, Say

IT, THEY = Noun("it"), Noun("they", plural=True)
MAX_AREA_DRIFT = 0.01
NEARLY_ALL = 0.995
"""Labelled part of a frame below which a caption says how much of it is labelled."""


@dataclass(frozen=True)
class Fact:
    """Something that can be told: its phrasings and what fills their slots. ``closing`` are phrasings for a summary."""

    key: str
    phrasings: Sequence[str]
    slots: Mapping[str, Slot]
    closing: Sequence[str] = ()


class Teller:
    """Words for one caption."""

    def __init__(self, writer: Writer) -> None:
        self.w = writer
        self.told: list[Fact] = []
        self._used: set[str] = set()

    def phrase(self, phrasings: Sequence[str]) -> str:
        """One of those phrasings: the one that is drawn, or the next that this caption has not used yet."""
        drawn = phrasings.index(self.w.choose(phrasings))
        turned = [*phrasings[drawn:], *phrasings[:drawn]]
        chosen = next((one for one in turned if one not in self._used), turned[0])
        self._used.add(chosen)
        return chosen

    def say(self, phrasings: Sequence[str], **slots: Slot) -> Say:
        """A sentence."""
        return self.w.fill(self.phrase(phrasings), **slots)

    def tell(self, fact: Fact) -> Say:
        """A fact, remembered."""
        self.told.append(fact)
        return self.say(fact.phrasings, **fact.slots)

    def again(self, fact: Fact) -> Say:
        """A fact in the words of the summary."""
        return self.say(fact.closing or fact.phrasings, **fact.slots)

    def mark(self, phrasings: Sequence[str], mask: int) -> Ground:
        """A grounding step."""
        return Ground(self.w.fill(self.phrase(phrasings), name=self.w.name(mask)).text, mask)

    def value(self, quantity: str, *of: int, unit: str) -> Value:
        """A measured number."""
        return self.w.value(quantity, *of, unit=unit)

    def placed(self, mask: int) -> tuple[Survey, int]:
        """The survey of a mask's date, and the place of the mask in it."""
        return placed(self.w.regions, mask)

    def whole(self, mask: int) -> Noun:
        """What the share of a mask refers to."""
        if self.valid_part(mask) == 1:
            return Noun("the image" if self.w.setting.dates == 1 else "the frame")
        return Noun("the labelled pixels", plural=True)

    def valid_part(self, mask: int) -> float:
        """Part of the frame that is labelled on the date of a mask."""
        return self.w.regions.valid_pixels(mask) / self.w.finding.masks[mask].mask.size

    @property
    def areas(self) -> bool:
        """True when areas on the ground can be told."""
        ground = self.w.setting.ground
        return ground.known and ground.area_drift <= MAX_AREA_DRIFT

    def area(self, mask: int) -> dict[str, Slot]:
        """Slots of an area on the ground, in a unit that suits it."""
        square_metres = self.w.setting.ground.area_m2(self.w.finding.masks[mask].mask)
        unit = "m2" if square_metres < 1e4 else "ha" if square_metres < 1e7 else "km2"
        nominal = "" if self.w.setting.ground.basis == "measured" else "nominally "
        return {"area": self.value("area", mask, unit=unit), "nominal": nominal}


def half_slots(half: int) -> tuple[str, str]:
    """Name of a half and of the one opposite."""
    return HALVES[half], HALVES[half ^ 1]


def joined(sentences: Sequence[Say]) -> Say:
    """Sentences as one text, with all of their numbers."""
    return Say(" ".join(s.text for s in sentences), tuple(v for s in sentences for v in s.values))


def the(names: Sequence[Noun]) -> Noun:
    """Several regions as one noun: "the water and the wetland"."""
    return Noun(join([f"the {name.text}" for name in names]), len(names) > 1 or names[0].plural)
