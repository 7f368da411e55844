"""Robustness: what happens to an answer when the label map is disturbed a little, as its next version may be.

Disturbed maps are made of the whole label map, evidence is taken from them by the rule that made it, and the answer is
measured again by the rule of its kind. Nothing here looks at options: a number gets the range of values that it takes,
and ``terracot.options`` keeps other options out of its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terrabench.building.protocols import Robustness
from terracot import measure
from terracot.findings import DESTROYED, Finding, SceneFacts, Setting
from terracot.measure import MapFacts
from terracot.plugins import EvidenceMask
from terracot.rims import rim
from terracot.rules import Truth, answer_from_masks
from terracot.scenes import IGNORE, BoolMask, ClassMap, Legend
from terracot.temporal.finders import is_water

Masks = tuple[EvidenceMask, ...]
Maps = Mapping[int, ClassMap]

OTHER = 254
"""A class that no legend has: what pixels without a label are when they are not the class asked about."""

_MAJORITY: WeakKeyDictionary[MapFacts, ClassMap] = WeakKeyDictionary()


@dataclass(frozen=True)
class Support:
    """What became of one answer. ``refusal`` names what it does not survive, or None.

    ``low`` and ``high`` are the smallest and the largest value (base units, the finding's own among them) that a number
    takes; both 0.0 for words.
    """

    low: float = 0.0
    high: float = 0.0
    refusal: str | None = None


def support(finding: Finding, facts: SceneFacts, robustness: Robustness | None) -> Support:
    """Measure a finding again on every disturbed label map; without ``robustness`` its own answer is all there is.

    Kinds are those of benchmark tasks: classes as they lie on the maps, opened for distances, all water for floods, and
    buildings. ``ValueError`` for evidence that is none of these.
    """
    own = finding.truth.value or 0.0
    if robustness is None:
        return Support(own, own)
    if finding.kind == "building_change":
        values = [own, *_building_values(finding, facts, robustness)]
        return Support(min(values), max(values))
    values = [own]
    for name, masks, valid in _disturbed(finding, facts, robustness):
        if any(old.mask.any() and not new.mask.any() for old, new in zip(finding.masks, masks, strict=True)):
            return Support(own, own, f"{name}_leaves_nothing")
        try:
            truth = _measured(finding, masks, valid, facts.setting)
        except ValueError:  # of sequences: no step stands out any more
            return Support(own, own, f"{name}_changes_the_answer")
        if truth.value is None and truth.text != finding.truth.text:
            return Support(refusal=f"{name}_changes_the_answer")
        values.append(truth.value or 0.0)
        if finding.kind == "ranking" and masks[0].mask.sum() == masks[1].mask.sum():  # neither is the larger
            return Support(refusal=f"{name}_changes_the_answer")
        if finding.kind == "boundary" and (reason := _unclear_boundary(masks, truth, robustness, name)):
            return Support(refusal=reason)
    return Support(min(values), max(values))


def margin(finding: Finding, setting: Setting) -> tuple[Truth | None, Truth | None]:
    """The answer with every evidence mask eroded, and dilated, by one pixel; None where nothing is left to measure.

    What lies outside the image counts as more of the same. Buildings that grow would run into each other, so they only
    shrink.
    """
    grown = None if finding.kind == "building_change" else _changed(finding, setting, measure.grown)
    return _changed(finding, setting, lambda mask: ~measure.grown(~mask)), grown


def majority(classes: ClassMap) -> ClassMap:
    """``(H, W)`` class ids after a 3 x 3 majority filter: the most frequent label of a pixel and its neighbours.

    A pixel keeps its class unless another one has more of the nine; of several such the lowest id wins. Pixels without
    a label have no vote and get none.
    """
    counted = [(c, _in_square(classes == c)) for c in np.unique(classes) if c != IGNORE]
    best, most = classes.copy(), np.zeros(classes.shape, dtype=np.uint8)
    for class_id, count in counted:
        most[classes == class_id] = count[classes == class_id]
    for class_id, count in counted:
        more = (count > most) & (classes != IGNORE)
        best[more], most[more] = class_id, count[more]
    return best


def shared_edges(a: BoolMask, b: BoolMask) -> int:
    """Pixel edges between two masks: pairs of 4-neighbours, one in each."""
    across = np.count_nonzero(a[:, :-1] & b[:, 1:]) + np.count_nonzero(b[:, :-1] & a[:, 1:])
    return int(across + np.count_nonzero(a[:-1] & b[1:]) + np.count_nonzero(b[:-1] & a[1:]))


def _in_square(mask: BoolMask) -> npt.NDArray[np.uint8]:
    """``(H, W)`` how many pixels of the mask lie in the 3 x 3 square around each pixel."""
    padded = np.pad(mask.astype(np.uint8), 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    total: npt.NDArray[np.uint8] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return total


def _disturbed(
    finding: Finding, facts: SceneFacts, robustness: Robustness
) -> Iterator[tuple[str, Masks, dict[int, BoolMask]]]:
    """Name of the disturbance, evidence and valid pixels by date; first the evidence as it is."""
    dates = sorted({mask.t for mask in finding.masks})
    legend = facts.maps[dates[-1]].legend
    maps = {t: facts.maps[t].classes for t in dates}
    yield "nothing", finding.masks, dict(facts.valid)
    if robustness.majority:
        yield _evidence("majority", finding, {t: _filtered(facts.maps[t]) for t in dates}, legend, facts)
    if robustness.ignore_either_way and any(np.any(one == IGNORE) for one in maps.values()):
        for filled in _filled(finding, maps, legend):
            yield _evidence("unlabelled", finding, filled, legend, facts)
    if robustness.min_object_px > 1:
        masks = tuple(_with(mask, _sieved(mask.mask, robustness.min_object_px)) for mask in finding.masks)
        yield "small_objects", masks, dict(facts.valid)


def _filled(finding: Finding, maps: Maps, legend: Legend) -> Iterator[Maps]:
    """Maps whose unlabelled pixels are another class, then the class of each mask on its date, then on all of them."""

    def fill(t: int, class_id: int) -> ClassMap:
        return np.where(maps[t] == IGNORE, np.uint8(class_id), maps[t])

    other = {t: fill(t, OTHER) for t in maps}
    yield other
    ids = [_ids(finding, mask, legend)[0] for mask in finding.masks]
    for mask, class_id in zip(finding.masks, ids, strict=True):
        yield {**other, mask.t: fill(mask.t, class_id)}
    if len(maps) > 1:
        yield {**other, **{mask.t: fill(mask.t, i) for mask, i in zip(finding.masks, ids, strict=True)}}


def _evidence(
    name: str, finding: Finding, maps: Maps, legend: Legend, facts: SceneFacts
) -> tuple[str, Masks, dict[int, BoolMask]]:
    """The evidence of a finding on other maps of its dates."""
    valid = {t: classes != IGNORE for t, classes in maps.items()}
    everywhere = np.logical_and.reduce(list(valid.values()))
    masks = []
    for mask in finding.masks:
        region = np.isin(maps[mask.t], _ids(finding, mask, legend))
        if finding.kind == "distance":
            region = measure.opened(region)
        if least := finding.parameters.get("min_share"):
            region = _sieved(region, least / 100 * np.count_nonzero(valid[mask.t]))
        masks.append(_with(mask, region & everywhere))
    return name, tuple(masks), {**facts.valid, **valid}


def _ids(finding: Finding, mask: EvidenceMask, legend: Legend) -> list[int]:
    """The classes that a mask shows."""
    if finding.kind.startswith("flood_") and finding.parameters.get("compared") == 2:
        return [c.id for c in legend.classes if is_water(c.name)]
    return [legend.id_of(mask.class_name)]


def _unclear_boundary(masks: Masks, truth: Truth, robustness: Robustness, name: str) -> str | None:
    """Why "touch" or "no touch" is too close to call: on the map itself and after the majority filter."""
    if name not in ("nothing", "majority"):
        return None
    a, b = (mask.mask for mask in masks)
    if truth.text == "yes":
        return "touch_too_short" if shared_edges(a, b) < robustness.min_touch_edges else None
    between = rim(a).gap(rim(b)) - 1.0
    return "gap_too_narrow" if between < robustness.min_gap_px else None


def _building_values(finding: Finding, facts: SceneFacts, robustness: Robustness) -> Iterator[float]:
    """Number or share of destroyed buildings where those that nobody could judge were destroyed, or were not, and of
    those that a majority filter leaves on the map."""
    after = facts.scene.instances_of(facts.scene.dates)
    assert after is not None
    judged = {i.number: i.damage == DESTROYED for i in after.instances if i.damage is not None}
    unknown = len(after.instances) - len(judged)
    destroyed = sum(judged.values())
    share = finding.parameters["measure"] == "share"

    def value(gone: int, total: int) -> float:
        return 100.0 * gone / total if share else float(gone)

    if robustness.ignore_either_way:
        yield value(destroyed, len(judged) + unknown)
        yield value(destroyed + unknown, len(judged) + unknown)
    if robustness.majority:
        numbers = facts.building_numbers[after.t]
        kept = set(np.unique(numbers[_in_square(numbers > 0) >= 5]).tolist())
        left = [gone for number, gone in judged.items() if number in kept]
        if left:
            yield value(sum(left), len(left))


def _filtered(facts: MapFacts) -> ClassMap:
    if facts not in _MAJORITY:
        _MAJORITY[facts] = majority(facts.classes)
    return _MAJORITY[facts]


def _sieved(mask: BoolMask, min_pixels: float) -> BoolMask:
    numbers = ndimage.label(mask, measure.SQUARE)[0]
    kept = np.bincount(numbers.ravel()) >= min_pixels
    kept[0] = False
    return np.asarray(kept[numbers])


def _with(mask: EvidenceMask, region: BoolMask) -> EvidenceMask:
    return EvidenceMask(mask.t, mask.class_name, region, mask.plural)


def _measured(finding: Finding, masks: Masks, valid: Mapping[int, BoolMask], setting: Setting) -> Truth:
    return answer_from_masks(finding.kind, masks, valid, setting.ground, finding.parameters, setting.views)


def _changed(finding: Finding, setting: Setting, change: Callable[[BoolMask], BoolMask]) -> Truth | None:
    masks = tuple(_with(mask, change(mask.mask) & setting.valid[mask.t]) for mask in finding.masks)
    try:
        return _measured(finding, masks, setting.valid, setting)
    except ValueError:
        return None
