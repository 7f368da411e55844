"""``terrabench probe``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from terrabench.commands.shared import json_option, print_json
from terracot.cli import EXIT_INVALID, parse_arguments


@click.command()
@click.argument("bench", metavar="BENCH", type=click.Path(path_type=Path))
@click.option("--model", "spec", metavar="SPEC", help="Also ask this model; it must accept masks.")
@click.option("--model-args", metavar="k=v,...", multiple=True, help="Arguments of the model; may be given repeatedly.")
@click.option("--levels", metavar="IOU,...", help="Levels of IoU; by default 0.9,0.8 ... 0.1.")
@click.option("--ways", metavar="NAME,...", help="Some of boundary,blockiness,missing,wrong; by default all.")
@click.option("--seeds", metavar="N", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Use N items only, taking the tasks in turn.")
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder of the probe.")
@click.option("--retry-errors", is_flag=True, help="Ask again where the model ended with an error.")
@click.option("--no-picture", is_flag=True, help="Do not draw probe.png, which needs matplotlib.")
@json_option
@click.option("--quiet", is_flag=True, help="No progress bar and no table.")
def probe(
    bench: Path,
    spec: str | None,
    model_args: tuple[str, ...],
    levels: str | None,
    ways: str | None,
    seeds: int,
    limit: int | None,
    out: Path,
    retry_errors: bool,
    no_picture: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Give worse and worse masks to exact arithmetic, and to a model, and see how the answers hold.

    True masks are degraded in four ways to IoU 0.9, 0.8 ... 0.1. Writes probe.json with the curves and probe.png with
    their picture into DIR. A probe that was stopped goes on where it was when the same command is given again.
    """
    from terrabench.items import Benchmark
    from terrabench.probe.degrade import LEVELS, WAYS
    from terrabench.probe.report import probe as run_all
    from terrabench.probe.table import probe_table
    from terracot.plugins import load_model

    arguments = parse_arguments(model_args)
    if arguments and not spec:
        raise click.UsageError("--model-args are for a model; name it with --model")
    found = run_all(
        Benchmark.open(bench),
        out,
        model=load_model(spec, arguments) if spec else None,
        spec=spec,
        arguments=arguments,
        ways=[way.strip() for way in ways.split(",")] if ways else WAYS,
        levels=_levels(levels) if levels else LEVELS,
        seeds=seeds,
        limit=limit,
        retry_errors=retry_errors,
        progress=not quiet and sys.stderr.isatty(),
        picture=not no_picture,
    )
    if as_json:
        print_json(found)
    elif not quiet:
        click.echo(probe_table(found))
    return EXIT_INVALID if spec and found["errors"] == found["answers"] else 0


def _levels(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"expected numbers such as 0.9,0.5,0.1; found {text!r}", param_hint="--levels"
        ) from error
