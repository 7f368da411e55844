"""Which samples each step sees: all of them, as often as stated, and the same whoever asks for which step first."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from terrascope_vlm.training.folders import Rows, Unit
from terrascope_vlm.training.order import Order


def rows_of(*folders: tuple[int, int]) -> Rows:
    """For each folder so many units of so many rows."""
    units = [Unit(folder, n, 0) for folder, (count, _) in enumerate(folders) for n in range(count)]
    sizes = [size for count, size in folders for _ in range(count)]
    unit = np.repeat(np.arange(len(units)), sizes).astype(np.int32)
    zeros = np.zeros(len(unit), np.int32)
    sample = np.concatenate([np.arange(size) for size in sizes]).astype(np.int32)
    return Rows(tuple(units), unit, zeros, sample, zeros, zeros + 1, zeros + 64, zeros + 64)


def order_of(rows: Rows, weights=(1.0,), batch: int = 4, lengths=None, **options) -> Order:
    return Order(rows, weights, np.zeros(len(rows)) if lengths is None else lengths, batch=batch, **options)


def seen(order: Order, steps: range | None = None) -> list[int]:
    return [draw.row for step in steps or range(order.steps) for draw in order.at(step)]


@pytest.mark.parametrize("bucket", [1, 3, 8])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 1.0), (1.0, 3.0)])
def test_every_row_is_seen_as_often_as_its_weight_in_every_epoch(weights, bucket) -> None:
    rows = rows_of((3, 8), (2, 12))
    order = order_of(rows, weights, epochs=3.0, shuffle=16, bucket=bucket, seed=5)
    expected = Counter({row: int(weights[row >= 24]) for row in range(48)})
    assert order.epoch_size == sum(expected.values())
    numbered = sorted((draw.number, draw.row) for step in range(order.steps) for draw in order.at(step))
    assert [number for number, _ in numbered] == list(range(3 * order.epoch_size))  # each place of the run once
    for epoch in range(3):
        part = numbered[epoch * order.epoch_size : (epoch + 1) * order.epoch_size]
        assert Counter(row for _, row in part) == expected


def test_of_a_fraction_chance_decides_anew_in_every_epoch_and_no_row_comes_twice() -> None:
    rows = rows_of((4, 10), (1, 8))
    order = order_of(rows, (0.25, 1.0), epochs=40.0, batch=6, shuffle=16)
    assert order.epoch_size == 18
    numbered = sorted((draw.number, draw.row) for step in range(order.steps) for draw in order.at(step))
    total: Counter[int] = Counter()
    for epoch in range(40):
        counts = Counter(row for _, row in numbered[18 * epoch : 18 * epoch + 18])
        assert max(counts.values()) == 1
        assert sum(row >= 40 for row in counts) == 8
        total += counts
    assert all(2 <= total[row] <= 20 for row in range(40))  # 10 are expected of each


def test_a_weight_between_whole_numbers_gives_either_of_them() -> None:
    order = order_of(rows_of((1, 20)), (1.5,), batch=5)
    assert order.epoch_size == 30
    assert Counter(Counter(seen(order)).values()) == {1: 10, 2: 10}


@pytest.mark.parametrize("bucket", [1, 4])
def test_a_step_is_the_same_whichever_steps_were_asked_for_before(bucket) -> None:
    rows = rows_of((5, 7))
    lengths = np.random.default_rng(0).integers(1, 99, len(rows))
    options = {"lengths": lengths, "epochs": 4.0, "shuffle": 10, "bucket": bucket, "seed": 3}
    forward = order_of(rows, **options)
    steps = [forward.at(step) for step in range(forward.steps)]
    backward = order_of(rows, **options)
    assert [backward.at(step) for step in reversed(range(forward.steps))] == steps[::-1]
    alone = [order_of(rows, **options).at(step) for step in (0, 7, 19)]
    assert alone == [steps[0], steps[7], steps[19]]


def test_another_seed_or_epoch_gives_another_order() -> None:
    rows = rows_of((4, 12))
    one, other = (order_of(rows, epochs=2.0, shuffle=24, seed=seed) for seed in (0, 1))
    assert seen(one) == seen(order_of(rows, epochs=2.0, shuffle=24, seed=0))
    assert seen(one) != seen(other)
    assert seen(one, range(12)) != seen(one, range(12, 24))


def test_a_last_step_is_filled_up_from_the_epoch_that_would_follow() -> None:
    order = order_of(rows_of((1, 10)), batch=4)
    assert order.steps == 3
    assert [len(order.at(step)) for step in range(3)] == [4, 4, 4]
    assert set(seen(order)) == set(range(10))


def test_steps_decide_where_they_are_stated() -> None:
    assert order_of(rows_of((1, 10)), steps=17, epochs=1.0).steps == 17
    order = order_of(rows_of((1, 10)), batch=5)
    assert order.epoch_of(1) == 0.5


def test_a_batch_has_rows_of_like_length_and_never_one_twice() -> None:
    rows = rows_of((8, 16))
    lengths = np.random.default_rng(1).permutation(len(rows))
    spread = {}
    for bucket in (1, 8):
        order = order_of(rows, lengths=lengths, batch=8, bucket=bucket, shuffle=128)
        batches = [[draw.row for draw in order.at(step)] for step in range(order.steps)]
        assert all(len(set(batch)) == 8 for batch in batches)
        spread[bucket] = np.mean([np.ptp(lengths[batch]) for batch in batches])
    assert spread[8] < spread[1] / 4
    # sorted within a window of 8 steps: its batches do not overlap in length, and their order is drawn
    firsts = []
    order = order_of(rows, lengths=lengths, batch=8, bucket=8, shuffle=128)
    for window in range(0, order.steps, 8):
        spans = [
            (min(own), max(own)) for step in range(window, window + 8) if (own := lengths[seen(order, [step])]).size
        ]
        firsts.append([low for low, _ in spans])
        assert all(first[1] <= second[0] for first, second in pairwise(sorted(spans)))
    assert all(own != sorted(own) for own in firsts)


def test_a_window_is_never_longer_than_an_epoch() -> None:
    order = order_of(rows_of((1, 12)), batch=6, bucket=8, epochs=5.0)
    for step in range(order.steps):
        assert len({draw.row for draw in order.at(step)}) == 6


@pytest.mark.parametrize("shuffle", [1, 32, 10_000])
def test_units_are_read_about_once_an_epoch_by_who_keeps_as_many_as_said(shuffle) -> None:
    rows = rows_of((64, 8))
    order = order_of(rows, batch=8, shuffle=shuffle, bucket=2)
    held: list[int] = []
    read = 0
    for row in seen(order):
        unit = int(rows.unit[row])
        if unit in held:
            held.remove(unit)
        else:
            read += 1
        held.append(unit)
        held = held[-order.units_held :]
    assert read == 64
    assert order.units_held <= max(16, 2 * shuffle // 8 + 3)


def test_a_wide_shuffle_mixes_all_units_and_a_narrow_one_leaves_them_together() -> None:
    rows = rows_of((32, 8))
    for shuffle, least, most in ((10_000, 6, 8), (1, 1, 1)):
        order = order_of(rows, batch=8, shuffle=shuffle)
        units = [len({int(rows.unit[row]) for row in seen(order, [step])}) for step in range(order.steps)]
        assert least <= np.mean(units) <= most
