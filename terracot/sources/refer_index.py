"""The index of a referring set: which phrase names which region of which image.

Two kinds lie on disk. *refer*: ``instances.json`` (COCO: images, annotations) and ``refs(unc).p`` (a list of refs, each
with an image, an annotation, a split and sentences). *Phrases*: ``output_phrase_{train,val,test}.txt``, a line "id
phrase" each, beside a folder of images and one of masks that share the id. Both come out as ``Picture``: one image in
one split with its pairs. A broken record costs itself alone and is listed with the reason.

Expressions are taken from the refs only: of the several in an RRSIS-D ``ann_split/*.xml`` the last alone has a mask.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from terracot.scenes import SceneError, SourceError
from terracot.sources.published import LeftOut
from terracot.sources.safe_pickle import load_plain
from terracot.stated import text_problem

SPLITS: Mapping[str, str] = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}
"""Split as the sets write it -> split of the scenes."""

MAX_PHRASE = 500
MAX_NAME = 200
_MISSING = object()


@dataclass(frozen=True)
class Pair:
    """One phrase and its region: a ``segmentation`` as COCO writes it, or the id of a mask file."""

    key: str
    phrase: str
    region: Any
    origin: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """One image in one split: its name as the index has it, ``(H, W)`` if the index says so, and its pairs."""

    image: str
    split: str
    shape: tuple[int, int] | None
    pairs: list[Pair] = field(default_factory=list)


@dataclass(frozen=True)
class Index:
    """What an index says: pictures in its own order, and records that are none, with the reason."""

    pictures: Sequence[Picture]
    left_out: Sequence[LeftOut]


def read_json(data: bytes, name: str) -> Any:
    """Parsed JSON; ``SourceError`` names file ``name``."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{name} is not readable as JSON ({str(error)[:200]}); fetch the file again") from error


def read_refs(data: bytes, name: str) -> Any:
    """The refs in a ``.json`` file, or in a pickle as far as that holds plain data; ``SourceError`` names the file."""
    return read_json(data, name) if name.endswith(".json") else load_plain(data, name)


def refer_index(instances: Any, refs: Any) -> Index:
    """Index of parsed ``instances.json`` and refs; ``SourceError`` when they are no such files at all."""
    if not (
        isinstance(instances, dict)
        and isinstance(instances.get("images"), list)
        and isinstance(instances.get("annotations"), list)
        and isinstance(refs, list)
    ):
        raise SourceError(
            "a refer index is an instances file with lists `images` and `annotations`, and a list of refs; "
            f"found {_kind(instances)} and {_kind(refs)}"
        )
    images, annotations = _by_id(instances["images"]), _by_id(instances["annotations"])
    pictures: dict[tuple[str, str], Picture] = {}
    left_out: list[LeftOut] = []
    seen: set[str] = set()
    for position, ref in enumerate(refs):
        name = f"ref {position}"
        try:
            ref_id = _identifier(ref, "ref_id")
            name = f"ref {ref_id}"
            if name in seen:
                raise SceneError("bad_record", f"ref_id {ref_id} is given to two refs; only the first is read")
            seen.add(name)
            picture = _picture(ref, images)
            ann_id, region = _region(ref, annotations)
            picture = pictures.setdefault((picture.split, picture.image), picture)
            origin = {"ref_id": ref_id, "ann_id": ann_id, "image_id": ref["image_id"]}
            for number, phrase in _sentences(ref):
                if isinstance(phrase, SceneError):
                    left_out.append(LeftOut(f"{name}/{number}", phrase.reason, str(phrase)))
                else:
                    picture.pairs.append(Pair(f"{ref_id}/{number}", phrase, region, origin))
        except SceneError as error:
            left_out.append(LeftOut(name, error.reason, str(error)))
    return Index([p for p in pictures.values() if p.pairs], left_out)


def phrase_index(files: Mapping[str, bytes]) -> Index:
    """Index of the phrase files: ``files`` has the bytes of each by split."""
    pictures: dict[tuple[str, str], Picture] = {}
    left_out: list[LeftOut] = []
    for split, data in files.items():
        # A byte that is no UTF-8 spoils its own line only: the replacement character is not printable text.
        for number, line in enumerate(data.decode("utf-8-sig", errors="surrogateescape").split("\n"), 1):
            if not line.strip():
                continue
            image, *words = line.split(maxsplit=1)
            try:
                if not image.isprintable():
                    raise SceneError("bad_record", f"the id {_short(image)} is no file's name")
                phrase = _phrase("".join(words))
            except SceneError as error:
                left_out.append(LeftOut(f"{split}, line {number}", error.reason, str(error)))
                continue
            picture = pictures.setdefault((split, image), Picture(image, split, None))
            key = f"{image}/{len(picture.pairs) + 1}"
            picture.pairs.append(Pair(key, phrase, image, {"line": number}))
    return Index(list(pictures.values()), left_out)


def _picture(ref: Mapping[str, Any], images: Mapping[Any, Any]) -> Picture:
    """The image of a ref in its split, without pairs."""
    split = ref.get("split")
    if not isinstance(split, str) or split not in SPLITS:
        raise SceneError("bad_record", f"split {_short(split)} is none of {', '.join(SPLITS)}")
    image_id = _identifier(ref, "image_id")
    image = images.get(image_id)
    if image is None:
        why = "stands twice in" if image_id in images else "is not in"
        raise SceneError("bad_record", f"image_id {image_id} {why} the instances file")
    file, size = image.get("file_name"), [image.get("height"), image.get("width")]
    if not isinstance(file, str) or not file or not file.isprintable():
        raise SceneError("bad_record", f"image {image_id} has the file_name {_short(file)}; expected a file's name")
    if size == [None, None]:
        return Picture(file, SPLITS[split], None)
    if not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in size):
        raise SceneError("bad_record", f"image {image_id} has height and width {_short(size)}; expected pixels")
    return Picture(file, SPLITS[split], (size[0], size[1]))


def _region(ref: Mapping[str, Any], annotations: Mapping[Any, Any]) -> tuple[Any, Any]:
    """Id and segmentation of the annotation of a ref."""
    ann_id = _identifier(ref, "ann_id")
    annotation = annotations.get(ann_id)
    if annotation is None:
        why = "stands twice in" if ann_id in annotations else "is not in"
        raise SceneError("bad_record", f"ann_id {ann_id} {why} the instances file")
    owner = annotation.get("image_id", ref["image_id"])
    if str(owner) != str(ref["image_id"]):
        raise SceneError(
            "bad_record", f"ann_id {ann_id} belongs to image {_short(owner)} and the ref to {ref['image_id']}"
        )
    region = annotation.get("segmentation")
    if not region or (isinstance(region, list) and not any(region)):
        raise SceneError("empty_mask", f"annotation {ann_id} has no segmentation: {_short(region)}")
    return ann_id, region


def _sentences(ref: Mapping[str, Any]) -> Iterator[tuple[int, str | SceneError]]:
    """The phrases of a ref, numbered from 1, each as published or with what is wrong with it."""
    sentences = ref.get("sentences")
    if not isinstance(sentences, list) or not sentences:
        raise SceneError("bad_record", f"its sentences are {_short(sentences)}; expected a list of some")
    for number, sentence in enumerate(sentences, 1):
        raw = sentence.get("raw", sentence.get("sent")) if isinstance(sentence, dict) else sentence
        try:
            yield number, _phrase(raw)
        except SceneError as error:
            yield number, error


def _phrase(raw: Any) -> str:
    """A phrase without the blanks around it and the full stop behind it."""
    phrase = raw.strip().rstrip(" .") if isinstance(raw, str) else ""
    if not phrase:
        raise SceneError("bad_record", f"the phrase is {_short(raw)}; expected words")
    if len(phrase) > MAX_PHRASE or not phrase.isprintable():
        raise SceneError(
            "bad_record", f"the phrase {_short(raw)} is no plain text: over {MAX_PHRASE} characters, or line breaks"
        )
    if problem := text_problem(phrase):
        raise SceneError("bad_record", problem)
    return phrase


def _by_id(records: Sequence[Any]) -> dict[Any, Any]:
    """Records by id; None for an id that two different records claim."""
    found: dict[Any, Any] = {}
    for record in records:
        name = record.get("id") if isinstance(record, dict) else None
        if isinstance(name, int | str) and not isinstance(name, bool):
            known = found.get(name, _MISSING)
            found[name] = record if known is _MISSING or known == record else None
    return found


def _identifier(record: Any, key: str) -> int | str:
    value = record.get(key) if isinstance(record, dict) else None
    if isinstance(value, int | str) and not isinstance(value, bool):
        text = str(value)
        if text.isprintable() and 0 < len(text) <= MAX_NAME:
            return value
    raise SceneError("bad_record", f"{key} is {_short(value)}; expected a number or a name")


def _kind(value: Any) -> str:
    return f"a dict of {sorted(map(str, value))[:8]}" if isinstance(value, dict) else type(value).__name__


def _short(value: Any) -> str:
    text = ascii(value) if isinstance(value, str | int | float | type(None)) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
