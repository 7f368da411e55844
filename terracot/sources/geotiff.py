"""Any folder of rasters with aligned label rasters, described by a layout (``terracot/sources/layout.py``).

Pixels are read when asked for; opening a scene reads headers only (and the building numbers, where there are any).
Everything that can be wrong with one scene is a ``SceneError`` with a short reason, so that a run goes on without it.
"""

from __future__ import annotations

import csv
import datetime as dt
import glob
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from terracot.ground import GroundError, GroundSampling
from terracot.scenes import (
    Frame,
    Instance,
    InstanceMap,
    LabelMap,
    Scene,
    SceneError,
    SourceError,
)
from terracot.sources.layout import ID, SHIPPED, FrameSpec, LabelSpec, Layout, shipped_layouts
from terracot.sources.layout_yaml import read_layout
from terracot.sources.rasters import (
    Header,
    misplaced,
    read_frame,
    read_header,
    read_hidden,
    read_instances,
    read_labels,
)

LAYOUT_FILE = "terracot.yaml"
MAX_SHIFT_PX = 0.01


class GeoTiffSource:
    """Scenes of one folder. ``path`` is the folder or a layout file; ``layout`` names a shipped layout.

    A folder with ``terracot.yaml`` is read by it; else by ``layout``; else by the shipped layout of the folder's own
    name. ``SourceError`` when there is none, or when it is wrong. ``Scene.source`` is the layout's name.
    """

    name = "geotiff"

    def __init__(self, path: str | Path, layout: str | None = None) -> None:
        self.layout, self.root = _find(Path(path), layout)
        self._index = _read_index(self.layout, self.root)

    def ids(self) -> Sequence[str]:
        """Scene ids, sorted; found by matching file names."""
        return self._ids

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        if not isinstance(self.layout.ids, str):
            return tuple(sorted(set(self.layout.ids)))
        rule = _id_rule(self.layout.ids)
        paths = (p.relative_to(self.root).as_posix() for p in self.root.glob(self.layout.ids.replace(ID, "*")))
        found = {hit.group("id") for hit in map(rule.fullmatch, paths) if hit}
        if not found:
            raise SourceError(
                f"layout {self.layout.name}: no file matches {self.layout.ids} below {self.root}; check that this is "
                "the right folder, or correct the pattern in the layout"
            )
        return tuple(sorted(found))

    def load(self, scene_id: str) -> Scene:
        """One scene with lazy pixels; ``SceneError`` says what is missing or does not fit."""
        return _SceneFiles(self, scene_id).scene()

    def fingerprint(self) -> str:
        """sha256 over the layout, the ids, and path and size of every file that the layout names for them."""
        digest = hashlib.sha256(self.layout.text.encode())
        for scene_id in self.ids():
            digest.update(f"\n{scene_id}".encode())
            for pattern in self._patterns(scene_id):
                for path in self.matches(pattern, scene_id):
                    digest.update(f"\n{path.relative_to(self.root).as_posix()} {path.stat().st_size}".encode())
        if self.layout.index:
            digest.update((self.root / self.layout.index).read_bytes())
        return digest.hexdigest()

    def matches(self, pattern: str, scene_id: str) -> list[Path]:
        """Files of one scene that a pattern of the layout names."""
        if "*" not in pattern:
            path = self.root / pattern.replace(ID, scene_id)
            return [path] if path.is_file() else []
        return sorted(p for p in self.root.glob(pattern.replace(ID, glob.escape(scene_id))) if p.is_file())

    def row(self, scene_id: str) -> Mapping[str, str]:
        """The scene's row of the index; empty when the layout uses no column."""
        if not self.layout.columns:
            return {}
        if scene_id not in self._index:
            raise SceneError("missing_index", f"scene {scene_id}: no row with this id in {self.layout.index}")
        return self._index[scene_id]

    def _patterns(self, scene_id: str) -> Iterator[str]:
        for spec in self.layout.frames:
            yield from _overridden(spec, self.layout, scene_id).files
            if spec.hidden:
                yield spec.hidden.files
        yield from (label.files for label in self.layout.labels)
        yield from (layer.files for layer in self.layout.instances)


class _SceneFiles:
    """Builds one scene: finds its files, compares their grids, wires the readers."""

    def __init__(self, source: GeoTiffSource, scene_id: str) -> None:
        self.source, self.layout, self.id = source, source.layout, scene_id
        self.row = source.row(scene_id)
        self.specs = [_overridden(spec, self.layout, scene_id) for spec in self.layout.frames]
        self.labels = [self.header(spec.files, "missing_label", 1) for spec in self.layout.labels]
        self.frames = [self.frame_headers(spec) for spec in self.specs]
        self.hidden = [self.header(s.hidden.files, "missing_hidden", 1) if s.hidden else None for s in self.specs]
        self.instances = [self.header(spec.files, "missing_instances", 1) for spec in self.layout.instances]
        # Without labels the finest image is the grid.
        images = (header for headers in self.frames for header in headers)
        self.grid = self.labels[0] if self.labels else max(images, key=lambda header: math.prod(header.shape))
        pairs = [(h, spec.resample) for spec, hs in zip(self.specs, self.frames, strict=True) for h in hs]
        pairs += [(h, False) for h in (*self.labels, *self.hidden, *self.instances) if h]
        # A mask without georeference (a PNG, say) that lies on a georeferenced image takes the image's.
        exact = [h for h, _ in pairs if h.shape == self.grid.shape]
        self.placed = next((h for h in (self.grid, *exact) if h.placed), self.grid)
        for header, may_be_coarse in pairs:
            self.check_grid(header, may_be_coarse)

    def scene(self) -> Scene:
        layout = self.layout
        frames = [
            self.frame(spec, headers, mask)
            for spec, headers, mask in zip(self.specs, self.frames, self.hidden, strict=True)
        ]
        self.check_dates(frames)
        group = self.id
        if layout.group:
            group = layout.group.value(self.id, self.row, "group", f"scene {self.id}, group")
        return Scene(
            id=self.id,
            source=layout.name,
            group=f"{layout.name}/{group}",
            license=layout.license,
            attribution=layout.attribution,
            split=layout.split.value(self.id, self.row, "split", f"scene {self.id}, split"),
            frames=tuple(frames),
            labels=tuple(self.label_map(s, h) for s, h in zip(layout.labels, self.labels, strict=True)),
            instances=tuple(self.instance_map(s.t, h) for s, h in zip(layout.instances, self.instances, strict=True)),
            ground=self.ground(),
            crs=self.placed.crs if self.placed.placed else None,
            transform=self.placed.transform if self.placed.placed else None,
            provenance=self.provenance(frames),
        )

    def provenance(self, frames: Sequence[Frame]) -> dict[str, Any]:
        layout, placed = self.layout, self.placed
        return {
            "layout": layout.name,
            "patch": self.id,
            "window": [0, 0, *self.grid.shape],  # row, column, height, width
            "files": {s.name: [self.rel(h) for h in hs] for s, hs in zip(self.specs, self.frames, strict=True)},
            "hidden": {s.name: self.rel(h) for s, h in zip(self.specs, self.hidden, strict=True) if h},
            "labels": [
                {"t": s.t, "file": self.rel(h), "legend": s.legend.name, "codes": s.legend.codes()}
                for s, h in zip(layout.labels, self.labels, strict=True)
            ],
            # One map used for several dates says nothing about change between them.
            "static_labels": len({h.path for h in self.labels}) < len(self.labels),
            "instances": [
                {"t": s.t, "file": self.rel(h)} for s, h in zip(layout.instances, self.instances, strict=True)
            ],
            "crs": placed.crs if placed.placed else None,
            "transform": list(placed.transform) if placed.placed else None,
            "georeference": self.rel(placed) if placed.placed else None,
            "dates": {f.id: f.time for f in frames},
            "overrides": {k: dict(v) for k, v in layout.overrides.get(self.id, {}).items()},
        }

    def rel(self, header: Header) -> str:
        return header.path.relative_to(self.source.root).as_posix()

    def header(self, pattern: str, reason: str, bands: int | None = None) -> Header:
        found = self.source.matches(pattern, self.id)
        if len(found) != 1:
            what = f"{len(found)} files" if found else "no file"
            code = reason if not found else "ambiguous_files"
            raise SceneError(
                code,
                f"scene {self.id}: expected one file {pattern.replace(ID, self.id)}, found {what} in the data folder",
            )
        header = read_header(found[0], found[0].relative_to(self.source.root).as_posix())
        if bands is not None and header.count != bands:
            raise SceneError(
                "band_count", f"scene {self.id}: {self.rel(header)} has {header.count} bands, expected {bands}"
            )
        return header

    def frame_headers(self, spec: FrameSpec) -> list[Header]:
        headers = [self.header(pattern, "missing_frame") for pattern in spec.files]
        total = sum(h.count for h in headers)
        if total != len(spec.bands):
            raise SceneError(
                "band_count",
                f"scene {self.id}, frame {spec.name}: the layout names {len(spec.bands)} bands, "
                f"{', '.join(map(self.rel, headers))} have {total}",
            )
        deep = [h for h in headers if h.dtype != "uint8"]
        if spec.unit == "digital number" and deep and not spec.limits_stated:
            raise SceneError(
                "display",
                f"scene {self.id}, frame {spec.name}: {self.rel(deep[0])} has {deep[0].dtype} digital numbers, whose "
                "black and white cannot be guessed; state `display: {bands, low, high}` in the layout",
            )
        return headers

    def check_grid(self, header: Header, may_be_coarse: bool) -> None:
        """Same pixel grid (or, for a resampled frame, same extent with larger pixels), else ``SceneError``."""
        (h, w), (height, width) = header.shape, self.grid.shape
        both_placed = header.placed and self.placed.placed
        whole = height % h == 0 and width % w == 0 and height // h == width // w
        coarse = may_be_coarse and h <= height and w <= width and (whole or both_placed)
        if header.shape != self.grid.shape and not coarse:
            hint = "" if may_be_coarse else "; for coarser bands on the same extent set `resample: bilinear`"
            raise SceneError(
                "mismatched_shapes",
                f"scene {self.id}: {self.rel(header)} has {h} x {w} pixels, the label raster {self.rel(self.grid)} has "
                f"{height} x {width}{hint}",
            )
        if not both_placed:
            return
        if found := misplaced(header, self.placed, self.rel(self.placed), MAX_SHIFT_PX):
            raise SceneError(
                "mismatched_georeference",
                f"scene {self.id}: {self.rel(header)} {found}; warp both to one grid first",
            )

    def ground(self) -> GroundSampling:
        placed = self.placed
        if not placed.placed and self.layout.nominal_m:
            return GroundSampling.nominal(*self.layout.nominal_m, f"stated by layout {self.layout.name}")
        try:
            return GroundSampling.from_georeference(placed.crs, placed.transform, placed.shape)
        except GroundError as error:
            reason = "crs_without_transform" if placed.identity else "georeference"
            raise SceneError(reason, f"scene {self.id}: {self.rel(placed)}: {error}") from error

    def frame(self, spec: FrameSpec, headers: list[Header], mask: Header | None) -> Frame:
        time = None
        if spec.time:
            where = f"scene {self.id}, frame {spec.name}, time"
            time = _iso(spec.time.value(headers[0].path.name, self.row, "bad_dates", where), where)
        sources = tuple((h.path, self.rel(h)) for h in headers)
        return Frame(
            id=f"{self.id}/{spec.name}",
            t=spec.t,
            modality=spec.modality,
            bands=spec.bands,
            shape=self.grid.shape,
            read=partial(read_frame, sources, self.grid.shape, spec),
            unit=spec.unit,
            display=spec.display,
            time=time,
            hidden=partial(read_hidden, mask.path, self.rel(mask), spec.hidden) if mask and spec.hidden else None,
        )

    def label_map(self, spec: LabelSpec, header: Header) -> LabelMap:
        read = partial(read_labels, header.path, self.rel(header), spec.legend, spec.derive)
        return LabelMap(spec.t, spec.legend, header.shape, read)

    def instance_map(self, t: int, header: Header) -> InstanceMap:
        read = partial(read_instances, header.path, self.rel(header))
        numbers = np.unique(read())
        instances = tuple(Instance(int(n), str(n)) for n in numbers if n != 0)
        return InstanceMap(t, instances, header.shape, read)

    def check_dates(self, frames: Sequence[Frame]) -> None:
        dated = [(f.t, dt.datetime.fromisoformat(f.time).replace(tzinfo=None), f) for f in frames if f.time]
        for t, time, frame in dated:
            for later_t, later_time, later in dated:
                if t < later_t and time > later_time:
                    raise SceneError(
                        "bad_dates",
                        f"scene {self.id}: frame {frame.id} (t = {t}) is of {frame.time}, after frame {later.id} "
                        f"(t = {later_t}) of {later.time}; number the frames in time order",
                    )


# --- finding the layout ---------------------------------------------------------------------------------------------


def _find(path: Path, layout: str | None) -> tuple[Layout, Path]:
    if path.is_file():
        if layout is not None:
            raise SourceError(f"{path} is a layout file itself; leave out --layout {layout}, or give a folder")
        parsed = read_layout(path)
        root = path.parent / parsed.root if parsed.root else path.parent
        if not root.is_dir():
            raise SourceError(f"{path.name}: key root: expected a folder relative to the layout, found no {root}")
        return parsed, root
    if not path.is_dir():
        raise SourceError(f"expected a folder of rasters or a layout file, found nothing at {path}")
    own = path / LAYOUT_FILE
    if own.is_file() and layout is None:
        return read_layout(own), path
    wanted = layout or path.resolve().name
    if wanted not in shipped_layouts():
        looked = f"--layout {layout}" if layout else f"{own} and a shipped layout named after the folder, {wanted!r}"
        raise SourceError(
            f"no layout for {path}: looked for {looked}. Shipped layouts: {', '.join(shipped_layouts())}. Choose one "
            f"with --layout NAME, or write {LAYOUT_FILE} into the folder: copy the nearest file of "
            "terracot/sources/layouts and change file patterns, bands, unit and legend"
        )
    return read_layout(SHIPPED / f"{wanted}.yaml"), path


def _read_index(layout: Layout, root: Path) -> dict[str, dict[str, str]]:
    if layout.index is None:
        return {}
    path = root / layout.index
    if not path.is_file():
        raise SourceError(f"{layout.file}: key index: expected the file {layout.index} below {root}, found none")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or [])
        missing = sorted(({layout.index_id} | layout.columns) - set(columns))
        if missing:
            raise SourceError(f"{layout.file}: columns {missing} are not in {layout.index} (it has {columns})")
        return {row[layout.index_id]: row for row in reader}


def _id_rule(pattern: str) -> re.Pattern[str]:
    first, *rest = [re.escape(part).replace(r"\*", "[^/]*") for part in pattern.split(ID)]
    return re.compile(first + r"(?P<id>[^/]+)" + r"(?P=id)".join(rest))


def _overridden(spec: FrameSpec, layout: Layout, scene_id: str) -> FrameSpec:
    return replace(spec, **layout.overrides.get(scene_id, {}).get(spec.name, {}))


def _iso(text: str, where: str) -> str:
    """A date or time, also the compact ``20170613T101031``, in the long ISO form."""
    try:
        if len(text) in (8, 10):
            return dt.date.fromisoformat(text).isoformat()
        return dt.datetime.fromisoformat(text).isoformat()
    except ValueError as error:
        raise SceneError("bad_dates", f"{where}: expected an ISO date such as 2017-06-13, found {text!r}") from error
