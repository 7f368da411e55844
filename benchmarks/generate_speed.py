"""Speed and memory of `terracot generate`, against the floor of reading the same rasters and writing the same Parquet.

    python benchmarks/generate_speed.py --out DIR [--scenes 256] [--memory]

The rasters (synthetic: 256 x 256 pixels, four bands of 16 bits and a label map) are written first, untimed. Floor and
program then take turns, one process, three times each; medians are compared. The floor decodes every raster once and
writes the tables that the program wrote, with the same settings. All levels are made, and nothing is left out.

With --memory the largest resident size of a whole run is measured at 100 and at 10,000 scenes (hard links to the same
rasters), in a process of its own each.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import rasterio
import yaml

from terracot.shards import ROW_GROUP, parquet_options
from terracot.sources import open_source

LIMIT_RATIO, LIMIT_MEMORY, SIZE = 3.0, 1.10, 256


def write_rasters(folder: Path, count: int) -> None:
    """``count`` synthetic scenes as GeoTIFF with a layout beside them."""
    source = open_source("procedural", f"{{scenes: {count}, size: {SIZE}, families: {{landscape: 1}}, cloud_share: 0}}")
    legend = None
    for number, scene_id in enumerate(source.ids()):
        scene = source.load(scene_id)
        legend = scene.labels[0].legend
        image = (scene.frames[0].pixels() * 10_000).round().astype("uint16")
        for name, data in (("image", image), ("label", scene.labels[0].classes()[None])):
            path = folder / name / f"s{number:05d}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            profile = {"driver": "GTiff", "count": len(data), "height": SIZE, "width": SIZE, "dtype": data.dtype}
            placed = {"crs": scene.crs, "transform": rasterio.Affine(*(scene.transform or ()))}
            with rasterio.open(path, "w", **profile, **placed, compress="deflate", predictor=2) as file:
                file.write(data)
    assert legend is not None
    classes = [{"name": c.name, "codes": [c.id]} for c in legend.classes]
    layout = {
        "name": "speed",
        "license": "CC0-1.0",
        "attribution": "synthetic",
        "legend": {"name": "speed", "classes": classes, "ignore": [255]},
        "frames": [
            {
                "files": "image/{id}.tif",
                "modality": "multispectral",
                "bands": ["B02", "B03", "B04", "B08"],
                "unit": "reflectance",
                "scale": 0.0001,
            }
        ],
        "labels": [{"files": "label/{id}.tif"}],
    }
    (folder / "terracot.yaml").write_text(yaml.safe_dump(layout))


def command(source: Path, out: Path, workers: int = 1) -> list[str]:
    """The program as a user calls it."""
    program = str(Path(sys.executable).with_name("terracot"))
    flags = ["--levels", "refer,caption,l1,l2", "--mix", "all", "--quiet", "--workers", str(workers)]
    return [program, "generate", "geotiff", str(source), "--out", str(out), *flags]


def generated(source: Path, out: Path, workers: int = 1) -> tuple[float, int]:
    """Seconds and largest resident kilobytes of one run into an empty folder."""
    shutil.rmtree(out, ignore_errors=True)
    begin = time.perf_counter()
    done = subprocess.Popen(command(source, out, workers), env={**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, usage = os.wait4(done.pid, 0)
    if status:
        raise SystemExit(f"terracot generate failed with status {status}")
    return time.perf_counter() - begin, usage.ru_maxrss


def floor(source: Path, finished: Path, out: Path) -> float:
    """Seconds to decode every raster once and to write the finished tables again."""
    tables = {path.name: pq.read_table(path) for path in sorted((finished / "data").glob("*.parquet"))}
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    begin = time.perf_counter()
    for path in sorted(source.rglob("*.tif")):
        with rasterio.open(path) as file:
            file.read()
    for name, table in tables.items():
        pq.write_table(table, out / name, row_group_size=ROW_GROUP, **parquet_options(table.schema))
    return time.perf_counter() - begin


def start_up() -> float:
    """Seconds that the program needs to start and to find nothing to do; told apart, not subtracted."""
    begin = time.perf_counter()
    subprocess.run(
        [str(Path(sys.executable).with_name("terracot")), "generate", "--help"], capture_output=True, check=True
    )
    return time.perf_counter() - begin


def many(source: Path, folder: Path, count: int) -> Path:
    """A folder of ``count`` scenes that are hard links to those of ``source``."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("image", "label"):
        files = sorted((source / name).glob("*.tif"))
        (folder / name).mkdir(parents=True)
        for number in range(count):
            os.link(files[number % len(files)], folder / name / f"s{number:05d}.tif")
    shutil.copy(source / "terracot.yaml", folder)
    return folder


def main() -> int:
    """Measure, print, and exit with 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for rasters and results")
    parser.add_argument("--scenes", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="also measure memory at 100 and 10,000 scenes (slow)")
    arguments = parser.parse_args()
    source = arguments.out / "rasters"
    if not (source / "terracot.yaml").exists():
        write_rasters(source, arguments.scenes)
    finished = arguments.out / "finished"
    ours, floors = [], []
    generated(source, finished)  # warms the disk cache
    for _ in range(arguments.repeats):
        ours.append(generated(source, finished)[0])
        floors.append(floor(source, finished, arguments.out / "floor"))
    two = statistics.median(generated(source, arguments.out / "two", 2)[0] for _ in range(arguments.repeats))
    counts = json.loads((finished / "manifest.json").read_text())["counts"]
    one, least = statistics.median(ours), statistics.median(floors)
    samples = counts["samples"]
    print(f"{counts['scenes']} scenes, {samples} samples: {counts['levels']}")
    print(f"floor {least:.2f} s, one process {one:.2f} s (start-up {start_up():.2f} s of it): {one / least:.2f} times")
    print(f"{samples / one:.0f} samples/s with one process, {samples / two:.0f} with two")
    print(f"1,000,000 samples with two processes: {1e6 * two / samples / 60:.0f} minutes")
    broken = one / least > LIMIT_RATIO
    if arguments.memory:
        peaks = {}
        for count in (100, 10_000):
            _, peaks[count] = generated(many(source, arguments.out / f"many-{count}", count), arguments.out / "memory")
            print(f"{count} scenes: largest resident size {peaks[count] / 1024:.0f} MiB", flush=True)
        growth = peaks[10_000] / peaks[100]
        print(f"10,000 to 100 scenes: {growth:.3f}")
        broken |= growth > LIMIT_MEMORY
    return int(broken)


if __name__ == "__main__":
    raise SystemExit(main())
