"""The reader of benchmark folders: nothing secret in a prompt, pixels bounded in memory, clear errors."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_bench import HEIGHT, LABELLED, WIDTH, make_bench

from terrabench import items
from terrabench.items import TASKS, Benchmark, BenchmarkError
from terracot.io import write_manifest


def by_task(bench, task):
    return next(item for item in bench.items if item["task"] == task)


def test_all_tasks_are_read_in_stored_order_without_pictures(bench):
    assert {item["task"] for item in bench.items} == set(TASKS)
    assert len(bench) == len({item["id"] for item in bench.items})
    assert [i["id"] for i in bench.items] == [name for name, _ in bench.pictures()]
    assert all("image" not in item for item in bench.items)


def test_a_prompt_has_frames_ground_and_options_on_one_grid(bench):
    item = by_task(bench, "building_change")
    prompt = bench.prompt(item, run_seed=0)
    assert prompt.shape == (HEIGHT, WIDTH)
    assert [f.t for f in prompt.frames] == [1, 2]
    assert prompt.options == tuple(item["options"])
    assert prompt.frames[0].image.dtype == np.uint8
    stored = bench.scene(item["scene_id"])["frames"][1]
    assert prompt.frames[1].native().shape == (4, HEIGHT, WIDTH)
    assert prompt.frames[1].native().tobytes() == stored["pixels"]


def test_a_prompt_gives_nothing_away(bench):
    """Neither the item's id, nor its answer, nor names that could be looked up in a public label set."""
    allowed = {
        "id",
        "frames",
        "ground",
        "question",
        "options",
        "valid",
        "instruction",
    }  # valid: labelled at all, whatever the class
    for item in bench.items:
        prompt = bench.prompt(item, run_seed=3)
        assert {f.name for f in dataclasses.fields(prompt)} == allowed
        shown = " ".join([prompt.id, prompt.ground.origin, *[f.id for f in prompt.frames]])
        assert item["id"] not in shown
        assert item["scene_id"] not in shown
        assert "secret-patch-name" not in shown


def test_prompt_ids_differ_between_items_and_between_run_seeds(bench):
    ids = {bench.prompt(item, seed).id for item in bench.items for seed in (0, 1)}
    assert len(ids) == 2 * len(bench)


def test_a_reference_model_sees_masks_and_rule_but_not_the_answer(bench):
    item = by_task(bench, "coverage")
    seen = bench.privileged(item, run_seed=0)
    assert seen.parameters == {"unit": "%"}  # the stored parameters also hold a note and the true value
    assert seen.prompt.valid[1].sum() == LABELLED * WIDTH
    share = 100 * seen.evidence[0].mask.sum() / seen.prompt.valid[1].sum()
    assert share == pytest.approx(item["truth"]["value"])
    assert {f.name for f in dataclasses.fields(seen)} == {"prompt", "task", "evidence", "parameters"}


def test_scenes_are_read_by_row_group_and_few_are_kept(bench_path, monkeypatch):
    bench = Benchmark.open(bench_path)
    monkeypatch.setattr(items, "_CACHED_SCENES", 2)
    read = []
    original = pq.ParquetFile.read_row_group
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda self, g, **k: read.append(g) or original(self, g, **k))
    for item in sorted(bench.items, key=bench.place):
        bench.scene(item["scene_id"])
        assert len(bench._scenes) <= 2
    assert read == [0, 1, 2, 3, 4]  # nine scenes in groups of two, each group once


@pytest.fixture
def own(tmp_path):
    return make_bench(tmp_path / "bench", scenes=3)


def rewrite(path, change):
    table = pq.read_table(path / "data" / "items-00000.parquet")
    pq.write_table(change(table), path / "data" / "items-00000.parquet")
    (path / "manifest.json").unlink()
    write_manifest(path, {})


def first_row(table, **values):
    rows = table.to_pylist()
    rows[0].update(values)
    return pa.Table.from_pylist(rows, schema=table.schema)


def test_an_unfinished_folder_is_refused_with_the_way_out(own):
    (own / "manifest.json").unlink()
    with pytest.raises(BenchmarkError, match=r"has no manifest\.json.*run the same `terrabench build`"):
        Benchmark.open(own)


def test_a_missing_folder_a_file_and_a_lost_table_are_refused(own, tmp_path):
    with pytest.raises(BenchmarkError, match="is not a folder"):
        Benchmark.open(tmp_path / "absent")
    (own / "data" / "scenes-00000.parquet").unlink()
    with pytest.raises(BenchmarkError, match=r"scenes-00000\.parquet is missing"):
        Benchmark.open(own)


def test_a_truncated_table_is_noticed_at_once(own):
    path = own / "data" / "items-00000.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BenchmarkError, match=r"items-00000\.parquet changed"):
        Benchmark.open(own)


def test_a_table_damaged_without_a_change_of_size_names_its_file(own):
    path = own / "data" / "items-00000.parquet"
    path.write_bytes(bytes(len(path.read_bytes())))
    with pytest.raises(BenchmarkError, match=r"items-00000\.parquet cannot be read"):
        Benchmark.open(own)


def test_missing_and_wrong_columns_are_named(own):
    rewrite(own, lambda table: table.drop_columns(["masks", "truth"]))
    with pytest.raises(BenchmarkError, match="lacks the columns masks, truth"):
        Benchmark.open(own)


def test_a_column_of_another_type_is_named(own):
    rewrite(own, lambda t: t.set_column(t.schema.get_field_index("answer"), "answer", pa.array([1] * len(t))))
    with pytest.raises(BenchmarkError, match="column answer should be string, found int64"):
        Benchmark.open(own)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"answer": "E"}, "has the answer 'E' to 4 options"),
        ({"answer": None}, "has the answer None"),
        ({"task": "poetry"}, "unknown task 'poetry'"),
        ({"scene_id": "nowhere"}, "belongs to scene nowhere"),
        ({"id": "scene-0-000-1"}, "appears twice"),
    ],
)
def test_items_that_would_silently_leave_the_denominator_are_refused(own, values, message):
    rewrite(own, lambda table: first_row(table, **values))
    with pytest.raises(BenchmarkError, match=message):
        Benchmark.open(own)


def test_a_damaged_mask_names_the_item(own):
    mask = [{"t": 1, "class_name": "water", "rle": {"size": [HEIGHT, WIDTH], "counts": "00"}}]
    rewrite(own, lambda table: first_row(table, masks=mask))
    bench = Benchmark.open(own)
    with pytest.raises(BenchmarkError, match="scene-0-000-0: RLE runs sum to 0"):
        bench.evidence(bench.items[0])


def test_the_manifest_hash_tells_two_benchmarks_apart(own, tmp_path):
    other = make_bench(tmp_path / "other", scenes=3, seed=1)
    again = make_bench(tmp_path / "again", scenes=3)
    assert Benchmark.open(own).manifest_sha256 == Benchmark.open(again).manifest_sha256
    assert Benchmark.open(own).manifest_sha256 != Benchmark.open(other).manifest_sha256
    assert json.loads((own / "manifest.json").read_text())["items"] == len(Benchmark.open(own))
