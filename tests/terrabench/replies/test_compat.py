"""The released scorer is reproduced with its faults, shown beside our scores, and kept apart from them."""

import json

import models_for_tests as fakes
import pytest

from terrabench.asking.responses import RunError
from terrabench.asking.runner import run
from terrabench.cli import main
from terrabench.replies.compat import refuse_release, release_scores, released_letter
from terrabench.scoring.scores import score
from terrabench.scoring.tables import format_table
from terracot.plugins import Response


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("crop", "C"),  # the first of a, b, c, d in any word
        ("The answer is B", "A"),  # "answer"
        ("B", "B"),
        ("b)", "B"),
        ("(D) 34%", "D"),
        ("<think>crop</think><answer>B</answer>", "B"),
        ("<answer>A</answer> no, <ANSWER>water, D</ANSWER>", "A"),  # the last tag, and "water" in it
        ("<answer></answer>B", None),
        ("<answer>B", "A"),  # never closed, so the tag itself is read
        ("34 %", None),
        ("It is 7 km.", None),
        ("", None),
        ("E", None),  # beyond D
    ],
)
def test_the_released_reading_with_its_faults(reply, letter):
    assert released_letter(reply) == letter


def test_many_open_tags_are_read_in_linear_time():
    assert released_letter("<answer>" * 200_000) == "A"


class Crop:
    """Right by our reading wherever the answer is B; the released scorer reads C."""

    def respond(self, prompts):
        return [Response("crop, so B") for _ in prompts]


def test_the_released_score_is_the_micro_average_by_its_own_reading(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, Crop(), "m", out)
    ours, released = score(out), release_scores(out)
    letters = [item["answer"] for item in bench.items]
    assert ours["micro_accuracy"] == letters.count("B") / len(bench)
    assert released["accuracy"] == letters.count("C") / len(bench)
    assert (released["n"], released["right"], released["average"]) == (len(bench), letters.count("C"), "micro")
    assert released["letters_differ"] == len(bench)
    coverage = [item["answer"] for item in bench.items if item["task"] == "coverage"]
    assert released["tasks"]["coverage"] == {
        "n": len(coverage),
        "right": coverage.count("C"),
        "accuracy": coverage.count("C") / len(coverage),
    }
    assert not {"macro_accuracy", "micro_accuracy", "mean_iou"} & set(released)
    assert json.loads((out / "scores.release.json").read_text()) == released
    assert json.loads((out / "scores.json").read_text()) == ours


def test_errors_and_replies_without_a_letter_are_wrong(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Fragile(), "m", out)
    borders = sum(item["task"] == "boundary" for item in bench.items)
    released = release_scores(out)
    assert released["tasks"]["boundary"] == {"n": borders, "right": 0, "accuracy": 0.0}
    assert released["without_letter"] >= borders


def test_items_that_a_control_does_not_apply_to_are_left_out_as_in_our_scores(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, Crop(), "m", out, control="sar-only")
    released = release_scores(out)
    assert released["n"] + released["not_applicable"] == released["items"] == len(bench)
    assert released["not_applicable"] == score(out)["not_applicable"] > 0


def test_the_two_are_never_mixed(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, Crop(), "m", out)
    ours, released = score(out), release_scores(out)
    refuse_release([ours])
    for mixed in ([released], [ours, released]):
        with pytest.raises(RunError, match="m is scored as by the release"):
            refuse_release(mixed)
        with pytest.raises(RunError, match="other rules"):
            format_table(mixed)


def test_rotations_cannot_be_scored_as_released(bench, tmp_path):
    run(bench, Crop(), "m", tmp_path / "run", control="shuffled-options", limit=2)
    with pytest.raises(RunError, match="asked every rotation"):
        release_scores(tmp_path / "run")


def test_the_command_prints_it_below_ours(bench, bench_path, tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main(["run", "--bench", str(bench_path), "--model", "chance", "--out", out, "--quiet"]) == 0
    capsys.readouterr()
    assert main(["score", out]) == 0
    plain = capsys.readouterr().out
    assert main(["score", out, "--compat", "release"]) == 0
    both = capsys.readouterr().out
    assert both.startswith(plain)
    assert "As by the released scorer" in both
    assert main(["score", out, "--compat", "release", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["release"]["compat"] == "release"
    assert "compat" not in found["scores"]
