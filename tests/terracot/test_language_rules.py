"""Grammar of every kind of question: each phrasing of each step, singular and plural names, and counts of 1."""

from __future__ import annotations

import math
import re
from functools import cache

import pytest
from grammar_rules import faults, normal
from wording import Case, cases, spoken, worded

from terracot.language import NUMBER, UNIT_TEXT
from terracot.levels import kind_named, kinds
from terracot.questions import Question, Writer, ask
from terracot.questions.phrases.refer import ASKED, SHOWN
from terracot.stated import refer_words
from terracot.traces import Ground

LEAST = 20
KINDS = tuple(kinds())
SPOKEN = tuple(name for name in KINDS if name != "refer")  # which words itself with ``refer_words``


@cache
def every_wording(kind: str, ones: bool = False) -> list[tuple[Case, str, Question]]:
    """Each finding of a kind with the n-th phrasings, for every n that there is; each with options and without."""
    found = []
    assert cases()[kind], f"no scene of wording.py has a question of kind {kind}: add one"
    for case in cases()[kind]:
        _, lists = worded(case, 0, "B")
        for n in range(max(map(len, lists), default=LEAST)):
            found.append((case, f"{kind} {n}", worded(case, n, "B" if n % 2 else None, ones)[0]))
    return found


@pytest.mark.parametrize("kind", SPOKEN)
def test_questions_and_steps_have_twenty_different_phrasings(kind):
    """A step may choose among those that its trace has not used yet, so lists that overlap count together.

    Sentences that a question adds ("The NDVI is ...") may have fewer, since the question before them has twenty.
    """
    together: list[set[str]] = []
    for case in cases()[kind]:
        for n in range(LEAST):
            question, lists = worded(case, n, "B")
            asked = [one for one in lists if any(literal(p) in question.text.lower() for p in one)]
            assert max(map(len, asked)) >= LEAST
            for phrasings in lists:
                if phrasings in asked or not phrasings[0].endswith((".", ":", "?")):
                    continue
                joined = set(phrasings).union(*(one for one in together if one & set(phrasings)))
                together = [one for one in together if not one & joined] + [joined]
    assert together
    for step in together:
        assert len(step) >= LEAST, sorted(step)[:2]


def literal(phrasing: str) -> str:
    """The longest part of a phrasing that is no slot."""
    return max(re.split(r"\{[^}]*\}", phrasing.lower()), key=len)


@pytest.mark.parametrize("kind", SPOKEN)
def test_seeds_reach_twenty_phrasings_of_the_question_and_of_each_step(kind):
    """By the writer's own choice, as the template records it."""
    case = cases()[kind][0]
    _, lists = worded(case, 0, "B")
    recorded = ask(case.finding, case.setting, 5, "B").template.split(":")[1]
    assert recorded.count("-") == len(lists) - 1
    reached: list[set[str]] = [set() for _ in lists]
    for seed in range(300):
        writer = Writer(case.finding, case.setting, seed, kind_named(kind).level, "B")
        for phrasings, seen in zip(lists, reached, strict=True):
            seen.add(writer.choose(phrasings))
    for phrasings, seen in zip(lists, reached, strict=True):
        assert len(seen) >= min(LEAST, len(set(phrasings)))


def test_seeds_reach_twenty_ways_to_ask_for_a_region_and_to_show_it():
    words = [refer_words("the road", "s1", "key", 1, 1, seed) for seed in range(300)]
    assert len({question for question, _, _ in words}) == len(ASKED) >= LEAST
    assert len({step.text for _, step, _ in words}) == len(SHOWN) >= LEAST


@pytest.mark.parametrize("kind", KINDS)
def test_no_wording_breaks_a_rule_of_grammar(kind):
    for case, which, question in every_wording(kind):
        for text, _ in spoken(question):
            assert not list(faults(normal(text, case))), (which, text)
            assert not re.search(r"\bcover covers?\b", text), (which, text)


@pytest.mark.parametrize("kind", SPOKEN)
def test_counts_of_one_take_the_singular(kind):
    for case, which, question in every_wording(kind, ones=True):
        for text, _ in spoken(question):
            assert not list(faults(normal(text, case))), (which, text)


@pytest.mark.parametrize("kind", KINDS)
def test_sentences_begin_with_a_capital_and_end_with_a_sign(kind):
    for _, which, question in every_wording(kind):
        assert re.search(r"[.?)]$", question.text), (which, question.text)
        head, prefix, rest = question.text.rpartition("According to the map of the test, ")
        assert not head
        if image := re.match(r"[Ii]n image \d, ", rest):
            rest, prefix = rest[image.end() :], image[0]
        assert rest[:1].islower() if prefix else rest[:1].isupper() or rest[:1].isdigit(), (which, question.text)
        for step in question.steps:
            assert step.text.endswith(":") if hasattr(step, "mask") else re.search(r"[.?]$", step.text), (which, step)
            assert step.text[:1].isupper() or step.text[:1].isdigit(), (which, step)


@pytest.mark.parametrize("kind", SPOKEN)
def test_each_grounding_step_names_its_class_as_it_is_written(kind):
    """As verify wants it: a name at the beginning of a sentence would have a capital."""
    for case, which, question in every_wording(kind):
        for step in question.steps:
            if isinstance(step, Ground):
                assert case.finding.recorded[step.mask].class_name in step.text, (which, step)


@pytest.mark.parametrize("kind", SPOKEN)
def test_digits_come_from_recorded_numbers_and_are_rounded_as_they_should(kind):
    for case, which, question in every_wording(kind):
        for text, values in spoken(question):
            if text == case.finding.truth.text:
                continue
            for mask in case.finding.masks:
                text = text.replace(mask.class_name, "")
            assert NUMBER.findall(text) == [value.text for value in values], (which, text)
            for value in values:
                shown = float(value.text.replace(",", ""))
                last = 0.5 * 10.0 ** -len(value.text.partition(".")[2])
                assert math.isclose(shown, value.value, rel_tol=0.005, abs_tol=last + 1e-9), (which, value)
                about = f"about {value.text}{UNIT_TEXT.get(value.unit, '')}"
                assert about not in text or not math.isclose(shown, value.value, rel_tol=1e-12), (which, text)


@pytest.mark.parametrize(
    "text",
    [
        "the PNAME is here",
        "PNAME covers 3 pixels.",
        "SNAME cover 3 pixels.",
        "The SNAME are here:",
        "Is any PNAME visible?",
        "Does the PNAME touch it?",
        "How far is it? Do the SNAME grow?",
        "It has 1 pixels.",
        "There are 1 pixel.",
        "It has 12 pixel.",
        "It has 1 separate patches.",
        "a SNAME grows",
        "an forest",
        "a image",
        "the the image",
        "it is are so",
        "This is the PNAME:",
        "A {name}.",
        "two  spaces",
        "The SNAME lies next to PNAME at 0 pixels.",
    ],
)
def test_the_rules_find_what_is_wrong(text):
    assert list(faults(text))


@pytest.mark.parametrize(
    "text",
    [
        "The pixels of PNAME is a mask that covers SNAME.",
        "How much area does the SNAME cover in this image?",
        "Do the SNAME and the PNAME touch?",
        "Of the PNAME, 1 pixel borders on SNAME.",
        "Are any PNAME visible in this image?",
        "It has 1 pixel in 2 patches, about 0.1% of 1,001 pixels.",
    ],
)
def test_the_rules_leave_what_is_right(text):
    assert not list(faults(text))
