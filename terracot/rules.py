"""The rules: what each kind of question asks of its evidence masks, and the filters that say when it may be asked.

One table serves Terra-CoT questions, benchmark items, the verifier and the oracle. The kinds and filters are those of
the paper (arXiv 2603.19039); where this differs it says so:

* areas use the true ground sampling, never 10 m for all;
* distances run centre to centre between masks opened by a 3 x 3 square, and the evidence masks are the opened ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from terracot import measure
from terracot.ground import GroundSampling
from terracot.language import quantity_text
from terracot.plugins import EvidenceMask
from terracot.quantities import Regions, measured_value
from terracot.scenes import BoolMask
from terracot.views import View


@dataclass(frozen=True)
class Filters:
    """When a fact is clear enough to be asked for. Shares in per cent of the valid pixels; defaults are the paper's."""

    min_valid_share: float = 50.0  # of all pixels of a date, below which nothing is asked about it (ours)
    min_valid_share_absent: float = 95.0  # for saying that a class is absent (ours)
    min_share: float = 5.0  # coverage, area, ranking
    min_boundary_share: float = 3.0
    max_components: int = 5  # boundary: at most so many components per class
    min_component_share: float = 0.0  # boundary: smaller components are left out of the evidence (ours)
    ranking_margin: float = 0.10  # of the larger area
    min_gap_px: float = 10.0  # distance: more than this
    max_drift: float = 0.01  # distance: largest change of the pixel size over the image (ours)
    max_area_drift: float = 0.01  # area, ranking: largest change of the pixel area along a row (ours)
    max_hidden_share: float = 20.0  # of the evidence, behind clouds of a date that has no SAR image (ours)
    min_buildings: int = 10
    min_destroyed: int = 3


@dataclass(frozen=True)
class Truth:
    """The answer that follows from the masks: a number with its unit, or a word (``value`` None)."""

    value: float | None
    unit: str
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for Arrow."""
        return {"value": self.value, "unit": self.unit, "text": self.text}


NUMERIC: dict[str, str] = {"counting": "components", "coverage": "share", "distance": "distance"}
"""Kinds whose answer is one quantity of all their masks."""

WORDS = ("existence", "localisation", "ranking", "boundary")
KINDS = (*NUMERIC, "area", "building_change", *WORDS)


def answer_from_masks(
    kind: str,
    masks: Sequence[EvidenceMask],
    valid: Mapping[int, BoolMask],
    ground: GroundSampling,
    parameters: Mapping[str, Any],
    views: tuple[View, ...] = (),
) -> Truth:
    """What a question of this kind has as its answer, measured on the masks (spectral kinds: and on ``views``).

    ``parameters`` has ``unit`` for numeric kinds, ``measure`` ("number" or "share") for building change. ``valid`` maps
    a date to its valid pixels. ``ValueError`` when the masks cannot answer (an empty mask has no distance).
    """
    regions = Regions(tuple(masks), valid, ground, parameters, views)
    if kind not in KINDS:
        from terracot.levels import kind_named  # which imports this module

        return kind_named(kind).answer(regions)
    if kind in WORDS:
        return Truth(None, "", _word(kind, regions))
    quantity, of, unit = _quantity(kind, parameters)
    value = measured_value(regions, quantity, of, unit)
    return Truth(value, unit, quantity_text(value, unit))


def _quantity(kind: str, parameters: Mapping[str, Any]) -> tuple[str, tuple[int, ...], str]:
    """Name of the quantity behind a numeric kind, the masks it reads and its unit."""
    if kind == "building_change":
        if parameters["measure"] == "number":
            return "components", (1,), "count"
        return "component_share", (1, 0), "%"
    if kind == "area":
        unit = str(parameters["unit"])
        return ("share" if unit == "%" else "area"), (0,), unit
    if kind == "distance":
        return "distance", (0, 1), str(parameters["unit"])
    return NUMERIC[kind], (0,), "count" if kind == "counting" else "%"


def _word(kind: str, r: Regions) -> str:
    if kind == "existence":
        return "yes" if r.pixels(0) else "no"
    if kind == "boundary":
        return "yes" if measure.contact_pixels(r.mask(0), r.mask(1)) else "no"
    if kind == "localisation":
        return measure.PARTS[int(np.argmax(measure.part_counts(r.mask(0))))]
    # Areas rather than pixel counts: in a geographic CRS the rows differ in size.
    sizes = [r.ground.area_m2(r.mask(i)) if r.ground.known else float(r.pixels(i)) for i in (0, 1)]
    return r.masks[int(np.argmax(sizes))].class_name
