"""Families of vision-language models as data: ``profiles.yaml``, or an entry of its form in a file of one's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from terrabaselines.grounding.reading import READERS
from terracot.plugins import ModelError

FILE = Path(__file__).with_name("profiles.yaml")
DEFAULT = "default"
TOKENS = ("grid", "tiles", "anyres", "stock")
_ONE_OF = {"tokens": TOKENS, "order": ("before", "after"), "naming": ("beside", "listed")}


@dataclass(frozen=True)
class Grounding:
    """How a family writes boxes. ``scale``: what it calls the right and lower edge, "pixels" of the resized image or a
    number; ``request`` asks for boxes, ``dated`` where a scene has several dates."""

    syntax: str
    scale: str | float
    request: str
    dated: str


@dataclass(frozen=True)
class Profile:
    """One family; ``profiles.yaml`` says what each field means."""

    name: str
    tokens: str
    model_types: tuple[str, ...] = ()
    image_token: str = ""
    image_start: str = ""
    image_end: str = ""
    order: str = "before"
    naming: str = "beside"
    image_name: str = "Image {t}{kind}: "
    system: str | None = None
    ends: tuple[str, ...] = ()
    chat_template: str | None = None
    grounding: Grounding | None = None

    def record(self) -> dict[str, Any]:
        """Plain values for ``run.json``: the name, and a hash of all that it says."""
        text = json.dumps(self, default=lambda value: vars(value), sort_keys=True, ensure_ascii=False)
        return {"name": self.name, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def known_profiles() -> dict[str, Profile]:
    """The profiles that come with the package, by name."""
    entries = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: _profile(name, entry, FILE.name) for name, entry in entries.items()}


def profile_for(model_type: str, wanted: str | None = None) -> Profile:
    """The profile called ``wanted`` (a name, or a YAML file), else that of a ``model_type``, else the default one."""
    known = known_profiles()
    if wanted is None:
        return next((one for one in known.values() if model_type in one.model_types), known[DEFAULT])
    if wanted in known:
        return known[wanted]
    path = Path(wanted)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        raise ModelError(f"profile {wanted!r} is neither a YAML file nor one of {', '.join(known)}")
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(entries, Mapping) or len(entries) != 1:
        raise ModelError(f"{path}: expected one profile, NAME: {{tokens: ..., ...}}, as in {FILE.name} of the package")
    ((name, entry),) = entries.items()
    return _profile(str(name), entry, path.name)


def _profile(name: str, entry: Any, where: str) -> Profile:
    values = _entry(Profile, entry, f"{where}, profile {name}", {"name"})
    if values.get("grounding") is not None:
        values["grounding"] = _grounding(values["grounding"], f"{where}, grounding of {name}")
    for key in ("model_types", "ends"):
        given = values.get(key, [])
        if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
            raise ModelError(f"{where}, profile {name}: {key} is {given!r}; expected a list of texts")
        values[key] = tuple(given)
    for key, choices in _ONE_OF.items():
        if key in values and values[key] not in choices:
            raise ModelError(f"{where}, profile {name}: {key} is {values[key]!r}; expected one of {', '.join(choices)}")
    for key in ("image_token", "image_start", "image_end", "image_name", "system", "chat_template"):
        if not isinstance(values.get(key, ""), str | None):
            raise ModelError(f"{where}, profile {name}: {key} is {values[key]!r}; expected a text")
    profile = Profile(name=name, **values)
    if profile.tokens != "stock" and not profile.image_token:
        raise ModelError(f"{where}, profile {name}: image_token is missing; tokens: {profile.tokens} needs it")
    try:
        profile.image_name.format(t=1, kind="")
    except (LookupError, ValueError) as error:
        raise ModelError(
            f"{where}, profile {name}: image_name {profile.image_name!r} may name {{t}} and {{kind}} only"
        ) from error
    return profile


def _grounding(entry: Any, where: str) -> Grounding:
    values = _entry(Grounding, entry, where, set())
    scale = values["scale"]
    number = isinstance(scale, int | float) and not isinstance(scale, bool) and 0 < scale < float("inf")
    if not number and scale != "pixels":
        raise ModelError(f"{where}: scale is {scale!r}; expected pixels or a positive number")
    if values["syntax"] not in READERS:
        raise ModelError(f"{where}: syntax is {values['syntax']!r}; expected one of {', '.join(READERS)}")
    for key in ("request", "dated"):
        if not isinstance(values[key], str):
            raise ModelError(f"{where}: {key} is {values[key]!r}; expected a text")
    return Grounding(**values)


def _entry(kind: Any, entry: Any, where: str, given: set[str]) -> dict[str, Any]:
    """The keys and values of an entry, none of them unknown, none missing that has no default."""
    known = {field.name: field for field in fields(kind) if field.name not in given}
    if not isinstance(entry, Mapping):
        raise ModelError(f"{where}: expected {', '.join(known)}; found {entry!r}")
    unknown = sorted(str(key) for key in entry if key not in known)
    needed = ("tokens",) if kind is Profile else tuple(known)
    missing = [name for name in needed if name not in entry]
    if unknown or missing:
        found = f"unknown: {', '.join(unknown)}" if unknown else f"missing: {', '.join(missing)}"
        raise ModelError(f"{where}: {found}; a profile has {', '.join(known)}")
    return dict(entry)
