"""Filters and answers of the six tasks on maps drawn by hand; every expected number is worked out in a comment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_scenes import memory_scene

from terracot import measure
from terracot.findings import Finding, Rejected, SceneFacts, find
from terracot.ground import GroundSampling
from terracot.rules import Filters
from terracot.scenes import Instance, InstanceMap, Scene

WATER, CROP, TREES = 0, 1, 2
NAMES = ("water", "cropland", "tree cover")
PAPER = Filters()


def found(kind: str, scene: Scene) -> list[Finding]:
    return [f for f in find(kind, SceneFacts(scene), PAPER) if isinstance(f, Finding)]


def rejected(kind: str, scene: Scene) -> list[str]:
    return [f.reason for f in find(kind, SceneFacts(scene), PAPER) if isinstance(f, Rejected)]


def crop_with(size: int = 20, **blocks: tuple[slice, slice]) -> np.ndarray:
    classes = np.full((size, size), CROP, np.uint8)
    for name, (rows, cols) in blocks.items():
        classes[rows, cols] = {"water": WATER, "trees": TREES, "ignore": 255}[name]
    return classes


def test_coverage_is_a_share_of_the_valid_pixels_not_of_all() -> None:
    # 20 x 20 = 400 pixels, 5 rows (100) ignored: 300 valid. Water 4 x 5 = 20 pixels: 20 / 300 = 6.667 %.
    scene = memory_scene([crop_with(ignore=(slice(0, 5), slice(None)), water=(slice(8, 12), slice(0, 5)))], NAMES)
    shares = {f.class_names[0]: f.truth.value for f in found("coverage", scene)}
    assert shares == pytest.approx({"water": 20 / 3, "cropland": 280 / 3})


def test_coverage_and_area_need_five_per_cent() -> None:
    # 19 of 400 pixels are 4.75 %, 20 are exactly 5 %.
    below = crop_with(water=(slice(0, 1), slice(0, 19)))
    exact = crop_with(water=(slice(0, 1), slice(0, 20)))
    for kind in ("coverage", "area"):
        assert {f.class_names[0] for f in found(kind, memory_scene([below], NAMES))} == {"cropland"}
        assert "share_below_minimum" in rejected(kind, memory_scene([below], NAMES))
        assert {f.class_names[0] for f in found(kind, memory_scene([exact], NAMES))} == {"water", "cropland"}


def test_area_uses_the_true_pixel_size_row_by_row() -> None:
    # Rows of 1, 2, ... 20 m2: water covers rows 0 to 3 at 5 columns: 5 x (1 + 2 + 3 + 4) = 50 m2.
    ground = GroundSampling("measured", 1.0, 1.0, tuple(float(r + 1) for r in range(20)), 0.0, "test")
    scene = memory_scene([crop_with(water=(slice(0, 4), slice(0, 5)))], NAMES, ground)
    areas = {f.class_names[0]: f.truth.value for f in found("area", scene)}
    assert areas["water"] == 50.0
    assert areas["cropland"] == 20 * 210 - 50  # all rows: 20 columns x (1 + ... + 20 = 210)


def test_unknown_pixel_size_asks_no_metres_but_still_shares() -> None:
    scene = memory_scene([crop_with(water=(slice(0, 4), slice(0, 5)))], NAMES, GroundSampling.unknown())
    assert found("area", scene) == []
    assert found("distance", scene) == []
    assert len(found("coverage", scene)) == 2
    assert [f.truth.text for f in found("ranking", scene)] == ["cropland"]


def test_ranking_needs_more_than_ten_per_cent_of_the_larger() -> None:
    # Columns: water w, trees the rest, 20 high. 200 against 180: 20 = 10 % of 200, not more. 200 against 160: 20 %.
    close = np.full((20, 19), TREES, np.uint8)
    close[:, :10] = WATER  # 200 water, 180 trees
    clear = np.full((20, 18), TREES, np.uint8)
    clear[:, :10] = WATER  # 200 water, 160 trees
    assert rejected("ranking", memory_scene([close], NAMES)) == ["areas_too_close"]
    assert [f.truth.text for f in found("ranking", memory_scene([clear], NAMES))] == ["water"]


def test_ranking_goes_by_area_where_rows_differ_in_size() -> None:
    # Same 20 columns: water 6 large rows (6 x 2 m2), trees 8 small rows (8 x 1 m2): fewer pixels, more area.
    classes = np.full((14, 20), TREES, np.uint8)
    classes[8:] = WATER
    ground = GroundSampling("measured", 1.0, 1.0, (1.0,) * 8 + (2.0,) * 6, 0.0, "test")
    assert [f.truth.text for f in found("ranking", memory_scene([classes], NAMES, ground))] == ["water"]


@pytest.mark.parametrize(("corner", "answer"), [((4, 4), "yes"), ((5, 5), "no")])
def test_boundary_touches_at_corners_and_not_across_a_pixel(corner: tuple[int, int], answer: str) -> None:
    classes = np.full((20, 20), CROP, np.uint8)
    classes[0:4, 0:4] = WATER
    row, col = corner
    classes[row : row + 5, col : col + 5] = TREES
    [pair] = [f for f in found("boundary", memory_scene([classes], NAMES)) if "cropland" not in f.class_names]
    assert pair.class_names == ("water", "tree cover")
    assert pair.truth.text == answer


def test_boundary_refuses_classes_in_more_than_five_pieces() -> None:
    classes = np.full((20, 20), CROP, np.uint8)
    classes[:6, :6] = WATER
    for piece in range(6):
        classes[10, piece * 3 : piece * 3 + 2] = TREES  # six pieces of two pixels: 3 % of 400
    assert rejected("boundary", memory_scene([classes], NAMES)).count("too_many_components") == 2
    classes[10, 15:17] = CROP
    classes[10:12, 0:2] = TREES  # five pieces, twelve pixels
    assert len(found("boundary", memory_scene([classes], NAMES))) == 3


def test_distance_is_centre_to_centre_in_metres_and_more_than_ten_pixels() -> None:
    # Columns 0-2 water, 3-12 crop, 13-15 trees: column 2 to column 13 is 11 pixels; at 30 m, 330 m. Crop touches both.
    classes = np.full((9, 16), CROP, np.uint8)
    classes[:, :3] = WATER
    classes[:, 13:] = TREES
    ground = GroundSampling("measured", 20.0, 30.0, (600.0,), 0.0, "test")
    [pair] = found("distance", memory_scene([classes], NAMES, ground))
    assert pair.class_names == ("water", "tree cover")
    assert pair.truth.value == 330.0
    classes[:, 3] = WATER  # now ten pixels: not more than ten
    assert found("distance", memory_scene([classes], NAMES, ground)) == []


def test_distance_ignores_what_opening_removes_and_keeps_the_opened_masks_as_evidence() -> None:
    classes = np.full((12, 40), CROP, np.uint8)
    classes[2:6, 0:4] = WATER
    classes[2:6, 36:40] = TREES
    classes[8, 20] = TREES  # a single pixel half way: no 3 x 3 square fits
    [pair] = found("distance", memory_scene([classes], NAMES))
    assert pair.truth.value == 33 * 10.0  # column 3 to column 36
    assert int(pair.masks[1].mask.sum()) == 16


def test_distance_with_pixels_that_change_size_over_the_image_is_not_asked() -> None:
    classes = np.full((12, 40), CROP, np.uint8)
    classes[2:6, 0:4] = WATER
    classes[2:6, 36:40] = TREES
    ground = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.02, "test")
    assert "pixel_size_varies" in rejected("distance", memory_scene([classes], NAMES, ground))


@pytest.mark.parametrize("kind", ["area", "ranking"])
def test_areas_are_not_asked_where_pixels_of_a_row_differ(kind: str) -> None:
    ground = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test", area_drift=0.02)
    scene = memory_scene([crop_with(water=(slice(0, 4), slice(0, 20)))], NAMES, ground)
    assert found(kind, scene) == []
    assert "pixel_size_varies" in rejected(kind, scene)
    steady = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test", area_drift=0.01)
    assert found(kind, memory_scene([crop_with(water=(slice(0, 4), slice(0, 20)))], NAMES, steady))


def town(count: int, destroyed: int, unjudged: int = 0, touching: bool = False) -> Scene:
    """Buildings of 3 x 3 in rows of five, one pixel apart (or wall to wall)."""
    step = 3 if touching else 4
    numbers = np.zeros((24, 24), np.int32)
    for n in range(count):
        row, col = (n // 5) * 4, (n % 5) * step
        numbers[row : row + 3, col : col + 3] = n + 1
    damage = [None] * unjudged + ["destroyed"] * destroyed
    damage += ["no-damage"] * (count - len(damage))
    after = tuple(Instance(n + 1, f"b{n}", damage[n]) for n in range(count))
    before = tuple(Instance(n + 1, f"b{n}") for n in range(count))
    scene = memory_scene([np.full((24, 24), CROP, np.uint8)] * 2, NAMES)
    maps = tuple(InstanceMap(t, who, (24, 24), lambda: numbers) for t, who in ((1, before), (2, after)))
    return replace(scene, instances=maps)


def test_building_change_counts_destroyed_of_judged_buildings() -> None:
    # 14 buildings, 2 cannot be judged: 12 count, 3 of them destroyed: 25 %.
    results = {f.parameters["measure"]: f.truth for f in found("building_change", town(14, 3, unjudged=2))}
    assert results["number"].value == 3
    assert results["share"].value == 25.0


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        (town(9, 5), "too_few_buildings"),
        (town(12, 2), "too_few_destroyed"),
        (town(12, 4, unjudged=3), "too_few_buildings"),
    ],
)
def test_building_change_needs_ten_judged_and_three_destroyed(scene: Scene, reason: str) -> None:
    assert found("building_change", scene) == []
    assert rejected("building_change", scene) == [reason]


def test_buildings_wall_to_wall_are_still_counted_one_by_one() -> None:
    [number] = [f for f in found("building_change", town(12, 4, touching=True)) if f.parameters["measure"] == "number"]
    assert number.truth.value == 4
    [before] = [f for f in found("counting", town(12, 4, touching=True)) if "building" in f.class_names]
    assert (before.t, before.truth.value) == (1, 12)


def test_existence_asks_about_clear_presence_and_clear_absence_only() -> None:
    # Water 3 of 400 pixels (0.75 %): neither clearly there nor absent.
    scene = memory_scene([crop_with(water=(slice(0, 1), slice(0, 3)))], NAMES)
    assert {(f.class_names[0], f.truth.text) for f in found("existence", scene)} == {
        ("cropland", "yes"),
        ("tree cover", "no"),
    }


def test_counting_leaves_small_patches_out_of_question_and_evidence() -> None:
    classes = crop_with(water=(slice(0, 3), slice(0, 3)))  # 9 pixels: counts
    classes[0:3, 10:13] = WATER  # 9 pixels: counts
    classes[10:12, 0:4] = WATER  # 8 pixels: does not
    [water] = [f for f in found("counting", memory_scene([classes], NAMES)) if f.class_names == ("water",)]
    assert water.truth.value == 2
    assert int(water.masks[0].mask.sum()) == 18
    assert measure.components(water.masks[0].mask) == measure.components(water.masks[0].mask.copy()) == 2


def test_localisation_needs_a_clear_ninth() -> None:
    corner = np.full((30, 30), CROP, np.uint8)
    corner[0:8, 0:8] = WATER
    [water] = [f for f in found("localisation", memory_scene([corner], NAMES)) if f.class_names == ("water",)]
    assert water.truth.text == "upper left"
    spread = np.full((30, 30), CROP, np.uint8)
    spread[:, 0:5] = WATER
    assert "spread_over_parts" in rejected("localisation", memory_scene([spread], NAMES))


def test_a_class_asked_on_two_dates_is_measured_on_each() -> None:
    before = crop_with(water=(slice(0, 2), slice(0, 20)))  # 40 pixels, 10 %
    after = crop_with(water=(slice(0, 8), slice(0, 20)))  # 160 pixels, 40 %
    shares = {(f.t, f.class_names[0]): f.truth.value for f in found("coverage", memory_scene([before, after], NAMES))}
    assert shares[1, "water"] == 10.0
    assert shares[2, "water"] == 40.0


def test_buildings_are_not_counted_on_a_date_whose_damage_is_known() -> None:
    # After the event it is open whether a destroyed building still counts as one; before it nothing is damaged.
    assert {f.t for f in found("counting", town(count=12, destroyed=4)) if f.class_names == ("building",)} == {1}
    assert "some_buildings_are_damaged" in rejected("counting", town(count=12, destroyed=4))
