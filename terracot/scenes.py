"""Scene, Frame, LabelMap, Legend: what was seen, and what is there.

A scene is one place on one pixel grid. Everything it holds (frames of any modality and date, label maps, building
instances) has the same ``(H, W)``; a source warps to one grid before it builds a scene, and says so in ``provenance``.
Pixels are lazy: a scene holds functions that read them, so that a million scenes can be listed and thrown away.

Dates are numbered from 1 in time order: ``t`` is the number that the trace writes as ``Image: t``. Two frames may share
a ``t`` (an optical and a SAR image of one date); a label map and every mask belong to a ``t``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from terracot.grammar import looks_plural
from terracot.ground import GroundSampling

IGNORE = 255
"""Class id of pixels that have no answer: unlabelled, outside the legend, undecidable."""

BoolMask = npt.NDArray[np.bool_]
ClassMap = npt.NDArray[np.uint8]


class SceneError(ValueError):
    """One scene that cannot be used: ``reason`` is a short code for tables, the message says what to do.

    Raised by sources and by ``Scene`` itself; the pipeline writes it to the quarantine file and goes on.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[SceneError], tuple[str, str]]:
        """Both arguments, so that it can come back from a worker process."""
        return type(self), (self.reason, str(self))


class SourceError(ValueError):
    """A whole source that cannot be read (wrong folder, broken layout); nothing of it is usable."""


class Modality(StrEnum):
    """What kind of sensor made a frame."""

    OPTICAL = "optical"
    SAR = "sar"
    MULTISPECTRAL = "multispectral"


@dataclass(frozen=True)
class LegendClass:
    """One class: ``name`` reads well after "covered by" ("tree cover"); ``codes`` are the raw values that mean it.

    ``plural`` says whether it takes plural verbs ("inland wetlands are"); None leaves that to the look of the name.
    """

    id: int
    name: str
    codes: tuple[int, ...]
    color: tuple[int, int, int] = (128, 128, 128)
    plural: bool | None = None

    @property
    def is_plural(self) -> bool:
        """True when sentences need plural verbs after the name."""
        return looks_plural(self.name) if self.plural is None else self.plural


@dataclass(frozen=True)
class Legend:
    """The classes of a label map. ``ignore`` lists raw codes without an answer; any other code is an error."""

    name: str
    classes: tuple[LegendClass, ...]
    ignore: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        ids = [c.id for c in self.classes]
        if ids != list(range(len(ids))) or len(ids) >= IGNORE:
            raise SourceError(f"legend {self.name}: class ids must run 0, 1, 2 ... below {IGNORE}; found {ids}")
        codes = [code for c in self.classes for code in c.codes] + list(self.ignore)
        repeated = sorted({c for c in codes if codes.count(c) > 1})
        if repeated:
            raise SourceError(f"legend {self.name}: raw codes {repeated} are listed twice")
        names = [c.name for c in self.classes]
        if len(set(names)) != len(names):
            raise SourceError(f"legend {self.name}: two classes share a name: {sorted(names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by id."""
        return tuple(c.name for c in self.classes)

    def codes(self) -> dict[str, Any]:
        """Raw codes by class name, and those without an answer, as provenance records them."""
        return {"classes": {c.name: list(c.codes) for c in self.classes}, "ignore": list(self.ignore)}

    def id_of(self, name: str) -> int:
        """Class id of a name; ``KeyError`` when the legend does not have it."""
        for c in self.classes:
            if c.name == name:
                return c.id
        raise KeyError(f"legend {self.name} has no class {name!r}; it has {', '.join(self.names)}")

    def encode(self, raw: npt.NDArray[Any], where: str = "") -> ClassMap:
        """Raw codes ``(H, W)`` to class ids ``(H, W) uint8`` with ``IGNORE``; ``SceneError`` names unknown codes."""
        if raw.ndim != 2:
            raise SceneError("label_shape", f"{where}: a label map has two axes, found shape {raw.shape}")
        table = {code: c.id for c in self.classes for code in c.codes} | dict.fromkeys(self.ignore, IGNORE)
        if raw.dtype.kind == "u" and raw.dtype.itemsize <= 2:  # then a table of all codes is quicker than sorting
            lookup = np.full(256**raw.dtype.itemsize, -1, np.int16)
            for code, class_id in table.items():
                if code in range(lookup.size):
                    lookup[code] = class_id
            found = lookup.take(raw)
            if found.size == 0 or found.min() >= 0:
                return found.astype(np.uint8)
        values, inverse = np.unique(raw, return_inverse=True)
        unknown = [v.item() for v in values if v.item() not in table]
        if unknown:
            raise SceneError(
                "unknown_code",
                f"{where}: label codes {unknown[:8]} are not in legend {self.name} "
                f"(known: {sorted(table)}); add them to a class or to `ignore` in the legend",
            )
        known = np.array([table[v.item()] for v in values], dtype=np.uint8)
        return known[inverse].reshape(raw.shape)


@dataclass(frozen=True)
class Display:
    """How ``render`` turns bands into a picture: three band names and, for each, the values shown black and white."""

    bands: tuple[str, str, str]
    low: tuple[float, float, float]
    high: tuple[float, float, float]


@dataclass(frozen=True)
class Frame:
    """One image of a scene. ``read()`` gives ``(C, H, W)`` in ``unit`` ("reflectance", "dB", "digital number").

    ``hidden()``, where the source knows it, gives ``(H, W)`` booleans: pixels behind cloud or shadow in this frame.
    ``nodata`` pixels are already non-finite or masked by the source; ``display`` has the fixed limits of the product.
    """

    id: str
    t: int
    modality: Modality
    bands: tuple[str, ...]
    shape: tuple[int, int]
    read: Callable[[], npt.NDArray[Any]]
    unit: str
    display: Display
    time: str | None = None
    hidden: Callable[[], BoolMask] | None = None

    def pixels(self) -> npt.NDArray[Any]:
        """Read the bands, checked: ``(C, H, W)`` or ``SceneError``."""
        data = self.read()
        if data.shape != (len(self.bands), *self.shape):
            raise SceneError(
                "frame_shape",
                f"frame {self.id}: expected {(len(self.bands), *self.shape)} (bands, rows, columns), "
                f"found {data.shape}",
            )
        return data


@dataclass(frozen=True)
class MapLimits:
    """What a label map cannot say: nothing smaller or closer than its makers mapped is asked about.

    ``min_patch_m2`` is the mapping unit, the smallest region that was mapped at all; ``min_distance_m`` the smallest
    distance that its positions allow. ``according_to`` ("the CORINE land-cover map") is named in every question where
    the picture may show what the map leaves out.
    """

    min_patch_m2: float = 0.0
    min_distance_m: float = 0.0
    according_to: str = ""

    def __post_init__(self) -> None:
        if any(c.isdigit() for c in self.according_to):  # every number in a question is a measured one
            raise SourceError(f"name a map without digits in questions; found {self.according_to!r}")


@dataclass(frozen=True)
class LabelMap:
    """What is there on date ``t``. ``read()`` gives ``(H, W) uint8`` class ids of ``legend`` with ``IGNORE``."""

    t: int
    legend: Legend
    shape: tuple[int, int]
    read: Callable[[], ClassMap]
    limits: MapLimits = MapLimits()

    def classes(self) -> ClassMap:
        """Read the class ids, checked: right shape, known ids, at least one valid pixel; else ``SceneError``."""
        data = self.read()
        if data.shape != self.shape:
            raise SceneError("label_shape", f"label map of date {self.t}: expected {self.shape}, found {data.shape}")
        known = len(self.legend.classes)
        if np.any((data >= known) & (data != IGNORE)):
            raise SceneError("unknown_code", f"label map of date {self.t}: class ids beyond legend {self.legend.name}")
        if not np.any(data != IGNORE):
            raise SceneError("no_valid_pixels", f"label map of date {self.t}: every pixel is unlabelled or ignored")
        return data


@dataclass(frozen=True)
class Instance:
    """One building: its number in the instance map, its identifier in the source, and its damage (None: not judged)."""

    number: int
    uid: str
    damage: str | None = None


@dataclass(frozen=True)
class InstanceMap:
    """Buildings on date ``t``: ``read()`` gives ``(H, W) int32``, 0 background, n the instance with ``number`` n."""

    t: int
    instances: tuple[Instance, ...]
    shape: tuple[int, int]
    read: Callable[[], npt.NDArray[np.int32]]

    def numbers(self) -> npt.NDArray[np.int32]:
        """Read the instance numbers, checked for shape."""
        data = self.read()
        if data.shape != self.shape:
            raise SceneError(
                "instance_shape", f"instance map of date {self.t}: expected {self.shape}, found {data.shape}"
            )
        return data


@dataclass(frozen=True)
class Stated:
    """A question whose answer the source states itself, with or without a mask; no label map stands behind it.

    ``key`` tells it from the others of its scene. ``task`` is a name of its own ("rsvqa-lr/count"), or "refer" for a
    phrase that names the region of ``mask`` on date ``t``; then ``question`` is that phrase and ``answer`` empty.
    ``options`` are those that the source publishes, in its order, with ``answer`` one of them. Where it publishes none,
    ``words`` has all possible answers ("yes", "no"), or ``value`` the number that is the answer.
    """

    key: str
    task: str
    question: str
    answer: str = ""
    t: int = 1
    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    value: float | None = None
    mask: Callable[[], BoolMask] | None = None

    def region(self, shape: tuple[int, int]) -> BoolMask:
        """Read the mask, checked: ``(H, W)`` booleans, not empty; else ``SceneError``."""
        if self.mask is None:
            raise SceneError("missing_mask", f"question {self.key} ({self.task}) comes without a mask")
        data = self.mask()
        if data.shape != shape or data.dtype != np.bool_:
            raise SceneError(
                "mask_shape", f"mask of {self.key}: expected {shape} booleans, found {data.shape} {data.dtype}"
            )
        if not data.any():
            raise SceneError("empty_mask", f"mask of {self.key} has no pixel")
        return data


@dataclass(frozen=True)
class Scene:
    """One place: frames in time order, label maps, building instances, ground sampling, and where all of it is from.

    ``group`` is the coarsest known place or event; splits, cross-validation and clustered intervals work on it.
    ``provenance`` lets anybody find the source pixels again: plain values (patch id, files relative to the source,
    window, ``crs``, ``transform``, dates). ``crs`` and ``transform`` are None where there is no georeference.
    """

    id: str
    source: str
    group: str
    license: str
    frames: tuple[Frame, ...]
    labels: tuple[LabelMap, ...]
    ground: GroundSampling
    split: str = "train"
    instances: tuple[InstanceMap, ...] = ()
    attribution: str = ""
    crs: str | None = None
    transform: tuple[float, ...] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    stated: tuple[Stated, ...] = ()

    def __post_init__(self) -> None:
        if not self.frames:
            raise SceneError("no_frames", f"scene {self.id} has no image")
        layers: list[Any] = [*self.frames, *self.labels, *self.instances]
        shapes = {layer.shape for layer in layers}
        if len(shapes) != 1:
            found = ", ".join(f"{type(layer).__name__} of date {layer.t}: {layer.shape}" for layer in layers)
            raise SceneError("mismatched_shapes", f"scene {self.id}: all layers need one pixel grid; found {found}")
        dates = sorted({f.t for f in self.frames})
        if dates != list(range(1, len(dates) + 1)) or list(self.frames) != sorted(self.frames, key=lambda f: f.t):
            raise SceneError(
                "dates", f"scene {self.id}: frames must be in time order with t = 1, 2 ...; found t = {dates}"
            )
        stray = {layer.t for layer in (*layers, *self.stated)} - set(dates)
        if stray:
            raise SceneError(
                "dates", f"scene {self.id}: labels of dates {sorted(stray)} have no frame (dates: {dates})"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)`` of the common pixel grid."""
        return self.frames[0].shape

    @property
    def dates(self) -> int:
        """Number of dates."""
        return self.frames[-1].t

    def label_of(self, t: int) -> LabelMap | None:
        """The label map of date ``t``, or None."""
        return next((layer for layer in self.labels if layer.t == t), None)

    def instances_of(self, t: int) -> InstanceMap | None:
        """The building instances of date ``t``, or None."""
        return next((layer for layer in self.instances if layer.t == t), None)


@runtime_checkable
class SceneSource(Protocol):
    """A data set on disk (or a generator). Cheap to open; workers open it again from ``(name, path)``.

    ``ids()`` lists scenes in a fixed order without reading pixels; ``load(id)`` builds one lazily or raises
    ``SceneError``. ``fingerprint()`` changes when the listing or the layout does (it guards resumed work).
    """

    name: str

    def ids(self) -> Sequence[str]:
        """Scene ids in a fixed order, without reading pixels."""
        ...

    def load(self, scene_id: str) -> Scene:
        """One scene with lazy pixels, or ``SceneError``."""
        ...

    def fingerprint(self) -> str:
        """Hash of what the source lists and how it reads it."""
        ...


@runtime_checkable
class GeneratedSource(SceneSource, Protocol):
    """A source that makes its scenes (always synthetic) and so can be opened again from its settings alone."""

    def inline(self) -> str:
        """The settings as a text that stands for the path: opening the source with it gives the same scenes."""
        ...
