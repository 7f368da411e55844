"""The referring sets: every tree is told, images and phrases come with their regions, all the way to a data set."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refer_on_disk import (
    HEIGHT,
    IMAGES,
    SHAPE,
    WIDTH,
    annotation,
    areas,
    box,
    image_record,
    instances,
    load_reason,
    phrases,
    pixels,
    places,
    reasons,
    reference,
    region,
    repack,
    rle,
    rrsisd,
    write,
)

from terracot import dataset
from terracot.findings import SceneFacts
from terracot.generate import SourceSpec, scene_samples
from terracot.scenes import Modality, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.refer import ReferSource
from terracot.sources.refer_regions import read_mask
from terracot.verify import verify

# --- trees ---


def test_rrsisd_as_its_owners_pack_it_gives_images_phrases_and_regions(tmp_path: Path) -> None:
    source = ReferSource(rrsisd(tmp_path / "data", *places(5)))
    assert source.ids() == ["train/00001", "train/00002", "train/00005", "validation/00003", "test/00004"]
    assert source.left_out() == []
    scene = source.load("validation/00003")
    assert (scene.id, scene.source, scene.split, scene.group) == (
        "validation/00003",
        "refer",
        "validation",
        "rrsisd/00003",
    )
    assert (scene.license, scene.labels, scene.crs, scene.transform) == ("LicenseRef-unstated-RRSIS-D", (), None, None)
    assert (scene.ground.basis, scene.ground.known) == ("unknown", False)
    (frame,) = scene.frames
    assert (frame.id, frame.modality, frame.bands) == ("validation/00003/RGB", Modality.OPTICAL, ("R", "G", "B"))
    assert (frame.unit, frame.display.low, frame.display.high) == ("digital number", (0, 0, 0), (255, 255, 255))
    assert np.abs(frame.pixels().astype(int) - pixels(3)).mean() < 12  # as far as JPEG goes: right picture, right order
    (one,) = scene.stated
    assert (one.key, one.task, one.question, one.answer) == ("3/1", "refer", "The ship number 3 at the pier", "")
    assert np.array_equal(one.region(scene.shape), box(20, 10, 60, 50))
    where = scene.provenance
    assert where["files"] == {
        "image": "images/rrsisd/JPEGImages/00003.jpg",
        "index": ["rrsisd/instances.json", "rrsisd/refs(unc).p"],
    }
    assert where["pairs"] == {"3/1": {"ref_id": 3, "ann_id": 3, "image_id": 3}}
    assert (where["also_in"], where["left_out"]) == ([], [])
    assert str(tmp_path) not in json.dumps(dict(where))


def test_expressions_of_the_xml_files_are_never_taken(tmp_path: Path) -> None:
    """RMSIN issue 32: of several expressions in a file only the last has a mask; the refs have that one."""
    source = ReferSource(rrsisd(tmp_path, *places(3)))
    said = [one.question for name in source.ids() for one in source.load(name).stated]
    assert len(said) == 3
    assert not [text for text in said if "without a mask" in text]


@pytest.mark.parametrize("kind", range(4))
def test_polygons_and_all_forms_of_run_lengths_give_the_same_region(tmp_path: Path, kind: int) -> None:
    """40 columns x 40 rows = 1,600 pixels; RRSIS-D writes a list with one RLE in it."""
    content = instances([image_record(1)], [annotation(1, region(kind))])
    scene = ReferSource(rrsisd(tmp_path, [reference(1, "a ship")], content)).load("train/00001")
    mask = scene.stated[0].region(scene.shape)
    assert mask.sum() == 1600
    assert np.array_equal(mask, box(20, 10, 60, 50))


@pytest.mark.parametrize(
    ("folder", "new", "told"), [("rrsisd", True, "rrsisd"), ("any", True, "rrsisd"), ("risbench", False, "risbench")]
)
def test_repacks_are_told_by_their_names(tmp_path: Path, folder: str, new: bool, told: str) -> None:
    source = ReferSource(repack(tmp_path / folder, *places(2), new=new))
    scene = source.load("train/00001")
    assert (source.layout.set, scene.group) == (told, f"{told}/00001")
    assert areas(scene) == {"1/1": 1600}


def test_a_repack_below_the_given_folder_is_found(tmp_path: Path) -> None:
    repack(tmp_path / "risbench", *places(2))
    assert ReferSource(tmp_path).load("train/00002").license == "LicenseRef-unstated-RISBench"


def test_a_refer_index_of_an_unnamed_set_asks_which_it_is(tmp_path: Path) -> None:
    """VRSBench and others come in the same format under other terms."""
    root = repack(tmp_path / "vrsbench_seg", *places(2))
    with pytest.raises(SourceError, match=r"nothing says of which set; give set=rrsisd"):
        ReferSource(root)
    assert ReferSource(root, set="risbench").load("train/00001").license == "LicenseRef-unstated-RISBench"


def test_two_sets_in_one_folder_are_not_mixed(tmp_path: Path) -> None:
    repack(tmp_path / "risbench", *places(2))
    repack(tmp_path / "rrsisd", *places(2), new=True)
    with pytest.raises(SourceError, match="several sets lie in"):
        ReferSource(tmp_path)
    assert ReferSource(tmp_path, set="rrsisd").layout.set == "rrsisd"


def test_a_wrong_folder_is_told_what_was_expected_and_found(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(SourceError, match=r"output_phrase_train\.txt.*found holiday in"):
        ReferSource(tmp_path)
    with pytest.raises(SourceError, match="found set=vrsbench"):
        ReferSource(tmp_path, set="vrsbench")
    (tmp_path / "rrsisd").mkdir()
    (tmp_path / "rrsisd" / "instances.json").write_text("{}")
    (tmp_path / "rrsisd" / "refs(unc).json").write_text("[]")
    with pytest.raises(SourceError, match="index of rrsisd, but no images"):
        ReferSource(tmp_path)


def test_split_restricts_the_scenes(tmp_path: Path) -> None:
    source = ReferSource(rrsisd(tmp_path, *places(5)), split="test")
    assert source.ids() == ["test/00004"]
    assert Counter(reasons(source).values()) == {"other_split": 4}


# --- RefSegRS and RISBench as phrase files ---

LINES = {"train": [("1361", "paved road"), ("7", "Vehicle on the road.")], "val": [("12", "low vegetation")]}


def test_refsegrs_gives_each_id_its_phrase_and_its_mask(tmp_path: Path) -> None:
    """Mask n has 8 rows x (2 + n % 50) columns: 1361 -> 8 x 13 = 104, 7 -> 8 x 9 = 72."""
    source = ReferSource(phrases(tmp_path / "RefSegRS", LINES))
    assert source.ids() == ["train/1361", "train/7", "validation/12"]
    scene = source.load("train/1361")
    assert (scene.license, scene.stated[0].question, areas(scene)) == ("CC-BY-4.0", "paved road", {"1361/1": 104})
    assert np.array_equal(scene.frames[0].pixels(), pixels(1361))
    other = source.load("train/7")
    assert (other.stated[0].question, areas(other)) == ("Vehicle on the road", {"7/1": 72})
    assert other.provenance["files"]["image"] == "images/7.tif"


@pytest.mark.parametrize("foreground", [1, 255])
def test_masks_of_ones_and_of_255_mean_the_same(tmp_path: Path, foreground: int) -> None:
    source = ReferSource(phrases(tmp_path, LINES, foreground=foreground))
    assert areas(source.load("train/7")) == {"7/1": 72}


def test_noise_of_lossy_masks_is_rounded_away(tmp_path: Path) -> None:
    source = ReferSource(phrases(tmp_path, LINES))
    write(tmp_path / "masks" / "7.tif", np.where(box(0, 0, 10, 10), 244, 9))
    assert areas(source.load("train/7")) == {"7/1": 100}


def test_risbench_as_its_users_read_it_has_endings_in_its_lines(tmp_path: Path) -> None:
    lines = {"train": [("3.png", "a bridge")], "test": [("4", "a dam")]}
    source = ReferSource(phrases(tmp_path, lines, ("img_rgb", "mask"), ".png"))
    assert source.ids() == ["train/3", "test/4"]
    assert source.load("train/3").license == "LicenseRef-unstated-RISBench"


def test_risbench_laid_out_as_refsegrs_does_not_get_its_licence(tmp_path: Path) -> None:
    root = phrases(tmp_path / "RISBench_dataset", LINES)
    with pytest.raises(SourceError, match="say which set it is"):
        ReferSource(root)
    assert ReferSource(root, set="risbench").load("train/7").license == "LicenseRef-unstated-RISBench"
    many = phrases(tmp_path / "any", LINES)
    (many / "output_phrase_test.txt").write_text("7 a ship\n" * 4421)
    with pytest.raises(SourceError, match="has 4424 phrases"):
        ReferSource(many)


def test_copies_of_one_image_are_one_place(tmp_path: Path) -> None:
    """Every pair has a copy of its image under its own id; folds and the leakage guard must see through that."""
    source = ReferSource(phrases(tmp_path, LINES))
    write(tmp_path / "images" / "12.tif", pixels(7))
    groups = {name: source.load(name).group for name in source.ids()}
    assert groups["validation/12"] == groups["train/7"]
    assert groups["train/1361"] != groups["train/7"]


def test_images_and_masks_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    """The viewer of the hub mixes the two folders."""
    source = ReferSource(phrases(tmp_path, LINES))
    assert source.left_out() == []
    (tmp_path / "masks" / "7.tif").unlink()
    (tmp_path / "images" / "12.tif").unlink()
    source = ReferSource(tmp_path)
    assert source.ids() == ["train/1361"]
    assert reasons(source) == {"train/7": "missing_label", "validation/12": "missing_image"}


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.zeros(SHAPE), "empty_mask"),
        (np.ones((HEIGHT, WIDTH + 1)), "mismatched_shapes"),
        (np.stack([box(0, 0, 9, 9), box(0, 0, 9, 9), box(0, 0, 8, 9)]), "bad_label"),
        (np.stack([box(0, 0, 9, 9)] * 2), "bad_label"),
    ],
)
def test_a_bad_mask_file_is_an_error_of_its_image(tmp_path: Path, mask: Any, reason: str) -> None:
    source = ReferSource(phrases(tmp_path, LINES))
    write(tmp_path / "masks" / "7.tif", mask * 1)
    assert load_reason(source, "train/7") == reason
    assert areas(source.load("train/1361")) == {"1361/1": 104}


def test_a_mask_of_three_equal_bands_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.png", np.stack([box(0, 0, 9, 9)] * 3) * 255)
    assert read_mask(path, "m.png", SHAPE).sum() == 81


def test_broken_lines_cost_themselves_only(tmp_path: Path) -> None:
    root = phrases(tmp_path, LINES)
    text = b"1361 paved road\r\n\r\n7\n8 \n9 caf\xe9\n\xff1 x\n7 a [SEG] here\n7 van\n7 " + b"a" * 501 + b"\n"
    (root / "output_phrase_train.txt").write_bytes(text)
    source = ReferSource(root)
    assert source.ids() == ["train/1361", "train/7", "validation/12"]
    assert [one.question for one in source.load("train/1361").stated] == ["paved road"]
    assert [one.question for one in source.load("train/7").stated] == ["van"]
    assert reasons(source) == {f"train, line {n}": "bad_record" for n in (3, 4, 5, 6, 7, 9)}


def test_several_phrases_of_one_id_share_its_mask(tmp_path: Path) -> None:
    source = ReferSource(phrases(tmp_path, {"train": [("7", "van"), ("7", "white van")]}))
    assert areas(source.load("train/7")) == {"7/1": 72, "7/2": 72}


# --- images ---


def test_an_image_of_another_size_than_the_index_says_is_refused(tmp_path: Path) -> None:
    root = rrsisd(tmp_path, *places(2))
    write(root / IMAGES / "00001.jpg", pixels(1, (HEIGHT, WIDTH - 8)))
    source = ReferSource(root)
    assert load_reason(source, "train/00001") == "mismatched_shapes"
    assert areas(source.load("train/00002")) == {"2/1": 1600}


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.9])
def test_a_truncated_picture_is_unreadable(tmp_path: Path, kept: float) -> None:
    root = rrsisd(tmp_path, *places(1))
    path = root / IMAGES / "00001.jpg"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(SceneError, match=r"images/rrsisd/JPEGImages/00001\.jpg.*truncated") as caught:
        ReferSource(root).load("train/00001").frames[0].pixels()
    assert caught.value.reason == "unreadable"


def test_a_black_picture_is_a_placeholder(tmp_path: Path) -> None:
    root = rrsisd(tmp_path, *places(1))
    write(root / IMAGES / "00001.jpg", np.zeros_like(pixels(1)))
    with pytest.raises(SceneError, match="nothing to see") as caught:
        ReferSource(root).load("train/00001").frames[0].pixels()
    assert caught.value.reason == "placeholder"


def test_a_grey_picture_is_refused(tmp_path: Path) -> None:
    root = rrsisd(tmp_path, *places(1))
    write(root / IMAGES / "00001.jpg", pixels(1)[:1])
    assert load_reason(ReferSource(root), "train/00001") == "band_count"


# --- through the library ---


def test_samples_ask_for_the_phrase_and_hold_its_region(tmp_path: Path) -> None:
    source = ReferSource(rrsisd(tmp_path, *places(1)))
    (row,) = scene_samples(SceneFacts(source.load("train/00001")), seed=0)
    assert (row["level"], row["kind"], row["ground_basis"]) == ("refer", "refer", "unknown")
    assert "the ship number 1 at the pier" in row["question"]
    assert row["text"].count("[SEG]") == 1
    assert [mask["rle"] for mask in row["masks"]] == [rle(box(20, 10, 60, 50))]


@pytest.mark.parametrize("tree", ["rrsisd", "refsegrs"])
def test_a_data_set_made_of_it_verifies_against_its_source(tmp_path: Path, tree: str) -> None:
    root = tmp_path / "RefSegRS"
    if tree == "rrsisd":
        root = rrsisd(tmp_path / "set", *places(8))
    else:
        phrases(root, {"train": [(str(n), f"car number {n}") for n in range(1, 9)]})
    spec = SourceSpec("refer", str(root), (("set", tree),))
    summary = dataset.generate(spec, tmp_path / "out")
    assert (summary.scenes_read, summary.quarantined) == (8, 0)
    assert summary.counts["samples"] == 8
    report = verify(tmp_path / "out", str(root))
    assert report.problems == []
    assert report.checked["scenes rebuilt from source"] == 8


def test_the_source_opens_by_its_registered_name(tmp_path: Path) -> None:
    rrsisd(tmp_path, *places(2))
    assert open_source("refer", str(tmp_path), split="train", set="rrsisd").ids() == ["train/00001", "train/00002"]


# --- a real download ---

REAL = {"rrsisd": 17_402, "refsegrs": 4_420, "risbench": 52_472}


def test_a_real_download_has_the_published_number_of_pairs() -> None:
    """Opt-in: TERRASCOPE_REFER is the folder of one of the sets (TERRASCOPE_REFER_SET where it is not told)."""
    stated = os.environ.get("TERRASCOPE_REFER")
    if not stated:
        pytest.skip("TERRASCOPE_REFER is not set")
    source = ReferSource(stated, set=os.environ.get("TERRASCOPE_REFER_SET"))
    parts = Counter(item.reason for item in source.left_out())
    pairs = sum(len(entry.picture.pairs) for entry in source._entries.values())
    assert pairs + parts["bad_record"] + parts["empty_mask"] == REAL[source.layout.set], parts
    scene = source.load(source.ids()[0])
    assert scene.frames[0].pixels().shape == (3, *scene.shape)
    assert scene.shape == ((800, 800) if source.layout.set == "rrsisd" else (512, 512))
