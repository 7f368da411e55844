"""Verify must fail on forgeries: ten by hand, each with a manifest that was hashed again as a careful forger would."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_scenes import make_scenes

from terrabench.building.build import build
from terrabench.building.protocols import PAPER
from terracot.dataset import generate
from terracot.generate import source_spec
from terracot.io import MANIFEST, read_json, write_manifest
from terracot.masks import decode, encode
from terracot.samples import ITEM_SCHEMA, SAMPLE_SCHEMA, SCENE_SCHEMA, content_id
from terracot.traces import trace_text
from terracot.verify import verify

Row = dict[str, Any]
Forgery = Callable[[list[Row], list[Row]], None]


@pytest.fixture(scope="module")
def rasters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("rasters") / "scenes", count=30, dates=2)


@pytest.fixture(scope="module")
def samples(rasters: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("samples") / "set"
    generate(source_spec("geotiff", str(rasters)), out)
    return out


@pytest.fixture(scope="module")
def bench(rasters: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench") / "set"
    # of so few scenes the strict protocol finds no numeric options
    build(source_spec("geotiff", str(rasters)), out, protocol=PAPER)
    return out


def forged(folder: Path, tmp_path: Path, forgery: Forgery) -> Path:
    """A copy of a folder with rows changed by ``forgery`` and the manifest written again."""
    out = tmp_path / "forged"
    shutil.copytree(folder, out)
    stem, schema = (
        ("items", ITEM_SCHEMA) if (out / "data" / "items-00000.parquet").exists() else ("samples", SAMPLE_SCHEMA)
    )
    rows_path, scenes_path = out / "data" / f"{stem}-00000.parquet", out / "data" / "scenes-00000.parquet"
    rows, scenes = pq.read_table(rows_path).to_pylist(), pq.read_table(scenes_path).to_pylist()
    untouched = copy.deepcopy((rows, scenes))
    forgery(rows, scenes)
    assert (rows, scenes) != untouched, "the forgery changed nothing"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), rows_path)
    pq.write_table(pa.Table.from_pylist(scenes, schema=SCENE_SCHEMA), scenes_path)
    manifest = read_json(out / MANIFEST)
    manifest.pop("files")
    (out / MANIFEST).unlink()
    write_manifest(out, manifest)
    return out


def first(rows: list[Row], *kinds: str) -> Row:
    return next(row for row in rows if row["kind"] in kinds)


def sealed(row: Row) -> None:
    """Give a row the id of its new content, as a careful forger would."""
    row["id"] = content_id(row)


def respelled(row: Row) -> None:
    """Write the text form of the changed steps, then seal."""
    row["text"] = trace_text(row["steps"], [m["t"] for m in row["masks"]], 2, row["answer"])
    sealed(row)


def number_in_the_text(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area")
    say = next(step for step in row["steps"] if step["values"])
    say["text"] = say["text"].replace(say["values"][0]["text"], "777", 1)
    respelled(row)


def recorded_value(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area")
    value = next(step for step in row["steps"] if step["values"])["values"][0]
    value["value"] += 1
    sealed(row)


def number_in_text_and_record(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area")
    say = next(step for step in row["steps"] if step["values"])
    old = say["values"][0]["text"]
    say["values"][0] |= {"text": "777", "value": 777.0}
    say["text"] = say["text"].replace(old, "777", 1)
    respelled(row)


def pixel_of_a_mask(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area")
    size = tuple(row["masks"][0]["rle"]["size"])
    mask = decode(row["masks"][0]["rle"], size).copy()
    mask[tuple(np.argwhere(mask)[0])] = False
    row["masks"][0]["rle"] = encode(mask)
    sealed(row)


def frame_of_a_mask(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area", "counting", "localisation")
    row["masks"][0]["t"] = 3 - row["masks"][0]["t"]
    sealed(row)


def dropped_step(rows: list[Row], scenes: list[Row]) -> None:
    row = rows[0]
    row["steps"] = row["steps"][1:]
    respelled(row) if row["steps"][0]["kind"] == "say" else sealed(row)


def answer_of_a_sample(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "existence", "boundary")
    row["answer"] = row["truth"]["text"] = "no" if row["answer"] == "yes" else "yes"
    respelled(row)


def class_in_the_question(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area", "counting")
    row["question"] = row["question"].replace(row["masks"][0]["class_name"], "lava")
    sealed(row)


def crs_of_a_scene(rows: list[Row], scenes: list[Row]) -> None:
    scenes[0]["crs"] = "EPSG:32634"


def pixel_size_of_a_scene(rows: list[Row], scenes: list[Row]) -> None:
    scenes[0]["transform"] = [20.0 if v == 10.0 else v for v in scenes[0]["transform"]]


def pixels_of_a_scene(rows: list[Row], scenes: list[Row]) -> None:
    pixels = bytearray(scenes[0]["frames"][0]["pixels"])
    pixels[0] ^= 1
    scenes[0]["frames"][0]["pixels"] = bytes(pixels)


def added_sentence(rows: list[Row], scenes: list[Row]) -> None:
    rows[0]["steps"].append({"kind": "say", "text": "That is all.", "mask": None, "values": []})
    respelled(rows[0])


def unit_in_a_sentence(rows: list[Row], scenes: list[Row]) -> None:
    row = next(r for r in rows if any(" ha" in s["text"] or " m²" in s["text"] for s in r["steps"]))
    for step in row["steps"]:
        step["text"] = step["text"].replace(" ha", " km²").replace(" m²", " km²")
    respelled(row)


def negated_question(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "existence")
    row["question"] = row["question"].replace("any", "no")
    row["question"] = row["question"].replace("contain", "lack").replace("present", "absent").replace("seen", "missed")
    sealed(row)


def part_of_the_image(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "localisation")
    for step in row["steps"]:
        step["text"] = step["text"].replace(row["truth"]["text"], "far corner")
    respelled(row)


def masks_of_a_number(rows: list[Row], scenes: list[Row]) -> None:
    """Valid pixels are the same of every mask of a date, so only the words tell of which mask they were said."""
    for row in rows:
        for value in (value for step in row["steps"] for value in step["values"]):
            if value["quantity"] == "valid_pixels" and len(row["masks"]) == 1:
                value["of"] = [0, 0]
                return sealed(row)
    raise AssertionError("no number of valid pixels")


def unit_of_a_number(rows: list[Row], scenes: list[Row]) -> None:
    row = next(r for r in rows if any(v["unit"] == "px" for s in r["steps"] for v in s["values"]))
    next(v for s in row["steps"] for v in s["values"] if v["unit"] == "px")["unit"] = "count"
    sealed(row)


def unit_of_a_number_of_a_caption(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "caption")
    row["answer_values"][0]["unit"] += "x"
    sealed(row)


def mask_of_a_sentence(rows: list[Row], scenes: list[Row]) -> None:
    next(step for step in rows[0]["steps"] if step["kind"] == "say")["mask"] = 99
    sealed(rows[0])


def kind_of_a_step(rows: list[Row], scenes: list[Row]) -> None:
    next(step for step in rows[0]["steps"] if step["kind"] == "say")["kind"] = "thought"
    sealed(rows[0])


def template_of_a_row_of_the_templates(rows: list[Row], scenes: list[Row]) -> None:
    rows[0]["template_id"] = rows[0]["id"]
    sealed(rows[0])


def fewer_options(rows: list[Row], scenes: list[Row]) -> None:
    row = next(r for r in rows if len(r["options"]) == 4 and r["answer"] != "D")
    row["options"].pop()
    row["option_values"].pop()
    sealed(row)


def word_that_is_no_answer(rows: list[Row], scenes: list[Row]) -> None:
    row = next(r for r in rows if r["form"] == "choice" and r["kind"] in ("existence", "boundary", "larger"))
    row["options"]["BA".index(row["answer"])] = "perhaps"
    sealed(row)


def parameters_that_are_no_object(rows: list[Row], scenes: list[Row]) -> None:
    for row, text in zip(rows, ("", "[]", "null", "no JSON"), strict=False):
        row["parameters"] = text
        sealed(row)


def masks_that_are_null(rows: list[Row], scenes: list[Row]) -> None:
    for row in rows:
        row["masks"] = [None for _ in row["masks"]]
        sealed(row)


def masks_that_are_empty(rows: list[Row], scenes: list[Row]) -> None:
    for row in rows:
        for mask in row["masks"]:
            mask["rle"] = encode(np.zeros(mask["rle"]["size"], dtype=bool))
        sealed(row)


def id_of_a_row(rows: list[Row], scenes: list[Row]) -> None:
    rows[0]["id"] = "0" * 16


def nulls_in_scenes(rows: list[Row], scenes: list[Row]) -> None:
    scenes[0]["license"] = None
    scenes[1]["valid"] = None
    scenes[2]["frames"][0]["image"] = None
    scenes[3]["ground"]["dx_m"] = None


def stated_pixel_size(rows: list[Row], scenes: list[Row]) -> None:
    """Areas of rows of another size than the steps between pixels, on a scene without a georeference."""
    scenes[0] |= {"crs": None, "transform": None}
    scenes[0]["ground"] |= {"basis": "nominal", "dx_m": 31.0}


@pytest.mark.parametrize(
    ("forgery", "found"),
    [
        (number_in_the_text, "the text has the numbers"),
        (recorded_value, "measured"),
        (number_in_text_and_record, "measured"),
        (pixel_of_a_mask, "measured"),
        (frame_of_a_mask, r"\[SEG\]|text form|measured"),
        (dropped_step, "points at masks|text form"),
        (answer_of_a_sample, "answer is"),
        (class_in_the_question, "worded again"),
        (added_sentence, "worded again"),
        (unit_in_a_sentence, "worded again"),
        (negated_question, "worded again"),
        (part_of_the_image, "worded again"),
        (crs_of_a_scene, "does not follow from its CRS"),
        (pixel_size_of_a_scene, "does not follow from its CRS"),
        (pixels_of_a_scene, "sha256"),
        (id_of_a_row, "id does not follow"),
        (masks_of_a_number, "the numbers recorded are not those of its words"),
        (unit_of_a_number, "the numbers recorded are not those of its words"),
        (unit_of_a_number_of_a_caption, "the answer records the numbers"),
        (mask_of_a_sentence, "mask is 99, expected None"),
        (kind_of_a_step, "kind is 'thought', expected 'say'"),
        (template_of_a_row_of_the_templates, "expected both or none"),
        (fewer_options, "3 options, expected 4"),
        (word_that_is_no_answer, "options are"),
        (parameters_that_are_no_object, "cannot be checked: AttributeError"),
        (masks_that_are_null, "cannot be checked: TypeError"),
        (masks_that_are_empty, "measured"),
        (nulls_in_scenes, "cannot be checked: TypeError"),
        (stated_pixel_size, "not those of one stated pixel size"),
    ],
)
def test_a_forged_data_set_is_found_without_its_source(
    samples: Path, tmp_path: Path, forgery: Forgery, found: str
) -> None:
    import re

    report = verify(forged(samples, tmp_path, forgery))
    assert not report.ok
    assert any(re.search(found, problem) for problem in report.problems), report.problems


def moved_mask_with_everything_that_follows(rows: list[Row], scenes: list[Row]) -> None:
    """A mirrored mask keeps every number of a coverage trace: only the labels know better."""
    for row in rows:
        if row["kind"] in ("coverage", "area"):
            size = tuple(row["masks"][0]["rle"]["size"])
            mask = decode(row["masks"][0]["rle"], size)
            mirrored = encode(mask[:, ::-1])
            if mirrored != row["masks"][0]["rle"]:
                row["masks"][0]["rle"] = mirrored
                sealed(row)
                return


def dropped_sample(rows: list[Row], scenes: list[Row]) -> None:
    del rows[0]


@pytest.mark.parametrize("forgery", [moved_mask_with_everything_that_follows])
def test_consistent_forgeries_are_found_with_the_source(
    samples: Path, rasters: Path, tmp_path: Path, forgery: Forgery
) -> None:
    folder = forged(samples, tmp_path, forgery)
    assert verify(folder).ok, "this forgery is meant to be consistent in itself"
    report = verify(folder, str(rasters))
    assert any("source" in problem for problem in report.problems)


def test_a_sample_that_is_gone_is_missed(samples: Path, rasters: Path, tmp_path: Path) -> None:
    report = verify(forged(samples, tmp_path, dropped_sample), str(rasters))
    assert any("follows from the source but is missing" in problem for problem in report.problems)
    assert any("the manifest says" in problem for problem in report.problems)


def option_text_of_an_item(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage")
    wrong = "ABCD".replace(row["answer"], "")[0]
    position = "ABCD".index(wrong)
    row["options"][position] = "99%"
    row["candidates"] = json.dumps(dict(zip("ABCD", row["options"], strict=True)), ensure_ascii=False)
    sealed(row)


def answer_letter_of_an_item(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area")
    row["answer"] = "ABCD".replace(row["answer"], "")[0]
    sealed(row)


def candidates_of_an_item(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area")
    options = json.loads(row["candidates"])
    options["A"], options["B"] = options["B"], options["A"]
    row["candidates"] = json.dumps(options, ensure_ascii=False)
    sealed(row)


def truth_of_an_item(rows: list[Row], scenes: list[Row]) -> None:
    row = first(rows, "coverage", "area")
    row["truth"]["value"] *= 1.5
    sealed(row)


@pytest.mark.parametrize(
    ("forgery", "found"),
    [
        (option_text_of_an_item, "does not show its value"),
        (answer_letter_of_an_item, "the truth is"),
        (candidates_of_an_item, "candidates are not the lettered options"),
        (truth_of_an_item, "measured"),
        (pixel_of_a_mask, "measured"),
    ],
)
def test_a_forged_benchmark_is_found(bench: Path, tmp_path: Path, forgery: Forgery, found: str) -> None:
    report = verify(forged(bench, tmp_path, forgery))
    assert any(found in problem for problem in report.problems), report.problems


def distractor_of_the_ladder(rows: list[Row], scenes: list[Row]) -> None:
    """A distractor that is 1.4 times the truth instead of another item's value, consistent in itself."""
    row = first(rows, "coverage")
    position = (("ABCD".index(row["answer"])) + 1) % 4
    row["option_values"][position] = 1.4 * row["truth"]["value"]
    row["options"][position] = f"{round(1.4 * row['truth']['value']):,}%"
    row["candidates"] = json.dumps(dict(zip("ABCD", row["options"], strict=True)), ensure_ascii=False)
    sealed(row)


def answer_always_a(rows: list[Row], scenes: list[Row]) -> None:
    for row in rows:
        position = "ABCD".index(row["answer"])
        for column in ("options", "option_values"):
            row[column][0], row[column][position] = row[column][position], row[column][0]
        letters = "ABCD"[: len(row["options"])]
        row["candidates"] = json.dumps(dict(zip(letters, row["options"], strict=True)), ensure_ascii=False)
        row["answer"] = "A"
        sealed(row)


def stratum_of_an_item(rows: list[Row], scenes: list[Row]) -> None:
    rows[0]["stratum"] = "another"
    sealed(rows[0])


def deleted_item(rows: list[Row], scenes: list[Row]) -> None:
    del rows[-1]


@pytest.mark.parametrize(
    ("forgery", "found"),
    [
        (distractor_of_the_ladder, "does not follow from the source"),
        (answer_always_a, "does not follow from the source"),
        (stratum_of_an_item, "does not follow from the source"),
        (deleted_item, "follows from the source but is missing"),
    ],
)
def test_options_are_drawn_again_when_the_source_is_given(
    bench: Path, rasters: Path, tmp_path: Path, forgery: Forgery, found: str
) -> None:
    report = verify(forged(bench, tmp_path, forgery), str(rasters))
    assert any(found in problem for problem in report.problems), report.problems


def test_what_was_not_forged_passes(samples: Path, bench: Path, rasters: Path) -> None:
    for folder, scenes in ((samples, 21), (bench, 10)):
        report = verify(folder, str(rasters))
        assert report.problems == []
        assert report.checked["masks"] > 20
        assert report.checked["scenes rebuilt from source"] >= scenes


def test_a_changed_file_is_found_by_its_hash(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(samples, out)
    (out / "README.md").write_text("something else")
    assert any("README.md changed" in problem for problem in verify(out).problems)


def test_procedural_scenes_are_always_made_again(tmp_path: Path) -> None:
    generate(source_spec("procedural", "{scenes: 3, size: 64}"), tmp_path / "set")
    report = verify(tmp_path / "set")
    assert report.ok
    assert report.checked["scenes rebuilt from source"] == 3
    bad = verify(forged(tmp_path / "set", tmp_path, moved_label_free_pixels))
    assert any("differs from the source" in problem for problem in bad.problems)


def moved_label_free_pixels(rows: list[Row], scenes: list[Row]) -> None:
    scenes[0]["attribution"] = "somebody else"
