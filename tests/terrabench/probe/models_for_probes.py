"""Models that accept masks, and one that does not; loaded as ``models_for_probes.py:Name``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from terracot.plugins import EvidenceMask, ModelError, Prompt, Response


class Deaf:
    """Answers, but cannot be given masks."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return [Response("<answer>A</answer>") for _ in prompts]


class Ignoring(Deaf):
    """Takes masks and always says A."""

    def respond_with_evidence(self, prompts: Sequence[Prompt], masks: Sequence[Any]) -> list[Any]:
        return [self.one(prompt, own) for prompt, own in zip(prompts, masks, strict=True)]

    def one(self, prompt: Prompt, masks: Sequence[EvidenceMask]) -> Any:
        return Response("<answer>A</answer>")


class Counting(Ignoring):
    """Measures coverage by counting pixels, without the package; says A to all other questions."""

    def __init__(self) -> None:
        self.seen: list[tuple[Prompt, tuple[EvidenceMask, ...]]] = []

    def one(self, prompt: Prompt, masks: Sequence[EvidenceMask]) -> Response:
        self.seen.append((prompt, tuple(masks)))
        if not prompt.question.startswith("How much of the area with a label"):
            return Response("<answer>A</answer>")
        share = 100 * np.count_nonzero(masks[0].mask) / np.count_nonzero(prompt.valid[1])
        numbers = [float(option.rstrip("%")) for option in prompt.options]
        nearest = min(range(len(numbers)), key=lambda i: abs(numbers[i] - share))
        return Response(f"<think>{share}</think><answer>{'ABCD'[nearest]}</answer>")


class Fragile(Counting):
    """Raises for the worst masks, says nothing readable to the second worst, until it is healed."""

    healed = False

    def one(self, prompt: Prompt, masks: Sequence[EvidenceMask]) -> Any:
        if not self.healed and masks[0].mask.sum() < 40:
            raise RuntimeError("too small for me")
        if masks[0].mask.sum() < 60:
            return Response("hm")
        return super().one(prompt, masks)


class Short(Ignoring):
    """Loses the last response of every batch of more than one."""

    def respond_with_evidence(self, prompts: Sequence[Prompt], masks: Sequence[Any]) -> list[Any]:
        return super().respond_with_evidence(prompts, masks)[: max(1, len(prompts) - 1)]


class Confused(Ignoring):
    """Returns words instead of responses."""

    def one(self, prompt: Prompt, masks: Sequence[EvidenceMask]) -> Any:
        return "B"


class Broken(Ignoring):
    """Cannot work at all, and says so."""

    def one(self, prompt: Prompt, masks: Sequence[EvidenceMask]) -> Any:
        raise ModelError("the server is not there; start it")


class Interrupting(Counting):
    """Stopped by Ctrl-C in the middle of the probe."""

    def one(self, prompt: Prompt, masks: Sequence[EvidenceMask]) -> Any:
        if len(self.seen) == 50:
            raise KeyboardInterrupt
        return super().one(prompt, masks)
