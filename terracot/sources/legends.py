"""Legends that more than one source uses, and the coarse common legend.

Each source keeps its own vocabulary. ``common`` regroups a legend into the classes of ESA WorldCover; that loses what
the source tells apart and puts together what it means differently, so its name ends in "(lossy)".
"""

from __future__ import annotations

from collections.abc import Mapping

from terracot.scenes import Legend, LegendClass

WORLDCOVER = Legend(
    "esa_worldcover",
    (
        LegendClass(0, "tree cover", (10,), (0, 100, 0)),
        LegendClass(1, "shrubland", (20,), (255, 187, 34)),
        LegendClass(2, "grassland", (30,), (255, 255, 76)),
        LegendClass(3, "cropland", (40,), (240, 150, 255)),
        LegendClass(4, "built-up area", (50,), (250, 0, 0)),
        LegendClass(5, "bare or sparse vegetation", (60,), (180, 180, 180)),
        LegendClass(6, "snow and ice", (70,), (240, 240, 240)),
        LegendClass(7, "permanent water", (80,), (0, 100, 200)),
        LegendClass(8, "herbaceous wetland", (90,), (0, 150, 160)),
        LegendClass(9, "mangroves", (95,), (0, 207, 117)),
        LegendClass(10, "moss and lichen", (100,), (250, 230, 160)),
    ),
    ignore=(0,),
)
"""ESA WorldCover 2020 v100 and 2021 v200; 0 is no data."""

COMMON: Mapping[str, tuple[int, int, int]] = {
    "tree cover": (0, 100, 0),
    "shrub and grass": (210, 220, 60),
    "cropland": (240, 150, 255),
    "built-up area": (250, 0, 0),
    "bare ground": (180, 180, 180),
    "snow and ice": (240, 240, 240),
    "water": (0, 100, 200),
    "wetland": (0, 150, 160),
}
"""Name -> colour of the classes that sources share."""


def common(legend: Legend, crosswalk: Mapping[str, str | None]) -> Legend:
    """``legend`` regrouped: ``crosswalk`` maps each of its class names to one of ``COMMON``, or None for none of them.

    ``ValueError`` when a class is not spoken of or goes to an unknown one.
    """
    missing = [c.name for c in legend.classes if c.name not in crosswalk]
    unknown = sorted({to for to in crosswalk.values() if to is not None} - set(COMMON))
    if missing or unknown:
        raise ValueError(f"crosswalk of {legend.name}: nothing said of {missing}, unknown common classes {unknown}")
    groups = {name: [c for c in legend.classes if crosswalk[c.name] == name] for name in COMMON}
    present = [name for name, members in groups.items() if members]
    classes = tuple(
        LegendClass(i, name, tuple(code for c in groups[name] for code in c.codes), COMMON[name])
        for i, name in enumerate(present)
    )
    dropped = [code for c in legend.classes if crosswalk[c.name] is None for code in c.codes]
    return Legend(f"{legend.name} as common classes (lossy)", classes, ignore=(*legend.ignore, *dropped))
