"""Data sets about time from end to end: what is written is verified, and a forged number is found."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terracot.dataset import generate
from terracot.generate import source_spec
from terracot.io import MANIFEST, read_json, write_manifest
from terracot.levels import parse_mix
from terracot.samples import SAMPLE_SCHEMA, content_id
from terracot.traces import seg_dates, trace_text
from terracot.verify import verify

SETTING = "{families: {sequence: 0.8, settlement: 0.2}, scenes: 64, size: 64, cloud_share: 0.2}"


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("series") / "set"
    generate(source_spec("procedural", SETTING), out, seed=3, mix=parse_mix("l2-temporal", "all"))
    return out


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((folder / "data").glob("samples-*")) for row in pq.read_table(path).to_pylist()]


def test_a_set_of_sequences_verifies(series: Path):
    report = verify(series)
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] >= 40


def test_each_mask_of_a_trace_has_the_image_it_is_of(series: Path):
    rows = rows_of(series)
    assert {row["level"] for row in rows} == {"l2-temporal"}
    several = 0
    for row in rows:
        dates = [mask["t"] for mask in row["masks"]]
        assert seg_dates(row["text"]) == dates
        compared = dates[: json.loads(row["parameters"])["compared"]]
        assert compared == sorted(set(compared))
        several += len(compared) >= 3
    assert several >= 15


def test_questions_with_two_answers_come_up_equally_often_with_either(series: Path):
    told = Counter()
    for row in rows_of(series):
        if row["kind"] in ("growth", "trend"):
            name = row["masks"][0]["class_name"]
            stated = json.loads(row["parameters"])
            told[row["kind"], name, row["dates"], stated.get("direction"), row["truth"]["text"]] += 1
    assert sum(told.values()) >= 4
    for (*alike, word), count in told.items():
        assert told[(*alike, {"yes": "no", "no": "yes"}[word])] == count


def test_a_forged_number_of_a_change_is_found(series: Path, tmp_path: Path):
    path = next(iter(sorted((series / "data").glob("samples-*"))))
    rows = pq.read_table(path).to_pylist()
    row = next(r for r in rows if r["kind"] == "gain_share" and r["form"] == "open")
    step = next(s for s in row["steps"] if any(v["quantity"] == "beyond_pixels" for v in s["values"]))
    value = next(v for v in step["values"] if v["quantity"] == "beyond_pixels")
    wrong = f"{int(value['value']) + 1:,}"
    step["text"] = step["text"].replace(value["text"], wrong, 1)
    value |= {"text": wrong, "value": value["value"] + 1}
    dates = [mask["t"] for mask in row["masks"]]
    row["text"] = trace_text(row["steps"], dates, row["dates"], row["answer"])
    row["id"] = content_id(row)
    forged = tmp_path / "forged"
    shutil.copytree(series, forged)
    pq.write_table(pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA), forged / path.relative_to(series))
    manifest = read_json(forged / MANIFEST)
    manifest.pop("files")
    (forged / MANIFEST).unlink()
    write_manifest(forged, manifest)
    assert any("beyond_pixels" in problem for problem in verify(forged).problems)
