"""Robust answers only: what a small disturbance of the label map would change is refused, or keeps options away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_scenes import memory_scene

from terrabench.building.protocols import PAPER, STRICT, Robustness, protocol_named
from terrabench.building.robust import majority, margin, shared_edges, support
from terracot.findings import Finding, SceneFacts, find
from terracot.ground import GroundSampling
from terracot.plugins import EvidenceMask
from terracot.scenes import IGNORE, Instance, InstanceMap, SourceError
from terracot.temporal.finders import flood

WATER, CROP, TREE, TOWN = 0, 1, 2, 3
TEN = GroundSampling.nominal(10.0, 10.0, "test")
ALL = Robustness()
NONE = Robustness(majority=False, ignore_either_way=False, min_object_px=1, min_touch_edges=0, min_gap_px=0.0)


def facts_of(*maps: np.ndarray, ground: GroundSampling | None = TEN) -> SceneFacts:
    return SceneFacts(memory_scene(maps, ground=ground))


def found(kind: str, facts: SceneFacts, *names: str) -> Finding:
    findings = [one for one in find(kind, facts, STRICT.filters) if isinstance(one, Finding)]
    (one,) = [one for one in findings if one.class_names == names]
    return one


def land(size: int = 30) -> np.ndarray:
    return np.full((size, size), CROP, np.uint8)


# --- the majority filter ----------------------------------------------------------------------------------------------


def test_majority_outvotes_a_lone_pixel_and_keeps_a_tie() -> None:
    classes = np.array(
        [
            [1, 1, 1, 1, 0],
            [1, 2, 1, 0, 0],
            [1, 1, 1, 0, 0],
        ],
        np.uint8,
    )
    # (1, 1) has one vote of nine. At (0, 3) both have three of six votes, so it keeps its 1.
    assert majority(classes).tolist() == [
        [1, 1, 1, 1, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 0, 0],
    ]


def test_unlabelled_pixels_neither_vote_nor_get_a_label() -> None:
    classes = np.full((3, 3), IGNORE, np.uint8)
    classes[1, 1], classes[0, 0] = 2, 0
    assert np.array_equal(majority(classes), classes)  # one vote each: a tie


def test_map_without_change_is_the_same_after_the_filter() -> None:
    half = land(8)
    half[:, :4] = TREE
    assert np.array_equal(majority(half), half)


# --- numbers get the range that they take -----------------------------------------------------------------------------


def test_coverage_ranges_over_both_readings_of_unlabelled_pixels() -> None:
    classes = land(10)
    classes[:2] = WATER  # 20 pixels
    classes[9] = IGNORE  # 10 pixels
    one = found("coverage", facts_of(classes), "water")
    only_ignore = replace(NONE, ignore_either_way=True)
    got = support(one, facts_of(classes), only_ignore)
    assert one.truth.value == pytest.approx(100 * 20 / 90)
    assert (got.low, got.high) == (pytest.approx(20.0), pytest.approx(30.0))  # 20 and 30 of 100 pixels
    assert got.refusal is None


def test_area_ranges_over_what_the_majority_filter_takes_away() -> None:
    classes = land(20)
    classes[5:10, 5:10] = WATER  # a square of 25 pixels loses its four corners: each has four of nine votes
    classes[15, ::2] = WATER  # ten lone pixels
    one = found("area", facts_of(classes), "water")
    got = support(one, facts_of(classes), replace(NONE, majority=True))
    assert one.truth.value == 3500.0
    assert (got.low, got.high) == (2100.0, 3500.0)


def test_small_objects_do_not_decide_a_distance() -> None:
    classes = land(60)
    classes[10:20, 0:6] = WATER
    classes[10:20, 50:60] = TOWN
    classes[14:17, 30:33] = TOWN  # nine pixels: 25 px from the water, the large town 45 px
    facts = facts_of(classes)
    one = found("distance", facts, "water", "built-up area")
    got = support(one, facts, replace(NONE, min_object_px=16))
    assert one.truth.value == 250.0
    assert (got.low, got.high) == (250.0, 450.0)


def test_distance_to_nothing_but_small_objects_is_refused() -> None:
    classes = land(60)
    classes[10:20, 0:6] = WATER
    classes[14:17, 30:33] = TOWN
    facts = facts_of(classes)
    got = support(found("distance", facts, "water", "built-up area"), facts, ALL)
    assert got.refusal in ("majority_leaves_nothing", "small_objects_leaves_nothing")


def test_without_robustness_a_number_is_its_own_range() -> None:
    classes = land(10)
    classes[:2], classes[9] = WATER, IGNORE
    facts = facts_of(classes)
    got = support(found("coverage", facts, "water"), facts, None)
    assert got.low == got.high == pytest.approx(100 * 20 / 90)


# --- words have to stay -----------------------------------------------------------------------------------------------


def test_ranking_that_unlabelled_pixels_could_turn_is_refused() -> None:
    classes = land(20)
    classes[:6], classes[6:11], classes[17:] = WATER, TREE, IGNORE  # 120 water, 100 trees, 60 unlabelled
    facts = facts_of(classes)
    assert support(found("ranking", facts, "water", "tree cover"), facts, ALL).refusal == (
        "unlabelled_changes_the_answer"
    )
    assert support(found("ranking", facts, "cropland", "tree cover"), facts, NONE).refusal is None


def test_ranking_that_unlabelled_pixels_could_make_a_tie_is_refused() -> None:
    """Of two that are equal the first of the legend was taken for the larger one."""
    classes = land(20)
    classes[:6], classes[6:11], classes[19:] = WATER, TREE, IGNORE  # 120 water, 100 trees, 20 unlabelled
    facts = facts_of(classes)
    one = found("ranking", facts, "water", "tree cover")
    assert one.truth.text == "water"
    assert support(one, facts, ALL).refusal == "unlabelled_changes_the_answer"


def test_ranking_that_stays_is_kept() -> None:
    classes = land(20)
    classes[:9], classes[9:14], classes[19:] = WATER, TREE, IGNORE  # 180 water, 100 trees, 20 unlabelled
    facts = facts_of(classes)
    assert support(found("ranking", facts, "water", "tree cover"), facts, ALL).refusal is None


@pytest.mark.parametrize(("length", "refusal"), [(9, "touch_too_short"), (10, None)])
def test_touch_needs_ten_shared_edges(length: int, refusal: str | None) -> None:
    classes = land(40)
    classes[:20, :20] = WATER
    classes[20:30, :length] = TOWN  # below the water, along so many edges
    facts = facts_of(classes)
    one = found("boundary", facts, "water", "built-up area")
    assert one.truth.text == "yes"
    assert support(one, facts, replace(ALL, majority=False)).refusal == refusal


@pytest.mark.parametrize(("between", "refusal"), [(2, "gap_too_narrow"), (3, None)])
def test_no_touch_needs_three_pixels_between(between: int, refusal: str | None) -> None:
    classes = land(40)
    classes[:, :15] = WATER
    classes[:, 15 + between : 30] = TOWN
    facts = facts_of(classes)
    one = found("boundary", facts, "water", "built-up area")
    assert one.truth.text == "no"
    assert support(one, facts, ALL).refusal == refusal


def test_boundary_of_large_patches_forgets_small_ones() -> None:
    classes = land(40)
    classes[:, :15] = WATER
    classes[:, 25:] = TOWN
    classes[4:7, 15:18] = TOWN  # 9 of 1,600 pixels, beside the water
    facts = facts_of(classes)
    one = found("boundary", facts, "water", "built-up area")
    assert one.truth.text == "no"
    assert [int(m.mask.sum()) for m in one.masks] == [600, 600]
    assert support(one, facts, ALL).refusal is None
    (with_all,) = [
        f for f in find("boundary", facts, PAPER.filters) if getattr(f, "class_names", ()) == one.class_names
    ]
    assert isinstance(with_all, Finding)
    assert with_all.truth.text == "yes"


def test_edges_are_counted_on_all_four_sides() -> None:
    a, b = np.zeros((5, 5), bool), np.ones((5, 5), bool)
    a[1:3, 1:4] = True  # a block of 2 x 3 has ten edges around it
    assert shared_edges(a, b & ~a) == 10
    assert shared_edges(b & ~a, a) == 10


# --- floods, buildings ------------------------------------------------------------------------------------------------


def test_flood_ranges_over_what_the_earlier_map_does_not_say() -> None:
    before, after = land(20), land(20)
    before[:4] = WATER  # 80 pixels
    after[:10] = WATER  # 120 new ones
    before[18:] = IGNORE  # 40 pixels, cropland later
    facts = facts_of(before, after)
    (one,) = [f for f in flood("flood_share", "%")(facts, STRICT.filters) if isinstance(f, Finding)]
    got = support(one, facts, replace(NONE, ignore_either_way=True))
    assert one.truth.value == pytest.approx(100 * 120 / 360)
    assert (got.low, got.high) == (pytest.approx(30.0), pytest.approx(100 * 120 / 360))  # 120 of 400


def buildings(damages: list[str | None]) -> SceneFacts:
    numbers = np.zeros((60, 60), np.int32)
    for n in range(len(damages)):
        row, col = divmod(n, 6)
        numbers[2 + row * 9 : 6 + row * 9, 2 + col * 9 : 6 + col * 9] = n + 1
    instances = tuple(Instance(n, str(n), damage) for n, damage in enumerate(damages, 1))
    maps = tuple(InstanceMap(t, instances, numbers.shape, lambda: numbers) for t in (1, 2))
    scene = memory_scene([np.zeros((60, 60)), np.zeros((60, 60))], ground=TEN)
    return SceneFacts(replace(scene, instances=maps))


def test_buildings_that_nobody_could_judge_widen_the_range() -> None:
    facts = buildings(["destroyed"] * 4 + ["no damage"] * 8 + [None] * 3)
    number, share = (f for f in find("building_change", facts, STRICT.filters) if isinstance(f, Finding))
    assert (number.truth.value, share.truth.value) == (4.0, pytest.approx(100 * 4 / 12))
    counted, part = support(number, facts, ALL), support(share, facts, ALL)
    assert (counted.low, counted.high) == (4.0, 7.0)
    assert (part.low, part.high) == (pytest.approx(100 * 4 / 15), pytest.approx(100 * 7 / 15))


# --- margins ----------------------------------------------------------------------------------------------------------


def test_margin_is_the_answer_of_masks_one_pixel_smaller_and_larger() -> None:
    classes = land(20)
    classes[5:11, 5:11] = WATER
    facts = facts_of(classes)
    eroded, dilated = margin(found("area", facts, "water"), facts.setting)
    assert eroded is not None
    assert dilated is not None
    assert (eroded.value, dilated.value) == (1600.0, 6400.0)  # 4 x 4 and 8 x 8 pixels of 100 m2


def test_margin_takes_the_border_of_the_image_for_no_border_of_the_region() -> None:
    classes = land(20)
    classes[:6] = WATER
    facts = facts_of(classes)
    eroded, dilated = margin(found("coverage", facts, "water"), facts.setting)
    assert eroded is not None
    assert dilated is not None
    assert (eroded.value, dilated.value) == (25.0, 35.0)  # five and seven of twenty rows


def test_margin_of_buildings_only_shrinks_them() -> None:
    facts = buildings(["destroyed"] * 4 + ["no damage"] * 8)
    number, _ = (f for f in find("building_change", facts, STRICT.filters) if isinstance(f, Finding))
    eroded, dilated = margin(number, facts.setting)
    assert eroded is not None
    assert eroded.value == 4.0
    assert dilated is None


def test_margin_is_null_where_erosion_leaves_nothing() -> None:
    mask = np.zeros((20, 20), bool)
    mask[3:5, 3:5] = True
    far = np.zeros((20, 20), bool)
    far[15:19, 15:19] = True
    facts = facts_of(land(20))
    one = facts.finding("distance", (EvidenceMask(1, "water", mask), EvidenceMask(1, "town", far)), {"unit": "m"})
    eroded, dilated = margin(one, facts.setting)
    assert eroded is None
    assert dilated is not None
    assert dilated.value == pytest.approx(10 * np.hypot(9, 9))  # from (5, 5) to (14, 14)


# --- protocols --------------------------------------------------------------------------------------------------------


def test_paper_counts_every_pixel_as_ten_metres() -> None:
    scene = memory_scene([land(20)], ground=GroundSampling.nominal(30.0, 30.0, "thirty"))
    assert PAPER.scene(scene).ground.pixel_area_m2 == 100.0
    assert STRICT.scene(scene).ground.pixel_area_m2 == 900.0


def test_unknown_protocol_names_the_known_ones() -> None:
    with pytest.raises(SourceError, match="unknown protocol 'loose'; known: strict, paper"):
        protocol_named("loose")
