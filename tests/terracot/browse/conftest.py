"""A headless Chromium, and folders of hand-made rows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from make_pages import Opened, scene

from terracot.browse import browse
from terracot.io import write_manifest
from terracot.samples import SAMPLE_SCHEMA, SCENE_SCHEMA, SCHEMA_VERSION
from terracot.shards import write_shard

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, closed after the tests of one file; skips with a reason where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: run `make setup`")
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH (Debian, Ubuntu: apt install chromium)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    """A page of 1280 x 800; the test fails when anything was written to its console or asked of the network."""
    one = Opened(browser)
    yield one
    one.page.close()
    assert one.errors == []
    assert {url.partition(":")[0] for url in one.requests} <= {"file", "data"}


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., Path]:
    """Write hand-made rows as a finished folder."""

    def write(rows: Sequence[Mapping[str, Any]], scenes: Sequence[Mapping[str, Any]] | None = None) -> Path:
        folder = tmp_path / "set"
        shutil.rmtree(folder, ignore_errors=True)
        write_shard(folder / "data" / "samples-00000.parquet", rows, SAMPLE_SCHEMA)
        write_shard(folder / "data" / "scenes-00000.parquet", scenes or [scene()], SCENE_SCHEMA)
        write_manifest(folder, {"kind": "terra-cot", "schema": SCHEMA_VERSION, "counts": {"samples": len(rows)}})
        return folder

    return write


@pytest.fixture
def page_of(folder_of: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Write hand-made rows as a folder, and its page."""

    def write(rows: Sequence[Mapping[str, Any]], scenes: Sequence[Mapping[str, Any]] | None = None) -> Path:
        return browse(folder_of(rows, scenes), tmp_path / "page.html").out

    return write
