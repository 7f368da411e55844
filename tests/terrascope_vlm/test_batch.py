"""Batches: every row reads its own images, shared images are prepared once, nothing is lost on the way."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from terrascope_vlm.batch import batch_of, images_of, rows_of, unique_frames
from terrascope_vlm.frames import FrameImage
from terrascope_vlm.slots import IGNORED, TEXT, Example, Slots, Target
from terrascope_vlm.tiny import tiny_parts
from tiny_queries import TEN_METRES, frame_of, query_of

torch.set_num_threads(1)

OPTICAL = [(1, "optical")]
PAIR = [(1, "optical"), (1, "sar")]
PAIRS = [*PAIR, (2, "optical"), (2, "sar")]


@pytest.fixture(scope="module")
def parts():
    return tiny_parts(0, width=32, vision_width=32, max_tiles=12)


@pytest.fixture(scope="module")
def ragged(parts):
    """One tile; 2 x 6 tiles and a thumbnail; a pair; two dates of pairs. 64 visual tokens a tile."""
    cases = [((64, 64), OPTICAL), ((100, 300), OPTICAL), ((64, 64), PAIR), ((32, 48), PAIRS)]
    return [query_of(parts[1], shape, kinds, seed=seed) for seed, (shape, kinds) in enumerate(cases)]


def target(query, slot: int, frame: int, other: int | None, rows: int) -> Target:
    mask = np.zeros(query.shape, bool)
    mask[:rows] = True
    return Target(slot, frame, other, mask, np.ones(query.shape, bool))


# Where the tokens of each query begin


def test_tokens_and_frames_of_a_ragged_batch_begin_where_those_before_end(parts, ragged):
    images = images_of(ragged, parts[0].config)
    assert images.offsets == (0, 64, 64 + 13 * 64, 1024)
    assert images.first == (0, 1, 2, 4)
    assert images.frame_tokens == (0, 64, 896, 960, 1024, 1088, 1152, 1216)
    assert images.pairs.tolist() == [[2, 896, 960, 64], [3, 1024, 1088, 64], [3, 1152, 1216, 64]]
    assert images.tiles.shape == (1 + 13 + 2 + 4, 3, 64, 64)
    assert images.large.shape == (8, 3, 64, 64)


def test_each_row_reads_the_tokens_of_its_own_images(parts, ragged):
    """The release has no batch offset: with two samples the second got the first one's tokens."""
    model, processor = parts
    evidence = [Slots.image(torch.tensor([3, 9, query.tokens - 1]), processor.ids["image"]) for query in ragged]
    sequences = [Slots.joined([query.slots, more]) for query, more in zip(ragged, evidence, strict=True)]
    with torch.no_grad():
        images = images_of(ragged, model.config)
        rows = rows_of(sequences, images.offsets)
        together = model.embedded(rows, model.see(images, rows))
        for row, (query, slots) in enumerate(zip(ragged, sequences, strict=True)):
            images = images_of([query], model.config)
            alone = rows_of([slots], images.offsets)
            seen = model.see(images, alone)
            expected = model.embedded(alone, seen)[0]
            assert torch.allclose(together[row, : len(slots)], expected, atol=1e-5)
            assert torch.allclose(together[row, len(slots) - 3 : len(slots)], seen.visual[[3, 9, -1]], atol=1e-5)
    first = together[0, len(sequences[0]) - 3 : len(sequences[0])]
    second = together[1, len(sequences[1]) - 3 : len(sequences[1])]
    assert (first - second).abs().max() > 1e-3  # so that the comparison above means something


def test_rows_are_padded_on_the_right_with_what_nobody_reads_or_learns(parts, ragged):
    sequences = [Slots.text([5, 6, 7], question=True, learn=True), Slots.image(torch.tensor([0]), 9)]
    rows = rows_of(sequences, [0, 10], pad_id=2)
    assert rows.ids.tolist() == [[5, 6, 7], [9, 2, 2]]
    assert rows.visual.tolist() == [[TEXT] * 3, [10, TEXT, TEXT]]
    assert rows.other.tolist() == [[TEXT] * 3] * 2
    assert rows.labels.tolist() == [[5, 6, 7], [IGNORED] * 3]
    assert rows.question.tolist() == [[True] * 3, [False] * 3]
    assert rows.attention.tolist() == [[True] * 3, [True, False, False]]


# Shared images


def test_frames_that_queries_share_are_prepared_once(parts):
    processor = parts[1]
    a, b, sar = frame_of((64, 64), 1), frame_of((64, 64), 2), frame_of((64, 64), 1, "sar")
    again = FrameImage(a.channels.copy(), 2, "optical")  # the same pixels, called another date
    frames = [[a], [a, b], [b, again], [a, sar]]
    queries = [processor.query(row, "How?", TEN_METRES) for row in frames]
    unique = unique_frames(queries)
    assert unique.places == (0, 0, 1, 1, 0, 0, 2)
    assert [frame is known for frame, known in zip(unique.frames, (a, b, sar), strict=True)] == [True] * 3
    images = images_of(queries, parts[0].config)
    assert len(images.tiles) == len(images.large) == 3
    assert images.tile_of.tolist() == images.frame_of.tolist() == [0, 0, 1, 1, 0, 0, 2]
    assert images.frame_tokens == (0, 64, 128, 192, 256, 320, 384)  # of the queries, as if they shared nothing


def test_a_frame_that_is_tiled_in_two_ways_is_two(parts):
    processor = parts[1]
    wide, other = frame_of((64, 128), 1), frame_of((64, 128), 2)
    queries = [processor.query(row, "How?", TEN_METRES) for row in ([wide], [wide, other], [wide])]
    images = images_of(queries, parts[0].config)
    assert images.tile_of.tolist() == [0, 1, 2, 3, 4, 0, 1, 2]  # two tiles and a thumbnail; a tile each; as the first
    assert images.frame_of.tolist() == [0, 1, 2, 0]


def test_one_pixel_makes_another_frame(parts):
    a = frame_of((64, 64))
    other = FrameImage(a.channels.copy(), 1, "optical")
    other.channels[2, 5, 5] += 1 / 255
    assert unique_frames([parts[1].query([frame], "How?", TEN_METRES) for frame in (a, other)]).places == (0, 1)


def test_queries_that_share_a_pair_have_relevances_of_their_own(parts):
    """Beta belongs to the question: a table by image would give the second question the first one's choice."""
    model, processor = parts
    pair = [frame_of((64, 64)), frame_of((64, 64), 1, "sar")]
    queries = [processor.query(pair, text, TEN_METRES) for text in ("Where is water?", "zzz 123")]
    with torch.no_grad():
        images = images_of(queries, model.config)
        seen = model.see(images, rows_of([query.slots for query in queries], images.offsets))
        assert len(images.tiles) == 2
        for row, query in enumerate(queries):
            images = images_of([query], model.config)
            alone = model.see(images, rows_of([query.slots], images.offsets))
            assert torch.allclose(seen.visual[row * 128 :][:128], alone.visual, atol=1e-5)
            assert torch.allclose(seen.beta[row * 128 :][:128], alone.beta, atol=1e-7)
    assert (seen.beta[:128] - seen.beta[128:]).abs().max() > 1e-6


# Pixels


def test_tiles_are_those_of_each_frame_in_order(parts, ragged):
    images = images_of(ragged, parts[0].config)
    expected = np.concatenate(
        [tiling.cut(f.channels) for q in ragged for f, tiling in zip(q.frames, q.tilings, strict=True)]
    )
    assert np.array_equal(images.tiles[images.tile_of].numpy(), expected)


def test_missing_bands_stay_missing_in_both_sizes():
    model, processor = tiny_parts(0, width=32, vision_width=32, bands=("B08", "B11"), mask_input=32)
    channels = np.concatenate([frame_of((48, 48)).channels, np.full((2, 48, 48), np.nan, np.float32)])
    channels[3] = 0.25
    images = images_of([processor.query([FrameImage(channels, 1, "optical")], "How?", TEN_METRES)], model.config)
    for pixels in (images.tiles[0], images.large[0]):
        assert torch.isnan(pixels[4]).all()
        assert not torch.isnan(pixels[:4]).any()
        assert (pixels[3] == 0.25).all()


# Targets


def test_targets_name_row_slot_and_frame_in_the_batch_whatever_their_number(parts, ragged):
    _, processor = parts
    ends = [Slots.joined([query.slots, Slots.text([processor.ids["seg"]], learn=True)]) for query in ragged]
    at = [len(slots) - 1 for slots in ends]
    targets = [
        (target(ragged[0], at[0], 0, None, 10),),
        (),
        (target(ragged[2], at[2], 0, 1, 20), target(ragged[2], at[2], 0, 1, 30)),
        (target(ragged[3], at[3], 2, 3, 5),),
    ]
    examples = [Example(*row) for row in zip(ragged, ends, targets, strict=True)]
    found = batch_of(examples, parts[0].config).targets
    assert found.row.tolist() == [0, 2, 2, 3]
    assert found.column.tolist() == [at[0], at[2], at[2], at[3]]
    assert found.frame.tolist() == [0, 2, 2, 6]
    assert found.other.tolist() == [-1, 3, 3, 7]
    assert [int(mask.sum()) for mask in found.masks] == [640, 1280, 1920, 240]


def test_a_batch_without_any_mask_has_no_mask_loss(parts, ragged):
    model, processor = parts
    words = Slots.text([*processor.encode("Yes."), processor.ids["end"]], learn=True)
    examples = [Example(query, Slots.joined([query.slots, words]), ()) for query in ragged[2:]]
    batch = batch_of(examples, model.config)
    assert (batch.targets.row.shape, batch.targets.masks) == ((0,), ())
    with torch.no_grad():
        out = model(batch)
    assert (float(out.mask_loss), out.mask_logits) == (0.0, ())
    assert float(out.loss) == float(out.lm_loss) > 0


@pytest.mark.filterwarnings("error")
def test_masks_may_be_read_only_or_turned_over(parts, ragged):
    query = ragged[0]
    mask = np.zeros(query.shape, bool)
    mask[:10] = True
    mask.flags.writeable = False
    example = Example(query, query.slots, (Target(0, 0, None, mask[::-1], mask),))
    found = batch_of([example], parts[0].config).targets
    assert found.masks[0][-10:].all()
    assert int(found.masks[0].sum()) == int(found.valid[0].sum()) == 640


def test_every_tensor_moves_with_its_batch(parts, ragged):
    query = ragged[2]
    example = Example(query, query.slots, (target(query, 0, 0, 1, 3),))
    batch = batch_of([example], parts[0].config)
    moved = batch.to("meta")
    for part in (moved.images, moved.rows, moved.targets):
        for entry in fields(part):
            value = getattr(part, entry.name)
            tensors = (
                [value] if isinstance(value, torch.Tensor) else [v for v in value or () if isinstance(v, torch.Tensor)]
            )
            assert all(tensor.device.type == "meta" for tensor in tensors), entry.name
    assert moved.images.offsets == batch.images.offsets
    assert replace(moved.rows).ids.shape == batch.rows.ids.shape
