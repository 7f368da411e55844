"""Routing: the date written before ``[SEG]`` says which image is meant."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("torch")

from terrascope_vlm.routing import Route, route
from tiny_queries import config_of, processor_of, query_of

from terracot.traces import SEG, seg_dates

PROCESSOR = processor_of(config_of())
OPTICAL, SAR = "optical", "sar"


def routed(frames, text):
    return route(query_of(PROCESSOR, (16, 16), frames), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The water is here: Image: 2 ", Route(2, 1, None, True)),
        ("Image: 3 ", Route(3, 2, None, True)),
        ("In image 2 less, in Image: 3 more, and so Image: 1 ", Route(1, 0, None, True)),  # the last one counts
        ("The water of image 3 is here: ", Route(1, 0, None, False)),  # words are no date
        ("", Route(1, 0, None, False)),
        ("Image: 4 ", Route(1, 0, None, False)),  # no such image
        ("Image: 12 ", Route(1, 0, None, False)),  # and not image 1
        ("Image: 2 and Image: 0 ", Route(1, 0, None, False)),
        ("Image: " + "9" * 5000, Route(1, 0, None, False)),  # more digits than Python makes a number of
    ],
)
def test_the_date_is_the_last_one_written(text, expected):
    assert routed([(1, OPTICAL), (2, OPTICAL), (3, OPTICAL)], text) == expected


def test_two_masks_of_one_date_are_of_one_image():
    # the released code takes images in turns, by the number of masks so far
    text = f"Image: 1 {SEG}. Image: 1 {SEG}. Image: 2 {SEG}. Image: 2 {SEG}. Image: 1 {SEG}."
    query = query_of(PROCESSOR, (16, 16), [(1, OPTICAL), (2, OPTICAL)])
    assert [route(query, part).frame for part in text.split(SEG)[:-1]] == [0, 0, 1, 1, 0]


def test_every_mask_of_a_trace_goes_to_the_date_that_its_text_form_says():
    text = (
        f"<think>In the first image the water is here: Image: 1 {SEG}. Then: Image: 3 {SEG}. It had 12 pixels in image "
        f"1; now: Image: 2 {SEG}.</think><answer>B</answer>"
    )
    query = query_of(PROCESSOR, (16, 16), [(1, OPTICAL), (2, OPTICAL), (3, OPTICAL)])
    parts = re.split(re.escape(SEG), text)[:-1]
    assert [route(query, part).t for part in parts] == seg_dates(text) == [1, 3, 2]


def test_a_date_leads_to_its_pair_and_radar_alone_is_the_image():
    both = [(1, SAR), (2, OPTICAL), (2, SAR)]
    assert routed(both, "Image: 2 ") == Route(2, 1, 2, True)
    assert routed(both, "Image: 1 ") == Route(1, 0, None, True)
    assert routed([(1, SAR)], "here: ") == Route(1, 0, None, False)
