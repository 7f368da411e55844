"""Degraded masks: the IoU that was asked for, by the way that was asked for, and nothing else."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from terrabench.probe.degrade import LEVELS, WAYS, ProbeError, Region


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def square(size: int = 60, side: int = 20) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[20 : 20 + side, 20 : 20 + side] = True
    return mask


def everywhere(mask: np.ndarray) -> np.ndarray:
    return np.ones_like(mask)


def patchy(seed: int, shape: tuple[int, int] = (128, 128), share: float = 0.2) -> np.ndarray:
    """Patches as of land cover: the highest part of smoothed noise."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 5)
    return noise > np.quantile(noise, 1 - share)


SHAPES = st.tuples(st.integers(1, 24), st.integers(1, 24))
MASKS = SHAPES.flatmap(lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape)))


@settings(max_examples=150, deadline=None)
@given(MASKS, st.sampled_from(WAYS), st.integers(0, 5), st.booleans())
def test_any_mask_comes_to_the_level_or_to_none_and_inside_the_valid_pixels(
    pair: tuple[np.ndarray, np.ndarray], way: str, seed: int, apart: bool
) -> None:
    mask, valid = pair
    before = mask.copy(), valid.copy()
    made = Region(mask, valid, apart).degraded(way, LEVELS, seed, "item")
    again = Region(mask, valid, apart).degraded(way, LEVELS, seed, "item")
    assert np.array_equal(mask, before[0])
    assert np.array_equal(valid, before[1])
    true = mask & valid
    for level, one, other in zip(LEVELS, made, again, strict=True):
        assert (one is None) == (other is None)
        if one is None or other is None:
            continue
        assert np.array_equal(one.mask, other.mask)
        assert one.how == other.how
        assert not (one.mask & ~valid).any()
        assert iou(one.mask, true) == pytest.approx(one.iou, abs=1e-12)
        assert abs(one.iou - level) <= 0.02 + 1e-9
        assert not np.shares_memory(one.mask, mask)
        if way == "wrong":
            assert one.mask.sum() == true.sum()
        if way == "missing" or one.how == "erosion":
            assert not (one.mask & ~true).any()
        if one.how == "dilation":
            assert not (true & ~one.mask).any()


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_an_empty_mask_reaches_no_level(way: str, apart: bool) -> None:
    empty = np.zeros((9, 7), bool)
    assert Region(empty, everywhere(empty), apart).degraded(way, LEVELS, 0) == [None] * 9
    assert Region(everywhere(empty), empty, apart).degraded(way, LEVELS, 0) == [None] * 9


def test_a_mask_of_all_pixels_can_only_lose_parts() -> None:
    full = np.ones((20, 20), bool)
    for seed in range(4):
        for way in ("boundary", "blockiness", "wrong"):
            assert Region(full, full).degraded(way, LEVELS, seed) == [None] * 9
        kept = [worse.mask.sum() for worse in Region(full, full).degraded("missing", LEVELS, seed) if worse]
        assert kept == [360, 320, 280, 240, 200, 160, 120, 80, 40]


def boundary_that(how: str, mask: np.ndarray, level: float) -> np.ndarray:
    for seed in range(20):
        (worse,) = Region(mask, everywhere(mask)).degraded("boundary", [level], seed)
        if worse and worse.how == how:
            return worse.mask
    pytest.fail(f"no seed of 20 gave a {how}")


def test_the_boundary_is_eroded_and_dilated_as_morphology_does() -> None:
    # 20 x 20: without its rim 18 x 18 = 324 of 400; with a rim but no corners 480, of which 400 are true.
    mask = square()
    assert np.array_equal(boundary_that("erosion", mask, 324 / 400), ndimage.binary_erosion(mask))
    assert np.array_equal(boundary_that("dilation", mask, 400 / 480), ndimage.binary_dilation(mask))


def test_a_part_of_a_rim_goes_in_stretches_and_not_as_salt_and_pepper() -> None:
    eroded = boundary_that("erosion", square(), 0.9)  # 40 of the 76 pixels of the rim
    assert ndimage.label(square() & ~eroded, np.ones((3, 3)))[1] < 15
    assert ndimage.label(eroded)[1] == 1


def test_levels_below_what_the_image_has_room_for_are_unreachable() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:6] = True  # dilated over the whole image it has IoU 0.6; with wrong parts 60 - 40 of 60 + 40
    found = {}
    for seed in range(10):
        made = Region(mask, everywhere(mask)).degraded("boundary", [0.6, 0.5], seed)
        found[made[0].how if made[0] else "none"] = [worse is not None for worse in made]
    assert found == {"dilation": [True, False], "erosion": [True, True]}
    made = Region(mask, everywhere(mask)).degraded("wrong", [0.2, 0.1], 0)
    assert [worse is not None for worse in made] == [True, False]


@pytest.mark.parametrize("way", ["boundary", "missing", "wrong"])
def test_what_is_lost_at_a_level_is_lost_at_every_lower_one(way: str) -> None:
    mask = patchy(1)
    for seed in range(3):
        made = [worse.mask for worse in Region(mask, everywhere(mask)).degraded(way, LEVELS, seed) if worse]
        assert len(made) > 4
        for better, worse in itertools.pairwise(made):
            assert not ((better ^ mask) & ~(worse ^ mask)).any()


@pytest.mark.parametrize("way", ["boundary", "missing"])
def test_boundary_and_missing_parts_change_the_area(way: str) -> None:
    mask = patchy(2)
    (worse,) = Region(mask, everywhere(mask)).degraded(way, [0.7], 1)
    assert worse is not None
    assert abs(int(worse.mask.sum()) - int(mask.sum())) >= 0.29 * mask.sum()


def test_blocks_are_as_coarse_as_they_say() -> None:
    mask = patchy(3)
    sizes = []
    for worse in Region(mask, everywhere(mask)).degraded("blockiness", [0.9, 0.7, 0.5], 0):
        assert worse is not None
        size = float(re.findall(r"cells of ([\d.]+) px", worse.how)[0])
        sizes.append(size)
        for lines in (worse.mask, worse.mask.T):
            changes = int((lines[1:] != lines[:-1]).any(axis=1).sum())
            assert changes <= 128 / size + 2
    assert sizes[0] < sizes[1] < sizes[2]


def test_cells_of_blocks_are_majorities_of_the_valid_pixels_alone() -> None:
    # The left half has no label; a cell across the border must not be pulled to "off" by it.
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = patchy(4, (64, 32), 0.5)
    valid = np.zeros_like(mask)
    valid[:, 32:] = True
    for worse in Region(mask, valid).degraded("blockiness", [0.8, 0.7], 0):
        assert worse is not None
        assert not worse.mask[:, :32].any()


def buildings() -> np.ndarray:
    mask = np.zeros((60, 60), bool)
    mask[5:15, 5:15] = True  # 100 pixels
    mask[40:45, 40:48] = True  # 40 pixels
    return mask


@pytest.mark.parametrize("way", ["boundary", "missing", "wrong"])
def test_buildings_are_degraded_one_by_one(way: str) -> None:
    # As one mask, parts would go where the field is low: one building could stay whole while the other vanishes.
    mask = buildings()
    for seed in range(4):
        (worse,) = Region(mask, everywhere(mask), apart=True).degraded(way, [0.5], seed)
        assert worse is not None
        for part in (np.s_[:30, :30], np.s_[30:, 30:]):
            own = (worse.mask & mask)[part].sum() / mask[part].sum()
            expected = {"wrong": 2 / 3, "missing": 1 / 2}.get(way, 1 if worse.how == "dilation" else 1 / 2)
            assert own == pytest.approx(expected, abs=0.02)


def test_blocks_of_buildings_keep_every_building_in_its_place() -> None:
    mask = buildings()
    (worse,) = Region(mask, everywhere(mask), apart=True).degraded("blockiness", [0.7], 0)
    assert worse is not None
    assert 0.5 < iou(worse.mask[:30, :30], mask[:30, :30]) < 0.9
    assert 0.5 < iou(worse.mask[30:, 30:], mask[30:, 30:]) < 0.9


def test_many_small_buildings_reach_levels_that_one_alone_cannot() -> None:
    # 6 pixels can be 5/6 or 1 of themselves, never 0.9; rounded along the way, 25 of them come to 135 of 150.
    mask = np.zeros((50, 50), bool)
    for row in range(5):
        for column in range(5):
            mask[10 * row + 2 : 10 * row + 4, 10 * column + 2 : 10 * column + 5] = True
    (worse,) = Region(mask, everywhere(mask), apart=True).degraded("missing", [0.9], 0)
    assert worse is not None
    assert int(worse.mask.sum()) == 135
    one = square(60, 2)
    assert Region(one, everywhere(one)).degraded("missing", [0.9], 0) == [None]


def test_seeds_and_keys_make_other_masks() -> None:
    mask = patchy(5)
    region = Region(mask, everywhere(mask))
    for way in WAYS:
        made = [region.degraded(way, [0.6], *key)[0] for key in ((0, "a"), (1, "a"), (2, "a"), (0, "b"), (0, "c"))]
        assert len({worse.mask.tobytes() for worse in made if worse}) > 1
    hows = {worse.how for seed in range(12) for worse in region.degraded("boundary", [0.8], seed) if worse}
    assert hows == {"erosion", "dilation"}


@pytest.mark.parametrize(
    ("way", "levels", "message"),
    [
        ("blurred", [0.5], "unknown way 'blurred'.*boundary, blockiness, missing, wrong"),
        ("missing", [0.5, 1.0], "found 1.0"),
        ("missing", [0.0], "found 0.0"),
        ("missing", [float("nan")], "found nan"),
    ],
)
def test_settings_that_make_no_sense_are_refused(way: str, levels: list[float], message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        Region(square(), everywhere(square())).degraded(way, levels, 0)


def test_valid_pixels_of_another_image_are_refused() -> None:
    other: Any = np.ones((3, 4), bool)
    with pytest.raises(ProbeError, match=r"found \(60, 60\) and \(3, 4\)"):
        Region(square(), other)
