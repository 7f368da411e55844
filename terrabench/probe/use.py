"""Does a reader use its masks: how far its answers go along with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from terrabench.probe.points import Point
from terrabench.statistics.groups import FloatArray, coded, group_sums
from terrabench.statistics.intervals import Interval, interval_of, mean_interval, share_interval
from terrabench.statistics.spread import spread_of

_AGREEING = 6  # groups: 2 / 2^6 is under 5 %


def use_of_masks(points: Sequence[Point]) -> dict[str, Any]:
    """How much accuracy hangs on the masks: lost from the highest to the lowest level, and per unit of IoU.

    ``difference`` is over the series that reach both levels; ``slope`` is that of a straight line through all answers
    by the item's IoU. Both have intervals clustered by group, and are None where they are not defined.
    """
    levels = sorted({p.level for p in points})
    high, low = ({(p.item, p.way, p.seed): p for p in points if p.level == v} for v in (levels[-1], levels[0]))
    both = [key for key in high if key in low] if len(levels) > 1 else []
    gains = [float(high[key].right) - float(low[key].right) for key in both]
    lost = _contrast(gains, [high[key].group for key in both])
    slope, interval = _slope([p for p in points if p.iou is not None])
    return {
        "difference": {"between": [levels[-1], levels[0]], **lost},
        "slope": {"value": slope, **interval_fields(interval)},
        "uses_masks": lost["above_zero"],
    }


def _contrast(gains: Sequence[float], groups: Sequence[str]) -> dict[str, Any]:
    """Mean of paired differences from -1 to 1, its interval, and whether that lies above 0."""
    interval = mean_interval(gains, groups, bounds=(-1.0, 1.0))
    above = interval.ci95[0] > 0 if interval.ci95 else _agreed(gains, interval.groups)
    value = math.fsum(gains) / len(gains) if gains else None
    return {"n": len(gains), "value": value, **interval_fields(interval), "above_zero": above}


def _agreed(gains: Sequence[float], groups: int) -> bool | None:
    """The verdict without an interval: no difference at all, or the same one in so many groups that it is no chance."""
    if not gains or len(set(gains)) > 1:
        return None
    if gains[0] <= 0:
        return False
    return True if groups >= _AGREEING else None


def _slope(points: Sequence[Point]) -> tuple[float | None, Interval]:
    if len({p.iou for p in points}) < 2:
        return None, Interval(None, "none", len({p.group for p in points}))
    x, y = np.array([p.iou for p in points]), np.array([float(p.right) for p in points])
    codes, count = coded([p.group for p in points])
    sums = group_sums(np.stack([np.ones(len(x)), x, y, x * x, x * y], axis=1), codes, count)
    figure: Callable[[FloatArray], FloatArray] = _regression
    return float(figure(sums.sum(axis=0))), interval_of(spread_of(sums, figure), count)


def _regression(sums: FloatArray) -> FloatArray:
    n, x, y, xx, xy = np.moveaxis(sums, -1, 0)
    slope: FloatArray = (xy - x * y / n) / (xx - x * x / n)
    return slope


def follows_wrong_masks(points: Sequence[Point]) -> dict[str, Any]:
    """How often a model goes along with masks that mislead, by itself and beyond the true masks, with intervals."""
    misled = [p for p in points if p.misled is not None]
    groups = [p.group for p in misled]
    follows = [p.letter == p.misled for p in misled]
    beyond = [float(p.letter == p.misled) - float(p.true_letter == p.misled) for p in misled]
    return {
        "n": len(misled),
        "share": sum(follows) / len(follows) if follows else None,
        **interval_fields(share_interval(follows, groups)),
        "beyond_true_masks": _contrast(beyond, groups),
    }


def interval_fields(interval: Interval) -> dict[str, Any]:
    """An interval as it stands in ``probe.json``."""
    return {"ci95": interval.ci95, "ci_method": interval.method, "groups": interval.groups}
