"""Folders of ours as the published training form: JSON lines, pictures, and a README that says what was decided.

Rows that a reader of the published form would misread (several sensors, three or more dates, masks of two dates that
do not come in halves) go into files of their own, ``SPLIT.extended.jsonl``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from terracot.card import licences_of
from terracot.io import (
    MANIFEST,
    OutputError,
    atomic_file,
    atomic_write_bytes,
    atomic_write_text,
    sha256_file,
    stamp,
    write_manifest,
)
from terracot.licences import mark
from terracot.pipeline import fingerprint, working_on
from terracot.released.form import OURS, human_turn
from terracot.samples import SAMPLE_SCHEMA, SCENE_SCHEMA, SCHEMA_VERSION
from terracot.shards import read_shard
from terracot.status import require_finished

KIND = "terra-cot-released"
PUBLISHED, EXTENDED = "published", "extended"
_TOLD = ("source", "split", "group", "license")


def export_released(folder: Path, out: Path, progress: bool = False) -> dict[str, Any]:
    """Write the samples of a finished folder in the published form to ``out``; returns the counts.

    ``OutputError`` for folders that are no data set, or cannot be written. A killed export begins again.
    """
    from tqdm import tqdm

    manifest = require_finished(folder)
    files = sorted((folder / "data").glob("samples-*.parquet"))
    if not files:
        raise OutputError(f"{folder} has no samples to export; expected a data set of `terracot generate`")
    plan = fingerprint({"job": "export", "format": "released"}, sha256_file(folder / MANIFEST), [])
    counts: Counter[str] = Counter()
    with working_on(out, plan) as finished:
        if not finished:
            with ExitStack() as stack:
                opened: dict[str, BinaryIO] = {}
                for path in tqdm(files, desc="export", unit="file", disable=not progress):
                    scenes = read_shard(path.with_name(path.name.replace("samples", "scenes", 1)), SCENE_SCHEMA)
                    names = _write_pictures(out, path.stem.removeprefix("samples-"), scenes)
                    scene_of = {scene["scene_id"]: scene for scene in scenes}
                    for sample in read_shard(path, SAMPLE_SCHEMA):
                        scene = scene_of[sample["scene_id"]]
                        fits, row = released_row(sample, scene, names[sample["scene_id"]])
                        name = _file_name(sample["split"], fits)
                        if name not in opened:
                            opened[name] = stack.enter_context(atomic_file(out / name))
                        opened[name].write((json.dumps(row, ensure_ascii=False) + "\n").encode())
                        counts["samples"] += 1
                        counts[PUBLISHED if fits == PUBLISHED else EXTENDED] += 1
                        counts[fits] += fits != PUBLISHED
            told: dict[str, Any] = {name: counts[name] for name in ("samples", PUBLISHED, EXTENDED)}
            told["extended_because"] = {name: n for name, n in sorted(counts.items()) if name in _WHY}
            atomic_write_text(out / "README.md", _readme(folder, manifest, told))
            write_manifest(
                out,
                {
                    "kind": KIND,
                    "schema": SCHEMA_VERSION,
                    "plan": plan,
                    "source": manifest["source"],
                    "made_of": sha256_file(folder / MANIFEST),
                    "counts": told,
                    "quarantined": 0,
                    "stamp": stamp(),
                },
            )
    result: dict[str, Any] = require_finished(out)["counts"]
    return result


_WHY = {
    "sensors": "a date has images of several sensors",
    "dates": "there are three or more dates",
    "halves": "masks of two dates do not come as one half before and one half after",
}


def released_row(
    sample: Mapping[str, Any], scene: Mapping[str, Any], names: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """A sample as a row, and "published" where it fits the published form, else why it does not (a key of ``_WHY``)."""
    frames = scene["frames"]
    dates = [frame["t"] for frame in frames]
    modalities = [frame["modality"] for frame in frames]
    mask_dates = [mask["t"] for mask in sample["masks"]]
    half = len(mask_dates) // 2
    fits = PUBLISHED
    if len(set(dates)) < len(dates):
        fits = "sensors"
    elif len(dates) > 2:
        fits = "dates"
    elif len(dates) == 2 and mask_dates != [1] * half + [2] * half:
        fits = "halves"
    row: dict[str, Any] = {}
    if fits != PUBLISHED:
        row |= {"images": list(names), "image_dates": dates, "mask_dates": mask_dates}
    elif len(dates) == 2:
        row |= {"pre_image": names[0], "post_image": names[1]}
    else:
        row["image"] = names[0]
    human = human_turn(sample["question"], sample["options"], dates, modalities)
    row["conversations"] = [{"from": "human", "value": human}, {"from": "gpt", "value": sample["text"]}]
    row["masks"] = [[mask["rle"]] for mask in sample["masks"]]
    row["labels"] = [mask["class_name"] for mask in sample["masks"]]
    told = {"id": sample["id"], "scene_id": sample["scene_id"]} | {name: sample[name] for name in _TOLD}
    row[OURS] = told | {"attribution": scene["attribution"], "modalities": modalities}
    if json.loads(scene["provenance"]).get("synthetic") is True:
        row[OURS]["synthetic"] = True
    return fits, row


def _write_pictures(out: Path, shard: str, scenes: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Write the pictures of a shard; their names by scene, in the order of the frames."""
    names: dict[str, list[str]] = {}
    for number, scene in enumerate(scenes):
        own = names.setdefault(scene["scene_id"], [])
        for position, frame in enumerate(scene["frames"], 1):
            own.append(f"images/{shard}/{number:04d}-{position}.png")
            atomic_write_bytes(out / own[-1], frame["image"]["bytes"])
    return names


def _file_name(split: str, fits: str) -> str:
    plain = re.sub(r"[^\w-]+", "_", split) or "rows"
    return f"{plain}.jsonl" if fits == PUBLISHED else f"{plain}.{EXTENDED}.jsonl"


def _credits(folder: Path) -> Iterator[str]:
    for source, licence, who, scenes in licences_of(folder):
        yield f"- {source} ({scenes} scenes): {licence}{mark(licence)}; {who or 'no attribution asked for'}"


def _readme(folder: Path, manifest: Mapping[str, Any], counts: Mapping[str, Any]) -> str:
    because = "\n".join(f"- {_WHY[name]}: {count} rows" for name, count in counts["extended_because"].items())
    generated = manifest["source"]["generated"]
    synthetic = "\n**All images are synthetic.**\n" if generated else ""
    return f"""# Terra-CoT from `{manifest["source"]["name"]}` in the published training form
{synthetic}
{counts["samples"]} rows, one JSON object a line: {counts["published"]} in `SPLIT.jsonl`, {counts["extended"]} in
`SPLIT.extended.jsonl`. Made by `terracot export --format released`; `terracot import --format released` reads it.

- `image`, or `pre_image` and `post_image` for two dates: paths relative to this folder. Pictures are the common renders
  as PNG. Radar and multispectral images are pictures too: what their bands held beyond three colours is not here.
- `conversations`: one question by `human`, one reply by `gpt`. `<image>` stands before the question, on a line of its
  own for each image ("Image 1: <image>" where there are several). Options follow the question, "A. ..." a line each;
  the answer is then the letter. The reply is `<think>...</think><answer>...</answer>` as it stands in our column
  `text`; with several dates `Image: t` stands before each `[SEG]`. Rows that only point at a region have no such tags.
- `masks`: for each `[SEG]`, in order, a list with one compressed COCO RLE (`size` is [height, width]). For two dates
  the list is flat, the first half before, the second half after.
- `labels`: the name of what each mask shows, in the same order.
- `{OURS}`: what the published form has no place for: id, scene, source, split, group, licence, attribution, sensors.

## Rows with keys of our own

A reader of the published form would misread some rows, so they stand apart, in `SPLIT.extended.jsonl`, with `images`
(a list, in order of time), `image_dates` (the date of each image, from 1) and `mask_dates` (the date of each mask)
instead of `image`, `pre_image` and `post_image`. They are there because:

{because or "- (this folder has none)"}

Measured values, ground sampling, native bands and valid pixels are not part of the form: keep the original folder for
`terracot verify`.

## Licences

{chr(10).join(_credits(folder))}
"""
