"""Per-pixel gradient boosting, kept as plain arrays of tree nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from terrabaselines.segment_then_measure.stacks import Floats, Stack, features
from terracot.seeding import seeded_rng

Labels = npt.NDArray[np.int8]
PIXELS = 60_000
"""Training pixels of one layer, as many from each scene."""


class Boosting:
    """Trees as sklearn grows them: ``nodes`` one after the other, ``ends`` of each tree, ``baseline`` by class."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

        self._arrays = arrays
        none = np.empty((0, 8), dtype=np.uint32)  # no feature is a category
        nodes = np.split(arrays["nodes"], arrays["ends"][:-1])
        self._trees = [TreePredictor(np.ascontiguousarray(one), none, none) for one in nodes]
        self._features = int(arrays["features"])

    @classmethod
    def fit(cls, stacks: Sequence[Stack], labels: Sequence[Labels], classes: int, seed: int, effort: float) -> Boosting:
        """Grow trees on pixels drawn from every scene; ``effort`` multiplies pixels and trees."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        x, y = _drawn(stacks, labels, round(PIXELS * effort / len(stacks)) + 1, seed)
        grown = HistGradientBoostingClassifier(
            max_iter=max(10, round(120 * effort)), learning_rate=0.1, early_stopping=False, random_state=seed
        ).fit(x, y)
        trees = [tree for step in grown._predictors for tree in step]
        arrays: dict[str, npt.NDArray[Any]] = {
            "nodes": np.concatenate([tree.nodes for tree in trees]),
            "ends": np.cumsum([len(tree.nodes) for tree in trees]),
            "baseline": np.ravel(grown._baseline_prediction),
            "present": grown.classes_,
            "classes": np.array(classes),
            "features": np.array(x.shape[1]),
        }
        return cls(arrays)

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Everything that it is made of."""
        return self._arrays

    def probabilities(self, stack: Stack) -> Floats:
        """``(classes, H, W)``; 0 for classes without a training pixel."""
        shape = stack.images[0].shape[1:]
        x = features(stack).astype(np.float64)
        baseline, present = self._arrays["baseline"], self._arrays["present"]
        raw = np.tile(baseline, (len(x), 1))
        unknown, places = np.empty((0, 8), dtype=np.uint32), np.zeros(self._features, dtype=np.uint32)
        for number, tree in enumerate(self._trees):
            raw[:, number % len(baseline)] += tree.predict(x, unknown, places, 1)
        found = np.zeros((int(self._arrays["classes"]), len(x)), dtype=np.float32)
        found[present] = _probabilities(raw).T
        return found.reshape(-1, *shape)


def _probabilities(raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of two classes, ``raw`` is one column of log odds; of more, one of logits for each."""
    logits = np.hstack([np.zeros_like(raw), raw]) if raw.shape[1] == 1 else raw
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _drawn(
    stacks: Sequence[Stack], labels: Sequence[Labels], each: int, seed: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Features and classes of ``each`` labelled pixels a scene, or of all that it has."""
    xs, ys = [], []
    for number, (stack, label) in enumerate(zip(stacks, labels, strict=True)):
        known = np.flatnonzero(label.ravel() >= 0)
        if len(known) > each:
            known = np.sort(seeded_rng(seed, "pixels", number).permutation(known)[:each])
        xs.append(features(stack)[known])
        ys.append(label.ravel()[known].astype(np.int64))
    return np.concatenate(xs), np.concatenate(ys)
