"""The one pixel grid of a scene whose files each say where they lie: who agrees, and how big its pixels are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terracot.ground import GroundError, GroundSampling
from terracot.scenes import SceneError
from terracot.sources.rasters import Header, misplaced


@dataclass(frozen=True)
class Grid:
    """Shape, CRS and transform that all files of a scene share; None, None where no file states them.

    ``origin`` is the file, relative to the source, that the georeference is from.
    """

    shape: tuple[int, int]
    crs: str | None
    transform: tuple[float, ...] | None
    origin: str | None

    def ground(self, scene_id: str) -> GroundSampling:
        """Measured pixel size, or unknown without georeference; ``SceneError`` for one that gives no metres."""
        if self.crs is None or self.transform is None:
            return GroundSampling.unknown("no georeference in the files")
        try:
            return GroundSampling.from_georeference(self.crs, self.transform, self.shape)
        except GroundError as error:
            raise SceneError("georeference", f"scene {scene_id}: {self.origin}: {error}") from error


def common_grid(scene_id: str, files: Sequence[tuple[str, Header]], max_shift_px: float) -> Grid:
    """The grid of ``files`` (name and header, the label raster first).

    A file without georeference takes that of the first with one. ``SceneError`` when shapes differ
    ("mismatched_shapes"), or CRS or corners do by more than ``max_shift_px`` pixels ("mismatched_georeference").
    """
    (first, label), *_ = files
    origin, placed = next(((name, h) for name, h in files if h.placed), (None, label))
    for name, header in files:
        if header.shape != label.shape:
            raise SceneError(
                "mismatched_shapes",
                f"scene {scene_id}: {name} has {_size(header)} pixels, {first} has {_size(label)}; fetch both again, "
                "one of them is not the published file",
            )
        if not header.placed:
            continue
        _check_degenerate(scene_id, name, placed)
        if found := misplaced(header, placed, str(origin), max_shift_px):
            raise SceneError(
                "mismatched_georeference", f"scene {scene_id}: {name} {found}; warp both to one grid first"
            )
    if origin is None:
        return Grid(label.shape, None, None, None)
    return Grid(label.shape, placed.crs, placed.transform, origin)


def _size(header: Header) -> str:
    return f"{header.shape[0]} x {header.shape[1]}"


def _check_degenerate(scene_id: str, name: str, placed: Header) -> None:
    a, b, _, d, e, _ = placed.transform
    if a * e == b * d:
        raise SceneError(
            "georeference",
            f"scene {scene_id}: {name}: degenerate transform {placed.transform}, its pixels have no area",
        )
