"""Who answers from given masks: exact arithmetic, and a model that accepts masks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from terrabench.asking.prompting import Template, instructed
from terrabench.items import RULE_PARAMETERS, Benchmark
from terrabench.reasoning.arithmetic import nearest_option
from terrabench.replies.answers import parse
from terracot.ground import GroundSampling
from terracot.plugins import EvidenceMask, EvidenceModel, ModelError, Prompt, Response, describe
from terracot.rules import answer_from_masks
from terracot.scenes import BoolMask
from terracot.shards import row_ground

Masks = Sequence[EvidenceMask]


class Arithmetic:
    """Exact arithmetic on the masks of one item: the rule of its kind, then the nearest option."""

    def __init__(self, bench: Benchmark, item: Mapping[str, Any]) -> None:
        given = json.loads(item["parameters"] or "{}")
        self._item = item
        self._parameters = {name: given[name] for name in RULE_PARAMETERS if name in given}
        scene = bench.scene(item["scene_id"])
        self._ground: GroundSampling = row_ground(scene)
        everywhere = {frame["t"]: np.ones(bench.shape(item), dtype=bool) for frame in scene["frames"]}
        self.valid: dict[int, BoolMask] = everywhere | bench.valid(item)

    def letter(self, masks: Masks) -> str | None:
        """Letter of the option that the masks lead to; None when they cannot answer, as empty ones have no distance."""
        try:
            truth = answer_from_masks(self._item["kind"], masks, self.valid, self._ground, self._parameters)
        except (ValueError, ZeroDivisionError):
            return None
        return nearest_option(truth, self._item["options"])


@dataclass(frozen=True)
class _Failed:
    """What a model raised instead of a response."""

    error: str


class Reader:
    """A model that accepts masks. ``ModelError`` when it does not."""

    def __init__(self, bench: Benchmark, model: Any, spec: str, template: Template, seed: int) -> None:
        if not isinstance(model, EvidenceModel):
            raise ModelError(
                f"{spec}: {type(model).__name__} has no respond_with_evidence(prompts, masks), so it cannot be given "
                "masks; see EvidenceModel in terracot/plugins.py, or probe without --model"
            )
        if bench.manifest_sha256 in getattr(model, "fitted_on", ()):
            raise ModelError(f"{spec} was fitted on this very benchmark ({bench.path}); fit it on a training split")
        self._bench, self._model, self._template, self._seed = bench, model, template, seed

    def answers(self, item: Mapping[str, Any], many: Sequence[Masks]) -> list[dict[str, Any]]:
        """For each set of masks the parsed letter, the status (ok, unparsed, error), the reply and the error."""
        if not many:
            return []
        prompt = instructed(self._bench.prompt(item, self._seed), self._template)
        return [self._read(given, prompt) for given in self._ask(prompt, many)]

    def _ask(self, prompt: Prompt, many: Sequence[Masks]) -> Sequence[Response | _Failed]:
        try:
            responses = list(self._model.respond_with_evidence([prompt] * len(many), many))
            if len(responses) != len(many):
                raise ValueError(f"the model gave {len(responses)} responses to {len(many)} prompts")
        except ModelError:  # the model cannot work at all
            raise
        # The per-item boundary: whatever a model raises is recorded, and belongs to one set of masks.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            if len(many) > 1:
                return [answer for masks in many for answer in self._ask(prompt, [masks])]
            return [_Failed(describe(error))]
        return responses

    def _read(self, given: Any, prompt: Prompt) -> dict[str, Any]:
        if not isinstance(given, Response) or not isinstance(given.text, str):
            found = f"TypeError: expected a Response with a text, found {type(given).__name__}"
            error = given.error if isinstance(given, _Failed) else found
            return {"letter": None, "status": "error", "reply": "", "error": error}
        letter = parse(given.text, prompt.options).letter
        return {"letter": letter, "status": "ok" if letter else "unparsed", "reply": given.text, "error": None}
