"""A model that points at nothing is reported without masks; one that may point and does not has IoU 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from terrabench.asking.runner import run
from terrabench.scoring.scores import score
from terrabench.scoring.tables import format_table
from terracot.plugins import ModelError, PredictedMask, Response


class Silent:
    """Says "A", and points as often as it is told to."""

    def __init__(self, gives_masks: bool | None, pointing: int = 0) -> None:
        if gives_masks is not None:
            self.gives_masks = gives_masks
        self.pointing = pointing

    def respond(self, prompts: Any) -> list[Response]:
        return [Response("A", self.masks(prompt)) for prompt in prompts]

    def masks(self, prompt: Any) -> tuple[PredictedMask, ...]:
        self.pointing -= 1
        return (PredictedMask(1, np.ones(prompt.shape, bool)),) if self.pointing >= 0 else ()


@pytest.mark.parametrize(
    ("said", "pointing", "no_masks", "mean_iou"),
    [(False, 0, True, None), (True, 0, False, 0.0), (None, 0, False, 0.0)],
)
def test_only_who_says_so_has_no_masks(
    bench: Any, tmp_path: Any, said: bool | None, pointing: int, no_masks: bool, mean_iou: float | None
) -> None:
    run(bench, Silent(said, pointing), "silent", tmp_path / "run")
    scores = score(tmp_path / "run", bench)
    assert (scores["no_masks"], scores["mean_iou"], scores["r_iou_correct"]) == (no_masks, mean_iou, None)
    table = format_table([scores])
    assert ("no masks" in table) is no_masks
    assert scores["micro_accuracy"] is not None


def test_a_mask_given_all_the_same_is_measured_for_all_items(bench: Any, tmp_path: Any) -> None:
    run(bench, Silent(False, pointing=1), "silent", tmp_path / "run")
    scores = score(tmp_path / "run", bench)
    assert not scores["no_masks"]
    assert 0 < scores["pooled"]["iou_covered"] < 0.1
    assert scores["mean_iou"] is not None


def test_the_capability_is_part_of_the_run_and_cannot_change_when_it_goes_on(bench: Any, tmp_path: Any) -> None:
    from terrabench.asking.responses import RunError

    run(bench, Silent(False), "silent", tmp_path / "run", limit=2)
    with pytest.raises((RunError, ModelError)):
        run(bench, Silent(True), "silent", tmp_path / "run", limit=4)
