"""Evidence: which tokens follow ``[SEG]``, in every variant, against slow references and the defects of the release."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch
from terrascope_vlm.batch import images_of, rows_of
from terrascope_vlm.evidence import Evidence, Region, boxed, evidence_for, thinned
from terrascope_vlm.slots import IGNORED, NOTHING, TEXT, Query, Slots
from terrascope_vlm.tiny import tiny_parts
from tiny_queries import config_of, processor_of, query_of

torch.set_num_threads(1)

PAIR = ((1, "optical"), (1, "sar"))
TWO_DATES = ((1, "optical"), (2, "optical"))
PROCESSOR = processor_of(config_of())


def blob(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A region with a rough edge."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    centre, radius = rng.uniform(0.3, 0.7, 2) * shape, rng.uniform(0.2, 0.5) * min(shape)
    return np.hypot(y - centre[0], x - centre[1]) + rng.normal(0, 2, shape) < radius


def found(query: Query, *masks: np.ndarray, frame: int = 0, other: int | None = None, **settings_: object) -> Evidence:
    """The evidence of the last of some masks."""
    t = query.frames[frame].t
    return evidence_for(query, [Region(t, frame, other, mask) for mask in masks], config_of(**settings_), PROCESSOR)


def covered_share(mask: np.ndarray, top: Fraction, left: Fraction, high: Fraction, wide: Fraction) -> Fraction:
    """The share of a cell that a mask covers, pixel by pixel: how far each reaches into it down and across."""
    area = Fraction(0)
    for y, x in np.argwhere(mask).tolist():
        down = min(y + 1, top + high) - max(y, top)
        across = min(x + 1, left + wide) - max(x, left)
        if down > 0 and across > 0:
            area += down * across
    return area / (high * wide)


def slow_cells(mask: np.ndarray, grid: tuple[int, int], least: float) -> list[tuple[int, int]]:
    """Cells that a mask covers by more than ``least``, row by row."""
    high, wide = Fraction(mask.shape[0], grid[0]), Fraction(mask.shape[1], grid[1])
    return [
        (i, j)
        for i in range(grid[0])
        for j in range(grid[1])
        if covered_share(mask, i * high, j * wide, high, wide) > least
    ]


def slow_sample(cells: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Spatial uniform sampling as the paper says it: of each part of the box the cell nearest to the part's centre."""
    if len(cells) <= most:
        return cells
    n = math.ceil(math.sqrt(most))
    top, left = min(i for i, _ in cells), min(j for _, j in cells)
    high = Fraction(max(i for i, _ in cells) + 1 - top, n)
    wide = Fraction(max(j for _, j in cells) + 1 - left, n)
    parts: dict[tuple[int, int], list[tuple[Fraction, int, int]]] = {}
    for i, j in cells:
        y, x = i + Fraction(1, 2) - top, j + Fraction(1, 2) - left  # centre of the cell
        p, q = int(y // high), int(x // wide)
        off = (y - (p + Fraction(1, 2)) * high) ** 2 + (x - (q + Fraction(1, 2)) * wide) ** 2
        parts.setdefault((p, q), []).append((off, i, j))
    return sorted(min(inside)[1:] for inside in parts.values())


# mask: coverage


@pytest.mark.parametrize(("shape", "seed"), [((37, 37), 0), ((37, 37), 1), ((50, 37), 2), ((5, 6), 3), ((48, 40), 4)])
@pytest.mark.parametrize("least", [0.5, 0.25])
def test_cells_over_the_threshold_by_exact_area_follow_row_by_row(shape, seed, least):
    query = query_of(PROCESSOR, shape, TWO_DATES)
    mask = blob(shape, seed)
    evidence = found(query, mask, frame=1, min_cover=least)
    expected = [8 * i + j for i, j in slow_cells(mask, (8, 8), least)]
    assert expected
    assert evidence.cells.tolist() == expected
    assert evidence.cells.dtype == np.int64
    assert evidence.slots.visual.tolist() == [64 + cell for cell in expected]  # the first image has 64 tokens
    assert (evidence.covered, evidence.empty, evidence.weak, evidence.text) == (len(expected), False, False, "")


def test_a_cell_covered_by_exactly_the_threshold_is_no_evidence():
    query = query_of(processor_of(config_of(image=24)), (50, 50), TWO_DATES)  # 3 x 3 cells, no whole pixels
    mask = np.zeros((50, 50), bool)
    mask[:, :25] = True  # half of the middle ones
    assert found(query, mask).cells.tolist() == [0, 3, 6]
    assert found(query, mask, min_cover=0.49).cells.tolist() == [0, 1, 3, 4, 6, 7]


def test_cells_of_several_tiles_follow_row_by_row_over_the_whole_image():
    query = query_of(PROCESSOR, (40, 60))  # 2 x 3 tiles of 8 x 8 tokens: cells of 2.5 pixels
    mask = blob((40, 60), 1)
    evidence = found(query, mask, max_evidence=1000)
    tile_of = {(i, j): (i // 8 * 3 + j // 8) * 64 + i % 8 * 8 + j % 8 for i in range(16) for j in range(24)}
    assert evidence.cells.tolist() == [tile_of[cell] for cell in slow_cells(mask, (16, 24), 0.5)]
    assert evidence.cells.max() < 6 * 64 < query.tokens  # never the thumbnail


def test_a_mask_that_misses_every_centre_is_seen_and_one_that_only_meets_centres_is_not():
    # the released code looks at the centre of a cell alone
    query = query_of(PROCESSOR, (64, 64), TWO_DATES)
    ring, dots = np.ones((64, 64), bool), np.zeros((64, 64), bool)
    ring[4::8, 4::8] = False
    dots[4::8, 4::8] = True
    assert found(query, ring).covered == 64
    assert found(query, ring, evidence="release").covered == 0
    assert found(query, dots).weak
    assert found(query, dots, evidence="release").covered == 64


# mask: sampling


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 24), columns=st.integers(1, 24), n=st.integers(1, 6))
@settings(max_examples=80, deadline=None)
def test_of_each_part_of_the_box_the_cell_nearest_its_centre_is_kept(seed, rows, columns, n):
    # as many parts as tokens are allowed: nothing has to be dropped afterwards
    rng = np.random.default_rng(seed)
    cells = rng.random((rows, columns)) < rng.uniform(0.1, 1)
    expected = slow_sample([(i, j) for i, j in np.argwhere(cells).tolist()], n * n)
    assert [(i, j) for i, j in np.argwhere(thinned(cells, n * n)).tolist()] == expected


@given(seed=st.integers(0, 10**6), most=st.integers(1, 150))
@settings(max_examples=60, deadline=None)
def test_never_more_than_lambda_never_another_cell_and_never_fewer_than_have_to_go(seed, most):
    rng = np.random.default_rng(seed)
    cells = rng.random(tuple(rng.integers(1, 30, 2))) < rng.uniform(0.05, 1)
    kept = thinned(cells, most)
    assert not np.any(kept & ~cells)
    sampled = len(slow_sample([(i, j) for i, j in np.argwhere(cells).tolist()], most))
    assert np.count_nonzero(kept) == min(sampled, most)


@given(rows=st.integers(4, 40), columns=st.integers(4, 40), most=st.integers(4, 150))
@settings(max_examples=60, deadline=None)
def test_the_four_corners_of_a_region_stay(rows, columns, most):
    cells = np.ones((rows, columns), bool)
    kept = np.argwhere(thinned(cells, most))
    n = math.ceil(math.sqrt(most))
    sides = np.maximum(np.array([rows, columns]) / n, 1)  # of a part, or of the cell that fills several
    for corner in ((0, 0), (0, columns), (rows, 0), (rows, columns)):
        away = np.abs(kept + 0.5 - corner)
        assert np.any(np.all(away <= sides, axis=1)), corner


def test_of_144_parts_128_remain_and_all_16_dropped_lie_inside():
    # the released list is cut at its end, which is the lower corner
    kept = thinned(np.ones((16, 16), bool), 128)
    assert np.count_nonzero(kept) == 128
    full = np.array(slow_sample([(i, j) for i in range(16) for j in range(16)], 144))
    rows = sorted(set(full[:, 0].tolist()))
    assert len(rows) == 12
    rim = [(i, j) for i in rows for j in rows if {i, j} & {rows[0], rows[-1]}]
    assert len(rim) == 44
    assert all(kept[i, j] for i, j in rim)
    quarters = [np.count_nonzero(kept[a : a + 8, b : b + 8]) for a in (0, 8) for b in (0, 8)]
    assert max(quarters) - min(quarters) <= 2  # dropped evenly


def test_a_region_of_256_cells_gives_128_tokens_and_in_the_released_code_8():
    config = {"image": 128}  # 16 x 16 tokens a tile
    processor = processor_of(config_of(**config))
    query = query_of(processor, (60, 60), TWO_DATES)
    region = [Region(1, 0, None, np.ones((60, 60), bool))]
    ours = evidence_for(query, region, config_of(**config), processor)
    theirs = evidence_for(query, region, config_of(**config, evidence="release"), processor)
    assert (ours.covered, len(ours.cells), len(ours.slots)) == (256, 128, 128)
    assert (theirs.covered, len(theirs.cells), len(theirs.slots)) == (256, 8, 8)
    lower_right = [[cell for cell in e.cells.tolist() if min(divmod(cell, 16)) > 10] for e in (ours, theirs)]
    assert len(lower_right[0]) >= 9
    assert not lower_right[1]  # eight of nine parts: the ninth, of the lower right corner, is cut


# what stands where there is nothing to read


@pytest.mark.parametrize("variant", ["mask", "box", "random"])
def test_an_empty_mask_is_one_learned_slot(variant):
    query = query_of(PROCESSOR, (37, 37), PAIR)
    evidence = found(query, np.zeros((37, 37), bool), other=1, evidence=variant, fusion="concat")
    assert (evidence.slots.visual.tolist(), evidence.slots.other.tolist()) == ([NOTHING], [TEXT])
    assert (len(evidence.cells), evidence.covered, evidence.empty, evidence.weak) == (0, 0, True, False)


@pytest.mark.parametrize("variant", ["text", "release"])
def test_an_empty_mask_adds_nothing_where_the_variant_has_no_tokens(variant):
    evidence = found(query_of(PROCESSOR, (37, 37)), np.zeros((37, 37), bool), evidence=variant)
    assert (len(evidence.slots), evidence.empty) == (0, True)


def test_the_slot_of_an_empty_mask_is_read_as_the_learned_embedding():
    model, processor = tiny_parts()
    query = query_of(processor, (32, 32))
    evidence = evidence_for(query, [Region(1, 0, None, np.zeros((32, 32), bool))], model.config, processor)
    images, rows = images_of([query], model.config), rows_of([evidence.slots], [0])
    with torch.no_grad():
        for own in model.nothing.parameters():
            own += 1.5
        read = model.embedded(rows, model.see(images, rows))[0, 0]
    assert torch.equal(read, own.flatten())


def test_a_mask_that_covers_no_cell_enough_gives_its_best_covered_cell():
    query = query_of(PROCESSOR, (64, 64), TWO_DATES)  # cells of 8 x 8 pixels
    mask = np.zeros((64, 64), bool)
    mask[8:10, 16:24] = True  # 16 of 64 pixels of cell (1, 2)
    mask[40:45, 50:55] = True  # 25 of 64 of cell (5, 6)
    evidence = found(query, mask)
    assert (evidence.cells.tolist(), evidence.covered, evidence.weak, evidence.empty) == ([5 * 8 + 6], 0, True, False)
    assert len(found(query, mask, evidence="random").cells) == 1


# variants


def test_no_token_follows_in_the_variant_without_evidence():
    evidence = found(query_of(PROCESSOR, (37, 37)), blob((37, 37)), evidence="text")
    assert (len(evidence.slots), len(evidence.cells), evidence.text, evidence.empty) == (0, 0, "", False)


def test_a_box_gives_the_cells_under_the_smallest_rectangle():
    query = query_of(PROCESSOR, (37, 37), TWO_DATES)
    mask = np.zeros((37, 37), bool)
    mask[3, 5] = mask[30, 8] = mask[11, 29] = True  # rows 3 to 30, columns 5 to 29
    box = np.zeros((37, 37), bool)
    box[3:31, 5:30] = True
    assert np.array_equal(boxed(mask), box)
    assert found(query, mask, evidence="box").cells.tolist() == [8 * i + j for i, j in slow_cells(box, (8, 8), 0.5)]
    dot = np.zeros((37, 37), bool)
    dot[20, 20] = True
    assert found(query, dot, evidence="box").weak
    assert found(query, dot, evidence="box").cells.tolist() == found(query, dot).cells.tolist()


def test_random_tokens_are_as_many_as_those_of_the_mask_and_each_from_anywhere_once():
    query = query_of(PROCESSOR, (40, 60))  # 384 cells
    counts = np.zeros(384, int)
    for number in range(1, 40):
        masks = [blob((40, 60), 3)] * number
        drawn, own = found(query, *masks, evidence="random").cells, found(query, *masks).cells
        assert len(drawn) == len(own) == len(set(drawn.tolist()))
        assert drawn.max() < 384
        counts[drawn] += 1
    assert (counts > 0).mean() > 0.99  # cells outside the mask too, and all of them some time


def test_random_tokens_depend_on_the_question_and_the_place_in_the_reply_and_on_nothing_else():
    mask = blob((40, 60), 3)
    query = query_of(PROCESSOR, (40, 60))
    first = found(query, mask, evidence="random").cells.tolist()
    assert first == found(query_of(PROCESSOR, (40, 60)), mask, evidence="random").cells.tolist()
    assert first != found(query, mask, mask, evidence="random").cells.tolist()
    assert first != found(query_of(PROCESSOR, (40, 60), text="Why?"), mask, evidence="random").cells.tolist()


def test_the_released_tokens_are_the_cells_whose_centre_pixel_is_in_the_mask():
    shape = (37, 37)
    query, mask = query_of(PROCESSOR, shape, TWO_DATES), np.zeros(shape, bool)
    mask[2:14, 9:17] = True
    centres = [
        (i, j)
        for i in range(8)
        for j in range(8)
        if mask[math.floor((i + 0.5) * 37 / 8), math.floor((j + 0.5) * 37 / 8)]
    ]
    assert 0 < len(centres) <= 8
    assert found(query, mask, evidence="release").cells.tolist() == [8 * i + j for i, j in centres]


# pairs


def test_a_pair_is_read_from_one_image_from_both_or_cell_by_cell():
    query = query_of(PROCESSOR, (37, 37), ((1, "optical"), (2, "optical"), (2, "sar")))
    mask = blob((37, 37))
    own = found(query, mask, frame=1).cells
    first, second = (own + 64).tolist(), (own + 128).tolist()
    absent = [TEXT] * len(own)
    for fusion, visual, other in (
        ("none", first, absent),
        ("concat", first + second, absent + absent),
        ("text-guided", first, second),
    ):
        evidence = found(query, mask, frame=1, other=2, fusion=fusion)
        assert (evidence.slots.visual.tolist(), evidence.slots.other.tolist()) == (visual, other)
        assert evidence.cells.tolist() == own.tolist()


def test_an_image_without_partner_is_read_alone_whatever_the_fusion():
    query = query_of(PROCESSOR, (37, 37), ((1, "sar"),))
    mask = blob((37, 37))
    for fusion in ("none", "concat", "text-guided"):
        slots = found(query, mask, fusion=fusion).slots
        assert set(slots.other.tolist()) == {TEXT}
        assert len(slots) == len(found(query, mask).cells)


def test_evidence_is_never_learned_and_never_part_of_the_question():
    query = query_of(PROCESSOR, (37, 37), PAIR)
    for variant in ("mask", "box", "random", "measured", "release"):
        slots = found(query, blob((37, 37)), other=1, evidence=variant, fusion="text-guided").slots
        assert len(slots)
        assert set(slots.labels.tolist()) == {IGNORED}
        assert not slots.question.any()


# batches


def test_the_second_query_of_a_batch_gets_its_own_tokens():
    # the released code has no offset: the second sample reads the first one's image
    model, processor = tiny_parts()
    queries = [query_of(processor, (37, 37), TWO_DATES, seed=1), query_of(processor, (50, 37), TWO_DATES, seed=2)]
    added = [
        evidence_for(query, [Region(2, 1, None, blob(query.shape))], model.config, processor).slots for query in queries
    ]
    sequences = [Slots.joined([query.slots, slots]) for query, slots in zip(queries, added, strict=True)]

    def embedded(members: list[int]) -> list[torch.Tensor]:
        images = images_of([queries[n] for n in members], model.config)
        rows = rows_of([sequences[n] for n in members], images.offsets)
        with torch.no_grad():
            read = model.embedded(rows, model.see(images, rows))
        return [read[place, : len(sequences[n])] for place, n in enumerate(members)]

    for alone, batched in zip([embedded([0])[0], embedded([1])[0]], embedded([0, 1]), strict=True):
        assert torch.allclose(alone, batched, atol=1e-5)
    first, second = embedded([0, 1])
    assert not torch.allclose(first[-1], second[-1], atol=1e-3)
