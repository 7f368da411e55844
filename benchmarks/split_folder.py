"""python benchmarks/split_folder.py FOLDER OUT --group COLUMN [--block N] [--share 0.4]

Cut a folder of rasters in two by the places of its index.csv (or blocks of N neighbouring numbers of COLUMN), so that
a benchmark of OUT/test has no place of
OUT/train. Nothing is copied: both parts hold links to the files of FOLDER, and lines of its index. Both keep the name
of FOLDER, by which its shipped layout is found. A hash of the place decides.
"""

from __future__ import annotations

import csv
from pathlib import Path

import click

from terracot.seeding import seed_of


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--group", required=True, metavar="COLUMN", help="Column of index.csv with the place of a patch.")
@click.option("--block", type=click.IntRange(1), help="Numbers of COLUMN that count as one place.")
@click.option(
    "--share", type=click.FloatRange(0, 1), default=0.4, show_default=True, help="Of the places, for the test."
)
def main(folder: Path, out: Path, group: str, block: int | None, share: float) -> None:
    """Write OUT/train/NAME and OUT/test/NAME."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    places = {row["id"]: row[group] if block is None else str(int(row[group]) // block) for row in rows}
    for part in ("train", "test"):
        kept = [row for row in rows if (seed_of("split", places[row["id"]]) / 2**64 < share) == (part == "test")]
        target = out / part / folder.resolve().name
        for row in kept:
            for raster in sorted(folder.glob(f"*/{row['id']}.*")):
                link = target / raster.parent.name / raster.name
                link.parent.mkdir(parents=True, exist_ok=True)
                if not link.exists():
                    link.symlink_to(raster.resolve())
        with (target / "index.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(kept)
        print(f"{part}: {len(kept)} patches of {len({places[row['id']] for row in kept})} places in {target}")


if __name__ == "__main__":
    main()
