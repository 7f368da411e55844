"""Findings: what a scene can be asked, with the evidence masks, after the filters.

``find(kind, facts, filters)`` yields one ``Finding`` per fact that passes and one ``Rejected`` per fact that does not,
so that audits can count both. Answers always come from ``answer_from_masks`` on the very masks that are stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from terracot import measure
from terracot.ground import GroundSampling
from terracot.language import quantity_text
from terracot.memo import fixed, remember
from terracot.plugins import EvidenceMask
from terracot.rules import Filters, Truth, answer_from_masks
from terracot.scenes import IGNORE, BoolMask, LabelMap, MapLimits, Scene, SceneError
from terracot.spatial.shapes import shapes_of
from terracot.views import View

DESTROYED = "destroyed"
BUILDING = "building"
COUNTED_PATCH_PX = 9
"""Counting: patches of fewer pixels are left out of question and evidence alike (one 3 x 3 square)."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One fact of a scene that may be asked: ``class_names`` in the order of the masks.

    ``clouds`` are masks of what hides a part of the evidence; no rule reads them. A record has them after its masks.
    """

    kind: str
    t: int
    class_names: tuple[str, ...]
    masks: tuple[EvidenceMask, ...]
    truth: Truth
    parameters: Mapping[str, Any] = field(default_factory=dict)
    clouds: tuple[EvidenceMask, ...] = field(default=(), kw_only=True)

    @property
    def recorded(self) -> tuple[EvidenceMask, ...]:
        """All masks in the order of the record."""
        return (*self.masks, *self.clouds)


def pixels_sha256(pixels: npt.NDArray[Any]) -> str:
    """sha256 of the dtype, shape and C-order bytes of ``(C, H, W)`` pixels."""
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Rejected:
    """One fact that a filter refused."""

    kind: str
    reason: str


@dataclass(frozen=True, eq=False)
class Setting:
    """What the wording of a finding depends on beside its masks: a scene without its pixels and labels."""

    scene_id: str
    dates: int
    ground: GroundSampling
    valid: Mapping[int, BoolMask]
    according_to: Mapping[int, str] = field(default_factory=dict)
    views: tuple[View, ...] = ()


class SceneFacts:
    """A scene's label maps and buildings, measured when first asked for."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    @cached_property
    def maps(self) -> dict[int, measure.MapFacts]:
        """Facts of each label map by date."""
        return {m.t: self._measured(m) for m in self.scene.labels}

    def _measured(self, label: LabelMap) -> measure.MapFacts:
        classes = label.classes()
        unseen = ~self.seen[label.t] & (classes != IGNORE)
        if unseen.any():  # nobody can say what lies where no image shows anything
            classes = np.where(unseen, np.uint8(IGNORE), classes)
            if not np.any(classes != IGNORE):
                raise SceneError(
                    "placeholder", f"scene {self.scene.id}: no image of date {label.t} shows labelled land"
                )
        return measure.MapFacts(classes, label.legend, self.scene.ground)

    @cached_property
    def building_numbers(self) -> dict[int, npt.NDArray[np.int32]]:
        """Instance numbers ``(H, W)`` by date."""
        return {instances.t: instances.numbers() for instances in self.scene.instances}

    @cached_property
    def seen(self) -> dict[int, BoolMask]:
        """By date, the pixels that at least one image shows: those with a finite value in some band."""
        seen = {t: np.zeros(self.scene.shape, dtype=bool) for t in range(1, self.scene.dates + 1)}
        for frame, pixels in zip(self.scene.frames, self.pixels, strict=True):
            for band in pixels:
                seen[frame.t] |= np.isfinite(band) if band.dtype.kind == "f" else True
                if seen[frame.t].all():  # most often after the first band
                    break
        return seen

    @cached_property
    def valid(self) -> dict[int, BoolMask]:
        """Valid pixels by date: those with a class; for a date without label map, all."""
        everything = fixed(np.ones(self.scene.shape, dtype=bool))
        return {f.t: self.maps[f.t].valid if f.t in self.maps else everything for f in self.scene.frames}

    @cached_property
    def valid_share(self) -> dict[int, float]:
        """Per cent of all pixels that are valid, by date."""
        return {t: float(valid.mean()) * 100 for t, valid in self.valid.items()}

    @cached_property
    def setting(self) -> Setting:
        """What the wording of this scene's findings depends on."""
        scene = self.scene
        return Setting(scene.id, scene.dates, scene.ground, self.valid, self.according_to, self.views)

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The scene's images in order."""
        pixels = self.pixels  # not by way of ``self``: a cycle would keep all of a shard until the collector comes by
        return tuple(
            View(f.t, f.modality, f.bands, f.unit, lambda n=n: pixels[n], f.hidden and f.hidden(), f.time)  # type: ignore[misc]
            for n, f in enumerate(self.scene.frames)
        )

    @cached_property
    def limits(self) -> dict[int, MapLimits]:
        """By date, what the label map cannot say."""
        return {m.t: m.limits for m in self.scene.labels}

    @cached_property
    def according_to(self) -> dict[int, str]:
        """By date, the map that questions have to name."""
        return {m.t: m.limits.according_to for m in self.scene.labels if m.limits.according_to}

    @cached_property
    def pixels(self) -> tuple[npt.NDArray[Any], ...]:
        """Native bands ``(C, H, W)`` of each frame, contiguous."""
        return tuple(np.ascontiguousarray(frame.pixels()) for frame in self.scene.frames)

    def keep_pixels_of(self, row: Mapping[str, Any]) -> None:
        """Read pixels from a stored row from now on, instead of holding them twice."""
        shapes = [pixels.shape for pixels in self.pixels]
        self.__dict__["pixels"] = tuple(
            np.frombuffer(frame["pixels"], frame["dtype"]).reshape(shape)
            for frame, shape in zip(row["frames"], shapes, strict=True)
        )

    @cached_property
    def pixel_hashes(self) -> tuple[str, ...]:
        """sha256 of each frame's dtype, shape and pixels: equal for equal images, whatever they are called."""
        return tuple(pixels_sha256(pixels) for pixels in self.pixels)

    def finding(
        self, kind: str, masks: tuple[EvidenceMask, ...], parameters: Mapping[str, Any] | None = None
    ) -> Finding:
        """A finding whose truth is measured on ``masks``."""
        parameters = parameters or {}
        truth = answer_from_masks(kind, masks, self.valid, self.scene.ground, parameters, self.views)
        return Finding(kind, masks[-1].t, tuple(m.class_name for m in masks), masks, truth, parameters)

    def region(self, t: int, class_id: int, mask: BoolMask | None = None) -> EvidenceMask:
        """The mask of one class on one date, or a part of it, with its name."""
        facts = self.maps[t]
        known = facts.legend.classes[class_id]
        return EvidenceMask(t, known.name, facts.mask(class_id) if mask is None else fixed(mask), known.is_plural)


def existence(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Every class of the legend: clearly present (``min_share``) or absent; traces of a class are not asked about."""
    for t, m in facts.maps.items():
        for class_id, share in enumerate(m.shares):
            if 0 < share < filters.min_share:
                yield Rejected("existence", "share_between_none_and_minimum")
            elif share == 0 and facts.valid_share[t] < filters.min_valid_share_absent:
                yield Rejected("existence", "unlabelled_pixels_may_hold_it")
            else:
                yield facts.finding("existence", (facts.region(t, class_id),))


def counting(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Buildings where they are known one by one (1 to 100); patches of a class (2 to 20, each of a size that shows)."""
    for buildings in facts.scene.instances:
        if measure.damage_counts(buildings.instances):
            # Whether a destroyed building still is one, the question would have to say.
            yield Rejected("counting", "some_buildings_are_damaged")
            continue
        mask = measure.separate_instances(facts.building_numbers[buildings.t])
        if not 1 <= len(buildings.instances) <= 100:
            yield Rejected("counting", "too_many_buildings" if buildings.instances else "no_buildings")
        elif measure.components(mask) != len(buildings.instances):
            yield Rejected("counting", "buildings_cannot_be_told_apart")
        else:
            yield facts.finding("counting", (EvidenceMask(buildings.t, BUILDING, mask),))
    for t, m in facts.maps.items():
        for class_id in np.flatnonzero(m.counts):
            if m.component_counts[class_id] > 2000:  # far too many to ask for, and slow to sieve
                yield Rejected("counting", "too_many_patches")
                continue
            kept = m.components.of(int(class_id), COUNTED_PATCH_PX)
            count = int(np.count_nonzero(kept))
            if _below_unit(facts, t, int(m.components.sizes[kept].min(initial=m.classes.size if count else 0))):
                yield Rejected("counting", "below_mapping_unit")
            elif 2 <= count <= 20:
                region = facts.region(t, int(class_id), kept[m.components.numbers])
                # From the patches at hand, as will be all that is said of them; ``verify`` counts them again.
                ids = np.flatnonzero(kept)
                remember(
                    measure.patches, region.mask, measure.Patches(m.components.numbers, ids, m.components.sizes[ids])
                )
                truth = Truth(float(count), "count", quantity_text(count, "count"))
                yield Finding("counting", t, (region.class_name,), (region,), truth, {"min_pixels": COUNTED_PATCH_PX})
            else:
                yield Rejected("counting", "too_few_patches" if count < 2 else "too_many_patches")


def localisation(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Which of the nine parts holds most of a class: at least 40 % of it and half as much again as the next."""
    for t, m in facts.maps.items():
        for class_id in np.flatnonzero(m.counts):
            first, second = np.sort(measure.part_counts(m.mask(int(class_id))))[::-1][:2]
            if m.counts[class_id] < 25:
                yield Rejected("localisation", "too_small")
            elif first < 0.4 * m.counts[class_id] or first < 1.5 * second:
                yield Rejected("localisation", "spread_over_parts")
            else:
                yield facts.finding("localisation", (facts.region(t, int(class_id)),))


def coverage(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Share of the valid pixels, for classes of at least ``min_share``."""
    for t, m in facts.maps.items():
        for class_id in np.flatnonzero(m.counts):
            if m.shares[class_id] < filters.min_share:
                yield Rejected("coverage", "share_below_minimum")
            else:
                yield facts.finding("coverage", (facts.region(t, int(class_id)),), {"unit": "%"})


def area(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Area in square metres, for classes of at least ``min_share``; the unit shown is chosen later."""
    for t, m in facts.maps.items():
        for class_id in np.flatnonzero(m.counts):
            if not facts.scene.ground.known:
                yield Rejected("area", "pixel_size_unknown")
            elif facts.scene.ground.area_drift > filters.max_area_drift:
                yield Rejected("area", "pixel_size_varies")
            elif m.shares[class_id] < filters.min_share:
                yield Rejected("area", "share_below_minimum")
            elif _below_unit(facts, t, int(m.counts[class_id])):
                yield Rejected("area", "below_mapping_unit")
            else:
                yield facts.finding("area", (facts.region(t, int(class_id)),), {"unit": "m2"})


def ranking(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Which of two classes is larger, when they differ by more than ``ranking_margin`` of the larger."""
    for t, m in facts.maps.items():
        sizes = m.areas_m2 if facts.scene.ground.known else m.counts
        for a, b in combinations(m.classes_over(filters.min_share), 2):
            if facts.scene.ground.area_drift > filters.max_area_drift:
                yield Rejected("ranking", "pixel_size_varies")
            elif abs(sizes[a] - sizes[b]) <= filters.ranking_margin * max(sizes[a], sizes[b]):
                yield Rejected("ranking", "areas_too_close")
            else:
                yield facts.finding("ranking", (facts.region(t, a), facts.region(t, b)))


def boundary(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Whether two classes touch, for classes in few pieces; those under ``min_component_share`` are left out."""
    for t, m in facts.maps.items():
        least = filters.min_component_share
        for a, b in combinations(m.classes_over(filters.min_boundary_share), 2):
            pieces = [m.components.of(c, least / 100 * m.valid_pixels) for c in (a, b)] if least else []
            if (
                max((int(p.sum()) for p in pieces), default=int(max(m.component_counts[[a, b]])))
                > filters.max_components
            ):
                yield Rejected("boundary", "too_many_components")
            elif not pieces:
                yield facts.finding("boundary", (facts.region(t, a), facts.region(t, b)))
            elif not all(p.any() for p in pieces):
                yield Rejected("boundary", "no_large_component")
            else:
                masks = [facts.region(t, c, p[m.components.numbers]) for c, p in zip((a, b), pieces, strict=True)]
                yield facts.finding("boundary", tuple(masks), {"min_share": least})


def distance(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Smallest distance between two classes after opening, when it is more than ``min_gap_px`` pixels."""
    ground = facts.scene.ground
    for t, m in facts.maps.items():
        shapes = shapes_of(m)
        regions = {int(c): shapes.mask(int(c)) for c in np.flatnonzero(m.counts)}
        for a, b in combinations(regions, 2):
            if not ground.known:
                yield Rejected("distance", "pixel_size_unknown")
            elif ground.drift > filters.max_drift:
                yield Rejected("distance", "pixel_size_varies")
            elif not shapes.pixels(a) or not shapes.pixels(b):
                yield Rejected("distance", "nothing_left_after_opening")
            elif shapes.within(a, b, filters.min_gap_px) or shapes.gap(a, b) <= filters.min_gap_px:
                yield Rejected("distance", "gap_below_minimum")
            elif _below_precision(facts, t, regions[a], regions[b]):
                yield Rejected("distance", "below_map_precision")
            else:
                masks = (facts.region(t, a, regions[a]), facts.region(t, b, regions[b]))
                yield facts.finding("distance", masks, {"unit": "m"})


def _below_unit(facts: SceneFacts, t: int, pixels: int) -> bool:
    """True when so many pixels are less than the smallest region that the map of date ``t`` shows."""
    limits, ground = facts.limits[t], facts.scene.ground
    return ground.known and pixels * ground.pixel_area_m2 < limits.min_patch_m2


def _below_precision(facts: SceneFacts, t: int, a: BoolMask, b: BoolMask) -> bool:
    """True when two regions are closer than the positions of the map of date ``t`` allow to say."""
    least = facts.limits[t].min_distance_m
    return least > 0 and (measure.distance(a, b, facts.scene.ground.sampling) or 0.0) < least


def building_change(facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """Number and share of buildings destroyed between the first and the last date; undecidable ones count nowhere."""
    scene = facts.scene
    after = scene.instances_of(scene.dates)
    if scene.dates < 2 or after is None:
        return
    damage = measure.damage_counts(after.instances)
    judged, destroyed = damage.total(), damage[DESTROYED]
    if judged < filters.min_buildings or destroyed < filters.min_destroyed:
        few = "too_few_buildings" if judged < filters.min_buildings else "too_few_destroyed"
        yield Rejected("building_change", few)
        return
    numbers = facts.building_numbers[after.t]
    kept = np.isin(numbers, [i.number for i in after.instances if i.damage is not None])
    all_after = measure.separate_instances(np.where(kept, numbers, 0).astype(np.int32))
    gone = all_after & np.isin(numbers, [i.number for i in after.instances if i.damage == DESTROYED])
    if (measure.components(all_after), measure.components(gone)) != (judged, destroyed):
        yield Rejected("building_change", "buildings_cannot_be_told_apart")
        return
    masks = (EvidenceMask(1, BUILDING, all_after), EvidenceMask(scene.dates, "destroyed building", gone))
    for what in ("number", "share"):
        yield facts.finding("building_change", masks, {"measure": what})


FINDERS: dict[str, Callable[[SceneFacts, Filters], Iterator[Finding | Rejected]]] = {
    "existence": existence,
    "counting": counting,
    "localisation": localisation,
    "coverage": coverage,
    "area": area,
    "ranking": ranking,
    "boundary": boundary,
    "distance": distance,
    "building_change": building_change,
}


def find(kind: str, facts: SceneFacts, filters: Filters) -> Iterator[Finding | Rejected]:
    """All findings and rejections of one kind, in a fixed order; none on dates that are mostly unlabelled."""
    for found in FINDERS[kind](facts, filters):
        if isinstance(found, Finding) and facts.valid_share[found.t] < filters.min_valid_share:
            yield Rejected(kind, "too_few_valid_pixels")
        else:
            yield found
