"""RSVQA low resolution: questions on Sentinel-2 tiles whose answers come from OpenStreetMap.

Two layouts are read. The publisher's: ``LR_split_{train,val,test}_{questions,answers}.json`` beside ``Images_LR/N.tif``
(or ``LR_png/N.png``). There every file lists the rows of all splits and marks those of its own as ``active``. And that
of samples: ``qa.json``, a list of ``{image, split, type, question, answer}``, beside ``image/N.tif``.

The images are said to have 10 m pixels, but that is nominal, and no map stands behind the answers: a scene has no
ground sampling and nothing is asked in metres. Where a file carries a georeference, the provenance has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from terracot.ground import GroundSampling, crs_label
from terracot.scenes import Scene, SceneError, SourceError, Stated
from terracot.sources.published import NOT_DOWNLOADED, LeftOut, Listing, PublishedSource
from terracot.sources.question_files import distinct, picture_header, read_json, rgb_frame, text_of

SPLITS = {"train": "train", "val": "validation", "test": "test"}
WORDS: Mapping[str, tuple[str, ...]] = {
    "presence": ("yes", "no"),
    "comp": ("yes", "no"),
    "rural_urban": ("rural", "urban"),
    "count": (),
}
"""Type of a question -> its possible answers; a count is a number."""
TASKS = {"comp": "comparison"}
FOLDERS = (("Images_LR", ".tif"), ("LR_png", ".png"), ("image", ".tif"))
SAMPLES = "qa.json"


class _Row(NamedTuple):
    """One question with its answer, as a file states it; ``name`` finds it there again."""

    name: str
    key: str
    image: Any
    split: Any
    type: Any
    question: Any
    answer: Any


class _Asked(NamedTuple):
    """An image that is asked about."""

    split: str
    stated: tuple[Stated, ...]


class RsvqaSource(PublishedSource):
    """One scene per image, with its questions. ``split``: train, validation or test."""

    name = "rsvqa-lr"
    splits = tuple(SPLITS.values())

    def __init__(self, path: str | Path, split: str | None = None) -> None:
        super().__init__(path, split)
        self._questions = [s for s in SPLITS if (self.root / f"LR_split_{s}_questions.json").is_file()]
        if not self._questions and not (self.root / SAMPLES).is_file():
            raise SourceError(
                f"{self.name} expects {self.info.path}; {self.root} has neither LR_split_train_questions.json (val, "
                f"test) nor {SAMPLES}"
            )
        found = [(name, suffix) for name, suffix in FOLDERS if (self.root / name).is_dir()]
        if not found:
            raise SourceError(
                f"{self.name}: {self.root} has questions but no images; expected one of the folders "
                f"{', '.join(name for name, _ in FOLDERS)} (unpack Images_LR.zip there)"
            )
        self._folder, self._suffix = found[0]

    def settings(self) -> Sequence[object]:
        """Where images are taken from, and the question files."""
        return [self._folder, *((self.root / name).read_bytes() for name in self._files())]

    def listing(self) -> Listing:
        """Images on disk that are asked about, by number."""
        asked, left_out = self._asked
        on_disk = set(self._images())
        present = {name: a.split for name, a in asked.items() if name in on_disk}
        missing = [
            LeftOut(
                n,
                "missing_image",
                f"{self._file(n)} is not there; {len(a.stated)} questions ask about it",
                split=a.split,
            )
            for n, a in asked.items()
            if n not in on_disk
        ]
        # Pictures come in one archive, questions split by split.
        unread = ", ".join(f"LR_split_{s}_questions.json" for s in SPLITS if s not in self._questions)
        reason, why = "missing_questions", ""
        if self._questions and unread:
            reason, why = NOT_DOWNLOADED, f"; there is no {unread}"
        silent = [
            LeftOut(n, reason, f"no usable question asks about {self._file(n)}{why}")
            for n in sorted(on_disk - set(asked) - {item.name for item in left_out}, key=_order)
        ]
        return Listing(present, (*left_out, *missing, *silent))

    def load(self, scene_id: str) -> Scene:
        """One image with its questions."""
        asked = self._asked[0].get(scene_id)
        if asked is None:
            raise SceneError("missing_questions", f"no usable question asks about image {scene_id}")
        where = self._file(scene_id)
        header = picture_header(self.root / where, where)
        placed = {"image_crs": crs_label(header.crs), "image_transform": list(header.transform)} if header.crs else {}
        return Scene(
            id=scene_id,
            source=self.name,
            group=f"{self.name}/{scene_id}",
            license=self.info.license,
            attribution=self.info.attribution,
            split=asked.split,
            frames=(rgb_frame(f"{scene_id}/rgb", 1, header, where),),
            labels=(),
            ground=GroundSampling.unknown("10 m is nominal, and no question is asked in metres"),
            stated=asked.stated,
            provenance={"files": {"rgb": where}, "questions": self._files(), "image": scene_id, **placed},
        )

    def _file(self, image: str) -> str:
        return f"{self._folder}/{image}{self._suffix}"

    def _images(self) -> Iterator[str]:
        with os.scandir(self.root / self._folder) as entries:
            yield from (e.name.removesuffix(self._suffix) for e in entries if e.name.endswith(self._suffix))

    def _files(self) -> list[str]:
        if not self._questions:
            return [SAMPLES]
        return [f"LR_split_{s}_{kind}.json" for s in self._questions for kind in ("questions", "answers")]

    @cached_property
    def _asked(self) -> tuple[Mapping[str, _Asked], tuple[LeftOut, ...]]:
        """Image -> its questions, in the order of the images' numbers; and what is no question."""
        stated: dict[str, list[Stated]] = {}
        splits: dict[str, set[str]] = {}
        left_out: list[LeftOut] = []
        for row in self._published() if self._questions else self._samples():
            try:
                image, split, one = _read(row)
            except ValueError as error:
                left_out.append(LeftOut(row.name, "bad_record", str(error)))
                continue
            stated.setdefault(image, []).append(one)
            splits.setdefault(image, set()).add(split)
        asked = {}
        for image in sorted(stated, key=_order):
            if len(splits[image]) > 1:
                found = ", ".join(sorted(splits[image]))
                left_out.append(LeftOut(image, "bad_record", f"image {image} is in several splits: {found}"))
                continue
            kept, dropped = distinct(stated[image], image)
            left_out += dropped
            if kept:
                asked[image] = _Asked(splits[image].pop(), kept)
        return asked, tuple(left_out)

    def _samples(self) -> Iterator[_Row]:
        rows = read_json(self.root / SAMPLES, SAMPLES)
        if not isinstance(rows, list):
            raise SourceError(f"{SAMPLES}: expected a list of questions, found {type(rows).__name__}")
        for number, row in enumerate(rows):
            row = row if isinstance(row, dict) else {}
            yield _Row(
                f"{SAMPLES} row {number}",
                f"row-{number}",
                row.get("image"),
                row.get("split"),
                row.get("type"),
                row.get("question"),
                row.get("answer"),
            )

    def _published(self) -> Iterator[_Row]:
        for split in self._questions:
            answers: dict[int, list[Any]] = {}
            for row in self._rows(split, "answers"):
                if type(row.get("question_id")) is int:
                    answers.setdefault(row["question_id"], []).append(row.get("answer"))
            for row in self._rows(split, "questions"):
                number = row.get("id")
                said = answers.get(number, []) if type(number) is int else []
                # None and a list are no answers: `_read` says so.
                answer = said[0] if len({str(a) for a in said}) == 1 else said or None
                name = f"question {number}"
                yield _Row(
                    name, f"question-{number}", row.get("img_id"), split, row.get("type"), row.get("question"), answer
                )

    def _rows(self, split: str, kind: str) -> Iterator[Mapping[str, Any]]:
        """The active rows of one file: the others belong to another split or are withdrawn."""
        name = f"LR_split_{split}_{kind}.json"
        if not (self.root / name).is_file():
            raise SourceError(f"{self.name}: {name} is missing beside the other files of split {split}; fetch it too")
        content = read_json(self.root / name, name)
        rows = content.get(kind) if isinstance(content, dict) else None
        if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
            raise SourceError(f"{name}: expected an object with a list of objects under {kind!r}")
        return (row for row in rows if row.get("active", True))


def _order(image: str) -> tuple[int, str]:
    return (len(image), image)


def _read(row: _Row) -> tuple[str, str, Stated]:
    """Image, split and question of a row; ``ValueError`` says what is wrong with it."""
    image = str(row.image) if type(row.image) is int else text_of(row.image)
    if not image.isascii() or not image.isdigit():
        raise ValueError(f"{row.name}: expected the number of an image, found {row.image!r}")
    split, kind, question = text_of(row.split), text_of(row.type), text_of(row.question)
    if split not in SPLITS:
        raise ValueError(f"{row.name}: expected a split of {', '.join(SPLITS)}; found {row.split!r}")
    if kind not in WORDS:
        raise ValueError(f"{row.name}: expected a type of {', '.join(WORDS)}; found {row.type!r}")
    if not question:
        raise ValueError(f"{row.name}: expected the text of a question, found {row.question!r}")
    task, words, answer = f"rsvqa-lr/{TASKS.get(kind, kind)}", WORDS[kind], str(row.answer).strip().lower()
    if words and answer in words:
        return image, SPLITS[split], Stated(row.key, task, question, answer, words=words)
    if not words and answer.isascii() and answer.isdigit() and len(answer) < 10:
        return image, SPLITS[split], Stated(row.key, task, question, str(int(answer)), value=float(answer))
    raise ValueError(f"{row.name}: expected {' or '.join(words) or 'a count'} as the answer, found {row.answer!r}")
