"""One answer on one sheet: the images, the masks on them, what the model read of them, the trace and the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from terracot.io import atomic_write_bytes
from terracot.plugins import LETTERS, PromptFrame
from terracot.render import Picture, overlay, png_bytes
from terracot.sheet import FAINT, GAP, MARGIN, MIN_SIDE, SMALL, TITLE, Sheet, colour, trace_words
from terracot.show import ground_line
from terracot.traces import SEG
from terrascope_vlm.told import Told, answer_line, region_line

LARGEST_PANEL = 640
"""Pixels of the longer side of a panel; larger images are reduced."""
DIMMED = 0.4
"""How bright an image is where nothing was read."""

Box = tuple[float, float, float, float]


def write_picture(told: Told, out: Path) -> None:
    """Write the sheet as a PNG; ``OutputError`` when that cannot be."""
    atomic_write_bytes(out, png_bytes(sheet(told)))


def sheet(told: Told) -> Picture:
    """``(H, W, 3) uint8``: a row of panels for each image, then what was asked and said."""
    record = told.record()
    regions = record["regions"]
    read = any(region["read"] for region in regions)
    panels = [
        panel
        for place, frame in enumerate(told.prompt.frames)
        for panel in _row(told, regions, place, frame_title(frame, told.prompt.frames), read=read)
    ]
    columns = len(panels) // len(told.prompt.frames)
    width = max(2 * MIN_SIDE, columns * (panels[0][1].shape[1] + GAP) - GAP)
    page = Sheet(width + 2 * MARGIN)
    page.text(record["question"], TITLE)
    for letter, option in zip(LETTERS, record["options"], strict=False):
        page.text(f"{letter}: {option}{'  (chosen)' if letter == record['option'] else ''}")
    page.y += GAP // 2
    page.pictures(panels, columns)
    dates = len({frame.t for frame in told.prompt.frames})
    for n, region in enumerate(regions):
        words = region_line(region, dates).split()
        page.words([(f"{SEG} {n + 1}", colour(n)), *((word, None) for word in words)], SMALL)
    page.rule()
    page.text("Trace", SMALL, FAINT)
    page.words(trace_words(_spaced(record["think"]), range(len(regions))))
    page.text("Answer", SMALL, FAINT)
    page.text(answer_line(record))
    page.rule()
    page.text(ground_line(told.prompt.ground.to_dict()), SMALL, FAINT)
    if read:
        page.text(
            "Bright cells are the tokens that the model read after a mask, outlined in its colour; crossed out where "
            "it read the SAR image instead.",
            SMALL,
            FAINT,
        )
    return page.draw()


def frame_title(frame: PromptFrame, frames: Sequence[PromptFrame]) -> str:
    """What stands above an image: its number where there are several dates, its name, sensor and time."""
    number = f"Image {frame.t}" if len({one.t for one in frames}) > 1 else ""
    return " · ".join(filter(None, (number, *dict.fromkeys((frame.id, str(frame.modality))), frame.time)))


def _row(told: Told, regions: Sequence[Any], place: int, title: str, *, read: bool) -> list[tuple[str, Picture]]:
    """The panels of one image: itself, with the masks of its date, and with the cells that were read."""
    frame, shape = told.prompt.frames[place], told.query.shape
    plain = _sized(frame.image)
    if not regions:
        return [(title, plain)]
    here = [n for n, region in enumerate(regions) if region["t"] == frame.t]
    masks = [_fitted(told.reasoning.drawn[n].region.mask, plain) for n in here]
    panels = [(title, plain), ("Masks", overlay(plain, masks, [colour(n) for n in here]))]
    if read:
        scale = (plain.shape[0] / shape[0], plain.shape[1] / shape[1])
        panels.append(("Read", _cells(plain, regions, place, scale)))
    return panels


def _sized(image: Picture) -> Picture:
    """The image enlarged pixel by pixel until its shorter side has ``MIN_SIDE``, or reduced to ``LARGEST_PANEL``."""
    if max(image.shape[:2]) > LARGEST_PANEL:
        picture = Image.fromarray(image)
        picture.thumbnail((LARGEST_PANEL, LARGEST_PANEL), Image.Resampling.BOX)
        return np.asarray(picture)
    factor = max(1, min(-(-MIN_SIDE // min(image.shape[:2])), LARGEST_PANEL // max(image.shape[:2])))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def _fitted(mask: Any, panel: Picture) -> Any:
    """A mask at the size of a panel; of a reduced one, each pixel that holds any of the mask."""
    if mask.shape[0] <= panel.shape[0]:
        return mask  # overlay enlarges it
    shares = Image.fromarray(mask.astype(np.float32)).resize(panel.shape[1::-1], Image.Resampling.BOX)
    return np.asarray(shares) > 0


def _cells(plain: Picture, regions: Sequence[Any], place: int, scale: tuple[float, float]) -> Picture:
    """The image dimmed, but for the cells read of it. Those that another image was read for are crossed out."""
    own, beside = [], []
    for n, region in enumerate(regions):
        frames = {cell["frame"] for cell in region["read"]}
        for cell in region["read"]:
            box = _pixels(cell["box"], scale)
            if cell["frame"] == place:
                own.append((n, box))
            elif region["frame"] == place and frames - {place}:
                beside.append((n, box))
    lit = np.rint(plain * DIMMED).astype(np.uint8)
    for _, (top, left, bottom, right) in own:
        lit[top:bottom, left:right] = plain[top:bottom, left:right]
    canvas = Image.fromarray(lit)
    pen = ImageDraw.Draw(canvas)
    for n, (top, left, bottom, right) in [*own, *beside]:
        pen.rectangle([left, top, right - 1, bottom - 1], outline=colour(n))
    both = {box for _, box in own}
    for n, (top, left, bottom, right) in beside:
        if (top, left, bottom, right) not in both:
            pen.line([left, bottom - 1, right - 1, top], fill=colour(n))
    return np.asarray(canvas)


def _pixels(box: Box, scale: tuple[float, float]) -> tuple[int, int, int, int]:
    down, across = scale
    top, left, bottom, right = (
        round(box[0] * down),
        round(box[1] * across),
        round(box[2] * down),
        round(box[3] * across),
    )
    return top, left, max(bottom, top + 1), max(right, left + 1)  # of a narrow image a cell may be less than a pixel


def _spaced(text: str) -> str:
    """The text with a space around every ``[SEG]``, so that it is a word."""
    return re.sub(rf"\s*({re.escape(SEG)}[.,;:]?)\s*", r" \1 ", text)
