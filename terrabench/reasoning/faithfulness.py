"""Faithfulness: whether the numbers that a reply states agree with the model's own masks, rounded as they are stated.

"13%" agrees with 12.5 to 13.5, "12.9%" with 12.85 to 12.95. Held against the masks are per cent, areas, lengths, counts
of things, and pixels; a number agrees when any of the model's masks (or pair of masks) of the item gives it. Numbers of
one pixel, of valid pixels, of options, and bare numbers are no statements about a mask. Without masks there is nothing
to agree with, so replies without any are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from typing import Any

import numpy as np

from terrabench.reasoning.statements import DIMENSIONS, numbers, reasoning
from terrabench.statistics.intervals import share_interval
from terracot import measure
from terracot.ground import GroundSampling
from terracot.language import UNITS
from terracot.plugins import PredictedMask
from terracot.rules import Truth
from terracot.scenes import BoolMask

QUANTITIES = ("share", "area", "length", "count", "pixels")
MAX_PAIRS = 12
"""Pairs of masks that are compared for one item."""


@dataclass(frozen=True)
class Statement:
    """One number that a reply states of its masks, and whether it agrees with them."""

    group: str
    quantity: str
    agrees: bool


def faithfulness(statements: Sequence[Statement]) -> dict[str, Any]:
    """Share of the statements that agree, with a clustered interval, over all and by quantity; null where none is."""
    by_quantity = {name: [s for s in statements if s.quantity == name] for name in QUANTITIES}
    return {**_share(statements), "quantities": {name: _share(those) for name, those in by_quantity.items()}}


def _share(statements: Sequence[Statement]) -> dict[str, Any]:
    if not statements:
        return {"n": 0, "share": None, "ci95": None}
    agree = [s.agrees for s in statements]
    interval = share_interval(agree, [s.group for s in statements])
    return {"n": len(agree), "share": sum(agree) / len(agree), "ci95": interval.ci95}


def statements_of(
    item: Mapping[str, Any],
    reply: str,
    masks: Sequence[PredictedMask],
    valid: Mapping[int, BoolMask],
    ground: GroundSampling,
    asked: Truth | None = None,
) -> list[Statement]:
    """The statements of one reply. ``asked`` is what the rule of the item measures on the masks."""
    known: dict[str, list[float]] = {}
    found = []
    for number in numbers(reasoning(reply, item["options"]), item["options"]):
        quantity = "pixels" if number.unit == "px" else DIMENSIONS.get(number.unit)
        if quantity is None or number.factor or number.chosen or (quantity in ("area", "length") and not ground.known):
            continue
        if quantity not in known:
            known[quantity] = [*_values(quantity, masks, valid, ground), *_asked(quantity, asked)]
        scale = UNITS.get(number.unit, 1.0)
        agrees = any(number.agrees(value / scale) for value in known[quantity])
        found.append(Statement(item["group"], quantity, agrees))
    return found


def _asked(quantity: str, asked: Truth | None) -> list[float]:
    if asked is None or asked.value is None or DIMENSIONS.get(asked.unit) != quantity:
        return []
    return [asked.value * UNITS.get(asked.unit, 1.0)]


def _values(
    quantity: str, masks: Sequence[PredictedMask], valid: Mapping[int, BoolMask], ground: GroundSampling
) -> Iterator[float]:
    """Everything of a quantity that the masks have, in %, m2, m or pixels."""
    own = [m.mask & valid[m.t] if m.t in valid else m.mask for m in masks]
    pairs = list(islice(permutations(range(len(own)), 2), MAX_PAIRS))
    if quantity == "share":
        for m, mask in zip(masks, own, strict=True):
            yield 100.0 * int(mask.sum()) / (int(valid[m.t].sum()) if m.t in valid else mask.size)
    elif quantity == "area":
        yield from (ground.area_m2(mask) for mask in own)
    elif quantity == "count":
        yield from (float(measure.components(mask)) for mask in own)
    elif quantity == "length":
        opened = [measure.opened(mask) for mask in own]
        gaps = (measure.distance(opened[a], opened[b], ground.sampling) for a, b in pairs if a < b)
        yield from (gap for gap in gaps if gap is not None)
    else:
        yield from (float(mask.sum()) for mask in own)
        yield from (float(measure.contact_pixels(own[a], own[b])) for a, b in pairs)
        opened = [measure.opened(mask) for mask in own]
        steps = (
            measure.closest_step(opened[a], opened[b], ground.sampling if ground.known else (1.0, 1.0))
            for a, b in pairs
            if a < b
        )
        yield from (float(np.hypot(*step)) for step in steps if step is not None)
