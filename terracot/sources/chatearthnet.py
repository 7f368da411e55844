"""ChatEarthNet: Sentinel-2 pictures with captions, as downloaded; land cover from SatlasPretrain or WorldCover.

Three PNG files make one scene of nine bands: RGB is the 8-bit true-colour product of level 1C, the others are
``clip(DN / 32)``. Where a picture lies follows from its name alone: a quadrant of a Web-Mercator tile. Nothing is ever
flipped: captions and questions speak of directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt

from terracot.ground import GroundSampling
from terracot.render import default_display
from terracot.scenes import Frame, LabelMap, Modality, Scene, SceneError, SourceError
from terracot.sources.chatearthnet_index import Index, Pictures, find_pictures, parse_name, read_index
from terracot.sources.chatearthnet_labels import limits_of, open_labels, read_classes
from terracot.sources.chatearthnet_pictures import SHAPE, read_picture, read_pictures
from terracot.sources.chatearthnet_s1 import Sentinel1, sar_frame
from terracot.sources.published import NOT_DOWNLOADED, LeftOut, Listing, PublishedSource
from terracot.sources.webmercator import CRS, Corner, Reading, corner_of, read_digits, transform_of

RGB, CAPTIONS = "s2_rgb_images", "json_files"
DEEP = {"s2_band_5_6_7_images": ("B05", "B06", "B07"), "s2_band_8_11_12_images": ("B08", "B11", "B12")}
_WORDS = {(0, 0): "north-west", (0, 1): "north-east", (1, 0): "south-west", (1, 1): "south-east"}
_TOA = "top-of-atmosphere reflectance = value * 32 / 10000 (saturates at 0.816)"


class ChatEarthNetSource(PublishedSource):
    """The folder of the unpacked download, with exactly one of ``satlas`` and ``worldcover``, and ``s1`` if wanted.

    The three picture folders, or only that of the RGB pictures: then frames are optical with bands R, G, B.
    """

    name: ClassVar[str] = "chatearthnet"
    splits: ClassVar[tuple[str, ...]] = ("train", "validation", "test")

    def __init__(
        self,
        path: str | Path,
        split: str | None = None,
        satlas: str | None = None,
        worldcover: str | None = None,
        s1: str | None = None,
    ) -> None:
        super().__init__(path, split)
        self.labels = open_labels(satlas, worldcover)
        self.parts = self._find_parts()
        self.s1 = None if s1 is None else Sentinel1(s1)
        self._readings: dict[tuple[int, int], Reading] = {}

    def _find_parts(self) -> dict[str, tuple[str, ...]]:
        present = [name for name in (RGB, *DEEP, CAPTIONS) if (self.root / name).is_dir()]
        deep = [name for name in DEEP if name in present]
        missing = [name for name in (RGB, CAPTIONS) if name not in present]
        if missing or len(deep) == 1:
            missing += [name for name in DEEP if len(deep) == 1 and name not in deep]
            inside = sorted(p.name for p in self.root.iterdir())[:8]
            raise SourceError(
                f"chatearthnet expects {self.info.path} (both band folders or neither); in {self.root.name} there is "
                f"no {', no '.join(missing)}, but {', '.join(inside) or 'nothing'}. Unpack each archive to a folder of "
                f"its name; {self.info.home} has them"
            )
        return {RGB: ("B04", "B03", "B02"), **DEEP} if deep else {RGB: ("R", "G", "B")}

    @cached_property
    def pictures(self) -> dict[str, Pictures]:
        """Pictures of each part of the download."""
        return {part: find_pictures(self.root / part) for part in self.parts}

    @cached_property
    def index(self) -> Index:
        """Splits and captions."""
        return read_index(self.root / CAPTIONS)

    def settings(self) -> Sequence[object]:
        """Kind of labels, bands, Sentinel-1 pictures and the content of the caption files."""
        return (self.labels.key, *self.parts, self.s1.digest() if self.s1 else "no S1", self.index.sha256)

    def listing(self) -> Listing:
        """Pictures that lie on disk complete and are listed in the caption files of one split."""
        left_out = [*self.index.left_out, *(entry for p in self.pictures.values() for entry in p.left_out)]
        scenes: dict[str, str] = {}
        for name in sorted({*self.index.splits, *(n for p in self.pictures.values() for n in p.folders)}):
            problem, splits = self._problem(name), self.index.splits.get(name, ())
            if problem:
                left_out.append(LeftOut(name, *problem, split=splits[0] if len(splits) == 1 else None))
            else:
                scenes[name] = splits[0]
        return Listing(scenes, tuple(left_out))

    def _problem(self, name: str) -> tuple[str, str] | None:
        missing = [part for part, found in self.pictures.items() if name not in found.folders]
        if len(missing) == len(self.parts):
            return NOT_DOWNLOADED, f"listed in the caption files, but no {name}.png in {' or '.join(missing)}"
        if missing:
            there = "other bands are there"
            return "missing_image", f"no {name}.png in {' and '.join(missing)} ({there}); unpack the archives again"
        if twice := [part for part, found in self.pictures.items() if name in found.repeated]:
            return "ambiguous_files", f"{name}.png lies twice below {' and '.join(twice)}; remove all but one"
        splits = self.index.splits.get(name, ())
        if not splits:
            return "missing_metadata", f"no caption file in {CAPTIONS} lists it, so its split is unknown"
        if len(splits) > 1:
            return "split_conflict", f"the caption files list it under {' and '.join(splits)}; used, it could leak"
        return None

    def load(self, scene_id: str) -> Scene:
        """A quadrant of a tile: 9-band (or RGB) frame, Sentinel-1 frame where it is, land cover, captions."""
        if scene_id not in self.listed.scenes:
            left = next((entry for entry in self.listed.left_out if entry.name == scene_id), None)
            reason, message = (left.reason, left.message) if left else ("missing_image", "not in this download")
            raise SceneError(reason, f"scene {scene_id}: {message}")
        parsed = parse_name(scene_id)
        assert parsed is not None  # listed names are of that kind
        col, row, digits = parsed
        label_file = self.labels.where(col, row)
        corner, found = self._quadrant(scene_id)
        transform = transform_of(col, row, corner)
        sar = self.s1.files(scene_id) if self.s1 else {}
        frames = [self._optical(scene_id), *([sar_frame(scene_id, sar)] if sar else [])]
        read = partial(read_classes, self.labels, col, row, corner, label_file)
        label = LabelMap(1, self.labels.legend, SHAPE, read, limits_of(self.labels, col, row))
        files = {part: self.rel(self._file(part, scene_id)) for part in self.parts}
        files |= {f"s1_{polarisation}": where for polarisation, (_, where) in sar.items()}
        return Scene(
            id=scene_id,
            source=self.name,
            group=f"tile/{col}_{row}",
            license=self.labels.license,
            attribution=". ".join(filter(None, (self.info.attribution, self.labels.attribution))),
            split=self.listed.scenes[scene_id],
            frames=tuple(frames),
            labels=(label,),
            ground=GroundSampling.from_georeference(CRS, transform, SHAPE),
            crs=CRS,
            transform=transform,
            provenance={
                "files": files,
                "labels": {"set": self.labels.key, "file": label_file, "legend": self.labels.legend.name},
                "static_labels": False,
                "tile": {"zoom": 13, "column": col, "row": row, "digits": digits, **found},
                "crs": CRS,
                "transform": list(transform),
                "ground": "Web-Mercator pixel of 9.5546 m scaled by latitude, from the tile's row",
                "radiometry": {"RGB": "8-bit true colour of level 1C"}
                | ({", ".join(bands): _TOA for bands in DEEP.values()} if len(self.parts) > 1 else {}),
                "dates": None,
                "captions": {writer: list(texts) for writer, texts in self.index.captions[scene_id].items()},
            },
        )

    def _file(self, part: str, name: str) -> Path:
        return self.pictures[part].folders[name] / f"{name}.png"

    def _optical(self, name: str) -> Frame:
        files = tuple((self._file(p, name), self.rel(self._file(p, name)), len(b)) for p, b in self.parts.items())
        bands = tuple(band for part in self.parts.values() for band in part)
        modality = Modality.MULTISPECTRAL if len(self.parts) > 1 else Modality.OPTICAL
        unit = "digital number"
        display = default_display(modality, bands, unit)
        return Frame(f"{name}/S2", 1, modality, bands, SHAPE, partial(read_pictures, files), unit, display)

    def _quadrant(self, name: str) -> tuple[Corner, dict[str, Any]]:
        """Quadrant of a scene, and how it was found; ``SceneError`` "quadrant_undecided"."""
        parsed = parse_name(name)
        assert parsed is not None
        col, row, digits = parsed
        if digits in ("00", "11"):
            corner = corner_of(digits, "row, column")
            return corner, {"quadrant": _WORDS[corner], "digit_order": "either", "statistic": None}
        self._rgb(name)  # a stand-in or broken picture is that, and not undecided
        if (col, row) not in self._readings:
            pictures = {}
            for other in ("00", "01", "10", "11"):
                try:
                    pictures[other] = self._rgb(f"{col}_{row}_patch{other}")
                except SceneError:
                    continue  # says nothing of where the others lie
            self._readings[col, row] = read_digits(pictures, self.labels.codes(col, row))
        reading = self._readings[col, row]
        if reading.order is None:
            raise SceneError(
                "quadrant_undecided",
                f"scene {name}: nobody published whether {digits} counts rows or columns first, and the tile does not "
                f"say: edges agree with either to {reading.statistic:.1f} standard deviations ({reading.comparisons} "
                "comparisons), at least 4 are needed. Nothing to do: its place is unknown; 00 and 11 of the tile stay",
            )
        corner = corner_of(digits, reading.order)
        statistic = round(reading.statistic, 2)
        return corner, {"quadrant": _WORDS[corner], "digit_order": reading.order, "statistic": statistic}

    def _rgb(self, name: str) -> npt.NDArray[Any]:
        path = self.pictures[RGB].file(name)
        if path is None:
            raise SceneError("missing_image", f"no {name}.png in {RGB}")
        return read_picture(path, self.rel(path), 3)
