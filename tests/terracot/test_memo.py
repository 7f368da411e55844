"""What is remembered of an array: only while it lives, and never of one that can change."""

from __future__ import annotations

import gc
from weakref import ref

import numpy as np
import pytest
from make_scenes import memory_scene

from terracot import measure, memo
from terracot.findings import SceneFacts
from terracot.memo import fixed, remembered


def test_a_mask_that_changes_is_measured_again() -> None:
    mask = np.zeros((4, 4), bool)
    assert measure.components(mask) == 0
    mask[0, 0] = mask[3, 3] = True
    assert measure.components(mask) == 2


def test_a_view_of_a_mask_that_changes_is_measured_again_even_if_it_is_closed_itself() -> None:
    mask = np.zeros((4, 4), bool)
    part = fixed(mask[:2])
    assert measure.components(part) == 0
    mask[0, 0] = True
    assert measure.components(part) == 1


def test_fixed_arrays_are_worked_out_once_for_each_set_of_arguments() -> None:
    calls = []

    @remembered
    def total(array: np.ndarray, times: int = 1) -> int:
        calls.append(times)
        return int(array.sum()) * times

    array = fixed(np.arange(4))
    assert [total(array), total(array), total(array, 2), total(array, times=2), total(array)] == [6, 6, 12, 12, 6]
    assert calls == [1, 2, 2]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_results_that_are_shared_cannot_be_written_to() -> None:
    mask = fixed(np.eye(5, dtype=bool))
    with pytest.raises(ValueError, match="read-only"):
        measure.grown(mask)[0, 0] = False


def test_nothing_is_remembered_of_arrays_that_are_gone() -> None:
    gc.collect()
    before = len(memo._KNOWN)
    masks = [fixed(np.eye(size, dtype=bool)) for size in range(2, 12)]
    assert [measure.components(mask) for mask in masks] == [1] * 10
    assert len(memo._KNOWN) == before + 10
    del masks
    gc.collect()
    assert len(memo._KNOWN) == before


def test_a_scene_is_let_go_without_waiting_for_the_collector() -> None:
    facts = SceneFacts(memory_scene([np.arange(64, dtype=np.uint8).reshape(8, 8) % 3]))
    assert facts.views[0].pixels().shape == facts.pixels[0].shape
    assert facts.maps[1].mask(0) is facts.maps[1].mask(0)
    gone = ref(facts)
    gc.disable()
    try:
        del facts
        assert gone() is None
    finally:
        gc.enable()
