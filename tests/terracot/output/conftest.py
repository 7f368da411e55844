"""A small data set of procedural scenes, with its pictures embedded and as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from terracot.dataset import generate
from terracot.generate import SourceSpec
from terracot.levels import parse_mix

SCENES = 10


def make(out: Path, images: str = "embed", workers: int = 1) -> Path:
    """Procedural scenes of one and two dates, optical and radar."""
    generate(
        SourceSpec("procedural", "default"),
        out,
        limit=SCENES,
        images=images,
        mix=parse_mix("l1", "all"),
        workers=workers,
    )
    return out


@pytest.fixture(scope="session")
def make_set() -> Callable[..., Path]:
    return make


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("embedded") / "set")


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("beside") / "set", "files")
