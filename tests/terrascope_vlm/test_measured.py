"""Measured evidence: by hand, and number by number against what the traces of Terra-CoT state of true masks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("torch")

from make_scenes import class_map, memory_scene
from terrascope_vlm.evidence import Region, evidence_for
from terrascope_vlm.measured import measured_text
from tiny_queries import TEN_METRES, config_of, processor_of, query_of

from terracot.assembly import Asked
from terracot.findings import Finding, SceneFacts
from terracot.generate import sample_row
from terracot.ground import GroundSampling
from terracot.language import UNIT_TEXT, UNITS, quantity_text
from terracot.levels import kind_named
from terracot.rules import Filters
from terracot.sources.procedural import ProceduralSource

PROCESSOR = processor_of(config_of())
SHAPE = (16, 16)
UNKNOWN = GroundSampling.unknown()


def block(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A mask of boxes, each as first row, row after the last, first column, column after the last."""
    mask = np.zeros(SHAPE, bool)
    for top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def text_of(*masks: tuple[int, np.ndarray], ground: GroundSampling = TEN_METRES, valid: dict | None = None) -> str:
    """What is written after the last of some masks with their dates."""
    dates = max(t for t, _ in masks)
    query = query_of(PROCESSOR, SHAPE, [(t + 1, "optical") for t in range(dates)], ground=ground, valid=valid)
    return measured_text(query, [Region(t, t - 1, None, mask) for t, mask in masks])


FIVE = block((0, 4, 0, 5))  # 20 pixels in the upper left, which ends after row 4 and column 4
RIGHT = block((0, 4, 12, 16))  # 16 pixels in the upper right


def test_one_mask_by_hand():
    assert text_of((1, FIVE)) == (
        " (20 of 256 valid pixels, 7.8%, 1 patch, 20 in the upper left; 100 m² each, 2,000 m², 0.2 ha, 0.002 km²)"
    )
    two = block((0, 4, 0, 5), (8, 11, 6, 16))
    assert text_of((1, two), ground=UNKNOWN) == " (50 of 256 valid pixels, 19.5%, 2 patches, 20 in the upper left)"


def test_an_empty_mask_says_so():
    assert text_of((1, block())) == " (nothing there: 0 of 256 valid pixels)"


def test_only_valid_pixels_count():
    valid = {1: block((0, 16, 2, 16))}
    assert text_of((1, FIVE), ground=UNKNOWN, valid=valid).startswith(" (12 of 224 valid pixels, 5.4%,")
    nowhere = {1: block()}  # a date of which nobody knows the valid pixels is valid throughout
    assert text_of((1, FIVE), ground=UNKNOWN, valid=nowhere).startswith(" (20 of 256 valid pixels")


def test_a_second_mask_of_the_date_is_measured_to_the_first():
    found = text_of((1, FIVE), (1, RIGHT))  # columns 4 and 12 are closest
    assert found.endswith("; mask 1: 0 in contact, 8 apart, 80 m, 0.08 km)")
    beside = text_of((1, FIVE), (1, block((0, 4, 5, 9))), ground=UNKNOWN)
    assert beside.endswith("; mask 1: 4 in contact, 1 apart)")
    corner = text_of((1, FIVE), (1, block((4, 8, 5, 9))), ground=UNKNOWN)  # pixels meet at a corner only
    assert corner.endswith("; mask 1: 1 in contact, 1.41 apart)")
    assert text_of((1, FIVE), (1, FIVE), ground=UNKNOWN).endswith("; mask 1: 20 in contact, overlapping)")


def test_a_stray_pixel_does_not_change_the_distance_but_a_thin_mask_has_one():
    strays = RIGHT | block((8, 9, 8, 9))
    assert ", 8 apart, " in text_of((1, FIVE), (1, strays))
    line = block((0, 16, 9, 10))  # nothing of it is left after the opening
    assert ", 5 apart, " in text_of((1, FIVE), (1, line))


def test_pixels_that_are_not_square_are_closest_elsewhere_on_the_ground():
    ground = GroundSampling("measured", 10.0, 20.0, (200.0,), 0.0, "test")
    near = block((0, 3, 5, 8), (7, 10, 0, 3))  # 3 columns or 5 rows away: 60 m or 50 m
    found = text_of((1, block((0, 3, 0, 3))), (1, near), ground=ground)
    assert found.endswith("0 in contact, 3 apart, on the ground 5, 50 m, 0.05 km)")


def test_empty_masks_have_no_distance():
    assert "mask 1" not in text_of((1, block()), (1, FIVE))
    assert text_of((1, FIVE), (1, block())) == " (nothing there: 0 of 256 valid pixels)"


def test_with_many_masks_only_the_latest_of_the_date_are_measured_to():
    masks = [(1, block((0, 3, 3 * n, 3 * n + 3))) for n in range(5)]
    assert re.findall(r"mask (\d)", text_of(*masks, ground=UNKNOWN)) == ["2", "3", "4"]


def test_what_changed_between_two_dates_by_hand():
    later = block((0, 4, 2, 9))  # without columns 0 and 1, with columns 5 to 8
    assert text_of((1, FIVE), (2, later)) == (
        " (28 of 256 valid pixels, 10.9%, 1 patch, 16 in the upper centre; 100 m² each, 2,800 m², 0.28 ha, 0.0028 km²; "
        "since mask 1, 256 valid, 16 new, 6.2%, 1,600 m², 0.16 ha, 0.0016 km², 8 gone, 3.1%, 800 m², 0.08 ha, "
        "0.0008 km², 12 in both, 60%, 1,200 m², 0.12 ha, 0.0012 km², 8 net, 40%, 800 m², 0.08 ha, 0.0008 km², "
        "patches 100%)"
    )
    backwards = text_of((2, later), (1, FIVE), ground=UNKNOWN)
    assert backwards.endswith(
        "; until mask 1, 256 valid, 16 new, 6.2%, 8 gone, 3.1%, 12 in both, 60%, 8 net, 40%, patches 100%)"
    )


def test_changes_count_only_where_both_dates_are_valid():
    valid = {1: block((0, 16, 0, 16)), 2: block((0, 16, 0, 8))}
    found = text_of((1, FIVE), (2, block((0, 4, 2, 9))), ground=UNKNOWN, valid=valid)
    assert "since mask 1, 128 valid, 12 new, 9.4%, 8 gone, 6.2%, 12 in both, 60%, 4 net, 20%" in found
    apart = {1: block((0, 8, 0, 16)), 2: block((8, 16, 0, 16))}
    assert "since" not in text_of((1, FIVE), (2, FIVE), valid=apart)


def test_land_that_was_empty_before_is_all_new():
    found = text_of((1, block()), (2, FIVE), ground=UNKNOWN)
    assert found.endswith("; since mask 1, 256 valid, 20 new, 7.8%, 0 gone, 0 in both, 20 net)")


def test_three_dates_have_what_is_in_all_of_them():
    found = text_of((1, FIVE), (2, block((0, 4, 1, 6))), (3, block((0, 4, 2, 7))), ground=UNKNOWN)
    assert re.findall(r"since mask (\d)", found) == ["1", "2"]
    assert found.endswith("; 12 in all of 256 valid, 4.7%, 60% of the first)")


def test_the_text_is_injected_as_plain_tokens():
    query = query_of(PROCESSOR, SHAPE)
    evidence = evidence_for(query, [Region(1, 0, None, FIVE)], config_of(evidence="measured"), PROCESSOR)
    assert evidence.text == text_of((1, FIVE))
    assert PROCESSOR.decode(evidence.slots.ids.tolist()) == evidence.text
    assert (evidence.slots.visual < 0).all()
    assert (len(evidence.cells), evidence.covered, evidence.empty, evidence.weak) == (0, 0, False, False)
    assert evidence_for(query, [Region(1, 0, None, block())], config_of(evidence="measured"), PROCESSOR).empty


# against Terra-CoT

NUMERIC = (
    *("coverage", "area", "counting", "distance", "building_change", "gain_share", "gain_area", "loss_share"),
    *("loss_area", "flood_share", "flood_area", "transition_share", "transition_area", "net_change_share"),
    *("net_change_area", "persistence_share", "persistence_cover"),
)
OTHERS = (
    "existence",
    "localisation",
    "boundary",
    "nearest",
    "between",
    "larger",
    "growth",
    "largest_step",
    "first_change",
)
STATED = {
    *("pixels", "valid_pixels", "share", "pixel_area", "area", "components", "component_share", "most_in_part"),
    *("contact_pixels", "distance", "distance_px", "gap", "valid_in_all", "beyond_pixels", "beyond_share"),
    *("beyond_area", "common_pixels", "common_share", "common_area", "part_of_first", "change_pixels"),
    *("change_share", "change_area"),
}
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?: m²| ha| km²| m\b| km\b|%)?")


def written(finding: Finding, facts: SceneFacts) -> set[str]:
    """Every number, with its unit, that is measured on the true masks of a finding."""
    frames = [(f.t, "optical") for f in facts.scene.frames if f.modality != "sar"]
    query = query_of(PROCESSOR, facts.scene.shape, frames, ground=facts.scene.ground, valid=facts.valid)
    regions = [Region(m.t, 0, None, m.mask) for m in finding.recorded]
    texts = [measured_text(query, regions[: n + 1]) for n in range(len(regions))]
    return {number for text in texts for number in NUMBER.findall(text)}


def unwritten(facts: SceneFacts, kinds: Sequence[str], each: int, checked: Counter[str]) -> list[object]:
    """Numbers that the traces and answers of some kinds state of a scene and its true masks do not give."""
    missing: list[object] = []
    for kind in map(kind_named, kinds):
        for finding in kind.findings(facts, Filters())[:each]:
            numbers = written(finding, facts)
            row = sample_row(Asked(kind, finding), facts, 0)
            for value in (value for step in row["steps"] for value in step["values"] if value["quantity"] in STATED):
                checked[value["quantity"]] += 1
                stated = value["text"] + UNIT_TEXT[value["unit"]]
                missing += [] if stated in numbers else [(kind.name, value, sorted(numbers))]
            truth = finding.truth
            if kind.name in NUMERIC:
                checked[kind.name] += 1
                base = truth.value * UNITS.get(truth.unit, 1.0)
                units = next((u for u in (("m2", "ha", "km2"), ("m", "km")) if truth.unit in u), (truth.unit,))
                answers = [quantity_text(base / UNITS.get(unit, 1.0), unit) for unit in units]  # in any unit asked for
                missing += [(kind.name, answer) for answer in answers if answer not in numbers]
    return missing


def test_true_masks_give_every_number_that_traces_and_answers_of_procedural_scenes_state():
    checked: Counter[str] = Counter()
    for scenes, size, families, kinds in (
        (10, 64, '{"landscape": 0.4, "change": 0.4, "sequence": 0.2}', (*NUMERIC, *OTHERS)),
        (5, 96, '{"settlement": 1}', ("building_change", "counting")),
    ):
        source = ProceduralSource(f'{{"split": "train", "scenes": {scenes}, "size": {size}, "families": {families}}}')
        for scene_id in source.ids():
            assert unwritten(SceneFacts(source.load(scene_id)), kinds, 2, checked) == []
    assert {*STATED, *NUMERIC} - set(checked) == set()


@pytest.mark.parametrize(
    "ground",
    [
        GroundSampling.from_georeference("EPSG:4326", (1e-4, 0, 15, 0, -1e-4, 48), (48, 48)),
        GroundSampling.nominal(0.512, 0.4, "test"),
    ],
    ids=["degrees", "oblong"],
)
def test_so_they_do_where_pixels_are_not_square_and_partly_unlabelled(ground):
    checked: Counter[str] = Counter()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        facts = SceneFacts(memory_scene([class_map(rng) for _ in range(2)], ground=ground))
        assert unwritten(facts, (*NUMERIC, *OTHERS), 2, checked) == []
    assert min(checked[name] for name in ("distance", "gap", "beyond_area", "area", "contact_pixels")) > 0
