"""The model of a run: from a checkpoint, from two of the hub, or tiny from scratch; and which of it is trained."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from terracot.scenes import SourceError
from terrascope_vlm.checkpoints import load
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.tiling import tiling_of
from terrascope_vlm.tiny import tiny_config, tiny_tokenizer
from terrascope_vlm.training.beginning import begin
from terrascope_vlm.training.folders import Folders
from terrascope_vlm.training.settings import ALL, Settings

TEXTS = 20_000
"""Rows of the data that a tokenizer learns from."""


def build(settings: Settings, folders: Folders) -> tuple[Any, TerraScopeProcessor]:
    """Model and processor that the settings name; ``SourceError`` names a key that does not fit."""
    source = settings.model
    torch.manual_seed(settings.seed)
    if source.tiny is not None:
        return _tiny(source.tiny, source.vocabulary, source.settings, folders)
    if source.checkpoint is not None:
        return load(source.checkpoint, allow_download=source.download, **dict(source.settings))
    from terrascope_vlm.parts import from_parts

    return from_parts(
        internvl=str(source.internvl), sam2=str(source.sam2), allow_download=source.download, **dict(source.settings)
    )


def _tiny(
    sizes: Mapping[str, Any], vocabulary: int, settings: Mapping[str, Any], folders: Folders
) -> tuple[Any, TerraScopeProcessor]:
    from terrascope_vlm.modeling import TerraScopeForReasoning

    known = [
        name for name, about in inspect.signature(tiny_config).parameters.items() if about.kind == about.KEYWORD_ONLY
    ]
    _check(sizes, known, "model.tiny")
    _check(settings, _settable(), "model.settings")
    tokenizer = tiny_tokenizer(list(folders.texts(TEXTS)), vocabulary)
    config = tiny_config(tokenizer, **dict(sizes), **dict(settings))
    model = TerraScopeForReasoning(config)
    begin(model)
    return model, TerraScopeProcessor.of(config, tokenizer, system="")


def _settable() -> list[str]:
    names = list(inspect.signature(TerraScopeConfig.__init__).parameters)
    return [name for name in names if name not in ("self", "kwargs", "internvl_config", "sam2_config", "seg_token_id")]


def _check(values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in values:
        if name not in known:
            raise SourceError(f"key {where}.{name}: expected one of {', '.join(known)}; found unknown key {name!r}")


def set_trainable(model: nn.Module, patterns: Sequence[str]) -> None:
    """Train weights whose names match one of ``patterns`` (``fnmatch``), no other; "all" trains every one.

    ``SourceError`` for a pattern that matches none.
    """
    names = [name for name, _ in model.named_parameters()]
    wanted = ["*" if pattern == ALL else pattern for pattern in patterns]
    for pattern in wanted:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise SourceError(
                f"key trainable: expected patterns of names of weights, such as {names[0]}; {pattern!r} matches none"
            )
    for name, value in model.named_parameters():
        value.requires_grad_(any(fnmatchcase(name, pattern) for pattern in wanted))


def adapted(model: nn.Module, settings: Settings) -> Any:
    """The ``peft`` model around ``model`` if the settings ask for adapters, else None; ``SourceError`` for both."""
    if settings.lora is None:
        return None
    if settings.trainable != (ALL,):
        raise SourceError("key trainable: with lora it is decided what is trained; leave one of the two keys out")
    from terrascope_vlm.lora import with_lora

    return with_lora(model, settings.lora.rank, settings.lora.alpha, settings.lora.dropout)


def whole(model: nn.Module, adapter: Any) -> Any:
    """The model with its adapters merged; ``adapter`` is used up."""
    if adapter is None:
        return model
    from terrascope_vlm.lora import merged

    return merged(adapter)


def settle(model: nn.Module, half: bool) -> None:
    """What is trained in float32, so that small steps are not lost; the rest in bfloat16 where ``half``."""
    for value in model.parameters():
        value.data = value.data.to(torch.float32 if value.requires_grad or not half else torch.bfloat16)


def visual_tokens(processor: TerraScopeProcessor, frames: int, shape: tuple[int, int]) -> int:
    """Visual tokens of a query of so many images of one ``(H, W)``."""
    limit = processor.max_tiles if frames == 1 else 1
    return frames * tiling_of(shape, processor.tile_size, processor.tile_cells, limit).tokens
