"""BigEarthNet v2.0 (reBEN) as it unpacks: Sentinel-2, Sentinel-1, reference maps, metadata.

    BigEarthNet-S2/<tile>/<patch>/<patch>_B02.tif             twelve bands of 120, 60 or 20 pixels a side
    BigEarthNet-S1/<scene>/<s1 name>/<s1 name>_VV.tif         and _VH.tif, in dB
    Reference_Maps/<tile>/<patch>/<patch>_reference_map.tif   CORINE level-3 codes
    metadata.parquet, metadata_for_patches_with_snow_cloud_or_shadow.parquet

Sensors are joined by the metadata alone: Sentinel-1 names do not pad their numbers, and the times in names of the first
version differ by a second or lose a zero.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from terracot.scenes import Legend, Scene, SourceError
from terracot.sources import corine
from terracot.sources.bigearthnet_index import CLEAN, FLAGGED, Index
from terracot.sources.bigearthnet_patch import Folders, open_patch, tile_of
from terracot.sources.published import NOT_DOWNLOADED, LeftOut, Listing, PublishedSource

S2, S1, MAPS = "BigEarthNet-S2", "BigEarthNet-S1", "Reference_Maps"


class BigEarthNetSource(PublishedSource):
    """Patches of Sentinel-2 with their CORINE map and, where it lies beside them, Sentinel-1.

    ``flagged="yes"`` also gives patches with seasonal snow, cloud or shadow; ``sar="no"`` leaves Sentinel-1 out;
    ``legend="common"`` answers in the coarse classes that sources share. Each part of the download may also lie one
    folder deeper.
    """

    name: ClassVar[str] = "bigearthnet"
    splits: ClassVar[tuple[str, ...]] = ("train", "validation", "test")

    def __init__(
        self, path: str | Path, split: str | None = None, flagged: str = "no", sar: str = "yes", legend: str = ""
    ) -> None:
        super().__init__(path, split)
        self.with_flagged, with_sar = _yes("flagged", flagged), _yes("sar", sar)
        if legend not in ("", "common"):
            raise SourceError(f"bigearthnet: legend is `common`, or left out for its 19 classes; found {legend!r}")
        self.legend: Legend = corine.COMMON if legend else corine.BEN19
        s2, maps, clean, flags, s1 = (self._find(part) for part in (S2, MAPS, CLEAN, FLAGGED, S1))
        if s2 is None or maps is None or clean is None or (self.with_flagged and flags is None):
            found = sorted(entry.name for entry in self.root.iterdir())
            more = " ..." if len(found) > 8 else ""
            needed = {S2: s2, MAPS: maps, CLEAN: clean} | ({FLAGGED: flags} if self.with_flagged else {})
            raise SourceError(
                f"bigearthnet expects {self.info.path}; no {', '.join(p for p, where in needed.items() if not where)} "
                f"in {path}, which holds {', '.join(found[:8]) or 'nothing'}{more}. Unpack the archives side by side "
                "and give the folder that holds them"
            )
        self._index_files = (clean, flags)
        no_s1 = f"there is no folder {S1}" if with_sar else "left out by the option sar=no"
        self.folders = Folders(self.root, s2, maps, s1 if with_sar else None, no_s1)

    def _find(self, part: str) -> Path | None:
        """A folder or file of the download, in the root or in a folder of it."""
        for base in (self.root, *(self.root / name for name in _folders(self.root))):
            found = base / part
            if found.exists():
                while (found / part).is_dir():  # unpacked into a folder of the archive's name
                    found = found / part
                return found
        return None

    @cached_property
    def index(self) -> Index:
        """The rows of the metadata."""
        return Index(*self._index_files)

    def settings(self) -> Sequence[object]:
        """Options, and what the metadata say."""
        files = [hashlib.sha256(p.read_bytes()).hexdigest() for p in self._index_files if p is not None]
        return (self.with_flagged, self.folders.no_s1 if self.folders.s1 is None else S1, self.legend, *files)

    def listing(self) -> Listing:
        """Patches on disk that have a row; absent ones are summed up by tile, since there may be half a million."""
        scenes: dict[str, str] = {}
        left_out: list[LeftOut] = []
        on_disk: set[str] = set()
        for tile in _folders(self.folders.s2):
            for patch in _folders(self.folders.s2 / tile):
                on_disk.add(patch)
                if problem := self._problem(tile, patch):
                    left_out.append(problem)
                else:
                    scenes[patch] = self.index.split(patch)
        return Listing(scenes, (*left_out, *self._absent(on_disk)))

    def _problem(self, tile: str, patch: str) -> LeftOut | None:
        """Why a folder on disk is no scene; None when it is one."""
        if tile_of(patch) != tile:
            return LeftOut(patch, "misplaced", f"lies in {S2}/{tile}, expected in {S2}/{tile_of(patch)}")
        if patch not in self.index:
            files = f"{CLEAN} and {FLAGGED}" if self._index_files[1] else f"{CLEAN} ({FLAGGED} is not here)"
            return LeftOut(patch, "missing_metadata", f"on disk, but without a row in {files}")
        if self.index.contradicted(patch):
            return LeftOut(patch, "bad_record", "two rows of the metadata disagree; fetch both files again")
        if self.index.flagged(patch) and not self.with_flagged:
            return LeftOut(patch, "flagged", "seasonal snow, cloud or shadow; the option flagged=yes brings it back")
        if self.index.split(patch) not in self.splits:
            expected = ", ".join(self.splits)
            return LeftOut(patch, "bad_record", f"expected a split of {expected}; found {self.index.split(patch)}")
        return None

    def _absent(self, on_disk: set[str]) -> Iterator[LeftOut]:
        wanted = [p for p in self.index if self.with_flagged or not self.index.flagged(p)]
        listed = Counter(map(tile_of, wanted))
        for tile, count in sorted(Counter(tile_of(p) for p in wanted if p not in on_disk).items()):
            message = f"{count:,} of its {listed[tile]:,} patches in the metadata are not below {S2}"
            yield LeftOut(tile, NOT_DOWNLOADED, message, count)
        if self.index.without_id:
            message = f"{self.index.without_id} rows of the metadata name no patch"
            yield LeftOut(CLEAN, "bad_record", message, self.index.without_id)

    def load(self, scene_id: str) -> Scene:
        """One patch with lazy pixels; ``SceneError`` says what is missing or does not fit."""
        return open_patch(scene_id, self.index.row(scene_id), self.folders, self.legend, self.info)


def _yes(option: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise SourceError(f"bigearthnet: {option} is yes or no; found {value!r}")
    return value == "yes"


def _folders(path: Path) -> list[str]:
    """Names of the folders in a folder, sorted; without a call per entry."""
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())
