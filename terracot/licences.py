"""Licences of sources: which forbid commercial use, and which a user's list allows.

A licence is an SPDX expression of names joined by ``AND``, as in ``CC-BY-4.0 AND ODbL-1.0``: all of them bind.
"""

from __future__ import annotations

import re
from collections.abc import Collection

COMMERCIAL = "commercial"
"""In a list of allowed licences: every licence that does not forbid commercial use."""

_FORBIDDEN = re.compile(r"(?<![a-z])(?:nc|non[-\s]?commercial)(?![a-z])", re.I)
_UNSTATED = re.compile(r"(?<![a-z])(?:unstated|unknown|none|noassertion|proprietary)(?![a-z])", re.I)


def parts(licence: str) -> tuple[str, ...]:
    """The names that an expression joins."""
    return tuple(name.strip() for name in licence.split(" AND ") if name.strip())


def non_commercial(licence: str) -> bool:
    """True when a licence forbids commercial use, or does not say: unstated terms grant nothing.

    Names count however they are written: CC-BY-NC-4.0, "CC BY-NC 4.0", PolyForm-Noncommercial-1.0.0.
    """
    return not parts(licence) or bool(_FORBIDDEN.search(licence) or _UNSTATED.search(licence))


def mark(licence: str) -> str:
    """What follows the name of a licence where people read it; empty where commercial use is not forbidden."""
    if not non_commercial(licence):
        return ""
    return " (non-commercial)" if _FORBIDDEN.search(licence) else " (not stated, so taken as non-commercial)"


def allowed(licence: str, names: Collection[str]) -> bool:
    """True when each part of an expression is among ``names``, or the whole is, or ``commercial`` is and it may be."""
    known = {name.casefold() for name in names}
    if licence.casefold() in known or (COMMERCIAL in known and not non_commercial(licence)):
        return True
    return bool(parts(licence)) and all(name.casefold() in known for name in parts(licence))
