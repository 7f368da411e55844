"""python benchmarks/tiny_data.py DATA OUT [--scale 1] [--only NAME ...]

The training data of terrascope-tiny and the benchmarks that it is tested on, by the programs of this repository. DATA
holds the real folders hls_worldcover and ombria_flood (left out where absent, and said so); everything else is made.

Places are cut in two first: of hls_worldcover by location, of ombria_flood by blocks of 20 ids; procedural scenes for
training and for tests come from different seeds. Patches of hls_worldcover are seen in eight orientations, each worded
anew. OUT/train holds Terra-CoT folders, OUT/test benchmarks, OUT/fit benchmarks of training places (what `majority`,
`blind` and `segment-then-measure` are fitted on). Folders that are finished are left as they are, so that the command
can be given again. --scale multiplies the numbers of procedural scenes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click

ALL = ("caption", "l1", "l2")
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Part:
    """One Terra-CoT folder for training; ``scenes`` and ``families`` are of procedural ones."""

    name: str
    source: str
    levels: tuple[str, ...]
    scenes: int = 0
    first: int = 0
    families: str = "landscape: 1"
    clouds: float = 0.25
    modality: str | None = None


PARTS = (
    Part("hls-refer", "hls8", ("refer",)),
    Part("hls-cot", "hls8", ALL),
    Part("land-refer", "procedural", ("refer",), 1600, modality="multispectral,optical"),
    Part("land-cot", "procedural", ALL, 2400, modality="multispectral,optical"),
    Part("pair-refer", "procedural", ("refer",), 800, 10_000, clouds=0.4),
    Part("pair-cot", "procedural", ALL, 1200, 10_000, clouds=0.4),
    Part("sar", "procedural", ("refer", "l1", "l2"), 500, 20_000, modality="sar"),
    Part("change-refer", "procedural", ("refer",), 500, 30_000, "settlement: 0.7, change: 0.2, sequence: 0.1"),
    Part("change-cot", "procedural", ALL, 1200, 30_000, "settlement: 0.7, change: 0.2, sequence: 0.1"),
    Part("ombria-refer", "ombria", ("refer",)),
    Part("ombria-cot", "ombria", ALL),
)
PROCEDURAL = "split: {split}, size: 128, bands: multispectral, scenes: {scenes}, first: {first}, cloud_share: {clouds}"


def run(*words: object) -> None:
    """A program of this repository; its errors end this one."""
    print("+", *words, flush=True)
    subprocess.run([sys.executable, *map(str, words)], check=True)


def program(module: str, *words: object, done: Path) -> None:
    """``terracot`` or ``terrabench``, unless ``done`` is a finished folder."""
    if not (done / MANIFEST).exists():
        run("-c", f"import sys; from {module}.cli import main; sys.exit(main())", *words, "--out", done)


def cut(data: Path, out: Path) -> dict[str, Path]:
    """Real folders, cut by place: for training, turned, and for tests; only those that are there."""
    found: dict[str, Path] = {}
    here = Path(__file__).parent
    for key, name, by in (
        ("hls", "hls_worldcover", ("--group", "location_group", "--share", 0.4)),
        ("ombria", "ombria_flood", ("--group", "id", "--block", 20, "--share", 0.3)),
    ):
        if not (data / name / "index.csv").is_file():
            print(f"{data / name} is absent: nothing is made of it")
            continue
        place = out / "cut" / key
        if not (place / "test").exists():
            run(here / "split_folder.py", data / name, place, *by)
        found |= {key: place / "train" / name, f"{key}-test": place / "test" / name}
    if "hls" in found:
        turned = out / "cut" / "hls8"
        if not (turned / "hls_worldcover" / "index.csv").exists():
            run(here / "turn_folder.py", found["hls"], turned)
        found["hls8"] = turned / "hls_worldcover"
    return found


def generated(part: Part, real: dict[str, Path], out: Path, scale: float) -> None:
    """The Terra-CoT folder of ``part``."""
    if part.source == "procedural":
        scenes = max(1, round(part.scenes * scale))
        text = PROCEDURAL.format(split="train", scenes=scenes, first=part.first, clouds=part.clouds)
        source = ["procedural", f"{{{text}, families: {{{part.families}}}}}"]
    elif part.source in real:
        source = ["geotiff", str(real[part.source])]
    else:
        return
    chosen = ["--levels", ",".join(part.levels), "--mix", "all", "--mcq-share", "0.7", "--max-quarantined", "1"]
    chosen += ["--modality", part.modality] if part.modality else []
    program("terracot", "generate", *source, *chosen, "--quiet", "--workers", "2", done=out / "train" / part.name)


def benchmarks(real: dict[str, Path], out: Path, scale: float) -> None:
    """Benchmarks of held-out places, and of training places to fit baselines on."""
    for split, place, first in (("test", "test", 500_000), ("train", "fit", 500_000)):
        text = PROCEDURAL.format(split=split, scenes=max(1, round(1200 * scale)), first=first, clouds=0.25)
        inline = f"{{{text}, families: {{landscape: 0.5, change: 0.1, settlement: 0.4}}}}"
        program("terrabench", "build", "procedural", inline, "--workers", "2", done=out / place / "procedural")
        for key in ("hls", "ombria"):
            folder = real.get(key if place == "fit" else f"{key}-test")
            if folder is not None:
                program("terrabench", "build", "geotiff", folder, done=out / place / key)


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--scale", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True)
@click.option("--only", multiple=True, metavar="NAME", help="Only these parts; may be given repeatedly.")
def main(data: Path, out: Path, scale: float, only: tuple[str, ...]) -> None:
    """Make OUT/train, OUT/test and OUT/fit."""
    real = cut(data, out)
    for part in PARTS:
        if not only or part.name in only:
            generated(part, real, out, scale)
    if not only:
        benchmarks(real, out, scale)
    for manifest in sorted(out.glob(f"*/*/{MANIFEST}")):
        counts = json.loads(manifest.read_text("utf-8"))["counts"]
        print(f"{manifest.parent.relative_to(out)}: {counts}")


if __name__ == "__main__":
    main()
