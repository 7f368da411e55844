"""The command as a user meets it: exit codes, one-line errors, JSON for programs, a quick --help."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from terrabench.cli import main
from terracot.cli import parse_arguments

MODELS = Path(__file__).with_name("models_for_tests.py")


def test_run_status_and_score_work_together(bench_path, tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main(["run", "--bench", str(bench_path), "--model", "chance", "--out", out, "--batch-size", "5"]) == 0
    assert f"terrabench score {out}" in capsys.readouterr().out
    assert main(["status", out, "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["complete"]
    assert main(["score", out, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores == json.loads((tmp_path / "run" / "scores.json").read_text())
    assert {"macro_accuracy", "macro6", "micro_accuracy", "tasks", "mean_iou", "r_iou_correct", "counts"} <= set(scores)
    assert {"n", "accuracy", "ci95", "chance", "mean_iou", "r_iou_correct"} <= set(scores["tasks"]["coverage"])
    assert set(scores["counts"]) == {"ok", "unparsed", "error", "missing"}
    assert main(["score", out, out]) == 0
    assert capsys.readouterr().out.count("chance") == 2
    assert main(["status", out]) == 0
    assert f"{status['items']} items" in capsys.readouterr().out


def test_a_model_from_a_file_with_arguments(bench_path, tmp_path, capsys):
    options = ["--model", f"{MODELS}:Bright", "--model-args", "seconds=0.0", "--limit", "2"]
    assert main(["run", "--bench", str(bench_path), *options, "--out", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 2
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["model"]["arguments"] == {"seconds": 0.0}


def test_a_run_of_nothing_but_errors_is_not_valid(bench_path, tmp_path, capsys):
    options = ["--model", f"{MODELS}:Confused", "--out", str(tmp_path / "run"), "--limit", "3"]
    assert main(["run", "--bench", str(bench_path), *options]) == 1
    assert "--retry-errors" in capsys.readouterr().out


def test_models_lists_what_is_registered(capsys):
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["oracle"] == "terrabaselines.oracle:Oracle"
    assert main(["models"]) == 0
    assert "majority" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--bench", "{bench}", "--model", "chanse", "--out", "{out}"], "Did you mean chance?"),
        (["run", "--bench", "{bench}", "--model", "majority", "--out", "{out}"], "--model-args train=FOLDER"),
        (["run", "--bench", "{bench}", "--model", "chance", "--model-args", "x=1", "--out", "{out}"], "take these"),
        (["run", "--bench", "{bench}", "--model", "chance", "--model-args", "x", "--out", "{out}"], "name=value"),
        (["run", "--bench", "{bench}", "--model", "{models}:Peeking", "--out", "{out}"], "built-in reference models"),
        (["run", "--bench", "{bench}", "--model", "{models}:Broken", "--out", "{out}"], "start it"),
        (["run", "--bench", "{bench}", "--model", "{models}:Nobody", "--out", "{out}"], "has no 'Nobody'"),
        (["run", "--bench", "{out}", "--model", "chance", "--out", "{out}"], "is not a folder"),
        (["run", "--bench", "{bench}", "--model", "chance", "--out", "{models}"], "cannot write"),
        (["run", "--bench", "{bench}", "--model", "chance"], "Missing option '--out'"),
        (["score", "{out}"], "has no run.json"),
        (["status", "{out}"], "has no run.json"),
        (["dance"], "No such command"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_exit_code_2(bench_path, tmp_path, capsys, arguments, message):
    places = {"bench": bench_path, "out": tmp_path / "out", "models": MODELS}
    assert main([a.format(**places) for a in arguments]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.startswith("Error: ")
    assert shown.count("\n") == 1


def test_a_model_that_cannot_be_built_is_one_line_without_traceback(bench_path, tmp_path, capsys):
    module = tmp_path / "own.py"
    module.write_text("class Model:\n    def __init__(self): raise ValueError('no\\nweights')\n")
    assert main(["run", "--bench", str(bench_path), "--model", f"{module}:Model", "--out", str(tmp_path / "run")]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"Error: model {module}:Model could not be built")
    assert "ValueError: no weights" in shown
    assert shown.count("\n") == 1


def test_errors_of_other_libraries_keep_their_traceback(bench_path, tmp_path):
    module = tmp_path / "own.py"
    fault = "    @property\n    def fitted_on(self): raise ValueError('a bug of the author')\n"
    module.write_text(f"class Model:\n    def respond(self, prompts): return []\n{fault}")
    with pytest.raises(ValueError, match="a bug of the author"):
        main(["run", "--bench", str(bench_path), "--model", f"{module}:Model", "--out", str(tmp_path / "run")])


def test_ctrl_c_is_explained_and_exits_130(bench_path, tmp_path, capsys):
    options = ["--model", f"{MODELS}:Interrupting", "--out", str(tmp_path / "run")]
    assert main(["run", "--bench", str(bench_path), *options]) == 130
    assert "go on where it stopped" in capsys.readouterr().err
    assert main(["status", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["missing"] > 0


def test_arguments_are_json_where_they_can_be():
    assert parse_arguments(["a=1,b=x", "c=true", "d=path/to=odd"]) == {"a": 1, "b": "x", "c": True, "d": "path/to=odd"}
    assert parse_arguments([]) == {}
    with pytest.raises(click.UsageError):
        parse_arguments(["=1"])


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_disk_that_fills_up_is_one_line_and_the_run_goes_on_later(bench_path, tmp_path):
    """A limit on the size of files stands in for the full disk: the write itself fails in the middle of a line."""
    import resource

    options = ["--bench", bench_path, "--model", f"{MODELS}:Bright", "--out", tmp_path / "run"]
    code = "import sys; from terrabench.cli import main; sys.exit(main())"
    call = [sys.executable, "-c", code, "run", *map(str, options)]
    limited = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # noqa: E731
    failed = subprocess.run(call, preexec_fn=limited, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr.startswith("Error: cannot write")
    assert "every line before this one is safe" in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert (tmp_path / "run" / "responses.jsonl").stat().st_size == 20_000  # torn in the middle of a line
    again = subprocess.run([*call, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["complete"]


@pytest.mark.e2e
def test_help_imports_nothing_heavy():
    """How long it takes is measured by benchmarks/help_time.py."""
    heavy = "numpy pyarrow scipy skimage PIL rasterio pyproj pandas yaml tqdm torch"
    code = (
        "import sys; from terrabench.cli import main; main(['--help'])\n"
        f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "score" in shown.stdout
    assert shown.stdout.endswith("[]\n")
