"""python benchmarks/blind_reader.py BENCH... | --procedural YAML [--protocol strict|paper|both] [--fair N] [--json]

How well can each task of finished benchmarks be answered without any image? The reader sees the whole text and the
name of the source, and is asked about places that it has not learnt from (terrabench/blind.py). Items of several
BENCHes are pooled by protocol and task.

Under the strict protocol a task with at least 1,000 items fails, with exit code 1, when the one-sided 95 % upper bound
reaches chance + 3 points, or when the reader does not find the published ladder of options (0.7 / 1 / 1.2 / 1.4 of the
truth) planted into the same items. Of smaller tasks the two-sided interval is shown, and whether it holds chance, or
lies above or below. The paper protocol has that ladder, so its score is shown and fails nothing.

--fair N replaces every answer by one drawn by lot, N times, and counts how often a fair task of this size fails.
With --procedural the items are those that `terrabench build procedural YAML` writes, made in memory.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from terrabench.blind import ALLOWED, ENOUGH, blind_score, with_ladder
from terrabench.building.build import AsProtocol, rebuild
from terrabench.building.protocols import PROTOCOLS
from terrabench.building.settings import Settings
from terrabench.items import tasks_of
from terracot.findings import SceneFacts
from terracot.io import read_manifest
from terracot.plugins import LETTERS
from terracot.seeding import seeded_rng
from terracot.shards import read_rows
from terracot.sources import open_source

Row = dict[str, Any]
COLUMNS = ["id", "task", "question", "options", "option_values", "answer", "group", "source", "truth"]
WANTED, FEWEST = 0.20, 50


def items_of_folder(bench: Path) -> tuple[str, list[Row]]:
    """Protocol and items of a finished benchmark; places of different sources are different places."""
    protocol = read_manifest(bench)["settings"]["protocol"]["name"]
    rows = list(read_rows(bench, "items", COLUMNS))
    return protocol, [row | {"group": f"{row['source']}/{row['group']}"} for row in rows]


def made_in_memory(yaml: str, protocol: str) -> Iterator[Row]:
    """The items of a procedural benchmark, by the function that `terracot verify` rebuilds them with."""
    source = open_source("procedural", yaml)
    ids = source.ids()
    settings = Settings(protocol=PROTOCOLS[protocol])
    rebuilt = rebuild({"settings": settings.to_dict(), "scenes_read": len(ids), "leaked": []}, source)
    seen = AsProtocol(source, settings.protocol)
    blank = {"frames": [{"t": t, "modality": "optical", "image": {}} for t in range(1, 10)]}
    for scene_id in ids:
        (rows,) = rebuilt.rows([(SceneFacts(seen.load(scene_id)), blank)])
        yield from ({name: row[name] for name in COLUMNS} for row in rows)


def scored(protocol: str, task: str, items: Sequence[Row], fair: int) -> Row:
    """What the reader scores on the items of one task, and whether they fail."""
    result: Row = {"protocol": protocol, "task": task, "n": len(items), "fails": False}
    if len(items) < FEWEST or len({item["group"] for item in items}) < 5:
        return result
    score = blind_score(items)
    result |= {"chance": score.chance, "accuracy": score.accuracy, "interval": [score.low, score.high]}
    result |= {"upper95": score.upper95, "holds_chance": score.holds_chance, "readers": list(score.readers)}
    numeric = [item for item in items if item["option_values"][0] is not None and item["truth"]["value"]]
    if len(numeric) == len(items):
        ladder = blind_score(with_ladder(items))
        result |= {"ladder": ladder.accuracy, "ladder_found": ladder.accuracy > ladder.chance + WANTED}
    if fair:
        alarms = [not blind_score(answered_by_lot(items, n)).passes for n in range(fair)]
        result["false_alarms"] = float(np.mean(alarms))
    judged = protocol != "paper" and score.n >= ENOUGH
    result["fails"] = judged and not (score.passes and result.get("ladder_found", True))
    return result


def answered_by_lot(items: Sequence[Row], number: int) -> list[Row]:
    """The same items, every option as likely to be the answer: fair whatever their words."""
    rng = seeded_rng("by lot", number)
    return [item | {"answer": LETTERS[rng.integers(len(item["options"]))]} for item in items]


def line(r: Row) -> str:
    """One row of the table."""
    start = f"{r['protocol']:<9} {r['task']:<16} {r['n']:>5}"
    if "accuracy" not in r:
        return f"{start}  too few items or places"
    low, high = r["interval"]
    ladder = f"{r['ladder']:7.1%}" if "ladder" in r else f"{'-':>7}"
    text = f"{start} {r['chance']:7.1%} {r['accuracy']:7.1%}  {low:6.1%} to {high:6.1%} {r['upper95']:9.1%} {ladder}"
    if r["protocol"] == "paper":
        verdict = "not judged"
    elif r["n"] >= ENOUGH:
        verdict = "fails" if r["fails"] else "passes"
    else:
        verdict = "at chance" if r["holds_chance"] else "above chance" if low > r["chance"] else "below chance"
    alarms = f", false alarms {r['false_alarms']:.0%}" if "false_alarms" in r else ""
    return f"{text}  {verdict}{alarms}"


@click.command()
@click.argument("benches", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--procedural", metavar="YAML", help="Settings of synthetic scenes, such as '{scenes: 2000, size: 64}'.")
@click.option("--protocol", type=click.Choice([*PROTOCOLS, "both"]), default="both", help="Of --procedural.")
@click.option("--fair", metavar="N", type=click.IntRange(min=0), default=0, help="Measure false alarms N times.")
@click.option("--json", "as_json", is_flag=True)
def main(benches: tuple[Path, ...], procedural: str | None, protocol: str, fair: int, as_json: bool) -> None:
    """Score the blind reader on every task of BENCHES."""
    if bool(benches) == (procedural is not None):
        raise click.UsageError("give either BENCH... or --procedural")
    if procedural is None:
        sets = [items_of_folder(bench) for bench in benches]
    else:
        names = PROTOCOLS if protocol == "both" else (protocol,)
        sets = [(name, list(made_in_memory(procedural, name))) for name in names]
    by_task: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for name, rows in sets:
        for row in rows:
            by_task[name][row["task"]].append(row)
    results = []
    if not as_json:
        heads = f"{'chance':>7} {'blind':>7}  {'95 %':^16} {'upper 95':>9} {'ladder':>7}"
        print(f"{'protocol':<9} {'task':<16} {'n':>5} {heads}  (allowed: chance + {ALLOWED:.0%} from {ENOUGH:,} items)")
    for name, tasks in by_task.items():
        for task in tasks_of(tasks):
            results.append(scored(name, task, tasks[task], fair))
            if not as_json:
                print(line(results[-1]), flush=True)
    if as_json:
        print(json.dumps(results, indent=2))
    sys.exit(1 if any(r["fails"] for r in results) else 0)


if __name__ == "__main__":
    main()
