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

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from terrabench.answers import PARSER_VERSION
from terrabench.items import Benchmark
from terrabench.probe.answering import Arithmetic, Masks, Reader
from terrabench.probe.degrade import LEVELS, WAYS, Degraded, ProbeError, Region
from terrabench.prompting import template_for
from terrabench.responses import ids_sha256, selected_items
from terracot.io import (
    append_line,
    atomic_write_text,
    lock,
    open_log,
    pretty_json,
    read_json,
    read_jsonl_healing,
    stamp,
)
from terracot.masks import item_iou
from terracot.plugins import ModelError
from terracot.stated import is_stated

SETTINGS, ANSWERS = "settings.json", "answers.jsonl"
TRUE = "true"
COUNTED = ("building_change", "counting")
"""Kinds that count components: each of them is degraded by itself."""

_FREE_ON_RESUME = ("bench", "limit", "items", "ids_sha256")

Item = Mapping[str, Any]
Key = tuple[str, str, int]


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
    _check(ways, levels, seeds, limit)
    items = [item for item in selected_items(bench, limit) if item["masks"] and not is_stated(item["task"])]
    if not items:
        raise ProbeError(
            f"{bench.path} has no item with masks, so there is nothing to degrade; probe another benchmark"
        )
    template = template_for(model) if model is not None else None
    reader = Reader(bench, model, spec or "model", template, 0) if template else None
    described = template and {**_described(model, spec, arguments), "prompt": template.record()}
    settings = {
        "format": 1,
        "bench": str(bench.path.resolve()),
        "manifest_sha256": bench.manifest_sha256,
        "model": described,
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
    _settle(out, settings)
    keys = [(way, seed) for way in ways for seed in range(seeds)]
    with open_log(out / ANSWERS) as handle:
        if not lock(handle):
            raise ProbeError(f"another process is writing {out / ANSWERS}; wait for it or give another --out")
        done = {_key(line): line for line in read_jsonl_healing(out / ANSWERS)}
        kept = {key for key, line in done.items() if not (retry_errors and _failed(line))}
        wanted = [(item, [k for k in [(TRUE, 0), *keys] if (item["id"], *k) not in kept]) for item in items]
        todo = sorted(((item, left) for item, left in wanted if left), key=lambda pair: bench.place(pair[0]))
        for line in _with_progress(_answered(bench, reader, todo, levels), items, todo, keys, progress):
            append_line(handle, line)
            done[_key(line)] = line
    return [done[item["id"], *key] for item in items for key in [(TRUE, 0), *keys]]


def _check(ways: Sequence[str], levels: Sequence[float], seeds: int, limit: int | None) -> None:
    if not ways or len(set(ways)) < len(ways) or set(ways) - set(WAYS):
        raise ProbeError(f"ways are some of {', '.join(WAYS)}, each once; found {', '.join(ways) or 'none'}")
    if not levels or len(set(levels)) < len(levels) or not all(0 < level < 1 for level in levels):
        raise ProbeError(f"levels are different IoU between 0 and 1, such as 0.9,0.5; found {list(levels)}")
    if seeds < 1 or (limit is not None and limit < 1):
        raise ProbeError(f"seeds and limit are at least 1; found {seeds} and {limit}")


def _described(model: Any, spec: str | None, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        given = {"arguments": dict(arguments or {}), "info": dict(getattr(model, "info", {}))}
        plain: dict[str, Any] = json.loads(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ModelError(f"{spec}: arguments and `info` must be plain JSON values ({error})") from error
    return {"spec": spec, "class": f"{type(model).__module__}.{type(model).__qualname__}", **plain}


def _settle(out: Path, settings: dict[str, Any]) -> None:
    """Write ``settings.json``, or make sure that the one which is there belongs to the same probe."""
    path = out / SETTINGS
    if path.is_file():
        before = read_json(path)
        plain = json.loads(json.dumps(settings))
        differ = [k for k in plain if k not in _FREE_ON_RESUME and before.get(k) != plain[k]]
        if differ:
            told = "; ".join(f"{k} was {before.get(k)!r}, is now {plain[k]!r}" for k in differ)
            raise ProbeError(f"{out} holds another probe and cannot go on: {told}. Give another --out, or its settings")
    elif out.is_dir() and any(out.iterdir()):
        raise ProbeError(f"{out} is not empty and has no {SETTINGS}; give a new folder as --out")
    atomic_write_text(path, pretty_json(settings))


def _key(line: Mapping[str, Any]) -> Key:
    try:
        return str(line["id"]), str(line["way"]), int(line["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProbeError(f"{ANSWERS} holds a line that is no series: {str(line)[:80]}; restore the file") from error


def _failed(line: Mapping[str, Any]) -> bool:
    return any(point.get("status") == "error" for point in line["points"])


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
            sets = (
                [(1.0, TRUE, evidence)] if way == TRUE else list(_degraded(item, evidence, regions, way, seed, levels))
            )
            points = []
            for level, how, masks in sets:
                iou = item_iou(masks, evidence, arithmetic.valid).value
                points.append({"level": level, "iou": iou, "how": how, "arithmetic": arithmetic.letter(masks)})
            if reader:
                answers = reader.answers(item, [masks for _, _, masks in sets])
                points = [point | answer for point, answer in zip(points, answers, strict=True)]
            yield {
                "id": item["id"],
                "task": item["task"],
                "way": way,
                "seed": seed,
                "points": points,
                "unreached": [] if way == TRUE else [v for v in levels if v not in {level for level, _, _ in sets}],
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
