"""The training loop: plain, on accelerate, and a function of settings and step alone.

The losses of a step are means over all words and all masks of its ``batch`` samples, however these are cut into
micro-batches and spread over processes. So neither number changes what is learned, but for rounding.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from terracot.io import OutputError, atomic_write_text, pretty_json, read_json, stamp
from terracot.seeding import seed_of
from terrascope_vlm.checkpoints import load, save
from terrascope_vlm.training.building import adapted, build, set_trainable, settle, visual_tokens, whole
from terrascope_vlm.training.card import card_text
from terrascope_vlm.training.feeding import Feed, Micro
from terrascope_vlm.training.folders import Chosen, Folders
from terrascope_vlm.training.journal import Journal
from terrascope_vlm.training.lessons import Reader
from terrascope_vlm.training.order import Order
from terrascope_vlm.training.predicting import on_device, with_predicted
from terrascope_vlm.training.saving import checkpoints, load_state, save_state
from terrascope_vlm.training.settings import Settings
from terrascope_vlm.training.stopping import Stopping

RUN, CHECKPOINTS, START, FINAL = "run.json", "checkpoints", "start", "final"


class TrainingError(ValueError):
    """A run that cannot go on; the message says what to change."""


@dataclass(frozen=True)
class Outcome:
    """How far a run came: ``step`` of ``steps``; ``reason`` is "finished", "time" or "signal"."""

    step: int
    steps: int
    reason: str
    summary: Mapping[str, float]


def train(
    settings: Settings, out: Path, *, resume: bool = False, minutes: float | None = None, quiet: bool = False
) -> Outcome:
    """Train until the last step, a signal, or for ``minutes``; checkpoints, log and the final model lie in ``out``.

    ``resume`` goes on from the last checkpoint to the same losses that an uninterrupted run would have had, or begins
    where there is none. ``SourceError`` for settings and data that do not fit, ``OutputError`` for a folder that holds
    another run, ``TrainingError`` for losses that are no numbers.
    """
    with Stopping(minutes) as stopping:
        return _Run(settings, out, resume, quiet).go(stopping)


class _Run:
    """What one process needs of a run."""

    def __init__(self, settings: Settings, out: Path, resume: bool, quiet: bool) -> None:
        from accelerate import Accelerator, DistributedDataParallelKwargs

        # Autocast is ours: accelerate's is one setting for the life of the process.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # a step may have no mask
        self.accelerator = Accelerator(mixed_precision="no", kwargs_handlers=[unused])
        self.settings, self.out, self.quiet = settings, out, quiet
        self.main = bool(self.accelerator.is_main_process)
        world = int(self.accelerator.num_processes)
        if settings.batch % (settings.micro_batch * world):
            raise TrainingError(
                f"batch is {settings.batch}; expected a multiple of micro_batch x processes, "
                f"{settings.micro_batch} x {world}"
            )
        self.folders = Folders([folder.path for folder in settings.data], chosen_by(settings))
        self._settle_folder(resume)
        with self.accelerator.main_process_first():
            self.model, self.processor = self._built()
        self.config = self.model.config
        self.adapted = adapted(self.model, settings)  # by peft, in place: self.model has the adapters in it
        if self.adapted is None:
            set_trainable(self.model, settings.trainable)
        settle(self.model, settings.precision == "bf16")
        if settings.gradient_checkpointing:
            self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.model.train()
        self.model.to(self.accelerator.device)
        trained = [value for value in self.model.parameters() if value.requires_grad]
        self.optimizer = torch.optim.AdamW(
            trained, lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay, fused=True
        )
        self.order = Order(
            self.folders.rows,
            [folder.weight for folder in settings.data],
            self.folders.rows.tokens(partial(visual_tokens, self.processor)),
            batch=settings.batch,
            epochs=settings.epochs,
            steps=settings.steps,
            seed=settings.seed,
            shuffle=settings.shuffle,
            bucket=settings.bucket,
            together=settings.together,
        )
        last = checkpoints(out / CHECKPOINTS)[-1:] if resume else []
        self.first = int(load_state(last[0], self.model, self.optimizer)["step"]) if last else 0
        self.wrapped = self.accelerator.prepare_model(self.model)
        self.feed = Feed(
            Reader(self.folders, self.order.units_held, bool(self.processor.bands), settings.digits),
            self.order,
            self.processor,
            self.config,
            micro=settings.micro_batch,
            workers=settings.workers,
            rank=int(self.accelerator.process_index),
            world=world,
        )

    def _settle_folder(self, resume: bool) -> None:
        """Write ``run.json``, or make sure that the one that is there is of the same run."""
        record: dict[str, Any] = {
            "settings": self.settings.as_dict(),
            "curve": self.settings.curve(),
            "data": self.folders.hashes,
            "stamp": stamp(),
        }
        path = self.out / RUN
        there = path.exists()
        self.accelerator.wait_for_everyone()  # else a process that comes later finds what the first one wrote
        if there:
            if not resume:
                raise OutputError(f"{self.out} holds a run already; go on with --resume or give another --out")
            before = read_json(path)
            now = {**record["curve"], "data (content)": self.folders.hashes}
            then = {**before.get("curve", {}), "data (content)": before.get("data")}
            # through JSON, where tuples are lists
            odd = [key for key in now if pretty_json({"": now[key]}) != pretty_json({"": then.get(key)})]
            if odd:
                raise OutputError(
                    f"{self.out} holds a run with other settings: {odd[0]} was {then.get(odd[0])!r} and is "
                    f"{now[odd[0]]!r}. Set it as it was, or give another --out"
                )
        elif self.main:
            atomic_write_text(path, pretty_json(record))
        self.accelerator.wait_for_everyone()

    def _built(self) -> tuple[Any, Any]:
        """The model before the first step. What starts from chance is kept, so that a resumed run has the same."""
        start = self.out / START
        if self.settings.model.tiny is None:
            return build(self.settings, self.folders)
        if not (start / "config.json").exists():
            model, processor = build(self.settings, self.folders)
            save(model, processor, start, "Random weights, from which a training run starts.\n")
            return model, processor
        return load(start)

    # The loop

    def go(self, stopping: Stopping) -> Outcome:
        """All steps that are left."""
        steps, settings = self.order.steps, self.settings
        journal = Journal(
            self.out, self.first, steps, tensorboard=settings.tensorboard, quiet=self.quiet, active=self.main
        )
        step, reason = self.first, ""
        kept = step
        try:
            ready = self.feed.steps(step)
            while step < steps and not reason:
                began = time.perf_counter()
                micros = next(ready)
                waited = time.perf_counter() - began
                values, samples, tokens, stop = self._step(step, micros, bool(stopping.reason))
                step += 1
                epoch = round(self.order.epoch_of(step), 4)
                seconds = time.perf_counter() - began
                journal.step({"step": step, "epoch": epoch, **values}, samples, tokens, seconds, waited)
                reason = (stopping.reason or "signal") if stop else ""
                if step < steps and (reason or step % settings.save_every == 0):
                    self._save(step)
                    kept = step
        finally:
            self.feed.close()
            journal.close()
        if step == steps:
            self._finish(journal, kept)
        return Outcome(step, steps, reason if step < steps else "finished", journal.summary())

    def _step(self, step: int, micros: list[Micro], stop: bool) -> tuple[dict[str, Any], int, int, bool]:
        """One step of the optimizer; losses for the log, samples, tokens, and whether any process wants to end."""
        settings, device = self.settings, self.accelerator.device
        torch.manual_seed(seed_of(settings.seed, "step", step, self.accelerator.process_index) % 2**63)
        half = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")
        micros = [on_device(micro, device) for micro in micros]
        if settings.predicted:
            with half:
                micros = [
                    with_predicted(self.model, self.processor, self.config, m, settings.predicted, settings.seed)
                    for m in micros
                ]
        counts = self._sum([sum(m.words for m in micros), sum(m.masks for m in micros)])
        words, masks = (max(1.0, count) for count in counts)
        sums = torch.zeros(3, dtype=torch.float64, device=device)
        world = self.accelerator.num_processes
        for number, micro in enumerate(micros):
            last = number == len(micros) - 1
            with self.accelerator.no_sync(self.wrapped) if not last else _nothing(), half:
                out = self.wrapped(micro.batch)
                parts = torch.stack([out.lm_loss * (micro.words / words), out.mask_loss * (micro.masks / masks)])
                loss = parts[0] + self.config.mask_loss_weight * parts[1]
            self.accelerator.backward(loss * world)  # processes are averaged
            sums[:2] += parts.detach().double()
            sums[2] += _ious(out.mask_logits, micro)
        norm = torch.nn.utils.clip_grad_norm_(
            [value for value in self.model.parameters() if value.grad is not None], settings.clip
        )
        lr = learning_rate(settings, step, self.order.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        samples, tokens = sum(len(m.lessons) for m in micros), sum(m.tokens for m in micros)
        lm, mask, iou, samples_all, tokens_all, stops = self._sum([*sums.tolist(), samples, tokens, float(stop)])
        if not math.isfinite(lm + mask) or not math.isfinite(float(norm)):
            raise TrainingError(
                f"at step {step + 1} the losses are {lm} (words) and {mask} (masks), the gradient {float(norm)}; "
                "try a lower lr, a longer warmup or precision fp32, and begin anew or from the last checkpoint"
            )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        values = {
            "loss": lm + self.config.mask_loss_weight * mask,
            "lm_loss": lm,
            "mask_loss": mask,
            "iou": iou / masks if counts[1] else None,
            "lr": lr,
            "grad_norm": float(norm),
        }
        return values, int(samples_all), int(tokens_all), stops > 0

    def _sum(self, values: list[float]) -> list[float]:
        """The sums over all processes."""
        if self.accelerator.num_processes == 1:
            return [float(value) for value in values]
        own = torch.tensor(values, dtype=torch.float32, device=self.accelerator.device)
        total: Tensor = self.accelerator.reduce(own, "sum")
        return [float(value) for value in total.tolist()]

    def _save(self, step: int) -> None:
        if self.main:
            about = {"steps": self.order.steps, "processes": int(self.accelerator.num_processes)}
            folder = self.out / CHECKPOINTS
            save_state(folder, step, self.model, self.optimizer, about, self.settings.keep)
        self.accelerator.wait_for_everyone()

    def _finish(self, journal: Journal, kept: int) -> None:
        """The last checkpoint and the model to use; a run that is resumed when it is done only says so."""
        if kept < self.order.steps:
            self._save(self.order.steps)
        if self.main and (journal.done or not (self.out / FINAL).exists()):
            card = card_text(self.settings, self.folders, self.order, journal.summary())
            save(whole(self.model, self.adapted), self.processor, self.out / FINAL, card)
        self.accelerator.wait_for_everyone()


def chosen_by(settings: Settings) -> list[Chosen]:
    """The rows that settings choose of each folder; ``OutputError`` when the file of ids cannot be read."""
    ids = None
    if settings.ids is not None:
        try:
            ids = frozenset(Path(settings.ids).read_text("utf-8").split())
        except OSError as error:
            raise OutputError(f"key ids: cannot read {settings.ids}: {error.strerror or error}") from error
    return [
        Chosen(own.levels or settings.levels, own.kinds or settings.kinds, settings.modalities, settings.splits, ids)
        for own in settings.data
    ]


def learning_rate(settings: Settings, step: int, steps: int) -> float:
    """Of a step (from 0): rising in a line over the warm-up, then a half cosine down to 0 after the last step."""
    warm = max(1, math.ceil(settings.warmup * steps))
    if step < warm:
        return settings.lr * (step + 1) / warm
    return settings.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


@torch.no_grad()
def _ious(logits: tuple[Tensor, ...], micro: Micro) -> float:
    """Sum over masks of their IoU on the pixels that count; two empty ones agree."""
    targets = micro.batch.targets
    total = 0.0
    for one, mask, counts in zip(logits, targets.masks, targets.valid, strict=True):
        drawn, true = (one > 0) & counts, mask & counts
        union = int((drawn | true).sum())
        total += int((drawn & true).sum()) / union if union else 1.0
    return total


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()
