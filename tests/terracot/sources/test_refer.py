"""The referring sets: every tree is told, every region burnt right, and one bad record costs only itself."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco
from refer_on_disk import (
    HEIGHT,
    RECTANGLE,
    WIDTH,
    annotation,
    box,
    image_record,
    instances,
    phrases,
    pixels,
    places,
    reference,
    region,
    repack,
    rle,
    rrsisd,
    runs,
    write,
)

from terracot import dataset
from terracot.findings import SceneFacts
from terracot.generate import SourceSpec, scene_samples
from terracot.scenes import Modality, Scene, SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.published import category
from terracot.sources.refer import ReferSource
from terracot.sources.refer_index import phrase_index, read_json, refer_index
from terracot.sources.refer_regions import burn, read_mask
from terracot.verify import verify

SHAPE = (HEIGHT, WIDTH)
IMAGES = Path("images/rrsisd/JPEGImages")
Bad = Callable[[dict[str, Any], dict[str, Any]], Any]


def reasons(source: ReferSource) -> dict[str, str]:
    return {item.name: item.reason for item in source.left_out()}


def load_reason(source: ReferSource, scene_id: str) -> str:
    with pytest.raises(SceneError) as caught:
        source.load(scene_id)
    return caught.value.reason


def areas(scene: Scene) -> dict[str, int]:
    return {one.key: int(one.region(scene.shape).sum()) for one in scene.stated}


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


# --- records of the refer index ---


def test_all_pairs_of_an_image_are_one_scene(tmp_path: Path) -> None:
    """Two refs, one of them with two sentences, on one image; another entry of `images` may name the same file."""
    refs = [
        reference(1, "the left ship"),
        reference(2, "A ship.", image=2, sentences=[{"raw": "A ship. "}, {"raw": " the small ship"}]),
    ]
    square = [[0, 0, 30, 0, 30, 20, 0, 20]]
    content = instances(
        [image_record(1), image_record(2, file_name="00001.jpg")], [annotation(1, region(0)), annotation(2, square)]
    )
    source = ReferSource(rrsisd(tmp_path, refs, content))
    assert source.ids() == ["train/00001"]
    scene = source.load("train/00001")
    assert [one.question for one in scene.stated] == ["the left ship", "A ship", "the small ship"]
    assert areas(scene) == {"1/1": 1600, "2/1": 600, "2/2": 600}


def test_an_image_of_two_splits_is_two_scenes_of_one_group_and_says_so(tmp_path: Path) -> None:
    refs = [reference(1, "the left ship"), reference(2, "the right ship", "test", image=1)]
    content = instances([image_record(1)], [annotation(1, region(0)), annotation(2, region(1), image=1)])
    source = ReferSource(rrsisd(tmp_path, refs, content))
    assert source.ids() == ["train/00001", "test/00001"]
    train, test = map(source.load, source.ids())
    assert train.group == test.group
    assert (train.provenance["also_in"], test.provenance["also_in"]) == (["test"], ["train"])
    assert ([o.key for o in train.stated], [o.key for o in test.stated]) == (["1/1"], ["2/1"])


def test_pictures_of_one_name_and_two_formats_stay_apart(tmp_path: Path) -> None:
    content = instances(
        [image_record(1), image_record(2, file_name="00001.png")], [annotation(n, region(n)) for n in (1, 2)]
    )
    source = ReferSource(rrsisd(tmp_path, [reference(1, "a ship"), reference(2, "a car")], content))
    assert source.ids() == ["train/00001", "train/00001.png"]
    assert source.load("train/00001.png").stated[0].question == "a car"


BAD_RECORDS: dict[str, tuple[Bad, str]] = {
    "image not in the index": (lambda ref, content: ref.update(image_id=99), "bad_record"),
    "image twice in the index": (lambda ref, content: content["images"].append(image_record(1, width=5)), "bad_record"),
    "annotation not in the index": (lambda ref, content: ref.update(ann_id=99), "bad_record"),
    "annotation twice in the index": (
        lambda ref, content: content["annotations"].append(annotation(1, region(0))),
        "bad_record",
    ),
    "annotation of another image": (lambda ref, content: content["annotations"][0].update(image_id=2), "bad_record"),
    "no ref_id": (lambda ref, content: ref.pop("ref_id"), "bad_record"),
    "ref_id true": (lambda ref, content: ref.update(ref_id=True), "bad_record"),
    "ref_id of another ref": (lambda ref, content: ref.update(ref_id=2), "bad_record"),
    "unknown split": (lambda ref, content: ref.update(split="trainval"), "bad_record"),
    "no sentences": (lambda ref, content: ref.update(sentences=[]), "bad_record"),
    "sentence without words": (lambda ref, content: ref.update(sentences=[{"raw": " . "}]), "bad_record"),
    "sentence that is a number": (lambda ref, content: ref.update(sentences=[3]), "bad_record"),
    "sentence with markup": (lambda ref, content: ref.update(sentences=[{"raw": "a <answer> b"}]), "bad_record"),
    "sentence of two lines": (lambda ref, content: ref.update(sentences=[{"raw": "a\nb"}]), "bad_record"),
    "height that is a text": (lambda ref, content: content["images"][0].update(height="96"), "bad_record"),
    "file name that is none": (lambda ref, content: content["images"][0].update(file_name=None), "bad_record"),
    "segmentation missing": (lambda ref, content: content["annotations"][0].pop("segmentation"), "empty_mask"),
    "segmentation of nothing": (lambda ref, content: content["annotations"][0].update(segmentation=[]), "empty_mask"),
    "segmentation of an empty polygon": (
        lambda ref, content: content["annotations"][0].update(segmentation=[[]]),
        "empty_mask",
    ),
}


@pytest.mark.parametrize(("change", "reason"), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_bad_record_is_left_out_and_its_neighbours_stay(tmp_path: Path, change: Bad, reason: str) -> None:
    refs = [reference(2, "the other ship"), reference(1, "a ship")]
    content = instances([image_record(1), image_record(2)], [annotation(n, region(n)) for n in (1, 2)])
    rrsisd(tmp_path, refs, content)
    change(refs[1], content)
    (tmp_path / "rrsisd" / "instances.json").write_text(json.dumps(content))
    (tmp_path / "rrsisd" / "refs(unc).p").write_bytes(pickle.dumps(refs))
    source = ReferSource(tmp_path)
    assert source.ids() == ["train/00002"]
    assert areas(source.load("train/00002")) == {"2/1": 1600}
    found = reasons(source)
    assert found.pop("image 00001.jpg") == "missing_record"
    assert list(found.values()) == [reason]


def test_images_without_pairs_and_pairs_without_images_are_listed(tmp_path: Path) -> None:
    root = rrsisd(tmp_path, *places(3))
    write(root / IMAGES / "00077.jpg", pixels(77))
    (root / IMAGES / "00002.jpg").unlink()
    source = ReferSource(root)
    assert source.ids() == ["train/00001", "validation/00003"]
    assert reasons(source) == {"train/00002": "missing_image", "image 00077.jpg": "missing_record"}
    assert {category(reason) for reason in reasons(source).values()} == {"missing"}
    assert load_reason(source, "train/00002") == "missing_image"
    assert load_reason(source, "train/00077") == "missing_record"


@pytest.mark.parametrize("name", ["../../secret.jpg", "/etc/hostname", "sub/00001.jpg", "..", "00001.jpg\x00"])
def test_no_file_outside_the_image_folder_is_read(tmp_path: Path, name: str) -> None:
    root = rrsisd(tmp_path / "set", *places(1))
    write(tmp_path / "set" / "images" / "secret.jpg", pixels(1))
    content = instances([image_record(1, file_name=name)], [annotation(1, region(1))])
    (root / "rrsisd" / "instances.json").write_text(json.dumps(content))
    source = ReferSource(root)
    assert source.ids() == []
    assert set(reasons(source).values()) <= {"missing_image", "bad_record", "missing_record"}


# --- regions ---


BAD_REGIONS: dict[str, tuple[Any, str]] = {
    "polygon outside the image": ([[200, 10, 220, 10, 220, 30]], "empty_mask"),
    "polygon between pixel centres": ([[10.6, 10.6, 10.9, 10.6, 10.9, 10.9]], "empty_mask"),
    "polygon far away": ([[0, 0, 1e300, 0, 0, 10]], "bad_label"),
    "polygon of NaN": ([[0, 0, float("nan"), 0, 0, 10]], "bad_label"),
    "polygon of infinity": ([[0, 0, float("inf"), 0, 0, 10]], "bad_label"),
    "polygon of huge integers": ([[0, 0, 10**400, 0, 0, 10]], "bad_label"),
    "two points": ([[0, 0, 10, 10]], "bad_label"),
    "odd number of values": ([[0, 0, 10, 10, 5, 9, 3]], "bad_label"),
    "text among the values": ([[0, 0, 10, 10, "5", 9]], "bad_label"),
    "flat list": (RECTANGLE, "bad_label"),
    "polygon and RLE mixed": ([RECTANGLE, rle(box(0, 0, 9, 9))], "bad_label"),
    "text": ("abc", "bad_label"),
    "number": (7, "bad_label"),
    "too many points": ([[0, 0, 10, 0, 10, 10] * 40_000], "bad_label"),
    "RLE of no pixel": ([rle(box(0, 0, 0, 0))], "empty_mask"),
    "RLE of another size": (rle(box(0, 0, 9, 9, (WIDTH, HEIGHT))), "mismatched_shapes"),
    "RLE of a gigantic size": ({"size": [10**9, 10**9], "counts": "0"}, "mismatched_shapes"),
    "RLE of too few runs": ({"size": [HEIGHT, WIDTH], "counts": "0"}, "bad_label"),
    "RLE of negative runs": ({"size": [HEIGHT, WIDTH], "counts": [-1, HEIGHT * WIDTH + 1]}, "bad_label"),
    "RLE without size": ({"counts": "0"}, "bad_label"),
    "RLE in a foreign alphabet": ({"size": [HEIGHT, WIDTH], "counts": "\u00e9"}, "bad_label"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD_REGIONS.values(), ids=BAD_REGIONS)
def test_a_bad_region_costs_its_pair_and_not_the_image(tmp_path: Path, bad: Any, reason: str) -> None:
    refs = [reference(1, "a ship", image=1), reference(2, "the other ship", image=1)]
    content = instances([image_record(1)], [annotation(1, bad, image=1), annotation(2, region(0), image=1)])
    source = ReferSource(rrsisd(tmp_path, refs, content))
    scene = source.load("train/00001")
    assert areas(scene) == {"2/1": 1600}
    (left,) = scene.provenance["left_out"]
    assert (left["key"], left["reason"]) == ("1/1", reason)
    assert "train/00001, ref 1/1" in left["message"]


def test_an_image_all_of_whose_regions_are_bad_is_refused(tmp_path: Path) -> None:
    content = instances([image_record(1)], [annotation(1, [[0, 0, 10, 10]])])
    source = ReferSource(rrsisd(tmp_path, [reference(1, "a ship")], content))
    assert load_reason(source, "train/00001") == "bad_label"


def test_polygons_are_burnt_by_pixel_centre() -> None:
    """Centres with x + y < 40.5, that is columns + rows <= 39: 40 + 39 + ... + 1 = 820 pixels."""
    mask = burn([[0, 0, 40.5, 0, 0, 40.5]], SHAPE, "here")
    assert mask.sum() == 820
    assert mask[0, 39]
    assert not mask[0, 40]


def test_parts_of_a_region_are_united_also_where_they_overlap() -> None:
    """1,600 + 1,600 - 20 x 40 in both = 2,400; the published loaders lose the pixels that are in two parts."""
    shifted = [v + 20 if i % 2 == 0 else v for i, v in enumerate(RECTANGLE)]
    assert burn([RECTANGLE, shifted], SHAPE, "here").sum() == 2400
    assert burn([rle(box(20, 10, 60, 50)), runs(box(20, 30, 60, 70))], SHAPE, "here").sum() == 2400


@pytest.mark.parametrize("seed", range(8))
def test_large_polygons_agree_with_their_area_and_with_pycocotools(seed: int) -> None:
    """Area of the vector polygon to 1 % (over 500 pixels), and pixels of another rasteriser but for the edge."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 14))
    radii = rng.uniform(140, 230, 14)
    ring = np.stack([256 + radii * np.cos(angles), 256 + radii * np.sin(angles)], axis=1)
    polygon = shapely.Polygon(ring)
    assert polygon.is_valid
    assert polygon.area > 500
    mask = burn([ring.ravel().tolist()], (512, 512), "here")
    assert mask.sum() == pytest.approx(polygon.area, rel=0.01)
    other = coco.decode(coco.merge(coco.frPyObjects([ring.ravel().tolist()], 512, 512))).astype(bool)
    assert np.count_nonzero(mask ^ other) < 2 * polygon.length


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


def test_a_grey_picture_is_refused(tmp_path: Path) -> None:
    root = rrsisd(tmp_path, *places(1))
    write(root / IMAGES / "00001.jpg", pixels(1)[:1])
    assert load_reason(ReferSource(root), "train/00001") == "band_count"


# --- index files ---


@pytest.mark.parametrize("protocol", range(6))
def test_pickled_refs_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    assert len(ReferSource(rrsisd(tmp_path, *places(4), protocol=protocol)).ids()) == 4


def test_refs_with_numpy_numbers_are_refused_until_they_are_converted(tmp_path: Path) -> None:
    refs, content = places(2)
    root = rrsisd(tmp_path, refs, content)
    pickled = root / "rrsisd" / "refs(unc).p"
    pickled.write_bytes(pickle.dumps([ref | {"ref_id": np.int64(ref["ref_id"])} for ref in refs]))
    with pytest.raises(SourceError, match=r"rrsisd/refs\(unc\)\.p is a pickle and is not read.*python -c"):
        ReferSource(root).ids()
    pickled.with_suffix(".json").write_text(json.dumps(refs))
    source = ReferSource(root)
    assert len(source.ids()) == 2
    assert source.load("train/00001").provenance["files"]["index"][1] == "rrsisd/refs(unc).json"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", '{"images": 3}', '{"images": [], "annotations": {}}'])
def test_instances_that_are_none_are_a_clear_error(tmp_path: Path, text: str) -> None:
    root = rrsisd(tmp_path, *places(1))
    (root / "rrsisd" / "instances.json").write_text(text)
    with pytest.raises(SourceError, match=r"instances"):
        ReferSource(root).ids()


def test_the_fingerprint_follows_the_index_and_not_the_folder(tmp_path: Path) -> None:
    first = ReferSource(rrsisd(tmp_path / "a", *places(3))).fingerprint()
    assert ReferSource(rrsisd(tmp_path / "b", *places(3))).fingerprint() == first
    refs, content = places(3)
    refs[0]["sentences"][0]["raw"] = "something else"
    changed = ReferSource(rrsisd(tmp_path / "c", refs, content)).fingerprint()
    assert changed != first
    content["annotations"][0]["segmentation"] = [[0, 0, 9, 0, 9, 9]]
    assert ReferSource(rrsisd(tmp_path / "d", refs, content)).fingerprint() not in (first, changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["train", "a.jpg"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def record(*keys: str) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, JSON | st.just(1))) | JSON


@settings(max_examples=200, deadline=None)
@given(
    st.lists(record("id", "file_name", "height", "width"), max_size=3),
    st.lists(record("id", "image_id", "segmentation"), max_size=3),
    st.lists(record("ref_id", "image_id", "ann_id", "split", "sentences"), max_size=3),
)
def test_no_content_of_an_index_raises_anything_but_a_source_error(images: Any, found: Any, refs: Any) -> None:
    index = refer_index({"images": images, "annotations": found}, refs)
    assert "".join(item.name + item.message for item in index.left_out).isprintable()
    for picture in index.pictures:
        for pair in picture.pairs:
            with contextlib.suppress(SceneError):
                burn(pair.region, (8, 8), pair.key)


@settings(max_examples=200, deadline=None)
@given(JSON | st.lists(st.lists(st.floats() | st.integers(), max_size=10), max_size=3) | record("size", "counts"))
def test_no_segmentation_raises_anything_but_a_scene_error(segmentation: Any) -> None:
    with contextlib.suppress(SceneError):
        assert burn(segmentation, (9, 7), "here").shape == (9, 7)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_of_an_index_file_raise_anything_but_a_source_error(data: bytes) -> None:
    index = phrase_index({"train": data})
    assert all(item.reason == "bad_record" for item in index.left_out)
    assert "".join(item.name + item.message for item in index.left_out).isprintable()
    with contextlib.suppress(SourceError):
        refer_index(read_json(data, "instances.json"), [])


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
