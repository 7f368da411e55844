"""The baselines are yardsticks, so they are measured themselves: chance at chance, the oracle at the stored truth."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_bench import make_bench
from scipy import stats
from terrabaselines.chance import Chance
from terrabaselines.majority import Majority
from terrabaselines.oracle import bounding_rectangle, nearest_option

from terrabench.asking.responses import load_responses
from terrabench.asking.runner import run
from terrabench.items import Benchmark
from terrabench.scoring.results import item_results
from terrabench.scoring.scores import score
from terracot.io import write_manifest
from terracot.plugins import ModelError, Prompt, load_model
from terracot.rules import Truth


def asked(n, options=("w", "x", "y", "z")):
    return [Prompt(f"{i:016x}", (), None, "question", options) for i in range(n)]


def letters(replies):
    return [r.text.removeprefix("<answer>").removesuffix("</answer>") for r in replies]


def test_chance_is_uniform_and_depends_on_the_prompt_id_only():
    drawn = letters(Chance().respond(asked(8000)))
    counts = [drawn.count(letter) for letter in "ABCD"]
    assert sum(counts) == 8000
    assert stats.chisquare(counts).pvalue > 0.001
    assert letters(Chance().respond(list(reversed(asked(8000))))) == drawn[::-1]
    assert set(letters(Chance().respond(asked(100, ("yes", "no"))))) == {"A", "B"}
    assert letters(Chance().respond(asked(1, ()))) == [""]


def test_chance_scores_within_its_interval(tmp_path):
    bench = Benchmark.open(make_bench(tmp_path / "bench", scenes=60))
    run(bench, Chance(), "chance", tmp_path / "run", batch_size=50)
    for task in score(tmp_path / "run")["tasks"].values():
        right = round(task["accuracy"] * task["n"])
        assert stats.binomtest(right, task["n"], task["chance"]).pvalue > 0.001


def test_majority_learns_which_words_are_right(tmp_path):
    """Trained where "yes" always is right, it says yes; unseen texts get the letter most often right."""
    path = make_bench(tmp_path / "train", scenes=3)
    rows = pq.read_table(path / "data" / "items-00000.parquet").to_pylist()
    row = next(r for r in rows if r["task"] == "boundary")
    train = [row | {"id": f"y{i}", "options": ["no", "Yes"], "answer": "B"} for i in range(5)]
    train += [row | {"id": f"n{i}", "options": ["p", "q"], "answer": "A"} for i in range(2)]
    rewrite(path, train)
    model = Majority(str(path))
    assert model.rate("yes") == pytest.approx((5 + 1) / (5 + 2))  # mean rate is 7 / 14
    assert model.rate("no") == pytest.approx((0 + 1) / (5 + 2))
    assert model.rate("never seen") == pytest.approx(0.5)
    assert letters(model.respond(asked(1, ("yes", "no")))) == ["A"]
    assert letters(model.respond(asked(1, ("no", "YES ")))) == ["B"]
    assert letters(model.respond(asked(1, ("17%", "18%")))) == ["B"]
    assert letters(model.respond(asked(1, ()))) == [""]


def test_majority_explains_what_it_needs(tmp_path):
    with pytest.raises(ModelError, match="--model-args train=FOLDER"):
        load_model("majority")
    path = make_bench(tmp_path / "train", scenes=3)
    rewrite(path, [])
    with pytest.raises(ModelError, match="nothing to count"):
        Majority(path)


def rewrite(path, rows):
    schema = pq.read_schema(path / "data" / "items-00000.parquet")
    for file in (path / "data").glob("items-*.parquet"):
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
        rows = []
    (path / "manifest.json").unlink()
    write_manifest(path, {})


def all_rows(path):
    return [row for file in sorted((path / "data").glob("items-*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_the_oracle_is_wrong_on_exactly_the_items_whose_answer_was_changed(tmp_path):
    """It must measure: were the answer within its reach, it would follow the change."""
    path = make_bench(tmp_path / "bench", scenes=12)
    rows = all_rows(path)
    changed = {row["id"] for number, row in enumerate(rows) if number % 3 == 0}
    for row in rows:
        if row["id"] in changed:
            row["answer"] = "BA"["AB".index(row["answer"])] if row["answer"] in "AB" else "A"
            row["truth"] = {"value": 1.0, "unit": "%", "text": row["options"]["ABCD".index(row["answer"])]}
    rewrite(path, rows)
    bench = Benchmark.open(path)
    run(bench, load_model("oracle"), "oracle", tmp_path / "run")
    results = item_results(tmp_path / "run", bench, bench.items)
    assert {r.id for r in results if not r.correct} == changed
    assert all(r.iou == 1.0 for r in results)


def test_the_box_oracle_shows_rectangles_and_is_no_better_than_the_oracle(tmp_path):
    path = make_bench(tmp_path / "bench", scenes=9)
    bench = Benchmark.open(path)
    run(bench, load_model("box-oracle"), "box-oracle", tmp_path / "run")
    found = score(tmp_path / "run")
    assert found["privileged"] is True
    assert found["tasks"]["coverage"]["accuracy"] == 1.0  # the fields of the test benchmark are rectangles
    assert found["tasks"]["building_change"]["accuracy"] == 0.0  # one box around all buildings is one building
    assert found["tasks"]["building_change"]["mean_iou"] < 1.0


def test_replies_of_the_oracle_name_each_mask_and_its_date(bench, tmp_path):
    run(bench, load_model("oracle"), "oracle", tmp_path / "run")
    by_id = {item["id"]: item for item in bench.items}
    for line in load_responses(tmp_path / "run").values():
        item = by_id[line["id"]]
        assert line["reply"].count("[SEG]") == len(line["masks"]) == len(item["masks"])
        assert ("Image: 2" in line["reply"]) == (item["task"] == "building_change")
    text = json.dumps([line["reply"] for line in load_responses(tmp_path / "run").values()])
    assert "destroyed building [SEG]" in text


def test_bounding_rectangles():
    mask = np.zeros((5, 6), bool)
    mask[1, 4] = mask[3, 2] = True
    expected = np.zeros((5, 6), bool)
    expected[1:4, 2:5] = True
    assert (bounding_rectangle(mask) == expected).all()
    assert not bounding_rectangle(np.zeros((5, 6), bool)).any()


@pytest.mark.parametrize(
    ("value", "unit", "options", "letter"),
    [
        (33.7, "%", ("12%", "34%", "35%"), "B"),
        (12_500.0, "m2", ("1.2 ha", "1.3 ha", "12,500 ha"), "A"),  # 12,500 is equally far from both: the first
        (12_600.0, "m2", ("1.2 ha", "1.3 ha", "12,600 ha"), "B"),
        (0.52, "km2", ("0.052 km²", "520,000 m²", "5.2 km²"), "B"),
        (1.2, "km", ("120 m", "1,190 m", "12 km"), "B"),
        (7.0, "count", ("5", "8", "7", "6"), "C"),
        (7.0, "count", ("5 buildings", "7 buildings"), "B"),
        (7.0, "count", ("7%", "7 m"), None),  # nothing of the same kind
        (50.0, "%", ("half", "a third"), None),
        (None, "yes", ("No", "Yes."), "B"),
        (None, "tree cover", ("Tree cover", "water"), "A"),
        (None, "maybe", ("yes", "no"), None),
    ],
)
def test_the_nearest_option_is_found_across_units(value, unit, options, letter):
    truth = Truth(None, "", unit) if value is None else Truth(value, unit, "")
    assert nearest_option(truth, options) == letter
