"""One asking as a line of ``responses.jsonl``: the letter as read now, masks that can be used, what was dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from terrabench.asking.prompts import Asked
from terrabench.asking.responses import NOT_APPLICABLE
from terrabench.replies.answers import PARSER_VERSION, parse
from terracot.masks import encode
from terracot.plugins import PredictedMask, Prompt, Response, describe


def answered(
    asked: Asked,
    prompt: Prompt,
    response: Response | None,
    seconds: float,
    error: str | None,
    meta_of_error: Mapping[str, Any],
) -> dict[str, Any]:
    """The line of an item that was asked; ``response`` is None after the error that ``error`` describes."""
    reply = response.text if response else ""
    parsed = parse(reply, prompt.options)
    masks, problems = _checked_masks(response.masks if response else (), prompt)
    meta, complaint = _plain(response.meta if response else meta_of_error)
    notes = [note for note in (error, *problems, complaint) if note]
    return _of(asked) | {
        "status": "error" if response is None else "ok" if parsed.letter else "unparsed",
        "letter": parsed.letter,
        "rule": parsed.rule,
        "parser": PARSER_VERSION,
        "reply": reply,
        "masks": masks,
        "dropped_masks": len(problems),
        "seconds": round(seconds, 4),
        "error": "; ".join(notes) or None,
        "meta": meta,
        "note": asked.note,
    }


def not_applicable(asked: Asked) -> dict[str, Any]:
    """The line of an item that the control leaves nothing to show of; the model is not asked."""
    return _of(asked) | {
        "status": NOT_APPLICABLE,
        "letter": None,
        "rule": "none",
        "parser": PARSER_VERSION,
        "reply": "",
        "masks": [],
        "dropped_masks": 0,
        "seconds": 0.0,
        "error": None,
        "meta": {},
        "note": None,
    }


def _of(asked: Asked) -> dict[str, Any]:
    item = asked.item
    return {"id": item["id"], "rotation": asked.rotation, "rotations": asked.rotations, "task": item["task"]}


def _checked_masks(masks: Any, prompt: Prompt) -> tuple[list[dict[str, Any]], list[str]]:
    """Masks as RLE, and a sentence for each one that had to be dropped."""
    kept: list[dict[str, Any]] = []
    problems: list[str] = []
    dates = sorted({frame.t for frame in prompt.frames} | set(prompt.valid))  # without frames, those of the blind one
    if not isinstance(masks, Sequence):
        return [], [f"masks must be a sequence of PredictedMask, found {type(masks).__name__}"]
    for number, given in enumerate(masks, 1):
        problem = _mask_problem(given, dates, prompt.shape)
        if problem:
            problems.append(f"mask {number} dropped: {problem}")
        else:
            kept.append({"t": int(given.t), "label": given.label, "rle": encode(given.mask)})
    return kept, problems


def _mask_problem(given: Any, dates: list[int], shape: tuple[int, int]) -> str | None:
    if not isinstance(given, PredictedMask):
        return f"expected a PredictedMask, found {type(given).__name__}"
    if isinstance(given.t, bool) or not isinstance(given.t, int | np.integer) or given.t not in dates:
        return f"date {given.t!r} is not one of {dates}"
    if not isinstance(given.mask, np.ndarray) or given.mask.dtype != np.bool_:
        found = given.mask.dtype if isinstance(given.mask, np.ndarray) else type(given.mask).__name__
        return f"expected a numpy array of booleans, found {found}"
    if given.mask.shape != shape:
        return f"expected shape {shape}, found {given.mask.shape}"
    if given.label is not None and not isinstance(given.label, str):
        return f"expected a label of words or None, found {type(given.label).__name__}"
    return None


def _plain(meta: Any) -> tuple[dict[str, Any], str | None]:
    try:
        return json.loads(json.dumps(dict(meta), allow_nan=False)), None
    except Exception as error:  # noqa: BLE001, what a model hands over may raise anything when it is read
        return {}, f"meta dropped: it must be plain JSON values ({describe(error)})"
