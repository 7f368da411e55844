"""python benchmarks/overfit.py [--variants mask,box,...] [--steps 400] [--out DIR] [--json]

Whether training can learn at all: a tiny model is trained, by the trainer itself, on 32 Terra-CoT samples of synthetic
scenes (64 px): captions, referring, questions of every level, optical with SAR, two dates; 16 of them are multiple
choice. It has to know them by heart: a loss of words under 0.05 and masks with an IoU over 0.9 against the true ones
(true masks as evidence, as in training), and then the 16 right through ``terrabench run``, where it reads the masks
that it draws itself. The same for every variant of evidence. ``text-only`` is ``text`` with ``mask_loss_weight`` 0: its
masks mean nothing, and no IoU is asked of them.

Prints one row per variant and exits with 1 when any of them misses.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from terrascope_vlm.checkpoints import load
from terrascope_vlm.training.feeding import micro_of
from terrascope_vlm.training.folders import Chosen, Folders
from terrascope_vlm.training.lessons import Reader
from terrascope_vlm.training.loop import FINAL, train
from terrascope_vlm.training.settings import Data, ModelSource, Settings

from terracot.io import write_manifest
from terracot.plugins import LETTERS
from terracot.samples import ITEM_SCHEMA, SCENE_SCHEMA
from terracot.shards import read_rows

LM_LOSS, IOU = 0.05, 0.9
VARIANTS: dict[str, dict[str, Any]] = {
    **{name: {"evidence": name} for name in ("mask", "box", "random", "text", "measured", "release")},
    "text-only": {"evidence": "text", "mask_loss_weight": 0.0},
}
SCENES = "{split: train, scenes: 64, size: 64, families: {landscape: 0.5, change: 0.5}, cloud_share: 0.1}"
WANTED = {
    "choice": {"l1": 5, "l2-spatial": 4, "l2-semantic": 2, "l2-spectral": 2, "l2-temporal": 3},
    "open": {"caption": 3, "refer": 5, "l1": 2, "l2-spatial": 2, "l2-spectral": 2, "l2-temporal": 2},
}
"""How many samples of each form and level."""

TINY = {
    "image": 64,
    "patch": 8,
    "mask_input": 64,
    "mask_stride": 1,  # masks as fine as the images: on a grid of 32 x 32 no IoU of 0.9 can be reached
    "width": 128,
    "vision_width": 64,
    "layers": 2,
    "sam_width": 64,
    "sam_dims": [8, 16, 32, 64],
}


def generate(folder: Path) -> Path:
    """A Terra-CoT folder of synthetic scenes, by the command."""
    _run("terracot", "generate", "procedural", SCENES, "--out", folder, "--mix", "all", "--mcq-share", 1,
         "--levels", "refer,caption,l1,l2", "--quiet")  # fmt: skip
    return folder


def chosen(folder: Path, wanted: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Rows of ``folder``, so many of each form and level: short ones, and of few scenes, so that these are learned."""
    left = Counter({(form, level): count for form, levels in wanted.items() for level, count in levels.items()})
    scenes: dict[str, list[dict[str, Any]]] = {}
    for row in read_rows(folder, "samples"):
        scenes.setdefault(row["scene_id"], []).append(row)

    def gain(scene: str) -> int:
        return (Counter((row["form"], row["level"]) for row in scenes[scene]) & left).total()

    found = []
    while left.total() and scenes:
        for row in sorted(scenes.pop(max(sorted(scenes), key=gain)), key=lambda row: (len(row["text"]), row["id"])):
            if left[row["form"], row["level"]] > 0:
                left[row["form"], row["level"]] -= 1
                found.append(row)
    if left.total():
        raise click.ClickException(f"{folder} lacks samples: {dict(+left)}")
    return found


def settings_of(data: Path, ids: Path, model: ModelSource, **changes: Any) -> Settings:
    """Settings of a run that learns the samples of ``ids`` by heart."""
    shared = {"batch": 8, "micro_batch": 8, "lr": 2e-3, "warmup": 0.05, "betas": (0.9, 0.98), "precision": "fp32"}
    quick = {"bucket": 1, "workers": 1, "save_every": 10**6, "tensorboard": False}
    return Settings(data=(Data(str(data)),), model=model, ids=str(ids), **{**shared, **quick, **changes})


def written(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A file with the ids of ``rows``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(row["id"] for row in rows), "utf-8")
    return path


def pointed(data: Path, samples: Sequence[Mapping[str, Any]], steps: int, out: Path) -> Path:
    """Stage 1: a model that has learned to draw, from the referring samples of the scenes of ``samples``."""
    scenes = {row["scene_id"] for row in samples}
    rows = [row for row in read_rows(data, "samples") if row["level"] == "refer" and row["scene_id"] in scenes]
    model = ModelSource(tiny=TINY, vocabulary=1000)
    settings = settings_of(data, written(out / "ids.txt", rows), model, stage="stage1", steps=steps)
    train(settings, out / "run", quiet=True)
    return out / "run" / FINAL


def measured(checkpoint: Path, data: Path, ids: Sequence[str]) -> tuple[float, float]:
    """Loss of words and mean IoU over all samples, true masks being the evidence."""
    model, processor = load(checkpoint)
    folders = Folders([data], Chosen(ids=frozenset(ids)))
    reader = Reader(folders, len(folders.rows.units))
    words = loss = 0.0
    ious = []
    for row in range(len(folders.rows)):
        micro = micro_of(processor, model.config, [reader.lesson(row)])
        with torch.no_grad():
            out = model(micro.batch)
        words += micro.words
        loss += float(out.lm_loss) * micro.words
        targets = micro.batch.targets
        for logits, mask, counts in zip(out.mask_logits, targets.masks, targets.valid, strict=True):
            drawn, true = (logits > 0) & counts, mask & counts
            union = int((drawn | true).sum())
            ious.append(int((drawn & true).sum()) / union if union else 1.0)
    return loss / words, sum(ious) / len(ious)


def bench_of(data: Path, samples: Sequence[Mapping[str, Any]], folder: Path) -> Path:
    """A benchmark folder with the multiple-choice ones of ``samples`` as its items, word for word."""
    asked = [row for row in samples if row["form"] == "choice"]
    needed = {row["scene_id"] for row in asked}
    scenes = {row["scene_id"]: row for row in read_rows(data, "scenes") if row["scene_id"] in needed}
    (folder / "data").mkdir(parents=True)
    items = [_item(row, scenes[row["scene_id"]]) for row in asked]
    for name, schema, rows in (("items", ITEM_SCHEMA, items), ("scenes", SCENE_SCHEMA, list(scenes.values()))):
        table = pa.Table.from_pylist([{key: row[key] for key in schema.names} for row in rows], schema=schema)
        pq.write_table(table, folder / "data" / f"{name}-00000.parquet")
    write_manifest(folder, {"name": "samples that a model was trained on", "items": len(items)})
    return folder


def _item(sample: Mapping[str, Any], scene: Mapping[str, Any]) -> dict[str, Any]:
    task = f"terra-cot/{sample['level']}"
    letters = LETTERS[: len(sample["options"])]
    return {
        **sample,
        "image": scene["frames"][0]["image"],
        "candidates": json.dumps(dict(zip(letters, sample["options"], strict=True))),
        "task_type": task,
        "task": task,
        "stratum": task,
        "protocol": "stated",
        "difficulty": None,
        "margin": None,
    }


def right(checkpoint: Path, bench: Path, out: Path) -> int:
    """How many items of ``bench`` the model answers right, by ``terrabench run`` and ``score``."""
    arguments = f"checkpoint={checkpoint},device=cpu,max_new_tokens=600"
    _run("terrabench", "run", "--bench", bench, "--model", "terrascope", "--model-args", arguments,
         "--batch-size", 8, "--out", out, "--quiet")  # fmt: skip
    scores = json.loads(_run("terrabench", "score", out, "--json"))
    return round(scores["micro_accuracy"] * sum(task["n"] for task in scores["tasks"].values()))


def _run(program: str, *arguments: Any) -> str:
    command = [str(Path(sys.executable).with_name(program)), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)}\n{done.stderr.strip()}")
    return done.stdout


def overfitted(
    name: str, data: Path, samples: Sequence[Mapping[str, Any]], stage1: Path, steps: int, out: Path
) -> dict[str, Any]:
    """Train one variant on ``samples`` of the folder ``data`` from the model of stage 1, measure it, ask it."""
    began = time.perf_counter()
    source = ModelSource(checkpoint=str(stage1), settings=VARIANTS[name])
    ids = written(out / "ids.txt", samples)
    train(settings_of(data, ids, source, stage="stage2", steps=steps, predicted=0.3), out / "run", quiet=True)
    trained = time.perf_counter() - began
    lm, iou = measured(out / "run" / FINAL, data, [row["id"] for row in samples])
    correct = right(out / "run" / FINAL, bench_of(data, samples, out / "bench"), out / "asked")
    choices = sum(row["form"] == "choice" for row in samples)
    drawn = VARIANTS[name].get("mask_loss_weight") != 0.0
    return {
        "variant": name,
        "samples": len(samples),
        "steps": steps,
        "lm_loss": lm,
        "iou": iou if drawn else None,
        "right": correct,
        "choices": choices,
        "minutes": trained / 60,
        "passed": lm < LM_LOSS and (iou > IOU or not drawn) and correct == choices,
    }


@click.command()
@click.option("--variants", default=",".join(VARIANTS), show_default=True, metavar="NAME,...", help="Which to train.")
@click.option(
    "--steps",
    nargs=2,
    default=(400, 300),
    show_default=True,
    type=click.IntRange(min=1),
    help="Steps of 8 samples: of stage 1, which all variants share, and of stage 2.",
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Keep everything in this new folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a variant.")
def main(variants: str, steps: tuple[int, int], out: Path | None, as_json: bool) -> None:
    """Train, measure and ask each variant."""
    names = variants.split(",")
    if unknown := sorted({*names} - {*VARIANTS}):
        raise click.UsageError(f"unknown variant {unknown[0]}; expected some of {', '.join(VARIANTS)}")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = out or Path(temporary) / "overfit"
        data = generate(folder / "terra-cot")
        samples = chosen(data, WANTED)
        began = time.perf_counter()
        stage1 = pointed(data, samples, steps[0], folder / "stage1")
        if not as_json:
            print(f"stage 1: {(time.perf_counter() - began) / 60:.1f} minutes")
            print(f"{'variant':<12}{'LM loss':>9}{'mask IoU':>10}{'right':>9}{'minutes':>9}")
        passed = True
        for name in names:
            row = overfitted(name, data, samples, stage1, steps[1], folder / name)
            passed &= row["passed"]
            print(json.dumps(row) if as_json else _line(row), flush=True)
    sys.exit(0 if passed else 1)


def _line(row: Mapping[str, Any]) -> str:
    iou = "-" if row["iou"] is None else f"{row['iou']:.3f}"
    verdict = "pass" if row["passed"] else "MISS"
    share = f"{row['right']}/{row['choices']}"
    return f"{row['variant']:<12}{row['lm_loss']:>9.4f}{iou:>10}{share:>9}{row['minutes']:>9.1f}  {verdict}"


if __name__ == "__main__":
    main()
