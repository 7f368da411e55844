"""Random weights of a small model, each as large as the number of its inputs asks for.

transformers draws all weights with a deviation of 0.02, which suits widths of thousands. In a model of 64 channels,
what goes through a few layers of them vanishes: masks are then learned several times more slowly.
"""

from __future__ import annotations

import math

import torch
from torch import nn

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


@torch.no_grad()
def begin(model: nn.Module) -> None:
    """Draw the weights of linear layers and convolutions with deviation 1 / sqrt(inputs), embeddings with
    1 / sqrt(width); biases are 0. All else stays as it is.
    """
    for module in model.modules():
        if isinstance(module, nn.ConvTranspose2d):  # (inputs, outputs, h, w); no two positions of a kernel overlap
            inputs = module.weight.shape[0]
        elif isinstance(module, LAYERS):
            inputs = math.prod(module.weight.shape[1:])
        elif isinstance(module, nn.Embedding):
            inputs = module.weight.shape[1]
        else:
            continue
        module.weight.normal_(0.0, 1 / math.sqrt(inputs))
        if getattr(module, "bias", None) is not None:
            module.bias.zero_()
