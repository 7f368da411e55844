"""The six tasks: one file each says how it is worded and how far apart its options must be."""

from __future__ import annotations

from terrabench.tasks import area, boundary, building_change, coverage, distance, ranking
from terrabench.tasks.task import Task

TASKS: dict[str, Task] = {
    task.id: task
    for task in (coverage.TASK, area.TASK, ranking.TASK, boundary.TASK, distance.TASK, building_change.TASK)
}
"""Task id -> task, in the published order."""

__all__ = ["TASKS", "Task"]
