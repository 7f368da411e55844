"""``terrabench score``."""

from __future__ import annotations

from pathlib import Path

import click

from terrabench.cli_shared import json_option, print_json


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bench", metavar="DIR", type=click.Path(path_type=Path), help="The benchmark, if it has moved.")
@json_option
def score(runs: tuple[Path, ...], bench: Path | None, as_json: bool) -> None:
    """Score runs: writes scores.json into each and prints one table of all."""
    from terrabench.scoring import score as score_run
    from terrabench.tables import format_table

    scored = [score_run(folder, bench) for folder in runs]
    if as_json:
        print_json(scored[0] if len(scored) == 1 else scored)
    else:
        click.echo(format_table(scored))
