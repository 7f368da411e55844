"""``terrabench score | compare``."""

from __future__ import annotations

from pathlib import Path

import click

from terrabench.commands.shared import json_option, print_json


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bench", metavar="DIR", type=click.Path(path_type=Path), help="The benchmark, if it has moved.")
@click.option(
    "--compat",
    type=click.Choice(["release"]),
    help="Score as the released scorer does as well: writes scores.release.json, shown apart.",
)
@click.option("--details", is_flag=True, help="Every run by task, with intervals; one run alone is always shown so.")
@json_option
def score(runs: tuple[Path, ...], bench: Path | None, compat: str | None, details: bool, as_json: bool) -> None:
    """Score runs: writes scores.json into each and prints one table of all."""
    from terrabench.replies.compat import release_scores, release_text
    from terrabench.scoring.beside import score_all
    from terrabench.scoring.tables import format_table

    scored = score_all(runs, bench)
    released = [release_scores(folder, bench) for folder in runs] if compat else []
    if as_json:
        shown = [{"scores": s, "release": r} for s, r in zip(scored, released, strict=True)] if compat else scored
        print_json(shown[0] if len(shown) == 1 else shown)
        return
    click.echo(format_table(scored, details or None))
    if compat:
        click.echo("\n" + release_text(released))


@click.command()
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bench", metavar="DIR", type=click.Path(path_type=Path), help="The benchmark, if it has moved.")
@click.option("--all-pairs", is_flag=True, help="Every run with every other, instead of each with the first.")
@json_option
def compare(runs: tuple[Path, ...], bench: Path | None, all_pairs: bool, as_json: bool) -> None:
    """Compare runs of the same items, by task and in the macro mean: difference, interval, p-value.

    Runs are compared with the first. With a run under a control it says whether the model uses what is taken away.
    """
    from terrabench.scoring.compare import compare as compare_runs
    from terrabench.scoring.compare_text import comparison_text

    found = compare_runs(runs, bench, all_pairs)
    if as_json:
        print_json(found)
    else:
        click.echo(comparison_text(found))
