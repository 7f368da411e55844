"""CORINE Land Cover level 3, the 19 classes that BigEarthNet makes of it, and the common classes.

One table is the source of all three. BigEarthNet-19 leaves twelve codes without a class, because Sentinel-2 does not
show what they mean (airports, burnt areas); they have no answer in the common classes either. Classes are told by
name: their order differs between the tools around BigEarthNet.
"""

from __future__ import annotations

from dataclasses import dataclass

from terracot.scenes import Legend, LegendClass, MapLimits
from terracot.sources.legends import common

NO_DATA, UNLABELLED = 0, 999


@dataclass(frozen=True)
class CorineClass:
    """One level-3 code: CORINE's name, the BigEarthNet-19 class as published, and the common class; None for none."""

    code: int
    name: str
    ben19: str | None
    common: str | None


_MOSAIC = "Land principally occupied by agriculture, with significant areas of natural vegetation"
_GRASS = "Natural grassland and sparsely vegetated areas"
_MOORS = "Moors, heathland and sclerophyllous vegetation"

LEVEL_3: tuple[CorineClass, ...] = tuple(
    CorineClass(*row)
    for row in (
        (111, "continuous urban fabric", "Urban fabric", "built-up area"),
        (112, "discontinuous urban fabric", "Urban fabric", "built-up area"),
        (121, "industrial or commercial units", "Industrial or commercial units", "built-up area"),
        (122, "road and rail networks and associated land", None, None),
        (123, "port areas", None, None),
        (124, "airports", None, None),
        (131, "mineral extraction sites", None, None),
        (132, "dump sites", None, None),
        (133, "construction sites", None, None),
        (141, "green urban areas", None, None),
        (142, "sport and leisure facilities", None, None),
        (211, "non-irrigated arable land", "Arable land", "cropland"),
        (212, "permanently irrigated land", "Arable land", "cropland"),
        (213, "rice fields", "Arable land", "cropland"),
        (221, "vineyards", "Permanent crops", "cropland"),
        (222, "fruit trees and berry plantations", "Permanent crops", "cropland"),
        (223, "olive groves", "Permanent crops", "cropland"),
        (231, "pastures", "Pastures", "shrub and grass"),
        (241, "annual crops associated with permanent crops", "Permanent crops", "cropland"),
        (242, "complex cultivation patterns", "Complex cultivation patterns", "cropland"),
        (243, "agricultural land with significant areas of natural vegetation", _MOSAIC, None),
        (244, "agro-forestry areas", "Agro-forestry areas", None),
        (311, "broad-leaved forest", "Broad-leaved forest", "tree cover"),
        (312, "coniferous forest", "Coniferous forest", "tree cover"),
        (313, "mixed forest", "Mixed forest", "tree cover"),
        (321, "natural grassland", _GRASS, "shrub and grass"),
        (322, "moors and heathland", _MOORS, "shrub and grass"),
        (323, "sclerophyllous vegetation", _MOORS, "shrub and grass"),
        (324, "transitional woodland and shrub", "Transitional woodland, shrub", "shrub and grass"),
        (331, "beaches, dunes and sands", "Beaches, dunes, sands", "bare ground"),
        (332, "bare rock", None, None),
        (333, "sparsely vegetated areas", _GRASS, "bare ground"),
        (334, "burnt areas", None, None),
        (335, "glaciers and perpetual snow", None, None),
        (411, "inland marshes", "Inland wetlands", "wetland"),
        (412, "peatbogs", "Inland wetlands", "wetland"),
        (421, "salt marshes", "Coastal wetlands", "wetland"),
        (422, "salines", "Coastal wetlands", None),  # basins of water and salt
        (423, "intertidal flats", None, None),
        (511, "water courses", "Inland waters", "water"),
        (512, "water bodies", "Inland waters", "water"),
        (521, "coastal lagoons", "Marine waters", "water"),
        (522, "estuaries", "Marine waters", "water"),
        (523, "sea and ocean", "Marine waters", "water"),
    )
)

_BEN19: dict[str, tuple[str, tuple[int, int, int]]] = {
    # published name: (name in questions, colour), in the order of CORINE
    "Urban fabric": ("urban fabric", (230, 0, 77)),
    "Industrial or commercial units": ("industrial or commercial units", (204, 77, 242)),
    "Arable land": ("arable land", (255, 255, 168)),
    "Permanent crops": ("permanent crops", (230, 128, 0)),
    "Pastures": ("pastures", (230, 230, 77)),
    "Complex cultivation patterns": ("complex cultivation patterns", (255, 230, 77)),
    _MOSAIC: ("agricultural land with significant areas of natural vegetation", (230, 204, 77)),
    "Agro-forestry areas": ("agro-forestry areas", (242, 204, 166)),
    "Broad-leaved forest": ("broad-leaved forest", (128, 255, 0)),
    "Coniferous forest": ("coniferous forest", (0, 166, 0)),
    "Mixed forest": ("mixed forest", (77, 255, 0)),
    _GRASS: ("natural grassland and sparsely vegetated areas", (204, 242, 77)),
    _MOORS: ("moors, heathland and sclerophyllous vegetation", (166, 255, 128)),
    "Transitional woodland, shrub": ("transitional woodland and shrub", (166, 242, 0)),
    "Beaches, dunes, sands": ("beaches, dunes and sands", (230, 230, 230)),
    "Inland wetlands": ("inland wetlands", (166, 166, 255)),
    "Coastal wetlands": ("coastal wetlands", (204, 204, 255)),
    "Inland waters": ("inland waters", (0, 204, 242)),
    "Marine waters": ("marine waters", (0, 255, 166)),
}

BEN19_NAMES: dict[str, str] = {published: name for published, (name, _) in _BEN19.items()}
"""BigEarthNet-19 class as published (labels of the metadata) -> its name in the legend and in questions."""

BEN19 = Legend(
    "bigearthnet_19",
    tuple(
        LegendClass(i, name, tuple(c.code for c in LEVEL_3 if c.ben19 == published), color)
        for i, (published, (name, color)) in enumerate(_BEN19.items())
    ),
    ignore=(NO_DATA, *(c.code for c in LEVEL_3 if c.ben19 is None), UNLABELLED),
)
"""The 19 classes of BigEarthNet in the order of CORINE; ignored: no data, no CORINE polygon, twelve dropped codes."""

COMMON = common(
    Legend(
        "corine_level_3",
        tuple(LegendClass(i, c.name, (c.code,)) for i, c in enumerate(LEVEL_3)),
        ignore=(NO_DATA, UNLABELLED),
    ),
    {c.name: c.common for c in LEVEL_3},
)
"""The common classes straight from level 3 (sparse vegetation is bare ground, natural grassland is not): lossy."""

LIMITS = MapLimits(min_patch_m2=250_000, min_distance_m=100, according_to="the CORINE land-cover map")
"""CLC 2018 maps no unit below 25 ha and nothing narrower than 100 m."""
