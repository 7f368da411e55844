"""Geometry of l2-spatial against exhaustive search and against the slower measures of ``terracot.measure``."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from terracot import measure
from terracot.measure import grown
from terracot.rims import Rim
from terracot.scenes import IGNORE
from terracot.spatial.quantities import in_half, part_shares
from terracot.spatial.shapes import Shapes, border, closest_line, meeting

MASKS = arrays(bool, (9, 11))
BLOCKS = arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, IGNORE]))


def blocky(small: np.ndarray) -> np.ndarray:
    """A map of 4 x 4 blocks, so that openings leave something."""
    return np.kron(small, np.ones((4, 4), np.uint8))


def exhaustive(a: np.ndarray, b: np.ndarray) -> list[tuple[float, tuple[int, ...], tuple[int, ...]]]:
    """Every pair of pixels and its distance, the closest first, then by rows and columns."""
    pairs = product(map(tuple, np.argwhere(a).tolist()), map(tuple, np.argwhere(b).tolist()))
    return sorted((math.dist(one, other), one, other) for one, other in pairs)


@given(MASKS, MASKS)
def test_the_gap_is_that_of_the_closest_pair_of_all(a: np.ndarray, b: np.ndarray) -> None:
    b = b & ~a
    if not a.any() or not b.any():
        with pytest.raises(ValueError, match="empty"):
            Rim(a).gap(Rim(b))
        return
    assert Rim(a).gap(Rim(b)) == exhaustive(a, b)[0][0]
    assert Rim(a).bound(Rim(b)) >= Rim(a).gap(Rim(b))


def test_the_gap_is_exact_for_rims_longer_than_the_sample() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((80, 80)) < 0.1, np.zeros((80, 80), bool)
    a[30:] = False
    b[40:] = rng.random((40, 80)) < 0.2
    assert Rim(a).gap(Rim(b)) == exhaustive(a, b)[0][0]


@given(MASKS, MASKS)
def test_the_line_joins_the_first_of_the_closest_pairs(a: np.ndarray, b: np.ndarray) -> None:
    b = b & ~a
    if not a.any() or not b.any():
        return
    found = closest_line(a, b)
    _, start, end = exhaustive(a, b)[0]
    assert (tuple(found[0]), tuple(found[-1])) == (start, end)
    steps = np.abs(np.diff(found, axis=0))
    assert steps.max(initial=0) <= 1  # no pixel is jumped over
    along = np.array(end) - np.array(start)
    away = np.abs((found - start) @ np.array([-along[1], along[0]])) / np.hypot(*along)
    assert away.max() <= math.sqrt(0.5) + 1e-9  # the ideal line passes through or touches every pixel


def test_a_line_over_three_rows_and_six_columns_takes_these_pixels() -> None:
    a, b = np.zeros((2, 5, 9), bool)
    a[1, 1], b[4, 7] = True, True
    assert closest_line(a, b).tolist() == [[1, 1], [2, 2], [2, 3], [3, 4], [3, 5], [4, 6], [4, 7]]


@given(BLOCKS)
def test_opened_classes_are_those_of_the_slow_opening(small: np.ndarray) -> None:
    classes = blocky(small)[1:, 1:]
    shapes = Shapes(classes)
    for c in range(3):
        assert np.array_equal(shapes.mask(c), measure.opened(classes == c))


@settings(max_examples=50)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.sampled_from([0, 1])))
def test_tiny_maps_open_without_an_error(classes: np.ndarray) -> None:
    assert np.array_equal(Shapes(classes).mask(0), measure.opened(classes == 0))


@given(MASKS, MASKS)
def test_border_pixels_have_a_valid_pixel_outside_among_eight(mask: np.ndarray, valid: np.ndarray) -> None:
    valid = valid | mask
    expected = np.zeros_like(mask)
    for row, col in np.argwhere(mask):
        window = np.s_[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2]
        expected[row, col] = (valid[window] & ~mask[window]).any()
    assert np.array_equal(border(mask, valid), expected)


def test_grown_takes_in_corners_but_nothing_beyond() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True
    assert grown(mask).sum() == 9
    assert grown(mask)[1:4, 1:4].all()


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20)))
def test_shares_of_parts_count_as_part_counts_does(mask: np.ndarray) -> None:
    shares = part_shares(mask, np.ones_like(mask))
    sizes = measure.part_counts(np.ones_like(mask))
    assert np.allclose(shares * np.maximum(sizes, 1) / 100, measure.part_counts(mask))


def test_halves_of_a_small_mask() -> None:
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 0]], bool)
    assert [in_half(mask, half) for half in ("left", "right", "upper", "lower")] == [3, 1, 3, 1]


@settings(deadline=None)
@given(BLOCKS, st.sampled_from([2.0, 6.0, 10.0, 13.7]))
def test_two_classes_are_never_called_closer_than_they_are(small: np.ndarray, limit: float) -> None:
    shapes = Shapes(blocky(small))
    there = [c for c in (0, 1, 2) if shapes.pixels(c)]
    for a, b in ((a, b) for a in there for b in there if a != b):
        if shapes.within(a, b, limit):
            away = np.argwhere(shapes.mask(a))[:, None] - np.argwhere(shapes.mask(b))[None]
            assert (away**2).sum(axis=2).min() <= limit**2


def test_blocks_that_touch_at_a_corner_meet_and_those_two_apart_do_not() -> None:
    classes = np.full((16, 16), IGNORE, np.uint8)
    classes[0, 0], classes[7, 7], classes[0, 12] = 5, 200, 9
    met = meeting(classes, 4)
    assert met[5, 200]
    assert met[200, 5]
    assert not met[5, 9]
    assert not met[IGNORE].any()
