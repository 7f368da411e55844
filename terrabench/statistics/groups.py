"""Items by group: the coarsest known place or event is what a resampling draws, not the single item."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def coded(names: Sequence[Hashable]) -> tuple[IntArray, int]:
    """``(n,)`` numbers from 0 on, alike for like names, in the order of the names; and how many there are."""
    number = {name: i for i, name in enumerate(sorted(set(names), key=str))}
    return np.fromiter((number[name] for name in names), dtype=np.int64, count=len(names)), len(number)


def group_sums(columns: FloatArray, codes: IntArray, count: int) -> FloatArray:
    """``(count, k)`` sums over the items of each group, of ``(n, k)`` columns."""
    return np.stack([np.bincount(codes, column, minlength=count) for column in columns.T], axis=1)


def singles(groups: Sequence[Hashable]) -> bool:
    """True when every group holds one item, so that items are independent."""
    return len(set(groups)) == len(groups)
