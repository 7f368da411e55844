"""Draws one sample or benchmark item: pictures with their masks, question, trace and answer on one sheet."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from terracot.io import OutputError, atomic_write_bytes
from terracot.pixel_files import with_files
from terracot.plugins import LETTERS, EvidenceMask
from terracot.render import overlay, png_bytes
from terracot.shards import frame_image, read_rows, row_masks
from terracot.sheet import COLUMNS, FAINT, GAP, MARGIN, MIN_SIDE, SMALL, TITLE, Sheet, colour, trace_words
from terracot.stated import REFER, is_stated
from terracot.status import require_finished
from terracot.traces import split_text


def show(folder: Path, row_id: str, out: Path) -> None:
    """Write a PNG of the sample or item ``row_id``; ``OutputError`` names close ids or says what the folder lacks."""
    manifest = require_finished(folder)
    row = find_row(folder, row_id)
    scene = _fetch(folder, "scenes", "scene_id", row["scene_id"])
    if scene is None:
        raise OutputError(f"{folder}: {row_id} belongs to scene {row['scene_id']}, which is missing; build it again")
    atomic_write_bytes(out, png_bytes(sheet(row, scene, str(manifest.get("kind", "")))))


def find_row(folder: Path, row_id: str) -> dict[str, Any]:
    """The sample or item with this id; ``OutputError`` with close matches when there is none."""
    for stem in ("samples", "items"):
        row = _fetch(folder, stem, "id", row_id)
        if row is not None:
            return row
    raise OutputError(f"{folder} has no sample or item {row_id!r}{_hint(folder, row_id)}")


def _hint(folder: Path, row_id: str) -> str:
    known = [pair for stem in ("samples", "items") for pair in _keys(folder, stem)]
    of_scene = [found for found, scene_id in known if scene_id == row_id]
    if of_scene:
        return f": this is a scene; ask for one of its rows: {', '.join(of_scene[:5])}"
    near = [found for found, _ in known if row_id and found.startswith(row_id)]
    near = near or difflib.get_close_matches(row_id, list(islice((found for found, _ in known), 50_000)), 3, 0.5)
    if near:
        return f"; did you mean {', '.join(near[:3])}?"
    return f"; its ids look like {known[0][0]}" if known else "; it is empty"


def _keys(folder: Path, stem: str) -> Iterator[tuple[str, str]]:
    return ((row["id"], row["scene_id"]) for row in read_rows(folder, stem, ["id", "scene_id"]))


def _fetch(folder: Path, stem: str, column: str, key: str) -> dict[str, Any] | None:
    """One row by key; only the row group that holds it is read whole."""
    for path in sorted((folder / "data").glob(f"{stem}-*.parquet")):
        try:
            file = pq.ParquetFile(path)
            for group in range(file.num_row_groups):
                keys = file.read_row_group(group, columns=[column])[column].to_pylist()
                if key in keys:
                    row: dict[str, Any] = file.read_row_group(group).slice(keys.index(key), 1).to_pylist()[0]
                    return with_files(row, folder)
        except (pa.ArrowException, OSError) as error:
            raise OutputError(f"{path} cannot be read as Parquet ({error}); build the folder again") from error
    return None


# --- the sheet ------------------------------------------------------------------------------------------------------


def sheet(row: Mapping[str, Any], scene: Mapping[str, Any], kind: str = "") -> npt.NDArray[np.uint8]:
    """``(H, W, 3) uint8`` sheet of a stored sample or item and its scene row."""
    masks = row_masks(row, (scene["height"], scene["width"]))
    dates = max(frame["t"] for frame in scene["frames"])
    panels = []
    for frame in scene["frames"]:
        if masks and len(scene["frames"]) <= 2:  # room for the picture without masks
            panels.append((frame_title(frame, dates), _panel(frame, ())))
        panels.append((frame_title(frame, dates), _panel(frame, masks)))
    columns = min(len(panels), 2 if len(panels) == 4 else COLUMNS)
    page = Sheet(max(2 * MIN_SIDE, columns * (panels[0][1].shape[1] + GAP) - GAP) + 2 * MARGIN)
    synthetic = is_synthetic(scene)
    page.text(f"{row['kind']} · {row['id']}{' · synthetic' if synthetic else ''}", TITLE)
    page.text(" · ".join(filter(None, (kind, f"scene {scene['scene_id']}", row["split"]))), SMALL, FAINT)
    page.pictures(panels, columns)
    _legend(page, row, masks, dates)
    page.rule()
    page.text("Question", SMALL, FAINT)
    page.text(row["question"])
    for letter, option in zip(LETTERS, row.get("options") or (), strict=False):
        page.text(f"{letter}: {option}{'  (right)' if letter == row['answer'] else ''}")
    parts = split_text(row.get("text") or "")
    said = parts[0] if parts else row.get("text") if row["kind"] == REFER or row.get("steps") else None
    if said:
        page.text("Trace" if parts else "Reply", SMALL, FAINT)
        page.words(trace_words(said, [s["mask"] for s in row["steps"] if s["kind"] == "ground"]))
    if row["answer"]:
        page.text("Answer, as the source states it" if is_stated(row["kind"]) else "Answer", SMALL, FAINT)
        page.text(f"{row['answer']} ({row['truth']['text']})" if row.get("options") else row["answer"])
    page.rule()
    page.text(ground_line(scene["ground"]), SMALL, FAINT)
    origin = f"{scene['source']}, synthetic images" if synthetic else scene["source"]
    page.text(f"Source: {origin}. Licence: {row['license']}.", SMALL, FAINT)
    page.text(f"Attribution: {scene['attribution'] or 'none asked for'}", SMALL, FAINT)
    return page.draw()


def _panel(frame: Mapping[str, Any], masks: Sequence[EvidenceMask]) -> npt.NDArray[np.uint8]:
    """The picture of a frame, enlarged so that its shorter side has ``MIN_SIDE`` pixels, with the masks of its date."""
    picture = frame_image(frame)
    factor = -(-MIN_SIDE // min(picture.shape[:2]))
    enlarged = picture.repeat(factor, axis=0).repeat(factor, axis=1)
    here = [n for n, mask in enumerate(masks) if mask.t == frame["t"]]
    return overlay(enlarged, [masks[n].mask for n in here], [colour(n) for n in here])


def _legend(page: Sheet, row: Mapping[str, Any], masks: Sequence[EvidenceMask], dates: int) -> None:
    phrases = {s["mask"]: s["text"] for s in row.get("steps") or () if s["kind"] == "ground"}
    for n, mask in enumerate(masks):
        where = f" in image {mask.t}" if dates > 1 else ""
        size = f"{int(mask.mask.sum()):,} pixels{where}" if mask.mask.any() else f"empty{where}"
        phrase = f" “{phrases[n]}”" if n in phrases else ""
        words = f"{mask.class_name}, {size}{phrase}".split()
        page.words([(f"[SEG] {n + 1}", colour(n)), *((word, None) for word in words)], SMALL)


def frame_title(frame: Mapping[str, Any], dates: int) -> str:
    """What stands above a picture: its date's number where there are several, its name, sensor and time."""
    name = frame["id"].rpartition("/")[2]
    return " · ".join(
        filter(
            None,
            (
                f"Image {frame['t']}" if dates > 1 else "",
                name,
                frame["modality"] if frame["modality"] != name else "",
                frame["time"],
            ),
        )
    )


def ground_line(ground: Mapping[str, Any]) -> str:
    """Size of the pixels of a stored scene, and where it is from, as a sentence."""
    if ground["basis"] == "unknown":
        return f"Ground sampling: unknown ({ground['origin']})."
    size = f"{ground['dy_m']:.4g} m down, {ground['dx_m']:.4g} m across"
    return f"Ground sampling: {size}, {ground['basis']} ({ground['origin']})."


def is_synthetic(scene: Mapping[str, Any]) -> bool:
    """True for stored scenes that were generated."""
    return bool(json.loads(scene["provenance"] or "{}").get("synthetic"))
