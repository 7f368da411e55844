"""Majority: the option that most often was right in a training benchmark. It sees no pixels.

terrabench run --bench TEST --model majority --model-args train=TRAIN --out RUN

What it scores above chance is what the words of the options give away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from terrabench.items import Benchmark
from terracot.plugins import LETTERS, ModelError, Prompt, Response

_PRIOR_WEIGHT = 2.0  # a text seen once is hardly better known than one never seen


class Majority:
    """Fitted on questions, options and answers of ``train``, a benchmark folder of another split.

    The rate of a text is how often it was the answer when it was offered, drawn towards the mean rate of all texts.
    The highest rate wins; among equals (unseen texts all have the mean rate) the letter most often right.
    """

    def __init__(self, train: str | Path | None = None) -> None:
        if train is None:
            raise ModelError(
                "majority needs a benchmark of the training split to count answers in: --model-args train=FOLDER "
                "(build one with `terrabench build` from a source's training split)"
            )
        bench = Benchmark.open(train)
        self.fitted_on = (bench.manifest_sha256,)
        self._offered: Counter[str] = Counter()
        self._right: Counter[str] = Counter()
        self._letters: Counter[str] = Counter()
        for item in bench.items:
            self._offered.update(_key(option) for option in item["options"])
            self._right[_key(item["options"][LETTERS.index(item["answer"])])] += 1
            self._letters[item["answer"]] += 1
        if not bench.items:
            raise ModelError(f"{train} has no items, so there is nothing to count; give a larger training benchmark")
        self._mean = self._right.total() / self._offered.total()

    def rate(self, option: str) -> float:
        """Smoothed share of the times that this text was right when it was offered."""
        key = _key(option)
        return (self._right[key] + _PRIOR_WEIGHT * self._mean) / (self._offered[key] + _PRIOR_WEIGHT)

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """The best-known option of each prompt."""
        return [Response(f"<answer>{self._letter(p)}</answer>") for p in prompts]

    def _letter(self, prompt: Prompt) -> str:
        scored = zip(prompt.letters, prompt.options, strict=True)
        best = max(((self.rate(text), self._letters[letter], letter) for letter, text in scored), default=None)
        return best[2] if best else ""


def _key(option: str) -> str:
    return " ".join(option.casefold().split())
