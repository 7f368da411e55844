"""Levels: which kinds of question make up each tier of Terra-CoT, how many a scene gets, and in which proportions.

"l2" in a selection stands for all of its parts. Shares are the paper's (250 K captions, 450 K L1, 300 K L2; 2 M pairs
for the first training stage, here ``refer``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from terracot.questions.kind import QuestionKind
from terracot.scenes import SourceError

_MODULES = (
    "terracot.captions.kinds",
    "terracot.questions.l1",
    "terracot.spatial.kinds",
    "terracot.semantic.kinds",
    "terracot.spectral.kinds",
    "terracot.temporal.kinds",
)
"""Modules with a tuple ``KINDS``, in the order in which rows of a scene are written."""


@dataclass(frozen=True)
class Level:
    """One tier. A scene gets ``least`` to ``most`` kinds of it, as far as it allows.

    ``group`` is the tier of the paper that it is part of, and that has a share.
    """

    name: str
    least: int
    most: int
    group: str


LEVELS: dict[str, Level] = {
    "refer": Level("refer", 1, 1, "refer"),
    "caption": Level("caption", 1, 1, "caption"),
    "l1": Level("l1", 2, 4, "l1"),
    "l2-spatial": Level("l2-spatial", 1, 2, "l2"),
    "l2-semantic": Level("l2-semantic", 1, 1, "l2"),
    "l2-spectral": Level("l2-spectral", 1, 1, "l2"),
    "l2-temporal": Level("l2-temporal", 2, 3, "l2"),
}
"""The levels that are made from label maps."""

SHARES: dict[str, float] = {"refer": 2000, "caption": 250, "l1": 450, "l2": 300}
"""Thousands of samples in the paper: the pairs of its first stage, and the three tiers of Terra-CoT."""

DEFAULT = tuple(name for name in LEVELS if name != "refer")
STATED = ("qa",)
"""Levels of questions whose answer the source states; they are never thinned out."""


@cache
def kinds() -> dict[str, QuestionKind]:
    """All kinds of question by name."""
    return {kind.name: kind for module in _MODULES for kind in import_module(module).KINDS}


def kind_named(name: str) -> QuestionKind:
    """A kind by its name; ``ValueError`` lists the known ones."""
    if name not in kinds():
        raise ValueError(f"unknown kind of question {name!r}; known: {', '.join(kinds())}")
    return kinds()[name]


@cache
def kinds_of(level: str) -> tuple[QuestionKind, ...]:
    """The kinds of a level, in order."""
    return tuple(kind for kind in kinds().values() if kind.level == level)


@dataclass(frozen=True)
class Mix:
    """Selected levels, and the share of each group; ``stated`` levels, and all without a share, are kept whole."""

    levels: tuple[str, ...] = DEFAULT
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    stated: tuple[str, ...] = ("refer", *STATED)

    def weights(self, supplied: Collection[str]) -> dict[str, float]:
        """Share of each level of which there is anything: that of its group, divided among those."""
        groups = Counter(LEVELS[name].group for name in supplied)
        shared = ((name, LEVELS[name].group) for name in supplied)
        return {name: self.shares[group] / groups[group] for name, group in shared if group in self.shares}


def parse_mix(levels: str | None, mix: str) -> Mix:
    """``--levels refer,caption,l1,l2`` and ``--mix paper|all|caption=1,l1=2``; ``SourceError`` for anything else."""
    given = [part.strip() for part in levels.split(",")] if levels is not None else []
    known = list(dict.fromkeys([*LEVELS, *(level.group for level in LEVELS.values()), *STATED]))
    if unknown := [name for name in given if name not in known]:
        raise SourceError(f"unknown level {unknown[0]!r}; expected some of {', '.join(known)}")
    chosen = tuple(n for n, level in LEVELS.items() if n in given or level.group in given) if given else DEFAULT
    stated = tuple(name for name in ("refer", *STATED) if not given or name in given)
    if mix == "paper":
        return Mix(chosen, SHARES, stated)
    return Mix(chosen, {} if mix == "all" else _shares(mix, chosen), stated)


def _shares(text: str, chosen: Sequence[str]) -> dict[str, float]:
    shares: dict[str, float] = {}
    groups = list(dict.fromkeys(LEVELS[name].group for name in chosen))
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        try:
            share = float(number)
        except ValueError:
            share = 0.0
        if name not in groups or name in shares or not 0 < share < float("inf"):
            raise SourceError(
                f"a mix is paper, all, or one share above 0 for each of {', '.join(groups)} (caption=1,l1=2); found "
                f"{part.strip()!r}"
            )
        shares[name] = share
    if missing := [name for name in groups if name not in shares]:
        raise SourceError(f"the mix {text!r} says nothing of {', '.join(missing)}")
    return shares
