"""Blind: the blind reader of the benchmark as a model. It reads question and options and sees no pixels.

terrabench run --bench TEST --model blind --model-args train=TRAIN --out RUN

What it scores above chance is what the words and numbers of the benchmark give away (``terrabench.blind``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from terrabaselines.chance import Chance
from terrabench.blind import BlindReader
from terrabench.items import Benchmark
from terrabench.reasoning.arithmetic import option_quantity
from terracot.plugins import ModelError, Prompt, Response

FEWEST = 20
"""Training items of one form of options, below which nothing is learnt from them."""


class Blind:
    """Fitted on questions, options and answers of ``train``, a benchmark folder of another split, when it is loaded.

    One reader for each form of options: their number, and whether they are shares, areas, distances, counts or words.
    Prompts of a form that the training items lack get a random letter, and ``meta`` says so.
    """

    def __init__(self, train: str | Path | None = None, seed: int = 0) -> None:
        if train is None:
            raise ModelError(
                "blind needs a benchmark of the training split to be fitted on: --model-args train=FOLDER "
                "(build one with `terrabench build` from a source's training split)"
            )
        bench = Benchmark.open(train)
        self.fitted_on = (bench.manifest_sha256,)
        by_form: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for item in bench.items:
            seen = _seen(item["question"], item["options"])
            by_form[_form(item["options"])].append(seen | {"answer": item["answer"], "group": item["group"]})
        try:
            self._readers = {
                form: BlindReader(items, seed) for form, items in sorted(by_form.items()) if len(items) >= FEWEST
            }
        except ImportError as error:
            raise ModelError(f"blind needs scikit-learn: pip install 'scikit-learn>=1.4' ({error})") from error
        if not self._readers:
            raise ModelError(
                f"{train} has {len(bench)} items and fewer than {FEWEST} of every form of options, so there is nothing "
                "to learn from; give a larger training benchmark"
            )
        self.info = {"readers": {form: reader.chosen for form, reader in self._readers.items()}}

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """The likeliest option of each prompt."""
        return [self._respond(prompt) for prompt in prompts]

    def _respond(self, prompt: Prompt) -> Response:
        reader = self._readers.get(_form(prompt.options))
        if reader is None:
            guess = Chance().respond([prompt])[0]
            return Response(guess.text, meta={"guess": f"no training items of the form {_form(prompt.options)!r}"})
        return Response(
            f"<answer>{prompt.letters[reader.choose([_seen(prompt.question, prompt.options)])[0]]}</answer>"
        )


def _seen(question: str, options: Sequence[str]) -> dict[str, Any]:
    """What a prompt shows: numbers are those of the texts, in base units."""
    found = [option_quantity(option) for option in options]
    numeric = all(quantity is not None for quantity in found)
    values = [quantity[0] if numeric and quantity else None for quantity in found]
    return {"question": question, "options": list(options), "option_values": values}


def _form(options: Sequence[str]) -> str:
    """Number of options and what kind of quantity they are."""
    kinds = {quantity[1] if (quantity := option_quantity(option)) else "words" for option in options}
    return f"{len(options)} x {kinds.pop() if len(kinds) == 1 else 'words'}"
