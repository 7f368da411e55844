"""The markers of rule 2 of ``answers``: which words announce an answer, which do not, and which take it back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from terrabench.replies.answer_text import (
    LONE,
    OTHER_WORD,
    clean,
    lettered,
    letters,
    mentions,
    normal,
    opens_a_list,
    read,
    text_places,
    whole_option,
)

MAX_MARKED = 1_000
"""Characters that rule 2 reads behind a marker."""

MAX_LED = 120
"""Characters that rule 2 reads behind "so" and the like."""

MAX_MARKERS = 100
"""Markers that rule 2 looks at, from the last one on."""

_RIGHT = (
    r"(?:the\s+)?(?:(?:most|correct|right|best|closest|likely|final)\s+)*"
    r"(?:correct|right|best|closest|likely|answer|option|choice|match)\b"
)
_JSON = r'\{\s*"[^{}]{0,5000}\}'
_MARKER = re.compile(
    rf"(?P<json>{_JSON})"
    r"|(?P<boxed>\\boxed\s*\{)"
    r"|(?P<tag><\s*answer\s*>)"
    r"|(?P<strong>\b(?:answer|choice|option|pick|best\s+(?:match|fit))\s+(?:is|would\s+be|should\s+be|must\s+be)\b\s*:?"
    r"|\b(?:answer|choice|ans)[*_`\s]*[:=：→]|\banswer\s+[-–—]\s|\bfinal\s+(?:answer|choice)\b[*_`\s]*[:=：]?"
    r"|\bfinal[*_`\s]*[:=：]|答案(?:[是为]|\s*[:：]))"
    r"|(?P<weak>\b(?:so|therefore|thus|hence|I\s+(?:choose|pick|select)|let['’]s\s+go\s+with"
    r"|I(?:['’](?:d|ll)|\s+would|\s+will)\s+(?:choose|pick|select|say|go\s+with))\b"
    r"|(?:^|(?<=[,.;:!?\n]\s)|(?<=\n)|(?<=\bso\s)|(?<=\b(?:but|and)\s)|(?<=\bthink\s))"
    r"it(?:\s+is|['’]s|\s+must\s+be|\s+has\s+to\s+be)\b)"
    r"|(?P<verdict>(?:^|(?<=[,.;!?\n]\s)|(?<=\n))(?:\**(?:only\s+)?(?:option|choice|answer)\s+)?"
    r"[*(]{0,3}(?-i:[A-J])(?![\w-])"
    rf"[*)]{{0,3}}(?:\s\([^()\n]{{1,60}}\))?\s(?:is|seems|must\s+be)\s{_RIGHT}(?=[*\s]*(?:[.,;!\n]|because|since|$)))",
    re.I | re.A,
)
SENTENCE_END = re.compile(r"[.!?](?=[\s*_`\"')\]]|$)|[\r\n。]")
_FILLER = re.compile(
    r"(?:[\W_]|[A-J]\b|(?:the|an?|most|more|very|quite|likely|probably|clearly|definitely|certainly|surely|indeed|still"
    r"|therefore|thus|then|hence|so|simply|just|option|choice|letter|number|either|neither|nor|or|and|not|but|between"
    r"|both|rather|about|around|approximately|roughly|nearly|almost|closest|nearest|to|correct|right|best|one|answer"
    r"|final|is|it|its|be|third|half|quarter)\b)*",
    re.I | re.A,
)
_AT_ONCE = re.compile(
    r"\W*(?:(?:option|choice|answer|letter)\W+)?(?-i:[A-J])(?:\W*$|\s*[().,;:!\]]|\s+it\s+is\b|\s*/"
    r"|\s+(?:because|since|instead|rather\s+than|or|and\W+[A-J]\b|as\s+(?:my|the)\s+(?:final\s+)?(?:answer|choice))"
    rf"|\s+(?:is|seems|must\s+be)\s+{_RIGHT}\W*(?:$|because|since))",
    re.I | re.A,
)
_DISMISSED = re.compile(
    r"(?:(?!\b(?:because|since|as|other|others|rest)\b).)*\b(?:wrong|incorrect|excluded|ruled out)", re.I
)
_CONDITION = re.compile(r"\b(?:if|unless|whether|suppose)\b", re.I)
_DOUBT = re.compile(
    r"(?:\b(?:not|never|no|hardly|doubt|doubtful|unlikely|un\w*sure|unclear|could|might|may|wrong|incorrect|other"
    r"|alternative|previous|initial|worst|(?:runner|second)\W\w+|least)|n['’]t)\b(?!\s+doubt)"
    r"(?:(?!\b(?:so|thus|hence|therefore|but|and|because)\b)[^,;:])*$",
    re.I,
)
TAKEN_BACK = re.compile(
    r"(?:(?<=[.!?;\n]\s)actually|\bbut\s+actually|\b(?:wait|correction\s*:|on\s+(?:second|reflection)"
    r"|scratch\s+that|my\s+mistake|mistaken|apolog\w+|sorry|oops"
    r"|let\s+me\s+(?:re|double)\w*|re-?consider\w*|changed?\s+my\s+mind|hmm+|I\s+(?:made|meant|should\s+(?:say|have))"
    r"|but\s+the\s+(?:\w+\s+)?answer"
    r"|no,?\s+(?:it\s+is|it['’]s|that\s+is|that['’]s)\b(?!\s+not)))",
    re.I,
)
_LAST_WORD = re.compile(r"(?:\b(?:is|be|option|choice|answer)|['’]s)[\s*(:]+([A-J])[\s*).!]*$")


def marked(body: str, options: Sequence[str]) -> tuple[str | None, int, int] | None:
    """Letter (None: unreadable) and place of the span of the last marker that decides; None if no marker does."""
    for marker in reversed(list(_MARKER.finditer(body))[-MAX_MARKERS:]):
        first, last = _span(body, marker, options)
        decides, letter = _decision(body, marker, body[first:last], options)
        if decides and body[last : last + 1] != "?":
            rest = body[last if marker["json"] else first :]
            if letter and (_taken_back(rest, letter, options) or opens_a_list(rest[:MAX_MARKED], options)):
                letter = None
            return letter, first, last
    return None


def _span(body: str, marker: re.Match[str], options: Sequence[str]) -> tuple[int, int]:
    """What a marker points at: itself (JSON), the braces of a box, else the rest of the sentence."""
    start = marker.end()
    if marker["json"]:
        return marker.span()
    if marker["boxed"]:
        depth = 1
        for position in range(start, min(len(body), start + 500)):
            depth += {"{": 1, "}": -1}.get(body[position], 0)
            if depth == 0:
                return start, position
    if marker["verdict"]:
        start = marker.start()
    while start < len(body) and (body[start].isspace() or body[start] in "*_`:,-"):
        start += 1
    end = end_of_sentence(body, start)
    if body[end : end + 1] == "." and LONE.fullmatch(clean(body[start:end])):  # the dot of "B. 34%"
        further = end_of_sentence(body, end + 1)
        if whole_option(clean(body[end + 1 : further]), options):
            end = further
    return start, end


def end_of_sentence(body: str, start: int) -> int:
    """Where the sentence that ``start`` lies in ends, before its full stop; at most ``MAX_MARKED`` further."""
    end = SENTENCE_END.search(body, start, start + MAX_MARKED)
    return end.start() if end else min(len(body), start + MAX_MARKED)


def _decision(body: str, marker: re.Match[str], span: str, options: Sequence[str]) -> tuple[bool, str | None]:
    """Whether a marker decides (it may be no marker at all, seen with the words around it), and for which letter."""
    if marker["json"]:
        answers = {_json_answer(m[0]) for m in re.finditer(_JSON, body)} - {None}
        value = _json_answer(marker[0])
        return value is not None, read(value, options) if value and len(answers) == 1 else None
    if marker["weak"] and not _AT_ONCE.match(clean(span[:MAX_LED])):
        return False, None
    if marker["strong"] and not _follows_soon(span, options):
        return False, None
    letter, found = read(span, options), letters(span, options)
    if not letter and not found:
        return False, None
    before = SENTENCE_END.split(body[max(0, marker.start() - MAX_MARKED) : marker.start()])[-1]
    if marker["tag"]:
        return True, letter
    if marker["boxed"]:
        return True, None if _CONDITION.search(before) or "\\boxed" in before else letter
    if marker["weak"] and (not found or _dismissed(span, options)):
        return False, None
    doubted = _DOUBT.search(before + marker[0] if marker["weak"] else before)
    if doubted or _CONDITION.search(before) or re.search(r"\b(?:if|unless)\b", span, re.I):
        return True, None
    return True, letter


def _json_answer(text: str) -> str | None:
    """The value of the key "answer" of a flat JSON object."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    values = [v for k, v in content.items() if k.casefold().replace("_", " ") in ("answer", "final answer", "choice")]
    return values[0] if len(values) == 1 and isinstance(values[0], str) else None


def _dismissed(span: str, options: Sequence[str]) -> bool:
    """ "so A, the smallest, is wrong": the only letter, and called wrong later."""
    return len(mentions(span, options)) == 1 and _DISMISSED.match(span) is not None


def _follows_soon(span: str, options: Sequence[str]) -> bool:
    """Whether nothing but filler words stands before the first letter or option text."""
    text = clean(span)
    if LONE.fullmatch(text) or lettered(text, options):
        return True
    said = [place for _, place, denied in mentions(span, options) if not denied]
    said = [place for place in said if not OTHER_WORD.match(text, place + 1)]  # "C band"
    named = [place for place, _ in text_places(span, options)]
    return any(
        min(places) <= filler.end()
        for words, places in ((text, said), (normal(text), named))
        if places and (filler := _FILLER.match(words))
    )


def _taken_back(rest: str, letter: str, options: Sequence[str]) -> bool:
    """Whether what follows a decision takes it back: "Actually no", "wait", "A is wrong", or ends with "it is D"."""
    last = _LAST_WORD.search(rest[-60:])
    if last and last[1] != letter:
        return True
    return TAKEN_BACK.search(rest) is not None or any(m[0] == letter and m[2] for m in mentions(rest, options))
