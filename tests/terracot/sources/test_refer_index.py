"""The index of a referring set: one bad record costs only itself, hostile content only a clear error."""

from __future__ import annotations

import contextlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refer_on_disk import (
    IMAGES,
    annotation,
    areas,
    image_record,
    instances,
    load_reason,
    pixels,
    places,
    reasons,
    reference,
    region,
    rrsisd,
    write,
)

from terracot.scenes import SceneError, SourceError
from terracot.sources.published import category
from terracot.sources.refer import ReferSource
from terracot.sources.refer_index import phrase_index, read_json, refer_index
from terracot.sources.refer_regions import burn

Bad = Callable[[dict[str, Any], dict[str, Any]], Any]


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
