"""Task: how one kind of finding becomes a multiple-choice item. Facts and filters are those of ``terracot.rules``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from terracot.ground import GroundSampling
from terracot.language import UNITS
from terracot.options import Separation
from terracot.questions import Writer
from terracot.traces import Say


@dataclass(frozen=True)
class Task:
    """One of the six tasks.

    ``id`` is also the kind in ``terracot.rules``. Numeric tasks have a ``separation`` per measure and draw four options
    from their stratum; word tasks have two options, which ``words`` makes from the class names. ``units`` lists the
    units that a stratum may be asked in, smallest first; the median of the pool decides, so the unit tells nothing.
    ``pixel`` is what one pixel measures in base units; values lend themselves as options in pixels.
    """

    id: str
    phrase: Callable[[Writer], Say]
    separation: Callable[[str], Separation] | None = None
    words: Callable[[Sequence[str]], tuple[str, str]] | None = None
    units: tuple[str, ...] = ()
    pixel: Callable[[GroundSampling], float] = lambda ground: 1.0

    @property
    def k(self) -> int:
        """Number of options."""
        return 4 if self.words is None else 2

    def unit_for(self, middle: float) -> str | None:
        """Unit for a median of the stratum, in base units of the scene; None when the rule fixes it."""
        if not self.units:
            return None
        fitting = [unit for unit in self.units if middle >= UNITS[unit]]
        return fitting[-1] if fitting else self.units[0]
