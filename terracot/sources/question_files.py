"""What readers of question sets share: JSON files, pictures of 8 bits, questions asked twice."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot.render import default_display
from terracot.scenes import Frame, Modality, SceneError, SourceError, Stated
from terracot.sources.published import LeftOut
from terracot.sources.rasters import Header, read_bands, read_header
from terracot.stated import text_problem

RGB = ("R", "G", "B")
GREY = ("amplitude",)


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


def sar_frame(frame_id: str, t: int, header: Header, where: str) -> Frame:
    """A SAR frame of a grey picture of stretched amplitudes, or of three bands that are all the same."""
    if header.count not in (1, 3):
        raise SceneError(
            "band_count", f"{where}: expected one grey band, or it three times; found {header.count} bands"
        )
    read = partial(_grey, header.path, where)
    display = default_display(Modality.SAR, GREY, "digital number")
    return Frame(frame_id, t, Modality.SAR, GREY, header.shape, read, "digital number", display)


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


def _grey(path: Path, where: str) -> npt.NDArray[Any]:
    bands = bytes_of(read_bands(path, where), where)
    if any(not np.array_equal(band, bands[0]) for band in bands[1:]):
        raise SceneError("band_count", f"{where}: expected one grey band of SAR three times, found three that differ")
    return bands[:1]


def distinct(stated: Iterable[Stated], scene: str) -> tuple[tuple[Stated, ...], list[LeftOut]]:
    """Each question of a scene once. Left out are those answered in two ways, and texts that may not be asked."""
    left_out = []
    found: dict[tuple[Any, ...], list[Stated]] = {}
    for one in stated:
        # One bad text would cost the whole scene later on.
        problem = next(filter(None, map(text_problem, (one.question, *one.options))), None)
        if problem:
            left_out.append(LeftOut(f"{scene}/{one.key}", "bad_record", problem))
            continue
        same = (one.task, " ".join(one.question.casefold().split()), frozenset(one.options))
        found.setdefault(same, []).append(one)
    kept: dict[str, Stated] = {}
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


def plain_path(value: object) -> str:
    """A path of an index as ``folder/file``, whichever way its slashes lean; ``ValueError`` if it leaves the folder."""
    path = text_of(value).replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or path.startswith("/") or ":" in parts[0] or ".." in parts or "\0" in path:
        raise ValueError(f"expected a path below the folder of the source, found {value!r}")
    return "/".join(parts)


class Files:
    """The files below a folder, looked up by listing the folders that paths name, each once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, dict[str, bool]] = {}
        self._folded: dict[str, dict[str, list[str]]] = {}

    def find(self, path: str) -> str | None:
        """The file of a ``plain_path`` as the disk spells it; capitals may differ where that leaves one file."""
        found = ""
        for part in path.split("/"):
            names = self._names(found)
            close = [part] if part in names else self._close(found, names).get(part.casefold(), [])
            if len(close) != 1:
                return None
            is_file = names[close[0]]
            found = f"{found}/{close[0]}" if found else close[0]
        return found if is_file else None

    def unasked(self, named: Collection[str | None], suffix: str) -> list[LeftOut]:
        """How many files with a suffix lie in the folders listed so far and are not ``named``; one line per top folder.

        One line each would be thousands: these sets hold pictures for training and captions as well.
        """
        counts = Counter(
            folder.partition("/")[0]
            for folder, names in self._listed.items()
            for name, is_file in names.items()
            if folder and is_file and name.lower().endswith(suffix) and f"{folder}/{name}" not in named
        )
        said = "pictures in the folders of the questions that no question read here asks about"
        return [LeftOut(folder, "missing_questions", f"{n} {said}") for folder, n in sorted(counts.items())]

    def _close(self, folder: str, names: Mapping[str, bool]) -> Mapping[str, list[str]]:
        """Name without case -> names that are like it."""
        if folder not in self._folded:
            folded = self._folded[folder] = {}
            for name in names:
                folded.setdefault(name.casefold(), []).append(name)
        return self._folded[folder]

    def _names(self, folder: str) -> dict[str, bool]:
        """Name -> whether it is a file; empty for what is no folder."""
        if folder not in self._listed:
            try:
                with os.scandir(self._root / folder) as entries:
                    self._listed[folder] = {entry.name: entry.is_file() for entry in entries}
            except OSError:
                self._listed[folder] = {}
        return self._listed[folder]
