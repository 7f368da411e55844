"""The folder of a probe: its settings, which may not change while it goes on, and the lines of its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from terrabench.probe.degrade import WAYS, ProbeError
from terracot.io import atomic_write_text, pretty_json, read_json
from terracot.plugins import ModelError

SETTINGS, ANSWERS = "settings.json", "answers.jsonl"

_FREE_ON_RESUME = ("bench", "limit", "items", "ids_sha256")

Key = tuple[str, str, int]


def check_settings(ways: Sequence[str], levels: Sequence[float], seeds: int, limit: int | None) -> None:
    """``ProbeError`` for ways, levels or numbers that make no sense."""
    if not ways or len(set(ways)) < len(ways) or set(ways) - set(WAYS):
        raise ProbeError(f"ways are some of {', '.join(WAYS)}, each once; found {', '.join(ways) or 'none'}")
    if not levels or len(set(levels)) < len(levels) or not all(0 < level < 1 for level in levels):
        raise ProbeError(f"levels are different IoU between 0 and 1, such as 0.9,0.5; found {list(levels)}")
    if seeds < 1 or (limit is not None and limit < 1):
        raise ProbeError(f"seeds and limit are at least 1; found {seeds} and {limit}")


def described(model: Any, spec: str | None, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """The model as ``settings.json`` names it; ``ModelError`` when its arguments or ``info`` are no plain values."""
    try:
        given = {"arguments": dict(arguments or {}), "info": dict(getattr(model, "info", {}))}
        plain: dict[str, Any] = json.loads(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ModelError(f"{spec}: arguments and `info` must be plain JSON values ({error})") from error
    return {"spec": spec, "class": f"{type(model).__module__}.{type(model).__qualname__}", **plain}


def settle(out: Path, settings: dict[str, Any]) -> None:
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


def key_of(line: Mapping[str, Any]) -> Key:
    """Item, way and seed of a line."""
    try:
        return str(line["id"]), str(line["way"]), int(line["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProbeError(f"{ANSWERS} holds a line that is no series: {str(line)[:80]}; restore the file") from error


def failed(line: Mapping[str, Any]) -> bool:
    """True when the model ended with an error on any set of masks of a line."""
    return any(point.get("status") == "error" for point in line["points"])
