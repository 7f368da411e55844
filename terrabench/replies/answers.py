"""The one answer parser. It decides the letter; no model does, and an unparsed reply is wrong.

A wrong letter is worse than none. What stands between ``<think>`` and ``</think>`` never decides, nor does what follows
an unclosed ``<think>`` (but for an ``<answer>`` that ends the reply). Then, in this order, and the first rule that
applies decides, even when it finds nothing readable:

1. ``answer_tag``: the last closed ``<answer>...</answer>``;
2. ``marker``: the last explicit marker, which is ``{"answer": "B"}``, ``\\boxed{}``, an ``<answer>`` that a stop string
   left open, "answer is", "answer:", "final:" with a letter or an option text after a few filler words at most, "so",
   "hence", "it is", "I choose" with a letter at once, or "B is correct";
3. ``lone_letter``: a letter, or a letter with its own option text, that is the whole reply;
4. ``option_text``: the one option text that is the whole first sentence or stands whole in the last one. Options that
   the reply lists do not count.

A letter counts where it stands alone: never inside a word ("crop", "C-band"), never the article "A" or the pronoun
"I", never after "not" or before "is wrong". Unparsed: two letters or two option texts in the deciding span, a letter
beside the text of another option, a condition ("if ..., the answer is C"), and an answer that is taken back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from terrabench.replies.answer_markers import SENTENCE_END, TAKEN_BACK, end_of_sentence, marked
from terrabench.replies.answer_text import LONE, MAX_SPAN, clean, lettered, letters, listed, read, texts, whole_option

PARSER_VERSION = 2
"""Goes up with any change of any reading; stored with every letter. 2: spaces are alike, however wide."""

MAX_LINES = 200
"""Lines, from the last one on, that are looked through for a list of the options."""

_SPACES = re.compile(r"[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")  # one character each: places stay
_CLOSE = re.compile(r"<\s*/\s*answer\s*>", re.I | re.A)
_OPEN = re.compile(r"<\s*answer\s*>", re.I | re.A)
_THINK = re.compile(r"<\s*(?P<close>/\s*)?think(?:ing)?\s*>", re.I | re.A)
_BASIS = re.compile(r"\b(?:based\s+(?:up)?on|according\s+to|depends?\s+on)\b[^,;:]*$", re.I)
_BULLET = re.compile(r"^[\s\-*•·–|]*(?:\d+[.)]\s)?")


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
    shown = _without_thoughts(_SPACES.sub(" ", reply))
    tag = _answer_tag(shown)
    if tag:
        return Parsed(read(shown[slice(*tag)], options), "answer_tag", tag)
    end = len(shown.rstrip())
    start = max(0, end - MAX_SPAN)
    body, places = _narrow(shown[start:end])
    decided = marked(body, options)
    if decided:
        letter, first, last = decided
        return Parsed(letter, "marker", (start + places[first], start + places[last]))
    if LONE.fullmatch(clean(body)) or lettered(body, options):
        return Parsed(read(body, options), "lone_letter", (start, end))
    named = _option_text(body, options)
    if named is None:
        return Parsed(None, "none")
    return Parsed(named[0], "option_text", (start + places[named[1]], start + places[named[2]]))


def _narrow(text: str) -> tuple[str, Sequence[int]]:
    """A text with single spaces only, and where each of its characters, and its end, stood before."""
    if "  " not in text:
        return text, range(len(text) + 1)
    kept = [i for i, character in enumerate(text) if character != " " or text[i - 1 : i] != " "]
    return "".join(text[i] for i in kept), [*kept, len(text)]


def _without_thoughts(reply: str) -> str:
    """The reply with its thoughts blanked out, so that every character keeps its place.

    A closing tag without an opening one hides all before it: chat templates put the opening tag into the prompt.
    """
    hidden: list[tuple[int, int]] = []
    opened: int | None = None
    for tag in _THINK.finditer(reply):
        if not tag["close"]:
            opened = tag.start() if opened is None else opened
        elif opened is not None:
            hidden.append((opened, tag.end()))
            opened = None
        else:
            hidden = [(0, tag.end())]
    if opened is not None:
        said = _answer_tag(reply)
        ends = said is not None and said[0] > opened and _CLOSE.fullmatch(reply[said[1] :].rstrip())
        hidden.append((opened, reply.rindex("<", 0, said[0]) if said and ends else len(reply)))
    parts, place = [], 0
    for start, end in hidden:
        parts += [reply[place:start], "\n" * (end - start)]
        place = end
    return "".join([*parts, reply[place:]])


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


def _option_text(body: str, options: Sequence[str]) -> tuple[str, int, int] | None:
    """The option that the first or the last sentence names, and the place of that sentence."""
    last, end = _last_sentence(body)
    line = body[body.rfind("\n", 0, last) + 1 : last] + body[last:].partition("\n")[0]
    lines = [_BULLET.sub("", clean(row)) for row in body.splitlines()[-MAX_LINES:]]
    echoed = {_option_line(row, options) for row in lines} - {None}
    sentence = _BASIS.sub("", body[last:end])
    named, said = texts(sentence, options, in_prose=True), letters(sentence, options)
    listing = listed(line, options) or (len(echoed) > 1 and _option_line(lines[-1], options))
    if listing or "?" in body[end:] or (said and said != named):
        named = set()
    first = len(body) - len(body.lstrip())
    first_end = end_of_sentence(body, first)
    lone = LONE.fullmatch(clean(body[first:].partition("\n")[0]))
    if lone and {lone[1].upper()} != named:  # "C", and then a sentence about the text of B
        named = set()
    head = whole_option(clean(body[first:first_end]), options)
    stated = len(echoed) < 2 and body[first_end : first_end + 1] != "?" and not said - {head}
    if head and stated and (not named or head in named) and not TAKEN_BACK.search(body, first_end):
        return head, first, first_end
    return (named.pop(), last, end) if len(named) == 1 and not head else None


def _option_line(line: str, options: Sequence[str]) -> str | None:
    return whole_option(line, options) or lettered(line, options)


def _last_sentence(body: str) -> tuple[int, int]:
    end = len(body)
    while end > 0 and (body[end - 1].isspace() or body[end - 1] in ".!?*_`\"')]"):
        end -= 1
    ends = [m.end() for m in SENTENCE_END.finditer(body, 0, end)]
    return (ends[-1] if ends else 0), end
