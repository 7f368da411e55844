"""Sentinel-1 pictures for ChatEarthNet: not in the download, but of the same names where somebody has them.

They are stretched to 8 bits, not dB, so nothing may be asked or computed of them in dB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path

from terracot.scenes import Display, Frame, Modality, SceneError, SourceError
from terracot.sources.chatearthnet_index import Pictures, find_pictures
from terracot.sources.chatearthnet_pictures import SHAPE, read_pictures

Files = Mapping[str, tuple[Path, str]]
"""Polarisation -> file, and how it is called in provenance and errors."""


class Sentinel1:
    """A folder with ``vv`` and ``vh``, each with grey pictures named as those of Sentinel-2."""

    def __init__(self, path: str) -> None:
        self.folder = Path(path)
        if not all((self.folder / p).is_dir() for p in ("vv", "vh")):
            raise SourceError(
                f"chatearthnet: -o s1={self.folder.name}: expected a folder with vv and vh, each with pictures named "
                "as those of Sentinel-2; found no such folders. Leave the option out for scenes without SAR"
            )

    @cached_property
    def pictures(self) -> dict[str, Pictures]:
        """Pictures by polarisation."""
        return {p: find_pictures(self.folder / p) for p in ("vv", "vh")}

    def digest(self) -> str:
        """Hash of the names of all pictures."""
        names = "\n".join(f"{p} {name}" for p, found in self.pictures.items() for name in sorted(found.folders))
        return hashlib.sha256(names.encode()).hexdigest()

    def files(self, name: str) -> Files:
        """Files of a place, empty where it has none; ``SceneError`` "missing_sar" where one of the two is missing."""
        found = {p: path for p, pictures in self.pictures.items() if (path := pictures.file(name))}
        if len(found) == 1:
            raise SceneError(
                "missing_sar",
                f"scene {name}: -o s1 has {name}.png in {next(iter(found))} only; fetch the other polarisation, or "
                "leave the option out",
            )
        if any(name in pictures.repeated for pictures in self.pictures.values()):
            raise SceneError("ambiguous_files", f"scene {name}: -o s1 has {name}.png twice; remove all but one")
        return {p: (path, path.relative_to(self.folder).as_posix()) for p, path in found.items()}


def sar_frame(name: str, files: Files) -> Frame:
    """The frame of a place that has both polarisations; shown as VV, VH, VV, from 0 to 255."""
    read = partial(read_pictures, tuple((path, f"{where} of -o s1", 1) for path, where in files.values()))
    display = Display(("VV", "VH", "VV"), (0.0,) * 3, (255.0,) * 3)
    return Frame(f"{name}/S1", 1, Modality.SAR, ("VV", "VH"), SHAPE, read, "digital number", display)
