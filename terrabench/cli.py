"""The ``terrabench`` command. What is heavy is imported by the command that needs it, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

import terracot
from terrabench.commands.build import build
from terrabench.commands.ledger import ledger
from terrabench.commands.probe import probe
from terrabench.commands.recipe import recipe
from terrabench.commands.rescore import rescore
from terrabench.commands.run import models, run, status
from terrabench.commands.score import compare, score
from terracot.cli import run_command

OWN_PACKAGES = ("terracot", "terrabench", "terrabaselines", "terrascope_vlm")
"""Packages whose ``ValueError`` subclasses carry messages written for users."""


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


for command in (build, recipe, models, run, status, score, compare, ledger, rescore, probe):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script: runs a command and returns its exit code; what users can mend is one ``Error:`` line."""
    return run_command(cli, "terrabench", sys.argv[1:] if arguments is None else arguments)
