"""The run folder: ``run.json`` (what was asked of whom), ``responses.jsonl`` (the truth), ``scores.json`` (computed).

``responses.jsonl`` is append-only, one line per answered item:

    id, rotation, rotations, task, status (ok | unparsed | error | not_applicable), letter, rule, parser, reply,
    masks [{t, label, rle}], dropped_masks, seconds, error, meta, note

``rotation`` is 0 of 1 ``rotations`` but under the control shuffled-options, which asks an item once for every rotation
of its options; ``letter`` is one of the options as they were shown. ``note`` is null, or says of a control that it
left this item "unchanged", or had to show a "grey image: no partner". An item asked again after an error has two lines;
the last one counts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from terrabench.asking.control_names import CIRCULAR
from terrabench.asking.usage import revisions_of, usage_of
from terrabench.items import Benchmark, tasks_of
from terracot.io import iter_jsonl, read_json

RUN, RESPONSES, SCORES = "run.json", "responses.jsonl", "scores.json"
STATUSES = ("ok", "unparsed", "error", "missing")
"""What an item that was to be asked can end as; all of them stay in the denominator."""

NOT_APPLICABLE = "not_applicable"
"""An item that a control leaves nothing to show of (a SAR image under optical-only): not asked, never wrong."""

_KINDS_OF_RUN: dict[str, Any] = {
    "bench": dict,
    "bench.path": str,
    "bench.manifest_sha256": str,
    "model": dict,
    "model.spec": str,
    "seed": int,
    "items": int,
}
_KINDS_OF_LINE: dict[str, Any] = {
    "id": str,
    "reply": str,
    "letter": str | None,
    "masks": list | None,
    "dropped_masks": int | None,
    "rotations": int | None,
    "parser": str | int | None,
}
"""What the readers of the two files rely on; runs of older versions may lack what can be None."""

Key = tuple[str, int]
"""Item id and rotation: one asking."""


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
    optional = {"bench.size": int | None, "limit": int | None, "control": dict | None, "prompt": dict | None} | (
        {"control.name": str, "control.label": str} if run.get("control") else {}
    )
    for key, kind in {**_KINDS_OF_RUN, **optional}.items():
        value = value_at(run, key)
        if not isinstance(value, kind):
            raise RunError(f"{path}: {key} cannot be {value!r:.60}; it was changed after the run. Restore it")
    return run


def value_at(record: Any, dotted: str) -> Any:
    """The value at a path such as "bench.path"; None where there is none."""
    for part in dotted.split("."):
        record = record.get(part) if isinstance(record, Mapping) else None
    return record


def control_of(run: Mapping[str, Any]) -> str | None:
    """Name of the control that a run was made under; None for a plain run."""
    control = run.get("control")
    return str(control["name"]) if control else None


def rotations(item: Mapping[str, Any], control: str | None) -> range:
    """The rotations in which an item is asked: one, or as many as it has options."""
    return range(len(item["options"]) if control == CIRCULAR else 1)


def load_responses(folder: str | Path) -> dict[str, dict[str, Any]]:
    """Item id -> its last line, with the options in their stored order (of a circular run that is rotation 0).

    A torn last line (a run that is still going on, or was killed) is left out.
    """
    return {item: line for (item, rotation), line in load_rotations(folder).items() if rotation == 0}


def load_rotations(folder: str | Path) -> dict[Key, dict[str, Any]]:
    """(Item id, rotation) -> its last line; a torn last line is left out."""
    path = Path(folder) / RESPONSES
    return latest(iter_jsonl(path)) if path.is_file() else {}


def latest(lines: Iterable[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    """(Item id, rotation) -> the last of its lines; ``RunError`` for a line that is no response."""
    found: dict[Key, dict[str, Any]] = {}
    for line in lines:
        rotation = line.get("rotation", 0)
        known = line.get("status") in (*STATUSES[:3], NOT_APPLICABLE)
        known = known and all(isinstance(line.get(key), kind) for key, kind in _KINDS_OF_LINE.items())
        if not known or type(rotation) is not int or rotation < 0:
            raise RunError(f"{RESPONSES} holds a line that is no response: {str(line)[:80]}; restore the file")
        found[line["id"], rotation] = line
    return found


def combined_status(statuses: Sequence[str], expected: int) -> str:
    """Status of an item from those of the rotations that were asked, ``expected`` in all: the worst of them counts."""
    if NOT_APPLICABLE in statuses:
        return NOT_APPLICABLE
    if len(statuses) < expected:
        return "missing"
    return next((bad for bad in ("error", "unparsed") if bad in statuses), "ok")


def run_status(folder: str | Path) -> dict[str, Any]:
    """How far a run is: items by status, those that are not applicable, masks dropped, whether every item was asked.

    An item that is asked in several rotations is one item; it is missing until all of them have been asked. ``usage``
    and ``revisions`` are those of ``terrabench.asking.usage``.
    """
    run, path = load_run(folder), Path(folder) / RESPONSES
    every_line = list(iter_jsonl(path)) if path.is_file() else []
    lines = latest(every_line)
    by_item: dict[str, list[dict[str, Any]]] = {}
    for line in lines.values():
        by_item.setdefault(line["id"], []).append(line)
    counts = Counter(combined_status([a["status"] for a in asked], _expected(asked)) for asked in by_item.values())
    counts["missing"] = max(0, run["items"] - sum(n for status, n in counts.items() if status != "missing"))
    errors = Counter(str(line["error"]).splitlines()[0][:100] for line in lines.values() if line["status"] == "error")
    notes = Counter(str(line["note"]) for line in lines.values() if line.get("note"))
    return {
        "model": run["model"]["spec"],
        "bench": run["bench"]["path"],
        "control": control_of(run),
        "items": run["items"],
        "counts": {status: counts[status] for status in STATUSES},
        "not_applicable": counts[NOT_APPLICABLE],
        "dropped_masks": sum(line.get("dropped_masks") or 0 for line in lines.values()),
        "complete": counts["missing"] == 0,
        "notes": dict(notes.most_common()),
        "frequent_errors": dict(errors.most_common(3)),
        "usage": usage_of(every_line),
        "revisions": revisions_of(lines.values()),
    }


def _expected(asked: Sequence[Mapping[str, Any]]) -> int:
    return max(int(line.get("rotations") or 1) for line in asked)
