"""What the questions of this level have in common: filters, truths from quantities, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from terracot.findings import SceneFacts
from terracot.language import quantity_text
from terracot.quantities import Regions, measured_value
from terracot.questions.writer import HERE, Slot, Writer
from terracot.rules import Filters, Truth
from terracot.spatial.phrases.grounding import FURTHER
from terracot.spatial.shapes import shapes_of
from terracot.traces import Ground

LEAST_SHAPE = 1.0
"""Per cent of the valid pixels that an opened class must have for distances from it to be asked about."""


def number(quantity: str, *of: int, unit: str = "") -> Callable[[Regions], Truth]:
    """The rule of a kind whose answer is one quantity, of all masks unless said; ``unit`` or that of the parameters."""

    def answer(r: Regions) -> Truth:
        in_unit = unit or str(r.parameters["unit"])
        value = measured_value(r, quantity, of or range(len(r.masks)), in_unit)
        return Truth(value, in_unit, quantity_text(value, in_unit))

    return answer


def word(text: str) -> Truth:
    """An answer in words."""
    return Truth(None, "", text)


def clear_classes(facts: SceneFacts, t: int, filters: Filters) -> list[int]:
    """Classes of a date large enough to be compared, by share and by what the map can show, but not the whole image."""
    m, ground = facts.maps[t], facts.scene.ground
    least = facts.limits[t].min_patch_m2 / ground.pixel_area_m2 if ground.known else 0.0
    most = 100 - filters.min_share
    return [c for c in m.classes_over(filters.min_share) if m.counts[c] >= least and m.shares[c] <= most]


def clear_shapes(facts: SceneFacts, t: int) -> list[int]:
    """Classes of a date of which enough is left after the opening to be looked at from afar."""
    shapes, m, ground = shapes_of(facts.maps[t]), facts.maps[t], facts.scene.ground
    least = facts.limits[t].min_patch_m2 / ground.pixel_area_m2 if ground.known else 0.0
    least = max(least, LEAST_SHAPE * m.valid_pixels / 100)
    return [c for c in range(len(m.legend.classes)) if shapes.pixels(c) >= max(least, 1)]


def apart(sizes: Sequence[float], margin: float) -> bool:
    """True when each of some sizes is smaller than the next larger one by more than ``margin`` of that."""
    ranked = np.sort(np.asarray(sizes, dtype=float))
    return bool(np.all(ranked[1:] - ranked[:-1] > margin * ranked[1:]))


def marked(w: Writer) -> list[Ground]:
    """Grounding steps of all masks."""
    return [w.ground(FURTHER if n else HERE, n) for n in range(len(w.names))]


def defined(questions: Sequence[str], definitions: Sequence[str]) -> tuple[str, ...]:
    """Each question followed by a sentence that says what its words mean, in turn."""
    return tuple(f"{asked} {definitions[n % len(definitions)]}" for n, asked in enumerate(questions))


def listed(phrasing: str, count: int, item: str, last: str = "and") -> str:
    """A phrasing with ``{list}`` replaced by so many items; ``item`` has ``#`` where their number goes."""
    items = [item.replace("#", str(n)) for n in range(count)]
    return phrasing.replace("{list}", f"{', '.join(items[:-1])} {last} {items[-1]}")


def names_of(w: Writer) -> dict[str, Slot]:
    """Slots ``n0``, ``n1`` ... for the class names."""
    return {f"n{n}": w.name(n) for n in range(len(w.names))}


def pixels_of(w: Writer) -> dict[str, Slot]:
    """Slots ``p0``, ``p1`` ... for the pixels of the masks."""
    return {f"p{n}": w.value("pixels", n, unit="px") for n in range(len(w.names))}
