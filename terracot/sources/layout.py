"""Layout: the YAML that says which files of a folder are frames, labels and buildings, and what they mean.

The format is described in ``docs/layouts.md`` and by the shipped files in ``terracot/sources/layouts``. Reading is
strict: a key that is not known, is missing or has the wrong type is a ``SourceError`` with the file, the key, what was
expected and what was found, because a silently ignored ``ofset:`` makes every picture and number after it wrong.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from terracot.render import default_display
from terracot.scenes import Display, Legend, LegendClass, Modality, SceneError, SourceError

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


def read_layout(path: Path) -> Layout:
    """Parse and check one layout file; ``SourceError`` says what is wrong and where."""
    try:
        text = path.read_text(encoding="utf-8")
        value = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path.name}: cannot be read as YAML ({error}); expected a layout file") from error
    return _layout(_Section(value, path.name, ""), text, path.name)


# --- strict reading -------------------------------------------------------------------------------------------------

Converter = Callable[[Any], Any]
_REQUIRED = object()


class _Unfit(Exception):
    """A value that a converter does not take; carries what was expected."""


class _Section:
    """One mapping of the YAML; every key must be taken before ``close``."""

    def __init__(self, value: Any, file: str, key: str) -> None:
        self.file, self.key = file, key
        if not isinstance(value, dict):
            raise self.error("", "a mapping (key: value)", value)
        self.value: dict[Any, Any] = value
        self.taken: list[str] = []

    def error(self, key: str, expected: str, found: Any) -> SourceError:
        path = ".".join(part for part in (self.key, key) if part) or "(top)"
        return SourceError(f"{self.file}: key {path}: expected {expected}; found {_shown(found)}")

    def take(self, key: str, convert: Converter, default: Any = _REQUIRED) -> Any:
        self.taken.append(key)
        if key not in self.value:
            if default is _REQUIRED:
                raise self.error(key, "this key", f"only {', '.join(map(str, self.value)) or 'nothing'}")
            return default
        try:
            return convert(self.value[key])
        except _Unfit as unfit:
            raise self.error(key, str(unfit), self.value[key]) from None

    def section(self, key: str) -> _Section | None:
        self.taken.append(key)
        path = f"{self.key}.{key}" if self.key else key
        return _Section(self.value[key], self.file, path) if key in self.value else None

    def sections(self, key: str, required: bool) -> list[_Section]:
        items = self.take(key, _list_of(lambda v: v), _REQUIRED if required else [])
        if required and not items:
            raise self.error(key, "at least one entry", items)
        path = f"{self.key}.{key}" if self.key else key
        return [_Section(item, self.file, f"{path}[{i}]") for i, item in enumerate(items)]

    def close(self) -> None:
        for key in self.value:
            if key not in self.taken:
                near = difflib.get_close_matches(str(key), self.taken, 1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                raise self.error(str(key), f"one of the keys {', '.join(self.taken)}{hint}", f"unknown key {key!r}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and " " in value else f"{value!r}"[:120]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Unfit("text (put numbers in quotes)")
    return value.strip()


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Unfit("a finite number")
    return float(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Unfit("a whole number")
    return value


def _positive(value: Any) -> int:
    if _integer(value) < 1:
        raise _Unfit("a whole number from 1")
    return int(value)


def _one_of(*allowed: str) -> Converter:
    def convert(value: Any) -> str:
        if value not in allowed:
            raise _Unfit(f"one of {', '.join(allowed)}")
        return str(value)

    return convert


def _list_of(convert: Converter, length: int | None = None) -> Converter:
    def convert_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or (length is not None and len(value) != length):
            raise _Unfit("a list" if length is None else f"a list of {length}")
        try:
            return tuple(convert(item) for item in value)
        except _Unfit as unfit:
            raise _Unfit(f"a list, each entry {unfit}") from None

    return convert_all


def _one_or_list(convert: Converter, length: int) -> Converter:
    def convert_all(value: Any) -> tuple[Any, ...]:
        items: tuple[Any, ...] = _list_of(convert, length)(value if isinstance(value, list) else [value] * length)
        return items

    return convert_all


def _regex(value: Any) -> str:
    try:
        re.compile(_text(value))
    except re.error as error:
        raise _Unfit(f"a regular expression ({error})") from error
    return str(value)


def _pattern(value: Any) -> str:
    text = _text(value)
    if Path(text).is_absolute() or ".." in Path(text).parts:
        raise _Unfit("a path inside the data folder")
    return text


def _patterns(value: Any) -> tuple[str, ...]:
    return tuple(_pattern(v) for v in value) if isinstance(value, list) and value else (_pattern(value),)


def _color(value: Any) -> tuple[int, int, int]:
    r, g, b = _list_of(_integer, 3)(value)
    if not all(0 <= c <= 255 for c in (r, g, b)):
        raise _Unfit("three whole numbers 0 to 255")
    return r, g, b


# --- the parts of a layout ------------------------------------------------------------------------------------------


def _layout(top: _Section, text: str, file: str) -> Layout:
    legend_section = top.section("legend")
    legend = _legend(legend_section) if legend_section else None
    frames = tuple(_frame(s) for s in top.sections("frames", required=True))
    labels = tuple(_label(s, legend) for s in top.sections("labels", required=True))
    instances = tuple(_instance(s) for s in top.sections("instances", required=False))
    ground, index, group = top.section("ground"), top.take("index", _index, (None, "id")), top.section("group")
    layout = Layout(
        name=top.take("name", _text),
        license=top.take("license", _text),
        attribution=" ".join(top.take("attribution", _text).split()),
        text=text,
        file=file,
        root=top.take("root", _text, None),
        ids=top.take("ids", lambda v: _list_of(_text)(v) if isinstance(v, list) else _pattern(v), labels[0].files),
        frames=tuple(sorted(frames, key=lambda f: f.t)),
        labels=labels,
        instances=instances,
        nominal_m=_nominal(ground) if ground else None,
        index=index[0],
        index_id=index[1],
        group=_pick(group) if group else None,
        split=_pick_or_text(top, "split") or Pick(fixed="train"),
        overrides=_overrides(top, {f.name for f in frames}),
    )
    top.take("description", _text, "")
    top.close()
    _check(layout, top)
    return layout


def _check(layout: Layout, top: _Section) -> None:
    if isinstance(layout.ids, str) and ID not in layout.ids:
        raise top.error("ids", "a pattern with {id}, or a list of scene ids when file names are fixed", layout.ids)
    names = [f.name for f in layout.frames]
    if len(set(names)) != len(names):
        raise top.error("frames", "frames with different names (give each a `name`)", ", ".join(names))
    dates = sorted({f.t for f in layout.frames})
    if dates != list(range(1, len(dates) + 1)):
        raise top.error("frames", "dates t = 1, 2, 3 ... without a gap", f"t = {dates}")
    for key, layers in (("labels", layout.labels), ("instances", layout.instances)):
        used = [layer.t for layer in layers]
        if not set(used) <= set(dates) or len(set(used)) != len(used):
            raise top.error(key, f"each date at most once, out of t = {dates}", f"t = {used}")
    if layout.columns and layout.index is None:
        raise top.error("index", f"a csv file, because columns {sorted(layout.columns)} are used", "no index")


def _legend(section: _Section) -> Legend:
    classes = []
    for number, item in enumerate(section.sections("classes", required=True)):
        classes.append(
            LegendClass(
                number,
                item.take("name", _text),
                item.take("codes", _list_of(_integer)),
                item.take("color", _color, (128, 128, 128)),
            )
        )
        item.close()
    name, ignore = section.take("name", _text), section.take("ignore", _list_of(_integer), ())
    section.close()
    try:
        return Legend(name, tuple(classes), ignore)
    except SourceError as error:
        raise SourceError(f"{section.file}: key {section.key}: {error}") from error


def _frame(section: _Section) -> FrameSpec:
    files = section.take("files", _patterns)
    bands = section.take("bands", _list_of(_text))
    if not bands or len(set(bands)) != len(bands):
        raise section.error("bands", "at least one band, each name once", bands)
    modality = Modality(section.take("modality", _one_of(*Modality)))
    unit = section.take("unit", _one_of(*UNITS))
    display, hidden = section.section("display"), section.section("hidden")
    spec = FrameSpec(
        name=section.take("name", _text, Path(files[0]).parts[0]),
        files=files,
        modality=modality,
        bands=bands,
        t=section.take("t", _positive, 1),
        time=_pick_or_text(section, "time"),
        unit=unit,
        scale=section.take("scale", _number, 1.0),
        offset=section.take("offset", _number, 0.0),
        nodata=section.take("nodata", _number, None),
        resample=section.take("resample", _one_of("bilinear"), None) is not None,
        display=_display(display, bands) if display else _default_display(section, modality, bands, unit),
        hidden=_hidden(hidden) if hidden else None,
    )
    section.close()
    return spec


def _default_display(section: _Section, modality: Modality, bands: tuple[str, ...], unit: str) -> Display:
    try:
        return default_display(modality, bands, unit)
    except ValueError as error:
        raise section.error("display", f"this key, because {error}", "no display") from error


def _display(section: _Section, bands: tuple[str, ...]) -> Display:
    shown = section.take("bands", _list_of(_one_of(*bands), 3))
    low, high = section.take("low", _one_or_list(_number, 3)), section.take("high", _one_or_list(_number, 3))
    if any(b <= a for a, b in zip(low, high, strict=True)):
        raise section.error("high", f"values above low {low}", high)
    section.close()
    return Display(shown, low, high)


def _hidden(section: _Section) -> HiddenSpec:
    spec = HiddenSpec(
        section.take("files", _pattern),
        section.take("equals", _list_of(_integer), ()),
        section.take("bits", _list_of(_integer), ()),
    )
    if bool(spec.equals) == bool(spec.bits) or any(not 0 <= b < 32 for b in spec.bits):
        raise section.error("", "either `equals: [values]` or `bits: [bit numbers, 0 the lowest]`", section.value)
    section.close()
    return spec


def _label(section: _Section, default: Legend | None) -> LabelSpec:
    own = section.section("legend")
    legend = _legend(own) if own else default
    if legend is None:
        raise section.error("legend", "a legend here or at the top of the file", "none")
    spec = LabelSpec(
        section.take("files", _pattern),
        section.take("t", _positive, 1),
        legend,
        section.take("derive", _one_of("nonzero"), None),
    )
    section.close()
    return spec


def _instance(section: _Section) -> InstanceSpec:
    spec = InstanceSpec(section.take("files", _pattern), section.take("t", _positive, 1))
    section.close()
    return spec


def _nominal(section: _Section) -> tuple[float, float]:
    dy, dx = section.take("nominal_m", _list_of(_number, 2))
    if dy <= 0 or dx <= 0:
        raise section.error("nominal_m", "two positive numbers [dy, dx] in metres", [dy, dx])
    section.close()
    return dy, dx


def _index(value: Any) -> tuple[str, str]:
    if isinstance(value, dict) and set(value) == {"file", "id"}:
        return _pattern(value["file"]), _text(value["id"])
    if isinstance(value, dict):
        raise _Unfit("a csv file name, or {file: NAME, id: COLUMN}")
    return _pattern(value), "id"


def _pick_or_text(section: _Section, key: str) -> Pick | None:
    value = section.value.get(key)
    if isinstance(value, dict):
        inner = section.section(key)
        assert inner is not None
        return _pick(inner)
    if isinstance(value, dt.date):  # YAML reads an unquoted 2015-07-11 as a date
        section.taken.append(key)
        return Pick(fixed=value.isoformat())
    text = section.take(key, _text, None)
    return None if text is None else Pick(fixed=text)


def _pick(section: _Section) -> Pick:
    values = section.section("values")
    pick = Pick(
        fixed=section.take("fixed", _text, None),
        column=section.take("column", _text, None),
        match=section.take("match", _regex, None),
        block=section.take("block", _positive, None),
        values={k: values.take(k, _text) for k in list(values.value)} if values else {},
    )
    section.close()
    others = (pick.column, pick.match, pick.block)
    if (pick.fixed is not None) == any(v is not None for v in others):
        raise section.error("", "`fixed`, or any of `column`, `match`, `block`", section.value)
    return pick


_OVERRIDABLE: dict[str, Converter] = {"scale": _number, "offset": _number, "nodata": _number, "files": _patterns}


def _overrides(top: _Section, frames: set[str]) -> dict[str, dict[str, dict[str, Any]]]:
    section = top.section("overrides")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for scene_id in list(section.value) if section else []:
        assert section is not None
        _check_text_key(section, scene_id)
        scene = section.section(scene_id)
        assert scene is not None
        found[scene_id] = {}
        for name in list(scene.value):
            _check_text_key(scene, name)
            if name not in frames:
                raise scene.error(name, f"the name of a frame ({', '.join(sorted(frames))})", name)
            frame = scene.section(name)
            assert frame is not None
            found[scene_id][name] = {k: frame.take(k, c) for k, c in _OVERRIDABLE.items() if k in frame.value}
            frame.taken.extend(_OVERRIDABLE)
            frame.close()
    return found


def _check_text_key(section: _Section, key: Any) -> None:
    if not isinstance(key, str):
        raise section.error(str(key), "a text key (put numbers in quotes)", key)
