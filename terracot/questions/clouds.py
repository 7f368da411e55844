"""Clouds: evidence that they hide in the optical image is read from a SAR image of that date, and the trace says so.

Where there is no such image, nobody can answer from the picture, and nothing is asked (``in_view``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from terracot.findings import Finding, SceneFacts
from terracot.plugins import EvidenceMask
from terracot.questions.phrases.clouds import MARKS, OVER, SEARCHED
from terracot.rules import Filters
from terracot.scenes import BoolMask, Modality
from terracot.traces import Ground, Step
from terracot.views import View

if TYPE_CHECKING:  # which imports this module
    from terracot.questions.writer import Writer

NAME = "cloud or shadow"
PARAMETER = "cloud"
"""Parameter of a finding: the position of its first cloud mask in the record."""

MIN_HIDDEN = 2.0
"""Per cent of the evidence of a date that clouds must hide to be spoken of."""

UNMENTIONED = ("refer", "caption", "l2-spectral")
"""Levels whose traces do not: the first two describe the ground, the last measures clear pixels and says so itself."""


def hidden_on(views: Sequence[View], t: int) -> BoolMask | None:
    """What no optical image of date ``t`` shows for clouds; None where there is none, or where one does not say."""
    optical = [view for view in views if view.t == t and view.modality != Modality.SAR]
    known = [view.hidden for view in optical if view.hidden is not None]
    if not optical or len(known) < len(optical):
        return None
    return known[0] if len(known) == 1 else np.logical_and.reduce(known)


def _has_sar(views: Sequence[View], t: int) -> bool:
    return any(view.t == t and view.modality == Modality.SAR for view in views)


def evidence(masks: Sequence[EvidenceMask], t: int, valid: Mapping[int, BoolMask]) -> BoolMask:
    """All that is marked on a date; where nothing is found, whatever had to be searched."""
    marked = np.logical_or.reduce([mask.mask for mask in masks if mask.t == t])
    return marked if marked.any() else valid[t]


def clouds_over(
    masks: Sequence[EvidenceMask], valid: Mapping[int, BoolMask], views: Sequence[View]
) -> tuple[EvidenceMask, ...]:
    """By date, the hidden part of the image, where it takes ``MIN_HIDDEN`` of the evidence and a SAR image has it."""
    clouds = []
    for t in sorted({mask.t for mask in masks}):
        hidden = hidden_on(views, t)
        if hidden is None or not hidden.any() or not _has_sar(views, t):
            continue
        seen = evidence(masks, t, valid)
        if 100 * int(np.count_nonzero(seen & hidden)) >= MIN_HIDDEN * max(int(np.count_nonzero(seen)), 1):
            clouds.append(EvidenceMask(t, NAME, hidden & valid[t], False))
    return tuple(clouds)


def seen_through(finding: Finding, facts: SceneFacts) -> Finding:
    """The finding with the clouds over its evidence, as far as a SAR image sees through them."""
    clouds = clouds_over(finding.masks, facts.valid, facts.views)
    if not clouds:
        return finding
    parameters = {**finding.parameters, PARAMETER: len(finding.masks)}
    return replace(finding, clouds=clouds, parameters=parameters)


def in_view(finding: Finding, facts: SceneFacts, filters: Filters) -> bool:
    """False when an optical image is all there is of a date and clouds hide too much of the evidence on it.

    A class that was not found may lie under the clouds: almost all of the image must be both labelled and clear.
    """
    for t in sorted({mask.t for mask in finding.masks}):
        hidden = hidden_on(facts.views, t)
        if hidden is None or not hidden.any() or _has_sar(facts.views, t):
            continue
        marked = np.logical_or.reduce([mask.mask for mask in finding.masks if mask.t == t])
        if not marked.any():
            if 100 * np.count_nonzero(facts.valid[t] & ~hidden) < filters.min_valid_share_absent * marked.size:
                return False
        elif 100 * np.count_nonzero(marked & hidden) > filters.max_hidden_share * np.count_nonzero(marked):
            return False
    return True


def split(
    masks: Sequence[EvidenceMask], parameters: Mapping[str, object]
) -> tuple[tuple[EvidenceMask, ...], tuple[EvidenceMask, ...]]:
    """The masks of a record as evidence and clouds; ``ValueError`` when the parameter is no position."""
    at = parameters.get(PARAMETER, len(masks))
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at <= len(masks):
        raise ValueError(f"parameter {PARAMETER} is {at!r}, expected a position among {len(masks)} masks")
    return tuple(masks[:at]), tuple(masks[at:])


def cloud_steps(w: Writer) -> list[Step]:
    """The trace's word on clouds: their mask, what they hide of the evidence, and why the SAR image is read."""
    steps: list[Step] = []
    own = len(w.finding.masks)
    for n, cloud in enumerate(w.finding.clouds, own):
        on_date = [i for i, mask in enumerate(w.finding.masks) if mask.t == cloud.t]
        found = any(w.finding.masks[i].mask.any() for i in on_date)
        steps.append(Ground(w.say(MARKS, name=NAME).text, n))
        phrasing = w.choose(OVER if found else SEARCHED)
        slots = {
            "hidden": w.value("hidden_pixels", n, *on_date, unit="px") if found else w.value("pixels", n, unit="px"),
            "pixels": w.value("marked_pixels", *on_date, unit="px") if found else w.value("valid_pixels", n, unit="px"),
            "share": w.value("hidden_share", n, *on_date, unit="%") if found else w.value("share", n, unit="%"),
        }
        if w.setting.dates > 1:
            slots["date"] = w.value("date", n, unit="date")
        steps.append(w.fill(phrasing.replace("{when}", " in image {date}" if w.setting.dates > 1 else ""), **slots))
    return steps


def after_grounding(steps: Sequence[Step], more: Sequence[Step]) -> tuple[Step, ...]:
    """Steps with others put in after the last one that points at a mask."""
    grounds = [n for n, step in enumerate(steps) if isinstance(step, Ground)]
    at = grounds[-1] + 1 if grounds else len(steps)
    return (*steps[:at], *more, *steps[at:])
