"""What lies in a ChatEarthNet download: pictures by name, and the caption files that say which split each is in."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terracot.scenes import SourceError
from terracot.sources.published import LeftOut
from terracot.sources.webmercator import TILES

_NAME = re.compile(r"(0|[1-9]\d{0,5})_(0|[1-9]\d{0,5})_patch([01]{2})", re.ASCII)
_CAPTIONS = re.compile(r"ChatEarthNet_caps_(35|4v)_(train|val|test)\.json", re.IGNORECASE)
_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_WRITERS = {"35": "GPT-3.5", "4v": "GPT-4V"}
_GRAMMAR = f"<column>_<row>_patch<00, 01, 10 or 11>.png with column and row below {TILES}"


def parse_name(name: str) -> tuple[int, int, str] | None:
    """Column and row of the tile and the digits of the quadrant, or None when a name is not of that kind."""
    match = _NAME.fullmatch(name)
    if not match or int(match[1]) >= TILES or int(match[2]) >= TILES:
        return None
    return int(match[1]), int(match[2]), match[3]


@dataclass(frozen=True)
class Pictures:
    """PNG files below one folder: name without ending -> folder; names found twice; what is called otherwise."""

    folders: Mapping[str, Path]
    repeated: frozenset[str]
    left_out: tuple[LeftOut, ...]

    def file(self, name: str) -> Path | None:
        """The file of a picture, or None when there is none."""
        return self.folders[name] / f"{name}.png" if name in self.folders else None


def find_pictures(folder: Path) -> Pictures:
    """All PNG files below a folder (archives are unpacked to inner folders of various names), listed in one pass."""
    folders: dict[str, Path] = {}
    repeated: set[str] = set()
    left_out: list[LeftOut] = []
    for at, file in _walk(folder, ".png"):
        name = file.removesuffix(".png")
        if parse_name(name) is None:
            where = ascii((at / file).relative_to(folder.parent).as_posix())[1:-1]  # names need not be text
            left_out.append(LeftOut(where, "unexpected_name", f"expected {_GRAMMAR}"))
        elif name in folders:
            repeated.add(name)
        else:
            folders[name] = at
    return Pictures(folders, frozenset(repeated), tuple(left_out))


def _walk(folder: Path, ending: str) -> Iterator[tuple[Path, str]]:
    """Folder and name of every file below a folder with an ending, in a fixed order."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
        here = Path(at)
        yield from ((here, name) for name in sorted(names) if name.endswith(ending) and name[0] != ".")


@dataclass(frozen=True)
class Index:
    """Content of the caption files: splits and captions by picture, records that are none, and a hash of it all."""

    splits: Mapping[str, tuple[str, ...]]
    captions: Mapping[str, Mapping[str, list[str]]]
    left_out: tuple[LeftOut, ...]
    sha256: str


def read_index(folder: Path) -> Index:
    """Read ``ChatEarthNet_caps_{35,4v}_{train,val,test}.json`` below a folder; ``SourceError`` when there is none."""
    found = [(at / name, match) for at, name in _walk(folder, ".json") if (match := _CAPTIONS.fullmatch(name))]
    if not found:
        raise SourceError(
            f"chatearthnet: expected ChatEarthNet_caps_35_train.json and others like it in {folder}, found none; they "
            "say which split a picture belongs to. Unpack json_files.zip (21 MB) there"
        )
    splits: dict[str, tuple[str, ...]] = {}
    captions: dict[str, dict[str, list[str]]] = {}
    left_out: list[LeftOut] = []
    digest = hashlib.sha256()
    for path, match in found:
        content = path.read_bytes()
        digest.update(path.name.encode() + hashlib.sha256(content).digest())
        writer, split = _WRITERS[match[1].lower()], _SPLITS[match[2].lower()]
        for number, record in enumerate(_records(content, path.name)):
            name, texts = _read_record(record)
            if name is None:
                where = f"{path.name} record {number}"
                expected = "`image` or `image_id` with a picture's name and `caption` with a text or a list of texts"
                left_out.append(LeftOut(where, "bad_record", f"expected {expected}; found {ascii(record)[:120]}"))
                continue
            if split not in splits.get(name, ()):
                splits[name] = (*splits.get(name, ()), split)
            captions.setdefault(name, {}).setdefault(writer, []).extend(texts)
    return Index(splits, captions, tuple(left_out), digest.hexdigest())


def _records(content: bytes, where: str) -> list[Any]:
    try:
        records = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"chatearthnet: json_files: {where} is no JSON ({str(error)[:200]}); unpack json_files.zip again"
        ) from error
    if not isinstance(records, list):
        raise SourceError(
            f"chatearthnet: json_files: {where}: expected a list of records, found {type(records).__name__}; unpack "
            "json_files.zip again"
        )
    return records


def _read_record(record: Any) -> tuple[str | None, list[str]]:
    """Name of the picture and its captions. The GPT-3.5 and GPT-4V files use different keys and kinds of value."""
    if not isinstance(record, dict):
        return None, []
    names = {_stem(record[key]) for key in ("image", "image_id") if key in record}
    texts = record.get("caption")
    texts = [texts] if isinstance(texts, str) else texts
    if len(names) != 1 or not isinstance(texts, list) or not texts or not all(_is_text(t) for t in texts):
        return None, []
    return names.pop(), texts


def _stem(value: Any) -> str | None:
    """A picture's name from its file name, with or without folders and ending; None when it is none."""
    if not isinstance(value, str):
        return None
    name = value.replace("\\", "/").rpartition("/")[2].removesuffix(".png")
    return name if parse_name(name) else None


def _is_text(value: Any) -> bool:
    """True for a text that can be stored: JSON may hold halves of characters."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False
