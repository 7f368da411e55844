"""``terracot export`` and ``terracot import``. Everything heavy is imported when one of them runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
_format_option = click.option(
    "--format", "form", type=click.Choice(["released"]), required=True, help="`released`: the published training form."
)
_out_option = click.option(
    "--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder to write."
)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_format_option
@_out_option
@_json_option
def export(folder: Path, form: str, out: Path, as_json: bool) -> None:
    """Write the samples of DIR in the form that the paper's data were published in: conversations, RLE, pictures."""
    from terracot.cli import print_counts
    from terracot.released.export import export_released

    counts = export_released(folder, out, sys.stderr.isatty() and not as_json)
    if as_json:
        click.echo(json.dumps({"out": str(out), "format": form, "counts": counts}, ensure_ascii=False))
        return
    click.echo(f"{counts['published']} rows in the published form, {counts['extended']} with keys of our own: {out}")
    print_counts(counts["extended_because"])


@click.command(name="import")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@_format_option
@_out_option
@click.option(
    "--image-root", metavar="DIR", type=click.Path(path_type=Path), help="Where image names begin.  [default: PATH]"
)
@click.option(
    "--license", "licence", metavar="NAME", default="unstated", show_default=True, help="Licence of rows without one."
)
@click.option(
    "--images", type=click.Choice(["embed", "files"]), default="embed", show_default=True, help="As for `generate`."
)
@click.option("--workers", metavar="N", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option(
    "--max-quarantined",
    metavar="SHARE",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Exit with code 3 when a larger share of the rows cannot be used.",
)
@_json_option
def import_command(
    path: Path,
    form: str,
    out: Path,
    image_root: Path | None,
    licence: str,
    images: str,
    workers: int,
    max_quarantined: float,
    as_json: bool,
) -> None:
    """Make a Terra-CoT folder of rows in the published form: a .json or .jsonl file, or a folder of them.

    Answers stay stated: nothing is measured. Rows that cannot be read are listed in quarantine.jsonl, each by itself.
    """
    from terracot.cli import EXIT_INVALID, exit_if_quarantined, print_generated, report_of
    from terracot.released.importing import import_released

    progress = sys.stderr.isatty() and not as_json
    result = import_released(path, out, image_root, licence, workers, progress, images)
    report = report_of(result)
    if as_json:
        click.echo(json.dumps(report | {"format": form}, ensure_ascii=False))
    else:
        print_generated(report, "row")
    exit_if_quarantined(result, max_quarantined, "row")
    if not report["counts"]["samples"]:
        click.echo(f"Warning: no row could be used; {result.out / 'quarantine.jsonl'} says why", err=True)
        raise click.exceptions.Exit(EXIT_INVALID)
