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
    smooth: Range = (3.2, 3.8)
    tilt: Range = (0.3, 1.2)
    shrub: Range = (0.0, 0.03)
    bare: Range = (0.0, 0.01)
    lake: Range = (0.0, 0.04)
    wetland: Range = (0.0, 0.01)
    towns: tuple[int, int] = (0, 2)
    spread: Range = (5.0, 12.0)
    farms: tuple[int, int] = (5, 60)
    river: float = 0.6
    sea: float = 0.0
    dryness: Range = (0.0, 0.4)
    latitude: Range = (4_300_000.0, 6_400_000.0)


KINDS: dict[str, Kind] = {
    "plain": Kind((4, 15), (0.04, 0.25), (0.45, 0.85), towns=(0, 3), farms=(20, 80), river=0.5),
    "hills": Kind((40, 120), (0.3, 0.7), (0.05, 0.35), (3.4, 4.0), farms=(5, 50), river=0.8),
    "lakes": Kind(
        (8, 25), (0.25, 0.6), (0.0, 0.25), (2.8, 3.3), (0.0, 0.3), lake=(0.06, 0.3), wetland=(0.0, 0.06), river=0.3
    ),
    "coast": Kind(
        (8, 40), (0.05, 0.4), (0.05, 0.4), tilt=(1.0, 2.5), shrub=(0.0, 0.1), bare=(0.0, 0.03), towns=(0, 3), sea=1.0,
        river=0.4, wetland=(0.0, 0.03),
    ),
    "dry": Kind(
        (10, 80), (0.0, 0.06), (0.0, 0.25), shrub=(0.1, 0.45), bare=(0.05, 0.5), lake=(0.0, 0.01), towns=(0, 2),
        farms=(0, 30), river=0.3, dryness=(0.6, 1.0), latitude=(1_200_000.0, 3_600_000.0),
    ),
    "town": Kind((4, 25), (0.08, 0.3), (0.05, 0.4), towns=(2, 5), spread=(10.0, 32.0), farms=(20, 80), river=0.6),
    "meadows": Kind((6, 40), (0.1, 0.4), (0.0, 0.2), shrub=(0.0, 0.08), wetland=(0.0, 0.05), river=0.6),
}  # fmt: skip

CHANCES: dict[str, float] = {
    "plain": 0.22, "hills": 0.18, "lakes": 0.13, "coast": 0.15, "dry": 0.12, "town": 0.1, "meadows": 0.1,
}  # fmt: skip
