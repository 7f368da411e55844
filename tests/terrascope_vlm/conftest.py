"""A tiny checkpoint, saved once; a headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faces import write_checkpoint

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random model."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, closed after the last test; skips with a reason where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: run `make setup`")
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH (Debian, Ubuntu: apt install chromium)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()
