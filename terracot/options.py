"""Multiple-choice options that tell nothing: P(correct = i | question, options) = 1/k.

A uniform rank of the answer is not enough: with made-up distractors a blind reader still learns which numbers look
true. So every distractor is the true value of another item of the same *stratum* (same task, source, split, classes,
dates and pixel size: everything that the question shows). The argument, for ``k`` options:

1. The stratum's values are sorted and cut into ``k`` bins of equal size (the surplus of ``n mod k`` is dropped at
   random). An item draws one value, uniformly, from each bin but its own. So each set of k values, one per bin, is
   reached from each of its k members with the same probability, ``(k / n) ** (k - 1)``.
2. A set is accepted by a rule that looks at the set alone and treats its members alike: values far enough apart, texts
   that differ, places that differ. An item whose set is refused is dropped, never drawn again.
3. Hence, given the set, each member is equally likely to be the answer. Letters are shuffled independently.

The argument is about one item. A reader who is told the answers of other items of the same split learns a little: a
value that was an answer there is a distractor here. So train and test never share a stratum.

Where options are words (two classes, yes and no) ``balanced`` keeps, per stratum, as many items of either outcome.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from terracot.seeding import seed_of, seeded_rng

MIN_PER_BIN = 3
"""A smaller pool would repeat the same option sets, and answers could be told by elimination between items."""


@dataclass(frozen=True)
class Candidate:
    """One item that wants options: its key, the place it is from, its true value."""

    key: str
    group: str
    value: float


@dataclass(frozen=True)
class Separation:
    """How far apart values of a set must be: each at least ``ratio`` times, and ``gap`` more than, the one below."""

    ratio: float = 1.0
    gap: float = 0.0

    def accepts(self, values: Sequence[float]) -> bool:
        """True when the set is far enough apart; the order of ``values`` does not matter."""
        return all(high >= low * self.ratio and high - low >= self.gap for low, high in pairwise(sorted(values)))


@dataclass(frozen=True)
class Drawn:
    """What came of one stratum: for each key its options in letter order and the position of the answer."""

    options: Mapping[str, tuple[tuple[float, ...], int]]
    dropped: Mapping[str, int]


def draw(
    pool: Sequence[Candidate],
    k: int,
    separation: Separation,
    text: Callable[[float], str],
    key: tuple[object, ...],
) -> Drawn:
    """Options for the items of one stratum. ``key`` names the stratum and the seed; ``text`` writes a value."""
    dropped: Counter[str] = Counter()
    usable = len(pool) - len(pool) % k
    if usable < k * MIN_PER_BIN:
        return Drawn({}, {"pool_too_small": len(pool)} if pool else {})
    rng = seeded_rng(*key, "bins")
    shuffled = [pool[i] for i in rng.permutation(len(pool))]
    dropped["pool_not_divisible"] = len(pool) - usable
    ranked = sorted(shuffled[:usable], key=lambda c: c.value)  # ties stay in their shuffled order
    size = usable // k
    bins = [ranked[i * size : (i + 1) * size] for i in range(k)]
    options: dict[str, tuple[tuple[float, ...], int]] = {}
    for own, members in enumerate(bins):
        for candidate in members:
            own_rng = seeded_rng(*key, candidate.key)
            chosen = [other[int(own_rng.integers(size))] for other in bins]
            chosen[own] = candidate
            refusal = _refusal(chosen, separation, text)
            if refusal:
                dropped[refusal] += 1
                continue
            order = own_rng.permutation(k)
            values = tuple(chosen[i].value for i in order)
            options[candidate.key] = (values, int(np.flatnonzero(order == own)[0]))
    return Drawn(options, {reason: count for reason, count in dropped.items() if count})


def _refusal(chosen: Sequence[Candidate], separation: Separation, text: Callable[[float], str]) -> str | None:
    """Why a set is refused, or None. Symmetric in the members of the set."""
    if len({c.group for c in chosen}) < len(chosen):
        return "options_from_one_place"
    if not separation.accepts([c.value for c in chosen]):
        return "options_too_close"
    if len({text(c.value) for c in chosen}) < len(chosen):
        return "options_read_alike"
    return None


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
