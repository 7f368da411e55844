"""The domain rules as kinds of question of level ``l2-semantic``, and the sources of all of them."""

from __future__ import annotations

from terracot.semantic import (
    erosion_risk,
    farming_suitability,
    flood_exposure,
    habitat_fragmentation,
    urban_heat,
    water_access,
)
from terracot.semantic.rule import Rule

RULES: tuple[Rule, ...] = (
    farming_suitability.RULE,
    flood_exposure.RULE,
    habitat_fragmentation.RULE,
    urban_heat.RULE,
    erosion_risk.RULE,
    water_access.RULE,
)

KINDS = tuple(rule.kind() for rule in RULES)
