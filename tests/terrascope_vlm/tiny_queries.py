"""Queries and configurations for tests of what needs no trained model: the processor of the tiny one, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from terrascope_vlm.frames import FrameImage
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.slots import Query
from terrascope_vlm.tiny import tiny_config, tiny_tokenizer

from terracot.ground import GroundSampling

TEN_METRES = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test")


@cache
def tokenizer() -> Any:
    """Bytes and special tokens."""
    return tiny_tokenizer()


@cache
def config_of(**settings: Any) -> Any:
    """The tiny configuration, not to be changed: tiles of 64 px with 8 x 8 visual tokens."""
    return tiny_config(tokenizer(), **settings)


def processor_of(config: Any) -> TerraScopeProcessor:
    """The processor of a configuration."""
    return TerraScopeProcessor.of(config, tokenizer())


def frame_of(shape: tuple[int, int], t: int = 1, modality: str = "optical", seed: int = 0) -> FrameImage:
    """A frame of noise."""
    noise = np.random.default_rng([seed, t, modality == "sar"]).random((3, *shape))
    return FrameImage(noise.astype(np.float32), t, modality)


def query_of(
    processor: TerraScopeProcessor,
    shape: tuple[int, int],
    frames: Sequence[tuple[int, str]] = ((1, "optical"),),
    text: str = "How much water?",
    ground: GroundSampling = TEN_METRES,
    valid: Mapping[int, np.ndarray] | None = None,
    seed: int = 0,
) -> Query:
    """A query of frames given by date and modality."""
    return processor.query([frame_of(shape, t, kind, seed) for t, kind in frames], text, ground, valid)
