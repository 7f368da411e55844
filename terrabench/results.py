"""What a run made of each item: one ``Result`` per item, from the raw lines of ``responses.jsonl`` and the benchmark.

Replies are parsed here again, so that one parser decides all runs. Every selected item has a result: unparsed, failed
and missing ones are wrong, and count as IoU 0 where there is a true mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terrabench.answers import parse
from terrabench.items import Benchmark
from terrabench.responses import RunError, ids_sha256, load_responses, selected_items
from terracot.masks import RleError, decode, item_iou
from terracot.plugins import PredictedMask


@dataclass(frozen=True)
class Result:
    """One item as scored. ``iou`` is None when the item has no true mask that can be measured."""

    id: str
    task: str
    group: str
    ground_basis: str
    options: int
    status: str
    letter: str | None
    correct: bool
    iou: float | None
    covered: bool
    both_empty: int
    dropped_masks: int = 0


def item_results(run_dir: str | Path, bench: Benchmark, items: Sequence[dict[str, Any]]) -> list[Result]:
    """One ``Result`` per item, in the order of ``items``, from the lines of the run."""
    lines = load_responses(run_dir)
    stray = sorted(set(lines) - {item["id"] for item in bench.items})
    if stray:
        raise RunError(f"{run_dir} answers {len(stray)} items that {bench.path} does not have, such as {stray[0]}")
    return [_result(bench, item, lines.get(item["id"])) for item in items]


def benchmark_of(
    run: Mapping[str, Any], run_dir: str | Path, given: str | Path | Benchmark | None
) -> tuple[Benchmark, list[dict[str, Any]]]:
    """The benchmark and the items that the run selected of it, both checked against ``run.json``."""
    path = run["bench"]["path"]
    if given is None and not Path(path).exists():
        raise RunError(f"the benchmark of {run_dir} is not at {path} any more; say where it is with --bench")
    bench = given if isinstance(given, Benchmark) else Benchmark.open(given or path)
    items = selected_items(bench, run.get("limit"))
    if bench.manifest_sha256 != run["bench"]["manifest_sha256"]:
        if given is None:
            raise RunError(
                f"{path} has changed since {run_dir} was made (its manifest is another one). Run again, or give the "
                "benchmark to score against with --bench"
            )
        if ids_sha256(items) != run["bench"].get("ids_sha256"):
            raise RunError(f"{bench.path} does not hold the items that {run_dir} was asked; give that benchmark")
    return bench, items


def _result(bench: Benchmark, item: Mapping[str, Any], line: Mapping[str, Any] | None) -> Result:
    status, letter = "missing", None
    predicted: list[PredictedMask] = []
    if line is not None:
        status = line["status"]
        if status != "error":
            letter = parse(str(line["reply"]), item["options"]).letter
            status = "ok" if letter else "unparsed"
            predicted = _predicted(line, bench.shape(item))
    iou = item_iou(predicted, bench.evidence(item), bench.valid(item))
    return Result(
        id=item["id"],
        task=item["task"],
        group=item["group"],
        ground_basis=item["ground_basis"],
        options=len(item["options"]),
        status=status,
        letter=letter,
        correct=letter == item["answer"],
        iou=iou.value,
        covered=iou.covered,
        both_empty=iou.both_empty,
        dropped_masks=int((line or {}).get("dropped_masks") or 0),
    )


def _predicted(line: Mapping[str, Any], shape: tuple[int, int]) -> list[PredictedMask]:
    masks = []
    for number, entry in enumerate(line.get("masks") or (), 1):
        try:
            masks.append(PredictedMask(int(entry["t"]), decode(entry["rle"], shape), entry.get("label")))
        except (RleError, KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"responses.jsonl, item {line['id']}, mask {number} cannot be read ({error}); the file was changed "
                "after the run. Restore it, or run the item again"
            ) from error
    return masks
