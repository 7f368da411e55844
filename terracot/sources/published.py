"""PublishedSource: what the adapters of published data sets share: folder, split, listing, fingerprint.

An adapter lists its scenes without reading pixels, says what of the download is no scene and why (``LeftOut``), and
loads one scene. Reasons are short codes; ``REASONS`` says which of them mean missing, corrupt, placeholder ..., so that
``terracot check`` can sum them up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from terracot.scenes import Scene, SourceError
from terracot.sources.catalogue import CATALOGUE, SourceInfo

OTHER_SPLIT, NOT_DOWNLOADED = "other_split", "not_downloaded"

REASONS: Mapping[str, str] = {
    OTHER_SPLIT: "outside the split",
    NOT_DOWNLOADED: "missing",  # a whole part of the set, as of somebody who fetched another part
    "flagged": "left out by choice",  # snow, clouds: an option of the source brings them back
    "incomplete_patch": "left out by choice",  # at the edge of an image that is cut into patches
    "no_options": "left out by choice",  # questions of a set that are no multiple choice
    "several_answers": "left out by choice",
    "license": "left out by choice",
    "placeholder": "placeholder",  # constant or stand-in pictures
    "unreadable": "corrupt",
    "empty_file": "corrupt",
    "band_count": "corrupt",
    "frame_shape": "corrupt",
    "label_shape": "corrupt",
    "mismatched_shapes": "corrupt",
    "mismatched_georeference": "corrupt",
    "unknown_code": "corrupt",
    "georeference": "corrupt",
    "pixel_type": "corrupt",
    "band_dtype": "corrupt",
    "unexpected_name": "corrupt",
    "bad_dates": "corrupt",
    "empty_mask": "corrupt",
    "bad_label": "corrupt",  # a label file whose content does not follow its format
    "bad_record": "corrupt",  # a row of an index or question file likewise
}
"""Reason code -> what ``terracot check`` calls it; ``missing_...`` is missing, all others are unusable."""


def category(reason: str) -> str:
    """What a reason means: missing, corrupt, placeholder, outside the split, left out by choice, unusable."""
    return "missing" if reason.startswith("missing_") else REASONS.get(reason, "unusable")


@dataclass(frozen=True)
class LeftOut:
    """Something of the download, or of its index, that is not among the scenes: its name, a reason code, a sentence.

    ``count`` is how many would be scenes, where the name stands for several; ``split`` the one it belongs to, if known.
    """

    name: str
    reason: str
    message: str
    count: int = 1
    split: str | None = None


@dataclass(frozen=True)
class Listing:
    """What lies in a folder: scene id -> split, and what is no scene."""

    scenes: Mapping[str, str]
    left_out: tuple[LeftOut, ...] = field(default=())


class PublishedSource:
    """A published data set in a folder. ``split`` restricts the scenes; ``SourceError`` for a wrong folder or split.

    Adapters set ``name`` and write ``listing`` and ``load``. ``rules`` is raised whenever the same files would give
    other scenes, so that resumed work and ``verify`` notice.
    """

    name: ClassVar[str]
    splits: ClassVar[tuple[str, ...]] = ()
    rules: ClassVar[int] = 1

    def __init__(self, path: str | Path, split: str | None = None) -> None:
        self.root = Path(path)
        if not self.root.is_dir():
            raise SourceError(f"{self.name} expects {self.info.path}; found no folder at {path}")
        if split is not None and split not in self.splits:
            raise SourceError(f"{self.name} has the splits {', '.join(self.splits)}; found split={split}")
        self.split = split

    @property
    def info(self) -> SourceInfo:
        """The catalogue entry: licence, attribution."""
        return CATALOGUE[self.name]

    def listing(self) -> Listing:
        """Scenes and what is none, without reading pixels; in a fixed order. Called once."""
        raise NotImplementedError

    def load(self, scene_id: str) -> Scene:
        """One scene with lazy pixels; ``SceneError`` says what is missing or does not fit."""
        raise NotImplementedError

    def settings(self) -> Sequence[object]:
        """Options and contents of index files that decide what scenes are like; part of the fingerprint."""
        return ()

    @cached_property
    def listed(self) -> Listing:
        """``listing()``, made once; ``SourceError`` when there is nothing at all."""
        found = self.listing()
        if not found.scenes and not found.left_out:
            raise SourceError(f"{self.name}: nothing found in {self.root}; expected {self.info.path}")
        return found

    def ids(self) -> Sequence[str]:
        """Scene ids of the split asked for, or all."""
        return [name for name, split in self.listed.scenes.items() if self.split in (None, split)]

    def left_out(self) -> Sequence[LeftOut]:
        """What of the download is not among ``ids``, with reasons."""

        def of_other(name: str, split: str, count: int = 1) -> LeftOut:
            return LeftOut(name, OTHER_SPLIT, f"belongs to the split {split}", count, split)

        other = [of_other(n, split) for n, split in self.listed.scenes.items() if self.split not in (None, split)]
        left = [
            one if one.split is None or self.split in (None, one.split) else of_other(one.name, one.split, one.count)
            for one in self.listed.left_out
        ]
        return [*left, *other]

    def fingerprint(self) -> str:
        """sha256 over adapter, options, index files and the listing (not over every pixel file: there are millions)."""
        digest = hashlib.sha256(f"{self.name} {self.rules} {self.split}".encode())
        for setting in self.settings():
            digest.update(b"\n" + (setting if isinstance(setting, bytes) else str(setting).encode()))
        for name, split in self.listed.scenes.items():
            digest.update(f"\n{name} {split}".encode())
        return digest.hexdigest()

    def rel(self, path: Path) -> str:
        """A path as provenance and errors name it: relative to the folder of the source."""
        return path.relative_to(self.root).as_posix()
