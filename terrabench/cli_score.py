"""``terrabench score``."""

from __future__ import annotations

from pathlib import Path

import click

from terrabench.cli_shared import json_option, print_json


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bench", metavar="DIR", type=click.Path(path_type=Path), help="The benchmark, if it has moved.")
@click.option(
    "--compat",
    type=click.Choice(["release"]),
    help="Score as the released scorer does as well: writes scores.release.json, shown apart.",
)
@json_option
def score(runs: tuple[Path, ...], bench: Path | None, compat: str | None, as_json: bool) -> None:
    """Score runs: writes scores.json into each and prints one table of all."""
    from terrabench.compat import release_scores, release_text
    from terrabench.scoring import score as score_run
    from terrabench.tables import format_table

    scored = [score_run(folder, bench) for folder in runs]
    released = [release_scores(folder, bench) for folder in runs] if compat else []
    if as_json:
        shown = [{"scores": s, "release": r} for s, r in zip(scored, released, strict=True)] if compat else scored
        print_json(shown[0] if len(shown) == 1 else shown)
        return
    click.echo(format_table(scored))
    if compat:
        click.echo("\n" + release_text(released))
