"""Sentences on a class that two dates share, on classes that came or went, and on buildings after an event."""

from __future__ import annotations

from collections.abc import Iterator

from terracot.captions.finding import BUILDINGS, GONE, LEFT
from terracot.captions.phrases import change as phrases
from terracot.captions.teller import Fact, Teller
from terracot.grammar import Noun
from terracot.quantities import Value
from terracot.questions.writer import Slot


def pairs(tell: Teller) -> list[tuple[int, int]]:
    """Masks of one class on the first and on the last date; that of the largest change first."""
    masks = tell.w.finding.masks
    same = [
        (n, k)
        for n, one in enumerate(masks)
        for k, other in enumerate(masks)
        if one.t < other.t and one.class_name == other.class_name
    ]
    return sorted(same, key=lambda pair: -abs(_shares(tell, *pair)[1].value - _shares(tell, *pair)[0].value))


def changes(tell: Teller) -> Iterator[Fact]:
    """Growth or loss of each class that both dates have, then classes that only one of them has."""
    for before, after in pairs(tell):
        shares = _shares(tell, before, after)
        key, lists = "steady", phrases.STEADY
        if shares[0].text != shares[1].text:
            grew = shares[1].value > shares[0].value
            key, lists = ("grew", phrases.GREW) if grew else ("shrank", phrases.SHRANK)
        slots: dict[str, Slot] = {
            "a": tell.w.name(after),
            "before": shares[0],
            "after": shares[1],
            "whole": _common(tell),
        }
        yield Fact(key, lists, slots | dates(tell))
    for kind, lists in (("new", phrases.NEW), ("gone", phrases.GONE)):
        for n, mask in enumerate(tell.w.finding.masks):
            if mask.class_name in tell.w.finding.parameters[kind]:
                share = tell.value("share", n, unit="%")
                came: dict[str, Slot] = {"a": tell.w.name(n), "share": share, "whole": tell.whole(n)}
                yield Fact(kind, lists, came | dates(tell))


def moved(tell: Teller) -> Fact | None:
    """Pixels gained and lost by the class of the largest change."""
    for before, after in pairs(tell)[:1]:
        gained = tell.value("gained", before, after, unit="px")
        lost = tell.value("gained", after, before, unit="px")
        if gained.value or lost.value:
            return Fact("moved", phrases.MOVED, {"gained": gained, "lost": lost})
    return None


def dates(tell: Teller) -> dict[str, Slot]:
    """The two dates as numbers of images."""
    last = len(tell.w.finding.masks) - 1
    return {"t1": tell.value("date", 0, unit="date"), "t2": tell.value("date", last, unit="date")}


def damage(tell: Teller) -> Fact:
    """How many buildings there are, and what became of them; masks of the first date, then of the last."""
    names = [m.class_name for m in tell.w.finding.masks]
    counts = [tell.value("components", n, unit="count") for n in range(len(names))]
    slots: dict[str, Slot] = {"all": counts[names.index(BUILDINGS)]}
    gone, left = (next((counts[n] for n, name in enumerate(names) if name in both), None) for both in (GONE, LEFT))
    if gone is None and left is None:
        return Fact("counted", phrases.COUNTED, {"n": slots["all"]})
    if gone is None or left is None:
        named = {"left": left} if left is not None else {"gone": gone}
        chosen = phrases.SPARED if left is not None else phrases.RAZED
        return Fact("damage", chosen, slots | {k: v for k, v in named.items() if v is not None})
    at = next(n for n, name in enumerate(names) if name in GONE)
    share = tell.value("component_share", at, names.index(BUILDINGS), unit="%")
    return Fact("damage", phrases.DAMAGED, slots | {"gone": gone, "left": left, "share": share})


def _shares(tell: Teller, before: int, after: int) -> tuple[Value, Value]:
    return tuple(tell.value("share_where_both", *of, unit="%") for of in ((before, after), (after, before)))  # type: ignore[return-value]


def _common(tell: Teller) -> Noun:
    """What shares on two dates refer to."""
    ends = (0, len(tell.w.finding.masks) - 1)
    if min(tell.valid_part(n) for n in ends) == 1:
        return Noun("the frame")
    return Noun("the pixels labelled on both dates", plural=True)
