"""python benchmarks/help_time.py [--runs 11] [--json]

How long the two programs take to print their help, against the floor of a Python that imports click and ends. Target:
under half a second each. Exit code 1 when a median misses it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import click

TARGET_S = 0.5
FLOOR = [sys.executable, "-c", "import click"]
HELPS = {
    "terracot --help": ("terracot", ["--help"]),
    "terracot generate --help": ("terracot", ["generate", "--help"]),
    "terrabench --help": ("terrabench", ["--help"]),
    "terrabench run --help": ("terrabench", ["run", "--help"]),
}


def command(package: str, arguments: list[str]) -> list[str]:
    """What the console script does, without depending on where it is installed."""
    return [sys.executable, "-c", f"import sys; from {package}.cli import main; sys.exit(main())", *arguments]


def seconds(argv: list[str]) -> float:
    """Wall time of one process."""
    start = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


@click.command()
@click.option("--runs", default=11, show_default=True, help="Runs of each command, in turn with the floor.")
@click.option("--json", "as_json", is_flag=True)
def main(runs: int, as_json: bool) -> None:
    """Time the help pages."""
    commands = {"floor: import click": FLOOR, **{name: command(*what) for name, what in HELPS.items()}}
    for argv in commands.values():
        seconds(argv)  # byte-code and file cache
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, argv in commands.items():
            times[name].append(seconds(argv))
    medians = {name: statistics.median(t) for name, t in times.items()}
    floor = medians["floor: import click"]
    results = {name: {"median_s": m, "ratio_to_floor": m / floor} for name, m in medians.items()}
    if as_json:
        print(json.dumps(results, indent=2))
    else:
        for name, r in results.items():
            print(f"{name:<26} {r['median_s']:6.3f} s   {r['ratio_to_floor']:5.2f} x floor")
    sys.exit(int(any(m >= TARGET_S for name, m in medians.items() if not name.startswith("floor"))))


if __name__ == "__main__":
    main()
