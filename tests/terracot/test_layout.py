"""Mistakes in a layout are named with file, key, expectation and finding; nothing is guessed or ignored."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny_rasters import LAYOUT, opened, two_scenes, write

from terracot.scenes import SourceError
from terracot.sources.geotiff import GeoTiffSource


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return two_scenes(tmp_path)


MISTAKES: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda d: d.pop("license"), "key license: expected this key"),
    (lambda d: d.update(licence="x"), r"key licence: .*did you mean license"),
    (lambda d: d["frames"][0].update(ofset=-0.1), r"key frames\[0\]\.ofset: .*did you mean offset"),
    (lambda d: d["frames"][0].pop("bands"), r"key frames\[0\]\.bands"),
    (lambda d: d["frames"][0].update(bands=["B04", "B04"]), "each name once"),
    (lambda d: d["frames"][0].update(modality="radar"), "expected one of optical, sar, multispectral; found 'radar'"),
    (lambda d: d["frames"][0].update(unit="K"), "expected one of reflectance, dB, digital number"),
    (lambda d: d["frames"][0].update(scale="0.1 %"), "expected a finite number"),
    (lambda d: d["frames"][0].update(scale=True), "expected a finite number"),
    (lambda d: d["frames"][0].update(t=0), "expected a whole number from 1"),
    (lambda d: d["frames"][0].update(t=2), "dates t = 1, 2, 3"),
    (lambda d: d["frames"][0].update(files="/etc/{id}.tif"), "inside the data folder"),
    (lambda d: d["frames"][0].update(files="../{id}.tif"), "inside the data folder"),
    (lambda d: d["frames"][0].update(resample="cubic"), "expected one of bilinear"),
    (lambda d: d["frames"][0].update(bands=["x", "y", "z"]), r"key frames\[0\]\.display: expected this key"),
    (lambda d: d["frames"][0].update(display={"bands": ["B02"] * 3, "low": 3, "high": 1}), "values above low"),
    (lambda d: d["frames"][0].update(display={"bands": ["B99"] * 3, "low": 0, "high": 1}), "B02, B03, B04"),
    (lambda d: d["frames"][0].update(hidden={"files": "m/{id}.tif"}), "either `equals"),
    (lambda d: d["frames"][0].update(time={"match": "("}), "a regular expression"),
    (lambda d: d["frames"][0].update(time={}), "`fixed`, or any of"),
    (lambda d: d["frames"][0].update(time={"column": "date"}), r"columns \['date'\] are used"),
    (lambda d: d.update(frames=d["frames"] * 2), "different names"),
    (lambda d: d.update(frames=[]), "at least one entry"),
    (lambda d: d.update(frames={"a": 1}), "expected a list"),
    (lambda d: d["labels"][0].update(t=2), "each date at most once"),
    (lambda d: d.update(labels=d["labels"] * 2), "each date at most once"),
    (lambda d: d.pop("legend"), "a legend here or at the top"),
    (lambda d: d["legend"]["classes"][0].update(codes=1), r"key legend\.classes\[0\]\.codes: expected a list"),
    (lambda d: d["legend"]["classes"][0].update(codes=[2]), r"raw codes \[2\] are listed twice"),
    (lambda d: d["legend"]["classes"][0].update(color=[0, 0, 300]), "0 to 255"),
    (
        lambda d: d["legend"]["classes"][0].update(plural="both"),
        r"key legend\.classes\[0\]\.plural: expected true or false; found 'both'",
    ),
    (lambda d: d["legend"]["classes"][0].update(plural=1), r"classes\[0\]\.plural: expected true or false"),
    (lambda d: d.update(ground={"nominal_m": 10}), "expected a list of 2"),
    (lambda d: d.update(ground={"nominal_m": [10, -10]}), "two positive numbers"),
    (lambda d: d.update(overrides={2: {"S2": {"offset": 1}}}), "in quotes"),
    (lambda d: d.update(overrides={"a": {"S3": {"offset": 1}}}), "the name of a frame"),
    (lambda d: d.update(overrides={"a": {"S2": {"bands": []}}}), "one of the keys scale"),
    (lambda d: d.update(index="gone.csv"), "expected the file gone.csv"),
    (lambda d: d.update(ids=[1]), "numbers in quotes"),
]


@pytest.mark.parametrize(("change", "words"), MISTAKES, ids=[w[:40] for _, w in MISTAKES])
def test_mistake_in_the_layout_names_file_key_and_expectation(
    folder: Path, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        opened(folder, change)
    assert "terracot.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "cannot be read as YAML"),
        ("- a\n- b", "expected a mapping"),
        ("", "expected a mapping"),
        ("name: a\nname: b", r"keys written twice: \['name'\]"),
        ("name: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
    ],
)
def test_file_that_is_no_layout_is_refused(folder: Path, text: str, words: str) -> None:
    (folder / "terracot.yaml").write_text(text)
    with pytest.raises(SourceError, match=words):
        GeoTiffSource(folder)


def test_index_without_the_column_is_refused(folder: Path) -> None:
    (folder / "index.csv").write_text("id,b\na,1\n")
    with pytest.raises(SourceError, match=r"columns \['place'\] are not in index\.csv \(it has \['id', 'b'\]\)"):
        opened(folder, lambda d: d.update(index="index.csv", group={"column": "place"}))


def test_images_without_labels_are_scenes_on_the_grid_of_the_finest_image(tmp_path: Path) -> None:
    layout = copy.deepcopy(LAYOUT)
    del layout["labels"], layout["legend"]
    folder = tmp_path / "images"
    (folder / "image").mkdir(parents=True)
    (folder / "terracot.yaml").write_text(yaml.safe_dump(layout))
    write(folder / "image" / "a.tif", np.full((3, 6, 5), 1000, np.uint16))
    source = GeoTiffSource(str(folder))
    assert list(source.ids()) == ["a"]
    scene = source.load("a")
    assert (scene.shape, scene.labels, scene.ground.dy_m) == ((6, 5), (), 10.0)
