"""Recipes: whole benchmarks pinned to the last item, so that anybody can build the very same one again.

``recipes/NAME.yaml`` names the parts of a benchmark (source, its version, options, which scenes), the settings, and
what must come out; ``NAME.txt`` beside it has a line for each scene: its name, a hash of its row and its item ids.
Item ids follow from the content, pixels included, so they pin pixels that may not be shipped. Recipes are written by
``terrabench recipe new``, never by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

import terracot
from terrabench.building.protocols import protocol_named
from terrabench.building.recipe_content import Content, RecipeError, content_of
from terrabench.building.settings import Settings
from terrabench.items import Benchmark
from terracot.generate import SourceSpec
from terracot.io import atomic_write_text, check_manifest
from terracot.shards import read_rows
from terracot.sources.catalogue import CATALOGUE
from terracot.sources.layout import shipped_layouts
from terracot.sources.strict_yaml import Section, Unfit, list_of, positive, read_yaml, text

SHIPPED = Path(__file__).parents[1] / "recipes"
_NOT_A_NAME = re.compile(r"[^\w-]+")


@dataclass(frozen=True)
class Part:
    """One source of a benchmark. ``path`` is given where the source makes its scenes; else the user says where it lies.

    ``limit`` scenes of its listing are read, without those in ``leave_out``; or those in ``scenes``, if any.
    ``places`` are options that are paths: the user gives them as well.
    """

    name: str
    source: str
    fingerprint: str
    limit: int
    path: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    places: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """What the user has to give: NAME, and NAME.OPTION for options that are paths."""
        return (*([] if self.path else [self.name]), *(f"{self.name}.{option}" for option in self.places))

    def spec(self, places: Mapping[str, str]) -> SourceSpec:
        """The source at the places given, with all scenes of its listing."""
        path = self.path or places[self.name]
        options = dict(self.options) | {option: places[f"{self.name}.{option}"] for option in self.places}
        if Path(path).is_file():
            options.pop("layout", None)  # the path is a layout itself
        return SourceSpec(self.source, path, tuple(sorted(options.items())), self.modalities, self.scenes)

    def chosen(self, spec: SourceSpec) -> SourceSpec:
        """The source with the scenes of the recipe only."""
        if not self.leave_out:
            return spec
        listed = list(spec.open().ids())[: self.limit]
        return replace(spec, scenes=tuple(name for name in listed if name not in self.leave_out))


@dataclass(frozen=True)
class Recipe:
    """A benchmark pinned. ``settings`` are keywords of ``building.build.build``; ``version`` wrote the recipe."""

    name: str
    about: str
    version: str
    settings: Mapping[str, Any]
    parts: tuple[Part, ...]
    content: Content

    @property
    def asked(self) -> list[str]:
        """Every place that the user has to give."""
        return [place for part in self.parts for place in part.asked]

    def check_places(self, places: Mapping[str, str]) -> None:
        """``RecipeError`` unless exactly the places asked for are given."""
        if set(places) != set(self.asked):
            given = " ".join(f"{name}=..." for name in places) or "none"
            asked = " ".join(f"{name}=PATH" for name in self.asked)
            raise RecipeError(
                f"recipe {self.name} needs {asked or 'no place'}; given {given}. Give "
                f"`terrabench build --recipe {self.name} {asked}{' ' if asked else ''}--out DIR`"
            )


def new_recipe(folders: Mapping[str, Path], name: str, about: str) -> Recipe:
    """The recipe of finished benchmarks, by the name of the part that each becomes (joined ones have names of theirs).

    ``RecipeError`` when they cannot be pinned: other settings, or settings that no command can give.
    """
    parts: list[Part] = []
    settings: dict[str, dict[str, Any]] = {}
    for given, folder in folders.items():
        bench = Benchmark.open(folder)
        if damage := check_manifest(folder):
            raise RecipeError(f"{folder} is damaged: {damage[0]}. Build it again")
        manifests = bench.manifest.get("parts") or [{"name": given, **bench.manifest}]
        for manifest in manifests:
            if "source" not in manifest or "settings" not in manifest:
                raise RecipeError(f"{folder} was not made by `terrabench build`; only such benchmarks have a recipe")
            if "rewriting" in manifest:
                raise RecipeError(f"{folder} has questions in a model's words, which follow from no recipe")
            parts.append(_part(manifest))
            settings[parts[-1].name] = _settings(manifest, folder)
    names = [part.name for part in parts]
    if odd := [name for name in names if not name or _NOT_A_NAME.search(name)]:
        raise RecipeError(f"{odd[0]!r} is no name for a part; take letters, digits, _ and -")
    if twice := sorted({part for part in names if names.count(part) > 1}):
        raise RecipeError(f"two parts have the name {twice[0]}; name them: --from NAME=BENCH")
    if others := [part for part in names if settings[part] != settings[names[0]]]:
        raise RecipeError(f"{names[0]} and {others[0]} have other settings; a recipe has one protocol, one seed ...")
    content = content_of(folders.values())
    return Recipe(name, about, terracot.__version__, settings[names[0]], tuple(parts), content)


def part_name(folder: Path) -> str:
    """What the part that a benchmark becomes is called by default: as its scenes call their source."""
    names = sorted({row["source"] for row in read_rows(folder, "scenes", ["source"])})
    return _NOT_A_NAME.sub("-", "-".join(names)) or "part"


def _part(manifest: Mapping[str, Any]) -> Part:
    source = manifest["source"]
    info = CATALOGUE[source["name"]]
    places = {option.name for option in info.options if option.path} & set(source["options"])
    options = {key: value for key, value in source["options"].items() if key not in places}
    if info.takes("layout") and source["path"] in shipped_layouts():
        options.setdefault("layout", source["path"])  # elsewhere the folder may have another name
    return Part(
        name=manifest["name"],
        source=source["name"],
        fingerprint=source["fingerprint"],
        limit=manifest["scenes_read"],
        path=source["path"] if source["generated"] else None,
        options=tuple(sorted(options.items())),
        places=tuple(sorted(places)),
        modalities=tuple(source.get("modalities", ())),
        scenes=tuple(source.get("scenes", ())),
        leave_out=tuple(manifest["leaked"]),
    )


def _settings(manifest: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    stored = dict(manifest["settings"])
    protocol = stored["protocol"]
    if json.loads(json.dumps(asdict(protocol_named(protocol["name"])))) != protocol:
        raise RecipeError(f"{folder} was built under a protocol of its own, which no command can give")
    return stored | {"protocol": protocol["name"]}


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write ``path`` (.yaml) and the list of scenes and items beside it (.txt)."""
    if odd := [name for name in recipe.content.scenes if any(c in name for c in "\t\n\r")]:
        raise RecipeError(f"scene {odd[0]!r} has a name with a tab or a line break, which a recipe cannot list")
    parts = {part.name: _part_entry(part) for part in recipe.parts}
    content = {
        "about": recipe.about,
        "version": recipe.version,
        "settings": dict(recipe.settings),
        "parts": parts,
        "expected": recipe.content.expected(),
    }
    atomic_write_text(path.with_suffix(".txt"), recipe.content.text())
    atomic_write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110))


def _part_entry(part: Part) -> dict[str, Any]:
    entry = {key: value for key, value in asdict(part).items() if value not in (None, ()) and key != "name"}
    if part.options:
        entry["options"] = dict(part.options)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in entry.items()}


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def read_recipe(name: str) -> Recipe:
    """A shipped recipe by its name, or a file; ``RecipeError`` or ``SourceError`` says what is wrong with it."""
    path = SHIPPED / f"{name}.yaml" if name in shipped_recipes() else Path(name)
    if not path.is_file():
        raise RecipeError(f"no recipe {name!r}; shipped are {', '.join(shipped_recipes()) or 'none'}, or give a file")
    _, top = read_yaml(path)
    about, version = top.take("about", text), top.take("version", text)
    settings = top.take("settings", _mapping)
    known = [field.name for field in fields(Settings)]
    if unknown := [key for key in settings if key not in known]:
        raise top.error(f"settings.{unknown[0]}", f"one of {', '.join(known)}", settings[unknown[0]])
    parts = top.take("parts", _mapping)
    expected = top.take("expected", _mapping)
    top.close()
    if not parts:
        raise top.error("parts", "at least one part", parts)
    read = tuple(_read_part(part, Section(entry, path.name, f"parts.{part}")) for part, entry in parts.items())
    return Recipe(path.stem, about, version, settings, read, _read_content(path, expected))


def _read_part(name: str, section: Section) -> Part:
    words = list_of(text)
    part = Part(
        name=text(name),
        source=section.take("source", text),
        fingerprint=section.take("fingerprint", text),
        limit=section.take("limit", positive),
        path=section.take("path", text, None),
        options=tuple(sorted(section.take("options", _mapping, {}).items())),
        places=section.take("places", words, ()),
        modalities=section.take("modalities", words, ()),
        scenes=section.take("scenes", words, ()),
        leave_out=section.take("leave_out", words, ()),
    )
    section.close()
    if _NOT_A_NAME.search(part.name):
        raise section.error("", "a name of letters, digits, _ and -", part.name)
    if part.source not in CATALOGUE:
        raise section.error("source", f"one of {', '.join(sorted(CATALOGUE))}", part.source)
    return part


def _read_content(path: Path, expected: Mapping[str, Any]) -> Content:
    listed = path.with_suffix(".txt")
    scenes: dict[str, tuple[str, tuple[str, ...]]] = {}
    try:
        for line in listed.read_text("utf-8").removesuffix("\n").split("\n"):
            name, sha256, ids = line.split("\t")
            scenes[name] = sha256, tuple(ids.split())
    except OSError as error:
        raise RecipeError(f"{listed} cannot be read ({error.strerror}); a recipe is a .yaml and a .txt file") from error
    except ValueError as error:
        raise RecipeError(f"{listed} is no list of scenes and items ({error}); restore the file") from error
    content = Content(scenes, dict(expected.get("items", {})), dict(expected.get("splits", {})))
    if content.expected() != expected:
        differing = [key for key, value in content.expected().items() if expected.get(key) != value]
        raise RecipeError(
            f"{path.name} and {listed.name} do not belong together: {', '.join(differing)} of the list differ from "
            "what the recipe states. Restore both, or write them again with `terrabench recipe new`"
        )
    return content


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Unfit("a mapping (key: value)")
    return value
