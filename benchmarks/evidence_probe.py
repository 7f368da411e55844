"""python benchmarks/evidence_probe.py CHECKPOINT TERRA_COT [--evidence mask] [--masks 2000]

Whether the language model can read what is injected: a ridge regression from its state at the last slot of the evidence
of a [SEG] (the state that predicts the next word) to the share of the image that the mask covers. Fitted on one half of
the scenes, tested on the other. R2 and the mean error in points of per cent; beside it the same from the state *at*
[SEG], before any evidence, which can know no more than what prompt and picture tell.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import torch
from terrascope_vlm.checkpoints import load
from terrascope_vlm.slots import IGNORED
from terrascope_vlm.training.feeding import micro_of
from terrascope_vlm.training.folders import Chosen, Folders
from terrascope_vlm.training.lessons import Reader

Array = npt.NDArray[np.float64]
BATCH = 16


@torch.no_grad()
def states(checkpoint: str, folder: str, evidence: str, most: int) -> tuple[Array, Array, Array, Array]:
    """``(n, D)`` states at [SEG] and after its evidence, ``(n,)`` covered shares, ``(n,)`` numbers of scenes."""
    model, processor = load(checkpoint, evidence=evidence)
    folders = Folders([folder], Chosen())
    reader = Reader(folders, 8, bool(processor.bands))
    rows = np.random.default_rng(0).permutation(len(folders.rows))[:most]
    rows = rows[np.argsort(folders.rows.unit[rows], kind="stable")]
    at, after, shares, scenes = [], [], [], []
    for start in range(0, len(rows), BATCH):
        chosen = rows[start : start + BATCH].tolist()
        batch = micro_of(processor, model.config, [reader.lesson(row) for row in chosen]).batch
        found = model.read(model.embedded(batch.rows, model.see(batch.images, batch.rows)), batch.rows.attention)
        first = {}
        for row, column, mask in zip(batch.targets.row, batch.targets.column, batch.targets.masks, strict=True):
            first.setdefault(int(row), (int(column), mask))
        for row, (column, mask) in first.items():
            learned = batch.rows.labels[row, column + 1 :] != IGNORED
            last = column + int(learned.to(torch.uint8).argmax()) if bool(learned.any()) else column
            at.append(found[row, column].double().numpy())
            after.append(found[row, last].double().numpy())
            shares.append(float(mask.double().mean()))
            scenes.append(int(folders.rows.unit[chosen[row]]) << 20 | int(folders.rows.scene[chosen[row]]))
    return np.array(at), np.array(after), np.array(shares), np.array(scenes)


def probed(inputs: Array, shares: Array, scenes: Array) -> tuple[float, float]:
    """R2 and mean absolute error on the scenes that were not fitted."""
    order = np.random.default_rng(1).permutation(np.unique(scenes))
    fitted = np.isin(scenes, order[: len(order) // 2])
    mean, spread = inputs[fitted].mean(axis=0), inputs[fitted].std(axis=0) + 1e-9
    design = np.concatenate([(inputs - mean) / spread, np.ones((len(inputs), 1))], axis=1)
    own = design[fitted]
    weights = np.linalg.solve(own.T @ own + np.eye(own.shape[1]), own.T @ shares[fitted])
    told, true = design[~fitted] @ weights, shares[~fitted]
    return 1 - float(((told - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()), float(np.abs(told - true).mean())


@click.command()
@click.argument("checkpoint", type=click.Path(exists=True))
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--evidence", default="mask", show_default=True)
@click.option("--masks", default=2000, show_default=True, help="Samples to read, the first mask of each.")
def main(checkpoint: str, folder: Path, evidence: str, masks: int) -> None:
    """Print what a linear reader recovers."""
    at, after, shares, scenes = states(checkpoint, str(folder), evidence, masks)
    print(f"{len(shares)} masks of {len(np.unique(scenes))} scenes, half of them to fit; deviation {shares.std():.3f}")
    for name, inputs in (("at [SEG]", at), (f"after {evidence} evidence", after)):
        r2, error = probed(inputs, shares, scenes)
        print(f"{name}: R2 {r2:.3f}, mean error {100 * error:.2f} points")


if __name__ == "__main__":
    main()
