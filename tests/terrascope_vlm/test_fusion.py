"""Fusion: beta by loops over the formula of the paper, the choice by it, and what may not change it."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")

import torch
from terrascope_vlm.batch import images_of, rows_of
from terrascope_vlm.fusion import chosen, optical_share, relevance, relevances
from terrascope_vlm.slots import NOTHING, TEXT, Slots
from terrascope_vlm.tiny import tiny_parts
from tiny_queries import query_of
from torch import Tensor

torch.set_num_threads(1)

PAIR = ((1, "optical"), (1, "sar"))


def slow_beta(visual: list[list[float]], question: list[list[float]]) -> list[float]:
    """beta_j = mean over question tokens of softmax over j of v_j q / sqrt(D)."""
    width = len(visual[0])
    beta = [0.0] * len(visual)
    for q in question:
        powers = [math.exp(sum(a * b for a, b in zip(v, q, strict=True)) / math.sqrt(width)) for v in visual]
        for j, power in enumerate(powers):
            beta[j] += power / sum(powers) / len(question)
    return beta


def noise(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "questions", "width"), [(5, 3, 4), (1, 2, 8), (16, 1, 3), (7, 9, 1)])
def test_beta_is_the_mean_over_the_question_of_softmax_over_the_image(n, questions, width):
    visual, question = 2 * noise(n, width, seed=1), 2 * noise(questions, width, seed=2)
    beta = relevance(visual, question)
    assert beta.tolist() == pytest.approx(slow_beta(visual.tolist(), question.tolist()), rel=1e-5)
    assert float(beta.sum()) == pytest.approx(1)


def test_beta_is_in_full_precision_where_the_model_is_not():
    visual, question = noise(6, 4, seed=1).bfloat16(), noise(3, 4, seed=2).bfloat16()
    beta = relevance(visual, question)
    assert beta.dtype == torch.float32
    assert beta.tolist() == pytest.approx(slow_beta(visual.tolist(), question.tolist()), rel=1e-5)


def test_without_a_question_no_token_is_more_relevant_than_another():
    assert relevance(noise(4, 3), noise(0, 3)).tolist() == [0.25] * 4


def test_nothing_is_learned_through_the_choice():
    visual, question = noise(4, 3).requires_grad_(), noise(2, 3).requires_grad_()
    assert not relevance(visual, question).requires_grad
    assert not relevances(visual, torch.tensor([[0, 0, 2, 2]]), [question]).requires_grad


def test_each_modality_of_a_pair_has_its_own_softmax_and_each_query_its_own_question():
    visual, questions = noise(13, 4, seed=3), [noise(2, 4, seed=4), noise(5, 4, seed=5)]
    pairs = torch.tensor([[0, 0, 3, 3], [1, 7, 9, 2]])  # row, optical, SAR, tokens; 6, 11 and 12 are of no pair
    beta = relevances(visual, pairs, questions)
    for row, first, n in ((0, 0, 3), (0, 3, 3), (1, 7, 2), (1, 9, 2)):
        expected = slow_beta(visual[first : first + n].tolist(), questions[row].tolist())
        assert beta[first : first + n].tolist() == pytest.approx(expected, rel=1e-5)
    assert beta[[6, 11, 12]].tolist() == [0, 0, 0]


def test_a_token_comes_from_the_larger_beta_and_from_radar_on_a_tie():
    beta = torch.tensor([0.2, 0.5, 0.3, 0.4, 0.1, 0.3])
    visual = torch.tensor([[0, 1, 2, 1, TEXT, NOTHING]])
    other = torch.tensor([[3, 4, 5, TEXT, TEXT, TEXT]])
    assert chosen(visual, other, beta).tolist() == [[3, 1, 5, 1, TEXT, NOTHING]]


def test_without_pairs_every_slot_is_read_as_it_stands():
    visual, other = torch.tensor([[0, TEXT, 2]]), torch.full((1, 3), TEXT)
    assert torch.equal(chosen(visual, other, torch.zeros(0)), visual)


def test_the_optical_share_of_a_cell_is_its_part_of_both_betas():
    optical, sar = relevance(noise(6, 4, seed=1), noise(2, 4)), relevance(noise(6, 4, seed=2), noise(2, 4))
    beta = torch.cat([torch.zeros(2), optical, torch.zeros(1), sar])
    share = optical_share(beta, 2, 9, (2, 3))
    assert share.shape == (1, 1, 2, 3)
    expected = [a / (a + b) for a, b in zip(optical.tolist(), sar.tolist(), strict=True)]
    assert share.flatten().tolist() == pytest.approx(expected)


def test_two_betas_too_small_to_tell_from_0_share_a_cell_by_halves():
    assert optical_share(torch.tensor([0.0, 1.0, 0.0, 0.0]), 0, 2, (1, 2)).flatten().tolist() == [0.5, 1.0]


def test_the_reply_does_not_change_what_is_relevant_and_only_the_question_counts():
    # the released code also asks with the tokens of the answer
    model, processor = tiny_parts(fusion="text-guided")
    query = query_of(processor, (32, 32), PAIR, text="How much water?\nA. 10%\nB. 20%")
    marked = query.slots.ids[query.slots.question].tolist()
    assert processor.decode(marked) == "How much water?\nA. 10%\nB. 20%"
    reply = Slots.text(processor.encode("<think>The water is here: [SEG].</think><answer>B</answer>"), learn=True)
    assert not reply.question.any()
    images = images_of([query], model.config)
    with torch.no_grad():
        seen = [
            model.see(images, rows_of([slots], images.offsets))
            for slots in (query.slots, Slots.joined([query.slots, reply]))
        ]
        question = model.get_input_embeddings()(torch.tensor(marked))
    assert torch.equal(seen[0].beta, seen[1].beta)
    for first in (0, 64):
        expected = slow_beta(seen[0].visual[first : first + 64].tolist(), question.tolist())
        assert seen[0].beta[first : first + 64].tolist() == pytest.approx(expected, rel=1e-4)


def test_every_query_of_a_batch_has_the_betas_it_has_alone():
    model, processor = tiny_parts(fusion="text-guided")
    queries = [
        query_of(processor, (32, 32), ((1, "optical"),), seed=1),  # without a pair, and in front
        query_of(processor, (32, 32), PAIR, text="Where is the water?", seed=2),
        query_of(processor, (40, 32), ((1, "optical"), (2, "optical"), (2, "sar")), text="What is new?", seed=3),
    ]

    def betas(members: list[int]) -> list[Tensor]:
        images = images_of([queries[n] for n in members], model.config)
        rows = rows_of([queries[n].slots for n in members], images.offsets)
        with torch.no_grad():
            seen = model.see(images, rows)
        return [seen.beta[first : first + queries[n].tokens] for first, n in zip(images.offsets, members, strict=True)]

    batched = betas([0, 1, 2])
    assert not batched[0].any()
    for n in (1, 2):
        assert torch.allclose(batched[n], betas([n])[0], atol=1e-6)
    assert not batched[2][:64].any()  # the first date has no radar
    assert batched[2][64:].sum() == pytest.approx(2, abs=1e-4)
