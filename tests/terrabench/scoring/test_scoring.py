"""Every figure of scores.json, held against scipy, scikit-learn or a count by hand; nothing leaves the denominator."""

import json
import math
from dataclasses import replace

import models_for_tests as fakes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_bench import make_bench
from scipy import stats
from sklearn.metrics import accuracy_score, jaccard_score, roc_auc_score

from terrabench.asking.responses import RunError
from terrabench.asking.runner import run
from terrabench.cli import main
from terrabench.items import TASKS, Benchmark
from terrabench.scoring.results import Result
from terrabench.scoring.scores import score, summary, task_scores
from terrabench.scoring.tables import format_table
from terrabench.statistics.association import pearson
from terrabench.statistics.intervals import wilson
from terracot.io import iter_jsonl, write_manifest
from terracot.masks import decode, encode
from terracot.plugins import PredictedMask, Response


def result(task="coverage", correct=True, iou=1.0, options=4, status="ok", basis="measured", covered=True):
    return Result("id", task, "group", basis, options, status, "A", correct, iou, covered, 0)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_agrees_with_scipy(case):
    right, n = case
    theirs = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson(right, n) == pytest.approx([theirs.low, theirs.high], abs=1e-12)


def test_wilson_of_nothing_is_null():
    assert wilson(0, 0) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60))
def test_correlation_agrees_with_scipys_point_biserial(pairs):
    ious, right = [iou for iou, _ in pairs], [float(r) for _, r in pairs]
    ours = pearson(ious, right)
    if np.ptp(ious) < 1e-9 or len(set(right)) < 2:
        assert ours is None or abs(ours) <= 1
    else:
        assert ours == pytest.approx(stats.pointbiserialr(right, ious).statistic, abs=1e-6)


def test_correlation_is_null_where_it_is_undefined():
    assert pearson([0.5], [1.0]) is None
    assert pearson([0.2, 0.9], [1.0, 1.0]) is None
    assert pearson([0.5, 0.5], [0.0, 1.0]) is None
    assert pearson([], []) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([2, 4])), min_size=1, max_size=50))
def test_accuracy_and_chance_agree_with_scikit_learn(rows):
    found = task_scores([result(correct=right, options=k) for right, k in rows])
    assert found["accuracy"] == pytest.approx(accuracy_score([1] * len(rows), [int(right) for right, _ in rows]))
    chance = np.mean([1 / k for _, k in rows])
    assert found["chance"] == pytest.approx(chance)
    assert found["chance_centred"] == pytest.approx((found["accuracy"] - chance) / (1 - chance))


def test_a_single_option_has_no_chance_centred_accuracy():
    assert task_scores([result(options=1)])["chance_centred"] is None


def test_iou_is_averaged_over_items_with_truth_masks_only():
    found = task_scores([result(iou=0.5), result(iou=None), result(iou=0.0, covered=False)])
    assert (found["n"], found["iou_n"], found["mean_iou"], found["iou_covered"]) == (3, 2, 0.25, 0.5)
    nothing = task_scores([result(iou=None)])
    assert (nothing["mean_iou"], nothing["iou_covered"], nothing["r_iou_correct"]) == (None, None, None)


def test_macro_weighs_tasks_and_micro_weighs_items():
    rows = [result("coverage", True)] * 3 + [result("ranking", False, options=2, iou=0.0)]
    found = summary(rows)
    assert (found["macro_accuracy"], found["micro_accuracy"]) == (0.5, 0.75)
    assert (found["mean_iou_macro"], found["mean_iou"]) == (0.5, 0.75)
    assert (found["macro_tasks"], found["macro6"]) == (["coverage", "ranking"], None)
    assert summary([result(task) for task in TASKS])["macro6"] == 1.0


def test_headline_figures_are_over_the_six_tasks_only():
    rows = [result("coverage", True, iou=0.2), result("flood_change", False, iou=0.6), result("x/y", False, iou=None)]
    found = summary(rows)
    assert (found["macro_tasks"], found["macro_accuracy"], found["micro_accuracy"]) == (["coverage"], 1.0, 1.0)
    assert (found["mean_iou"], found["mean_iou_macro"]) == (0.2, 0.2)
    assert found["tasks"]["flood_change"]["accuracy"] == found["tasks"]["x/y"]["accuracy"] == 0.0
    assert found["counts"]["ok"] == 3
    assert summary(rows[2:])["macro_tasks"] == ["x/y"]


def test_every_figure_says_its_interval_its_groups_and_its_chance():
    rows = [replace(result("coverage", i % 3 == 0, iou=i / 90), group=f"g{i % 45}") for i in range(90)]
    rows += [replace(result("ranking", i % 2 == 0, options=2, iou=None), group=f"g{i}") for i in range(40)]
    found = summary(rows)
    coverage, ranking = found["tasks"]["coverage"], found["tasks"]["ranking"]
    assert (coverage["groups"], coverage["ci_method"], ranking["groups"], ranking["ci_method"]) == (
        45,
        "bootstrap",
        40,
        "wilson",
    )
    assert (found["groups"], found["macro_ci_method"], found["micro_ci_method"]) == (45, "bootstrap", "bootstrap")
    assert found["macro_accuracy"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert found["macro_ci95"][0] < found["macro_accuracy"] < found["macro_ci95"][1]
    theirs = stats.binom(90, 0.25)
    assert coverage["chance_range95"] == [theirs.ppf(0.025) / 90, theirs.ppf(0.975) / 90]
    assert coverage["p_chance"] == pytest.approx(theirs.sf(29))
    mixed = stats.poisson_binom([0.25] * 90 + [0.5] * 40)
    assert found["p_chance_micro"] == pytest.approx(mixed.sf(49))
    below = mixed.cdf(np.arange(131))
    assert found["chance_micro_range95"] == [np.argmax(below >= q) / 130 for q in (0.025, 0.975)]
    assert found["macro_chance_centred"] == pytest.approx((1 / 3 - 1 / 4) / (3 / 4) / 2)
    assert ranking["association"] is None
    related = coverage["association"]
    assert related["r"] == coverage["r_iou_correct"] == found["r_iou_correct"]
    assert related["auroc"] == pytest.approx(roc_auc_score([r.correct for r in rows[:90]], [r.iou for r in rows[:90]]))
    assert found["pooled"]["association"]["warning"] is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["coverage", "distance", "flood_change", "a/b"]),
            st.booleans(),
            st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0])),
            st.integers(0, 35),
            st.integers(1, 6),
        ),
        max_size=50,
    )
)
def test_scores_of_any_results_are_json_without_nan(rows):
    results = [replace(result(t, right, iou, k), group=f"g{g}") for t, right, iou, g, k in rows]
    found = summary(results)
    json.dumps(found, allow_nan=False)
    for task in found["tasks"].values():
        assert task["ci95"] is None or task["ci95"][0] <= task["accuracy"] <= task["ci95"][1]


def test_chance_of_all_items_is_not_taken_for_the_mean_over_tasks():
    rows = [result("coverage")] * 3 + [result("ranking", options=2)]
    found = summary(rows)
    assert found["chance_macro"] == 0.375  # (1/4 + 1/2) / 2
    assert found["chance_micro"] == 0.3125  # (3 * 1/4 + 1/2) / 4
    assert summary([])["chance_micro"] is None


def test_unparsed_errors_and_missing_stay_in_the_denominator():
    rows = [result()] + [result(status=s, correct=False, iou=0.0) for s in ("unparsed", "error", "missing")]
    found = summary(rows)
    assert found["micro_accuracy"] == found["mean_iou"] == 0.25
    assert found["counts"] == {"ok": 1, "unparsed": 1, "error": 1, "missing": 1}
    assert found["complete"] is False


def test_nominal_metres_are_reported_apart():
    rows = [result("area", True), result("area", True), result("area", False, basis="nominal"), result("ranking")]
    tasks = summary(rows)["tasks"]
    assert tasks["area"]["accuracy"] == pytest.approx(2 / 3)
    assert tasks["area"]["by_ground"]["measured"]["accuracy"] == 1.0
    assert tasks["area"]["by_ground"]["nominal"] == task_scores([rows[2]])
    assert "by_ground" not in tasks["ranking"]
    assert "nominal" not in summary([result("distance")])["tasks"]["distance"]["by_ground"]


def test_an_empty_run_scores_null_not_nan():
    found = summary([])
    assert (found["macro_accuracy"], found["micro_accuracy"], found["mean_iou"]) == (None, None, None)
    json.dumps(found, allow_nan=False)


def test_scores_of_a_real_run_agree_with_an_independent_count(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "bright", out, batch_size=8)
    found = score(out)
    lines = {line["id"]: line for line in iter_jsonl(out / "responses.jsonl")}
    right = {i["id"]: f"<answer>{i['answer']}</answer>" in lines[i["id"]]["reply"] for i in bench.items}
    assert found["micro_accuracy"] == pytest.approx(np.mean(list(right.values())))
    ious, correct = [], []
    for item in bench.items:
        masks, truth, valid = lines[item["id"]]["masks"], item["masks"], bench.valid(item)
        if len(masks) == len(truth) == 1 and item["task"] == "coverage":
            a, b = decode(masks[0]["rle"], (48, 64)), decode(truth[0]["rle"], (48, 64))
            ious.append(jaccard_score(b[valid[1]], a[valid[1]]))
            correct.append(right[item["id"]])
    single = [i for i in bench.items if i["task"] == "coverage" and len(lines[i["id"]]["masks"]) == 1]
    assert len(ious) == len(single) > 2
    # of the coverage items, those with an optical and a SAR image get two masks for one true region
    for item in bench.items:
        if item["task"] == "coverage" and len(lines[item["id"]]["masks"]) == 2:
            a = [decode(m["rle"], (48, 64)) for m in lines[item["id"]]["masks"]]
            b, v = decode(item["masks"][0]["rle"], (48, 64)), bench.valid(item)[1]
            ious.append(max(jaccard_score(b[v], x[v]) for x in a) / 2)
            correct.append(right[item["id"]])
    assert found["tasks"]["coverage"]["mean_iou"] == pytest.approx(np.mean(ious))
    r = found["tasks"]["coverage"]["r_iou_correct"]
    assert r is None if len(set(correct)) < 2 else r == pytest.approx(stats.pearsonr(ious, correct).statistic)
    assert found["tasks"]["area"]["by_ground"].keys() == {"measured", "nominal"}
    assert json.loads((out / "scores.json").read_text()) == json.loads(json.dumps(found))


def test_the_oracle_scores_one_everywhere(bench, tmp_path):
    from terracot.plugins import load_model

    run(bench, load_model("oracle"), "oracle", tmp_path / "run")
    found = score(tmp_path / "run")
    assert found["macro6"] == found["mean_iou"] == found["iou_covered"] == 1.0
    assert found["privileged"] is True
    assert found["r_iou_correct"] is None  # nothing varies
    assert "privileged" in format_table([found])


class Silent:
    """Answers nothing about half of the items and never shows a mask."""

    def respond(self, prompts):
        return [Response("<answer>A</answer>" if int(p.id, 16) % 2 else "I cannot tell.") for p in prompts]


def test_no_masks_is_iou_zero_and_not_covered(bench, tmp_path):
    run(bench, Silent(), "silent", tmp_path / "run")
    found = score(tmp_path / "run")
    assert (found["mean_iou"], found["iou_covered"], found["r_iou_correct"]) == (0.0, 0.0, None)
    assert found["counts"]["unparsed"] > 0
    assert found["counts"]["missing"] == 0
    assert "unparsed, all counted as wrong" in format_table([found])


def test_a_partial_run_is_never_shown_as_whole(bench, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(bench, fakes.Interrupting(), "m", tmp_path / "part", batch_size=3)
    part = score(tmp_path / "part")
    assert part["counts"]["missing"] == len(bench) - 6
    assert part["items"] == len(bench)
    assert part["micro_accuracy"] <= 6 / len(bench)
    run(bench, fakes.Bright(), "m", tmp_path / "few", limit=6)
    few = score(tmp_path / "few")
    assert few["items"] == 6
    table = format_table([part, few])
    assert "m !" in table
    assert "m ~" in table
    assert "! incomplete" in table
    assert "~ limited" in table


def test_the_table_is_aligned_and_shows_what_is_missing_as_a_dash(bench, tmp_path):
    run(bench, Silent(), "a-model-with-a-long-name", tmp_path / "a")
    run(bench, fakes.Bright(), "b", tmp_path / "b", limit=2)
    header, rule, first, second, *_ = format_table([score(tmp_path / "a"), score(tmp_path / "b")]).splitlines()
    assert header.split()[0] == "model"
    assert header.split()[-8:] == ["build.chg", "macro", "95", "%", "micro", "mIoU", "r", "n"]
    assert len(header) == len(rule) == len(first) == len(second)
    assert second.split()[4:7] == ["-", "-", "-"]  # two items: coverage and area


def test_a_changed_benchmark_is_refused_unless_given(tmp_path):
    path = make_bench(tmp_path / "bench", scenes=3)
    run(Benchmark.open(path), fakes.Bright(), "m", tmp_path / "run")
    before = score(tmp_path / "run")
    (path / "manifest.json").unlink()
    write_manifest(path, {"name": "the same items, another card"})
    with pytest.raises(RunError, match=r"has changed since .* --bench"):
        score(tmp_path / "run")
    assert score(tmp_path / "run", path)["tasks"] == before["tasks"]
    other = make_bench(tmp_path / "other", scenes=3, seed=9)
    with pytest.raises(RunError, match="does not hold the items"):
        score(tmp_path / "run", other)


def test_a_moved_benchmark_is_asked_for(tmp_path):
    path = make_bench(tmp_path / "bench", scenes=3)
    run(Benchmark.open(path), fakes.Bright(), "m", tmp_path / "run")
    path.rename(tmp_path / "moved")
    with pytest.raises(RunError, match="say where it is with --bench"):
        score(tmp_path / "run")
    assert score(tmp_path / "run", tmp_path / "moved")["complete"]


def test_letters_are_read_from_the_reply_not_from_the_log(bench, tmp_path):
    """Writing another letter into responses.jsonl does not change a score; the reply is what was said."""
    out = tmp_path / "run"
    run(bench, Silent(), "silent", out)
    before = score(out)
    changed = [line | {"letter": "A", "status": "ok"} for line in iter_jsonl(out / "responses.jsonl")]
    (out / "responses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed))
    assert score(out)["tasks"] == before["tasks"]
    assert score(out)["counts"] == before["counts"]


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [48, 64], "counts": "00"},
        {"size": [9999999, 9999999], "counts": "0"},
        {"size": [64, 48], "counts": [3072]},
        None,
    ],
)
def test_a_hostile_mask_in_the_log_is_named_not_decoded(bench, tmp_path, rle):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out, limit=2)
    first, second = iter_jsonl(out / "responses.jsonl")
    first["masks"][0]["rle"] = rle
    (out / "responses.jsonl").write_text(json.dumps(first) + "\n" + json.dumps(second) + "\n")
    with pytest.raises(RunError, match=rf"item {first['id']}, mask 1 cannot be read"):
        score(out)


@pytest.mark.parametrize(
    ("key", "value"),
    [("reply", None), ("masks", 7), ("dropped_masks", "x"), ("rotations", [1]), ("parser", []), ("letter", 3)],
)
def test_a_damaged_line_is_named_and_no_traceback(bench, tmp_path, capsys, key, value):
    run(bench, fakes.Bright(), "m", tmp_path / "run", limit=4)
    log = tmp_path / "run" / "responses.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    lines[1][key] = value
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for command in ("status", "score", "ledger", "rescore"):
        assert main([command, str(tmp_path / "run")]) == 2
        assert "Error: responses.jsonl holds a line that is no response" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bench", "here"),
        ("bench.path", None),
        ("model.spec", 3),
        ("limit", "5"),
        ("control", "blind"),
        ("control", {"label": "x"}),
        ("items", None),
    ],
)
def test_a_damaged_run_json_is_named_and_no_traceback(bench, tmp_path, capsys, key, value):
    run(bench, fakes.Bright(), "m", tmp_path / "run", limit=4)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    outer, _, inner = key.rpartition(".")
    (record[outer] if outer else record)[inner] = value
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    for command in ("status", "score", "ledger", "rescore"):
        assert main([command, str(tmp_path / "run")]) == 2
        assert f"run.json: {key}" in capsys.readouterr().err


def test_dropped_masks_are_shown_in_the_scores(bench, tmp_path):
    run(bench, fakes.Careless(), "careless", tmp_path / "run", limit=2)
    assert score(tmp_path / "run")["dropped_masks"] == 14


def test_answers_to_unknown_items_are_refused(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out, limit=1)
    with (out / "responses.jsonl").open("a") as log:
        log.write(json.dumps({"id": "elsewhere", "status": "ok", "reply": "A", "masks": []}) + "\n")
    with pytest.raises(RunError, match=r"1 items that .* does not have, such as elsewhere"):
        score(out)


def test_a_folder_that_is_no_run_cannot_be_scored(tmp_path):
    with pytest.raises(RunError, match=r"has no run\.json"):
        score(tmp_path)


def test_masks_of_the_wrong_date_earn_nothing(bench, tmp_path):
    class Swapped:
        def respond(self, prompts):
            return [Response("A", tuple(PredictedMask(f.t, np.ones(p.shape, bool)) for f in p.frames)) for p in prompts]

    run(bench, Swapped(), "all", tmp_path / "run")
    found = score(tmp_path / "run")
    item = next(i for i in bench.items if i["task"] == "building_change")
    shares = [decode(m["rle"], (48, 64))[:44].mean() for m in item["masks"]]
    lines = {line["id"]: line for line in iter_jsonl(tmp_path / "run" / "responses.jsonl")}
    assert lines[item["id"]]["masks"][0]["rle"] == encode(np.ones((48, 64), bool))
    others = [i for i in bench.items if i["task"] == "building_change" and i["scene_id"] != item["scene_id"]]
    expected = [np.mean(shares)] * 2 + [
        np.mean([decode(m["rle"], (48, 64))[:44].mean() for m in i["masks"]]) for i in others
    ]
    assert found["tasks"]["building_change"]["mean_iou"] == pytest.approx(np.mean(expected))
    assert not any(isinstance(v, float) and math.isnan(v) for v in found["tasks"]["building_change"].values())
