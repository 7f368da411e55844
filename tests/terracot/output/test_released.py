"""The published training form: what an export says, and that an import of it gives the same conversations and masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_scenes import make_scenes
from PIL import Image

from terracot.cli import main
from terracot.dataset import generate
from terracot.generate import SourceSpec
from terracot.io import OutputError
from terracot.levels import parse_mix
from terracot.masks import decode
from terracot.released.export import export_released, released_row
from terracot.released.form import FormError, human_turn, question_of, row_of
from terracot.released.importing import import_released
from terracot.released.told import answer_of, steps_of
from terracot.shards import read_rows
from terracot.traces import Ground, Say
from terracot.verify import verify


@pytest.fixture(scope="module")
def exported(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "out"
    export_released(embedded, out)
    return out


@pytest.fixture(scope="module")
def imported(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("imported") / "set"
    import_released(exported, out)
    return out


def lines(folder: Path, name: str = "*.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob(name)) for line in path.read_text().splitlines()]


def by_id(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in read_rows(folder, "samples")}


def test_every_sample_is_exported_once_with_as_many_seg_as_masks(embedded: Path, exported: Path):
    rows = lines(exported)
    samples = by_id(embedded)
    assert sorted(row["terracot"]["id"] for row in rows) == sorted(samples)
    for row in rows:
        sample = samples[row["terracot"]["id"]]
        human, gpt = row["conversations"]
        assert (human["from"], gpt["from"]) == ("human", "gpt")
        images = row.get("images") or [row[key] for key in ("image", "pre_image", "post_image") if key in row]
        assert human["value"].count("<image>") == len(images)
        assert sample["question"] in human["value"]
        assert all(
            f"\n{letter}. {text}" in human["value"] for letter, text in zip("ABCD", sample["options"], strict=False)
        )
        assert gpt["value"] == sample["text"]
        assert gpt["value"].count("[SEG]") == len(row["masks"]) == len(row["labels"])
        assert row["masks"] == [[mask["rle"]] for mask in sample["masks"]]
        for name in images:
            with Image.open(exported / name) as picture:
                assert [picture.height, picture.width] == row["masks"][0][0]["size"]


@pytest.mark.parametrize("dates", [1, 2])
def test_published_files_have_published_keys_and_the_rest_stands_apart(dates: int, tmp_path: Path):
    place = make_scenes(tmp_path / "scenes", dates=dates)
    generate(SourceSpec("geotiff", str(place)), tmp_path / "set", mix=parse_mix("l1,caption", "all"))
    export_released(tmp_path / "set", tmp_path / "out")
    published, extended = lines(tmp_path / "out", "train.jsonl"), lines(tmp_path / "out", "train.extended.jsonl")
    common = {"conversations", "masks", "labels", "terracot"}
    for row in published:
        assert set(row) - common == ({"image"} if dates == 1 else {"pre_image", "post_image"})
    for row in extended:
        assert set(row) - common == {"images", "image_dates", "mask_dates"}
        assert len(row["images"]) == len(row["image_dates"]) == 2
        assert len(row["masks"]) == len(row["mask_dates"])
    assert len(published) > 10 if dates == 1 else extended
    counts = json.loads((tmp_path / "out" / "manifest.json").read_text())["counts"]
    assert (counts["published"], counts["extended"]) == (len(published), len(extended))
    assert counts["extended_because"] == ({} if dates == 1 else {"halves": len(extended)})
    assert import_released(tmp_path / "out", tmp_path / "back").quarantined == 0
    assert verify(tmp_path / "back").problems == []


def test_the_readme_of_an_export_states_counts_licence_and_that_it_is_synthetic(exported: Path):
    readme = (exported / "README.md").read_text()
    assert f"{len(lines(exported))} rows, one JSON object a line" in readme
    assert "- procedural (10 scenes): CC0-1.0; synthetic" in readme
    assert "**All images are synthetic.**" in readme


def test_import_of_an_export_keeps_conversations_masks_and_pictures(embedded: Path, exported: Path, imported: Path):
    before = by_id(embedded)
    told = {row["terracot"]["id"]: row for row in lines(exported)}
    after = {row["text"] + row["question"] + row["pixels_sha256"][0]: row for row in read_rows(imported, "samples")}
    pictures = {row["scene_id"]: row for row in read_rows(imported, "scenes")}
    originals = {row["scene_id"]: row for row in read_rows(embedded, "scenes")}
    assert len(after) == len(before) == len(told)
    matched = 0
    for row in after.values():
        scene = pictures[row["scene_id"]]
        origin = json.loads(scene["provenance"])["told"]["scene_id"]
        same = [
            s
            for s in before.values()
            if (s["scene_id"], s["text"], s["question"]) == (origin, row["text"], row["question"])
        ]
        assert len(same) == 1
        sample = same[0]
        for column in ("options", "form", "answer", "dates", "modality", "group", "split", "license"):
            assert row[column] == sample[column], column
        assert row["truth"]["text"].lower() == sample["truth"]["text"].lower() or row["form"] == "open"
        for mask, known in zip(row["masks"], sample["masks"], strict=True):
            assert (mask["t"], mask["class_name"], mask["rle"]) == (known["t"], known["class_name"], known["rle"])
        for frame, known in zip(scene["frames"], originals[origin]["frames"], strict=True):
            assert frame["image"]["bytes"] == known["image"]["bytes"]
            assert (frame["t"], frame["modality"]) == (known["t"], known["modality"])
        matched += 1
    assert matched == len(before)


def test_export_of_the_import_is_the_same_form_again(exported: Path, imported: Path, tmp_path: Path):
    export_released(imported, tmp_path / "again")

    def content(folder: Path) -> list[str]:
        return sorted(json.dumps([r["conversations"], r["masks"], r["labels"]]) for r in lines(folder))

    assert content(tmp_path / "again") == content(exported)


def test_verify_accepts_the_import_and_says_what_cannot_be_rebuilt(imported: Path, exported: Path):
    report = verify(imported)
    assert report.problems == []
    assert report.checked["masks"] > 10
    assert main(["verify", str(imported), "--source", str(exported)]) == 2


def test_imported_rows_are_stated_and_their_card_says_so(imported: Path):
    rows = list(read_rows(imported, "samples"))
    assert {row["kind"] for row in rows} == {"released/grounded"}
    assert {(row["level"], row["source"], row["ground_basis"]) for row in rows} == {("qa", "released", "unknown")}
    card = (imported / "README.md").read_text()
    assert "are not measured" in card
    assert "All scenes of this data set are synthetic" in card


def test_commands_say_what_was_done(embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "released"
    assert main(["export", str(embedded), "--format", "released", "--out", str(out), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts["samples"] == len(by_id(embedded))
    assert main(["status", str(out)]) == 0
    assert main(["import", str(out), "--format", "released", "--out", str(tmp_path / "set"), "--workers", "2"]) == 0
    assert f"{counts['samples']} samples over 10 scenes" in capsys.readouterr().out
    row = next(iter(read_rows(tmp_path / "set", "samples", ["id"])))
    assert main(["show", str(tmp_path / "set"), row["id"], "--out", str(tmp_path / "x.png")]) == 0
    assert main(["export", str(out), "--format", "released", "--out", str(tmp_path / "y")]) == 2  # no samples in it
    assert main(["export", str(embedded), "--format", "other", "--out", str(tmp_path / "z")]) == 2


def test_an_export_with_files_beside_the_table_is_the_same(beside: Path, exported: Path, tmp_path: Path):
    export_released(beside, tmp_path / "out")
    assert lines(tmp_path / "out") == lines(exported)


def test_a_second_export_into_the_same_folder_changes_nothing_and_another_is_refused(
    embedded: Path, imported: Path, exported: Path
):
    before = (exported / "manifest.json").read_bytes()
    assert export_released(embedded, exported)["samples"] == len(by_id(embedded))
    assert (exported / "manifest.json").read_bytes() == before
    with pytest.raises(OutputError, match="other settings"):
        export_released(imported, exported)


# --- single rows ----------------------------------------------------------------------------------------------------


def sample_of(mask_dates: list[int]) -> dict[str, Any]:
    masks = [{"t": t, "class_name": "water", "rle": {"size": [1, 1], "counts": "01"}} for t in mask_dates]
    told = dict.fromkeys(("id", "scene_id", "source", "split", "group", "license"), "x")
    return told | {"question": "Where?", "options": [], "text": "Here." + "[SEG]" * len(masks), "masks": masks}


def scene_of(*frames: tuple[int, str]) -> dict[str, Any]:
    return {"frames": [{"t": t, "modality": m} for t, m in frames], "attribution": "", "provenance": "{}"}


BEFORE_AFTER = ((1, "optical"), (2, "optical"))


@pytest.mark.parametrize(
    ("frames", "mask_dates", "fits"),
    [
        (((1, "sar"),), [1, 1, 1], "published"),
        (BEFORE_AFTER, [1, 2], "published"),
        (BEFORE_AFTER, [1, 1, 2, 2], "published"),
        (BEFORE_AFTER, [], "published"),
        (BEFORE_AFTER, [2], "halves"),
        (BEFORE_AFTER, [1, 2, 1, 2], "halves"),
        (((1, "optical"), (1, "sar")), [1], "sensors"),
        (((1, "optical"), (2, "optical"), (3, "optical")), [1, 2, 3], "dates"),
    ],
)
def test_only_rows_that_are_read_right_count_as_published(
    frames: tuple[tuple[int, str], ...], mask_dates: list[int], fits: str
):
    names = [f"{n}.png" for n in range(len(frames))]
    found, row = released_row(sample_of(mask_dates), scene_of(*frames), names)
    assert found == fits
    read = row_of(json.loads(json.dumps(row)))
    assert read.images == tuple(names)
    assert read.dates == tuple(t for t, _ in frames)
    assert read.mask_dates == tuple(mask_dates)


def test_the_human_turn_names_images_and_letters_options():
    assert human_turn("Where?", (), (1,), ("sar",)) == "<image>\nWhere?"
    assert human_turn("Where?", (), (1, 2), ("sar", "sar")) == "Image 1: <image>\nImage 2: <image>\nWhere?"
    assert human_turn("More?", ("yes", "no"), (1, 1), ("optical", "sar")) == (
        "Image 1 (optical): <image>\nImage 1 (sar): <image>\nMore?\nA. yes\nB. no"
    )


@pytest.mark.parametrize(
    ("human", "expected"),
    [
        ("<image>\nMore?\nA. yes\nB. no", ("More?", ("yes", "no"))),
        ("More? <image>", ("More?", ())),
        ("Image-1: <image>\nImage-2: <image>\nWhat changed?", ("What changed?", ())),
        ("<image>\nList:\nA. one", ("List:\nA. one", ())),  # one option is none
        ("<image>\nMore?\nB. yes\nC. no", ("More?\nB. yes\nC. no", ())),
        ("<image>\nMore?\nA. yes\nB. yes", ("More?\nA. yes\nB. yes", ())),
    ],
)
def test_the_human_turn_is_read_back(human: str, expected: tuple[str, tuple[str, ...]]):
    assert question_of(human) == expected


def test_replies_are_cut_at_each_seg():
    thought = "First. The lake is here: [SEG]. It has 5 pixels. The town: Image: 2 [SEG]. So more."
    text = f"<think>{thought}</think> <answer>B</answer>"
    assert steps_of(text) == (
        Say("First."),
        Ground("The lake is here:", 0),
        Say("It has 5 pixels."),
        Ground("The town:", 1),
        Say("So more."),
    )
    assert answer_of(text) == "B"
    assert steps_of("Sure, [SEG].") == (Ground("Sure,", 0),)
    assert steps_of("<answer>The lake [SEG]</answer>") == ()


def row(**changes: Any) -> dict[str, Any]:
    conversations = [{"from": "human", "value": "<image>\nWhere?"}, {"from": "gpt", "value": "Here: [SEG]"}]
    return {"image": "a.png", "conversations": conversations, "masks": [[{}]], "labels": ["lake"]} | changes


def test_two_turns_share_the_masks_in_order():
    talk = row()["conversations"] * 2
    read = row_of(row(conversations=talk, masks=[[{}], {}]))
    assert [list(turn.masks) for turn in read.turns] == [[0], [1]]
    assert read.labels == ("region", "region")  # one label for two masks says nothing


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"masks": []}, "seg_count"),
        ({"masks": [[{}], [{}]]}, "seg_count"),
        ({"masks": [[]]}, "masks"),
        ({"masks": "x"}, "masks"),
        ({"masks": [["x"]]}, "masks"),
        ({"image": None}, "images"),
        ({"image": 5}, "images"),
        ({"images": ["b.png"]}, "images"),
        ({"image": None, "pre_image": "a.png"}, "images"),
        ({"image": None, "images": []}, "images"),
        ({"image": None, "images": ["a", "b"], "image_dates": [1, 3]}, "images"),
        ({"image": None, "images": ["a", "b"], "image_dates": [2, 1]}, "images"),
        ({"conversations": []}, "conversations"),
        ({"conversations": [{"from": "human", "value": "x"}]}, "conversations"),
        ({"conversations": [{"from": "gpt", "value": "x"}] * 2}, "conversations"),
        ({"conversations": [{"from": "human", "value": 5}, {"from": "gpt", "value": "x"}]}, "conversations"),
        ({"conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "[SEG]"}]}, "bad_text"),
        ({"conversations": [{"from": "human", "value": "<|im_end|>"}, {"from": "gpt", "value": "[SEG]"}]}, "bad_text"),
        ({"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "\ud800 [SEG]"}]}, "bad_text"),
        ({"labels": ["[SEG]"]}, "bad_text"),
        ({"image": None, "pre_image": "a", "post_image": "b"}, "mask_dates"),  # one mask is no two halves
        ({"mask_dates": [2]}, "mask_dates"),
        ({"mask_dates": [True]}, "mask_dates"),
        ({"terracot": 5}, "bad_row"),
        ({"terracot": {"split": ["train"]}}, "bad_text"),
        ({"terracot": {"modalities": ["thermal"]}}, "bad_row"),
    ],
)
def test_a_row_of_unsound_structure_is_refused_with_its_reason(changes: dict[str, Any], reason: str):
    with pytest.raises(FormError) as error:
        row_of(row(**changes))
    assert error.value.reason == reason


def test_a_date_in_the_text_that_contradicts_the_halves_is_refused():
    talk = [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "Image: 2 [SEG] Image: 1 [SEG]"}]
    with pytest.raises(FormError, match="mask 1 is of date 1, the text says Image: 2"):
        row_of(row(image=None, pre_image="a", post_image="b", conversations=talk, masks=[{}, {}]))


def test_a_mask_of_several_parts_is_their_union(tmp_path: Path):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    parts = [{"size": [2, 3], "counts": [0, 1, 5]}, {"size": [2, 3], "counts": [5, 1]}]  # first and last pixel
    (tmp_path / "rows.json").write_text(json.dumps([row(masks=[parts])]))
    import_released(tmp_path / "rows.json", tmp_path / "set")
    (sample,) = read_rows(tmp_path / "set", "samples")
    mask = decode(sample["masks"][0]["rle"], (2, 3))
    assert np.array_equal(mask, [[True, False, False], [False, False, True]])
    assert sample["license"] == "unstated"
    assert sample["non_commercial"]
    assert sample["question"] == "Where?"


def test_rows_of_every_level_make_the_way_there_and_back(tmp_path: Path):
    mix = parse_mix("refer,caption,l1,l2", "all")
    generate(SourceSpec("procedural", "default"), tmp_path / "set", limit=4, mix=mix)
    export_released(tmp_path / "set", tmp_path / "out")
    result = import_released(tmp_path / "out", tmp_path / "back")
    assert result.quarantined == 0
    assert result.counts["samples"] == len(by_id(tmp_path / "set"))
    assert verify(tmp_path / "back").problems == []
