"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, so that a red test is the fault of the change that it is seen with. To look for new
# ones: HYPOTHESIS_PROFILE=default pytest ...
settings.register_profile("steady", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# Small fits of scikit-learn: beside other work on the machine, its OpenMP threads wait for each other for minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real satellite samples; skips with a reason when there is none."""
    stated = os.environ.get("TERRASCOPE_DATA")
    folder = Path(stated) if stated else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        where = f"TERRASCOPE_DATA={stated}" if stated else f"TERRASCOPE_DATA is not set and there is no {folder}"
        pytest.skip(f"real data not found: {where}")
    return folder
