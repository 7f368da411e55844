"""What is read from a Terra-CoT folder: the chosen rows, asked as the benchmark asks, each mask with its own [SEG]."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from terra_cot import SIZES, overfit_script
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.tiny import tiny_config, tiny_tokenizer
from terrascope_vlm.training.folders import Chosen, Folders
from terrascope_vlm.training.lessons import Reader, lesson_of, place_of

from terrabench.items import Benchmark
from terracot.io import OutputError, write_manifest
from terracot.masks import RleError, decode, encode
from terracot.samples import SCHEMA_VERSION
from terracot.scenes import SourceError
from terracot.shards import read_rows

torch = pytest.importorskip("torch")


def lessons_of(folders: Folders, **options: Any) -> dict[str, Any]:
    reader = Reader(folders, 2, **options)
    lessons = [reader.lesson(row, row) for row in range(len(folders.rows))]
    return {lesson.prompt.id: lesson for lesson in lessons}


@pytest.fixture(scope="module")
def samples(data: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in read_rows(data, "samples")}


@pytest.fixture(scope="module")
def scenes(data: Path) -> dict[str, dict[str, Any]]:
    return {row["scene_id"]: row for row in read_rows(data, "scenes")}


@pytest.fixture(scope="module")
def lessons(data: Path) -> dict[str, Any]:
    return lessons_of(Folders([data], Chosen()), native=True)


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data, tmp_path / "copy"))


def rewritten(folder: Path, table: str, change: Any) -> None:
    """Change the rows of the first file of a table, and let the manifest agree."""
    path = sorted((folder / "data").glob(f"{table}-*.parquet"))[0]
    old = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(old.to_pylist()), schema=old.schema), path)
    (folder / "manifest.json").unlink()
    write_manifest(folder, {"kind": "terra-cot", "schema": SCHEMA_VERSION})


# Prompts


def test_a_lesson_asks_exactly_what_the_benchmark_asks(data: Path, samples: Any, lessons: Any, tmp_path: Path) -> None:
    bench = Benchmark.open(overfit_script().bench_of(data, list(samples.values()), tmp_path / "bench"))
    tokenizer = tiny_tokenizer([row["text"] for row in samples.values()], 400)
    processor = TerraScopeProcessor.of(tiny_config(tokenizer, **SIZES, bands=["B08"]), tokenizer)
    shown = set()
    for item in bench.items:
        asked, learned = bench.prompt(item, 0), lessons[item["id"]].prompt
        assert asked.text == learned.text
        assert learned.instruction == ""  # the plug-in wants none
        for name in {entry.name for entry in dataclasses.fields(asked)} - {"id", "frames", "valid"}:
            assert getattr(asked, name) == getattr(learned, name), name
        assert asked.valid.keys() == learned.valid.keys()
        assert all(np.array_equal(asked.valid[t], learned.valid[t]) for t in asked.valid)
        one, other = processor.of_prompt(asked), processor.of_prompt(learned)
        for name in ("ids", "visual", "other", "question", "labels"):
            assert torch.equal(getattr(one.slots, name), getattr(other.slots, name))
        for a, b in zip(one.frames, other.frames, strict=True):
            assert (a.t, a.modality) == (b.t, b.modality)
            assert np.array_equal(a.channels, b.channels, equal_nan=True)
        shown.add(tuple((frame.t, str(frame.modality)) for frame in asked.frames))
    assert len(bench.items) > 10
    assert len(shown) >= 3  # pairs, two dates, two dates of pairs


# Masks


def test_the_nth_seg_has_the_nth_mask_that_the_trace_points_at(samples: Any, scenes: Any, lessons: Any) -> None:
    dated = 0
    for row in samples.values():
        shape = (scenes[row["scene_id"]]["height"], scenes[row["scene_id"]]["width"])
        pointed = [step["mask"] for step in row["steps"] if step["kind"] == "ground"]
        lesson = lessons[row["id"]]
        assert lesson.reply == row["text"]
        assert lesson.reply.count("[SEG]") == len(pointed) == len(lesson.masks)
        for number, mask in zip(pointed, lesson.masks, strict=True):
            stored = row["masks"][number]
            assert mask.t == stored["t"]
            assert np.array_equal(mask.mask, decode(stored["rle"], shape))
        dated += len({mask.t for mask in lesson.masks}) > 1
    assert dated > 5


def test_pixels_count_where_they_have_a_label_and_some_image_of_the_date_shows_them(samples: Any, scenes: Any) -> None:
    rng = np.random.default_rng(0)
    pairs = 0
    for scene in scenes.values():
        shape = (scene["height"], scene["width"])
        clouds = [rng.random(shape) < 0.5 if rng.random() < 0.7 else None for _ in scene["frames"]]
        labelled = {valid["t"]: rng.random(shape) < 0.8 for valid in scene["valid"]}
        hidden = [None if cloud is None else encode(cloud) for cloud in clouds]
        frames = [{**frame, "hidden": rle} for frame, rle in zip(scene["frames"], hidden, strict=True)]
        valid = [{**one, "rle": encode(labelled[one["t"]])} for one in scene["valid"]]
        place = place_of({**scene, "frames": frames, "valid": valid})
        sample = next(row for row in samples.values() if row["scene_id"] == scene["scene_id"])
        counted = lesson_of(place, sample).counted
        for t in {frame["t"] for frame in frames}:
            own = [cloud for frame, cloud in zip(frames, clouds, strict=True) if frame["t"] == t]
            for y, x in np.ndindex(*shape):
                seen = any(cloud is None or not cloud[y, x] for cloud in own)
                assert counted[t][y, x] == (seen and labelled[t][y, x])
            pairs += len(own) > 1
    assert pairs > 3


def test_a_damaged_mask_is_named_with_its_sample_and_folder(copy: Path) -> None:
    def damage(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[0]["masks"][0]["rle"]["counts"] = "no counts"
        return rows

    rewritten(copy, "samples", damage)
    folders = Folders([copy], Chosen())
    with pytest.raises(RleError, match=r"sample [0-9a-f]{16} of .*copy: .*make the folder again"):
        lessons_of(folders)


# Rows


@pytest.mark.parametrize(
    "wanted",
    [
        {"level": ("refer",)},
        {"level": ("l1", "l2-temporal"), "modality": ("optical",)},
        {"kind": ("area",)},
        {"split": ("train",)},
    ],
    ids=str,
)
def test_just_the_rows_that_were_chosen_are_read(data: Path, samples: Any, wanted: dict[str, Any]) -> None:
    found = lessons_of(Folders([data], Chosen(**wanted)))
    expected = {row["id"] for row in samples.values() if all(row[key] in values for key, values in wanted.items())}
    assert found.keys() == expected
    assert expected


def test_rows_are_chosen_by_id(data: Path, samples: Any) -> None:
    ids = frozenset(list(samples)[::7])
    assert lessons_of(Folders([data], Chosen(ids=ids))).keys() == ids


def test_where_nothing_is_chosen_it_is_said_what_there_is(data: Path) -> None:
    with pytest.raises(SourceError) as caught:
        Folders([data], Chosen(level=("l3",), split=("test",)))
    assert "level l3; split test" in str(caught.value)
    assert all(word in str(caught.value) for word in ("refer", "l2-temporal", "split train", "optical+sar"))


def test_a_folder_of_something_else_or_unfinished_is_refused(data: Path, copy: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="gone"):
        Folders([tmp_path / "gone"], Chosen())
    (copy / "manifest.json").unlink()
    with pytest.raises(OutputError, match="copy"):
        Folders([copy], Chosen())
    write_manifest(copy, {"kind": "terrascope-bench", "schema": SCHEMA_VERSION})
    with pytest.raises(SourceError, match="holds 'terrascope-bench'; expected a folder of `terracot generate`"):
        Folders([copy], Chosen())


def test_a_table_that_cannot_be_read_and_a_scene_that_lacks_are_named(copy: Path) -> None:
    def drop(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return rows[1:]

    rewritten(copy, "scenes", drop)
    with pytest.raises(OutputError, match=r"scenes-00000.parquet has no scene .*; make the folder again"):
        Folders([copy], Chosen())
    path = copy / "data" / "samples-00000.parquet"
    path.write_bytes(path.read_bytes()[:-50] + b"x" * 50)
    with pytest.raises(OutputError, match="cannot be read as Parquet"):
        Folders([copy], Chosen())


def test_lengths_are_near_those_of_the_true_sequences(data: Path, samples: Any, lessons: Any) -> None:
    folders = Folders([data], Chosen())
    tokenizer = tiny_tokenizer([row["text"] for row in samples.values()], 1000)
    processor = TerraScopeProcessor.of(tiny_config(tokenizer, **SIZES), tokenizer, system="")
    guessed = folders.rows.tokens(lambda frames, shape: 16 * frames)
    reader = Reader(folders, 9)
    true = []
    for row in range(len(folders.rows)):
        lesson = reader.lesson(row)
        true.append(len(processor.of_prompt(lesson.prompt).slots) + len(processor.plain(lesson.reply)))
    assert np.corrcoef(guessed, true)[0, 1] > 0.95  # so batches of like length waste little


def test_a_tokenizer_learns_the_words_of_rows_that_this_stage_does_not_see(data: Path, samples: Any) -> None:
    folders = Folders([data, data], Chosen(level=("refer",)))
    every = [row["text"] for row in samples.values()]
    found = list(folders.texts(10_000))
    assert sorted(found[1::2]) == sorted(every * 2)
    for most in (1, 7, 100):
        some = list(folders.texts(most))[1::2]
        assert 0 < len(some) <= most + 1
        assert len(some) > 0.6 * min(most, 2 * len(every))
    spread = {row["level"] for row in samples.values() if row["text"] in set(list(folders.texts(200))[1::2])}
    assert len(spread) >= 5


def test_units_are_read_once_and_let_go_and_threads_get_the_same(
    data: Path, lessons: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = Folders([data, data], Chosen())
    units = folders.rows.units
    assert len(units) == 6
    read = []
    plain = folders.read
    monkeypatch.setattr(folders, "read", lambda unit, *args: read.append(unit) or plain(unit, *args))
    reader = Reader(folders, 2)
    rows = np.arange(len(folders.rows))
    for row in rows:
        reader.lesson(int(row))
    assert read == list(units)
    for row in rows[:3]:  # the first unit was let go
        reader.lesson(int(row))
    assert read == [*units, units[0]]
    found: list[Any] = [None] * 40
    pick = np.random.default_rng(0).choice(rows, 40)

    def work(part: int) -> None:
        for n in range(part, 40, 4):
            found[n] = reader.lesson(int(pick[n]), n)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, lesson in enumerate(found):
        expected = lessons[lesson.prompt.id]
        assert (lesson.number, lesson.reply) == (n, expected.reply)
        assert all(np.array_equal(a.mask, b.mask) for a, b in zip(lesson.masks, expected.masks, strict=True))
