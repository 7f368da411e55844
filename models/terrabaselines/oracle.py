"""Oracle and BoxOracle: what exact arithmetic on the true masks scores, and what is left of it with boxes.

terrabench run --bench BENCH --model oracle --out RUN

Reference models, privileged: they see the evidence masks, never the answer. Below 100 %, the oracle shows items whose
masks do not lead to their stored answer. The gap to the box oracle is what pixels are worth beyond boxes. Questions
whose answer a source states have no masks: nothing can be measured, so they are left unanswered and count as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from terrabench.reasoning.arithmetic import nearest_option
from terracot.plugins import EvidenceMask, PredictedMask, PrivilegedItem, Response
from terracot.rules import answer_from_masks
from terracot.scenes import BoolMask
from terracot.stated import is_stated


class Oracle:
    """Measures the evidence masks by the rule of the task and picks the option nearest to the result."""

    def respond_items(self, items: Sequence[PrivilegedItem]) -> list[Response]:
        """One reply per item with its masks, in order; ``ValueError`` where the masks cannot answer."""
        return [self._respond(item) for item in items]

    def regions(self, item: PrivilegedItem) -> tuple[EvidenceMask, ...]:
        """The masks to measure."""
        return item.evidence

    def _respond(self, item: PrivilegedItem) -> Response:
        if is_stated(item.task):
            return Response("<think>Stated by its source, cannot be measured.</think><answer></answer>")
        masks = self.regions(item)
        truth = answer_from_masks(item.task, masks, item.prompt.valid, item.prompt.ground, item.parameters)
        letter = nearest_option(truth, item.prompt.options)
        dated = len({frame.t for frame in item.prompt.frames}) > 1
        steps = " ".join(f"{f'Image: {m.t} ' if dated else ''}{m.class_name} [SEG]" for m in masks)
        answer = f"<answer>{letter}</answer>" if letter else "<answer>none of the options</answer>"
        return Response(
            f"<think>{steps}, measured: {truth.text}</think>{answer}",
            tuple(PredictedMask(m.t, m.mask, m.class_name) for m in masks),
        )


class BoxOracle(Oracle):
    """The same with every mask replaced by its bounding rectangle."""

    def regions(self, item: PrivilegedItem) -> tuple[EvidenceMask, ...]:
        """The bounding rectangles of the evidence masks."""
        return tuple(replace(m, mask=bounding_rectangle(m.mask)) for m in item.evidence)


def bounding_rectangle(mask: BoolMask) -> BoolMask:
    """The smallest upright rectangle that holds an ``(H, W)`` mask, filled; empty for an empty mask."""
    box = np.zeros_like(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size:
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box
