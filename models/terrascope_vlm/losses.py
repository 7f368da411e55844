"""The two losses of the paper: cross-entropy of the text without what is injected; Dice and cross-entropy of masks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor


def text_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of ``(N, V)`` logits with the ``(N,)`` tokens that follow."""
    return functional.cross_entropy(logits.float(), labels)


def mask_loss(logits: Sequence[Tensor], masks: Sequence[Tensor], valid: Sequence[Tensor]) -> Tensor:
    """Mean over masks of Dice plus pixel cross-entropy; ``(H, W)`` each, over valid pixels only.

    Dice is 1 - (2 sum p g + 1) / (sum p + sum g + 1), so that two empty masks agree.
    """
    losses = []
    for own, mask, counts in zip(logits, masks, valid, strict=True):
        if not counts.any():
            losses.append(own.sum() * 0.0)
            continue
        scores, truth = own.float()[counts], mask[counts].float()
        share = scores.sigmoid()
        dice = 1 - (2 * (share * truth).sum() + 1) / (share.sum() + truth.sum() + 1)
        losses.append(dice + functional.binary_cross_entropy_with_logits(scores, truth))
    return torch.stack(losses).mean()
