"""python benchmarks/score_speed.py [--items 3837] [--size 256] [--runs 3] [--json] [--keep DIR]

How long `terrabench score` takes for a benchmark as large as the published one, with masks of 256 x 256 pixels, against
the floor: the IoU matrices of the same masks by pycocotools, item by item, with everything already in memory.

The benchmark and the run are synthetic: masks are cut out of smooth noise and as ragged as those of a land-cover map at
10 m; a third of the scenes have pixels without a label. What is timed is a whole call of ``score()`` in a warm process:
opening the benchmark, reading the replies, parsing them, reading and checking all masks, every statistic, writing
scores.json. Other work on the machine slows both down; the ratio says more than the seconds then.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from terrabench.asking.responses import ids_sha256
from terrabench.items import TASKS, Benchmark
from terrabench.replies.answers import PARSER_VERSION
from terrabench.scoring.scores import score
from terracot.io import append_line, atomic_write_text, open_log, pretty_json, write_manifest
from terracot.masks import encode
from terracot.plugins import LETTERS
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA

COUNTS = {"coverage": 855, "area": 855, "ranking": 855, "boundary": 855, "distance": 129, "building_change": 288}
"""Items of each task in the published benchmark (arXiv 2603.19039): 3,837 in all."""

ITEMS_PER_SCENE = 3
REPLY = (
    "<think>I outline the first class: [SEG]. It covers 8,490 of 65,536 valid pixels, which is 13%. I also mark the "
    "second class: [SEG]. It covers 2,201 of 65,536 valid pixels, which is 3.4%.</think><answer>{letter}</answer>"
)


def make(folder: Path, items: int, size: int, seed: int = 0) -> tuple[Path, Path]:
    """Write a synthetic benchmark and a synthetic run of it, and return their folders."""
    rng = np.random.default_rng(seed)
    fields = _fields(rng, size)
    tasks = [task for task, count in COUNTS.items() for _ in range(count)]
    chosen = [tasks[i] for i in rng.permutation(len(tasks))]
    scene_rows, item_rows, lines = [], [], []
    for number in range(items):
        if number % ITEMS_PER_SCENE == 0:
            scene_rows.append(_scene(number // ITEMS_PER_SCENE, size, rng, fields))
        item, line = _item(number, chosen[number % len(chosen)], scene_rows[-1], rng, fields)
        item_rows.append(item)
        lines.append(line)
    bench, run = folder / "bench", folder / "run"
    (bench / "data").mkdir(parents=True)
    run.mkdir()
    for name, rows, schema in (("items", item_rows, ITEM_SCHEMA), ("scenes", scene_rows, SCENE_SCHEMA)):
        table = pa.Table.from_pylist(rows, schema=schema)
        pq.write_table(table, bench / "data" / f"{name}-00000.parquet", row_group_size=256, compression="zstd")
    write_manifest(bench, {"name": "synthetic speed benchmark", "items": items})
    opened = Benchmark.open(bench)
    record = {
        "format": 1,
        "bench": {
            "path": str(bench.resolve()),
            "manifest_sha256": opened.manifest_sha256,
            "ids_sha256": ids_sha256(opened.items),
            "size": items,
        },
        "model": {"spec": "synthetic", "arguments": {}, "class": "synthetic", "info": {}},
        "seed": seed,
        "limit": None,
        "items": items,
        "privileged": False,
        "parser": PARSER_VERSION,
    }
    atomic_write_text(run / "run.json", pretty_json(record))
    with open_log(run / "responses.jsonl") as handle:
        for line in lines:
            append_line(handle, line)
    return bench, run


def _fields(rng: np.random.Generator, size: int) -> list[npt.NDArray[np.float64]]:
    """Noise of coarse and of fine grain, so that masks have patches, ragged edges and single pixels."""
    from scipy.ndimage import gaussian_filter

    found = []
    for _ in range(24):
        grains = (gaussian_filter(rng.standard_normal((size, size)), sigma, mode="wrap") for sigma in (12, 4, 1))
        found.append(np.sum([w * g / g.std() for w, g in zip((1.0, 0.6, 0.4), grains, strict=True)], axis=0))
    return found


def _cut(rng: np.random.Generator, fields: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    field = fields[rng.integers(len(fields))]
    down, across = (int(n) for n in rng.integers(0, field.shape[0], 2))
    return np.roll(field, (down, across), (0, 1))


def _scene(number: int, size: int, rng: np.random.Generator, fields: list[npt.NDArray[np.float64]]) -> dict[str, Any]:
    valid = np.ones((size, size), dtype=bool) if number % 3 else _cut(rng, fields) < 1.5
    return {
        "scene_id": f"synthetic-{number:05d}",
        "source": "synthetic",
        "split": "test",
        "group": f"place-{number // 4}",
        "height": size,
        "width": size,
        "ground": {"basis": "measured", "dy_m": 10.0, "dx_m": 10.0, "row_areas_m2": [100.0], "drift": 0.0},
        "valid": [{"t": 1, "rle": encode(valid)}, {"t": 2, "rle": encode(np.ones_like(valid))}],
        "frames": [],
    }


def _item(
    number: int, task: str, scene: dict[str, Any], rng: np.random.Generator, fields: list[npt.NDArray[np.float64]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One item with one or two true masks, and the line of a reply whose masks are near them."""
    k = 2 if task in ("ranking", "boundary") else 4
    masks, given = [], []
    for position in range(1 if task in ("coverage", "area") else 2):
        t = 2 if task == "building_change" and position else 1
        field = _cut(rng, fields)
        low = float(rng.uniform(-0.3, 1.2))
        true = field > low
        seen = field + 0.25 * _cut(rng, fields) > low + 0.1
        masks.append({"t": t, "class_name": f"class {position}", "plural": False, "rle": encode(true)})
        given.append({"t": t, "label": f"class {position}", "rle": encode(seen)})
    item_id = f"item-{number:05d}"
    options = [f"{10 + 7 * i}%" for i in range(k)]
    item = {
        "image": {"bytes": b"", "path": "none.png"},
        "question": "Synthetic?",
        "candidates": json.dumps(dict(zip(LETTERS, options, strict=False))),
        "answer": LETTERS[int(rng.integers(k))],
        "task_type": TASKS[task],
        "id": item_id,
        **{name: scene[name] for name in ("scene_id", "source", "split", "group")},
        "kind": task,
        "masks": masks,
        "truth": {"value": 10.0, "unit": "%", "text": "10%"},
        "parameters": "{}",
        "ground_basis": "measured",
        "task": task,
        "options": options,
        "option_values": [10.0 + 7 * i for i in range(k)],
    }
    letter = LETTERS[int(rng.integers(k))]
    line = {
        "id": item_id,
        "task": task,
        "status": "ok",
        "letter": letter,
        "rule": "answer_tag",
        "parser": PARSER_VERSION,
        "reply": REPLY.format(letter=letter),
        "masks": given,
        "dropped_masks": 0,
        "seconds": 1.0,
        "error": None,
        "meta": {},
    }
    return item, line


def floor(bench: Path, run: Path) -> tuple[float, int, float]:
    """Seconds of pycocotools for the IoU matrices alone, number of masks, mean length of their codes."""
    from pycocotools import mask as coco

    true = {item["id"]: [m["rle"] for m in item["masks"]] for item in Benchmark.open(bench).items}
    given = {
        line["id"]: [m["rle"] for m in line["masks"]] for line in map(json.loads, (run / "responses.jsonl").open())
    }
    both = [
        tuple([{"size": r["size"], "counts": r["counts"].encode()} for r in side[key]] for side in (given, true))
        for key in true
    ]
    start = time.perf_counter()
    for one, other in both:
        coco.iou(one, other, [0] * len(other))
    took = time.perf_counter() - start
    lengths = [len(rle["counts"]) for pair in both for side in pair for rle in side]
    return took, len(lengths), statistics.fmean(lengths)


@click.command()
@click.option("--items", default=3837, show_default=True)
@click.option("--size", default=256, show_default=True, help="Pixels on a side.")
@click.option("--runs", default=3, show_default=True, help="Calls of score(); the median counts.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Make benchmark and run in this new folder and keep them."
)
@click.option("--json", "as_json", is_flag=True)
def main(items: int, size: int, runs: int, keep: Path | None, as_json: bool) -> None:
    """Time the scoring of a synthetic run."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        bench, run = (folder / "bench", folder / "run") if (folder / "run").is_dir() else make(folder, items, size)
        score(run, bench)  # imports are not timed
        times, floors = [], []
        for _ in range(runs):
            start = time.perf_counter()
            score(run, bench)
            times.append(time.perf_counter() - start)
            took, masks, length = floor(bench, run)
            floors.append(took)
    took, bare = statistics.median(times), statistics.median(floors)
    result = {
        "items": items,
        "masks": masks,
        "mean_characters": length,
        "score_s": took,
        "pycocotools_iou_s": bare,
        "ratio": took / bare,
    }
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    click.echo(
        f"{items:,} synthetic items, {masks:,} masks of {size} x {size} ({length:,.0f} characters each)\n"
        f"score()            {took:6.2f} s\n"
        f"pycocotools iou    {bare:6.2f} s, the masks alone, already in memory\n"
        f"ratio              {took / bare:6.1f}"
    )


if __name__ == "__main__":
    main()
