"""python benchmarks/baselines.py TRAIN TEST --out DIR [--masks TERRA_COT] [--segmenter NAME ...]

Run every baseline on TEST, those that learn fitted on TRAIN (and on the masks of TERRA_COT, where given), and print
one table: accuracy by task, macro, mean IoU, and how often segment-then-measure had to guess. Runs lie in DIR and are
taken up where they were.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from terrabench.asking.responses import RESPONSES
from terrabench.asking.runner import run
from terrabench.items import Benchmark, tasks_of
from terrabench.scoring.scores import score
from terracot.io import iter_jsonl
from terracot.plugins import load_model


@click.command()
@click.argument("train", type=click.Path(exists=True, file_okay=False))
@click.argument("test", type=click.Path(exists=True, file_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--masks", type=click.Path(exists=True, file_okay=False))
@click.option("--segmenter", "segmenters", multiple=True, default=("boosting",), help="May be given repeatedly.")
def main(train: str, test: str, out: Path, masks: str | None, segmenters: tuple[str, ...]) -> None:
    """Print the table of baselines on TEST."""
    bench = Benchmark.open(test)
    shared = {"train": train, "cache": str(out / "cache")} | ({"masks": masks} if masks else {})
    models: list[tuple[str, str, dict[str, str]]] = [
        ("chance", "chance", {}),
        ("majority", "majority", {"train": train}),
        ("blind", "blind", {"train": train}),
        ("box-oracle", "box-oracle", {}),
        ("oracle", "oracle", {}),
        *((f"measure-{name}", "segment-then-measure", shared | {"segmenter": name}) for name in segmenters),
    ]
    tasks = tasks_of({item["task"] for item in bench.items})
    print(
        f"{'model':<18}" + "".join(f"{task[:9]:>10}" for task in tasks) + f"{'macro':>8}{'mIoU':>7}{'guess':>7}{'s':>7}"
    )
    counts = "".join(f"{sum(item['task'] == task for item in bench.items):>10}" for task in tasks)
    print(f"{'items':<18}{counts}")
    for name, spec, arguments in models:
        start = time.perf_counter()
        run(bench, load_model(spec, arguments), spec, out / name, arguments=arguments)
        seconds = time.perf_counter() - start
        scores = score(out / name)
        guesses = sum("guess" in (line["meta"] or {}) for line in iter_jsonl(out / name / RESPONSES))
        columns = "".join(f"{100 * scores['tasks'][task]['accuracy']:>10.1f}" for task in tasks)
        iou = scores["mean_iou"]
        shown = f"{100 * iou:>7.1f}" if iou is not None else f"{'-':>7}"
        macro = f"{100 * scores['macro_accuracy']:>8.1f}"
        print(f"{name:<18}{columns}{macro}{shown}{guesses:>7}{seconds:>7.0f}", flush=True)


if __name__ == "__main__":
    main()
