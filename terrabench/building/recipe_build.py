"""Building a benchmark by its recipe: every part by itself, then joined, and compared with what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import terracot
from terrabench.building.build import build
from terrabench.building.joined import join
from terrabench.building.recipe_content import content_of, differences
from terrabench.building.recipes import Recipe
from terracot.dataset import Summary, summary
from terracot.pipeline import WORK, fingerprint, working_on


@dataclass(frozen=True)
class Built:
    """A finished folder, how it differs from its recipe, and what is worth knowing although it changed nothing."""

    summary: Summary
    differences: list[str]
    notes: list[str]


def build_recipe(
    recipe: Recipe, places: Mapping[str, str], out: Path, workers: int = 1, progress: bool = False
) -> Built:
    """Build a recipe in ``out`` from sources at ``places``; resumes what an earlier, killed call began.

    A folder that differs from its recipe is complete all the same, and does not bear the recipe's name.
    ``RecipeError`` for missing places, ``SourceError`` for sources that cannot be read.
    """
    recipe.check_places(places)
    specs = {part.name: part.spec(places) for part in recipe.parts}
    opened = {name: spec.open() for name, spec in specs.items()}
    notes = []
    if recipe.version != terracot.__version__:
        notes.append(
            f"the recipe was written by version {recipe.version} and this is {terracot.__version__}; ids hold the "
            f"version, so install terrascope-bench=={recipe.version} to get the same items"
        )
    for part in recipe.parts:
        found = opened[part.name].fingerprint()
        if found != part.fingerprint:
            notes.append(
                f"{part.name}: the source at {specs[part.name].path} is another version, or not all of it is there: "
                f"fingerprint {part.fingerprint[:16]} expected, {found[:16]} found"
            )
    identity = {"job": "recipe", "settings": dict(recipe.settings), "content": recipe.content.expected()}
    listed = [f"{part.name} {part} {opened[part.name].fingerprint()}" for part in recipe.parts]
    plan = fingerprint(identity, "", listed)
    with working_on(out, plan) as finished:
        if finished:
            wrong = differences(recipe.content, content_of([out]))
        else:
            folders = {}
            for part in recipe.parts:
                folders[part.name] = out / WORK / "parts" / part.name
                chosen, folder = part.chosen(specs[part.name]), folders[part.name]
                build(chosen, folder, limit=part.limit, workers=workers, progress=progress, **recipe.settings)
            wrong = differences(recipe.content, content_of(folders.values()))
            join(folders, out, recipe.name if not wrong else f"{recipe.name} (differs from its recipe)", plan)
    return Built(summary(out), wrong, notes)
