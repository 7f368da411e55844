"""From the state of ``[SEG]`` to a mask: SAM 2's image encoder and mask decoder behind one small interface.

``encode`` runs once an image, ``decode`` once a mask. Two backends, the classes of transformers (the default) and the
package sam2, hold the same weights under the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from terrascope_vlm.config import TerraScopeConfig


@dataclass(frozen=True, eq=False)
class Features:
    """Feature maps of F images, ``(F, c, h, w)`` each, from fine to coarse; the last is SAM's image embedding."""

    levels: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.levels[0])

    def of(self, frames: Tensor) -> Features:
        """Those of ``frames`` ``(M,)``, repeated as often as they are named."""
        return Features(tuple(level[frames] for level in self.levels))

    def to(self, target: torch.device | torch.dtype) -> Features:
        """On another device or of another type."""
        return Features(tuple(level.to(target) for level in self.levels))

    def mixed(self, other: Features, share: Tensor) -> Features:
        """``share`` ``(M, 1, rows, columns)`` of these, enlarged to each level, and the rest of ``other``."""
        levels = []
        for mine, theirs in zip(self.levels, other.levels, strict=True):
            part = functional.interpolate(share.to(mine), size=mine.shape[-2:], mode="bilinear", align_corners=False)
            levels.append(part * mine + (1 - part) * theirs)
        return Features(tuple(levels))

    @classmethod
    def joined(cls, several: list[Features]) -> Features:
        """Those of several, one after the other."""
        return cls(tuple(torch.cat(levels) for levels in zip(*(f.levels for f in several), strict=True)))


class Grounding(Protocol):
    """What a backend does; it is a ``torch.nn.Module``.

    ``encode`` is ``adapted(backbone(pixels))``. The mask decoder begins with two convolutions of the encoder's maps, so
    who trains it and keeps what a frozen encoder saw has to keep what ``backbone`` gives.
    """

    def backbone(self, pixels: Tensor) -> Features:
        """What the image encoder alone makes of normalised images ``(F, C, S, S)``."""
        ...

    def adapted(self, maps: Features) -> Features:
        """Those of ``backbone`` as ``decode`` reads them."""
        ...

    def encode(self, pixels: Tensor) -> Features:
        """Features of normalised images ``(F, C, S, S)``."""
        ...

    def decode(self, features: Features, prompts: Tensor) -> Tensor:
        """``(M, h, w)`` mask logits for ``prompts`` ``(M, 256)``, each on its own image of ``features`` (M of them)."""
        ...


def grounding_of(config: TerraScopeConfig) -> nn.Module:
    """The backend that ``config`` names, with random weights. ``ImportError`` says how to install the package sam2."""
    if config.grounding_backend == "sam2":
        from terrascope_vlm.grounding.sam2_backend import Sam2Package

        return Sam2Package(config)
    from terrascope_vlm.grounding.transformers_backend import Sam2Transformers

    return Sam2Transformers(config)
