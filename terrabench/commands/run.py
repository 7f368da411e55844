"""``terrabench models | run | status``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from terrabench.asking.control_names import NAMES
from terrabench.asking.usage import usage_lines
from terrabench.commands.shared import BENCH_HELP, json_option, print_json
from terracot.cli import EXIT_INVALID, parse_arguments


@click.command()
@json_option
def models(as_json: bool) -> None:
    """List the registered models. A file works as well: path.py:Class."""
    from terracot.plugins import registered_models

    found = {name: point.value for name, point in registered_models().items()}
    if as_json:
        print_json(found)
        return
    width = max((len(name) for name in found), default=0)
    for name, value in found.items():
        click.echo(f"{name.ljust(width)}  {value}")


_CONTROLS = "\b\nControls:\n" + "\n".join(f"  {name.ljust(20)} {about}" for name, about in NAMES.items())
_PROMPTS = ("letter", "think", "box-cot", "none")


@click.command(epilog=_CONTROLS)
@click.option("--bench", required=True, metavar="DIR", type=click.Path(path_type=Path), help=BENCH_HELP)
@click.option("--model", "spec", required=True, metavar="SPEC", help="A name of `terrabench models`, or path.py:Class.")
@click.option("--model-args", metavar="k=v,...", multiple=True, help="Arguments of the model; may be given repeatedly.")
@click.option("--out", required=True, metavar="RUN", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--control", type=click.Choice(list(NAMES)), metavar="NAME", help="Take something away; see below.")
@click.option(
    "--prompt",
    "template",
    type=click.Choice(_PROMPTS),
    help="Form of the reply: the letter alone, thoughts or boxes and then the letter, or no instruction.  [default: "
    "the model's own, else letter]",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Ask N items only, taking the tasks in turn.")
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Items given to the model at once; models that wait for a server take several at a time by themselves.",
)
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Seed of the opaque prompt ids.")
@click.option("--retry-errors", is_flag=True, help="Ask again the items that ended as errors.")
@json_option
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
def run(
    bench: Path,
    spec: str,
    model_args: tuple[str, ...],
    out: Path,
    control: str | None,
    template: str | None,
    limit: int | None,
    batch_size: int,
    seed: int,
    retry_errors: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Ask a model every item of a benchmark and keep its replies and masks in RUN.

    A run that was stopped goes on where it was when the same command is given again. A run under a control is another
    run than the plain one, and needs a folder of its own.
    """
    from terrabench.asking.runner import run as ask_all
    from terrabench.items import Benchmark
    from terracot.plugins import load_model

    arguments = parse_arguments(model_args)
    benchmark = Benchmark.open(bench)
    status = ask_all(
        benchmark,
        load_model(spec, arguments),
        spec,
        out,
        arguments=arguments,
        limit=limit,
        batch_size=batch_size,
        seed=seed,
        retry_errors=retry_errors,
        progress=not quiet and sys.stderr.isatty(),
        template=template,
        control=control,
    )
    if as_json:
        print_json(status)
    elif not quiet:
        click.echo(_status_text(status))
        click.echo(f"Scores: terrabench score {out}")
    asked = status["items"] - status["not_applicable"]
    return EXIT_INVALID if status["counts"]["error"] == asked else 0


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@json_option
def status(run_folder: Path, as_json: bool) -> None:
    """Say how far a run is, without touching it."""
    from terrabench.asking.responses import run_status

    found = run_status(run_folder)
    if as_json:
        print_json(found)
    else:
        click.echo(_status_text(found))


def _status_text(status: Mapping[str, Any]) -> str:
    counted = [f"{number} {name}" for name, number in status["counts"].items() if number]
    if status["not_applicable"]:
        counted.append(f"{status['not_applicable']} not applicable")
    name = status["model"] + (f" under {status['control']}" if status["control"] else "")
    lines = [f"{name}: {status['items']} items: {', '.join(counted)}"]
    if status["dropped_masks"]:
        lines.append(f"{status['dropped_masks']} masks were dropped; the `error` of their lines says why")
    lines += [f"{number} x {note}" for note, number in status["notes"].items()]
    lines += [f"{number} x {error}" for error, number in status["frequent_errors"].items()]
    lines += usage_lines(status)
    if status["counts"]["error"]:
        lines.append("Errors are asked again with --retry-errors")
        if status["control"] == "blind":
            lines.append("A model that cannot answer without an image sets needs_image = True and gets a grey one")
    return "\n".join(lines)
