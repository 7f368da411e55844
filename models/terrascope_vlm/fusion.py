"""Optical and SAR images of one date: which of the two a token is read from, and what the mask decoder sees.

beta_j = mean over the L question tokens of softmax over the N visual tokens of v_j q^T / sqrt(D), for each modality; v
are projector outputs, q the language model's input embeddings of the question alone. A token under the mask comes from
the modality with the larger beta_j, from SAR on a tie. Nothing is learned through the choice.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from terrascope_vlm.slots import TEXT


@torch.no_grad()
def relevance(visual: Tensor, question: Tensor) -> Tensor:
    """``(N,)`` beta of visual tokens ``(N, D)`` for question tokens ``(L, D)``; 1 / N each without a question."""
    if not len(question):
        return visual.new_full((len(visual),), 1 / len(visual), dtype=torch.float32)
    scores = question.float() @ visual.float().T / math.sqrt(visual.shape[-1])
    return scores.softmax(dim=-1).mean(dim=0)


@torch.no_grad()
def relevances(visual: Tensor, pairs: Tensor, questions: list[Tensor]) -> Tensor:
    """``(tokens,)`` beta of every visual token of a batch that belongs to a pair; 0 elsewhere.

    ``pairs`` ``(P, 4)`` as in ``terrascope_vlm.batch.Images``; ``questions`` has the ``(L, D)`` embeddings of each row.
    """
    beta = visual.new_zeros(len(visual), dtype=torch.float32)
    for row, optical, sar, n in pairs.tolist():
        for first in (optical, sar):
            beta[first : first + n] = relevance(visual[first : first + n], questions[row])
    return beta


def chosen(visual: Tensor, other: Tensor, beta: Tensor) -> Tensor:
    """The visual token of every slot: ``other`` (SAR) where there is one and its beta is not the smaller."""
    if not len(beta):
        return visual
    takes_other = (other != TEXT) & (beta[other.clamp(min=0)] >= beta[visual.clamp(min=0)])
    return torch.where(takes_other, other, visual)


def optical_share(beta: Tensor, optical: int, sar: int, cells: tuple[int, int]) -> Tensor:
    """``(1, 1, rows, columns)``: the optical part of both betas in every cell of a pair that is one tile each.

    A half where both are too small to be told from 0.
    """
    n = cells[0] * cells[1]
    a, b = beta[optical : optical + n], beta[sar : sar + n]
    both = a + b
    return torch.where(both > 0, a / both, 0.5).reshape(1, 1, *cells)
