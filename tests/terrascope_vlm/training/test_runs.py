"""What a run leaves behind, and the command that starts it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from terra_cot import SIZES, log_of, settings_of
from terrascope_vlm.checkpoints import load
from terrascope_vlm.cli import main as terrascope_vlm
from terrascope_vlm.training.folders import Folders
from terrascope_vlm.training.lessons import Reader
from terrascope_vlm.training.loop import FINAL, START, chosen_by, train

from terracot.io import OutputError, sha256_file
from terracot.scenes import SourceError
from terracot.shards import read_rows

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def config(data: Path, tmp_path: Path) -> Path:
    """A file of settings as a user would write it."""
    path = tmp_path / "run.yaml"
    content = {
        "model": {"tiny": SIZES, "vocabulary": 300},
        "data": [{"path": str(data), "weight": 0.5}],
        "levels": ["l1"],
        "batch": 4,
        "micro_batch": 2,
        "steps": 3,
        "precision": "fp32",
        "workers": 0,
    }
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


@pytest.mark.e2e
def test_the_command_trains_resumes_and_leaves_a_model_with_its_card(
    data: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "runs" / "first"
    command = ["train", "stage2", str(config), "--out", str(run), "--set", "lr=1e-3", "--quiet"]
    assert terrascope_vlm([*command, "--minutes", "1e-9"]) == 0
    said = capsys.readouterr().out
    assert "step 1 of 3; " in said
    assert "tokens/s" in said
    assert "peak memory" in said
    assert "the time is up; checkpoint in" in said
    assert terrascope_vlm(command) == 2
    assert "go on with --resume or give another --out" in capsys.readouterr().err
    assert terrascope_vlm([*command, "--resume"]) == 0
    assert f"model: {run / FINAL}" in capsys.readouterr().out.replace("\n", "")

    model, processor = load(run / FINAL)
    assert not model.training
    assert processor.tokens["seg"] == "[SEG]"
    card = (run / FINAL / "README.md").read_text("utf-8")
    assert f"| terra-cot | `{sha256_file(data / 'manifest.json')}` | 0.5 |" in card
    assert "`terrascope-vlm train stage2` for 3 steps of 4 samples (12 in all, " in card
    shown = yaml.safe_load(card.partition("```yaml\n")[2].partition("```")[0])
    assert (shown["lr"], shown["levels"], shown["steps"]) == (1e-3, ["l1"], 3)
    assert str(tmp_path) not in card
    assert str(data) not in card
    rows = sum(row["level"] == "l1" for row in read_rows(data, "samples"))
    assert f"{rows} rows were chosen" in card


@pytest.mark.parametrize(
    ("stage", "arguments", "words"),
    [
        ("stage2", ["--set", "lr=fast"], "lr: expected a finite number; found 'fast'"),
        ("stage2", ["--set", "data=[{path: gone}]"], "gone"),
        ("stage2", ["--set", "levels=l9"], "is chosen by level l9"),
        ("stage2", ["--set", "ids=gone.txt"], "key ids: cannot read gone.txt"),
        ("stage2", ["--set", "model.tiny.widht=64"], "key model.tiny.widht: expected one of"),
        ("stage2", ["--set", "model.settings.evidenec=box"], "key model.settings.evidenec: expected one of"),
        ("stage2", ["--set", "batch=3"], "batch is 3; expected a multiple of micro_batch"),
        ("stage2", ["--minutes", "0"], "--minutes"),
        ("stage1", ["--set", "stage=stage2"], "stage"),
    ],
    ids=str,
)
def test_wrong_use_is_one_line(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: str, arguments: list[str], words: str
) -> None:
    assert terrascope_vlm(["train", stage, str(config), "--out", str(tmp_path / "run"), "--quiet", *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "run" / FINAL).exists()


def test_without_a_folder_for_the_run_it_is_asked_for(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert terrascope_vlm(["train", "stage2", str(config), "--quiet"]) == 2
    assert "say where the run goes: --out DIR, or the key `out`" in capsys.readouterr().err


def test_stage_2_goes_on_from_the_model_of_stage_1(data: Path, tmp_path: Path) -> None:
    first = settings_of(data, stage="stage1", levels=("refer",), steps=2)
    train(first, tmp_path / "one", quiet=True)
    from terrascope_vlm.training.settings import ModelSource

    source = ModelSource(checkpoint=str(tmp_path / "one" / FINAL), settings={"evidence": "box"})
    from dataclasses import replace

    train(replace(settings_of(data, steps=1), model=source), tmp_path / "two", quiet=True)
    assert not (tmp_path / "two" / START).exists()  # the checkpoint is there already
    config = json.loads((tmp_path / "two" / FINAL / "config.json").read_text("utf-8"))
    assert config["evidence"] == "box"
    kept = (tmp_path / "one" / FINAL / "tokenizer.json", tmp_path / "two" / FINAL / "tokenizer.json")
    assert kept[0].read_bytes() == kept[1].read_bytes()


def test_every_step_is_logged_in_a_line_and_in_tensorboard(data: Path, tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    settings = settings_of(data, tensorboard=True)
    train(settings, tmp_path / "run", minutes=1e-9, quiet=True)
    train(settings, tmp_path / "run", resume=True, quiet=True)
    lines = log_of(tmp_path / "run")
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    for line in lines:
        assert line["samples"] == 4
        assert 0 <= line["iou"] <= 1
        assert line["memory_mib"] > 50
        assert line["samples_per_s"] == pytest.approx(4 / line["seconds"], rel=0.05)
        assert line["tokens_per_s"] == pytest.approx(line["tokens"] / line["seconds"], rel=0.05)
        assert 0 <= line["waited"] <= line["seconds"]
    events = tensorboard.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    for name in ("loss", "lm_loss", "mask_loss", "iou", "lr", "samples_per_s", "memory_mib"):
        found = events.Scalars(name)
        assert [event.step for event in found] == [1, 2, 3, 4]
        assert [event.value for event in found] == pytest.approx([line[name] for line in lines], rel=1e-5)


def test_data_that_is_moved_between_folders_of_other_weights_is_told_apart(data: Path, tmp_path: Path) -> None:
    settings = settings_of(data, steps=1)
    train(settings, tmp_path / "run", quiet=True)
    shutil.rmtree(tmp_path / "run" / FINAL)
    with pytest.raises(OutputError, match="data was"):
        train(settings_of(data, data, steps=1), tmp_path / "run", resume=True, quiet=True)


# The model's own masks as evidence


def micros(data: Path, tmp_path: Path, evidence: str = "mask") -> tuple[Any, ...]:
    from terrascope_vlm.training.feeding import micro_of

    settings = settings_of(data, steps=1, model={"evidence": evidence})
    train(settings, tmp_path / "run", quiet=True)
    model, processor = load(tmp_path / "run" / FINAL)
    with torch.no_grad():
        model.seg_projection[2].bias.normal_()  # so that masks are neither whole nor empty nor the true ones
    reader = Reader(Folders([data], chosen_by(settings)), 9)
    lessons = [reader.lesson(row, row) for row in range(0, 24)]
    return model, processor, lessons, micro_of(processor, model.config, lessons)


def test_predicted_masks_are_read_and_the_true_ones_are_learned(data: Path, tmp_path: Path) -> None:
    from terrascope_vlm.evidence import Region, evidence_for
    from terrascope_vlm.training.feeding import micro_of
    from terrascope_vlm.training.predicting import with_predicted

    model, processor, lessons, plain = micros(data, tmp_path)
    assert with_predicted(model, processor, model.config, plain, 0.0, 0) is plain
    shown = with_predicted(model, processor, model.config, plain, 1.0, 0)
    with torch.no_grad():
        drawn = iter([(logits > 0).numpy() for logits in model(plain.batch).mask_logits])
    other = 0
    for lesson, before, after in zip(lessons, plain.examples, shown.examples, strict=True):
        learned = [[int(label) for label in one.slots.labels if label != -100] for one in (before, after)]
        assert learned[0] == learned[1]
        regions = []
        for target, true in zip(after.targets, lesson.masks, strict=True):
            assert (target.mask == true.mask).all()
            regions.append(Region(true.t, target.frame, target.other, next(drawn)))
            expected = evidence_for(after.query, regions, model.config, processor).slots
            here = slice(target.slot + 1, target.slot + 1 + len(expected))
            assert torch.equal(after.slots.visual[here], expected.visual)
        other += not torch.equal(before.slots.ids, after.slots.ids)
    assert other > 3
    assert torch.isfinite(model(shown.batch).loss)
    assert (shown.words, shown.masks) == (plain.words, plain.masks)

    some = with_predicted(model, processor, model.config, plain, 0.5, 7)
    changed = [a is not b for a, b in zip(plain.examples, some.examples, strict=True)]
    assert 4 < sum(changed) < 20
    # which of them is a function of seed and number, not of the batch they are in
    for first in (0, 12):
        part = micro_of(processor, model.config, lessons[first : first + 12])
        again = with_predicted(model, processor, model.config, part, 0.5, 7)
        drawn_again = [a is not b for a, b in zip(part.examples, again.examples, strict=True)]
        assert drawn_again == changed[first : first + 12]
    others = with_predicted(model, processor, model.config, plain, 0.5, 8)
    assert [a is not b for a, b in zip(plain.examples, others.examples, strict=True)] != changed


def test_a_pattern_or_key_that_fits_nothing_writes_no_model(data: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"key trainable: .*'nobody\.\*' matches none"):
        train(settings_of(data, trainable=("nobody.*",)), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run" / FINAL).exists()
