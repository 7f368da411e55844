"""Strict reading of YAML written by people: every key is known, present and of the right type, or a ``SourceError``.

A silently ignored ``ofset:`` would make every picture and number after it wrong; so each error names the file, the key,
what was expected and what was found.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from terracot.scenes import SourceError

Converter = Callable[[Any], Any]
_REQUIRED = object()


class _UniqueLoader(yaml.SafeLoader):
    """``safe_load``, but a key written twice is an error instead of the second one winning in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = sorted({str(k) for k in keys if keys.count(k) > 1})
        if repeated:
            raise yaml.constructor.ConstructorError(None, None, f"keys written twice: {repeated}", node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> tuple[str, Section]:
    """Text and top section of a YAML file; ``SourceError`` when it is not YAML or not a mapping."""
    try:
        written = path.read_text(encoding="utf-8")
        value = yaml.load(written, Loader=_UniqueLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path.name}: cannot be read as YAML ({error}); correct the file") from error
    return written, Section(value, path.name, "")


class Unfit(Exception):
    """A value that a converter does not take; carries what was expected."""


class Section:
    """One mapping of the YAML; every key must be taken before ``close``."""

    def __init__(self, value: Any, file: str, key: str) -> None:
        self.file, self.key = file, key
        if not isinstance(value, dict):
            raise self.error("", "a mapping (key: value)", value)
        self.value: dict[Any, Any] = value
        self.taken: list[str] = []

    def error(self, key: str, expected: str, found: Any) -> SourceError:
        """``SourceError`` about one key of this section."""
        path = ".".join(part for part in (self.key, key) if part) or "(top)"
        return SourceError(f"{self.file}: key {path}: expected {expected}; found {_shown(found)}")

    def take(self, key: str, convert: Converter, default: Any = _REQUIRED) -> Any:
        """Value of a key, converted; ``default`` when it is absent."""
        self.taken.append(key)
        if key not in self.value:
            if default is _REQUIRED:
                raise self.error(key, "this key", f"only {', '.join(map(str, self.value)) or 'nothing'}")
            return default
        try:
            return convert(self.value[key])
        except Unfit as unfit:
            raise self.error(key, str(unfit), self.value[key]) from None

    def section(self, key: str) -> Section | None:
        """The mapping under a key, or None when the key is absent."""
        self.taken.append(key)
        path = f"{self.key}.{key}" if self.key else key
        return Section(self.value[key], self.file, path) if key in self.value else None

    def sections(self, key: str, required: bool) -> list[Section]:
        """The list of mappings under a key."""
        items = self.take(key, list_of(lambda v: v), _REQUIRED if required else [])
        if required and not items:
            raise self.error(key, "at least one entry", items)
        path = f"{self.key}.{key}" if self.key else key
        return [Section(item, self.file, f"{path}[{i}]") for i, item in enumerate(items)]

    def close(self) -> None:
        """``SourceError`` for keys that nobody took."""
        for key in self.value:
            if key not in self.taken:
                near = difflib.get_close_matches(str(key), self.taken, 1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                raise self.error(str(key), f"one of the keys {', '.join(self.taken)}{hint}", f"unknown key {key!r}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and " " in value else f"{value!r}"[:120]


def text(value: Any) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise Unfit("text (put numbers in quotes)")
    return value.strip()


def number(value: Any) -> float:
    """A finite number, as ``float``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unfit("a finite number")
    return float(value)


def integer(value: Any) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit("a whole number")
    return value


def positive(value: Any) -> int:
    """A whole number from 1."""
    if integer(value) < 1:
        raise Unfit("a whole number from 1")
    return int(value)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Unfit("true or false")
    return value


def one_of(*allowed: str) -> Converter:
    """One of the texts given."""

    def convert(value: Any) -> str:
        if value not in allowed:
            raise Unfit(f"one of {', '.join(allowed)}")
        return str(value)

    return convert


def list_of(convert: Converter, length: int | None = None) -> Converter:
    """A list (of a fixed length), as a tuple."""

    def convert_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or (length is not None and len(value) != length):
            raise Unfit("a list" if length is None else f"a list of {length}")
        try:
            return tuple(convert(item) for item in value)
        except Unfit as unfit:
            raise Unfit(f"a list, each entry {unfit}") from None

    return convert_all


def one_or_list(convert: Converter, length: int) -> Converter:
    """One value for all, or a list of ``length`` values."""

    def convert_all(value: Any) -> tuple[Any, ...]:
        items: tuple[Any, ...] = list_of(convert, length)(value if isinstance(value, list) else [value] * length)
        return items

    return convert_all


def regex(value: Any) -> str:
    """A regular expression that compiles."""
    try:
        re.compile(text(value))
    except re.error as error:
        raise Unfit(f"a regular expression ({error})") from error
    return str(value)


def inner_path(value: Any) -> str:
    """A path or glob that stays inside its folder."""
    path = text(value)
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise Unfit("a path inside the data folder")
    return path


def inner_paths(value: Any) -> tuple[str, ...]:
    """One inner path or a list of them."""
    return tuple(inner_path(v) for v in value) if isinstance(value, list) and value else (inner_path(value),)


def color(value: Any) -> tuple[int, int, int]:
    """Red, green, blue, each 0 to 255."""
    r, g, b = list_of(integer, 3)(value)
    if not all(0 <= c <= 255 for c in (r, g, b)):
        raise Unfit("three whole numbers 0 to 255")
    return r, g, b


def check_text_key(section: Section, key: Any) -> None:
    """Keys that are data (scene ids) must be text: YAML reads ``002`` as a number."""
    if not isinstance(key, str):
        raise section.error(str(key), "a text key (put numbers in quotes)", key)
