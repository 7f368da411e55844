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
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from terracot.memo import remembered
from terracot.scenes import BoolMask

Order = Literal["C", "F"]
"""How a mask lies in memory: row by row, or column by column as its runs do."""

MAX_PIXELS = 1 << 28
"""Masks beyond 16,384 x 16,384 are refused before anything is allocated."""

_CHARS_PER_RUN = 7  # 5 bits a character: 7 hold any signed difference of two runs below MAX_PIXELS
_EACH_BYTE = np.uint64(0x0101010101010101)


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


def decode(rle: Any, shape: tuple[int, int], order: Order = "C") -> BoolMask:
    """Read ``{"size": [H, W], "counts": ...}`` as an ``(H, W)`` boolean mask of exactly ``shape``.

    ``counts`` is a compressed string (or its ASCII bytes) or a list of run lengths, background first, column by
    column. Raises ``RleError`` when the size differs from ``shape`` or the runs are not non-negative integers that
    sum to ``H * W``. Time and memory depend on ``shape`` and on the length of ``counts`` only. ``order`` "F"
    saves turning the result round, where masks are only compared.
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
    # Checked one by one, as a wild sum may wrap around; seen as unsigned, a negative run is larger than all others.
    if runs.view(np.uint64).max() > height * width:
        wild = int(np.flatnonzero((runs < 0) | (runs > height * width))[0])
        raise RleError(f"RLE run {wild} has {runs[wild]} pixels; expected 0 to {height} x {width}")
    total = int(runs.sum())
    if total != height * width:
        raise RleError(f"RLE runs sum to {total} pixels; expected {height} x {width} = {height * width}")
    mask = _expanded(runs, height * width).reshape(width, height).T
    return mask if order == "F" else np.ascontiguousarray(mask)


def iou(a: BoolMask, b: BoolMask, valid: BoolMask | None = None) -> float | None:
    """IoU of two ``(H, W)`` masks over the ``valid`` pixels.

    Both empty is 1.0, one empty is 0.0, and no valid pixel is None. Raises ``ValueError`` when the shapes differ.
    """
    _check_shapes([a, b], valid)
    if valid is not None:
        if not valid.any():
            return None
        a, b = a & valid, b & valid
    return _ratio(int(np.count_nonzero(a & b)), int(np.count_nonzero(a)) + int(np.count_nonzero(b)))


def _check_shapes(masks: Sequence[BoolMask], valid: BoolMask | None) -> None:
    found = [m.shape for m in masks] + ([valid.shape] if valid is not None else [])
    if len(set(found)) > 1:
        raise ValueError(f"masks of one frame have one shape; found {found}")


def _ratio(common: int, both: int) -> float:
    """IoU from the pixels in common and the sum of the sizes; 1 where there is no pixel at all."""
    return common / (both - common) if both else 1.0


def match(predicted: Sequence[BoolMask], true: Sequence[BoolMask], valid: BoolMask | None = None) -> list[Pair]:
    """Pair predicted and true masks of one date, each at most once, for the largest total IoU.

    Returns ``min(len(predicted), len(true))`` pairs in the order of ``predicted``; none when no pixel is valid.
    """
    if not predicted or not true or (valid is not None and not valid.any()):
        return []
    _check_shapes([*predicted, *true], valid)
    if valid is not None:
        predicted, true = [p & valid for p in predicted], [t & valid for t in true]
    given, wanted = ([int(np.count_nonzero(m)) for m in side] for side in (predicted, true))
    table = np.array(
        [
            [_ratio(int(np.count_nonzero(p & t)), n + m) for t, m in zip(true, wanted, strict=True)]
            for p, n in zip(predicted, given, strict=True)
        ]
    )
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
    codes = np.frombuffer(raw, dtype=np.uint8) - np.uint8(48)  # below '0' this wraps around to more than 63
    if not codes.size:
        raise RleError("RLE counts are empty")
    if codes.max() > 63:
        bad = int(np.argmax(codes > 63))
        raise RleError(f"RLE counts hold {chr(raw[bad])!r} at position {bad}; expected characters '0' to 'o'")
    goes_on = codes >= 32
    if goes_on[-1]:
        raise RleError("RLE counts end in the middle of a run")
    ends, digits = np.flatnonzero(~goes_on), codes & 31
    runs = (digits[ends] ^ 16).astype(np.int64) - 16  # the last digit of a run has the sign
    before = ends - 1  # -1 stands for the last character, which goes on nowhere
    longer = np.flatnonzero(goes_on[before])
    before = before[longer]
    for _ in range(_CHARS_PER_RUN):
        if not longer.size:
            break
        runs[longer] = (runs[longer] << 5) + digits[before]
        before -= 1
        more = goes_on[before]
        longer, before = longer[more], before[more]
    else:
        raise RleError(f"RLE counts hold a run of more than {_CHARS_PER_RUN} characters")
    np.add.accumulate(runs[1::2], out=runs[1::2])
    np.add.accumulate(runs[2::2], out=runs[2::2])
    return runs


def _expanded(runs: npt.NDArray[np.int64], pixels: int) -> npt.NDArray[np.bool_]:
    """Runs that sum to ``pixels``, one boolean a pixel: half the time that ``np.repeat`` takes for ragged masks."""
    if not runs[1:].all():  # empty runs: two edges at one place
        return np.repeat(np.arange(runs.size) % 2 == 1, runs)
    words = np.zeros(-(-pixels // 8), dtype="<u8")  # eight pixels each, the first in the lowest byte
    flat = words.view(np.uint8)
    flat[np.add.accumulate(runs[:-1])] = 1  # edges; a pixel is set when the edges up to it are odd in number
    words *= _EACH_BYTE  # within a word, each byte becomes the number of edges up to it
    odd = np.bitwise_xor.accumulate(words >> np.uint64(56)) & np.uint64(1)
    words[1:] += odd[:-1] * _EACH_BYTE
    words &= _EACH_BYTE
    return flat[:pixels].view(np.bool_)


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
