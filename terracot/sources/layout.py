"""Layout: the YAML that says which files of a folder are frames, labels and buildings, and what they mean.

Keys (the shipped files in ``terracot/sources/layouts`` are examples of all of them):

* ``name``, ``license``, ``attribution``, ``description`` (optional), ``root`` (optional, relative to the YAML);
* ``legend``: ``name``, ``classes`` (``name``, ``codes``, ``color``, and ``plural: true`` or ``false`` where the
  look of the name misleads, see ``grammar.looks_plural``), ``ignore``; for all labels or inside one of them;
* ``frames``: list of ``files`` (pattern or list of patterns, ``{id}`` the scene id, ``*`` anything within a name),
  ``name``, ``t`` (1 unless said), ``modality``, ``bands`` (over all files), ``unit``, ``scale`` and ``offset`` to that
  unit, ``nodata`` (a pixel is empty where every band has it), ``resample: bilinear`` (bring coarser bands to the label
  grid), ``time``, ``display`` (``bands``, ``low``, ``high``), ``hidden`` (``files`` and ``equals`` or ``bits``);
* ``labels``: list of ``files``, ``t``, ``legend``, ``derive: nonzero``; none for images alone (`terracot annotate`);
* ``instances``: list of ``files``, ``t``;
* ``ids``: pattern or list of scene ids; the first label pattern unless said, or that of the first frame;
* ``ground: {nominal_m: [dy, dx]}``, used only for rasters without georeference;
* ``index``: a csv with a column ``id``, or ``{file, id}``;
* ``time``, ``group``, ``split``: a text, or ``{column, match, block, values}``, see ``Pick``;
* ``overrides``: ``{scene id: {frame name: {scale, offset, nodata, files}}}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from terracot.scenes import Display, Legend, Modality, SceneError

SHIPPED = Path(__file__).parent / "layouts"
UNITS = ("reflectance", "dB", "digital number")
ID = "{id}"


@dataclass(frozen=True)
class Pick:
    """Where a text (time, group, split) comes from: a fixed text, an index column, a regex, or blocks of numeric ids.

    ``match`` is searched in the column if there is one, else in what the caller passes (scene id or file name); its
    first group is taken. ``values`` renames what was found.
    """

    fixed: str | None = None
    column: str | None = None
    match: str | None = None
    block: int | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def value(self, text: str, row: Mapping[str, str], reason: str, where: str) -> str:
        """The text for one scene; ``SceneError(reason)`` when the rule does not apply to it."""
        if self.fixed is not None:
            return self.fixed
        found = row[self.column] if self.column is not None else text
        if self.match is not None:
            hit = re.search(self.match, found)
            if hit is None:
                raise SceneError(reason, f"{where}: pattern {self.match!r} does not match {found!r}")
            found = hit.group(1) if hit.re.groups else hit.group(0)
        if self.block is not None:
            digits = re.search(r"\d+", found)
            if digits is None:
                raise SceneError(reason, f"{where}: blocks need a number in the id, found {found!r}")
            found = str(int(digits.group(0)) // self.block)
        if not found:
            raise SceneError(reason, f"{where}: the value in column {self.column!r} is empty")
        return self.values.get(found, found)


@dataclass(frozen=True)
class HiddenSpec:
    """Cloud mask: pixels of ``files`` that equal one of ``equals`` or have any of ``bits`` set are hidden."""

    files: str
    equals: tuple[int, ...] = ()
    bits: tuple[int, ...] = ()


@dataclass(frozen=True)
class FrameSpec:
    """One image per scene. Values of ``files`` times ``scale`` plus ``offset`` are in ``unit``."""

    name: str
    files: tuple[str, ...]
    modality: Modality
    bands: tuple[str, ...]
    t: int
    time: Pick | None
    unit: str
    scale: float
    offset: float
    nodata: float | None
    resample: bool
    display: Display
    limits_stated: bool
    hidden: HiddenSpec | None


@dataclass(frozen=True)
class LabelSpec:
    """One label raster per scene; ``derive="nonzero"`` makes codes 0 and 1 of an instance raster."""

    files: str
    t: int
    legend: Legend
    derive: Literal["nonzero"] | None = None


@dataclass(frozen=True)
class InstanceSpec:
    """One raster of building numbers per scene (0 background)."""

    files: str
    t: int


@dataclass(frozen=True)
class Layout:
    """A parsed layout. ``ids`` is a pattern with ``{id}`` or the scene ids themselves; ``text`` the YAML as read."""

    name: str
    description: str
    license: str
    attribution: str
    text: str
    file: str
    root: str | None
    ids: str | tuple[str, ...]
    frames: tuple[FrameSpec, ...]
    labels: tuple[LabelSpec, ...]
    instances: tuple[InstanceSpec, ...]
    nominal_m: tuple[float, float] | None
    index: str | None
    index_id: str
    group: Pick | None
    split: Pick
    overrides: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @property
    def columns(self) -> set[str]:
        """Index columns that the layout uses."""
        picks = [self.group, self.split, *(f.time for f in self.frames)]
        return {p.column for p in picks if p is not None and p.column is not None}


def shipped_layouts() -> tuple[str, ...]:
    """Names of the layouts that come with the package."""
    return tuple(sorted(p.stem for p in SHIPPED.glob("*.yaml")))
