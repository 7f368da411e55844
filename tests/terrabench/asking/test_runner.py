"""Runs survive bad items, bad masks, Ctrl-C, kill -9 and full disks, and a resumed run equals an unbroken one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import models_for_tests as fakes
import pytest

from terrabench.asking import runner
from terrabench.asking.responses import RunError, load_responses, run_status, selected_items
from terrabench.asking.runner import run
from terrabench.cli import main
from terrabench.replies.answers import PARSER_VERSION
from terracot.io import OutputError, iter_jsonl
from terracot.masks import decode
from terracot.plugins import ModelError, load_model

MODELS = Path(__file__).parents[1] / "models_for_tests.py"


def lines_of(out):
    return list(iter_jsonl(out / "responses.jsonl"))


def essence(out):
    """What a run says, timings apart."""
    return {
        (line["id"], line["reply"], json.dumps(line["masks"]), line["status"]) for line in load_responses(out).values()
    }


def test_every_item_gets_one_line_with_all_that_was_said(bench, tmp_path):
    status = run(bench, fakes.Bright(), "bright", tmp_path / "run", batch_size=4)
    lines = lines_of(tmp_path / "run")
    assert sorted(line["id"] for line in lines) == sorted(item["id"] for item in bench.items)
    assert {line["status"] for line in lines} == {"ok", "unparsed"}  # "?" is no letter
    assert all((line["letter"] is None) == (line["status"] == "unparsed") for line in lines)
    assert all(line["parser"] == PARSER_VERSION and line["seconds"] >= 0 and line["error"] is None for line in lines)
    assert all(line["meta"]["tokens"] >= 0 for line in lines)
    two_dates = next(line for line in lines if line["task"] == "building_change")
    assert [m["t"] for m in two_dates["masks"]] == [1, 2]
    item = next(i for i in bench.items if i["id"] == two_dates["id"])
    shown = bench.prompt(item, 0).frames[1].image[..., 0] > 128
    assert (decode(two_dates["masks"][1]["rle"], bench.shape(item)) == shown).all()
    assert status["complete"]
    assert sum(status["counts"].values()) == status["items"] == len(bench)


def test_run_json_says_what_was_asked_of_whom(bench, tmp_path):
    run(bench, fakes.Bright(), "x.py:Bright", tmp_path / "run", arguments={"seconds": 0.0}, limit=2, seed=5)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["bench"]["manifest_sha256"] == bench.manifest_sha256
    assert record["model"]["spec"] == "x.py:Bright"
    assert record["model"]["arguments"] == {"seconds": 0.0}
    assert record["model"]["info"] == {"revision": "abc123"}
    assert (record["seed"], record["limit"], record["items"], record["privileged"]) == (5, 2, 2, False)
    assert record["stamp"]["version"] == "0.1.0"


def test_the_files_of_a_run_hold_exactly_what_is_documented(bench, tmp_path):
    """Other programs read them, so that nothing may come or go by accident."""
    run(bench, fakes.Bright(), "m", tmp_path / "run", limit=2)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert set(record) == {
        *("format", "bench", "model", "prompt", "control", "seed", "limit", "items", "privileged", "parser", "stamp")
    }
    assert record["control"] is None
    assert set(record["prompt"]) == {"name", "version", "text", "sha256"}
    line = lines_of(tmp_path / "run")[0]
    assert set(line) == {
        *("id", "rotation", "rotations", "task", "status", "letter", "rule", "parser", "reply", "masks"),
        *("dropped_masks", "seconds", "error", "meta", "note"),
    }
    assert (line["rotation"], line["rotations"], line["note"]) == (0, 1, None)


@pytest.mark.parametrize("batch_size", [2, 7, 1000])
def test_replies_do_not_depend_on_the_batch_size(bench, tmp_path, batch_size):
    run(bench, fakes.Bright(), "bright", tmp_path / "one", batch_size=1)
    run(bench, fakes.Bright(), "bright", tmp_path / "many", batch_size=batch_size)
    order = [line["id"] for line in lines_of(tmp_path / "one")]
    assert order == [line["id"] for line in lines_of(tmp_path / "many")]
    assert essence(tmp_path / "one") == essence(tmp_path / "many")


def test_another_seed_gives_other_prompt_ids(bench, tmp_path):
    seen = {}
    for seed in (0, 1):
        model = load_model("chance")
        run(bench, model, "chance", tmp_path / str(seed), seed=seed)
        seen[seed] = {(i, letter) for i, letter, _, _ in essence(tmp_path / str(seed))}
    assert seen[0] != seen[1]


def test_a_raising_batch_costs_only_the_item_at_fault(bench, tmp_path):
    run(bench, fakes.Fragile(), "fragile", tmp_path / "run", batch_size=8)
    lines = {line["id"]: line for line in lines_of(tmp_path / "run")}
    for item in bench.items:
        expected = "error" if item["task"] == "boundary" else None
        assert (lines[item["id"]]["status"] == "error") == (expected == "error")
    failed = next(line for line in lines.values() if line["status"] == "error")
    assert failed["error"] == "RuntimeError: no borders please"
    assert (failed["reply"], failed["masks"], failed["letter"]) == ("", [], None)


def test_errors_are_asked_again_only_when_wanted(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Fragile(), "fragile", out)
    errors = run_status(out)["counts"]["error"]
    healed = fakes.Fragile()
    healed.healed = True
    run(bench, healed, "fragile", out)
    assert healed.batches == []
    run(bench, healed, "fragile", out, retry_errors=True)
    assert len(healed.batches) == errors > 0
    assert run_status(out)["counts"]["error"] == 0
    assert len(lines_of(out)) == len(bench) + errors  # the log keeps both; the last line of an item counts


def test_useless_masks_are_dropped_counted_and_explained(bench, tmp_path):
    status = run(bench, fakes.Careless(), "careless", tmp_path / "run", limit=1)
    (line,) = lines_of(tmp_path / "run")
    assert [m["label"] for m in line["masks"]] == ["good"]
    assert line["dropped_masks"] == status["dropped_masks"] == 7
    assert (line["status"], line["letter"]) == ("ok", "A")  # the words still count
    for reason in (
        "mask 2 dropped: expected shape (48, 64), found (47, 64)",
        "mask 3 dropped: date 9 is not one of [1]",
        "mask 4 dropped: date True",
        "mask 5 dropped: expected a numpy array of booleans, found uint8",
        "mask 6 dropped: expected a numpy array of booleans, found list",
        "mask 7 dropped: expected a label of words or None, found int",
        "mask 8 dropped: expected a PredictedMask, found ndarray",
        "meta dropped",
    ):
        assert reason in line["error"]
    assert line["meta"] == {}


def test_lost_and_strange_responses_are_errors_not_shifts(bench, tmp_path):
    """A model that loses one response of a batch must not have the others given to the wrong items."""
    run(bench, fakes.Short(), "short", tmp_path / "short", batch_size=5)
    run(bench, fakes.Bright(), "short", tmp_path / "whole", batch_size=5)
    assert essence(tmp_path / "short") == essence(tmp_path / "whole")
    run(bench, fakes.Confused(), "confused", tmp_path / "confused", limit=3, batch_size=3)
    assert {line["error"] for line in lines_of(tmp_path / "confused")} == {
        "TypeError: expected a Response with a text, found str"
    }


def test_a_model_that_calls_exit_is_recorded_and_does_not_end_the_run_as_done(bench, tmp_path):
    status = run(bench, fakes.Leaves(), "leaves", tmp_path / "run", limit=3, batch_size=2)
    assert status["counts"] == {"ok": 0, "unparsed": 0, "error": 3, "missing": 0}
    assert [line["error"] for line in lines_of(tmp_path / "run")] == ["SystemExit: 0"] * 3


def test_meta_that_cannot_be_written_is_dropped_and_the_reply_kept(bench, tmp_path):
    status = run(bench, fakes.Nested(), "nested", tmp_path / "run", limit=1)
    (line,) = lines_of(tmp_path / "run")
    assert (status["counts"]["ok"], line["letter"], line["meta"]) == (1, "A", {})
    assert line["error"].startswith("meta dropped: it must be plain JSON values")


def test_text_that_cannot_be_printed_and_meta_that_cannot_be_read_end_no_run(bench_path, tmp_path, capsys):
    options = ["run", "--bench", str(bench_path), "--model", f"{MODELS}:Unreadable", "--out", str(tmp_path / "run")]
    assert main([*options, "--limit", "4"]) == 0
    assert "2 x OSError: no such file: caf\\udce9.tif" in capsys.readouterr().out.encode().decode()
    by_status = {status: [x for x in lines_of(tmp_path / "run") if x["status"] == status] for status in ("ok", "error")}
    assert [len(lines) for lines in by_status.values()] == [2, 2]
    assert all(line["meta"] == {} and "meta dropped" in line["error"] for line in by_status["ok"])


def test_a_model_that_cannot_say_what_it_is_is_refused_in_words(bench, tmp_path):
    with pytest.raises(ModelError, match=r"must be plain JSON values \(RuntimeError: not loaded yet\)"):
        run(bench, fakes.Mysterious(), "m", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_that_cannot_work_ends_the_run_at_once(bench, tmp_path):
    with pytest.raises(ModelError, match="start it"):
        run(bench, fakes.Broken(), "broken", tmp_path / "run", batch_size=3)
    assert lines_of(tmp_path / "run") == []


def test_ctrl_c_leaves_a_run_that_can_be_resumed(bench, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(bench, fakes.Interrupting(), "m", out, batch_size=3)
    assert len(lines_of(out)) == 6
    assert not run_status(out)["complete"]
    model = fakes.Interrupting()
    model.batches = [0] * 10  # past the point where it is stopped
    run(bench, model, "m", out, batch_size=4)
    run(bench, fakes.Bright(), "m", tmp_path / "whole")
    assert essence(out) == essence(tmp_path / "whole")
    assert len(lines_of(out)) == len(bench)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "seed was 0, is now 1"),
        ({"arguments": {"seconds": 1}}, "model.arguments.seconds was None, is now 1"),
        ({"spec": "other"}, "model.spec was 'm', is now 'other'"),
        ({"model": fakes.Fragile()}, "model.class was 'models_for_tests.Bright', is now 'models_for_tests.Fragile'"),
    ],
)
def test_another_run_is_never_continued(bench, tmp_path, change, named):
    out = tmp_path / "run"
    first = {"model": fakes.Bright(), "spec": "m", "arguments": {}, "seed": 0, "limit": 2}
    run(bench, out=out, **first)
    before = (out / "responses.jsonl").read_bytes()
    with pytest.raises(RunError, match="holds another run") as error:
        run(bench, out=out, **(first | change))
    assert named in str(error.value)
    assert (out / "responses.jsonl").read_bytes() == before


def test_another_benchmark_or_version_is_never_continued(bench, tmp_path, monkeypatch):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out, limit=1)
    monkeypatch.setattr(bench, "manifest_sha256", "other")
    with pytest.raises(RunError, match=r"bench\.manifest_sha256 was"):
        run(bench, fakes.Bright(), "m", out, limit=1)
    monkeypatch.undo()
    stamped = runner.stamp()
    monkeypatch.setattr(runner, "stamp", lambda: stamped | {"version": "9.9"})
    with pytest.raises(RunError, match=r"stamp\.version was '0\.1\.0', is now '9\.9'"):
        run(bench, fakes.Bright(), "m", out, limit=1)


def test_a_larger_limit_goes_on_and_a_smaller_one_changes_nothing(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out, limit=6)
    assert {line["task"] for line in lines_of(out)} == {item["task"] for item in bench.items}  # one of each task
    assert run(bench, fakes.Bright(), "m", out, limit=9)["items"] == 9
    assert run(bench, fakes.Bright(), "m", out, limit=3)["items"] == 9
    assert run(bench, fakes.Bright(), "m", out)["items"] == len(bench)
    assert len(lines_of(out)) == len(bench)


def test_a_smaller_limit_selects_a_subset(bench):
    chosen = [{item["id"] for item in selected_items(bench, n)} for n in (1, 4, 13, 1000)]
    assert [len(c) for c in chosen] == [1, 4, 13, len(bench)]
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3]


def test_a_torn_last_line_is_asked_again(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out)
    whole = (out / "responses.jsonl").read_bytes()
    (out / "responses.jsonl").write_bytes(whole[:-20])
    assert run_status(out)["counts"]["missing"] == 1
    model = fakes.Bright()
    run(bench, model, "m", out)
    assert model.batches == [1]
    assert len(lines_of(out)) == len(bench)


def test_damage_inside_the_log_is_refused_by_line(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out, limit=3)
    content = (out / "responses.jsonl").read_bytes().splitlines(keepends=True)
    (out / "responses.jsonl").write_bytes(content[0] + b"\x00\x00\n" + content[2])
    with pytest.raises(OutputError, match="line 2"):
        run(bench, fakes.Bright(), "m", out, limit=3)


def test_a_folder_that_is_no_run_is_left_alone(bench, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        run(bench, fakes.Bright(), "m", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(RunError, match="at least 1"):
        run(bench, fakes.Bright(), "m", tmp_path / "run", batch_size=0)


def test_only_built_in_reference_models_see_the_evidence(bench, tmp_path):
    with pytest.raises(ModelError, match=r"has no respond\(prompts\)"):
        run(bench, fakes.Peeking(), "peek", tmp_path / "a")
    disguised = load_model("oracle")
    with pytest.raises(ModelError, match="built-in reference models only"):
        run(bench, disguised, "oracle.py:Oracle", tmp_path / "b")
    run(bench, disguised, "oracle", tmp_path / "c", limit=2)
    assert json.loads((tmp_path / "c" / "run.json").read_text())["privileged"] is True


def test_a_model_fitted_on_the_benchmark_is_refused(bench, bench_path, tmp_path):
    model = load_model("majority", {"train": str(bench_path)})
    with pytest.raises(ModelError, match="fitted on this very benchmark"):
        run(bench, model, "majority", tmp_path / "run")


@pytest.mark.skipif(sys.platform == "win32", reason="file locks are POSIX here")
def test_two_processes_cannot_write_one_run(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out, limit=1)
    with (
        runner._exclusive(out / "responses.jsonl"),
        pytest.raises(RunError, match="another process is writing"),
    ):
        run(bench, fakes.Bright(), "m", out, limit=2)


def command(bench_path, out, batch_size):
    code = "import sys; from terrabench.cli import main; sys.exit(main())"
    options = ["--bench", bench_path, "--model", f"{MODELS}:Bright", "--model-args", "seconds=0.02", "--out", out]
    return [sys.executable, "-c", code, "run", *map(str, options), "--batch-size", str(batch_size)]


@pytest.mark.e2e
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_kill_minus_nine_at_any_point_and_resume_equals_an_unbroken_run(bench, bench_path, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    out, log = tmp_path / "run", tmp_path / "run" / "responses.jsonl"
    for lines_before_kill, batch_size in [(1, 1), (5, 2), (9, 3), (13, 1), (18, 5)]:
        process = subprocess.Popen(command(bench_path, out, batch_size), env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (log.exists() and log.read_bytes().count(b"\n") >= lines_before_kill):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not run_status(out)["complete"]
    subprocess.run(command(bench_path, out, 4), env=environment, check=True, stdout=subprocess.DEVNULL)
    run(bench, fakes.Bright(), "m", tmp_path / "whole")
    assert essence(out) == essence(tmp_path / "whole")
    assert len(lines_of(out)) == len(bench)
