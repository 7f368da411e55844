"""Shapes, places and borders of captions, worked out by hand on small maps."""

from __future__ import annotations

import numpy as np
import pytest

from terracot.captions.measures import QUANTITIES, Survey
from terracot.captions.regions import direction
from terracot.ground import GroundSampling
from terracot.plugins import EvidenceMask
from terracot.quantities import QUANTITIES as ALL
from terracot.quantities import Regions, measured_value


def regions(*rows: str, valid: np.ndarray | None = None, names: str = "abc") -> Regions:
    """A map drawn in letters; each letter of ``names`` that occurs is a mask of date 1."""
    drawn = np.array([list(row) for row in rows])
    masks = tuple(EvidenceMask(1, name, drawn == name) for name in names if (drawn == name).any())
    everything = np.ones(drawn.shape, bool) if valid is None else valid
    return Regions(masks, {1: everything}, GroundSampling.unknown())


FIELD = ("aaaaaa", "abbaac", "abbaaa", "aaaaaa", "aaacca", "aaaaaa")


@pytest.mark.parametrize(
    ("quantity", "of", "expected"),
    [
        ("size_ratio", (1, 2), 4 / 3),
        ("patches", (2,), 2),
        ("patches", (0, 1, 2), 4),
        ("largest_patch_share", (2,), 200 / 3),
        ("mean_patch", (2,), 1.5),
        ("box_fill", (1,), 100),
        ("box_fill", (2,), 100 * 3 / 12),  # rows 1 to 4, columns 3 to 5
        ("part_share", (1,), 25),  # one pixel in each of the four ninths around (2, 2)
        ("least_part_share", (0,), 100 * 3 / 29),  # three of four pixels where b or c has the fourth
        ("upper_half_share", (1,), 100),
        ("left_half_share", (1,), 100),
        ("right_half_share", (2,), 100),
        ("lower_half_cover", (2,), 100 * 2 / 18),
        ("centre_cover", (1,), 25),
        ("border_sides", (0, 1), 8),
        ("border_sides", (0, 2), 3 + 6),
        ("outline_share", (1, 0), 100),
        ("labelled_share", (0,), 100),
    ],
)
def test_quantities_by_hand(quantity: str, of: tuple[int, ...], expected: float) -> None:
    assert measured_value(regions(*FIELD), quantity, of, "") == pytest.approx(expected)


def test_a_strip_from_corner_to_corner_has_its_direction() -> None:
    """Four pixels on the diagonal: variance 5/4 on both axes and their product, pixels add 1/12 to each axis."""
    (found, place) = Survey([np.eye(4, dtype=bool)], np.ones((4, 4), bool)), 0
    ratio, angle = found.elongation(place)
    assert ratio == pytest.approx(np.sqrt((2.5 + 1 / 12) / (1 / 12)))
    assert direction(angle) == "from the upper left to the lower right"


@pytest.mark.parametrize(
    ("angle", "words"),
    [
        (0, "from left to right"),
        (179, "from left to right"),
        (45, "from the upper left to the lower right"),
        (90, "from top to bottom"),
        (135, "from the lower left to the upper right"),
    ],
)
def test_directions_are_not_mirrored(angle: float, words: str) -> None:
    assert direction(angle) == words


def test_a_bar_of_one_by_four_is_four_times_as_long_as_wide() -> None:
    """Variance of 0..3 is 5/4, with 1/12 it is 16/12, sixteen times the 1/12 across."""
    mask = np.zeros((5, 6), bool)
    mask[2, 1:5] = True
    assert Survey([mask], np.ones((5, 6), bool)).elongation(0) == (pytest.approx(4.0), 0.0)
    assert Survey([mask.T], np.ones((6, 5), bool)).elongation(0) == (pytest.approx(4.0), 90.0)


def test_a_middle_row_counts_to_neither_half() -> None:
    r = regions("aab", "aab", "bbb", names="ab")
    assert measured_value(r, "upper_half_share", (0,), "") == 50
    assert measured_value(r, "lower_half_share", (0,), "") == 0


def test_corners_touch_but_share_no_side() -> None:
    found = Survey([np.eye(2, dtype=bool), ~np.eye(2, dtype=bool)], np.ones((2, 2), bool))
    corner = Survey([np.array([[1, 0], [0, 0]], bool), np.array([[0, 0], [0, 1]], bool)], np.ones((2, 2), bool))
    assert found.sides(0, 1) == 4
    assert (corner.sides(0, 1), corner.touch(0, 1)) == (0, True)


def test_the_ends_of_a_row_are_no_neighbours_of_the_next() -> None:
    rng = np.random.default_rng(3)
    for height, width in ((1, 6), (6, 1), (2, 2), (5, 4), (9, 7)):
        drawn = rng.integers(0, 4, (height, width))  # 3: no region
        found = Survey([drawn == place for place in range(3)], np.ones((height, width), bool))
        sides, corners = np.zeros((4, 4), int), np.zeros((4, 4), int)
        cells = [(row, col) for row in range(height) for col in range(width)]
        for a in cells:
            for b in cells:
                away = (abs(a[0] - b[0]), abs(a[1] - b[1]))
                if drawn[a] != drawn[b] and max(away) == 1:
                    (sides if sum(away) == 1 else corners)[drawn[a], drawn[b]] += 1
        for one in range(3):
            assert found.outline(one) == sides[one].sum()
            for other in range(3):
                assert found.sides(one, other) == sides[one, other]
                assert found.touch(one, other) == bool(sides[one, other] or corners[one, other])


def test_overlapping_regions_are_refused() -> None:
    corner, nothing = np.array([[1, 0], [0, 0]], bool), np.zeros((2, 2), bool)
    for masks in ([corner, *[nothing] * 12, corner], [corner] * 14, [*[nothing] * 12, corner, corner]):
        with pytest.raises(ValueError, match="overlap"):  # whatever their places, which are added up
            Survey(masks, np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="overlap"):
        Survey([np.ones((2, 2), bool), np.eye(2, dtype=bool)], np.ones((2, 2), bool))


def test_shares_on_two_dates_use_pixels_valid_on_both() -> None:
    before, after = np.array([[1, 1, 0, 0]], bool), np.array([[1, 1, 1, 0]], bool)
    masks = (EvidenceMask(1, "a", before), EvidenceMask(2, "a", after))
    r = Regions(masks, {1: np.array([[0, 1, 1, 1]], bool), 2: np.ones((1, 4), bool)}, GroundSampling.unknown())
    assert measured_value(r, "share_where_both", (0, 1), "") == pytest.approx(100 / 3)
    assert measured_value(r, "share_where_both", (1, 0), "") == pytest.approx(200 / 3)
    assert (measured_value(r, "gained", (0, 1), ""), measured_value(r, "gained", (1, 0), "")) == (1, 0)


def test_no_other_package_has_taken_the_name_of_a_quantity() -> None:
    assert [name for name, measure in QUANTITIES.items() if ALL[name] is not measure] == []
