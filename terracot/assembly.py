"""Assembly: which questions the scenes of one shard get, in which form, and how many of each level are kept.

A shard is the unit, since three things cannot be decided scene by scene: options are true answers of other scenes,
answers in words come up equally often, and levels keep their proportions. All of it is decided by hashes of the seed
and of names, among the scenes of the shard alone; so memory does not grow with the data set, and a shard gives the same
rows wherever and whenever it is made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from terracot.choices import Options, drawn_options, paired, word_options
from terracot.findings import Finding, SceneFacts
from terracot.language import UNITS
from terracot.levels import LEVELS, Mix, kinds_of
from terracot.questions.clouds import UNMENTIONED, seen_through
from terracot.questions.kind import QuestionKind
from terracot.rules import Filters
from terracot.seeding import seed_of, seeded_index, seeded_rng

FILTERS = Filters(min_boundary_share=0.5, max_components=10_000)
"""The paper's filters, but for boundaries: the benchmark's limits leave hardly any two classes apart."""

SCARCE = 0.2
"""A level that a shard can give less than this part of its share does not hold the others back."""


@dataclass(frozen=True)
class Plan:
    """What the questions of a data set depend on, beside its scenes."""

    seed: int = 0
    mix: Mix = field(default_factory=Mix)
    mcq_share: float = 0.5


@dataclass(frozen=True, eq=False)
class Asked:
    """One question that a scene gets: what was found, and the options where it has some."""

    kind: QuestionKind
    finding: Finding
    options: Options | None = None


def assemble(scenes: Sequence[SceneFacts], plan: Plan) -> list[list[Asked]]:
    """The questions of each scene of a shard, in the order of levels and kinds."""
    if not scenes:
        return []
    offers = {level: [_Offer(facts, level, plan.seed) for facts in scenes] for level in plan.mix.levels}
    everyone = range(len(scenes))
    sizes = {level: _settled(level, offers[level], everyone, plan) for level in offers}
    for level, kept in _in_proportion(sizes, plan.mix, [facts.scene.id for facts in scenes], plan.seed).items():
        if len(kept) < len(scenes):  # couples are made anew: none of them may lose a half
            _settled(level, offers[level], kept, plan)
    for level in offers:
        _lend_options(level, offers[level], plan)
    asked = [[one for level in offers for one in offers[level][n].asked()] for n in everyone]
    formed = _in_form(asked, scenes, plan)
    return [[_clouded(one, facts) for one in own] for facts, own in zip(scenes, formed, strict=True)]


def _settled(level: str, offers: Sequence[_Offer], kept: Collection[int], plan: Plan) -> list[int]:
    """Settle which kinds each scene is asked, none where it is not ``kept``; returns how many questions each gets.

    Answers in words come in couples of the kept scenes.
    """
    for kind in kinds_of(level):
        if not kind.balanced:
            continue
        intended = [n for n in kept if kind in offers[n].intended]
        key = (plan.seed, offers[0].facts.scene.id, kind.name)
        pairs = paired(kind, [(offers[n].facts, offers[n].found[kind.name]) for n in intended], key)
        for place, n in enumerate(intended):
            offers[n].coupled[kind.name] = pairs.get(place)
    members = set(kept)
    return [offer.settle() if n in members else offer.leave_out() for n, offer in enumerate(offers)]


def _lend_options(level: str, offers: Sequence[_Offer], plan: Plan) -> None:
    """Draw the options that scenes lend each other, from all that was found in any of them."""
    for kind in kinds_of(level):
        if kind.choice is None or kind.balanced:
            continue
        lenders = [offer for offer in offers if kind.name in offer.found]
        key = (plan.seed, offers[0].facts.scene.id, kind.name)
        drawn = drawn_options(kind, [(offer.facts, offer.found[kind.name]) for offer in lenders], key)
        for (place, index), options in drawn.items():
            lenders[place].options[kind.name, index] = options


class _Offer:
    """What one scene can be asked of one level: findings by kind, and the options that were drawn for them.

    ``intended`` kinds, one of a family, are those that the scene will ask where it can. Further families are measured
    only where one of those falls away, and never for answers in words: these come in balanced pairs, of which none may
    be left out.
    """

    def __init__(self, facts: SceneFacts, level: str, seed: int) -> None:
        self.facts, self.seed, self.level = facts, seed, LEVELS[level]
        self.found: dict[str, list[Finding]] = {}
        self.options: dict[tuple[str, int], Options] = {}
        self.coupled: dict[str, int | None] = {}
        rng = seeded_rng(seed, facts.scene.id, level)
        self.wanted = int(rng.integers(self.level.least, self.level.most + 1))
        members: dict[str, list[QuestionKind]] = defaultdict(list)
        for kind in kinds_of(level):
            members[kind.family].append(kind)
        names = [str(name) for name in rng.permutation(list(members))] if members else []
        self._unmeasured = [[members[name][i] for i in rng.permutation(len(members[name]))] for name in names]
        self._measured: list[QuestionKind] = []  # one kind of each family that has anything to ask
        while self._unmeasured and len(self._measured) < self.wanted:
            self._measure(self._unmeasured.pop(0))
        while self._unmeasured and not any(kind.needs_pixels for kind in self._measured):
            self._measure(self._unmeasured.pop(0))
        measuring = next((kind for kind in self._measured if kind.needs_pixels), None)
        if measuring is not None:
            self._measured.remove(measuring)
            self._measured.insert(0, measuring)
        self.intended = self._measured[: self.wanted]
        self._settled: list[QuestionKind] = []

    def _measure(self, family: Sequence[QuestionKind]) -> None:
        """Find what the first kind of a family with anything to ask finds."""
        for kind in family:
            found = kind.findings(self.facts, FILTERS)
            if found:
                self.found[kind.name] = found
                self._measured.append(kind)
                return

    def settle(self) -> int:
        """Choose at most ``wanted`` kinds, one that needs pixels among them as far as the scene allows it.

        Returns how many questions they are.
        """
        while len(able := [kind for kind in self._measured if self._able(kind)]) < self.wanted and self._unmeasured:
            self._measure([kind for kind in self._unmeasured.pop(0) if not kind.balanced])
        self._settled = able[: self.wanted]
        return sum(len(self.found[kind.name]) if kind.every else 1 for kind in self._settled)

    def leave_out(self) -> int:
        """Choose none; returns 0."""
        self._settled = []
        return 0

    def _able(self, kind: QuestionKind) -> bool:
        """False for a kind with answers in words that makes no couple."""
        return not kind.balanced or self.coupled.get(kind.name) is not None

    def asked(self) -> list[Asked]:
        """The questions of the chosen kinds, in the order of kinds."""
        picked: list[Asked] = []
        for kind in kinds_of(self.level.name):
            if kind in self._settled:
                found = self.found[kind.name]
                picked += [Asked(kind, one) for one in found] if kind.every else [self._one_of(kind, found)]
        return picked

    def _one_of(self, kind: QuestionKind, found: Sequence[Finding]) -> Asked:
        """One finding: the one that makes a couple, else one of those with options if there are any."""
        coupled = self.coupled.get(kind.name)
        if coupled is not None:
            return Asked(kind, found[coupled])
        with_options = [n for n in range(len(found)) if (kind.name, n) in self.options]
        among = with_options or range(len(found))
        n = among[seeded_index(len(among), self.seed, self.facts.scene.id, kind.name, "finding")]
        return Asked(kind, found[n], self.options.get((kind.name, n)))


def _in_proportion(
    sizes: Mapping[str, list[int]], mix: Mix, scene_ids: Sequence[str], seed: int
) -> dict[str, list[int]]:
    """Which scenes keep a level, so that levels are in the proportion of their weights: of the richer ones, fewer.

    ``sizes`` are the questions of each scene by level.
    """
    weights = mix.weights([level for level, questions in sizes.items() if any(questions)])
    supply = {level: sum(sizes[level]) / weight for level, weight in weights.items()}
    richest = max(supply.values(), default=0.0)
    scale = min((s for s in supply.values() if s > SCARCE * richest), default=0.0)
    kept: dict[str, list[int]] = {}
    for level, questions in sizes.items():
        wanted = round(scale * weights[level]) if level in weights else sum(questions)
        total = 0
        kept[level] = []
        for n in sorted(range(len(questions)), key=lambda n: seed_of(seed, scene_ids[n], level, "kept")):
            if total < wanted or not questions[n]:
                kept[level].append(n)
                total += questions[n]
        kept[level].sort()
    return kept


def _in_form(rows: Sequence[list[Asked]], scenes: Sequence[SceneFacts], plan: Plan) -> list[list[Asked]]:
    """``mcq_share`` of the questions that exist in both forms get their options, the others are asked openly."""
    both = [(n, i) for n, asked in enumerate(rows) for i, one in enumerate(asked) if one.kind.choice is not None]
    able = [(n, i) for n, i in both if rows[n][i].options is not None or rows[n][i].kind.balanced]
    able.sort(key=lambda at: seed_of(plan.seed, scenes[at[0]].scene.id, rows[at[0]][at[1]].kind.name, "form"))
    chosen = set(able[: round(plan.mcq_share * len(both))])
    return [
        [
            _with_options(one, scenes[n], plan.seed) if (n, i) in chosen else _open(one, scenes[n], plan.seed)
            for i, one in enumerate(asked)
        ]
        for n, asked in enumerate(rows)
    ]


def _with_options(asked: Asked, facts: SceneFacts, seed: int) -> Asked:
    """The question with its options, in the unit that suits all of them."""
    if asked.options is None:
        return replace(asked, options=word_options(asked.kind, asked.finding, facts.scene.id, seed))
    unit = asked.options.unit
    if not unit or unit == asked.finding.truth.unit:
        return asked
    return replace(asked, finding=_in_unit(asked.finding, facts, unit))


def _open(asked: Asked, facts: SceneFacts, seed: int) -> Asked:
    """The question without options, in a unit that suits its size; between two suiting units the hash decides."""
    choice, value = asked.kind.choice, asked.finding.truth.value
    if choice is None or not choice.units or value is None:
        return replace(asked, options=None)
    base = value * UNITS[asked.finding.truth.unit]
    fitting = [unit for unit in choice.units if UNITS[unit] / 10 <= base < UNITS[unit] * 1e5] or choice.units[:1]
    unit = fitting[seeded_index(len(fitting), seed, facts.scene.id, asked.kind.name, "unit")]
    return replace(asked, options=None, finding=_in_unit(asked.finding, facts, unit))


def _clouded(asked: Asked, facts: SceneFacts) -> Asked:
    """The question with the clouds over its evidence, where a SAR image sees through them."""
    if asked.kind.level in UNMENTIONED:
        return asked
    return replace(asked, finding=seen_through(asked.finding, facts))


def _in_unit(finding: Finding, facts: SceneFacts, unit: str) -> Finding:
    return facts.finding(finding.kind, finding.masks, {**finding.parameters, "unit": unit})
