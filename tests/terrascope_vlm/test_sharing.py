"""Samples that begin alike are read together to the same losses and gradients as each alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch
from terrascope_vlm.batch import batch_of
from terrascope_vlm.tiny import tiny_parts
from tiny_batches import example, image

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def parts():
    return tiny_parts(0, width=32, vision_width=32, max_tiles=1, fusion="text-guided")


@pytest.fixture
def examples(parts):
    """Three samples of one pair of images, two of two dates, one of a picture of its own; masks of either date."""
    pair, dates, alone = [image(1), image(2, 1, "sar")], [image(3), image(4, 2)], [image(5)]
    cases = [(pair, (1,)), (dates, (2, 1)), (pair, (1, 1)), (alone, (1,)), (dates, (1, 2, 2)), (pair, ())]
    return [example(parts[1], frames, masks) for frames, masks in cases]


def learned(model, batch):
    model.zero_grad()
    out = model(batch)
    out.loss.backward()
    return out, {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def test_a_shared_beginning_changes_neither_losses_nor_gradients(parts, examples):
    batch = batch_of(examples, parts[0].config)
    assert batch.rows.shared.group.tolist() == [0, 1, 0, 2, 1, 0]
    assert batch.rows.shared.first.tolist() == [0, 1, 3]
    assert (batch.rows.shared.length > 128).tolist() == [True, True, False]  # two images of 64 tokens, or one
    together, gradients = learned(parts[0], batch)
    apart, expected = learned(parts[0], replace(batch, rows=replace(batch.rows, shared=None)))
    assert together.lm_loss.item() == pytest.approx(apart.lm_loss.item(), abs=1e-6)
    assert together.mask_loss.item() == pytest.approx(apart.mask_loss.item(), abs=1e-6)
    assert gradients.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(gradients[name], value, atol=1e-6, rtol=1e-3, msg=name)


def test_samples_of_other_images_share_nothing_although_their_words_are_the_same(parts):
    alike = [example(parts[1], [image(seed)]) for seed in (1, 2)]
    assert batch_of(alike, parts[0].config).rows.shared is None


def test_with_gradient_checkpointing_which_forbids_caches_each_is_read_alone(parts, examples):
    batch = batch_of(examples, parts[0].config)
    expected = parts[0](batch).loss.item()
    parts[0].train().gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    try:
        assert parts[0](batch).loss.item() == pytest.approx(expected, abs=1e-6)
    finally:
        parts[0].gradient_checkpointing_disable()
        parts[0].eval()
