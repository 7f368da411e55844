"""``terrascope-vlm train``: stage 1 teaches the mask decoder what ``[SEG]`` means, stage 2 reasoning with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def train() -> None:
    """Train on Terra-CoT folders: stage1, then stage2.

    CONFIG is a YAML file or the name of a recipe that comes along: paper-8b-stage1, paper-8b-stage2, tiny-stage1,
    tiny-stage2. Every key of it can be changed with --set. Several processes: `accelerate launch -m
    terrascope_vlm.training.command stage2 CONFIG ...`.
    """


def _stage(name: str, about: str) -> Callable[..., Any]:
    def command(
        config: str, out: Path | None, changes: Sequence[str], resume: bool, minutes: float | None, quiet: bool
    ) -> None:
        _run(name, config, out, changes, resume, minutes, quiet)

    command.__doc__ = about
    for option in reversed(
        (
            click.argument("config"),
            click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Folder of the run."),
            click.option(
                "--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change a key: model.settings.x=1."
            ),
            click.option("--resume", is_flag=True, help="Go on from the last checkpoint in DIR, to the same losses."),
            click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop with a checkpoint then."),
            click.option("--quiet", is_flag=True, help="No progress bar."),
        )
    ):
        command = option(command)
    return train.command(name)(command)


def _run(
    stage: str, config: str, out: Path | None, changes: Sequence[str], resume: bool, minutes: float | None, quiet: bool
) -> None:
    from terrascope_vlm.training.loop import CHECKPOINTS, FINAL
    from terrascope_vlm.training.loop import train as trained
    from terrascope_vlm.training.settings import read_settings

    settings = read_settings(stage, config, changes)
    folder = out or (Path(settings.out) if settings.out else None)
    if folder is None:
        raise click.UsageError("say where the run goes: --out DIR, or the key `out` of CONFIG")
    outcome = trained(settings, folder, resume=resume, minutes=minutes, quiet=quiet)
    took = outcome.summary
    click.echo(
        f"step {outcome.step} of {outcome.steps}; {took['samples_per_s']:g} samples/s, {took['tokens_per_s']:g} "
        f"tokens/s, waiting for data {took['waited_share']:.0%} of the time, peak memory "
        f"{took['peak_memory_mib']:,.0f} MiB"
    )
    if outcome.reason == "finished":
        click.echo(f"model: {folder / FINAL}")
    else:
        why = {"time": "the time is up", "signal": "interrupted"}[outcome.reason]
        click.echo(f"{why}; checkpoint in {folder / CHECKPOINTS}, go on with --resume")


stage1 = _stage(
    "stage1",
    """Teach the mask decoder: `refer` samples, one region each.""",
)
stage2 = _stage(
    "stage2",
    """Teach reasoning with regions: samples of all levels, evidence in the sequence.""",
)


if __name__ == "__main__":
    train()
