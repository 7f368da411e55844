"""Findings to items: what tasks and sources can ask of a scene, and the row that an item with its options becomes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import terracot
from terrabench.items import TASKS as PUBLISHED
from terrabench.options_plan import Assigned, Found
from terrabench.stated import PROTOCOL as STATED
from terrabench.stated import stated_findings
from terrabench.tasks import TASKS
from terracot.findings import Finding, SceneFacts, Setting, find
from terracot.generate import question_columns
from terracot.language import UNITS, option_text
from terracot.plugins import LETTERS
from terracot.questions import Question, Writer
from terracot.rules import Filters
from terracot.samples import content_id
from terracot.stated import StatedFinding, is_stated, stated_number

PROTOCOL = "paper-filters"
"""The filters of the paper on true ground sampling. Stricter protocols will carry names of their own."""


def protocol_of(tasks: Mapping[str, int]) -> str:
    """The protocols behind a benchmark with so many items of each task: of measured tasks, of stated ones, or both."""
    stated = {is_stated(task) for task, count in tasks.items() if count}
    if True not in stated:
        return PROTOCOL
    return f"{PROTOCOL} + {STATED}" if False in stated else STATED


def findings_of(facts: SceneFacts, filters: Filters, rejected: Counter[str]) -> Iterator[tuple[Found, Finding]]:
    """Everything that a scene can be asked, in the six tasks and by its source; ``rejected`` counts what is refused.

    ``SceneError`` also for images that cannot be read, before anything is asked: a scene that fails after options were
    drawn would leave the others without balance.
    """
    scene = facts.scene
    _ = facts.pixels
    for frame in scene.frames:
        if frame.hidden:
            frame.hidden()
    yield from stated_findings(facts, rejected)
    shape = "{} x {} pixels".format(*scene.shape)
    for task in TASKS:
        for finding in find(task, facts, filters):
            if not isinstance(finding, Finding):
                rejected[f"{task}/{finding.reason}"] += 1
                continue
            measure = str(finding.parameters.get("measure", ""))
            asked = f"{task} {measure}".strip()
            about = " & ".join(finding.class_names)
            when = f"date {finding.t} of {scene.dates}"
            stratum = " | ".join([asked, scene.source, scene.split, about, when, shape, scene.ground.basis])
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
                scale=TASKS[task].pixel(scene.ground) if scene.ground.known else 1.0,
            )
            yield found, finding


def picture_of(scene: Mapping[str, Any], t: int) -> Mapping[str, Any]:
    """The one picture that readers of the published columns see: of the date asked about, optical if there is one."""
    frames = [frame for frame in scene["frames"] if frame["t"] == t]
    picture: Mapping[str, Any] = min(frames, key=lambda frame: frame["modality"] == "sar")["image"]
    return picture


def word(finding: Finding, setting: Setting, seed: int) -> Question:
    """The wording of an item; it has no trace. Stated questions have words of their own."""
    if isinstance(finding, StatedFinding):
        return Question(finding, finding.question, (), (), finding.truth.text, finding.template)
    writer = Writer(finding, setting, seed, prefix="bench")
    return writer.question(TASKS[finding.kind].phrase(writer))


def item_row(
    found: Found, finding: Finding, assigned: Assigned, facts: SceneFacts, image: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """One item as a row of ``ITEM_SCHEMA``."""
    if assigned.unit is not None:
        finding = facts.finding(finding.kind, finding.masks, {**finding.parameters, "unit": assigned.unit})
    question = word(finding, facts.setting, seed)
    unit, stated = finding.truth.unit, isinstance(finding, StatedFinding)
    if assigned.words is None:
        values: list[float | None] = [value / UNITS.get(unit, 1.0) for value in assigned.values]
        shown = stated_number if stated else lambda value: option_text(value, unit)
        options = [shown(value) for value in values if value is not None]
    else:
        values, options = [None] * len(assigned.words), list(assigned.words)
    letters = LETTERS[: len(options)]
    row = question_columns(question, facts, seed, f"terrabench {terracot.__version__}") | {
        "image": dict(image),
        "candidates": json.dumps(dict(zip(letters, options, strict=True)), ensure_ascii=False),
        "answer": letters[assigned.answer],
        "task_type": PUBLISHED.get(found.task, found.task),
        "task": found.task,
        "options": options,
        "option_values": values,
        "stratum": found.stratum,
        "protocol": STATED if stated else PROTOCOL,
    }
    return row | {"id": content_id(row)}
