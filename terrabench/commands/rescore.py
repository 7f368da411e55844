"""``terrabench rescore``."""

from __future__ import annotations

from pathlib import Path

import click

from terrabench.commands.shared import json_option, print_json


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bench", metavar="DIR", type=click.Path(path_type=Path), help="The benchmark, if it has moved.")
@json_option
def rescore(runs: tuple[Path, ...], bench: Path | None, as_json: bool) -> None:
    """Read the saved replies again with the present parser and say which letters change.

    Writes scores.json into each run; the replies themselves stay as they are, and no model is asked.
    """
    from terrabench.replies.rescore import rescore as read_again
    from terrabench.replies.rescore import rescore_text

    found = [read_again(folder, bench) for folder in runs]
    if as_json:
        print_json(found[0] if len(found) == 1 else found)
    else:
        click.echo("\n".join(rescore_text(one) for one in found))
