"""Quantities: every number that a trace or a question may state, by name, as a pure function of masks.

A stated number is recorded as ``Value(quantity, of, value, unit, text)``: which quantity, of which masks (positions in
the record's ``masks``), what it is, and how it is written. ``verify`` looks the quantity up here and measures again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from terracot import measure
from terracot.captions.measures import QUANTITIES as CAPTIONS
from terracot.ground import GroundSampling
from terracot.language import UNITS, number_text
from terracot.plugins import EvidenceMask
from terracot.scenes import BoolMask
from terracot.semantic.measures import QUANTITIES as SEMANTIC
from terracot.spatial.quantities import QUANTITIES as SPATIAL
from terracot.spectral.measures import QUANTITIES as SPECTRAL
from terracot.temporal.quantities import TEMPORAL
from terracot.views import View


@dataclass(frozen=True, eq=False)
class Regions:
    """What a quantity is measured on: the record's masks in order, valid pixels per date, the ground sampling.

    ``parameters`` are those of the question (such as the smallest patch to count); ``views`` are the scene's images,
    for what is measured on pixel values or hidden by clouds. ``clouds`` follow the masks in the record, and ``mask``
    counts on to them; no rule looks at them.
    """

    masks: tuple[EvidenceMask, ...]
    valid: Mapping[int, BoolMask]
    ground: GroundSampling
    parameters: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[View, ...] = ()
    clouds: tuple[EvidenceMask, ...] = ()

    def recorded(self, index: int) -> EvidenceMask:
        """The mask at a position of the record."""
        own = len(self.masks)
        return self.masks[index] if index < own else self.clouds[index - own]

    def mask(self, index: int) -> BoolMask:
        """Pixels of the mask at a position."""
        return self.recorded(index).mask

    def pixels(self, index: int) -> int:
        """Number of pixels of a mask."""
        return int(np.count_nonzero(self.mask(index)))

    def valid_pixels(self, index: int) -> int:
        """Number of valid pixels on the date of a mask: the denominator of its share."""
        return int(np.count_nonzero(self.valid[self.recorded(index).t]))


@dataclass(frozen=True)
class Value:
    """A number as stated: ``text`` are its digits in the sentence, ``value`` is in ``unit``."""

    quantity: str
    of: tuple[int, ...]
    value: float
    unit: str
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for Arrow."""
        return {
            "quantity": self.quantity,
            "of": list(self.of),
            "value": self.value,
            "unit": self.unit,
            "text": self.text,
        }


def _distance(r: Regions, of: Sequence[int]) -> float:
    found = measure.distance(r.mask(of[0]), r.mask(of[1]), r.ground.sampling)
    if found is None:
        raise ValueError("distance to an empty mask")
    return found


def _distance_px(r: Regions, of: Sequence[int]) -> float:
    """In pixels, between the pixels that are closest on the ground (not the pair closest in pixels)."""
    step = measure.closest_step(r.mask(of[0]), r.mask(of[1]), r.ground.sampling)
    if step is None:
        raise ValueError("distance to an empty mask")
    return math.hypot(*step)


def _pixel_area(r: Regions, of: Sequence[int]) -> float:
    """Mean area of a mask's pixels, so that pixels times pixel area is the area even where rows differ in size."""
    return r.ground.area_m2(r.mask(of[0])) / r.pixels(of[0])


def _most_in_part(r: Regions, of: Sequence[int]) -> float:
    return float(measure.part_counts(r.mask(of[0])).max())


def _marked(r: Regions, of: Sequence[int]) -> BoolMask:
    return np.asarray(np.logical_or.reduce([r.mask(i) for i in of]))


def _hidden(r: Regions, of: Sequence[int]) -> int:
    """Pixels of all masks but the first that lie in the first, which is one of clouds."""
    return int(np.count_nonzero(r.mask(of[0]) & _marked(r, of[1:])))


Measure = Callable[[Regions, Sequence[int]], float]

_SHARED: dict[str, Measure] = {
    "pixels": lambda r, of: float(r.pixels(of[0])),
    "valid_pixels": lambda r, of: float(r.valid_pixels(of[0])),
    "share": lambda r, of: 100.0 * r.pixels(of[0]) / r.valid_pixels(of[0]),
    "area": lambda r, of: r.ground.area_m2(r.mask(of[0])),
    "pixel_area": _pixel_area,
    "pixel_down": lambda r, of: r.ground.sampling[0],
    "pixel_across": lambda r, of: r.ground.sampling[1],
    "components": lambda r, of: float(measure.components(r.mask(of[0]))),
    "component_share": lambda r, of: 100.0 * measure.components(r.mask(of[0])) / measure.components(r.mask(of[1])),
    "contact_pixels": lambda r, of: float(measure.contact_pixels(r.mask(of[0]), r.mask(of[1]))),
    "distance": _distance,
    "distance_px": _distance_px,
    "most_in_part": _most_in_part,
    "date": lambda r, of: float(r.recorded(of[0]).t),
    "marked_pixels": lambda r, of: float(np.count_nonzero(_marked(r, of))),
    "hidden_pixels": lambda r, of: float(_hidden(r, of)),
    "hidden_share": lambda r, of: 100.0 * _hidden(r, of) / int(np.count_nonzero(_marked(r, of[1:]))),
}


def _joined(*tables: Mapping[str, Measure]) -> dict[str, Measure]:
    """All quantities in one table; ``ValueError`` when two tables give one name to different things."""
    names = [name for table in tables for name in table]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"quantities with the same name: {', '.join(repeated)}")
    return {name: how for table in tables for name, how in table.items()}


QUANTITIES = _joined(_SHARED, CAPTIONS, TEMPORAL, SPATIAL, SEMANTIC, SPECTRAL)
"""Quantity name -> measurement in its base unit (pixels, %, m2, m, count)."""


PARAMETER = "parameter."


def measured(regions: Regions, quantity: str, of: Sequence[int], unit: str) -> Value:
    """Measure a quantity and write it down. ``KeyError`` for a quantity that does not exist."""
    value = measured_value(regions, quantity, of, unit)
    return Value(quantity, tuple(of), value, unit, number_text(value, unit))


def measured_value(regions: Regions, quantity: str, of: Sequence[int], unit: str) -> float:
    """The measurement alone, in ``unit``. "parameter.NAME" is a number that the question itself sets."""
    if quantity.startswith(PARAMETER):
        return float(regions.parameters[quantity.removeprefix(PARAMETER)])
    return QUANTITIES[quantity](regions, of) / UNITS.get(unit, 1.0)
