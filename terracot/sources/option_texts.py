"""Options as question files write them: a Python list, or lettered texts; and which of them is the answer.

Nothing is guessed: what does not parse in exactly one way is a ``ValueError`` that says what was expected.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from string import ascii_uppercase

MAX_TEXT = 4000
"""Longer texts are no options; also keeps hostile ones from the parser."""

_MARK = re.compile(r"(?<![^\s,;])(?:\(([A-Z])\)|([A-Z])[.):])")
_LETTER = re.compile(r"\(?([A-Z])(?:\)|[.):])?(?:(?<=[.):])\s*(.*))?", re.DOTALL)
_SEVERAL = re.compile(r"[A-Z](?:\s*(?:,|;|and|&|\s)\s*[A-Z])+[.]?")


def python_list(text: str) -> tuple[str, ...]:
    """The texts of ``"['a', 'b']"``, read as a literal and never run."""
    problem = f"expected options like ['a', 'b'], found {text[:80]!r}"
    if len(text) > MAX_TEXT:
        raise ValueError(problem)
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(problem) from error
    if not isinstance(found, list) or not all(isinstance(option, str) for option in found):
        raise ValueError(problem)
    return checked(found)


def lettered(text: str) -> tuple[str, ...]:
    """The texts of ``A. one`` and ``B. two``, on lines of their own or in one line with commas between them.

    ``(A) one`` and ``A) one`` are read as well. The letters have to be A, B, C ... in this order, each once.
    """
    problem = f"expected options like 'A. one, B. two', found {text[:80]!r}"
    if len(text) > MAX_TEXT:
        raise ValueError(problem)
    marks = [(m.group(1) or m.group(2), m.start(), m.end()) for m in _MARK.finditer(text)]
    taken: list[tuple[int, int]] = []
    for letter, start, end in marks:
        if len(taken) < len(ascii_uppercase) and letter == ascii_uppercase[len(taken)]:
            taken.append((start, end))
        elif (
            letter in ascii_uppercase[: len(taken)]
            or not text[:start].strip(" ")
            or text[:start].strip(" ")[-1] in ",;\n"
        ):
            raise ValueError(problem)  # comes twice, or out of turn where an option could begin; else it is a "U.S."
    if not taken or text[: taken[0][0]].strip():
        raise ValueError(problem)
    ends = [start for start, _ in taken[1:]] + [len(text)]
    parts = [text[start:end] for (_, start), end in zip(taken, ends, strict=True)]
    options = [part.strip().rstrip(",;").strip() for part in parts]
    if not any("\n" in part for part in parts[:-1]):
        options[-1] = options[-1].removesuffix(".")  # one line is a sentence: its full stop is not the last option's
    return checked(options)


def spelled(text: str, options: Sequence[str]) -> bool:
    """True when a lettered text gives these options in this order."""
    rest = " ".join(text[: MAX_TEXT + 1].split())
    for letter, option in zip(ascii_uppercase, options, strict=False):
        words = " ".join(option.split())
        rest = rest.lstrip(" .,;(")
        if rest[:1] != letter or rest[1:2] not in (".", ")", ":") or not rest[2:].lstrip().startswith(words):
            return False
        rest = rest[2:].lstrip()[len(words) :]
    return not rest.strip(" .,;")


def checked(options: Sequence[str]) -> tuple[str, ...]:
    """Options, stripped: two or more, none empty, no two alike but for case and a full stop."""
    texts = tuple(option.strip() for option in options)
    if not 2 <= len(texts) <= len(ascii_uppercase) or not all(texts):
        raise ValueError(f"expected two to {len(ascii_uppercase)} options with text, found {list(texts)[:8]}")
    repeated = sorted({t for t in texts if [alike(u) for u in texts].count(alike(t)) > 1})
    if repeated:
        raise ValueError(f"options {repeated} are the same; there is no one right answer")
    return texts


def alike(text: str) -> str:
    """A text as options are compared: without case, double spaces and a final full stop."""
    return " ".join(text.casefold().split()).removesuffix(".")


def matched(answer: str, options: Sequence[str]) -> str:
    """The option that an answer spells out: exactly, or else but for case and a full stop."""
    if answer.strip() in options:
        return answer.strip()
    found = [option for option in options if alike(option) == alike(answer)]
    if len(found) != 1:
        raise ValueError(f"answer {answer[:80]!r} is none of the options {list(options)}")
    return found[0]


def several(answer: str) -> bool:
    """True for letters of more than one option: ``B, E, F.``"""
    return len(answer) <= MAX_TEXT and _SEVERAL.fullmatch(answer.strip()) is not None


def by_letter(answer: str, options: Sequence[str]) -> str:
    """The option that ``C``, ``(C)``, ``C.`` or ``C. its text`` names."""
    found = _LETTER.fullmatch(answer.strip()) if len(answer) <= MAX_TEXT else None
    index = ascii_uppercase.index(found.group(1)) if found else len(options)
    if found is None or index >= len(options):
        letters = ascii_uppercase[: len(options)]
        raise ValueError(f"expected one letter of {letters[0]} to {letters[-1]} as the answer, found {answer[:80]!r}")
    if found.group(2) and alike(found.group(2)) != alike(options[index]):
        raise ValueError(f"answer {answer[:80]!r} does not go with option {found.group(1)}, {options[index]!r}")
    return options[index]
