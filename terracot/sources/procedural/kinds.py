"""Kinds of landscape: the ranges from which one scene draws its relief, shares and settlements."""

from __future__ import annotations

from dataclasses import dataclass

from terracot.sources.procedural.fields import Range


@dataclass(frozen=True)
class Kind:
    """Ranges of one kind. Shares are of the whole image, before later layers (towns, wetland, water) cover some.

    ``relief`` metres of height (one standard deviation), ``smooth`` spectral exponent of the terrain, ``tilt`` its
    slope across the image against its noise, ``river`` and ``sea`` chances, ``latitude`` UTM northing in metres.
    """

    relief: Range
    tree: Range
    crop: Range
    smooth: Range = (3.6, 4.2)
    tilt: Range = (0.3, 1.2)
    shrub: Range = (0.0, 0.03)
    bare: Range = (0.0, 0.01)
    lake: Range = (0.0, 0.04)
    wetland: Range = (0.0, 0.01)
    towns: tuple[int, int] = (0, 2)
    spread: Range = (5.0, 12.0)
    farms: tuple[int, int] = (5, 60)
    river: float = 0.6
    river_width: Range = (1.0, 7.0)
    sea: float = 0.0
    dryness: Range = (0.0, 0.4)
    latitude: Range = (4_300_000.0, 6_400_000.0)


KINDS: dict[str, Kind] = {
    "plain": Kind(
        relief=(4, 15), tree=(0.04, 0.25), crop=(0.45, 0.85), towns=(0, 3), farms=(20, 80), river=0.5,
        river_width=(1.0, 18.0),
    ),
    "hills": Kind(
        relief=(40, 110), tree=(0.3, 0.7), crop=(0.05, 0.35), smooth=(4.0, 4.6), farms=(5, 50), river=0.8,
    ),
    "lakes": Kind(
        relief=(6, 18), tree=(0.25, 0.6), crop=(0.0, 0.25), smooth=(3.0, 3.5), tilt=(0.0, 0.3), lake=(0.06, 0.3),
        wetland=(0.0, 0.06), river=0.3,
    ),
    "coast": Kind(
        relief=(8, 40), tree=(0.05, 0.4), crop=(0.05, 0.4), tilt=(1.0, 2.5), shrub=(0.0, 0.1), bare=(0.0, 0.03),
        towns=(0, 3), sea=1.0, river=0.4, wetland=(0.0, 0.03),
    ),
    "dry": Kind(
        relief=(8, 35), tree=(0.0, 0.06), crop=(0.0, 0.25), smooth=(3.8, 4.4), shrub=(0.1, 0.6), bare=(0.02, 0.6),
        lake=(0.0, 0.01), farms=(0, 30), river=0.3, dryness=(0.6, 1.0), latitude=(1_200_000.0, 3_600_000.0),
    ),
    "town": Kind(
        relief=(4, 25), tree=(0.08, 0.3), crop=(0.05, 0.4), towns=(2, 5), spread=(10.0, 32.0), farms=(20, 80),
    ),
    "meadows": Kind(relief=(6, 40), tree=(0.1, 0.4), crop=(0.0, 0.2), shrub=(0.0, 0.08), wetland=(0.0, 0.05)),
}  # fmt: skip

CHANCES: dict[str, float] = {
    "plain": 0.25, "hills": 0.15, "lakes": 0.13, "coast": 0.15, "dry": 0.12, "town": 0.1, "meadows": 0.1,
}  # fmt: skip
