"""Rule: one domain rule as a kind of question: which roles it needs, what it measures, and where its limits come from.

All rules screen by land cover alone. They ask whether a measured share (or mean) reaches a limit that the question
states in full, so anybody with the masks can answer. What is so close to the limit that one pixel, or a tenth of the
measured number, would turn the answer is not asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.grammar import Noun
from terracot.ground import GroundSampling
from terracot.language import join
from terracot.plugins import EvidenceMask
from terracot.quantities import Regions, measured_value
from terracot.questions.kind import Choice, QuestionKind
from terracot.questions.writer import Question, Writer, with_clause
from terracot.rules import Filters, Truth
from terracot.semantic.measures import PARTS, Counted, Part, percent
from terracot.semantic.roles import ROLES
from terracot.semantic.words import CLAUSE, GROUND, MISSED, REACHED
from terracot.traces import Say

LEVEL = "l2-semantic"
MIN_SHARE = 1.0  # per cent of the valid pixels; classes that cover less are not named, so they play no part
MARGIN = 0.1  # of the measured number
RESOLVED_PX = 2.0  # a distance of fewer pixels is not told apart on the map
PIXEL_STEP = 1.25  # pixel sizes within this ratio are alike: the question states them, so they belong to the stratum


@dataclass(frozen=True)
class Source:
    """A public source of a rule or of one of its numbers; ``link`` is a DOI or a stable address."""

    title: str
    authors: str
    year: int
    published_in: str
    link: str
    says: str


@dataclass(frozen=True)
class Rule:
    """A rule: the answer is yes when ``quantity`` is at least ``limit`` (or below it, if not ``yes_above``).

    ``groups`` maps the parts that classes play here to their roles, in the order of the masks; ``optional`` ones may be
    missing. ``parameters`` are the numbers that the question states beside the limit; each of ``variants`` puts others
    (or another ``limit``) in their place, and what is asked of one scene is one of them. Phrasings: ``questions`` with
    their slots ``{GROUP}``, ``{PARAMETER}`` and ``{limit}``; ``measures`` say what was found; ``above`` and ``below``
    say what it means that the limit is reached or missed; ``left_out`` names what the rule does not look at.
    """

    name: str
    groups: Mapping[str, tuple[str, ...]]
    quantity: str
    limit: float
    sources: tuple[Source, ...]
    questions: tuple[str, ...]
    measures: tuple[str, ...]
    above: str
    below: str
    left_out: str
    unit: str = "%"
    yes_above: bool = True
    optional: tuple[str, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    variants: tuple[Mapping[str, float], ...] = ({},)

    @property
    def needs_ground(self) -> bool:
        """True when it measures in metres or hectares."""
        return bool({"distance", "block"} & set(self.parameters))

    @property
    def part(self) -> Part | None:
        """The part of some land whose share is measured; None for other numbers."""
        return PARTS.get(self.quantity.removesuffix("_share"))

    def kind(self) -> QuestionKind:
        """The rule as a kind of question."""
        choice = Choice("word", stratum=_stratum)
        return QuestionKind(self.name, LEVEL, self.find, self.answer, self.ask, choice, needs_pixels=True, family=LEVEL)

    def measured(self, regions: Regions) -> float:
        """The number that is held against the limit."""
        return measured_value(regions, self.quantity, range(len(regions.masks)), self.unit)

    def answer(self, regions: Regions) -> Truth:
        """Yes or no, from the masks alone."""
        return self._truth(self.measured(regions) >= regions.parameters["limit"])

    def _truth(self, above: bool) -> Truth:
        return Truth(None, "", "yes" if above == self.yes_above else "no")

    def find(self, facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
        """A finding of each date on which all parts are there, and of each variant whose answer is clear."""
        for t in facts.maps:
            groups = self._groups(facts, t)
            if any(not found for group, found in groups.items() if group not in self.optional):
                yield Rejected(self.name, "role_absent")
                continue
            masks = tuple(facts.region(t, i) for found in groups.values() for i in found)
            roles = [group for group, found in groups.items() for _ in found]
            number = self._numbers(Regions(masks, facts.valid, facts.scene.ground, {"roles": roles, **self.parameters}))
            for variant in self.variants:
                given = {"limit": self.limit, **self.parameters, **variant}
                given = {name: value for name, value in given.items() if _used(name, roles)}
                yield self._finding(facts, masks, roles, given, number, filters)

    def _numbers(self, r: Regions) -> Callable[[float], float]:
        """The number that is held against the limit, for a distance or a block size; each is measured once."""
        if self.part is None:
            return lambda _: self.measured(r)
        part = self.part

        @cache
        def counted() -> Counted:
            return part.counted(r)

        return cache(lambda size: percent(*counted()(size)))

    def _groups(self, facts: SceneFacts, t: int) -> dict[str, list[int]]:
        """Class ids of each group, of those that cover enough to be named."""
        legend, known = facts.maps[t].legend, facts.maps[t].classes_over(MIN_SHARE)
        return {
            group: [i for i in known if ROLES.get(legend.classes[i].name) in roles]
            for group, roles in self.groups.items()
        }

    def _finding(
        self,
        facts: SceneFacts,
        masks: tuple[EvidenceMask, ...],
        roles: list[str],
        given: Mapping[str, float],
        number: Callable[[float], float],
        filters: Filters,
    ) -> Finding | Rejected:
        """The finding of one date and variant, or why there is none."""
        if reason := self._unfit(facts, masks[0].t, given, filters):
            return Rejected(self.name, reason)
        above = self._clearly_above(facts.scene.ground, given, number)
        if above is None:
            return Rejected(self.name, "too_close_to_limit")
        alike = _alike(facts.scene.ground) if self.needs_ground else 0
        names = tuple(m.class_name for m in masks)
        parameters = {"roles": roles, **given, "pixels_alike": alike}
        return Finding(self.name, masks[0].t, names, masks, self._truth(above), parameters)

    def _unfit(self, facts: SceneFacts, t: int, given: Mapping[str, float], filters: Filters) -> str:
        """Why the ground sampling or the map does not allow to measure; empty when it does."""
        ground, limits = facts.scene.ground, facts.limits[t]
        if not self.needs_ground:
            return ""
        if not ground.known:
            return "pixel_size_unknown"
        if max(ground.drift, ground.area_drift) > filters.max_drift:
            return "pixel_size_varies"
        if given.get("block", math.inf) * 1e4 < limits.min_patch_m2:
            return "below_mapping_unit"
        distance = given.get("distance")
        rows, cols = facts.scene.shape
        extent = min(rows * ground.sampling[0], cols * ground.sampling[1])
        if distance is None:
            image_ha = rows * cols * ground.pixel_area_m2 / 1e4
            return "" if 2 * given["block"] <= image_ha else "block_does_not_suit_image"
        if not RESOLVED_PX * max(ground.sampling) <= distance <= extent / 2:
            return "distance_does_not_suit_image"
        return "below_map_precision" if distance < limits.min_distance_m else ""

    def _clearly_above(
        self, ground: GroundSampling, given: Mapping[str, float], number: Callable[[float], float]
    ) -> bool | None:
        """Whether the number is at least the limit; None when a tenth of it, or one pixel or a tenth of the block more
        or less, would turn the answer."""
        size, step = 0.0, 0.0
        if "distance" in given:
            size, step = given["distance"], max(ground.sampling)
        elif "block" in given:
            size, step = given["block"], MARGIN * given["block"]
        found = number(size)
        above = found >= given["limit"]
        if any((found * by >= given["limit"]) != above for by in (1 - MARGIN, 1 + MARGIN)):
            return None
        if any((number(size + turn) >= given["limit"]) != above for turn in (-step, step) if step):
            return None
        return above

    def ask(self, w: Writer) -> Question:
        """Word a finding: the rule in full, the masks, what is measured on them, and what follows."""
        of = range(len(w.names))
        slots = _groups(w)
        given = {
            name: w.parameter(name, _UNITS.get(name, "")) for name in self.parameters if name in w.finding.parameters
        }
        limit, found = w.parameter("limit", self.unit), w.value(self.quantity, *of, unit=self.unit)
        listed = join([f"{{factor_{g}}} for {{{g}}}" for g in slots])
        asked = w.asked([q.replace("{factors}", listed) for q in self.questions], **slots, **given, limit=limit)
        grounded = [w.ground(GROUND, i) for i in of]
        counted = {}
        if self.unit == "%":
            what = self.quantity.removesuffix("_share")
            counted = {
                "part": w.value(f"{what}_pixels", *of, unit="px"),
                "all": w.value(f"{what}_of_pixels", *of, unit="px"),
            }
        else:
            counted = {f"pixels_{g}": w.value("role_pixels", *_of(w, g), unit="px") for g in slots}
            listed = join([f"{{pixels_{g}:+pixel}} of {{{g}}}" for g in slots])
        measured = w.say(
            [m.replace("{counts}", listed) for m in self.measures], **slots, **given, **counted, found=found
        )
        above = found.value >= limit.value
        meaning = w.fill(self.above if above else self.below, **slots).text
        verdict = meaning[:1].lower() + meaning[1:]
        concluded = w.say(REACHED if above else MISSED, found=found, limit=limit, verdict=verdict)
        return w.question(with_clause(asked, self._clause(w)), *grounded, measured, concluded)

    def _clause(self, w: Writer) -> Say:
        """What the rule leaves out, how distances run, how large a pixel is."""
        parts = [w.say(CLAUSE, left_out=self.left_out)]
        if self.unit != "%":
            parts.append(Say("the mean is over the pixels of these classes alone"))
        if "distance" in self.parameters:
            parts.append(Say("distances run from pixel centre to pixel centre"))
        if "block" in self.parameters:
            parts.append(Say("pixels that meet at a corner are connected"))
        if self.needs_ground:
            parts.append(w.pixel_size())
        text = "; ".join(p.text[:1].lower() + p.text[1:] for p in parts)
        return Say(text, tuple(v for p in parts for v in p.values))


_UNITS = {"distance": "m", "block": "ha"}


def _used(parameter: str, groups: list[str]) -> bool:
    """False for the factor of an optional group that is not there."""
    return not parameter.startswith("factor_") or parameter.removeprefix("factor_") in groups


def _of(w: Writer, group: str) -> list[int]:
    return [i for i, own in enumerate(w.finding.parameters["roles"]) if own == group]


def _groups(w: Writer) -> dict[str, Noun]:
    """The classes of each group as one noun."""
    groups = {}
    for group in dict.fromkeys(w.finding.parameters["roles"]):
        nouns = [w.name(i) for i in _of(w, group)]
        groups[group] = Noun(join([n.text for n in nouns]), len(nouns) > 1 or nouns[0].plural)
    return groups


def _alike(ground: GroundSampling) -> int:
    """A number that pixels of about the same size share."""
    return round(math.log(math.sqrt(math.prod(ground.sampling)), PIXEL_STEP))


def _stratum(finding: Finding) -> str:
    """All that the question tells: the classes, the numbers, and the pixel size within a quarter."""
    numbers = [f"{k} {v}" for k, v in finding.parameters.items() if k != "roles"]
    return " & ".join([*finding.class_names, *numbers])
