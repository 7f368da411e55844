"""Sources of scenes: one file per data set layout; ``open_source(name, path)`` is the only way in."""

from __future__ import annotations

import difflib
from importlib import import_module

from terracot.scenes import SceneSource, SourceError
from terracot.sources.catalogue import CATALOGUE, REFUSED


def open_source(name: str, path: str, **options: object) -> SceneSource:
    """Open a source; ``SourceError`` names the known sources, its options, or what is wrong with ``path``."""
    if name in REFUSED:
        raise SourceError(f"{name} is not read, for a reason. {REFUSED[name]}")
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SourceError(f"unknown source {name!r}.{hint} Known sources: {', '.join(sorted(CATALOGUE))}")
    info = CATALOGUE[name]
    for option in options:
        if not info.takes(option):
            known = ", ".join(o.name for o in info.options) or "none"
            raise SourceError(f"source {name} has no option {option!r}; its options: {known}")
    module, _, cls = info.target.partition(":")
    source: SceneSource = getattr(import_module(module), cls)(path, **options)
    return source
