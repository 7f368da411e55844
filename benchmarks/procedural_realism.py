"""python benchmarks/procedural_realism.py [--json] [--sheet OUT.png] [--train 60] [--test 40] [--data DIR]

How plausible the synthetic landscapes are, in three measurements:

1. separability: a per-pixel classifier (bands and their 3x3 and 7x7 means) learns from train seeds and is scored on
   test seeds by mean IoU, for clear optical and for SAR alone. Too high is a toy, too low is noise.
2. map structure: patch size, patch count and border length per class, against the 10-90 % range of the real
   WorldCover maps in ``hls_worldcover`` (128 x 128 pixels). Skipped with a line when the data is absent.
3. fitness for questions: classes per scene, pairs that touch or not, pairs apart; a contact sheet on request.

Real data is looked for in --data, then TERRASCOPE_DATA, then ../shared/data. Needs scikit-learn and matplotlib.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from terracot.scenes import Frame, Modality, Scene
from terracot.sources.procedural.config import Config
from terracot.sources.procedural.legends import LAND
from terracot.sources.procedural.source import ProceduralSource

EIGHT = np.ones((3, 3))
CODES = [c.codes[0] for c in LAND.classes]
STATISTICS = ("patch px", "patches", "border px")


def landscapes(split: str, count: int, cloud_share: float = 0.0, family: str = "landscape") -> list[Scene]:
    """Synthetic scenes of one family."""
    source = ProceduralSource("default")
    source.config = Config(split=split, scenes=count, families={family: 1.0}, cloud_share=cloud_share)
    return [source.load(i) for i in source.ids()]


def features(frame: Frame) -> np.ndarray:
    """``(pixels, 3 * bands)``: values, 3x3 means, 7x7 means."""
    bands = frame.pixels().astype(np.float32)
    layers = [bands, *(ndimage.uniform_filter(bands, (0, k, k)) for k in (3, 7))]
    return np.concatenate(layers).reshape(3 * len(bands), -1).T


def separability(train: Sequence[Scene], test: Sequence[Scene], modality: Modality) -> dict[str, Any]:
    """Mean IoU (and IoU by class) of a per-pixel classifier trained on other seeds."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    def table(scenes: Sequence[Scene], step: int) -> tuple[np.ndarray, np.ndarray]:
        frames = [next(f for f in s.frames if f.modality == modality) for s in scenes]
        x = np.concatenate([features(f)[::step] for f in frames])
        return x, np.concatenate([s.labels[0].classes().ravel()[::step] for s in scenes])

    model = HistGradientBoostingClassifier(max_iter=120, learning_rate=0.15, random_state=0)
    model.fit(*table(train, 13))
    x, truth = table(test, 3)
    guess = model.predict(x)
    iou = {
        c.name: np.count_nonzero((guess == c.id) & (truth == c.id))
        / max(np.count_nonzero((guess == c.id) | (truth == c.id)), 1)
        for c in LAND.classes
    }
    return {"mean_iou": float(np.mean(list(iou.values()))), "iou": iou}


def structure(maps: Iterable[np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """By class and statistic: one value per map in which the class is present (8-connected patches)."""
    rows: dict[str, list[tuple[float, ...]]] = {c.name: [] for c in LAND.classes}
    for label in maps:
        for c in LAND.classes:
            mask = label == c.id
            if not mask.any():
                continue
            patches, count = ndimage.label(mask, EIGHT)
            areas = np.bincount(patches.ravel())[1:]
            edges = np.count_nonzero(mask[:, 1:] != mask[:, :-1]) + np.count_nonzero(mask[1:] != mask[:-1])
            rows[c.name].append((float(np.median(areas)), count, edges))
    return {
        name: dict(zip(STATISTICS, np.array(values, float).reshape(-1, 3).T, strict=True))
        for name, values in rows.items()
    }


def compare(synthetic: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """One row per class and statistic: the synthetic median against the real 10-90 % range."""
    ours, theirs = structure(synthetic), structure(real)
    rows = []
    for name in LAND.names:
        for statistic in STATISTICS:
            low, high = (float(v) for v in np.percentile(theirs[name][statistic], [10, 90]))
            value, maps = float(np.median(ours[name][statistic])), len(ours[name][statistic])
            row = {"class": name, "statistic": statistic, "synthetic": value, "low": low, "high": high}
            rows.append({**row, "inside": low <= value <= high, "maps": maps, "real": len(theirs[name][statistic])})
    return rows


def fitness(maps: Sequence[np.ndarray]) -> dict[str, float]:
    """Shares of scenes that give questions: coverage, boundary (touching or not), distance; and their spread."""
    present, touching, apart, distant = [], 0, 0, 0
    for label in maps:
        shares = np.bincount(label.ravel(), minlength=len(CODES)) / label.size
        present.append(np.count_nonzero(shares >= 0.05))
        few = [k for k in np.flatnonzero(shares >= 0.03) if ndimage.label(label == k, EIGHT)[1] <= 5]
        touch = [
            bool((ndimage.binary_dilation(label == a, EIGHT) & (label == b)).any()) for a, b in combinations(few, 2)
        ]
        touching += any(touch)
        apart += not all(touch)
        cores = [ndimage.binary_opening(label == k, EIGHT) for k in np.flatnonzero(shares)]
        cores = [core for core in cores if core.any()]
        distant += any(ndimage.distance_transform_edt(~a)[b].min() > 10 for a, b in combinations(cores, 2))
    n = len(maps)
    return {
        "classes of 5 % or more, mean": float(np.mean(present)),
        "scenes with 3 to 5 such classes": sum(3 <= p <= 5 for p in present) / n,
        "scenes with a touching pair of few patches": touching / n,
        "scenes with a separate pair of few patches": apart / n,
        "scenes with a pair more than 10 pixels apart": distant / n,
    }


def real_folder(given: str | None) -> Path | None:
    """The folder ``hls_worldcover`` of the real data, or None."""
    root = given or os.environ.get("TERRASCOPE_DATA") or Path(__file__).parents[2] / "shared" / "data"
    folder = Path(root) / "hls_worldcover"
    return folder if folder.is_dir() else None


def real_maps(folder: Path) -> list[np.ndarray]:
    """Real label maps in the class ids of ``LAND`` (255: snow, moss)."""
    lookup = np.full(256, 255, np.uint8)
    lookup[CODES] = np.arange(len(CODES))
    return [lookup[_read(path)[0]] for path in sorted((folder / "WorldCover").glob("*.tif"))]


def _read(path: Path) -> np.ndarray:
    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            return np.asarray(file.read())


def contact_sheet(path: str, scenes: Sequence[Scene], folder: Path | None) -> None:
    """24 synthetic scenes (optical, label map) and as many real ones beside them."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    palette = np.full((256, 3), 128, np.uint8)
    palette[: len(CODES)] = [c.color for c in LAND.classes]
    pairs = []
    for scene in scenes[:24]:
        pixels = scene.frames[0].pixels()
        pairs.append((np.clip(pixels[[2, 1, 0]] / 0.3, 0, 1).transpose(1, 2, 0), palette[scene.labels[0].classes()]))
    if folder:
        maps = dict(zip(sorted((folder / "WorldCover").glob("*.tif")), real_maps(folder), strict=True))
        for file in list(maps)[:: max(1, len(maps) // 24)][:24]:
            rgb = np.clip(_read(folder / "HLS" / file.name)[[3, 2, 1]] / 3000, 0, 1).transpose(1, 2, 0)
            pairs.append((rgb, palette[maps[file]]))
    rows = 6
    columns = 2 * len(pairs) // rows
    figure, axes = plt.subplots(rows, columns, figsize=(1.6 * columns, 1.6 * rows))
    for axis in axes.ravel():
        axis.axis("off")
    for number, pair in enumerate(pairs):
        half, place = divmod(number, 24)
        for side in (0, 1):
            axes[place // 4, 8 * half + 2 * (place % 4) + side].imshow(pair[side], interpolation="nearest")
    figure.subplots_adjust(0, 0, 1, 1, 0.02, 0.02)
    figure.savefig(path, dpi=80)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--sheet", metavar="OUT.png", help="write the contact sheet")
    parser.add_argument("--train", type=int, default=60, help="train scenes of the classifier")
    parser.add_argument("--test", type=int, default=40, help="test scenes of the classifier")
    parser.add_argument("--maps", type=int, default=200, help="scenes for map structure and fitness")
    parser.add_argument("--data", help="folder of the real data sets")
    options = parser.parse_args()
    folder = real_folder(options.data)
    train, test = landscapes("train", options.train), landscapes("test", options.test)
    maps = [s.labels[0].classes() for s in landscapes("test", options.maps)]
    result: dict[str, Any] = {
        "separability": {m.value: separability(train, test, m) for m in (Modality.OPTICAL, Modality.SAR)},
        "fitness": fitness(maps),
        "structure": compare(maps, real_maps(folder)) if folder else None,
    }
    if options.sheet:
        contact_sheet(options.sheet, landscapes("test", 24, 0.25), folder)
    print(json.dumps(result, indent=1) if options.json else tables(result))


def tables(result: dict[str, Any]) -> str:
    """The result as text."""
    lines = ["separability (IoU on test seeds)         optical    SAR"]
    optical, sar = result["separability"]["optical"], result["separability"]["sar"]
    lines += [f"  {name:<37} {optical['iou'][name]:8.3f} {sar['iou'][name]:8.3f}" for name in LAND.names]
    lines.append(f"  {'mean (optical: 0.45 to 0.80; SAR lower)':<37} {optical['mean_iou']:6.3f} {sar['mean_iou']:8.3f}")
    lines.append("\nfitness for questions")
    lines += [f"  {name:<46} {value:6.2f}" for name, value in result["fitness"].items()]
    if result["structure"] is None:
        return "\n".join([*lines, "\nmap structure: skipped, no hls_worldcover folder (name its parent with --data)"])
    lines.append("\nmap structure    statistic   synthetic   real 10 %   real 90 %")
    for r in result["structure"]:
        numbers = f"{r['synthetic']:10.1f} {r['low']:11.1f} {r['high']:11.1f}"
        lines.append(f"  {r['class']:<14} {r['statistic']:<10} {numbers}  {'' if r['inside'] else 'OUTSIDE'}")
    inside = sum(r["inside"] for r in result["structure"])
    return "\n".join([*lines, f"  {inside} of {len(result['structure'])} medians inside the real range"])


if __name__ == "__main__":
    main()
