"""The main job on real scenes: generate, verify against the source, build, ask the reference models, score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from terrabench.asking.runner import run
from terrabench.building.build import build
from terrabench.items import Benchmark
from terrabench.scoring.scores import score
from terracot.dataset import generate
from terracot.generate import source_spec
from terracot.io import MANIFEST, read_json
from terracot.levels import LEVELS, parse_mix
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

# What the first scenes of each layout have to give: (scenes, chosen sensors, sensors of the rows, levels of part 2).
# SpaceNet maps nothing but buildings on one image, so there are no two classes to relate to each other.
MADE = [
    ("amazon_forest", 8, "", "optical", {"l2-spatial", "l2-semantic"}),
    ("bigearthnet_v2", 1, "", "multispectral+sar", {"l2-spatial", "l2-spectral"}),
    ("eolearn_slovenia", 1, "", "multispectral", {"l2-spatial", "l2-spectral"}),
    ("fair_kampala_buildings", 16, "", "optical", {"l2-spatial"}),
    ("hls_worldcover", 24, "", "multispectral", {"l2-spatial", "l2-semantic", "l2-spectral"}),
    ("ombria_flood", 12, "", "optical+sar", {"l2-spatial", "l2-temporal"}),
    ("ombria_flood", 6, "sar", "sar", {"l2-spatial", "l2-temporal"}),
    ("spacenet_samples", 1, "", "optical", set()),
    ("terramind_tiles", 4, "", "multispectral+sar", {"l2-spatial", "l2-spectral"}),
    ("ukis_cloud", 2, "", "multispectral", {"l2-spatial", "l2-spectral"}),
]
EVERYTHING = parse_mix("refer,caption,l1,l2", "all")


@pytest.mark.parametrize(("layout", "scenes", "chosen", "modality", "l2"), MADE)
def test_every_level_is_made_from_the_real_labels_and_every_number_follows_from_them(
    layout: str, scenes: int, chosen: str, modality: str, l2: set[str], real_data: Path, tmp_path: Path
) -> None:
    path = str(real_data / layout)
    source = replace(source_spec("geotiff", path), modalities=(chosen,) if chosen else ())
    result = generate(source, tmp_path / "set", limit=scenes, mix=EVERYTHING)
    assert result.quarantined == 0
    assert result.counts["scenes"] == scenes
    counts = read_json(tmp_path / "set" / MANIFEST)["counts"]
    assert set(counts["levels"]) == {"refer", "caption", "l1"} | l2
    assert counts["levels"]["caption"] == scenes, "each scene is described once"
    assert set(counts["modalities"]) == {modality}
    report = verify(tmp_path / "set", path)
    assert report.problems == []
    assert report.checked["rows"] == result.counts["samples"]
    assert report.checked["scenes rebuilt from source"] == scenes


def test_what_a_source_states_itself_is_kept_and_verified(real_data: Path, tmp_path: Path) -> None:
    path = str(real_data / "rsvqa_lr")
    result = generate(source_spec("rsvqa-lr", path), tmp_path / "set")
    assert (result.counts["samples"], result.counts["scenes"]) == (900, 9)
    assert read_json(tmp_path / "set" / MANIFEST)["counts"]["levels"] == {"qa": 900}
    assert verify(tmp_path / "set", path).problems == []


def test_levels_are_thinned_to_the_proportion_of_the_paper(real_data: Path, tmp_path: Path) -> None:
    """250 captions to 450 questions of L1 and 300 of L2, within what 48 scenes can show."""
    generate(source_spec("geotiff", str(real_data / "hls_worldcover")), tmp_path / "set", limit=48)
    levels = read_json(tmp_path / "set" / MANIFEST)["counts"]["levels"]
    l2 = sum(count for level, count in levels.items() if level.startswith("l2"))
    total = levels["caption"] + levels["l1"] + l2
    assert levels["caption"] / total == pytest.approx(0.25, abs=0.04)
    assert levels["l1"] / total == pytest.approx(0.45, abs=0.04)
    assert l2 / total == pytest.approx(0.30, abs=0.04)


def test_all_levels_come_from_real_data() -> None:
    assert {"refer", "caption", "l1"}.union(*(l2 for *_, l2 in MADE)) == set(LEVELS)
    assert {modality for *_, modality, _ in MADE} == {
        *("optical", "sar", "multispectral", "optical+sar", "multispectral+sar")
    }


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
