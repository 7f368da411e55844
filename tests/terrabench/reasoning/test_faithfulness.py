"""Whether stated numbers agree with a model's own masks, on masks that are counted by hand."""

import numpy as np
import pytest

from terrabench.reasoning.faithfulness import Statement, faithfulness, statements_of
from terracot.ground import GroundSampling
from terracot.plugins import PredictedMask
from terracot.rules import Truth

GROUND = GroundSampling.nominal(10.0, 10.0, "test")
ITEM = {"group": "g", "options": ["12%", "34%"]}


def block(top, left, height, width):
    mask = np.zeros((10, 20), bool)
    mask[top : top + height, left : left + width] = True
    return mask


# 200 pixels, all valid: the first mask has 26 of them (13 %, 2,600 m²), the second 9 (4.5 %).
MASKS = [PredictedMask(1, block(0, 0, 2, 13)), PredictedMask(1, block(5, 0, 3, 3))]
VALID = {1: np.ones((10, 20), bool)}


def agreed(reply, masks=MASKS, valid=VALID, ground=GROUND, asked=None):
    return [(s.quantity, s.agrees) for s in statements_of(ITEM, reply, masks, valid, ground, asked)]


@pytest.mark.parametrize(
    ("said", "quantity", "agrees"),
    [
        ("It covers 13% of the land.", "share", True),
        ("It covers 13.0% of the land.", "share", True),
        ("It covers 12.9% of the land.", "share", False),
        ("It covers 4.5% of the land.", "share", True),
        ("It covers 2,600 m².", "area", True),
        ("It covers 0.26 ha.", "area", True),
        ("It covers 0.3 ha.", "area", True),
        ("It covers 0.2 ha.", "area", False),
        ("It has 26 pixels.", "pixels", True),
        ("It has 27 pixels.", "pixels", False),
        ("It has about 30 pixels.", "pixels", True),
        ("There are 1 buildings.", "count", True),
        ("There are 2 buildings.", "count", False),
    ],
)
def test_a_statement_agrees_within_its_own_rounding(said, quantity, agrees):
    assert agreed(f"<think>{said}</think><answer>A</answer>") == [(quantity, agrees)]


def test_distances_are_those_between_masks_without_thin_parts():
    far = [PredictedMask(1, block(0, 0, 3, 3) | block(0, 0, 1, 15)), PredictedMask(1, block(0, 17, 3, 3))]
    said = "They are 150 m, or 15 pixels, apart; not 30 m."
    assert agreed(said, far) == [("length", True), ("pixels", True), ("length", False)]


def test_only_valid_pixels_count():
    half = {1: block(0, 0, 10, 10)}
    assert agreed("It covers 20% of the land.", valid=half) == [("share", True)]
    assert agreed("It has 20 pixels.", valid=half) == [("pixels", True)]


def test_what_says_nothing_of_a_mask_is_left_out():
    assert (
        agreed("Each pixel covers 100 m², of 200 valid pixels. Option B, 34%, is closest. <answer>12%</answer>") == []
    )
    assert agreed("It covers 2,600 m².", ground=GroundSampling.unknown()) == []


def test_what_the_rule_measures_counts_as_well():
    assert agreed("It grew by 7.7%.", asked=Truth(7.7, "%", "7.7%")) == [("share", True)]


def test_without_statements_the_share_is_null():
    found = faithfulness([])
    assert (found["share"], found["ci95"], found["n"]) == (None, None, 0)
    mixed = faithfulness([Statement("g", "share", True), Statement("h", "share", False), Statement("h", "area", True)])
    assert mixed["share"] == pytest.approx(2 / 3)
    assert mixed["quantities"]["share"]["share"] == 0.5
    assert mixed["quantities"]["length"]["share"] is None
