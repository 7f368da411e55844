"""Licences of sources: which forbid commercial use, and which a user's list allows.

A licence is an SPDX expression of names joined by ``AND``, as in ``CC-BY-4.0 AND ODbL-1.0``: all of them bind.
"""

from __future__ import annotations

from collections.abc import Collection

COMMERCIAL = "commercial"
"""In a list of allowed licences: every licence that does not forbid commercial use."""


def parts(licence: str) -> tuple[str, ...]:
    """The names that an expression joins."""
    return tuple(name.strip() for name in licence.split(" AND ") if name.strip())


def non_commercial(licence: str) -> bool:
    """True when a licence forbids commercial use, or does not say: unstated terms grant nothing."""
    return any("NC" in name.split("-") or name.startswith("LicenseRef-unstated") for name in parts(licence))


def allowed(licence: str, names: Collection[str]) -> bool:
    """True when each part of an expression is among ``names``, or the whole is, or ``commercial`` is and it may be."""
    if licence in names or (COMMERCIAL in names and not non_commercial(licence)):
        return True
    return bool(parts(licence)) and all(name in names for name in parts(licence))
