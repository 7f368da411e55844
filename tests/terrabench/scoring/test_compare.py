"""Runs against each other on the same items: figures by hand or by scipy, refusals, warnings, and what is printed."""

import json
import shutil

import models_for_tests as fakes
import numpy as np
import pytest
from click.testing import CliRunner
from make_bench import make_bench
from scipy import stats
from statsmodels.stats.multitest import multipletests

from terrabench.asking.responses import RunError
from terrabench.asking.runner import run
from terrabench.cli import main
from terrabench.commands.score import compare as compare_command
from terrabench.items import TASKS, Benchmark
from terrabench.scoring.compare import compare
from terrabench.scoring.compare_text import comparison_text
from terrabench.scoring.scores import score
from terracot.io import iter_jsonl
from terracot.plugins import Response


class Always:
    """Says A, whatever is asked."""

    def respond(self, prompts):
        return [Response("<answer>A</answer>") for _ in prompts]


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A benchmark of 36 groups; the tasks distance and building_change are in fewer."""
    return Benchmark.open(make_bench(tmp_path_factory.mktemp("wide") / "bench", scenes=36))


def answering(bench, out, right, name, control=None):
    """A run of a made-up model that is right on the items for which ``right(item)`` is true, and on no others."""
    run(bench, Always(), name, out, control=control)
    items = {item["id"]: item for item in bench.items}
    lines = []
    for line in iter_jsonl(out / "responses.jsonl"):
        item = items[line["id"]]
        wrong = "A" if item["answer"] != "A" else "B"
        lines.append(line | {"reply": f"<answer>{item['answer'] if right(item) else wrong}</answer>"})
    (out / "responses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return out


def chosen(share, seed):
    """True for about that share of items, independently of the item."""
    rng = np.random.default_rng(seed)
    known = {}
    return lambda item: known.setdefault(item["id"], rng.random() < share)


@pytest.fixture(scope="module")
def runs(wide, tmp_path_factory):
    """Three made-up models that are right on about 4, 7 and 4 items of 10."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        answering(wide, folder / n, chosen(p, s), n)
        for n, p, s in (("weak", 0.4, 1), ("strong", 0.7, 2), ("other", 0.4, 3))
    ]


def rights(bench, folder):
    lines = {line["id"]: line["reply"] for line in iter_jsonl(folder / "responses.jsonl")}
    return {item["id"]: f">{item['answer']}<" in lines[item["id"]] for item in bench.items}


def test_differences_and_p_values_agree_with_scipy_on_group_sums(wide, runs):
    (pair,) = compare(runs[:2])["comparisons"]
    a, b = rights(wide, runs[0]), rights(wide, runs[1])
    for task in TASKS:
        items = [item for item in wide.items if item["task"] == task]
        each = [b[i["id"]] - a[i["id"]] for i in items]
        found = pair["tasks"][task]
        assert found["n"] == len(items)
        assert found["difference"] == pytest.approx(np.mean(each))
        groups = sorted({i["group"] for i in items})
        assert found["groups"] == len(groups)
        sums = np.array([sum(d for d, i in zip(each, items, strict=True) if i["group"] == g) for g in groups])
        signs = np.random.default_rng(0).choice([-1, 1], size=(200_000, len(sums)))
        share = (np.abs(signs @ sums) >= abs(sums.sum())).mean()
        assert found["p"] == pytest.approx(share, abs=0.006)
        assert found["test"] == ("mcnemar" if len(groups) == len(items) else "sign-flip")
    macro = np.mean([pair["tasks"][task]["difference"] for task in TASKS])
    assert pair["macro"]["difference"] == pytest.approx(macro)
    assert pair["macro"]["a"] == pytest.approx(score(runs[0])["macro_accuracy"])


def test_the_known_difference_of_two_models_is_found(runs):
    macro = compare(runs[:2])["comparisons"][0]["macro"]
    assert macro["ci95"][0] < 0.3 < macro["ci95"][1]
    assert macro["p"] < 0.001
    assert macro["ci95"][0] > 0


def test_models_that_are_alike_are_not_told_apart(runs):
    macro = compare([runs[0], runs[2]])["comparisons"][0]["macro"]
    assert macro["ci95"][0] < 0 < macro["ci95"][1]
    assert macro["p"] > 0.05


def test_the_order_of_two_runs_only_turns_the_sign(runs):
    there, back = (compare(pair)["comparisons"][0] for pair in (runs[:2], runs[1::-1]))
    for task in TASKS:
        assert back["tasks"][task]["difference"] == pytest.approx(-there["tasks"][task]["difference"])
        assert back["tasks"][task]["p"] == pytest.approx(there["tasks"][task]["p"])


def test_few_groups_get_t_intervals_on_group_means_and_it_is_said(wide, runs):
    pair = compare(runs[:2])["comparisons"][0]
    items = [item for item in wide.items if item["task"] == "distance"]
    assert len({i["group"] for i in items}) == len(items) < 30  # one item a group: a plain paired t-test
    a, b = rights(wide, runs[0]), rights(wide, runs[1])
    first, second = ([float(side[i["id"]]) for i in items] for side in (a, b))
    theirs = stats.ttest_rel(second, first).confidence_interval(0.95)
    assert pair["tasks"]["distance"]["ci95"] == pytest.approx([theirs.low, theirs.high])
    assert pair["tasks"]["distance"]["ci_method"] == "t"
    assert any("under 30 groups, t-intervals on group means" in w and "distance (" in w for w in pair["warnings"])


def test_p_values_are_corrected_for_the_number_of_models(runs):
    found = compare(runs, all_pairs=True)
    assert [(c["a"], c["b"]) for c in found["comparisons"]] == [
        ("weak", "strong"),
        ("weak", "other"),
        ("strong", "other"),
    ]
    for figure in TASKS:
        raw = [c["tasks"][figure]["p"] for c in found["comparisons"]]
        corrected = [c["tasks"][figure]["p_holm"] for c in found["comparisons"]]
        assert corrected == pytest.approx(multipletests(raw, method="holm")[1])
    assert found["correction"] == "Holm, over 3 comparisons of each figure"
    assert len(compare(runs)["comparisons"]) == 2
    only = compare(runs[:2])
    assert only["correction"] is None
    assert only["comparisons"][0]["macro"]["p_holm"] == only["comparisons"][0]["macro"]["p"]


def test_runs_of_other_items_are_refused_and_the_difference_is_named(wide, runs, tmp_path):
    run(wide, Always(), "short", tmp_path / "short", limit=12)
    with pytest.raises(RunError, match=rf"{len(wide)} of .*no limit.* and 12 of .*--limit 12.*12 in common"):
        compare([runs[0], tmp_path / "short"])
    other = make_bench(tmp_path / "other", scenes=3, seed=9)
    run(Benchmark.open(other), Always(), "elsewhere", tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"do not answer the same items.* 0 in common"):
        compare([runs[0], tmp_path / "elsewhere"])


def test_one_run_alone_twice_or_as_a_file_is_refused(runs):
    with pytest.raises(RunError, match="two run folders or more, found 1"):
        compare(runs[:1])
    with pytest.raises(RunError, match="is given twice"):
        compare([runs[0], runs[0] / ".." / runs[0].name])
    released = runs[0] / "scores.release.json"
    released.write_text("{}")
    with pytest.raises(RunError, match=r"is a file; compare takes run folders.*never compared with ours"):
        compare([runs[1], released])


def test_a_model_that_ignores_the_image_is_seen_through(wide, tmp_path):
    for control in (None, "blind"):
        run(wide, fakes.Bright(), "bright", tmp_path / str(control), control=control)
    pair = compare([tmp_path / "None", tmp_path / "blind"])["comparisons"][0]
    assert pair["reading"].endswith("nothing shows that it uses the image")
    assert "loses 0.0 points" in pair["reading"]
    assert pair["macro"]["p"] == 1.0


def test_a_model_that_looks_at_the_image_is_said_to_rest_on_it(wide, tmp_path):
    plain = answering(wide, tmp_path / "plain", chosen(0.9, 1), "looks")
    blind = answering(wide, tmp_path / "blind", chosen(0.3, 2), "looks", control="blind")
    for order in ([plain, blind], [blind, plain]):
        pair = compare(order)["comparisons"][0]
        assert pair["reading"].startswith("looks loses ")
        assert pair["reading"].endswith("under blind: its answers rest on the image")
        assert pair["warnings"] == compare([plain, blind])["comparisons"][0]["warnings"]


def test_other_models_under_other_controls_are_warned_about(wide, runs, tmp_path):
    blind = answering(wide, tmp_path / "blind", chosen(0.3, 2), "someone", control="blind")
    pair = compare([runs[0], blind])["comparisons"][0]
    assert "other models and other controls (none and blind): the difference mixes both" in pair["warnings"]
    assert pair["reading"] is None


def test_items_that_a_control_leaves_nothing_of_are_left_out_of_both_runs(wide, runs, tmp_path):
    sar = answering(wide, tmp_path / "sar", chosen(0.4, 1), "weak", control="sar-only")
    skipped = score(sar)["not_applicable"]
    assert 0 < skipped < len(wide)
    pair = compare([runs[0], sar])["comparisons"][0]
    assert pair["left_out"] == skipped
    assert sum(t["n"] for t in pair["tasks"].values()) == len(wide) - skipped
    assert f"{skipped} items left out: a control does not apply to them" in pair["warnings"]


def test_unanswered_items_count_as_wrong_and_are_warned_about(wide, runs, tmp_path):
    part = tmp_path / "part"
    shutil.copytree(runs[1], part)
    lines = (part / "responses.jsonl").read_text().splitlines(keepends=True)
    (part / "responses.jsonl").write_text("".join(lines[:10]))
    found = compare([runs[1], part])
    assert f"{len(wide) - 10} items were never asked and count as wrong" in found["warnings"][0]
    assert found["comparisons"][0]["b"] == f"strong ({part})"  # two runs of one name are told apart by their folders
    assert found["comparisons"][0]["macro"]["difference"] < 0


def test_the_comparison_is_printed_and_is_json_on_request(runs):
    text = CliRunner().invoke(compare_command, [str(r) for r in runs])
    assert text.exit_code == 0
    header = next(line for line in text.output.splitlines() if line.startswith("accuracy"))
    assert header.split() == [
        "accuracy",
        "n",
        "groups",
        "A",
        "B",
        "B",
        "-",
        "A",
        "95",
        "%",
        "p",
        "p",
        "(Holm)",
        "test",
        "shows",
        "from",
    ]
    assert "B: strong" in text.output
    assert "Holm, over 2 comparisons" in text.output
    shown = CliRunner().invoke(compare_command, [*map(str, runs), "--json"])
    assert json.loads(shown.output) == json.loads(json.dumps(compare(runs), allow_nan=False))
    two = comparison_text(compare(runs[:2]))
    assert "Holm" not in two


def test_a_refusal_is_one_line_and_no_traceback(runs, capsys):
    assert main(["compare", str(runs[0])]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("Error: compare takes two run folders or more")
