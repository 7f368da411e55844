"""The fitted baselines: what they read out of words and learn from pixels, and what they say when they cannot."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_bench import make_bench
from terrabaselines.blind import Blind
from terrabaselines.segment_then_measure import SegmentThenMeasure
from terrabaselines.segment_then_measure.boosting import Boosting
from terrabaselines.segment_then_measure.lessons import Lesson, labels_of, layers_of
from terrabaselines.segment_then_measure.measuring import answer, buildings, regions_for, without_small
from terrabaselines.segment_then_measure.segmentation import Segmentation, fitted, loaded, saved
from terrabaselines.segment_then_measure.stacks import features, stack_of
from terrabaselines.segment_then_measure.understanding import Asked, Understanding
from terrabaselines.segment_then_measure.unet import UNet

from terrabench.asking.runner import run
from terrabench.items import Benchmark
from terrabench.scoring.results import item_results
from terrabench.scoring.scores import score
from terracot.ground import GroundSampling
from terracot.plugins import ModelError, Prompt, PromptFrame, load_model
from terracot.scenes import Modality


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("benches")
    return make_bench(folder / "train", scenes=24, seed=1), make_bench(folder / "test", scenes=9, seed=2)


def frame(pixels: np.ndarray, t: int = 1, bands: tuple[str, ...] = ("red", "nir")) -> PromptFrame:
    image = np.zeros((*pixels.shape[1:], 3), np.uint8)
    return PromptFrame(f"{t}", t, Modality.OPTICAL, bands, "reflectance", image, lambda: pixels)


def prompt(*frames: PromptFrame, question: str = "?", options: tuple[str, ...] = ("yes", "no")) -> Prompt:
    valid = {f.t: np.ones(f.image.shape[:2], bool) for f in frames}
    return Prompt("0" * 16, frames, GroundSampling.nominal(10, 10, "test"), question, options, valid)


def scene(seed: int, t: int = 1) -> tuple[PromptFrame, np.ndarray]:
    """Water (dark in the near infrared) in one random rectangle of land, with noise."""
    rng = np.random.default_rng(seed)
    water = np.zeros((40, 48), bool)
    top, left = rng.integers(2, 18, 2)
    water[top : top + 16, left : left + 20] = True
    nir = np.where(water, 0.05, 0.4)
    pixels = np.stack([np.full_like(nir, 0.1), nir]) + rng.normal(0, 0.03, (2, *nir.shape))
    return frame(pixels.astype(np.float32), t), water


def lessons(n: int) -> list[Lesson]:
    found = []
    for seed in range(n):
        one, water = scene(seed)
        found.append(Lesson(stack_of([one], 1, 1), {"water": water, "land": ~water}, np.ones(water.shape, bool)))
    return found


# --- the blind baseline ---------------------------------------------------------------------------------------------


def test_the_blind_baseline_learns_what_the_options_give_away_and_nothing_of_another_form(benches: Any) -> None:
    """In these benchmarks the answer is the second smallest of 0.5, 1, 1.5 and 2 times the truth."""
    train, test = benches
    model = Blind(train)
    bench = Benchmark.open(test)
    items = [item for item in bench.items if item["task"] == "coverage"]
    replies = model.respond([bench.prompt(item, 0) for item in items])
    right = [f"<answer>{item['answer']}</answer>" == reply.text for item, reply in zip(items, replies, strict=True)]
    assert np.mean(right) >= 0.75
    (odd,) = model.respond([Prompt("0" * 16, (), GroundSampling.unknown("test"), "?", ("1 km", "2 km", "3 km"))])
    assert odd.meta["guess"] == "no training items of the form '3 x length'"


def test_the_blind_baseline_is_not_asked_what_it_was_fitted_on(benches: Any, tmp_path: Path) -> None:
    train, _ = benches
    with pytest.raises(ModelError, match="fitted on this very benchmark"):
        run(Benchmark.open(train), Blind(train), "blind", tmp_path / "run")
    with pytest.raises(ModelError, match="--model-args train=FOLDER"):
        load_model("blind")
    with pytest.raises(ModelError, match="fewer than 20 of every form"):
        Blind(make_bench(tmp_path / "small", scenes=2))


# --- understanding --------------------------------------------------------------------------------------------------


def item(question: str, kind: str, masks: list[tuple[int, str]], **parameters: Any) -> dict[str, Any]:
    regions = [{"t": t, "class_name": name} for t, name in masks]
    return {"question": question, "kind": kind, "parameters": json.dumps(parameters), "masks": regions}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    one = [
        item("How much of this image is water?", "coverage", [(1, "water")], unit="%"),
        item("How large is the flood water? (one pixel is 10 m wide)", "area", [(1, "flood water")], unit="ha"),
        item("How far is the nearest forest from the water?", "distance", [(1, "water"), (1, "forest")], unit="m"),
        item("Do water and forest touch?", "boundary", [(1, "water"), (1, "forest")], min_share=1.0),
    ]
    two = [
        item("How much of image 2 is water?", "coverage", [(2, "water")], unit="%"),
        item("Count the destroyed ones.", "building_change", [(1, "hut"), (2, "gone hut")], measure="number"),
    ]
    return Understanding([*((i, 1) for i in one), *((i, 2) for i in two)], names=["ice"])


def test_classes_are_found_longest_first_and_in_the_order_of_the_rule(understanding: Understanding) -> None:
    assert understanding.read("How large is the flood water? (one pixel is 3 m wide)", ("4 ha", "5 ha"), 1) == Asked(
        "area", {"unit": "m2"}, ((1, "flood water"),)
    )
    assert understanding.read("How far is the nearest water from the ice?", ("40 m", "50 m"), 1) == Asked(
        "distance", {"unit": "m"}, ((1, "ice"), (1, "water"))
    )
    assert understanding.read("Do Forest and ice touch?", ("yes", "no"), 1) == Asked(
        "boundary", {"min_share": 1.0}, ((1, "forest"), (1, "ice"))
    )


def test_dates_are_those_of_the_text_or_of_the_scene(understanding: Understanding) -> None:
    options = ("4%", "5%")
    asked = understanding.read("How much of image 1 is forest?", options, 2)
    assert asked == Asked("coverage", {"unit": "%"}, ((1, "forest"),))
    assert understanding.read("Count the destroyed ones.", ("4", "5"), 2) == Asked(
        "building_change", {"measure": "number"}, ((1, "hut"), (2, "gone hut"))
    )
    assert isinstance(understanding.read("How much of image 7 is forest?", options, 2), str)


@pytest.mark.parametrize(
    ("question", "dates"),
    [("Who won the cup?", 1), ("How much of this image is lava?", 1), ("", 1), ("Do water and forest touch?", 3)],
)
def test_what_is_unlike_all_training_questions_is_not_understood(
    understanding: Understanding, question: str, dates: int
) -> None:
    assert "no training question" in str(understanding.read(question, ("1%", "2%"), dates))


# --- segmentation ---------------------------------------------------------------------------------------------------


def test_kept_trees_predict_what_sklearn_predicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two classes and of three; sklearn's own ``predict_proba`` is the oracle."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    grown = []
    fit = HistGradientBoostingClassifier.fit
    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", lambda s, *a: grown.append(s) or fit(s, *a))
    for classes in (2, 3):
        known = lessons(3)
        labels = [lesson.masks["water"].astype(np.int8) for lesson in known]
        for label in labels:
            label[:5] = classes - 1
        fitted_trees = Boosting.fit([lesson.stack for lesson in known], labels, classes + 1, seed=0, effort=0.2)
        found = fitted_trees.probabilities(known[0].stack)
        expected = grown[-1].predict_proba(features(known[0].stack)).T.reshape(classes, 40, 48)
        np.testing.assert_allclose(found[:classes], expected, rtol=1e-5, atol=1e-7)
        assert not found[classes].any()  # a class without a training pixel


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("name", ["boosting", "unet"])
def test_a_segmenter_finds_on_new_images_what_it_was_shown_and_survives_its_file(name: str, tmp_path: Path) -> None:
    if name == "unet":
        pytest.importorskip("torch")
    parts = fitted(lessons(6), name, seed=0, effort=0.2)
    one, water = scene(100)
    masks = Segmentation(parts).masks(prompt(one), 1)
    assert isinstance(masks, dict)
    assert iou(masks["water"], water) > 0.9
    assert np.array_equal(masks["land"], ~masks["water"])
    saved(tmp_path / "kept.npz", parts)
    again = Segmentation(loaded(tmp_path / "kept.npz", name)).masks(prompt(one), 1)
    assert isinstance(again, dict)
    assert np.array_equal(again["water"], masks["water"])


def test_no_pickle_and_no_damaged_file_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "pickled.npz", **{"0/layer": np.array([{"a": 1}], dtype=object)})
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 no archive")
    np.savez(tmp_path / "other.npz", **{"0/layer": np.array('[["only"], ["a"]]')})
    for name in ("pickled", "cut", "other"):
        with pytest.raises(ModelError, match="is damaged"):
            loaded(tmp_path / f"{name}.npz", "boosting")


def test_images_of_a_kind_that_was_not_trained_on_are_named(tmp_path: Path) -> None:
    segmentation = Segmentation(fitted(lessons(2), "boosting", seed=0, effort=0.1))
    one, _ = scene(1)
    radar = PromptFrame("1", 1, Modality.SAR, ("VV",), "dB", one.image, lambda: one.native()[:1])
    assert segmentation.masks(prompt(radar), 1) == "not trained on such images: sar (VV; dB) of the only date"
    assert segmentation.masks(prompt(one), 2) == "there is no image of date 2"


def test_overlapping_classes_are_told_apart_in_layers_of_their_own() -> None:
    """Huts lie on land: they are not a class beside it. Alone in their layer, all else is "not a hut"."""
    (first,) = lessons(1)
    huts = np.zeros((40, 48), bool)
    huts[0, :9] = True
    lesson = Lesson(first.stack, {**first.masks, "hut": huts}, first.valid)
    land, hut = layers_of([lesson])
    assert set(land.classes) == {"land", "water"}
    assert hut.classes == (None, "hut")
    labels = labels_of(lesson, hut)
    assert labels is not None
    assert np.unique(labels, return_counts=True)[1].tolist() == [40 * 48 - 9, 9]


def test_two_dates_are_read_together_and_pixels_without_value_do_no_harm() -> None:
    before, _ = scene(1, 1)
    after, _ = scene(2, 2)
    after.native()[:, :3] = np.nan
    later, first = (stack_of([before, after], t, 2) for t in (2, 1))
    assert later.look[:2] == ("later", 1)
    assert first.look[0] == "first"
    assert np.array_equal(later.images[0], after.native(), equal_nan=True)
    # by date 2 bands, 2 x 2 means, 2 deviations and the index of red and near infrared; 2 differences, 2 of means
    assert features(later).shape == (40 * 48, 2 * (2 + 4 + 2 + 1) + 2 + 2)
    assert np.isfinite(features(first)[:, -4:]).all()


# --- measuring ------------------------------------------------------------------------------------------------------


def test_a_building_is_destroyed_as_a_whole_or_not_at_all() -> None:
    before, gone = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    before[1:5, 1:5] = before[1:5, 8:12] = before[10:14, 1:5] = True
    before[18, 18] = True  # too small for a building
    gone[1:5, 1:4] = True  # 12 of 16 pixels
    gone[1:5, 8:10] = True  # 8 of 16: not more than half
    kept, destroyed = buildings(before, gone)
    assert (kept.sum(), destroyed.sum()) == (48, 16)
    assert destroyed[1:5, 1:5].all()
    assert buildings(np.zeros((5, 5), bool), np.ones((5, 5), bool))[1].sum() == 0


def test_regions_are_prepared_as_the_rule_wants_them() -> None:
    """Distance between opened masks; patches under the stated share or number of pixels do not count."""
    a, b = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    a[2:6, 2:6] = True
    a[4, 6:12] = True  # a thread that the opening removes
    b[2:6, 15:19] = True
    one = prompt(frame(np.zeros((2, 20, 20), np.float32)))
    asked = Asked("distance", {"unit": "m"}, ((1, "a"), (1, "b")))
    regions = regions_for(asked, {1: {"a": a, "b": b}}, one)
    assert answer(asked, regions, one).value == pytest.approx(100.0)  # columns 5 and 15, 10 m each
    touching = Asked("boundary", {"min_share": 5.0}, ((1, "a"), (1, "b")))  # 5 % of 400 pixels
    assert [int(r.mask.sum()) for r in regions_for(touching, {1: {"a": a, "b": b}}, one)] == [22, 0]
    diagonal = np.eye(6, dtype=bool)
    assert without_small(diagonal, 6).sum() == 6
    assert without_small(diagonal, 7).sum() == 0


# --- the whole ------------------------------------------------------------------------------------------------------


def test_given_the_true_masks_every_answer_is_the_stored_one(benches: Any, tmp_path: Path) -> None:
    """Whatever was learnt from noise: the stored truths were counted by plain numpy, the questions are all known."""
    train, test = benches
    model = SegmentThenMeasure(train, effort=0.05, cache=tmp_path / "cache")
    bench = Benchmark.open(test)
    prompts = [bench.prompt(item, 0) for item in bench.items]
    replies = model.respond_with_evidence(prompts, [bench.evidence(item) for item in bench.items])
    assert [r.text.partition("<answer>")[2][0] for r in replies] == [item["answer"] for item in bench.items]
    assert not [r.meta["guess"] for r in replies if "guess" in r.meta]


def test_a_run_is_complete_repeatable_and_says_where_it_guessed(benches: Any, tmp_path: Path) -> None:
    train, test = benches
    bench = Benchmark.open(test)
    arguments = {"train": str(train), "effort": 0.05, "cache": str(tmp_path / "cache")}
    for name in ("first", "again"):  # the second time out of the cache
        run(bench, load_model("segment-then-measure", arguments), "segment-then-measure", tmp_path / name)
    first, again = (item_results(tmp_path / name, bench, bench.items) for name in ("first", "again"))
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert [(r.status, r.iou) for r in first] == [(r.status, r.iou) for r in again]
    assert {r.status for r in first} == {"ok"}
    found = score(tmp_path / "first")
    assert found["privileged"] is False
    assert found["counts"]["ok"] == len(bench)
    assert found["mean_iou"] > 0


def test_without_images_it_guesses_and_says_why(benches: Any, tmp_path: Path) -> None:
    train, test = benches
    model = SegmentThenMeasure(train, effort=0.05)
    bench = Benchmark.open(test)
    (reply,) = model.respond([replace(bench.prompt(bench.items[0], 0), frames=())])
    assert reply.meta["guess"] == "there is no image of date 1"
    assert re.fullmatch("<answer>[A-D]</answer>", reply.text)
    assert reply.masks == ()


def test_what_it_needs_is_said(benches: Any, tmp_path: Path) -> None:
    train, test = benches
    for arguments, message in (
        ({}, "needs a benchmark of the training split"),
        ({"train": str(train), "segmenter": "forest"}, "unknown segmenter 'forest'; known: boosting, unet"),
        ({"train": str(train), "effort": 0}, "effort multiplies the training"),
        ({"train": str(train), "masks": str(test)}, "expected a folder of `terracot generate`"),
        ({"train": str(train), "masks": str(tmp_path)}, "has no manifest.json"),
    ):
        with pytest.raises(ModelError, match=message):
            load_model("segment-then-measure", arguments)


def test_without_torch_the_unet_says_what_to_install() -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        with pytest.raises(ModelError, match="needs torch, which is not installed"):
            UNet.fit([lessons(1)[0].stack], [np.zeros((40, 48), np.int8)], 2, 0, 0.1)
    else:
        pytest.skip("torch is installed")
