"""Row checks of ``verify`` for stated questions: what can be known of an answer that nobody measured.

Words follow from phrase and seed, text from steps, options and answers from what is said to be possible. That the
source states it so can only be checked with the source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from terracot.findings import Finding, Setting
from terracot.plugins import EvidenceMask
from terracot.questions import Question
from terracot.rewriting import problems_of
from terracot.rules import Truth
from terracot.stated import (
    REFER,
    level_of,
    name_problem,
    number_problem,
    phrase_of,
    refer_words,
    text_form,
    text_problem,
)
from terracot.traces import Ground, seg_dates, step_to_dict


def check_stated_row(row: Mapping[str, Any], masks: Sequence[EvidenceMask], scene: Setting) -> Iterator[str]:
    """What is wrong with a stated sample or item, but for its id and its options."""
    if problem := name_problem(row["kind"], row["source"]):
        yield problem
    if problem := text_problem(row["question"]):
        yield f"question: {problem}"
    if row["values"]:
        yield "a stated question records no measured numbers"
    parameters = json.loads(row["parameters"])
    if not isinstance(parameters.get("key"), str) or parameters.get("t") not in range(1, scene.dates + 1):
        yield f"parameters {row['parameters']} lack the key of the question, or its date (1 to {scene.dates})"
        return
    if row["kind"] == REFER:
        yield from _check_refer(row, masks, scene, parameters)
    else:
        yield from _check_answer(row, masks, parameters)
    if "steps" not in row:
        return
    if row["level"] != level_of(row["kind"]):
        yield f"level is {row['level']!r}, expected {level_of(row['kind'])!r}"
    dates = [mask.t for mask in masks]
    if row["answer"] != row["truth"]["text"]:
        yield f"answer {row['answer']!r} is not the truth {row['truth']['text']!r}"
    if row["text"] != text_form(row["kind"], row["steps"], dates, scene.dates, row["answer"]):
        yield "text is not the text form of the steps and the answer"
    expected = [date if scene.dates > 1 else None for date in dates]
    if seg_dates(row["text"]) != expected:
        yield f"text has [SEG] of dates {seg_dates(row['text'])}, expected {expected}"


def _check_refer(
    row: Mapping[str, Any], masks: Sequence[EvidenceMask], scene: Setting, parameters: Mapping[str, Any]
) -> Iterator[str]:
    if "steps" not in row:
        yield "a phrase that refers is no multiple-choice question"
        return
    if len(masks) != 1:
        yield f"a phrase refers to one mask, found {len(masks)}"
        return
    mask, truth = masks[0], row["truth"]
    if not mask.mask.any():
        yield "its mask is empty"
    if mask.t != parameters["t"]:
        yield f"its mask is of date {mask.t}, the phrase of date {parameters['t']}"
    if phrase_of(mask.class_name) != mask.class_name or mask.class_name not in row["question"]:
        yield f"the question does not ask for {mask.class_name!r}"
    if truth["value"] is not None or truth["text"] or truth["unit"]:
        yield f"a phrase that refers has no answer in words, found {truth['text']!r} ({truth['value']})"
    question, step, template = refer_words(
        mask.class_name, scene.scene_id, parameters["key"], mask.t, scene.dates, row["seed"]
    )
    if row["template"] != template:
        yield f"template is {row['template']!r}, expected {template!r}"
    if row["rewriter"] is not None:
        finding = Finding(REFER, mask.t, (mask.class_name,), (mask,), Truth(None, "", ""), parameters)
        yield from problems_of(row, Question(finding, question, (), (step,), "", template))
        question, step = row["question"], Ground(row["steps"][0]["text"] if row["steps"] else "", 0)
    if row["question"] != question:
        yield f"question is {row['question']!r}, worded again it is {question!r}"
    if row["steps"] != [step_to_dict(step)]:
        yield f"the reply is not {step.text!r} and one [SEG]"
    if row["answer_values"]:
        yield "a phrase that refers records no measured numbers"


def _check_answer(
    row: Mapping[str, Any], masks: Sequence[EvidenceMask], parameters: Mapping[str, Any]
) -> Iterator[str]:
    truth, words = row["truth"], parameters.get("words")
    if masks:
        yield f"a stated answer has no masks behind it, found {len(masks)}"
    if problem := text_problem(truth["text"]):
        yield f"answer: {problem}"
    if truth["unit"]:
        yield f"a stated answer has no unit, found {truth['unit']!r}"
    if truth["value"] is not None and (problem := number_problem(truth["value"], truth["text"])):
        yield problem
    if words is not None and (truth["value"] is not None or truth["text"] not in words):
        yield f"answer {truth['text']!r} is none of {words}"
    sample = "steps" in row
    if not sample and words is not None and not set(row["options"]) <= set(words):
        yield f"options {row['options']} are not among the possible answers {words}"
    if sample and words is None and truth["value"] is None:
        yield "its answer is neither a number nor one of several words; published options make no samples"
    if sample and (row["steps"] or row["answer_values"] or row["rewriter"] is not None):
        yield "a stated answer has no steps, no measured numbers and no words of a rewriter"
    if row["template"] not in (("stated",) if sample else ("stated", "published")):
        yield f"template is {row['template']!r}, expected 'stated'{'' if sample else ' or published'}"
