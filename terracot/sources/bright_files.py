"""The files of BRIGHT: which tiles lie in a folder, what they lack, and the split lists."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from terracot.scenes import SourceError
from terracot.sources.published import NOT_DOWNLOADED, LeftOut, Listing

UNSTATED = "unstated"
"""Split of every tile when no lists are given."""

NOT_REDISTRIBUTED = ("ukraine-conflict", "myanmar-hurricane", "mexico-hurricane")
"""Events whose optical images are Google Earth's; a user makes them with the recipe of the data set."""

KINDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "pre_disaster": ("missing_image", "optical image", ("pre-event", "pre-event_wo_ukraine_myanmar_mexico")),
    "post_disaster": ("missing_sar", "SAR image", ("post-event",)),
    "building_damage": ("missing_label", "damage map", ("target",)),
}
"""Last part of a file's name -> reason when there is none, what it is, names of its folder."""

_TILE = r"[A-Za-z0-9_-]+_\d{8}"  # event (bata-explosion, la_palma-volcano) and eight digits
_FILE = re.compile(rf"(?P<tile>{_TILE})_(?P<kind>{'|'.join(KINDS)})\.tif")
_LINE = re.compile(rf"(?P<tile>{_TILE})(_({'|'.join(KINDS)}))?(\.tif)?")
_SPLITS = {"train": "train", "val": "validation", "test": "test", "holdout": "holdout"}


def find_folders(root: Path, expected: str) -> Mapping[str, Path]:
    """The folder of each kind of file; ``SourceError`` says what is there instead."""
    return {kind: _folder(root, names, expected) for kind, (_, _, names) in KINDS.items()}


def _folder(root: Path, names: tuple[str, ...], expected: str) -> Path:
    for name in names:
        folder = root / name
        if (folder / name).is_dir():  # an archive unpacked into a folder of its own name
            return folder / name
        if folder.is_dir():
            return folder
    found = ", ".join(sorted(p.name for p in root.iterdir())[:8]) or "nothing"
    raise SourceError(
        f"bright expects {expected}; found no {names[0]} but {found}. Unpack pre-event.zip, post-event.zip and "
        "target.zip into one folder and give that folder"
    )


def list_tiles(root: Path, folders: Mapping[str, Path], lists: Mapping[str, str] | None) -> Listing:
    """Tiles with all three files (and, with ``lists``, a split) are scenes; all else is left out with a reason."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    left_out = []
    for kind, folder in folders.items():
        for name in sorted(entry.name for entry in os.scandir(folder)):
            match = _FILE.fullmatch(name)
            if match and match["kind"] == kind:
                found[kind].add(match["tile"])
            elif name.endswith(".tif"):
                where = (folder / name).relative_to(root).as_posix()
                left_out.append(
                    LeftOut(where, "unexpected_name", f"expected a name like bata-explosion_00000000_{kind}.tif")
                )
    tiles = set().union(*found.values())
    lacking = {tile: next((k for k in KINDS if tile not in found[k]), None) for tile in tiles}
    per_event = Counter((event_of(tile), kind) for tile, kind in lacking.items() if kind)
    seen = {event_of(tile) for tile in found["pre_disaster"]}
    scenes = {}
    for tile in sorted(tiles | set(lists or ())):
        lack, split = lacking.get(tile), (lists or {}).get(tile)
        if tile not in tiles:
            message = "named in the split lists, but there is no file of it; fetch the archives again"
            left_out.append(LeftOut(tile, "missing_image", message, split=split))
        elif lack:
            event = event_of(tile)
            whole = lack == "pre_disaster" and event in NOT_REDISTRIBUTED and event not in seen
            reason = NOT_DOWNLOADED if whole else KINDS[lack][0]
            left_out.append(LeftOut(tile, reason, _lack_text(tile, lack, per_event[event, lack]), split=split))
        elif lists is not None and tile not in lists:
            left_out.append(LeftOut(tile, "missing_index", "none of the split lists names this tile"))
        else:
            scenes[tile] = lists[tile] if lists is not None else UNSTATED
    return Listing(scenes, tuple(left_out))


def event_of(tile: str) -> str:
    """The event of a tile, as BRIGHT writes it: ``la_palma-volcano`` of ``la_palma-volcano_00000279``."""
    return tile.rpartition("_")[0]


def _lack_text(tile: str, kind: str, count: int) -> str:
    what, event = KINDS[kind][1], event_of(tile)
    if kind == "pre_disaster" and event in NOT_REDISTRIBUTED:
        return (
            f"the {what} of {event} is not redistributed ({count} tiles without it); to have it, make it from Google "
            "Earth by the recipe tutorial.md of the repository ChenHongruixuan/BRIGHT and put it beside the others"
        )
    return f"there is no {tile}_{kind}.tif ({what}; {count} such tiles of {event}); fetch its archive again"


def read_lists(folder: Path) -> Mapping[str, str]:
    """Tile -> split of all lists in ``folder``; ``SourceError`` when there is none, or a tile is in two splits.

    A list is a .txt file with train, val, test or holdout as a word of its name (train_set.txt, holdout_setlevel.txt);
    other files are not read. Lines name tiles, or one of their files.
    """
    if not folder.is_dir():
        raise SourceError(f"splits={folder.name}: expected a folder with lists such as train_set.txt, found none")
    splits: dict[str, str] = {}
    origin: dict[str, str] = {}
    read = []
    for path in sorted(folder.glob("*.txt")):
        words = [s for word, s in _SPLITS.items() if word in re.split(r"[^a-z]+", path.stem.lower())]
        if len(words) > 1:
            raise SourceError(f"splits: {path.name} is named after {' and '.join(words)}; expected one split a list")
        if not words:
            continue
        read.append(path.name)
        for tile in _tiles(path):
            if splits.setdefault(tile, words[0]) != words[0]:
                raise SourceError(
                    f"splits: tile {tile} is in {origin[tile]} ({splits[tile]}) and in {path.name} ({words[0]}); give "
                    "a folder with the lists of one way of splitting"
                )
            origin.setdefault(tile, path.name)
    if not splits:
        found = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
        raise SourceError(
            f"splits={folder.name}: expected lists of tiles such as train_set.txt, val_set.txt, test_set.txt; found "
            + (f"no tile in {', '.join(read)}" if read else found)
        )
    return splits


def _tiles(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"splits: {path.name} cannot be read as a text of tile names: {type(error).__name__}"
        ) from error
    tiles = []
    for number, line in enumerate(lines, 1):
        name = line.strip().replace("\\", "/").rpartition("/")[2]
        match = _LINE.fullmatch(name)
        if match:
            tiles.append(match["tile"])
        elif name:
            raise SourceError(
                f"splits: {path.name}, line {number}: expected the name of a tile such as bata-explosion_00000000, "
                f"found {line.strip()[:60]!r}"
            )
    return tiles
