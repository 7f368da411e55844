"""Dynamic World under any image with a CRS: 10 m land cover of single Sentinel-2 images, as exported from Earth Engine.

The ``label`` band has codes 0 to 8, and 0 is water. Clouds are masked, and a mask is all that tells them from water:
integer exports write 0 for masked pixels unless they are told not to. So an export is believed where it marks masked
pixels in a way that is no class: ``label.unmask(255)``, a nodata value beyond 8, a mask band, NaN. A raster with zeros
and no such mark is refused, unless the user states that it has no masked pixel (``zero=water``).

Labels belong to the date of their image. A folder may hold several dates of one place: the raster that has the name of
the image is then taken alone; two others that disagree are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.windows import Window

from terracot.scenes import Legend, LegendClass, SceneError, SourceError
from terracot.sources.imagery import Image
from terracot.sources.label_rasters import Codes, LabelRasters
from terracot.sources.labelled_images import LabelledImages

MASKED = 255
EXPORT = "export image.select('label').unmask(255) with formatOptions {noData: 255}"

DYNAMIC_WORLD = Legend(
    "dynamic_world",
    (
        LegendClass(0, "water", (0,), (0x41, 0x9B, 0xDF)),
        LegendClass(1, "tree cover", (1,), (0x39, 0x7D, 0x49)),
        LegendClass(2, "grass", (2,), (0x88, 0xB0, 0x53)),
        LegendClass(3, "flooded vegetation", (3,), (0x7A, 0x87, 0xC6)),
        LegendClass(4, "cropland", (4,), (0xE4, 0x96, 0x35)),
        LegendClass(5, "shrub and scrub", (5,), (0xDF, 0xC3, 0x5A)),
        LegendClass(6, "built-up area", (6,), (0xC4, 0x28, 0x1B)),
        LegendClass(7, "bare ground", (7,), (0xA5, 0x9B, 0x8F)),
        LegendClass(8, "snow and ice", (8,), (0xB3, 0x9F, 0xE1)),
    ),
    ignore=(MASKED,),
)
"""The ``label`` band; 255 stands for masked pixels, whatever marks them in the file."""


class DynamicWorldSource(LabelledImages):
    """Patches of an image, or of a folder of them, above exported ``label`` rasters.

    ``zero="water"`` states that rasters without mask and nodata value have no masked pixel.
    """

    name = "dynamicworld"
    legend = DYNAMIC_WORLD
    map_name = "the Dynamic World map"

    def __init__(
        self, path: str | Path, labels: str | Path | None = None, zero: str | None = None, **image: Any
    ) -> None:
        if zero not in (None, "water"):
            raise SourceError(
                "option zero: expected `water`, which states that label rasters without mask and nodata value have no "
                f"masked pixel, or nothing; found {zero!r}"
            )
        self._zero_is_water = zero == "water"
        super().__init__(path, labels, **image)

    def open_labels(self, path: Path) -> LabelRasters:
        """Label rasters in which 255 stands for pixels without a label."""
        return _Exports(path, self._zero_is_water)

    def labels_below(self, image: Image) -> LabelRasters:
        """The raster named like the image, if there is one; else all."""
        own = [path for path in self.labels.paths if path.stem == Path(image.name).name]
        return self.labels.only(own) if own else self.labels

    def settings(self) -> list[object]:
        """Options and files."""
        return [*super().settings(), f"zero is water: {self._zero_is_water}"]


class _Exports(LabelRasters):
    """Rasters exported from Earth Engine, whose band ``label`` (or the first) has the codes."""

    def __init__(self, path: Path, zero_is_water: bool) -> None:
        super().__init__(path, "option labels", fill=MASKED)
        self._zero_is_water = zero_is_water

    def read_window(self, data: Any, window: Window, name: str) -> Codes:
        """Codes 0 to 8, and 255 where the file has a mark for missing labels."""
        names = [text or "" for text in data.descriptions]
        band = names.index("label") + 1 if "label" in names else 1
        flags = data.mask_flag_enums[band - 1]
        if MaskFlags.nodata in flags and 0 <= data.nodatavals[band - 1] < len(DYNAMIC_WORLD.classes):
            raise SceneError(
                "ambiguous_nodata",
                f"{self.where}: {name} calls {data.nodatavals[band - 1]:g} no data, which is also the class "
                f"{DYNAMIC_WORLD.names[int(data.nodatavals[band - 1])]!r}; {EXPORT}",
            )
        values = data.read(band, window=window)
        valid = (data.read_masks(band, window=window) > 0) & np.isfinite(values)
        found = values[valid]
        if np.any(found != np.floor(found)):
            raise SceneError(
                "probabilities",
                f"{self.where}: band {band} of {name} has fractions, as the probability bands do; expected class codes "
                f"from 0 to 8: {EXPORT}",
            )
        if found.size and (found.min() < 0 or found.max() > MASKED):
            raise SceneError(
                "bad_label", f"{self.where}: {name} has values from {found.min()} to {found.max()}, expected 0 to 8"
            )
        marked = MaskFlags.all_valid not in flags or not valid.all() or np.any(found == MASKED)
        if not marked and not self._zero_is_water and np.any(found == 0):
            raise SceneError(
                "ambiguous_nodata",
                f"{self.where}: {name} has no mask and no nodata value, so its zeros may be water or masked clouds; "
                f"{EXPORT}, or, if no pixel of it was masked, say so with -o zero=water",
            )
        codes: Codes = np.where(valid, values, MASKED).astype(np.uint8)
        return codes
