"""Evaluation sets of others as benchmarks: built, asked and scored, with literals counted by hand."""

from __future__ import annotations

import disasterm3_on_disk as disasterm3
import landsat30_on_disk as landsat30
import pytest

from terrabench.asking.runner import run
from terrabench.cli import main
from terrabench.items import Benchmark
from terrabench.scoring.scores import score
from terracot.plugins import Response


class AlwaysA:
    """Answers A, and remembers how many dates it saw."""

    def __init__(self):
        self.dates = set()

    def respond(self, prompts):
        self.dates |= {len({frame.t for frame in prompt.frames}) for prompt in prompts}
        return [Response("<answer>A</answer>") for _ in prompts]


def scores_of(source, folder, tmp_path):
    assert main(["build", source, str(folder), "--out", str(tmp_path / "bench"), "--quiet"]) == 0
    model = AlwaysA()
    assert run(Benchmark.open(tmp_path / "bench"), model, "a", tmp_path / "run")["complete"]
    return score(tmp_path / "run"), model.dates


def test_disasterm3_is_run_and_scored_apart_from_the_six(tmp_path):
    """Of ten places the first of five options is right in two, for either question."""
    folder = disasterm3.write(tmp_path / "set", [record for n in range(10) for record in disasterm3.asked(n)])
    scores, dates = scores_of("disasterm3", folder, tmp_path)
    assert dates == {2}
    assert {task.partition("/")[0] for task in scores["tasks"]} == {"disasterm3"}
    assert [(t["n"], t["accuracy"], t["chance"]) for t in scores["tasks"].values()] == [
        (10, 0.2, pytest.approx(0.2))
    ] * 2
    assert scores["mean_iou"] is None
    assert scores["iou_measurable"] is False


def test_landsat30_is_run_and_scored_apart_from_the_six(tmp_path):
    """Of twelve pictures option A is right in 3 (land cover, four options), 6 (clouds, two) and 12 (rivers)."""
    folder = landsat30.write(tmp_path / "set", [row for n in range(12) for row in landsat30.asked(n)])
    scores, dates = scores_of("landsat30-au", folder, tmp_path)
    assert dates == {1}
    found = {task: (t["n"], t["accuracy"], t["chance"]) for task, t in scores["tasks"].items()}
    assert found == {
        "landsat30-au/DLC": (12, 0.25, 0.25),
        "landsat30-au/COA": (12, 0.5, 0.5),
        "landsat30-au/NUM": (12, 1.0, 0.25),
    }
    assert scores["micro_accuracy"] == pytest.approx(21 / 36)
