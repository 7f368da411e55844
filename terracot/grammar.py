"""Number and agreement: which verb goes with a class name or a count, so that templates stay grammatical.

A template slot may carry two forms, ``{name:covers|cover}``: what is written is the form that agrees with the slot, not
the slot itself. The first form goes with the singular.
"""

from __future__ import annotations

from dataclasses import dataclass

# Words that end in s and are singular, or mass nouns.
_SINGULAR_S = ("ss", "us", "is", "ous")


@dataclass(frozen=True)
class Noun:
    """A name as it stands in a sentence, and whether it takes plural verbs."""

    text: str
    plural: bool = False


def looks_plural(name: str) -> bool:
    """A guess for names that nobody spoke of: the last word of the head ("areas" in "areas with trees") ends in s."""
    head = name.lower()
    for cut in (" of ", " with ", " associated ", " by ", " in ", " (", ", with "):
        head = head.partition(cut)[0]
    words = head.split()
    return bool(words) and words[-1].endswith("s") and not words[-1].endswith(_SINGULAR_S)


def agreeing(forms: str, plural: bool) -> str:
    """The form of ``singular|plural`` that agrees; ``ValueError`` unless there are two."""
    both = forms.split("|")
    if len(both) != 2:
        raise ValueError(f"expected singular|plural, found {forms!r}")
    return both[plural]
