"""A Terra-CoT folder, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from terra_cot import write_folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of 24 synthetic scenes in three shards, samples of all levels."""
    return write_folder(tmp_path_factory.mktemp("data") / "terra-cot")
