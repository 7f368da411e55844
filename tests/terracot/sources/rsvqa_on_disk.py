"""RSVQA low resolution as it lies on disk, in both layouts, with synthetic pixels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine

Row = dict[str, Any]

MERCATOR = Affine(16.173633250626988, 0, 613899.7423379595, 0, -16.173633250626988, 6742010.683748261)
"""Where image 72 lies."""


def question(image: int, kind: str, text: str, answer: str, split: str = "train") -> Row:
    """One row as samples state it; ``published`` and ``samples`` write it in their layouts."""
    return {"image": image, "split": split, "type": kind, "question": text, "answer": answer}


def asked(image: int, split: str = "train") -> list[Row]:
    """Five questions about an image; words and counts differ from image to image."""
    word, other = ("yes", "no") if image % 2 else ("no", "yes")
    return [
        question(image, "presence", "Is a road present?", word, split),
        question(image, "presence", "Is there a water area?", other, split),
        question(image, "comp", "Are there more buildings than roads?", other, split),
        question(image, "rural_urban", "Is it a rural or an urban area", ("rural", "urban")[image % 2], split),
        question(image, "count", "What is the number of roads?", str(7 * image + 3), split),
    ]


def pixels(image: int, size: int = 256) -> np.ndarray:
    """``(3, size, size) uint8``: a synthetic checkerboard of its own for each image."""
    rows, columns = np.indices((size, size)) // 8
    board = ((rows + columns) % 2 * 90 + image % 100).astype(np.uint8)
    return np.stack([board, board + 20, board + 40])


def write_tif(path: Path, data: np.ndarray, **profile: Any) -> None:
    """A GeoTIFF of the profile that the real files have; ``profile`` overrides it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {
        "driver": "GTiff",
        "count": len(data),
        "height": data.shape[1],
        "width": data.shape[2],
        "dtype": data.dtype,
        "crs": "EPSG:3857",
        "transform": MERCATOR,
        "compress": "deflate",
        "interleave": "band",
    } | profile
    with rasterio.open(path, "w", **settings) as file:
        file.write(data)


def samples(root: Path, rows: Sequence[Row], size: int = 256) -> Path:
    """``qa.json`` and ``image/N.tif``."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "qa.json").write_text(json.dumps(list(rows), indent=0))
    for image in {row["image"] for row in rows}:
        write_tif(root / "image" / f"{image}.tif", pixels(image, size))
    return root


def published(root: Path, rows: Sequence[Row], size: int = 256) -> Path:
    """The publisher's files: each lists all rows, those of other splits with an id and ``active: false`` only."""
    root.mkdir(parents=True, exist_ok=True)
    for split in ("train", "val", "test"):
        questions: list[Row] = []
        answers: list[Row] = []
        images: dict[int, Row] = {}
        for n, row in enumerate(rows):
            if row["split"] != split:
                questions.append({"id": n, "active": False})
                answers.append({"id": n, "active": False})
                images.setdefault(row["image"], {"id": row["image"], "active": False})
                continue
            questions.append(
                {
                    "id": n,
                    "date_added": 1570000000.0,
                    "img_id": row["image"],
                    "people_id": 0,
                    "type": row["type"],
                    "question": row["question"],
                    "answers_ids": [n],
                    "active": True,
                }
            )
            answers.append(
                {
                    "id": n,
                    "date_added": 1570000000.0,
                    "question_id": n,
                    "people_id": 0,
                    "answer": row["answer"],
                    "active": True,
                }
            )
            images[row["image"]] = {"id": row["image"], "original_name": f"{row['image']}.tif", "active": True}
        for kind, content in (("questions", questions), ("answers", answers), ("images", list(images.values()))):
            (root / f"LR_split_{split}_{kind}.json").write_text(json.dumps({kind: content}))
    for image in {row["image"] for row in rows}:
        write_tif(root / "Images_LR" / f"{image}.tif", pixels(image, size))
    return root
