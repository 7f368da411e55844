"""terracot.measure: expectations counted by hand on small pictures, and brute force on random ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from terracot import measure
from terracot.ground import GroundError, GroundSampling
from terracot.scenes import IGNORE, Instance, Legend, LegendClass

TEN_METRES = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test")


def picture(*rows: str) -> np.ndarray:
    """``#`` is True."""
    return np.array([[c == "#" for c in row] for row in rows])


def legend(classes: int) -> Legend:
    return Legend("test", tuple(LegendClass(i, f"class {i}", (i,)) for i in range(classes)))


def facts(rows: list[list[int]], classes: int = 3, ground: GroundSampling = TEN_METRES) -> measure.MapFacts:
    return measure.MapFacts(np.array(rows, np.uint8), legend(classes), ground)


DIAGONAL = picture("##...", "##...", "..#..", "....#", "....#")


def test_components_connect_at_corners_unless_told_otherwise():
    assert measure.components(DIAGONAL) == 2
    assert measure.components(DIAGONAL, connectivity=4) == 3
    assert measure.components(np.zeros((4, 4), bool)) == 0
    assert measure.components(np.ones((4, 4), bool)) == 1


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7)))
def test_the_dilation_does_not_run_on_from_the_end_of_a_row_into_the_next(mask: np.ndarray):
    assert np.array_equal(measure.grown(mask), ndimage.binary_dilation(mask, np.ones((3, 3), bool)))


def test_whole_numbers_are_dilated_bit_by_bit():
    assert measure.grown(np.array([[1, 0, 0, 4], [0, 0, 0, 0]], np.uint16)).tolist() == [[1, 1, 4, 4], [1, 1, 4, 4]]


def test_patches_of_exactly_the_minimum_are_kept_and_smaller_ones_left_out():
    classes = Legend("two", (LegendClass(0, "rest", (0,)), LegendClass(1, "marked", (1,))))
    found = measure.MapFacts(DIAGONAL.astype(np.uint8), classes, GroundSampling.unknown()).components

    def kept(min_pixels: int) -> np.ndarray:
        return found.of(1, min_pixels)[found.numbers]

    assert np.array_equal(kept(5), picture("##...", "##...", "..#..", ".....", "....."))
    assert np.array_equal(kept(2), DIAGONAL)
    assert not kept(6).any()


def test_opened_removes_what_a_square_of_three_does_not_fit_into():
    mask = picture(
        "......#",
        ".###..#",
        ".####.#",
        ".###..#",
        ".......",
    )
    assert np.array_equal(measure.opened(mask), picture(".......", ".###...", ".###...", ".###...", "......."))


def test_opened_counts_what_lies_outside_the_image_as_background():
    # Two columns at the border: a square would have to hang out of the image.
    assert not measure.opened(picture("##..", "##..", "##..", "##..")).any()
    # Three columns at the border do hold one.
    three = picture("###.", "###.", "###.", "....")
    assert np.array_equal(measure.opened(three), three)


def test_contact_pixels_counts_pixels_of_the_first_next_to_the_second():
    a = picture("##...", "##...", ".....", ".....", ".....")
    corner = picture(".....", ".....", "..###", "..###", "..###")
    beside = picture("..#..", "..#..", "..#..", ".....", ".....")
    apart = picture("...##", "...##", "...##", ".....", ".....")
    assert (measure.contact_pixels(a, corner), measure.contact_pixels(corner, a)) == (1, 1)
    assert (measure.contact_pixels(a, beside), measure.contact_pixels(beside, a)) == (2, 3)
    assert (measure.contact_pixels(a, apart), measure.contact_pixels(apart, a)) == (0, 0)


def point(row: int, col: int) -> np.ndarray:
    mask = np.zeros((6, 6), bool)
    mask[row, col] = True
    return mask


@pytest.mark.parametrize(
    ("a", "b", "sampling", "expected"),
    [
        ((0, 0), (3, 4), (1.0, 1.0), 5.0),
        ((0, 0), (3, 4), (10.0, 10.0), 50.0),
        ((0, 0), (1, 2), (3.0, 2.0), 5.0),  # 3 down, 4 across
        ((0, 0), (2, 1), (2.0, 3.0), 5.0),  # 4 down, 3 across
        ((0, 0), (2, 1), (3.0, 8.0), 10.0),  # 6 down, 8 across: swapping dy and dx would give sqrt(265)
        ((2, 2), (2, 3), (1.0, 1.0), 1.0),  # neighbours are one pixel apart, not 0
        ((2, 2), (3, 3), (1.0, 1.0), math.sqrt(2)),
        ((2, 2), (3, 2), (7.0, 1.0), 7.0),
    ],
)
def test_distance_runs_between_pixel_centres_with_anisotropic_pixels(a, b, sampling, expected):
    assert measure.distance(point(*a), point(*b), sampling) == pytest.approx(expected, rel=1e-12)
    assert measure.distance(point(*b), point(*a), sampling) == pytest.approx(expected, rel=1e-12)


def test_distance_of_overlapping_masks_is_zero_and_of_empty_ones_none():
    assert measure.distance(point(1, 1), point(1, 1)) == 0.0
    assert measure.distance(point(1, 1), np.zeros((6, 6), bool)) is None
    assert measure.distance(np.zeros((6, 6), bool), point(1, 1)) is None


masks = hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(masks, st.integers(0, 2**32 - 1), st.sampled_from([(1.0, 1.0), (2.0, 3.0), (0.5, 0.4)]))
@settings(max_examples=60, deadline=None)
def test_distance_agrees_with_all_pairs_of_pixels(a, seed, sampling):
    b = np.random.default_rng(seed).random(a.shape) < 0.2
    ones, others = np.argwhere(a) * sampling, np.argwhere(b) * sampling
    found = measure.distance(a, b, sampling)
    if not len(ones) or not len(others):
        assert found is None
    else:
        brute = np.sqrt(((ones[:, None] - others[None]) ** 2).sum(-1)).min()
        assert found == pytest.approx(brute, abs=1e-9)


def test_part_counts_go_row_by_row_through_the_nine_parts():
    mask = np.zeros((6, 9), bool)
    mask[0, 0] = mask[1, 2] = True  # upper left
    mask[0, 8] = True  # upper right
    mask[2, 3] = mask[3, 5] = mask[3, 4] = True  # centre
    mask[5, 4] = True  # lower centre
    assert measure.part_counts(mask).tolist() == [2, 0, 1, 0, 3, 0, 0, 1, 0]
    assert measure.PARTS[0] == "upper left"
    assert measure.PARTS[2] == "upper right"
    assert measure.PARTS[4] == "centre"
    assert measure.PARTS[7] == "lower centre"


def test_part_counts_of_sides_not_divisible_by_three_follow_pixel_centres():
    # Seven rows: thirds end at 2.33 and 4.67; centres 0.5 1.5 | 2.5 3.5 4.5 | 5.5 6.5.
    mask = np.zeros((7, 3), bool)
    mask[:, 0] = True
    assert measure.part_counts(mask).tolist() == [2, 0, 0, 3, 0, 0, 2, 0, 0]
    # Eight: thirds end at 2.67 and 5.33; centres 0.5 1.5 2.5 | 3.5 4.5 | 5.5 6.5 7.5.
    wide = np.zeros((3, 8), bool)
    wide[0] = True
    assert measure.part_counts(wide).tolist() == [3, 2, 3, 0, 0, 0, 0, 0, 0]


def test_centroid_is_in_pixels_from_the_corner():
    assert measure.centroid(picture("#")) == (0.5, 0.5)
    assert measure.centroid(picture("....", ".##.", ".##.")) == (2.0, 2.0)
    assert measure.centroid(picture("..", "..")) is None


def test_at_edge_sees_all_four_sides_and_only_them():
    inside = picture(".....", ".###.", ".....")
    assert not measure.at_edge(inside)
    for row, col in ((0, 2), (2, 2), (1, 0), (1, 4)):
        reaching = inside.copy()
        reaching[row, col] = True
        assert measure.at_edge(reaching)


def test_transitions_count_from_row_to_column_and_leave_ignored_pixels_out():
    before = np.array([[0, 0, 1, 1], [2, IGNORE, 2, 0]], np.uint8)
    after = np.array([[0, 1, 1, 2], [0, 1, IGNORE, 1]], np.uint8)
    assert measure.transitions(before, after, 3).tolist() == [[1, 2, 0], [0, 1, 1], [1, 0, 0]]


def test_transitions_of_many_classes_do_not_wrap_around_in_eight_bits():
    before, after = np.array([[20]], np.uint8), np.array([[3]], np.uint8)
    table = measure.transitions(before, after, 21)
    assert table.shape == (21, 21)
    assert (table[20, 3], table.sum()) == (1, 1)


def test_separate_instances_cuts_a_gap_from_the_higher_number():
    numbers = np.array([[1, 1, 2, 2, 2], [1, 1, 2, 2, 2]], np.int32)
    assert np.array_equal(measure.separate_instances(numbers), picture("##.##", "##.##"))


def test_separate_instances_tells_three_that_meet_in_one_point_apart():
    numbers = np.zeros((7, 7), np.int32)
    numbers[:3, :] = 1
    numbers[3:, :3] = 2
    numbers[3:, 3:] = 3
    expected = picture(
        "#######",
        "#######",
        "#######",
        ".......",
        "###.###",
        "###.###",
        "###.###",
    )
    separated = measure.separate_instances(numbers)
    assert np.array_equal(separated, expected)
    assert measure.components(separated) == 3


def test_separate_instances_leaves_instances_with_a_gap_alone():
    numbers = np.array([[1, 0, 2], [1, 0, 2]], np.int32)
    assert np.array_equal(measure.separate_instances(numbers), numbers > 0)


def test_map_facts_of_a_hand_drawn_map():
    m = facts([[0, 0, 1, 1], [0, 0, 1, 255], [2, 255, 255, 1]], classes=4)
    assert m.valid_pixels == 9
    assert m.row_counts.tolist() == [[2, 2, 0, 0], [2, 1, 0, 0], [0, 1, 1, 0]]
    assert m.counts.tolist() == [4, 4, 1, 0]
    assert m.shares.tolist() == pytest.approx([400 / 9, 400 / 9, 100 / 9, 0])
    assert m.areas_m2.tolist() == [400.0, 400.0, 100.0, 0.0]
    assert m.component_counts.tolist() == [1, 1, 1, 0]
    assert m.touching[0].tolist() == [True, True, True, False]
    assert not m.touching[1, 2]
    assert m.classes_over(20) == [0, 1]
    assert m.classes_over(100 / 9) == [0, 1, 2]
    assert np.array_equal(m.mask(2), picture("....", "....", "#..."))


def test_map_areas_use_the_area_of_each_row():
    rows = GroundSampling("measured", 10.0, 10.0, (100.0, 90.0, 80.0), 0.0, "test")
    assert facts([[0, 1], [0, 0], [1, 1]], classes=2, ground=rows).areas_m2.tolist() == [280.0, 260.0]


def test_map_areas_without_pixel_size_are_refused():
    with pytest.raises(GroundError, match="pixel size is unknown"):
        _ = facts([[0, 1]], ground=GroundSampling.unknown()).areas_m2


maps = hnp.arrays(np.uint8, st.tuples(st.integers(1, 10), st.integers(1, 10)), elements=st.sampled_from([0, 1, 2, 255]))


@given(maps)
@settings(max_examples=80, deadline=None)
def test_map_facts_agree_with_brute_force(classes):
    m = measure.MapFacts(classes, legend(3), TEN_METRES)
    square = np.ones((3, 3))
    for i in range(3):
        mask = classes == i
        assert m.counts[i] == mask.sum()
        assert m.areas_m2[i] == 100.0 * mask.sum()
        assert m.component_counts[i] == ndimage.label(mask, square)[1]
        for j in range(3):
            if i != j:
                assert m.touching[i, j] == bool((ndimage.binary_dilation(mask, square) & (classes == j)).any())


@given(masks)
@settings(max_examples=60, deadline=None)
def test_opening_agrees_with_a_search_for_squares(mask):
    expected = np.zeros_like(mask)
    for y in range(mask.shape[0] - 2):
        for x in range(mask.shape[1] - 2):
            if mask[y : y + 3, x : x + 3].all():
                expected[y : y + 3, x : x + 3] = True
    assert np.array_equal(measure.opened(mask), expected)


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [(1234.0, 3, 1230.0), (0.012345, 2, 0.012), (-98765.0, 2, -99000.0), (0.0, 3, 0.0), (999.6, 3, 1000.0)],
)
def test_significant_digits(value, digits, expected):
    assert measure.significant(value, digits) == expected
    assert math.isnan(measure.significant(math.nan, 3))


def test_damage_counts_leave_unjudged_buildings_out():
    damage = ["destroyed", None, "no-damage", "destroyed", None]
    counts = measure.damage_counts([Instance(n, str(n), d) for n, d in enumerate(damage, 1)])
    assert counts == {"destroyed": 2, "no-damage": 1}


def test_closest_step_is_of_the_pair_closest_on_the_ground_not_in_pixels():
    # Pixels 60 m high and 20 m wide. Down: 13 rows = 780 m. Across: 26 columns = 520 m, the closer pair on the ground.
    a, b = np.zeros((20, 40), bool), np.zeros((20, 40), bool)
    a[0, 0] = b[13, 0] = b[0, 26] = True
    assert measure.distance(a, b, (60.0, 20.0)) == 520.0
    assert measure.closest_step(a, b, (60.0, 20.0)) == (0, 26)
    assert measure.closest_step(a, b, (1.0, 1.0)) == (13, 0)
    assert measure.closest_step(a, np.zeros_like(a), (1.0, 1.0)) is None


@pytest.mark.parametrize("seed", range(40))
def test_fast_morphology_is_that_of_scipy_to_the_edge_of_the_image(seed: int):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 40, 2))
    mask = ndimage.gaussian_filter(rng.random(shape), 1) > 0.5
    square = np.ones((3, 3), dtype=bool)
    assert np.array_equal(measure.grown(mask), ndimage.binary_dilation(mask, square))
    assert np.array_equal(measure.shrunk(mask), ndimage.binary_erosion(mask, square))
    assert np.array_equal(measure.opened(mask), ndimage.binary_opening(mask, square))
