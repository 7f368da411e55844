"""The guarded RLE reader, IoU and matching. The oracles are pycocotools (on honest input) and hand-counted masks."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from terracot.masks import MAX_PIXELS, RleError, decode, encode, iou, item_iou, match

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


class Region(NamedTuple):
    t: int
    mask: np.ndarray


def bits(*rows: str) -> np.ndarray:
    return np.array([[c == "#" for c in row] for row in rows])


@settings(deadline=None)
@given(SHAPES.flatmap(lambda shape: arrays(np.bool_, shape)))
def test_round_trip_agrees_with_pycocotools(mask):
    rle = encode(mask)
    theirs = coco.decode({"size": rle["size"], "counts": rle["counts"].encode()}).astype(bool)
    assert np.array_equal(decode(rle, mask.shape), theirs)
    assert np.array_equal(decode(rle, mask.shape), mask)
    assert rle["size"] == list(mask.shape)


@pytest.mark.parametrize("fill", [0.0, 0.001, 0.5, 1.0])
def test_large_masks_with_long_runs_survive(fill):
    mask = np.random.default_rng(7).random((1024, 700)) < fill
    rle = encode(mask)
    assert np.array_equal(decode(rle, (1024, 700)), mask)
    assert decode(rle, (1024, 700)).flags.c_contiguous


def test_plain_runs_and_bytes_are_read():
    expected = bits("#..", "#.#")  # columns: ## .. .#  -> runs 0, 2, 3, 1
    assert np.array_equal(decode({"size": [2, 3], "counts": [0, 2, 3, 1]}, (2, 3)), expected)
    as_bytes = encode(expected)["counts"].encode()
    assert np.array_equal(decode({"size": (2, 3), "counts": as_bytes}, (2, 3)), expected)


GOOD = encode(np.eye(8, dtype=bool))

HOSTILE = {
    "not an object": None,
    "a list": [8, 8],
    "no counts": {"size": [8, 8]},
    "no size": {"counts": GOOD["counts"]},
    "counts too short": {"size": [8, 8], "counts": GOOD["counts"][:-3]},
    "counts too long": {"size": [8, 8], "counts": GOOD["counts"] + "8" * 20},
    "much too long": {"size": [8, 8], "counts": "1" * 10_000_000},
    "cut inside a run": {"size": [8, 8], "counts": GOOD["counts"] + "`"},
    "empty counts": {"size": [8, 8], "counts": ""},
    "empty list": {"size": [8, 8], "counts": []},
    "huge size": {"size": [100_000, 100_000], "counts": GOOD["counts"]},
    "swapped size": {"size": [4, 16], "counts": GOOD["counts"]},
    "zero size": {"size": [0, 0], "counts": ""},
    "negative size": {"size": [-8, -8], "counts": GOOD["counts"]},
    "float size": {"size": [8.0, 8.0], "counts": GOOD["counts"]},
    "boolean size": {"size": [True, True], "counts": GOOD["counts"]},
    "three sizes": {"size": [8, 8, 1], "counts": GOOD["counts"]},
    "negative run": {"size": [8, 8], "counts": [-1, 65]},
    "negative compressed run": {"size": [8, 8], "counts": "O" + GOOD["counts"]},
    "float run": {"size": [8, 8], "counts": [32.0, 32]},
    "boolean run": {"size": [8, 8], "counts": [True, 63]},
    "nan run": {"size": [8, 8], "counts": [float("nan"), 64]},
    "sum too small": {"size": [8, 8], "counts": [10, 20]},
    "sum too large": {"size": [8, 8], "counts": [40, 40]},
    "giant run": {"size": [8, 8], "counts": [2**70, 1]},
    "endless run": {"size": [8, 8], "counts": "o" * 20 + "0"},
    "wrapping sum": {"size": [8, 8], "counts": "oooooo?" * 50},
    "too many runs": {"size": [8, 8], "counts": [0] * 1000 + [64]},
    "garbage": {"size": [8, 8], "counts": "hello world \x00"},
    "not ascii": {"size": [8, 8], "counts": "ééé"},
    "garbage bytes": {"size": [8, 8], "counts": bytes(range(256))},
    "counts a number": {"size": [8, 8], "counts": 64},
    "counts a dict": {"size": [8, 8], "counts": {"0": 64}},
    "nested list": {"size": [8, 8], "counts": [[64]]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_rle_is_refused(name):
    with pytest.raises(RleError):
        decode(HOSTILE[name], (8, 8))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=[chr(c) for c in range(40, 120)], max_size=60) | st.lists(st.integers(-5, 40), max_size=12))
def test_any_counts_give_a_mask_or_an_rle_error(counts):
    try:
        mask = decode({"size": [6, 6], "counts": counts}, (6, 6))
    except RleError:
        return
    assert mask.shape == (6, 6)
    assert mask.dtype == np.bool_
    assert np.array_equal(decode(encode(mask), (6, 6)), mask)


def test_an_expected_shape_beyond_the_limit_is_refused_before_allocation():
    with pytest.raises(RleError, match="mask size"):
        decode({"size": [MAX_PIXELS, 2], "counts": [2 * MAX_PIXELS]}, (MAX_PIXELS, 2))


@pytest.mark.parametrize("bad", [np.zeros((2, 2), np.uint8), np.zeros(4, bool), np.zeros((0, 3), bool), [[True]]])
def test_only_boolean_masks_are_written(bad):
    with pytest.raises(RleError, match="booleans"):
        encode(bad)


def test_iou_by_hand():
    a, b = bits("##..", "##.."), bits(".##.", ".##.")  # 2 shared, 6 in all
    assert iou(a, b) == pytest.approx(2 / 6)
    valid = bits(".#..", ".#..")  # only the shared column counts
    assert iou(a, b, valid) == 1.0


def test_iou_policy_of_empty_and_unmeasurable():
    empty, some = bits("..", ".."), bits("#.", "..")
    assert iou(empty, empty) == 1.0
    assert iou(some, empty) == 0.0
    assert iou(empty, some) == 0.0
    assert iou(some, some, empty) is None
    assert iou(some, some, ~some) == 1.0  # all that differs is ignored: both are empty where it counts
    with pytest.raises(ValueError, match="one shape"):
        iou(empty, bits("#"))


@given(arrays(np.bool_, (4, 5, 3)), arrays(np.bool_, (4, 5, 3)))
@settings(max_examples=60, deadline=None)  # the first match imports scipy
def test_matching_is_the_best_of_all_assignments(p, t):
    predicted, true = list(np.moveaxis(p, -1, 0))[:2], list(np.moveaxis(t, -1, 0))
    pairs = match(predicted, true)
    best = max(sum(iou(predicted[i], true[j]) for i, j in enumerate(o)) for o in itertools.permutations(range(3), 2))
    assert sum(pair.iou for pair in pairs) == pytest.approx(best)
    assert len({pair.true for pair in pairs}) == len(pairs) == 2


LEFT, RIGHT = bits("##..", "##.."), bits("..##", "..##")


def test_spraying_masks_does_not_pay():
    one = item_iou([Region(1, LEFT)], [Region(1, LEFT)])
    sprayed = item_iou([Region(1, LEFT)] * 4, [Region(1, LEFT)])
    assert (one.value, sprayed.value) == (1.0, 0.25)


def test_order_of_masks_does_not_matter_and_a_missing_one_costs_its_share():
    true = [Region(1, LEFT), Region(1, RIGHT)]
    assert item_iou([Region(1, RIGHT), Region(1, LEFT)], true).value == 1.0
    assert item_iou([Region(1, RIGHT)], true).value == 0.5


def test_masks_on_the_wrong_date_earn_nothing():
    true = [Region(1, LEFT), Region(2, LEFT)]
    assert item_iou([Region(1, LEFT), Region(1, LEFT)], true).value == 0.5
    assert item_iou([Region(2, LEFT)], [Region(1, LEFT)]).value == 0.0


def test_no_mask_given_is_zero_and_not_covered():
    nothing = item_iou([], [Region(1, LEFT)])
    assert (nothing.value, nothing.covered) == (0.0, False)


def test_both_empty_counts_as_one_and_is_flagged():
    empty = np.zeros_like(LEFT)
    result = item_iou([Region(1, empty)], [Region(1, empty)])
    assert (result.value, result.both_empty) == (1.0, 1)
    assert item_iou([Region(1, LEFT)], [Region(1, empty)]).value == 0.0
    assert item_iou([Region(1, LEFT)], [Region(1, LEFT)]).both_empty == 0


def test_what_cannot_be_measured_is_none():
    assert item_iou([Region(1, LEFT)], []).value is None
    nowhere = {1: np.zeros_like(LEFT)}
    assert item_iou([Region(1, LEFT)], [Region(1, LEFT)], nowhere).value is None
    both = [Region(1, LEFT), Region(2, LEFT)]
    assert item_iou(both, both, nowhere).value == 1.0


def test_ignored_pixels_are_left_out_of_both():
    valid = {1: bits("####", "....")}
    assert item_iou([Region(1, bits("##..", "...."))], [Region(1, LEFT)], valid).value == 1.0


def slow_decode(counts: str, pixels: int) -> list[bool] | None:
    """The code read character by character, as pycocotools' C source does, with every check; None where refused."""
    runs: list[int] = []
    position = 0
    while position < len(counts):
        value, digits = 0, 0
        while True:
            if position == len(counts) or not 48 <= ord(counts[position]) <= 111:
                return None
            code = ord(counts[position]) - 48
            value |= (code & 31) << (5 * digits)
            digits, position = digits + 1, position + 1
            if not code & 32:
                value -= (code & 16) << (5 * digits - 4)
                break
        if digits > 7:
            return None
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    if not runs or min(runs) < 0 or sum(runs) != pixels:
        return None
    return [number % 2 == 1 for number, run in enumerate(runs) for _ in range(run)]


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="0123456789:?@NOPQRXYZ_`aeno", max_size=12), st.integers(1, 9), st.integers(1, 9))
def test_hostile_counts_are_read_as_a_slow_reader_reads_them(counts, height, width):
    expected = slow_decode(counts, height * width)
    try:
        found = decode({"size": [height, width], "counts": counts}, (height, width))
    except RleError:
        assert expected is None
    else:
        assert found.T.ravel().tolist() == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(1, 7))
def test_runs_of_every_length_and_empty_ones_are_read_in_both_orders(runs, height):
    runs = [*runs, -sum(runs) % height if sum(runs) else height]
    width = sum(runs) // height
    expected = np.array([n % 2 == 1 for n, run in enumerate(runs) for _ in range(run)]).reshape(width, height).T
    for order in ("C", "F"):
        found = decode({"size": [height, width], "counts": runs}, (height, width), order)
        assert np.array_equal(found, expected)
        assert found.flags[f"{order}_CONTIGUOUS"]
    text = encode(expected)["counts"]
    assert np.array_equal(decode({"size": [height, width], "counts": text}, (height, width)), expected)


def slow_iou(predicted, true, valid):
    """Item IoU with sets of pixels and all permutations."""
    dates = {m.t for m in true}
    seen = {t: set(zip(*np.nonzero(valid[t]), strict=True)) if t in valid else None for t in dates}
    blind = {t for t, pixels in valid.items() if not pixels.any()}
    given, wanted = ([m for m in side if m.t not in blind] for side in (predicted, true))
    if not wanted:
        return None
    total = 0.0
    for t in dates - blind:
        sides = []
        for side in (given, wanted):
            sets = [set(zip(*np.nonzero(m.mask), strict=True)) for m in side if m.t == t]
            sides.append([s if seen[t] is None else s & seen[t] for s in sets])
        few, many = sorted(sides, key=len)
        best = 0.0
        for chosen in itertools.permutations(many, len(few)):
            best = max(best, sum(len(a & b) / len(a | b) if a | b else 1.0 for a, b in zip(few, chosen, strict=True)))
        total += best
    return total / max(len(given), len(wanted))


dated = st.lists(st.tuples(st.integers(1, 2), arrays(bool, (3, 4))), max_size=3)


@settings(max_examples=200, deadline=None)
@given(dated, dated, st.dictionaries(st.integers(1, 2), arrays(bool, (3, 4))))
def test_item_iou_of_decoded_masks_is_that_of_sets_of_pixels(predicted, true, valid):
    sides = [[Region(t, decode(encode(mask), (3, 4), "F")) for t, mask in side] for side in (predicted, true)]
    expected = slow_iou(*sides, valid)
    found = item_iou(*sides, {t: np.asfortranarray(pixels) for t, pixels in valid.items()}).value
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-12))
