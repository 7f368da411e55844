"""Text about sources: the list of all, the details of one, the table of a survey."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from terracot.licences import mark, non_commercial
from terracot.scenes import SourceError
from terracot.sources.catalogue import CATALOGUE, GENERAL, LAND, PUBLISHED, REFUSED, Option, SourceInfo

if TYPE_CHECKING:
    from terracot.survey import Survey

WIDTH = 112


def overview() -> str:
    """All sources: name, title, licence, size, and where the owner offers them."""
    lines = ["Your own data and synthetic data:", ""]
    for info in GENERAL:
        lines += [f"  {info.name:<14}{info.title}", f"{'':16}PATH: {info.path}"]
    lines += ["", "Published data sets, read as they are downloaded:", ""]
    for info in PUBLISHED:
        lines += [
            f"  {info.name:<14}{info.title}",
            f"{'':16}{info.size}; {_licence(info)}",
            f"{'':16}answers {_answers(info)}",
            f"{'':16}{info.home}",
        ]
    lines += ["", "Not read, for a reason:", ""]
    for name, why in REFUSED.items():
        lines += _folded(name, why)
    lines += ["", "All about one of them: terracot sources NAME"]
    return "\n".join(lines)


def details(name: str) -> str:
    """What PATH has to be, options, licence and caveats of one source."""
    if name in REFUSED:
        return "\n".join([f"{name} is not read.", *textwrap.wrap(REFUSED[name], WIDTH)])
    info = _info(name)
    lines = [f"{info.name}: {info.title}", ""]
    for label, text in (
        ("PATH", info.path),
        ("licence", _licence(info)),
        ("attribution", info.attribution),
        ("size", info.size),
        ("from", info.home),
        ("answers", _answers(info)),
        ("notes", info.notes),
    ):
        if text:
            lines += _folded(label, text)
    if info.options:
        lines += ["", "options:"]
        shown = {_shown(option): option.help for option in info.options}
        width = max(map(len, shown)) + 2
        for label, text in shown.items():
            lines += _folded(label, text, width)
    if name == "geotiff":
        lines += ["", "layouts shipped (a folder of that name needs no --layout):"]
        lines += [f"  {layout:<24}{licence}" for layout, licence in _layouts().items()]
    given = " ".join([name, "PATH", *([info.needs] if info.needs else [])])
    lines += ["", f"  terracot check {given}", f"  terracot generate {given} --out DIR"]
    return "\n".join(lines)


def plain(name: str | None) -> Any:
    """The same as plain values for JSON: a list of all, or one object."""
    if name is None:
        return [plain(one) for one in (*CATALOGUE, *REFUSED)]
    if name in REFUSED:
        return {"name": name, "refused": REFUSED[name]}
    info = _info(name)
    record = {k: v for k, v in asdict(info).items() if k != "target"}
    record["non_commercial"] = info not in GENERAL and non_commercial(info.license)
    if name == "geotiff":
        record["layouts"] = [{"name": layout, "license": licence} for layout, licence in _layouts().items()]
    return record


def survey_table(found: Survey, allowed: float) -> str:
    """One table: how many scenes can be used, how many cannot and why, with an example of each reason."""
    rows = [("usable", found.usable, _counted(found.splits))]
    for name, count in found.categories.items():
        of_it = {r: n for r, n in found.reasons.items() if _category(r) == name}
        rows.append((name, count, _counted(of_it)))
    if found.unread:
        rows.append(("not read", found.unread, "beyond --limit"))
    width = max(len(name) for name, _, _ in rows)
    lines = [f"{name:<{width}}  {count:>9,}  {what}".rstrip() for name, count, what in rows]
    if found.ground:
        lines += ["", f"pixel size: {_counted(found.ground)}", f"sensors: {_counted(found.sensors)}"]
    for reason, examples in sorted(found.examples.items()):
        more = found.reasons[reason] - sum(example["count"] for example in examples)
        lines += ["", f"{reason}:"]
        for example in examples:
            lines += textwrap.wrap(
                f"{example['name']}: {example['message']}", WIDTH, initial_indent="  ", subsequent_indent="    "
            )
        lines += [f"  ... and {more:,} more"] if more else []
    return "\n".join([*lines, "", _verdict(found, allowed)])


def _verdict(found: Survey, allowed: float) -> str:
    if not found.usable:
        return "Not usable: no scene can be read."
    if not found.unusable_share:
        return "Usable: nothing is wrong with what was read." if found.unread else "Usable: nothing is wrong."
    about = "about " if found.unread else ""
    share = f"{about}{100 * found.unusable_share:.3g} % cannot be used"
    if found.unusable_share > allowed:
        return f"Not usable as it is: {share}, more than the {100 * allowed:g} % that --max-quarantined allows."
    return f"Usable, but {share}."


def _category(reason: str) -> str:
    from terracot.sources.published import category

    return category(reason)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def _info(name: str) -> SourceInfo:
    if name not in CATALOGUE:
        raise SourceError(f"unknown source {name!r}. Known sources: {', '.join(sorted((*CATALOGUE, *REFUSED)))}")
    return CATALOGUE[name]


def _licence(info: SourceInfo) -> str:
    if info in GENERAL:
        return info.license
    return ("terms" if info.license.startswith("LicenseRef-") else info.license) + mark(info.license)


def _answers(info: SourceInfo) -> str:
    if set(LAND) <= set(info.answers):
        return ", ".join(["all about land cover", *(a.replace("_", " ") for a in info.answers if a not in LAND)])
    return ", ".join(info.answers)


def _shown(option: Option) -> str:
    value = "PATH" if option.path else "NAME" if option.name in ("split", "layout") else "VALUE"
    return f"--{option.name} {value}" if value == "NAME" else f"-o {option.name}={value}"


def _folded(label: str, text: str, width: int = 14) -> list[str]:
    first = f"  {label:<{width}}"
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False)


def _layouts() -> dict[str, str]:
    from terracot.sources.layout import SHIPPED, shipped_layouts
    from terracot.sources.layout_yaml import read_layout

    return {name: read_layout(SHIPPED / f"{name}.yaml").license for name in shipped_layouts()}
