"""The run folder: ``run.json`` (what was asked of whom), ``responses.jsonl`` (the truth), ``scores.json`` (computed).

``responses.jsonl`` is append-only, one line per answered item:

    id, task, status (ok | unparsed | error), letter, rule, parser, reply, masks [{t, label, rle}], dropped_masks,
    seconds, error, meta

An item asked again after an error has two lines; the last one counts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from terrabench.items import Benchmark, tasks_of
from terracot.io import iter_jsonl, read_json

RUN, RESPONSES, SCORES = "run.json", "responses.jsonl", "scores.json"
STATUSES = ("ok", "unparsed", "error", "missing")


class RunError(ValueError):
    """A run folder that cannot be resumed, read or scored; the message says why and what to do."""


def selected_items(bench: Benchmark, limit: int | None) -> list[dict[str, Any]]:
    """The items that a run asks, in stored order; with ``limit`` the first few of every task in turn.

    A smaller limit always selects a subset of what a larger one selects.
    """
    if limit is None or limit >= len(bench.items):
        return bench.items
    seen: Counter[str] = Counter()
    tasks = tasks_of({item["task"] for item in bench.items})
    ranked = []
    for position, item in enumerate(bench.items):
        ranked.append((seen[item["task"]], tasks.index(item["task"]), position))
        seen[item["task"]] += 1
    chosen = sorted(position for _, _, position in sorted(ranked)[:limit])
    return [bench.items[position] for position in chosen]


def ids_sha256(items: Iterable[Mapping[str, Any]]) -> str:
    """Hash of a set of item ids, for comparing two copies of a benchmark."""
    return hashlib.sha256("\n".join(sorted(item["id"] for item in items)).encode()).hexdigest()


def load_run(folder: str | Path) -> dict[str, Any]:
    """Read ``run.json``; ``RunError`` when the folder is no run."""
    path = Path(folder) / RUN
    if not path.is_file():
        raise RunError(f"{folder} has no {RUN}; expected a folder made by `terrabench run --out`")
    run = read_json(path)
    missing = [key for key in ("bench", "model", "seed", "items") if not isinstance(run, dict) or key not in run]
    if missing:
        raise RunError(f"{path} lacks {', '.join(missing)}; it was not made by `terrabench run`")
    return dict(run)


def load_responses(folder: str | Path) -> dict[str, dict[str, Any]]:
    """Item id -> its last line. A torn last line (a run that is still going on, or was killed) is left out."""
    path = Path(folder) / RESPONSES
    return latest(iter_jsonl(path)) if path.is_file() else {}


def latest(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Item id -> the last of its lines."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        if not isinstance(line.get("id"), str) or line.get("status") not in STATUSES[:3]:
            raise RunError(f"{RESPONSES} holds a line that is no response: {str(line)[:80]}; restore the file")
        found[line["id"]] = line
    return found


def run_status(folder: str | Path) -> dict[str, Any]:
    """How far a run is: counts of every status, masks dropped, and whether every item has been asked."""
    run, lines = load_run(folder), load_responses(folder)
    counts = Counter(line["status"] for line in lines.values())
    counts["missing"] = max(0, run["items"] - len(lines))
    errors = Counter(str(line["error"]).splitlines()[0][:100] for line in lines.values() if line["status"] == "error")
    return {
        "model": run["model"]["spec"],
        "bench": run["bench"]["path"],
        "items": run["items"],
        "counts": {status: counts[status] for status in STATUSES},
        "dropped_masks": sum(line.get("dropped_masks") or 0 for line in lines.values()),
        "complete": counts["missing"] == 0,
        "frequent_errors": dict(errors.most_common(3)),
    }
