"""Our own placing of image tokens against the processors that come with transformers, token for token.

They want torchvision, which the package does not: it is installed into a folder of its own, for a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from family_checkpoints import FAMILIES
from terrabaselines.vlm.encoding import anyres_tokens

HERE = Path(__file__).parent
TORCH, TORCHVISION = "2.13.0", "0.28.0"


@pytest.fixture(scope="module")
def side_by_side(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if torch.__version__.split("+")[0] != TORCH:
        pytest.skip(f"torchvision {TORCHVISION} fits torch {TORCH}, here is {torch.__version__}")
    folder = tmp_path_factory.mktemp("torchvision")
    wanted = ["--quiet", "--no-deps", "--target", str(folder), f"torchvision=={TORCHVISION}"]
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--retries", "0", "--timeout", "10"]
    uv = [shutil.which("uv") or "uv", "pip", "install", "--python", sys.executable]
    command = pip if importlib.util.find_spec("pip") else uv
    try:
        installed = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False, timeout=90)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"torchvision {TORCHVISION} cannot be installed: {error}")
    if installed.returncode:
        pytest.skip(f"torchvision {TORCHVISION} cannot be installed: {installed.stderr.strip()[-200:]}")
    path = os.pathsep.join([str(folder), str(HERE)])
    run = subprocess.run(
        [sys.executable, str(HERE / "stock_side_by_side.py"), str(checkpoints)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])["families"]
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_and_pixels_are_those_of_the_stock_processor(side_by_side: dict[str, Any], family: str) -> None:
    found = side_by_side[family]
    ours, theirs = found["names"]
    assert ours == theirs
    assert {"input_ids", "attention_mask", "pixel_values"} <= set(ours)
    assert found["different"] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_torchvision_would_change_no_token_and_pixels_by_rounding_only(
    side_by_side: dict[str, Any], family: str
) -> None:
    """A step of 1 in 255 is about 0.015 after normalisation; bicubic edges round differently by a few."""
    assert side_by_side[family]["ids_of_other_backend"]
    assert side_by_side[family]["pixels_of_other_backend"] < 0.1


def test_llava_onevision_counts_tokens_as_its_processor_does_for_all_sizes() -> None:
    from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
    from transformers.models.llava_onevision.processing_llava_onevision import LlavaOnevisionProcessor

    pinpoints = LlavaOnevisionImageProcessorPil.image_grid_pinpoints
    stock = SimpleNamespace(
        image_processor=SimpleNamespace(image_grid_pinpoints=pinpoints),
        num_image_tokens=729,
        vision_aspect_ratio="anyres_max_9",
    )
    stock._get_unpadded_features = lambda *a: LlavaOnevisionProcessor._get_unpadded_features(stock, *a)
    sizes = [(h, w) for h in (1, 37, 64, 384, 500, 1024, 2304, 5000) for w in (1, 61, 128, 385, 777, 2048, 4000)]
    for height, width in sizes:
        theirs = LlavaOnevisionProcessor._get_number_of_features(stock, height, width, 384, 384)
        assert anyres_tokens((height, width), (384, 384), pinpoints, 729, "anyres_max_9") == theirs, (height, width)
