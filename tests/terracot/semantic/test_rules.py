"""The domain rules: answers on maps worked out by hand, what they refuse, and how answers move when the map does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_scenes import memory_scene

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.ground import GroundSampling
from terracot.quantities import Regions
from terracot.rules import Filters
from terracot.scenes import MapLimits
from terracot.semantic.kinds import KINDS, RULES

NAMES = ("grassland", "built-up area", "water", "tree cover", "cropland", "bare ground")
GRASS, BUILT, WATER, TREE, CROP, BARE = range(6)
RULE = {rule.name: rule for rule in RULES}


def land(size: int = 128) -> np.ndarray:
    """All grassland, at 10 m."""
    return np.full((size, size), GRASS, np.uint8)


def found(rule: str, classes: np.ndarray, names=NAMES, ground: GroundSampling | None = None) -> list:
    scene = memory_scene([classes], names, ground)
    return list(RULE[rule].find(SceneFacts(scene), Filters()))


def answers(rule: str, classes: np.ndarray, **settings) -> list[tuple[float, str]]:
    """Of each variant: what tells it from the others, and the answer or the reason for none."""
    told = []
    for one in found(rule, classes, **settings):
        told.append(one.reason if isinstance(one, Rejected) else one.truth.text)
    return told


def test_flood_exposure_is_the_share_within_100_m_of_water():
    classes = land()
    classes[:, :2] = WATER
    classes[:, 2:7] = BUILT  # 10 to 50 m from the water
    assert answers("flood_exposure", classes) == ["yes", "yes"]
    classes[classes == BUILT] = GRASS
    classes[:, 60:70] = BUILT  # 600 m and more
    assert answers("flood_exposure", classes) == ["no", "no"]
    classes[:, 6:8] = BUILT  # 2 of 12 columns, 16.7 %: above a tenth, below a quarter
    assert answers("flood_exposure", classes) == ["yes", "no"]


def test_water_access_is_at_least_half_within_500_m():
    classes = land()
    classes[:, :2] = WATER
    classes[:, 30:36] = BUILT  # 290 to 340 m
    classes[:, 100:104] = BUILT  # 4 of 10 columns are too far away
    assert answers("water_access", classes) == ["yes"]
    classes[:, 100:120] = BUILT
    assert answers("water_access", classes) == ["no"]


def test_urban_heat_holds_tree_cover_around_built_land_against_both_limits():
    classes = land()
    classes[60:68, :] = BUILT  # the zone is 6 + 8 + 6 = 20 rows
    assert answers("urban_heat", classes) == ["role_absent"]
    classes[68, :] = TREE  # 1 of 20 rows, and trees farther away do not count
    classes[100:, :] = TREE
    assert answers("urban_heat", classes) == ["yes", "yes"]
    classes[68:72, :] = TREE  # 4 of 20 rows are 20 %
    assert answers("urban_heat", classes) == ["no", "yes"]
    classes[54:60, :] = TREE  # 10 of 20
    assert answers("urban_heat", classes) == ["no", "no"]


def test_blocks_of_cropland_and_stands_of_trees_answer_opposite_ways():
    classes = land()
    classes[:40, :50] = CROP  # 20 ha in one block
    assert answers("farming_suitability", classes) == ["yes", "block_does_not_suit_image"]
    classes[classes == CROP] = TREE
    assert answers("habitat_fragmentation", classes) == ["no", "block_does_not_suit_image"]
    scattered = land()
    scattered[::6, ::6] = CROP
    assert answers("farming_suitability", scattered) == ["no", "block_does_not_suit_image"]
    scattered[scattered == CROP] = TREE
    assert answers("habitat_fragmentation", scattered) == ["yes", "block_does_not_suit_image"]


def test_erosion_risk_is_the_mean_factor_of_the_named_classes():
    classes = land()
    classes[:60] = TREE
    classes[60:120] = CROP  # (0.233 + 0.00116) / 2 = 0.117: more than a tenth above 0.104
    assert answers("erosion_risk", classes) == ["yes"]
    classes[60:80] = TREE  # 80 rows to 40: 0.0784
    assert answers("erosion_risk", classes) == ["no"]
    classes[100:] = BARE  # 80 to 20 to 28: (80 * 0.00116 + 20 * 0.233 + 28 * 0.265) / 128 = 0.0951, too close
    assert answers("erosion_risk", classes) == ["too_close_to_limit"]
    classes[80:] = BARE  # no cropland any more
    assert answers("erosion_risk", classes) == ["role_absent"]


def test_classes_below_one_per_cent_play_no_part():
    classes = land()
    classes[:, 1:6] = BUILT
    classes[0, :20] = WATER  # 20 of 16,384 pixels
    assert answers("flood_exposure", classes) == ["role_absent"]


def test_what_one_pixel_or_a_tenth_would_turn_is_not_asked():
    classes = land()
    classes[:, :2] = WATER
    classes[:, 11] = BUILT  # at exactly 100 m: with one pixel less it is out of reach
    classes[0, 12:60] = BUILT  # so that the class covers a hundredth of the map
    assert answers("flood_exposure", classes) == ["too_close_to_limit"] * 2
    classes = land()
    classes[:, :2] = WATER
    classes[:, 30:60] = BUILT  # 22 columns of these are within 500 m
    classes[:, 70:97] = BUILT  # 22 of 57 are 38.6 %
    assert answers("water_access", classes) == ["no"]
    classes[:, 80:97] = GRASS  # 22 of 40 are 55 %, and a tenth less is below half
    assert answers("water_access", classes) == ["too_close_to_limit"]


def test_metres_need_pixels_of_known_size_that_suit_the_distance():
    classes = land()
    classes[:, 0:3] = WATER
    classes[:, 3:6] = BUILT
    unknown = GroundSampling("unknown", None, None, (), 0.0, "test")
    assert answers("flood_exposure", classes, ground=unknown) == ["pixel_size_unknown"] * 2
    drifting = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.05, "test")
    assert answers("flood_exposure", classes, ground=drifting) == ["pixel_size_varies"] * 2
    for metres in (1.0, 60.0):  # the zone is wider than half the image, or narrower than two pixels
        sampling = GroundSampling("measured", metres, metres, (metres**2,), 0.0, "test")
        assert answers("flood_exposure", classes, ground=sampling) == ["distance_does_not_suit_image"] * 2
    classes[:, 60:] = TREE
    classes[:, 20:60] = CROP
    assert answers("erosion_risk", classes, ground=unknown) == ["no"]  # 40 to 68 columns: 0.087


def test_maps_that_cannot_show_it_are_not_asked():
    classes = land()
    classes[:, 0:3] = WATER
    classes[:, 3:6] = BUILT
    facts = SceneFacts(memory_scene([classes], NAMES))
    for limits, expected in (
        (MapLimits(min_distance_m=101.0), "below_map_precision"),
        (MapLimits(min_distance_m=100.0), "yes"),
    ):
        facts.limits[1] = limits
        first = next(RULE["flood_exposure"].find(facts, Filters()))
        assert (first.reason if isinstance(first, Rejected) else first.truth.text) == expected
    classes[:60] = CROP
    facts = SceneFacts(memory_scene([classes], NAMES))
    facts.limits[1] = MapLimits(min_patch_m2=250_000.0)  # 25 ha, as CORINE
    first = next(RULE["farming_suitability"].find(facts, Filters()))
    assert isinstance(first, Rejected)
    assert first.reason == "below_mapping_unit"


def test_classes_of_one_role_are_all_evidence():
    names = ("arable land", "broad-leaved forest", "coniferous forest", "pastures")
    classes = np.full((128, 128), 3, np.uint8)
    classes[:40, :60], classes[40:80, :60] = 1, 2  # together one stand of 48 ha, 24 ha each
    first = found("habitat_fragmentation", classes, names=names)[0]
    assert isinstance(first, Finding)
    assert first.class_names == ("broad-leaved forest", "coniferous forest")
    assert first.truth.text == "no"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_more_water_never_lowers_access_nor_exposure(seed):
    rng = np.random.default_rng(seed)
    classes = np.where(rng.random((64, 64)) < 0.1, BUILT, GRASS).astype(np.uint8)
    classes[int(rng.integers(60)), :40] = WATER
    wetter = classes.copy()
    wetter[(classes == GRASS) & (rng.random(classes.shape) < 0.05)] = WATER
    for name in ("water_access", "flood_exposure"):
        rule = RULE[name]
        shares = []
        for one in (classes, wetter):
            facts = SceneFacts(memory_scene([one], NAMES))
            masks = (facts.region(1, BUILT), facts.region(1, WATER))
            parameters = {"roles": ["built", "water"], "limit": rule.limit, "distance": 60.0}
            shares.append(rule.measured(Regions(masks, facts.valid, facts.scene.ground, parameters)))
        assert shares[1] >= shares[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_turning_or_mirroring_the_map_changes_no_answer(seed, turns):
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, len(NAMES), (8, 8)).astype(np.uint8)
    classes = np.kron(blocks, np.ones((16, 16), np.uint8))
    for rule in RULE:
        expected = answers(rule, classes)
        assert answers(rule, np.rot90(classes, turns)) == expected
        assert answers(rule, classes[:, ::-1]) == expected


def test_trees_for_cropland_never_raise_the_risk_of_erosion():
    means = []
    for rows in (120, 90, 60, 30):
        classes = land()
        classes[:128] = TREE
        classes[:rows] = CROP
        facts = SceneFacts(memory_scene([classes], NAMES))
        masks = (facts.region(1, CROP), facts.region(1, TREE))
        parameters = {"roles": ["crop", "tree"], **RULE["erosion_risk"].parameters}
        means.append(RULE["erosion_risk"].measured(Regions(masks, facts.valid, facts.scene.ground, parameters)))
    assert means == pytest.approx([0.2185, 0.1642, 0.1098, 0.0555], abs=1e-4)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_names_sources_that_can_be_looked_up(rule):
    assert rule.sources
    for source in rule.sources:
        assert all((source.title, source.authors, source.published_in, source.says))
        assert 1970 <= source.year <= 2026
        assert source.link.startswith(("https://doi.org/10.", "https://www."))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_question_states_the_whole_rule(rule):
    needed = {"{limit}", *(f"{{{name}}}" for name in rule.parameters if not name.startswith("factor_"))}
    if rule.name == "erosion_risk":
        needed.add("{factors}")
    else:
        needed |= {f"{{{group}}}" for group in rule.groups}
    assert len(rule.questions) >= 20
    assert len(set(rule.questions)) == len(rule.questions)
    for question in rule.questions:
        assert [slot for slot in needed if slot not in question] == [], question
        assert "{image}" in question
        assert not any(c.isdigit() for c in question), question


def test_there_are_six_rules_and_one_question_of_them_per_scene():
    assert len(KINDS) == 6
    assert {kind.family for kind in KINDS} == {"l2-semantic"}
    assert all(kind.balanced and kind.needs_pixels for kind in KINDS)
