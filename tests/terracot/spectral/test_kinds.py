"""Spectral questions on scenes whose bands are known: what is asked, what is left out, and what verify finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from make_bands import frame, problems_of, scene, sentinel

from terracot.assembly import FILTERS, Plan
from terracot.dataset import generate
from terracot.findings import Finding, SceneFacts, pixels_sha256
from terracot.generate import shard_samples, source_spec
from terracot.language import NUMBER
from terracot.levels import Mix
from terracot.questions import ask
from terracot.samples import SAMPLE_SCHEMA, content_id
from terracot.scenes import Modality
from terracot.shards import content_sha256, scene_row, write_shard
from terracot.sources import open_source
from terracot.spectral import phrases
from terracot.spectral.kinds import KINDS
from terracot.verify import verify

SETTINGS = "{scenes: 24, size: 64, bands: multispectral, cloud_share: 0.4, families: {landscape: 0.6, change: 0.4}}"
BY_NAME = {kind.name: kind for kind in KINDS}


def halves() -> np.ndarray:
    """Water on the left, tree cover on the right, 10 x 10."""
    classes = np.zeros((10, 10))
    classes[:, 5:] = 2
    return classes


def found(facts: SceneFacts, kind: str) -> list[Finding]:
    return BY_NAME[kind].findings(facts, FILTERS)


def two_classes(water_nir: float = 0.05) -> SceneFacts:
    """Tree cover of NDVI 0.6 (0.4 and 0.1), water of green 0.1 and red 0.1."""
    classes = halves()
    pixels = sentinel((10, 10), B08=np.where(classes == 2, 0.4, water_nir))
    return SceneFacts(scene({1: classes}, [frame(pixels)], scene_id="two"))


def test_the_class_with_the_higher_mean_is_the_answer() -> None:
    # Of every index that this scene may be asked about: NDVI and NBR are higher over trees, NDWI over water.
    (one,) = found(two_classes(), "index_compare")
    assert one.truth.text == ("water" if one.parameters["index"] == "NDWI" else "tree cover")
    assert one.class_names == ("water", "tree cover")


def test_means_that_are_too_close_are_not_compared() -> None:
    assert found(two_classes(water_nir=0.39), "index_compare") == []


def test_the_water_index_confirms_the_part_above_zero() -> None:
    pixels = sentinel((10, 10), B03=0.1, B08=0.2, B11=0.2)
    pixels[3, :7, :5] = pixels[4, :7, :5] = 0.05  # 35 of the 50 pixels of water: green 0.1 above 0.05
    (one,) = found(SceneFacts(scene({1: halves()}, [frame(pixels)])), "index_water")
    assert (one.truth.value, one.truth.text, one.class_names) == (70.0, "70%", ("water",))


def test_a_class_that_is_mostly_hidden_is_not_measured() -> None:
    hidden = np.zeros((10, 10), bool)
    hidden[:6, 5:] = True  # 30 of the 50 pixels of trees
    pixels = sentinel((10, 10), B08=0.3)
    facts = SceneFacts(scene({1: halves()}, [frame(pixels, hidden=hidden)]))
    assert [one.class_names for one in found(facts, "index_mean")] == [("water",)]


def series(values: list[float], cloudy: tuple[int, ...] = (), static: bool = True) -> SceneFacts:
    """Near infrared of these values on all land, red 0.1; some dates are behind clouds."""
    frames = [
        frame(sentinel((10, 10), B08=v, B11=v, B12=0.1), t=t, hidden=np.full((10, 10), t in cloudy))
        for t, v in enumerate(values, 1)
    ]
    return SceneFacts(scene({1: np.ones((10, 10))}, frames, provenance={"static_labels": static}))


def test_a_series_leaves_out_clouds_and_says_so() -> None:
    facts = series([0.3, 0.9, 0.9, 0.15], cloudy=(2, 3))
    (one,) = found(facts, "index_change")
    first = {"NDVI": 0.5, "NDWI": -0.5, "MNDWI": -0.5, "NBR": 0.5}[one.parameters["index"]]  # of 0.3 and 0.1
    last = {"NDVI": 0.2, "NDWI": -0.2, "MNDWI": -0.2, "NBR": 0.2}[one.parameters["index"]]  # of 0.15 and 0.1
    assert one.truth.value == pytest.approx(last - first, abs=1e-6)
    assert [mask.t for mask in one.masks] == [1, 4]
    question = ask(one, facts.setting, 0)
    told = next(step for step in question.steps if "images 2 and 3" in step.text.lower())
    assert sorted(value.value for value in told.values) == [2, 3, 80]
    assert found(facts, "index_peak") == []  # two clear images are no series to find a peak in


def test_the_peak_of_a_series_is_among_its_clear_images() -> None:
    facts = series([0.2, 0.5, 0.9, 0.3], cloudy=(3,))
    (one,) = found(facts, "index_peak")
    falling = one.parameters["index"] in ("NDWI", "MNDWI")  # near infrared takes from them
    assert one.truth.text == ("image 1" if falling else "image 2")
    assert found(series([0.5, 0.51, 0.2, 0.3]), "index_peak") == [] or falling


def test_maps_of_their_own_are_needed_where_labels_may_change() -> None:
    assert found(series([0.3, 0.2, 0.1], static=False), "index_change") == []


def test_a_series_that_uses_a_hidden_image_has_no_answer() -> None:
    facts = series([0.3, 0.9, 0.15], cloudy=(2,))
    (one,) = found(facts, "index_change")
    forged = {**one.parameters, "left_out": 0}
    with pytest.raises(ValueError, match="not those of the images"):
        facts.finding("index_change", one.masks, forged)


def test_the_answer_of_a_finding_is_what_its_rule_says() -> None:
    source = open_source("procedural", SETTINGS)
    seen = set()
    for scene_id in source.ids()[:8]:
        facts = SceneFacts(source.load(scene_id))
        for kind in KINDS:
            for one in kind.findings(facts, FILTERS):
                assert one.truth == facts.finding(kind.name, one.masks, one.parameters).truth
                seen.add(kind.name)
    assert seen >= {"index_mean", "index_compare", "index_share", "index_water", "index_change"}


def test_every_phrasing_is_complete_and_none_comes_twice() -> None:
    for name in dir(phrases):
        lines = getattr(phrases, name)
        if name.isupper():
            assert len(set(lines)) == len(lines) >= (5 if name in SHORT else 20), name
            assert all(line[-1] in ".?:" for line in lines), name


SHORT = ("DEFINED", "PART_DEFINED", "CHANGE_SIGN", "STAYS", "CLEAR_IMAGES")
"""Sentences that only define, beside a question that has twenty forms of its own."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("spectral") / "out"
    generate(source_spec("procedural", SETTINGS), out, mix=Mix(("l2-spectral",), {}))
    return out


def test_a_spectral_set_is_verified_from_its_source(folder: Path) -> None:
    report = verify(folder)
    assert report.problems == []
    assert report.checked["rows"] >= 20
    rows = pq.read_table(folder / "data" / "samples-00000.parquet").to_pylist()
    assert {row["modality"] for row in rows} == {"multispectral+sar"}
    for row in rows:
        for text, values in [(row["question"], row["values"]), *((s["text"], s["values"]) for s in row["steps"])]:
            assert NUMBER.findall(text) == [value["text"] for value in values], text


def test_a_forged_index_is_found_without_the_source(tmp_path: Path) -> None:
    facts = two_classes()
    rows = shard_samples([facts], Plan(0, Mix(("l2-spectral",), {}), 0.0))[0]
    write_shard(tmp_path / "samples.parquet", rows, SAMPLE_SCHEMA)
    (row,) = pq.read_table(tmp_path / "samples.parquet").to_pylist()
    stored = scene_row(facts)
    assert problems_of(facts.scene, row, stored) == []
    text = json.dumps(row)
    measured = next(v for s in row["steps"] for v in s["values"] if v["quantity"] in ("index_mean", "index_difference"))
    forged = json.loads(text.replace(measured["text"], "0.987").replace(str(measured["value"]), "0.987"))
    forged["id"] = content_id(forged)
    problems = problems_of(facts.scene, forged, stored)
    assert any(measured["quantity"] in problem and "0.987" in problem for problem in problems)


def test_forged_pixels_change_what_is_measured() -> None:
    """Pixels, hash and picture replaced alike: the numbers of the trace no longer follow from them."""
    facts = two_classes()
    (row,) = shard_samples([facts], Plan(0, Mix(("l2-spectral",), {}), 0.0))[0]
    stored = scene_row(facts)
    pixels = sentinel((10, 10), B08=0.2)
    stored["frames"][0] |= {"pixels": pixels.tobytes(), "sha256": pixels_sha256(pixels)}
    stored["content_sha256"] = content_sha256(stored)
    assert any("index_" in problem or "answer is" in problem for problem in problems_of(facts.scene, row, stored))


def test_multispectral_frames_keep_the_bands_of_optical_ones() -> None:
    plain = open_source("procedural", "{scenes: 2, size: 64, families: {landscape: 1}}")
    wide = open_source("procedural", "{scenes: 2, size: 64, families: {landscape: 1}, bands: multispectral}")
    for scene_id in plain.ids():
        optical, multispectral = plain.load(scene_id).frames[0], wide.load(scene_id).frames[0]
        assert multispectral.modality == Modality.MULTISPECTRAL
        assert multispectral.bands == ("B02", "B03", "B04", "B08", "B11", "B12")
        assert np.array_equal(optical.pixels(), multispectral.pixels()[:4])
        assert 0 < multispectral.pixels()[4:].mean() < 0.6
