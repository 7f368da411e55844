"""Which class of which legend plays which part in the domain rules, as data.

A class with no sure role takes part in no rule: mosaics of several covers, clouds, damage classes, floods, and "the
rest". Names are those of the shipped legends; a class of a user's own legend has a role when it has one of these names.
"""

from __future__ import annotations

from collections.abc import Mapping

_NAMES: Mapping[str, tuple[str, ...]] = {
    "water": ("water", "permanent water", "open water", "inland waters"),
    "sea": ("marine waters",),
    "built": (
        "built-up area",
        "developed area",
        "artificial surface",
        "urban fabric",
        "industrial or commercial units",
        "building cover",
    ),
    "road": ("road surface",),
    "crop": ("cropland", "cultivated land", "arable land"),
    "tree": ("tree cover", "forest", "broad-leaved forest", "coniferous forest", "mixed forest"),
    "grass": ("grassland", "grass", "pastures"),
    "shrub": ("shrubland", "shrub and scrub"),
    "bare": ("bare ground", "barren ground", "bare land", "bare or sparse vegetation"),
    "wetland": (
        "wetland",
        "herbaceous wetland",
        "flooded vegetation",
        "inland wetlands",
        "coastal wetlands",
        "mangroves",
    ),
    "snow": ("snow and ice", "snow"),
}

ROLES: Mapping[str, str] = {name: role for role, names in _NAMES.items() for name in names}
"""Class name -> its role."""

NO_ROLE = frozenset(
    {
        # mosaics and regroupings of several covers
        "shrub and grass",
        "rangeland",
        "complex cultivation patterns",
        "agricultural land with significant areas of natural vegetation",
        "agro-forestry areas",
        "natural grassland and sparsely vegetated areas",
        "moors, heathland and sclerophyllous vegetation",
        "transitional woodland and shrub",
        # covers of which no rule speaks
        "permanent crops",
        "beaches, dunes and sands",
        "moss and lichen",
        "debris",
        # the rest of the land, floods, the sky
        "unforested surface",
        "ground without buildings",
        "unflooded surface",
        "flood water",
        "clear land",
        "cloud",
        "cloud shadow",
        # buildings by damage
        "undamaged building cover",
        "building cover with minor damage",
        "building cover with major damage",
        "intact building cover",
        "damaged building cover",
        "destroyed building cover",
    }
)
"""Names of shipped legends that have no sure role."""
