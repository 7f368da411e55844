"""Numbers and relations in the words of our own traces and of other models."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrabench.reasoning.relations import destroyed, larger, last_option, touching, yes_or_no
from terrabench.reasoning.statements import last_of, numbers, reasoning
from terracot.questions.phrases import area, boundary, building_change, distance
from terracot.spatial.phrases import compare


def spoken(phrase: str, **values: str) -> str:
    """A phrase with its places filled in, all nouns and verbs in the plural."""
    phrase = re.sub(
        r"\{(\w+):(about|\+[^}]*)\}", lambda m: values[m[1]] + (f" {m[2][1:]}s" if m[2][0] == "+" else ""), phrase
    )
    phrase = re.sub(r"\{\w+:[^|{}]*\|([^{}]*)\}", r"\1", phrase)
    return phrase.format(**values)


@pytest.mark.parametrize("phrase", area.AREAS)
def test_the_area_of_our_traces_is_told_from_that_of_a_pixel(phrase):
    text = spoken(phrase, pixels="568", pixel_area="100 m²", area="5.68 ha")
    found = numbers(text)
    assert (last_of(found, "area").value, last_of(found, "area").unit) == (5.68, "ha")
    assert [n.value for n in found if n.unit == "m2" and not n.factor] == []


@pytest.mark.parametrize("phrase", area.SHARES)
def test_the_share_of_our_traces_is_read(phrase):
    found = last_of(numbers(spoken(phrase, pixels="1,445", valid="4,096", share="35.3%")), "share")
    assert (found.value, found.half) == (35.3, pytest.approx(0.05))


@pytest.mark.parametrize("phrase", distance.RULES)
def test_the_distance_of_our_traces_is_read(phrase):
    text = spoken(phrase, pixels="42.45", metres="424 m")
    assert last_of(numbers(text), "length").value == 424.0
    assert [n.value for n in numbers(text) if n.unit == "px"] == [42.45]


@pytest.mark.parametrize("phrase", building_change.COUNTED)
def test_destroyed_buildings_are_told_from_all_buildings(phrase):
    text = spoken(phrase, all="12", gone="5")
    assert destroyed(text, numbers(text)).value == 5.0


@pytest.mark.parametrize("phrase", building_change.SHARED)
def test_the_share_of_destroyed_buildings_is_read(phrase):
    assert last_of(numbers(spoken(phrase, all="12", gone="5", share="41.7%")), "share").value == 41.7


@pytest.mark.parametrize("phrase", boundary.TOUCH)
def test_our_traces_that_find_contact_are_read_as_touching(phrase):
    assert touching(spoken(phrase, a="cropland", b="water", contact="87")) == "yes"


@pytest.mark.parametrize("phrase", boundary.APART)
def test_our_traces_that_find_no_contact_are_read_as_apart(phrase):
    assert touching(spoken(phrase, a="cropland", b="water", contact="0")) == "no"


@pytest.mark.parametrize("phrase", compare.LARGER_FOUND)
@pytest.mark.parametrize("winner", ["tree cover", "bare ground"])
def test_the_larger_class_of_our_traces_is_read(phrase, winner):
    text = spoken(phrase, a="tree cover", b="bare ground", c=winner, p="900", q="100")
    assert larger(text, ["tree cover", "bare ground"]) == winner


NUMBERS = [
    ("about 13 %", 13.0, "%", 0.5),
    ("12.50 per cent", 12.5, "%", 0.005),
    ("12,5 percent", 12.5, "%", 0.05),
    ("8,490 pixels", 8490.0, "px", 0.5),
    ("8 490 px", 8490.0, "px", 0.5),
    ("8\u202f490 px", 8490.0, "px", 0.5),
    ("roughly 8,500 pixels", 8500.0, "px", 50.0),
    ("62,000 m²", 62000.0, "m2", 50.0),
    ("62,000 m^2", 62000.0, "m2", 50.0),
    ("62000 square metres", 62000.0, "m2", 50.0),
    ("6.2 × 10⁴ m²", 62000.0, "m2", 500.0),
    ("6.2e4 m2", 62000.0, "m2", 500.0),
    ("1.2 million sq m", 1.2e6, "m2", 5e4),
    ("100 m", 100.0, "m", 0.5),
    ("2,260 meters", 2260.0, "m", 5.0),
    ("0.849 km", 0.849, "km", 0.0005),
    ("3.5 km²", 3.5, "km2", 0.05),
    ("16 hectares", 16.0, "ha", 0.5),
    ("−3.5 %", -3.5, "%", 0.05),
    ("12 separate buildings", 12.0, "count", 0.5),
    ("4,096 valid pixels", 4096.0, "valid", 0.5),
]


@pytest.mark.parametrize(("text", "value", "unit", "half"), NUMBERS)
def test_a_number_in_many_dresses(text, value, unit, half):
    (found,) = numbers(f"I find {text} here.")
    assert (found.unit, found.half) == (unit, pytest.approx(half))
    assert found.value == pytest.approx(value)


def test_a_range_is_one_number():
    (found,) = numbers("about 30-35 % of it")
    assert (found.value, found.unit, found.half) == (32.5, "%", 3.0)
    assert [n.value for n in numbers("16 - 11 = 5 buildings")] == [16.0, 11.0, 5.0]


def test_the_rounding_that_a_statement_shows_is_what_agrees():
    (whole,), (exact,), (zeros,) = numbers("13 %"), numbers("13.0 %"), numbers("27,300 m²")
    assert [whole.agrees(v) for v in (12.49, 12.5, 13.5, 13.51)] == [False, True, True, False]
    assert [exact.agrees(v) for v in (12.94, 12.95, 13.05, 13.06)] == [False, True, True, False]
    assert [zeros.agrees(v) for v in (27_249, 27_250, 27_350, 27_351)] == [False, True, True, False]


@pytest.mark.parametrize(
    "text",
    ["15 pixels x 10.0 m", "at 10 m/pixel", "a pixel size of 10 m", "each pixel covers 100 m²", "10 m per pixel"],
)
def test_the_size_of_a_pixel_is_no_measurement(text):
    assert last_of(numbers(text), "length") is None
    assert last_of(numbers(text), "area") is None


def test_an_option_named_as_the_nearest_is_not_taken_for_the_measurement():
    text = "The share is 31.8%, closest to 34%."
    assert last_of(numbers(text, ["12%", "34%"]), "share").value == 31.8
    assert last_of(numbers("The share is 34%.", ["12%", "34%"]), "share").value == 34.0


@pytest.mark.parametrize("text", ["B08 and SWIR2", "Image: 2", "a km-wide strip", "v1.2.3", "m² and %"])
def test_what_is_no_quantity_has_no_unit(text):
    assert [n.unit for n in numbers(text) if n.unit] == []


def test_only_the_reasoning_is_read():
    reply = "<think>It is 30%.</think> So 34%. <answer>B. 56%</answer> That is 99%."
    assert [n.value for n in numbers(reasoning(reply, ["34%", "56%"]))] == [30.0, 34.0]
    assert numbers(reasoning("I count 900 pixels.\nANSWER: B. 56%", ["34%", "56%"]))[-1].value == 900.0


RELATIONS = [
    ("The water and the cropland do not touch.", "no"),
    ("They are adjacent along the river.", "yes"),
    ("There is a gap; the two never meet.", "no"),
    ("At first they seem to touch. But in fact they are clearly separated.", "no"),
    ("Do they touch? They share a common boundary.", "yes"),
    ("Zero pixels of one are in contact with the other.", "no"),
    ("They don’t share a border.", "no"),
    ("I must see whether they touch.", None),
    ("If they touched, the answer would be yes.", None),
    ("Looks like a forest.", None),
    ("So the answer is: no.", "no"),
    ("Yes, the two regions abut.", "yes"),
]


@pytest.mark.parametrize(("text", "expected"), RELATIONS)
def test_contact_in_the_words_of_others(text, expected):
    assert touching(text) == expected


COMPARISONS = [
    ("Water is larger than cropland.", "water"),
    ("Water is smaller than cropland.", "cropland"),
    ("The cropland covers more ground than the water.", "cropland"),
    ("Water: 30 %, cropland: 20 %. The larger one is water.", "water"),
    ("water > cropland", "water"),
    ("water < cropland", "cropland"),
    ("Comparing both, the class with the greater area is cropland.", "cropland"),
    ("Is water larger? Cropland dominates.", "cropland"),
    ("Water covers less than cropland does.", "cropland"),
    ("Therefore the answer is water.", "water"),
    ("I outline water and cropland.", None),
]


@pytest.mark.parametrize(("text", "expected"), COMPARISONS)
def test_comparisons_in_the_words_of_others(text, expected):
    assert larger(text, ["water", "cropland"]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Of 20 buildings, 7 were destroyed.", 7.0),
        ("7 of the 20 buildings have collapsed.", 7.0),
        ("Destroyed buildings: 7 (of 20).", 7.0),
        ("The number of destroyed buildings is 7.", 7.0),
        ("I count 20 buildings.", None),
    ],
)
def test_destroyed_buildings_in_the_words_of_others(text, expected):
    found = destroyed(text, numbers(text))
    assert (found.value if found else None) == expected


def test_dates_are_read_as_the_last_option_that_is_stated():
    options = ["between image 1 and image 2", "between image 2 and image 3"]
    said = "Between image 1 and image 2 little happens. The largest step is between image 2 and image 3."
    assert last_option(said, options) == options[1]
    assert last_option("Nothing happens.", options) is None
    assert yes_or_no("It is still there, so yes.") == "yes"


PIECES = """ touch | not | larger | water | cropland | destroyed | of | pixels | m² | % | ×10 | so yes |1,234|8 490|−
|10⁴|.|0|<answer>|</answer>|<think>|if|?|é"""
WORDS = st.sampled_from(PIECES.split("|"))


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=80).map("".join)))
def test_any_text_is_read_without_an_error(text):
    said = reasoning(text, ["34%", "56%"])
    found = numbers(said, ["34%", "56%"])
    assert all(n.half > 0 and 0 <= n.start < n.end <= len(said) for n in found)
    assert touching(said) in ("yes", "no", None)
    assert larger(said, ["water", "cropland"]) in ("water", "cropland", None)
    assert destroyed(said, found) in [*found, None]


@pytest.mark.parametrize(
    "unit",
    [
        "8 490 ",
        "1,234,567 ",
        "do not touch the ",
        "water is larger ",
        "a ",
        "9" * 50,
        "of the 5 ",
        "12 valid ",
        "−",
        "no ",
        "\u202f1",
    ],
)
def test_huge_replies_come_to_an_end(unit):
    text = unit * (500_000 // len(unit))
    start = time.process_time()
    said = reasoning(text, ["34%", "56%"])
    found = numbers(said, ["34%"])
    touching(said), larger(said, ["water", "cropland"]), destroyed(said, found), yes_or_no(said)
    assert time.process_time() - start < 5
