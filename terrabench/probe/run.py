"""Gives degraded masks to exact arithmetic and to a model, and keeps every answer. Goes on where it was interrupted.

OUT/
  settings.json   what was asked of whom; the same settings are needed to go on
  answers.jsonl   append-only, a line per series: one item, one way, one seed, all levels
  probe.json      the curves (terrabench.probe.curves), and probe.png their picture

A line holds ``id, task, way, seed, unreached, seconds`` and ``points``; a point has ``level``, ``iou`` (of the item, as
it is scored), ``how``, the ``arithmetic`` letter, and with a model ``letter, status, reply, error``. The way "true" is
the true masks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from terrabench.asking.prompting import template_for
from terrabench.asking.responses import ids_sha256, selected_items
from terrabench.items import Benchmark
from terrabench.probe.answering import Arithmetic, Masks, Reader
from terrabench.probe.degrade import LEVELS, TOLERANCE, WAYS, Degraded, ProbeError, Region
from terrabench.probe.folder import ANSWERS, check_settings, described, failed, key_of, settle
from terrabench.replies.answers import PARSER_VERSION
from terracot.io import append_line, lock, open_log, read_jsonl_healing, stamp
from terracot.masks import item_iou
from terracot.stated import is_stated

TRUE = "true"
COUNTED = ("building_change", "counting")
"""Kinds that count components: each of them is degraded by itself."""

Item = Mapping[str, Any]


def run_probe(
    bench: Benchmark,
    out: str | Path,
    *,
    model: Any = None,
    spec: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    ways: Sequence[str] = WAYS,
    levels: Sequence[float] = LEVELS,
    seeds: int = 3,
    limit: int | None = None,
    retry_errors: bool = False,
    progress: bool = False,
) -> list[dict[str, Any]]:
    """Answer every series that ``out`` does not hold yet, and return all lines of the items asked about.

    ``model`` (named ``spec``, built with ``arguments``) is asked beside the arithmetic. ``ProbeError`` for settings
    that make no sense, a benchmark without masks, or a folder of another probe; ``ModelError`` for a model that takes
    no masks.
    """
    check_settings(ways, levels, seeds, limit)
    items = [item for item in selected_items(bench, limit) if item["masks"] and not is_stated(item["task"])]
    if not items:
        raise ProbeError(
            f"{bench.path} has no item with masks, so there is nothing to degrade; probe another benchmark"
        )
    template = template_for(model) if model is not None else None
    reader = Reader(bench, model, spec or "model", template, 0) if template else None
    asked_of = template and {**described(model, spec, arguments), "prompt": template.record()}
    settings = {
        "format": 1,
        "bench": str(bench.path.resolve()),
        "manifest_sha256": bench.manifest_sha256,
        "model": asked_of,
        "ways": list(ways),
        "levels": list(levels),
        "seeds": seeds,
        "parser": PARSER_VERSION,
        "stamp": stamp(),
        "limit": limit,
        "items": len(items),
        "ids_sha256": ids_sha256(items),
    }
    out = Path(out)
    settle(out, settings)
    keys = [(way, seed) for way in ways for seed in range(seeds)]
    with open_log(out / ANSWERS) as handle:
        if not lock(handle):
            raise ProbeError(f"another process is writing {out / ANSWERS}; wait for it or give another --out")
        done = {key_of(line): line for line in read_jsonl_healing(out / ANSWERS)}
        kept = {key for key, line in done.items() if not (retry_errors and failed(line))}
        wanted = [(item, [k for k in [(TRUE, 0), *keys] if (item["id"], *k) not in kept]) for item in items]
        todo = sorted(((item, left) for item, left in wanted if left), key=lambda pair: bench.place(pair[0]))
        for line in _with_progress(_answered(bench, reader, todo, levels), items, todo, keys, progress):
            append_line(handle, line)
            done[key_of(line)] = line
    return [done[item["id"], *key] for item in items for key in [(TRUE, 0), *keys]]


def _with_progress(
    lines: Iterable[dict[str, Any]],
    items: Sequence[Item],
    todo: Sequence[tuple[Item, Sequence[Any]]],
    keys: Sequence[Any],
    progress: bool,
) -> Iterator[dict[str, Any]]:
    from tqdm import tqdm

    total = len(items) * (1 + len(keys))
    done = total - sum(len(left) for _, left in todo)
    with tqdm(total=total, initial=done, unit="series", file=sys.stderr, disable=not progress) as bar:
        for line in lines:
            yield line
            bar.update()


def _answered(
    bench: Benchmark,
    reader: Reader | None,
    todo: Sequence[tuple[Item, Sequence[tuple[str, int]]]],
    levels: Sequence[float],
) -> Iterator[dict[str, Any]]:
    for item, left in todo:
        arithmetic, evidence = Arithmetic(bench, item), bench.evidence(item)
        regions = [Region(m.mask, arithmetic.valid[m.t], item["kind"] in COUNTED) for m in evidence]
        for way, seed in left:
            start = time.perf_counter()
            made = [(1.0, TRUE, evidence)] if way == TRUE else _degraded(item, evidence, regions, way, seed, levels)
            points: list[dict[str, Any]] = []
            sets = []
            for level, how, masks in made:
                iou = item_iou(masks, evidence, arithmetic.valid).value
                # Where two classes fill a scene, either one moved elsewhere is the other: scored, the two swap, and
                # the IoU of the item is not the level that each mask has.
                if iou is None or abs(iou - level) <= TOLERANCE + 1e-12:
                    points.append({"level": level, "iou": iou, "how": how, "arithmetic": arithmetic.letter(masks)})
                    sets.append(masks)
            if reader:
                answers = reader.answers(item, sets)
                points = [point | answer for point, answer in zip(points, answers, strict=True)]
            reached = {point["level"] for point in points}
            yield {
                "id": item["id"],
                "task": item["task"],
                "way": way,
                "seed": seed,
                "points": points,
                "unreached": [] if way == TRUE else [level for level in levels if level not in reached],
                "seconds": round(time.perf_counter() - start, 4),
            }


def _degraded(
    item: Item, evidence: Masks, regions: Sequence[Region], way: str, seed: int, levels: Sequence[float]
) -> Iterator[tuple[float, str, Masks]]:
    """Every level that all masks of an item reach, with how they did and the worse masks."""
    made = [region.degraded(way, levels, seed, item["id"], number) for number, region in enumerate(regions)]
    for level, column in zip(levels, zip(*made, strict=True), strict=True):
        found: list[Degraded] = [worse for worse in column if worse is not None]
        if len(found) == len(evidence):
            masks = [replace(m, mask=worse.mask) for m, worse in zip(evidence, found, strict=True)]
            yield level, ", ".join(worse.how for worse in found), masks
