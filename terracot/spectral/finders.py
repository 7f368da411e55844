"""What the bands of a scene can be asked, and the rules that answer it from masks and images alone.

Which index a scene is asked about is drawn by its name among those that its images have the bands for; a region counts
where at least ``MIN_CLEAR`` per cent of it can be measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from terracot.findings import Finding, Rejected, SceneFacts
from terracot.language import number_text, quantity_text
from terracot.plugins import EvidenceMask
from terracot.quantities import Regions, measured_value
from terracot.rules import Filters, Truth
from terracot.scenes import BoolMask
from terracot.seeding import seeded_index
from terracot.spectral.indices import INDICES, Index, IndexImage, index_image, view_for
from terracot.spectral.measures import image_on

MIN_PIXELS = 25
MIN_CLEAR = 50.0  # per cent of a region that can be measured
MIN_CLEAR_DATE = 80.0  # the same for the dates of a series, which are compared with each other
MIN_GAP = 0.05  # between two means of which the higher one is asked for
MIN_LEAD = 0.03  # of the highest mean of a series over the next
NOT_ALL = (2.0, 98.0)  # per cent: shares that are worth asking for
THRESHOLDS = (0.3, 0.5)  # of NDVI: some green vegetation, dense green vegetation
WATER = re.compile(r"\bwaters?\b", re.IGNORECASE)


def _index(facts: SceneFacts, t: int, kind: str, among: tuple[str, ...] = tuple(INDICES)) -> Index | None:
    """The index that date ``t`` of a scene is asked about, among those with these names; None without their bands."""
    able = [INDICES[name] for name in among if view_for(facts.views, t, INDICES[name])]
    return able[seeded_index(len(able), facts.scene.id, kind)] if able else None


def _image(facts: SceneFacts, t: int, index: Index) -> IndexImage:
    view = view_for(facts.views, t, index)
    assert view is not None
    return index_image(view, index)


def _clear(image: IndexImage, mask: BoolMask) -> float:
    """Per cent of a region that can be measured."""
    return 100.0 * int(np.count_nonzero(image.usable & mask)) / max(int(np.count_nonzero(mask)), 1)


def _regions(
    facts: SceneFacts, filters: Filters, kind: str, among: tuple[str, ...] = tuple(INDICES)
) -> Iterator[tuple[int, Index, list[EvidenceMask]]]:
    """By date: the index asked about, and the classes that are large and clear enough for it, in legend order."""
    for t, m in facts.maps.items():
        index = _index(facts, t, kind, among)
        if index is None:
            continue
        image = _image(facts, t, index)
        large = [c for c in m.classes_over(filters.min_share) if m.counts[c] >= MIN_PIXELS]
        regions = [facts.region(t, c) for c in large]
        yield t, index, [region for region in regions if _clear(image, region.mask) >= MIN_CLEAR]


def mean(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """The mean of an index over each class."""
    for _, index, regions in _regions(facts, filters, "index_mean"):
        for region in regions:
            yield facts.finding("index_mean", (region,), {"index": index.name})


def compare(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Which of two classes has the higher mean, when the means are ``MIN_GAP`` apart."""
    for t, index, regions in _regions(facts, filters, "index_compare"):
        parameters = {"index": index.name}
        r = Regions(tuple(regions), facts.valid, facts.scene.ground, parameters, facts.views)
        means = [measured_value(r, "index_mean", (i,), "index") for i in range(len(regions))]
        for a, b in combinations(range(len(regions)), 2):
            if abs(means[a] - means[b]) < MIN_GAP:
                yield Rejected("index_compare", "means_too_close")
            else:  # as ``compare_rule`` would say, without measuring each class once for each pair
                names = (regions[a].class_name, regions[b].class_name)
                truth = Truth(None, "", names[0 if means[a] > means[b] else 1])
                yield Finding("index_compare", t, names, (regions[a], regions[b]), truth, parameters)


def share(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """The share of each class with an NDVI above a threshold, where that is neither all nor nothing."""
    for _, index, regions in _regions(facts, filters, "index_share", ("NDVI",)):
        threshold = THRESHOLDS[seeded_index(len(THRESHOLDS), facts.scene.id, "threshold")]
        for region in regions:
            finding = facts.finding("index_share", (region,), {"index": index.name, "threshold": threshold})
            if NOT_ALL[0] <= (finding.truth.value or 0.0) <= NOT_ALL[1]:
                yield finding
            else:
                yield Rejected("index_share", "nearly_all_or_nothing")


def water(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """The share of the water that a water index confirms by a value above 0."""
    for _, index, regions in _regions(facts, filters, "index_water", ("NDWI", "MNDWI")):
        for region in regions:
            if WATER.search(region.class_name):
                yield facts.finding("index_water", (region,), {"index": index.name, "threshold": 0.0})


def change(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """How the mean of an index changes from the first to the last date on which a class is clear."""
    for masks, parameters in _series(facts, filters, "index_change", 2):
        yield facts.finding("index_change", masks, parameters)


def peak(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """On which of at least three clear dates the mean of an index is highest, when it leads by ``MIN_LEAD``."""
    for masks, parameters in _series(facts, filters, "index_peak", 3):
        r = Regions(masks, facts.valid, facts.scene.ground, parameters, facts.views)
        means = sorted(measured_value(r, "index_mean", (i,), "index") for i in range(len(masks)))
        if means[-1] - means[-2] < MIN_LEAD:
            yield Rejected("index_peak", "means_too_close")
        else:
            yield facts.finding("index_peak", masks, parameters)


def _series(
    facts: SceneFacts, filters: Filters, kind: str, least: int
) -> Iterator[tuple[tuple[EvidenceMask, ...], dict[str, object]]]:
    """For each class that stays: its masks on the dates where it is clear, and the dates that are left out.

    The ground is the same on all dates: what has the class on every labelled date. Where one map serves several dates
    (``static_labels``) it holds for those without a map of their own as well.
    """
    static = bool(facts.scene.provenance.get("static_labels"))
    if facts.scene.dates < least or not facts.maps:
        return
    first = next(iter(facts.maps.values()))
    if not static and (
        len(facts.maps) < facts.scene.dates or any(m.legend != first.legend for m in facts.maps.values())
    ):
        return
    index = _index(facts, next(iter(facts.maps)), kind)
    if index is None:
        return
    images = {t: _image(facts, t, index) for t in range(1, facts.scene.dates + 1) if view_for(facts.views, t, index)}
    for class_id in first.classes_over(filters.min_share):
        stays = np.logical_and.reduce([m.mask(class_id) for m in facts.maps.values()])
        if np.count_nonzero(stays) < max(MIN_PIXELS, filters.min_share / 100 * stays.size):
            continue
        clear = [t for t, image in images.items() if _clear(image, stays) >= MIN_CLEAR_DATE]
        if len(clear) < least:
            continue
        known = first.legend.classes[class_id]
        hidden = [t for t in images if t not in clear]
        yield (
            tuple(EvidenceMask(t, known.name, stays, known.is_plural) for t in clear),
            {
                "index": index.name,
                "clear_limit": MIN_CLEAR_DATE,
                "left_out": len(hidden),
                **{f"left_out_{n}": t for n, t in enumerate(hidden, 1)},
            },
        )


def mean_rule(r: Regions) -> Truth:
    """The mean over the mask."""
    return _number(measured_value(r, "index_mean", (0,), "index"), "index")


def compare_rule(r: Regions) -> Truth:
    """The class of the mask with the higher mean."""
    return Truth(None, "", r.masks[0 if measured_value(r, "index_difference", (0, 1), "index") > 0 else 1].class_name)


def share_rule(r: Regions) -> Truth:
    """The share of the measured pixels above the threshold."""
    return _number(measured_value(r, "index_share", (0,), "%"), "%")


def change_rule(r: Regions) -> Truth:
    """The mean over the last mask minus that over the first."""
    _check_dates(r)
    return _number(measured_value(r, "index_difference", (len(r.masks) - 1, 0), "index"), "index")


def peak_rule(r: Regions) -> Truth:
    """The image with the highest mean."""
    _check_dates(r)
    return Truth(None, "", "image " + number_text(measured_value(r, "index_peak_date", (), "date"), "date"))


def _check_dates(r: Regions) -> None:
    """Every date of the series is either clear and has a mask, or hidden and left out; else ``ValueError``."""
    index, limit = INDICES[str(r.parameters["index"])], float(r.parameters["clear_limit"])
    used = [mask.t for mask in r.masks]
    left = [r.parameters[f"left_out_{n}"] for n in range(1, int(r.parameters["left_out"]) + 1)]
    dates = sorted({view.t for view in r.views if view_for(r.views, view.t, index)})
    if sorted([*used, *left]) != dates or any(not np.array_equal(m.mask, r.mask(0)) for m in r.masks):
        raise ValueError(f"dates {used} with a mask and {left} left out are not those of the images, {dates}")
    for t in dates:
        if (_clear(image_on(r, t), r.mask(0)) >= limit) != (t in used):
            raise ValueError(f"date {t} is {'left out though clear' if t in left else 'used though hidden'}")


def _number(value: float, unit: str) -> Truth:
    return Truth(value, unit, quantity_text(value, unit))
