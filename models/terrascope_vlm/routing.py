"""Which image a ``[SEG]`` means: the date that the reply names before it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from terrascope_vlm.frames import frames_at
from terrascope_vlm.slots import Query

_DATE = re.compile(r"Image: (\d+)")


@dataclass(frozen=True)
class Route:
    """The date ``t``, the positions of its image and of the SAR image beside it (or None) in ``Query.frames``.

    ``stated``: the reply named this date. If it named none, or one that no frame has, the first date is meant.
    """

    t: int
    frame: int
    other: int | None
    stated: bool


def route(query: Query, text: str) -> Route:
    """Where the next ``[SEG]`` is drawn: ``text`` is what was written since the previous one, or since the start.

    Of several dates in it the last counts.
    """
    dates = {str(frame.t): frame.t for frame in query.frames}  # never int(): a model may write digits without end
    named = _DATE.findall(text)
    t = dates.get(named[-1]) if named else None
    frame, other = frames_at(query.frames, t)
    return Route(query.frames[frame].t, frame, other, t is not None)
