"""What is to be minded about scores, in lines below their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from terrabench.items import TASKS
from terrabench.scoring.tables import limited, percent, plain_run_of, run_name
from terrabench.statistics.intervals import METHODS
from terrabench.statistics.spread import FEW_GROUPS
from terracot.stated import is_stated

COARSE = 0.1
"""Tasks that cannot show a difference as small as this are named."""

Runs = Sequence[Mapping[str, Any]]


def note_lines(runs: Runs) -> list[str]:
    """The notes below an empty line; nothing when there are none."""
    notes = [*_of_each_run(runs), *_marks(runs), *_macro(runs), *_intervals(runs), *_power(runs)]
    return ["", *notes] if notes else []


def _of_each_run(runs: Runs) -> list[str]:
    notes = []
    for scores in runs:
        name = run_name(scores)
        bad = {k: v for k, v in scores["counts"].items() if k != "ok" and v}
        if bad:
            counted = ", ".join(f"{n} {status}" for status, n in bad.items())
            notes.append(f"{name}: of {scores['items']} items {counted}, all counted as wrong")
        if scores.get("not_applicable"):
            notes.append(f"{name}: {scores['not_applicable']} items left out, as the control leaves nothing of them")
        if not scores.get("iou_measurable", True):
            notes.append(f"{name}: IoU: not measurable, the benchmark has no masks")
        if scores.get("no_masks"):
            notes.append(f"{name}: IoU: no masks, the model points at nothing (null, not 0)")
        related = (scores["pooled"] or {}).get("association")
        if related and related["warning"]:
            notes.append(f"{name}: {related['warning']}")
        notes += _control(scores, runs)
    return notes


def _control(scores: Mapping[str, Any], runs: Runs) -> list[str]:
    notes = []
    plain = scores.get("plain_part") or (None if scores.get("not_applicable") else plain_run_of(scores, runs))
    if plain is not None and None not in (scores["macro_accuracy"], plain["macro_accuracy"]):
        change = 100 * (scores["macro_accuracy"] - plain["macro_accuracy"])
        where = " on the same items" if scores.get("not_applicable") else ""
        text = f"macro {change:+.1f} against the plain run{where}; `terrabench compare` tests it"
        notes.append(f"{run_name(scores)}: {text}")
    circular = scores.get("circular")
    if circular and circular["n"]:
        notes.append(
            f"{run_name(scores)}: right only if right in every rotation; the same text throughout in "
            f"{percent(circular['consistent'])} %; chance {percent(circular['chance_same_text'])} for one who keeps "
            f"to a text, {percent(circular['chance_guessing'])} for one who guesses anew"
        )
    return notes


def _marks(runs: Runs) -> list[str]:
    notes = []
    if any(scores["privileged"] for scores in runs):
        notes.append("* privileged: measures the true masks; a bound, not a competitor")
        if any(is_stated(task) for scores in runs for task in scores["tasks"]):
            notes.append("  it leaves tasks stated by the source unanswered (unparsed): they have no masks to measure")
    if any(not scores["complete"] for scores in runs):
        notes.append("! incomplete: some items have not been asked; the same `run` command goes on")
    if any(limited(scores) for scores in runs):
        notes.append("~ limited to a part of the benchmark by --limit")
    return notes


def _macro(runs: Runs) -> list[str]:
    if all(len(scores["macro_tasks"]) == len(TASKS) for scores in runs):
        return []
    return ["macro: mean over the tasks present, not over all six"]


def _intervals(runs: Runs) -> list[str]:
    """Tasks in few groups with the interval that they have for it, and those that have none."""
    tasks = {(name, t["groups"], t["ci_method"]): None for scores in runs for name, t in scores["tasks"].items()}
    notes = []
    for method, how in METHODS.items():
        few = [f"{name} ({count})" for name, count, own in tasks if own == method and 1 < count < FEW_GROUPS]
        if few:
            notes.append(f"under {FEW_GROUPS} groups (places or events): {', '.join(few)}; interval: {how}")
    one = [name for name, count, _ in tasks if count == 1]
    if one:
        notes.append(f"one group only, so no interval can be given: {', '.join(dict.fromkeys(one))}")
    return notes


def _power(runs: Runs) -> list[str]:
    """Tasks that are too small to show moderate differences; the largest figure of any run."""
    largest: dict[str, float] = {}
    for scores in runs:
        for name, task in scores["tasks"].items():
            shown = task["power"]["smallest_difference"]
            if shown is not None:
                largest[name] = max(shown, largest.get(name, 0.0))
    coarse = [f"{name} {100 * shown:.0f}" for name, shown in largest.items() if shown > COARSE]
    if not coarse:
        return []
    return [f"small: two models must differ by so many points to show it in four of five tries: {', '.join(coarse)}"]
