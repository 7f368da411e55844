"""BRIGHT: an optical image before a disaster, a SAR image after it, and the damage of every mapped building.

Pixel size and place come from the headers alone: the tiles of one event are in degrees (whose pixels are not square on
the ground), those of another in UTM. The damage map describes date 2. Its buildings were drawn on the optical image, so
the same map without the degree of damage describes date 1: what is damaged or destroyed later stood there before. What
is left between the two sensors after their registration, and walls that lean towards a radar, forbid distances of a few
metres (``LIMITS``).

Buildings are known by pixels only: neighbours that touch cannot be told apart, so patches are counted, never buildings,
and there are no building-change items. ``target_instance_level.zip``, which does hold single buildings, is not read:
its layout is not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from terracot.render import default_display
from terracot.scenes import (
    Display,
    Frame,
    LabelMap,
    Legend,
    LegendClass,
    MapLimits,
    Modality,
    Scene,
    SceneError,
    SourceError,
)
from terracot.sources.bright_files import (
    KINDS,
    NOT_REDISTRIBUTED,
    UNSTATED,
    event_of,
    find_folders,
    list_tiles,
    read_lists,
)
from terracot.sources.grids import Grid, common_grid
from terracot.sources.published import LeftOut, Listing, PublishedSource
from terracot.sources.rasters import Header, read_header, read_image, read_labels

DAMAGE = Legend(
    "bright_damage",
    (
        LegendClass(0, "ground without buildings", (0,), (225, 225, 225)),
        LegendClass(1, "intact building cover", (1,), (70, 181, 121)),
        LegendClass(2, "damaged building cover", (2,), (228, 189, 139)),
        LegendClass(3, "destroyed building cover", (3,), (182, 70, 69)),
    ),
)
"""After the event."""

STANDING = Legend(
    "bright_buildings",
    (
        LegendClass(0, "ground without buildings", (0,), (225, 225, 225)),
        LegendClass(1, "building cover", (1, 2, 3), (90, 110, 200)),
    ),
)
"""Before the event: every mapped building stands."""

LIMITS = MapLimits(min_distance_m=5.0)

MAX_SHIFT_PX = 0.5
"""Largest disagreement of the headers of one tile: less than the registration of the two sensors is good for."""

_OPTICAL = ("R", "G", "B")
_SAR = ("amplitude",)
_SAR_DISPLAY = Display(("amplitude",) * 3, (0.0,) * 3, (255.0,) * 3)


class BrightSource(PublishedSource):
    """BRIGHT as downloaded. ``splits`` is a folder with the publisher's lists of tiles (train_set.txt ...).

    Without lists no split is stated and every scene has the split "unstated"; with lists only their tiles are scenes.
    """

    name = "bright"
    splits = ("train", "validation", "test", "holdout", UNSTATED)

    def __init__(self, path: str | Path, split: str | None = None, splits: str | None = None) -> None:
        super().__init__(path, split)
        self._lists = read_lists(Path(splits)) if splits is not None else None
        if split not in (None, UNSTATED) and self._lists is None:
            raise SourceError(
                f"bright states its splits in lists beside the images, not in its folders; for split={split} give the "
                "folder with train_set.txt, val_set.txt and test_set.txt (bda_benchmark/dataset/splitname/standard_ML "
                "of its repository) as splits=FOLDER"
            )

    @cached_property
    def _folders(self) -> Mapping[str, Path]:
        return find_folders(self.root, self.info.path)

    def listing(self) -> Listing:
        """Tiles that have all three files, with their split; the others with what is missing."""
        return list_tiles(self.root, self._folders, self._lists)

    def load(self, scene_id: str) -> Scene:
        """One tile: optical at t = 1, SAR at t = 2, a map of each; ``SceneError`` for what does not fit."""
        if scene_id not in self.listed.scenes:
            known = {left.name: left for left in self.listed.left_out}
            left = known.get(scene_id, LeftOut(scene_id, "unknown_scene", "no such tile in the data folder"))
            raise SceneError(left.reason, f"scene {scene_id}: {left.message}")
        event = event_of(scene_id)
        paths = {kind: folder / f"{scene_id}_{kind}.tif" for kind, folder in self._folders.items()}
        names = {kind: self.rel(path) for kind, path in paths.items()}
        headers = {kind: read_header(paths[kind], names[kind]) for kind in KINDS}
        for kind, header in headers.items():
            _check_bands(scene_id, names[kind], kind, header)
        label, grid_files = "building_damage", ("building_damage", "pre_disaster", "post_disaster")
        grid = common_grid(scene_id, [(names[k], headers[k]) for k in grid_files], MAX_SHIFT_PX)
        ground = grid.ground(scene_id)
        google = event in NOT_REDISTRIBUTED
        return Scene(
            id=scene_id,
            source=self.name,
            group=f"event/{event.replace('_', '-').lower()}",
            license=self.info.license + (" AND LicenseRef-Google-Earth" if google else ""),
            attribution=self.info.attribution + ("; optical image of this event: Google Earth" if google else ""),
            split=self.listed.scenes[scene_id],
            frames=(
                Frame(
                    id=f"{scene_id}/optical",
                    t=1,
                    modality=Modality.OPTICAL,
                    bands=_OPTICAL,
                    shape=grid.shape,
                    read=partial(_first_three, paths["pre_disaster"], names["pre_disaster"]),
                    unit="digital number",
                    display=default_display(Modality.OPTICAL, _OPTICAL, "digital number"),
                ),
                Frame(
                    id=f"{scene_id}/sar",
                    t=2,
                    modality=Modality.SAR,
                    bands=_SAR,
                    shape=grid.shape,
                    read=partial(read_image, paths["post_disaster"], names["post_disaster"], count=1),
                    unit="digital number",  # stretched by its makers: no dB can be had from it
                    display=_SAR_DISPLAY,
                ),
            ),
            labels=tuple(
                LabelMap(t, legend, grid.shape, partial(read_labels, paths[label], names[label], legend, None), LIMITS)
                for t, legend in ((1, STANDING), (2, DAMAGE))
            ),
            ground=ground,
            crs=grid.crs,
            transform=grid.transform,
            provenance=_provenance(scene_id, event, names, grid, ground.origin),
        )


def _check_bands(scene_id: str, name: str, kind: str, header: Header) -> None:
    right = header.count >= len(_OPTICAL) if kind == "pre_disaster" else header.count == 1
    if not right:
        expected = "three or more bands" if kind == "pre_disaster" else "one band"
        raise SceneError("band_count", f"scene {scene_id}: {name}: expected {expected}, found {header.count}")
    if header.dtype != "uint8":
        raise SceneError(
            "pixel_type", f"scene {scene_id}: {name}: expected uint8 as published, found {header.dtype}; fetch it again"
        )


def _first_three(path: Path, where: str) -> npt.NDArray[Any]:
    return read_image(path, where)[: len(_OPTICAL)]


def _provenance(scene_id: str, event: str, names: Mapping[str, str], grid: Grid, origin: str) -> dict[str, Any]:
    target = names["building_damage"]
    return {
        "tile": scene_id,
        "event": event,
        "window": [0, 0, *grid.shape],
        "files": {"optical": [names["pre_disaster"]], "sar": [names["post_disaster"]]},
        "labels": [
            {
                "t": t,
                "file": target,
                "legend": legend.name,
                "codes": legend.codes(),
            }
            for t, legend in ((1, STANDING), (2, DAMAGE))
        ],
        "static_labels": False,
        "crs": grid.crs,
        "transform": list(grid.transform) if grid.transform else None,
        "georeference": grid.origin,
        "pixel_size": origin,
    }
