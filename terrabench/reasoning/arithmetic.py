"""Exact arithmetic on masks: what the rule of a task measures, and which option says it.

Shared by the oracle, by the dose-response probe and by whatever asks which option a set of masks leads to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from terracot.language import UNITS
from terracot.plugins import LETTERS
from terracot.rules import Truth

_NUMBER = re.compile(r"([-−]?\d[\d,]*(?:\.\d+)?)\s*(%|km²|km2|m²|m2|ha|km|m)?(?![\w²])")


def nearest_option(truth: Truth, options: Sequence[str]) -> str | None:
    """Letter of the option that says ``truth``: the same word, or the nearest number in a unit of the same kind.

    None when no option is such; the first letter among equally near ones.
    """
    if truth.value is None:
        word = truth.text.casefold().strip()
        same = [letter for letter, o in zip(LETTERS, options, strict=False) if o.casefold().strip(" .") == word]
        return same[0] if len(same) == 1 else None
    wanted = truth.value * UNITS.get(truth.unit, 1.0)
    distances = []
    for letter, option in zip(LETTERS, options, strict=False):
        found = option_quantity(option)
        if found and found[1] == _dimension(truth.unit):
            distances.append((abs(found[0] - wanted), letter))
    return min(distances)[1] if distances else None


def option_quantity(option: str) -> tuple[float, str] | None:
    """The first number of an option in base units (m, m2), and "share", "length", "area" or "count"; None for words."""
    found = _NUMBER.search(option)
    if found is None:
        return None
    unit = (found[2] or "").replace("²", "2")
    return float(found[1].replace(",", "").replace("−", "-")) * UNITS.get(unit, 1.0), _dimension(unit)


def _dimension(unit: str) -> str:
    return {"%": "share", "m": "length", "km": "length", "m2": "area", "ha": "area", "km2": "area"}.get(unit, "count")
