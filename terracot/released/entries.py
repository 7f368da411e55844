"""Where the rows of published files stand: JSON lines, or one JSON array. Nothing but one row is held as objects.

Files come from anywhere: lines may be damaged, endless, nested without end, or no UTF-8. Whatever can be told apart
from its neighbours is refused alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terracot.io import OutputError
from terracot.released.form import FormError

MAX_ROW = 64 << 20
MAX_ARRAY = 1 << 30
_OTHER_JSON = ("manifest.json", "croissant.json", "dataset_infos.json")
_BLANK = " \t\r\n,"


@dataclass(frozen=True)
class Entry:
    """The bytes of a row in a file, and its number there, from 1."""

    file: int
    offset: int
    length: int
    number: int


def files_of(path: Path) -> list[Path]:
    """The files of rows at a path: the file itself, or all of a folder. ``OutputError`` when there are none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise OutputError(f"expected a file or a folder of the published form, found nothing at {path}")
    found = sorted(p for p in path.iterdir() if p.suffix in (".json", ".jsonl") and p.name not in _OTHER_JSON)
    if not found:
        raise OutputError(f"{path} has no .json or .jsonl file; expected rows of the published form")
    return found


def entries(file: int, path: Path) -> Iterator[Entry | tuple[int, FormError]]:
    """The rows of a file in order; for what is no row, its number and why. ``OutputError`` if it cannot be read."""
    try:
        with path.open("rb") as handle:
            start = handle.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        yield from _in_array(file, path) if start.startswith(b"[") else _in_lines(file, path)
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror or error}") from error


def _in_lines(file: int, path: Path) -> Iterator[Entry | tuple[int, FormError]]:
    with path.open("rb") as handle:
        number, offset = 0, 0
        while line := handle.readline(MAX_ROW + 1):
            number += 1
            length = len(line)
            while not line.endswith(b"\n") and (line := handle.readline(MAX_ROW)):
                length += len(line)
            if length > MAX_ROW:
                yield number, FormError("too_large", f"the row has {length} bytes, at most {MAX_ROW} are read")
            elif length > 1:
                yield Entry(file, offset, length, number)
            offset += length


def _in_array(file: int, path: Path) -> Iterator[Entry | tuple[int, FormError]]:
    size = path.stat().st_size
    if size > MAX_ARRAY:
        raise OutputError(
            f"{path} is one JSON array of {size} bytes, at most {MAX_ARRAY} are read; turn it into JSON lines "
            "(`jq -c '.[]'`)"
        )
    text = path.read_bytes().decode("utf-8", "surrogateescape")  # broken bytes stay with their row
    decoder = json.JSONDecoder()
    place, number = text.index("[") + 1, 0
    offset = _bytes(text[:place])
    while True:
        begin = place
        while place < len(text) and text[place] in _BLANK:
            place += 1
        offset += place - begin
        if place >= len(text) or text[place] == "]":
            if place >= len(text):
                yield number + 1, FormError("bad_json", "the array does not end; what follows this row is lost")
            return
        number += 1
        try:
            _, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            yield number, FormError("bad_json", f"{error}; what follows in this array cannot be told apart")
            return
        length = _bytes(text[place:end])
        yield Entry(file, offset, length, number)
        place, offset = end, offset + length


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def content_of(path: Path, entry: Entry) -> Any:
    """The JSON value of a row; ``FormError`` when it is none."""
    with path.open("rb") as handle:
        handle.seek(entry.offset)
        data = handle.read(entry.length)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise FormError("bad_utf8", f"byte {error.start} of the row is no UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise FormError("bad_json", f"no JSON: {error}") from error
