"""Number and agreement: which verb goes with a class name or a count, so that templates stay grammatical.

A template slot may carry two forms, ``{name:covers|cover}``: what is written is the form that agrees with the slot, not
the slot itself. The first form goes with the singular.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# Words that end in s and are singular, or mass nouns.
_SINGULAR_S = ("ss", "us", "is", "ous")

# What follows the head of a name.
_TAIL = re.compile(r" (?:(?:of|with|without|associated|by|in|on|under|for|from) |\()")


@dataclass(frozen=True)
class Noun:
    """A name as it stands in a sentence, and whether it takes plural verbs."""

    text: str
    plural: bool = False


@lru_cache(maxsize=4096)
def looks_plural(name: str) -> bool:
    """A guess for names that nobody spoke of, by their head ("areas" in "areas with trees").

    Plural: a head whose last word ends in s, and several things joined by "and" ("snow and ice cover the ridge").
    """
    words = _TAIL.split(name.lower(), maxsplit=1)[0].split()
    if "and" in words[1:-1]:
        return True
    return bool(words) and words[-1].endswith("s") and not words[-1].endswith(_SINGULAR_S)


def agreeing(forms: str, plural: bool) -> str:
    """The form of ``singular|plural`` that agrees; ``ValueError`` unless there are two."""
    both = forms.split("|")
    if len(both) != 2:
        raise ValueError(f"expected singular|plural, found {forms!r}")
    return both[plural]
