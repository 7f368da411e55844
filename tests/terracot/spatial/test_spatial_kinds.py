"""Kinds of l2-spatial on small maps with answers worked out by hand, and what they refuse to ask."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from make_scenes import class_map, memory_scene

from terracot.assembly import FILTERS, Asked
from terracot.choices import word_options
from terracot.findings import Finding, Rejected, SceneFacts
from terracot.generate import sample_row
from terracot.ground import GroundSampling
from terracot.language import NUMBER
from terracot.levels import kind_named, kinds_of
from terracot.rules import answer_from_masks
from terracot.scenes import IGNORE
from terracot.spatial.ordering import in_order

KINDS = [kind.name for kind in kinds_of("l2-spatial")]
WATER, CROPLAND, TREES, TOWN = range(4)


def facts_of(classes: np.ndarray, ground: GroundSampling | None = None) -> SceneFacts:
    return SceneFacts(memory_scene([classes], ground=ground))


def found(kind: str, facts: SceneFacts) -> dict[tuple[str, ...], Finding]:
    return {one.class_names: one for one in kind_named(kind).findings(facts, FILTERS)}


def reasons(kind: str, facts: SceneFacts) -> set[str]:
    return {one.reason for one in kind_named(kind).find(facts, FILTERS) if isinstance(one, Rejected)}


def bands() -> SceneFacts:
    """40 x 40: ten rows of water, then twenty of cropland, then ten of which eight columns are town, the rest trees."""
    classes = np.full((40, 40), CROPLAND, np.uint8)
    classes[:10] = WATER
    classes[30:] = TREES
    classes[30:, 32:] = TOWN
    return facts_of(classes)


def test_the_larger_class_is_named() -> None:
    larger = found("larger", bands())
    assert larger["water", "cropland"].truth.text == "cropland"  # 400 and 800 pixels
    assert larger["water", "built-up area"].truth.text == "water"  # 400 and 80


def test_sizes_within_ten_per_cent_are_not_compared() -> None:
    classes = np.full((20, 20), WATER, np.uint8)
    classes[:, 10:] = CROPLAND
    classes[0, 9] = CROPLAND
    assert found("larger", facts_of(classes)) == {}
    assert reasons("larger", facts_of(classes)) == {"sizes_too_close"}


def test_the_ratio_is_the_larger_over_the_smaller_with_three_digits() -> None:
    ratios = found("size_ratio", bands())
    assert ratios["tree cover", "built-up area"].truth.text == "4"  # 320 / 80
    assert ratios["cropland", "tree cover"].truth.text == "2.5"
    assert ("built-up area", "tree cover") not in ratios


def test_three_and_four_classes_come_largest_first() -> None:
    orders = found("size_order", bands())
    assert orders["water", "cropland", "built-up area"].truth.text == "cropland, water, built-up area"
    assert (
        orders["water", "cropland", "tree cover", "built-up area"].truth.text
        == "cropland, water, tree cover, built-up area"
    )


def test_names_with_commas_are_told_apart_by_semicolons() -> None:
    assert in_order(["water", "moors, heathland"]) == "water; moors, heathland"


def test_shares_and_areas_add_up() -> None:
    assert found("combined_share", bands())["water", "built-up area"].truth.text == "30%"  # 480 of 1600
    assert found("combined_area", bands())["water", "built-up area"].truth.value == 48_000.0  # 480 times 100 m2
    three = found("combined_share", bands())["water", "tree cover", "built-up area"]
    assert three.truth.text == "50%"


def test_the_whole_image_is_not_asked_for_as_a_sum() -> None:
    assert reasons("combined_share", facts_of(np.arange(400).reshape(20, 20).astype(np.uint8) // 200)) == {
        "nothing_left_over"
    }


def test_areas_need_a_known_pixel_size() -> None:
    assert reasons("combined_area", facts_of(bands().maps[1].classes, GroundSampling.unknown())) == {
        "pixel_size_unknown"
    }


def test_the_nearest_of_two() -> None:
    classes = np.full((40, 40), CROPLAND, np.uint8)
    classes[10:20, 0:6] = WATER
    classes[10:20, 12:18] = TREES  # 12 - 5 = 7 pixels from the water
    classes[10:20, 30:36] = TOWN  # 30 - 5 = 25
    nearest = found("nearest", facts_of(classes))
    assert nearest["water", "tree cover", "built-up area"].truth.text == "tree cover"
    assert nearest["built-up area", "water", "tree cover"].truth.text == "tree cover"  # 25 and 13
    row = sample_row(
        Asked(kind_named("nearest"), nearest["water", "tree cover", "built-up area"]), facts_of(classes), 0
    )
    assert [v["text"] for v in row["steps"][-1]["values"]] in (["7", "25"], ["25", "7"])


def test_slivers_do_not_count_as_near() -> None:
    classes = np.full((40, 40), CROPLAND, np.uint8)
    classes[10:20, 0:6] = WATER
    classes[10:20, 12:18] = TREES
    classes[10:20, 30:36] = TOWN
    classes[12:14, 7:36] = TOWN  # two pixels wide, up to the water
    nearest = found("nearest", facts_of(classes))
    assert nearest["water", "tree cover", "built-up area"].truth.text == "tree cover"


def test_distances_that_differ_by_little_are_not_compared() -> None:
    classes = np.full((40, 40), CROPLAND, np.uint8)
    classes[10:20, 14:20] = WATER
    classes[10:20, 0:6] = TREES  # 9 pixels
    classes[10:20, 30:36] = TOWN  # 11 pixels
    assert ("water", "tree cover", "built-up area") not in found("nearest", facts_of(classes))


def around_a_line(wood_rows: tuple[int, int]) -> SceneFacts:
    """Water left and town right, on rows 18 to 21 only; woods of some rows in the middle of the way."""
    classes = np.full((40, 40), CROPLAND, np.uint8)
    classes[16:24, 0:6] = WATER
    classes[18:22, 34:40] = TOWN
    classes[wood_rows[0] : wood_rows[1], 15:25] = TREES
    return facts_of(classes)


@pytest.mark.parametrize(("rows", "answer"), [((10, 30), "yes"), ((30, 38), "no"), ((2, 12), "no"), ((14, 24), "yes")])
def test_what_lies_on_the_line_is_between(rows: tuple[int, int], answer: str) -> None:
    between = found("between", around_a_line(rows))
    assert between["water", "built-up area", "tree cover"].truth.text == answer


@pytest.mark.parametrize("rows", [(8, 18), (8, 20), (21, 30), (22, 30)])
def test_a_line_that_could_as_well_miss_is_not_asked_about(rows: tuple[int, int]) -> None:
    facts = around_a_line(rows)
    assert ("water", "built-up area", "tree cover") not in found("between", facts)
    assert "line_passes_by_closely" in reasons("between", facts)


def test_between_holds_for_every_line_between_nearly_closest_pairs_of_pixels() -> None:
    for rows, facts in ((rows, around_a_line(rows)) for rows in ((10, 30), (30, 38), (12, 22))):
        for one in found("between", facts).values():
            a, b, c = (mask.mask for mask in one.masks)
            ends = [(p, q) for p, q in product(np.argwhere(a), np.argwhere(b))]
            gaps = np.array([np.hypot(*(p - q)) for p, q in ends])
            answers = set()
            for (p, q), gap in zip(ends, gaps, strict=True):
                if gap <= gaps.min() + 1:
                    steps = np.linspace(0, 1, 400)[:, None]
                    on = np.rint(p + (q - p) * steps).astype(int)
                    answers.add("yes" if c[on[:, 0], on[:, 1]].any() else "no")
            assert answers == {one.truth.text}, (rows, one.class_names)


def test_halves() -> None:
    classes = np.full((20, 20), CROPLAND, np.uint8)
    classes[:, :8] = WATER
    classes[12:, 12:] = TOWN
    facts = facts_of(classes)
    halves = {(one.class_names[0], one.truth.text) for one in kind_named("half").findings(facts, FILTERS)}
    assert halves == {
        ("water", "left half"),
        ("built-up area", "right half"),
        ("built-up area", "lower half"),
        ("cropland", "right half"),  # 40 pixels left of the middle, 136 right of it
        ("cropland", "upper half"),  # 120 and 56
    }
    shares = {
        (one.class_names[0], one.parameters["half"]): one.truth.text
        for one in kind_named("half_share").findings(facts, FILTERS)
    }
    assert shares["cropland", "left"] == "22.7%"  # 40 of 176
    assert shares["built-up area", "upper"] == "0%"
    assert shares["water", "upper"] == "50%"


def test_images_without_a_middle_line_have_no_halves() -> None:
    facts = facts_of(np.repeat(np.arange(3, dtype=np.uint8), 75).reshape(15, 15))
    assert kind_named("half").findings(facts, FILTERS) == []


def test_parts_with_a_tenth_of_a_class() -> None:
    classes = np.full((30, 30), CROPLAND, np.uint8)
    classes[:10] = WATER  # the three upper parts
    classes[10:20, :3] = WATER  # 30 of 100 pixels
    classes[20:22, 10:13] = WATER  # 6 of 100
    assert found("parts", facts_of(classes))["water",].truth.text == "4"
    classes[22, 10:14] = WATER  # now 10 of 100: too near to call
    assert ("water",) not in found("parts", facts_of(classes))


def test_the_share_of_a_border() -> None:
    classes = np.full((30, 30), TOWN, np.uint8)
    classes[5:15, 0:22] = WATER
    classes[15:25, 0:22] = CROPLAND
    classes[5:15, 22:28] = TREES
    shares = found("border_share", facts_of(classes))
    # 22 pixels in the upper row of the water, 22 in the lower one and 8 more at its right; the left is the image's edge
    assert shares["water", "cropland"].truth.value == pytest.approx(100 * 22 / 52)
    assert shares["water", "tree cover"].truth.value == pytest.approx(100 * 10 / 52)


def test_pixels_without_a_class_make_no_border() -> None:
    classes = np.full((20, 60), IGNORE, np.uint8)
    classes[5:12] = WATER
    classes[12:, :30] = CROPLAND
    classes[12:, 30:] = TREES
    shares = found("border_share", facts_of(classes))
    assert shares["water", "cropland"].truth.value == pytest.approx(100 * 31 / 60)  # one of them at a corner


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ground", [None, GroundSampling.unknown()])
def test_every_finding_has_the_answer_that_follows_from_its_masks(kind: str, ground: GroundSampling | None) -> None:
    rng = np.random.default_rng(5)
    asked = 0
    for _ in range(12):
        facts = facts_of(class_map(rng), ground)
        for one in kind_named(kind).findings(facts, FILTERS):
            again = answer_from_masks(kind, one.masks, facts.valid, facts.scene.ground, one.parameters, facts.views)
            assert again == one.truth
            asked += 1
    assert asked or (kind == "combined_area" and ground)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_state_only_measured_numbers_and_no_marks_of_templates(kind: str) -> None:
    rng = np.random.default_rng(6)
    named = kind_named(kind)
    seen = 0
    for seed in range(25):
        facts = facts_of(class_map(rng))
        for one in named.findings(facts, FILTERS)[:4]:
            options = word_options(named, one, "scene", seed) if named.balanced else None
            row = sample_row(Asked(named, one, options), facts, seed)
            for text, values in [(row["question"], row["values"]), *((s["text"], s["values"]) for s in row["steps"])]:
                assert NUMBER.findall(text) == [value["text"] for value in values]
                assert not set("{}|#") & set(text)
            if options is not None:
                assert options.texts["AB".index(row["answer"])] == one.truth.text
            seen += 1
    assert seen


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_of_a_question_do_not_depend_on_its_answer(kind: str) -> None:
    """The same classes with other masks are asked about in the same words."""
    rng = np.random.default_rng(7)
    worded: dict[tuple[object, ...], set[str]] = {}
    for _ in range(15):
        facts = facts_of(class_map(rng))
        for one in kind_named(kind).findings(facts, FILTERS):
            row = sample_row(Asked(kind_named(kind), one), facts, 1)
            worded.setdefault((one.class_names, tuple(one.parameters.items())), set()).add(row["question"])
    assert worded
    assert all(len(texts) == 1 for texts in worded.values())
