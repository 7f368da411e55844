"""How findings about the bands are worded: question, definition of the index, measured bands, answer."""

from __future__ import annotations

from terracot.grammar import Noun
from terracot.language import join
from terracot.questions.phrases.shared import ALSO_HERE, HERE
from terracot.questions.unused import Unused
from terracot.questions.writer import Question, Slot, Writer
from terracot.spectral import phrases as p
from terracot.spectral.indices import INDICES, ROLE_TEXT, Index, bands_for, named, view_for
from terracot.traces import Ground, Say, Step


def _bands(w: Writer) -> tuple[str, str]:
    """Names of the two bands in the image that is measured."""
    index = _index(w)
    view = view_for(w.setting.views, w.finding.masks[0].t, index)
    found = None if view is None else bands_for(view, index)
    if view is None or found is None:
        raise ValueError(f"no image has the bands of {index.name} in reflectance")
    return view.bands[found[0]], view.bands[found[1]]


def _index(w: Writer) -> Index:
    return INDICES[str(w.finding.parameters["index"])]


def _called(role: str, band: str) -> str:
    """A band in a sentence: "NIR (B08)", or "NIR" where its name says no more or is a bare number."""
    text = ROLE_TEXT[role]
    return text if band.lower() == text.lower() or not band[:1].isalpha() else f"{text} ({band})"


def _slots(w: Writer) -> dict[str, Slot]:
    """The index, its formula with the bands, and how each band is called."""
    index, (first, second) = _index(w), _bands(w)
    called = {"first": _called(index.first, first), "second": _called(index.second, second)}
    formula = named(index)
    told = [f"{band} as {ROLE_TEXT[role]}" for role, band in ((index.first, first), (index.second, second))]
    if any("(" in text for text in called.values()):
        formula += f" with {join(told)}"
    return {"index": index.name, "formula": formula, **called}


def _then(asked: Say, more: Say) -> Say:
    return Say(f"{asked.text} {more.text}", (*asked.values, *more.values))


def _measured(w: Writer, mask: int) -> Say:
    """How many pixels of a mask count."""
    pixels, lost = w.value("pixels", mask, unit="px"), w.value("index_unmeasured", mask, unit="px")
    if lost.value == 0:
        return w.say(p.WHOLE, name=w.name(mask), pixels=pixels)
    measured = w.value("index_pixels", mask, unit="px")
    return w.say(p.PARTLY, name=w.name(mask), pixels=pixels, lost=lost, measured=measured)


def _means(w: Writer, mask: int) -> Say:
    """Mean reflectance of both bands, and the mean of the index."""
    return w.say(
        p.MEANS,
        **_slots(w),
        name=w.name(mask),
        high=w.value("index_first", mask, unit="reflectance"),
        low=w.value("index_second", mask, unit="reflectance"),
        mean=w.value("index_mean", mask, unit="index"),
    )


def ask_mean(w: Writer) -> Question:
    """Word a finding of kind ``index_mean``."""
    slots = _slots(w)
    asked = _then(w.asked(p.MEAN_QUESTIONS, name=w.name(0), **slots), w.say(p.DEFINED, **slots))
    return w.question(asked, w.ground(HERE, 0), _measured(w, 0), _means(w, 0))


def ask_compare(w: Writer) -> Question:
    """Word a finding of kind ``index_compare``."""
    slots = _slots(w)
    asked = _then(w.asked(p.COMPARE_QUESTIONS, name=w.name(0), other=w.name(1), **slots), w.say(p.DEFINED, **slots))
    high = 0 if w.finding.truth.text == w.names[0] else 1
    gap = w.value("index_difference", high, 1 - high, unit="index")
    return w.question(
        asked,
        w.ground(HERE, 0),
        _measured(w, 0),
        _means(w, 0),
        w.ground(ALSO_HERE, 1),
        _measured(w, 1),
        _means(w, 1),
        w.say(p.HIGHER, winner=w.name(high), loser=w.name(1 - high), gap=gap, index=slots["index"]),
    )


def ask_share(w: Writer) -> Question:
    """Word a finding of kind ``index_share`` or ``index_water``."""
    slots = _slots(w) | {"threshold": w.parameter("threshold", unit="index")}
    questions = p.WATER_QUESTIONS if w.finding.kind == "index_water" else p.SHARE_QUESTIONS
    asked = _then(w.asked(questions, name=w.name(0), **slots), w.say(p.PART_DEFINED, **slots))
    above = w.say(
        p.ABOVE,
        **slots,
        above=w.value("index_above", 0, unit="px"),
        measured=w.value("index_pixels", 0, unit="px"),
        share=w.value("index_share", 0, unit="%"),
        median=w.value("index_median", 0, unit="index"),
    )
    return w.question(asked, w.ground(HERE, 0), _measured(w, 0), _means(w, 0), above)


def ask_change(w: Writer) -> Question:
    """Word a finding of kind ``index_change``."""
    slots, last = _slots(w), len(w.finding.masks) - 1
    dates = {"first": w.value("date", 0, unit="date"), "last": w.value("date", last, unit="date")}
    asked = _then(_according(w, p.CHANGE_QUESTIONS, {**slots, **dates}), w.say(p.CHANGE_SIGN))
    asked = _then(_then(asked, w.say(p.STAYS, name=w.name(0))), w.say(p.DEFINED, **slots))
    told = dates | {
        "before": w.value("index_mean", 0, unit="index"),
        "after": w.value("index_mean", last, unit="index"),
        "change": w.value("index_difference", last, 0, unit="index"),
    }
    return w.question(asked, *_course(w), w.say(p.CHANGED, **{**slots, **told}))


def ask_peak(w: Writer) -> Question:
    """Word a finding of kind ``index_peak``."""
    slots = _slots(w)
    asked = _then(_according(w, p.PEAK_QUESTIONS, slots), w.say(p.STAYS, name=w.name(0)))
    asked = _then(asked, w.say(p.CLEAR_IMAGES, limit=w.parameter("clear_limit", unit="%")))
    asked = _then(asked, w.say(p.DEFINED, **slots))
    return w.question(asked, *_course(w), w.say(p.PEAKED, **slots, peak=w.value("index_peak_date", unit="date")))


def _according(w: Writer, questions: tuple[str, ...], slots: dict[str, Slot]) -> Say:
    """A question about several images, which names the map where that has to be named."""
    phrasing, source = w.choose(questions), w.setting.according_to.get(w.finding.t)
    if source:
        phrasing = "According to {source}, " + phrasing[:1].lower() + phrasing[1:]
    return w.fill(phrasing, **{**slots, "name": w.name(0), "source": source or ""})


def _course(w: Writer) -> list[Step]:
    """The mean on every date that is clear, and which dates are not."""
    steps: list[Step] = []
    dated, partly, wholly = (Unused(w, phrasings) for phrasings in (p.DATED, p.ON_DATE, p.ON_WHOLE_DATE))
    for mask in range(len(w.finding.masks)):
        steps.append(Ground(w.fill(dated.one(), name=w.name(mask)).text, mask))
        pixels, measured = w.value("pixels", mask, unit="px"), w.value("index_pixels", mask, unit="px")
        steps.append(
            w.fill(
                (wholly if measured.value == pixels.value else partly).one(),
                index=_index(w).name,
                date=w.value("date", mask, unit="date"),
                pixels=pixels,
                measured=measured,
                mean=w.value("index_mean", mask, unit="index"),
            )
        )
    if count := int(w.finding.parameters["left_out"]):
        steps.append(_left_out(w, count))
    return steps


def _left_out(w: Writer, count: int) -> Say:
    """Which images are left out. Their numbers stand in a slot of their own each, so that all are recorded."""
    numbers = {f"date_{n}": w.parameter(f"left_out_{n}", unit="date") for n in range(1, count + 1)}
    dates = ("images " if count > 1 else "image ") + join([f"{{{name}}}" for name in numbers])
    phrasing = w.choose(p.LEFT_OUT).replace("{dates}", dates)
    limit = w.parameter("clear_limit", unit="%")
    return w.fill(phrasing, **numbers, limit=limit, dates=Noun("", count > 1))
