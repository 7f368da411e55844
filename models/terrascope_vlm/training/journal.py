"""What a run writes down: ``log.jsonl``, TensorBoard, a bar, and how fast it was."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from terracot.io import append_line, atomic_write_text, open_log, read_jsonl_healing

LOG = "log.jsonl"
_SHOWN = ("loss", "lm_loss", "mask_loss", "iou", "lr", "grad_norm", "samples_per_s", "tokens_per_s", "memory_mib")


class Journal:
    """A line a step from ``first`` on; lines of later steps, of a run that was cut off after its checkpoint, go.

    ``active``: false for all processes but one, which then write nothing.
    """

    def __init__(
        self, folder: Path, first: int, steps: int, *, tensorboard: bool, quiet: bool, active: bool = True
    ) -> None:
        self.active = active
        self.samples = self.tokens = self.done = 0
        self._waited = 0.0
        self._board: Any = None
        self._began = time.perf_counter()
        self._bar = tqdm(total=steps, initial=first, unit="step", disable=quiet or not active, file=sys.stderr)
        if not active:
            return
        folder.mkdir(parents=True, exist_ok=True)
        _forget(folder / LOG, first)
        self._handle = open_log(folder / LOG)
        if tensorboard:
            self._board = _board(folder / "tensorboard", first, quiet)

    def step(self, values: Mapping[str, Any], samples: int, tokens: int, seconds: float, waited: float) -> None:
        """One step: its losses and other ``values``, what it read, how long it took and waited for data."""
        self.done += 1
        self.samples += samples
        self.tokens += tokens
        self._waited += waited
        if not self.active:
            return
        line = {
            **values,
            "samples": samples,
            "tokens": tokens,
            "seconds": round(seconds, 4),
            "waited": round(waited, 4),
            "samples_per_s": round(samples / seconds, 2),
            "tokens_per_s": round(tokens / seconds, 1),
            "memory_mib": round(peak_memory() / 2**20, 1),
        }
        append_line(self._handle, line)
        if self._board is not None:
            for name in _SHOWN:
                if line.get(name) is not None:
                    self._board.add_scalar(name, line[name], line["step"])
        self._bar.set_postfix_str(f"loss {line['loss']:.4f} {line['samples_per_s']:.1f}/s", refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Flush and close everything."""
        self._bar.close()
        if self._board is not None:
            self._board.close()
        if self.active:
            self._handle.close()

    def summary(self) -> dict[str, float]:
        """Throughput of this session and the peak of its memory."""
        seconds = max(time.perf_counter() - self._began, 1e-9)
        return {
            "steps": self.done,
            "samples": self.samples,
            "seconds": round(seconds, 1),
            "samples_per_s": round(self.samples / seconds, 2),
            "tokens_per_s": round(self.tokens / seconds, 1),
            "waited_share": round(self._waited / seconds, 4),
            "peak_memory_mib": round(peak_memory() / 2**20, 1),
        }


def peak_memory() -> int:
    """Bytes: the most that tensors took on the GPU so far, or the largest resident size of this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _forget(path: Path, first: int) -> None:
    """Drop lines of steps after ``first``: they are made again."""
    if not path.exists():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line, value in zip(lines, read_jsonl_healing(path), strict=False) if value["step"] <= first]
    if len(kept) < len(lines):
        atomic_write_text(path, b"".join(kept).decode())


def _board(folder: Path, first: int, quiet: bool) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        if not quiet:
            print("tensorboard is not installed: no events are written, log.jsonl has all", file=sys.stderr)  # noqa: T201
        return None
    return SummaryWriter(str(folder), purge_step=first + 1)
