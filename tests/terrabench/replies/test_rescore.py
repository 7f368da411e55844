"""Replies are read again without the model, the saved lines stay, and every changed letter is accounted for."""

import json

import models_for_tests as fakes
import pytest

from terrabench.asking.responses import RunError
from terrabench.asking.runner import run
from terrabench.cli import main
from terrabench.replies.answers import PARSER_VERSION
from terrabench.replies.rescore import rescore, rescore_text
from terrabench.scoring.scores import score


def rewrite(out, change):
    log = out / "responses.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for number, line in enumerate(lines):
        change(number, line)
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return log.read_bytes()


def as_read_by_an_older_parser(number, line):
    """A reply without a letter that has one, two with a wrong one, one with a letter that it should not have."""
    line["parser"] = 0
    edits = {
        0: {"reply": "<answer>B</answer>", "letter": None, "rule": "none", "status": "unparsed"},
        1: {"reply": "crop, so B", "letter": "A", "rule": "first_letter"},
        2: {"reply": "crop, so B", "letter": "A", "rule": "first_letter"},
        4: {"reply": "The answer is A.", "letter": "A", "rule": "first_letter"},
        5: {"reply": "I cannot say.", "letter": "A", "rule": "first_letter"},
    }
    line.update(edits.get(number, {}))


def test_changed_letters_are_counted_by_rule_and_versions(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Fragile(), "m", out)
    before = rewrite(out, as_read_by_an_older_parser)
    found = rescore(out)
    assert found["parser"] == {"from": [0], "to": PARSER_VERSION}
    assert found["changed"] == len(found["lines"]) == 4
    assert found["readings"] == [
        {"from": "first_letter", "to": "marker", "gained": 0, "lost": 0, "replaced": 2},
        {"from": "first_letter", "to": "none", "gained": 0, "lost": 1, "replaced": 0},
        {"from": "none", "to": "answer_tag", "gained": 1, "lost": 0, "replaced": 0},
    ]
    assert found["lines"][0]["letter"] == {"from": None, "to": "B"}
    errors = sum(json.loads(line)["status"] == "error" for line in before.splitlines())
    assert found["replies"] == len(bench) - errors
    assert errors > 0
    assert (out / "responses.jsonl").read_bytes() == before
    assert json.loads((out / "scores.json").read_text()) == found["scores"]
    assert found["scores"]["parser"] == PARSER_VERSION
    text = rescore_text(found)
    assert f"read by parser 0, now by parser {PARSER_VERSION}: 4 letters changed" in text
    assert "first_letter -> marker: 0 gained, 0 lost, 2 replaced" in text


@pytest.mark.parametrize("control", [None, "shuffled-options"])
def test_a_run_that_was_just_made_has_nothing_to_change(bench, tmp_path, control):
    """Under shuffled options every reply is read against the options in the order in which they were shown."""

    class Words(fakes.Bright):
        def one(self, prompt):
            from terracot.plugins import Response

            return Response(f"The answer is {max(prompt.options)}.")

    out = tmp_path / "run"
    run(bench, Words(), "m", out, control=control)
    scores = score(out)
    found = rescore(out)
    assert (found["changed"], found["readings"], found["lines"]) == (0, [], [])
    assert found["replies"] == (sum(len(i["options"]) for i in bench.items) if control else len(bench))
    assert found["scores"]["micro_accuracy"] == scores["micro_accuracy"] > 0


def test_replies_of_another_benchmark_are_refused(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out, limit=2)
    rewrite(out, lambda _, line: line.update(id="elsewhere" + line["id"]))
    with pytest.raises(RunError, match="answers 2 items"):
        rescore(out)


def test_the_command_reads_several_runs(bench, bench_path, tmp_path, capsys):
    outs = [str(tmp_path / name) for name in ("a", "b")]
    for out in outs:
        assert main(["run", "--bench", str(bench_path), "--model", "chance", "--out", out, "--quiet"]) == 0
    capsys.readouterr()
    assert main(["rescore", *outs]) == 0
    assert capsys.readouterr().out.count("0 letters changed") == 2
    assert main(["rescore", outs[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["replies"] == len(bench)
