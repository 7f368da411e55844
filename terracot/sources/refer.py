"""Referring segmentation: a phrase and the region it names. RRSIS-D, RefSegRS, RISBench, told by their files.

A scene is one image in one split, with one ``Stated`` of task "refer" per phrase and no label map. Its id carries the
split, as an image may have phrases in several; such an image is listed once per split and its provenance says so
(``also_in``), while its group stays one. None of the sets says how large a pixel is, so ground sampling is unknown.

A pair whose region cannot be read or is empty is dropped and named in the provenance (``left_out``); the image keeps
its other pairs and is refused only when none is left.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar

from terracot.ground import GroundSampling
from terracot.render import default_display
from terracot.scenes import Frame, Modality, Scene, SceneError, Stated
from terracot.sources.published import LeftOut, Listing, PublishedSource
from terracot.sources.rasters import read_header, read_image
from terracot.sources.refer_index import Index, Picture, phrase_index, read_json, read_refs, refer_index
from terracot.sources.refer_layout import PICTURES, Files, Layout, find_layout, pictures_in
from terracot.sources.refer_regions import burn, read_mask

BANDS = ("R", "G", "B")


@dataclass(frozen=True)
class _Terms:
    title: str
    license: str
    attribution: str


@dataclass(frozen=True)
class _Entry:
    """A picture of the index and the files that belong to it, or what is wrong with them."""

    picture: Picture
    image: str = ""
    mask: str = ""
    problem: SceneError | None = None


_TERMS: Mapping[str, _Terms] = {
    "rrsisd": _Terms("RRSIS-D", "LicenseRef-unstated-RRSIS-D", "RRSIS-D, S. Liu et al., CVPR 2024; DIOR images"),
    "refsegrs": _Terms(
        "RefSegRS", "CC-BY-4.0", "RefSegRS, Z. Yuan, L. Mou, Y. Hua, X. X. Zhu, IEEE TGRS 2024; SkyScapes images"
    ),
    "risbench": _Terms(
        "RISBench", "LicenseRef-unstated-RISBench", "RISBench, Z. Dong et al., 2024; terms and images of VRSBench"
    ),
}


class ReferSource(PublishedSource):
    """One referring set. ``set`` ("rrsisd", "refsegrs", "risbench") where the files do not tell which it is."""

    name = "refer"
    splits = ("train", "validation", "test")
    rules: ClassVar[int] = 1

    def __init__(self, path: str | Path, split: str | None = None, set: str | None = None) -> None:
        super().__init__(path, split)
        self.layout: Layout = find_layout(self.root, set)

    def settings(self) -> Sequence[object]:
        """The set, and what its index files hold."""
        return [self.layout.set, *self._parsed[1]]

    def listing(self) -> Listing:
        """Every image that lies there and has a pair, by split; what has no image, mask or pair is left out."""
        scenes: dict[str, str] = {}
        left_out = list(self._index.left_out)
        for scene_id, entry in self._entries.items():
            if entry.problem is None:
                scenes[scene_id] = entry.picture.split
            else:
                lost = f"{entry.problem}; {len(entry.picture.pairs)} of its pairs go with it"
                left_out.append(LeftOut(scene_id, entry.problem.reason, lost, split=entry.picture.split))
        left_out += [
            LeftOut(f"image {name}", "missing_record", f"no pair names {self.rel(self.layout.images)}/{name}")
            for name in pictures_in(self.layout.images)
            if name not in self._splits_of
        ]
        return Listing(scenes, tuple(left_out))

    def load(self, scene_id: str) -> Scene:
        """One image and its pairs; ``SceneError`` when the image, or the region of every pair, is unusable."""
        if scene_id not in self._entries:
            raise SceneError("missing_record", f"{scene_id}: no pair of the index names such an image")
        entry, layout = self._entries[scene_id], self.layout
        if entry.problem is not None:
            raise entry.problem
        picture, path = entry.picture, layout.images / entry.image
        where = self.rel(path)
        header = read_header(path, where)
        if (header.count, header.dtype) != (len(BANDS), "uint8"):
            raise SceneError(
                "band_count", f"{where}: expected 3 bands of uint8, found {header.count} of {header.dtype}"
            )
        if picture.shape not in (None, header.shape):
            raise SceneError("mismatched_shapes", f"{where} is {header.shape}, the index says {picture.shape} (H, W)")
        stated, left_out = self._stated(entry, scene_id, header.shape)
        frame = Frame(
            id=f"{scene_id}/RGB",
            t=1,
            modality=Modality.OPTICAL,
            bands=BANDS,
            shape=header.shape,
            read=partial(read_image, path, where, len(BANDS)),
            unit="digital number",
            display=default_display(Modality.OPTICAL, BANDS, "digital number"),
        )
        terms = _TERMS[layout.set]
        return Scene(
            id=scene_id,
            source=self.name,
            group=f"{layout.set}/{self._place(path)}",
            license=terms.license,
            attribution=terms.attribution,
            frames=(frame,),
            labels=(),
            ground=GroundSampling.unknown(f"{terms.title} states no pixel size"),
            split=picture.split,
            stated=stated,
            provenance={
                "set": layout.set,
                "files": {"image": where, "index": [self.rel(p) for p in layout.index]},
                "pairs": {pair.key: dict(pair.origin) for pair in picture.pairs},
                "also_in": sorted(self._splits_of[entry.image] - {picture.split}),
                "left_out": left_out,
                "static_labels": False,
                "pixel_size": "not published",
            },
        )

    def _stated(
        self, entry: _Entry, scene_id: str, shape: tuple[int, int]
    ) -> tuple[tuple[Stated, ...], list[dict[str, str]]]:
        """The pairs whose regions hold (each is read once, to know), and what is wrong with the others."""
        stated, problems = [], {}
        for pair in entry.picture.pairs:
            read = partial(burn, pair.region, shape, f"{scene_id}, ref {pair.key}")
            if self.layout.masks is not None:
                path = self.layout.masks / entry.mask
                read = partial(read_mask, path, self.rel(path), shape)
            item = Stated(key=pair.key, task="refer", question=pair.phrase, mask=read)
            try:
                item.region(shape)
                stated.append(item)
            except SceneError as error:
                problems[pair.key] = error
        if not stated:
            raise next(iter(problems.values()))
        left_out = [{"key": k, "reason": e.reason, "message": str(e)} for k, e in problems.items()]
        return tuple(stated), left_out

    def _place(self, path: Path) -> str:
        """What images of one place share: their name, or, where every pair has its own copy of the image, its bytes."""
        if self.layout.masks is None:
            return path.stem
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]

    @property
    def _index(self) -> Index:
        return self._parsed[0]

    @cached_property
    def _parsed(self) -> tuple[Index, tuple[str, ...]]:
        """The index, parsed once, and the digests of its files."""
        layout = self.layout
        if layout.masks is not None:
            data = [path.read_bytes() for path in layout.index]
            index = phrase_index(dict(zip(layout.splits, data, strict=True)))
        else:
            (first, instances), (second, refs) = ((self.rel(p), p.read_bytes()) for p in layout.index)
            data = [instances, refs]
            index = refer_index(read_json(instances, first), read_refs(refs, second))
        names = (self.rel(path) for path in layout.index)
        return index, tuple(f"{n} {hashlib.sha256(d).hexdigest()}" for n, d in zip(names, data, strict=True))

    @cached_property
    def _entries(self) -> dict[str, _Entry]:
        """Scene id -> picture and files, by split and name."""
        images = Files(self.layout.images)
        masks = Files(self.layout.masks) if self.layout.masks is not None else None
        entries: dict[str, _Entry] = {}
        for picture in sorted(self._index.pictures, key=lambda p: (self.splits.index(p.split), p.image)):
            stem, dot, ending = picture.image.rpartition(".")
            scene_id = f"{picture.split}/{stem if f'{dot}{ending}'.lower() in PICTURES else picture.image}"
            if scene_id in entries:  # 1.jpg and 1.png
                scene_id = f"{picture.split}/{picture.image}"
            image = mask = ""
            problem = None
            try:
                image = images.named(picture.image, "missing_image")
                mask = masks.named(picture.image, "missing_label") if masks else ""
            except SceneError as error:
                problem = error
            entries[scene_id] = _Entry(picture, image, mask, problem)
        return entries

    @cached_property
    def _splits_of(self) -> dict[str, set[str]]:
        """Image on disk -> the splits that name it."""
        found: dict[str, set[str]] = defaultdict(set)
        for entry in self._entries.values():
            found[entry.image].add(entry.picture.split)
        return found
