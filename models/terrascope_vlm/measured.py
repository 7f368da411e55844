"""What is measured on the model's own masks and written into the sequence as text, so that only seeing can fail.

    (8,490 of 65,536 valid pixels, 13%, 3 patches, 5,100 in the upper left; 100 m² each, 849,000 m², 84.9 ha, 0.849 km²;
    mask 1: 0 pixels touch, 12.04 apart, 120 m, 0.12 km)

Every number is a quantity of Terra-CoT, written as its traces write it, so that true masks give the very numbers that
the traces state: coverage, area, counting, localisation; contact and distance to earlier masks of the date; what is
new, gone and common between dates. Two conventions are ours. Only valid pixels of a mask count, as those of Terra-CoT
have no others. Distances are between masks opened by a 3 x 3 square, as the distance questions have them; theirs are
opened already, and opening again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from terracot.language import UNIT_TEXT, plural
from terracot.measure import PARTS, opened, part_counts
from terracot.memo import fixed
from terracot.plugins import EvidenceMask
from terracot.quantities import Regions, measured
from terrascope_vlm.slots import Query

if TYPE_CHECKING:
    from terrascope_vlm.evidence import Region

BESIDE = 3
"""A mask is measured against so many earlier ones of its date, the latest: with more, texts would outgrow replies."""

_AREAS, _LENGTHS = ("m2", "ha", "km2"), ("m", "km")


def measured_text(query: Query, regions: Sequence[Region]) -> str:
    """What is measured on the last of ``regions``, alone and against the earlier ones of the reply."""
    r = _recorded(query, regions)
    own = len(regions) - 1
    t = regions[own].t
    parts = [_extent(r, own)]
    parts += [_beside(r, n, own) for n in [n for n in range(own) if regions[n].t == t][-BESIDE:]]
    elsewhen = [n for n in range(own) if regions[n].t != t]
    parts += [_between(r, n, own) for n in sorted({*elsewhen[:1], *elsewhen[-1:]})]
    if len({region.t for region in regions}) == len(regions) > 2:
        parts.append(_throughout(r))
    return f" ({'; '.join(part for part in parts if part)})"


def _recorded(query: Query, regions: Sequence[Region]) -> Regions:
    """The masks as Terra-CoT measures them. A date without valid pixels counts as valid throughout."""
    valid = {}
    for t in {region.t for region in regions}:
        known = query.valid.get(t)
        valid[t] = known if known is not None and known.any() else np.ones(query.shape, bool)
    masks = (EvidenceMask(region.t, "", fixed(region.mask & valid[region.t])) for region in regions)
    return Regions(tuple(masks), valid, query.ground)


def _text(r: Regions, quantity: str, of: Sequence[int], *units: str) -> str:
    """A quantity in each of ``units``: "849,000 m², 84.9 ha, 0.849 km²"."""
    return ", ".join(measured(r, quantity, of, unit).text + UNIT_TEXT[unit] for unit in units)


def _counted(r: Regions, quantity: str, of: Sequence[int], noun: str) -> str:
    """A number with its noun: "1 patch", "1,204 patches"."""
    number = _text(r, quantity, of, "px")
    return f"{number} {plural(1 if number == '1' else 2, noun)}"


def _amount(r: Regions, name: str, of: Sequence[int], word: str, share: str = "") -> str:
    """Land by several masks: "34 new, 0.2%, 3,400 m², 0.34 ha, 0.0034 km²"; the number of pixels comes first."""
    number = _text(r, f"{name}_pixels", of, "px")
    parts = [f"{number} {word}"]
    if share and number != "0":
        parts.append(_text(r, share, of, "%"))
    if r.ground.known and number != "0":
        parts.append(_text(r, f"{name}_area", of, *_AREAS))
    return ", ".join(parts)


def _extent(r: Regions, n: int) -> str:
    """Of one mask: pixels, share, patches, where most of it lies, area."""
    of = (n,)
    size = f"{_text(r, 'pixels', of, 'px')} of {_counted(r, 'valid_pixels', of, 'valid pixel')}"
    if not r.pixels(n):
        return f"nothing there: {size}"
    part = PARTS[int(part_counts(r.mask(n)).argmax())]
    text = f"{size}, {_text(r, 'share', of, '%')}, {_counted(r, 'components', of, 'patch')}, "
    text += f"{_text(r, 'most_in_part', of, 'px')} in the {part}"
    if r.ground.known:
        text += f"; {_text(r, 'pixel_area', of, 'm2/px')} each, {_text(r, 'area', of, *_AREAS)}"
    return text


def _beside(r: Regions, earlier: int, own: int) -> str:
    """Of two masks of one date: pixels of the earlier one that touch the other, and how far apart they are."""
    if not r.pixels(earlier) or not r.pixels(own):
        return ""
    of = (earlier, own)
    text = f"mask {earlier + 1}: {_text(r, 'contact_pixels', of, 'px')} in contact"
    if np.any(r.mask(earlier) & r.mask(own)):
        return f"{text}, overlapping"
    cores = [fixed(opened(r.mask(n))) for n in of]
    if all(core.any() for core in cores):
        r, of = Regions(tuple(EvidenceMask(1, "", core) for core in cores), {}, r.ground), (0, 1)
    gap = _text(r, "gap", of, "px distance")
    parts = [text, f"{gap} apart"]
    if r.ground.known:
        steps = _text(r, "distance_px", of, "px distance")  # on the ground; another pair where pixels are not square
        parts += [] if steps == gap else [f"on the ground {steps}"]
        parts.append(_text(r, "distance", of, *_LENGTHS))
    return ", ".join(parts)


def _between(r: Regions, other: int, own: int) -> str:
    """Of two masks of different dates: what is new on the later one, what is gone, what is in both, the net change."""
    first, last = both = tuple(sorted((other, own), key=lambda n: r.masks[n].t))
    valid = r.valid[r.masks[first].t] & r.valid[r.masks[last].t]
    if not valid.any():
        return ""
    before = bool(np.any(r.mask(first) & valid))  # else there is nothing to be a share of
    parts = [
        f"{'since' if first == other else 'until'} mask {other + 1}, {_text(r, 'valid_in_all', both, 'px')} valid",
        _amount(r, "beyond", (last, first), "new", "beyond_share"),
        _amount(r, "beyond", both, "gone", "beyond_share"),
        _amount(r, "common", both, "in both", "part_of_first" if before else ""),
        _amount(r, "change", both, "net", "change_share" if before else ""),
    ]
    if r.pixels(first):
        parts.append(f"patches {_text(r, 'component_share', (last, first), '%')}")
    return ", ".join(parts)


def _throughout(r: Regions) -> str:
    """Of masks that are all of different dates, in order: what is in all of them."""
    of = tuple(sorted(range(len(r.masks)), key=lambda n: r.masks[n].t))
    valid = np.logical_and.reduce([r.valid[mask.t] for mask in r.masks])
    if not np.any(r.mask(of[0]) & valid):
        return ""
    whole, part = _text(r, "common_share", of, "%"), _text(r, "part_of_first", of, "%")
    common = _text(r, "common_pixels", of, "px")
    return f"{common} in all of {_text(r, 'valid_in_all', of, 'px')} valid, {whole}, {part} of the first"
