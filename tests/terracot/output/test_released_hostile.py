"""Files of the published form that somebody damaged, or made to do harm: each bad row is told, no good one is lost."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from terracot.cli import main
from terracot.io import OutputError, iter_jsonl
from terracot.released import entries as entries_module
from terracot.released.entries import Entry, content_of, entries
from terracot.released.form import FormError, row_of
from terracot.released.importing import import_released
from terracot.shards import read_rows
from terracot.verify import verify

RLE = {"size": [4, 5], "counts": [2, 3, 15]}


def row(image: str = "a.png", **changes: Any) -> dict[str, Any]:
    conversations = [
        {"from": "human", "value": "<image>\nWhere is the lake?"},
        {"from": "gpt", "value": "Here: [SEG]."},
    ]
    return {"image": image, "conversations": conversations, "masks": [[RLE]], "labels": ["lake"]} | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    Image.new("RGB", (5, 4), (10, 60, 90)).save(place / "a.png")
    Image.new("RGB", (5, 4), (90, 60, 10)).save(place / "b.png")
    Image.new("RGB", (6, 4)).save(place / "wide.png")
    return place


def reasons(out: Path) -> dict[str, str]:
    return {entry["scene_id"]: entry["reason"] for entry in iter_jsonl(out / "quarantine.jsonl")}


def imported(folder: Path, *lines: bytes) -> tuple[list[dict[str, Any]], dict[str, str]]:
    (folder / "rows.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    out = folder.parent / "out"
    import_released(folder, out)
    assert verify(out).problems == []
    return list(read_rows(out, "samples")), reasons(out)


GOOD = json.dumps(row()).encode()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (json.dumps(row(masks=[[{"size": [4, 5], "counts": [2, 3, 99]}]])).encode(), "bad_rle"),
        (json.dumps(row(masks=[[{"size": [4, 5], "counts": "\x7f\x7f"}]])).encode(), "bad_rle"),
        (json.dumps(row(masks=[[{"size": [5, 4], "counts": [20]}]])).encode(), "bad_rle"),
        (json.dumps(row(masks=[[{"size": [10**9, 10**9], "counts": [10**18]}]])).encode(), "bad_rle"),
        (json.dumps(row(masks=[[{"counts": [20]}]])).encode(), "bad_rle"),
        (json.dumps(row(masks=[])).encode(), "seg_count"),
        (json.dumps(row("none.png")).encode(), "missing_image"),
        (json.dumps(row("../outside.png")).encode(), "image_path"),
        (json.dumps(row("/etc/passwd")).encode(), "image_path"),
        (json.dumps(row("link.png")).encode(), "image_path"),
        (json.dumps(row("a" * 900)).encode(), "image_path"),
        (json.dumps(row("\ud800.png")).encode(), "image_path"),
        (json.dumps(row("a\0.png")).encode(), "image_path"),
        (json.dumps(row("broken.png")).encode(), "unreadable_image"),
        (json.dumps(row("rows.jsonl")).encode(), "unreadable_image"),
        (json.dumps(row("bomb.png")).encode(), "unreadable_image"),
        (json.dumps(row(None, pre_image="b.png", post_image="wide.png", masks=[RLE, RLE])).encode(), "seg_count"),
        (b'{"image": "a.png", "conversations": [', "bad_json"),
        (b'{"image": "\xff\xfe"}', "bad_utf8"),
        (b"[" * 100_000, "bad_json"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "bad_json"),
        (b'{"masks": ' + b"9" * 10_000 + b"}", "bad_json"),
        (b"null", "bad_row"),
        (b"[1, 2]", "bad_row"),
    ],
)
def test_a_bad_row_is_told_and_its_neighbours_are_kept(folder: Path, bad: bytes, reason: str):
    (folder.parent / "outside.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:40])
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (2**31 - 1).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    (folder / "bomb.png").write_bytes(header + b"\0" * 100)
    samples, refused = imported(folder, GOOD, bad, json.dumps(row("b.png")).encode())
    assert [sample["scene_id"] for sample in samples] == ["a.png", "b.png"]
    assert refused == {"rows.jsonl:2": reason}


def test_images_of_two_sizes_are_refused(folder: Path):
    talk = [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "[SEG] [SEG]"}]
    pair = row(None, pre_image="b.png", post_image="wide.png", conversations=talk, masks=[RLE, RLE])
    samples, refused = imported(folder, GOOD, json.dumps(pair).encode())
    assert (len(samples), refused) == (1, {"rows.jsonl:2": "image_sizes"})


def test_rows_that_contradict_an_earlier_one_of_their_scene_are_refused(folder: Path):
    told = [row(terracot={"split": split, "license": "CC0-1.0"}) for split in ("train", "test", "train")]
    samples, refused = imported(folder, *(json.dumps(one).encode() for one in told))
    assert [sample["split"] for sample in samples] == ["train", "train"]
    assert refused == {"rows.jsonl:2": "contradiction"}


def test_a_picture_beyond_the_bound_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("terracot.released.importing.MAX_IMAGE_PIXELS", 20)
    wide = row("wide.png", masks=[[{"size": [4, 6], "counts": [24]}]])
    samples, refused = imported(folder, GOOD, json.dumps(wide).encode())
    assert (len(samples), refused) == (1, {"rows.jsonl:2": "image_too_large"})


def test_a_line_without_end_is_skipped(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entries_module, "MAX_ROW", 2000)
    samples, refused = imported(folder, GOOD, b"x" * 7000, GOOD)
    assert len(samples) == 2
    assert refused == {"rows.jsonl:2": "too_large"}


def test_an_array_that_breaks_off_keeps_what_stands_before(folder: Path):
    (folder / "rows.json").write_bytes(b"\xef\xbb\xbf[" + GOOD + b", " + GOOD + b', {"image": ')
    out = folder.parent / "out"
    assert import_released(folder, out).quarantined == 1
    assert len(list(read_rows(out, "samples"))) == 2
    assert reasons(out) == {"rows.json:3": "bad_json"}


def test_broken_bytes_in_an_array_cost_their_row_alone(folder: Path):
    (folder / "rows.json").write_bytes(b"[" + GOOD + b', {"image": "\xff\xc3\xa9"},\n ' + GOOD + b"]")
    out = folder.parent / "out"
    import_released(folder, out)
    assert len(list(read_rows(out, "samples"))) == 2
    assert reasons(out) == {"rows.json:2": "bad_utf8"}


def test_letters_of_several_bytes_do_not_shift_the_rows(folder: Path):
    talk = [{"from": "human", "value": "Où est le 湖?"}, {"from": "gpt", "value": "Ici: [SEG]"}]
    rows = json.dumps([row(conversations=talk), row("b.png", conversations=talk)], ensure_ascii=False)
    (folder / "rows.json").write_text(rows, encoding="utf-8")
    found = [found for found in entries(0, folder / "rows.json") if isinstance(found, Entry)]
    assert [content_of(folder / "rows.json", one)["image"] for one in found] == ["a.png", "b.png"]


def test_nothing_usable_is_an_error_not_an_empty_success(folder: Path):
    (folder / "rows.jsonl").write_bytes(b"{}\n")
    out = folder.parent / "out"
    assert main(["import", str(folder), "--format", "released", "--out", str(out), "--max-quarantined", "1"]) == 1
    assert main(["import", str(folder), "--format", "released", "--out", str(out)]) == 3
    (folder / "rows.jsonl").write_bytes(b"")
    with pytest.raises(OutputError, match="has no rows"):
        import_released(folder, folder.parent / "other")
    assert main(["import", str(folder / "none"), "--format", "released", "--out", str(out)]) == 2


def test_two_workers_give_the_same_bytes(folder: Path):
    many = []
    for number in range(40):
        Image.new("RGB", (5, 4), (number, 0, 0)).save(folder / f"{number}.png")
        many.append(json.dumps(row(f"{number}.png")) + "\n")
    (folder / "rows.jsonl").write_text("".join(many) + "{}\n")
    manifests = []
    for workers in (1, 2):
        out = folder.parent / f"out{workers}"
        import_released(folder, out, workers=workers)
        manifests.append(json.loads((out / "manifest.json").read_text())["files"])
    assert manifests[0] == manifests[1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A sound row with one to three of its parts replaced by anything."""
    content = json.loads(json.dumps(row()))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = content
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.booleans()):
                place = place[key]
                continue
            place[key] = draw(JSON)
            break
    return content


@settings(max_examples=300, deadline=None)
@given(damaged() | JSON)
def test_any_json_is_a_row_or_refused_with_a_reason(content: Any):
    refused: FormError | None = None
    try:
        read = row_of(content)
    except FormError as error:
        refused = error
    if refused is not None:
        assert refused.reason
        assert len(str(refused)) < 500
    else:
        assert len(read.masks) == len(read.mask_dates) == len(read.labels)
        assert sum(len(turn.masks) for turn in read.turns) == len(read.masks)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(damaged(), min_size=1, max_size=6))
def test_whatever_is_imported_passes_verify_and_good_rows_stay(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any]
):
    folder = tmp_path_factory.mktemp("in")
    Image.new("RGB", (5, 4)).save(folder / "a.png")
    lines = [json.dumps(one) for one in [row(), *rows, row()]]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path_factory.mktemp("out") / "set"
    result = import_released(folder, out)
    assert verify(out).problems == []
    keys = Counter(json.loads(sample["parameters"])["key"].rpartition(":")[0] for sample in read_rows(out, "samples"))
    assert keys["rows.jsonl:1"] == keys[f"rows.jsonl:{len(lines)}"] == 1
    assert len(keys) + result.quarantined == result.scenes_read == len(lines)
