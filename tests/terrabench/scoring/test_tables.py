"""What is printed of scores: where runs stand, which intervals are shown, and what a reader is told to mind."""

import json
from collections import defaultdict

import models_for_tests as fakes
import numpy as np
import pytest

from terrabench.asking.control_names import CIRCULAR
from terrabench.asking.responses import RunError
from terrabench.asking.runner import run
from terrabench.items import TASKS
from terrabench.replies.compat import release_scores
from terrabench.scoring.beside import score_all
from terrabench.scoring.results import Result
from terrabench.scoring.scores import score, summary
from terrabench.scoring.tables import format_table, interval_text, p_text, percent, r_text


def scores_of(results, name="m", **more):
    """Scores as ``score`` writes them, from item results made by hand."""
    about = {"model": {"spec": name, "arguments": {}}, "privileged": False, "control": None, "not_applicable": 0}
    return about | {"bench": {"size": len(results)}, "items": len(results), "circular": None} | summary(results) | more


def items(task, right, n, groups, iou=None, options=4):
    """``n`` items of one task, the first ``right`` of which are right, over so many groups in turn."""
    return [
        Result(f"{task}{i}", task, f"g{i % groups}", "measured", options, "ok", "A", i < right, iou, True, 0)
        for i in range(n)
    ]


def line_of(text, start):
    return next(line for line in text.splitlines() if line.startswith(start))


def test_numbers_are_written_so_that_a_missing_one_is_a_dash():
    assert (percent(0.1234), percent(None)) == ("12.3", "-")
    assert interval_text([0.1, 0.25]) == "10.0-25.0"
    assert interval_text([-0.1, 0.25], signed=True) == "-10.0 to +25.0"
    assert interval_text(None) == "-"
    assert (p_text(0.0004), p_text(0.0456), p_text(None)) == ("<0.001", "0.046", "-")
    assert (r_text(-0.456), r_text(None)) == ("-0.46", "-")


def test_controls_stand_below_the_plain_run_of_their_model(bench, tmp_path):
    for name, control in (("x", "blind"), ("y", None), ("x", None), ("x", CIRCULAR)):
        run(bench, fakes.Bright(), name, tmp_path / f"{name}{control}", control=control)
    order = ("xblind", "yNone", "xNone", f"x{CIRCULAR}")
    text = format_table([score(tmp_path / name) for name in order])
    models = [line.split("  ")[0] for line in text.splitlines()[2:6]]
    assert models == ["y", "x", "x [blind]", f"x [{CIRCULAR}]"]
    assert "x [blind]: macro +0.0 against the plain run; `terrabench compare` tests it" in text
    assert "right only if right in every rotation" in text


def test_a_control_that_leaves_items_out_is_not_held_against_other_items_of_the_plain_run(bench, bench_path, tmp_path):
    run(bench, fakes.Bright(), "x", tmp_path / "plain")
    run(bench, fakes.Bright(), "x", tmp_path / "sar", control="sar-only")
    answers = {item["id"]: (item["task"], item["answer"]) for item in bench.items}
    lines = {n: [json.loads(t) for t in (tmp_path / n / "responses.jsonl").open()] for n in ("plain", "sar")}
    left = {line["id"] for line in lines["sar"] if line["status"] != "not_applicable"}
    macro = {}
    for name, own in lines.items():
        right = defaultdict(list)
        for line in own:
            task, answer = answers[line["id"]]
            if line["id"] in left:
                right[task].append(line["letter"] == answer)
        macro[name] = 100 * np.mean([np.mean(of_task) for of_task in right.values()])
    scored = score_all([tmp_path / "sar", tmp_path / "plain"], bench_path)
    assert 100 * scored[0]["plain_part"]["macro_accuracy"] == pytest.approx(macro["plain"])
    assert "plain_part" not in json.loads((tmp_path / "sar" / "scores.json").read_text())
    text = format_table(scored)
    assert [line.split("  ")[0] for line in text.splitlines()[2:5]] == ["x", "x [items of sar-only]", "x [sar-only]"]
    assert [line.split()[-1] for line in text.splitlines()[2:5]] == [str(len(bench)), str(len(left)), str(len(left))]
    assert f"x [sar-only]: macro {macro['sar'] - macro['plain']:+.1f} against the plain run on the same items" in text
    alone = format_table([score(tmp_path / name) for name in ("sar", "plain")])
    assert "against the plain run" not in alone  # whoever has not asked for the same items gets no difference


def test_a_control_without_its_plain_run_is_still_shown(bench, tmp_path):
    run(bench, fakes.Bright(), "x", tmp_path / "blind", control="blind")
    text = format_table([score(tmp_path / "blind")])
    assert text.splitlines()[2].startswith("x [blind]")
    assert "against the plain run" not in text


def test_the_macro_mean_stands_beside_its_interval():
    scores = scores_of(items("coverage", 30, 60, 12) + items("area", 15, 60, 12))
    low, high = (100 * end for end in scores["macro_ci95"])
    row = line_of(format_table([scores]), "m ")
    assert row.split()[-6:-3] == ["37.5", f"{low:.1f}-{high:.1f}", "37.5"]


def test_tasks_apart_are_in_a_table_of_their_own_and_in_no_average():
    scores = scores_of(items("coverage", 30, 60, 30) + items("flood_change", 40, 40, 20))
    assert (scores["macro_tasks"], scores["macro_accuracy"], scores["micro_accuracy"]) == (["coverage"], 0.5, 0.5)
    text = format_table([scores], details=False)
    header = line_of(text, "apart from the six")
    assert header.split()[4:] == ["flood_change", "95", "%", "n"]
    assert "flood_change" not in text.splitlines()[0]
    row = text.splitlines()[text.splitlines().index(header) + 2]
    assert row.split() == ["m", "100.0", "83.9-100.0", "40"]  # Wilson of 20 of 20 groups


def test_only_apart_tasks_make_the_headline_themselves():
    scores = scores_of(items("flood_change", 10, 40, 20) + items("sequence_change", 30, 40, 20))
    assert scores["macro_tasks"] == ["flood_change", "sequence_change"]
    assert scores["macro_accuracy"] == 0.5


def test_one_run_alone_is_shown_by_task_and_several_only_on_request():
    scores = scores_of([r for task in TASKS for r in items(task, 20, 60, 12, iou=0.5)])
    assert "m, by task" in format_table([scores])
    assert "by task" not in format_table([scores, scores])
    assert format_table([scores, scores], details=True).count("m, by task") == 2


def test_details_show_chance_power_and_iou():
    results = items("coverage", 30, 60, 60) + items("ranking", 30, 60, 60, iou=0.4, options=2)
    results[60:90] = [Result(**(vars(r) | {"iou": 0.8})) for r in results[60:90]]
    text = format_table([scores_of(results)])
    # 30 of 60 by Wilson; guessing 60 four-way items: 9 to 22 right in 95 of 100
    assert line_of(text, "coverage  ").split()[:8] == [
        "coverage",
        "60",
        "60",
        "50.0",
        "37.7-62.3",
        "25.0",
        "15.0-36.7",
        "<0.001",
    ]
    ranking = [line for line in text.splitlines() if line.startswith("ranking ")][1]
    assert ranking.split()[1] == "60"
    assert ranking.split()[-4:] == ["1.00", "1.00", "80.0", "40.0"]


def test_few_groups_and_small_tasks_are_named():
    text = format_table([scores_of(items("distance", 5, 12, 6) + items("area", 400, 900, 900))])
    assert "under 30 groups (places or events): distance (6)" in text
    small = line_of(text, "small: two models must differ")
    assert "distance" in small
    assert "area" not in small
    one = format_table([scores_of(items("area", 4, 9, 1))])
    assert "one group only, so no interval can be given: area" in one


def test_the_note_on_few_groups_names_the_interval_that_is_shown():
    text = format_table([scores_of(items("area", 3, 12, 6) + items("distance", 2, 8, 8) + items("coverage", 5, 5, 5))])
    few = [line for line in text.splitlines() if line.startswith("under 30 groups")]
    shown = {name: next(line for line in few if name in line) for name in ("area (6)", "distance (8)", "coverage (5)")}
    assert "Student's t" in shown["area (6)"]
    assert "Wilson, as every group holds one item" in shown["distance (8)"]
    assert "each group counted once" in shown["coverage (5)"]
    assert len(few) == 3


def test_a_pooled_correlation_that_misleads_is_warned_about():
    low = [
        r if i % 2 else Result(**(vars(r) | {"iou": 0.1})) for i, r in enumerate(items("coverage", 10, 60, 60, iou=0.2))
    ]
    high = [
        r if i % 2 else Result(**(vars(r) | {"iou": 0.9})) for i, r in enumerate(items("area", 50, 60, 60, iou=0.8))
    ]
    scores = scores_of(low + high)
    assert "above that of every task" in scores["pooled"]["association"]["warning"]
    assert "Read r by task" in format_table([scores])


def test_scores_of_the_released_scorer_are_never_put_into_the_table(bench, tmp_path):
    run(bench, fakes.Bright(), "x", tmp_path / "x")
    with pytest.raises(RunError, match="such scores are not compared with ours"):
        format_table([score(tmp_path / "x"), release_scores(tmp_path / "x")])


def test_an_empty_set_of_items_is_a_row_of_dashes():
    row = line_of(format_table([scores_of([])]), "m ")
    assert set(row.split()[1:-1]) == {"-"}
