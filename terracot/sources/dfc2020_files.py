"""The files of DFC2020: which patches lie in a folder, and what they lack."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from terracot.scenes import SourceError
from terracot.sources.published import LeftOut, Listing

SPLITS = ("validation", "test")
UNSTATED = "unstated"
"""Split of patches that are named after a season."""

Files = Mapping[str, Sequence[Path]]
"""s1, s2, dfc -> files of one patch (more than one where an archive was unpacked twice)."""

_KINDS = ("s1", "s2", "dfc")
_LACK = {"dfc": "missing_label", "s2": "missing_image"}
_FILE = re.compile(r"(?P<part>ROIs0000_[a-z]+)_(?P<kind>s1|s2|dfc)_(?P<place>[A-Za-z0-9]+)_p(?P<patch>\d+)\.tif")


def find_patches(root: Path, expected: str) -> tuple[Mapping[str, Files], list[LeftOut]]:
    """Patch -> files, by their names; and what is none. ``SourceError`` for a folder without any 10 m map.

    ``root`` holds the seasons or splits, or is one itself.
    """
    files: dict[str, dict[str, list[Path]]] = {}
    left_out: list[LeftOut] = []
    coarse, mapped = [], False
    for season in (root, *sorted(p for p in root.iterdir() if p.is_dir() and p.name.startswith("ROIs"))):
        folders = {p: p.name.partition("_")[0] for p in sorted(season.glob("*_*")) if p.is_dir()}
        if "dfc" not in folders.values():
            coarse += [season.name] if "lc" in folders.values() else []
            continue
        mapped = True
        for folder, kind in folders.items():
            if kind not in _KINDS:
                continue
            for name in sorted(entry.name for entry in os.scandir(folder)):
                match = _FILE.fullmatch(name)
                if match and match["kind"] == kind:
                    patch = f"{match['part']}_{match['place']}_p{match['patch']}"
                    files.setdefault(patch, {}).setdefault(kind, []).append(folder / name)
                elif name.endswith(".tif"):
                    where = (folder / name).relative_to(root).as_posix()
                    message = f"expected a name like ROIs0000_validation_{kind}_0_p0.tif"
                    left_out.append(LeftOut(where, "unexpected_name", message))
    if not mapped:
        raise SourceError(_no_maps(expected, root, coarse))
    why = "has no dfc maps; its lc maps are of 500 m, and nothing is measured on them"
    return files, [*left_out, *(LeftOut(name, "coarse_labels", why) for name in coarse)]


def list_patches(root: Path, files: Mapping[str, Files], left_out: Sequence[LeftOut]) -> Listing:
    """Patches with one Sentinel-2 image and one 10 m map are scenes; all else is left out with a reason."""
    scenes, out = {}, list(left_out)
    for patch, kinds in sorted(files.items(), key=lambda item: place_and_number(item[0])):
        part = patch.split("_")[1]
        split = part if part in SPLITS else UNSTATED
        lack = next((kind for kind in _LACK if kind not in kinds), None)
        twice = next((kind for kind, paths in kinds.items() if len(paths) > 1), None)
        if lack:
            message = f"there is no {lack} file of this patch, only {', '.join(sorted(kinds))}; fetch its archive again"
            out.append(LeftOut(patch, _LACK[lack], message, split=split))
        elif twice:
            folders = " and in ".join(path.parent.relative_to(root).as_posix() for path in kinds[twice])
            message = f"its {twice} file lies in {folders}; keep one"
            out.append(LeftOut(patch, "ambiguous_files", message, split=split))
        else:
            scenes[patch] = split
    return Listing(scenes, tuple(out))


def place_and_number(patch: str) -> tuple[str, int]:
    """``("ROIs0000_validation_0", 17)`` of ``ROIs0000_validation_0_p17``."""
    place, _, number = patch.rpartition("_p")
    return place, int(number)


def _no_maps(expected: str, root: Path, coarse: Sequence[str]) -> str:
    if coarse:
        return (
            f"dfc2020 expects {expected}, with dfc maps of 10 m; {', '.join(coarse)} has lc maps only (SEN12MS), which "
            "are land cover of 500 m brought to 10 m: neither areas nor distances can be measured on them"
        )
    found = ", ".join(sorted(p.name for p in root.iterdir())[:8]) or "nothing"
    return f"dfc2020 expects {expected}, each with s1_*, s2_* and dfc_* folders; found {found}"
