"""What the answer parser does with replies that nobody has thought of."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from terrabench.replies.answers import parse

LETTERS = "ABCDEFGHIJ"
SETS = (
    ("12%", "34%", "56%", "78%"),
    ("Yes", "No"),
    ("tree cover", "bare ground"),
    ("1.5 ha", "15 ha", "150 ha", "1,500 ha"),
    ("103 m", "210 m", "1,030 m", "0.3 m"),
    ("between image 1 and image 2", "between image 2 and image 3"),
    ("3", "5", "12", "16"),
    ("34%",),
)
options_of = st.sampled_from(SETS)

DRESSES = (
    "<answer>{letter}</answer>",
    "<answer>({letter})</answer>",
    "<answer> **{letter}** </answer>",
    "<answer>Option {letter}</answer>",
    "<answer>{letter}. {text}</answer>",
    "<answer>{text}</answer>",
    "<ANSWER>{letter}</ANSWER>",
    "< answer >{letter}< / answer >",
    "<answer>\n{letter}\n</answer>\n",
    "ANSWER: {letter}",
    "**Answer:** {letter}",
    "Final answer: {letter}.",
    "The answer is {letter}.",
    "The correct answer is ({letter}) {text}.",
    "\\boxed{{{letter}}}",
    '{{"answer": "{letter}"}}',
    "{letter}",
    "({letter})",
    "{letter}.",
    "{letter}. {text}",
    "{text}",
)
TAGGED = DRESSES[:9]
THOUGHTS = (
    "",
    "<think>The mask covers 8,490 of 65,536 pixels [SEG].</think>",
    "<think>A or B? Perhaps C. The answer is D.</think>",
    "<think>Is it <answer>A</answer>? No.</think>\n",
    "<thinking>12% and 34% are options.</thinking>\n\n",
    "Option A and B look wrong</think>",
)
MARKS = """<answer>|</answer>|< answer >|<think>|</think>|{"answer": "|"}|final: |(|)|**|. |the answer is |So |not |if
|actually |wait, |\\boxed{|}|12%|34%|Yes|no|tree cover|1,500 ha|\n|\r\n|\t|\u00a0|Ⓑ|−|²|\u202e|\x00|答案是"""
PIECES = st.one_of(st.text(max_size=12), st.sampled_from([*LETTERS, *MARKS.split("|")]))
REPLIES = st.lists(PIECES, max_size=40).map("".join)


@settings(max_examples=500, deadline=None)
@given(REPLIES, options_of)
def test_no_reply_raises_or_gives_a_letter_beyond_the_options(reply, options):
    parsed = parse(reply, options)
    assert parsed.letter in (None, *LETTERS[: len(options)])
    if parsed.span:
        first, last = parsed.span
        assert 0 <= first <= last <= len(reply)
    assert parse(reply, options) == parsed


@settings(max_examples=500, deadline=None)
@given(
    options_of,
    st.data(),
    st.sampled_from(THOUGHTS),
    st.sampled_from(DRESSES),
    st.sampled_from(["", " ", "\n", "\r\n\t"]),
)
def test_a_well_formed_reply_is_read_in_every_dress(options, data, thought, dress, space):
    number = data.draw(st.integers(0, len(options) - 1))
    letter = LETTERS[number]
    reply = thought + space + dress.format(letter=letter, text=options[number]) + space
    assert parse(reply, options).letter == letter


@settings(max_examples=500, deadline=None)
@given(REPLIES, options_of, st.data(), st.sampled_from(TAGGED))
def test_whatever_stands_before_it_a_closed_answer_decides(before, options, data, dress):
    number = data.draw(st.integers(0, len(options) - 1))
    letter = LETTERS[number]
    said = dress.format(letter=letter, text=options[number])
    assert parse(f"<think>{before.replace('think', '')}</think>{said}", options).letter == letter


@settings(max_examples=500, deadline=None)
@given(REPLIES, options_of, st.sampled_from([" ", "\n", "\n\n", "\t", " \r\n "]))
@example("A", ("34%",), "\n")
def test_space_around_a_reply_changes_nothing(reply, options, space):
    assert parse(space + reply + space, options).letter == parse(reply, options).letter


SENTENCES = """The mask covers 34%.|So the answer is B.|A large part is water.|Option C fits best.|ANSWER: B|B|34%
I considered A and B.|<answer>B</answer>|Final answer: (A) 12%|It is not D.|Therefore, 56%.|Perhaps B? No, it is C."""
SPOKEN = st.lists(st.sampled_from(SENTENCES.replace("\n", "|").split("|")), min_size=1, max_size=5)


@settings(max_examples=500, deadline=None)
@given(SPOKEN, st.sampled_from(["  ", "\u00a0", "   "]), st.sampled_from(["\n", "\r\n", " \n"]))
def test_how_wide_the_spaces_are_changes_nothing(sentences, wide, newline):
    plain, spaced = "\n".join(sentences), newline.join(s.replace(" ", wide) for s in sentences)
    assert parse(spaced, SETS[0]).letter == parse(plain, SETS[0]).letter


UNITS = (
    "A ",
    "so B, ",
    "<answer>",
    "</answer>",
    "<think>",
    "{",
    "\\boxed{",
    "the answer is ",
    "B. 34% ",
    "\n",
    "not ",
    "𝔹",
)


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_length_takes_no_more_than_a_few_times_as_long(unit):
    def seconds(length):
        reply = unit * (length // len(unit))
        times = []
        for _ in range(3):
            start = time.process_time()
            parse(reply, SETS[0])
            times.append(time.process_time() - start)
        return min(times)

    short, long = seconds(200_000), seconds(1_600_000)
    assert long < 24 * short + 0.2  # eight times the length; quadratic would be 64
