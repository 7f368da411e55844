"""Losses: cross-entropy of the text and Dice with cross-entropy of the masks, by hand; what counts in them."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from terrascope_vlm.batch import batch_of
from terrascope_vlm.evidence import Region, evidence_for
from terrascope_vlm.losses import mask_loss, text_loss
from terrascope_vlm.slots import IGNORED, Example, Slots, Target
from terrascope_vlm.tiny import tiny_parts
from tiny_queries import query_of
from torch import Tensor

torch.set_num_threads(1)


def slow_mask_loss(logits: list[float], truth: list[int]) -> float:
    """Dice with 1 added above and below, and the mean cross-entropy of pixels."""
    shares = [1 / (1 + math.exp(-x)) for x in logits]
    both = sum(p * g for p, g in zip(shares, truth, strict=True))
    dice = 1 - (2 * both + 1) / (sum(shares) + sum(truth) + 1)
    entropy = [-math.log(p if g else 1 - p) for p, g in zip(shares, truth, strict=True)]
    return dice + sum(entropy) / len(entropy)


def slow_text_loss(logits: list[list[float]], labels: list[int]) -> float:
    """Mean of minus the logarithm of the softmax at the label."""
    each = [math.log(sum(math.exp(x) for x in row)) - row[label] for row, label in zip(logits, labels, strict=True)]
    return sum(each) / len(each)


def mask_of(*rows: list[int]) -> Tensor:
    return torch.tensor(rows, dtype=torch.bool)


ALL = mask_of([1, 1, 1], [1, 1, 1])


def test_the_text_loss_is_the_mean_cross_entropy():
    logits, labels = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0]]), torch.tensor([0, 2])
    assert float(text_loss(logits, labels)) == pytest.approx(slow_text_loss(logits.tolist(), labels.tolist()))
    assert float(text_loss(logits[1:], labels[1:])) == pytest.approx(math.log(3))
    assert text_loss(logits.bfloat16(), labels).dtype == torch.float32


def test_the_mask_loss_is_dice_plus_cross_entropy():
    logits, truth = torch.tensor([[3.0, -2.0, 0.5], [-1.0, 0.0, 4.0]]), mask_of([1, 0, 1], [0, 0, 1])
    expected = slow_mask_loss(logits.flatten().tolist(), [1, 0, 1, 0, 0, 1])
    assert float(mask_loss([logits], [truth], [ALL])) == pytest.approx(expected)
    undecided = torch.zeros(2, 3)  # p = 1/2 at six pixels, three of them true
    assert float(mask_loss([undecided], [truth], [ALL])) == pytest.approx(1 - (3 + 1) / (3 + 3 + 1) + math.log(2))


def test_only_valid_pixels_count():
    logits, truth = torch.tensor([[3.0, -2.0, 0.5], [-1.0, 0.0, 4.0]]), mask_of([1, 0, 1], [0, 0, 1])
    valid = mask_of([1, 1, 0], [1, 0, 0])
    expected = slow_mask_loss([3.0, -2.0, -1.0], [1, 0, 0])
    assert float(mask_loss([logits], [truth], [valid])) == pytest.approx(expected)
    elsewhere = torch.where(valid, logits, torch.tensor(50.0))
    assert float(mask_loss([elsewhere], [~valid | truth], [valid])) == pytest.approx(expected)


def test_masks_of_all_sizes_weigh_the_same():
    small, large = torch.tensor([[1.0]]), torch.full((4, 5), -1.0)
    truths = [mask_of([1]), torch.zeros(4, 5, dtype=torch.bool)]
    valid = [mask_of([1]), torch.ones(4, 5, dtype=torch.bool)]
    expected = (slow_mask_loss([1.0], [1]) + slow_mask_loss([-1.0] * 20, [0] * 20)) / 2
    assert float(mask_loss([small, large], truths, valid)) == pytest.approx(expected)


def test_nothing_drawn_where_nothing_is_costs_nothing():
    assert float(mask_loss([torch.full((2, 3), -60.0)], [torch.zeros_like(ALL)], [ALL])) == pytest.approx(0, abs=1e-6)
    assert float(mask_loss([torch.full((2, 3), 60.0)], [ALL], [ALL])) == pytest.approx(0, abs=1e-6)


def test_a_mask_without_valid_pixels_costs_nothing_and_has_a_gradient_of_0():
    logits = torch.tensor([[3.0, -2.0, 0.5], [-1.0, 0.0, 4.0]], requires_grad=True)
    loss = mask_loss([logits], [ALL], [torch.zeros_like(ALL)])
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_logits_in_half_precision_are_judged_in_full():
    logits, truth = torch.tensor([[3.0, -2.0, 0.5]]), mask_of([1, 0, 1])
    found = mask_loss([logits.bfloat16()], [truth], [mask_of([1, 1, 1])])
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(slow_mask_loss([3.0, -2.0, 0.5], [1, 0, 1]))


# in the model


def example_of_two_dates(processor, config, masks):
    """Two dates, a mask on each, true evidence after both: the query's slots, reply and targets by hand."""
    query = query_of(processor, masks[0].shape, ((1, "optical"), (2, "optical")))
    regions = [Region(t, t - 1, None, mask) for t, mask in enumerate(masks, 1)]
    parts, targets = [query.slots], []
    for n, region in enumerate(regions, 1):
        parts.append(Slots.text(processor.encode(f"Image: {n} [SEG]"), learn=True))
        targets.append(
            Target(sum(map(len, parts)) - 1, region.frame, None, region.mask, np.ones(region.mask.shape, bool))
        )
        parts.append(evidence_for(query, regions[:n], config, processor).slots)
    parts.append(Slots.text(processor.encode(". B<|im_end|>"), learn=True))
    return Example(query, Slots.joined(parts), tuple(targets))


@pytest.fixture(scope="module")
def trained():
    """A tiny model, its batch of one example with two masks, and what forward makes of it."""
    model, processor = tiny_parts()
    masks = np.zeros((2, 24, 24), bool)
    masks[0, :12], masks[1, :, 16:] = True, True
    example = example_of_two_dates(processor, model.config, list(masks))
    return model, example, batch_of([example], model.config)


def test_injected_tokens_are_not_learned_and_all_others_of_the_reply_are(trained):
    model, example, batch = trained
    assert (example.slots.visual[len(example.query.slots) :] >= 0).sum() > 20  # there is evidence to leave out
    output = model(batch)
    with torch.no_grad():
        seen = model.see(batch.images, batch.rows)
        logits = model.vlm.lm_head(model.read(model.embedded(batch.rows, seen), batch.rows.attention))[0]
    learned = [n for n in range(1, len(example.slots)) if int(example.slots.labels[n]) != IGNORED]
    assert len(learned) == len("Image: ") + 1 + 2 + len("Image: ") + 1 + 2 + len(". B") + 1  # [SEG] is one token
    expected = slow_text_loss(logits[[n - 1 for n in learned]].tolist(), example.slots.ids[learned].tolist())
    assert output.lm_loss.item() == pytest.approx(expected, rel=1e-4)
    assert output.loss.item() == pytest.approx(output.lm_loss.item() + 0.5 * output.mask_loss.item(), rel=1e-5)


def test_every_mask_of_two_dates_is_supervised_against_its_own_image(trained):
    # the released code never supervises the second one
    model, example, batch = trained
    assert batch.targets.frame.tolist() == [0, 1]
    output = model(batch)
    each = [
        slow_mask_loss(logits.flatten().tolist(), target.mask.flatten().tolist())
        for logits, target in zip(output.mask_logits, example.targets, strict=True)
    ]
    assert output.mask_loss.item() == pytest.approx(sum(each) / 2, rel=1e-4)
    for logits in output.mask_logits:
        (gradient,) = torch.autograd.grad(output.mask_loss, logits, retain_graph=True)
        assert gradient.abs().sum() > 0
