"""Label files of xBD: buildings with their outlines in pixels and in degrees."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from terracot.findings import DESTROYED
from terracot.scenes import Legend, LegendClass, SceneError
from terracot.sources.polygons import inside_frame, read_polygon, visible

Phase = Literal["pre", "post"]
PHASES: tuple[Phase, Phase] = ("pre", "post")
UNCLASSIFIED = "un-classified"

PRE = Legend(
    "xbd_buildings",
    (
        LegendClass(0, "ground without buildings", (0,), (120, 120, 120)),
        LegendClass(1, "building cover", (1,), (230, 230, 230)),
    ),
    ignore=(5,),
)
"""Before the event; 1 is any building, 5 a building of the post file alone."""

POST = Legend(
    "xbd_damage",
    (
        LegendClass(0, "ground without buildings", (0,), (120, 120, 120)),
        LegendClass(1, "undamaged building cover", (1,), (60, 170, 60)),
        LegendClass(2, "building cover with minor damage", (2,), (250, 220, 60)),
        LegendClass(3, "building cover with major damage", (3,), (250, 140, 20)),
        LegendClass(4, "destroyed building cover", (4,), (210, 20, 20)),
    ),
    ignore=(5,),
)
"""After the event, by the codes of the published targets; 5 is un-classified, or a building of the pre file alone."""

CODES: Mapping[str, int] = {
    "no-damage": 1,
    "minor-damage": 2,
    "major-damage": 3,
    DESTROYED: 4,
    UNCLASSIFIED: 5,
}
"""Subtype of a building after the event -> code."""

STATED = ("sensor", "catalog_id", "off_nadir_angle", "gsd", "pan_resolution", "disaster_type", "id")
"""What of the metadata goes into provenance, as stated. ``gsd`` is not that of the image."""


@dataclass(frozen=True)
class Building:
    """One building: its outline as the file has it, and the part of it inside the frame."""

    uid: str
    subtype: str | None
    outline: Any
    part: Any


@dataclass(frozen=True)
class Label:
    """A label file. ``buildings`` are those that a pixel of the frame shows, in the order of the file."""

    where: str
    shape: tuple[int, int]
    metadata: Mapping[str, Any]
    buildings: tuple[Building, ...]
    below_a_pixel: int
    pairs: tuple[tuple[Any, Any], ...] = field(repr=False)
    """Polygons in pixels and in degrees."""

    def counts(self) -> dict[str, int]:
        """Buildings by subtype, and those left out because less than a pixel, or no pixel's centre, is in the frame."""
        by_subtype = Counter(b.subtype or "building" for b in self.buildings)
        return dict(sorted(by_subtype.items())) | {"below_a_pixel": self.below_a_pixel}

    def stated(self) -> dict[str, Any]:
        """The plain values of ``STATED``."""
        return {key: self.metadata[key] for key in STATED if _is_plain(self.metadata.get(key))}


def _is_plain(value: object) -> bool:
    """True for what JSON and UTF-8 can hold."""
    return (isinstance(value, str) and value.isprintable()) or (isinstance(value, int | float) and math.isfinite(value))


def read_label(path: Path, where: str, phase: Phase, shape: tuple[int, int]) -> Label:
    """Read a label file for an image of ``(H, W)``; of a post file every building needs one of ``CODES``.

    ``SceneError``: "empty_file", "bad_label", "unknown_code", or "mismatched_shapes" where the file says that its image
    has another size.
    """
    data = _json(path, where)
    metadata, features = _get(data, "metadata", dict, where), _get(data, "features", dict, where)
    named = metadata.get("img_name", path.stem)
    if not isinstance(named, str) or Path(named).stem != path.stem:  # labels of another image fit no building
        raise SceneError("bad_label", f"{where}: it says that it is for {named!r:.80}; fetch the file again")
    stated = (metadata.get("height", shape[0]), metadata.get("width", shape[1]))
    if stated != shape:
        found = f"{shape[0]} x {shape[1]}"
        raise SceneError(
            "mismatched_shapes", f"{where}: it is for an image of {stated!r:.60} rows and columns, found {found}"
        )
    buildings = [_building(entry, n, where, phase, shape) for n, entry in enumerate(_get(features, "xy", list, where))]
    degrees = [_degrees(entry) for entry in _get({"lng_lat": []} | features, "lng_lat", list, where)]
    seen = tuple(b for b in buildings if visible(b.part, shape))
    return Label(where, shape, metadata, seen, len(buildings) - len(seen), _paired(buildings, degrees))


def _json(path: Path, where: str) -> dict[str, Any]:
    try:
        text = path.read_bytes()
        if not text:
            raise SceneError("empty_file", f"{where}: the file has no bytes; fetch it again")
        data = json.loads(text)
    except OSError as error:
        raise SceneError("unreadable", f"{where}: cannot be read ({error.strerror}); fetch the file again") from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, SceneError):
            raise
        raise SceneError("bad_label", f"{where}: this is no JSON ({error}); fetch the file again") from error
    if not isinstance(data, dict):
        raise SceneError("bad_label", f"{where}: expected an object with metadata and features; fetch the file again")
    return data


def _get(record: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = record.get(key)
    if not isinstance(value, kind):
        found = type(value).__name__
        raise SceneError(
            "bad_label", f"{where}: {key} should be a {kind.__name__}, found {found}; fetch the file again"
        )
    return value


def _building(entry: object, number: int, where: str, phase: Phase, shape: tuple[int, int]) -> Building:
    where = f"{where}, building {number}"
    if not isinstance(entry, dict):
        raise SceneError("bad_label", f"{where}: expected an object with properties and wkt; fetch the file again")
    properties = _get(entry, "properties", dict, where)
    uid = _get(properties, "uid", str, where)
    where = f"{where} (uid {uid[:40]!r})"
    kind, subtype = properties.get("feature_type", "building"), properties.get("subtype")
    if kind != "building":
        raise SceneError("unknown_code", f"{where}: feature_type {kind!r:.60} is not known, only building")
    if phase == "pre":
        subtype = None
    elif not isinstance(subtype, str) or subtype not in CODES:
        raise SceneError("unknown_code", f"{where}: subtype {subtype!r:.60} is not one of {', '.join(CODES)}")
    outline = read_polygon(entry.get("wkt"), where)
    return Building(uid, subtype, outline, inside_frame(outline, shape, where))


def _degrees(entry: object) -> tuple[object, Any]:
    """Uid and polygon in degrees; None for one that cannot be read, which the fit can do without."""
    if not isinstance(entry, dict):
        return None, None
    properties = entry.get("properties")
    uid = properties.get("uid") if isinstance(properties, dict) else None
    try:
        return uid, read_polygon(entry.get("wkt"), "lng_lat")
    except SceneError:
        return uid, None


def _paired(buildings: Sequence[Building], degrees: Sequence[tuple[object, Any]]) -> tuple[tuple[Any, Any], ...]:
    """Outlines with their polygons in degrees: by uid, or by order where uids repeat or are others."""
    uids, others = [b.uid for b in buildings], [uid for uid, _ in degrees if isinstance(uid, str)]
    if len(set(uids)) == len(uids) and len(set(others)) == len(degrees) and set(uids) & set(others):
        of = {uid: polygon for uid, polygon in degrees if isinstance(uid, str)}
        found = [(b.outline, of.get(b.uid)) for b in buildings]
    elif len(buildings) == len(degrees):
        found = [(b.outline, polygon) for b, (_, polygon) in zip(buildings, degrees, strict=True)]
    else:
        return ()
    return tuple(pair for pair in found if pair[1] is not None)
