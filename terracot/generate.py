"""Scenes to Terra-CoT samples: which questions a scene gets, and the rows that are written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import terracot
from terracot.findings import Finding, SceneFacts, find
from terracot.licences import allowed, non_commercial
from terracot.questions import Question, ask
from terracot.rules import Filters
from terracot.samples import SAMPLE_SCHEMA, SCENE_SCHEMA, content_id
from terracot.scenes import SceneError, SceneSource
from terracot.seeding import seeded_index, seeded_rng
from terracot.shards import mask_records, scene_row, write_shard
from terracot.sources import open_source
from terracot.stated import is_stated, level_of, only_for_evaluation, stated_questions, text_form
from terracot.traces import step_to_dict, trace_text

KINDS = ("existence", "counting", "localisation", "area", "boundary", "distance")
"""The six L1 kinds; ``area`` covers square metres, hectares and per cent."""

NEEDS_PIXELS = ("counting", "area", "distance")
"""Kinds that cannot be answered without measuring; every scene that allows one gets at least one."""

FILTERS = Filters()


def scene_samples(facts: SceneFacts, seed: int) -> list[dict[str, Any]]:
    """The rows of one scene: two to four L1 kinds, one that needs pixels among them, as far as the scene allows it; and
    every question that its source states, unless it comes with options: ``SceneError`` when there are only such.

    Everything is chosen by hashes of the seed and the scene id, so a scene gives the same rows wherever and whenever
    it is processed.
    """
    rng = seeded_rng(seed, facts.scene.id, "kinds")
    wanted = int(rng.integers(2, 5))
    rows: dict[str, dict[str, Any]] = {}
    tried: set[str] = set()

    def add(kinds: Sequence[str], until: int) -> None:
        for kind in kinds:
            if len(rows) >= until:
                return
            finding = None if kind in tried else _choose(kind, facts, seed)
            tried.add(kind)
            if finding is not None:
                rows[kind] = sample_row(ask(finding, facts.setting, seed), facts, seed)

    add([str(k) for k in rng.permutation(NEEDS_PIXELS)], until=1)
    add([str(k) for k in rng.permutation(KINDS)], until=wanted)
    stated = [sample_row(question, facts, seed) for question in stated_questions(facts.scene, seed)]
    if facts.scene.stated and not rows and not stated:
        raise only_for_evaluation(facts)
    return [*(rows[kind] for kind in KINDS if kind in rows), *stated]


def _choose(kind: str, facts: SceneFacts, seed: int) -> Finding | None:
    """One finding of a kind: first the answer word, by a coin, then the fact.

    A data set in which every answer is yes teaches to say yes. So existence is asked only where the scene allows either
    answer, and touching, which is commoner than not touching, every other time where it is all that can be said; never
    on maps of two classes, where it goes without saying.
    """
    names = ("coverage", "area") if kind == "area" else (kind,)
    found = [f for name in names for f in find(name, facts, FILTERS) if isinstance(f, Finding)]
    if kind in ("existence", "boundary"):
        found = [f for f in found if len(facts.maps[f.t].legend.classes) > 2]
    if not found:
        return None
    key = (seed, facts.scene.id, kind)
    if kind in ("existence", "boundary"):
        words = {f.truth.text for f in found}
        word = ("no", "yes")[seeded_index(2, *key, "word")]
        if kind == "boundary" and "no" in words and word == "yes" and "yes" not in words:
            word = "no"
        if word not in words or (kind == "existence" and len(words) < 2):
            return None
        found = [f for f in found if f.truth.text == word]
    chosen = found[seeded_index(len(found), *key, "finding")]
    return _in_unit(chosen, facts, key) if chosen.kind in ("area", "distance") else chosen


def _in_unit(finding: Finding, facts: SceneFacts, key: tuple[object, ...]) -> Finding:
    """The same area or distance in a unit that suits its size; between two suiting units the hash decides."""
    value = finding.truth.value or 0.0
    if finding.kind == "distance":
        units = ["km"] if value >= 10_000 else ["m"]
    else:
        limits = {"m2": (0.0, 1e6), "ha": (1e3, 1e9), "km2": (1e5, float("inf"))}
        units = [unit for unit, (low, high) in limits.items() if low <= value < high]
    unit = units[seeded_index(len(units), *key, "unit")]
    return facts.finding(finding.kind, finding.masks, {**finding.parameters, "unit": unit})


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
        "masks": mask_records(finding.masks),
        "truth": finding.truth.to_dict(),
        "parameters": json.dumps(dict(finding.parameters), sort_keys=True),
        "ground_basis": scene.ground.basis,
        "template": question.template,
        "seed": seed,
        "generator": generator,
    }


def sample_row(question: Question, facts: SceneFacts, seed: int) -> dict[str, Any]:
    """A worded question as a row of ``SAMPLE_SCHEMA``."""
    steps = [step_to_dict(step) for step in question.steps]
    dates = [mask.t for mask in question.finding.masks]
    kind, answer = question.finding.kind, question.answer
    if is_stated(kind):
        text = text_form(kind, steps, dates, facts.scene.dates, answer)
    else:
        text = trace_text(steps, dates, facts.scene.dates, answer)
    row = question_columns(question, facts, seed, f"terracot {terracot.__version__}") | {
        "level": level_of(kind),
        "steps": steps,
        "answer": answer,
        "text": text,
    }
    return row | {"id": content_id(row)}


@dataclass(frozen=True)
class SourceSpec:
    """How to open a source again, in this process or another: name, path as given, options."""

    name: str
    path: str
    options: tuple[tuple[str, Any], ...] = ()

    def open(self) -> SceneSource:
        """The source; ``SourceError`` when it cannot be opened."""
        return open_source(self.name, self.path, **dict(self.options))


@dataclass(frozen=True)
class GenerateJob:
    """Everything a worker needs to write one shard of a data set."""

    source: SourceSpec
    out: str
    seed: int
    allow_licenses: tuple[str, ...] = ()

    @cached_property
    def opened(self) -> SceneSource:
        """The source, opened once per worker."""
        return self.source.open()

    def identity(self) -> Mapping[str, Any]:
        """What the result depends on, apart from the source's content."""
        return {"job": "generate", "source": self.source.name, "seed": self.seed, "licenses": self.allow_licenses}

    def run_shard(self, index: int, scene_ids: Sequence[str]) -> dict[str, Any]:
        """Write ``scenes-INDEX`` and ``samples-INDEX``; returns files, counts and quarantined scenes."""
        scenes, samples, quarantine = [], [], []
        for scene_id in scene_ids:
            try:
                scene = self.opened.load(scene_id)
                if self.allow_licenses and not allowed(scene.license, self.allow_licenses):
                    listed = ", ".join(self.allow_licenses)
                    raise SceneError("license", f"licence {scene.license} is not among those allowed ({listed})")
                facts = SceneFacts(scene)
                rows = scene_samples(facts, self.seed)
                if not rows:
                    raise SceneError("nothing_to_ask", "no question passes the filters on this scene")
                scenes.append(scene_row(facts))
                samples.extend(rows)
            except SceneError as error:
                quarantine.append({"scene_id": scene_id, "reason": error.reason, "message": str(error)})
        data = Path(self.out) / "data"
        files = {}
        for stem, rows, schema in (("samples", samples, SAMPLE_SCHEMA), ("scenes", scenes, SCENE_SCHEMA)):
            name = f"{stem}-{index:05d}.parquet"
            files[f"data/{name}"] = write_shard(data / name, rows, schema)
        return {"files": files, "counts": {"scenes": len(scenes), "samples": len(samples)}, "quarantine": quarantine}


def source_spec(name: str, path: str, options: Mapping[str, Any] | None = None) -> SourceSpec:
    """Spec of a source as the command line gives it."""
    return SourceSpec(name, path, tuple(sorted((options or {}).items())))
