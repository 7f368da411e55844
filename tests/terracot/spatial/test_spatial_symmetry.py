"""Turned, mirrored and relabelled maps give the answers turned, mirrored and relabelled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from make_scenes import NAMES, memory_scene

from terracot.assembly import FILTERS
from terracot.findings import SceneFacts
from terracot.levels import kind_named, kinds_of
from terracot.scenes import IGNORE

BLOCKS = arrays(np.uint8, (6, 6), elements=st.sampled_from([0, 1, 2, 3, IGNORE]))
KINDS = [kind.name for kind in kinds_of("l2-spatial")]
HALVES = ("half", "half_share")
PLACELESS = [kind for kind in KINDS if kind not in HALVES]

Answers = dict[tuple[object, ...], str]


def answers(kind: str, classes: np.ndarray, names: tuple[str, ...] = NAMES) -> Answers:
    """Answers by the classes they are about, in any order where that means the same."""
    facts = SceneFacts(memory_scene([classes], names))
    result: Answers = {}
    for one in kind_named(kind).findings(facts, FILTERS):
        named: tuple[object, ...] = one.class_names
        if kind in ("larger", "size_order", "combined_share", "combined_area"):
            named = (frozenset(one.class_names),)
        elif kind == "nearest":
            named = (one.class_names[0], frozenset(one.class_names[1:]))
        elif kind == "between":
            named = (frozenset(one.class_names[:2]), one.class_names[2])
        result[(*named, one.parameters.get("half"))] = one.truth.text
    return result


def blocky(small: np.ndarray) -> np.ndarray:
    """48 x 48 pixels of 8 x 8 blocks."""
    return np.kron(small, np.ones((8, 8), np.uint8))


@pytest.mark.parametrize("kind", PLACELESS)
@pytest.mark.parametrize("turned", [np.fliplr, np.flipud, np.rot90, np.transpose])
@settings(max_examples=15, deadline=None)
@given(BLOCKS)
def test_turning_the_image_changes_no_answer(
    kind: str, turned: Callable[[np.ndarray], np.ndarray], small: np.ndarray
) -> None:
    if (small == IGNORE).all():
        return
    classes = blocky(small)
    assert answers(kind, np.ascontiguousarray(turned(classes))) == answers(kind, classes)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(BLOCKS, st.permutations(range(4)))
def test_renumbering_the_classes_changes_no_answer(kind: str, small: np.ndarray, order: list[int]) -> None:
    if (small == IGNORE).all():
        return
    classes = blocky(small)
    table = np.full(256, IGNORE, np.uint8)
    table[order] = range(4)
    names = (*(NAMES[c] for c in order), NAMES[4])
    assert answers(kind, table[classes], names) == answers(kind, classes)


@settings(max_examples=60, deadline=None)
@given(BLOCKS)
def test_mirroring_swaps_left_and_right_alone(small: np.ndarray) -> None:
    if (small == IGNORE).all():
        return
    mirrored, plain = answers("half", np.fliplr(blocky(small))), answers("half", blocky(small))
    swapped = {"left half": "right half", "right half": "left half"}
    assert mirrored == {key: swapped.get(text, text) for key, text in plain.items()}


@settings(max_examples=60, deadline=None)
@given(BLOCKS)
def test_a_quarter_turn_takes_the_right_half_to_the_top(small: np.ndarray) -> None:
    if (small == IGNORE).all():
        return
    turned, plain = answers("half", np.rot90(blocky(small))), answers("half", blocky(small))
    to = {"right half": "upper half", "left half": "lower half", "upper half": "left half", "lower half": "right half"}
    axis = {"left": "upper", "upper": "left"}
    assert turned == {(name, axis[str(half)]): to[text] for (name, half), text in plain.items()}


@settings(max_examples=60, deadline=None)
@given(BLOCKS)
def test_shares_of_halves_turn_into_what_the_other_half_has(small: np.ndarray) -> None:
    if (small == IGNORE).all():
        return
    classes = blocky(small)
    for (name, half), text in answers("half_share", np.fliplr(classes)).items():
        mask = classes == NAMES.index(str(name))
        part = mask[:, 24:] if half == "left" else mask[:24]
        assert float(text.rstrip("%")) == round(100 * part.sum() / mask.sum(), 1)
