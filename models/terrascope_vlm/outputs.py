"""What the model gives back, and what may be given to it in the place of pixels."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from transformers.utils import ModelOutput

from terrascope_vlm.grounding import Features


@dataclass
class TerraScopeOutput(ModelOutput):
    """``loss`` is ``lm_loss`` + ``mask_loss_weight`` x ``mask_loss``; ``mask_logits`` ``(H, W)`` by target."""

    loss: Tensor | None = None
    lm_loss: Tensor | None = None
    mask_loss: Tensor | None = None
    mask_logits: tuple[Tensor, ...] | None = None


@dataclass(frozen=True, eq=False)
class Kept:
    """What frozen encoders made of a batch's images at an earlier time, in the place of their pixels.

    ``tower``: ``vision_tower_of(images.tiles)``; ``maps``: ``grounding.backbone`` of ``images.large``, normalised. One
    that is None is computed.
    """

    tower: Tensor | None = None
    maps: Features | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What the model has made of a batch's images: visual tokens ``(tokens, D)`` and their betas ``(tokens,)``."""

    visual: Tensor
    beta: Tensor
