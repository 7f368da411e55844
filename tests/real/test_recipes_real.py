"""Recipes of real sets make the very same items again, wherever the set lies."""

from __future__ import annotations

import pytest

from terrabench.building.recipe_build import build_recipe
from terrabench.building.recipes import read_recipe
from terracot.verify import verify

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", ["terramind_tiles", "amazon_forest", "rsvqa_lr", "hls_worldcover", "ombria_flood"])
def test_a_real_set_gives_the_items_of_its_recipe(real_data, tmp_path, name):
    place = tmp_path / "under another name"
    place.symlink_to(real_data / name)
    recipe = read_recipe(name)
    built = build_recipe(recipe, {name: str(place)}, tmp_path / "bench", workers=2)
    assert (built.differences, built.notes) == ([], [])
    if len(recipe.content.ids) < 50:
        assert verify(tmp_path / "bench", options={name: str(place)}).problems == []
