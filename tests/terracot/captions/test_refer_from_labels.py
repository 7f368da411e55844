"""Referring phrases from label maps: one row per class and date, in the form that stated phrases have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from make_scenes import memory_scene

from terracot.assembly import FILTERS, Plan
from terracot.captions.refer import REFER_KIND
from terracot.checks import check_row
from terracot.dataset import FOLDER
from terracot.findings import SceneFacts
from terracot.generate import shard_samples
from terracot.levels import Mix
from terracot.masks import decode, encode
from terracot.samples import content_id
from terracot.scenes import Instance, InstanceMap, Scene

ONLY_REFER = Plan(0, Mix(("refer",), {}, ("refer",)))


def rows_of(built: Scene) -> tuple[list[dict[str, Any]], SceneFacts]:
    facts = SceneFacts(built)
    (rows,) = shard_samples([facts], ONLY_REFER)
    return rows, facts


def drawn(small: int) -> np.ndarray:
    """Cropland (class 1) with ``small`` pixels of water (class 0)."""
    classes = np.ones((10, 10), int)
    classes.flat[:small] = 0
    return classes


def test_every_class_of_every_date_of_at_least_25_pixels_is_asked_for() -> None:
    rows, facts = rows_of(memory_scene([drawn(24), drawn(25)]))
    assert [(row["masks"][0]["t"], row["masks"][0]["class_name"]) for row in rows] == [
        (1, "cropland"),
        (2, "water"),
        (2, "cropland"),
    ]
    for row in rows:
        assert "the " + row["masks"][0]["class_name"] in row["question"]
        assert (row["kind"], row["level"], row["answer"], row["form"]) == ("refer", "refer", "", "open")
        assert row["text"].count("[SEG]") == 1
        assert list(check_row(row, facts.setting, facts.scene.shape, FOLDER.word)) == []
    assert len({row["id"] for row in rows}) == 3


@pytest.mark.parametrize(
    ("damage", "phrases"),
    [
        ([None, None, None], ["buildings"]),
        (["no-damage", "no-damage", "minor-damage"], ["buildings"]),
        (["destroyed", "destroyed", "no-damage"], ["destroyed buildings"]),
        (["destroyed", "destroyed", None], []),
    ],
)
def test_buildings_are_named_by_what_became_of_them(damage: list[str | None], phrases: list[str]) -> None:
    numbers = np.zeros((30, 30), np.int32)
    for n in range(3):
        numbers[2:8, 8 * n + 1 : 8 * n + 7] = n + 1
    built = memory_scene([np.ones((30, 30), int)])
    judged = tuple(Instance(n + 1, str(n), damage[n]) for n in range(3))
    object.__setattr__(built, "instances", (InstanceMap(1, judged, (30, 30), lambda: numbers),))
    rows, _ = rows_of(built)
    assert [row["masks"][0]["class_name"] for row in rows][1:] == phrases


@pytest.mark.parametrize("column", ["modality", "dates", "question", "masks", "form", "answer"])
def test_a_forged_row_is_found(column: str) -> None:
    rows, facts = rows_of(memory_scene([drawn(50)]))
    row = rows[0]
    forged = {
        "modality": "sar",
        "dates": 2,
        "question": "Segment the sea.",
        "form": "choice",
        "answer": "water",
        "masks": [row["masks"][0] | {"rle": encode(np.zeros((10, 10), bool))}],
    }
    assert decode(row["masks"][0]["rle"], (10, 10)).sum() == 50
    row[column] = forged[column]
    row["id"] = content_id(row)
    assert list(check_row(row, facts.setting, facts.scene.shape, FOLDER.word)) != []


def test_no_finding_is_made_of_a_few_pixels() -> None:
    found = REFER_KIND.findings(SceneFacts(memory_scene([drawn(10)])), FILTERS)
    assert [one.class_names for one in found] == [("cropland",)]
