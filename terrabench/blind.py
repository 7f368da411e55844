"""The blind reader: how much of a benchmark can be answered without any image.

It sees the whole text: question, options, their numbers and order, the name of the source. Two readers look for what
gives answers away, boosted trees on numbers of the options (values, ranks, ratios, round digits) and a linear choice
model on words (every word, pair of words and number of the question, crossed with the options). Inside the training
folds the better one, or both together, is chosen. Folds keep places (``group``) together. A fair benchmark leaves the
reader at chance; the published ladder of options (0.7 / 1 / 1.2 / 1.4 of the truth) does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from terrabench.blind_text import Crossing, Floats, Item, option_features
from terracot.plugins import LETTERS
from terracot.seeding import seeded_rng

FOLDS = 5
ALLOWED = 0.03
"""How far above chance the upper bound of a fair task may lie."""
ENOUGH = 1000
"""Items from which that bound says something; below, sampling noise alone reaches it."""
Z_ONE_SIDED_95, Z_TWO_SIDED_95 = 1.6448536269514722, 1.959963984540054

BOOSTED = "boosted"
LINEAR: dict[str, float] = {"linear": 3.0, "linear, shrunk": 30.0}
"""Linear readers and the strength of their ridge."""
TOGETHER = "together"
_KEPT_FOR_CHOICE, _FEWEST_TO_CHOOSE = 0.25, 20


@dataclass(frozen=True)
class BlindScore:
    """What the blind reader scored on ``n`` items.

    ``chance`` is exact. ``upper95`` is the one-sided 95 % Wilson bound, ``low`` and ``high`` the two-sided interval.
    ``readers`` names the reader that each fold chose.
    """

    n: int
    accuracy: float
    chance: float
    upper95: float
    low: float
    high: float
    readers: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """The criterion of a fair task: even the upper bound is within three points of chance."""
        return self.upper95 < self.chance + ALLOWED

    @property
    def holds_chance(self) -> bool:
        """True when the interval contains chance."""
        return self.low <= self.chance <= self.high


class BlindReader:
    """Fitted on items with ``answer`` and ``group``; ``choose`` then answers others. ``ImportError`` without sklearn.

    Items are all of one form: the same number of options, all of numbers or all of words.
    """

    def __init__(self, items: Sequence[Item], seed: int = 0) -> None:
        self.chosen = TOGETHER
        self._seed = seed
        groups = np.array([str(item["group"]) for item in items])
        names = np.unique(groups)
        order = seeded_rng(seed, "choice").permutation(len(names))
        kept = np.isin(groups, names[order[: round(_KEPT_FOR_CHOICE * len(names))]])
        asked, learnt = _where(items, kept), _where(items, ~kept)
        if min(len(asked), len(learnt)) >= _FEWEST_TO_CHOOSE:
            answers = [LETTERS.index(item["answer"]) for item in asked]
            scores = _all_scores(self._fitted(learnt, (BOOSTED, *LINEAR)), asked)
            right = {n: sum(int(np.argmax(s)) == a for s, a in zip(scores[n], answers, strict=True)) for n in scores}
            self.chosen = max(right, key=lambda name: right[name])  # the first, which is both together, among equals
        self._readers = self._fitted(items, _parts(self.chosen))

    def _fitted(self, items: Sequence[Item], names: Sequence[str]) -> dict[str, _Boosted | _Linear]:
        crossing = Crossing(items) if any(name in LINEAR for name in names) else None
        rows = crossing.rows(items) if crossing else None
        return {
            name: _Boosted(items, self._seed) if name == BOOSTED else _Linear(items, crossing, rows, LINEAR[name])
            for name in names
        }

    def scores(self, items: Sequence[Item]) -> list[Floats]:
        """Log probability of each option of each item."""
        return _all_scores(self._readers, items)[self.chosen]

    def choose(self, items: Sequence[Item]) -> list[int]:
        """Position of the option that each item most likely has as its answer."""
        return [int(np.argmax(scores)) for scores in self.scores(items)]


def blind_score(items: Sequence[Item], seed: int = 0) -> BlindScore:
    """Cross-validated accuracy of the blind reader on items of one task.

    ``items`` need ``question``, ``options``, ``option_values``, ``answer`` and ``group``; ``source`` is seen where
    given. ``ValueError`` for fewer than ``FOLDS`` places; ``ImportError`` without scikit-learn.
    """
    folds = _folds(np.array([str(item["group"]) for item in items]), seed)
    right, readers = 0, []
    for fold in range(FOLDS):
        reader = BlindReader(_where(items, folds != fold), seed)
        asked = _where(items, folds == fold)
        chosen = reader.choose(asked)
        right += sum(LETTERS[c] == item["answer"] for c, item in zip(chosen, asked, strict=True))
        readers.append(reader.chosen)
    n = len(items)
    chance = float(np.mean([1 / len(item["options"]) for item in items]))
    low, high = wilson(right, n)
    return BlindScore(n, right / n, chance, wilson_upper(right, n), low, high, tuple(readers))


def wilson_upper(right: int, n: int, z: float = Z_ONE_SIDED_95) -> float:
    """One-sided upper bound of a share (Wilson score)."""
    return wilson(right, n, z)[1]


def wilson(right: int, n: int, z: float = Z_TWO_SIDED_95) -> tuple[float, float]:
    """Interval of a share (Wilson score), two-sided 95 % unless told otherwise."""
    p = right / n
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def with_ladder(items: Sequence[Mapping[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """The same items with the options of the published benchmark: 0.7, 1, 1.2 and 1.4 times the truth, shuffled.

    The control that shows the reader can find a leak. Numeric items only.
    """
    result = []
    for item in items:
        rng = seeded_rng(seed, item["id"], "ladder")
        order = rng.permutation(4)
        values = [float(np.array([0.7, 1.0, 1.2, 1.4])[i] * item["truth"]["value"]) for i in order]
        options = [f"{value:.3g}" for value in values]
        answer = LETTERS[int(np.flatnonzero(order == 1)[0])]
        result.append({**item, "options": options, "option_values": values, "answer": answer})
    return result


class _Boosted:
    """Gradient boosting of "is the answer" on the numbers of each option."""

    def __init__(self, items: Sequence[Item], seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self._model = HistGradientBoostingClassifier(
            max_iter=100, learning_rate=0.1, max_leaf_nodes=15, early_stopping=False, random_state=seed
        )
        self._model.fit(np.concatenate([option_features(item) for item in items]), _is_answer(items))

    def scores(self, items: Sequence[Item]) -> Floats:
        features = np.concatenate([option_features(item) for item in items])
        return np.asarray(np.log(np.maximum(self._model.predict_proba(features)[:, 1], 1e-12)))


class _Linear:
    """A linear choice model: softmax over the options of an item, with a ridge."""

    def __init__(self, items: Sequence[Item], crossing: Crossing | None, rows: Any, ridge: float) -> None:
        from scipy.optimize import minimize

        assert crossing is not None
        self._crossing = crossing
        self._columns, rows = _used_columns(rows)
        starts, answer = _starts(items), _is_answer(items)

        def loss(weights: Floats) -> tuple[float, Floats]:
            logs = _log_softmax(rows @ weights, starts)
            value = -float(logs[answer].sum()) + ridge / 2 * float(weights @ weights)
            return value, np.asarray(rows.T @ (np.exp(logs) - answer) + ridge * weights)

        found = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 60})
        self._weights = np.zeros(len(self._columns))
        self._weights[self._columns] = found.x

    def scores(self, items: Sequence[Item]) -> Floats:
        return np.asarray(self._crossing.rows(items) @ self._weights)


def _where(items: Sequence[Item], chosen: npt.NDArray[np.bool_]) -> list[Item]:
    return [item for item, take in zip(items, chosen, strict=True) if take]


def _used_columns(rows: Any) -> tuple[npt.NDArray[np.bool_], Any]:
    """Which columns occur at all, and the matrix of those alone."""
    used = np.zeros(rows.shape[1], dtype=bool)
    used[rows.indices] = True
    return used, rows[:, np.flatnonzero(used)]


def _parts(name: str) -> tuple[str, ...]:
    return (BOOSTED, next(iter(LINEAR))) if name == TOGETHER else (name,)


def _all_scores(readers: Mapping[str, _Boosted | _Linear], items: Sequence[Item]) -> dict[str, list[Floats]]:
    """By reader, and for both together where both are there: log probabilities of the options of each item."""
    starts = _starts(items)
    logs = {name: _log_softmax(reader.scores(items), starts) for name, reader in readers.items()}
    if all(part in logs for part in _parts(TOGETHER)):
        logs = {TOGETHER: np.sum([logs[part] for part in _parts(TOGETHER)], axis=0), **logs}
    return {name: np.split(values, starts[1:]) for name, values in logs.items()}


def _starts(items: Sequence[Item]) -> npt.NDArray[np.int64]:
    """Row of the first option of each item."""
    return np.cumsum([0, *(len(item["options"]) for item in items[:-1])])


def _is_answer(items: Sequence[Item]) -> npt.NDArray[np.bool_]:
    return np.concatenate([np.arange(len(item["options"])) == LETTERS.index(item["answer"]) for item in items])


def _log_softmax(scores: Floats, starts: npt.NDArray[np.int64]) -> Floats:
    """Log probabilities within each item, whose options begin at ``starts``."""
    sizes = np.diff([*starts, len(scores)])
    shifted = scores - np.repeat(np.maximum.reduceat(scores, starts), sizes)
    totals = np.add.reduceat(np.exp(shifted), starts)
    return np.asarray(shifted - np.repeat(np.log(totals), sizes))


def _folds(groups: npt.NDArray[np.str_], seed: int) -> npt.NDArray[np.int64]:
    """A fold for every item, whole places together, folds of about equal size."""
    names, counts = np.unique(groups, return_counts=True)
    if len(names) < FOLDS:
        raise ValueError(f"the blind reader needs items of at least {FOLDS} places, found {len(names)}")
    size = np.zeros(FOLDS)
    fold_of = {}
    for index in seeded_rng(seed, "folds").permutation(len(names)):
        smallest = int(np.argmin(size))
        fold_of[names[index]] = smallest
        size[smallest] += counts[index]
    return np.array([fold_of[g] for g in groups])
