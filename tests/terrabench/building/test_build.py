"""Building a benchmark: what items hold, what the filters let through, balance, resumption, and equal bytes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from make_scenes import make_scenes
from scipy.ndimage import label

from terrabench.asking.runner import run
from terrabench.building.build import build
from terrabench.building.protocols import STRICT
from terrabench.items import APART, TASKS, Benchmark
from terrabench.scoring.scores import score
from terracot import io
from terracot.generate import source_spec
from terracot.ground import GroundSampling
from terracot.io import OutputError
from terracot.pipeline import WORK
from terracot.scenes import SourceError
from terracot.verify import verify

SCENES = "{scenes: 120, size: 64, families: {landscape: 0.4, settlement: 0.3, change: 0.1, sequence: 0.2}}"
FEW = "{scenes: 40, size: 64, families: {landscape: 1.0}}"


@pytest.fixture(scope="module", autouse=True)
def _no_commit() -> Iterator[None]:
    """The manifest names the commit of a checkout; somebody may commit while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", "/nonexistent")
        io._git.cache_clear()  # what an earlier test of this process has found out
        yield
    io._git.cache_clear()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench") / "b"
    build(source_spec("procedural", SCENES), out, workers=2)
    return out


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quicker one, where it matters only that there is something to harm."""
    out = tmp_path_factory.mktemp("small") / "b"
    build(source_spec("procedural", FEW), out)
    return out


@pytest.fixture(scope="module")
def items(bench: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted((bench / "data").glob("items-*.parquet")):
        rows += pq.read_table(path).to_pylist()
    return rows


def digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_items_carry_all_that_a_reader_of_the_published_table_expects(items: list[dict[str, Any]]) -> None:
    assert len(items) > 200
    for item in items:
        assert json.loads(item["candidates"])[item["answer"]] == item["options"]["ABCD".index(item["answer"])]
        assert item["task_type"] == (TASKS | APART)[item["task"]]
        assert item["image"]["bytes"].startswith(b"\x89PNG")
        few = (2,) if item["task"] in ("ranking", "boundary") else (2, 3, 4) if item["task"] in APART else (4,)
        assert len(item["options"]) in few
    assert {item["task"] for item in items} >= {"coverage", "area", "ranking", "boundary", "sequence_change"}


def test_native_bands_of_a_built_benchmark_are_those_of_the_source(bench: Path) -> None:
    """A reader that expects another packing than the writer's gives multispectral models no bands at all."""
    benchmark = Benchmark.open(bench)
    source = source_spec("procedural", SCENES).open()
    for item in benchmark.items[::100]:
        frames = source.load(item["scene_id"]).frames
        given = [frame.native() for frame in benchmark.prompt(item, 0).frames]
        assert [(g.dtype, g.shape, g.tobytes()) for g in given] == [
            (p.dtype, p.shape, p.tobytes()) for p in (frame.pixels() for frame in frames)
        ]


def test_every_item_passes_the_filters_of_its_task(items: list[dict[str, Any]], bench: Path) -> None:
    """The thresholds of the paper as literals: 5 %, 10 % of the larger, 10 pixels, 10 buildings and 3 destroyed."""
    benchmark = Benchmark.open(bench)
    for item in items:
        seen = benchmark.privileged(item, 0)
        masks = [e.mask for e in seen.evidence]
        valid = int(seen.prompt.valid[seen.evidence[-1].t].sum())
        if item["task"] in ("coverage", "area", "ranking"):
            assert min(m.sum() for m in masks) >= 0.05 * valid
        if item["task"] == "ranking":
            low, high = sorted(float(m.sum()) for m in masks)
            assert high - low > 0.10 * high
        if item["task"] == "boundary":
            sizes = [np.bincount(label(m, [[1] * 3] * 3)[0].ravel())[1:] for m in masks]
            assert max(map(len, sizes)) <= 5
            assert min(map(min, sizes)) >= 0.01 * valid  # patches of less are no part of the question
        if item["task"] == "distance":
            assert item["truth"]["value"] > 10 * seen.prompt.ground.sampling[0]  # square pixels here
        if item["task"] == "building_change":
            assert label(masks[0], [[1] * 3] * 3)[1] >= 10
            assert label(masks[1], [[1] * 3] * 3)[1] >= 3
    assert {item["task"] for item in items} >= {"coverage", "area", "ranking"}


def _pixel(unit: str, ground: GroundSampling) -> float:
    """What a pixel measures in base units; here all are square."""
    power = {"m2": 2, "ha": 2, "km2": 2, "m": 1, "km": 1}.get(unit, 0)
    return ground.sampling[0] ** power if ground.known else 1.0


def test_distractors_are_true_values_of_the_same_stratum(items: list[dict[str, Any]]) -> None:
    """Every option of a numeric item, in pixels, is what ``answer_from_masks`` gives for a finding of its stratum."""
    from terrabench.building.rows import findings_of
    from terracot.findings import SceneFacts

    source = source_spec("procedural", SCENES).open()
    true: dict[str, set[float]] = defaultdict(set)
    grounds = {scene_id: source.load(scene_id).ground for scene_id in source.ids()}
    for scene_id in source.ids():
        for found, _ in findings_of(SceneFacts(source.load(scene_id)), STRICT, Counter()):
            if found.value is not None:
                true[found.stratum].add(round(found.value / _pixel(found.unit, grounds[scene_id]), 6))
    units = {"%": 1.0, "count": 1.0, "m2": 1.0, "ha": 1e4, "km2": 1e6, "m": 1.0, "km": 1e3}
    numeric = [item for item in items if item["option_values"][0] is not None]
    assert len(numeric) >= 40
    for item in numeric:
        unit = item["truth"]["unit"]
        scale = units[unit] / _pixel(unit, grounds[item["scene_id"]])
        assert {round(v * scale, 6) for v in item["option_values"]} <= true[item["stratum"]]


def test_letters_are_uniform_and_outcomes_balanced(items: list[dict[str, Any]]) -> None:
    letters = Counter(item["answer"] for item in items if len(item["options"]) == 4)
    share = sum(letters.values()) / 4
    assert all(abs(letters[letter] - share) < 4 * (share * 0.75) ** 0.5 for letter in "ABCD")
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        if item["task"] in ("ranking", "boundary"):
            outcomes[item["stratum"]][item["truth"]["text"]] += 1
    assert outcomes
    assert all(len(set(counts.values())) == 1 and len(counts) == 2 for counts in outcomes.values())


def test_the_audit_accounts_for_every_fact_found(bench: Path, items: list[dict[str, Any]]) -> None:
    audit = json.loads((bench / "audit.json").read_text())
    kept = Counter(item["task"] for item in items)
    for task, entry in audit.items():
        assert entry["kept"] == kept[task]
        assert entry["found"] == entry["kept"] + sum(entry["dropped_with_options"].values())


def test_a_built_benchmark_verifies_and_the_oracle_is_always_right(bench: Path, tmp_path: Path) -> None:
    from terrabaselines.oracle import BoxOracle, Oracle

    assert verify(bench).problems == []
    benchmark = Benchmark.open(bench)
    run(benchmark, Oracle(), "oracle", tmp_path / "oracle")
    exact = score(tmp_path / "oracle")
    assert exact["micro_accuracy"] == 1.0
    assert exact["mean_iou"] == 1.0
    run(benchmark, BoxOracle(), "box-oracle", tmp_path / "box")
    boxes = score(tmp_path / "box")
    assert boxes["micro_accuracy"] < 0.8
    assert boxes["mean_iou"] < 0.8


@pytest.mark.parametrize("forged", ["image", "group", "split", "license", "task"])
def test_an_item_that_says_other_than_its_scene_is_found(small: Path, tmp_path: Path, forged: str) -> None:
    """The picture is no part of the id: swapped pictures would show models another place without anybody noticing."""
    import pyarrow as pa

    from terracot.io import MANIFEST, read_json, write_manifest
    from terracot.samples import ITEM_SCHEMA, content_id

    out = tmp_path / "forged"
    shutil.copytree(small, out)
    path = out / "data" / "items-00000.parquet"
    rows = pq.read_table(path).to_pylist()
    other = {"image": rows[-1]["image"], "group": "x", "split": "train", "license": "x", "task": "building_change"}
    rows[0][forged] = other[forged]
    rows[0]["id"] = content_id(rows[0])
    pq.write_table(pa.Table.from_pylist(rows, schema=ITEM_SCHEMA), path)
    manifest = read_json(out / MANIFEST)
    manifest.pop("files")
    write_manifest(out, manifest)
    expected = {"image": "its picture is none of its scene", "task": "is not one that the kind of the question"}
    problems = verify(out).problems
    assert any(expected.get(forged, f"{forged} is ") in problem for problem in problems), problems


def test_flipped_answers_make_the_oracle_wrong_on_exactly_those(bench: Path, tmp_path: Path) -> None:
    """The oracle measures: if it read the stored answer, flipping it would go unnoticed."""
    import pyarrow as pa
    from terrabaselines.oracle import Oracle

    from terracot.io import MANIFEST, read_json, write_manifest
    from terracot.samples import ITEM_SCHEMA

    out = tmp_path / "flipped"
    shutil.copytree(bench, out)
    flipped = set()
    for path in sorted((out / "data").glob("items-*.parquet")):
        rows = pq.read_table(path).to_pylist()
        for row in rows[:25]:
            if len(flipped) < 50:
                position = "ABCD".index(row["answer"])
                row["answer"] = "ABCD"[(position + 1) % len(row["options"])]
                row["truth"] = {"value": row["option_values"][(position + 1) % 4 % len(row["options"])]} | {
                    k: row["truth"][k] for k in ("unit", "text")
                }
                flipped.add(row["id"])
        pq.write_table(pa.Table.from_pylist(rows, schema=ITEM_SCHEMA), path)
    manifest = read_json(out / MANIFEST)
    manifest.pop("files")
    (out / MANIFEST).unlink()
    write_manifest(out, manifest)
    assert len(flipped) == 50
    run(Benchmark.open(out), Oracle(), "oracle", tmp_path / "run")
    right = {item["id"]: item["answer"] for item in Benchmark.open(out).items}
    lines = [json.loads(line) for line in (tmp_path / "run" / "responses.jsonl").read_text().splitlines()]
    assert {line["id"] for line in lines if line["letter"] != right[line["id"]]} == flipped


def test_one_and_two_workers_write_the_same_bytes(bench: Path, tmp_path: Path) -> None:
    build(source_spec("procedural", SCENES), tmp_path / "one", workers=1)
    assert digest(tmp_path / "one") == digest(bench)


def test_killed_five_times_it_ends_with_the_same_bytes(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    command = [sys.executable, "-c", "import sys; from terrabench.cli import main; sys.exit(main())"]
    command += ["build", "procedural", SCENES, "--out", str(out), "--workers", "2", "--quiet"]
    rng = random.Random(5)
    killed = 0
    while killed < 5:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(rng.uniform(1.0, 2.5))
        if process.poll() is not None:
            break  # it was done before the blow fell: what is left to compare is the same
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        killed += 1
    assert killed >= 1
    subprocess.run(command, check=True, timeout=300)
    assert digest(out) == digest(bench)


@pytest.mark.parametrize(
    ("harm", "dies_in"),
    [
        ("findings-00000.jsonl", "assign"),
        ("measure-00000.json", "assign"),
        ("options.json", "WriteJob"),
        ("write-00000.json", "_finish"),
    ],
)
def test_damaged_working_files_are_made_again_and_never_a_smaller_benchmark(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, dies_in: str
) -> None:
    """Findings cut after a line are valid JSON lines: without their hash the options of all items would change."""
    few = source_spec("procedural", FEW)
    out = tmp_path / "harmed"

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"terrabench.building.build.{dies_in}", dies)
        with pytest.raises(KeyboardInterrupt):
            build(few, out)
    path = out / WORK / harm
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    build(few, out)
    assert digest(out) == digest(small)


def test_a_finished_benchmark_that_lost_a_file_is_not_called_finished(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "lost"
    shutil.copytree(bench, out)
    (out / "data" / "items-00000.parquet").unlink()
    with pytest.raises(OutputError, match=r"was finished, but data/items-00000.parquet is missing; remove the folder"):
        build(source_spec("procedural", SCENES), out)


def test_a_folder_with_other_settings_is_refused_untouched(bench: Path) -> None:
    before = digest(bench)
    with pytest.raises(OutputError, match="other settings"):
        build(source_spec("procedural", SCENES), bench, seed=1)
    assert digest(bench) == before


def test_a_source_without_scenes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        build(source_spec("geotiff", str(tmp_path)), tmp_path / "out")


def test_per_task_caps_are_counted(tmp_path: Path) -> None:
    out = tmp_path / "capped"
    build(source_spec("procedural", FEW), out, per_task=3)
    audit = json.loads((out / "audit.json").read_text())
    assert audit["coverage"]["kept"] == 3
    assert audit["coverage"]["dropped_with_options"]["over_the_number_asked_for"] > 0
    assert not (out / WORK).exists()


def test_a_truncated_image_is_found_before_options_are_drawn(tmp_path: Path) -> None:
    folder = make_scenes(tmp_path / "scenes", count=16)
    for n in range(0, 16, 3):
        image = folder / "image" / f"s{n:03d}.tif"
        image.write_bytes(image.read_bytes()[:-2000])  # its header can be read, its last rows cannot
    source = source_spec("geotiff", str(folder))
    build(source, tmp_path / "bench")
    quarantine = [json.loads(line) for line in (tmp_path / "bench" / "quarantine.jsonl").read_text().splitlines()]
    assert [(q["scene_id"], q["reason"]) for q in quarantine] == [
        (f"s{n:03d}", "unreadable") for n in (0, 3, 6, 9, 12, 15)
    ]
    items = Benchmark.open(tmp_path / "bench").items
    said = Counter((i["stratum"], i["options"]["AB".index(i["answer"])]) for i in items if i["task"] == "boundary")
    assert said
    assert all(said[stratum, "yes"] == said[stratum, "no"] for stratum, _ in said)
    assert verify(tmp_path / "bench", str(folder)).problems == []
