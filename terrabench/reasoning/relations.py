"""Relations that a reply states in words: touching or apart, which class is larger, how many were destroyed, yes or no.

The last statement counts. Questions, conditions and what follows "whether" state nothing. Pure, and linear in the
length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from terrabench.reasoning.statements import Number
from terrabench.replies.answer_text import text_places

_SENTENCE = re.compile(r"(?:[^.;!?\n]|\.(?=\d))*[.;!?\n]?")
_OPEN = re.compile(r"\b(?:whether|if|suppose|assum\w+)\b", re.I)

_NOT = (
    r"(?:do(?:es)?\s+not|did\s+not|don['’]t|doesn['’]t|(?:are|is)\s+not|aren['’]t|isn['’]t|cannot|never|no|none|not|without"
    r"|neither|zero|(?<![\d,.])0(?![\d.,]\d))"
)
_CONTACT = (
    r"(?:touch(?:es|ing|ed)?|meets?|meeting|adjacent|adjoin(?:s|ing)?|border(?:s|ing)?\s+(?:on|each|the)|bordering"
    r"|(?:a|any|have|shared?|shares?|common)\s+(?:(?!no\b)\w+\s+)?(?:border|boundary|edge)|common\s+(?:border|boundary|edge)"
    r"|(?:border|boundary|edge)\s+in\s+common|in\s+(?:direct\s+)?contact|neighbours|neighbors|abut(?:s|ting)?"
    r"|shares?\s+(?:an?\s+)?(?:border|boundary|edge)|border|no\s+gap)"
)
_APART = (
    r"(?:stay\s+apart|(?:are|is|remain|lie|stand)\s+(?:\w+\s+){0,2}(?:apart|separate|separated|disjoint)"
    r"|separate\b|disjoint)"
)
_VERDICT = re.compile(
    r"(?:\b(?:so|hence|thus|therefore|means|makes|is|be|that\s+is\s+a)[\s,:]+|[:;,–—-]\s*|^\W*)(?:a\s+)?"
    r"(?P<word>yes|no)\b(?=\s*(?:[.,;:!]|$))",
    re.I,
)
_TOUCH = re.compile(rf"(?P<no>\b{_NOT}\b[^.;:,]{{0,60}}?)?(?:\b(?P<yes>{_CONTACT})\b|(?P<apart>\b{_APART}))", re.I)

_COMPARED = re.compile(
    r"(?<!\w)(?:(?P<larger>larger|largest|greater|greatest|bigger|biggest|more|most|(?P<verb>exceeds?|outweighs?"
    r"|dominates?|>|(?P<under><)))|(?P<smaller>smaller|smallest|lesser|less|fewer|least))(?!\w)",
    re.I,
)
_LED_TO = re.compile(
    r"(?:\s+(?:of\s+the\s+two|one|class|area|extent|region|share|extensive|common|of))*"
    r"\s*(?:,|:|is|are|belongs\s+to)?\s*(?:that\s+of\s+)?(?:the\s+)?$",
    re.I,
)
_CONCLUDED = re.compile(
    r"\b(?:answer\s+is|so\s+it\s+is|therefore|hence|thus|speaks\s+for|in\s+favou?r\s+of|puts|it\s+is|wins:)\s*:?\s*(?:the\s+)?$",
    re.I,
)

_LOST = r"(?:destroyed|lost|gone|collapsed|wrecked|demolished|ruined)"
_PART_OF = re.compile(r"\s+(?:of|out\s+of)\s+(?:the\s+|all\s+|these\s+)?\d", re.I)
_LOST_AFTER = re.compile(rf"(?:\s+(?!\d)[\w'’]+){{0,6}}?\s+{_LOST}\b", re.I)
_LOST_BEFORE = re.compile(
    rf"\b{_LOST}(?:\s+(?:buildings?|structures?|houses?|is|was|were|are|by|:|=|the|event|count|number))*\W{{1,3}}$",
    re.I,
)
_WHOLE = re.compile(r"\d\s+(?:of|out\s+of)\s+(?:the\s+|all\s+|these\s+)?$", re.I)
_SECOND = re.compile(r"\bof\s+(?:which|these|them|those)\s+$", re.I)


def touching(text: str) -> str | None:
    """ "yes" or "no": whether the last statement about contact says that two things touch; None without one."""
    for sentence in _statements(text):
        found = None
        for match in _TOUCH.finditer(sentence):
            found = "no" if match["apart"] and not match["no"] else "no" if match["no"] and match["yes"] else "yes"
        for match in _VERDICT.finditer(sentence):
            found = match["word"].lower()
        if found:
            return found
    return None


def yes_or_no(text: str) -> str | None:
    """The last "yes" or "no" that stands as a verdict."""
    for sentence in _statements(text):
        said = list(_VERDICT.finditer(sentence))
        if said:
            return said[-1]["word"].lower()
    return None


def larger(text: str, names: Sequence[str]) -> str | None:
    """Which of two class names the last comparison calls larger; None without one."""
    if len(names) != 2 or not all(names):
        return None
    known = re.compile(
        rf"(?<!\w)(?:{'|'.join(re.escape(n) for n in sorted(names, key=len, reverse=True))})(?!\w)", re.I
    )
    by_name = {name.casefold(): name for name in names}
    for sentence in _statements(text):
        places = [(m.start(), m.end(), by_name[m[0].casefold()]) for m in known.finditer(sentence)]
        winner = _compared(sentence, places, names) if places else None
        if winner:
            return winner
    return None


def destroyed(text: str, stated: Sequence[Number]) -> Number | None:
    """The last number said of what was destroyed: "5 of the 10 were lost", "5 destroyed", "destroyed: 5"."""
    for number in reversed(stated):
        if number.unit not in ("", "count") or number.chosen:
            continue
        digits_end = number.start + len(re.match(r"\W*[\d.,'’]*", text[number.start : number.end])[0])  # type: ignore[index]
        after, before = text[digits_end : digits_end + 80], text[max(0, number.start - 80) : number.start]
        after, before = re.split(r"[.;:]\s", after)[0], re.split(r"[.;]\s", before)[-1]
        if _WHOLE.search(before):
            continue
        part = _PART_OF.match(after) and re.search(rf"\b{_LOST}\b", before + after)
        if part or _LOST_AFTER.match(after) or _LOST_BEFORE.search(before) or _SECOND.search(before):
            return number
    return None


def last_option(text: str, options: Sequence[str]) -> str | None:
    """The option whose text is the last that the text states whole."""
    places = text_places(text, options)
    last = {letter for start, letter in places if start == max(places)[0]} if places else set()
    return options["ABCDEFGHIJ".index(last.pop())] if len(last) == 1 else None


def _statements(text: str) -> list[str]:
    """Sentences and half sentences from the last on, without questions and conditions ("if ...: this" states this)."""
    found = [m[0] for m in _SENTENCE.finditer(text) if m[0].strip()]
    plain = [s if not _OPEN.search(s) else s.rpartition(":")[2] if ":" in s else "" for s in reversed(found)]
    return [s for s in plain if not s.rstrip().endswith("?") and not _OPEN.search(s)]


def _compared(sentence: str, places: Sequence[tuple[int, int, str]], names: Sequence[str]) -> str | None:
    other = {names[0]: names[1], names[1]: names[0]}
    for match in reversed(list(_COMPARED.finditer(sentence))):
        before = [name for _, end, name in places if end <= match.start()]
        led = [
            name for start, _, name in places if start >= match.end() and _LED_TO.match(sentence[match.end() : start])
        ]
        subject = led[0] if led and not match["verb"] else before[-1] if before else None
        if subject:
            return other[subject] if match["smaller"] or match["under"] else subject
    start, _, name = places[-1]
    return name if _CONCLUDED.search(sentence[:start]) else None
