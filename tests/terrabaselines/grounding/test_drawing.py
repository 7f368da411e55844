"""Boxes in a model's coordinates against the pixels that they cover on the grid of the scene."""

from __future__ import annotations

import numpy as np
import pytest
from terrabaselines.grounding.drawing import MAX_MASKS, draw, window
from terrabaselines.grounding.reading import Region

SHAPE = (48, 64)


def covered(numbers: tuple[float, ...], scale: tuple[float, float] = (1000, 1000)) -> tuple[int, int, int, int] | None:
    """First row, behind the last row, first column, behind the last column."""
    found = window(numbers, scale, SHAPE)
    return found and (found[0].start, found[0].stop, found[1].start, found[1].stop)


@pytest.mark.parametrize(
    ("numbers", "scale", "expected"),
    [
        ((0, 0, 1000, 1000), (1000, 1000), (0, 48, 0, 64)),
        ((0, 0, 500, 500), (1000, 1000), (0, 24, 0, 32)),
        ((0, 0, 28, 56), (56, 56), (0, 48, 0, 32)),  # pixels of the resized image
        ((32, 24, 64, 48), (64, 48), (24, 48, 32, 64)),
        ((250, 500, 251, 501), (1000, 1000), (24, 25, 16, 17)),  # between centres: the pixel around it
        ((500, 500), (1000, 1000), (24, 25, 32, 33)),
        ((1000, 1000), (1000, 1000), (47, 48, 63, 64)),
        ((0, 0), (1000, 1000), (0, 1, 0, 1)),
    ],
)
def test_a_box_covers_the_pixels_whose_centres_it_holds(numbers, scale, expected) -> None:
    assert covered(numbers, scale) == expected


def test_corners_may_come_in_any_order() -> None:
    assert covered((500, 1000, 250, 0)) == covered((250, 0, 500, 1000)) == (0, 48, 16, 32)


def test_what_reaches_beyond_the_image_is_cut() -> None:
    assert covered((-500, -1e300, 500, 1e300)) == (0, 48, 0, 32)


@pytest.mark.parametrize(
    "numbers",
    [
        *((1001, 0, 1500, 1000), (-10, 0, -5, 1000), (0, 1000, 500, 2000), (-5, 0, 0, 10), (1500, 10)),
        *((float("nan"), 0, 1, 1), (0, 0, float("inf"), 1), (1, 2, 3), ()),
    ],
)
def test_what_lies_outside_or_is_no_number_is_nothing(numbers) -> None:
    assert covered(numbers) is None


def test_boxes_of_one_name_and_date_are_one_mask_as_the_evidence_is() -> None:
    regions = [Region((0, 0, 100, 100), "Water"), Region((500, 500, 600, 600), "water"), Region((0, 0, 100, 100), None)]
    drawn = draw(regions, (1000, 1000), SHAPE, (1,))
    assert [(mask.t, mask.label) for mask in drawn.masks] == [(1, "Water"), (1, None)]
    one, two = (window(region.numbers, (1000, 1000), SHAPE) for region in regions[:2])
    expected = np.zeros(SHAPE, bool)
    expected[one] = expected[two] = True
    assert np.array_equal(drawn.masks[0].mask, expected)


def test_a_box_without_a_date_lies_on_the_first_and_is_counted() -> None:
    regions = [Region((0, 0, 9, 9), "a", 4), Region((0, 0, 9, 9), "a"), Region((0, 0, 9, 9), "a", 3)]
    drawn = draw(regions, (10, 10), SHAPE, (1, 4))
    assert [mask.t for mask in drawn.masks] == [4, 1]
    assert drawn.counts() == {"regions": 3, "undated": 2}
    assert draw(regions, (10, 10), SHAPE, (2,)).undated == 0


def test_names_without_end_do_not_become_masks_without_end() -> None:
    drawn = draw([Region((0, 0, 9, 9), str(n)) for n in range(1000)], (10, 10), SHAPE, (1,))
    assert len(drawn.masks) == MAX_MASKS
    assert drawn.counts() == {"regions": 1000, "left_out": 1000 - MAX_MASKS}
