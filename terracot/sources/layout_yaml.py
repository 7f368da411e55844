"""Reads a layout file: YAML to ``Layout``, strictly."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from terracot.render import default_display
from terracot.scenes import Display, Legend, LegendClass, Modality, SourceError
from terracot.sources import strict_yaml as y
from terracot.sources.layout import (
    ID,
    UNITS,
    FrameSpec,
    HiddenSpec,
    InstanceSpec,
    LabelSpec,
    Layout,
    Pick,
)


def read_layout(path: Path) -> Layout:
    """Parse and check one layout file; ``SourceError`` says what is wrong and where."""
    text, top = y.read_yaml(path)
    return _layout(top, text, path.name)


def _layout(top: y.Section, text: str, file: str) -> Layout:
    legend_section = top.section("legend")
    legend = _legend(legend_section) if legend_section else None
    frames = tuple(_frame(s) for s in top.sections("frames", required=True))
    labels = tuple(_label(s, legend) for s in top.sections("labels", required=False))
    instances = tuple(_instance(s) for s in top.sections("instances", required=False))
    ground, index = top.section("ground"), top.take("index", _index, (None, "id"))
    layout = Layout(
        name=top.take("name", y.text),
        description=top.take("description", y.text, ""),
        license=top.take("license", y.text),
        attribution=" ".join(top.take("attribution", y.text).split()),
        text=text,
        file=file,
        root=top.take("root", y.text, None),
        ids=top.take("ids", _ids, labels[0].files if labels else frames[0].files[0]),
        frames=tuple(sorted(frames, key=lambda f: f.t)),
        labels=labels,
        instances=instances,
        nominal_m=_nominal(ground) if ground else None,
        index=index[0],
        index_id=index[1],
        group=_pick_or_text(top, "group"),
        split=_pick_or_text(top, "split") or Pick(fixed="train"),
        overrides=_overrides(top, {f.name for f in frames}),
    )
    top.close()
    _check(layout, top)
    return layout


def _ids(value: Any) -> str | tuple[str, ...]:
    ids: str | tuple[str, ...] = y.list_of(y.text)(value) if isinstance(value, list) else y.inner_path(value)
    return ids


def _check(layout: Layout, top: y.Section) -> None:
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


def _legend(section: y.Section) -> Legend:
    classes = []
    for number, item in enumerate(section.sections("classes", required=True)):
        classes.append(
            LegendClass(
                number,
                item.take("name", y.text),
                item.take("codes", y.list_of(y.integer)),
                item.take("color", y.color, (128, 128, 128)),
                item.take("plural", y.flag, None),
            )
        )
        item.close()
    name, ignore = section.take("name", y.text), section.take("ignore", y.list_of(y.integer), ())
    section.close()
    try:
        return Legend(name, tuple(classes), ignore)
    except SourceError as error:
        raise SourceError(f"{section.file}: key {section.key}: {error}") from error


def _frame(section: y.Section) -> FrameSpec:
    files = section.take("files", y.inner_paths)
    bands = section.take("bands", y.list_of(y.text))
    if not bands or len(set(bands)) != len(bands):
        raise section.error("bands", "at least one band, each name once", bands)
    modality = Modality(section.take("modality", y.one_of(*Modality)))
    unit = section.take("unit", y.one_of(*UNITS))
    display, hidden = section.section("display"), section.section("hidden")
    spec = FrameSpec(
        name=section.take("name", y.text, Path(files[0]).parts[0]),
        files=files,
        modality=modality,
        bands=bands,
        t=section.take("t", y.positive, 1),
        time=_pick_or_text(section, "time"),
        unit=unit,
        scale=section.take("scale", y.number, 1.0),
        offset=section.take("offset", y.number, 0.0),
        nodata=section.take("nodata", y.number, None),
        resample=section.take("resample", y.one_of("bilinear"), None) is not None,
        display=_display(display, bands) if display else _default_display(section, modality, bands, unit),
        limits_stated=display is not None,
        hidden=_hidden(hidden) if hidden else None,
    )
    section.close()
    return spec


def _default_display(section: y.Section, modality: Modality, bands: tuple[str, ...], unit: str) -> Display:
    try:
        return default_display(modality, bands, unit)
    except ValueError as error:
        raise section.error("display", f"this key, because {error}", "no display") from error


def _display(section: y.Section, bands: tuple[str, ...]) -> Display:
    shown = section.take("bands", y.list_of(y.one_of(*bands), 3))
    low, high = section.take("low", y.one_or_list(y.number, 3)), section.take("high", y.one_or_list(y.number, 3))
    if any(b <= a for a, b in zip(low, high, strict=True)):
        raise section.error("high", f"values above low {low}", high)
    section.close()
    return Display(shown, low, high)


def _hidden(section: y.Section) -> HiddenSpec:
    spec = HiddenSpec(
        section.take("files", y.inner_path),
        section.take("equals", y.list_of(y.integer), ()),
        section.take("bits", y.list_of(y.integer), ()),
    )
    if bool(spec.equals) == bool(spec.bits) or any(not 0 <= b < 32 for b in spec.bits):
        raise section.error("", "either `equals: [values]` or `bits: [bit numbers, 0 the lowest]`", section.value)
    section.close()
    return spec


def _label(section: y.Section, default: Legend | None) -> LabelSpec:
    own = section.section("legend")
    legend = _legend(own) if own else default
    if legend is None:
        raise section.error("legend", "a legend here or at the top of the file", "none")
    spec = LabelSpec(
        section.take("files", y.inner_path),
        section.take("t", y.positive, 1),
        legend,
        section.take("derive", y.one_of("nonzero"), None),
    )
    section.close()
    return spec


def _instance(section: y.Section) -> InstanceSpec:
    spec = InstanceSpec(section.take("files", y.inner_path), section.take("t", y.positive, 1))
    section.close()
    return spec


def _nominal(section: y.Section) -> tuple[float, float]:
    dy, dx = section.take("nominal_m", y.list_of(y.number, 2))
    if dy <= 0 or dx <= 0:
        raise section.error("nominal_m", "two positive numbers [dy, dx] in metres", [dy, dx])
    section.close()
    return dy, dx


def _index(value: Any) -> tuple[str, str]:
    if isinstance(value, dict) and set(value) == {"file", "id"}:
        return y.inner_path(value["file"]), y.text(value["id"])
    if isinstance(value, dict):
        raise y.Unfit("a csv file name, or {file: NAME, id: COLUMN}")
    return y.inner_path(value), "id"


def _pick_or_text(section: y.Section, key: str) -> Pick | None:
    value = section.value.get(key)
    if isinstance(value, dict):
        inner = section.section(key)
        assert inner is not None
        return _pick(inner)
    if isinstance(value, dt.date):  # YAML reads an unquoted 2015-07-11 as a date
        section.taken.append(key)
        return Pick(fixed=value.isoformat())
    text = section.take(key, y.text, None)
    return None if text is None else Pick(fixed=text)


def _pick(section: y.Section) -> Pick:
    values = section.section("values")
    pick = Pick(
        fixed=section.take("fixed", y.text, None),
        column=section.take("column", y.text, None),
        match=section.take("match", y.regex, None),
        block=section.take("block", y.positive, None),
        values={k: values.take(k, y.text) for k in list(values.value)} if values else {},
    )
    section.close()
    others = (pick.column, pick.match, pick.block)
    if (pick.fixed is not None) == any(v is not None for v in others):
        raise section.error("", "`fixed`, or any of `column`, `match`, `block`", section.value)
    return pick


_OVERRIDABLE: dict[str, y.Converter] = {
    "scale": y.number,
    "offset": y.number,
    "nodata": y.number,
    "files": y.inner_paths,
}


def _overrides(top: y.Section, frames: set[str]) -> dict[str, dict[str, dict[str, Any]]]:
    section = top.section("overrides")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for scene_id in list(section.value) if section else []:
        assert section is not None
        y.check_text_key(section, scene_id)
        scene = section.section(scene_id)
        assert scene is not None
        found[scene_id] = {}
        for name in list(scene.value):
            y.check_text_key(scene, name)
            if name not in frames:
                raise scene.error(name, f"the name of a frame ({', '.join(sorted(frames))})", name)
            frame = scene.section(name)
            assert frame is not None
            found[scene_id][name] = {k: frame.take(k, c) for k, c in _OVERRIDABLE.items() if k in frame.value}
            frame.taken.extend(_OVERRIDABLE)
            frame.close()
    return found
