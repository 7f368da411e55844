"""Choice of scenes: a source of which only some scenes are read, so that a recipe can pin them by name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from terracot.scenes import GeneratedSource, Scene, SceneSource, SourceError


class Chosen:
    """A source with these scenes only, in this order. ``SourceError`` when it does not list one of them."""

    def __init__(self, source: SceneSource, scenes: Sequence[str]) -> None:
        self.name = source.name
        self._source, self._scenes = source, tuple(scenes)
        listed = set(source.ids())
        missing = [name for name in self._scenes if name not in listed]
        if missing:
            raise SourceError(
                f"{source.name}: {len(missing)} of {len(self._scenes)} chosen scenes are not there, such as "
                f"{missing[0]}; the source is another version, or not all of it was fetched"
            )

    def ids(self) -> Sequence[str]:
        """The chosen scenes."""
        return self._scenes

    def load(self, scene_id: str) -> Scene:
        """As the source loads it."""
        return self._source.load(scene_id)

    def fingerprint(self) -> str:
        """Changes with the source and with the choice."""
        text = "\n".join((self._source.fingerprint(), *self._scenes))
        return hashlib.sha256(text.encode()).hexdigest()


class ChosenGenerated(Chosen):
    """The same of a source that makes its scenes."""

    def __init__(self, source: GeneratedSource, scenes: Sequence[str]) -> None:
        super().__init__(source, scenes)
        self.inline = source.inline


def choose(source: SceneSource, scenes: Sequence[str]) -> SceneSource:
    """The source with these scenes only, or as it is when none is named."""
    if not scenes:
        return source
    return ChosenGenerated(source, scenes) if isinstance(source, GeneratedSource) else Chosen(source, scenes)
