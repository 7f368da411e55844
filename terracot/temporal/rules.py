"""The rules of time: what each kind of question asks of its evidence masks, one on each date compared.

``parameters["compared"]`` is the number of those masks; masks after them (clouds) change no answer.
"""

from __future__ import annotations

from collections.abc import Callable

from terracot.language import quantity_text
from terracot.quantities import Regions, measured_value
from terracot.rules import Truth
from terracot.temporal.finders import steps_of

Rule = Callable[[Regions], Truth]


def compared(r: Regions) -> int:
    """How many of the masks are compared."""
    return int(r.parameters["compared"])


def amount_of(kind: str, masks: int) -> tuple[str, tuple[int, ...]]:
    """The quantity that answers a numeric kind, and the masks it is measured on."""
    what, _, measure = kind.rpartition("_")
    if what == "gain" or (what == "flood" and masks == 2):
        return f"beyond_{measure}", (1, 0)
    if what == "flood":
        return measure, (0,)
    if what == "loss":
        return f"beyond_{measure}", (0, 1)
    if what == "net_change":
        return f"change_{measure}", (0, 1)
    if measure == "share":
        return "part_of_first", tuple(range(masks))
    return ("common_share" if what == "persistence" else "common_area"), tuple(range(masks))


def number(kind: str) -> Rule:
    """The rule of a numeric kind."""

    def rule(r: Regions) -> Truth:
        quantity, of = amount_of(kind, compared(r))
        unit = str(r.parameters["unit"])
        value = measured_value(r, quantity, of, unit)
        return Truth(value, unit, quantity_text(value, unit))

    return rule


def growth(r: Regions) -> Truth:
    """Whether the second mask has more pixels than the first."""
    return _word("yes" if r.pixels(1) > r.pixels(0) else "no")


def first_change(r: Regions) -> Truth:
    """The first date on which the extent differs by more than the threshold; ``ValueError`` when there is none."""
    return _word(f"image {r.masks[first_beyond(r)].t}")


def first_beyond(r: Regions) -> int:
    """Position of the mask that answers ``first_change``."""
    for i in range(1, compared(r)):
        if measured_value(r, "change_share", (0, i), "%") > float(r.parameters["threshold"]):
            return i
    raise ValueError("no date differs by more than the threshold")


def trend(r: Regions) -> Truth:
    """Whether the extent grows, or shrinks, at every step."""
    sign = 1 if r.parameters["direction"] == "grow" else -1
    return _word("yes" if all(sign * (r.pixels(b) - r.pixels(a)) > 0 for a, b in steps_of(compared(r))) else "no")


def largest_step(r: Regions) -> Truth:
    """The step with the largest change, by its two dates."""
    a, b = widest(r)
    return _word(f"from image {r.masks[a].t} to image {r.masks[b].t}")


def widest(r: Regions) -> tuple[int, int]:
    """Positions of the masks at both ends of the step with the largest change; ``ValueError`` for a tie."""
    steps = steps_of(compared(r))
    sizes = [measured_value(r, "change_pixels", step, "px") for step in steps]
    if sizes.count(max(sizes)) > 1:
        raise ValueError("two steps change by the same number of pixels")
    return steps[sizes.index(max(sizes))]


def _word(text: str) -> Truth:
    return Truth(None, "", text)
