"""Several image files as one prompt: their dates, their common grid, and how large its pixels are on the ground."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from terracot.ground import GroundSampling
from terracot.plugins import Prompt
from terracot.scenes import SceneError, SourceError
from terracot.sources.imagery import patch_transform
from terracot.sources.rasters import misplaced
from terrascope_vlm.image_files import ImageFile, OpenedImage, Window, open_file

MAX_SHIFT_PX = 0.5


def prompt_of(
    files: Sequence[ImageFile],
    question: str,
    options: Sequence[str] = (),
    *,
    gsd: float | None = None,
    window: Window | None = None,
) -> Prompt:
    """The prompt of image files on one pixel grid. ``gsd``: metres of a pixel, where no file has a georeference.

    ``SceneError`` or ``SourceError`` says which file cannot be used, why, and what to do.
    """
    read = [open_file(file, window) for file in sorted(files, key=lambda f: (f.t, f.sar))]
    if not read:
        raise SourceError("expected at least one image, found none")
    first = read[0]
    for other in read[1:]:
        if other.shape != first.shape:
            sizes = " and ".join("{} x {}".format(*one.shape) for one in (first, other))
            raise SceneError(
                "mismatched_shapes",
                f"{first.name} and {other.name} have {sizes} pixels; expected images of one grid: warp one onto the "
                "other's (gdalwarp -te ... -ts ...)",
            )
    return Prompt(
        id="asked",
        frames=tuple(one.frame for one in read),
        ground=_ground(read, gsd, window),
        question=question,
        options=tuple(options),
        valid={
            t: np.logical_or.reduce([one.seen for one in read if one.frame.t == t])
            for t in sorted({one.frame.t for one in read})
        },
    )


def _ground(read: Sequence[OpenedImage], gsd: float | None, window: Window | None) -> GroundSampling:
    placed = [(one, one.image) for one in read if one.image is not None and one.image.header.placed]
    if not placed:
        return GroundSampling.unknown() if gsd is None else GroundSampling.nominal(gsd, gsd, "stated by the user")
    (first, image), *others = placed
    for other, its in others:
        if problem := misplaced(its.header, image.header, first.name, MAX_SHIFT_PX):
            raise SceneError("misplaced", f"{other.name} {problem}; warp it onto the grid of {first.name}")
    row, col = window[:2] if window else (0, 0)
    ground = GroundSampling.from_georeference(image.header.crs, patch_transform(image, row, col), first.shape)
    if gsd is not None:
        raise SourceError(
            f"{first.name} says itself how large its pixels are ({ground.sampling[0]:.4g} x {ground.sampling[1]:.4g} "
            "m); leave the metres of a pixel out"
        )
    return ground
