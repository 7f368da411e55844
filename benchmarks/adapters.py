"""python benchmarks/adapters.py --out DIR

Every published set from a small synthetic download in its layout: check, data set, benchmark, both verified against the
source. Prints one row per set; exit code 1 when anything does not verify, or when a set gives nothing that it should.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from terrabench.building.build import build
from terracot.dataset import generate
from terracot.generate import source_spec
from terracot.io import MANIFEST, read_json
from terracot.survey import survey
from terracot.verify import verify

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "terracot" / "sources"))
from every_source import DOWNLOADS


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path))
def main(out: Path) -> None:
    """Walk the whole way for every published set."""
    print(f"{'source':<14}{'scenes':>7}{'samples':>9}{'items':>7}{'problems':>10}  tasks")
    ok = True
    for name, write in DOWNLOADS.items():
        download = write(out / name / "download")
        options = dict(option.split("=", 1) for option in download.options)
        paths = {key: options[key] for key in download.paths}
        spec = source_spec(name, str(download.path), options)
        usable = survey(spec).usable
        problems = 0
        samples = generate(spec, out / name / "terracot").counts["samples"]
        items = build(spec, out / name / "bench").counts["items"]
        for folder in ("terracot", "bench"):
            problems += len(verify(out / name / folder, str(download.path), options=paths).problems)
        tasks = {t: n for t, n in read_json(out / name / "bench" / MANIFEST)["counts"]["tasks"].items() if n}
        listed = ", ".join(f"{task} {count}" for task, count in tasks.items())
        print(f"{name:<14}{usable:>7}{samples:>9}{items:>7}{problems:>10}  {listed}", flush=True)
        ok = ok and not problems and bool(samples) == download.samples and bool(items) == download.items
    sys.exit(int(not ok))


if __name__ == "__main__":
    main()
