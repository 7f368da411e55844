"""Options and balance among the scenes of one shard, by the rules of ``terracot.options``.

Numbers and categories: sets of four true answers of different scenes, then a die. Words: of each stratum as many of one
outcome as of the other, each scene once, so that neither the question nor its options tell the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from terracot.findings import Finding, SceneFacts
from terracot.language import UNITS, option_text
from terracot.measure import significant
from terracot.options import Candidate, Separation, draw, shuffled_words
from terracot.plugins import LETTERS
from terracot.questions.kind import Choice, QuestionKind
from terracot.seeding import seed_of, seeded_rng

K = 4


@dataclass(frozen=True)
class Options:
    """Texts in letter order, their values in ``unit`` (None for words), and the position of the answer."""

    texts: tuple[str, ...]
    values: tuple[float | None, ...]
    answer: int
    unit: str = ""

    @property
    def letter(self) -> str:
        """The letter of the answer."""
        return LETTERS[self.answer]


Offered = Sequence[tuple[SceneFacts, Sequence[Finding]]]
"""Scenes with their findings of one kind."""


def stratum_of(choice: Choice, facts: SceneFacts, finding: Finding) -> str:
    """Questions of one stratum may share options or a balance: all but the picture is alike."""
    scene = facts.scene
    when = f"date {finding.t} of {scene.dates}"
    return " | ".join([choice.stratum(finding), scene.split, when, "{} x {}".format(*scene.shape), scene.ground.basis])


def word_options(kind: QuestionKind, finding: Finding, scene_id: str, seed: int) -> Options:
    """The two possible answers in an order drawn by hash."""
    assert kind.choice is not None
    words = kind.choice.words(finding)
    texts, answer = shuffled_words(words, finding.truth.text, (seed, scene_id, kind.name, *finding.class_names))
    return Options(texts, (None,) * len(texts), answer)


def paired(kind: QuestionKind, offered: Offered, key: tuple[object, ...]) -> dict[int, int]:
    """For scenes (by position) that may ask a word question, which finding: in each stratum as many of either outcome.

    Greedy: strata in random order, in each as many couples of scenes that are still free as there are.
    """
    assert kind.choice is not None
    strata: dict[str, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for place, (facts, found) in enumerate(offered):
        for n, finding in enumerate(found):
            strata[stratum_of(kind.choice, facts, finding)][finding.truth.text].append((place, n))
    chosen: dict[int, int] = {}
    for stratum in sorted(strata, key=lambda name: seed_of(*key, name)):
        if len(strata[stratum]) != 2:
            continue
        rng = seeded_rng(*key, stratum)
        sides = []
        for _, members in sorted(strata[stratum].items()):
            free = [members[i] for i in rng.permutation(len(members)) if members[i][0] not in chosen]
            sides.append(free)
        for one, other in _couples(*sides):
            chosen[one[0]], chosen[other[0]] = one[1], other[1]
    return chosen


def _couples(
    ones: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Couples of different scenes, each scene once."""
    used: set[int] = set()
    couples = []
    for one in ones:
        if one[0] in used:
            continue
        other = next((o for o in others if o[0] not in used and o[0] != one[0]), None)
        if other is not None:
            used |= {one[0], other[0]}
            couples.append((one, other))
    return couples


def drawn_options(kind: QuestionKind, offered: Offered, key: tuple[object, ...]) -> dict[tuple[int, int], Options]:
    """Options by (scene, finding), both by position, for those questions that a die has chosen."""
    assert kind.choice is not None
    strata: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, (facts, found) in enumerate(offered):
        for n, finding in enumerate(found):
            strata[stratum_of(kind.choice, facts, finding)].append((place, n))
    options: dict[tuple[int, int], Options] = {}
    drawing = _categories if kind.choice.mode == "category" else _numbers
    for stratum, members in sorted(strata.items()):
        options.update(drawing(kind.choice, offered, members, (*key, stratum)))
    return options


def _numbers(
    choice: Choice, offered: Offered, members: Sequence[tuple[int, int]], key: tuple[object, ...]
) -> dict[tuple[int, int], Options]:
    """Options of one stratum, compared in pixels and shown at the pixel size of the scene asked about."""
    scales = {at: _scale(choice, offered[at[0]][0]) for at in members}
    truths = {at: offered[at[0]][1][at[1]].truth for at in members}
    unit = truths[members[0]].unit
    pool = [
        Candidate(_name(at), offered[at[0]][0].scene.id, significant((truths[at].value or 0.0) / scales[at], 12))
        for at in members
    ]
    drawn = draw(pool, K, choice.separation, lambda value: option_text(value, unit), key)
    found = {_at(name): _of_own_size(choice, v, scales[_at(name)], unit, n) for name, (v, n) in drawn.options.items()}
    return {at: one for at, one in found.items() if len(set(one.texts)) == K}


def _categories(
    choice: Choice, offered: Offered, members: Sequence[tuple[int, int]], key: tuple[object, ...]
) -> dict[tuple[int, int], Options]:
    """Options of one stratum of answers in words, of which there are many; four different ones make a set."""
    texts = sorted({offered[place][1][n].truth.text for place, n in members})
    pool = [
        Candidate(_name(at), offered[at[0]][0].scene.id, float(texts.index(offered[at[0]][1][at[1]].truth.text)))
        for at in members
    ]
    drawn = draw(pool, K, Separation(gap=0.5), lambda value: texts[int(value)], key)
    return {
        _at(name): Options(tuple(texts[int(v)] for v in values), (None,) * K, answer)
        for name, (values, answer) in drawn.options.items()
    }


def _name(at: tuple[int, int]) -> str:
    return f"{at[0]}/{at[1]}"


def _at(name: str) -> tuple[int, int]:
    place, _, n = name.partition("/")
    return int(place), int(n)


def _scale(choice: Choice, facts: SceneFacts) -> float:
    return choice.pixel(facts.scene.ground) if facts.scene.ground.known else 1.0


def _of_own_size(choice: Choice, values: Sequence[float], scale: float, unit: str, answer: int) -> Options:
    """Values at the pixel size of the scene asked about, in the unit that suits their median.

    The answer goes the same way as the others, so that its last bits do not tell it.
    """
    base = [value * scale * UNITS.get(unit, 1.0) for value in values]
    if choice.units:
        fitting = [name for name in choice.units if median(base) >= UNITS[name]]
        unit = fitting[-1] if fitting else choice.units[0]
    shown = tuple(value / UNITS.get(unit, 1.0) for value in base)
    return Options(tuple(option_text(value, unit) for value in shown), shown, answer, unit)
