"""The benchmark on disk: six tasks, their published names, and a reader of items and scenes.

BENCH/
  manifest.json            files with sha256, counts, protocol, stamps; written last, so its absence means unfinished
  README.md                the card
  audit.json               what was kept and dropped, and why
  data/items-*.parquet     terracot.samples.ITEM_SCHEMA
  data/scenes-*.parquet    terracot.samples.SCENE_SCHEMA
"""

from __future__ import annotations

TASKS: dict[str, str] = {
    "coverage": "coverage_percentage",
    "area": "area_quantification",
    "ranking": "comparative_ranking",
    "boundary": "boundary_detection",
    "distance": "distance_measurement",
    "building_change": "building_change_estimation",
}
"""Our task id -> the string in the published ``task_type`` column."""
