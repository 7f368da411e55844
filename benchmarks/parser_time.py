"""python benchmarks/parser_time.py [--runs 5] [--json]

How long the answer parser takes for one reply, against the floor of splitting the same reply into words: for a reply of
usual length, and for ten megabytes of it (the ratio must not grow with the length).
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable

import click

from terrabench.replies.answers import parse

OPTIONS = ["12%", "34%", "56%", "78%"]
USUAL = (
    "<think>I outline the cropland: [SEG]. It covers 8,490 of 16,384 valid pixels, which is 51.8%. That is closest to "
    "56%.</think> The region is large, so the answer is C. <answer>C</answer>\n"
)
REPLIES = {"usual": USUAL, "ten megabytes": USUAL * (10_000_000 // len(USUAL))}


def seconds(work: Callable[[], object], runs: int) -> float:
    """Median wall time of a call."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@click.command()
@click.option("--runs", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(runs: int, as_json: bool) -> None:
    """Time the parser."""
    results = {}
    for name, reply in REPLIES.items():
        repeat = 1000 if name == "usual" else 1
        floor = seconds(lambda r=reply, n=repeat: [re.findall(r"\w+", r) for _ in range(n)], runs) / repeat
        took = seconds(lambda r=reply, n=repeat: [parse(r, OPTIONS) for _ in range(n)], runs) / repeat
        results[name] = {"parse_s": took, "floor_s": floor, "ratio": took / floor}
    if as_json:
        print(json.dumps(results, indent=2))
        return
    for name, r in results.items():
        print(f"{name:<14} {r['parse_s']:.6f} s   {r['ratio']:6.2f} x splitting it into words")


if __name__ == "__main__":
    main()
