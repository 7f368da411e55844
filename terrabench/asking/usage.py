"""What a run has cost: tokens and money as the model stated them with each reply, and which revisions replied."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


def usage_of(lines: Iterable[Mapping[str, Any]]) -> dict[str, float] | None:
    """Sums of the numbers in ``meta.usage`` over all lines, those asked again included: both askings were paid for.

    None when no line has any. ``replies`` counts the lines that have.
    """
    numbers: dict[str, list[float]] = {}
    replies = 0
    for line in lines:
        usage = (line.get("meta") or {}).get("usage")
        if not isinstance(usage, Mapping):
            continue
        replies += 1
        for name, value in usage.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                numbers.setdefault(name, []).append(value)
    sums = {name: _sum(values) for name, values in numbers.items()}
    return {"replies": replies, **sums} if sums else None


def revisions_of(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many lines name which ``meta.revision``; empty when none names one."""
    found = Counter(str((line.get("meta") or {}).get("revision") or "") for line in lines)
    del found[""]
    return dict(found.most_common())


def usage_lines(status: Mapping[str, Any]) -> list[str]:
    """What ``terrabench status`` says of usage and revisions."""
    lines = []
    if usage := status.get("usage"):
        told = [f"{value:,.10g} {name.replace('_', ' ')}" for name, value in usage.items() if name != "replies"]
        lines.append(f"{', '.join(told)}, as stated with {usage['replies']:,} replies")
    revisions = status.get("revisions") or {}
    if len(revisions) > 1:
        told = [f"{name} ({count})" for name, count in revisions.items()]
        lines.append(f"The model changed while it was asked; replies by revision: {', '.join(told)}")
    return lines


def _sum(values: list[float]) -> float:
    return sum(values) if all(isinstance(value, int) for value in values) else round(math.fsum(values), 10)
