"""The answers of one reader to degraded masks, as the figures read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from terrabench.probe.run import TRUE

ARITHMETIC, MODEL = "arithmetic", "letter"
"""Fields of a point that hold a letter."""


@dataclass(frozen=True)
class Point:
    """One answer to one set of masks. ``true_letter`` and ``true_right`` are of the same reader with the true masks."""

    item: str
    task: str
    group: str
    way: str
    seed: int
    level: float
    iou: float | None
    chance: float
    right: bool
    true_right: bool
    letter: str | None
    true_letter: str | None
    misled: str | None
    """The wrong option that arithmetic picks from these masks; None where it picks the right one or none."""


def points_of(lines: Iterable[Mapping[str, Any]], items: Mapping[str, Mapping[str, Any]], field: str) -> list[Point]:
    """The answers of one reader (``ARITHMETIC`` or ``MODEL``) to degraded masks; ``items`` by id."""
    lines = list(lines)
    true = {line["id"]: line["points"][0].get(field) for line in lines if line["way"] == TRUE}
    found = []
    for line in lines:
        if line["way"] == TRUE:
            continue
        item = items[line["id"]]
        for point in line["points"]:
            exact = point[ARITHMETIC]
            found.append(
                Point(
                    item=line["id"],
                    task=line["task"],
                    group=item["group"],
                    way=line["way"],
                    seed=line["seed"],
                    level=point["level"],
                    iou=point["iou"],
                    chance=1 / len(item["options"]),
                    right=point.get(field) == item["answer"],
                    true_right=true[line["id"]] == item["answer"],
                    letter=point.get(field),
                    true_letter=true[line["id"]],
                    misled=exact if exact != item["answer"] else None,
                )
            )
    return found
