"""Samples of an import or of a model: question, reply and masks as they came. Their answers are stated, not measured.

Steps are read out of the reply, so that ``show`` and trainers find the n-th ``[SEG]`` with the n-th mask; the reply
itself is kept to the letter in ``text``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import terracot
from terracot.findings import Finding, SceneFacts, Setting
from terracot.generate import question_columns
from terracot.plugins import LETTERS, EvidenceMask
from terracot.questions import Question
from terracot.released.form import Turn
from terracot.rules import Truth
from terracot.samples import content_id
from terracot.stated import text_problem
from terracot.traces import SEG, Ground, Say, Step, seg_dates, step_to_dict
from terracot.views import modality_of

SOURCE = "released"
GROUNDED, PLAIN = f"{SOURCE}/grounded", f"{SOURCE}/plain"
ANNOTATED = "annotated/caption"
LEVELS = {GROUNDED: "qa", PLAIN: "qa", ANNOTATED: "caption"}
TEMPLATE = "stated"

_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_SEG = re.compile(r"(?:Image: \d+ )?\[SEG\]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def is_told(kind: str) -> bool:
    """True for the kinds of samples whose words and masks came with them."""
    return kind in LEVELS


def answer_of(text: str) -> str:
    """What stands in the last ``<answer>`` of a reply; empty where there is none."""
    found = _ANSWER.findall(text)
    return str(found[-1]).strip() if found else ""


def steps_of(text: str) -> tuple[Step, ...]:
    """The thoughts of a reply (all of it but the answer, where nothing is marked) cut at each ``[SEG]``."""
    thought = _THINK.search(text)
    spoken = thought[1] if thought and text.count(SEG) == thought[1].count(SEG) else _ANSWER.sub(" ", text)
    steps: list[Step] = []
    *before, rest = _SEG.split(spoken.replace("<think>", " ").replace("</think>", " "))
    for number, piece in enumerate(before):
        *said, phrase = _SENTENCE_END.split(_trimmed(piece))
        steps += [Say(" ".join(said))] if said else []
        steps.append(Ground(phrase, number))
    last = _trimmed(rest)
    return (*steps, Say(last)) if last else tuple(steps)


def _trimmed(piece: str) -> str:
    """Words between two marks, without the full stop that closes the first."""
    return re.sub(r"^[\s.,;]+", "", " ".join(piece.split()))


def told_row(
    turn: Turn, masks: Sequence[EvidenceMask], facts: SceneFacts, key: str, kind: str | None = None
) -> dict[str, Any]:
    """A turn of a conversation as a row of ``SAMPLE_SCHEMA``; imported ones are told by whether they have masks."""
    answer, question, options = answer_of(turn.text), turn.question, turn.options
    if options and (len(answer) != 1 or answer not in LETTERS[: len(options)]):
        lines = (f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=False))
        question, options = "\n".join([question, *lines]), ()
    truth = Truth(None, "", options[LETTERS.index(answer)] if options else answer)
    kind = kind or (GROUNDED if masks else PLAIN)
    t = masks[-1].t if masks else facts.scene.dates
    finding = Finding(kind, t, tuple(m.class_name for m in masks), tuple(masks), truth, {"key": key, "t": t})
    worded = Question(finding, question, (), (), answer, TEMPLATE)
    row = question_columns(worded, facts, 0, f"terracot {terracot.__version__}") | {
        "level": LEVELS[kind],
        "modality": modality_of(facts.views),
        "dates": facts.scene.dates,
        "form": "choice" if options else "open",
        "options": list(options),
        "option_values": [None] * len(options),
        "steps": [step_to_dict(step) for step in steps_of(turn.text)],
        "answer": answer,
        "answer_values": [],
        "text": turn.text,
        "rewriter": None,
        "template_id": None,
    }
    return row | {"id": content_id(row)}


def check_told_row(row: Mapping[str, Any], masks: Sequence[EvidenceMask], scene: Setting) -> Iterator[str]:
    """What is wrong with an imported sample, but for its id, its options and the columns of its scene."""
    imported = row["kind"] in (GROUNDED, PLAIN)
    if imported and row["source"] != SOURCE:
        yield f"kind {row['kind']!r} belongs to source {SOURCE!r}, found {row['source']!r}"
    if (row["kind"] == PLAIN) == bool(masks):
        yield f"kind is {row['kind']!r} with {len(masks)} masks"
    level = LEVELS[row["kind"]]
    if row["level"] != level or row["template"] != TEMPLATE:
        yield f"level {row['level']!r} and template {row['template']!r}, expected {level!r} and {TEMPLATE!r}"
    if row["rewriter"] is not None or row["template_id"] is not None:
        yield "words that came with a row are not those of a rewriter"
    if not imported:
        for number, mask in enumerate(masks, 1):
            if 1 <= mask.t <= scene.dates and np.any(mask.mask & ~scene.valid[mask.t]):
                yield f"mask {number} covers pixels without a valid label"
    if problem := text_problem(row["question"]):
        yield f"question: {problem}"
    if row["values"] or row["answer_values"]:
        yield "a stated question records no measured numbers"
    parameters = json.loads(row["parameters"])
    if not isinstance(parameters.get("key"), str) or parameters.get("t") not in range(1, scene.dates + 1):
        yield f"parameters {row['parameters']} lack the key of the question, or its date (1 to {scene.dates})"
    spoken = seg_dates(row["text"])
    if len(spoken) != len(masks):
        yield f"text has {len(spoken)} [SEG], the row has {len(masks)} masks"
        return
    for number, (mask, said) in enumerate(zip(masks, spoken, strict=True), 1):
        if not 1 <= mask.t <= scene.dates or said not in (None, mask.t):
            yield f"mask {number} is of date {mask.t} of {scene.dates}, the text says {said}"
    if row["steps"] != [step_to_dict(step) for step in steps_of(row["text"])]:
        yield "steps are not those of the text"
    if row["answer"] != answer_of(row["text"]):
        yield f"answer is {row['answer']!r}, the text says {answer_of(row['text'])!r}"
    truth = row["truth"]
    if truth["value"] is not None or truth["unit"] or (not row["options"] and truth["text"] != row["answer"]):
        yield f"truth {truth['text']!r} ({truth['value']}) is not the stated answer {row['answer']!r}"
