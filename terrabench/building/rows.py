"""Findings to items: what tasks and sources can ask of a scene, and the row that an item with its options becomes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import terracot
from terrabench.building.found import Assigned, Found
from terrabench.building.protocols import Protocol
from terrabench.building.robust import margin, support
from terrabench.building.settings import Settings
from terrabench.building.stated import PROTOCOL as STATED
from terrabench.building.stated import stated_findings
from terrabench.items import APART
from terrabench.items import TASKS as PUBLISHED
from terrabench.tasks import TASKS, choice_of, find, kind_of
from terracot.findings import Finding, SceneFacts, Setting
from terracot.generate import question_columns
from terracot.language import UNITS, option_text
from terracot.plugins import LETTERS
from terracot.questions import Question, Writer
from terracot.questions.clouds import in_view
from terracot.rules import Filters
from terracot.samples import content_id
from terracot.stated import StatedFinding, is_stated, stated_number


def protocol_of(tasks: Mapping[str, int], protocol: Protocol) -> str:
    """The protocols behind a benchmark with so many items of each task: of measured tasks, of stated ones, or both."""
    stated = {is_stated(task) for task, count in tasks.items() if count}
    if True not in stated:
        return protocol.name
    return f"{protocol.name} + {STATED}" if False in stated else STATED


def findings_of(facts: SceneFacts, protocol: Protocol, rejected: Counter[str]) -> Iterator[tuple[Found, Finding]]:
    """Everything that a scene can be asked, with what a disturbed map makes of it; ``rejected`` counts all refusals.

    ``SceneError`` also for images that cannot be read, before anything is asked: a scene that fails after options were
    drawn would leave the others without balance.
    """
    for found, finding in asked_of(facts, protocol.filters, rejected):
        if isinstance(finding, StatedFinding):
            yield found, finding
            continue
        measured = support(finding, facts, protocol.robustness)
        if measured.refusal is not None:
            rejected[f"{found.task}/{measured.refusal}"] += 1
        elif found.value is None:
            yield found, finding
        else:
            yield replace(found, low=measured.low, high=measured.high), finding


def asked_of(facts: SceneFacts, filters: Filters, rejected: Counter[str]) -> Iterator[tuple[Found, Finding]]:
    """What passes the filters, however robust it is."""
    _ = facts.pixels
    for frame in facts.scene.frames:
        if frame.hidden:
            frame.hidden()
    yield from stated_findings(facts, rejected)
    for task, kinds in TASKS.items():
        for kind in kinds:
            for finding in find(kind, facts, filters):
                reason = _refusal(finding, facts, filters) if isinstance(finding, Finding) else finding.reason
                if reason is None and isinstance(finding, Finding):
                    yield _found(task, finding, facts), finding
                else:
                    rejected[f"{task}/{reason}"] += 1


def _refusal(finding: Finding, facts: SceneFacts, filters: Filters) -> str | None:
    """Why nobody could answer from the images, whatever is asked."""
    if facts.valid_share[finding.t] < filters.min_valid_share:
        return "too_few_valid_pixels"
    return None if in_view(finding, facts, filters) else "hidden_by_clouds"


def _found(task: str, finding: Finding, facts: SceneFacts) -> Found:
    scene, choice = facts.scene, choice_of(finding.kind)
    about = " & ".join(dict.fromkeys(finding.class_names))
    asked = [task] if finding.kind == task else [task, finding.kind]
    own = choice.stratum(finding)  # what the question itself sets
    when = f"date {finding.t} of {scene.dates}"
    alike = [*asked, about, *([own] if own not in ("", about) else []), when]
    shape = "{} x {} pixels".format(*scene.shape)
    return Found(
        key=" | ".join([scene.id, *alike]),
        task=task,
        kind=finding.kind,
        classes=finding.class_names,
        stratum=" | ".join([*alike, scene.source, scene.split, shape, scene.ground.basis]),
        source=scene.source,
        scene_id=scene.id,
        group=scene.group,
        value=finding.truth.value,
        word=finding.truth.text,
        unit=finding.truth.unit,
        scale=choice.pixel(scene.ground) if scene.ground.known else 1.0,
        words=choice.words(finding) if choice.mode == "word" else (),
    )


def picture_of(scene: Mapping[str, Any], t: int) -> Mapping[str, Any]:
    """The one picture that readers of the published columns see: of the date asked about, optical if there is one."""
    frames = [frame for frame in scene["frames"] if frame["t"] == t]
    picture: Mapping[str, Any] = min(frames, key=lambda frame: frame["modality"] == "sar")["image"]
    return picture


def word(finding: Finding, setting: Setting, seed: int) -> Question:
    """The wording of an item, that of Terra-CoT. Stated questions have words of their own."""
    if isinstance(finding, StatedFinding):
        return Question(finding, finding.question, (), (), finding.truth.text, finding.template)
    return kind_of(finding.kind).ask(Writer(finding, setting, seed, prefix="bench"))


def item_row(
    found: Found,
    finding: Finding,
    assigned: Assigned,
    facts: SceneFacts,
    image: Mapping[str, Any],
    settings: Settings,
) -> dict[str, Any]:
    """One item as a row of ``ITEM_SCHEMA``."""
    if assigned.unit is not None:
        finding = facts.finding(finding.kind, finding.masks, {**finding.parameters, "unit": assigned.unit})
    question = word(finding, facts.setting, settings.seed)
    unit, stated = finding.truth.unit, isinstance(finding, StatedFinding)
    if assigned.words is None:
        values: list[float | None] = [value / UNITS.get(unit, 1.0) for value in assigned.values]
        shown = stated_number if stated else lambda value: option_text(value, unit)
        options = [shown(value) for value in values if value is not None]
    else:
        values, options = [None] * len(assigned.words), list(assigned.words)
    letters = LETTERS[: len(options)]
    row = question_columns(question, facts, settings.seed, f"terrabench {terracot.__version__}") | {
        "image": dict(image),
        "candidates": json.dumps(dict(zip(letters, options, strict=True)), ensure_ascii=False),
        "answer": letters[assigned.answer],
        "task_type": (PUBLISHED | APART).get(found.task, found.task),
        "task": found.task,
        "options": options,
        "option_values": values,
        "stratum": found.stratum,
        "protocol": STATED if stated else settings.protocol.name,
        "difficulty": assigned.difficulty,
        "margin": None if stated else _margin(finding, assigned, facts),
        "rewriter": None,
        "template_id": None,
    }
    return row | {"id": content_id(row)}


def _margin(finding: Finding, assigned: Assigned, facts: SceneFacts) -> dict[str, Any]:
    """What a disturbed map, and one pixel more or less at the rim of every mask, make of the answer."""
    size = UNITS.get(finding.truth.unit, 1.0)
    ends = {name: None if end is None else end / size for name, end in (("low", assigned.low), ("high", assigned.high))}
    rims = margin(finding, facts.setting)
    named = zip(("eroded", "dilated"), rims, strict=True)
    return ends | {name: None if truth is None else truth.to_dict() for name, truth in named}
