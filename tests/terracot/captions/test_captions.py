"""Captions: what they state follows from the maps, in both numbers, and forgeries are found."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_scenes import NAMES, memory_scene

from terracot.assembly import FILTERS, Asked
from terracot.captions.caption import KIND
from terracot.captions.phrases import asked, change, regions, scene, summary
from terracot.checks import check_row
from terracot.dataset import FOLDER
from terracot.findings import Finding, Rejected, SceneFacts
from terracot.generate import sample_row
from terracot.ground import GroundSampling
from terracot.masks import decode, encode
from terracot.samples import content_id
from terracot.scenes import Instance, InstanceMap, Scene
from terracot.traces import trace_text

WATER, CROP, TREE, BUILT, WETLAND = range(5)
Row = dict[str, Any]


def rows_of(built: Scene, seed: int = 0) -> tuple[list[Row], SceneFacts]:
    """Every caption that a scene can get."""
    facts = SceneFacts(built)
    return [sample_row(Asked(KIND, one), facts, seed) for one in KIND.findings(facts, FILTERS)], facts


def problems(row: Row, facts: SceneFacts) -> list[str]:
    return list(check_row(row, facts.setting, facts.scene.shape, FOLDER.word))


def lake() -> np.ndarray:
    """Cropland with a lake of 6 x 6 in the upper left, woods on the right: 400 = 36 + 264 + 100 pixels."""
    classes = np.full((20, 20), CROP)
    classes[1:7, 1:7] = WATER
    classes[:, 15:] = TREE
    return classes


def spoken(row: Row) -> str:
    return " ".join(step["text"] for step in row["steps"])


def test_regions_come_largest_first_with_their_shares() -> None:
    (row,), facts = rows_of(memory_scene([lake()]))
    assert [mask["class_name"] for mask in row["masks"]] == ["cropland", "tree cover", "water"]
    for share in ("66%", "25%", "9%"):
        assert share in spoken(row)
    assert row["answer"].count("%") >= 3
    assert "[SEG]" not in row["answer"]
    assert row["truth"] == {"value": None, "unit": "", "text": ""}
    assert (row["level"], row["form"], row["text"].count("[SEG]")) == ("caption", "open", 3)
    assert problems(row, facts) == []


def test_the_summary_has_two_to_four_sentences_and_records_its_numbers() -> None:
    for seed in range(30):
        (row,), _ = rows_of(memory_scene([lake()]), seed)
        sentences = re.findall(r"[.?](?= |$)", re.sub(r"\d\.\d", "0", row["answer"]))
        assert 1 <= len(sentences) <= 4
        digits = re.findall(r"\d[\d,]*(?:\.\d+)?", row["answer"])
        assert digits == [value["text"] for value in row["answer_values"]]


def test_no_area_is_told_where_the_pixel_size_is_unknown() -> None:
    for seed in range(20):
        (row,), facts = rows_of(memory_scene([lake()], ground=GroundSampling.unknown()), seed)
        assert not re.search(r"\d (?:ha|m²|km²)", row["text"])
        assert problems(row, facts) == []


def test_shares_with_unlabelled_pixels_are_not_called_those_of_the_image() -> None:
    classes = lake()
    classes[18:] = 255
    for seed in range(20):
        (row,), facts = rows_of(memory_scene([classes]), seed)
        assert "of the image" not in row["text"].replace("this image", "")
        assert "labelled" in row["text"]
        assert problems(row, facts) == []


def test_plural_names_take_plural_verbs() -> None:
    classes = np.where(lake() == WATER, WATER, CROP)
    for seed in range(60):
        (row,), _ = rows_of(memory_scene([classes], names=("wetlands", "orchards")), seed)
        wrong = re.search(
            r"(?<!of the )\b(?:wetlands|orchards|[Tt]hey) (?:is|has|covers|lies|makes|takes|dominates|touches|forms)\b",
            row["text"],
        )
        assert wrong is None, row["text"]


def test_two_dates_tell_growth_and_pixels_gained() -> None:
    flooded = lake()
    flooded[1:11, 1:11] = WATER  # 36 pixels of water become 100
    (row,), facts = rows_of(memory_scene([lake(), flooded]))
    assert {mask["t"] for mask in row["masks"]} == {1, 2}
    gained = [v for step in row["steps"] for v in step["values"] if v["quantity"] == "gained"]
    assert {value["text"] for value in gained} <= {"64", "0"}
    shares = [v["text"] for step in row["steps"] for v in step["values"] if v["quantity"] == "share_where_both"]
    assert {"9", "25", "66", "50"} <= set(shares)
    assert "Image: 1 [SEG]" in row["text"]
    assert "Image: 2 [SEG]" in row["text"]
    assert problems(row, facts) == []


def test_a_class_that_one_date_lacks_is_new_or_gone() -> None:
    dry = np.where(lake() == WATER, CROP, lake())
    (came,), facts = rows_of(memory_scene([dry, lake()]))
    (went,), _ = rows_of(memory_scene([lake(), dry]))
    assert '"new": ["water"]' in came["parameters"]
    assert '"gone": ["water"]' in went["parameters"]
    assert problems(came, facts) == []


def test_one_map_for_all_dates_tells_no_change() -> None:
    built = memory_scene([lake(), lake()])
    object.__setattr__(built, "provenance", {"static_labels": True})
    found, facts = rows_of(built)
    assert [row["masks"][0]["t"] for row in found] == [1, 2]
    assert all(len({mask["t"] for mask in row["masks"]}) == 1 for row in found)
    assert all(problems(row, facts) == [] for row in found)


def town(damage: list[str | None]) -> Scene:
    """Six buildings of 2 x 2 in a row, on two dates; ``damage`` is what the later map says."""
    numbers = np.zeros((20, 20), np.int32)
    for n in range(6):
        numbers[2:4, 3 * n + 1 : 3 * n + 3] = n + 1
    built = memory_scene([np.full((20, 20), CROP)] * 2)
    judged = tuple(Instance(n + 1, str(n), damage[n]) for n in range(6))
    object.__setattr__(built, "instances", (InstanceMap(2, judged, (20, 20), lambda: numbers),))
    return built


@pytest.mark.parametrize(("gone", "masks"), [(0, 2), (2, 3), (6, 2)])
def test_destroyed_and_remaining_buildings_are_counted(gone: int, masks: int) -> None:
    found, facts = rows_of(town(["destroyed"] * gone + ["no-damage"] * (6 - gone)))
    row = next(row for row in found if '"buildings"' in row["parameters"])
    assert len(row["masks"]) == masks
    counts = {v["text"] for step in row["steps"] for v in step["values"] if v["quantity"] == "components"}
    assert counts <= {"6", str(gone), str(6 - gone)}
    assert "6" in {value["text"] for value in row["answer_values"]}
    assert problems(row, facts) == []


def test_a_single_destroyed_building_is_singular() -> None:
    found, _ = rows_of(town(["destroyed"] + ["no-damage"] * 5))
    row = next(row for row in found if '"buildings"' in row["parameters"])
    assert [m["class_name"] for m in row["masks"] if not m["plural"]] == ["destroyed building"]


def number_of_the_summary(row: Row) -> None:
    row["answer"] = row["answer"].replace("66%", "67%")


def numbers_of_the_summary_dropped(row: Row) -> None:
    row["answer_values"] = []


def word_of_the_summary(row: Row) -> None:
    row["answer"] = row["answer"].replace("cropland", "water").replace("Cropland", "Water")


def number_of_a_step(row: Row) -> None:
    step = next(step for step in row["steps"] if step["values"])
    step["values"][0] |= {"text": "777", "value": 777.0}


def word_of_a_step(row: Row) -> None:
    step = next(step for step in row["steps"] if step["kind"] == "say")
    step["text"] = "No, " + step["text"]


def pixel_of_a_mask(row: Row) -> None:
    mask = decode(row["masks"][2]["rle"], (20, 20))
    mask[2, 2] = False
    row["masks"][2]["rle"] = encode(mask)


def mask_over_another(row: Row) -> None:
    row["masks"][2]["rle"] = row["masks"][1]["rle"]


@pytest.mark.parametrize(
    "forgery",
    [
        number_of_the_summary,
        numbers_of_the_summary_dropped,
        word_of_the_summary,
        number_of_a_step,
        word_of_a_step,
        pixel_of_a_mask,
        mask_over_another,
    ],
)
def test_a_forged_caption_is_found(forgery: Callable[[Row], None]) -> None:
    (row,), facts = rows_of(memory_scene([lake()]))
    before = copy.deepcopy(row)
    forgery(row)
    assert row != before, "the forgery changed nothing"
    row["text"] = trace_text(row["steps"], [m["t"] for m in row["masks"]], 1, row["answer"])
    row["id"] = content_id(row)
    assert problems(row, facts) != []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 50), st.integers(2, 5))
def test_no_caption_contradicts_its_masks(map_seed: int, seed: int, classes: int) -> None:
    """Shares that stand right after a class name in the summary are those of that class, counted anew."""
    rng = np.random.default_rng(map_seed)
    blocks = rng.integers(0, classes, (5, 6))
    drawn = np.kron(blocks, np.ones((5, 5), int))
    (row,), facts = rows_of(memory_scene([drawn]), seed)
    assert problems(row, facts) == []
    assert "{" not in row["text"] + row["question"]
    assert "  " not in row["text"]
    shares = {NAMES[n]: 100 * (drawn == n).mean() for n in range(classes)}
    listed = re.findall(rf"({'|'.join(NAMES)}) \((\d+(?:\.\d)?)%(?: of the frame)?\)(?:,| and |\.)", row["answer"])
    opening = row["answer"].split(". ")[0]
    for name, share in listed:
        if f"{name} ({share}%" in opening:
            assert float(share) == pytest.approx(shares[name], abs=0.051)
    for step in row["steps"]:
        for value in step["values"]:
            if value["quantity"] == "share":
                name = row["masks"][value["of"][0]]["class_name"]
                assert float(value["text"]) == pytest.approx(shares[name], abs=0.051)


def test_every_step_has_twenty_phrasings_all_different() -> None:
    for module in (asked, change, regions, scene, summary):
        for name, listed in vars(module).items():
            if name.isupper():
                assert len(set(listed)) == len(listed) >= 20, name


def test_maps_without_a_class_of_size_are_turned_down() -> None:
    facts = SceneFacts(memory_scene([lake()]))
    kinds = {type(one) for one in KIND.find(facts, FILTERS)}
    assert kinds == {Finding}
    few = SceneFacts(town(["destroyed", None, None, None, None, "no-damage"]))
    assert Rejected("caption", "too_few_buildings") in list(KIND.find(few, FILTERS))
