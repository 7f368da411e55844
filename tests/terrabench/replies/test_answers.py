"""The parser decides the score, so every reading is pinned here. Options: A 12%, B 34%, C 56%, D 78%."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrabench.replies.answers import PARSER_VERSION, parse

PERCENT = ("12%", "34%", "56%", "78%")
LAND = ("water", "open water", "tree cover", "cropland")
YES_NO = ("yes", "no")


def letter(reply, options=PERCENT):
    return parse(reply, options).letter


VECTORS = [
    # the published vectors
    ("ANSWER: B", "B"),
    ("<answer>(B)</answer>", "B"),
    ("<answer>**B**</answer>", "B"),
    ("<answer>Option B</answer>", "B"),
    ("<answer>Built-up area 34%</answer>", "B"),
    ("Based on the mask, 34%.", "B"),
    ("Cannot determine from this image.", None),
    ("As an AI I can't see the image", None),
    ("A large part is water, so D", "D"),
    ("After segmenting, the answer is C.", "C"),
    ("I considered A and B, final: C", "C"),
    # answer tags
    ("<answer>B</answer>", "B"),
    ("<answer>b</answer>", "B"),
    ("<answer> (b). </answer>", "B"),
    ("<Answer>\nB\n</ANSWER >", "B"),
    ("<answer>B.</answer>", "B"),
    ("<answer>B: 34%</answer>", "B"),
    ("<answer>b) 34%</answer>", "B"),
    ("<answer>A. 12 %</answer>", "A"),
    ("<answer>A 12%</answer>", "A"),
    ("<answer>'B'</answer>", "B"),
    (r"<answer>$\boxed{\text{B}}$</answer>", "B"),
    ("<answer>\uff22</answer>", "B"),  # full-width B
    ("<answer>\u0412</answer>", None),  # Cyrillic Ve only looks like B
    ("<answer>crop</answer>", None),
    ("<answer>C-band</answer>", None),
    ("<answer>Cropland covers a big part</answer>", None),
    ("<answer>A large part</answer>", None),
    ("<answer>A</answer>", "A"),
    ("<answer>I</answer>", None),
    ("<answer>E</answer>", None),
    ("<answer>A or B</answer>", None),
    ("<answer>A/B</answer>", None),
    ("<answer>B or E</answer>", None),
    ("<answer>B, B, B</answer>", "B"),
    ("<answer>B, not A</answer>", "B"),
    ("<answer>not A but B</answer>", "B"),
    ("<answer></answer>", None),
    ("<answer>unsure</answer> The answer is C.", None),  # the tag decides, even when it says nothing
    ("<answer>A</answer> <answer>D</answer>", "D"),
    ("<answer>A</answer> no wait <answer>D", "A"),
    ("<answer><answer>C</answer></answer>", "C"),
    ("<answer>A <answer>C</answer>", "C"),
    ("</answer>B<answer>", "B"),  # no closed tag; without markup the whole reply is a letter
    ("<think>A is large. <answer>A</answer></think><answer>D</answer>", "D"),
    ("<answer>34%, not 56%</answer>", "B"),
    ("<answer>34% or 56%</answer>", None),
    # markers
    ("Answer: (C)", "C"),
    ("**Answer**: C", "C"),
    ("The correct answer is: **C**", "C"),
    ("The answer is\n\nC", "C"),
    ("The answer is A because it is larger.", "A"),
    ("The answer is A.", "A"),
    ("The answer is A large lake.", None),
    ("The answer is not B.", None),
    ("The answer cannot be A, so C.", "C"),
    ("B) 34%", "B"),
    ("Final answer: **B. 34%**", "B"),
    ("It cannot be 56%, it is 12%", "A"),
    ("The answer isn't A.", None),
    ("The answer is B, so B it is.", "B"),
    ("The answer is either B or C.", None),
    ("The answer is B. C was close.", "B"),
    ("Answer: A. 12%", "A"),
    ("Answer: 34%", "B"),
    ("Answer: about 34 percent.", "B"),
    ("Final answer: D", "D"),
    ("Final Answer\nD", "D"),
    (r"Thus \boxed{D}", "D"),
    (r"\boxed{\text{Option D}}", "D"),
    (r"\boxed{34\%}", "B"),  # LaTeX escapes the percent sign
    ("Therefore, D.", "D"),
    ("The answer is C, so that is done.", "C"),
    ("It is so large that a crop is hidden.", None),
    ("so A large part is hidden", None),
    ("<think>some</think><answer>B", "B"),  # a stop string cut the closing tag
    ("<think>the answer is A</think> I mean, final: B", "B"),
    ("The answer is E.", None),
    # a lone letter
    ("B", "B"),
    (" (b) ", "B"),
    ("B.", "B"),
    ("Option C", "C"),
    ("<think>long</think>\nD", "D"),
    ("E", None),
    ("I", None),
    ("A B", None),
    ("AB", None),
    ("Bravo", None),
    # option texts
    ("It covers 34 % of the valid pixels.", "B"),
    ("It covers 134%.", None),
    ("It covers 34.5%.", None),
    ("It covers 1.34%.", None),
    ("It covers 1,34%.", None),
    ("It covers -34%.", None),
    ("It covers 30-34%.", None),
    ("I measured 34%. That is all.", None),  # not in the last sentence
    ("Not 12%. I measured 34%", "B"),
    ("Either 34% or 56%.", None),
    ("It is not 34%.", None),
    # nothing
    ("", None),
    ("   ", None),
    ("\x00\ufffd", None),
    ("D'accord, a B-roll of A.I. and C++", None),
]


@pytest.mark.parametrize(("reply", "expected"), VECTORS)
def test_readings(reply, expected):
    assert letter(reply) == expected


@pytest.mark.parametrize(
    ("reply", "options", "expected"),
    [
        ("<answer>open water</answer>", LAND, "B"),  # not also "water"
        ("<answer>Water</answer>", LAND, "A"),
        ("<answer>A water</answer>", LAND, "A"),
        ("<answer>Tree  Cover.</answer>", LAND, "C"),
        ("<answer>water and cropland</answer>", LAND, None),
        ("The larger one is cropland.", LAND, "D"),
        ("The larger one is croplands.", LAND, None),
        ("Yes, they touch.", YES_NO, "A"),
        ("No.", YES_NO, "B"),
        ("There is no way to tell.", YES_NO, None),
        ("<answer>no</answer>", YES_NO, "B"),
        ("<answer>C</answer>", YES_NO, None),
        ("<answer>1,200 m</answer>", ("120 m", "1200 m"), "B"),
        ("<answer>1200m</answer>", ("200 m", "1,200 m"), "B"),
        ("It is 1 km².", ("1 km", "1 km²"), "B"),
        ("It is 1 km2.", ("1 km", "1 km²"), "B"),
        ("It is 1 km.", ("1 km", "1 km²"), "A"),
        ("It has 5 buildings", ("5", "15"), "A"),
        ("It has 5%", ("5", "15"), None),
        ("It has 15 buildings", ("5", "15"), "B"),
        ("<answer>Zone B</answer>", ("Zone B", "Zone A"), "A"),  # the exact text goes before the letter in it
        ("<answer>A. Zone B</answer>", ("Zone B", "Zone A"), "A"),
        ("<answer>I</answer>", tuple("123456789"), "I"),
        ("I think so, I do", tuple("123456789"), None),
        ("B", (), None),
        ("<answer>(</answer>", (".+", "(", "[a"), "B"),
        ("<answer>x</answer>", ("", "x"), "B"),
    ],
)
def test_readings_of_other_options(reply, options, expected):
    assert letter(reply, options) == expected


def check(options, expected, *replies):
    assert {reply: letter(reply, options) for reply in replies} == dict.fromkeys(replies, expected)


LIST = "A. 12%\nB. 34%\nC. 56%\nD. 78%"


def test_words_about_the_answer_are_no_answer():
    check(PERCENT, "B", "Answer: B\nExplanation: The answer is based on the mask; A is smaller.")
    check(PERCENT, None, "The answer is found where C lies.", "Answer: Band C", "Answer: C band", "Answer: B type")
    check(LAND, None, "The answer is based on the extent of the water.")
    check(LAND, "D", "It is cropland based on the mask.", "Based on the mask, it is cropland, not water.")
    check(PERCENT, "C", "The answer is most likely option C.", "The answer is clearly (C) 56%")


def test_a_supposed_doubted_or_asked_answer_does_not_decide():
    check(PERCENT, None, "Answer: B\n\nNote: if the image were larger, the answer is likely C.")
    check(
        PERCENT,
        None,
        "The answer is C if the river counts.",
        "I don't think the answer is A.",
        "The wrong answer is A.",
    )
    check(PERCENT, None, "Is the answer A? I cannot tell.", "I doubt B is correct.", "If B is correct, it is small.")


@pytest.mark.parametrize(
    "reply",
    [
        LIST,
        LIST.replace("\n", " "),
        "Options: " + LIST.replace("\n", " "),
        "A) 12% \u274c\nB) 34% \u2705\nC) 56% \u274c\nD) 78% \u274c",
        LIST.replace(".", ")").lower(),
        "A (12%)\nB (34%)\nC (56%)\nD (78%)",
        "| A | 12% |\n| B | 34% |\n| C | 56% |\n| D | 78% |",
        "- 12%\n- 34%\n- 56%\n- 78%",
        "12%\n34%\n56%\n78%\nThese are the options.",
        "Options: A. 12%",
        f"Answer:\n{LIST}",
        f"The answer is one of:\n{LIST}",
        f"So, {LIST}",
    ],
)
def test_a_list_of_the_options_does_not_decide(reply):
    assert letter(reply) is None


def test_behind_a_list_of_the_options_the_answer_decides():
    check(PERCENT, "B", f"{LIST}\n\nAnswer: B", f"{LIST}\nIt covers 34%.", "B. 34%", "- B. 34%")


def test_so_decides_only_with_a_letter_at_once():
    check(PERCENT, None, "so close to C", "So in conclusion A is the smallest and hence wrong.", "so C covers more")
    check(PERCENT, None, "So A, the smallest, is wrong.", "so A, C and D are wrong", "so B or C")
    check(
        PERCENT,
        "B",
        "So B it is.",
        "So, option B.",
        "Hence **(B)**",
        "so it is B",
        "so I choose B",
        "Thus B is correct.",
    )
    check(PERCENT, "B", "Answer: B\nReason: the share is 34%, so A, C, D are wrong.")


def test_an_answer_that_is_taken_back_does_not_decide():
    check(PERCENT, "D", "The answer is A. Actually no, it is D.")
    check(PERCENT, None, "The answer is A. Wait, let me recount.", "The answer is A. On second thought, D.")
    check(
        PERCENT,
        None,
        "The answer is A. Hmm.",
        "Answer: A. But A is too small.",
        "The answer is A. The mask says it is D.",
    )
    check(PERCENT, "B", "The answer is B. However, C is also possible.")


def test_thoughts_never_decide():
    check(
        PERCENT, None, "<think>The answer is A. But wait", "<think>The answer is A.</think>", "The answer is A.</think>"
    )
    check(PERCENT, None, "<think><answer>A</answer> but", "<think><answer>A</answer></think>")
    check(
        PERCENT,
        "B",
        "<think>A</think>Answer: B",
        "A, or </think>B",
        "<think>A<think></think>B",
        "Answer: B<think>A</think>",
    )
    check(PERCENT, "B", "<think>x</think>Answer: B<think>Answer: C", "<think>never closed <answer>B</answer>")


def test_a_letter_beside_the_text_of_another_option_does_not_decide():
    check(
        PERCENT, None, "<answer>B. 56%</answer>", "<answer>b) 56%</answer>", "Answer: B. 56%", "The answer is B (56%)."
    )
    check(LAND, None, "Answer: cropland (A)", "Answer: water (B)", "C: cropland")
    check(LAND, "D", "Answer: cropland (D)", "D: cropland", "Cropland (D) is the answer: D.")
    check(YES_NO, None, "B) Yes", "Answer: A. No.", "Answer: no (A)")
    check(YES_NO, "A", "A (Yes)", "The answer is A: there is no gap.")


def test_json_is_read_by_its_answer_alone():
    check(PERCENT, "B", '{"answer":"B","confidence":0.9}', '```json\n{"answer": "B"}\n```', '{"Answer": "(b) 34%"}')
    check(PERCENT, "B", '{"answer": "B", "why": "so C"}', '{"reasoning": "A is too small, wait", "answer": "34%"}')
    check(
        PERCENT,
        None,
        '{"answer": "A or B"}',
        '{"answer": "B. 56%"}',
        '[{"answer": "A"}, {"answer": "B"}]',
        '{"answer": 1}',
    )
    check(PERCENT, None, '{"answer": "B"} Wait, no.', '{"option": "B", "score": 1}', '{"answer": "A", "choice": "B"}')


def test_an_escaped_percent_sign_hides_no_answer():
    check(PERCENT, "C", r"\boxed{56\%}", r"The answer is \boxed{56\%}.", r"\[\boxed{C. 56\%}\]")
    check(PERCENT, None, r"\boxed{B} or \boxed{C}", r"\boxed{57\%}")


def test_other_clear_forms_are_read():
    check(
        PERCENT,
        "C",
        "\u7b54\u6848\uff1aC",
        "\u7b54\u6848\u662fC",
        "Ans: C",
        "Correct answer - C",
        "I choose C",
        "I'd say C",
    )
    check(PERCENT, "B", "Option B is the best answer", "B is correct", "(B) is right, (C) is wrong.", "It must be B.")
    check(PERCENT, "C", "The answer isn't B, it's C.", "Based on the image, option C (56%) seems the closest.")
    check(PERCENT, None, "A or B is correct.", "Building B is the closest.", "B is right of A.", "Plans: B")
    check(PERCENT, None, "I choose C to measure first.", "I choose A, B and C as candidates", "The label on it is B.")


def test_a_first_sentence_that_is_an_option_decides_unless_the_last_one_differs():
    check(YES_NO, "B", "No.\n\nThe two regions are separated.", "No. They are far apart.")
    check(YES_NO, None, "No. Actually yes.", "No? Hard to say.")
    check(LAND, None, "Water.\n\nIt is larger than cropland.")
    check(PERCENT, None, "C\nThe mask covers 34%.", "It is 34%: C")


def test_the_rule_and_the_span_show_what_decided():
    reply = "<think>maybe A</think><answer> (B) </answer>"
    parsed = parse(reply, PERCENT)
    assert (parsed.rule, reply[slice(*parsed.span)]) == ("answer_tag", " (B) ")
    parsed = parse("I say the answer is C. Bye.", PERCENT)
    assert (parsed.rule, "I say the answer is C. Bye."[slice(*parsed.span)]) == ("marker", "C")
    assert parse("nothing", PERCENT).rule == "none"
    assert parse("B", PERCENT).rule == "lone_letter"
    assert parse("It is 34%.", PERCENT).rule == "option_text"
    assert PARSER_VERSION == 2


@pytest.mark.parametrize(
    "reply",
    [
        "A" * 10_000_000,
        "<answer>" * 1_250_000,
        "</answer>" * 1_100_000,
        "<" * 10_000_000,
        " " * 10_000_000,
        "so A and " * 1_100_000,
        "option" + " " * 10_000_000 + "!",
        "<answer>" + "B " * 5_000_000 + "</answer>",
        "<answer>B " + "!" * 19_000 + "</answer>",
        "34" * 5_000_000 + "%",
        "\\boxed{" * 1_400_000,
        "not " * 2_500_000,
        ". " * 5_000_000,
        "<think>" * 1_400_000,
        "<think></think>" * 600_000,
        "answer is " + "!" * 900 + "x ",
        "answer is x A A A A " * 500_000,
        "not " * 5_000 + "answer is A",
        '{"answer": ' * 900_000 + '"A"}',
        '{"' + "[" * 4_900 + "}",
        "\n12%" * 2_500_000,
        "< " * 5_000_000,
    ],
    ids=lambda reply: repr(reply[:12]),
)
def test_huge_replies_come_to_an_end(reply):
    """Ten megabytes each; a rule that backtracks would run for hours. How fast: benchmarks/parser_time.py."""
    found = parse(reply, PERCENT)
    assert found.letter is None or found.letter in "ABCD"


WORDS = "<answer>|</answer>|<think>|</think>|so|A|B|E|I|34%|12 %|answer is|final:|\\boxed{|}|not|.|\n| |crop|(|)|**|$"
PIECES = st.lists(st.sampled_from([*WORDS.split("|"), "\ud800", "\u0130", "\uff22"]), max_size=20).map("".join)
REPLIES = st.text(max_size=80) | PIECES


@settings(max_examples=500, deadline=None)
@given(REPLIES, st.lists(st.text(max_size=8), max_size=10))
def test_never_raises_and_never_leaves_the_options(reply, options):
    found = parse(reply, options)
    assert found.letter is None or found.letter in "ABCDEFGHIJ"[: len(options)]
    assert found.span is None or 0 <= found.span[0] <= found.span[1] <= len(reply)


@settings(max_examples=500, deadline=None)
@given(REPLIES, st.sampled_from("ABCD"))
def test_a_closed_answer_at_the_end_always_wins(before, wanted):
    assert letter(f"{before}<answer>{wanted}</answer>") == wanted


@settings(max_examples=500, deadline=None)
@given(REPLIES.filter(lambda text: "</" not in text))
def test_an_unclosed_thought_never_decides(thought):
    assert letter(f"<think>{thought}") is None
