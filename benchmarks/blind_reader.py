"""python benchmarks/blind_reader.py BENCH | --procedural YAML [--per-task N] [--json]

How well can each of the six tasks of a finished benchmark be answered without any image? A fair benchmark keeps the
one-sided 95 % upper bound under chance + 3 points. Beside it the control that shows the reader can find a leak: the
same items with the published ladder of options (0.7 / 1 / 1.2 / 1.4 of the truth). On 2,000 items of a fair task the
bound is missed by chance about once in fourteen times (four options; once in seven for two), so give it all there are.
Exit code 1 when a task with at least 1,000 items fails either bound.

With --procedural the items are those that `terrabench build procedural YAML` writes, made in memory and without pixels.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from terrabench.blind import blind_score, with_ladder
from terrabench.build import rebuild
from terrabench.tasks import TASKS
from terracot.findings import SceneFacts
from terracot.options import capped
from terracot.rules import Filters
from terracot.shards import read_rows
from terracot.sources import open_source

COLUMNS = ["id", "task", "question", "options", "option_values", "answer", "group", "truth", "stratum"]
ALLOWED, WANTED, ENOUGH = 0.03, 0.20, 1000


def made_in_memory(settings: str) -> Iterator[dict[str, Any]]:
    """The items of a procedural benchmark, by the function that `terracot verify` rebuilds them with."""
    source = open_source("procedural", settings)
    ids = source.ids()
    manifest = {"filters": asdict(Filters()), "seed": 0, "scenes_read": len(ids), "per_task": None, "leaked": []}
    rebuilt = rebuild(manifest, source)
    blank = {"frames": [{"t": t, "modality": "optical", "image": {}} for t in (1, 2)]}
    for scene_id in ids:
        if rebuilt.holds(scene_id):
            yield from rebuilt.rows(SceneFacts(source.load(scene_id)), blank)


@click.command()
@click.argument("bench", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--procedural", metavar="YAML", help="Settings of synthetic scenes, such as '{scenes: 2000, size: 64}'.")
@click.option("--per-task", type=int, help="At most N items of each task, drawn by hash; all when not given.")
@click.option("--json", "as_json", is_flag=True)
def main(bench: Path | None, procedural: str | None, per_task: int | None, as_json: bool) -> None:
    """Score the blind reader on every task of BENCH."""
    by_task: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if (bench is None) == (procedural is None):
        raise click.UsageError("give either BENCH or --procedural")
    for row in read_rows(bench, "items", COLUMNS) if bench is not None else made_in_memory(str(procedural)):
        by_task[row["task"]].append(row)
    results, failed = [], False
    for task in TASKS:
        words = TASKS[task].words is not None
        names = [(row["id"], row["stratum"], row["truth"]["text"] if words else None) for row in by_task[task]]
        chosen = capped(names, per_task or len(names), ("blind", task))
        items = [row for row in by_task[task] if row["id"] in chosen]
        if len(items) < 50:
            results.append({"task": task, "n": len(items)})
            continue
        score = blind_score(items)
        result: dict[str, Any] = {"task": task, "n": score.n, "accuracy": score.accuracy, "chance": score.chance}
        result |= {"upper95": score.upper95, "passes": score.upper95 < score.chance + ALLOWED}
        if items[0]["option_values"][0] is not None:
            ladder = blind_score(with_ladder(items))
            result |= {"ladder": ladder.accuracy, "ladder_found": ladder.accuracy > ladder.chance + WANTED}
        failed |= score.n >= ENOUGH and not (result["passes"] and result.get("ladder_found", True))
        results.append(result)
    if as_json:
        print(json.dumps(results, indent=2))
    else:
        print(f"{'task':<16} {'n':>5} {'chance':>7} {'blind':>7} {'upper 95':>9} {'ladder':>7}")
        for r in results:
            if "accuracy" not in r:
                print(f"{r['task']:<16} {r['n']:>5}  too few items")
                continue
            ladder_text = f"{r['ladder']:7.1%}" if "ladder" in r else "      -"
            mark = "" if r["passes"] else "  above chance + 3 points"
            scores = f"{r['chance']:7.1%} {r['accuracy']:7.1%} {r['upper95']:9.1%} {ladder_text}"
            print(f"{r['task']:<16} {r['n']:>5} {scores}{mark}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
