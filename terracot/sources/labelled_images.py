"""Images of the user's own above published label rasters: what ``worldcover`` and ``dynamicworld`` share.

Labels are brought to the grid of the image, never the other way round, and everything is measured with that grid's
pixel size. Where the image has no data there is no label either: nobody can see what is there.

Neighbouring patches show the same fields and streets, so a group is not an image but a cell of one degree
("cell/N38W010", by the lower left corner): training and test places are told apart by it across all images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from terracot.ground import GroundError, GroundSampling
from terracot.scenes import (
    IGNORE,
    ClassMap,
    Frame,
    LabelMap,
    Legend,
    MapLimits,
    Scene,
    SceneError,
    SourceError,
)
from terracot.sources.image_options import ImageOptions, Reading
from terracot.sources.imagery import PATCH_NAME, Image, find_images, open_images, patch_transform, patches, read_patch
from terracot.sources.label_grid import EARTH, centres, tile_name, transformer
from terracot.sources.label_rasters import LabelRasters
from terracot.sources.published import LeftOut, Listing, PublishedSource

MAX_COARSER = 4.0
"""A label pixel may be as long as so many image pixels: beyond, its steps show and no outline is right."""
MAX_FINER = 10.0
"""And an image pixel as long as so many label pixels: beyond, the one below its centre says too little of it."""


class LabelledImages(PublishedSource):
    """Patches of one image, or of all in a folder and its subfolders, with labels below them.

    ``labels`` is a label raster or a folder of them; the other options say how the image is cut and read.
    """

    legend: ClassVar[Legend]
    map_name: ClassVar[str]

    def __init__(
        self,
        path: str | Path,
        labels: str | Path | None = None,
        patch: str | int = 256,
        bands: str | None = None,
        unit: str | None = None,
        scale: str | float | None = None,
        offset: str | float | None = None,
        image_license: str = "LicenseRef-unstated",
    ) -> None:
        given = Path(path)
        if not given.exists():
            raise SourceError(f"{self.name} expects {self.info.path}; found nothing at {path}")
        super().__init__(given if given.is_dir() else given.parent)
        if labels is None:
            raise SourceError(f"{self.name} needs the label rasters: -o labels=PATH of a file, or of a folder of them")
        if not image_license.strip():
            raise SourceError("option image_license: expected a licence such as CC-BY-4.0, found nothing")
        self.options = ImageOptions.parse(patch, bands, unit, scale, offset)
        self.license = f"{image_license.strip()} AND {self.info.license}"
        self.labels = self.open_labels(Path(labels))
        self._files = find_images(given, Path(labels)) if given.is_dir() else (given,)
        if not self._files:
            raise SourceError(f"{self.name} expects {self.info.path}; found no .tif in {path}")
        if given.resolve() in {raster.resolve() for raster in self.labels.paths}:
            raise SourceError(f"{given.name} lies among the label rasters of {labels}; give each its own folder")

    def open_labels(self, path: Path) -> LabelRasters:
        """The label rasters of a path."""
        return LabelRasters(path, "option labels")

    def labels_below(self, image: Image) -> LabelRasters:
        """The label rasters to look for the labels of one image in."""
        return self.labels

    def listing(self) -> Listing:
        """Complete patches, image by image; edges that fill no patch and images that cannot be used are left out."""
        whole = {
            f"{name}/{patch}": "train" for name, image in self._opened.items() for patch, ok in self._cut(image) if ok
        }
        edges = [
            LeftOut(
                f"{name}/{patch}",
                "incomplete_patch",
                f"at the edge of {image.where} ({' x '.join(map(str, image.header.shape))} pixels) no whole patch of "
                f"{self.options.patch} pixels is left; -o patch= cuts smaller ones",
            )
            for name, image in self._opened.items()
            for patch, ok in self._cut(image)
            if not ok
        ]
        return Listing(whole, (*self._read[1], *edges))

    def settings(self) -> Sequence[object]:
        """Options, and name and size of every image and label raster."""
        images = [f"{self.rel(path)} {path.stat().st_size}" for path in self._files]
        below = [f"{path.relative_to(self.labels.root).as_posix()} {path.stat().st_size}" for path in self.labels.paths]
        return [self.options, self.license, *images, "labels", *below]

    def load(self, scene_id: str) -> Scene:
        """One patch with the labels below it; ``SceneError`` when none are, or when the two grids do not suit."""
        name, _, patch = scene_id.rpartition("/")
        match = PATCH_NAME.fullmatch(patch)
        if name not in self._opened or match is None or scene_id not in self.listed.scenes:
            left = {item.name: item for item in self.listed.left_out}.get(scene_id)
            raise SceneError(
                left.reason if left else "unknown_scene", left.message if left else f"there is no patch {scene_id}"
            )
        image, row, col, size = self._opened[name], int(match[1]), int(match[2]), self.options.patch
        reading, labels, shape = self.options.reading(image), self.labels_below(image), (size, size)
        crs, transform = str(image.header.crs), patch_transform(image, row, col)
        try:
            ground = GroundSampling.from_georeference(crs, transform, shape)
        except GroundError as error:
            raise SceneError("georeference", f"{image.where}: {error}") from error
        rasters = labels.covering(crs, transform, shape)
        x, y = (float(v[0, 0]) for v in centres(transform, np.array([size / 2 - 0.5]), np.array([size / 2 - 0.5])))
        label_ground = rasters[0].ground_at(crs, x, y)
        _check_sizes(image, ground, rasters[0].name, label_ground)
        frame = Frame(
            id=f"{scene_id}/image",
            t=1,
            modality=reading.modality,
            bands=reading.bands,
            shape=shape,
            read=partial(_read_pixels, image, reading, row, col, size),
            unit=reading.unit,
            display=reading.display,
        )
        limits = MapLimits(label_ground.pixel_area_m2, max(label_ground.sampling), self.map_name)
        read = partial(_read_classes, labels, self.legend, image, reading, row, col, size)
        return Scene(
            id=scene_id,
            source=self.name,
            group=f"cell/{_cell(image, crs, x, y)}",
            license=self.license,
            attribution=self.info.attribution,
            frames=(frame,),
            labels=(LabelMap(1, self.legend, shape, read, limits),),
            ground=ground,
            crs=crs,
            transform=transform,
            provenance={
                "image": image.where,
                "window": [row, col, size, size],  # row, column, height, width
                "bands": list(reading.bands),
                "stored_values": {"scale": reading.scale, "offset": reading.offset, "unit": reading.unit},
                "labels": {
                    "files": [raster.name for raster in rasters],
                    "versions": sorted({raster.version for raster in rasters if raster.version}),
                    "codes": self.legend.codes(),
                    "warped": "nearest",
                    "native_pixel_m": [round(step, 3) for step in label_ground.sampling],
                },
                "static_labels": False,
                "ground": "the grid of the image",
                "crs": crs,
                "transform": list(transform),
            },
        )

    def _cut(self, image: Image) -> list[tuple[str, bool]]:
        return list(patches(image.header.shape, self.options.patch))

    @cached_property
    def _read(self) -> tuple[Mapping[str, Image], tuple[LeftOut, ...]]:
        return open_images({self.rel(path): path for path in self._files}, self.options.reading)

    @property
    def _opened(self) -> Mapping[str, Image]:
        """Images that can be used, by name."""
        return self._read[0]


def _read_pixels(image: Image, reading: Reading, row: int, col: int, patch: int) -> npt.NDArray[Any]:
    values = read_patch(image, reading.scale, reading.offset, row, col, patch)
    reading.check(values, f"{image.where}, row {row}, column {col}")
    return values


def _read_classes(
    labels: LabelRasters, legend: Legend, image: Image, reading: Reading, row: int, col: int, patch: int
) -> ClassMap:
    transform = patch_transform(image, row, col)
    codes = labels.codes(str(image.header.crs), transform, (patch, patch))
    classes = legend.encode(codes, f"labels below {image.where}, row {row}, column {col}")
    unseen = ~np.isfinite(_read_pixels(image, reading, row, col, patch)).any(axis=0)
    classes[unseen] = IGNORE
    return classes


def _check_sizes(image: Image, ground: GroundSampling, raster: str, label: GroundSampling) -> None:
    """Sizes by the side of a square of a pixel's area."""
    own, theirs = ground.pixel_area_m2**0.5, label.pixel_area_m2**0.5
    sizes = f"{image.where} has pixels of {own:.3g} m, the labels of {raster} are {theirs:.3g} m wide"
    if theirs > MAX_COARSER * own:
        raise SceneError(
            "labels_too_coarse",
            f"{sizes}; beyond {MAX_COARSER:g} image pixels to a label pixel the image shows what the labels cannot, "
            "and areas and distances would be those of their steps. Take finer labels, or a coarser image",
        )
    if own > MAX_FINER * theirs:
        raise SceneError(
            "labels_too_fine",
            f"{sizes}; beyond {MAX_FINER:g} label pixels to an image pixel the one below its centre does not stand for "
            "the rest. Take coarser labels or a finer image",
        )


def _cell(image: Image, crs: str, x: float, y: float) -> str:
    lon, lat = transformer(crs, EARTH).transform(x, y)
    if not np.isfinite([lon, lat]).all():
        raise SceneError("georeference", f"{image.where}: its middle lies outside its CRS, {crs[:60]}")
    return tile_name(lat, lon, 1)
