"""A run that ends early, by whatever, goes on to the very losses that it would have had."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from terra_cot import curve_of, log_of, settings_of
from terrascope_vlm.training.loop import CHECKPOINTS, FINAL, START, train
from terrascope_vlm.training.saving import checkpoints
from terrascope_vlm.training.settings import Lora

from terracot.io import OutputError, sha256_file

torch = pytest.importorskip("torch")

SOON = 1e-9
"""Minutes after which a run stops: after its first step."""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "own masks as evidence": {"predicted": 0.5, "model": {"fusion": "text-guided", "mask_fusion": "beta"}},
    "adapters with dropout": {"lora": Lora(rank=4, alpha=8.0, dropout=0.3)},
    "half precision": {"precision": "bf16", "workers": 2},
}


@pytest.mark.parametrize("case", CASES)
def test_stopped_after_every_step_it_ends_as_one_that_ran_through(data: Path, tmp_path: Path, case: str) -> None:
    settings = settings_of(data, **CASES[case])
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(settings, whole, quiet=True)
    for step in (1, 2, 3):
        outcome = train(settings, parts, resume=step > 1, minutes=SOON, quiet=True)
        assert (outcome.step, outcome.steps, outcome.reason) == (step, 4, "time")
        assert not (parts / FINAL).exists()
    assert train(settings, parts, resume=True, quiet=True).reason == "finished"
    assert curve_of(parts) == curve_of(whole)
    assert sha256_file(parts / FINAL / "model.safetensors") == sha256_file(whole / FINAL / "model.safetensors")


@pytest.fixture(scope="module")
def kept(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps with the checkpoint of each."""
    out = tmp_path_factory.mktemp("kept") / "run"
    train(settings_of(data, save_every=1, keep=9), out, quiet=True)
    return out


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "run"))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_crash_after_a_checkpoint_loses_nothing_and_doubles_no_line(data: Path, copy: Path, step: int) -> None:
    curve, final = curve_of(copy), sha256_file(copy / FINAL / "model.safetensors")
    for path in checkpoints(copy / CHECKPOINTS)[step:]:
        shutil.rmtree(path)
    shutil.rmtree(copy / FINAL)
    with (copy / "log.jsonl").open("ab") as log:
        log.write(b'{"step": 4, "lo')  # torn by the crash
    assert train(settings_of(data, save_every=1, keep=9), copy, resume=True, quiet=True).reason == "finished"
    assert curve_of(copy) == curve
    assert sha256_file(copy / FINAL / "model.safetensors") == final


def test_a_run_without_any_checkpoint_begins_anew_from_the_same_weights(data: Path, copy: Path) -> None:
    curve = curve_of(copy)
    shutil.rmtree(copy / CHECKPOINTS)
    shutil.rmtree(copy / FINAL)
    train(settings_of(data, save_every=1, keep=9), copy, resume=True, quiet=True)
    assert curve_of(copy) == curve


def test_a_half_written_checkpoint_does_not_count(data: Path, copy: Path) -> None:
    folders = checkpoints(copy / CHECKPOINTS)
    (folders[-1] / "state.json").unlink()
    folders[-2].rename(folders[-2].with_name(f".{folders[-2].name}.tmp"))
    assert [path.name for path in checkpoints(copy / CHECKPOINTS)] == ["step-00000001", "step-00000002"]


def test_only_the_last_checkpoints_are_kept(data: Path, tmp_path: Path) -> None:
    train(settings_of(data, save_every=1, keep=2), tmp_path / "run", quiet=True)
    assert [path.name for path in checkpoints(tmp_path / "run" / CHECKPOINTS)] == ["step-00000003", "step-00000004"]


def test_a_finished_run_says_so_and_changes_nothing(data: Path, copy: Path) -> None:
    before = {path: sha256_file(path) for path in copy.rglob("*") if path.is_file()}
    outcome = train(settings_of(data, save_every=1, keep=9), copy, resume=True, quiet=True)
    assert (outcome.step, outcome.reason) == (4, "finished")
    after = {path: sha256_file(path) for path in copy.rglob("*") if path.is_file()}
    assert after == before


def test_a_final_model_that_was_not_written_is_written_from_the_last_checkpoint(data: Path, copy: Path) -> None:
    expected = sha256_file(copy / FINAL / "model.safetensors")
    shutil.rmtree(copy / FINAL)
    train(settings_of(data, save_every=1, keep=9), copy, resume=True, quiet=True)
    assert sha256_file(copy / FINAL / "model.safetensors") == expected


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_its_step_with_a_checkpoint(
    data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    run, handlers = tmp_path / "run", (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
    log = run / "log.jsonl"

    def send() -> None:
        for _ in range(6000):
            if log.exists() and log.read_bytes().count(b"\n") >= 2:
                os.kill(os.getpid(), number)
                return
            time.sleep(0.01)

    settings = settings_of(data, steps=200)
    sender = threading.Thread(target=send)
    sender.start()
    outcome = train(settings, run, quiet=True)
    sender.join()
    assert outcome.reason == "signal"
    assert 2 <= outcome.step < 200
    assert len(log_of(run)) == outcome.step
    (last,) = checkpoints(run / CHECKPOINTS)
    assert json.loads((last / "state.json").read_text())["step"] == outcome.step
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers


# What may not go on


def test_a_folder_with_a_run_is_not_overwritten(data: Path, copy: Path) -> None:
    with pytest.raises(OutputError, match="holds a run already; go on with --resume or give another --out"):
        train(settings_of(data, save_every=1, keep=9), copy, quiet=True)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"lr": 1e-3}, "lr"),
        ({"seed": 1}, "seed"),
        ({"micro_batch": 4}, "micro_batch"),
        ({"model": {"evidence": "box"}}, "model"),
    ],
    ids=str,
)
def test_other_settings_are_refused_by_name(data: Path, copy: Path, changes: dict[str, Any], key: str) -> None:
    with pytest.raises(OutputError, match=f"holds a run with other settings: {key} was"):
        train(settings_of(data, save_every=1, keep=9, **changes), copy, resume=True, quiet=True)


def test_other_data_is_refused_and_the_same_data_elsewhere_is_not(data: Path, copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy / FINAL)
    moved = Path(shutil.copytree(data, tmp_path / "moved"))
    assert train(settings_of(moved, save_every=1, keep=9), copy, resume=True, quiet=True).reason == "finished"
    manifest = moved / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"seed": 0', '"seed": 1'), "utf-8")
    with pytest.raises(OutputError, match=r"other settings: data \(content\) was"):
        train(settings_of(moved, save_every=1, keep=9), copy, resume=True, quiet=True)


def test_a_damaged_checkpoint_is_named_with_what_to_do(data: Path, copy: Path) -> None:
    last = checkpoints(copy / CHECKPOINTS)[-1]
    (last / "weights.safetensors").write_bytes(b"torn")
    with pytest.raises(OutputError, match=r"step-00000004 cannot be read .*remove this folder, then --resume goes on"):
        train(settings_of(data, save_every=1, keep=9), copy, resume=True, quiet=True)
    shutil.rmtree(last)
    shutil.rmtree(copy / FINAL)
    assert train(settings_of(data, save_every=1, keep=9), copy, resume=True, quiet=True).reason == "finished"


def test_a_checkpoint_of_another_model_is_refused(data: Path, copy: Path, tmp_path: Path) -> None:
    train(settings_of(data, steps=1, tiny={"width": 64}), tmp_path / "other", quiet=True)
    last = checkpoints(copy / CHECKPOINTS)[-1]
    shutil.rmtree(last)
    shutil.copytree(checkpoints(tmp_path / "other" / CHECKPOINTS)[-1], last)
    with pytest.raises(OutputError, match="is of another model"):
        train(settings_of(data, save_every=1, keep=9), copy, resume=True, quiet=True)


def test_nothing_of_a_checkpoint_is_a_pickle(kept: Path) -> None:
    found = {path.suffix for path in (kept / CHECKPOINTS).rglob("*") if path.is_file()}
    assert found == {".safetensors", ".json"}
    assert (kept / START / "config.json").is_file()
