"""What passes between the stages of a build: a finding without its masks, and the options that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terracot.measure import significant
from terracot.options import Candidate


@dataclass(frozen=True)
class Found:
    """One finding without its masks: what ``assign`` needs to know of it. ``value`` is in base units, as are ``low``
    and ``high``, the least and the most that a disturbed label map makes of it.

    ``scale`` is what a pixel measures in those units: values are compared, and lent as options, in pixels. So scenes of
    any pixel size can lend each other values, and the pixel size that a question states says nothing of its answer.

    ``words`` are all answers that are possible, where they are words of which there are few. Of stated questions,
    ``options`` are the published ones.
    """

    key: str
    task: str
    kind: str
    classes: Sequence[str]
    stratum: str
    source: str
    scene_id: str
    group: str
    value: float | None
    word: str
    unit: str = ""
    scale: float = 1.0
    low: float | None = None
    high: float | None = None
    options: Sequence[str] = ()
    words: Sequence[str] = ()

    def in_pixels(self, value: float | None) -> float:
        """A value in pixels, or as it is where it does not depend on their size, to twelve digits."""
        return significant(float(value or 0.0) / self.scale, 12)

    @property
    def candidate(self) -> Candidate:
        """The finding as one that lends its value, in pixels."""
        low, high = (self.value if end is None else end for end in (self.low, self.high))
        return Candidate(self.key, self.group, *map(self.in_pixels, (self.value, low, high)))

    @property
    def outcome(self) -> str | None:
        """The answer that a balance has to count; None where options are drawn or published."""
        return self.word if self.words and not self.options else None


@dataclass(frozen=True)
class Assigned:
    """The options of one item: values in base units or words, in letter order; ``answer`` is a position.

    ``difficulty`` is that of the set; ``low`` and ``high`` are those of the finding.
    """

    scene_id: str
    answer: int
    values: Sequence[float] = ()
    words: Sequence[str] | None = None
    unit: str | None = None
    difficulty: str | None = None
    low: float | None = None
    high: float | None = None
