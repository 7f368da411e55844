"""Fixtures of the asking and scoring tests: one tiny synthetic benchmark per session."""

from pathlib import Path

import pytest
from make_bench import make_bench

from terrabench.items import Benchmark


@pytest.fixture(scope="session")
def bench_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bench(tmp_path_factory.mktemp("bench") / "bench", scenes=9)


@pytest.fixture(scope="session")
def bench(bench_path: Path) -> Benchmark:
    return Benchmark.open(bench_path)
