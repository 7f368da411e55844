"""The form of the reply is chosen once per model, and says what it is."""

import hashlib

import pytest

from terrabench.asking.prompting import TEMPLATES, instructed, template_for
from terrabench.commands.run import _PROMPTS
from terracot.plugins import ModelError, Prompt


class Silent:
    pass


class Thinker:
    prompt_template = "think"


class Odd:
    prompt_template = "loud"


def test_the_flag_counts_before_the_model_and_the_model_before_the_default():
    assert template_for(Silent()).name == "letter"
    assert template_for(Thinker()).name == "think"
    assert template_for(Thinker(), "none").name == "none"
    with pytest.raises(ModelError, match="of Odd is 'loud'; expected one of letter, think, box-cot, none"):
        template_for(Odd())
    with pytest.raises(ModelError, match="--prompt is 'x'"):
        template_for(Silent(), "x")


def test_what_is_stamped_is_the_whole_text():
    record = TEMPLATES["think"].record()
    assert record["sha256"] == hashlib.sha256(record["text"].encode()).hexdigest()
    assert (record["name"], record["version"]) == ("think", 1)
    for tag in ("<think>", "</think>", "<answer>", "</answer>"):
        assert tag in record["text"]


def test_the_instruction_is_the_last_line_and_only_below_options():
    choice = Prompt("0", (), None, "Which?", ("a", "b"))
    shown = instructed(choice, TEMPLATES["letter"])
    assert shown.text == "Which?\nA. a\nB. b\nReply with nothing but the letter of the right option."
    assert instructed(choice, TEMPLATES["none"]).text == "Which?\nA. a\nB. b"
    assert instructed(Prompt("0", (), None, "Describe it.", ()), TEMPLATES["letter"]).text == "Describe it."


def test_the_command_offers_exactly_the_templates_that_exist():
    assert set(_PROMPTS) == set(TEMPLATES)
