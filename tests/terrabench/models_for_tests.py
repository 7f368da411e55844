"""Models that behave and misbehave, for the runner's tests; also loaded as ``models_for_tests.py:Name``."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from terracot.plugins import ModelError, PredictedMask, Prompt, Response


class Bright:
    """Well-behaved: a letter from the question, the bright pixels of every date as masks. Optionally slow."""

    info = {"revision": "abc123"}  # noqa: RUF012

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.batches: list[int] = []

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        self.batches.append(len(prompts))
        return [self.one(p) for p in prompts]

    def one(self, prompt: Prompt) -> Response:
        time.sleep(self.seconds)
        number = hashlib.sha256((prompt.id + prompt.text).encode()).digest()[0]
        letter = (prompt.letters + "?")[number % (len(prompt.letters) + 1)]
        masks = tuple(PredictedMask(f.t, f.image[..., 0] > 128, f"bright {f.modality}") for f in prompt.frames)
        return Response(f"<think>[SEG]</think><answer>{letter}</answer>", masks, {"tokens": number})


class Fragile(Bright):
    """Raises for a whole batch when one of its prompts is about water bordering on something."""

    healed = False

    def one(self, prompt: Prompt) -> Response:
        if "border" in prompt.question and not self.healed:
            raise RuntimeError("no borders please")
        return super().one(prompt)


class Careless(Bright):
    """Good replies with masks that cannot be used, one of each kind, and one good mask."""

    def one(self, prompt: Prompt) -> Response:
        good = np.zeros(prompt.shape, bool)
        masks: list[Any] = [
            PredictedMask(1, good, "good"),
            PredictedMask(1, good[:-1], "wrong shape"),
            PredictedMask(9, good, "wrong date"),
            PredictedMask(True, good, "date is a boolean"),
            PredictedMask(1, good.astype(np.uint8), "not boolean"),
            PredictedMask(1, good.tolist(), "not an array"),  # type: ignore[arg-type]
            PredictedMask(1, good, 7),  # type: ignore[arg-type]
            good,
        ]
        return Response("<answer>A</answer>", tuple(masks), {"x": float("nan")})


class Interrupting(Bright):
    """Stopped by Ctrl-C in the middle of its third batch."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        if len(self.batches) == 2:
            raise KeyboardInterrupt
        return super().respond(prompts)


class Short(Bright):
    """Loses the last response of every batch of more than one."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return super().respond(prompts)[: max(1, len(prompts) - 1)]


class Confused:
    """Returns words instead of responses."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Any]:
        return ["B" for _ in prompts]


class Broken:
    """Cannot work at all, and says so."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        raise ModelError("the server is not there; start it")


class Peeking:
    """Wants to see the true masks without being built in."""

    def respond_items(self, items: Sequence[Any]) -> list[Response]:
        return [Response("<answer>A</answer>") for _ in items]


class Leaves(Bright):
    """Calls ``sys.exit(0)``, as code that was written for a command line does."""

    def one(self, prompt: Prompt) -> Response:
        raise SystemExit(0)


class Nested(Bright):
    """Good replies with ``meta`` nested beyond what JSON can be written to."""

    def one(self, prompt: Prompt) -> Response:
        meta: dict[str, Any] = {}
        for _ in range(100_000):
            meta = {"deeper": meta}
        return Response("<answer>A</answer>", (), meta)


class Unreadable(Bright):
    """``meta`` that raises when it is read; every other item ends in an error that no terminal can show."""

    info = {"file": "x"}  # noqa: RUF012
    fitted_on = None

    class Meta:
        def keys(self) -> Any:
            raise OSError("no such file: caf\udce9.tif")

    def one(self, prompt: Prompt) -> Response:
        if len(self.batches) % 2:
            raise OSError("no such file: caf\udce9.tif")
        return Response("<answer>A</answer>", (), self.Meta())  # type: ignore[arg-type]


class Mysterious(Bright):
    """Cannot say what it is."""

    @property
    def info(self) -> dict[str, Any]:  # type: ignore[override]
        raise RuntimeError("not loaded yet")


class Clearing(Bright):
    """Empties the valid masks that it is given, and then answers with a good mask."""

    def one(self, prompt: Prompt) -> Response:
        mask = PredictedMask(next(iter(prompt.valid)), np.ones(prompt.shape, bool))
        prompt.valid.clear()  # type: ignore[attr-defined]
        return Response("<answer>A</answer>", (mask,))
