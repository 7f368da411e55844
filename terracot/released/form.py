"""One row of the published form, read and written.

    {"image": "images/a.png",
     "conversations": [{"from": "human", "value": "<image>\\n..."}, {"from": "gpt", "value": "... [SEG] ..."}],
     "masks": [[{"size": [H, W], "counts": "..."}], ...], "labels": ["water", ...]}

``masks`` has one list of COCO RLE for each ``[SEG]``, in order. Rows of two dates have ``pre_image`` and ``post_image``
instead of ``image``; the first half of their masks belongs to the image before. What has no place in that form is
written with keys of our own: ``images``, ``image_dates`` and ``mask_dates``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terracot.plugins import LETTERS
from terracot.scenes import Modality
from terracot.stated import text_problem
from terracot.traces import SEG, seg_dates

IMAGE = "<image>"
OURS = "terracot"
"""Key of a row under which an export keeps what the published form has no place for."""

MOST_IMAGES, MOST_MASKS, MOST_PARTS = 64, 1024, 256
UNNAMED = "region"
JOINT = " + "
"""Stands between the names of images in the id of their scene, so it may not stand in one."""

_IMAGE_LINE = re.compile(r"(?:image[ -]?\d+(?: \([^()\n]*\))?: *)?<image>\n?", re.I)
_OPTION = re.compile(r"([A-J])\. (\S.*)")
_MARKS = re.compile(r"\[SEG\]|</?(?:think|answer)>")
_TOLD = ("id", "scene_id", "source", "split", "group", "license", "attribution")


class FormError(ValueError):
    """A row that cannot be read; ``reason`` is one word for counting, the message says what was expected and found."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Turn:
    """A question and its reply; ``masks`` are the positions of the masks that the reply points at."""

    question: str
    options: tuple[str, ...]
    text: str
    masks: range


@dataclass(frozen=True)
class Row:
    """A row whose structure is sound. Nobody has looked at its images yet, or decoded its masks.

    ``dates`` has the date of each image, ``mask_dates`` that of each mask; ``masks`` has a list of RLE for each.
    ``told`` is what an export of ours says besides: texts by name.
    """

    images: tuple[str, ...]
    dates: tuple[int, ...]
    modalities: tuple[Modality, ...]
    turns: tuple[Turn, ...]
    masks: tuple[tuple[Any, ...], ...]
    mask_dates: tuple[int, ...]
    labels: tuple[str, ...]
    told: Mapping[str, str]
    synthetic: bool = False


def human_turn(question: str, options: Sequence[str], dates: Sequence[int], modalities: Sequence[str]) -> str:
    """What the human says: a line for each image, the question, and a line for each option.

    Several images are numbered by date, and named by their sensor where a date has two.
    """
    lines = [IMAGE]
    if len(dates) > 1:
        twice = len(set(dates)) < len(dates)
        pairs = zip(dates, modalities, strict=True)
        lines = [f"Image {t}{f' ({sensor})' if twice else ''}: {IMAGE}" for t, sensor in pairs]
    return "\n".join([*lines, question, *(f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=False))])


def question_of(human: str) -> tuple[str, tuple[str, ...]]:
    """Question and options of what the human says; the inverse of ``human_turn``."""
    lines = _IMAGE_LINE.sub("", human).strip().split("\n")
    for start in range(1, len(lines) - 1):
        found = [_OPTION.fullmatch(line.strip()) for line in lines[start:]]
        texts = tuple(match[2] for match in found if match)
        lettered = "".join(match[1] for match in found if match) == LETTERS[: len(found)]
        if lettered and len(texts) == len(found) == len(set(texts)):
            return "\n".join(lines[:start]).strip(), texts
    return "\n".join(lines), ()


def row_of(content: Any) -> Row:
    """A JSON value as a row; ``FormError`` for anything that is none."""
    if not isinstance(content, dict):
        raise FormError("bad_row", f"expected a JSON object, found {_short(content)}")
    images, dates = _images(content)
    masks = _masks(content.get("masks"))
    turns = _turns(content.get("conversations"), len(masks))
    told, modalities = _told(content.get(OURS), len(images))
    return Row(
        images,
        dates,
        modalities,
        turns,
        masks,
        _mask_dates(content, dates, [t for turn in turns for t in seg_dates(turn.text)]),
        _labels(content.get("labels"), len(masks)),
        told,
        bool(told) and content[OURS].get("synthetic") is True,
    )


def _images(content: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    given = {key for key in ("image", "pre_image", "post_image", "images") if content.get(key) is not None}
    if given == {"pre_image", "post_image"}:
        names, dates = [content["pre_image"], content["post_image"]], [1, 2]
    elif given == {"image"}:
        image = content["image"]
        names = image if isinstance(image, list) else [image]
        dates = list(range(1, len(names) + 1))
    elif given == {"images"}:
        names = content["images"]
        dates = content.get("image_dates", list(range(1, len(names) + 1)) if isinstance(names, list) else [])
    else:
        found = ", ".join(sorted(given)) or "none of them"
        raise FormError("images", f"expected `image`, or `pre_image` and `post_image`, or `images`; found {found}")
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_IMAGES or not all(map(_is_name, names)):
        raise FormError("images", f"expected 1 to {MOST_IMAGES} names of images, found {_short(names)}")
    if not isinstance(dates, list) or len(dates) != len(names) or not all(map(_is_int, dates)):
        raise FormError("images", f"expected a date for each of {len(names)} images, found {_short(dates)}")
    if dates != sorted(dates) or sorted(set(dates)) != list(range(1, len(set(dates)) + 1)):
        raise FormError("images", f"image_dates count 1, 2 ... in order, found {_short(dates)}")
    return tuple(names), tuple(dates)


def _masks(masks: Any) -> tuple[tuple[Any, ...], ...]:
    if masks is None:
        return ()
    if not isinstance(masks, list) or len(masks) > MOST_MASKS:
        raise FormError("masks", f"expected a list of at most {MOST_MASKS} masks, found {_short(masks)}")
    read = [tuple(mask) if isinstance(mask, list) else (mask,) for mask in masks]
    for number, parts in enumerate(read, 1):
        if not 1 <= len(parts) <= MOST_PARTS or not all(isinstance(part, dict) for part in parts):
            raise FormError(
                "masks", f"mask {number}: expected a list of RLE objects, found {_short(masks[number - 1])}"
            )
    return tuple(read)


def _turns(conversations: Any, masks: int) -> tuple[Turn, ...]:
    if not isinstance(conversations, list) or not conversations or len(conversations) % 2:
        raise FormError("conversations", f"expected pairs of human and gpt, found {_short(conversations)}")
    values = []
    for number, said in enumerate(conversations):
        who = ("human", "gpt")[number % 2]
        if not isinstance(said, dict) or said.get("from") != who or not isinstance(said.get("value"), str):
            raise FormError("conversations", f"turn {number + 1}: expected words of {who}, found {_short(said)}")
        values.append(said["value"])
    turns, used = [], 0
    for human, reply in zip(values[::2], values[1::2], strict=True):
        question, options = question_of(human)
        for text in (question, *options):
            if problem := text_problem(text):
                raise FormError("bad_text", f"question: {problem}")
        if problem := text_problem(_MARKS.sub(" a ", reply)):
            raise FormError("bad_text", f"reply: {problem}")
        count = reply.count(SEG)
        turns.append(Turn(question, options, reply, range(used, used + count)))
        used += count
    if used != masks:
        raise FormError("seg_count", f"the replies have {used} [SEG], the row has {masks} masks; expected one for each")
    return tuple(turns)


def _mask_dates(content: Mapping[str, Any], dates: Sequence[int], spoken: Sequence[int | None]) -> tuple[int, ...]:
    """Date of each mask: as ``mask_dates`` says, by halves for a pre and a post image, else as the text says."""
    count, last = len(spoken), dates[-1]
    found: list[Any]
    if "mask_dates" in content:
        stated = content["mask_dates"]
        found = stated if isinstance(stated, list) else []
    elif last == 1:
        found = [1] * count
    elif "pre_image" in content and count % 2:
        raise FormError("mask_dates", f"masks before and after come in halves, found {count}")
    elif "pre_image" in content:
        found = [1] * (count // 2) + [2] * (count // 2)
    else:
        found = list(spoken)
    if len(found) != count or not all(_is_int(t) and 1 <= t <= last for t in found):
        raise FormError(
            "mask_dates", f"expected a date from 1 to {last} for each of {count} masks, found {_short(found)}"
        )
    wrong = [n for n, (t, said) in enumerate(zip(found, spoken, strict=True), 1) if said not in (None, t)]
    if wrong:
        number = wrong[0]
        raise FormError(
            "mask_dates", f"mask {number} is of date {found[number - 1]}, the text says Image: {spoken[number - 1]}"
        )
    return tuple(found)


def _labels(labels: Any, count: int) -> tuple[str, ...]:
    """Names of the masks. What else the column may hold is not documented, so other labels are passed over."""
    if not isinstance(labels, list) or len(labels) != count or not all(map(_is_text, labels)):
        return (UNNAMED,) * count
    for label in labels:
        if problem := text_problem(label):
            raise FormError("bad_text", f"label: {problem}")
    return tuple(labels)


def _told(ours: Any, images: int) -> tuple[Mapping[str, str], tuple[Modality, ...]]:
    if ours is None:
        return {}, (Modality.OPTICAL,) * images
    if not isinstance(ours, dict):
        raise FormError("bad_row", f"`{OURS}`: expected an object, found {_short(ours)}")
    told = {name: ours[name] for name in _TOLD if ours.get(name)}
    for name, text in told.items():
        if not _is_text(text) or text_problem(text):
            raise FormError("bad_text", f"`{OURS}.{name}`: expected a short text, found {_short(text)}")
    stated = ours.get("modalities", [str(Modality.OPTICAL)] * images)
    known = [str(modality) for modality in Modality]
    if not isinstance(stated, list) or len(stated) != images or not all(m in known for m in stated):
        raise FormError(
            "bad_row", f"`{OURS}.modalities`: expected one of {', '.join(known)} for each image, found {_short(stated)}"
        )
    return told, tuple(Modality(m) for m in stated)


def _is_name(value: Any) -> bool:
    return _is_text(value) and JOINT not in value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 1000


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: Any) -> str:
    """A hostile value in a message: type and size, or a few characters."""
    if isinstance(value, list | dict):
        return f"{type(value).__name__} of {len(value)}"
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
