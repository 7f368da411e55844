"""Slots: what each position of a sequence is, and that only visual tokens move when sequences are batched."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from terrascope_vlm.slots import IGNORED, NOTHING, TEXT, Query, Slots
from tiny_queries import config_of, processor_of, query_of


def test_text_is_no_visual_token_and_is_learned_only_where_said():
    read, learned = Slots.text([5, 6]), Slots.text([7, 8], learn=True)
    assert (read.visual.tolist(), read.other.tolist()) == ([TEXT, TEXT], [TEXT, TEXT])
    assert (read.labels.tolist(), learned.labels.tolist()) == ([IGNORED, IGNORED], [7, 8])
    assert not read.question.any()
    assert Slots.text([1], question=True).question.tolist() == [True]


def test_images_are_never_learned_and_keep_the_place_of_their_token():
    slots = Slots.image(torch.tensor([4, NOTHING, 2]), 99, torch.tensor([14, TEXT, 12]))
    assert slots.ids.tolist() == [99, 99, 99]
    assert (slots.visual.tolist(), slots.other.tolist()) == ([4, NOTHING, 2], [14, TEXT, 12])
    assert slots.labels.tolist() == [IGNORED] * 3
    assert not slots.question.any()


def test_without_another_modality_no_slot_has_a_choice():
    assert Slots.image(torch.tensor([4, 5]), 99).other.tolist() == [TEXT, TEXT]


def test_parts_follow_each_other_and_empty_ones_add_nothing():
    joined = Slots.joined([Slots.text([1, 2], learn=True), Slots.text([]), Slots.image(torch.tensor([0]), 9)])
    assert len(joined) == 3
    assert joined.ids.tolist() == [1, 2, 9]
    assert joined.labels.tolist() == [1, 2, IGNORED]


def test_only_visual_tokens_move_when_a_query_is_put_behind_others():
    slots = Slots.joined(
        [Slots.text([1]), Slots.image(torch.tensor([0, NOTHING, 3]), 9, torch.tensor([7, TEXT, TEXT]))]
    )
    moved = slots.shifted(100)
    assert moved.visual.tolist() == [TEXT, 100, NOTHING, 103]
    assert moved.other.tolist() == [TEXT, 107, TEXT, TEXT]
    assert moved.ids.tolist() == slots.ids.tolist()
    assert slots.visual.tolist() == [TEXT, 0, NOTHING, 3]  # the query itself is as before


def test_visual_tokens_of_a_query_are_counted_frame_by_frame():
    processor = processor_of(config_of())
    pairs = query_of(processor, (64, 64), [(1, "optical"), (1, "sar"), (2, "optical")])
    assert (pairs.offsets, pairs.tokens, pairs.shape) == ((0, 64, 128), 192, (64, 64))
    tiled = query_of(processor, (64, 128))  # 1 x 2 tiles and a thumbnail
    assert (tiled.offsets, tiled.tokens, tiled.shape) == ((0,), 192, (64, 128))
    assert isinstance(tiled, Query)
