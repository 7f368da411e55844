"""Recipes: the same benchmark again, from the same sources; what differs is said; and joined folders verify."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import yaml
from make_scenes import make_scenes

from terrabench.asking.runner import run
from terrabench.building.build import build
from terrabench.building.joined import join
from terrabench.building.recipe_build import build_recipe
from terrabench.building.recipe_content import Content, RecipeError, content_of, differences
from terrabench.building.recipes import new_recipe, read_recipe, shipped_recipes, write_recipe
from terrabench.cli import main
from terrabench.items import Benchmark, BenchmarkError
from terrabench.scoring.scores import score
from terracot import io
from terracot.cli import main as terracot
from terracot.generate import source_spec
from terracot.io import MANIFEST, OutputError, read_json, write_manifest
from terracot.scenes import SourceError
from terracot.verify import verify

MADE = "{scenes: 24, size: 64, families: {landscape: 1.0}}"


@pytest.fixture(scope="module", autouse=True)
def _no_commit() -> Iterator[None]:
    """The manifest names the commit of a checkout; somebody may commit while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", "/nonexistent")
        io._git.cache_clear()
        yield
    io._git.cache_clear()


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("fields") / "scenes", count=20)


@pytest.fixture(scope="module")
def benches(fields: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("benches")
    build(source_spec("geotiff", str(fields)), folder / "fields", per_task=6)
    build(source_spec("procedural", MADE), folder / "made", per_task=6)
    return {"fields": folder / "fields", "made": folder / "made"}


@pytest.fixture(scope="module")
def recipe(benches: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "two.yaml"
    given = [argument for name, bench in benches.items() for argument in ("--from", f"{name}={bench}")]
    assert main(["recipe", "new", *given, "--out", str(path), "--about", "Two sources."]) == 0
    return path


@pytest.fixture(scope="module")
def joined(recipe: Path, fields: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the source under another name: a recipe may not know anybody's disk."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "another name"
    shutil.copytree(fields, elsewhere)
    out = tmp_path_factory.mktemp("joined") / "b"
    assert main(["build", "--recipe", str(recipe), f"fields={elsewhere}", "--out", str(out)]) == 0
    return out


def digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_recipe_makes_the_same_items_again_and_they_are_run_and_scored(joined, benches, recipe, tmp_path):
    ids = [item["id"] for item in Benchmark.open(joined).items]
    assert sorted(ids) == sorted(i["id"] for bench in benches.values() for i in Benchmark.open(bench).items)
    stated = yaml.safe_load(recipe.read_text())
    assert stated["expected"]["ids_sha256"] == hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    assert stated["expected"]["content_sha256"] == hashlib.sha256(recipe.with_suffix(".txt").read_bytes()).hexdigest()
    assert stated["settings"]["protocol"] == "strict"
    assert "path" not in stated["parts"]["fields"]
    manifest = read_json(joined / MANIFEST)
    assert manifest["name"] == "two"
    assert manifest["counts"]["items"] == len(ids)
    assert [part["name"] for part in manifest["parts"]] == ["fields", "made"]
    assert set(json.loads((joined / "audit.json").read_text())) == {"fields", "made"}
    assert "| fields | geotiff |" in (joined / "README.md").read_text()
    from terrabaselines.oracle import Oracle

    run(Benchmark.open(joined), Oracle(), "oracle", tmp_path / "run")
    assert score(tmp_path / "run")["micro_accuracy"] == 1.0


def test_a_joined_folder_verifies_with_all_its_sources(joined, fields, capsys):
    """Without places the part that makes its scenes is rebuilt all the same."""
    scenes = [part["counts"]["scenes"] for part in read_json(joined / MANIFEST)["parts"]]
    alone = verify(joined)
    assert alone.problems == []
    assert alone.checked["scenes rebuilt from source"] == scenes[1]
    both = verify(joined, options={"fields": str(fields)})
    assert both.problems == []
    assert both.checked["scenes rebuilt from source"] == sum(scenes)
    assert terracot(["verify", str(joined), "--source", str(fields)]) == 2
    assert "was joined of fields, made; say where each lies" in capsys.readouterr().err
    with pytest.raises(OutputError, match="joined of fields, made"):
        verify(joined, options={"feilds": str(fields)})


@pytest.mark.parametrize("part", ["fields", "made"])
def test_a_scene_taken_out_of_a_joined_part_is_found_by_its_source(joined, fields, tmp_path, part):
    """The shards of a later part bear other numbers than in its source's listing."""
    out = tmp_path / "harmed"
    shutil.copytree(joined, out)
    (entry,) = (e for e in read_json(out / MANIFEST)["parts"] if e["name"] == part)
    number = f"{entry['first_shard']:05d}"
    name = pq.read_table(out / "data" / f"scenes-{number}.parquet")["scene_id"][-1].as_py()
    for stem in ("items", "scenes"):
        path = out / "data" / f"{stem}-{number}.parquet"
        table = pq.read_table(path)
        keep = [row != name for row in table["scene_id"].to_pylist()]
        pq.write_table(table.filter(pa.array(keep)), path)
    manifest = read_json(out / MANIFEST)
    manifest.pop("files")
    write_manifest(out, manifest)
    problems = verify(out, options={"fields": str(fields)}).problems
    assert f"scene {name} follows from the source but is missing" in problems


def test_another_version_of_one_file_is_named(recipe, fields, tmp_path, capsys):
    """Same size, so that the listing looks the same: only what is computed from the pixels knows."""
    other = tmp_path / "scenes"
    shutil.copytree(fields, other)
    wanted = read_recipe(str(recipe)).content
    scene = next(name for name in sorted(wanted.scenes) if name.startswith("s0") and wanted.scenes[name][1])
    path = other / "image" / f"{scene}.tif"
    size = path.stat().st_size
    with rasterio.open(path, "r+") as file:
        pixels = file.read()
        pixels[0, 5, 5] ^= 1
        file.write(pixels)
    assert path.stat().st_size == size
    out = tmp_path / "out"
    call = ["build", "--recipe", str(recipe), f"fields={other}", "--out", str(out)]
    assert main([*call, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    items = len(wanted.scenes[scene][1])
    assert not found["same"]
    plural = "s" if items > 1 else ""
    assert [difference.split(":")[0] for difference in found["differences"]] == [
        "1 scene other than expected (images, labels, place or licence)",
        f"{items} item{plural} expected and not there",
        f"{items} item{plural} there and not expected",
    ]
    assert found["differences"][0].endswith(f": {scene}")
    assert all(f" of {scene}" in difference for difference in found["differences"][1:])
    assert read_json(out / MANIFEST)["name"] == "two (differs from its recipe)"
    assert main(call) == 1  # finished, and compared once more
    assert "it is not the benchmark two" in capsys.readouterr().err


def test_a_lost_file_changes_the_fingerprint_and_the_scenes(recipe, fields, tmp_path):
    other = tmp_path / "scenes"
    shutil.copytree(fields, other)
    read = read_recipe(str(recipe))
    lost = next(name for name in sorted(read.content.scenes) if name.startswith("s0"))
    (other / "label" / f"{lost}.tif").unlink()
    built = build_recipe(read, {"fields": str(other)}, tmp_path / "out")
    assert [note.split(":")[0] for note in built.notes] == ["fields"]
    assert "is another version, or not all of it is there: fingerprint" in built.notes[0]
    assert any(re.match(r"\d+ scenes? expected and not there: ", difference) for difference in built.differences)
    assert lost not in content_of([tmp_path / "out"]).scenes


def test_differences_are_counted_and_named():
    expected = Content({"a": ("1", ("x", "y")), "b": ("2", ("z",))}, {"area": 2, "boundary": 1}, {"test": 2})
    found = Content({"a": ("9", ("x", "w")), "c": ("3", ("v",))}, {"area": 3}, {"test": 1, "train": 1})
    assert differences(expected, expected) == []
    assert differences(expected, found) == [
        "area: 2 items expected, 3 found",
        "boundary: 1 items expected, 0 found",
        "1 scene expected and not there: b",
        "1 scene there and not expected: c",
        "1 scene other than expected (images, labels, place or licence): a",
        "2 items expected and not there: y of a, z of b",
        "2 items there and not expected: v of c, w of a",
        "scenes by split: {'test': 2} expected, {'test': 1, 'train': 1} found",
    ]


def test_killed_before_its_manifest_it_ends_with_the_same_bytes(recipe, fields, joined, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def dies(*_):
        raise KeyboardInterrupt

    read = read_recipe(str(recipe))
    for step in ("terrabench.building.joined.write_manifest", "terrabench.building.joined.read_json"):
        with monkeypatch.context() as patch:
            patch.setattr(step, dies)
            with pytest.raises(KeyboardInterrupt):
                build_recipe(read, {"fields": str(fields)}, out)
        assert not (out / MANIFEST).exists()
    assert build_recipe(read, {"fields": str(fields)}, out).differences == []
    names = [name for name in digest(joined) if name.startswith("data/")]
    assert {name: digest(out)[name] for name in names} == {name: digest(joined)[name] for name in names}
    assert not (out / ".work").exists()


def test_a_joined_benchmark_has_the_recipe_it_was_built_by(joined, recipe):
    again = new_recipe({"whatever": joined}, "two", "Two sources.")
    first = read_recipe(str(recipe))
    assert again.content == first.content
    assert again.settings == first.settings
    assert [replace(part, path=None) for part in again.parts] == [replace(part, path=None) for part in first.parts]


def test_places_that_are_missing_or_unknown_are_named_with_the_whole_command(recipe, tmp_path, capsys):
    for places in ([], ["feilds=x"], ["fields=x", "made=y"]):
        assert main(["build", "--recipe", str(recipe), *places, "--out", str(tmp_path / "out")]) == 2
        shown = capsys.readouterr().err
        assert "recipe two needs fields=PATH; given" in shown
        assert shown.count("\n") == 1
    assert main(["build", "--recipe", str(recipe), "geotiff", "path", "--out", str(tmp_path / "out")]) == 2
    assert "a source is given as SOURCE=PATH" in capsys.readouterr().err
    assert main(["build", "--recipe", "nobody", "--out", str(tmp_path / "out")]) == 2
    assert "no recipe 'nobody'; shipped are" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, t: (r.replace("about:", "abuot:"), t), "key about: expected this key"),
        (lambda r, t: (r.replace("  seed: 0", "  sede: 0"), t), "key settings.sede: expected one of seed, per_task"),
        (lambda r, t: (r.replace("source: geotiff", "source: geotif"), t), "key parts.fields.source: expected one of"),
        (
            lambda r, t: (r.replace("limit: 20", "limit: 0"), t),
            "key parts.fields.limit: expected a whole number from 1",
        ),
        (lambda r, t: (r, t[: t.rindex(" ")]), "do not belong together: .*content_sha256"),
        (lambda r, t: (r, t.replace("\t", " ", 1)), "is no list of scenes and items"),
        (lambda r, t: (r, None), "a recipe is a .yaml and a .txt file"),
        (lambda r, t: ("[", t), "cannot be read as YAML"),
    ],
)
def test_a_recipe_that_was_edited_is_refused(recipe, tmp_path, change, message):
    text, listed = change(recipe.read_text(), recipe.with_suffix(".txt").read_text())
    (tmp_path / "r.yaml").write_text(text)
    if listed is not None:
        (tmp_path / "r.txt").write_text(listed)
    with pytest.raises((RecipeError, SourceError), match=message):
        read_recipe(str(tmp_path / "r.yaml"))


def test_what_cannot_be_told_apart_is_not_joined(benches, tmp_path):
    shutil.copytree(benches["made"], tmp_path / "copy")
    with pytest.raises(BenchmarkError, match="a and b both have scene procedural-"):
        join({"a": benches["made"], "b": tmp_path / "copy"}, tmp_path / "out", "x", "plan")
    with pytest.raises(RecipeError, match=r"scene procedural-.* is there twice"):
        new_recipe({"a": benches["made"], "b": tmp_path / "copy"}, "x", "Twice the same.")
    build(source_spec("procedural", MADE), tmp_path / "seven", seed=7, per_task=6)
    with pytest.raises(BenchmarkError, match="fields and seven were built with another seed"):
        join({"fields": benches["fields"], "seven": tmp_path / "seven"}, tmp_path / "out", "x", "plan")
    with pytest.raises(RecipeError, match="fields and seven have other settings"):
        new_recipe({"fields": benches["fields"], "seven": tmp_path / "seven"}, "x", "Two seeds.")
    assert not (tmp_path / "out" / MANIFEST).exists()


def test_a_recipe_of_chosen_scenes_pins_them_by_name(fields, tmp_path):
    """Also what the leakage guard took away is not asked for again."""
    listed = source_spec("geotiff", str(fields)).open().ids()
    spec = replace(source_spec("geotiff", str(fields)), scenes=tuple(listed[::-1][:16]))
    build(spec, tmp_path / "some")
    recipe = new_recipe({"some": tmp_path / "some"}, "some", "Some scenes.")
    assert recipe.parts[0].scenes == tuple(listed[::-1][:16])
    write_recipe(recipe, tmp_path / "some.yaml")
    read = read_recipe(str(tmp_path / "some.yaml"))
    assert read == recipe
    assert build_recipe(read, {"some": str(fields)}, tmp_path / "again").differences == []
    assert verify(tmp_path / "again", options={"some": str(fields)}).problems == []
    without = tmp_path / "without"
    shutil.copytree(fields, without)
    for kind in ("image", "label"):
        (without / kind / f"{listed[-1]}.tif").unlink()
    with pytest.raises(SourceError, match=f"1 of 16 chosen scenes are not there, such as {listed[-1]}"):
        build_recipe(read, {"some": str(without)}, tmp_path / "out")


def test_scenes_that_the_guard_refused_are_left_out_by_the_recipe(fields, tmp_path):
    from terracot.dataset import generate

    generate(source_spec("geotiff", str(fields)), tmp_path / "train", limit=4)
    build(source_spec("geotiff", str(fields)), tmp_path / "guarded", not_in=[tmp_path / "train"])
    leaked = read_json(tmp_path / "guarded" / MANIFEST)["leaked"]
    assert leaked
    recipe = new_recipe({"f": tmp_path / "guarded"}, "guarded", "Guarded.")
    assert recipe.parts[0].leave_out == tuple(leaked)
    write_recipe(recipe, tmp_path / "guarded.yaml")
    built = build_recipe(read_recipe(str(tmp_path / "guarded.yaml")), {"f": str(fields)}, tmp_path / "again")
    assert (built.differences, built.notes) == ([], [])


def test_a_damaged_or_foreign_folder_has_no_recipe(benches, bench_path, tmp_path):
    with pytest.raises(RecipeError, match=r"was not made by `terrabench build`"):
        new_recipe({"x": bench_path}, "x", "Not ours.")
    shutil.copytree(benches["made"], tmp_path / "b")
    with (tmp_path / "b" / "README.md").open("r+b") as file:
        file.write(b"x")
    with pytest.raises(RecipeError, match=r"is damaged: README\.md changed"):
        new_recipe({"x": tmp_path / "b"}, "x", "Damaged.")


def test_recipe_list_names_all_that_are_shipped(capsys):
    assert main(["recipe", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert list(listed) == shipped_recipes()
    assert main(["recipe", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"{name}: " in shown for name in listed)
    assert "embedded" in listed


def test_content_knows_scenes_items_tasks_and_splits(benches):
    content = content_of([benches["fields"]])
    items = Benchmark.open(benches["fields"]).items
    assert set(content.ids) == {item["id"] for item in items}
    assert all(content.ids[item["id"]] == item["scene_id"] for item in items)
    assert sum(content.tasks.values()) == len(items)
