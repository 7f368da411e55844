"""From stored rows to what is asked and replied: the same prompt that ``terrabench run`` would show."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from terracot.ground import GroundSampling
from terracot.language import rounded
from terracot.masks import DatedMask, RleError, decode
from terracot.plugins import EvidenceMask, Prompt, PromptFrame
from terracot.scenes import BoolMask, Modality
from terracot.shards import frame_image, frame_pixels, row_ground, row_valid
from terrascope_vlm.training.folders import Folders


@dataclass(frozen=True, eq=False)
class Lesson:
    """A sample: what is asked, what is to be said, the mask of each ``[SEG]``, and the pixels that count by date.

    ``number`` is its place among all that a run sees.
    """

    prompt: Prompt
    reply: str
    masks: tuple[DatedMask, ...]
    counted: Mapping[int, BoolMask]
    number: int = 0


@dataclass(frozen=True, eq=False)
class Place:
    """What all lessons of a scene share."""

    frames: tuple[PromptFrame, ...]
    ground: GroundSampling
    valid: Mapping[int, BoolMask]
    counted: Mapping[int, BoolMask]


def place_of(scene: Mapping[str, Any]) -> Place:
    """The images of a row of ``SCENE_SCHEMA``, decoded; ``RleError`` for damaged masks."""
    frames = tuple(
        PromptFrame(
            id=f"{number}-{frame['modality']}",
            t=frame["t"],
            modality=Modality(frame["modality"]),
            bands=tuple(frame["bands"]),
            unit=frame["unit"],
            image=frame_image(frame),
            native=partial(frame_pixels, scene, frame),
            time=frame["time"],
        )
        for number, frame in enumerate(scene["frames"], 1)
    )
    everywhere = {frame.t: np.ones((scene["height"], scene["width"]), bool) for frame in frames}
    valid = everywhere | row_valid(scene)
    return Place(frames, row_ground(scene), valid, _counted(scene, valid))


def lesson_of(place: Place, sample: Mapping[str, Any], number: int = 0, digits: int | None = None) -> Lesson:
    """The lesson of a row of ``SAMPLE_SCHEMA``; numbers of the reply are rounded to so many significant ``digits``.

    ``RleError`` for damaged masks.
    """
    shape = place.frames[0].image.shape[:2]
    stored = [EvidenceMask(m["t"], "", decode(m["rle"], shape)) for m in sample["masks"] or ()]
    drawn = [step["mask"] for step in sample["steps"] or () if step["mask"] is not None]
    prompt = Prompt(
        id=sample["id"],
        frames=place.frames,
        ground=place.ground,
        question=sample["question"],
        options=tuple(sample["options"] or ()),
        valid=place.valid,
    )
    reply = sample["text"] if digits is None else rounded(sample["text"], digits)
    return Lesson(prompt, reply, tuple(stored[n] for n in drawn), place.counted, number)


def _counted(scene: Mapping[str, Any], valid: Mapping[int, BoolMask]) -> dict[int, BoolMask]:
    """Pixels with a label that some image of the date shows: what cloud hides from all of them nobody can draw."""
    shape = (scene["height"], scene["width"])
    seen: dict[int, BoolMask] = {}
    for frame in scene["frames"]:
        hidden = frame["hidden"]
        clear = np.ones(shape, bool) if hidden is None else ~decode(hidden, shape)
        seen[frame["t"]] = seen.get(frame["t"], np.zeros(shape, bool)) | clear
    return {t: pixels & seen[t] for t, pixels in valid.items()}


@dataclass(frozen=True, eq=False)
class _Held:
    """A unit in memory: its scenes, those of them that were decoded, and its rows of samples."""

    scenes: list[dict[str, Any]]
    samples: dict[int, dict[str, Any]]
    places: dict[int, Place] = field(default_factory=dict)


class Reader:
    """Lessons by row of the index, from several threads; keeps the ``held`` units that were used last.

    ``native``: the pixels of all bands are read too, not just the renders. ``digits``: as of ``lesson_of``.
    """

    def __init__(self, folders: Folders, held: int, native: bool = False, digits: int | None = None) -> None:
        self._folders, self._held, self._native, self._digits = folders, max(1, held), native, digits
        self._units: OrderedDict[int, _Held] = OrderedDict()
        self._lock = threading.Lock()
        rows = folders.rows
        starts = np.searchsorted(rows.unit, np.arange(len(rows.units) + 1))
        self._samples: Sequence[list[int]] = [
            rows.sample[first:last].tolist() for first, last in pairwise(starts.tolist())
        ]

    def lesson(self, row: int, number: int = 0) -> Lesson:
        """The lesson of row ``row`` of the index; errors say of which sample they are."""
        rows = self._folders.rows
        held = self._unit(int(rows.unit[row]))
        sample, scene = held.samples[int(rows.sample[row])], int(rows.scene[row])
        try:
            place = held.places.get(scene)
            if place is None:  # two threads may both decode it, to the same
                place = held.places[scene] = place_of(held.scenes[scene])
            return lesson_of(place, sample, number, self._digits)
        except RleError as error:
            folder = self._folders.paths[rows.units[rows.unit[row]].folder]
            raise RleError(f"sample {sample['id']} of {folder}: {error}; make the folder again") from error

    def _unit(self, number: int) -> _Held:
        with self._lock:
            if number not in self._units:
                unit = self._folders.rows.units[number]
                self._units[number] = _Held(*self._folders.read(unit, self._samples[number], self._native))
                while len(self._units) > self._held:
                    self._units.popitem(last=False)
            self._units.move_to_end(number)
            return self._units[number]
