"""Multiple-choice options that tell nothing: P(correct = i | question, options, items of other scenes) = 1/k.

A uniform rank of the answer is not enough: with made-up distractors a blind reader still learns which numbers look
true. So every option is the true value of an item of the same *stratum* (same task, source, split, classes, dates and
image shape), in pixels where the question states the pixel size. And the order of things makes it exact:

1. The findings of a stratum are put into *sets* of k, by their values and places alone: sorted, cut into k equal bins,
   one from each bin, values far enough apart, texts that differ, places that differ. Who finds no set may join another
   later, since nobody is the answer yet.
2. Then a fair die says which member of the set is asked about. The others only lend their values.

No value is an option twice, so that nothing can be learnt from how often one appears, or from the answers to other
items. (Measured before: with values shared between items, picking the option that is rarest in its stratum answered 37
% of area items blindly, and knowing the other answers 72 %.) The price is that k findings give one item.

A set is refused where a truth that is measured a little differently would be nearer to another option than to its own
(``Candidate.low`` and ``high``). That test, and the difficulty of a set, are symmetric in its members, so that they say
nothing of the die.

Where options are words (two classes, yes and no) ``balanced`` keeps, per stratum, as many items of either outcome.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from terracot.seeding import seed_of, seeded_rng

ROUNDS = 4
"""How often findings that found no set are put into new bins before they are given up."""

SCANNED = 64
"""How many candidates of a bin are tried before the bin is taken to have none that fits."""


ANY, NEAR, FAR = "any", "near", "far"
DIFFICULTIES = (ANY, NEAR, FAR)


@dataclass(frozen=True)
class Candidate:
    """One item that wants options: its key, the place it is from, its true value.

    ``low`` and ``high`` are the least and the most that it may be measured to be; the value itself unless given.
    """

    key: str
    group: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """``low`` and ``high``, the value being among them."""
        low = self.value if self.low is None else min(self.low, self.value)
        return low, self.value if self.high is None else max(self.high, self.value)


@dataclass(frozen=True)
class Separation:
    """How far apart values of a set must be: each at least ``ratio`` times, and ``gap`` more than, the one below."""

    ratio: float = 1.0
    gap: float = 0.0

    def accepts(self, values: Sequence[float]) -> bool:
        """True when the set is far enough apart; the order of ``values`` does not matter."""
        return all(high >= low * self.ratio and high - low >= self.gap for low, high in pairwise(sorted(values)))


@dataclass(frozen=True)
class Nearness:
    """When the options of a set are near to each other: the largest at most ``ratio`` times the smallest, or at most
    ``gap`` above it. One of the two is given, the other is 0."""

    ratio: float = 0.0
    gap: float = 0.0

    def of(self, values: Sequence[float]) -> str:
        """``NEAR`` or ``FAR``, whatever the order of ``values``."""
        return NEAR if max(values) <= self._end(min(values)) else FAR

    def _end(self, low: float, part: float = 1.0) -> float:
        """The largest value that is near to ``low``, or a part of the way there."""
        return low + self.gap * part if self.gap else low * self.ratio**part

    def windows(self, pool: Sequence[Candidate], rng: np.random.Generator) -> list[list[Candidate]]:
        """The pool cut into runs of values that are near to each other; where the first one ends is random."""
        windows: list[list[Candidate]] = []
        end = -math.inf
        for candidate in sorted(pool, key=lambda c: (c.value, c.key)):
            if candidate.value > end:
                end = self._end(candidate.value, 1.0 if windows else float(rng.uniform()))
                windows.append([])
            windows[-1].append(candidate)
        return windows


@dataclass(frozen=True)
class Drawn:
    """What came of one stratum: for each item its options in letter order and the position of the answer."""

    options: Mapping[str, tuple[tuple[float, ...], int]]
    dropped: Mapping[str, int]


def draw(
    pool: Sequence[Candidate],
    k: int,
    separation: Separation,
    text: Callable[[float], str],
    key: tuple[object, ...],
    nearness: Nearness | None = None,
    difficulty: str = ANY,
) -> Drawn:
    """Options for the items of one stratum. ``key`` names the stratum and the seed; ``text`` writes a value.

    With ``nearness`` all sets are of the ``difficulty`` asked for.
    """
    if len(pool) < k:
        return Drawn({}, {"pool_too_small": len(pool)} if pool else {})
    if len({candidate.group for candidate in pool}) < k:
        return Drawn({}, {"options_from_one_place": len(pool)})
    rng = seeded_rng(*key, "sets")
    left, sets = list(pool), []
    refusals: Counter[str] = Counter()

    def refusal(chosen: Sequence[Candidate]) -> str | None:
        if nearness and difficulty == FAR and len(chosen) == k and nearness.of([c.value for c in chosen]) != FAR:
            return "options_not_far"
        return _refusal(chosen, separation, text)

    for _ in range(ROUNDS):
        windows = nearness.windows(left, rng) if nearness and difficulty == NEAR else [left]
        left, refusals = [], Counter()
        for window in windows:
            matched, alone, reasons = _matched(window, k, rng, refusal)
            sets += matched
            left += alone
            refusals += reasons
    options: dict[str, tuple[tuple[float, ...], int]] = {}
    for members in sets:
        die = seeded_rng(*key, "die", *sorted(member.key for member in members))
        order = die.permutation(k)
        answer = int(die.integers(k))
        options[members[order[answer]].key] = (tuple(members[i].value for i in order), answer)
    dropped = {"lent_as_distractor": (k - 1) * len(sets), **refusals}
    dropped["no_set_left_to_join"] = len(pool) - len(options) - sum(dropped.values())
    return Drawn(options, {reason: count for reason, count in dropped.items() if count})


def _matched(
    candidates: list[Candidate],
    k: int,
    rng: np.random.Generator,
    refusal: Callable[[Sequence[Candidate]], str | None],
) -> tuple[list[list[Candidate]], list[Candidate], Counter[str]]:
    """Sets of one candidate from each of k equal bins of the sorted values; who is left, and why.

    In random order, each candidate of the lowest bin takes from every other bin the first that goes with those it has.
    """
    shuffled = [candidates[i] for i in rng.permutation(len(candidates))]
    size = len(shuffled) // k
    ranked = sorted(shuffled[: size * k], key=lambda c: c.value)  # ties stay in their shuffled order
    lowest, *others = ([ranked[b * size + i] for i in rng.permutation(size)] for b in range(k))
    sets, alone, refusals = [], [], Counter[str]()
    for first in lowest:
        chosen, reasons = [first], Counter[str]()
        for others_bin in others:
            for i, candidate in enumerate(others_bin[:SCANNED]):
                reason = refusal([*chosen, candidate])
                if reason is None:
                    chosen.append(others_bin.pop(i))
                    break
                reasons[reason] += 1
            else:
                break
        if len(chosen) == k:
            sets.append(chosen)
            continue
        alone.append(first)
        for taken, others_bin in zip(chosen[1:], others, strict=False):
            others_bin.append(taken)
        refusals[reasons.most_common(1)[0][0]] += k
    left = [*alone, *(c for others_bin in others for c in others_bin), *shuffled[size * k :]]
    return sets, left, refusals


def _refusal(chosen: Sequence[Candidate], separation: Separation, text: Callable[[float], str]) -> str | None:
    """Why a set is refused, or None. Symmetric in the members of the set."""
    if len({c.group for c in chosen}) < len(chosen):
        return "options_from_one_place"
    if not separation.accepts([c.value for c in chosen]):
        return "options_too_close"
    if len({text(c.value) for c in chosen}) < len(chosen):
        return "options_read_alike"
    if not robust(chosen):
        return "options_not_robust"
    return None


def robust(chosen: Sequence[Candidate]) -> bool:
    """True when every member, measured to be as little or as much as it may be, stays nearest to its own value."""
    return all(
        one.reach[1] < (one.value + other.value) / 2 < other.reach[0]
        for one, other in pairwise(sorted(chosen, key=lambda c: c.value))
    )


def balanced(items: Sequence[tuple[str, str]], key: tuple[object, ...]) -> tuple[set[str], int]:
    """Keys to keep so that every outcome of a stratum is equally frequent, and how many were dropped.

    ``items`` are ``(key, outcome)``. A stratum with one outcome only is dropped whole: its answer is known beforehand.
    """
    by_outcome: dict[str, list[str]] = defaultdict(list)
    for item, outcome in items:
        by_outcome[outcome].append(item)
    if len(by_outcome) < 2:
        return set(), len(items)
    size = min(map(len, by_outcome.values()))
    kept: set[str] = set()
    for outcome, keys in sorted(by_outcome.items()):
        order = seeded_rng(*key, "balance", outcome).permutation(len(keys))
        kept.update(keys[i] for i in order[:size])
    return kept, len(items) - len(kept)


def shuffled_words(words: Sequence[str], answer: str, key: tuple[object, ...]) -> tuple[tuple[str, ...], int]:
    """Word options in a random order and the position of the answer."""
    order = seeded_rng(*key, "letters").permutation(len(words))
    options = tuple(words[i] for i in order)
    return options, options.index(answer)


def capped(items: Sequence[tuple[str, str, str | None]], most: int, key: tuple[object, ...]) -> set[str]:
    """Keys of at most ``most`` items, drawn by hash without upsetting a balance.

    ``items`` are ``(key, stratum, outcome)``, outcome None for numeric options. Items with outcomes leave in couples,
    one of each outcome of their stratum: a random part of a balanced whole is not balanced, and a blind reader finds
    that out.
    """
    ranked = sorted(items, key=lambda item: seed_of(*key, item[0]))
    units: dict[tuple[str, int] | str, list[str]] = defaultdict(list)
    seen: Counter[tuple[str, str]] = Counter()
    for item, stratum, outcome in ranked:
        if outcome is None:
            units[item].append(item)
        else:
            units[stratum, seen[stratum, outcome]].append(item)
            seen[stratum, outcome] += 1
    kept: set[str] = set()
    for unit in sorted(units.values(), key=lambda unit: seed_of(*key, *sorted(unit))):
        if len(kept) + len(unit) <= most:
            kept.update(unit)
    return kept
