"""Boxes and points in a reply, in the coordinates of the model that wrote it.

A reply is text from outside: numbers may be huge, not finite or in the wrong order, brackets may never close. Nothing
raises; what is no region is passed over, and no more than ``MAX_REGIONS`` are read.

| syntax | who writes it | form |
|---|---|---|
| ``json`` | Qwen2.5-VL, Qwen3-VL | ``{"bbox_2d": [x1, y1, x2, y2], "label": "..."}``, ``{"point_2d": [x, y], ...}`` |
| ``box_tags`` | InternVL | ``<ref>...</ref><box>[[x1, y1, x2, y2], ...]</box>`` |
| ``begin_of_box`` | GLM-4.1V | ``<|begin_of_box|>[[x1, y1, x2, y2], ...]<|end_of_box|>``, and the form of ``json`` |
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Any

MAX_CHARS = 200_000
"""Characters of a reply that are looked through."""

MAX_REGIONS = 2_000
"""Boxes and points that are read of one reply."""

_OBJECT = re.compile(r"\{[^{}]{0,4000}\}")
_TAGGED = re.compile(r"(?:<ref>([^<>]{0,200})</ref>\s{0,20})?<box>([^<>]{0,100000})</box>")
_BEGUN = re.compile(r"<\|begin_of_box\|>((?:(?!<\|).){0,100000}?)<\|end_of_box\|>", re.S)
_GROUP = re.compile(r"\[([^\[\]]{0,400})\]")
_IMAGE = re.compile(r"\bimage[\s#-]{0,2}(\d{1,3})\b", re.I)
_WORDS_BEFORE = re.compile(r"[^\n.,;:|<>\[\]{}]{0,60}:?\s{0,3}$")
_BOX_KEYS, _POINT_KEYS = ("bbox_2d", "bbox"), ("point_2d", "point")


@dataclass(frozen=True)
class Region:
    """A box ``(x1, y1, x2, y2)`` or a point ``(x, y)``, as written. ``image`` is the number of its image, if told."""

    numbers: tuple[float, ...]
    label: str | None = None
    image: int | None = None


def read_regions(reply: str, syntax: str) -> list[Region]:
    """The regions of a reply in their order, at most ``MAX_REGIONS``. ``ValueError`` for an unknown ``syntax``."""
    if syntax not in READERS:
        raise ValueError(f"unknown syntax {syntax!r} of boxes; expected one of {', '.join(READERS)}")
    text = reply[:MAX_CHARS]
    mentions = [(match.start(), int(match[1])) for match in _IMAGE.finditer(text)]
    found: list[Region] = []
    for place, region in READERS[syntax](text):
        if len(found) == MAX_REGIONS:
            break
        before = bisect_left(mentions, (place, 0)) - 1
        if region.image is None and before >= 0:
            region = Region(region.numbers, region.label, mentions[before][1])
        found.append(region)
    return found


def boxed_answer(reply: str) -> str:
    r"""A reply with ``\boxed{...}`` for those ``<|begin_of_box|>`` marks that hold an answer and no coordinates."""

    def written(match: re.Match[str]) -> str:
        return match[0] if _groups(match[1]) else rf"\boxed{{{match[1].strip()}}}"

    return _BEGUN.sub(written, reply)


def _json(text: str) -> Iterator[tuple[int, Region]]:
    for match in _OBJECT.finditer(text):
        try:
            values = json.loads(match[0])
        except (ValueError, RecursionError):
            continue
        label, image = values.get("label"), values.get("image")
        named = _printable(label.strip()[:200]) if isinstance(label, str) else None
        number = image if isinstance(image, int) and not isinstance(image, bool) else None
        for keys, size in ((_BOX_KEYS, 4), (_POINT_KEYS, 2)):
            given = next((values[key] for key in keys if key in values), None)
            for numbers in _coordinates(given, size):
                yield match.start(), Region(numbers, named or None, number)


def _tags(text: str) -> Iterator[tuple[int, Region]]:
    for match in _TAGGED.finditer(text):
        label = (match[1] or "").strip() or None
        for numbers in _groups(match[2]):
            yield match.start(), Region(numbers, label)


def _begun(text: str) -> Iterator[tuple[int, Region]]:
    yield from merge(_marked(text), _json(text), key=lambda found: found[0])


def _marked(text: str) -> Iterator[tuple[int, Region]]:
    for match in _BEGUN.finditer(text):
        if "{" in match[1]:  # JSON, which has labels
            continue
        before = _WORDS_BEFORE.search(text, max(0, match.start() - 64), match.start())
        label = (before[0] if before else "").strip(" :\t\n") or None
        for numbers in _groups(match[1]):
            yield match.start(), Region(numbers, label)


READERS = {"json": _json, "box_tags": _tags, "begin_of_box": _begun}
"""By syntax: a reply's regions, each with its place in the text."""


def _printable(text: str) -> str:
    """``text`` as a file can hold it: JSON may escape half a character."""
    return text.encode("utf-8", "replace").decode()


def _groups(text: str) -> list[tuple[float, ...]]:
    """The innermost brackets of a text that hold four numbers (or two)."""
    found = []
    for match in _GROUP.finditer(text):
        try:
            numbers = tuple(float(part) for part in match[1].split(","))
        except (ValueError, OverflowError):
            continue
        if len(numbers) in (2, 4) and all(map(math.isfinite, numbers)):
            found.append(numbers)
    return found


def _coordinates(given: Any, size: int) -> list[tuple[float, ...]]:
    """One list of ``size`` finite numbers, or several of them in a list."""
    if not isinstance(given, list):
        return []
    rows = given if given and all(isinstance(row, list) for row in given) else [given]
    found = []
    for row in rows:
        if len(row) == size and all(isinstance(n, int | float) and not isinstance(n, bool) for n in row):
            try:
                numbers = tuple(float(n) for n in row)
            except OverflowError:
                continue
            if all(map(math.isfinite, numbers)):
                found.append(numbers)
    return found
