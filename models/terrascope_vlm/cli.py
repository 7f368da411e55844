"""``terrascope-vlm``: ask one question, show a page to ask from, train."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """The reference TerraScope: a model that draws the regions it reasons about."""
