"""Example scenes: synthetic landscapes with questions of Terra-CoT, whose true answers are measured on their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terracot.assembly import Plan
from terracot.generate import shard_samples, usable_scenes
from terracot.levels import Mix
from terracot.modalities import with_frames
from terracot.plugins import LETTERS, Prompt, PromptFrame
from terracot.render import render
from terracot.scenes import Scene
from terracot.shards import row_valid
from terracot.sources import open_source

SHOWN = (
    ("landscape", "Land cover", ()),
    ("landscape", "Land cover by radar alone", ("sar",)),
    ("change", "Before and after a change", ()),
    ("settlement", "Buildings before and after", ()),
    ("sequence", "Several dates", ()),
)
"""Family of scenes, title, and the sensors that are shown if not all."""

SCENES = 10
"""So many scenes are made; of each family those with most questions are shown."""

QUESTIONS = 6
"""At most so many of a scene."""

LEVELS = ("caption", "l1", "l2-spatial", "l2-semantic", "l2-temporal")


@dataclass(frozen=True, eq=False)
class Example:
    """A scene without a question, and questions about it: ``question``, ``options`` and the true ``answer`` of each."""

    title: str
    prompt: Prompt
    questions: tuple[Mapping[str, Any], ...]


def examples() -> list[Example]:
    """The examples, made anew, which takes some seconds."""
    source = open_source("procedural", "everything")
    pairs = list(usable_scenes(source, source.ids()[:SCENES], (), []))
    rows = shard_samples([facts for facts, _ in pairs], Plan(mix=Mix(LEVELS, {}, ()), mcq_share=0.6))
    richest = sorted(zip(pairs, rows, strict=True), key=lambda pair: len(pair[1]))
    made = []
    for family, title, sensors in SHOWN:
        place = max(n for n, ((facts, _), _) in enumerate(richest) if f"-{family}-" in facts.scene.id)
        (facts, row), own = richest.pop(place)
        scene = with_frames(facts.scene, sensors) if sensors else facts.scene
        made.append(Example(title, _prompt(scene, row), _questions(own)))
    return made


def _prompt(scene: Scene, row: Mapping[str, Any]) -> Prompt:
    frames = tuple(
        PromptFrame(
            id=str(frame.modality),
            t=frame.t,
            modality=frame.modality,
            bands=frame.bands,
            unit=frame.unit,
            image=render(frame),
            native=frame.pixels,
            time=frame.time,
        )
        for frame in scene.frames
    )
    return Prompt(scene.id, frames, scene.ground, "", (), row_valid(row))


def _questions(rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Measured ones first: a caption has no single true answer."""
    chosen = sorted(rows, key=lambda row: row["level"] == "caption")
    return tuple(
        {
            "question": row["question"],
            "options": list(row["options"]),
            "answer": _truth(row),
        }
        for row in [*chosen[: QUESTIONS - 1], *chosen[QUESTIONS - 1 :][-1:]]
    )


def _truth(row: Mapping[str, Any]) -> str:
    options = row["options"]
    return f"{row['answer']}: {options[LETTERS.index(row['answer'])]}" if len(options) else str(row["answer"])
