"""DisasterM3 as it lies on disk: the record file and synthetic pictures in ``test_images``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
from PIL import Image

INDEX = "benchmark_release.json"
Record = dict[str, Any]

EVENTS = (
    "joplin_tornado",
    "hurricane_florence",
    "bata_explosion",
    "turkey_earthquake5",
    "santa_rosa_wildfire",
    "palu_tsunami",
    "guatemala_volcano",
    "noto_earthquake",
    "libya_flood",
    "hawaii_wildfire",
    "socal_fire",
    "midwest_flooding",
    "moore_tornado",
    "beirut_explosion",
)
KINDS = ("tornado", "hurricane", "explosion", "earthquake", "fire")


def lettered(options: Sequence[object]) -> str:
    """Options as the records write them: one line with commas and a full stop."""
    return ", ".join(f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False)) + "."


def pair(n: int, sar: bool = False) -> tuple[str, str]:
    """The two paths of the n-th place, as the records write them."""
    event, number = EVENTS[n % len(EVENTS)], n // len(EVENTS)
    if n % 2:
        return f"test_images\\{event}_pre_{number}.png", f"test_images\\{event}_post{'_sar' * sar}_{number}.png"
    name = f"test_images\\{event}_{number:08d}"
    return f"{name}_pre_disaster.png", f"{name}_post{'_sar' * sar}_disaster.png"


def record(n: int, task: str, prompt: str, options: Sequence[object], answer: int, **other: Any) -> Record:
    """One record on the n-th place whose right option is number ``answer``; ``other`` overrides fields."""
    pre, post = pair(n)
    return {
        "pre_image_path": pre,
        "post_image_path": post,
        "post_image_type": "Optical",
        "ground_truth": options[answer],
        "ground_truth_option": ascii_uppercase[answer],
        "options_list": list(options),
        "options_str": lettered(options),
        "prompts": prompt,
        "task": task,
    } | other


def asked(n: int) -> list[Record]:
    """Two questions about a place; which option is right differs from place to place."""
    counts = [20 * (n + 1) + k for k in (0, 4, -4, 8, -8)]
    return [
        record(n, "Building Damage Counting", "How many buildings are intact?", counts, n % 5),
        record(n, "Disaster Type Recognition", "What has happened here?", KINDS, (n + 2) % 5),
    ]


def pixels(name: str, size: int = 48) -> np.ndarray:
    """``(size, size, 3) uint8``: a synthetic pattern of its own for each name."""
    rows, columns = np.indices((size, size)) // 6
    board = ((rows * 3 + columns) % 4 * 50 + sum(map(ord, name)) % 50).astype(np.uint8)
    return np.stack([board, board + 15, board + 30], axis=-1)


def write(root: Path, records: Sequence[Any], size: int = 48) -> Path:
    """The record file, and a picture for every path below ``test_images``; SAR ones with a single band."""
    (root / "test_images").mkdir(parents=True, exist_ok=True)
    (root / INDEX).write_text(json.dumps(list(records)))
    for entry in records:
        for field in ("pre_image_path", "post_image_path", "image_path"):
            path = str(entry.get(field) or "") if isinstance(entry, dict) else ""
            if not path.startswith("test_images\\") or ".." in path:
                continue
            file = root / path.replace("\\", "/")
            if file.exists():
                continue
            file.parent.mkdir(exist_ok=True)
            data = pixels(file.stem, size)
            sar = field == "post_image_path" and entry.get("post_image_type") == "SAR"
            Image.fromarray(data[..., 0] if sar else data).save(file)
    return root
