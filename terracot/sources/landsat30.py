"""Landsat30-AU: multiple-choice questions on Landsat pictures of Australia, for evaluation.

``Landsat30-AU-VQA-test.csv`` has a row per question. Its options are a Python list as text; its answer is the text of
one of them and may be the word "None", so the file is read as texts and nothing else. Dates are written 2024-08-02 or
2/8/2024, day first: the names of the pictures agree with that. Pictures are 8 bit without georeference; the publisher
states 30 m.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from terracot.ground import GroundSampling
from terracot.scenes import Scene, SceneError, SourceError, Stated
from terracot.sources.option_texts import matched, python_list
from terracot.sources.published import LeftOut, Listing, PublishedSource
from terracot.sources.question_files import Files, distinct, picture_header, plain_path, rgb_frame, text_of

INDEX = "Landsat30-AU-VQA-test.csv"
IMAGES = "DEA_VLM_images"
COLUMNS = ("image_path", "question", "question_type", "options", "answer", "capture_time", "geohash", "qa_id")
TYPES = ("DLC", "COA", "MOP", "NUM", "APR", "SRI", "USR", "FOD")
PIXEL_M = 30.0

_TYPE = re.compile(r"(?:.*\()?([A-Z]{3})\)?")
_GEOHASH = re.compile(r"[0-9b-hjkmnp-z]{1,12}")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: .*)?")


@dataclass
class _Picture:
    """A picture and what its rows say of it."""

    path: str
    geohash: str
    times: list[str] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)
    rows: dict[str, dict[str, str]] = field(default_factory=dict)


class Landsat30Source(PublishedSource):
    """One scene per picture, with its questions."""

    name = "landsat30-au"
    splits = ("test",)

    def __init__(self, path: str | Path, split: str | None = None) -> None:
        super().__init__(path, split)
        if not (self.root / INDEX).is_file() or not (self.root / IMAGES).is_dir():
            raise SourceError(
                f"{self.name} expects {self.info.path}; {self.root} has no {INDEX}, or no {IMAGES} beside it "
                "(the pictures come in archives of their own: unpack them there)"
            )
        self._files = Files(self.root)

    def settings(self) -> Sequence[object]:
        """The question file."""
        return [(self.root / INDEX).read_bytes()]

    def listing(self) -> Listing:
        """Pictures on disk that are asked about, in the order of the question file."""
        pictures, left_out = self._pictures
        missing = [
            LeftOut(n, "missing_image", f"{p.path} is not there; {len(p.stated)} questions ask about it")
            for n, p in pictures.items()
            if self._files.find(p.path) is None
        ]
        absent = {item.name for item in missing}
        unasked = self._files.unasked({self._files.find(p.path) for p in pictures.values()}, ".png")
        return Listing({n: "test" for n in pictures if n not in absent}, (*left_out, *missing, *unasked))

    def load(self, scene_id: str) -> Scene:
        """One picture with its questions."""
        picture = self._pictures[0].get(scene_id)
        if picture is None:
            raise SceneError("missing_questions", f"no usable question asks about picture {scene_id}")
        where = self._files.find(picture.path) or picture.path
        header = picture_header(self.root / where, where)
        days = {day for day in map(iso_date, picture.times) if day}
        time = days.pop() if len(days) == 1 else None
        known = _GEOHASH.fullmatch(picture.geohash)
        return Scene(
            id=scene_id,
            source=self.name,
            group=f"geohash/{picture.geohash}" if known else f"{self.name}/{scene_id}",
            license=self.info.license,
            attribution=self.info.attribution,
            split="test",
            frames=(rgb_frame(f"{scene_id}/rgb", 1, header, where, time),),
            labels=(),
            ground=GroundSampling.nominal(PIXEL_M, PIXEL_M, "stated by the publisher"),
            stated=tuple(picture.stated),
            provenance={
                "files": {"rgb": where},
                "questions_file": INDEX,
                "questions": picture.rows,
                "geohash": picture.geohash,
                "capture_time": picture.times,
            },
        )

    @cached_property
    def _pictures(self) -> tuple[Mapping[str, _Picture], tuple[LeftOut, ...]]:
        """Scene id -> picture; and the rows that are no question."""
        pictures: dict[str, _Picture] = {}
        left_out: list[LeftOut] = []
        for line, row in self._rows():
            name = text_of(row.get("qa_id")) or f"{INDEX} line {line}"
            try:
                _add(row, pictures)
            except ValueError as error:
                left_out.append(LeftOut(name, "bad_record", f"{name}: {error}"))
        for scene_id, picture in pictures.items():
            kept, dropped = distinct(picture.stated, scene_id)
            picture.stated = list(kept)
            left_out += dropped
        return {n: p for n, p in pictures.items() if p.stated}, tuple(left_out)

    def _rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        try:
            text = (self.root / INDEX).read_bytes().decode("utf-8-sig")
            reader = csv.DictReader(io.StringIO(text, newline=""))
            absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if absent:
                raise SourceError(f"{INDEX}: columns {absent} are missing; found {list(reader.fieldnames or ())[:12]}")
            for row in reader:
                yield reader.line_num, row
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            found = str(error).replace(str(self.root), "")
            raise SourceError(f"{INDEX}: not readable as CSV in UTF-8 ({found}); fetch the file again") from error


def iso_date(text: str) -> str | None:
    """``2024-08-02`` of ``2024-08-02`` or ``2/8/2024`` (day first); None for anything else."""
    iso, day_first = _ISO.fullmatch(text.strip()), _DAY_FIRST.fullmatch(text.strip())
    if iso is None and day_first is None:
        return None
    year, month, day = iso.groups() if iso else reversed(day_first.groups() if day_first else ())
    try:
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _add(row: Mapping[str, Any], pictures: dict[str, _Picture]) -> None:
    """Put the question of a row to its picture; ``ValueError`` says what is wrong with it."""
    path, key, question = plain_path(row["image_path"]), text_of(row["qa_id"]), text_of(row["question"])
    kind = _TYPE.fullmatch(text_of(row["question_type"]))
    if kind is None or kind.group(1) not in TYPES:
        raise ValueError(f"expected a type of {', '.join(TYPES)}; found {row['question_type']!r}")
    if not key or not question:
        raise ValueError(f"expected a question with a qa_id, found {row['question']!r} and {row['qa_id']!r}")
    options = python_list(text_of(row["options"]))
    answer = matched(text_of(row["answer"]), options)
    geohash, scene_id = text_of(row["geohash"]).lower(), Path(path).stem
    picture = pictures.setdefault(scene_id, _Picture(path, geohash))
    if (picture.path, picture.geohash) != (path, geohash):
        raise ValueError(f"{path} at {geohash!r} has the name of {picture.path} at {picture.geohash!r}")
    time = text_of(row["capture_time"])
    if time not in picture.times:
        picture.times.append(time)
    picture.stated.append(Stated(key, f"landsat30-au/{kind.group(1)}", question, answer, options=options))
    picture.rows[key] = {
        "question_type": text_of(row["question_type"]),
        "challenge_case": text_of(row.get("challenge_case")),
    }
