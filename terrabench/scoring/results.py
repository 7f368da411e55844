"""What a run made of each item: one ``Result`` per item, from the raw lines of ``responses.jsonl`` and the benchmark.

Replies are parsed here again, so that one parser decides all runs. Every selected item has a result: unparsed, failed
and missing ones are wrong, and count as IoU 0 where there is a true mask (but see ``without_masks``). Under the
controls optical-only and sar-only items may be not applicable: they were not asked, have no result, and are counted
apart.

Under the control shuffled-options an item is right only if it is in every rotation of its options; its IoU is the mean
over the rotations, ``consistent`` says whether all rotations picked the same text (right or wrong).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from terrabench.asking.control_names import CIRCULAR, MAY_SKIP
from terrabench.asking.controls import rotated_options, stored_letter
from terrabench.asking.responses import (
    NOT_APPLICABLE,
    RunError,
    combined_status,
    control_of,
    ids_sha256,
    load_rotations,
    load_run,
    rotations,
    selected_items,
)
from terrabench.items import Benchmark
from terrabench.replies.answers import parse
from terrabench.scoring.forked import in_halves
from terracot.masks import Order, RleError, decode, item_iou
from terracot.plugins import PredictedMask
from terracot.scenes import BoolMask


@dataclass(frozen=True)
class Result:
    """One item as scored. ``iou`` is None when nothing can be measured: no true mask, or a model without masks."""

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
    rotations: int = 1
    consistent: bool | None = None


def item_results(run_dir: str | Path, bench: Benchmark, items: Sequence[dict[str, Any]]) -> list[Result]:
    """One ``Result`` per item that the run's control applies to, in the order of ``items``, from the lines of the run.

    ``RunError`` for lines that the benchmark or the control cannot have led to.
    """
    control = control_of(load_run(run_dir))
    lines = load_rotations(run_dir)
    stray = sorted(set(lines) - {(item["id"], r) for item in bench.items for r in rotations(item, control)})
    if stray:
        item, rotation = stray[0]
        example = f"{item} in rotation {rotation}" if rotation else item
        raise RunError(f"{run_dir} answers {len(stray)} items that {bench.path} does not have, such as {example}")
    skipped = {item for (item, _), line in lines.items() if line["status"] == NOT_APPLICABLE}
    if skipped and control not in MAY_SKIP:
        raise RunError(
            f"{run_dir} calls {len(skipped)} items not applicable, which only {' and '.join(MAY_SKIP)} can do; "
            "restore responses.jsonl, or run again"
        )
    valid = _valid_pixels(bench)
    silent = without_masks(load_run(run_dir), lines)

    def result(item: Mapping[str, Any]) -> Result:
        asked = rotations(item, control)
        found = _all_rotations(
            [_result(bench, item, valid(item), lines.get((item["id"], r)), r) for r in asked], control
        )
        return replace(found, iou=None, covered=False, both_empty=0) if silent else found

    return in_halves(result, [item for item in items if item["id"] not in skipped])


def without_masks(run: Mapping[str, Any], lines: Mapping[Any, Mapping[str, Any]]) -> bool:
    """True for a run whose model says that it points at nothing (``gives_masks = False``), and which has no mask.

    Its IoU is not measured. A model that may point, and did not, has IoU 0.
    """
    said = run["model"].get("gives_masks") is False
    return said and not any(line.get("masks") or line.get("dropped_masks") for line in lines.values())


def _all_rotations(asked: Sequence[Result], control: str | None) -> Result:
    """One result from those of the rotations; of a run that asks once, the only one."""
    first = asked[0]
    if control != CIRCULAR:
        return first
    consistent = first.letter is not None and all(a.letter == first.letter for a in asked)
    ious = [a.iou for a in asked if a.iou is not None]
    return replace(
        first,
        status=combined_status([a.status for a in asked if a.status != "missing"], len(asked)),
        letter=first.letter if consistent else None,
        correct=all(a.correct for a in asked),
        iou=sum(ious) / len(ious) if ious else None,
        covered=all(a.covered for a in asked),
        dropped_masks=sum(a.dropped_masks for a in asked),
        rotations=len(asked),
        consistent=consistent,
    )


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


def _valid_pixels(bench: Benchmark) -> Callable[[Mapping[str, Any]], dict[int, BoolMask]]:
    """The valid pixels of an item's scene, decoded once for the items of a scene that follow each other.

    Dates that are valid everywhere are left out, as ``item_iou`` takes them.
    """
    scene, known = None, {}

    def valid(item: Mapping[str, Any]) -> dict[int, BoolMask]:
        nonlocal scene, known
        if item["scene_id"] != scene:
            known = {t: pixels for t, pixels in bench.valid(item, "F").items() if not pixels.all()}
            scene = item["scene_id"]
        return known

    return valid


def _result(
    bench: Benchmark,
    item: Mapping[str, Any],
    valid: Mapping[int, BoolMask],
    line: Mapping[str, Any] | None,
    rotation: int,
) -> Result:
    """Of one asking; ``letter`` is the one that the option has in the benchmark, whatever rotation showed it."""
    status, letter = "missing", None
    predicted: list[PredictedMask] = []
    if line is not None:
        status = line["status"]
        if status != "error":
            shown = parse(str(line["reply"]), rotated_options(item["options"], rotation)).letter
            letter = stored_letter(shown, rotation, len(item["options"]))
            status = "ok" if letter else "unparsed"
            predicted = predicted_masks(line, bench.shape(item), "F")
    iou = item_iou(predicted, bench.evidence(item, "F"), valid)
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


def predicted_masks(line: Mapping[str, Any], shape: tuple[int, int], order: Order = "C") -> list[PredictedMask]:
    """The masks of a line of ``responses.jsonl``; ``RunError`` when one of them cannot be read."""
    masks = []
    for number, entry in enumerate(line.get("masks") or (), 1):
        try:
            masks.append(PredictedMask(int(entry["t"]), decode(entry["rle"], shape, order), entry.get("label")))
        except (RleError, KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"responses.jsonl, item {line['id']}, mask {number} cannot be read ({error}); the file was changed "
                "after the run. Restore it, or run the item again"
            ) from error
    return masks
