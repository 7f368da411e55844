"""What readers of question sets share: JSON files, pictures of 8 bits, questions asked twice."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.render import default_display
from terracot.scenes import Frame, Modality, SceneError, SourceError, Stated
from terracot.sources.published import LeftOut
from terracot.sources.rasters import Header, read_bands, read_header

RGB = ("R", "G", "B")


def read_json(path: Path, where: str) -> Any:
    """Content of a JSON file; ``SourceError`` names the file and the place of the error."""
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        found = str(error).replace(str(path), where)
        raise SourceError(
            f"{where}: not readable as JSON ({found}); fetch the file again, it may be truncated"
        ) from error


def text_of(value: object) -> str:
    """A text that can be asked or answered with, stripped; empty for anything else, lone surrogates included."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text) else ""


def picture_header(path: Path, where: str) -> Header:
    """Header of a picture; ``SceneError`` "empty_file" for no bytes at all, "unreadable" for what is no picture."""
    if not path.is_file():
        raise SceneError("missing_image", f"{where} is not there; fetch it")
    if not path.stat().st_size:
        raise SceneError("empty_file", f"{where}: the file has no bytes; fetch it again")
    return read_header(path, where)


def rgb_frame(frame_id: str, t: int, header: Header, where: str, time: str | None = None) -> Frame:
    """An optical frame of a red, green, blue picture, or of one with alpha, whose transparent pixels are no data."""
    if header.count not in (3, 4):
        raise SceneError("band_count", f"{where}: expected red, green, blue (and alpha), found {header.count} bands")
    read = partial(_rgb, header.path, where)
    display = default_display(Modality.OPTICAL, RGB, "digital number")
    return Frame(frame_id, t, Modality.OPTICAL, RGB, header.shape, read, "digital number", display, time)


def bytes_of(values: npt.NDArray[Any], where: str) -> npt.NDArray[np.uint8]:
    """Values as ``uint8``; ``SceneError`` when they are no whole numbers of 0 to 255."""
    if values.dtype == np.uint8:
        return values
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.uint8)
    if not np.array_equal(whole, values):
        raise SceneError(
            "pixel_type", f"{where}: expected whole numbers of 0 to 255, found other {values.dtype} values"
        )
    return whole


def _rgb(path: Path, where: str) -> npt.NDArray[Any]:
    bands = bytes_of(read_bands(path, where), where)
    if len(bands) == 3:
        return bands
    # A fourth band is alpha. float32 has a value for "no data", uint8 has none.
    hidden = bands[3] == 0
    return np.where(hidden, np.float32(np.nan), bands[:3].astype(np.float32)) if hidden.any() else bands[:3]


def distinct(stated: Iterable[Stated], scene: str) -> tuple[tuple[Stated, ...], list[LeftOut]]:
    """Each question of a scene once; a question that is answered in two ways has no answer and is left out."""
    found: dict[tuple[Any, ...], list[Stated]] = {}
    for one in stated:
        same = (one.task, " ".join(one.question.casefold().split()), frozenset(one.options))
        found.setdefault(same, []).append(one)
    kept: dict[str, Stated] = {}
    left_out = []
    for first, *more in found.values():
        if any(one.answer != first.answer for one in more):
            said = ", ".join(f"{one.key}: {one.answer!r}" for one in (first, *more))
            problem = f"{first.question!r} is answered in several ways ({said})"
        elif first.key in kept:
            problem = f"{first.key} names two questions: {kept[first.key].question!r} and {first.question!r}"
        else:
            kept[first.key] = first
            continue
        left_out.append(LeftOut(f"{scene}/{first.key}", "bad_record", problem))
    return tuple(kept.values()), left_out
