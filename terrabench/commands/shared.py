"""What the commands of ``terrabench`` share."""

from __future__ import annotations

from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value on standard output.")
BENCH_HELP = "Benchmark folder, the published table (.parquet), or `embedded`."


def print_json(value: Any) -> None:
    """Print one JSON value."""
    from terracot.io import pretty_json

    click.echo(pretty_json(value), nl=False)
