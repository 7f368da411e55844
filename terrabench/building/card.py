"""The card of a benchmark folder: what it holds, how its options are made, what was dropped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from terrabench.building.settings import Settings
from terracot.card import card_head, credit_lines
from terracot.options import ANY
from terracot.shards import read_rows
from terracot.stated import is_stated


def card(
    source: str, counts: Mapping[str, Any], audit: Mapping[str, Mapping[str, Any]], settings: Settings, out: Path
) -> str:
    """``README.md`` of a benchmark."""
    scenes = read_rows(out, "scenes", ["license", "attribution"])
    credits = sorted({(row["license"], row["attribution"]) for row in scenes})
    bases = sorted({row["ground_basis"] for row in read_rows(out, "items", ["ground_basis"])})
    synthetic = "\n**All images of this benchmark are synthetic.**\n" if source == "procedural" else ""
    nominal = (
        "\nSome pixel sizes are nominal: stated by the source, not measured. Their items are reported apart.\n"
        if "nominal" in bases and not settings.protocol.ten_metres
        else ""
    )
    paper = settings.protocol.ladders != {}
    stated = sum(entry["kept"] for task, entry in audit.items() if is_stated(task))
    return (
        card_head(("items", "scenes"), [licence for licence, _ in credits])
        + f"""# TerraScope-Bench items from `{source}`
{synthetic}{nominal}
{_what(counts, stated)}

Protocol `{settings.protocol.name}`. {_PAPER if paper else _STRICT}
{_chosen(settings)}{_STATED if stated else ""}
{audit_table(audit)}

A fact that passes every filter is *found*; an item is *kept* when it gets options. All counts: `audit.json`.
{_PAPER_OPTIONS if paper else _STRICT_OPTIONS} Column `difficulty` says whether the options of a set are near to each
other (shares within 20 points, other numbers within three times the smallest), `margin` what the answer becomes on a
disturbed map and with its masks a pixel smaller or larger.

Tasks `flood_change` and `sequence_change` are not the paper's. They are reported apart from its six and are no part of
their average.

## Licences

{credit_lines(credits)}
"""
    )


_STRICT = """True ground sampling, named denominators, and answers that survive a disturbed label map: a 3 x 3
majority filter, pixels without a label either way, small objects left out. Word options are balanced per stratum, so
that what is usual tells nothing."""
_PAPER = """The filters of arXiv 2603.19039 and 10 m for every pixel, for comparability. Its options are printed as
multiples of the truth (distance, area), and its words are not balanced: **they tell answers to readers who never see an
image.** Results under this protocol are not comparable with those under `strict`."""
_STRICT_OPTIONS = """Numeric options are true values of one stratum (column `stratum`), put into sets before a die chose
the one asked about; no value is an option twice. `terracot/options.py` says why P(correct = i | question, options,
items of other scenes) = 1/k."""
_PAPER_OPTIONS = """Options of `distance` and `area` are multiples of the truth, the same for every item; those of other
numbers are true values of other places (column `stratum`)."""


def audit_table(audit: Mapping[str, Mapping[str, Any]]) -> str:
    """What was kept, refused and dropped, by source, task and reason, as a Markdown table."""
    rows = "\n".join(
        f"| {entry['source']} | {task} | {entry['kept']} | {entry['found']} | {_reasons(entry['refused_by_filter'])} "
        f"| {_reasons(entry['dropped_with_options'])} | {entry['excluded']} |"
        for task, entry in audit.items()
    )
    return (
        "| source | task | kept | found | refused by a filter | dropped while options were made | excluded |\n"
        f"|---|---|---|---|---|---|---|\n{rows}"
    )


def _chosen(settings: Settings) -> str:
    """What was asked for beyond the protocol."""
    said = [
        (settings.per_task is not None, f"At most {settings.per_task} items of each task."),
        (settings.class_balance, "No class gives more than its fair share of the items of a task."),
        (settings.difficulty != ANY, f"Of numbers, only sets of options that are {settings.difficulty}."),
        (settings.exclude != (), "Some items were excluded by name."),
        (settings.only != (), "Only items chosen by name were kept."),
    ]
    lines = " ".join(text for so, text in said if so)
    return f"\n{lines}\n" if lines else ""


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
