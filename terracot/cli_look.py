"""Commands that look into a finished folder: ``show``, ``browse``, ``stats``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A range of numbers, without those that lie in every range: not-a-number, and infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or what is wrong with it."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.command()
@folder_argument
@click.argument("row_id", metavar="ID")
@click.option("--out", required=True, metavar="PNG", type=click.Path(path_type=Path), help="Picture to write.")
def show(folder: Path, row_id: str, out: Path) -> None:
    """Draw the sample or benchmark item ID of DIR: pictures, masks, question, trace and answer."""
    from terracot.show import show as draw

    if out.suffix.lower() != ".png":
        raise click.UsageError(f"--out {out}: expected a name that ends in .png")
    draw(folder, row_id, out)
    click.echo(str(out))


@click.command()
@folder_argument
@click.option(
    "--within",
    metavar="KM",
    type=FiniteRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Count scenes that lie closer than this to a train scene.",
)
@json_option
def stats(folder: Path, within: float, as_json: bool) -> None:
    """Count what DIR holds, show how its answers are spread, and how far its splits lie apart."""
    from terracot.stats import stats as count
    from terracot.stats import stats_text

    found = count(folder, within)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else stats_text(found))


@click.command()
@folder_argument
@click.option("--out", required=True, metavar="HTML", type=click.Path(path_type=Path), help="Page to write.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="At most N rows, drawn evenly over levels.",
)
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Seed of the draw.")
def browse(folder: Path, out: Path, limit: int, seed: int) -> None:
    """Write one page to look through DIR: pictures, masks that light up with the trace, filters.

    The page is a single file that needs no network and no server: open it in any browser, send it to anybody.
    """
    from terracot.browse import browse as write_page

    if out.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"--out {out}: expected a name that ends in .html")
    page = write_page(folder, out, limit, seed)
    click.echo(f"{page.shown} of {page.total} rows, {page.size / 1e6:.1f} MB: {page.out}")


COMMANDS = (show, browse, stats)
