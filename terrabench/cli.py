"""The ``terrabench`` command. What is heavy is imported by the command that needs it, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import terracot
from terracot.cli import (
    EXIT_INVALID,
    SHOWN_PROBLEMS,
    exit_if_quarantined,
    parse_arguments,
    print_counts,
    print_quarantined,
    reads_scenes,
    report_of,
    run_command,
)

if TYPE_CHECKING:
    from terracot.generate import SourceSpec

OWN_PACKAGES = ("terracot", "terrabench", "terrabaselines", "terrascope_vlm")
"""Packages whose ``ValueError`` subclasses carry messages written for users."""

_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value on standard output.")
_bench_help = "Benchmark folder made by `terrabench build`."


class _Group(click.Group):
    """Turns the errors of our packages into the one ``Error:`` line of ``run_command``; others keep their traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except ValueError as error:
            if type(error).__module__.split(".")[0] in OWN_PACKAGES:
                raise click.ClickException(str(error)) from error
            raise


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(terracot.__version__, prog_name="terrabench")
def cli() -> None:
    """TerraScope-Bench: build the benchmark, ask any model, score its answers and masks.

    Exit codes: 0 done; 1 the result is not valid; 2 wrong use, or something that cannot be read or written; 3 more was
    left out than allowed; 130 interrupted.
    """


@cli.command()
@reads_scenes
@click.option(
    "--not-in",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Terra-CoT data set that models train on: its places and images give no item. May be given repeatedly.",
)
@click.option("--per-task", metavar="N", type=click.IntRange(min=1), help="Keep at most N items of each task.")
@_json_option
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def build(
    spec: SourceSpec,
    out: Path,
    limit: int | None,
    seed: int,
    workers: int,
    max_quarantined: float,
    per_task: int | None,
    not_in: tuple[Path, ...],
    as_json: bool,
    quiet: bool,
) -> int:
    """Build the six tasks from the scenes of SOURCE at PATH.

    The result has the same bytes whatever the number of workers. A build that was stopped goes on where it was when the
    same command is given again. What was kept and dropped, and why, is in audit.json.
    """
    from terrabench.build import build as build_benchmark
    from terrabench.guard import leaks
    from terracot.dataset import QUARANTINE
    from terracot.io import iter_jsonl

    progress = sys.stderr.isatty() and not (quiet or as_json)
    result = build_benchmark(spec, out, seed, limit, per_task, workers, progress=progress, not_in=not_in)
    report = report_of(result)
    report["leaks"] = leaks(iter_jsonl(out / QUARANTINE))
    if as_json:
        _print_json(report)
    elif not quiet:
        click.echo(f"{report['counts']['items']} items over {report['counts']['scenes']} scenes: {out / 'data'}")
        print_counts(report["counts"]["tasks"])
        print_quarantined(report)
        _print_leaks(report["leaks"])
        click.echo(f"Kept and dropped, and why: {out / 'audit.json'}")
    exit_if_quarantined(result, max_quarantined)
    if not report["counts"]["items"]:
        click.echo(
            "Warning: no item could be made. Numeric options need at least 4 facts of one kind from different places, "
            f"word options both outcomes; {out / 'audit.json'} counts what was found",
            err=True,
        )
        return EXIT_INVALID
    return 0


def _print_leaks(found: Sequence[Mapping[str, Any]]) -> None:
    """Name the scenes that the leakage guard refused."""
    for entry in found[:SHOWN_PROBLEMS]:
        click.echo(f"  {entry['message']}")
    if len(found) > SHOWN_PROBLEMS:
        click.echo(f"  ... and {len(found) - SHOWN_PROBLEMS} more in quarantine.jsonl")


@cli.command()
@_json_option
def models(as_json: bool) -> None:
    """List the registered models. A file works as well: path.py:Class."""
    from terracot.plugins import registered_models

    found = {name: point.value for name, point in registered_models().items()}
    if as_json:
        _print_json(found)
        return
    width = max((len(name) for name in found), default=0)
    for name, value in found.items():
        click.echo(f"{name.ljust(width)}  {value}")


@cli.command()
@click.option("--bench", required=True, metavar="DIR", type=click.Path(path_type=Path), help=_bench_help)
@click.option("--model", "spec", required=True, metavar="SPEC", help="A name of `terrabench models`, or path.py:Class.")
@click.option("--model-args", metavar="k=v,...", multiple=True, help="Arguments of the model; may be given repeatedly.")
@click.option("--out", required=True, metavar="RUN", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Ask N items only, taking the tasks in turn.")
@click.option("--batch-size", metavar="N", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Seed of the opaque prompt ids.")
@click.option("--retry-errors", is_flag=True, help="Ask again the items that ended as errors.")
@_json_option
@click.option("--quiet", is_flag=True, help="No progress bar and no summary.")
def run(
    bench: Path,
    spec: str,
    model_args: tuple[str, ...],
    out: Path,
    limit: int | None,
    batch_size: int,
    seed: int,
    retry_errors: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Ask a model every item of a benchmark and keep its replies and masks in RUN.

    A run that was stopped goes on where it was when the same command is given again.
    """
    from terrabench.items import Benchmark
    from terrabench.runner import run as ask_all
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
    )
    if as_json:
        _print_json(status)
    elif not quiet:
        click.echo(_status_text(status))
        click.echo(f"Scores: terrabench score {out}")
    return EXIT_INVALID if status["counts"]["error"] == status["items"] else 0


@cli.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bench", metavar="DIR", type=click.Path(path_type=Path), help="The benchmark, if it has moved.")
@_json_option
def score(runs: tuple[Path, ...], bench: Path | None, as_json: bool) -> None:
    """Score runs: writes scores.json into each and prints one table of all."""
    from terrabench.scoring import score as score_run
    from terrabench.tables import format_table

    scored = [score_run(folder, bench) for folder in runs]
    if as_json:
        _print_json(scored[0] if len(scored) == 1 else scored)
    else:
        click.echo(format_table(scored))


@cli.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@_json_option
def status(run_folder: Path, as_json: bool) -> None:
    """Say how far a run is, without touching it."""
    from terrabench.responses import run_status

    found = run_status(run_folder)
    if as_json:
        _print_json(found)
    else:
        click.echo(_status_text(found))


def _status_text(status: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{number} {name}" for name, number in status["counts"].items() if number)
    lines = [f"{status['model']}: {status['items']} items: {counts}"]
    if status["dropped_masks"]:
        lines.append(f"{status['dropped_masks']} masks were dropped; the `error` of their lines says why")
    lines += [f"{number} x {error}" for error, number in status["frequent_errors"].items()]
    if status["counts"]["error"]:
        lines.append("Errors are asked again with --retry-errors")
    return "\n".join(lines)


def _print_json(value: Any) -> None:
    from terracot.io import pretty_json

    click.echo(pretty_json(value), nl=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script: runs a command and returns its exit code; what users can mend is one ``Error:`` line."""
    return run_command(cli, "terrabench", sys.argv[1:] if arguments is None else arguments)
