"""Every class that a shipped legend can show has a role, or is listed as having none."""

from __future__ import annotations

from importlib.resources import files

import yaml

from terracot.semantic.kinds import RULES
from terracot.semantic.roles import NO_ROLE, ROLES
from terracot.sources import bright, chatearthnet_labels, corine, dfc2020, dynamicworld, xbd_labels
from terracot.sources.legends import COMMON, WORLDCOVER
from terracot.sources.procedural.legends import LAND, SETTLEMENT


def shipped_names() -> dict[str, str]:
    """Class name -> a legend that has it."""
    legends = [WORLDCOVER, LAND, SETTLEMENT, corine.BEN19, corine.COMMON, dfc2020.LEGEND, dynamicworld.DYNAMIC_WORLD]
    legends += [chatearthnet_labels.SATLAS, bright.DAMAGE, bright.STANDING, xbd_labels.PRE, xbd_labels.POST]
    names = {name: legend.name for legend in legends for name in legend.names} | dict.fromkeys(COMMON, "common")
    for layout in files("terracot.sources").joinpath("layouts").iterdir():
        if layout.name.endswith(".yaml"):
            legend = (yaml.safe_load(layout.read_text("utf-8")) or {}).get("legend")
            names |= {c["name"]: layout.name for c in legend["classes"]} if legend else {}
    return names


def test_every_shipped_class_has_a_role_or_is_said_to_have_none():
    names = shipped_names()
    assert len(names) > 60
    assert {name: legend for name, legend in names.items() if (name in ROLES) == (name in NO_ROLE)} == {}


def test_no_name_is_kept_for_a_legend_that_is_gone():
    assert sorted({*ROLES, *NO_ROLE} - set(shipped_names())) == []


def test_rules_ask_for_roles_that_exist():
    asked = {role for rule in RULES for roles in rule.groups.values() for role in roles}
    assert sorted(asked - set(ROLES.values())) == []


def test_mosaics_and_floods_take_part_in_no_rule():
    for name in ("complex cultivation patterns", "flood water", "shrub and grass", "ground without buildings"):
        assert name not in ROLES
