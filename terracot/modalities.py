"""Choice of frames: a source seen through some of its sensors only (``terracot generate --modality``).

Labels, buildings and stated questions stay as they are. Every date keeps an image or the scene is no longer what its
labels describe: a scene that has none of the chosen sensors on one of its dates is not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from terracot.scenes import GeneratedSource, Modality, Scene, SceneError, SceneSource, SourceError


def parse_modalities(text: str | None) -> tuple[str, ...]:
    """``--modality optical,sar``, in the order of ``Modality``; none for None. ``SourceError`` for anything else."""
    if text is None:
        return ()
    given = [part.strip().lower() for part in text.split(",")]
    known = [str(modality) for modality in Modality]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise SourceError(f"unknown modality {unknown[0]!r}; expected some of {', '.join(known)}")
    return tuple(name for name in known if name in given)


def with_frames(scene: Scene, modalities: Sequence[str]) -> Scene:
    """The scene with its frames of these modalities; its provenance names them. ``SceneError`` when a date has none."""
    frames = tuple(frame for frame in scene.frames if frame.modality in modalities)
    bare = sorted({frame.t for frame in scene.frames} - {frame.t for frame in frames})
    if bare:
        dates = f" on date{'s'[: len(bare) > 1]} {', '.join(map(str, bare))}" if scene.dates > 1 else ""
        has = ", ".join(sorted({str(frame.modality) for frame in scene.frames}))
        raise SceneError(
            "modality_missing",
            f"scene {scene.id} has no {' or '.join(modalities)} image{dates}; it has {has}, which --modality may name",
        )
    return replace(scene, frames=frames, provenance={**scene.provenance, "modalities": list(modalities)})


class Selected:
    """A source of whose scenes only the frames of some modalities are used."""

    def __init__(self, source: SceneSource, modalities: Sequence[str]) -> None:
        self.name = source.name
        self._source, self._modalities = source, tuple(modalities)

    def ids(self) -> Sequence[str]:
        """Those of the source: which sensors a scene has is known when it is loaded."""
        return self._source.ids()

    def load(self, scene_id: str) -> Scene:
        """The scene without its other frames; ``SceneError`` where a date would be left without any."""
        return with_frames(self._source.load(scene_id), self._modalities)

    def fingerprint(self) -> str:
        """Changes with the source and with the choice."""
        return hashlib.sha256(f"{self._source.fingerprint()} {','.join(self._modalities)}".encode()).hexdigest()


class SelectedGenerated(Selected):
    """The same of a source that makes its scenes."""

    def __init__(self, source: GeneratedSource, modalities: Sequence[str]) -> None:
        super().__init__(source, modalities)
        self.inline = source.inline


def select(source: SceneSource, modalities: Sequence[str]) -> SceneSource:
    """The source seen through these modalities only, or as it is when none is named."""
    if not modalities:
        return source
    return (
        SelectedGenerated(source, modalities) if isinstance(source, GeneratedSource) else Selected(source, modalities)
    )
