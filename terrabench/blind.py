"""The blind reader: how much of a benchmark can be answered from the options alone, without any image.

Gradient boosting scores each option from numbers that a reader sees: values, ranks, ratios between options, letters,
round digits, lengths. Folds keep places (``group``) together, so nothing about a place is known beforehand. A fair
benchmark leaves the reader at chance; the published ladder of options (0.7 / 1 / 1.2 / 1.4 of the truth) does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.plugins import LETTERS
from terracot.seeding import seeded_rng

FOLDS = 5
Z_ONE_SIDED_95 = 1.6448536269514722


@dataclass(frozen=True)
class BlindScore:
    """Accuracy of the blind reader on ``n`` items, exact chance, and the one-sided 95 % Wilson upper bound."""

    n: int
    accuracy: float
    chance: float
    upper95: float


def blind_score(items: Sequence[Mapping[str, Any]], seed: int = 0) -> BlindScore:
    """Cross-validated accuracy of the blind reader on items of one task.

    ``items`` need ``question``, ``options``, ``option_values``, ``answer`` and ``group``. ``ValueError`` for fewer than
    ``FOLDS`` places; ``ImportError`` without scikit-learn.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    groups = np.array([str(item["group"]) for item in items])
    folds = _folds(groups, seed)
    features = [option_features(item) for item in items]
    correct = [np.arange(len(f)) == LETTERS.index(item["answer"]) for f, item in zip(features, items, strict=True)]
    right = 0
    for fold in range(FOLDS):
        train = np.flatnonzero(folds != fold)
        reader = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.1, max_leaf_nodes=15, random_state=seed)
        reader.fit(np.concatenate([features[i] for i in train]), np.concatenate([correct[i] for i in train]))
        test = np.flatnonzero(folds == fold)
        scores = reader.predict_proba(np.concatenate([features[i] for i in test]))[:, 1]
        ends = np.cumsum([len(features[i]) for i in test])
        right += sum(
            bool(correct[i][int(np.argmax(own))]) for i, own in zip(test, np.split(scores, ends[:-1]), strict=True)
        )
    n = len(items)
    chance = float(np.mean([1 / len(item["options"]) for item in items]))
    return BlindScore(n, right / n, chance, wilson_upper(right, n))


def wilson_upper(right: int, n: int, z: float = Z_ONE_SIDED_95) -> float:
    """One-sided upper bound of a share (Wilson score)."""
    p = right / n
    centre = p + z * z / (2 * n)
    return (centre + z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)


def option_features(item: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """``(k, features)``: what is seen of each option beside the others."""
    options, values = item["options"], item["option_values"]
    if any(value is None for value in values):  # words: yes is 1, no is 0, a class name by its place in the question
        lower = item["question"].lower()
        words = {"yes": 1.0, "no": 0.0}
        values = [
            words.get(o.lower(), 0.1 + float(lower.find(o.lower()) > lower.find(options[1 - i].lower())))
            for i, o in enumerate(options)
        ]
    v = np.asarray(values, dtype=float)
    k = len(v)
    order = np.argsort(np.argsort(v, kind="stable"), kind="stable")
    ranked = np.sort(v)
    safe = np.maximum(np.abs(v), 1e-9)
    below = np.array([ranked[r - 1] if r else np.nan for r in order])
    above = np.array([ranked[r + 1] if r + 1 < k else np.nan for r in order])
    digits = [str(option).split("%")[0].split(" ")[0].replace(",", "").replace(".", "") for option in options]
    columns = [
        v,
        np.log(safe),
        order.astype(float),
        below / safe,
        above / safe,
        ranked[0] / safe,
        ranked[-1] / safe,
        np.median(v) / safe,
        v.mean() / safe,
        np.full(k, ranked[0] / max(ranked[-1], 1e-9)),
        np.arange(k, dtype=float),
        np.full(k, float(len(item["question"]))),
        np.array([float(len(option)) for option in options]),
        np.array([float(len(d) - len(d.rstrip("0"))) for d in digits]),
        np.array([float(d[0]) if d[:1].isdigit() else -1.0 for d in digits]),
    ]
    return np.stack(columns, axis=1)


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
