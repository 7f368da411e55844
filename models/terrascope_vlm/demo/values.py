"""Values of a request of the page, checked, since it may be anything; ``DemoError`` says what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from terrascope_vlm.demo import DemoError

Asked = Mapping[str, Any]


def listed(asked: Asked, name: str, most: int) -> list[Any]:
    """A list, empty where there is none."""
    found = asked.get(name) or []
    if not isinstance(found, list) or len(found) > most:
        raise DemoError(f"{name}: expected a list of at most {most}")
    return found


def words(value: Any, name: str, most: int) -> str:
    """A text of at most ``most`` characters, without the spaces around it."""
    if not isinstance(value, str) or len(value) > most:
        raise DemoError(f"{name}: expected a text of at most {most} characters")
    return value.strip()


def text(asked: Asked, name: str, most: int) -> str:
    """The same of a request, empty where there is none."""
    return words(asked.get(name, ""), name, most)


def whole(asked: Asked, name: str, low: int, high: int) -> int:
    """A whole number of a range."""
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise DemoError(f"{name}: expected a whole number from {low} to {high}, found {value!r}")
    return value


def metres(asked: Asked) -> float | None:
    """Metres of a pixel, as typed; None where nothing was."""
    typed = text(asked, "gsd", 20)
    if not typed:
        return None
    try:
        size = float(typed)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise DemoError(f"metres a pixel: expected a number above 0, found {typed!r}")
    return size


def window(asked: Asked) -> tuple[int, int, int, int] | None:
    """Row, column, height and width, as typed; None where nothing was."""
    typed = text(asked, "window", 60)
    numbers = typed.replace(",", " ").split()
    if not numbers:
        return None
    if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
        raise DemoError(f"part: expected row, column, height and width in pixels, found {typed!r}")
    row, col, height, width = map(int, numbers)
    return row, col, height, width
