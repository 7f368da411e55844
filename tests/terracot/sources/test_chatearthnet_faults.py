"""ChatEarthNet downloads with faults: captions, splits, pictures and labels, one bad sample of each kind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chatearthnet_on_disk import (
    B8,
    B567,
    NE,
    NW,
    RGB,
    SE,
    SW,
    label_path,
    left_out,
    lisbon,
    opened,
    png,
    read_all,
    reason,
    write_captions,
    write_png,
    write_s1,
    write_tile,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terracot.cli import main
from terracot.scenes import SceneError, SourceError
from terracot.sources import chatearthnet_pictures
from terracot.sources.chatearthnet import ChatEarthNetSource


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lisbon(tmp_path)


# --- splits and captions ------------------------------------------------------------------------------------------


def test_split_and_captions_come_from_both_kinds_of_caption_files(tmp_path: Path) -> None:
    root = tmp_path / "c"
    names = write_tile(root, tmp_path / "satlas", parts=(RGB,))
    write_captions(root, {names[0]: "A coast.", names[1]: "A town."}, "35", "train")
    write_captions(root, {names[0]: "A long coast."}, "4v", "train")
    write_captions(root, {names[2]: "Sea."}, "4v", "val")
    write_captions(root, {names[3]: "Fields."}, "35", "test")
    source = opened(root)
    assert dict(source.listed.scenes) == {NW: "train", NE: "train", SW: "validation", SE: "test"}
    assert source.load(NW).provenance["captions"] == {"GPT-3.5": ["A coast."], "GPT-4V": ["A long coast."]}
    only = opened(root, split="test")
    assert list(only.ids()) == [SE]
    assert left_out(only)[NW] == "other_split"
    with pytest.raises(SourceError, match="train, validation, test; found split=val"):
        opened(root, split="val")


def test_pictures_in_two_splits_in_none_or_not_there_are_left_out(root: Path) -> None:
    write_captions(root, {NW: "x", NE: "x", "1_1_patch00": "gone"}, "35", "train")
    write_captions(root, {NE: "x"}, "4v", "test")
    source = opened(root)
    assert list(source.ids()) == [NW]
    assert left_out(source) == {
        NE: "split_conflict",
        SW: "missing_metadata",
        SE: "missing_metadata",
        "1_1_patch00": "not_downloaded",
    }
    assert {reason(root, name) for name in (NE,)} == {"split_conflict"}
    assert reason(root, "2_2_patch00") == "missing_image"


def test_a_part_of_the_pictures_is_a_usable_download(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The caption files come whole; a picture that lacks some of its bands is a defect all the same."""
    write_captions(root, {NW: "x", NE: "x", SW: "x", SE: "x"} | {f"{n}_1_patch00": "elsewhere" for n in range(100)})
    check = ["check", "chatearthnet", str(root), "-o", f"satlas={root.parent / 'satlas'}"]
    assert main(check) == 0
    assert "not_downloaded 100" in capsys.readouterr().out
    png(root, SE, B8).unlink()
    assert main(check) == 3
    assert "missing_image 1" in capsys.readouterr().out


def test_records_that_are_none_are_named_and_the_others_stay(root: Path) -> None:
    path = root / "json_files" / "ChatEarthNet_caps_4v_val.json"
    bad: list[Any] = [
        3,
        {"caption": "no name"},
        {"image": 7, "caption": "x"},
        {"image": "9000_1_patch00.png", "caption": "beyond the world"},
        {"image": f"{NW}.png", "image_id": f"{NE}.png", "caption": "two names"},
        {"image": f"{NW}.png", "caption": []},
        {"image": f"{NW}.png", "caption": None},
        {"image": f"{NW}.png", "caption": "\ud800"},
    ]
    good = [{"image": f"s2_images/{SE}.png", "caption": ["x"]}, {"image_id": SE, "caption": "y"}]
    write_captions(root, {NW: "x", NE: "x", SW: "x"})
    path.write_text(json.dumps(bad + good))
    source = opened(root)
    assert source.listed.scenes[SE] == "validation"
    assert source.load(SE).provenance["captions"] == {"GPT-4V": ["x", "y"]}
    assert left_out(source) == {f"{path.name} record {i}": "bad_record" for i in range(len(bad))}


@pytest.mark.parametrize("content", ["[", "{}", "", "7", '{"a": ' * 5000, "\x00", "[1e999999"])
def test_broken_caption_files_are_a_source_error_that_names_them(root: Path, content: str) -> None:
    (root / "json_files" / "ChatEarthNet_caps_35_val.json").write_text(content)
    with pytest.raises(SourceError, match=r"json_files: ChatEarthNet_caps_35_val\.json.*again"):
        opened(root).ids()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([NW, f"{NE}.png"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image", "image_id", "caption", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON | st.lists(JSON, max_size=4))
def test_whatever_the_caption_files_hold_only_named_errors_come_out(root: Path, value: Any) -> None:
    (root / "json_files" / "ChatEarthNet_caps_35_test.json").write_text(json.dumps(value))
    try:
        source = opened(root)
        ids = source.ids()
        json.dumps([source.load(name).provenance for name in ids if name.endswith("00")]).encode()
    except (SceneError, SourceError):
        return
    assert set(ids) <= {NW, NE, SW, SE}


# --- one bad sample of each kind ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("part", [RGB, B567, B8])
def test_white_and_black_stand_ins_are_no_pictures(root: Path, value: int, part: str) -> None:
    write_png(png(root, NW, part), np.full((256, 256, 3), value, np.uint8))
    assert reason(root) == "placeholder"


def test_stand_ins_are_known_by_the_hash_of_their_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(png(root, NW).read_bytes()).hexdigest()
    assert chatearthnet_pictures.PLACEHOLDERS == ("13c0915d", "3b93f262")
    monkeypatch.setattr(chatearthnet_pictures, "PLACEHOLDERS", ("0" * 9, digest[:8]))
    assert reason(root) == "placeholder"
    read_all(opened(root).load(SE))


def test_one_colour_that_is_neither_white_nor_black_is_a_picture(root: Path) -> None:
    write_png(png(root, NW), np.full((256, 256, 3), (20, 40, 90), np.uint8))  # open sea
    scene = opened(root).load(NW)
    read_all(scene)
    assert scene.frames[0].pixels()[:3, 0, 0].tolist() == [20, 40, 90]


@pytest.mark.parametrize("part", [RGB, B567, B8])
def test_a_scene_that_lacks_one_of_three_pictures_is_left_out(root: Path, part: str) -> None:
    png(root, NW, part).unlink()
    source = opened(root)
    assert (left_out(source), list(source.ids())) == ({NW: "missing_image"}, [NE, SW, SE])
    assert reason(root) == "missing_image"


def test_wrong_sizes_bands_and_types_are_refused(root: Path) -> None:
    path = png(root, NW, B8)
    write_png(path, np.full((255, 256, 3), 9, np.uint8))
    assert reason(root) == "frame_shape"
    write_png(path, np.full((256, 256), 9, np.uint8))
    assert reason(root) == "band_count"
    write_png(path, np.full((256, 256, 4), 9, np.uint8))
    assert reason(root) == "band_count"
    write_s1(root.parent / "s1", NW)
    write_png(root.parent / "s1" / "vv" / f"{NW}.png", np.full((256, 256), 900, np.uint16))
    write_png(path, np.full((256, 256, 3), 9, np.uint8))
    assert reason(root, s1=str(root.parent / "s1")) == "pixel_type"


@pytest.mark.parametrize("keep", [0, 30, 3000, -2000])
@pytest.mark.parametrize("part", [RGB, B8])
def test_truncated_pictures_are_refused(root: Path, part: str, keep: int) -> None:
    path = png(root, NW, part)
    path.write_bytes(path.read_bytes()[:keep])
    assert reason(root) == ("unreadable" if keep else "empty_file")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(8, 20_000), st.binary(min_size=1, max_size=40))
def test_damaged_pictures_and_labels_give_scene_errors_only(root: Path, at: int, junk: bytes) -> None:
    for path in (png(root, NE), label_path(root.parent / "satlas")):
        content = path.read_bytes()
        at = min(at, len(content) - 1)
        path.write_bytes(content[:at] + junk + content[at + len(junk) :])
        try:
            read_all(opened(root).load(NE))
        except SceneError as error:
            assert error.reason in (  # noqa: PT017
                "unreadable",
                "band_count",
                "frame_shape",
                "label_shape",
                "unknown_code",
                "pixel_type",
                "quadrant_undecided",
                "placeholder",
                "no_valid_pixels",
            )
        path.write_bytes(content)


def test_names_of_another_kind_and_beyond_the_world_are_left_out(root: Path) -> None:
    for name in ("8192_1_patch00", "1_8192_patch00", "1_1_patch02", "01_1_patch00", "1_1_patch0", "preview"):
        write_png(png(root, name), np.full((256, 256, 3), 9, np.uint8))
    write_png(png(root, "._3886_3141_patch00"), np.zeros((1, 1), np.uint8))
    found = left_out(opened(root))
    assert set(found.values()) == {"unexpected_name"}
    assert f"{RGB}/s2_images/8192_1_patch00.png" in found
    assert len(found) == 6


def test_a_picture_that_lies_twice_is_left_out(root: Path) -> None:
    other = root / RGB / "again" / "deep" / f"{NW}.png"
    write_png(other, np.full((256, 256, 3), 9, np.uint8))
    assert left_out(opened(root)) == {NW: "ambiguous_files"}


def test_labels_that_are_missing_broken_or_of_another_kind_are_refused(root: Path) -> None:
    path = label_path(root.parent / "satlas")
    write_png(path, np.full((512, 512), 12, np.uint8))
    assert reason(root) == "unknown_code"
    write_png(path, np.full((256, 256), 1, np.uint8))
    assert reason(root) == "label_shape"
    write_png(path, np.full((512, 512, 3), 1, np.uint8))
    assert reason(root) == "band_count"
    write_png(path, np.zeros((512, 512), np.uint8))
    assert reason(root) == "no_valid_pixels"
    path.write_bytes(path.read_bytes()[:40])
    assert reason(root) == "unreadable"
    path.unlink()
    assert reason(root) == "missing_label"
    assert reason(root, NE) == "missing_label"


def test_wrong_folders_say_what_is_expected_and_what_is_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found no folder"):
        opened(tmp_path / "gone", satlas=str(root.parent / "satlas"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SourceError, match=r"s2_rgb_images.*no s2_rgb_images, no json_files, but nothing"):
        opened(empty)
    (root / B8).rename(root / "elsewhere")
    with pytest.raises(SourceError, match="no s2_band_8_11_12_images, but elsewhere, json_files"):
        opened(root)
    (root / "elsewhere").rename(root / B8)
    (root / "json_files" / "ChatEarthNet_caps_35_train.json").rename(root / "json_files" / "notes.json")
    with pytest.raises(SourceError, match=r"found none; they say which split.*json_files\.zip"):
        opened(root).ids()


def test_labels_have_to_be_chosen_and_only_one_kind(root: Path, tmp_path: Path) -> None:
    for options, words in (({}, "neither"), ({"satlas": "a", "worldcover": "b"}, "both")):
        with pytest.raises(SourceError, match=rf"found {words}.*-o satlas=FOLDER.*-o worldcover=PATH"):
            ChatEarthNetSource(root, **options)
    with pytest.raises(SourceError, match=r"-o satlas=gone.*found no folder"):
        opened(root, satlas=str(tmp_path / "gone"))
    with pytest.raises(SourceError, match=r"static/<col>_<row>/land_cover\.png.*found json_files, s2_band"):
        opened(root, satlas=str(root))
    with pytest.raises(SourceError, match="worldcover"):
        opened(root, worldcover=str(tmp_path / "gone"))
