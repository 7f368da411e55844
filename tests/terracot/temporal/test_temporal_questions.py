"""Questions about time: numbers worked out by hand on tiny maps, and what must not change when time or dates do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from make_scenes import NAMES, memory_scene

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.grammar import Noun
from terracot.ground import GroundSampling
from terracot.language import NUMBER
from terracot.levels import kind_named, kinds_of
from terracot.quantities import Regions, measured_value
from terracot.questions import ask
from terracot.rules import Filters
from terracot.scenes import Scene
from terracot.temporal import pair_phrases, sequence_phrases
from terracot.temporal.finders import is_water

WATER, CROP, TREE, BUILT = range(4)
GROUND = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test")


def strip(*widths: tuple[int, int]) -> np.ndarray:
    """A 10 x 20 map of vertical strips: (class, columns) from the left."""
    return np.repeat(np.repeat([c for c, _ in widths], [n for _, n in widths])[None], 10, axis=0).astype(np.uint8)


def lake(columns: int) -> np.ndarray:
    """Water in so many columns on the left, cropland in the rest: 10 pixels a column, of 200."""
    return strip((WATER, columns), (CROP, 20 - columns))


def found(kind: str, scene: Scene) -> list[Finding]:
    """All findings of a kind."""
    facts = SceneFacts(scene)
    return [one for one in kind_named(kind).find(facts, Filters()) if isinstance(one, Finding)]


def refused(kind: str, scene: Scene) -> set[str]:
    """Reasons of all rejections of a kind."""
    return {one.reason for one in kind_named(kind).find(SceneFacts(scene), Filters()) if isinstance(one, Rejected)}


def truths(kind: str, scene: Scene) -> dict[tuple[str, ...], str]:
    """Answers by class names, for scenes of two dates."""
    return {one.class_names: one.truth.text for one in found(kind, scene)}


BEFORE = strip((WATER, 4), (CROP, 10), (TREE, 6))
AFTER = strip((WATER, 7), (CROP, 5), (TREE, 5), (BUILT, 3))
# by column: 0-3 water stays; 4-6 crop to water; 7-11 crop stays; 12-13 crop to tree; 14-16 tree stays; 17-19 tree to
# built-up area. 10 pixels of 100 square metres a column, 200 valid pixels.


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("gain_share", {"water": "15%", "tree cover": "10%", "built-up area": "15%"}),
        ("gain_area", {"water": "3,000 m²", "tree cover": "2,000 m²", "built-up area": "3,000 m²"}),
        ("loss_share", {"cropland": "25%", "tree cover": "15%"}),
        ("loss_area", {"cropland": "5,000 m²", "tree cover": "3,000 m²"}),
        ("net_change_share", {"water": "75%", "cropland": "50%", "tree cover": "16.7%"}),
        (
            "net_change_area",
            {"water": "3,000 m²", "cropland": "5,000 m²", "tree cover": "1,000 m²", "built-up area": "3,000 m²"},
        ),
        ("flood_share", {"water": "15%"}),
        ("flood_area", {"water": "3,000 m²"}),
        ("growth", {"water": "yes", "cropland": "no", "tree cover": "no", "built-up area": "yes"}),
    ],
)
def test_change_between_two_dates_is_what_the_columns_say(kind, expected):
    scene = memory_scene([BEFORE, AFTER], ground=GROUND)
    assert truths(kind, scene) == {(name, name): text for name, text in expected.items()}


def test_transitions_are_shares_of_the_earlier_class_and_areas():
    scene = memory_scene([BEFORE, AFTER], ground=GROUND)
    pairs = [("cropland", "water"), ("cropland", "tree cover"), ("tree cover", "built-up area")]
    assert truths("transition_share", scene) == dict(zip(pairs, ["30%", "20%", "50%"], strict=True))
    assert truths("transition_area", scene) == dict(zip(pairs, ["3,000 m²", "2,000 m²", "3,000 m²"], strict=True))


def test_only_pixels_with_a_label_on_both_dates_count():
    before, after = BEFORE.copy(), AFTER.copy()
    before[:2], after[-3:] = 255, 255  # five rows of ten are left: 5 pixels a column, 100 in all
    scene = memory_scene([before, after], ground=GROUND)
    assert truths("gain_share", scene)["water", "water"] == "15%"
    assert truths("gain_area", scene)["water", "water"] == "1,500 m²"
    finding = found("gain_area", scene)[0]
    assert [int(m.mask.sum()) for m in finding.masks] == [20, 35]
    question = ask(finding, SceneFacts(scene).setting, 0)
    assert "only pixels valid in both images count" in question.text


def test_a_date_without_the_class_is_not_said_to_show_it():
    scene = memory_scene([BEFORE, AFTER], ground=GROUND)  # no built-up area before
    gained = next(one for one in found("gain_area", scene) if one.class_names[1] == NAMES[BUILT])
    for seed in range(60):
        before, after, *_ = ask(gained, SceneFacts(scene).setting, seed).steps
        assert NAMES[BUILT] in before.text  # as verify wants it, so not at the beginning
        assert any(word in before.text for word in ("no ", "none", "None", "No", "without", "empty", "absent", "not"))
        assert after.text.startswith(tuple(p.split("{")[0] for p in pair_phrases.LATER if p[0] != "{"))


def test_reversing_time_swaps_gain_and_loss():
    forward, backward = (memory_scene(maps, ground=GROUND) for maps in ([BEFORE, AFTER], [AFTER, BEFORE]))
    for measure in ("share", "area"):
        assert truths(f"gain_{measure}", forward) == truths(f"loss_{measure}", backward)
        assert truths(f"loss_{measure}", forward) == truths(f"gain_{measure}", backward)
    opposite = {"yes": "no", "no": "yes"}
    assert truths("growth", backward) == {n: opposite[word] for n, word in truths("growth", forward).items()}
    assert truths("net_change_area", forward) == truths("net_change_area", backward)


def test_land_that_does_not_change_is_not_asked_about():
    scene = memory_scene([BEFORE, BEFORE, BEFORE], ground=GROUND)
    assert all(not found(kind.name, scene) for kind in kinds_of("l2-temporal"))
    assert refused("growth", scene) == {"hardly_any_change"}
    assert refused("trend", scene) == {"never_changes"}
    assert refused("persistence_share", scene) == {"never_changes"}


def test_one_map_for_several_dates_is_never_asked_about_time():
    scene = memory_scene([BEFORE, AFTER, lake(3)], ground=GROUND)
    assert any(found(kind.name, scene) for kind in kinds_of("l2-temporal"))
    static = replace(scene, provenance={"static_labels": True})
    assert all(not found(kind.name, static) for kind in kinds_of("l2-temporal"))


def test_maps_of_different_legends_are_not_compared():
    scene = memory_scene([BEFORE, AFTER], ground=GROUND)
    other = memory_scene([BEFORE, AFTER], names=("sea", *NAMES[1:])).labels[1]
    mixed = replace(scene, labels=(scene.labels[0], other))
    assert all(not found(kind.name, mixed) for kind in kinds_of("l2-temporal"))


def test_without_a_pixel_size_only_shares_are_asked_for():
    scene = memory_scene([BEFORE, AFTER], ground=GroundSampling.unknown())
    asked = {kind.name for kind in kinds_of("l2-temporal") if found(kind.name, scene)}
    assert asked == {"gain_share", "loss_share", "transition_share", "net_change_share", "flood_share", "growth"}


def test_a_change_below_the_mapping_unit_is_not_asked_about():
    scene = memory_scene([lake(5), lake(7)], ground=GROUND)  # 20 pixels, 2,000 square metres
    limits = replace(scene.labels[0].limits, min_patch_m2=2500.0)
    coarse = replace(scene, labels=tuple(replace(label, limits=limits) for label in scene.labels))
    assert found("gain_area", scene)
    assert not found("gain_area", coarse)
    assert "below_mapping_unit" in refused("gain_area", coarse)


def test_flood_adds_up_all_classes_of_water():
    names = ("permanent water", "seasonal water", "grassland")
    before = strip((0, 4), (2, 16))
    after = strip((1, 2), (0, 4), (1, 3), (2, 11))  # 2 of the columns before were water already
    scene = memory_scene([before, after], names=names, ground=GROUND)
    assert truths("flood_share", scene) == {("water", "water"): "25%"}  # columns 4 to 8
    assert truths("gain_share", scene) == {
        ("permanent water", "permanent water"): "10%",
        ("seasonal water", "seasonal water"): "25%",
    }


def test_mapped_flood_water_on_the_later_date_alone_is_new_water():
    scene = memory_scene([lake(0), lake(6)], names=("flood water", "unflooded surface"), ground=GROUND)
    later = replace(scene, labels=scene.labels[1:])
    (finding,) = found("flood_area", later)
    assert (finding.truth.text, [m.t for m in finding.masks]) == ("6,000 m²", [2])
    question = ask(finding, SceneFacts(later).setting, 5)
    assert "flood water" in question.text or "flooded" in question.text
    assert [v.text for v in question.values if v.quantity in ("date", "parameter.before")][:2] in (
        ["1", "2"],
        ["2", "1"],
    )
    named = memory_scene([lake(0), lake(6)], names=("water", "unflooded surface"), ground=GROUND)
    assert not found("flood_area", replace(named, labels=named.labels[1:]))  # it may have been there before


@pytest.mark.parametrize(
    ("name", "wet"),
    [
        ("water", True),
        ("permanent water", True),
        ("Inland waters", True),
        ("rivers and lakes", True),
        ("wetland", False),
        ("non-water", False),
        ("unflooded surface", False),
        ("land without water", False),
        ("flooded vegetation", False),
        ("mangroves", False),
    ],
)
def test_what_counts_as_water(name, wet):
    assert is_water(name) == wet


SERIES = [lake(n) for n in (5, 5, 7, 12, 13)]
# water: 50, 50, 70, 120, 130 pixels; against image 1: 0, 40, 140, 160 per cent; steps 0, 20, 50, 10


def test_first_change_is_the_first_image_beyond_the_threshold():
    asked = {(f.class_names[0], f.parameters["threshold"]): f.truth.text for f in found("first_change", _series())}
    # cropland: 150, 150, 130, 80, 70 pixels; against image 1: 0, 13.3, 46.7, 53.3 per cent (46.7 is not near 50 by 3)
    assert asked == {
        ("water", 20.0): "image 3",
        ("water", 50.0): "image 4",
        ("cropland", 20.0): "image 4",
        ("cropland", 50.0): "image 5",
    }


def test_first_change_too_near_the_threshold_is_refused():
    scene = memory_scene([lake(10), lake(12), lake(19)], ground=GROUND)  # exactly 20 per cent, then 90
    assert ("water", 20.0) not in {(f.class_names[0], f.parameters["threshold"]) for f in found("first_change", scene)}
    assert "near_threshold" in refused("first_change", scene)


def test_trend_needs_every_step():
    words = {(f.class_names[0], f.parameters["direction"]): f.truth.text for f in found("trend", _series())}
    assert words == dict.fromkeys([(c, d) for c in ("water", "cropland") for d in ("grow", "shrink")], "no")
    rising = memory_scene(SERIES[1:], ground=GROUND)
    words = {(f.class_names[0], f.parameters["direction"]): f.truth.text for f in found("trend", rising)}
    assert words == {
        ("water", "grow"): "yes",
        ("water", "shrink"): "no",
        ("cropland", "grow"): "no",
        ("cropland", "shrink"): "yes",
    }


def test_a_step_too_small_to_see_has_no_trend():
    maps = [lake(5), lake(7), lake(9)]
    maps[1] = maps[0].copy()
    maps[1][0, 5:7] = WATER  # two pixels
    assert not found("trend", memory_scene(maps, ground=GROUND))


def test_largest_step_stands_out_or_is_not_asked_for():
    assert {f.truth.text for f in found("largest_step", _series())} == {"from image 3 to image 4"}
    tie = memory_scene([lake(n) for n in (5, 9, 13, 12)], ground=GROUND)
    assert not found("largest_step", tie)
    assert refused("largest_step", tie) == {"steps_too_close"}


def test_persistence_is_what_is_there_on_every_date():
    shares = {f.class_names[0]: f.truth.text for f in found("persistence_share", _series())}
    covers = {f.class_names[0]: f.truth.text for f in found("persistence_cover", _series())}
    assert shares == {"water": "100%", "cropland": "46.7%"}  # 50 of 50, 70 of 150
    assert covers == {"water": "25%", "cropland": "35%"}  # 50 and 70 of 200


@pytest.mark.parametrize("place", range(5))
def test_an_unchanged_date_in_between_changes_no_persistence(place):
    longer = [*SERIES[: place + 1], *SERIES[place:]]
    for kind in ("persistence_share", "persistence_cover"):
        shorter = {f.class_names[0]: f.truth for f in found(kind, _series())}
        assert {f.class_names[0]: f.truth for f in found(kind, memory_scene(longer, ground=GROUND))} == shorter


def test_two_dates_make_no_sequence_and_gaps_in_the_labels_none_either():
    sequences = ("first_change", "trend", "largest_step", "persistence_share", "persistence_cover")
    two = memory_scene([lake(5), lake(9)], ground=GROUND)
    whole = memory_scene(SERIES, ground=GROUND)
    gap = replace(whole, labels=tuple(label for label in whole.labels if label.t != 3))
    assert all(not found(kind, scene) for kind in sequences for scene in (two, gap))
    assert found("growth", gap)


def _series() -> Scene:
    return memory_scene(SERIES, ground=GROUND)


@pytest.mark.parametrize("kind", [kind.name for kind in kinds_of("l2-temporal")])
def test_masks_after_those_compared_change_no_answer(kind):
    """A mask of clouds may be appended to any finding."""
    for scene in (memory_scene([BEFORE, AFTER], ground=GROUND), _series()):
        facts = SceneFacts(scene)
        for finding in found(kind, scene):
            cloud = replace(finding.masks[0], class_name="cloud or shadow", mask=~finding.masks[0].mask)
            assert facts.finding(kind, (*finding.masks, cloud), finding.parameters).truth == finding.truth


@pytest.mark.parametrize("kind", [kind.name for kind in kinds_of("l2-temporal")])
def test_every_number_of_a_text_is_recorded_and_every_mask_is_grounded_in_order(kind):
    seen = 0
    for scene in (memory_scene([BEFORE, AFTER], ground=GROUND), memory_scene(SERIES[1:], ground=GROUND)):
        facts = SceneFacts(scene)
        for finding in found(kind, scene):
            for seed in range(25):
                question = ask(finding, facts.setting, seed)
                grounded = [step.mask for step in question.steps if hasattr(step, "mask")]
                assert grounded == list(range(len(finding.masks)))
                assert question.answer == finding.truth.text
                for part in (question, *question.steps):
                    assert NUMBER.findall(part.text) == [value.text for value in _values(part)], part.text
                assert "{" not in question.text + "".join(step.text for step in question.steps)
                seen += 1
    assert seen >= 25


def test_the_trace_of_a_gain_names_the_pixels_gained():
    scene = memory_scene([BEFORE, AFTER], ground=GROUND)
    finding = next(f for f in found("gain_area", scene) if f.class_names[0] == "water")
    values = {v.quantity: v.text for step in ask(finding, SceneFacts(scene).setting, 1).steps for v in _values(step)}
    assert values["beyond_pixels"] == "30"
    assert (values["beyond_pixel_area"], values["beyond_area"]) == ("100", "3,000")


def _values(step):
    return getattr(step, "values", ())


def test_areas_use_the_size_of_each_row():
    areas = tuple(100.0 + row for row in range(10))  # 1,045 square metres a column
    ground = GroundSampling("measured", 10.0, 10.0, areas, 0.0, "test")
    scene = memory_scene([BEFORE, AFTER], ground=ground)
    finding = next(f for f in found("gain_area", scene) if f.class_names[0] == "water")
    assert finding.truth.value == pytest.approx(3135.0)


@pytest.mark.parametrize("module", [pair_phrases, sequence_phrases])
def test_every_step_has_twenty_phrasings_that_differ(module):
    lists = {name: value for name, value in vars(module).items() if name.isupper()}
    assert lists
    for name, phrasings in lists.items():
        assert len(set(phrasings)) == len(phrasings) >= 20, name


@pytest.mark.parametrize("module", [pair_phrases, sequence_phrases])
def test_no_phrasing_writes_a_number_of_its_own(module):
    for name, phrasings in vars(module).items():
        if name.isupper():
            assert not [text for text in phrasings if any(c.isdigit() for c in text)], name


def test_plural_names_take_plural_verbs():
    names = ("inland wetlands", "pastures", "tree cover", "built-up areas", "moors")
    scene = memory_scene([BEFORE, AFTER], names=names, ground=GROUND)
    facts = SceneFacts(scene)
    finding = next(f for f in found("growth", scene) if f.class_names[0] == "pastures")
    assert Noun("pastures", True) == Noun(finding.masks[0].class_name, finding.masks[0].plural)
    texts = {ask(finding, facts.setting, seed).text for seed in range(300)}
    assert len(texts) >= 18
    wrong = ("pastures has", "pastures covers", "Does pastures", "does pastures", "has pastures", "pastures is ")
    assert not [text for text in texts if any(part in text for part in wrong)]


def test_change_quantities_on_masks_by_hand():
    scene = memory_scene(SERIES, ground=GROUND)
    finding = next(f for f in found("largest_step", scene) if f.class_names[0] == "water")
    setting = SceneFacts(scene).setting
    r = Regions(finding.masks, setting.valid, setting.ground, finding.parameters, ())
    assert [measured_value(r, "change_pixels", pair, "px") for pair in pairwise(range(5))] == [0, 20, 50, 10]
    assert measured_value(r, "beyond_pixels", (4, 0), "px") == 80
    assert measured_value(r, "common_pixels", (0, 2, 4), "px") == 50
    assert measured_value(r, "common_share", (0, 2, 4), "%") == 25
    assert measured_value(r, "part_of_first", (4, 0), "%") == pytest.approx(100 * 50 / 130)
    assert measured_value(r, "change_area", (0, 4), "ha") == pytest.approx(0.8)
