"""DisasterM3: multiple-choice questions on pictures before and after disasters, for evaluation.

``benchmark_release.json`` is a list of records of nine tasks. Read are those with options and one right letter: damaged
buildings and roads counted, the kind of disaster, relations between marked objects. Left out, and counted, are tasks
without options (reports, advice, segmentation) and those that ask for all options that apply.

Paths are Windows paths relative to the folder. The picture before is optical; the one after is optical or SAR, and
relations show a single picture. A record need not say which sensor; then the file name does (``..._sar_...``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from terracot.ground import GroundSampling
from terracot.scenes import Frame, Scene, SceneError, SourceError, Stated
from terracot.sources.option_texts import alike, by_letter, checked, lettered, several, spelled
from terracot.sources.published import LeftOut, Listing, PublishedSource
from terracot.sources.question_files import (
    Files,
    distinct,
    picture_header,
    plain_path,
    read_json,
    rgb_frame,
    sar_frame,
    text_of,
)

INDEX = "benchmark_release.json"
CHOOSE_ALL = ("disaster bearing bodies recognition", "disaster scene recognition")
"""Tasks whose prompt asks for all options that apply."""

_EVENT = re.compile(r"(.+?)(?:_(?:pre|post|sar)(?![a-z]).*|_\d+.*|$)", re.IGNORECASE)
_SAR = re.compile(r"(?:^|_)sar(?:_|\d|$)", re.IGNORECASE)


@dataclass
class _Place:
    """The pictures of a scene and what is asked about them."""

    paths: dict[str, str]
    sar: bool
    stated: list[Stated] = field(default_factory=list)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)


class DisasterM3Source(PublishedSource):
    """One scene per pair of pictures (or single picture), with its questions."""

    name = "disasterm3"
    splits = ("test",)

    def __init__(self, path: str | Path, split: str | None = None) -> None:
        super().__init__(path, split)
        if not (self.root / INDEX).is_file():
            raise SourceError(f"{self.name} expects {self.info.path}; {self.root} has no {INDEX}")
        self._files = Files(self.root)

    def settings(self) -> Sequence[object]:
        """The question file."""
        return [(self.root / INDEX).read_bytes()]

    def listing(self) -> Listing:
        """Places whose pictures are on disk, in the order of the question file."""
        places, left_out = self._places
        missing = []
        for scene_id, place in places.items():
            absent = [path for path in place.paths.values() if self._files.find(path) is None]
            if absent:
                said = f"{', '.join(absent)} not there; {len(place.stated)} questions ask about it"
                missing.append(LeftOut(scene_id, "missing_image", said))
        gone = {item.name for item in missing}
        unasked = self._files.unasked({self._files.find(f) for p in places.values() for f in p.paths.values()}, ".png")
        return Listing({n: "test" for n in places if n not in gone}, (*left_out, *missing, *unasked))

    def load(self, scene_id: str) -> Scene:
        """One place with its questions."""
        place = self._places[0].get(scene_id)
        if place is None:
            raise SceneError("missing_questions", f"no usable question asks about {scene_id}")
        files = {role: self._files.find(path) or path for role, path in place.paths.items()}
        last = list(files)[-1]
        frames = tuple(
            self._frame(f"{scene_id}/{role}", t, where, place.sar and role == last)
            for t, (role, where) in enumerate(files.items(), start=1)
        )
        event = event_of(next(iter(files.values())))
        return Scene(
            id=scene_id,
            source=self.name,
            group=f"event/{event}",
            license=self.info.license,
            attribution=self.info.attribution,
            split="test",
            frames=frames,
            labels=(),
            ground=GroundSampling.unknown("pictures without georeference"),
            stated=tuple(place.stated),
            provenance={"files": files, "questions_file": INDEX, "questions": place.records, "event": event},
        )

    def _frame(self, name: str, t: int, where: str, sar: bool) -> Frame:
        header = picture_header(self.root / where, where)
        return sar_frame(name, t, header, where) if sar else rgb_frame(name, t, header, where)

    @cached_property
    def _places(self) -> tuple[Mapping[str, _Place], tuple[LeftOut, ...]]:
        """Scene id -> place; tasks that are not read, with the number of their records; records that are wrong."""
        places: dict[str, _Place] = {}
        left_out: list[LeftOut] = []
        unread: Counter[tuple[str, str]] = Counter()
        for number, record in enumerate(self._records()):
            task, kind = text_of(record.get("task")), _kind(record)
            if kind:
                unread[task, kind] += 1
                continue
            try:
                _add(number, record, places)
            except ValueError as error:
                left_out.append(LeftOut(f"record-{number}", "bad_record", f"{INDEX} record {number}: {error}"))
        for (task, kind), count in sorted(unread.items()):
            left_out.append(LeftOut(task or "(no task)", kind, f"{count} records; {_WHY[kind]}"))
        for scene_id, place in places.items():
            kept, dropped = distinct(place.stated, scene_id)
            place.stated = list(kept)
            left_out += dropped
        return {n: p for n, p in places.items() if p.stated}, tuple(left_out)

    def _records(self) -> Sequence[Mapping[str, Any]]:
        records = read_json(self.root / INDEX, INDEX)
        if not isinstance(records, list):
            raise SourceError(f"{INDEX}: expected a list of records, found {type(records).__name__}")
        return [record if isinstance(record, dict) else {"options_str": None, "task": None} for record in records]


_WHY = {
    "no_options": "without options there is no single right answer to score",
    "several_answers": "they ask for all options that apply, items have one right answer",
}


def _kind(record: Mapping[str, Any]) -> str:
    """Why a record is of a task that is not read; empty for one that is."""
    if " ".join(text_of(record.get("task")).casefold().split()) in CHOOSE_ALL:
        return "several_answers"
    options = [record.get(name) for name in ("options_str", "option_str", "options_list")]
    return "" if any(options) or not record.get("task") else "no_options"


def event_of(path: str) -> str:
    """The disaster of a picture as xBD spells it: ``joplin-tornado`` of ``joplin_tornado_00000050_pre_disaster.png``.

    Large events are cut up in the names of the files (``turkey_earthquake5_pre_3``); the number is not part of it.
    """
    found = _EVENT.fullmatch(Path(path).stem)
    event = (found.group(1) if found else Path(path).stem).lower()
    return re.sub(r"[^a-z0-9]+", "-", event).strip("-").rstrip("0123456789").rstrip("-") or "unknown"


def _add(number: int, record: Mapping[str, Any], places: dict[str, _Place]) -> None:
    """Put the question of a record to its place; ``ValueError`` says what is wrong with it."""
    task = "_".join(re.findall(r"[a-z0-9]+", text_of(record.get("task")).lower()))
    prompts = record.get("prompts")
    prompts = [text_of(p) for p in (prompts if isinstance(prompts, list) else [prompts])]
    if not task or not prompts or not prompts[0]:
        raise ValueError(f"expected a task and a prompt, found {record.get('task')!r} and {record.get('prompts')!r}")
    options = _options(record)
    answer = _answer(record, options)
    single = not record.get("post_image_path") and not record.get("pre_image_path")
    names = {"image": "image_path"} if single else {"pre": "pre_image_path", "post": "post_image_path"}
    paths = {role: plain_path(record.get(name)) for role, name in names.items()}
    sensor = text_of(record.get("image_type" if single else "post_image_type")).casefold()
    if sensor not in ("", "optical", "sar"):
        raise ValueError(f"expected Optical or SAR as the sensor, found {sensor!r}")
    sar = sensor == "sar" if sensor else _SAR.search(Path(list(paths.values())[-1]).stem) is not None
    scene_id = "+".join(Path(path).stem for path in paths.values())
    place = places.setdefault(scene_id, _Place(paths, sar))
    if (place.paths, place.sar) != (paths, sar):
        raise ValueError(f"{paths} ({'SAR' if sar else 'optical'}) goes by the name of {place.paths}, read before")
    key = f"record-{number}"
    place.stated.append(Stated(key, f"disasterm3/{task}", prompts[0], answer, t=len(paths), options=options))
    place.records[key] = {"task": text_of(record.get("task")), "other_prompts": [p for p in prompts[1:] if p]}


def _options(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The options of ``options_list``, or else of ``options_str``; where both are there they have to agree."""
    listed, text = record.get("options_list"), text_of(record.get("options_str") or record.get("option_str"))
    if not listed:
        return lettered(text)
    numbers_too = isinstance(listed, list) and all(type(o) in (str, int, float) for o in listed)
    options = checked([text_of(o) if isinstance(o, str) else str(o) for o in listed]) if numbers_too else ()
    if not options or (text and not spelled(text, options)):
        raise ValueError(f"options_list {listed!r} and options_str {text[:80]!r} do not say the same")
    return options


def _answer(record: Mapping[str, Any], options: Sequence[str]) -> str:
    """The option that ``ground_truth_option`` names; ``ground_truth`` must not be another of the options."""
    stated, said = record.get("ground_truth_option"), record.get("ground_truth")
    letters = stated[0] if isinstance(stated, list) and len(stated) == 1 else stated
    if several(text_of(letters)):
        raise ValueError(f"expected one right option, found {letters!r}")
    answer = by_letter(text_of(letters), options)
    others = {alike(option) for option in options} - {alike(answer)}
    if type(said) in (str, int, float) and alike(str(said)) in others:
        raise ValueError(f"ground_truth_option is {answer!r}, but ground_truth is {said!r}")
    return answer
