"""Checkpoints to go on from: trained weights and the state of the optimizer as safetensors, the rest as JSON.

A checkpoint is a folder ``step-00000500`` that appears whole or not at all. Order of the data, learning rate and every
draw are functions of the settings and the step, so the step is all that has to be kept of them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from terracot.io import OutputError, atomic_write_text, pretty_json, read_json

WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{8})")


def save_state(
    folder: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, about: Mapping[str, Any], keep: int
) -> Path:
    """Write the checkpoint of ``step`` below ``folder`` and drop all but the last ``keep``; returns its folder."""
    from safetensors.torch import save_file

    names = _names(model)
    stored = optimizer.state_dict()
    moments: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    for number, state in stored["state"].items():
        for key, value in state.items():
            if isinstance(value, Tensor):
                moments[f"{names[number]}:{key}"] = value.detach().contiguous()
            else:
                plain[f"{names[number]}:{key}"] = value
    weights = {name: value.detach().contiguous() for name, value in model.named_parameters() if value.requires_grad}
    target = folder / f"step-{step:08d}"
    partial = folder / f".{target.name}.tmp"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(weights, partial / WEIGHTS)
        save_file(moments, partial / OPTIMIZER)
        atomic_write_text(partial / STATE, pretty_json({"step": step, **about, "optimizer": plain}))
        for path in (partial / WEIGHTS, partial / OPTIMIZER):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)  # of an earlier try
        partial.replace(target)
    except OSError as error:
        raise OutputError(
            f"cannot write the checkpoint {target} ({error}); earlier ones are unchanged. Free some space or check "
            "permissions, then go on with --resume"
        ) from error
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints below ``folder``, the latest last."""
    return sorted(path for path in folder.glob("step-*") if _NAME.fullmatch(path.name) and (path / STATE).is_file())


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Put weights and moments of a checkpoint in place; returns what was stored about it, ``step`` among it.

    ``OutputError`` when it is damaged or of another model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights, moments = load_file(path / WEIGHTS), load_file(path / OPTIMIZER)
    except (OSError, SafetensorError) as error:
        raise OutputError(
            f"{path} cannot be read ({error}); remove this folder, then --resume goes on from the one before"
        ) from error
    about = read_json(path / STATE, "remove its folder, then --resume goes on from the checkpoint before")
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    shapes = {name: tuple(value.shape) for name, value in trained.items()}
    if shapes != {name: tuple(value.shape) for name, value in weights.items()}:
        odd = sorted(set(shapes) ^ set(weights)) or [n for n in shapes if shapes[n] != tuple(weights[n].shape)]
        raise OutputError(f"{path} is of another model: {odd[0]} differs; give another --out to begin anew")
    with torch.no_grad():
        for name, value in trained.items():
            value.copy_(weights[name])
    found: dict[str, dict[str, Any]] = {}
    for key, value in (*moments.items(), *about.pop("optimizer").items()):
        name, _, part = key.rpartition(":")
        found.setdefault(name, {})[part] = value
    names = _names(model)
    own = optimizer.state_dict()
    own["state"] = {number: found[name] for number, name in enumerate(names) if name in found}
    optimizer.load_state_dict(own)
    return about


def _names(model: nn.Module) -> list[str]:
    """Names of the trained weights in the order in which an optimizer that got them numbers them."""
    return [name for name, value in model.named_parameters() if value.requires_grad]
