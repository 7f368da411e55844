"""TerraScope as a model of the benchmark.

terrabench run --bench BENCH --model terrascope --model-args checkpoint=DIR,device=auto --batch-size 8 --out RUN

It replies in the form of the traces it was trained on, so it wants no instruction; and it cannot answer without an
image: a prompt whose frames were taken away is shown plain grey ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from terracot.plugins import EvidenceMask, ModelError, Prompt, PromptFrame, Response
from terracot.scenes import Modality
from terrascope_vlm.loading import load_checkpoint
from terrascope_vlm.told import Told

if TYPE_CHECKING:
    from terrascope_vlm.generation import Event
    from terrascope_vlm.slots import Query

    Hook = Callable[[int, Query, Event], None]

GREY = 128
BLANK_SIDE = 64
"""Pixels of a side of the grey image of a prompt that does not even say its size."""


class TerraScope:
    """The model of a ``checkpoint``, the bundled one if none is named; every other argument has a default.

    Of the prompts that are given together at most ``batch`` are answered at once; replies do not depend on it.
    ``evidence``, ``fusion``, ``mask_fusion``, ``min_cover`` and ``max_evidence`` replace what the checkpoint was
    trained with. ``ModelError`` says what is wrong with any of them.
    """

    prompt_template = "none"
    needs_image = True

    def __init__(
        self,
        checkpoint: str | Path | None = None,
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 8,
        max_new_tokens: int = 768,
        max_masks: int = 16,
        evidence: str | None = None,
        fusion: str | None = None,
        mask_fusion: str | None = None,
        min_cover: float | None = None,
        max_evidence: int | None = None,
        allow_download: bool = False,
    ) -> None:
        for name, value, least in (
            ("batch", batch, 1),
            ("max_new_tokens", max_new_tokens, 1),
            ("max_masks", max_masks, 0),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ModelError(f"{name} is {value!r}; expected a whole number, {least} or more")
        settings = {
            "evidence": evidence,
            "fusion": fusion,
            "mask_fusion": mask_fusion,
            "min_cover": min_cover,
            "max_evidence": max_evidence,
        }
        self.loaded = load_checkpoint(checkpoint, device, dtype, settings, allow_download=allow_download)
        from terrascope_vlm.generation import Decoding

        self.decoding = Decoding(max_new_tokens=max_new_tokens, max_masks=max_masks)
        self._batch = batch
        self.info = self.loaded.about() | {
            "decoding": {"rule": "greedy", "max_new_tokens": max_new_tokens, "max_masks": max_masks},
        }

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """One reply per prompt, with a mask for every ``[SEG]``, named by the words before it where they are clear."""
        return [told.response() for told in self.tell(prompts)]

    def respond_with_evidence(
        self, prompts: Sequence[Prompt], masks: Sequence[Sequence[EvidenceMask]]
    ) -> list[Response]:
        """The same where the first ``[SEG]`` of each reply take the masks that are given, in their order."""
        return [told.response() for told in self.tell(prompts, masks)]

    def tell(
        self,
        prompts: Sequence[Prompt],
        forced: Sequence[Sequence[EvidenceMask]] | None = None,
        on_event: Hook | None = None,
    ) -> list[Told]:
        """Replies with all that was drawn and read. ``on_event`` is told of words and regions as they come, with the
        place of the prompt and its query; what it raises ends the answering."""
        from terrascope_vlm.generation import reason

        shown = [prompt if prompt.frames else _greyed(prompt) for prompt in prompts]
        made: dict[int, Query] = {}  # a probe asks one prompt many times
        for prompt in shown:
            if id(prompt) not in made:
                made[id(prompt)] = self.loaded.processor.of_prompt(prompt)
        queries = [made[id(prompt)] for prompt in shown]
        told: list[Told] = []
        for start in range(0, len(shown), self._batch):
            part = slice(start, start + self._batch)
            replies = reason(
                self.loaded.model,
                self.loaded.processor,
                queries[part],
                self.decoding,
                forced=None if forced is None else forced[part],
                on_event=on_event and _told_of(queries, start, on_event),
            )
            told += [Told(*row) for row in zip(shown[part], queries[part], replies, strict=True)]
        return told


def _told_of(queries: Sequence[Query], start: int, hook: Hook) -> Callable[[int, Event], None]:
    return lambda row, event: hook(start + row, queries[start + row], event)


def _greyed(prompt: Prompt) -> Prompt:
    """The prompt with a grey image for every date it has."""
    shape = prompt.shape if prompt.valid else (BLANK_SIDE, BLANK_SIDE)
    grey = np.full((*shape, 3), GREY, np.uint8)
    frames = tuple(
        PromptFrame(
            id=f"{n}-{Modality.OPTICAL}",
            t=t,
            modality=Modality.OPTICAL,
            bands=("R", "G", "B"),
            unit="digital number",
            image=grey,
            native=lambda: np.moveaxis(grey, -1, 0),
        )
        for n, t in enumerate(sorted(prompt.valid) or [1], 1)
    )
    return replace(prompt, frames=frames)
