"""Replies of each family, as their documentation shows them, and replies that are nearly so."""

from __future__ import annotations

import pytest
from terrabaselines.grounding.reading import Region, boxed_answer, read_regions

from terrabench.replies.answers import parse


def test_qwens_json_in_a_fence_with_boxes_and_points() -> None:
    reply = """```json
[
    {"bbox_2d": [135, 114, 1016, 672], "label": "water"},
    {"point_2d": [346, 328], "label": "a building"}
]
```
<answer>B</answer>"""
    assert read_regions(reply, "json") == [
        Region((135.0, 114.0, 1016.0, 672.0), "water"),
        Region((346.0, 328.0), "a building"),
    ]


def test_a_reply_that_was_cut_off_keeps_its_whole_boxes() -> None:
    reply = '[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"bbox_2d": [5, 6, 7, 8], "label": "b"}, {"bbox_2d": [9, 1'
    assert [region.label for region in read_regions(reply, "json")] == ["a", "b"]


def test_several_boxes_under_one_label() -> None:
    reply = '{"bbox_2d": [[1, 2, 3, 4], [5, 6, 7, 8]], "label": "water"}'
    assert read_regions(reply, "json") == [Region((1, 2, 3, 4), "water"), Region((5, 6, 7, 8), "water")]


def test_internvl_with_and_without_a_name() -> None:
    reply = "<ref>the water</ref><box>[[74, 1, 260, 500], [3, 4, 5, 6]]</box> and <box>[[1,2,3,4]]</box>"
    assert read_regions(reply, "box_tags") == [
        Region((74, 1, 260, 500), "the water"),
        Region((3, 4, 5, 6), "the water"),
        Region((1, 2, 3, 4)),
    ]


def test_glm_in_a_sentence_and_as_json() -> None:
    reply = (
        "First. The second bottle: <|begin_of_box|>[[94,598,177,991]]<|end_of_box|>. "
        '<|begin_of_box|>[{"label": "water", "bbox_2d": [1, 2, 3, 4]}]<|end_of_box|>'
    )
    assert read_regions(reply, "begin_of_box") == [
        Region((94, 598, 177, 991), "The second bottle"),
        Region((1, 2, 3, 4), "water"),
    ]


@pytest.mark.parametrize(
    ("reply", "syntax", "images"),
    [
        ('{"image": 2, "bbox_2d": [1, 2, 3, 4]} {"bbox_2d": [1, 2, 3, 4]}', "json", [2, None]),
        ('In image 1: {"bbox_2d": [1, 2, 3, 4]}\nImage 3: {"bbox_2d": [1, 2, 3, 4]}', "json", [1, 3]),
        ("Image-2: <ref>a</ref><box>[[1, 2, 3, 4]]</box>", "box_tags", [2]),
        ("Image 2, water: <|begin_of_box|>[[1, 2, 3, 4]]<|end_of_box|>", "begin_of_box", [2]),
        ('{"image": true, "bbox_2d": [1, 2, 3, 4]}', "json", [None]),
    ],
)
def test_a_box_lies_on_the_image_that_the_reply_names(reply: str, syntax: str, images: list[int | None]) -> None:
    assert [region.image for region in read_regions(reply, syntax)] == images


@pytest.mark.parametrize(
    "reply",
    [
        '{"bbox_2d": [1, 2, 3]}',
        '{"bbox_2d": "1, 2, 3, 4"}',
        '{"bbox_2d": [1, 2, 3, NaN]}',
        '{"bbox_2d": [1, 2, 3, Infinity]}',
        '{"bbox_2d": [1, 2, 3, 1e999]}',
        '{"bbox_2d": [1, 2, 3, true]}',
        '{"bbox_2d": null}',
        '{"bbox_2d": [1, 2, 3, ' + "9" * 3000 + "]}",
        '{"bbox_2d": ' + "[" * 3000 + "}",
        "{" * 5000 + '"bbox_2d": [1, 2, 3, 4]',
        "A. 34% [1, 2, 3, 4]",
        "",
    ],
)
def test_what_is_no_box_is_passed_over(reply: str) -> None:
    assert read_regions(reply, "json") == []
    assert read_regions(reply, "box_tags") == []


def test_an_unknown_syntax_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown syntax 'xml' of boxes; expected one of json, box_tags, begin_of_box"):
        read_regions("", "xml")


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("<think>A or B</think><answer><|begin_of_box|>B<|end_of_box|></answer>", "B"),
        ("I compared A and B. <|begin_of_box|>A<|end_of_box|>", "A"),
        ("water: <|begin_of_box|>[[1, 2, 3, 4]]<|end_of_box|> so <|begin_of_box|>B<|end_of_box|>", "B"),
    ],
)
def test_the_boxed_answer_of_glm_is_read_as_its_answer(reply: str, letter: str) -> None:
    assert parse(boxed_answer(reply), ("34%", "12%")).letter == letter


def test_boxes_with_coordinates_stay_as_they_are() -> None:
    reply = "water: <|begin_of_box|>[[1, 2, 3, 4]]<|end_of_box|>"
    assert boxed_answer(reply) == reply
