"""The benchmark that comes with the package: whole, small, scored without anything else, and rebuilt by its recipe."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from terrabench.building.build import build
from terrabench.building.recipe_content import content_of, differences
from terrabench.building.recipes import read_recipe, shipped_recipes
from terrabench.cli import main
from terrabench.items import APART, EMBEDDED, TASKS, Benchmark
from terracot.io import MANIFEST, check_manifest, read_json


@pytest.fixture(scope="module")
def bench() -> Benchmark:
    return Benchmark.open("embedded")


def test_it_is_opened_by_its_name_wherever_one_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--bench", "embedded", "--model", "oracle", "--out", "run", "--quiet"]) == 0
    assert main(["score", "run", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["micro_accuracy"] == 1.0
    assert scores["mean_iou"] == 1.0
    assert scores["macro6"] == 1.0
    assert scores["bench"]["name"] == "embedded"


def test_its_files_are_those_of_its_manifest_and_small(bench):
    assert check_manifest(EMBEDDED) == []
    assert sum(path.stat().st_size for path in EMBEDDED.rglob("*") if path.is_file()) < 4_000_000


def test_it_holds_every_task_on_two_sizes_and_both_words_equally_often(bench):
    tasks = Counter(item["task"] for item in bench.items)
    assert set(tasks) == {*TASKS, *APART}
    assert 60 <= len(bench) <= 100
    assert {bench.shape(item) for item in bench.items} == {(64, 64), (96, 96)}
    outcomes = defaultdict(Counter)
    for item in bench.items:
        if item["task"] in ("ranking", "boundary"):
            outcomes[item["stratum"]][item["truth"]["text"]] += 1
    assert all(len(counts) == 2 and len(set(counts.values())) == 1 for counts in outcomes.values())
    assert all(item["protocol"] == "strict" for item in bench.items)


def test_it_holds_what_its_recipe_lists():
    assert "embedded" in shipped_recipes()
    recipe = read_recipe("embedded")
    assert differences(recipe.content, content_of([EMBEDDED])) == []
    assert recipe.asked == []
    assert read_json(EMBEDDED / MANIFEST)["counts"]["tasks"] == recipe.content.tasks | {
        task: 0 for task in read_json(EMBEDDED / MANIFEST)["counts"]["tasks"] if task not in recipe.content.tasks
    }


def test_a_part_of_it_is_built_again_item_by_item(bench, tmp_path):
    """Who changes what items are has to build it again: `terrabench build --recipe embedded --out DIR` says so."""
    recipe = read_recipe("embedded")
    part = recipe.parts[-1]
    build(part.spec({}), tmp_path / "part", limit=part.limit, workers=2, **recipe.settings)
    (entry,) = (e for e in read_json(EMBEDDED / MANIFEST)["parts"] if e["name"] == part.name)
    made = content_of([tmp_path / "part"])
    assert len(made.ids) == entry["counts"]["items"] > 0
    assert {name: recipe.content.scenes[name] for name in made.scenes} == made.scenes


def test_shipped_recipes_can_be_read_and_hold_no_path():
    for name in shipped_recipes():
        recipe = read_recipe(name)
        assert recipe.content.ids
        assert all(part.path is None or part.path.startswith("{") for part in recipe.parts)
        assert not any(Path(str(value)).is_absolute() for part in recipe.parts for _, value in part.options)
