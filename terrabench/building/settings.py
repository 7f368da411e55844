"""Settings of a benchmark: all that decides, beside its scenes, which items it has and which options they get."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from terrabench.building.protocols import STRICT, Protocol, Robustness
from terracot.options import ANY, DIFFICULTIES
from terracot.rules import Filters
from terracot.scenes import SourceError


@dataclass(frozen=True)
class Settings:
    """``per_task`` keeps at most so many items of a task; ``class_balance`` lets no class give more than its fair share
    of them; ``difficulty`` keeps only sets of options that are "near" or "far"; ``exclude`` are ids of items and scenes
    that curators have rejected, in order; ``only``, if any, are the ids of the items to keep, in order.

    ``SourceError`` for a difficulty that is none.
    """

    seed: int = 0
    per_task: int | None = None
    protocol: Protocol = STRICT
    class_balance: bool = False
    difficulty: str = ANY
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.difficulty not in DIFFICULTIES:
            raise SourceError(f"difficulty is one of {', '.join(DIFFICULTIES)}; found {self.difficulty!r}")

    @cached_property
    def _named(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(self.exclude), frozenset(self.only)

    def rejects(self, item: Mapping[str, Any]) -> bool:
        """True for items that curators have rejected, by themselves or with their scene, or have not chosen.

        A reworded item also goes by the id that it has in the words of the templates.
        """
        exclude, only = self._named
        ids = {item["id"], item["template_id"]}
        return not exclude.isdisjoint({*ids, item["scene_id"]}) or bool(only and only.isdisjoint(ids))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Settings:
        """The settings that a manifest states."""
        exclude, only = (tuple(stored.get(key, ())) for key in ("exclude", "only"))
        return replace(cls(**stored), protocol=_protocol(stored["protocol"]), exclude=exclude, only=only)


def read_ids(path: Path) -> list[str]:
    """Ids of items and scenes, one a line; what follows ``#`` at the beginning of a line or after a space is a comment.

    ``SourceError`` for a file that is no text.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read ({error}); expected a text file with one id a line") from error
    ids = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in lines)
    return [name for name in ids if name]


def _protocol(stored: Mapping[str, Any]) -> Protocol:
    robustness = stored["robustness"]
    return replace(
        Protocol(**stored),
        filters=Filters(**stored["filters"]),
        robustness=None if robustness is None else Robustness(**robustness),
        ladders={task: tuple(steps) for task, steps in stored["ladders"].items()},
    )
