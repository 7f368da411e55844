"""Whatever a reply says, reading and drawing end, raise nothing, and give masks that a run can keep."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from terrabaselines.grounding.drawing import MAX_MASKS, Drawn, draw
from terrabaselines.grounding.reading import MAX_REGIONS, READERS, boxed_answer, read_regions

SYNTAXES = tuple(READERS)
SHAPE, DATES = (7, 5), (1, 3)

numbers = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0, 1000, -1, 5e-324, 1e308, -1e308, float("nan"), float("inf"), 10**400]),
)
lists = st.recursive(st.one_of(numbers, st.none(), st.text(max_size=3)), lambda kids: st.lists(kids, max_size=6))
labels = st.one_of(st.text(max_size=20), numbers, st.none())


def written(syntax: str, boxes: list[object], label: object) -> str:
    """Boxes in the form of a family, with whatever they hold."""
    if syntax == "json":
        return json.dumps([{"bbox_2d": box, "label": label, "image": label} for box in boxes])
    text = json.dumps(boxes)
    marks = ("<box>", "</box>") if syntax == "box_tags" else ("<|begin_of_box|>", "<|end_of_box|>")
    return f"<ref>{label}</ref>{marks[0]}{text}{marks[1]}"


def well_formed(reply: str, syntax: str) -> Drawn:
    drawn = draw(read_regions(reply, syntax), (1000.0, 1000.0), SHAPE, DATES)
    assert len(drawn.masks) <= MAX_MASKS
    assert drawn.regions <= MAX_REGIONS
    for mask in drawn.masks:
        assert mask.t in DATES
        assert mask.mask.shape == SHAPE
        assert mask.mask.dtype == np.bool_
        assert mask.mask.any()
        assert mask.label is None or mask.label.encode()
    json.dumps(drawn.counts(), allow_nan=False)
    return drawn


@given(st.sampled_from(SYNTAXES), st.lists(lists, max_size=5), labels)
def test_lists_of_anything(syntax: str, boxes: list[object], label: object) -> None:
    well_formed(written(syntax, boxes, label), syntax)


@given(st.sampled_from(SYNTAXES), st.lists(st.lists(numbers, min_size=4, max_size=4), max_size=4), labels)
def test_four_numbers_of_any_size_and_order(syntax: str, boxes: list[object], label: object) -> None:
    well_formed(written(syntax, boxes, label), syntax)


@given(st.lists(st.floats(-2000, 3000), min_size=4, max_size=4))
def test_swapped_corners_are_the_same_box(box: list[float]) -> None:
    x1, y1, x2, y2 = box
    found = [
        well_formed(written("json", [corners], "a"), "json").masks
        for corners in (box, [x2, y2, x1, y1], [x1, y2, x2, y1])
    ]
    assert len({len(masks) for masks in found}) == 1
    for masks in found[1:]:
        assert all(np.array_equal(a.mask, b.mask) for a, b in zip(found[0], masks, strict=True))


def test_half_a_character_in_a_label_does_not_end_the_run() -> None:
    (mask,) = well_formed(r'{"bbox_2d": [0, 0, 500, 500], "label": "wat\ud800er"}', "json").masks
    assert mask.label == "wat?er"


PIECES = (
    *("<box>", "</box>", "<ref>", "</ref>", "<|begin_of_box|>", "<|end_of_box|>", '{"bbox_2d": ', "{", "}", "[", "]"),
    *("[1, 2, 3, 4]", '"label": "a"', ",", "image 2", "1e999", "-", "\x00", "<|"),
)


@given(st.sampled_from(SYNTAXES), st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=30))
def test_pieces_of_syntax_in_any_order(syntax: str, pieces: list[str]) -> None:
    well_formed("".join(pieces), syntax)
    boxed_answer("".join(pieces))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_thousands_of_boxes_are_read_up_to_a_limit(syntax: str) -> None:
    drawn = well_formed(written(syntax, [[n % 900, 0, n % 900 + 50, 500] for n in range(20_000)], "water"), syntax)
    assert len(drawn.masks) <= 1
    many = "".join(written(syntax, [[0, 0, 500, 500]], f"region {n}") for n in range(5_000))
    assert well_formed(many, syntax).regions > MAX_MASKS


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("piece", [*PIECES, '{"bbox_2d": [', "<box>[[", "<|begin_of_box|>[[", "<ref><box>", "image 1 "])
def test_a_piece_repeated_without_end_takes_no_time_without_end(syntax: str, piece: str) -> None:
    """Quadratic reading of this would take minutes; the limit is generous, since machines are shared."""
    started = time.process_time()
    well_formed(piece * 100_000, syntax)
    boxed_answer((piece * 100_000)[:200_000])
    assert time.process_time() - started < 10
