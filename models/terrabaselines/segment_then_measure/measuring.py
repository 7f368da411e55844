"""From masks to an answer: the same arithmetic as the benchmark's, on masks of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terrabaselines.segment_then_measure.understanding import Asked
from terracot import measure
from terracot.plugins import EvidenceMask, Prompt
from terracot.rules import Truth, answer_from_masks
from terracot.scenes import BoolMask

DESTROYED_PART = 0.5
"""A building counts as destroyed when more than this part of it is classified so."""
SMALLEST_BUILDING_PX = 9


def regions_for(asked: Asked, found: Mapping[int, Mapping[str, BoolMask]], prompt: Prompt) -> list[EvidenceMask]:
    """The regions of the question on the masks found, prepared as the rule of its kind wants them.

    ``KeyError`` names a class that no mask is known of.
    """
    masks = [found[t][name] & prompt.valid[t] for t, name in asked.regions]
    if asked.kind == "building_change":
        masks = list(buildings(masks[0], masks[1]))
    elif asked.kind == "distance":
        masks = [measure.opened(mask) for mask in masks]
    least = [
        float(asked.parameters.get("min_share", 0.0)) / 100 * float(np.count_nonzero(prompt.valid[t]))
        for t, _ in asked.regions
    ]
    masks = [
        without_small(mask, max(share, float(asked.parameters.get("min_pixels", 0))))
        for mask, share in zip(masks, least, strict=True)
    ]
    return [EvidenceMask(t, name, mask) for (t, name), mask in zip(asked.regions, masks, strict=True)]


def answer(asked: Asked, regions: Sequence[EvidenceMask], prompt: Prompt) -> Truth:
    """What the regions measure; ``ValueError`` or ``ZeroDivisionError`` when they cannot answer."""
    return answer_from_masks(asked.kind, regions, prompt.valid, prompt.ground, asked.parameters)


def buildings(before: BoolMask, destroyed: BoolMask) -> tuple[BoolMask, BoolMask]:
    """All buildings, and those of them that are destroyed as a whole: each is judged by most of its pixels."""
    kept = without_small(before, SMALLEST_BUILDING_PX)
    numbers, count = _numbered(kept)
    share = np.asarray(ndimage.mean(destroyed, numbers, np.arange(1, count + 1))) if count else np.empty(0)
    gone = np.concatenate([[False], share > DESTROYED_PART])
    return kept, np.asarray(gone[numbers])


def without_small(mask: BoolMask, pixels: float) -> BoolMask:
    """The mask without its 8-connected components of fewer pixels."""
    if pixels <= 1:
        return mask
    numbers, count = _numbered(mask)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    kept = sizes >= pixels
    kept[0] = False
    return np.asarray(kept[numbers])


def _numbered(mask: BoolMask) -> tuple[npt.NDArray[np.int32], int]:
    numbers, count = ndimage.label(mask, measure.SQUARE)
    return np.asarray(numbers, dtype=np.int32), int(count)
