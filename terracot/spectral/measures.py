"""Quantities of an index over a mask: means of its bands and of itself, median, share above a threshold.

The index is named by the parameter ``index`` of the question, the threshold by ``threshold``; both are measured on the
image of the mask's own date, over the pixels of the mask that count there (``IndexImage.usable``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from terracot.language import DECIMALS
from terracot.memo import remembered
from terracot.scenes import BoolMask
from terracot.spectral.indices import INDICES, IndexImage, index_image, view_for

Floats = npt.NDArray[np.float64]

if TYPE_CHECKING:
    from terracot.quantities import Regions


def image_on(r: Regions, t: int) -> IndexImage:
    """The question's index on date ``t``; ``ValueError`` where no image can show it."""
    index = INDICES.get(str(r.parameters["index"]))
    if index is None:
        raise ValueError(f"there is no index {r.parameters['index']!r}; known: {', '.join(INDICES)}")
    view = view_for(r.views, t, index)
    if view is None:
        raise ValueError(f"no image of date {t} has the bands of {index.name} in reflectance")
    return index_image(view, index)


def _over(mask: BoolMask, image: IndexImage, layer: str = "index") -> Floats:
    """What the counting pixels of a mask have in ``first``, ``second`` or ``index``; ``ValueError`` without any."""
    first, second = image.over(mask)
    if not first.size:
        raise ValueError("no pixel of the mask can be measured")
    return {"first": first, "second": second}[layer] if layer != "index" else (first - second) / (first + second)


@remembered
def _counting(mask: BoolMask, image: IndexImage) -> int:
    return _over(mask, image, "first").size


@remembered
def _mean_over(mask: BoolMask, image: IndexImage, layer: str) -> float:
    found = _over(mask, image, layer)
    return int(np.rint(found * (1 << 30)).sum(dtype=np.int64)) / (1 << 30) / found.size


@remembered
def _above_over(mask: BoolMask, image: IndexImage, threshold: float) -> int:
    return int(np.count_nonzero(_over(mask, image) > threshold))


def _at(r: Regions, mask: int) -> tuple[BoolMask, IndexImage]:
    return r.mask(mask), image_on(r, r.masks[mask].t)


def _size(r: Regions, mask: int) -> int:
    return _counting(*_at(r, mask))


def _mean(r: Regions, mask: int, layer: str = "index") -> float:
    """Mean to 2^-30, summed as whole numbers: a sum of floats has other last digits on other machines."""
    return _mean_over(*_at(r, mask), layer)


def _difference(r: Regions, a: int, b: int) -> float:
    """Of the two means as they are written, so that whoever subtracts them finds what the trace says."""
    return round(round(_mean(r, a), DECIMALS["index"]) - round(_mean(r, b), DECIMALS["index"]), DECIMALS["index"])


def _above(r: Regions, mask: int) -> int:
    return _above_over(*_at(r, mask), float(r.parameters["threshold"]))


def _peak(r: Regions) -> int:
    return int(np.argmax([_mean(r, i) for i in range(len(r.masks))]))


QUANTITIES: dict[str, Callable[[Regions, Sequence[int]], float]] = {
    "index_pixels": lambda r, of: float(_size(r, of[0])),
    "index_unmeasured": lambda r, of: float(r.pixels(of[0]) - _size(r, of[0])),
    "index_first": lambda r, of: _mean(r, of[0], "first"),
    "index_second": lambda r, of: _mean(r, of[0], "second"),
    "index_mean": lambda r, of: _mean(r, of[0]),
    "index_median": lambda r, of: float(np.median(_over(*_at(r, of[0])))),
    "index_above": lambda r, of: float(_above(r, of[0])),
    "index_share": lambda r, of: 100.0 * _above(r, of[0]) / _size(r, of[0]),
    "index_difference": lambda r, of: _difference(r, of[0], of[1]),
    "index_peak_date": lambda r, of: float(r.masks[_peak(r)].t),
}
"""Quantity name -> measurement; bands in reflectance, indices without a unit, shares in per cent."""
