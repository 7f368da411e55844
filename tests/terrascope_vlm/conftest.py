"""A tiny checkpoint, saved once; a headless Chromium."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faces import one_example, write_checkpoint

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


@pytest.fixture(scope="session")
def demo_model(checkpoint: Path) -> Any:
    """The tiny model, choosing by the question which image of a pair it reads."""
    from terrascope_vlm.plugin import TerraScope

    return TerraScope(checkpoint, fusion="text-guided")


@pytest.fixture
def server(demo_model: Any, tmp_path: Path) -> Iterator[Any]:
    """A demo that is being served; uploads lie in ``kept``."""
    from terrascope_vlm.demo.server import Server
    from terrascope_vlm.demo.session import Session

    folder = tmp_path / "kept"
    folder.mkdir()
    with Server(Session(demo_model, folder, one_example)) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()
