"""The published table as a benchmark: what is read out of it, what is refused, and that no row gets lost."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_bench import png

from terrabench.asking.runner import run
from terrabench.cli import main
from terrabench.items import Benchmark, BenchmarkError
from terrabench.published import task_of
from terrabench.scoring.results import item_results
from terrabench.scoring.scores import score
from terracot.plugins import Response
from terracot.samples import ITEM_SCHEMA

OPTIONS = {"A": "12%", "B": "25%", "C": "37%", "D": "50%"}


def picture(seed: int, height: int = 6, width: int = 8) -> bytes:
    return png(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def row(number: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "image": {"bytes": picture(number // 2), "path": f"{number // 2}.png"},
        "question": f"How much is water, asked {number}?",
        "candidates": json.dumps(OPTIONS),
        "answer": "B",
        "task_type": "coverage_percentage",
        **changed,
    }


def write(path: Path, rows: list[dict[str, Any]], **types: pa.DataType) -> Path:
    columns = {name: pa.array([r[name] for r in rows], types.get(name)) for name in rows[0]}
    pq.write_table(pa.table(columns), path, row_group_size=3)
    return path


class AlwaysB:
    """Answers B, and checks what it is given."""

    def respond(self, prompts):
        assert all(p.frames[0].image.shape == (6, 8, 3) and not p.ground.known for p in prompts)
        assert all((p.frames[0].native() == p.frames[0].image.transpose(2, 0, 1)).all() for p in prompts)
        return [Response("<answer>B</answer>") for _ in prompts]


def test_the_table_is_run_and_scored_and_iou_is_null_and_never_zero(tmp_path, capsys):
    answers = "BABBCBB"
    rows = [row(n, answer=letter) for n, letter in enumerate(answers)]
    two = {"A": "Yes", "B": "No"}
    rows.append(row(7, candidates=json.dumps(two), task_type="boundary_detection"))
    rows.append(row(8, candidates=json.dumps(two), task_type="boundary_detection", answer="A"))
    table = write(tmp_path / "terrascope_bench.parquet", rows)
    bench = Benchmark.open(table)
    assert run(bench, AlwaysB(), "b", tmp_path / "run", batch_size=4)["complete"]
    scores = score(tmp_path / "run")
    assert scores["tasks"]["coverage"]["n"] == 7
    assert scores["tasks"]["coverage"]["accuracy"] == pytest.approx(5 / 7)
    assert scores["tasks"]["coverage"]["chance"] == 0.25
    assert scores["tasks"]["boundary"]["accuracy"] == 0.5
    assert scores["micro_accuracy"] == pytest.approx(6 / 9)
    assert scores["macro_accuracy"] == pytest.approx((5 / 7 + 1 / 2) / 2)
    assert scores["mean_iou"] is None
    assert scores["tasks"]["coverage"]["mean_iou"] is None
    assert scores["iou_measurable"] is False
    assert main(["score", str(tmp_path / "run")]) == 0
    assert "IoU: not measurable, the benchmark has no masks" in capsys.readouterr().out


def test_masks_of_a_model_earn_nothing_where_there_is_no_truth(tmp_path):
    from terracot.plugins import PredictedMask

    class Masks(AlwaysB):
        def respond(self, prompts):
            return [Response("<answer>B</answer>", (PredictedMask(1, np.ones(p.shape, bool)),)) for p in prompts]

    bench = Benchmark.open(write(tmp_path / "t.parquet", [row(n) for n in range(3)]))
    run(bench, Masks(), "m", tmp_path / "run")
    assert [r.iou for r in item_results(tmp_path / "run", bench, bench.items)] == [None, None, None]


def test_the_command_takes_the_file_and_a_folder_of_files(tmp_path, capsys):
    (tmp_path / "hub" / "data").mkdir(parents=True)
    one = write(tmp_path / "hub" / "data" / "test-00000-of-00002.parquet", [row(n) for n in range(4)])
    write(tmp_path / "hub" / "data" / "test-00001-of-00002.parquet", [row(n) for n in range(4, 9)])
    for bench, items in ((one, 4), (tmp_path / "hub", 9), (tmp_path / "hub" / "data", 9)):
        out = tmp_path / f"run-{bench.name}"
        assert main(["run", "--bench", str(bench), "--model", "chance", "--out", str(out), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["counts"]["ok"] == items
        assert main(["score", str(out), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["items"] == items


def test_items_of_one_picture_are_one_cluster_and_the_hash_is_that_of_the_file(tmp_path):
    table = write(tmp_path / "t.parquet", [row(n) for n in range(7)])
    bench = Benchmark.open(table)
    groups = [item["group"] for item in bench.items]
    assert [groups.index(g) for g in groups] == [0, 0, 2, 2, 4, 4, 6]
    assert groups[0] == hashlib.sha256(picture(0)).hexdigest()[:16]
    assert set(bench.items[0]) == set(ITEM_SCHEMA.names) - {"image"}
    assert bench.manifest_sha256 == hashlib.sha256(table.read_bytes()).hexdigest()
    assert dict(bench.pictures()).keys() == {item["id"] for item in bench.items}
    assert [data for _, data in bench.pictures()] == [picture(n // 2) for n in range(7)]


def test_ids_follow_from_the_content_and_repeated_rows_stay_apart(tmp_path):
    rows = [row(0), row(1), row(0), row(0)]
    first = [item["id"] for item in Benchmark.open(write(tmp_path / "a.parquet", rows)).items]
    assert first[2:] == [f"{first[0]}-2", f"{first[0]}-3"]
    moved = [item["id"] for item in Benchmark.open(write(tmp_path / "b.parquet", rows[::-1])).items]
    assert sorted(moved) == sorted(first)
    other = [row(0, question="?"), row(0, answer="A"), row(0, image={"bytes": picture(9), "path": ""})]
    other += [row(0, task_type="x"), row(0, candidates=json.dumps({"A": "1", "B": "2"}))]
    ids = {item["id"] for item in Benchmark.open(write(tmp_path / "c.parquet", [row(0), *other])).items}
    assert len(ids) == 6


def test_candidates_are_read_from_structs_with_nulls_from_maps_and_from_json(tmp_path):
    names = pa.struct([(letter, pa.string()) for letter in "ABCD"])
    rows = [row(0, candidates=OPTIONS), row(1, candidates={"A": "Yes", "B": "No", "C": None, "D": None})]
    bench = Benchmark.open(write(tmp_path / "struct.parquet", rows, candidates=names))
    assert [item["options"] for item in bench.items] == [["12%", "25%", "37%", "50%"], ["Yes", "No"]]
    rows = [row(0, candidates=[("B", "No"), ("A", "Yes")])]
    mapped = pa.map_(pa.string(), pa.string())
    assert Benchmark.open(write(tmp_path / "map.parquet", rows, candidates=mapped)).items[0]["options"] == ["Yes", "No"]
    rows = [row(0, candidates='{"B": 2.5, "A": 1, "C": "x"}')]
    assert Benchmark.open(write(tmp_path / "json.parquet", rows)).items[0]["options"] == ["1", "2.5", "x"]


def test_pictures_may_be_plain_bytes(tmp_path):
    rows = [row(n, image=picture(n)) for n in range(2)]
    bench = Benchmark.open(write(tmp_path / "t.parquet", rows))
    assert bench.prompt(bench.items[1], 0).frames[0].image.shape == (6, 8, 3)


@pytest.mark.parametrize(
    ("task_type", "task"),
    [
        ("coverage_percentage", "coverage"),
        ("boundary_detection", "boundary"),
        ("Boundary relationship", "boundary"),
        ("area_quantification", "area"),
        ("comparative-ranking", "ranking"),
        ("distance_measurement", "distance"),
        ("building_change_estimation", "building_change"),
        ("flood_change", "flood_change"),
        ("cloud poetry", "published/cloud_poetry"),
    ],
)
def test_published_strings_become_our_tasks_and_others_stand_apart(tmp_path, task_type, task):
    assert task_of(task_type) == task
    bench = Benchmark.open(write(tmp_path / "t.parquet", [row(0, task_type=task_type)]))
    assert (bench.items[0]["task"], bench.items[0]["task_type"]) == (task, task_type)


BROKEN = {
    "no picture": ({"image": {"bytes": None, "path": "a.png"}}, "column image: .*only the path 'a.png'"),
    "an empty picture": ({"image": {"bytes": b"", "path": ""}}, "column image: expected the bytes"),
    "no PNG": ({"image": {"bytes": b"GIF89a", "path": ""}}, "column image: cannot be read as a picture"),
    "a cut PNG": ({"image": {"bytes": picture(1)[:-30], "path": ""}}, "column image: cannot be read as a picture"),
    "no question": ({"question": None}, "column question: expected a text, found None"),
    "a blank question": ({"question": "  "}, "column question: expected a text"),
    "no task": ({"task_type": ""}, "column task_type: expected a text"),
    "no JSON": ({"candidates": "A. one, B. two"}, "column candidates: expected texts by letter"),
    "a list": ({"candidates": '["one", "two"]'}, "column candidates: expected texts by letter"),
    "null": ({"candidates": None}, "column candidates: expected texts by letter"),
    "one option": ({"candidates": '{"A": "x"}'}, "column candidates: expected texts by letter"),
    "a gap": ({"candidates": '{"A": "x", "C": "y"}'}, "column candidates: expected texts by letter"),
    "an empty text": ({"candidates": '{"A": "x", "B": " "}'}, "column candidates: expected texts by letter"),
    "a letter twice": ({"candidates": '{"A": "x", "B": "y", "A": "z"}'}, "column candidates: .*a key stands twice"),
    "not a number": ({"candidates": '{"A": NaN, "B": 1}'}, "column candidates: expected texts by letter"),
    "half a pair": ({"candidates": '{"A": "\\ud800", "B": "y"}'}, "column candidates: holds half a surrogate"),
    "deep nesting": ({"candidates": "[" * 100_000}, "column candidates: expected texts by letter"),
    "another letter": ({"answer": "E"}, "column answer: expected one of .* A, B, C, D; found 'E'"),
    "a text": ({"answer": "25%"}, "column answer: .*found '25%'"),
    "no answer": ({"answer": None}, "column answer: .*found None"),
    "an empty answer": ({"answer": ""}, "column answer: .*found ''"),
    "two letters": ({"answer": "AB"}, "column answer: .*found 'AB'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_stops_the_reading_and_is_named(tmp_path, name):
    """Left out silently, it would leave the denominator and raise the score."""
    change, message = BROKEN[name]
    table = write(tmp_path / "t.parquet", [*[row(n) for n in range(4)], row(4, **change), row(5)])
    with pytest.raises(BenchmarkError, match=rf"t\.parquet, row 4 \(from 0\), {message}"):
        Benchmark.open(table)


def test_a_jpeg_that_was_cut_ends_the_run_with_its_item(tmp_path):
    """Its head is sound, and JPEG has no checksum: it shows when it is decoded."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(buffer, "JPEG")
    rows = [row(0, image=buffer.getvalue()[:-500])]
    bench = Benchmark.open(write(tmp_path / "t.parquet", rows))
    with pytest.raises(BenchmarkError, match=f"column image: the picture of item {bench.items[0]['id']} cannot be dec"):
        bench.prompt(bench.items[0], 0)


def test_missing_columns_no_rows_and_what_is_no_parquet_are_refused(tmp_path):
    table = write(tmp_path / "t.parquet", [{"image": b"x", "question": "?", "answer": "A"}])
    with pytest.raises(
        BenchmarkError, match=r"lacks the columns candidates, task_type; .*found image, question, answer"
    ):
        Benchmark.open(table)
    empty = {name: pa.array([], pa.string()) for name in row()}
    pq.write_table(pa.table(empty), tmp_path / "empty.parquet")
    with pytest.raises(BenchmarkError, match=r"empty\.parquet has no rows"):
        Benchmark.open(tmp_path / "empty.parquet")
    (tmp_path / "no.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(BenchmarkError, match=r"no\.parquet cannot be read"):
        Benchmark.open(tmp_path / "no.parquet")


def test_an_unfinished_benchmark_is_not_taken_for_the_published_table(bench_path, tmp_path):
    import shutil

    shutil.copytree(bench_path, tmp_path / "b")
    (tmp_path / "b" / "manifest.json").unlink()
    with pytest.raises(BenchmarkError, match=r"has no manifest\.json"):
        Benchmark.open(tmp_path / "b")


anything = st.one_of(st.none(), st.text(max_size=20), st.just("B"), st.sampled_from(["A", "coverage_percentage", "{}"]))
candidates = st.one_of(
    anything,
    st.dictionaries(st.sampled_from("ABCDE"), st.one_of(st.none(), st.text(max_size=5), st.integers()), max_size=5).map(
        json.dumps
    ),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3), st.lists, max_leaves=5).map(json.dumps),
    st.just(json.dumps(OPTIONS)),
)
pictures = st.one_of(
    st.just(picture(0)),
    st.binary(max_size=40),
    st.binary(max_size=40).map(lambda tail: picture(0)[:40] + tail),
    st.none(),
)
hostile = st.fixed_dictionaries(
    {
        "image": pictures.map(lambda data: {"bytes": data, "path": None}),
        "question": anything,
        "candidates": candidates,
        "answer": anything,
        "task_type": anything,
    }
)
TYPES = {
    "image": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    **dict.fromkeys(("question", "candidates", "answer", "task_type"), pa.string()),
}


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(hostile, min_size=1, max_size=4))
def test_whatever_stands_in_the_rows_all_become_items_or_one_error_says_which_did_not(rows, tmp_path_factory):
    table = write(tmp_path_factory.getbasetemp() / "hostile.parquet", rows, **TYPES)
    try:
        bench = Benchmark.open(table)
    except BenchmarkError as error:
        assert ", column " in str(error)  # noqa: PT017
        return
    assert len(bench) == len(rows)
    assert len({item["id"] for item in bench.items}) == len(rows)
    for item, given_row in zip(bench.items, rows, strict=True):
        assert item["answer"] == given_row["answer"]
        assert bench.prompt(item, 0).letters.startswith("AB")
