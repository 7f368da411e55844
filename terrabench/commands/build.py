"""``terrabench build``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terrabench.commands.recipe import PINNED, BuildOrRecipe
from terrabench.commands.shared import json_option, print_json
from terracot.cli import (
    EXIT_INVALID,
    SHOWN_PROBLEMS,
    exit_if_quarantined,
    print_quarantined,
    reads_scenes,
    report_of,
    rewriter_of,
)

if TYPE_CHECKING:
    from terracot.generate import SourceSpec


@click.command(cls=BuildOrRecipe, epilog=PINNED)
@reads_scenes
@click.option(
    "--not-in",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Terra-CoT data set that models train on: its places and images give no item. May be given repeatedly.",
)
@click.option(
    "--protocol",
    type=click.Choice(["strict", "paper"]),
    default="strict",
    show_default=True,
    help="Rules of the items. paper: the published filters and options, which tell answers.",
)
@click.option("--per-task", metavar="N", type=click.IntRange(min=1), help="Keep at most N items of each task.")
@click.option("--class-balance", is_flag=True, help="No class gives more than its fair share of the items of a task.")
@click.option(
    "--difficulty",
    type=click.Choice(["any", "near", "far"]),
    default="any",
    show_default=True,
    help="Keep only sets of numeric options that are near to each other, or far.",
)
@click.option(
    "--exclude",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Leave out the items and scenes whose ids FILE has, one a line; # begins a comment. No other item changes.",
)
@click.option(
    "--only",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Keep only the items whose ids FILE has; the same form.",
)
@click.option(
    "--rewriter",
    metavar="URL",
    help="OpenAI-compatible server that rewords questions; what it changes beyond words is not taken. A key is read "
    "from OPENAI_API_KEY.",
)
@click.option("--rewriter-model", metavar="NAME", help="Model of the server to ask.")
@click.option(
    "--rewriter-cache",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where its replies are kept, so that a second run costs nothing.  [default: the user's cache folder]",
)
@json_option
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def build(
    spec: SourceSpec,
    out: Path,
    limit: int | None,
    seed: int,
    workers: int,
    max_quarantined: float,
    protocol: str,
    per_task: int | None,
    class_balance: bool,
    difficulty: str,
    exclude: Path | None,
    only: Path | None,
    rewriter: str | None,
    rewriter_model: str | None,
    rewriter_cache: Path | None,
    not_in: tuple[Path, ...],
    as_json: bool,
    quiet: bool,
) -> int:
    """Build the six tasks, and those of our own, from the scenes of SOURCE at PATH.

    The result has the same bytes whatever the number of workers. A build that was stopped goes on where it was when the
    same command is given again. What was kept and dropped, and why, is in audit.json.
    """
    from terrabench.building.build import build as build_benchmark
    from terrabench.building.guard import leaks
    from terrabench.building.settings import read_ids
    from terracot.dataset import QUARANTINE
    from terracot.io import MANIFEST, iter_jsonl, read_json

    progress = sys.stderr.isatty() and not (quiet or as_json)
    chosen = () if only is None else read_ids(only)
    result = build_benchmark(
        spec,
        out,
        seed,
        limit,
        per_task,
        workers,
        progress,
        not_in,
        protocol=protocol,
        class_balance=class_balance,
        difficulty=difficulty,
        exclude=() if exclude is None else read_ids(exclude),
        only=chosen,
        rewriter=rewriter_of(rewriter, rewriter_model, rewriter_cache),
    )
    report = report_of(result)
    report["leaks"] = leaks(iter_jsonl(out / QUARANTINE))
    if as_json:
        print_json(report)
    elif not quiet:
        click.echo(f"{report['counts']['items']} items over {report['counts']['scenes']} scenes: {out / 'data'}")
        _print_audit(read_json(out / "audit.json"))
        print_quarantined(report)
        _print_leaks(report["leaks"])
        click.echo(f"All counts: {out / 'audit.json'}")
    _warn_of_unknown(exclude, read_json(out / MANIFEST)["exclude_unknown"], "no item and no scene has")
    _warn_of_unknown(only, sorted(set(chosen) - set(_item_ids(out))), "no item has")
    exit_if_quarantined(result, max_quarantined)
    if not report["counts"]["items"]:
        click.echo(
            "Warning: no item could be made. Numeric options need at least 4 facts of one kind from different places, "
            f"word options both outcomes; {out / 'audit.json'} counts what was found",
            err=True,
        )
        return EXIT_INVALID
    return 0


def _item_ids(folder: Path) -> list[str]:
    """Ids of all items of a folder."""
    from terracot.shards import read_rows

    return [row["id"] for row in read_rows(folder, "items", ["id"])]


def _warn_of_unknown(file: Path | None, unknown: Sequence[str], by_whom: str) -> None:
    """Say which ids of a file of curators stand for nothing."""
    if unknown:
        shown = ", ".join(unknown[:SHOWN_PROBLEMS]) + (" ..." if len(unknown) > SHOWN_PROBLEMS else "")
        click.echo(f"Warning: {file} has {len(unknown)} ids that {by_whom}: {shown}", err=True)


def _print_audit(audit: Mapping[str, Mapping[str, Any]]) -> None:
    """What every task kept, and why it has not more."""
    for task, entry in audit.items():
        lost = entry["refused_by_filter"] | entry["dropped_with_options"] | {"excluded": entry["excluded"]}
        reasons = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in lost.items() if count)
        click.echo(f"  {task:<16}{entry['kept']:>7}" + (f"   not kept: {reasons}" if reasons else ""))


def _print_leaks(found: Sequence[Mapping[str, Any]]) -> None:
    """Name the scenes that the leakage guard refused."""
    for entry in found[:SHOWN_PROBLEMS]:
        click.echo(f"  {entry['message']}")
    if len(found) > SHOWN_PROBLEMS:
        click.echo(f"  ... and {len(found) - SHOWN_PROBLEMS} more in quarantine.jsonl")
