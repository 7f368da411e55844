"""What a step learns: the losses of its samples, however they are cut up and spread, and only in the weights named."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from terra_cot import curve_of, log_of, settings_of
from terrascope_vlm.checkpoints import load
from terrascope_vlm.slots import IGNORED
from terrascope_vlm.training.feeding import micro_of
from terrascope_vlm.training.folders import Folders
from terrascope_vlm.training.lessons import Reader
from terrascope_vlm.training.loop import FINAL, START, TrainingError, chosen_by, learning_rate, train

from terracot.scenes import SourceError
from terracot.shards import read_rows

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def dated(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the ids of four samples, of one date and of two."""
    rows = [row for row in read_rows(data, "samples") if row["level"] in ("l1", "l2-temporal")]
    one, two = ([row["id"] for row in rows if ("Image: 2" in row["text"]) == later] for later in (False, True))
    path = tmp_path_factory.mktemp("ids") / "ids.txt"
    path.write_text("\n".join([*one[:2], *two[:2]]), "utf-8")
    return path


def weights_of(folder: Path) -> dict[str, Any]:
    return dict(safetensors.load_file(folder / "model.safetensors"))


def changed(run: Path) -> set[str]:
    """Names of the weights that a run has changed."""
    before, after = weights_of(run / START), weights_of(run / FINAL)
    return {name for name in before if not torch.equal(before[name], after[name])}


# Losses


def test_the_losses_of_a_step_are_those_of_its_samples_worked_out_one_by_one(
    data: Path, dated: Path, tmp_path: Path
) -> None:
    settings = settings_of(data, ids=str(dated), levels=None, steps=1, model={"fusion": "text-guided"})
    train(settings, tmp_path / "run", quiet=True)
    (first,) = log_of(tmp_path / "run")
    model, processor = load(tmp_path / "run" / START)
    reader = Reader(Folders([data], chosen_by(settings)), 9)
    words, masks, injected, dates = [], [], 0, set()
    for row in range(4):
        lesson = reader.lesson(row)
        batch = micro_of(processor, model.config, [lesson]).batch
        with torch.no_grad():
            inputs = model.embedded(batch.rows, model.see(batch.images, batch.rows))
            states = model.vlm.model.language_model(inputs_embeds=inputs).last_hidden_state
            shares = model.vlm.lm_head(states)[0].double().softmax(-1)
            drawn = model(batch).mask_logits
        for place in range(1, batch.rows.ids.shape[1]):
            if int(batch.rows.labels[0, place]) != IGNORED:
                words.append(-float(shares[place - 1, batch.rows.ids[0, place]].log()))
                assert int(batch.rows.visual[0, place]) == -1
        injected += int((batch.rows.visual[0] != -1).sum())
        for own, mask in zip(drawn, lesson.masks, strict=True):
            counts = torch.from_numpy(lesson.counted[mask.t].copy())
            p, g = own.double().sigmoid()[counts], torch.from_numpy(mask.mask.copy())[counts].double()
            dice = 1 - (2 * float((p * g).sum()) + 1) / (float(p.sum()) + float(g.sum()) + 1)
            masks.append(dice - float((g * p.log() + (1 - g) * (1 - p).log()).mean()))
            dates.add(mask.t)
    assert injected > 0
    assert dates == {1, 2}
    assert first["lm_loss"] == pytest.approx(sum(words) / len(words), rel=1e-4)
    assert first["mask_loss"] == pytest.approx(sum(masks) / len(masks), rel=1e-4)
    assert first["loss"] == pytest.approx(first["lm_loss"] + 0.5 * first["mask_loss"], rel=1e-5)


@pytest.mark.parametrize("micro", [1, 2])
def test_micro_batches_change_no_loss_and_no_gradient(data: Path, tmp_path: Path, micro: int) -> None:
    for size in (micro, 4):
        train(settings_of(data, micro_batch=size), tmp_path / str(size), quiet=True)
    for one, other in zip(log_of(tmp_path / str(micro)), log_of(tmp_path / "4"), strict=True):
        assert one["samples"] == other["samples"] == 4
        assert one["tokens"] == other["tokens"]
        for key, tolerance in (("lm_loss", 1e-4), ("mask_loss", 1e-3), ("grad_norm", 1e-2), ("iou", 0.02)):
            assert one[key] == pytest.approx(other[key], rel=tolerance, abs=tolerance), key


def test_gradient_checkpointing_and_threads_change_no_loss(data: Path, tmp_path: Path) -> None:
    train(settings_of(data, steps=2), tmp_path / "plain", quiet=True)
    train(settings_of(data, steps=2, workers=2), tmp_path / "threads", quiet=True)
    assert curve_of(tmp_path / "threads") == curve_of(tmp_path / "plain")
    train(settings_of(data, steps=2, gradient_checkpointing=True), tmp_path / "checkpointing", quiet=True)
    for one, other in zip(log_of(tmp_path / "plain"), log_of(tmp_path / "checkpointing"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)


def test_half_precision_learns_and_the_final_weights_are_whole(data: Path, tmp_path: Path) -> None:
    train(settings_of(data, steps=2, precision="bf16"), tmp_path / "half", quiet=True)
    train(settings_of(data, steps=2), tmp_path / "full", quiet=True)
    for one, other in zip(log_of(tmp_path / "half"), log_of(tmp_path / "full"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=0.05)
    assert {weight.dtype for weight in weights_of(tmp_path / "half" / FINAL).values()} == {torch.float32}


def test_samples_without_masks_are_learned_too(data: Path, tmp_path: Path) -> None:
    settings = settings_of(data, model={"evidence": "text", "mask_loss_weight": 0.0}, steps=2)
    train(settings, tmp_path / "run", quiet=True)
    untouched = changed(tmp_path / "run")
    assert not {name for name in untouched if name.startswith(("grounding.", "seg_projection."))}
    assert {name for name in untouched if "language_model" in name}


def test_losses_that_are_no_numbers_end_the_run_with_what_to_do(data: Path, tmp_path: Path) -> None:
    settings = settings_of(data, lr=1e30, warmup=0.0, steps=6)
    with pytest.raises(TrainingError, match=r"at step \d the losses are .*try a lower lr, a longer warmup"):
        train(settings, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run" / FINAL).exists()
    assert len(log_of(tmp_path / "run")) < 6


def test_the_learning_rate_rises_in_a_line_and_falls_as_a_half_cosine(data: Path) -> None:
    settings = settings_of(data, lr=1.0, warmup=0.1)
    rates = [learning_rate(settings, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[99] < 1e-3


# Which weights


def test_just_the_named_weights_are_trained(data: Path, tmp_path: Path) -> None:
    patterns = ("grounding.sam.mask_decoder.*", "seg_projection.*")
    train(
        settings_of(data, stage="stage1", levels=("refer",), trainable=patterns, steps=2), tmp_path / "run", quiet=True
    )
    found = changed(tmp_path / "run")
    assert found
    assert all(name.startswith(("grounding.sam.mask_decoder.", "seg_projection.")) for name in found)
    with pytest.raises(SourceError, match=r"key trainable: .*'mask_decoder' matches none"):
        train(settings_of(data, trainable=("mask_decoder",)), tmp_path / "none", quiet=True)


def test_adapters_are_trained_and_merged_into_a_model_that_loads_as_any_other(data: Path, tmp_path: Path) -> None:
    from terrascope_vlm.training.settings import Lora

    train(settings_of(data, lora=Lora(rank=4, alpha=8.0), steps=2), tmp_path / "run", quiet=True)
    found = changed(tmp_path / "run")
    assert not [
        name for name in found if "vision_tower" in name or "vision_encoder" in name or "norm" in name.split(".")
    ]
    adapted = [name for name in found if "language_model.layers" in name]
    assert {name.split(".")[-2] for name in adapted} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    assert [name for name in found if "mask_decoder" in name]
    load(tmp_path / "run" / FINAL)
    with pytest.raises(SourceError, match="key trainable: with lora"):
        train(settings_of(data, lora=Lora(), trainable=("*bias",)), tmp_path / "both", quiet=True)


# Several processes


def test_two_processes_learn_what_one_does(data: Path, tmp_path: Path) -> None:
    """What `accelerate launch` does on a CPU: the same command twice, which find each other by the environment."""
    train(settings_of(data, micro_batch=1, steps=2), tmp_path / "one", quiet=True)
    stated = settings_of(data, micro_batch=1, steps=2).as_dict()
    model = {key: value for key, value in stated["model"].items() if key in ("tiny", "vocabulary")}
    folders = [{"path": folder["path"]} for folder in stated["data"]]
    plain = {
        key: list(value) if isinstance(value, tuple) else value for key, value in stated.items() if value is not None
    }
    plain = {key: value for key, value in plain.items() if key not in ("predicted", "lora", "trainable")}
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({**plain, "model": model, "data": folders}), "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "terrascope_vlm.training.command", "stage2", str(config), "--quiet"]
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    extra = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    processes = [
        subprocess.Popen(
            [*command, "--out", str(tmp_path / "two")],
            env={**os.environ, **shared, **extra, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        said = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    for one, two in zip(log_of(tmp_path / "one"), log_of(tmp_path / "two"), strict=True):
        assert (two["samples"], two["tokens"]) == (one["samples"], one["tokens"])
        for key, tolerance in (("lm_loss", 1e-4), ("mask_loss", 1e-3), ("grad_norm", 1e-2), ("iou", 0.02)):
            assert two[key] == pytest.approx(one[key], rel=tolerance, abs=tolerance), key
    load(tmp_path / "two" / FINAL)


def test_a_batch_that_cannot_be_shared_out_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="batch is 4; expected a multiple of micro_batch x processes, 3 x 1"):
        train(replace(settings_of(data), micro_batch=3), tmp_path / "run", quiet=True)
