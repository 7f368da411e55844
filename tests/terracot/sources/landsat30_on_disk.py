"""Landsat30-AU as it lies on disk: the question file and synthetic pictures in the folders that it names."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

COLUMNS = (
    "image_path",
    "question",
    "question_type",
    "options",
    "answer",
    "challenge_case",
    "human_friendly_url",
    "capture_time",
    "geohash",
    "qa_id",
)
TYPE_NAMES = {
    "DLC": "Dominant Land-Cover Classification (DLC)",
    "COA": "Cloud-Occlusion Assessment (COA)",
    "NUM": "Numerosity Estimation (NUM)",
    "MOP": "Macro-Object Presence (MOP)",
}
CLOUD = [
    "Fully usable: cloud cover is low enough that the scene can be analysed",
    "Not usable: cloud cover obscures too much of the scene to be useful",
]
Row = dict[str, str]


def picture(n: int) -> str:
    """The path of the n-th picture: product, region, year and md5, as the publisher names it."""
    patch = f"ga_ls9c_ard_3-x{31 + n % 30}y33-2024"
    return f"DEA_VLM_images/{patch}-patches/{patch}-{hashlib.md5(str(n).encode()).hexdigest()}.png"


def geohash(n: int) -> str:
    """A place of its own for each picture."""
    return f"qd5k{n // 10 % 10}{n % 10}m"


def row(n: int, kind: str, question: str, options: Sequence[str], answer: str, qa_id: int, **other: str) -> Row:
    """One row of the question file; ``other`` overrides columns."""
    return {
        "image_path": picture(n),
        "question": question,
        "question_type": TYPE_NAMES[kind],
        "options": repr(list(options)),
        "answer": answer,
        "challenge_case": "normal",
        "human_friendly_url": picture(n).rpartition("-")[0] + f"-{geohash(n)}-2024-08-02-raw.png",
        "capture_time": "2024-08-02",
        "geohash": geohash(n),
        "qa_id": f"vqa_id_{qa_id:05d}",
    } | other


def asked(n: int) -> list[Row]:
    """Three questions about a picture; which option is right differs from picture to picture."""
    land = ["Urban fabric", "Bare ground", "Cultivated terrestrial vegetation", "Water bodies"]
    return [
        row(n, "DLC", "What is the dominant land cover type in the image?", land, land[n % 4], 10 * n),
        row(n, "COA", "Given the cloud cover, can it be used for further analysis", CLOUD, CLOUD[n % 2], 10 * n + 1),
        row(n, "NUM", "How many rivers are visible?", ["None", "Two", "Three", "One"], "None", 10 * n + 2),
    ]


def pixels(n: int, size: int = 32) -> np.ndarray:
    """``(size, size, 3) uint8``: a synthetic pattern of its own for each picture."""
    rows, columns = np.indices((size, size)) // 4
    board = ((rows + 2 * columns + n) % 3 * 70 + n % 40).astype(np.uint8)
    return np.stack([board, board // 2, 255 - board], axis=-1)


def write(root: Path, rows: Sequence[Row], size: int = 32) -> Path:
    """The question file, and a picture for every path that is one below the folder."""
    (root / "DEA_VLM_images").mkdir(parents=True, exist_ok=True)
    with (root / "Landsat30-AU-VQA-test.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    for n in range(200):
        if any(r["image_path"] == picture(n) for r in rows):
            path = root / picture(n)
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels(n, size)).save(path)
    return root
