"""Rewriting: question and trace in the words of a language model, if nothing but words changes.

The model gets the sentences of a row (of an item: its question) and gives as many back. They are taken only if every
number with its unit stands where it stood, every class is still named (and no other), words that carry the meaning
(not, more, least, upper, valid, corners ...) occur as before, remarks in brackets are kept as they are, and no mark of
the trace form is written; else the template stands. Masks, answer, options and recorded values are never shown for
change. ``verify`` holds stored rows against their templates by the same rule (``refusal``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from terracot.chat import Chat
from terracot.language import NUMBER, UNIT_TEXT
from terracot.questions import Question
from terracot.samples import content_id
from terracot.seeding import seed_of
from terracot.stated import is_stated, text_form, text_problem
from terracot.traces import step_to_dict

PROMPT = """You reword the sentences of a question about a satellite image and of the reasoning that answers it.
Rules:
- Keep the meaning of each sentence exactly. Keep its order, and give back as many sentences as you get.
- Keep every number with its unit exactly as written, in the same order, and write no other number, not even in words.
- Keep every class name exactly as written. Keep text in round brackets exactly as written.
- Keep words of direction, order, comparison and negation (upper, left, first, more, fewer, least, not, no ...).
- A sentence that ends with a colon announces a region: it must still end with a colon and name the same class.
- Write plain, natural English. No lists, no quotation marks around sentences, no comments.
Answer with one JSON object and nothing else: {"question": "...", "steps": ["...", "..."]}"""

PROMPT_ID = "reword-1-" + hashlib.sha256(PROMPT.encode()).hexdigest()[:12]

REWORDED = {"id", "question", "steps", "text", "rewriter", "template_id"}
"""Columns in which a reworded row differs from its template; values and masks within ``steps`` are checked apart."""

_MEANING = re.compile(
    r"\b(?:not|no|none|never|neither|nor|without|absent|n't|more|most|less|least|fewer|fewest|larger|largest|smaller|"
    r"smallest|greater|greatest|higher|highest|lower|lowest|longer|longest|shorter|shortest|nearer|nearest|closer|"
    r"closest|farther|upper|centre|left|right|top|bottom|north|south|east|west|first|second|third|last|before|after|"
    r"above|below|between|inside|outside|beyond|within|every|each|any|only|half|twice|double|corners?|diagonal\w*|"
    r"valid|hidden|clear|mean|median|share|percentage|per cent|average|minimum|maximum|total|touch\w*|border\w*|"
    r"adjacent|apart|destroyed|damaged|gained|lost|grew|grown|shrank|shrunk|increas\w+|decreas\w+|rose|fell|yes|"
    r"squared?|hectares?|met(?:re|er)s?|kilomet(?:re|er)s?|pixels?|option [A-J]|two|three|four|five|six|seven|eight|"
    r"nine|ten|eleven|twelve|dozen|hundred|thousand|million)\b",
    re.I,
)
_BRACKETS = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Rewriter:
    """Who rewords: a server, and how many rows are sent at a time."""

    chat: Chat
    parallel: int = 8

    def identity(self) -> dict[str, Any]:
        """What the words depend on, as manifests record it."""
        return {
            "model": self.chat.model,
            "prompt_id": PROMPT_ID,
            "prompt": PROMPT,
            "temperature": self.chat.temperature,
            "max_tokens": self.chat.max_tokens,
        }

    def rewrite(self, rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """Rows in the model's words where they pass, else as they are; and how many of which fate."""
        counts: Counter[str] = Counter()
        with ThreadPoolExecutor(self.parallel) as pool:
            results = list(pool.map(self._one, rows))
        for _, fate in results:
            counts[fate] += 1
        return [row for row, _ in results], dict(sorted(counts.items()))

    def _one(self, row: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if not row["steps"] if "steps" in row else is_stated(row["kind"]):
            return row, "nothing_to_reword"
        asked = {"question": row["question"], "steps": [step["text"] for step in row.get("steps", ())]}
        messages = [
            {"role": "system", "content": PROMPT},
            {"role": "user", "content": json.dumps(asked, ensure_ascii=False)},
        ]
        reply = self.chat.ask(messages, seed=seed_of(row["seed"], row["id"]) % 2**31)
        if reply is None:
            return row, "no_reply"
        given = _read(reply.text)
        if given is None:
            return row, "not_the_form_asked_for"
        question, texts = given
        problem = refusal(row, question, texts)
        if problem:
            return row, problem
        who = {"model": reply.model or self.chat.model, "revision": reply.revision, "prompt_id": PROMPT_ID}
        return reworded(row, question, texts, who), "reworded"


def reworded(row: Mapping[str, Any], question: str, texts: Sequence[str], who: Mapping[str, str]) -> dict[str, Any]:
    """A row of the templates in other words."""
    changed = {"question": question, "rewriter": json.dumps(dict(who), sort_keys=True), "template_id": row["id"]}
    if "steps" in row:
        changed |= _trace(row, [{**step, "text": text} for step, text in zip(row["steps"], texts, strict=True)])
    return {**row, **changed} | {"id": content_id({**row, **changed})}


def _trace(row: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns that follow from the steps of a sample."""
    dates = [mask["t"] for mask in row["masks"]]
    return {"steps": list(steps), "text": text_form(row["kind"], steps, dates, row["dates"], row["answer"])}


def problems_of(row: Mapping[str, Any], worded: Question) -> Iterator[str]:
    """What is wrong with a stored, reworded row whose template is ``worded``."""
    template: dict[str, Any] = {**row, "question": worded.text, "rewriter": None, "template_id": None}
    if "steps" in row:
        template |= _trace(row, [step_to_dict(step) for step in worded.steps])
    if content_id(template) != row["template_id"]:
        yield f"template_id {row['template_id']} is not the id of the row in the words of the templates"
    problem = refusal(template, row["question"], [step["text"] for step in row.get("steps", ())])
    if problem:
        yield f"its words say something else than the template: {problem}"


def refusal(row: Mapping[str, Any], question: str, texts: Sequence[str]) -> str:
    """Why other words for a row of the templates are not taken, as a short code; "" when they are."""
    steps = row.get("steps", ())
    if len(texts) != len(steps):
        return "other_number_of_steps"
    pairs = [(row["question"], question, row["values"])]
    pairs += [(step["text"], text, step["values"]) for step, text in zip(steps, texts, strict=True)]
    names = sorted({mask["class_name"] for mask in row["masks"]}, key=len, reverse=True)
    for old, new, values in pairs:
        if text_problem(new) or "\n" in new or "Image:" in new or not 0.4 * len(old) <= len(new) <= 3 * len(old) + 40:
            return "marks_or_length"
        if not _ends_alike(old.strip(), new.strip()):
            return "other_ending"
        if Counter(_BRACKETS.findall(old)) != Counter(_BRACKETS.findall(new)):
            return "other_remarks"
        if _counted(old, names) != _counted(new, names):
            return "other_classes"
        if NUMBER.findall(_without(old, names)) != NUMBER.findall(_without(new, names)):
            return "other_numbers"
        if not _in_order(new, [value["text"] + UNIT_TEXT.get(value["unit"], "") for value in values]):
            return "other_units"
        if _meaning(old, names) != _meaning(new, names):
            return "other_meaning"
    return ""


def _ends_alike(old: str, new: str) -> bool:
    """True for the same last character; a sentence may end as any sentence does."""
    return bool(new) and (old[-1:] == new[-1] or (old[-1:] in ".?!" and new[-1] in ".?!"))


def _meaning(text: str, names: Sequence[str]) -> Counter[str]:
    """Words that carry the meaning, each with how often it occurs; singular and plural count as one."""
    plain = _without(text, names).replace("n't", " not").replace("cannot", "can not")
    return Counter(word.lower().rstrip("s") for word in _MEANING.findall(plain))


def _without(text: str, names: Sequence[str]) -> str:
    """The text with class names taken out: they may hold digits and words of direction."""
    for name in names:
        text = re.sub(re.escape(name), "_", text, flags=re.I)
    return text


def _counted(text: str, names: Sequence[str]) -> frozenset[str]:
    """Which classes a text names; longer names first, so that "forest" is not found in "mixed forest"."""
    found = set()
    for name in names:
        if name.lower() in text.lower():
            found.add(name)
            text = re.sub(re.escape(name), "_", text, flags=re.I)
    return frozenset(found)


def _in_order(text: str, parts: Sequence[str]) -> bool:
    place = 0
    for part in parts:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def _read(text: str) -> tuple[str, list[str]] | None:
    """Question and steps of a reply: one JSON object, maybe within a code fence; None for anything else."""
    body = re.sub(r"^```(?:json)?\s*|\s*```$", "", text.strip())
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or set(value) != {"question", "steps"}:
        return None
    question, steps = value["question"], value["steps"]
    if not isinstance(question, str) or not isinstance(steps, list) or not all(isinstance(s, str) for s in steps):
        return None
    return " ".join(question.split()), [" ".join(step.split()) for step in steps]
