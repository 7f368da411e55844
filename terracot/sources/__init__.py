"""Sources of scenes: one file per data set layout; ``open_source(name, path)`` is the only way in."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module

from terracot.scenes import SceneSource, SourceError

SOURCES: dict[str, str] = {
    "geotiff": "terracot.sources.geotiff:GeoTiffSource",
    "procedural": "terracot.sources.procedural:ProceduralSource",
}
"""Source name -> class, imported only when opened. Each class is called with the path given by the user."""


def open_source(name: str, path: str, **options: object) -> SceneSource:
    """Open a source; ``SourceError`` names the known sources or what is wrong with ``path``."""
    if name not in SOURCES:
        near = difflib.get_close_matches(name, SOURCES, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SourceError(f"unknown source {name!r}.{hint} Known sources: {', '.join(sorted(SOURCES))}")
    module, _, attribute = SOURCES[name].partition(":")
    factory: Callable[..., SceneSource] = getattr(import_module(module), attribute)
    return factory(path, **options)
