"""A small Terra-CoT folder of synthetic scenes, and settings of runs on it that take a second or two."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from terrascope_vlm.training.settings import Data, ModelSource, Settings

import terracot.dataset
from terracot.cli import main as terracot_command

SCENES = json.dumps(
    {
        "split": "train",
        "scenes": 24,
        "size": 64,
        "families": {"landscape": 0.4, "change": 0.3, "settlement": 0.3},
        "cloud_share": 0.5,
    }
)
"""Scenes of one date and of two, with SAR and without; clouds hide parts of some."""

SIZES = {
    "image": 64,
    "patch": 8,
    "mask_input": 32,
    "width": 32,
    "layers": 1,
    "vision_width": 32,
    "vision_layers": 1,
    "sam_width": 16,
    "sam_dims": [8, 16, 32, 64],
}
"""Of the model: 4 x 4 visual tokens an image."""


def write_folder(folder: Path, scenes: str = SCENES, levels: str = "refer,caption,l1,l2", shard: int = 8) -> Path:
    """Write a Terra-CoT folder whose shards have ``shard`` scenes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terracot.dataset, "scenes_per_shard", lambda source, ids: shard)
        options = ["--levels", levels, "--mix", "all", "--mcq-share", "0.7", "--out", str(folder), "--quiet"]
        assert terracot_command(["generate", "procedural", scenes, *options]) == 0
    return folder


def settings_of(*folders: Path, tiny: dict[str, Any] | None = None, model: Any = None, **changes: Any) -> Settings:
    """A run of four steps of four samples from random weights. ``model`` are settings of the model."""
    source = ModelSource(tiny={**SIZES, **(tiny or {})}, vocabulary=300, settings=model or {})
    plain = {"batch": 4, "micro_batch": 2, "steps": 4, "lr": 2e-3, "precision": "fp32", "levels": ("l1", "l2-temporal")}
    quick = {"workers": 0, "tensorboard": False, "shuffle": 16, "bucket": 2}
    data = tuple(Data(str(folder)) for folder in folders)
    return Settings(**{"stage": "stage2", "model": source, "data": data, **plain, **quick, **changes})


def log_of(run: Path) -> list[dict[str, Any]]:
    """Lines of a run's log."""
    return [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]


def curve_of(run: Path) -> list[tuple[Any, ...]]:
    """What of each step has to come out the same again, to the last bit."""
    return [
        tuple(line[key] for key in ("step", "lm_loss", "mask_loss", "iou", "grad_norm", "lr", "tokens"))
        for line in log_of(run)
    ]


def overfit_script() -> Any:
    """``benchmarks/overfit.py`` as a module."""
    path = Path(__file__).parents[2] / "benchmarks" / "overfit.py"
    spec = importlib.util.spec_from_file_location("overfit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
