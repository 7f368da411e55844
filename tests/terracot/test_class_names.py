"""Singular or plural: every class name that is shipped, decided one by one, so that no sentence has the wrong verb."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tiny_rasters import opened, two_scenes

import terracot.sources
from terracot.grammar import agreeing, looks_plural
from terracot.scenes import Legend, LegendClass
from terracot.sources.corine import LEVEL_3
from terracot.sources.layout import SHIPPED
from terracot.sources.layout_yaml import read_layout

SINGULAR = {
    "agricultural land with significant areas of natural vegetation",
    "arable land",
    "artificial surface",
    "bare ground",
    "bare land",
    "bare or sparse vegetation",
    "barren ground",
    "broad-leaved forest",
    "building cover",
    "building cover with major damage",
    "building cover with minor damage",
    "built-up area",
    "clear land",
    "cloud",
    "cloud shadow",
    "coniferous forest",
    "cropland",
    "cultivated land",
    "damaged building cover",
    "debris",
    "destroyed building cover",
    "developed area",
    "flood water",
    "flooded vegetation",
    "forest",
    "grass",
    "grassland",
    "ground without buildings",
    "herbaceous wetland",
    "intact building cover",
    "mixed forest",
    "open water",
    "permanent water",
    "rangeland",
    "road surface",
    "shrubland",
    "snow",
    "tree cover",
    "undamaged building cover",
    "unflooded surface",
    "unforested surface",
    "urban fabric",
    "water",
    "wetland",
}
PLURAL = {
    "agro-forestry areas",
    "beaches, dunes and sands",
    "coastal wetlands",
    "complex cultivation patterns",
    "industrial or commercial units",
    "inland waters",
    "inland wetlands",
    "mangroves",
    "marine waters",
    "moors, heathland and sclerophyllous vegetation",
    "moss and lichen",
    "natural grassland and sparsely vegetated areas",
    "pastures",
    "permanent crops",
    "shrub and grass",
    "shrub and scrub",
    "snow and ice",
    "transitional woodland and shrub",
}
CORINE_SINGULAR = {
    "agricultural land with significant areas of natural vegetation",
    "bare rock",
    "broad-leaved forest",
    "coniferous forest",
    "continuous urban fabric",
    "discontinuous urban fabric",
    "mixed forest",
    "natural grassland",
    "non-irrigated arable land",
    "permanently irrigated land",
    "sclerophyllous vegetation",
}


def shipped_legends() -> Iterator[Legend]:
    """Legends of every module of ``terracot.sources``, and of every layout that is shipped."""
    for module in pkgutil.walk_packages(terracot.sources.__path__, "terracot.sources."):
        for value in vars(importlib.import_module(module.name)).values():
            several = value.values() if isinstance(value, dict) else (value,)
            yield from (one for one in several if isinstance(one, Legend))
    for path in SHIPPED.glob("*.yaml"):
        yield from (label.legend for label in read_layout(path).labels)


def test_every_shipped_class_name_is_decided_and_takes_the_verb_decided_for_it() -> None:
    found = {(c.name, c.is_plural) for legend in shipped_legends() for c in legend.classes}
    assert found == {(name, False) for name in SINGULAR} | {(name, True) for name in PLURAL}


def test_names_of_corine_level_3_take_the_right_verb() -> None:
    assert {c.name for c in LEVEL_3 if not looks_plural(c.name)} == CORINE_SINGULAR
    assert len(LEVEL_3) == 44


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("areas with trees", True),
        ("area with trees and shrubs", False),
        ("ground without buildings", False),
        ("Roads (paved)", True),
        ("grass", False),
        ("cactus", False),
        ("debris", False),
        ("land under crops", False),
        ("and", False),
        ("", False),
    ],
)
def test_look_of_a_name(name: str, plural: bool) -> None:
    assert looks_plural(name) is plural


def test_a_stated_number_goes_before_the_look_of_the_name() -> None:
    assert LegendClass(0, "cattle", (1,), plural=True).is_plural
    assert not LegendClass(0, "gas works", (1,), plural=False).is_plural


@pytest.mark.parametrize("stated", [True, False, None])
def test_layout_states_the_number_of_a_class(tmp_path: Path, stated: bool | None) -> None:
    def change(layout: dict[str, object]) -> None:
        legend = layout["legend"]
        assert isinstance(legend, dict)
        legend["classes"][0] |= {"name": "gas works"} if stated is None else {"name": "gas works", "plural": stated}

    source = opened(two_scenes(tmp_path), change)
    scene = source.load(source.ids()[0])
    first = scene.labels[0].legend.classes[0]
    assert first.plural is stated
    assert first.is_plural is (stated is not False)
    assert "gas works" in yaml.safe_dump(scene.labels[0].legend.codes())


@pytest.mark.parametrize("forms", ["is", "is|are|be", ""])
def test_a_slot_with_other_than_two_forms_is_refused(forms: str) -> None:
    with pytest.raises(ValueError, match=r"expected singular\|plural"):
        agreeing(forms, plural=False)
