"""Scenes to Terra-CoT samples: which questions a scene gets, and the rows that are written."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import terracot
from terracot.assembly import Asked, Plan, assemble
from terracot.chosen import choose
from terracot.findings import SceneFacts
from terracot.levels import Mix
from terracot.licences import allowed, non_commercial
from terracot.modalities import select
from terracot.pixel_files import EMBED, FILES, store
from terracot.questions import Question, ask
from terracot.rewriting import Rewriter
from terracot.samples import SAMPLE_SCHEMA, SCENE_SCHEMA, content_id
from terracot.scenes import SceneError, SceneSource
from terracot.shards import mask_records, scene_row, without_pandas, write_shard
from terracot.sources import open_source
from terracot.splits import BlockSplits
from terracot.stated import check_stated, level_of, only_for_evaluation, stated_questions, text_form
from terracot.traces import step_to_dict
from terracot.views import modality_of


def shard_questions(scenes: Sequence[SceneFacts], plan: Plan) -> list[list[Asked | Question]]:
    """What each scene of a shard is asked: what was assembled, and every question that its source states.

    A scene whose questions all come with published options has none (``only_for_evaluation`` says why).
    """
    return [
        [
            *asked,
            *(
                question
                for question in stated_questions(facts.scene, plan.seed)
                if level_of(question.finding.kind) in plan.mix.stated
            ),
        ]
        for facts, asked in zip(scenes, assemble(scenes, plan), strict=True)
    ]


def rows_of(questions: Sequence[Asked | Question], facts: SceneFacts, seed: int) -> list[dict[str, Any]]:
    """The rows of a scene's questions."""
    return [
        stated_row(one, facts, seed) if isinstance(one, Question) else sample_row(one, facts, seed) for one in questions
    ]


def shard_samples(scenes: Sequence[SceneFacts], plan: Plan) -> list[list[dict[str, Any]]]:
    """The rows of each scene of a shard."""
    asked = shard_questions(scenes, plan)
    return [rows_of(own, facts, plan.seed) for facts, own in zip(scenes, asked, strict=True)]


def scene_samples(facts: SceneFacts, seed: int) -> list[dict[str, Any]]:
    """The rows of a scene in a shard of its own."""
    (rows,) = shard_samples([facts], Plan(seed))
    if facts.scene.stated and not rows:
        raise only_for_evaluation(facts)
    return rows


def question_columns(question: Question, facts: SceneFacts, seed: int, generator: str) -> dict[str, Any]:
    """The columns that samples and items share; ``id`` is left to be filled from the whole row."""
    scene, finding = facts.scene, question.finding
    return {
        "id": "",
        "scene_id": scene.id,
        "source": scene.source,
        "split": scene.split,
        "group": scene.group,
        "license": scene.license,
        "non_commercial": non_commercial(scene.license),
        "pixels_sha256": list(facts.pixel_hashes),
        "kind": finding.kind,
        "question": question.text,
        "values": [value.to_dict() for value in question.values],
        "masks": mask_records(finding.recorded),
        "truth": finding.truth.to_dict(),
        "parameters": json.dumps(dict(finding.parameters), sort_keys=True),
        "ground_basis": scene.ground.basis,
        "template": question.template,
        "seed": seed,
        "generator": generator,
    }


def sample_row(asked: Asked, facts: SceneFacts, seed: int) -> dict[str, Any]:
    """A question as a row of ``SAMPLE_SCHEMA``: worded, in the open form or with its options."""
    options = asked.options
    question = ask(asked.finding, facts.setting, seed, None if options is None else options.letter)
    chosen: dict[str, Any] = {"form": "open", "options": [], "option_values": []}
    if options is not None:
        chosen = {"form": "choice", "options": list(options.texts), "option_values": list(options.values)}
    return _row(question, facts, seed, asked.kind.level, chosen)


def stated_row(question: Question, facts: SceneFacts, seed: int) -> dict[str, Any]:
    """A question whose answer the source states as a row of ``SAMPLE_SCHEMA``."""
    level = level_of(question.finding.kind)
    return _row(question, facts, seed, level, {"form": "open", "options": [], "option_values": []})


def _row(question: Question, facts: SceneFacts, seed: int, level: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    steps = [step_to_dict(step) for step in question.steps]
    dates = [mask.t for mask in question.finding.recorded]
    row = question_columns(question, facts, seed, f"terracot {terracot.__version__}") | {
        "level": level,
        "modality": modality_of(facts.views),
        "dates": facts.scene.dates,
        **chosen,
        "steps": steps,
        "answer": question.answer,
        "answer_values": [value.to_dict() for value in question.answer_values],
        "text": text_form(question.finding.kind, steps, dates, facts.scene.dates, question.answer),
        "rewriter": None,
        "template_id": None,
    }
    return row | {"id": content_id(row)}


@dataclass(frozen=True)
class SourceSpec:
    """How to open a source again, in this process or another: name, path as given, options, sensors and scenes.

    All sensors, or all scenes, where none is named.
    """

    name: str
    path: str
    options: tuple[tuple[str, Any], ...] = ()
    modalities: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()

    def open(self) -> SceneSource:
        """The source; ``SourceError`` when it cannot be opened."""
        return choose(select(open_source(self.name, self.path, **dict(self.options)), self.modalities), self.scenes)


@dataclass(frozen=True)
class GenerateJob:
    """Everything a worker needs to write one shard of a data set."""

    source: SourceSpec
    out: str
    plan: Plan
    allow_licenses: tuple[str, ...] = ()
    splits: BlockSplits | None = None
    rewriter: Rewriter | None = None
    images: str = EMBED

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return self.source.open()

    def start_worker(self) -> None:
        """Make a worker process of its own ready."""
        without_pandas()
        gc.freeze()

    def identity(self) -> Mapping[str, Any]:
        """What the result depends on, apart from the source's content."""
        told = {"job": "generate", "source": self.source.name, "licenses": self.allow_licenses, **asdict(self.plan)}
        told["images"] = self.images
        if self.splits is not None:
            told["splits"] = self.splits.rule.to_dict()
        if self.rewriter is not None:
            told["rewriter"] = self.rewriter.identity()
        return told

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Write ``scenes-INDEX`` and ``samples-INDEX``; returns files, counts and quarantined scenes."""
        quarantine: list[dict[str, str]] = []
        seed = self.plan.seed
        usable = list(usable_scenes(self.opened, scene_ids, self.allow_licenses, quarantine, self.splits))
        asked = shard_questions([facts for facts, _ in usable], self.plan)
        empty = [facts for (facts, _), own in zip(usable, asked, strict=True) if not own]
        left_out = [facts for facts in empty if _has_questions(facts, self.plan)]
        quarantine += [nothing_to_ask(facts) for facts in empty if facts not in left_out]
        scenes = [scene for (_, scene), own in zip(usable, asked, strict=True) if own]
        fates: dict[str, int] = {}
        # Compressing the scenes takes as long as wording what they are asked, and does not hold the interpreter.
        with ThreadPoolExecutor(1) as beside:
            written = beside.submit(write_scenes, Path(self.out), index, scenes, self.images)
            samples = [row for (facts, _), own in zip(usable, asked, strict=True) for row in rows_of(own, facts, seed)]
            if self.rewriter is not None:
                samples, fates = self.rewriter.rewrite(samples)
            files = write_samples(Path(self.out), index, samples, self.images) | written.result()
        counts = {"scenes": len(scenes), "samples": len(samples), "left_out": len(left_out)}
        return {"files": files, "counts": counts, "quarantine": quarantine, "rewriting": fates}


def write_tables(
    out: Path, index: int, samples: Sequence[Mapping[str, Any]], scenes: Sequence[Mapping[str, Any]], images: str
) -> dict[str, dict[str, Any]]:
    """Write the two tables of a shard, and the files beside them with ``images`` "files"; what was written, by path."""
    return write_samples(out, index, samples, images) | write_scenes(out, index, scenes, images)


def write_samples(
    out: Path, index: int, samples: Sequence[Mapping[str, Any]], images: str
) -> dict[str, dict[str, Any]]:
    """Write the table of samples of a shard; what was written, by path."""
    name = f"data/samples-{index:05d}.parquet"
    return {name: write_shard(out / name, samples, SAMPLE_SCHEMA, images == EMBED)}


def write_scenes(out: Path, index: int, scenes: Sequence[Mapping[str, Any]], images: str) -> dict[str, dict[str, Any]]:
    """Write the table of scenes of a shard, and with ``images`` "files" those beside it; what was written, by path."""
    files: dict[str, dict[str, Any]] = {}
    if images == FILES:
        stored = []
        for number, scene in enumerate(scenes):
            row, own = store(scene, out, f"{index:05d}/{number:04d}")
            stored.append(row)
            files |= own
        scenes = stored
    name = f"data/scenes-{index:05d}.parquet"
    files[name] = write_shard(out / name, scenes, SCENE_SCHEMA, images == EMBED)
    return files


def usable_scenes(
    source: SceneSource,
    scene_ids: Sequence[str],
    licenses: Sequence[str],
    quarantine: list[dict[str, str]],
    splits: BlockSplits | None = None,
) -> Iterator[tuple[SceneFacts, dict[str, Any]]]:
    """Scenes that can be read, with their rows; ``quarantine`` gets the others."""
    for scene_id in scene_ids:
        try:
            scene = source.load(scene_id)
            if licenses and not allowed(scene.license, licenses):
                listed = ", ".join(licenses)
                raise SceneError("license", f"licence {scene.license} is not among those allowed ({listed})")
            if splits is not None:
                scene = splits.assigned(scene)
            facts = SceneFacts(scene)
            check_stated(scene)
            row, _ = scene_row(facts), facts.building_numbers
        except SceneError as error:
            quarantine.append({"scene_id": scene_id, "reason": error.reason, "message": str(error)})
        else:
            facts.keep_pixels_of(row)
            yield facts, row


def _has_questions(facts: SceneFacts, plan: Plan) -> bool:
    """True for a scene without rows that could have some: its levels had enough of them, or nobody made a couple."""
    whole = Mix(plan.mix.levels, {}, ())
    return any(assemble([facts], replace(plan, mix=whole))[0])


def nothing_to_ask(facts: SceneFacts) -> dict[str, str]:
    """Why a scene that can be read has no row."""
    scene = facts.scene
    error = SceneError("nothing_to_ask", "no question passes the filters on this scene")
    if scene.stated and all(one.options for one in scene.stated):
        error = only_for_evaluation(facts)
    return {"scene_id": scene.id, "reason": error.reason, "message": str(error)}


def source_spec(name: str, path: str, options: Mapping[str, Any] | None = None) -> SourceSpec:
    """Spec of a source as the command line gives it."""
    return SourceSpec(name, path, tuple(sorted((options or {}).items())))
