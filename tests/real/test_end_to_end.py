"""The main job on real scenes: generate, verify against the source, build, ask the reference models, score."""

from __future__ import annotations

from pathlib import Path

import pytest

from terrabench.build import build
from terrabench.items import Benchmark
from terrabench.runner import run
from terrabench.scoring import score
from terracot.dataset import generate
from terracot.generate import source_spec
from terracot.verify import verify

pytestmark = pytest.mark.real

LAYOUTS = {
    # layout: (scenes read here, is there enough of one kind for a benchmark)
    "amazon_forest": (34, True),
    "bigearthnet_v2": (1, False),
    "eolearn_slovenia": (1, False),
    "fair_kampala_buildings": (40, True),
    "hls_worldcover": (100, True),
    "ombria_flood": (60, True),
    "spacenet_samples": (1, False),
    "terramind_tiles": (4, True),
    "ukis_cloud": (2, False),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_number_of_a_data_set_follows_from_the_real_labels(layout: str, real_data: Path, tmp_path: Path) -> None:
    scenes, _ = LAYOUTS[layout]
    path = str(real_data / layout)
    result = generate(source_spec("geotiff", path), tmp_path / "set", limit=min(scenes, 40))
    assert result.quarantined == 0
    # Two to four kinds a scene; maps of two classes allow fewer, since yes and no go without saying there.
    assert 1.5 * result.counts["scenes"] <= result.counts["samples"] <= 4 * result.counts["scenes"]
    report = verify(tmp_path / "set", path)
    assert report.problems == []
    assert report.checked["rows"] == result.counts["samples"]
    assert report.checked["scenes rebuilt from source"] == result.counts["scenes"]


@pytest.mark.parametrize("layout", [name for name, (_, enough) in LAYOUTS.items() if enough])
def test_exact_arithmetic_on_the_evidence_answers_every_real_item(layout: str, real_data: Path, tmp_path: Path) -> None:
    from terrabaselines.oracle import BoxOracle, Oracle

    path = str(real_data / layout)
    build(source_spec("geotiff", path), tmp_path / "bench", limit=LAYOUTS[layout][0])
    assert verify(tmp_path / "bench", path).problems == []
    bench = Benchmark.open(tmp_path / "bench")
    run(bench, Oracle(), "oracle", tmp_path / "oracle")
    exact = score(tmp_path / "oracle")
    assert exact["micro_accuracy"] == 1.0
    assert exact["mean_iou"] == 1.0
    run(bench, BoxOracle(), "box-oracle", tmp_path / "box")
    boxes = score(tmp_path / "box")
    assert boxes["mean_iou"] < 0.9
    if len(bench) > 100:
        assert boxes["micro_accuracy"] < 0.8


@pytest.mark.parametrize("layout", [name for name, (_, enough) in LAYOUTS.items() if not enough])
def test_too_few_scenes_give_an_empty_benchmark_and_the_audit_says_why(
    layout: str, real_data: Path, tmp_path: Path
) -> None:
    result = build(source_spec("geotiff", str(real_data / layout)), tmp_path / "bench")
    assert result.counts["items"] == 0
    audit = (tmp_path / "bench" / "audit.json").read_text()
    assert "pool_too_small" in audit or "outcome_out_of_balance" in audit
