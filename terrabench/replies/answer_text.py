"""What a few words of a reply say: the letters and the option texts in them. ``answers`` decides which words count."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from terracot.plugins import LETTERS

MAX_SPAN = 20_000
"""Characters of the end of a reply that are read as prose, and the longest ``<answer>``."""

_MARKUP = re.compile(
    r"<\s*(?:/\s*)?[a-zA-Z][^<>]{0,40}>|\\[a-zA-Z]+(?=\s*\{)|\\(?=[%$#&_{}])|\\[()\[\]]|[*_`~#${}\"“”‘]"
)
_LETTER = re.compile(r"(?<![\w'’.\-+/&])([A-J])(?![\w+#&]|['’-]\w|\.\w)|(?<=[/&])([A-J])(?![\w+#])")
_NOT_BEFORE = re.compile(
    r"(?:\b(?:not|cannot|neither|nor|never|except|excluding|unlike|rather\s+than|instead\s+of|ruled?\s+out)|n['’]t)"
    r"\s+(?:be\s+)?(?:option\s+|choice\s+)?\(?\s*$",
    re.I,
)
_NOT_AFTER = re.compile(
    r"\)?(?:\s*(?:,\s*(?:and\s+)?|and\s+|or\s+)\(?[A-J]\b\)?){0,9}"  # "A, C and D are wrong" is said of all three
    r"\s+(?:is|are|was|were|can\s+be|must\s+be)\s+(?:clearly\s+|also\s+|all\s+|both\s+|therefore\s+)*"
    r"(?:wrong|incorrect|not\b|false|excluded|ruled\s+out|eliminated|out\b|too\s)"
)
OTHER_WORD = re.compile(
    r"\s+(?!(?:and|or|because|since|as|is|was|but|for|with|which|based|due|given|from|by|if|in|not|nor|than|the|to|over"
    r"|vs|versus|seems|looks|fits|matches|appears|rather\s+than|instead|whereas|although|though|at|about)\b)[^\W\d_]"
)
"""A word that does not follow a letter meant as an answer: "A lake" is an article, "C band" is no option."""
LONE = re.compile(r"\W*(?:(?:option|choice|answer)\W+)?([a-j])\W*", re.I)
_LED = re.compile(r"\W*(?:(?:option|choice|answer)\W+)?([A-J])(?!\w)(\s?[.):,\-–—])?\s*(\S.*)", re.S | re.I)


def read(span: str, options: Sequence[str]) -> str | None:
    """The one letter that a deciding span stands for, or None; a letter and an option text in it must agree."""
    if len(span) > MAX_SPAN:
        return None
    text = clean(span)
    alone = LONE.fullmatch(text)
    if alone:
        return _within(alone[1].upper(), options)
    whole = whole_option(text, options) or lettered(text, options)
    if whole:
        return whole
    led = _LED.fullmatch(text)
    if led and led[2] and whole_option(led[3], options):  # "b) 56%", and 56% is another option
        return None
    found = letters(text, options)
    if not found:
        matched = texts(text, options)
        return matched.pop() if len(matched) == 1 else None
    named = texts(led[3] if led else text, options, in_prose=True)
    if len(found) > 1 or (len(named) == 1 and named != found):
        return None
    return _within(found.pop(), options)


def lettered(text: str, options: Sequence[str]) -> str | None:
    """The letter of a text that is nothing but a letter and the option text of that letter: "(B) 34%", "A (Yes)"."""
    led = _LED.fullmatch(clean(text))
    letter = _within(led[1].upper(), options) if led else None
    return letter if led and letter and whole_option(led[3], options) == letter else None


def listed(text: str, options: Sequence[str]) -> bool:
    """Whether an option stands in a text with its letter, as prompts write it: "A. 12%", "B (34%)", "| C | 56% |"."""
    return bool(_listed(normal(clean(text)), options))


def opens_a_list(text: str, options: Sequence[str]) -> bool:
    """Whether a text begins with two options in a row, each with its letter: "A. 12% B. 34% ..."."""
    words = normal(clean(text))
    places = _listed(words, options)
    return len(places) > 1 and not re.search(r"\w", words[: places[0][0]] + words[places[0][1] : places[1][0]])


def _listed(words: str, options: Sequence[str]) -> list[tuple[int, int]]:
    found = []
    for letter, option in zip(LETTERS.lower(), options, strict=False):
        if normal(option):
            after = r"(?!\w)" if normal(option)[-1] != "%" else ""
            pattern = rf"(?<!\w){letter}\W{{1,5}}{re.escape(normal(option))}{after}"
            found += [match.span() for match in re.finditer(pattern, words)]
    return sorted(found)


def whole_option(text: str, options: Sequence[str]) -> str | None:
    """The letter of the option whose text this is, but for dots, brackets and quotes around it."""
    words = normal(text).strip(" .")
    exact = [letter for letter, option in zip(LETTERS, options, strict=False) if normal(option).strip(" .") == words]
    if not exact and words.strip(" .()[]'") != words:
        return whole_option(words.strip(" .()[]'"), options)
    return exact[0] if len(exact) == 1 else None


def letters(span: str, options: Sequence[str]) -> set[str]:
    """Letters that stand alone in a span and are not denied, whether or not they are options."""
    return {letter for letter, _, denied in mentions(span, options) if not denied}


def mentions(span: str, options: Sequence[str]) -> list[tuple[str, int, bool]]:
    """Letters that stand alone: the letter, its place in the cleaned span, whether the words around it deny it."""
    text = clean(span)
    found = []
    for match in _LETTER.finditer(text):
        letter, end = match[1] or match[2], match.end()
        if letter == "I" and LONE.fullmatch(text) is None:
            continue
        if letter == "A" and OTHER_WORD.match(text, end) and not _own_text_follows(text[end:], options):
            continue
        before = text[max(0, match.start() - 60) : match.start()]
        denied = _NOT_BEFORE.search(before) is not None or _NOT_AFTER.match(text, end) is not None
        found.append((letter, match.start(), denied))
    return found


def texts(span: str, options: Sequence[str], in_prose: bool = False) -> set[str]:
    """Letters of the options whose text stands whole in a span and not inside a longer option that does."""
    return {letter for _, letter in text_places(span, options, in_prose)}


def text_places(span: str, options: Sequence[str], in_prose: bool = False) -> list[tuple[int, str]]:
    """Where those texts stand in the normal spelling of the cleaned span, and their letters."""
    text = normal(clean(span))
    hits: list[tuple[int, int, str]] = []
    for letter, option in zip(LETTERS, options, strict=False):
        words = normal(option)
        if not words:
            continue
        if in_prose and words in ("yes", "no"):  # "there is no way to tell" is no answer
            hits += [(0, len(words), letter)] if re.match(rf"\W*{words}\s*(?:[,;:.()–—]|$)", text) else []
            continue
        before = r"(?<![\w\-–])(?<!\d[.,])" if words[0].isdigit() else r"(?<!\w)"
        after = r"(?!\d|[.,]\d|\s*%)" if words[-1].isdigit() else r"(?!\w)" if words[-1] != "%" else ""
        for match in re.finditer(before + re.escape(words) + after, text):
            if not _NOT_BEFORE.search(text[max(0, match.start() - 60) : match.start()]):
                hits.append((*match.span(), letter))
    return [
        (start, letter)
        for start, end, letter in hits
        if not any(s <= start and end <= e and (e - s) > (end - start) for s, e, _ in hits)
    ]


def clean(text: str) -> str:
    """Text without tags, LaTeX commands and emphasis; full-width and circled letters as plain ones."""
    return _MARKUP.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def normal(text: str) -> str:
    """One spelling of words and numbers: lower case, single spaces, "34%" as "34 %", "1,200" as "1200"."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("−", "-")
    text = re.sub(r"(?<=\d)\s*per\s?cent\b", "%", text)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d)\s*(?=[a-z%])", " ", text)
    return " ".join(text.split())


def _within(letter: str, options: Sequence[str]) -> str | None:
    return letter if letter in LETTERS[: len(options)] else None


def _own_text_follows(rest: str, options: Sequence[str]) -> bool:
    if not options:
        return False
    near = normal(rest[: 2 * len(options[0]) + 40])  # enough for it, and short: asked for every "A" of a reply
    return re.match(re.escape(normal(options[0])) + r"\s*(?:[^\w\s]|$)", near) is not None
