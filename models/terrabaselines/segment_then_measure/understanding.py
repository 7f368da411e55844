"""What a question asks for: its kind, its classes in the order of the rule, their dates.

Learnt from the texts of a training benchmark. Class names are found in a text (longest first) and replaced by marks; a
text then is of the *form* of the training text that shares most words and pairs of words with it.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from terrabench.items import RULE_PARAMETERS
from terrabench.reasoning.arithmetic import option_quantity

LEAST_LIKENESS = 0.5
"""Share of words and pairs that a text has to have in common with a training text to be understood by it."""

_BASE = {"share": "%", "area": "m2", "length": "m", "count": "count"}
_TOKEN = re.compile(r"<\d>|[^\W\d_]+|#")
_DATE = re.compile(r"\bimage (\d+)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d,.]*")
_RULE = (*RULE_PARAMETERS, "min_share")


@dataclass(frozen=True)
class Asked:
    """What is to be measured: the rule's kind and parameters, and of each region its date and class name."""

    kind: str
    parameters: Mapping[str, Any]
    regions: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class _Form:
    """A kind of question: parameters as JSON, and of each region its date and class.

    A date is "first", "last" or the place of a stated one among the dates that the text states; a class is the place
    of its name among the names in the text, or a name that the text does not say.
    """

    kind: str
    parameters: str
    regions: tuple[tuple[str | int, str | int], ...]


class Understanding:
    """Fitted on items of a benchmark (rows with ``question``, ``options``, ``kind``, ``parameters``, ``masks``)."""

    def __init__(self, items: Sequence[tuple[Mapping[str, Any], int]], names: Sequence[str] = ()) -> None:
        """``items`` with the number of dates of their scene; ``names`` are more class names that may be met."""
        said = {m["class_name"] for item, _ in items for m in item["masks"] or ()} | set(names)
        ordered = sorted(said, key=lambda name: (-len(name), name))
        pattern = "|".join(re.escape(name) for name in ordered)
        self._names = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE) if ordered else None
        self._spelling = {name.casefold(): name for name in ordered}
        forms: dict[tuple[int, frozenset[str]], Counter[_Form]] = defaultdict(Counter)
        for item, dates in items:
            found, words = self._read(item["question"])
            forms[dates, words][_form(item, found, dates)] += 1
        self._known = {key: counted.most_common(1)[0][0] for key, counted in forms.items()}

    def read(self, question: str, options: Sequence[str], dates: int) -> Asked | str:
        """What is asked about a scene of so many dates, or a sentence that says why it is not understood."""
        found, words = self._read(question)
        best, likeness = None, 0.0
        for (known_dates, known), form in self._known.items():
            if known_dates != dates or not _fits(form, found, question, dates):
                continue
            common = 2 * len(words & known) / (len(words) + len(known))
            if common > likeness:
                best, likeness = form, common
        if best is None or likeness < LEAST_LIKENESS:
            return f"no training question of {dates} dates is like this one (likeness {likeness:.2f})"
        parameters = json.loads(best.parameters)
        quantities = [option_quantity(option) for option in options]
        if "unit" in parameters and quantities and quantities[0] is not None:
            parameters["unit"] = _BASE[quantities[0][1]]
        stated = _dates(question)
        regions = tuple(
            (_date(when, stated, dates), found[what] if isinstance(what, int) else what) for when, what in best.regions
        )
        return Asked(best.kind, parameters, regions)

    def _read(self, question: str) -> tuple[tuple[str, ...], frozenset[str]]:
        """The different class names of a text in their order, and its words and pairs with marks in their place."""
        found: list[str] = []

        def marked(match: re.Match[str]) -> str:
            name = self._spelling[match[0].casefold()]
            if name not in found:
                found.append(name)
            return f"<{found.index(name)}>"

        text = self._names.sub(marked, question) if self._names else question
        # numbers in the marks stay: they are put back after all others have become one sign
        text = re.sub(r"<(\d+)>|\d[\d,.]*", lambda m: m[0] if m[1] else "#", text).lower()
        tokens = _TOKEN.findall(text)
        return tuple(found), frozenset([*tokens, *(f"{a} {b}" for a, b in pairwise(tokens))])


def _form(item: Mapping[str, Any], found: Sequence[str], dates: int) -> _Form:
    given = json.loads(item["parameters"] or "{}")
    parameters = {name: given[name] for name in _RULE if name in given}
    if "unit" in parameters and parameters["unit"] != "%":
        parameters["unit"] = ""  # follows from the options
    masks = (item["masks"] or ())[: given.get("compared")]  # clouds come after them
    stated = _dates(item["question"])
    regions = []
    for mask in masks:
        t, name = mask["t"], mask["class_name"]
        when: str | int = stated.index(t) if t in stated else "first" if t == 1 else "last" if t == dates else f"t{t}"
        regions.append((when, found.index(name) if name in found else name))
    return _Form(item["kind"], json.dumps(parameters, sort_keys=True), tuple(regions))


def _dates(question: str) -> list[int]:
    """The dates that a text states, each once, in their order."""
    return list(dict.fromkeys(int(number) for number in _DATE.findall(question)))


def _date(when: str | int, stated: Sequence[int], dates: int) -> int:
    if isinstance(when, int):
        return stated[when]
    return {"first": 1, "last": dates}.get(when) or int(when[1:])


def _fits(form: _Form, found: Sequence[str], question: str, dates: int) -> bool:
    """True when the text has as many names and dates as the form speaks of, and the scene has the dates."""
    stated = _dates(question)
    names = {what for _, what in form.regions if isinstance(what, int)}
    return all(not isinstance(when, int) or when < len(stated) for when, _ in form.regions) and (
        names == set(range(len(found))) and all(0 < date <= dates for date in stated)
    )
