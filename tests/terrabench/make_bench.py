"""A tiny synthetic benchmark with every task, for tests. Its truths are counted here with plain numpy, on purpose
without ``terracot.rules``, so that the reference models are held against something that is not their own code.

Scenes of 48 x 64 pixels at 10 m: even ones measured, odd ones nominal. Kind 0: one optical image. Kind 1: optical and
SAR. Kind 2: two dates with twelve buildings. The four last rows have no label.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from terrabench.items import TASKS
from terracot.io import write_manifest
from terracot.masks import encode
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA

HEIGHT, WIDTH, LABELLED, PIXEL_M = 48, 64, 44, 10.0


def make_bench(folder: Path, scenes: int = 6, seed: int = 0, rows_per_group: int = 2, split: str = "test") -> Path:
    """Write a finished benchmark of ``scenes`` scenes (``items_per_scene`` below) and return its folder."""
    rng = np.random.default_rng(seed)
    scene_rows: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for number in range(scenes):
        scene_id = f"scene-{seed}-{number:03d}"
        scene_rows.append(_scene(scene_id, number, rng, split))
        facts = _buildings(rng) if number % 3 == 2 else _land(rng, touching=number % 2 == 0)
        items += [_item(scene_rows[-1], index, fact, rng) for index, fact in enumerate(facts)]
    (folder / "data").mkdir(parents=True)
    scene_table = pa.Table.from_pylist(scene_rows, schema=SCENE_SCHEMA)
    pq.write_table(scene_table, folder / "data" / "scenes-00000.parquet", row_group_size=rows_per_group)
    half = len(items) // 2
    for part, rows in enumerate((items[:half], items[half:])):
        pq.write_table(pa.Table.from_pylist(rows, schema=ITEM_SCHEMA), folder / "data" / f"items-{part:05d}.parquet")
    write_manifest(folder, {"name": "synthetic test benchmark", "items": len(items)})
    return folder


def _scene(scene_id: str, number: int, rng: np.random.Generator, split: str) -> dict[str, Any]:
    dates = [(1, "optical"), (2, "optical")] if number % 3 == 2 else [(1, "optical")]
    dates += [(1, "sar")] if number % 3 == 1 else []
    valid = np.zeros((HEIGHT, WIDTH), bool)
    valid[:LABELLED] = True
    return {
        "scene_id": scene_id,
        "source": "synthetic",
        "split": split,
        "group": f"group-{number // 2}",
        "license": "CC0-1.0",
        "attribution": "",
        "height": HEIGHT,
        "width": WIDTH,
        "crs": None,
        "transform": None,
        "ground": {
            "basis": "nominal" if number % 2 else "measured",
            "dy_m": PIXEL_M,
            "dx_m": PIXEL_M,
            "row_areas_m2": [PIXEL_M * PIXEL_M],
            "drift": 0.0,
            "origin": "test",
            "area_drift": 0.0,
        },
        "valid": [{"t": t, "rle": encode(valid)} for t in sorted({t for t, _ in dates})],
        "frames": [_frame(f"secret-patch-name-{number}-{i}", t, m, rng) for i, (t, m) in enumerate(dates)],
        "content_sha256": scene_id,
        "provenance": "{}",
    }


def _frame(name: str, t: int, modality: str, rng: np.random.Generator) -> dict[str, Any]:
    bands = ["VV", "VH"] if modality == "sar" else ["B04", "B03", "B02", "B08"]
    pixels = rng.random((len(bands), HEIGHT, WIDTH)).astype(np.float32)
    return {
        "id": name,
        "t": t,
        "modality": modality,
        "bands": bands,
        "unit": "dB" if modality == "sar" else "reflectance",
        "time": None,
        "image": {"bytes": png(rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)), "path": f"{name}.png"},
        "pixels": pixels.tobytes(),
        "dtype": "float32",
        "hidden": None,
    }


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def _land(rng: np.random.Generator, touching: bool) -> list[dict[str, Any]]:
    """Water on the left, cropland on the right (touching it or far away), and every question about the two."""
    height, width = int(rng.integers(10, 30)), int(rng.integers(8, 18))
    water = _rectangle(2, 2, height, width)
    left = 2 + width if touching else 2 + width + int(rng.integers(12, 20))
    cropland = _rectangle(4, left, int(rng.integers(31, 38)), 12)
    masks = [(1, "water", water), (1, "cropland", cropland)]
    share = 100 * water.sum() / (LABELLED * WIDTH)
    area_ha = cropland.sum() * PIXEL_M * PIXEL_M / 10_000
    larger = "water" if water.sum() > cropland.sum() else "cropland"
    facts = [
        _numeric("coverage", masks[:1], share, "%", "How much of the area with a label is water?"),
        _numeric("area", masks[1:], area_ha, "ha", "How large is the cropland?"),
        _words("ranking", masks, larger, ["water", "cropland"], "Which covers more, water or cropland?"),
        _words("boundary", masks, "yes" if touching else "no", ["yes", "no"], "Does water border on cropland?"),
    ]
    if not touching:
        a, b = np.argwhere(water), np.argwhere(cropland)
        gap = np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1).min()) * PIXEL_M
        facts.append(_numeric("distance", masks, float(gap), "m", "How far is water from cropland?"))
    return facts


def _buildings(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Twelve buildings, three to nine of them destroyed."""
    destroyed = int(rng.integers(3, 10))
    chosen = set(rng.permutation(12)[:destroyed].tolist())
    all_of_them, gone = np.zeros((HEIGHT, WIDTH), bool), np.zeros((HEIGHT, WIDTH), bool)
    for n in range(12):
        building = _rectangle(2 + 14 * (n // 4), 3 + 15 * (n % 4), 5, 6)
        all_of_them |= building
        gone |= building if n in chosen else False
    masks = [(1, "building", all_of_them), (2, "destroyed building", gone)]
    number = _numeric("building_change", masks, destroyed, "count", "How many buildings were destroyed?")
    share = _numeric("building_change", masks, 100 * destroyed / 12, "%", "What share of buildings was destroyed?")
    return [number | {"parameters": {"measure": "number"}}, share | {"parameters": {"measure": "share"}}]


def _numeric(task: str, masks: list[Any], value: float, unit: str, question: str) -> dict[str, Any]:
    values = [value * factor for factor in (1.0, 0.5, 1.5, 2.0)]
    texts = [_text(v, unit) for v in values]
    return {
        "task": task,
        "masks": masks,
        "truth": {"value": float(value), "unit": unit, "text": texts[0]},
        "options": list(zip(texts, values, strict=True)),
        "question": question,
        "parameters": {"unit": unit, "note": "the true value must not be read from here", "value": float(value)},
    }


def _text(value: float, unit: str) -> str:
    return {"%": f"{value:.0f}%", "ha": f"{value:.3g} ha", "m": f"{value:,.0f} m", "count": f"{value:.1f}"}[unit]


def _words(task: str, masks: list[Any], text: str, options: list[str], question: str) -> dict[str, Any]:
    ordered = [text, *[option for option in options if option != text]]
    return {
        "task": task,
        "masks": masks,
        "truth": {"value": None, "unit": "", "text": text},
        "options": [(option, None) for option in ordered],
        "question": question,
        "parameters": {},
    }


def _item(scene: dict[str, Any], index: int, fact: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    order = rng.permutation(len(fact["options"]))
    options = [fact["options"][i] for i in order]
    texts = [text for text, _ in options]
    return {
        "image": scene["frames"][0]["image"],
        "question": fact["question"],
        "candidates": json.dumps(dict(zip("ABCD", texts, strict=False))),
        "answer": "ABCD"[int(np.flatnonzero(order == 0)[0])],
        "task_type": TASKS[fact["task"]],
        "id": f"{scene['scene_id']}-{index}",
        **{name: scene[name] for name in ("scene_id", "source", "split", "group", "license")},
        "kind": fact["task"],
        "masks": [{"t": t, "class_name": name, "rle": encode(mask)} for t, name, mask in fact["masks"]],
        "truth": fact["truth"],
        "parameters": json.dumps(fact["parameters"]),
        "ground_basis": scene["ground"]["basis"],
        "template": "test/1",
        "seed": 0,
        "generator": "test",
        "task": fact["task"],
        "options": texts,
        "option_values": [value for _, value in options],
        "stratum": "test",
        "protocol": "strict",
    }
