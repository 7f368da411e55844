"""Trace: the reasoning of a sample as steps of text and steps of masks, and its text form.

    <think>The cropland is here: Image: 2 [SEG]. It covers 8,490 pixels ...</think><answer>51.8%</answer>

``Ground`` steps write ``[SEG]``, with ``Image: t`` before it when the scene has more than one date. The n-th ``[SEG]``
is the n-th mask of the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terracot.quantities import Value

SEG = "[SEG]"
_SEG_WITH_DATE = re.compile(r"(?:Image: (\d+) )?\[SEG\]")
_ANSWER = re.compile(r"<think>(?P<think>.*)</think><answer>(?P<answer>.*)</answer>", re.DOTALL)


@dataclass(frozen=True)
class Say:
    """A sentence and every number in it, in order."""

    text: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Ground:
    """A phrase that names a region ("The cropland is here:"), and the position of its mask in the record."""

    text: str
    mask: int


Step = Say | Ground


def step_to_dict(step: Step) -> dict[str, Any]:
    """Plain values for Arrow (``terracot.samples.STEP``)."""
    if isinstance(step, Ground):
        return {"kind": "ground", "text": step.text, "mask": step.mask, "values": []}
    return {"kind": "say", "text": step.text, "mask": None, "values": [v.to_dict() for v in step.values]}


def trace_text(steps: Sequence[Mapping[str, Any]], mask_dates: Sequence[int], dates: int, answer: str) -> str:
    """The text form of stored steps. ``mask_dates`` has the date of each mask, ``dates`` how many the scene has."""
    return f"<think>{spoken_text(steps, mask_dates, dates)}</think><answer>{answer}</answer>"


def spoken_text(steps: Sequence[Mapping[str, Any]], mask_dates: Sequence[int], dates: int) -> str:
    """The sentences of stored steps, each ``[SEG]`` in its place."""
    parts = []
    for step in steps:
        if step["kind"] == "ground":
            date = f"Image: {mask_dates[step['mask']]} " if dates > 1 else ""
            parts.append(f"{step['text']} {date}{SEG}.")
        else:
            parts.append(step["text"])
    return " ".join(parts)


def seg_dates(text: str) -> list[int | None]:
    """For each ``[SEG]`` of a text, the date written before it, or None."""
    return [int(m.group(1)) if m.group(1) else None for m in _SEG_WITH_DATE.finditer(text)]


def split_text(text: str) -> tuple[str, str] | None:
    """``(think, answer)`` of a text form, or None when the tags are not where they belong."""
    match = _ANSWER.fullmatch(text)
    return (match.group("think"), match.group("answer")) if match else None
