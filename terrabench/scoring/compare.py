"""Runs against each other, item by item: what differs, by how much, and whether chance could have done it.

    terrabench compare A B [C ...]

Each run is compared with the first, or with all others. A run compared with one of the same model under a control
(``blind``, ``grey``, ...) answers whether the model uses what the control takes away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from terrabench.asking.control_names import CIRCULAR
from terrabench.asking.responses import RunError, control_of, load_run
from terrabench.items import Benchmark, tasks_of
from terrabench.scoring.results import Result, benchmark_of, item_results
from terrabench.scoring.scores import headline_tasks
from terrabench.scoring.tables import run_name
from terrabench.statistics.intervals import interval_of, mean_spread
from terrabench.statistics.paired import holm, paired_test
from terrabench.statistics.power import detectable
from terrabench.statistics.spread import FEW_GROUPS

TAKEN_AWAY = {
    "blind": "the image",
    "grey": "the image",
    "other-image": "the image",
    CIRCULAR: "the order of the options",
    "optical-only": "the SAR image",
    "sar-only": "the optical image",
    "cloudy": "a clear view of the evidence",
    "rgb-only": "bands beyond red, green and blue",
    "first-and-last-date": "the dates between the first and the last",
}
"""Control -> what a model must have used if it does worse under it."""


@dataclass(frozen=True)
class Entry:
    """One run: ``asked`` are the ids of its items, ``results`` those that its control applies to."""

    name: str
    folder: Path
    run: Mapping[str, Any]
    asked: frozenset[str]
    results: Mapping[str, Result]

    @property
    def control(self) -> str | None:
        """Name of the control; all-bands takes nothing away and counts as none."""
        control = control_of(self.run)
        return None if control == "all-bands" else control


def compare(
    folders: Sequence[str | Path], bench: str | Path | Benchmark | None = None, all_pairs: bool = False
) -> dict[str, Any]:
    """Compare two runs or more. ``comparisons`` holds one entry for each pair: every run with the first, or all pairs.

    Each has ``macro`` and ``tasks`` with {n, groups, a, b, difference (b - a), ci95, ci_method, p, test, differing
    (groups or items in which they differ), smallest_difference (shown with 80 % power), p_holm}; ``p_holm`` is
    corrected, figure by figure, for the number of pairs. ``RunError`` when the runs do not answer the same items.
    """
    if len(folders) < 2:
        raise RunError(f"compare takes two run folders or more, found {len(folders)}")
    entries = _distinct([_entry(Path(folder), bench) for folder in folders])
    for entry in entries[1:]:
        _check_same_items(entries[0], entry)
    pairs = list(combinations(entries, 2)) if all_pairs else [(entries[0], entry) for entry in entries[1:]]
    comparisons = [_pair(a, b) for a, b in pairs]
    for figure in ("macro", *tasks_of({task for c in comparisons for task in c["tasks"]})):
        own = [c["macro"] if figure == "macro" else c["tasks"].get(figure) for c in comparisons]
        known = [found for found in own if found and found["p"] is not None]
        for found, p in zip(known, holm([found["p"] for found in known]), strict=True):
            found["p_holm"] = p
    return {
        "runs": [_about(entry) for entry in entries],
        "items": len(entries[0].asked),
        "against": "all" if all_pairs else entries[0].name,
        "correction": f"Holm, over {len(pairs)} comparisons of each figure" if len(pairs) > 1 else None,
        "comparisons": comparisons,
        "warnings": [warning for entry in entries for warning in _faults(entry)],
    }


def _entry(folder: Path, bench: str | Path | Benchmark | None) -> Entry:
    if folder.is_file():
        raise RunError(
            f"{folder} is a file; compare takes run folders, whose replies it scores itself. Scores as by the released "
            "scorer (scores.release.json) are never compared with ours"
        )
    run = load_run(folder)
    benchmark, items = benchmark_of(run, folder, bench)
    results = {r.id: r for r in item_results(folder, benchmark, items)}
    return Entry(run_name(run), folder, run, frozenset(item["id"] for item in items), results)


def _distinct(entries: Sequence[Entry]) -> list[Entry]:
    folders = Counter(entry.folder.resolve() for entry in entries)
    if twice := [str(folder) for folder, count in folders.items() if count > 1]:
        raise RunError(f"{twice[0]} is given twice; a run compared with itself says nothing. Name each run once")
    names = Counter(entry.name for entry in entries)
    return [
        Entry(f"{e.name} ({e.folder})", e.folder, e.run, e.asked, e.results) if names[e.name] > 1 else e
        for e in entries
    ]


def _check_same_items(a: Entry, b: Entry) -> None:
    if a.asked == b.asked:
        return
    limits = [f"--limit {e.run['limit']}" if e.run.get("limit") else "no limit" for e in (a, b)]
    example = min(a.asked ^ b.asked)
    raise RunError(
        f"{a.folder} and {b.folder} do not answer the same items: {len(a.asked)} of {a.run['bench']['path']} "
        f"({limits[0]}) and {len(b.asked)} of {b.run['bench']['path']} ({limits[1]}), {len(a.asked & b.asked)} in "
        f"common; {example} is in one only. Run both models on one benchmark with the same --limit"
    )


def _pair(a: Entry, b: Entry) -> dict[str, Any]:
    shared = sorted(a.results.keys() & b.results.keys())
    pairs = [(a.results[i], b.results[i]) for i in shared]
    by_task = {task: [p for p in pairs if p[0].task == task] for task in tasks_of({p[0].task for p in pairs})}
    names = headline_tasks(by_task)
    macro = [p for name in names for p in by_task[name]]
    found: dict[str, Any] = {
        "a": a.name,
        "b": b.name,
        "left_out": len(a.asked) - len(shared),
        "macro_tasks": names,
        "macro": _figure(macro, macro=True) if macro else None,
        "tasks": {task: _figure(own, macro=False) for task, own in by_task.items()},
    }
    return found | {"reading": _reading(a, b, found["macro"]), "warnings": _mismatches(a, b, found)}


def _figure(pairs: Sequence[tuple[Result, Result]], macro: bool) -> dict[str, Any]:
    """One figure of both runs. The macro's test is that of its bootstrap, or of t; that of a task is exact."""
    groups = [a.group for a, _ in pairs]
    tasks = [a.task if macro else "" for a, _ in pairs]
    first, second = ([r.correct for r in side] for side in zip(*pairs, strict=True))
    each = np.array(second, dtype=float) - np.array(first, dtype=float)
    spread = mean_spread(each, groups, tasks)
    interval = interval_of(spread, len(set(groups)), (-1.0, 1.0))
    exact = paired_test(first, second, groups)
    p: float | None = exact.p
    if macro:
        p = spread.p_zero() if spread else None if each.any() else 1.0
    accuracies = [_mean_over_tasks(side, tasks) for side in (first, second)]
    return {
        "n": len(pairs),
        "groups": interval.groups,
        "a": accuracies[0],
        "b": accuracies[1],
        "difference": accuracies[1] - accuracies[0],
        "ci95": interval.ci95,
        "ci_method": interval.method,
        "p": p,
        "test": interval.method if macro else exact.test,
        "differing": exact.differing,
        "smallest_difference": min(1.0, detectable(spread.se, spread.dof)) if spread else None,
        "p_holm": None,
    }


def _mean_over_tasks(right: Sequence[bool], tasks: Sequence[str]) -> float:
    count, sums = Counter(tasks), Counter(task for task, ok in zip(tasks, right, strict=True) if ok)
    return sum(sums[task] / count[task] for task in count) / len(count)


def _reading(a: Entry, b: Entry, macro: Mapping[str, Any] | None) -> str | None:
    """What a run and its control say together; None for other pairs."""
    if not macro or a.run["model"] != b.run["model"] or (a.control is None) == (b.control is None):
        return None
    plain, other = (a, b) if a.control is None else (b, a)
    lost = 100 * (macro["difference"] if other is a else -macro["difference"]) + 0.0  # no "-0.0"
    what = TAKEN_AWAY.get(str(other.control), "what it takes away")
    if macro["p"] is not None and macro["p"] <= 0.05:
        verdict = f"its answers rest on {what}" if lost > 0 else f"it does better without {what}"
    else:
        shown = macro["smallest_difference"]
        under = f"; a difference under {100 * shown:.1f} would mostly not show" if shown is not None else ""
        verdict = f"nothing shows that it uses {what}{under}"
    strict = ", where an item is right only if it is in every rotation" if other.control == CIRCULAR else ""
    return f"{plain.name} loses {lost:.1f} points of macro accuracy under {other.control}{strict}: {verdict}"


def _mismatches(a: Entry, b: Entry, found: Mapping[str, Any]) -> list[str]:
    """What makes a pair of runs less than comparable."""
    warnings = []
    if control_of(a.run) != control_of(b.run) and a.run["model"] != b.run["model"]:
        controls = [control_of(e.run) or "none" for e in (a, b)]
        warnings.append(f"other models and other controls ({' and '.join(controls)}): the difference mixes both")
    prompts = [(e.run.get("prompt") or {}).get("name") for e in (a, b)]
    if prompts[0] != prompts[1]:
        warnings.append(f"the models were asked in other words (--prompt {prompts[0]} and {prompts[1]})")
    if found["left_out"]:
        warnings.append(f"{found['left_out']} items left out: a control does not apply to them")
    few = [f"{task} ({own['groups']})" for task, own in found["tasks"].items() if own["groups"] < FEW_GROUPS]
    if few:
        warnings.append(f"under {FEW_GROUPS} groups, t-intervals on group means: {', '.join(few)}")
    mute = [task for task, own in found["tasks"].items() if own["p"] < 1 and 2.0 ** (1 - own["differing"]) > 0.05]
    if mute:
        warnings.append(f"too few groups differ for any p below 0.05: {', '.join(mute)}")
    return warnings


def _faults(entry: Entry) -> list[str]:
    """What is wrong with a run whatever it is compared with."""
    missing = sum(result.status == "missing" for result in entry.results.values())
    faults = [f"{entry.name}: {missing} items were never asked and count as wrong"] if missing else []
    if entry.run.get("privileged"):
        faults.append(f"{entry.name}: privileged, measures the true masks; a bound, not a competitor")
    return faults


def _about(entry: Entry) -> dict[str, Any]:
    run = entry.run
    kept = {key: run.get(key) for key in ("model", "prompt", "control", "limit", "privileged")}
    return {"name": entry.name, "folder": str(entry.folder), **kept}
