"""The measures behind the domain rules, against maps small enough to count by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from terracot.ground import GroundSampling
from terracot.plugins import EvidenceMask
from terracot.quantities import Regions, measured_value
from terracot.semantic.measures import within

TEN_M = GroundSampling("measured", 10.0, 10.0, (100.0,), 0.0, "test")


def regions(maps: dict[str, str], valid: str | None = None, ground: GroundSampling = TEN_M, **parameters: float):
    """Masks drawn as rows of # and . by role; all pixels are valid unless drawn otherwise."""
    masks = tuple(EvidenceMask(1, role, drawn(rows)) for role, rows in maps.items())
    seen = np.ones(masks[0].mask.shape, dtype=bool) if valid is None else drawn(valid)
    return Regions(masks, {1: seen}, ground, {"roles": [role.rstrip("0123456789") for role in maps], **parameters})


def drawn(rows: str) -> np.ndarray:
    return np.array([[c == "#" for c in row] for row in rows.split()])


def value(r: Regions, quantity: str) -> float:
    return measured_value(r, quantity, range(len(r.masks)), "")


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([0.0, 0.003, 0.05, 0.5]),
    st.sampled_from([(10.0, 10.0), (7.3, 9.1), (30.0, 18.5)]),
    st.sampled_from([5.0, 10.0, 30.0, 60.0, 100.0, 500.0]),
)
def test_within_is_the_thresholded_distance_transform(seed, shape, density, sampling, limit):
    mask = np.random.default_rng(seed).random(shape) < density
    if not mask.any():
        assert not within(mask, limit, sampling).any()
        return
    field = ndimage.distance_transform_edt(~mask, sampling=sampling)
    near_the_limit = np.abs(field - limit) < 1e-6
    assert np.array_equal(within(mask, limit, sampling) | near_the_limit, (field <= limit) | near_the_limit)


def test_a_distance_that_is_exactly_the_limit_counts_as_within():
    water = np.zeros((1, 20), dtype=bool)
    water[0, 0] = True
    assert within(water, 100.0, (10.0, 10.0))[0].tolist() == [True] * 11 + [False] * 9
    diagonal = np.zeros((7, 9), dtype=bool)
    diagonal[0, 0] = True
    assert within(diagonal, 100.0, (10.0, 10.0))[6, 8]  # 60 m down and 80 m across


def test_near_counts_the_first_role_only():
    r = regions({"built": "##...## .......", "water": "..#.... ......."}, distance=20.0)
    # The two left pixels are 20 m and 10 m from the water, the two right ones 30 m and 40 m.
    assert (value(r, "near_pixels"), value(r, "near_of_pixels"), value(r, "near_share")) == (2, 4, 50.0)


def test_masks_of_one_role_are_taken_together():
    r = regions({"built1": "#......", "built2": "......#", "water1": ".#.....", "water2": "....#.."}, distance=10.0)
    assert (value(r, "near_pixels"), value(r, "near_of_pixels")) == (1, 2)


def test_surroundings_leave_out_unlabelled_land():
    built, tree = "#....", ".#.#."
    everything = regions({"built": built, "tree": tree}, distance=20.0)
    assert (value(everything, "surroundings_pixels"), value(everything, "surroundings_of_pixels")) == (1, 3)
    unlabelled = regions({"built": built, "tree": tree}, valid="##.##", distance=20.0)
    assert (value(unlabelled, "surroundings_pixels"), value(unlabelled, "surroundings_of_pixels")) == (1, 2)


def test_blocks_are_connected_at_corners_and_measured_in_hectares():
    rows = "##..... ##..... ..#...# ......# ......."  # five pixels joined at a corner, and two apart
    share = {block: value(regions({"crop": rows}, block=block), "blocks_share") for block in (0.02, 0.05, 0.051)}
    assert share == {0.02: 100.0, 0.05: pytest.approx(100 * 5 / 7), 0.051: 0.0}


def test_blocks_use_the_area_of_each_row():
    rows = GroundSampling("measured", 10.0, 10.0, (100.0, 300.0), 0.0, "test")
    assert value(regions({"crop": "##. ..."}, ground=rows, block=0.03), "blocks_pixels") == 0
    assert value(regions({"crop": "... ##."}, ground=rows, block=0.03), "blocks_pixels") == 2


def test_mean_factor_is_weighed_by_pixels():
    r = regions({"crop": "###.", "tree": "...#"}, factor_crop=0.2, factor_tree=0.04)
    assert value(r, "mean_factor") == pytest.approx((3 * 0.2 + 0.04) / 4)
    assert value(r, "role_pixels") == 4


def test_a_role_without_mask_is_an_error():
    r = regions({"built": "#"}, distance=10.0)
    with pytest.raises(ValueError, match="not enough values"):
        value(r, "near_share")
