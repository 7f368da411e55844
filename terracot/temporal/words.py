"""Words for questions about time: which phrasings and numbers go into the question and the trace of each kind."""

from __future__ import annotations

from terracot.grammar import Noun
from terracot.quantities import Value
from terracot.questions.unused import Unused
from terracot.questions.writer import HERE, UNIT_WORDS, Question, Slot, Writer, with_clause
from terracot.temporal import pair_phrases as p
from terracot.temporal import sequence_phrases as s
from terracot.temporal.finders import steps_of
from terracot.temporal.rules import amount_of, compared, first_beyond, widest
from terracot.traces import Ground, Say, Step

Slots = dict[str, Slot]

BOTH, EVERY, VALID = "pixels valid in both images", "pixels valid in every image", "valid pixels"
VALID_MEANS = "a pixel is valid where its class is known"
RELATIVE, UNSIGNED = "relative to the earlier extent", "give the size of the change without a sign"


def gain(w: Writer) -> Question:
    """Word ``gain_share`` or ``gain_area``."""
    return _turnover(w, p.GAIN, p.GAINED)


def loss(w: Writer) -> Question:
    """Word ``loss_share`` or ``loss_area``."""
    return _turnover(w, p.LOSS, p.LOST)


def flood(w: Writer) -> Question:
    """Word ``flood_share`` or ``flood_area``: of water on two dates, or of mapped flood water on the later one."""
    if compared(w.regions) == 2:
        return _turnover(w, p.FLOOD, p.GAINED)
    before, last = w.parameter("before", unit="date"), _date(w, 0)
    slots: Slots = {"first": before, "last": last, "name": w.name(0)}
    asked = _asked(w, p.MAPPED_FLOOD, VALID, amount=_amount(w, VALID), **slots)
    counted = w.say(p.COVERED, pixels=w.value("pixels", 0, unit="px"), **slots)
    return w.question(asked, w.ground(HERE, 0), counted, _converted(w, "", w.value("valid_pixels", 0, unit="px")))


def _turnover(w: Writer, questions: tuple[str, ...], counts: tuple[str, ...]) -> Question:
    _, of = amount_of(w.finding.kind, 2)
    slots: Slots = {"first": _date(w, 0), "last": _date(w, 1), "name": w.name(1)}
    asked = _asked(w, questions, BOTH, amount=_amount(w, BOTH), **slots)
    counted = w.say(counts, pixels=w.value("beyond_pixels", *of, unit="px"), **slots)
    valid = w.value("valid_in_all", 0, 1, unit="px")
    return w.question(asked, *_both(w), counted, _converted(w, "beyond_", valid))


def transition(w: Writer) -> Question:
    """Word ``transition_share`` or ``transition_area``."""
    area, a = _unit(w) != "%", w.name(0)
    amount = Noun(
        f"how many {UNIT_WORDS[_unit(w)]} of the {a.text}" if area else f"what percentage of the {a.text}",
        area or a.plural,
    )
    slots: Slots = {"a": a, "b": w.name(1), "first": _date(w, 0), "last": _date(w, 1)}
    asked = _asked(w, p.TRANSITION, BOTH, amount=amount, **slots)
    moved = w.say(p.MOVED, pixels=w.value("common_pixels", 0, 1, unit="px"), **slots)
    if area:
        result = _in_units(w, "common_pixel_area", (0, 1))
    else:
        result = _of_earlier(w, "part_of_first", (0, 1))
    return w.question(asked, *_both(w), moved, result)


def net_change(w: Writer) -> Question:
    """Word ``net_change_share`` (of the earlier extent) or ``net_change_area``."""
    area = _unit(w) != "%"
    amount = Noun(f"by how many {UNIT_WORDS[_unit(w)]}" if area else "by what percentage")
    slots: Slots = {"first": _date(w, 0), "last": _date(w, 1), "name": w.name(1)}
    asked = _asked(w, p.NET, BOTH, UNSIGNED if area else f"{RELATIVE}; {UNSIGNED}", amount=amount, **slots)
    difference = w.say(p.DIFFERENCE, pixels=w.value("change_pixels", 0, 1, unit="px"))
    result = _in_units(w, "change_pixel_area", (0, 1)) if area else _of_earlier(w, "change_share", (0, 1))
    return w.question(asked, *_both(w), _extents(w), difference, result)


def growth(w: Writer) -> Question:
    """Word ``growth``."""
    slots: Slots = {"first": _date(w, 0), "last": _date(w, 1), "name": w.name(1)}
    asked = _asked(w, p.GROWTH, BOTH, **slots)
    found = w.say(p.GREW if w.finding.truth.text == "yes" else p.SHRANK, **slots)
    return w.question(asked, *_both(w), _extents(w), found)


def first_change(w: Writer) -> Question:
    """Word ``first_change``."""
    first, limit = _date(w, 0), w.parameter("threshold", unit="%")
    asked = _asked(w, s.FIRST_CHANGE, EVERY, first=first, limit=limit, name=w.name(0))
    dates, name = compared(w.regions), w.name(0)
    steps = [*_regions(w), _counts(w)[0]]
    against = Unused(w, s.AGAINST_FIRST)
    for i in range(1, dates):
        slots: Slots = {"pixels": _pixels(w, i), "change": w.value("change_share", 0, i, unit="%"), "name": name}
        steps.append(w.fill(against.one(), first=first, image=_date(w, i), **slots))
    return w.question(asked, *steps, w.say(s.FIRST_IS, image=_date(w, first_beyond(w.regions)), limit=limit))


def trend(w: Writer) -> Question:
    """Word ``trend``."""
    grow = w.finding.parameters["direction"]
    words = {"grow": grow, "grows": f"{grow}s", "smaller": "larger" if grow == "grow" else "smaller"}
    dates = compared(w.regions)
    slots: Slots = {"first": _date(w, 0), "last": _date(w, dates - 1), "name": w.name(0)}
    asked = _asked(w, s.TREND, EVERY, **slots, **words)
    steps = _each(w)
    if w.finding.truth.text == "yes":
        return w.question(asked, *steps, w.say(s.ALWAYS, **words))
    sign = 1 if grow == "grow" else -1
    counts = [w.regions.pixels(i) for i in range(dates)]
    a, b = next((a, b) for a, b in steps_of(dates) if sign * (counts[b] - counts[a]) <= 0)
    return w.question(asked, *steps, w.say(s.NOT_ALWAYS, a=_date(w, a), b=_date(w, b), **words))


def largest_step(w: Writer) -> Question:
    """Word ``largest_step``."""
    asked = _asked(w, s.LARGEST_STEP, EVERY, name=w.name(0))
    step = Unused(w, s.STEP)
    compare = [
        w.fill(step.one(), a=_date(w, a), b=_date(w, b), pixels=w.value("change_pixels", a, b, unit="px"))
        for a, b in steps_of(compared(w.regions))
    ]
    a, b = widest(w.regions)
    return w.question(asked, *_each(w), *compare, w.say(s.LARGEST_IS, a=_date(w, a), b=_date(w, b)))


def persistence(w: Writer) -> Question:
    """Word ``persistence_share`` (of the extent in image 1) or ``persistence_cover`` (of the valid pixels)."""
    dates = compared(w.regions)
    of = tuple(range(dates))
    share = w.finding.kind == "persistence_share"
    initial = Noun(f"what percentage of the initial {w.name(0).text}", w.name(0).plural)
    amount = initial if share else Noun(f"what percentage of the {EVERY}", plural=True)
    slots: Slots = {"first": _date(w, 0), "last": _date(w, dates - 1), "name": w.name(0)}
    asked = _asked(w, s.PERSISTENCE, EVERY, amount=amount, **slots)
    common = w.say(s.COMMON, pixels=w.value("common_pixels", *of, unit="px"), name=w.name(0))
    if share:
        result = _of_earlier(w, "part_of_first", of, s.OF_FIRST)
    else:
        valid, value = w.value("valid_in_all", *of, unit="px"), w.value("common_share", *of, unit="%")
        result = w.say(p.OF_VALID, valid=valid, share=value)
    return w.question(asked, *_each(w), common, result)


def _both(w: Writer) -> list[Step]:
    """The region on the earlier and on the later date."""
    absent = Unused(w, p.ABSENT)
    return [_marked(w, i, Unused(w, phrasings), absent) for i, phrasings in enumerate((p.EARLIER, p.LATER))]


def _marked(w: Writer, mask: int, present: Unused, absent: Unused) -> Ground:
    """A grounding step, which says so where there is nothing of the class."""
    phrasings = present if w.finding.masks[mask].mask.any() else absent
    return Ground(w.fill(phrasings.one(), name=w.name(mask)).text, mask)


def _each(w: Writer) -> list[Step]:
    """The region on each date, then how many pixels each of them has."""
    return [*_regions(w), *_counts(w)]


def _regions(w: Writer) -> list[Step]:
    following, absent = Unused(w, s.NEXT), Unused(w, p.ABSENT)
    later = [_marked(w, i, following, absent) for i in range(1, compared(w.regions))]
    return [_marked(w, 0, Unused(w, s.START), absent), *later]


def _counts(w: Writer) -> list[Step]:
    count, name = Unused(w, s.COUNT), w.name(0)
    dates = range(compared(w.regions))
    return [w.fill(count.one(), pixels=_pixels(w, i), image=_date(w, i), name=name) for i in dates]


def _asked(w: Writer, phrasings: tuple[str, ...], valid: str, also: str = "", /, **slots: Slot) -> Say:
    """The question, which pixels count, how large they are where that matters, and the map where it has to be named.

    ``also`` is a clause that stands before these.
    """
    asked = w.say(phrasings, **slots)
    source = w.setting.according_to.get(w.finding.t)
    if source:
        asked = Say(f"According to {source}: {asked.text}", asked.values)
    counted, amount = f"{also}; only {valid} count" if also else f"only {valid} count", slots.get("amount")
    if isinstance(amount, Noun) and amount.text.endswith(valid):  # said already
        return with_clause(asked, Say(VALID_MEANS))
    if _unit(w) == "%":
        return with_clause(asked, Say(f"{counted}; {VALID_MEANS}"))
    size = w.pixel_size()
    return with_clause(asked, Say(f"{counted}; {VALID_MEANS}; {size.text}", size.values))


def _unit(w: Writer) -> str:
    return str(w.finding.parameters.get("unit", "%"))


def _amount(w: Writer, valid: str) -> Noun:
    if _unit(w) == "%":
        return Noun(f"what percentage of the {valid}", plural=True)
    return Noun(f"how many {UNIT_WORDS[_unit(w)]}", plural=True)


def _converted(w: Writer, prefix: str, valid: Value) -> Say:
    """Pixels of the answer as a share of the valid ones, or as an area."""
    _, of = amount_of(w.finding.kind, compared(w.regions))
    if _unit(w) == "%":
        return w.say(p.OF_VALID, valid=valid, share=w.value(f"{prefix}share", *of, unit="%"))
    return _in_units(w, f"{prefix}pixel_area", of)


def _in_units(w: Writer, pixel_area: str, of: tuple[int, ...]) -> Say:
    area = pixel_area.replace("pixel_area", "area")
    size = w.value(pixel_area, *of, unit="m2/px")
    return w.say(p.IN_UNITS, pixel_area=size, area=w.value(area, *of, unit=_unit(w)))


def _of_earlier(w: Writer, quantity: str, of: tuple[int, ...], phrasings: tuple[str, ...] = p.OF_EARLIER) -> Say:
    return w.say(phrasings, before=_pixels(w, 0), share=w.value(quantity, *of, unit="%"), first=_date(w, 0))


def _extents(w: Writer) -> Say:
    slots: Slots = {"first": _date(w, 0), "last": _date(w, 1), "name": w.name(1)}
    return w.say(p.EXTENTS, before=_pixels(w, 0), after=_pixels(w, 1), **slots)


def _pixels(w: Writer, mask: int) -> Value:
    return w.value("pixels", mask, unit="px")


def _date(w: Writer, mask: int) -> Value:
    return w.value("date", mask, unit="date")
