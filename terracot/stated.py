"""Stated questions: rows whose answers the source states itself, with no label map to measure them on.

A "refer" row has a phrase, the region that it names, and a reply that points at it; a "qa" row a question and its
answer as the source has them. Questions that come with options of their own are for evaluation: ``terrabench build``
makes items of them, and no sample.

Nothing of this is measured. What can be checked is checked: texts hold nothing that the trace form is read by, an
answer is one of the possible ones, a mask is not empty.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terracot.findings import Finding, SceneFacts
from terracot.language import sentence
from terracot.plugins import EvidenceMask
from terracot.questions import Question
from terracot.questions.phrases.refer import ASKED, SHOWN
from terracot.rules import Truth
from terracot.scenes import Scene, SceneError, Stated
from terracot.seeding import seeded_index
from terracot.traces import Ground, spoken_text, trace_text

REFER = "refer"
VERSION = 2

# Words that begin a phrase to which "the" cannot be added.
_NO_ARTICLE = re.compile(
    r"(?:the|an?|this|that|these|those|all|both|each|every|some|any|another|its|their|his|her|our|your|my|no|what|which"
    r"|there|it|on|in|at|to|from|near|by|next|above|below|between|behind|under|over|along|beside|around|inside)(?!\S)",
    re.I,
)
_PUNCTUATION = " .,;:!?"
_RESERVED = re.compile(
    r"\[\s*/?\s*SEG\s*\]|<\s*/?\s*(?:think(?:ing)?|answer|image|img|video|seg|p|s)\b[^<>]*>|<\|", re.I
)
_NAME = re.compile(r"[^\s/|]+(?:/[^\s/|]+)+")


@dataclass(frozen=True, eq=False)
class StatedFinding(Finding):
    """A stated question as a finding: its words come with it. ``template`` says whose options it has."""

    question: str = ""
    template: str = ""


def is_stated(kind: str) -> bool:
    """True for kinds whose answer is stated by a source: "refer", and names with a stroke ("rsvqa-lr/count")."""
    return kind == REFER or "/" in kind


def level_of(kind: str) -> str:
    """The column ``level`` of a stated sample: "refer" or "qa"."""
    return REFER if kind == REFER else "qa"


def stated_number(value: float) -> str:
    """A stated number as an option or a missing answer text shows it: exact, thousands by comma."""
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


def text_form(kind: str, steps: Sequence[Mapping[str, Any]], mask_dates: Sequence[int], dates: int, answer: str) -> str:
    """The column ``text``: thoughts and answer; of "refer" a sentence with its ``[SEG]``, of "qa" the answer alone."""
    if not is_stated(kind):
        return trace_text(steps, mask_dates, dates, answer)
    return spoken_text(steps, mask_dates, dates) if kind == REFER else f"<answer>{answer}</answer>"


def phrase_of(text: str) -> str:
    """A referring phrase as it stands inside a sentence: no full stop, first letter small unless it is a name."""
    phrase = " ".join(text.split()).strip(_PUNCTUATION)
    first = phrase.partition(" ")[0]
    if first == "A" or (first[:1].isascii() and first[:1].isupper() and first[1:].isalpha() and first[1:].islower()):
        phrase = phrase[0].lower() + phrase[1:]
    return phrase


def refer_words(phrase: str, scene_id: str, key: str, t: int, dates: int, seed: int) -> tuple[str, Ground, str]:
    """Question, reply and template of a phrase in the form of ``phrase_of``, chosen by hash."""
    it = phrase if _NO_ARTICLE.match(phrase) else f"the {phrase}"
    chosen = [seeded_index(len(p), seed, scene_id, REFER, key, n) for n, p in enumerate((ASKED, SHOWN))]
    question = ASKED[chosen[0]].format(it=it)
    if dates > 1:
        question = f"In image {t}, {question[:1].lower()}{question[1:]}"
    step = Ground(sentence(SHOWN[chosen[1]].format(it=it)), 0)
    return question, step, f"refer.v{VERSION}:{chosen[0]}-{chosen[1]}"


def stated_questions(scene: Scene, seed: int) -> list[Question]:
    """The stated questions of a scene that become samples; those with published options do not. ``SceneError``."""
    check_stated(scene)
    return [_question(one, scene, seed) for one in scene.stated if not one.options]


def _question(one: Stated, scene: Scene, seed: int) -> Question:
    if one.task != REFER:
        found = finding_of(one)
        return Question(found, found.question, (), (), found.truth.text, found.template)
    phrase = phrase_of(one.question)
    masks = (EvidenceMask(one.t, phrase, one.region(scene.shape)),)
    text, step, template = refer_words(phrase, scene.id, one.key, one.t, scene.dates, seed)
    finding = Finding(REFER, one.t, (phrase,), masks, Truth(None, "", ""), {"key": one.key, "t": one.t})
    return Question(finding, text, (), (step,), "", template)


def finding_of(one: Stated) -> StatedFinding:
    """A question with an answer, as a finding without masks."""
    parameters: dict[str, Any] = {"key": one.key, "t": one.t}
    if one.words:
        parameters["words"] = list(one.words)
    answer = one.answer if one.value is None or one.answer else stated_number(one.value)
    template = "published" if one.options else "stated"
    truth = Truth(one.value, "", answer)
    return StatedFinding(one.task, one.t, (), (), truth, parameters, one.question.strip(), template)


def only_for_evaluation(facts: SceneFacts) -> SceneError:
    """Why a scene that has nothing but questions with published options gives no sample."""
    count = len(facts.scene.stated)
    return SceneError(
        "evaluation_only",
        f"all {count} questions of this scene come with published options, which are for evaluation; "
        "use `terrabench build`",
    )


def check_stated(scene: Scene) -> None:
    """``SceneError`` "bad_record" for questions that cannot be asked as they are stated."""
    repeated = sorted(key for key, n in Counter(one.key for one in scene.stated).items() if n > 1)
    if repeated:
        raise SceneError("bad_record", f"scene {scene.id}: several questions have the key {', '.join(repeated[:5])}")
    for one in scene.stated:
        problem = _problem(one, scene.source)
        if problem:
            raise SceneError("bad_record", f"scene {scene.id}, question {one.key} ({one.task}): {problem}")


def name_problem(kind: str, source: str) -> str | None:
    """What is wrong with the name of a stated task, or None: it begins with its source, so none can be mistaken."""
    if kind == REFER or (_NAME.fullmatch(kind) and kind.startswith(f"{source}/")):
        return None
    return f"expected a task {REFER!r} or one that begins with {source + '/'!r}, found {kind!r}"


def text_problem(text: str) -> str | None:
    """Why a text may not stand in a question, an option or an answer, or None."""
    if reserved := _RESERVED.search(text):
        return f"{reserved[0]!r} is a mark by which replies are read; take it out of {text[:80]!r}"
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r" for c in text):
        return f"{text[:80]!r} holds characters that are no text"
    return None if " ".join(text.split()).strip(_PUNCTUATION) else f"expected words, found {text!r}"


def _problem(one: Stated, source: str) -> str | None:
    texts = (one.question, *one.options, *one.words, *filter(None, (one.answer,)))
    problem = name_problem(one.task, source) or next(filter(None, map(text_problem, texts)), None)
    if problem:
        return problem
    if one.task == REFER:
        given = one.options or one.words or one.value is not None or one.answer
        return "a phrase that refers has a mask, and neither answer nor options" if given else None
    if one.mask is not None:
        return "only a phrase that refers has a mask; this question would lose it"
    if sum((bool(one.options), bool(one.words), one.value is not None)) != 1:
        return "expected published options, all possible words, or a number; one of the three"
    if one.value is not None:
        return number_problem(one.value, one.answer)
    possible = one.options or one.words
    return None if one.answer in possible else f"answer {one.answer!r} is none of {list(possible)}"


def number_problem(value: float, answer: str) -> str | None:
    """What is wrong with a stated number and its text, or None."""
    if not math.isfinite(value):
        return f"expected a finite number, found {value}"
    try:
        same = not answer or math.isclose(float(answer.replace(",", "")), value, rel_tol=1e-9)
    except ValueError:
        same = False
    return None if same else f"answer {answer!r} is not the number {value}"
