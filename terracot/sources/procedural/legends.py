"""The two legends of synthetic scenes: WorldCover's classes for landscapes, surfaces for settlements at 1 m."""

from __future__ import annotations

from terracot.scenes import Legend, LegendClass

TREE, SHRUB, GRASS, CROP, BUILT, BARE, WATER, WETLAND = range(8)

LAND = Legend(
    "worldcover-synthetic",
    (
        LegendClass(TREE, "tree cover", (10,), (0, 100, 0)),
        LegendClass(SHRUB, "shrubland", (20,), (255, 187, 34)),
        LegendClass(GRASS, "grassland", (30,), (255, 255, 76)),
        LegendClass(CROP, "cropland", (40,), (240, 150, 255)),
        LegendClass(BUILT, "built-up area", (50,), (250, 0, 0)),
        LegendClass(BARE, "bare ground", (60,), (180, 180, 180)),
        LegendClass(WATER, "water", (80,), (0, 100, 200)),
        LegendClass(WETLAND, "wetland", (90,), (0, 150, 160)),
    ),
)

HOUSE, ROAD, TREES, LAWN, SOIL, POND, DEBRIS = range(7)

SETTLEMENT = Legend(
    "settlement-synthetic",
    (
        LegendClass(HOUSE, "building cover", (1,), (250, 0, 0)),
        LegendClass(ROAD, "road surface", (2,), (90, 90, 90)),
        LegendClass(TREES, "tree cover", (3,), (0, 100, 0)),
        LegendClass(LAWN, "grassland", (4,), (255, 255, 76)),
        LegendClass(SOIL, "bare ground", (5,), (180, 180, 180)),
        LegendClass(POND, "water", (6,), (0, 100, 200)),
        LegendClass(DEBRIS, "debris", (7,), (150, 75, 0)),
    ),
)
