"""Options over the whole pool: every stratum drawn or balanced, every drop counted.

Stated questions (``terracot.stated``) are given options like the measured ones, from the answers of their own task;
those whose source publishes options keep them, in their order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from terrabench.building.found import Assigned, Found
from terrabench.building.settings import Settings
from terrabench.building.shares import capped_tasks, fair_shares, one_number_a_scene, one_pool_a_fact
from terrabench.items import every_task
from terrabench.tasks import choice_of
from terracot.language import UNITS, option_text
from terracot.options import ANY, Candidate, Nearness, Separation, balanced, draw, shuffled_words
from terracot.questions.kind import Choice
from terracot.stated import is_stated, stated_number

K = 4
STATED_SEPARATION = Separation(ratio=1.2, gap=2.0)
"""Numbers that a source states are counts: they keep the distance that numbers of destroyed buildings keep."""

NEAR_SHARES, NEAR_NUMBERS = Nearness(gap=20.0), Nearness(ratio=3.0)
"""Near options: shares within 20 points, other numbers within three times the smallest."""


Options = dict[str, Assigned]


def assign(found: Sequence[Found], settings: Settings) -> tuple[Options, dict[str, Any]]:
    """Options for every finding that can have some, and per task what was dropped and why."""
    strata: dict[tuple[str, str], list[Found]] = defaultdict(list)
    tasks = every_task({f.task for f in found})
    assigned: Options = {}
    dropped: dict[str, Counter[str]] = {task: Counter() for task in tasks}
    for one in one_pool_a_fact(found, settings.seed, dropped) if settings.protocol.balanced else found:
        strata[one.task, one.stratum].append(one)
    for (task, stratum), members in sorted(strata.items()):
        members.sort(key=lambda f: f.key)
        assigned.update(_options_of(Stratum(task, members, (settings.seed, stratum), settings, dropped[task])))
    if settings.protocol.balanced:
        assigned = one_number_a_scene(assigned, found, settings.seed, dropped)
    if settings.class_balance:
        assigned = fair_shares(assigned, found, settings.seed, dropped)
    if settings.per_task is not None:
        assigned = capped_tasks(assigned, found, settings.seed, settings.per_task, dropped)
    audit = {
        task: {"found": sum(f.task == task for f in found), "dropped_with_options": dict(sorted(dropped[task].items()))}
        for task in tasks
    }
    return assigned, audit


@dataclass(frozen=True)
class Stratum:
    """Findings that may share options, by key; ``key`` is theirs for all that is drawn, ``dropped`` counts."""

    task: str
    members: Sequence[Found]
    key: tuple[object, ...]
    settings: Settings
    dropped: Counter[str]

    def draw(
        self,
        pool: Sequence[Candidate],
        k: int,
        separation: Separation,
        text: Callable[[float], str],
        near: Nearness | None,
    ) -> Options:
        """Options by ``terracot.options.draw``, in the values of the pool."""
        drawn = draw(pool, k, separation, text, self.key, near, self.settings.difficulty)
        self.dropped.update(drawn.dropped)
        scenes = {f.key: f.scene_id for f in self.members}
        return {
            item: Assigned(scenes[item], answer, values=values, difficulty=near.of(values) if near else None)
            for item, (values, answer) in drawn.options.items()
        }


def _options_of(stratum: Stratum) -> Options:
    first = stratum.members[0]
    if is_stated(stratum.task):
        return _stated(stratum)
    choice, ladder = choice_of(first.kind), stratum.settings.protocol.ladders.get(stratum.task)
    if choice.mode == "word":
        return _words(stratum, lambda f: f.words, stratum.settings.protocol.balanced)
    if choice.mode == "category":
        return _categories(stratum)
    drawn = _ladders(stratum, ladder) if ladder else _numbers(stratum, choice)
    middle = median(f.in_pixels(f.value) for f in stratum.members)
    of = {f.key: f for f in stratum.members}
    return {
        item: replace(one, unit=_unit_for(choice, middle * of[item].scale), low=of[item].low, high=of[item].high)
        for item, one in drawn.items()
    }


def _stated(stratum: Stratum) -> Options:
    """Options of stated questions, which are all of one form."""
    members = stratum.members
    if members[0].options:
        return {f.key: Assigned(f.scene_id, f.options.index(f.word), words=f.options) for f in members}
    if members[0].words:
        said = {f.word for f in members}  # an option that never is right would be known to be wrong
        return _words(stratum, lambda f: [word for word in f.words if word in said], True)
    return stratum.draw([f.candidate for f in members], K, STATED_SEPARATION, stated_number, NEAR_NUMBERS)


def _nearness(first: Found) -> Nearness:
    return NEAR_SHARES if first.unit == "%" else NEAR_NUMBERS


def _numbers(stratum: Stratum, choice: Choice) -> Options:
    """True values of others, in base units at the pixel size of the scene asked about.

    The answer goes the same way as the others, or its last bits would tell it (a blind reader found that).
    """
    first = stratum.members[0]
    # Digits alone decide whether options read alike; those of three significant ones do not depend on the unit.
    shown = choice.units[0] if choice.units else first.unit
    pool = [f.candidate for f in stratum.members]
    drawn = stratum.draw(pool, K, choice.separation, lambda v: option_text(v, shown), _nearness(first))
    scales = {f.key: f.scale for f in stratum.members}
    return {item: replace(one, values=tuple(v * scales[item] for v in one.values)) for item, one in drawn.items()}


def _ladders(stratum: Stratum, steps: Sequence[float]) -> Options:
    """Multiples of the truth, as the paper prints them: they tell the answer."""
    result = {}
    for f in stratum.members:
        difficulty = _nearness(f).of(steps)
        if stratum.settings.difficulty not in (ANY, difficulty):
            stratum.dropped[f"options_not_{stratum.settings.difficulty}"] += 1
            continue
        order, answer = shuffled_words(list(map(str, steps)), str(1.0), (*stratum.key, f.key))
        values = tuple(float(step) * float(f.value or 0.0) for step in order)
        result[f.key] = Assigned(f.scene_id, answer, values=values, difficulty=difficulty)
    return result


def _categories(stratum: Stratum) -> Options:
    """Answers in words, of which there are many or few: as many different ones as there are, four at most, in a set."""
    texts = sorted({f.word for f in stratum.members})
    if len(texts) < 2:  # the answer is known beforehand
        stratum.dropped["one_answer_only"] += len(stratum.members)
        return {}
    pool = [Candidate(f.key, f.group, float(texts.index(f.word))) for f in stratum.members]
    drawn = stratum.draw(pool, min(K, len(texts)), Separation(gap=0.5), lambda v: texts[int(v)], None)
    return {
        item: replace(one, values=(), words=tuple(texts[int(value)] for value in one.values))
        for item, one in drawn.items()
    }


def _words(stratum: Stratum, words_of: Callable[[Found], Sequence[str]], balance: bool) -> Options:
    kept = {f.key for f in stratum.members}
    if balance:
        kept, lost = balanced([(f.key, f.word) for f in stratum.members], stratum.key)
        stratum.dropped["outcome_out_of_balance"] += lost
    result = {}
    for f in stratum.members:
        if f.key in kept:
            options, position = shuffled_words(words_of(f), f.word, (*stratum.key, f.key))
            result[f.key] = Assigned(f.scene_id, position, words=options)
    return result


def _unit_for(choice: Choice, middle: float) -> str | None:
    """Unit for a median of the stratum, in base units of the scene; None when the rule fixes it.

    The pool decides, so the unit tells nothing.
    """
    if not choice.units:
        return None
    fitting = [unit for unit in choice.units if middle >= UNITS[unit]]
    return fitting[-1] if fitting else choice.units[0]
