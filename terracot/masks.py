"""Masks as compressed COCO RLE: the one guarded reader and writer, IoU, and the matching of masks.

RLE from outside is hostile input. With pycocotools 2.0.11, counts that are too short return uninitialised memory,
counts that are too long hang, a huge size allocates gigabytes. So ``decode`` checks everything and then expands the
runs in numpy: no C decoder ever sees a string that somebody else wrote.

IoU policy, in one place: ignore pixels are left out of both masks; both empty is 1 and flagged; truth empty and
prediction not is 0; no mask given is 0 and not covered; what cannot be measured is None, never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from terracot.memo import remembered
from terracot.scenes import BoolMask

MAX_PIXELS = 1 << 28
"""Masks beyond 16,384 x 16,384 are refused before anything is allocated."""

_CHARS_PER_RUN = 7  # 5 bits a character: 7 hold any signed difference of two runs below MAX_PIXELS


class RleError(ValueError):
    """A run-length encoding that is not a mask of the expected shape; the message says what is wrong with it."""


class DatedMask(Protocol):
    """A region on a date: ``PredictedMask`` and ``EvidenceMask`` both are."""

    @property
    def t(self) -> int:
        """Date, from 1."""
        ...

    @property
    def mask(self) -> BoolMask:
        """``(H, W)`` booleans."""
        ...


class Pair(NamedTuple):
    """Positions of a predicted and a true mask that belong together, and their IoU."""

    predicted: int
    true: int
    iou: float


@dataclass(frozen=True)
class ItemIoU:
    """IoU of one item. ``value`` is None when there is no true mask to measure against.

    ``covered``: at least one mask was given. ``both_empty``: matched pairs that count as 1 because both are empty.
    """

    value: float | None
    covered: bool
    both_empty: int = 0


def encode(mask: BoolMask) -> dict[str, Any]:
    """``(H, W)`` booleans to ``{"size": [H, W], "counts": str}``; ``RleError`` for anything but a boolean mask."""
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.ndim != 2 or mask.size == 0:
        found = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise RleError(f"a mask is a non-empty (H, W) array of booleans; found {found}")
    return {"size": [int(n) for n in mask.shape], "counts": _counts(mask)}


@remembered
def _counts(mask: BoolMask) -> str:
    from pycocotools import mask as coco

    counts: bytes = coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    return counts.decode("ascii")


def decode(rle: Any, shape: tuple[int, int]) -> BoolMask:
    """Read ``{"size": [H, W], "counts": ...}`` as an ``(H, W)`` boolean mask of exactly ``shape``.

    ``counts`` is a compressed string (or its ASCII bytes) or a list of run lengths, background first, column by
    column. Raises ``RleError`` when the size differs from ``shape`` or the runs are not non-negative integers that
    sum to ``H * W``. Time and memory depend on ``shape`` and on the length of ``counts`` only.
    """
    height, width = shape
    if height <= 0 or width <= 0 or height * width > MAX_PIXELS:
        raise RleError(f"expected shape {shape} is not a mask size (1 to {MAX_PIXELS} pixels)")
    if not isinstance(rle, Mapping) or "size" not in rle or "counts" not in rle:
        raise RleError(f"expected an RLE object with `size` and `counts`; found {_short(rle)}")
    size = rle["size"]
    plain = isinstance(size, list | tuple) and all(isinstance(n, int) and not isinstance(n, bool) for n in size)
    if not plain or tuple(size) != (height, width):
        raise RleError(f"RLE size must be [{height}, {width}] (rows, columns of the frame); found {_short(size)}")
    counts = rle["counts"]
    if isinstance(counts, str | bytes):
        runs = _uncompress(counts, height * width)
    elif isinstance(counts, list | tuple):
        runs = _plain_runs(counts, height * width)
    else:
        raise RleError(f"RLE counts must be a string or a list of integers; found {type(counts).__name__}")
    wild = np.flatnonzero((runs < 0) | (runs > height * width))  # checked one by one: a wild sum may wrap around
    if wild.size:
        raise RleError(f"RLE run {wild[0]} has {runs[wild[0]]} pixels; expected 0 to {height} x {width}")
    total = int(runs.sum())
    if total != height * width:
        raise RleError(f"RLE runs sum to {total} pixels; expected {height} x {width} = {height * width}")
    values = np.arange(runs.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)


def iou(a: BoolMask, b: BoolMask, valid: BoolMask | None = None) -> float | None:
    """IoU of two ``(H, W)`` masks over the ``valid`` pixels.

    Both empty is 1.0, one empty is 0.0, and no valid pixel is None. Raises ``ValueError`` when the shapes differ.
    """
    if a.shape != b.shape or (valid is not None and valid.shape != a.shape):
        found = [a.shape, b.shape] + ([valid.shape] if valid is not None else [])
        raise ValueError(f"masks of one frame have one shape; found {found}")
    if valid is not None:
        if not valid.any():
            return None
        a, b = a & valid, b & valid
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def match(predicted: Sequence[BoolMask], true: Sequence[BoolMask], valid: BoolMask | None = None) -> list[Pair]:
    """Pair predicted and true masks of one date, each at most once, for the largest total IoU.

    Returns ``min(len(predicted), len(true))`` pairs in the order of ``predicted``; none when no pixel is valid.
    """
    if not predicted or not true or (valid is not None and not valid.any()):
        return []
    table = np.array([[iou(p, t, valid) for t in true] for p in predicted], dtype=float)
    if table.size == 1:
        return [Pair(0, 0, float(table[0, 0]))]
    from scipy.optimize import linear_sum_assignment  # half a second to import, and most items need no assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    return [Pair(int(r), int(c), float(table[r, c])) for r, c in zip(rows, columns, strict=True)]


def item_iou(
    predicted: Sequence[DatedMask], true: Sequence[DatedMask], valid: Mapping[int, BoolMask] | None = None
) -> ItemIoU:
    """IoU of an item: the matched IoU of all dates over ``max(number predicted, number true)``.

    Masks pair only within one date, so a good mask on the wrong date earns nothing and still counts in the
    denominator. Dates without any valid pixel cannot be measured and are left out of both counts. ``valid`` maps a
    date to its valid pixels; a date that it lacks is valid everywhere.
    """
    valid = valid or {}
    blind = {t for t, pixels in valid.items() if not pixels.any()}
    counted_true = [m for m in true if m.t not in blind]
    counted = [m for m in predicted if m.t not in blind]
    if not counted_true:
        return ItemIoU(None, bool(predicted))
    total, both_empty = 0.0, 0
    for t in sorted({m.t for m in counted_true}):
        here = valid.get(t)
        given = [m.mask for m in counted if m.t == t]
        for pair in match(given, [m.mask for m in counted_true if m.t == t], here):
            total += pair.iou
            seen = given[pair.predicted] if here is None else given[pair.predicted] & here
            both_empty += pair.iou == 1.0 and not seen.any()
    return ItemIoU(total / max(len(counted), len(counted_true)), bool(predicted), both_empty)


def _uncompress(counts: str | bytes, pixels: int) -> npt.NDArray[np.int64]:
    """Compressed counts to runs: 5 bits a character, low bits first, from the third run on as differences."""
    if len(counts) > _CHARS_PER_RUN * (pixels + 1):
        raise RleError(f"RLE counts are {len(counts)} characters long, too long for {pixels} pixels")
    try:
        raw = counts.encode("ascii") if isinstance(counts, str) else counts
    except UnicodeEncodeError as error:
        raise RleError(f"RLE counts hold the character {counts[error.start]!r}; expected ASCII '0' to 'o'") from error
    codes = np.frombuffer(raw, dtype=np.uint8).astype(np.int64) - 48
    bad = np.flatnonzero((codes < 0) | (codes > 63))
    if bad.size:
        raise RleError(f"RLE counts hold {chr(raw[bad[0]])!r} at position {bad[0]}; expected characters '0' to 'o'")
    if not codes.size or codes[-1] & 32:
        raise RleError("RLE counts end in the middle of a run" if codes.size else "RLE counts are empty")
    ends = np.flatnonzero((codes & 32) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if int(lengths.max()) > _CHARS_PER_RUN:
        raise RleError(f"RLE counts hold a run of {int(lengths.max())} characters; at most {_CHARS_PER_RUN}")
    place = np.arange(codes.size) - np.repeat(starts, lengths)
    runs = np.add.reduceat((codes & 31) << (5 * place), starts)
    runs -= np.where(codes[ends] & 16, np.int64(1) << (5 * lengths), 0)  # the sign bit of the last character
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def _plain_runs(counts: Sequence[Any], pixels: int) -> npt.NDArray[np.int64]:
    if not counts or len(counts) > 2 * pixels + 1:
        raise RleError(f"RLE counts list {len(counts)} runs; expected 1 to {2 * pixels + 1}")
    for position, run in enumerate(counts):
        if not isinstance(run, int) or isinstance(run, bool) or not 0 <= run <= pixels:
            raise RleError(f"RLE run {position} must be an integer from 0 to {pixels}; found {_short(run)}")
    return np.array(counts, dtype=np.int64)


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float | list | tuple | type(None)) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
