"""The card of a benchmark folder: what it holds, how its options are made, what was dropped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from terracot.card import card_head, credit_lines
from terracot.shards import read_rows
from terracot.stated import is_stated


def card(source: str, counts: Mapping[str, Any], audit: Mapping[str, Mapping[str, Any]], out: Path) -> str:
    """``README.md`` of a benchmark."""
    scenes = read_rows(out, "scenes", ["license", "attribution"])
    credits = sorted({(row["license"], row["attribution"]) for row in scenes})
    bases = sorted({row["ground_basis"] for row in read_rows(out, "items", ["ground_basis"])})
    synthetic = "\n**All images of this benchmark are synthetic.**\n" if source == "procedural" else ""
    nominal = (
        "\nSome pixel sizes are nominal: stated by the source, not measured. Their items are reported apart.\n"
        if "nominal" in bases
        else ""
    )
    stated = sum(entry["kept"] for task, entry in audit.items() if is_stated(task))
    rows = "\n".join(
        f"| {task} | {entry['kept']} | {entry['found']} | {sum(entry['refused_by_filter'].values())} "
        f"| {_reasons(entry['dropped_with_options'])} |"
        for task, entry in audit.items()
    )
    return (
        card_head(("items", "scenes"), [licence for licence, _ in credits])
        + f"""# TerraScope-Bench items from `{source}`
{synthetic}{nominal}
{_what(counts, stated)} Facts that pass the paper's filters are *found*; an item is *kept* when it gets options that
tell nothing.
{_STATED if stated else ""}
| task | kept | found | refused by a filter | dropped while options were made |
|---|---|---|---|---|
{rows}

Numeric options are true values of one stratum (column `stratum`), put into sets before a die chose the one asked about;
no value is an option twice. `terracot/options.py` says why P(correct = i | question, options, other items) = 1/k. Word
options are balanced per stratum. All counts: `audit.json`.

## Licences

{credit_lines(credits)}
"""
    )


_STATED = """
Tasks named `SOURCE/...` are **stated, not measured**: question and answer are the source's, no mask stands behind them,
and they are scored for accuracy alone. Options that the source publishes are kept as they stand, whatever they tell
(template `published`). Where it publishes none, words are balanced and numbers drawn among the answers to the very
same question, per source and split, so that its words alone give nothing away.
"""


def _what(counts: Mapping[str, Any], stated: int) -> str:
    head = f"{counts['items']} multiple-choice items over {counts['scenes']} scenes"
    if not stated:
        return f"{head}, each with its evidence masks, numeric truth and\nprovenance."
    measured = counts["items"] - stated or "none"
    return f"{head}, {measured} of them with evidence masks and\nmeasured truth."


def _reasons(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in dropped.items() if count) or "none"
