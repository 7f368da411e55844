"""What a map cannot say is not asked, and what only the map says is asked of the map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_scenes import memory_scene

from terracot.assembly import Asked
from terracot.checks import check_row, scene_setting
from terracot.dataset import FOLDER
from terracot.findings import Finding, Rejected, SceneFacts, find
from terracot.generate import sample_row
from terracot.ground import GroundSampling
from terracot.levels import kind_named
from terracot.questions import ask
from terracot.rules import Filters
from terracot.scenes import MapLimits, Scene, SourceError
from terracot.shards import scene_row

CORINE = MapLimits(min_patch_m2=250_000, min_distance_m=400, according_to="the CORINE land-cover map")


def scene(limits: MapLimits, dates: int = 1) -> Scene:
    """60 x 60 pixels of 100 m2: two lakes of 30 x 8 = 240 pixels (2.4 ha), a wood of 50 x 20 = 1,000 (10 ha)."""
    classes = np.ones((60, 60), np.uint8)
    classes[5:35, 0:8] = 0
    classes[5:35, 16:24] = 0
    classes[5:55, 40:60] = 2
    made = memory_scene([classes] * dates)
    return replace(made, labels=tuple(replace(label, limits=limits) for label in made.labels))


def reasons(kind: str, limits: MapLimits) -> list[str]:
    return [f.reason for f in find(kind, SceneFacts(scene(limits)), Filters()) if isinstance(f, Rejected)]


def asked(kind: str, limits: MapLimits) -> list[tuple[str, ...]]:
    return [f.class_names for f in find(kind, SceneFacts(scene(limits)), Filters()) if isinstance(f, Finding)]


def test_areas_below_the_mapping_unit_are_not_asked() -> None:
    # Water 2 x 240 x 100 m2 = 4.8 ha, trees 10 ha, cropland 36 - 14.8 = 21.2 ha.
    assert asked("area", MapLimits()) == [("water",), ("cropland",), ("tree cover",)]
    assert asked("area", MapLimits(min_patch_m2=48_000)) == [("water",), ("cropland",), ("tree cover",)]
    assert asked("area", MapLimits(min_patch_m2=48_100)) == [("cropland",), ("tree cover",)]
    assert asked("area", CORINE) == []  # all below 25 ha
    assert reasons("area", CORINE).count("below_mapping_unit") == 3


def test_patches_are_not_counted_when_one_is_below_the_mapping_unit() -> None:
    # Each lake has 240 pixels of 100 m2.
    assert asked("counting", MapLimits(min_patch_m2=24_000)) == [("water",)]
    assert asked("counting", MapLimits(min_patch_m2=24_001)) == []


def test_distances_below_the_precision_of_the_map_are_not_asked() -> None:
    # Columns 23 and 40 are 17 pixels of 10 m apart.
    assert asked("distance", MapLimits(min_distance_m=170)) == [("water", "tree cover")]
    assert asked("distance", MapLimits(min_distance_m=171)) == []
    assert "below_map_precision" in reasons("distance", MapLimits(min_distance_m=171))


def test_shares_are_asked_of_the_map() -> None:
    assert asked("coverage", CORINE) == [("water",), ("cropland",), ("tree cover",)]


@pytest.mark.parametrize("kind", ["coverage", "boundary", "existence", "distance"])
def test_questions_name_the_map_on_scenes_of_one_date_and_of_several(kind: str) -> None:
    limits = MapLimits(according_to="the CORINE land-cover map")
    texts = set()
    for dates in (1, 2):
        facts = SceneFacts(scene(limits, dates))
        for finding in find(kind, facts, Filters()):
            for seed in range(12 if isinstance(finding, Finding) else 0):
                assert isinstance(finding, Finding)
                text = ask(finding, facts.setting, seed).text
                assert text.startswith("According to the CORINE land-cover map, ")
                assert ("image 1" in text or "image 2" in text) is (dates == 2)
                assert "{" not in text
                texts.add(text)
    assert len(texts) > 4


def test_a_stored_question_that_hides_its_map_is_found() -> None:
    facts = SceneFacts(scene(CORINE))
    finding = next(f for f in find("coverage", facts, Filters()) if isinstance(f, Finding))
    row, stored = sample_row(Asked(kind_named("coverage"), finding), facts, 0), scene_row(facts)
    assert list(check_row(row, scene_setting(stored), (60, 60), FOLDER.word)) == []
    for valid in stored["valid"]:
        valid["according_to"] = None
    problems = list(check_row(row, scene_setting(stored), (60, 60), FOLDER.word))
    assert any("worded again" in problem for problem in problems)


def test_unknown_pixel_size_leaves_the_mapping_unit_out_of_it() -> None:
    made = replace(scene(CORINE), ground=GroundSampling.unknown())
    kinds = {f.kind for f in find("counting", SceneFacts(made), Filters()) if isinstance(f, Finding)}
    assert kinds == {"counting"}


def test_the_name_of_a_map_has_no_digits_since_every_number_is_measured() -> None:
    with pytest.raises(SourceError, match="without digits"):
        MapLimits(according_to="CORINE 2018")
