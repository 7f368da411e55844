"""The one answer parser. It decides the letter; no model does, and an unparsed reply is wrong.

In this order, and the first rule that applies decides, even when it finds nothing readable:

1. ``answer_tag``: the last closed ``<answer>...</answer>``;
2. ``marker``: the last explicit marker ("answer is", "answer:", "final:", ``\\boxed{}``, an ``<answer>`` that a stop
   string left open, and "so", "therefore", "thus", "hence" before a letter) with a letter or an option text behind it
   in the same sentence;
3. ``lone_letter``: a letter that is the whole reply;
4. ``option_text``: the one option text that stands whole in the last sentence.

Rules 2 to 4 look behind the last ``</think>`` where something stands there. A letter counts where it stands alone:
never inside a word ("crop", "C-band"), never the article "A" or the pronoun "I", never after "not" or before "is
wrong". Two different letters, or two option texts, in the deciding span: unparsed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from terracot.plugins import LETTERS

PARSER_VERSION = 1
"""Goes up with any change of any reading; stored with every letter."""

MAX_SPAN = 20_000
"""Characters of the end of a reply that rules 2 to 4 read, and the longest ``<answer>`` that rule 1 reads."""

MAX_MARKED = 1_000
"""Characters that rule 2 reads behind a marker."""

_CLOSE = re.compile(r"<\s*/\s*answer\s*>", re.I | re.A)
_OPEN = re.compile(r"<\s*answer\s*>", re.I | re.A)
_THINK = re.compile(r"<\s*/\s*think\s*>", re.I | re.A)
_MARKER = re.compile(
    r"(?P<boxed>\\boxed\s*\{)"
    r"|(?P<tag><\s*answer\s*>)"
    r"|(?P<strong>\b(?:answer|choice|option)\s+(?:is|would\s+be|should\s+be|must\s+be)\b\s*:?"
    r"|\b(?:answer|choice)[*_`\s]*[:=]|\bfinal\s+(?:answer|choice)\b[*_`\s]*[:=]?|\bfinal[*_`\s]*[:=])"
    r"|(?P<weak>\b(?:so|therefore|thus|hence)\b)",
    re.I | re.A,
)
_SENTENCE_END = re.compile(r"[.!?](?=[\s*_`\"')\]]|$)|[\r\n]")
_MARKUP = re.compile(r"<\s*/?\s*[a-zA-Z][^<>]{0,40}>|\\[a-zA-Z]+(?=\s*\{)|\\[()\[\]]|[*_`~#${}\"“”‘]")

_LETTER = re.compile(r"(?<![\w'’.\-+/&])([A-J])(?![\w+#&]|['’-]\w|\.\w)|(?<=[/&])([A-J])(?![\w+#])")
_NOT_BEFORE = re.compile(
    r"(?:\b(?:not|cannot|neither|nor|never|except|excluding|unlike|rather\s+than|instead\s+of|ruled?\s+out)|n['’]t)"
    r"\s+(?:be\s+)?(?:option\s+|choice\s+)?\(?\s*$",
    re.I,
)
_NOT_AFTER = re.compile(
    r"\)?\s+(?:is|are|was|can\s+be|must\s+be)\s+(?:clearly\s+|also\s+)?"
    r"(?:wrong|incorrect|not\b|false|excluded|ruled\s+out|eliminated|out\b|too\s)",
    re.I,
)
# Lower-case words that may follow the letter A; before any other word "A" is taken for the article.
_AFTER_LETTER_A = re.compile(
    r"\s+(?!(?:and|or|because|since|as|is|was|but|for|with|which|based|due|given|from|by|if|in|not|nor|than|the|to|over"
    r"|vs|versus|seems|looks|fits|matches|appears)\b)[^\W\d_]"
)
_LONE = re.compile(r"\W*(?:(?:option|choice|answer)\W+)?([a-j])\W*", re.I)
_LED = re.compile(r"\W*(?:option\s+)?([A-Ja-j])\s?[.):,\-–—]?\s+(\S.*)", re.S)


@dataclass(frozen=True)
class Parsed:
    """What a reply says: the letter or None, the rule that decided, and where in the reply its span lies."""

    letter: str | None
    rule: str
    span: tuple[int, int] | None = None


def parse(reply: str, options: Sequence[str]) -> Parsed:
    """Read the letter out of a reply. ``options`` are the option texts in the order of their letters.

    Never raises and never returns a letter beyond the options; linear in the length of the reply.
    """
    tag = _answer_tag(reply)
    if tag:
        return Parsed(_read(reply[slice(*tag)], options), "answer_tag", tag)
    think = [m.end() for m in _THINK.finditer(reply)]
    start = think[-1] if think and reply[think[-1] :].strip() else 0
    start = max(start, len(reply) - MAX_SPAN)
    body = reply[start:]
    for marker in reversed(list(_MARKER.finditer(body))):
        span = _marked(body, marker)
        text = body[slice(*span)]
        letters = _letters(text, options)
        letter = _read(text, options) if marker["weak"] is None or letters else None
        if letter or letters:
            return Parsed(letter, "marker", (start + span[0], start + span[1]))
    alone = _LONE.fullmatch(_clean(body))
    if alone:
        return Parsed(_within(alone[1].upper(), options), "lone_letter", (start, len(reply)))
    first, last = _last_sentence(body)
    matched = _texts(body[first:last], options, in_prose=True)
    if len(matched) == 1:
        return Parsed(matched.pop(), "option_text", (start + first, start + last))
    return Parsed(None, "none")


def _answer_tag(reply: str) -> tuple[int, int] | None:
    """Inside of the last closed answer tag: from the nearest opening tag before the last closing one."""
    closing = [m.start() for m in _CLOSE.finditer(reply)]
    if not closing:
        return None
    opening = [m.end() for m in _OPEN.finditer(reply, 0, closing[-1])]
    if not opening:
        return None
    # Nested tags leave closing tags inside; they are cleaned away as markup.
    return opening[-1], closing[-1]


def _marked(body: str, marker: re.Match[str]) -> tuple[int, int]:
    """What a marker points at: the braces of a box, else the rest of the sentence behind it."""
    start = marker.end()
    if marker["boxed"]:
        depth = 1
        for position in range(start, min(len(body), start + 500)):
            depth += {"{": 1, "}": -1}.get(body[position], 0)
            if depth == 0:
                return start, position
    while start < len(body) and (body[start].isspace() or body[start] in "*_`:,-"):
        start += 1
    end = _SENTENCE_END.search(body, start, start + MAX_MARKED)
    return start, end.start() if end else min(len(body), start + MAX_MARKED)


def _last_sentence(body: str) -> tuple[int, int]:
    end = len(body)
    while end > 0 and (body[end - 1].isspace() or body[end - 1] in ".!?*_`\"')]"):
        end -= 1
    ends = [m.end() for m in _SENTENCE_END.finditer(body, 0, end)]
    return (ends[-1] if ends else 0), end


def _read(span: str, options: Sequence[str]) -> str | None:
    """The one letter that a deciding span stands for, or None."""
    if len(span) > MAX_SPAN:
        return None
    text = _clean(span)
    alone = _LONE.fullmatch(text)
    if alone:
        return _within(alone[1].upper(), options)
    words = _normal(text).strip(" .")
    exact = [letter for letter, option in zip(LETTERS, options, strict=False) if _normal(option).strip(" .") == words]
    if len(exact) == 1:
        return exact[0]
    led = _LED.fullmatch(text)  # "B. 34%", "b) 34%": the letter and its own text
    if led:
        letter = _within(led[1].upper(), options)
        if letter and _normal(options[LETTERS.index(letter)]).strip(" .") == _normal(led[2]).strip(" ."):
            return letter
    letters = _letters(text, options)
    if letters:
        return _within(letters.pop(), options) if len(letters) == 1 else None
    matched = _texts(text, options)
    return matched.pop() if len(matched) == 1 else None


def _within(letter: str, options: Sequence[str]) -> str | None:
    return letter if letter in LETTERS[: len(options)] else None


def _letters(span: str, options: Sequence[str]) -> set[str]:
    """Letters that stand alone in a span, whether or not they are options."""
    text = _clean(span)
    found = set()
    for match in _LETTER.finditer(text):
        letter, end = match[1] or match[2], match.end()
        if letter == "I" and _LONE.fullmatch(text) is None:
            continue
        if letter == "A" and _AFTER_LETTER_A.match(text, end) and not _own_text_follows(text[end:], options):
            continue
        if _NOT_BEFORE.search(text[max(0, match.start() - 60) : match.start()]) or _NOT_AFTER.match(text, end):
            continue
        found.add(letter)
    return found


def _own_text_follows(rest: str, options: Sequence[str]) -> bool:
    return bool(options) and re.match(re.escape(_normal(options[0])) + r"\s*(?:[^\w\s]|$)", _normal(rest)) is not None


def _texts(span: str, options: Sequence[str], in_prose: bool = False) -> set[str]:
    """Letters of the options whose text stands whole in a span and not inside a longer option that does."""
    text = _normal(_clean(span))
    hits: list[tuple[int, int, str]] = []
    for letter, option in zip(LETTERS, options, strict=False):
        words = _normal(option)
        if not words:
            continue
        if in_prose and words in ("yes", "no"):  # "there is no way to tell" is no answer
            hits += [(0, len(words), letter)] if re.match(rf"\W*{words}\s*(?:[,;:.–—]|$)", text) else []
            continue
        before = r"(?<![\w\-–])(?<!\d[.,])" if words[0].isdigit() else r"(?<!\w)"
        after = r"(?!\d|[.,]\d|\s*%)" if words[-1].isdigit() else r"(?!\w)" if words[-1] != "%" else ""
        for match in re.finditer(before + re.escape(words) + after, text):
            if not _NOT_BEFORE.search(text[max(0, match.start() - 60) : match.start()]):
                hits.append((*match.span(), letter))
    return {
        letter
        for start, end, letter in hits
        if not any(s <= start and end <= e and (e - s) > (end - start) for s, e, _ in hits)
    }


def _clean(text: str) -> str:
    """Text without tags, LaTeX commands and emphasis; full-width and circled letters as plain ones."""
    return _MARKUP.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def _normal(text: str) -> str:
    """One spelling of words and numbers: lower case, single spaces, "34%" as "34 %", "1,200" as "1200"."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("−", "-")
    text = re.sub(r"(?<=\d)\s*per\s?cent\b", "%", text)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d)\s*(?=[a-z%])", " ", text)
    return " ".join(text.split())
