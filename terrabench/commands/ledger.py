"""``terrabench ledger``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from terrabench.commands.shared import json_option, print_json


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--bench", metavar="DIR", type=click.Path(path_type=Path), help="The benchmark, if it has moved.")
@json_option
def ledger(run: Path, bench: Path | None, as_json: bool) -> None:
    """Say at which stage wrong answers went wrong, and which right ones were luck; writes ledger.json into RUN."""
    from terrabench.reasoning.ledger import ledger as ledger_of

    content = ledger_of(run, bench)
    if as_json:
        print_json(content)
    else:
        click.echo(table(content))


def table(content: dict[str, Any]) -> str:
    """The ledger as aligned text: a row a task, then all; shares in per cent of the wrong and of the right answers."""
    from terrabench.reasoning.ledger import RIGHT, WRONG

    head = ["task", "wrong", *WRONG, "right", *RIGHT]
    rows = [[name, *_cells(figures)] for name, figures in [*content["tasks"].items(), ("all", content)]]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        for row in [head, *rows]
    ]
    lines += ["", "of the wrong and of the right answers, with 95 % intervals:"]
    for side in ("wrong", "right"):
        for name, figure in content[side]["verdicts"].items():
            if figure["n"]:
                lines.append(f"  {side}, {name:<12} {figure['n']:>6}  {_share(figure)}")
    faith = content["faithfulness"]
    lines.append(f"stated numbers that agree with the model's own masks: {_share(faith)} of {faith['n']}")
    return "\n".join(lines)


def _cells(figures: dict[str, Any]) -> list[str]:
    cells = []
    for side in ("wrong", "right"):
        shares = [v["share"] for v in figures[side]["verdicts"].values()]
        cells += [str(figures[side]["n"]), *("-" if share is None else f"{share:.1%}" for share in shares)]
    return cells


def _share(figure: dict[str, Any]) -> str:
    if figure["share"] is None:
        return "-"
    interval = f" ({figure['ci95'][0]:.1%} to {figure['ci95'][1]:.1%})" if figure["ci95"] else ""
    return f"{figure['share']:.1%}{interval}"
