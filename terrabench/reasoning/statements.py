"""Numbers that a reply states in its reasoning: value, unit, and how finely it is stated. ``relations`` reads words.

Read is what stands outside of ``<answer>`` and of the words that announce the letter. Pure, and linear in the length of
the reply. What cannot be told apart from a number of another meaning is left out: a wrong reading is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from terrabench.replies.answer_text import normal
from terrabench.replies.answers import parse
from terracot.language import UNITS

DIMENSIONS = {"%": "share", "m2": "area", "ha": "area", "km2": "area", "m": "length", "km": "length", "count": "count"}
"""Unit of a truth or of a statement -> what kind of quantity it is; "px" is a dimension of its own."""

MAX_READ = 20_000
"""Characters of the end of the reasoning that are read."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−–", "0123456789---")
_SPACED = r"(?<!image\s)(?<!Image\s)(?<!date\s)\d{1,3}(?:\s\d{3})+(?!\d)"  # "8 490", but not "image 2 490"
_DIGITS = (
    rf"(?:{_SPACED}|\d{{1,3}}(?:[,'’\u00a0\u2009\u202f]\d{{3}})+(?!\d)|\d{{1,18}})(?:[.]\d{{1,15}}|,\d{{1,2}}(?!\d))?"
)
_EXPONENT = (
    r"(?:[eE]([+\-−]?\d{1,2})(?!\w)|\s?[x×·*]\s?10(?:\^|\*\*)?\(?([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}|(?<=[\^*(])[\-−]?\d{1,2})\)?)?"
)
_SQUARE = r"(?:\s?\^\s?2|²|2|\*\*2)(?!\w)"
_M, _KM = r"met(?:re|er)s?(?!\w)", r"kilomet(?:re|er)s?(?!\w)"
_THINGS = r"buildings?|houses?|structures?|patch(?:es)?|components?|regions?|objects?"
_UNIT = (
    r"(?P<share>[%％]|per\s?cent(?!\w)|pct(?!\w)|percentage\spoints?)"
    rf"|(?P<km2>km{_SQUARE}|sq\.?\s?km(?!\w)|square\s{_KM})|(?P<m2>m{_SQUARE}|sq\.?\s?m(?!\w)|square\s{_M})"
    rf"|(?P<ha>ha(?!\w)|hectares?(?!\w))|(?P<km>km(?!\w)|{_KM})|(?P<m>m(?![\w²^*])|{_M})"
    r"|(?P<valid>valid\s(?:pixels?|px|ones)(?!\w))|(?P<px>(?:[a-z]+\s){0,2}?(?:pixels?|px)(?!\w)(?:\swidths?)?)"
    rf"|(?P<count>(?!of\b|and\b|or\b)(?:[a-z]+\s){{0,2}}?(?:{_THINGS})(?!\w))"
)
_NUMBER = re.compile(
    rf"(?:(?<![^\s(])(?P<minus>[\-−]))?(?<![\w.,])(?P<digits>{_DIGITS}){_EXPONENT}(?!\d)"
    rf"(?P<scale>\s(?:thousand|million)(?!\w))?(?:[\s\u00a0\u202f\-]{{0,2}}(?:{_UNIT}))?"
)
_ABOUT = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.?|roughly|nearly|almost|some|ca\.?|circa)|[~≈≃])\s*$", re.I
)
_PER_PIXEL = re.compile(
    r"\W{0,2}(?:per|a|an|each|/|resolution|ground\ssampling|pixels?|wide|high|by|[x×*·](?=\s?\d))(?!\w)", re.I
)
_PIXEL_IS = re.compile(
    r"(?:\bpixels\sof\s|(?<!given\s)\bpixel(?:\s(?:size|area|width|spacing|length))?(?:\son\sthe\sground)?\s?"
    r"(?:is|measures|covers|represents|stands\sfor|equals|of|=|:|has\s(?:an?\s)?(?:area|side|size|width)s?\sof)\s?"
    r"|\b(?:one|each)(?:\sof\sthem)?\s(?:is|of|covers)\s|(?:pixels?|px|\d)\s?\)?\s?[x×·*]\s?|\btimes\s"
    r"|\bmultipl(?:y|ying|ied)\b[^.;]{0,40}\sby\s)(?:about\s|roughly\s)?$",
    re.I,
)
_CHOSEN = re.compile(
    r"\b(?:(?:close|closest|near|nearest|next|corresponds?|belongs?|rounds?|rounded)\s+to|option|options|choice|choices"
    r"|candidates?|matche?s?|matching|letter)\b[^.;]{0,40}$",
    re.I,
)
_ANSWER = re.compile(r"<\s*answer\s*>", re.I)
_TAG = re.compile(r"<\s*/?\s*(?:think(?:ing)?|answer)\s*>|\[SEG\]|\bImage:?\s\d+", re.I)


@dataclass(frozen=True)
class Number:
    """A number as stated. ``half`` is half of its last digit that means something: it stands for ``value`` +- ``half``.

    Both in ``unit``: %, m2, ha, km2, m, km, px, count; "valid" for pixels called valid; "" for a bare number.
    ``factor``: said of one pixel, or to be multiplied. ``chosen``: the text of an option, named as the one to choose.
    ``start`` and ``end`` are places in the text it was read from.
    """

    value: float
    unit: str
    half: float
    start: int
    end: int
    factor: bool = False
    chosen: bool = False

    def agrees(self, value: float) -> bool:
        """Whether ``value``, in ``unit``, is what the statement says, rounded as it is; the border counts."""
        return abs(value - self.value) <= self.half * (1 + 1e-9) + 1e-9 * abs(self.value)


def reasoning(reply: str, options: Sequence[str]) -> str:
    """What a reply says beside its answer: the end of it, ``MAX_READ`` characters at most, without tags.

    Blanked out are all from the last ``<answer>`` on, and the words that the parser read a letter from, but for a
    sentence that merely names an option's text: it is a statement as well.
    """
    opened = [tag.start() for tag in _ANSWER.finditer(reply)]
    parsed = parse(reply, options)
    said = reply[: opened[-1]] if opened else reply
    if parsed.span and parsed.rule in ("marker", "lone_letter"):
        first, last = parsed.span
        said = said[:first] + " " * (min(last, len(said)) - first) + said[last:] if first < len(said) else said
    return _TAG.sub(" ", said[-MAX_READ:])


def numbers(text: str, options: Sequence[str] = ()) -> list[Number]:
    """Every number of a text, in order."""
    shown = {normal(option) for option in options}
    found: list[Number] = []
    for match in _NUMBER.finditer(text):
        unit = "%" if match["share"] else next((u for u in _NAMED if match[u]), "")
        value, half = _value(match)
        before, after = text[max(0, match.start() - 60) : match.start()], text[match.end() : match.end() + 24]
        if _ABOUT.search(before) and unit in ("px", "valid", "count", ""):
            half = max(half, _place(match["digits"], 1) / 2)
        stated = text[match.start("digits") : match.end()]
        number = Number(
            value,
            unit,
            half,
            match.start(),
            match.end(),
            factor=unit in ("m", "km", "m2", "ha", "km2") and bool(_PER_PIXEL.match(after) or _PIXEL_IS.search(before)),
            chosen=normal(stated) in shown and _CHOSEN.search(before) is not None,
        )
        if found and _RANGE.fullmatch(text, found[-1].end, number.start):
            joined = _joined(found[-1], number)
            if joined:
                found.pop()
                number = joined
        found.append(number)
    return found


def last_of(stated: Sequence[Number], dimension: str) -> Number | None:
    """The last number of a dimension that is neither a factor nor the text of the option chosen."""
    for number in reversed(stated):
        if DIMENSIONS.get(number.unit) == dimension and not number.factor and not number.chosen:
            return number
    return None


def base_value(number: Number) -> float:
    """In m, m2, %, or as it is."""
    return number.value * UNITS.get(number.unit, 1.0)


def _joined(low: Number, high: Number) -> Number | None:
    """The range from one number to the next, "30-35 %", as one number; None when the two are none."""
    if low.unit not in ("", high.unit) or not 0 <= low.value < high.value:
        return None
    middle, half = (low.value + high.value) / 2, (high.value - low.value) / 2
    return replace(high, value=middle, half=half + high.half, start=low.start)


_RANGE = re.compile(r"\s?[\-–—]\s?")
_NAMED = ("km2", "m2", "ha", "km", "m", "valid", "px", "count")


def _value(match: re.Match[str]) -> tuple[float, float]:
    """Value and half of the last digit. Areas and lengths show three significant digits, whatever zeros they end in."""
    digits = match["digits"]
    scale = {"thousand": 1e3, "million": 1e6}.get((match["scale"] or "").strip(), 1.0)
    exponent = match[3] or match[4]
    scale *= 10.0 ** int(exponent.translate(_SUPERSCRIPTS)) if exponent else 1.0
    metric = any(match[unit] for unit in ("km2", "m2", "ha", "km", "m"))
    value = float(_plain(digits)) * scale
    return (-value if match["minus"] else value), _place(digits, 3 if metric else 99) / 2 * scale


def _plain(digits: str) -> str:
    """Digits as Python reads them; a comma before one or two last digits is a decimal one."""
    whole, comma, rest = digits.rpartition(",")
    if comma and "." not in digits and len(rest) < 3:
        digits = f"{whole}.{rest}"
    return re.sub(r"[,'’\s]", "", digits)


def _place(digits: str, significant: int) -> float:
    """Value of the last digit that means something: trailing zeros of an integer mean nothing beyond so many digits."""
    whole, _, decimals = _plain(digits).partition(".")
    if decimals:
        return float(10.0 ** -len(decimals))
    zeros = len(whole) - len(whole.rstrip("0"))
    return float(10.0 ** max(0, min(zeros, len(whole) - significant)))
