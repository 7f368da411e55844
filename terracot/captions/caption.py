"""Caption: masks and measured sentences region by region, then the regions together, then a summary as the answer."""

from __future__ import annotations

from collections.abc import Sequence

from terracot.captions import change, regions, scene
from terracot.captions.finding import CAPTION, NO_ANSWER, find
from terracot.captions.measures import survey
from terracot.captions.phrases import asked as ask_phrases
from terracot.captions.phrases import regions as region_phrases
from terracot.captions.phrases import scene as scene_phrases
from terracot.captions.phrases import summary as phrases
from terracot.captions.phrases.regions import LATER
from terracot.captions.teller import Fact, Teller, joined
from terracot.grammar import Noun
from terracot.quantities import Regions
from terracot.questions.kind import QuestionKind
from terracot.questions.writer import Question, Slot, Writer
from terracot.rules import Truth
from terracot.scenes import Modality
from terracot.traces import Say, Step

SENSORS = {Modality.OPTICAL: "optical", Modality.SAR: "radar", Modality.MULTISPECTRAL: "multispectral"}
OTHERS = 3
"""Classes that the summary names beside the largest."""
MOST_SENTENCES = 4


def answer(r: Regions) -> Truth:
    """The answer is a text, so there is no truth of one word or number; ``ValueError`` where regions overlap."""
    for t in {mask.t for mask in r.masks}:
        survey(r, t)
    return NO_ANSWER


def ask(w: Writer) -> Question:
    """Word a caption."""
    tell = Teller(w)
    if w.finding.parameters["about"] == "buildings":
        return _buildings(tell)
    by_date = _by_date(w)
    return _one_date(tell, by_date[0]) if len(by_date) == 1 else _two_dates(tell, *by_date)


def _by_date(w: Writer) -> list[list[int]]:
    dates = sorted({mask.t for mask in w.finding.masks})
    return [[n for n, mask in enumerate(w.finding.masks) if mask.t == t] for t in dates]


def _one_date(tell: Teller, masks: Sequence[int]) -> Question:
    asked = tell.w.asked(ask_phrases.ASK)
    steps: list[Step] = [step for rank, mask in enumerate(masks) for step in regions.region_steps(tell, mask, rank)]
    aspects = tell.w.decide(scene.ASPECTS, "aspects")
    steps += [tell.tell(fact) for fact in scene.facts_of(tell, masks, aspects)]
    opening = _opening(tell, masks, _view(tell, masks[0]))
    return tell.w.question(asked, *steps, answer=joined([opening, *_closing(tell)]))


def _two_dates(tell: Teller, earlier: Sequence[int], later: Sequence[int]) -> Question:
    dates = change.dates(tell)
    asked = _named(tell, tell.w.setting.according_to.get(tell.w.finding.t), ask_phrases.ASK_CHANGE, dates)
    steps: list[Step] = []
    for masks in (earlier, later):
        for rank, mask in enumerate(masks):
            opening = LATER if masks is later else None
            steps += regions.region_steps(tell, mask, rank, opening, plain=rank > 0)
    told = list(change.changes(tell))
    moved = change.moved(tell)
    for n, fact in enumerate(told):
        steps.append(tell.tell(fact))
        if n == 0 and moved is not None and fact.key in ("grew", "shrank", "steady"):
            steps.append(tell.tell(moved))
    steps += [tell.tell(fact) for fact in scene.labels(tell, later)]
    summary = _opening(
        tell, later, tell.w.decide(("the later image", "the later of both images", "the later scene"), "view")
    )
    # What changed is worth more words than what did not.
    worth = [fact for fact in told if fact.key != "steady"][: MOST_SENTENCES - 1] or told[:1]
    return tell.w.question(
        asked, *steps, answer=joined([summary, *map(tell.again, worth), *_closing(tell)][:MOST_SENTENCES])
    )


def _buildings(tell: Teller) -> Question:
    w = tell.w
    masks = range(len(w.finding.masks))
    asked = tell.say(ask_phrases.ASK_DAMAGE) if len(masks) > 1 else w.asked(ask_phrases.ASK_BUILDINGS)
    steps: list[Step] = []
    for n in masks:
        steps.append(tell.mark(region_phrases.NEXT if n else region_phrases.START, n))
        where = regions.place(tell, n)
        if where is not None:
            steps.append(tell.tell(where))
    fact = change.damage(tell)
    steps.append(tell.tell(fact))
    if fact.key == "counted":
        opening = tell.say(phrases.BUILDINGS, scene=Noun(_view(tell, 0)), **fact.slots)
        if not tell.told[:-1]:
            return w.question(asked, *steps, answer=opening)
    else:
        opening = tell.again(fact)
    return w.question(asked, *steps, answer=joined([opening, *_closing(tell)]))


def _named(tell: Teller, source: str | None, phrasings: Sequence[str], slots: dict[str, Slot]) -> Say:
    """A question about two dates, which names the map where it has to."""
    phrasing = tell.phrase(phrasings)
    if source:
        return tell.w.fill("According to {source}, " + phrasing[:1].lower() + phrasing[1:], source=source, **slots)
    return tell.w.fill(phrasing, **slots)


def _view(tell: Teller, mask: int) -> str:
    """How the summary calls what it is about."""
    t = tell.w.finding.masks[mask].t
    sensors = {SENSORS[view.modality] for view in tell.w.setting.views if view.t == t}
    names = ["the scene", "this scene"]
    if len(sensors) == 1:
        names += [f"this {sensor} image" for sensor in sensors] + [f"the {sensor} scene" for sensor in sensors]
    return tell.w.decide(names, "view")


def _opening(tell: Teller, masks: Sequence[int], view: str) -> Say:
    """The largest class and the next ones, with their shares."""
    whole = tell.whole(masks[0])
    slots: dict[str, Slot] = {"scene": view, "a": tell.w.name(masks[0])}
    slots["whole"] = whole if whole.plural else Noun("the frame")  # the image is the subject of the sentence
    slots["sa"] = tell.value("share", masks[0], unit="%")
    stands = scene.standing(tell, masks)
    others = masks[1 : 1 + OTHERS]
    if stands == "alone" or not others:
        return tell.say(scene_phrases.ALONE if stands == "alone" else phrases.ONLY, **slots)
    named = []
    for n, mask in enumerate(others):
        slots |= {f"n{n}": tell.w.name(mask), f"s{n}": tell.value("share", mask, unit="%")}
        named.append(f"{{n{n}}} ({{s{n}}})")
    listed = ", ".join(named[:-1]) + (" and " if named[1:] else "") + named[-1]
    slots["others"] = Noun("", len(others) > 1 or tell.w.name(others[0]).plural)
    chosen = tell.phrase(phrases.OPEN if stands == "dominant" else phrases.OPEN_MIXED)
    first = "{a} ({sa} of {whole})" + (", " if named[1:] else " and ")
    return tell.w.fill(chosen.replace("{listed}", first + listed).replace("{others}", listed), **slots)


def _closing(tell: Teller) -> list[Say]:
    """One to three further sentences on what was told, drawn by hash and in the order in which it was told."""
    worth = [fact for fact in tell.told if fact.closing or fact.key in _AGAIN]
    wanted = min(len(worth), 1 + int(tell.w.decide(("0", "1", "2"), "sentences")))
    left = list(range(len(worth)))
    chosen: list[int] = []
    while len(chosen) < wanted and left:
        n = int(tell.w.decide([str(n) for n in left], "again", len(chosen)))
        chosen.append(n)
        left = [k for k in left if k != n and _differ(worth[k], worth[n])]
    return [tell.again(worth[n]) for n in sorted(chosen)]


_AGAIN = ("touch", "border", "apart", "halves", "centre", "enclosed", "mosaic")


def _differ(one: Fact, other: Fact) -> bool:
    """Two facts of different regions, or of the scene and different aspects: so no subject comes twice."""
    a, b = one.slots.get("name"), other.slots.get("name")
    return (a is None or a != b) and one.key != other.key


KIND = QuestionKind(CAPTION, "caption", find, answer, ask)
