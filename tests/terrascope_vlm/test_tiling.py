"""Tiling: exact coverage of token cells, the place of each token, and the tiles of InternVL's own processor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers")

from terrascope_vlm.tiling import Tiling, resized, tiling_of

CELLS = (8, 8)
GRIDS = (  # shape, cells of a tile, rows and columns of tiles
    ((37, 37), (8, 8), 1, 1),
    ((37, 50), (8, 8), 1, 1),
    ((20, 31), (3, 4), 2, 3),
    ((5, 7), (8, 8), 1, 1),  # cells smaller than pixels
    ((64, 48), (8, 8), 2, 1),
)


def tiling(shape: tuple[int, int], cells: tuple[int, int] = CELLS, rows: int = 1, columns: int = 1) -> Tiling:
    return Tiling(shape, (64, 64), cells, rows, columns)


def supersampled(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Coverage by brute force: every pixel is enlarged until cells are whole pixels, and those are counted one by one.

    An image of H rows in R cells: R times as many rows make cells of H rows each.
    """
    (height, width), (rows, columns) = mask.shape, grid
    large = mask.repeat(rows, axis=0).repeat(columns, axis=1)
    share = np.zeros(grid)
    for i in range(rows):
        for j in range(columns):
            cell = large[i * height : (i + 1) * height, j * width : (j + 1) * width]
            share[i, j] = np.count_nonzero(cell) / (height * width)
    return share


@pytest.mark.parametrize(("shape", "cells", "rows", "columns"), GRIDS)
def test_coverage_is_the_exact_share_of_the_area_of_every_cell(shape, cells, rows, columns):
    grid = tiling(shape, cells, rows, columns)
    for seed in range(5):
        mask = np.random.default_rng(seed).random(shape) < 0.5
        assert np.array_equal(grid.coverage(mask), supersampled(mask, grid.grid))


def test_a_pixel_on_the_edge_of_two_cells_counts_in_both_by_its_parts():
    # 3 pixels in 2 cells of 1.5: the middle pixel is half in each
    mask = np.zeros((3, 3), bool)
    mask[0, 1] = True
    assert tiling((3, 3), (2, 2)).coverage(mask) == pytest.approx(np.array([[0.5, 0.5], [0, 0]]) / 1.5**2, abs=1e-15)


@pytest.mark.parametrize("size", [6, 10, 54, 100, 250, 1002])
def test_half_a_cell_is_exactly_half_and_so_not_more_than_half(size):
    # the left half of the image ends in the middle of the fourth of 7 cells, whose edges are no whole pixels
    mask = np.zeros((size, size), bool)
    mask[:, : size // 2] = True
    assert tiling((size, size), (1, 7)).coverage(mask).tolist() == [[1, 1, 1, 0.5, 0, 0, 0]]


@given(data=st.data(), rows=st.integers(1, 3), columns=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_coverage_adds_up_to_the_area_of_the_mask(data, rows, columns):
    shape = data.draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    cells = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    mask = np.random.default_rng(data.draw(st.integers(0, 9))).random(shape) < data.draw(st.floats(0, 1))
    grid = tiling(shape, cells, rows, columns)
    share = grid.coverage(mask)
    assert share.shape == (rows * cells[0], columns * cells[1])
    assert share.min() >= 0
    assert share.max() <= 1
    assert share.sum() * mask.size / share.size == pytest.approx(np.count_nonzero(mask))
    assert np.all(grid.coverage(np.ones(shape, bool)) == 1)


def test_a_mask_of_another_size_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"\(4, 5\); expected the shape of the image, \(5, 4\)"):
        tiling((5, 4)).coverage(np.ones((4, 5), bool))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (3, 1)])
def test_the_token_of_a_cell_is_the_one_whose_tile_shows_it(rows, columns):
    # an image as large as its tiles, in which every cell of 8 x 8 pixels has a grey of its own
    grid = tiling((rows * 64, columns * 64), CELLS, rows, columns)
    grey = np.random.default_rng(0).permutation(grid.grid[0] * grid.grid[1]).reshape(grid.grid).astype(np.float32) / 999
    tiles = grid.cut(np.repeat(grey.repeat(8, 0).repeat(8, 1)[None], 3, axis=0))
    for i, j in np.ndindex(*grid.grid):
        tile, place = divmod(int(grid.token_of_cell[i, j]), 64)
        y, x = divmod(place, 8)
        assert tiles[tile, 0, y * 8 : y * 8 + 8, x * 8 : x * 8 + 8] == pytest.approx(grey[i, j])


def test_evidence_is_of_the_tiles_and_of_the_thumbnail_only_where_it_is_the_one_tile():
    many, one = tiling((100, 150), CELLS, 2, 3), tiling((100, 150))
    assert (many.tiles, many.tokens) == (7, 7 * 64)
    assert sorted(many.token_of_cell.ravel()) == list(range(6 * 64))
    assert (one.tiles, one.tokens) == (1, 64)
    assert sorted(one.token_of_cell.ravel()) == list(range(64))


@given(
    shape=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    tile=st.sampled_from([(64, 64), (448, 448), (32, 96)]),
    limit=st.integers(1, 12),
)
@settings(max_examples=200, deadline=None)
def test_the_grid_is_that_of_internvls_processor(shape, tile, limit):
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import get_optimal_tiled_canvas

    found = tiling_of(shape, tile, CELLS, limit)
    assert (found.columns, found.rows) == get_optimal_tiled_canvas(shape, tile, 1, limit)


@pytest.mark.parametrize("shape", [(64, 64), (37, 37), (100, 150), (37, 90), (200, 64), (300, 210), (65, 64)])
def test_tiles_are_those_of_internvls_processor_within_two_grey_levels(shape):
    from transformers import GotOcr2ImageProcessorPil

    coarse = np.random.default_rng(3).integers(0, 256, (9, 9, 3), np.uint8)
    picture = np.kron(coarse, np.ones((-(-shape[0] // 9), -(-shape[1] // 9), 1), np.uint8))[: shape[0], : shape[1]]
    theirs = GotOcr2ImageProcessorPil(
        crop_to_patches=True, min_patches=1, max_patches=12, size={"height": 64, "width": 64}, do_normalize=False
    )(picture, return_tensors="np")
    ours = tiling_of(shape, (64, 64), CELLS, 12)
    tiles = ours.cut(picture.transpose(2, 0, 1).astype(np.float32) / 255)
    assert theirs["num_patches"].tolist() == [ours.tiles]
    assert np.abs(tiles - theirs["pixel_values"]).max() <= 2 / 255


def test_a_smaller_image_averages_what_it_shows():
    # a chequered pattern of single pixels is grey from afar; without antialiasing it would be black or white
    pattern = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    assert resized(np.repeat(pattern[None], 4, axis=0), (8, 8)) == pytest.approx(0.5, abs=0.02)


def test_a_missing_band_stays_missing_and_others_stay_within_their_limits():
    rng = np.random.default_rng(0)
    channels = (rng.random((5, 20, 20)) < 0.5).astype(np.float32)  # steps make bicubic curves overshoot
    channels[3] = np.nan
    large = resized(channels, (33, 47))
    assert large.shape == (5, 33, 47)
    assert np.isnan(large[3]).all()
    assert large[[0, 1, 2, 4]].min() >= 0
    assert large[[0, 1, 2, 4]].max() <= 1
    assert resized(channels, (20, 20)) is channels
