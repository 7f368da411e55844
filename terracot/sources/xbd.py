"""xBD / xView2: buildings before and after disasters, from the polygons of the label files.

``targets`` are not needed: the polygons are the truth, and tier3 comes without them. Two dates per scene, on one grid.
The pixel size is fitted to the polygons (``xbd_ground``), never taken from ``gsd``, which is that of the sensor's
multispectral bands.

What is drawn where polygons overlap: in the order of the file, later over earlier, and un-classified buildings last, so
that what nobody could judge stays open. A building that only the other file of the pair has is open as well; it lies
below all others and counts nowhere. A building of which less than a pixel is in the frame, or a sliver that holds no
pixel's centre, is no building of the scene; provenance counts those. All others are listed, also one that others cover:
then the buildings cannot be told apart, and no question counts them.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from terracot.render import default_display
from terracot.scenes import (
    ClassMap,
    Frame,
    Instance,
    InstanceMap,
    LabelMap,
    Legend,
    Modality,
    Scene,
    SceneError,
    SourceError,
)
from terracot.sources.polygons import burn
from terracot.sources.published import LeftOut, Listing, PublishedSource
from terracot.sources.rasters import read_header, read_image
from terracot.sources.xbd_ground import Geotransforms, pixel_size
from terracot.sources.xbd_labels import CODES, PHASES, POST, PRE, UNCLASSIFIED, Building, Label, Phase, read_label

BANDS = ("R", "G", "B")

_PAIR = r"(?P<event>[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)_\d{8}"
_FILE = re.compile(rf"(?P<pair>{_PAIR})_(?P<phase>pre|post)_disaster\.(?P<kind>png|json)")
_FOLDERS = {"images": "png", "labels": "json"}


class XbdSource(PublishedSource):
    """``path`` holds train, tier3, test or hold; ``geotransforms`` is ``xview_geotransforms.json`` where it lies
    neither in that folder nor beside it. ``SourceError`` for a folder without any of the four.
    """

    name = "xbd"
    splits = ("train", "tier3", "test", "hold")

    def __init__(self, path: str | Path, split: str | None = None, geotransforms: str | None = None) -> None:
        super().__init__(path, split)
        if not any((self.root / name).is_dir() for name in self.splits):
            inside = sorted(p.name for p in self.root.iterdir())
            here = all(name in inside for name in _FOLDERS)
            advice = "; this is one of the four itself, give the folder above it" if here else ""
            found = ", ".join(inside[:8]) or "nothing"
            raise SourceError(f"{self.name} expects {self.info.path}; found {found} in {self.root}{advice}")
        self.geotransforms = Geotransforms.find(self.root, geotransforms)

    def settings(self) -> Sequence[object]:
        """The geotransforms, by content."""
        return (self.geotransforms.digest,)

    def listing(self) -> Listing:
        """Complete pairs of all splits; pairs that lack a file, and files named otherwise, are left out."""
        scenes: dict[str, str] = {}
        left_out: list[LeftOut] = []
        for split in self.splits:
            pairs: dict[str, set[tuple[str, str]]] = defaultdict(set)
            for folder, kind in _FOLDERS.items():
                for name in _names(self.root / split / folder):
                    hit = _FILE.fullmatch(name)
                    if hit and hit["kind"] == kind:
                        pairs[hit["pair"]].add((hit["phase"], folder))
                    else:
                        left_out.append(LeftOut(f"{split}/{folder}/{name}", "unexpected_name", _GRAMMAR, split=split))
            for pair, present in sorted(pairs.items()):
                lacking = [(p, f) for f in _FOLDERS for p in PHASES if (p, f) not in present]
                if lacking:
                    left_out.append(_lacking(f"{split}/{pair}", lacking))
                else:
                    scenes[f"{split}/{pair}"] = split
        return Listing(scenes, tuple(left_out))

    def load(self, scene_id: str) -> Scene:
        """One pair. Reads its label files and the headers of its images."""
        split, _, pair = scene_id.partition("/")
        name = re.fullmatch(_PAIR, pair)
        if split not in self.splits or name is None:
            raise SceneError("missing_image", f"scene {scene_id}: expected an id such as train/palu-tsunami_00000000")
        paths = {
            (p, f): self.root / split / f / f"{pair}_{p}_disaster.{k}" for f, k in _FOLDERS.items() for p in PHASES
        }
        lacking = [key for key, path in paths.items() if not path.is_file()]
        if lacking:
            missing = _lacking(scene_id, lacking)
            raise SceneError(missing.reason, f"scene {scene_id}: {missing.message}")
        images = {p: paths[p, "images"] for p in PHASES}
        shapes = {p: _image_shape(images[p], self.rel(images[p])) for p in PHASES}
        labels = {p: read_label(paths[p, "labels"], self.rel(paths[p, "labels"]), p, shapes[p]) for p in PHASES}
        if shapes["pre"] != shapes["post"]:
            raise SceneError("mismatched_shapes", f"scene {scene_id}: images of {shapes['pre']} and {shapes['post']}")
        times = _times(scene_id, labels)
        size = pixel_size(labels, {p: images[p].name for p in PHASES}, self.geotransforms, shapes["pre"])
        return Scene(
            id=scene_id,
            source=self.name,
            group=f"event/{name['event']}",
            license=self.info.license,
            attribution=self.info.attribution,
            split=split,
            frames=tuple(self._frame(scene_id, p, images[p], shapes[p], times[p]) for p in PHASES),
            labels=(
                LabelMap(1, PRE, shapes["pre"], partial(_classes, labels["pre"], labels["post"], PRE)),
                LabelMap(2, POST, shapes["post"], partial(_classes, labels["post"], labels["pre"], POST)),
            ),
            instances=tuple(_instances(t, labels[p]) for t, p in enumerate(PHASES, 1)),
            ground=size.ground,
            crs=size.crs,
            transform=size.transform,
            provenance={
                "event": name["event"],
                "files": {p: [self.rel(paths[p, f]) for f in _FOLDERS] for p in PHASES},
                "dates": {p: times[p] for p in PHASES},
                "label_codes": {"pre": "1 any building", "post": dict(CODES), "ignored": UNCLASSIFIED},
                "buildings": {p: labels[p].counts() for p in PHASES},
                "without_partner": {p: len(_without_partner(labels[p], labels[q])) for p, q in (PHASES, PHASES[::-1])},
                "image_metadata": {p: labels[p].stated() for p in PHASES},
                "static_labels": False,
                "crs": size.crs,
                "transform": list(size.transform) if size.transform else None,
                "pixel_size": size.how,
            },
        )

    def _frame(self, scene_id: str, phase: Phase, image: Path, shape: tuple[int, int], time: str | None) -> Frame:
        return Frame(
            id=f"{scene_id}/{phase}",
            t=PHASES.index(phase) + 1,
            modality=Modality.OPTICAL,
            bands=BANDS,
            shape=shape,
            read=partial(read_image, image, self.rel(image), len(BANDS)),
            unit="digital number",
            display=default_display(Modality.OPTICAL, BANDS, "digital number"),
            time=time,
        )


_GRAMMAR = (
    "no file of this name is known here; expected <event>_<8 digits>_<pre or post>_disaster.png in images, .json in "
    "labels"
)


def _names(folder: Path) -> list[str]:
    """Names in a folder, sorted, without hidden ones (those that macOS leaves beside every file); none if absent."""
    if not folder.is_dir():
        return []
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208 - names alone


def _lacking(name: str, lacking: Sequence[tuple[str, str]]) -> LeftOut:
    files = ", ".join(f"{folder}/..._{phase}_disaster.{_FOLDERS[folder]}" for phase, folder in lacking)
    reason = "missing_image" if any(folder == "images" for _, folder in lacking) else "missing_label"
    message = f"a pair needs two images and two label files; {files} is not there; unpack it again"
    return LeftOut(name, reason, message, split=name.partition("/")[0])


def _image_shape(path: Path, where: str) -> tuple[int, int]:
    """``(H, W)`` from the header; ``SceneError`` when the file is empty or no 8-bit picture of three bands."""
    if path.stat().st_size == 0:
        raise SceneError("empty_file", f"{where}: the file has no bytes; fetch it again")
    header = read_header(path, where)
    if (header.count, header.dtype) != (3, "uint8"):
        found = f"{header.count} of {header.dtype}"
        raise SceneError("band_count", f"{where}: expected 3 bands of uint8, found {found}; fetch it again")
    return header.shape


def _times(scene_id: str, labels: Mapping[Phase, Label]) -> dict[Phase, str | None]:
    """Capture dates as the label files state them; ``SceneError`` when one is none, or the second before the first."""
    times: dict[Phase, str | None] = {p: labels[p].metadata.get("capture_date") for p in PHASES}
    try:
        read = {p: dt.datetime.fromisoformat(time) for p, time in times.items() if time is not None}
        if len(read) == len(PHASES) and read["post"] < read["pre"]:
            raise SceneError("bad_dates", f"scene {scene_id}: post is dated {times['post']}, before pre {times['pre']}")
    except (TypeError, ValueError) as error:
        if isinstance(error, SceneError):
            raise
        raise SceneError(
            "bad_dates", f"scene {scene_id}: capture dates {list(times.values())!r:.80} are none"
        ) from error
    return times


def _order(label: Label) -> list[int]:
    """Positions of the buildings in the order of drawing: that of the file, un-classified ones last."""
    return sorted(range(len(label.buildings)), key=lambda i: label.buildings[i].subtype == UNCLASSIFIED)


def _classes(label: Label, other: Label, legend: Legend) -> ClassMap:
    codes = [CODES[b.subtype] if b.subtype is not None else 1 for b in label.buildings]
    drawn = [(b.part, CODES[UNCLASSIFIED]) for b in _without_partner(other, label)]
    drawn += [(label.buildings[i].part, codes[i]) for i in _order(label)]
    return legend.encode(burn(drawn, label.shape, "uint8"), label.where)


def _numbers(label: Label) -> npt.NDArray[np.int32]:
    return burn([(label.buildings[i].part, i + 1) for i in _order(label)], label.shape, "int32")


def _without_partner(label: Label, other: Label) -> list[Building]:
    """Buildings whose uid the other file of the pair does not have."""
    known = {b.uid for b in other.buildings}
    return [b for b in label.buildings if b.uid not in known]


def _instances(t: int, label: Label) -> InstanceMap:
    judged = [None if b.subtype == UNCLASSIFIED else b.subtype for b in label.buildings]
    listed = zip(label.buildings, judged, strict=True)
    return InstanceMap(
        t,
        tuple(Instance(n, b.uid, damage) for n, (b, damage) in enumerate(listed, 1)),
        label.shape,
        partial(_numbers, label),
    )
