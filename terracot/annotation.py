"""Annotation: what a model says of scenes, as captions whose regions and words are the model's.

A scene without labels keeps what the model draws. Where a label map knows the place, a region is kept only as far as
map and model agree (prediction AND map), a region on which they do not meet is dropped, and the agreement is reported.
None of it is measured: rows are of kind "annotated/caption", and ``verify`` checks their structure alone.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from terracot.dataset import (
    Summary,
    describe_folder,
    hashes_of,
    scenes_per_shard,
    source_record,
    summary,
    total_counts,
    write_quarantine,
)
from terracot.findings import Finding, SceneFacts, Setting
from terracot.generate import SourceSpec, usable_scenes, write_tables
from terracot.io import OutputError, stamp, write_manifest
from terracot.kinds import FolderKind
from terracot.masks import iou
from terracot.measure import MapFacts
from terracot.pipeline import fingerprint, run_shards, shards_of, working_on
from terracot.pixel_files import EMBED
from terracot.plugins import (
    EvidenceMask,
    Model,
    ModelError,
    PredictedMask,
    Prompt,
    PromptFrame,
    Response,
    describe,
    load_model,
)
from terracot.questions import Question
from terracot.released.form import Turn
from terracot.released.told import ANNOTATED, answer_of, steps_of, told_row
from terracot.render import render, render_stamp
from terracot.samples import SAMPLE_SCHEMA, SCHEMA_VERSION
from terracot.scenes import BoolMask, SceneSource, SourceError
from terracot.stated import text_problem
from terracot.traces import SEG, Ground, Step, seg_dates, spoken_text, step_to_dict

ASKED = ("Describe what this image shows, region by region.", "Describe what these images show, region by region.")
"""What a sample says was asked: of one date, of several."""

MARKS = ("Write [SEG]", "Write Image: t, the number of the image, and [SEG]")
INSTRUCTION = "{mark} after each region that you speak of, and give its mask. End with a summary."
"""What the model is told besides."""

UNNAMED = "region"
_MARKS = re.compile(r"\[SEG\]|</?(?:think|answer)>")
KIND = "terra-cot-annotated"


class Unusable(ValueError):
    """A reply that makes no sample; ``reason`` is one word for counting."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class Agreement:
    """How far regions of a model agree with label maps: IoU by class, and how many regions met nothing."""

    ious: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    dropped: int = 0
    unlabelled: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values that shards write; ``merged`` adds them up."""
        return {"ious": dict(self.ious), "dropped": self.dropped, "unlabelled": self.unlabelled}


def merged(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Agreement over all shards: regions, mean IoU, and the same by class; None where nothing could be compared."""
    by_class: dict[str, list[float]] = defaultdict(list)
    for record in records:
        for name, values in record["ious"].items():
            by_class[name] += values
    every = [value for values in by_class.values() for value in values]
    return {
        "regions_compared": len(every),
        "regions_dropped": sum(record["dropped"] for record in records),
        "regions_without_labels": sum(record["unlabelled"] for record in records),
        "mean_iou": _mean(every),
        "classes": {name: {"regions": len(v), "mean_iou": _mean(v)} for name, v in sorted(by_class.items())},
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 6) if values else None


def prompt_of(facts: SceneFacts, seed: int) -> Prompt:
    """What a model sees of a scene: its images in the common render, and no label."""
    scene = facts.scene
    frames = tuple(
        PromptFrame(f.id, f.t, f.modality, f.bands, f.unit, render(f), lambda n=n: facts.pixels[n], f.time)  # type: ignore[misc]
        for n, f in enumerate(scene.frames)
    )
    name = hashlib.sha256(f"{seed} {scene.id}".encode()).hexdigest()[:16]
    several = scene.dates > 1
    question = f"{ASKED[several]} {INSTRUCTION.format(mark=MARKS[several])}"
    return Prompt(name, frames, scene.ground, question, ())


def annotated_row(facts: SceneFacts, response: Response, agreement: Agreement) -> dict[str, Any]:
    """A reply as a row of ``SAMPLE_SCHEMA``; ``Unusable`` when it points at nothing that can be kept."""
    steps, masks = _steps_and_masks(facts, response)
    kept: list[EvidenceMask] = []
    said: list[Step] = []
    for step in steps:
        if not isinstance(step, Ground):
            said.append(step)
            continue
        mask = _agreed(facts, masks[step.mask], step.text, agreement)
        if mask is not None:
            said.append(Ground(step.text, len(kept)))
            kept.append(mask)
    if not kept:
        raise Unusable("no_region_kept", f"none of {len(masks)} regions lies where the label map has its class")
    spoken = spoken_text([step_to_dict(s) for s in said], [m.t for m in kept], facts.scene.dates)
    if answer := answer_of(response.text):
        spoken = f"<think>{spoken}</think><answer>{answer}</answer>"
    turn = Turn(ASKED[facts.scene.dates > 1], (), spoken, range(len(kept)))
    return told_row(turn, kept, facts, "caption", ANNOTATED)


def _steps_and_masks(facts: SceneFacts, response: Response) -> tuple[tuple[Step, ...], Sequence[PredictedMask]]:
    """The reply cut at each ``[SEG]``; regions that are only listed get a sentence each, from their labels."""
    text, masks = response.text, response.masks
    if problem := text_problem(_MARKS.sub(" a ", text)):
        raise Unusable("bad_text", problem)
    if not masks:
        raise Unusable("no_regions", "the reply comes without masks")
    for number, mask in enumerate(masks, 1):
        if not 1 <= mask.t <= facts.scene.dates or mask.mask.shape != facts.scene.shape:
            raise Unusable(
                "bad_mask",
                f"mask {number}: expected {facts.scene.shape} on a date from 1 to {facts.scene.dates}, found "
                f"{mask.mask.shape} on date {mask.t}",
            )
    if SEG not in text:
        named = " ".join(f"Here I mark the {mask.label or UNNAMED}: {SEG}." for mask in masks)
        text = f"{named} {text}"
    spoken = seg_dates(text)
    if len(spoken) != len(masks):
        raise Unusable("seg_count", f"the reply has {len(spoken)} [SEG] and {len(masks)} masks")
    wrong = [n for n, (mask, t) in enumerate(zip(masks, spoken, strict=True), 1) if t not in (None, mask.t)]
    if wrong:
        raise Unusable("mask_dates", f"mask {wrong[0]} is of date {masks[wrong[0] - 1].t}, the text says another")
    return steps_of(text), masks


def _agreed(facts: SceneFacts, predicted: PredictedMask, phrase: str, agreement: Agreement) -> EvidenceMask | None:
    """The part of a region that map and model agree on; None where there is none."""
    label = " ".join((predicted.label or "").split())[:200] or UNNAMED
    region = np.asarray(predicted.mask, dtype=bool) & facts.valid[predicted.t]
    if predicted.t not in facts.maps:
        agreement.unlabelled += 1
        return EvidenceMask(predicted.t, label, region) if region.any() else None
    truth = _of_class(facts.maps[predicted.t], region, label, phrase)
    if truth is None:
        agreement.dropped += 1
        return None
    name, plural, mask = truth
    agreement.ious[name].append(round(iou(region, mask, facts.valid[predicted.t]) or 0.0, 6))
    if not np.any(region & mask):
        agreement.dropped += 1
        return None
    return EvidenceMask(predicted.t, name, region & mask, plural)


def _of_class(known: MapFacts, region: BoolMask, label: str, phrase: str) -> tuple[str, bool, BoolMask] | None:
    """The class of the map that a region claims to be.

    It is the one that label or phrase names, the longest name first; else the only one that the label is a word of
    ("water" of "permanent water"); else the one that covers most of the region, if it covers half of it. Or None.
    """
    classes = sorted(known.legend.classes, key=lambda one: -len(one.name))
    named = [one for words in (label, phrase) for one in classes if one.name.lower() in words.lower()]
    within = [one for one in classes if re.search(rf"\b{re.escape(label.lower())}\b", one.name.lower())]
    overlap = [int(np.count_nonzero(region & known.mask(one.id))) for one in classes]
    most = int(np.argmax(overlap))
    covering = [classes[most]] if 2 * overlap[most] >= max(1, int(np.count_nonzero(region))) else []
    found = named[:1] or (within if len(within) == 1 else covering)
    return (found[0].name, found[0].is_plural, known.mask(found[0].id)) if found else None


@dataclass(frozen=True)
class AnnotateJob:
    """Everything a worker needs to annotate one shard; the model is built once per worker."""

    source: SourceSpec
    out: str
    model_spec: str
    model_args: tuple[tuple[str, Any], ...] = ()
    seed: int = 0
    batch: int = 8

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return self.source.open()

    @cached_property
    def model(self) -> Model:
        """The model; ``ModelError`` when it cannot look at pictures."""
        model = load_model(self.model_spec, dict(self.model_args))
        if not isinstance(model, Model):
            raise ModelError(f"{self.model_spec} has no respond(prompts): it measures labels and sees no pictures")
        return model

    def identity(self) -> Mapping[str, Any]:
        """What the result depends on, apart from the source's content."""
        return {
            "job": "annotate",
            "source": self.source.name,
            "model": self.model_spec,
            "model_args": dict(self.model_args),
            "seed": self.seed,
        }

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Ask the model about the scenes of one shard and write what can be kept."""
        quarantine: list[dict[str, str]] = []
        agreement = Agreement()
        samples, scenes = [], []
        usable = list(usable_scenes(self.opened, scene_ids, (), quarantine))
        for first in range(0, len(usable), self.batch):
            part = usable[first : first + self.batch]
            prompts = [prompt_of(facts, self.seed) for facts, _ in part]
            for (facts, scene), reply in zip(part, self._replies(prompts), strict=True):
                try:
                    if isinstance(reply, str):
                        raise Unusable("model_error", reply)
                    samples.append(annotated_row(facts, reply, agreement))
                    scenes.append(scene)
                except Unusable as error:
                    entry = {"scene_id": facts.scene.id, "reason": error.reason, "message": str(error)}
                    quarantine.append(entry)
        files = write_tables(Path(self.out), index, samples, scenes, EMBED)
        counts = {"scenes": len(scenes), "samples": len(samples)}
        return {"files": files, "counts": counts, "quarantine": quarantine, "agreement": agreement.to_dict()}

    def _replies(self, prompts: Sequence[Prompt]) -> list[Response | str]:
        """A response for each prompt, or what went wrong; one that fails costs no other."""
        try:
            replies = list(self.model.respond(prompts))
            if len(replies) == len(prompts) and all(isinstance(reply, Response) for reply in replies):
                return list(replies)
            wrong = f"respond gave {len(replies)} results for {len(prompts)} prompts, expected a Response for each"
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001
            wrong = describe(error)
        if len(prompts) == 1:
            return [wrong]
        return [reply for prompt in prompts for reply in self._replies([prompt])]


def annotate(job: AnnotateJob, limit: int | None = None, workers: int = 1, progress: bool = False) -> Summary:
    """Write the annotated scenes of a source to ``job.out``; resumes what an earlier, killed call began.

    ``ModelError`` for a model that cannot be built; scenes whose reply cannot be used are in ``quarantine.jsonl``.
    """
    out = Path(job.out)
    opened = job.source.open()
    ids = list(opened.ids())[:limit]
    if not ids:
        raise SourceError(f"{job.source.name} at {job.source.path} lists no scenes; run `terracot check` on it")
    _ = job.model  # before anything is written
    shards = shards_of(ids, scenes_per_shard(opened, ids))
    source_fingerprint = opened.fingerprint()
    plan = fingerprint(job.identity(), source_fingerprint, ids)
    with working_on(out, plan, {"annotate": len(shards)}) as finished:
        if not finished:
            records = run_shards(job, "annotate", shards, out, workers, progress)
            write_quarantine(out, records)
            hashes = hashes_of(records)
            content = {
                "kind": KIND,
                "schema": SCHEMA_VERSION,
                "plan": plan,
                "source": source_record(job.source, opened, source_fingerprint),
                "seed": job.seed,
                "licenses": [],
                "scenes_read": len(ids),
                "images": EMBED,
                "annotation": {
                    "model": _name_of(job.model_spec),
                    "model_args": {name: _pathless(value) for name, value in job.model_args},
                    "model_info": dict(getattr(job.model, "info", {})),
                    "agreement": merged([record["agreement"] for record in records]),
                },
                "counts": describe_folder(out, job.source.name, total_counts(records), True, hashes),
                "quarantined": sum(len(record["quarantine"]) for record in records),
                "render": render_stamp(),
                "stamp": stamp(),
            }
            write_manifest(out, content, hashes)
    return summary(out)


def _name_of(spec: str) -> str:
    """A model's name without the folders of its file: a data set is no map of a disk."""
    file, colon, name = spec.rpartition(":")
    return f"{Path(file).name}{colon}{name}"


def _pathless(value: Any) -> Any:
    """An argument as manifests record it: of a path its last part, as of the source."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _unworded(row: Mapping[str, Any], finding: Finding, setting: Setting) -> Question:
    raise OutputError(f"{row['kind']} is no kind of question that a model writes; expected {ANNOTATED}")


FOLDER = FolderKind("samples", SAMPLE_SCHEMA, _unworded, None)
"""What ``verify`` needs to know of annotations; registered as an entry point of ``terracot.folders``."""
