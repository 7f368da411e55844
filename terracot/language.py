"""Words and numbers: the one place that writes a quantity as text, and small grammar.

``number_text`` is what `verify` holds every stated number against, so the rounding policy lives here and nowhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from terracot.measure import significant

UNITS: dict[str, float] = {"m2": 1.0, "ha": 1e4, "km2": 1e6, "m": 1.0, "km": 1e3}
"""Length and area units and how many base units (m, m2) one of them is."""

UNIT_TEXT = {
    "m/px": " m",
    "m2/px": " m²",
    "m2": " m²",
    "ha": " ha",
    "km2": " km²",
    "m": " m",
    "km": " km",
    "%": "%",
    "px": "",
    "px distance": "",
    "index": "",
    "reflectance": "",
    "count": "",
    "date": "",
    "times": "",
}
"""How a unit follows its number."""

DECIMALS = {"%": 1, "px distance": 2, "index": 3, "reflectance": 4}
"""Decimals of units that have a fixed number of them."""

NUMBER = re.compile(r"(?:(?<![^\s(])-)?(?<![A-Za-z\d])\d(?:[\d,]*\d)?(?:\.\d+)?")
"""A number as ``number_text`` writes it: thousands by comma, decimals by point; a comma after it is not part of it.

A hyphen is its sign only after a space or a bracket and right before a digit, so that those of names, ranges and
formulas are none; digits after a letter belong to a name ("B08", "SWIR2").
"""


def number_text(value: float, unit: str) -> str:
    """The digits of a quantity, without its unit.

    Pixels, counts and dates as integers; per cent with one decimal, distances in pixels with two, spectral indices with
    three, reflectance with four; metres, areas and the size of a pixel with three significant digits. Trailing zeros
    after the point are dropped.
    """
    if unit in ("count", "date", "px"):
        return f"{round(value):,}"
    if unit in DECIMALS:
        return _plain(round(value, DECIMALS[unit]))
    return _plain(significant(value, 3))


def quantity_text(value: float, unit: str) -> str:
    """Number and unit as they stand in a sentence: "12.5 ha", "34%", "1,200 m"."""
    return number_text(value, unit) + UNIT_TEXT.get(unit, "")


def option_text(value: float, unit: str) -> str:
    """Number and unit as an answer option: whole per cent and counts, else three significant digits."""
    return f"{round(value):,}%" if unit == "%" else quantity_text(value, unit)


def rounded(text: str, digits: int) -> str:
    """``text`` with every number of more than ``digits`` significant digits rounded to so many, "8,490" to "8,500".

    A small model that counts by looking learns what it can tell, instead of digits that it has to make up.
    """
    return NUMBER.sub(lambda found: _shortened(found[0], digits), text)


def _shortened(number: str, digits: int) -> str:
    written = number.replace(",", "").lstrip("-0.").replace(".", "")
    return number if len(written.rstrip("0")) <= digits else _plain(significant(float(number.replace(",", "")), digits))


def _plain(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    decimals = max(0, 6 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def join(words: Sequence[str], last: str = "and") -> str:
    """Words as a list: "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def plural(count: int, noun: str) -> str:
    """Noun in the number that fits: 1 patch, 2 patches."""
    if count == 1:
        return noun
    return noun + ("es" if noun.endswith(("ch", "s", "x", "sh")) else "s")


def sentence(text: str) -> str:
    """First letter upper case; nothing else is changed."""
    return text[:1].upper() + text[1:]
