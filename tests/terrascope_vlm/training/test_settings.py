"""A training run's YAML: what is wrong is named by its key, and what is right arrives with its type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from terrascope_vlm.training.settings import FREE_TO_CHANGE, Data, Lora, Settings, read_settings, recipes

from terracot.scenes import SourceError

PLAIN: dict[str, Any] = {"model": {"tiny": {"image": 64}}, "data": [{"path": "a"}]}


@pytest.fixture
def written(tmp_path: Path):
    def write(**changes: Any) -> str:
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump({**PLAIN, **changes}), "utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_that_comes_along_is_read(name: str) -> None:
    stage = name.rpartition("-")[2]
    settings = read_settings(stage, name)
    assert settings.stage == stage
    assert settings.levels == (("refer",) if stage == "stage1" else None)
    assert read_settings(stage, name, ["data=[{path: x, weight: 2}]"]).data == (Data("x", 2.0),)


def test_the_recipes_of_the_papers_size_have_the_papers_numbers() -> None:
    for stage in ("stage1", "stage2"):
        found = read_settings(stage, f"paper-8b-{stage}")
        assert (found.batch, found.lr, found.epochs, found.precision) == (32, 4e-5, 1.0, "bf16")
    assert read_settings("stage1", "paper-8b-stage1").trainable[0].startswith("grounding.sam.mask_decoder")
    assert read_settings("stage2", "paper-8b-stage2").lora is not None
    assert read_settings("stage2", "paper-8b-stage2").predicted == 0.0  # true masks are injected


def test_a_file_says_everything_that_the_command_line_can(written) -> None:
    settings = read_settings(
        "stage2",
        written(
            levels="l1", lr="4e-5", inject={"predicted": 0.25}, lora={"rank": 8}, betas=[0.8, 0.9], trainable=["*"]
        ),
        ["steps=7", "model.settings.evidence=box", "workers=0", "precision=fp32"],
    )
    assert settings.levels == ("l1",)
    assert settings.lr == 4e-5  # which YAML takes for a text
    assert (settings.predicted, settings.lora, settings.betas) == (0.25, Lora(8, 128.0, 0.0), (0.8, 0.9))
    assert (settings.steps, settings.workers, settings.precision) == (7, 0, "fp32")
    assert settings.model.settings == {"evidence": "box"}
    assert settings.data == (Data("a", 1.0),)


def test_null_undoes_what_a_recipe_sets(written) -> None:
    path = written(levels=["l1"], lora={"rank": 8}, steps=3)
    found = read_settings("stage2", path, ["levels=null", "lora=null", "steps=null", "splits=null"])
    assert (found.levels, found.lora, found.steps, found.splits) == (None, None, None, None)
    assert read_settings("stage2", written()).splits == ("train",)  # what is held out stays out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": 1}, ["learning_rate", "unknown key"]),
        ({"model": {"tiny": {}, "weights": 1}}, ["model.weights", "unknown key"]),
        ({"data": [{"path": "a", "wieght": 1}]}, ["wieght", "unknown key"]),
        ({"inject": {"predict": 0.5}}, ["inject.predict", "unknown key"]),
        ({"lora": {"r": 8}}, ["lora.r", "unknown key"]),
        ({"data": [{}]}, ["path"]),
        ({"data": []}, ["data"]),
        ({"data": "a"}, ["data"]),
        ({"model": {}}, ["model", "one of: checkpoint; internvl and sam2; tiny"]),
        ({"model": {"tiny": {}, "checkpoint": "x"}}, ["model", "one of"]),
        ({"model": {"internvl": "x"}}, ["model", "internvl and sam2"]),
        ({"batch": 0}, ["batch"]),
        ({"batch": 2.5}, ["batch", "2.5"]),
        ({"batch": True}, ["batch"]),
        ({"steps": "many"}, ["steps", "many"]),
        ({"lr": "fast"}, ["lr", "finite number", "fast"]),
        ({"lr": float("nan")}, ["lr"]),
        ({"lr": -1}, ["lr", "above 0"]),
        ({"epochs": float("inf")}, ["epochs"]),
        ({"warmup": 2}, ["warmup", "from 0 to 1"]),
        ({"inject": {"predicted": 1.5}}, ["inject.predicted", "from 0 to 1"]),
        ({"betas": [0.9]}, ["betas"]),
        ({"precision": "fp16"}, ["precision", "fp32", "bf16", "fp16"]),
        ({"gradient_checkpointing": "yes please"}, ["gradient_checkpointing"]),
        ({"workers": -1}, ["workers", "from 0"]),
        ({"levels": []}, ["levels", "at least one"]),
        ({"levels": [1]}, ["levels"]),
        ({"stage": "stage1"}, ["stage", "stage2"]),
        ({"stage": "stage3"}, ["stage", "stage1"]),
    ],
    ids=str,
)
def test_a_wrong_key_or_value_is_named(written, changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SourceError) as caught:
        read_settings("stage2", written(**changes))
    assert all(word in str(caught.value) for word in words), caught.value
    assert "run.yaml" in str(caught.value)


def test_a_missing_model_or_data_is_named(tmp_path: Path) -> None:
    for kept, missing in (("data", "model"), ("model", "data")):
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump({kept: PLAIN[kept]}), "utf-8")
        with pytest.raises(SourceError, match=missing):
            read_settings("stage2", str(path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("lr", "expected key=value"),
        ("=1", "expected key=value"),
        ("model..tiny=1", "expected key=value"),
        ("data.path=x", "data is"),
        ("lr={", "no YAML"),
    ],
)
def test_a_wrong_change_on_the_command_line_is_shown(written, change: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read_settings("stage2", written(), [change])
    assert change in str(caught.value)


def test_a_file_that_is_not_there_lists_the_recipes(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="tiny-stage1"):
        read_settings("stage1", str(tmp_path / "gone.yaml"))


def test_the_curve_is_all_but_what_touches_no_loss(written) -> None:
    settings = read_settings("stage2", written())
    assert settings.curve().keys() == settings.as_dict().keys() - {*FREE_TO_CHANGE}
    moved = read_settings("stage2", written(data=[{"path": "elsewhere"}], workers=7, out="x"))
    assert moved.curve() == settings.curve()  # a folder may be moved: its content is compared
    for change in ("seed=1", "lr=1", "batch=64", "shuffle=9", "bucket=9", "model.settings.evidence=box"):
        assert read_settings("stage2", written(), [change]).curve() != settings.curve(), change


def test_every_setting_can_be_read(written) -> None:
    settings = read_settings("stage2", written())
    for key in Settings.__dataclass_fields__.keys() - {"stage", "model", "data", "predicted"}:
        value = getattr(settings, key)
        stated = list(value) if isinstance(value, tuple) else value
        assert getattr(read_settings("stage2", written(**{key: stated})), key) == value, key
