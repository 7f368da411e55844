"""The three question sets through the whole library: samples or none, items, verified, run and scored."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import disasterm3_on_disk as disasterm3
import landsat30_on_disk as landsat30
import pytest
import rsvqa_on_disk as rsvqa
from terrabaselines.chance import Chance

from terrabench.asking.runner import run
from terrabench.building.build import build
from terrabench.items import Benchmark
from terrabench.scoring.scores import score
from terracot.dataset import generate
from terracot.findings import SceneFacts
from terracot.generate import SourceSpec, scene_samples
from terracot.sources import open_source
from terracot.verify import verify


def benchmark(name: str, folder: Path, out: Path) -> Benchmark:
    build(SourceSpec(name, str(folder)), out)
    report = verify(out, str(folder))
    assert report.problems == []
    return Benchmark.open(out)


def chances(bench: Benchmark, out: Path) -> dict[str, tuple[int, float]]:
    """Task -> number of items, accuracy by chance, from the scores of a run that draws letters."""
    run(bench, Chance(), "chance", out)
    result = score(out, bench)
    assert result["complete"]
    assert result["mean_iou"] is None
    return {task: (t["n"], t["chance"]) for task, t in result["tasks"].items()}


def letters(bench: Benchmark) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for item in bench.items:
        found.setdefault(item["kind"], Counter())[item["options"]["ABCDE".index(item["answer"])]] += 1
    return found


def test_rsvqa_gives_samples_and_items_with_words_in_balance(tmp_path: Path) -> None:
    rows = [row for n in range(1, 17) for row in rsvqa.asked(n, "test")]
    folder = rsvqa.published(tmp_path / "rsvqa", rows, size=32)
    (first, *_) = scene_samples(SceneFacts(open_source("rsvqa-lr", str(folder)).load("1")), seed=0)
    assert (first["kind"], first["question"], first["answer"]) == ("rsvqa-lr/presence", "Is a road present?", "yes")
    generate(SourceSpec("rsvqa-lr", str(folder)), tmp_path / "cot")
    report = verify(tmp_path / "cot")
    assert (report.problems, report.checked["rows"]) == ([], 80)  # 16 images x 5 questions
    bench = benchmark("rsvqa-lr", folder, tmp_path / "bench")
    found = letters(bench)
    # Every image has one presence of each word; comparison and area alternate from image to image.
    assert found["rsvqa-lr/presence"] == {"yes": 16, "no": 16}
    assert found["rsvqa-lr/comparison"] == {"yes": 8, "no": 8}
    assert found["rsvqa-lr/rural_urban"] == {"rural": 8, "urban": 8}
    counts = {str(7 * n + 3) for n in range(1, 17)}
    assert set(found["rsvqa-lr/count"]) <= counts
    scored = chances(bench, tmp_path / "run")
    assert scored["rsvqa-lr/presence"] == (32, 0.5)
    assert scored["rsvqa-lr/count"][1] == 0.25


@pytest.mark.parametrize(
    ("name", "module", "tasks"),
    [
        ("landsat30-au", landsat30, {"landsat30-au/DLC": 0.25, "landsat30-au/COA": 0.5, "landsat30-au/NUM": 0.25}),
        (
            "disasterm3",
            disasterm3,
            {"disasterm3/building_damage_counting": 0.2, "disasterm3/disaster_type_recognition": 0.2},
        ),
    ],
)
def test_evaluation_sets_give_their_own_options_in_order_and_no_sample(
    tmp_path: Path, name: str, module: Any, tasks: dict[str, float]
) -> None:
    rows = [row for n in range(12) for row in module.asked(n)]
    folder = module.write(tmp_path / "set", rows)
    generate(SourceSpec(name, str(folder)), tmp_path / "cot")
    reasons = [json.loads(line)["reason"] for line in (tmp_path / "cot" / "quarantine.jsonl").read_text().splitlines()]
    assert reasons == ["evaluation_only"] * 12
    bench = benchmark(name, folder, tmp_path / "bench")
    scored = chances(bench, tmp_path / "run")
    assert {task: n for task, (n, _) in scored.items()} == dict.fromkeys(tasks, 12)
    assert {task: chance for task, (_, chance) in scored.items()} == pytest.approx(tasks)
    for item in bench.items:
        key = json.loads(item["parameters"])["key"]
        row = (
            rows[int(key.removeprefix("record-"))]
            if name == "disasterm3"
            else next(r for r in rows if r["qa_id"] == key)
        )
        published = row.get("options_list") or row["options"]
        assert item["question"] == row.get("prompts", row.get("question"))
        assert [str(option) for option in published] == item["options"] or repr(item["options"]) == published
        right = item["options"]["ABCDE".index(item["answer"])]
        assert right == str(row.get("ground_truth", row.get("answer")))
    assert all(item["split"] == "test" and item["masks"] == [] for item in bench.items)


@pytest.mark.real
def test_real_rsvqa_samples_become_samples_and_items(tmp_path: Path, real_data: Path) -> None:
    folder = real_data / "rsvqa_lr"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    generate(SourceSpec("rsvqa-lr", str(folder)), tmp_path / "cot")
    report = verify(tmp_path / "cot", str(folder))
    assert (report.problems, report.checked["rows"]) == ([], 900)
    bench = benchmark("rsvqa-lr", folder, tmp_path / "bench")
    found = letters(bench)
    assert found["rsvqa-lr/presence"]["yes"] == found["rsvqa-lr/presence"]["no"] >= 3
    assert set(found["rsvqa-lr/presence"]) == {"yes", "no"}
