"""Where a referring set lies in a folder, and which of the three it is.

Trees known: RRSIS-D as its owners pack it (``images/rrsisd/JPEGImages`` beside ``rrsisd``), the repack for EarthMind
(``images`` beside the two index files, in the folder of the set or one above), RefSegRS (``images``, ``masks``, three
phrase files) and RISBench as its users' code reads it (``img_rgb``, ``mask``, three phrase files).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from terracot.scenes import SceneError, SourceError

SETS = ("rrsisd", "refsegrs", "risbench")
PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
REFSEGRS_PAIRS = 4_420

_PHRASES: Mapping[str, str] = {"train": "train", "val": "validation", "test": "test"}
_REFS = ("refs(unc).json", "refs(unc).p")  # what somebody converted goes first
_INSTANCES = ("instances.json", "instances_new.json")
_EXPECTED = (
    "RRSIS-D (images/rrsisd/JPEGImages, rrsisd/instances.json, rrsisd/refs(unc).p), RefSegRS (images, masks, "
    "output_phrase_train.txt, _val, _test), RISBench (img_rgb, mask and the same phrase files), or a repack (images, "
    "instances.json or instances_new.json, refs(unc).p)"
)


@dataclass(frozen=True)
class Layout:
    """The folders and files of a set. ``masks`` and ``splits`` (one per index file) where it has phrase files."""

    set: str
    images: Path
    index: tuple[Path, ...]
    masks: Path | None = None
    splits: tuple[str, ...] = ()


class Files:
    """The pictures of one folder, by full name and by name without ending."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.names = folder, set(pictures_in(folder))
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            self.by_stem[name.rpartition(".")[0]].append(name)

    def named(self, name: str, reason: str) -> str:
        """The file of this name, or the only one of this name with an ending; else ``SceneError`` with ``reason``."""
        if name in self.names:
            return name
        found = self.by_stem.get(name, [])
        if len(found) != 1:
            what = f"{len(found)} files" if found else "no file"
            raise SceneError(reason, f"the folder {self.folder.name} has {what} named {name}, which the index asks for")
        return found[0]


def pictures_in(folder: Path) -> list[str]:
    """Names of the pictures in a folder, sorted."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.name.lower().endswith(PICTURES) and e.is_file())


def find_layout(root: Path, wanted: str | None = None) -> Layout:
    """The set in a folder; ``SourceError`` when there is none, or none is ``wanted`` and nothing tells which it is."""
    if wanted is not None and wanted not in SETS:
        raise SourceError(f"refer reads set=rrsisd, set=refsegrs or set=risbench; found set={wanted}")
    phrases = {split: root / f"output_phrase_{name}.txt" for name, split in _PHRASES.items()}
    phrases = {split: path for split, path in phrases.items() if path.is_file()}
    if phrases:
        return _phrase_layout(root, phrases, wanted)
    folders = [root, *(root / name for name in SETS)]
    found = [layout for folder in folders if (layout := _refer_layout(root, folder, wanted)) is not None]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(layout.index[0].parent.name for layout in found)
        raise SourceError(f"several sets lie in {root}: {names}; give the folder of one of them, or set=...")
    raise SourceError(f"refer expects the folder of one set: {_EXPECTED}; found {_content(root)} in {root}")


def _phrase_layout(root: Path, phrases: Mapping[str, Path], wanted: str | None) -> Layout:
    pairs = [(root / "images", root / "masks"), (root / "img_rgb", root / "mask")]
    found = [pair for pair in pairs if all(folder.is_dir() for folder in pair)]
    if len(found) != 1:
        raise SourceError(
            f"phrase files lie in {root}, but not one pair of folders with them: expected images and masks (RefSegRS), "
            f"or img_rgb and mask (RISBench); found {_content(root)}"
        )
    images, masks = found[0]
    told = "risbench" if images.name == "img_rgb" else "refsegrs"
    if wanted is None and told == "refsegrs":
        lines = sum(path.read_bytes().count(b"\n") for path in phrases.values())
        if lines > REFSEGRS_PAIRS or "risbench" in _plain(root.name):
            raise SourceError(
                f"{root} is laid out as RefSegRS, but has {lines} phrases (RefSegRS has {REFSEGRS_PAIRS}) or another "
                "name; say which set it is: set=refsegrs or set=risbench"
            )
    return Layout(wanted or told, images, tuple(phrases.values()), masks, tuple(phrases))


def _refer_layout(root: Path, folder: Path, wanted: str | None) -> Layout | None:
    """The set whose two index files lie in ``folder``, if they do."""
    refs = next((folder / name for name in _REFS if (folder / name).is_file()), None)
    instances = next((folder / name for name in _INSTANCES if (folder / name).is_file()), None)
    if refs is None or instances is None or (folder != root and wanted not in (None, folder.name)):
        return None
    told = _told(root, folder, instances)
    if wanted is None and told is None:
        raise SourceError(
            f"{root} has a refer index, but nothing says of which set; give set=rrsisd, set=refsegrs or set=risbench "
            "(VRSBench, NWPU-Refer and others are not read)"
        )
    name = wanted or told or ""
    candidates = [root / "images" / name / "JPEGImages", folder / "images", root / "images", root / "JPEGImages"]
    images = next((c for c in candidates if c.is_dir()), None)
    if images is None:
        expected = ", ".join(c.relative_to(root).as_posix() for c in candidates)
        raise SourceError(f"{root} has the index of {name}, but no images; expected them in one of {expected}")
    return Layout(name, images, (instances, refs))


def _told(root: Path, folder: Path, instances: Path) -> str | None:
    """The set that names of files and folders tell, or None."""
    if folder != root:
        return folder.name
    named = [name for name in SETS if name in _plain(root.name) or (root / "images" / name).is_dir()]
    if not named and instances.name == "instances_new.json":
        return "rrsisd"  # the only one of the repacks whose instances were made anew
    return named[0] if len(named) == 1 else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _content(root: Path) -> str:
    names = sorted(path.name for path in root.iterdir())
    return (", ".join(names[:8]) + (" ..." if len(names) > 8 else "")) or "nothing"
