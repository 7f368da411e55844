"""python benchmarks/real_data.py DATA --out DIR [--workers N] [--json]

The main job on every folder of DATA that a shipped layout or an adapter reads: data set, verification against the
source, benchmark, and the reference models (chance alone where the source states the answers: no mask to measure).
Prints one row per folder, then chance pooled over all items against exact chance. Exit code 1 when something does not
verify, when the oracle is not always right, or when chance lies outside its 95 % interval.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from terrabaselines.chance import Chance
from terrabaselines.oracle import BoxOracle, Oracle

from terrabench.asking.runner import run
from terrabench.building.build import build
from terrabench.items import Benchmark
from terrabench.scoring.scores import score
from terrabench.statistics.intervals import wilson
from terracot.dataset import generate
from terracot.generate import source_spec
from terracot.sources.layout import shipped_layouts
from terracot.verify import verify

ADAPTERS = {"rsvqa_lr": "rsvqa-lr"}
MODELS = {"oracle": Oracle, "box-oracle": BoxOracle, "chance": Chance}


def one_folder(path: Path, out: Path, workers: int) -> dict[str, Any]:
    """Everything for one folder."""
    spec = source_spec(ADAPTERS.get(path.name, "geotiff"), str(path))
    samples = generate(spec, out / "terracot", workers=workers)
    items = build(spec, out / "bench", workers=workers)
    problems = verify(out / "terracot", str(path)).problems + verify(out / "bench", str(path)).problems
    row: dict[str, Any] = {"folder": path.name, "samples": samples.counts["samples"], "items": items.counts["items"]}
    row["problems"] = len(problems)
    bench = Benchmark.open(out / "bench") if items.counts["items"] else None
    asked = {} if bench is None else {"chance": Chance} if path.name in ADAPTERS else MODELS
    for name, model in asked.items():
        if bench is not None:
            run(bench, model(), name, out / name)
            scores = score(out / name)
            row[name] = {k: scores[k] for k in ("micro_accuracy", "macro_accuracy", "mean_iou", "r_iou_correct")}
            row["chance_micro"] = scores["chance_micro"]
    return row


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--workers", default=2, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(data: Path, out: Path, workers: int, as_json: bool) -> None:
    """Run the main job on every known folder of DATA."""
    known = sorted((*shipped_layouts(), *ADAPTERS))
    rows = [one_folder(data / name, out / name, workers) for name in known if (data / name).is_dir()]
    asked = [row for row in rows if row["items"]]
    n = sum(row["items"] for row in asked)
    right = round(sum(row["chance"]["micro_accuracy"] * row["items"] for row in asked))
    expected = sum(row["chance_micro"] * row["items"] for row in asked) / n
    low, high = wilson(right, n)
    ok = not any(row["problems"] for row in rows) and low <= expected <= high
    ok = ok and all(
        row["oracle"]["micro_accuracy"] == row["oracle"]["mean_iou"] == 1.0 for row in asked if "oracle" in row
    )
    pooled = {"n": n, "accuracy": right / n, "ci95": [low, high], "exact_chance": expected}
    if as_json:
        print(json.dumps({"folders": rows, "chance_pooled": pooled, "ok": ok}, indent=2))
    else:
        print(
            f"{'folder':<24}{'samples':>8}{'problems':>9}{'items':>7}{'oracle':>8}{'IoU':>6}{'box':>8}{'IoU':>6}{'r':>7}"
        )
        for row in rows:
            line = f"{row['folder']:<24}{row['samples']:>8}{row['problems']:>9}{row['items']:>7}"
            if "oracle" in row:
                oracle, box = row["oracle"], row["box-oracle"]
                line += f"{oracle['micro_accuracy']:>8.1%}{oracle['mean_iou']:>6.2f}"
                line += f"{box['micro_accuracy']:>8.1%}{box['mean_iou']:>6.2f}{box['r_iou_correct'] or 0:>7.2f}"
            print(line)
        share = f"{right} of {n} = {right / n:.1%}, 95 % interval {low:.1%} to {high:.1%}"
        print(f"chance, pooled: {share}; exact {expected:.1%}")
    sys.exit(int(not ok))


if __name__ == "__main__":
    main()
