"""Findings to items: what the six tasks find in a scene, and the row that an item with its options becomes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import terracot
from terrabench.items import TASKS as PUBLISHED
from terrabench.options_plan import Assigned
from terrabench.tasks import TASKS
from terracot.findings import Finding, SceneFacts, Setting, find
from terracot.generate import question_columns
from terracot.language import UNITS, option_text, size_text
from terracot.plugins import LETTERS
from terracot.questions import Question, Writer
from terracot.rules import Filters
from terracot.samples import content_id

PROTOCOL = "paper-filters"
"""The filters of the paper on true ground sampling. Stricter protocols will carry names of their own."""


@dataclass(frozen=True)
class Found:
    """One finding without its masks: what ``assign`` needs to know of it. ``value`` is in base units."""

    key: str
    task: str
    measure: str
    classes: tuple[str, ...]
    stratum: str
    scene_id: str
    group: str
    value: float | None
    word: str


def findings_of(facts: SceneFacts, filters: Filters, rejected: Counter[str]) -> Iterator[tuple[Found, Finding]]:
    """Everything that a scene can be asked in the six tasks; what filters refuse is counted in ``rejected``."""
    scene = facts.scene
    size = size_text(*scene.ground.sampling) if scene.ground.known else "unknown"
    for task in TASKS:
        for finding in find(task, facts, filters):
            if not isinstance(finding, Finding):
                rejected[f"{task}/{finding.reason}"] += 1
                continue
            measure = str(finding.parameters.get("measure", ""))
            asked = f"{task} {measure}".strip()
            about = " & ".join(finding.class_names)
            when = f"date {finding.t} of {scene.dates}"
            stratum = " | ".join([asked, scene.source, scene.split, about, when, size, scene.ground.basis])
            key = f"{scene.id} | {asked} | {about} | {when}"
            found = Found(
                key=key,
                task=task,
                measure=measure,
                classes=finding.class_names,
                stratum=stratum,
                scene_id=scene.id,
                group=scene.group,
                value=finding.truth.value,
                word=finding.truth.text,
            )
            yield found, finding


def picture_of(scene: Mapping[str, Any], t: int) -> Mapping[str, Any]:
    """The one picture that readers of the published columns see: of the date asked about, optical if there is one."""
    frames = [frame for frame in scene["frames"] if frame["t"] == t]
    picture: Mapping[str, Any] = min(frames, key=lambda frame: frame["modality"] == "sar")["image"]
    return picture


def word(finding: Finding, setting: Setting, seed: int) -> Question:
    """The wording of an item; it has no trace."""
    writer = Writer(finding, setting, seed, prefix="bench")
    return writer.question(TASKS[finding.kind].phrase(writer))


def item_row(
    found: Found, finding: Finding, assigned: Assigned, facts: SceneFacts, image: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """One item as a row of ``ITEM_SCHEMA``."""
    if assigned.unit is not None:
        finding = facts.finding(finding.kind, finding.masks, {**finding.parameters, "unit": assigned.unit})
    question = word(finding, facts.setting, seed)
    unit = finding.truth.unit
    if assigned.words is None:
        values: list[float | None] = [value / UNITS.get(unit, 1.0) for value in assigned.values]
        options = [option_text(value, unit) for value in values if value is not None]
    else:
        values, options = [None] * len(assigned.words), list(assigned.words)
    letters = LETTERS[: len(options)]
    row = question_columns(question, facts, seed, f"terrabench {terracot.__version__}") | {
        "image": dict(image),
        "candidates": json.dumps(dict(zip(letters, options, strict=True)), ensure_ascii=False),
        "answer": letters[assigned.answer],
        "task_type": PUBLISHED[found.task],
        "task": found.task,
        "options": options,
        "option_values": values,
        "stratum": found.stratum,
        "protocol": PROTOCOL,
    }
    return row | {"id": content_id(row)}
