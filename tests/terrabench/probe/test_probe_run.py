"""A probe as a whole: what the readers are given, what is kept, and going on after an interruption."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from terrabench.cli import main
from terrabench.items import Benchmark
from terrabench.probe.degrade import ProbeError
from terrabench.probe.folder import ANSWERS
from terrabench.probe.report import probe
from terrabench.probe.run import run_probe
from terracot.io import OutputError
from terracot.plugins import ModelError

MODELS = Path(__file__).with_name("models_for_probes.py")
_SPEC = importlib.util.spec_from_file_location("models_for_probes", MODELS)
assert _SPEC is not None
assert _SPEC.loader is not None
models: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(models)

FEW: dict[str, Any] = {"levels": [0.9, 0.5, 0.1], "seeds": 1}


def kept(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def answers(
    bench: Benchmark, lines: list[dict[str, Any]], task: str, field: str = "arithmetic"
) -> dict[Any, list[bool]]:
    right = {item["id"]: item["answer"] for item in bench.items}
    found: dict[Any, list[bool]] = {}
    for line in lines:
        if line["task"] == task:
            for p in line["points"]:
                found.setdefault((line["way"], p["level"]), []).append(p[field] == right[line["id"]])
    return found


def test_a_model_is_given_worse_masks_and_arithmetic_reads_the_same(bench: Benchmark, tmp_path: Path) -> None:
    model = models.Counting()
    lines = run_probe(bench, tmp_path / "p", model=model, spec="x.py:Counting", **FEW)
    by_id = {item["id"]: item for item in bench.items}
    shown = {(p.question, p.options): p for p, _ in model.seen}
    assert len(shown) <= len(by_id)
    assert sum(len(line["points"]) for line in lines) == len(model.seen)
    asked = iter(model.seen)
    for line in sorted(lines, key=lambda line: bench.place(by_id[line["id"]])):
        item = by_id[line["id"]]
        true, valid = bench.evidence(item), bench.valid(item)
        for point in line["points"]:
            prompt, masks = next(asked)
            assert prompt.question == item["question"]
            assert prompt.instruction
            assert [(m.t, m.class_name) for m in masks] == [(m.t, m.class_name) for m in true]
            each = [float((m.mask & t.mask).sum() / (m.mask | t.mask).sum()) for m, t in zip(masks, true, strict=True)]
            assert each == pytest.approx([point["level"]] * len(each), abs=0.02 + 1e-9)
            assert not any((m.mask & ~valid[m.t]).any() for m in masks)
            if len(masks) == 1:
                assert point["iou"] == pytest.approx(each[0])
            if item["task"] == "coverage":
                assert point["letter"] == point["arithmetic"]
                assert point["status"] == "ok"


def test_arithmetic_is_right_with_true_masks_and_with_the_area_kept(bench: Benchmark, tmp_path: Path) -> None:
    lines = run_probe(bench, tmp_path / "p", **FEW)
    for task in {item["task"] for item in bench.items}:
        assert all(answers(bench, lines, task)["true", 1.0])
    # Options are 0.5, 1, 1.5 and 2 times the truth, so areas within a quarter of the truth are answered rightly.
    for task in ("coverage", "area"):
        found = answers(bench, lines, task)
        assert all(found["wrong", 0.9] + found["wrong", 0.5] + found["missing", 0.9] + found["boundary", 0.9])
        assert not any(found["missing", 0.5] + found["missing", 0.1])
    # Both regions lose the same share, so the larger one stays the larger one.
    found = answers(bench, lines, "ranking")
    assert all(found["missing", 0.5] + found["wrong", 0.5])
    assert "letter" not in lines[0]["points"][0]


def test_levels_that_cannot_be_reached_are_left_out_and_counted(bench: Benchmark, tmp_path: Path) -> None:
    found = probe(bench, tmp_path / "p", picture=False, **FEW)
    lines = [json.loads(line) for line in (tmp_path / "p" / ANSWERS).read_text().splitlines()]
    unreached = sum(len(line["unreached"]) for line in lines)
    assert unreached > 0
    assert found["asked"] - found["answers"] == unreached
    counted = sum(n for ways in found["unreached"].values() for own in ways.values() for n in own.values())
    assert counted == unreached
    series = [line for line in lines if line["way"] != "true"]
    assert all(len(line["points"]) + len(line["unreached"]) == 3 for line in series)
    assert len(series) == 4 * len(bench)


def test_an_interrupted_probe_goes_on_and_ends_as_an_uninterrupted_one(bench: Benchmark, tmp_path: Path) -> None:
    whole = run_probe(bench, tmp_path / "whole", model=models.Counting(), spec="s", **FEW)
    stopped = models.Interrupting()
    with pytest.raises(KeyboardInterrupt):
        run_probe(bench, tmp_path / "p", model=stopped, spec="s", **FEW)
    log = tmp_path / "p" / ANSWERS
    before = len(log.read_text().splitlines())
    assert 0 < before < len(whole)
    log.write_bytes(log.read_bytes() + b'{"id": "torn')
    # The same class name, as settings.json names the class.
    going_on = models.Interrupting()
    going_on.seen = [None] * 51
    lines = run_probe(bench, tmp_path / "p", model=going_on, spec="s", **FEW)
    assert kept(lines) == kept(whole)
    assert len(log.read_text().splitlines()) == len(whole)
    asked = len(going_on.seen)
    run_probe(bench, tmp_path / "p", model=going_on, spec="s", **FEW)
    assert len(going_on.seen) == asked


def test_what_a_model_raises_costs_one_set_of_masks_only_and_can_be_asked_again(
    bench: Benchmark, tmp_path: Path
) -> None:
    model = models.Fragile()
    found = probe(bench, tmp_path / "p", model=model, spec="s", picture=False, **FEW)
    assert 0 < found["errors"] < found["answers"]
    assert found["unparsed"] > 0
    lines = [json.loads(line) for line in (tmp_path / "p" / ANSWERS).read_text().splitlines()]
    failed = [p for line in lines for p in line["points"] if p["status"] == "error"]
    assert {p["error"] for p in failed} == {"RuntimeError: too small for me"}
    assert all(p["letter"] is None for p in failed)
    assert any(p["status"] == "ok" for line in lines for p in line["points"] if line["points"][-1] in failed)
    model.healed = True
    again = probe(bench, tmp_path / "p", model=model, spec="s", picture=False, retry_errors=True, **FEW)
    assert again["errors"] == 0
    assert again["answers"] == found["answers"]


@pytest.mark.parametrize(("name", "said"), [("Confused", "found str"), ("Short", None)])
def test_models_that_break_the_contract_end_as_errors_or_are_asked_one_by_one(
    bench: Benchmark, tmp_path: Path, name: str, said: str | None
) -> None:
    lines = run_probe(bench, tmp_path / "p", model=getattr(models, name)(), spec="s", limit=3, **FEW)
    points = [p for line in lines for p in line["points"]]
    assert all(said in p["error"] if said else p["status"] == "ok" for p in points)


def test_a_model_that_cannot_work_at_all_ends_the_probe(bench: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="server"):
        run_probe(bench, tmp_path / "p", model=models.Broken(), spec="s", **FEW)


def test_a_model_that_takes_no_masks_or_was_fitted_here_is_refused(bench: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="respond_with_evidence"):
        run_probe(bench, tmp_path / "p", model=models.Deaf(), spec="deaf", **FEW)
    fitted = models.Ignoring()
    fitted.fitted_on = [bench.manifest_sha256]
    with pytest.raises(ModelError, match="fitted on this very benchmark"):
        run_probe(bench, tmp_path / "p", model=fitted, spec="s", **FEW)
    assert not (tmp_path / "p").exists()


def test_another_probe_is_not_mixed_with_the_one_in_the_folder(bench: Benchmark, tmp_path: Path) -> None:
    run_probe(bench, tmp_path / "p", limit=2, **FEW)
    with pytest.raises(ProbeError, match=r"levels was \[0.9, 0.5, 0.1\], is now \[0.9\]"):
        run_probe(bench, tmp_path / "p", limit=2, levels=[0.9], seeds=1)
    with pytest.raises(ProbeError, match="model was None"):
        run_probe(bench, tmp_path / "p", limit=2, model=models.Ignoring(), spec="s", **FEW)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(ProbeError, match="not empty"):
        run_probe(bench, tmp_path / "other", **FEW)
    more = run_probe(bench, tmp_path / "p", limit=4, **FEW)
    assert len({line["id"] for line in more}) == 4
    assert len({line["id"] for line in run_probe(bench, tmp_path / "p", limit=2, **FEW)}) == 2


def test_a_damaged_answer_is_named(bench: Benchmark, tmp_path: Path) -> None:
    run_probe(bench, tmp_path / "p", limit=1, **FEW)
    log = tmp_path / "p" / ANSWERS
    text = log.read_text()
    log.write_text('{"id": "x"}\n' + text)
    with pytest.raises(ProbeError, match="no series"):
        run_probe(bench, tmp_path / "p", limit=1, **FEW)
    log.write_text("nonsense\n" + text)
    with pytest.raises(OutputError, match="line 1"):
        run_probe(bench, tmp_path / "p", limit=1, **FEW)


def test_items_without_masks_cannot_be_probed(bench: Benchmark, tmp_path: Path) -> None:
    bare = copy.copy(bench)
    bare.items = [item | {"masks": []} for item in bench.items]
    with pytest.raises(ProbeError, match="no item with masks"):
        run_probe(bare, tmp_path / "p", **FEW)


def test_the_command_writes_curves_and_picture_and_prints_a_table(
    bench_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p"
    options = ["--limit", "12", "--levels", "0.9,0.5", "--ways", "missing,wrong", "--seeds", "1", "--out", str(out)]
    model = ["--model", f"{MODELS}:Ignoring"]
    assert main(["probe", str(bench_path), *model, *options]) == 0
    table = capsys.readouterr().out
    assert "exact arithmetic on the masks" in table
    assert f"{MODELS.name}:Ignoring does not show that it uses its masks" in table
    found = json.loads((out / "probe.json").read_text())
    assert set(found["readers"]) == {"arithmetic", "model"}
    with Image.open(out / "probe.png") as picture:
        assert picture.size[0] == 1600
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 50
    # All curves are printed: per task the ways that were asked for, and all of them together.
    printed = [row.split()[1] for row in table.splitlines() if row.startswith("coverage")]
    assert printed == ["missing", "wrong", "all"] * 2
    assert main(["probe", str(bench_path), *model, *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--levels", "0.9,high"], "0.9,high"),
        (["--levels", "0.9,1.0"], "between 0 and 1"),
        (["--levels", "0.9,0.9"], "different IoU"),
        (["--ways", "missing,blur"], "boundary, blockiness, missing, wrong"),
        (["--model-args", "a=1"], "--model"),
        (["--model", "oracle"], "respond_with_evidence"),
    ],
)
def test_wrong_use_is_one_line(
    bench_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["probe", str(bench_path), *options, "--out", str(tmp_path / "p")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "p").exists()


def test_without_matplotlib_the_curves_are_kept_and_the_message_names_the_extra(
    bench_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    options = ["--limit", "2", "--levels", "0.5", "--seeds", "1", "--out", str(tmp_path / "p")]
    assert main(["probe", str(bench_path), *options]) == 2
    assert "--no-picture" in capsys.readouterr().err
    assert (tmp_path / "p" / "probe.json").is_file()
    assert main(["probe", str(bench_path), *options, "--no-picture"]) == 0


@pytest.mark.real
def test_real_masks_reach_their_levels(real_data: Path, tmp_path: Path) -> None:
    made = ["build", "geotiff", str(real_data / "ombria_flood"), "--limit", "24", "--out", str(tmp_path / "bench")]
    assert main([*made, "--quiet"]) == 0
    found = probe(Benchmark.open(tmp_path / "bench"), tmp_path / "p", limit=6, picture=False, **FEW)
    reached = [row for ways in found["readers"]["arithmetic"]["tasks"].values() for row in ways["all"]["levels"]]
    assert reached
    assert all(row["true_accuracy"] == 1.0 for row in reached)
    assert all(abs(row["iou"] - row["level"]) < 0.02 for row in reached)
