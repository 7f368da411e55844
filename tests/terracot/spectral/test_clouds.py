"""Clouds over a pair of optical and SAR: what is hidden, what the trace says of it, and that no answer moves."""

from __future__ import annotations

import json

import numpy as np
import pytest
from make_bands import frame, problems_of, sar, scene, sentinel

from terracot.assembly import FILTERS, Asked, Plan, assemble
from terracot.findings import Finding, SceneFacts
from terracot.generate import sample_row, shard_samples
from terracot.levels import LEVELS, Mix, kinds
from terracot.plugins import EvidenceMask
from terracot.questions import ask
from terracot.questions.clouds import NAME, UNMENTIONED, clouds_over, hidden_on, in_view, seen_through, split
from terracot.questions.phrases import clouds as phrases
from terracot.rules import answer_from_masks
from terracot.samples import content_id
from terracot.shards import scene_row
from terracot.sources import open_source
from terracot.traces import Ground


def classes() -> np.ndarray:
    """Water in the 5 columns on the left, cropland on the right; the last row is not labelled."""
    found = np.ones((20, 20))
    found[:, :5] = 0
    found[-1] = 255
    return found


def clouded(columns: int, with_sar: bool = True) -> SceneFacts:
    """A pair with clouds over the first columns of the optical image."""
    hidden = np.zeros((20, 20), bool)
    hidden[:, :columns] = True
    frames = [frame(sentinel((20, 20)), hidden=hidden)] + ([sar((20, 20))] if with_sar else [])
    return SceneFacts(scene({1: classes()}, frames, names=("water", "cropland", "tree cover", "wetland")))


def of_class(facts: SceneFacts, class_id: int, kind: str = "coverage") -> Finding:
    return facts.finding(kind, (facts.region(1, class_id),), {"unit": "%"})


def test_the_trace_marks_the_clouds_and_says_why_sar_is_read() -> None:
    facts = clouded(2)
    plain = of_class(facts, 0)
    finding = seen_through(plain, facts)
    (cloud,) = finding.clouds
    assert (cloud.t, cloud.class_name, cloud.mask.sum()) == (1, "cloud or shadow", 38)  # 2 columns, 19 labelled rows
    assert finding.parameters["cloud"] == 1
    question = ask(finding, facts.setting, 0)
    grounded = [(n, step.mask) for n, step in enumerate(question.steps) if isinstance(step, Ground)]
    assert grounded == [(0, 0), (1, 1)]
    told = question.steps[2]
    # 38 of the 95 pixels of water: 40 %
    assert sorted(v.value for v in told.values) == [38, 40, 95]
    assert "SAR" in told.text
    assert question.answer == ask(plain, facts.setting, 0).answer == "25%"


def test_a_few_hidden_pixels_are_not_spoken_of() -> None:
    facts = clouded(2)
    assert seen_through(of_class(facts, 1), facts).clouds == ()  # the cropland is clear
    mask = np.zeros((20, 20), bool)
    mask[0, 1:] = mask[1, 2:] = mask[2, 2:] = True  # one hidden pixel of 55: 1.8 %
    assert clouds_over((EvidenceMask(1, "cropland", mask),), facts.valid, facts.views) == ()
    mask[2, 2:] = False  # one of 37: 2.7 %
    assert len(clouds_over((EvidenceMask(1, "cropland", mask),), facts.valid, facts.views)) == 1


def test_a_search_that_finds_nothing_goes_through_the_hidden_part() -> None:
    facts = clouded(2)
    finding = seen_through(of_class(facts, 3, "existence"), facts)
    question = ask(finding, facts.setting, 0)
    assert question.answer == "no"
    assert sorted(v.value for v in question.steps[2].values) == [10, 38, 380]  # of all 380 valid pixels


def test_without_sar_nothing_is_asked_of_hidden_land() -> None:
    facts = clouded(2, with_sar=False)
    assert seen_through(of_class(facts, 0), facts).clouds == ()
    assert not in_view(of_class(facts, 0), facts, FILTERS)  # 40 % of the water is hidden
    assert in_view(of_class(facts, 1), facts, FILTERS)
    assert not in_view(of_class(facts, 3, "existence"), facts, FILTERS)  # wetland may lie under the clouds
    asked = {tuple(one.finding.class_names) for one in assemble([facts], Plan(0, Mix(("l1",), {})))[0]}
    assert asked
    assert not any("water" in names for names in asked)


def test_what_any_optical_image_shows_is_not_hidden() -> None:
    left, right = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    left[:, :3] = right[:, 2:] = True
    frames = [frame(sentinel((4, 4)), hidden=left), frame(sentinel((4, 4)), hidden=right)]
    views = SceneFacts(scene({1: np.ones((4, 4))}, frames)).views
    hidden = hidden_on(views, 1)
    assert hidden is not None
    assert hidden.sum() == 4  # the third column
    silent = SceneFacts(scene({1: np.ones((4, 4))}, [frames[0], frame(sentinel((4, 4)))])).views
    assert hidden_on(silent, 1) is None


def test_every_date_has_its_own_clouds() -> None:
    hidden = np.zeros((20, 20), bool)
    hidden[:, :5] = True
    frames = [frame(sentinel((20, 20)), t=t, hidden=hidden) for t in (1, 2)] + [sar((20, 20), t) for t in (1, 2)]
    facts = SceneFacts(scene({1: classes(), 2: classes()}, frames))
    masks = (facts.region(1, 0), facts.region(2, 1))  # water on date 1, cropland on date 2
    clouds = clouds_over(masks, facts.valid, facts.views)
    assert [cloud.t for cloud in clouds] == [1]


def test_no_answer_of_any_kind_moves_when_clouds_are_marked() -> None:
    source = open_source(
        "procedural", "{scenes: 24, size: 96, cloud_share: 1, families: {landscape: 0.5, change: 0.5}}"
    )
    seen: set[str] = set()
    for scene_id in source.ids():
        facts = SceneFacts(source.load(scene_id))
        for kind in kinds().values():
            if kind.level in UNMENTIONED:
                continue
            for one in kind.findings(facts, FILTERS)[:3]:
                through = seen_through(one, facts)
                if not through.clouds or kind.name in seen:
                    continue
                seen.add(kind.name)
                evidence, clouds = split(through.recorded, through.parameters)
                again = answer_from_masks(
                    kind.name, evidence, facts.valid, facts.scene.ground, through.parameters, facts.views
                )
                assert (again, len(clouds)) == (one.truth, len(through.clouds)), kind.name
                plain, worded = ask(one, facts.setting, 3), ask(through, facts.setting, 3)
                assert (worded.text, worded.answer) == (plain.text, plain.answer), kind.name
                assert [s.mask for s in worded.steps if isinstance(s, Ground)] == list(range(len(through.recorded)))
    assert seen >= {"existence", "counting", "coverage", "area", "ranking", "boundary", "distance"} & set(kinds())
    assert len(seen) >= 15


def test_clouds_that_are_forged_or_left_out_are_found() -> None:
    facts = clouded(2)
    finding = seen_through(of_class(facts, 0), facts)
    row = sample_row(Asked(kinds()["coverage"], finding), facts, 0)
    stored = scene_row(facts)
    stored_row = json.loads(json.dumps(row))
    assert problems_of(facts.scene, stored_row, stored) == []
    moved = json.loads(json.dumps(row))
    moved["masks"][1]["rle"] = moved["masks"][0]["rle"]
    moved["id"] = content_id(moved)
    assert any("masks of clouds" in problem for problem in problems_of(facts.scene, moved, stored))
    silent = json.loads(json.dumps(sample_row(Asked(kinds()["coverage"], of_class(facts, 0)), facts, 0)))
    assert any("masks of clouds" in problem for problem in problems_of(facts.scene, silent, stored))
    for wrong in (7, "1", True, -1):
        odd = json.loads(json.dumps(row))
        odd["parameters"] = json.dumps({**json.loads(odd["parameters"]), "cloud": wrong})
        odd["id"] = content_id(odd)
        assert any("expected a position" in problem for problem in problems_of(facts.scene, odd, stored)), wrong


def test_levels_that_measure_or_describe_do_not_speak_of_clouds() -> None:
    assert set(UNMENTIONED) <= set(LEVELS)
    rows = shard_samples([clouded(2)], Plan(0, Mix(("refer", "l2-spectral"), {})))[0]
    assert rows
    assert not any(mask["class_name"] == NAME for row in rows for mask in row["masks"])


@pytest.mark.parametrize("name", ["MARKS", "OVER", "SEARCHED"])
def test_clouds_have_twenty_phrasings(name: str) -> None:
    lines = getattr(phrases, name)
    assert len(set(lines)) == len(lines) >= 20
    needed = ("{name}",) if name == "MARKS" else ("{hidden}", "{pixels}", "{share}", "{when}")
    assert all(slot in line for line in lines for slot in needed)
