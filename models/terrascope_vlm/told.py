"""What a model told of a prompt, as plain values: words, regions, what was read of them, the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from terracot.language import UNITS, plural, quantity_text
from terracot.masks import encode
from terracot.plugins import LETTERS, PredictedMask, Prompt, Response
from terrascope_vlm.phrases import name_before

if TYPE_CHECKING:
    from terrascope_vlm.generation import Drawn, Reasoning
    from terrascope_vlm.slots import Query

_THOUGHT_ENDS = re.compile(r"</think>|<answer>")
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Told:
    """A prompt as the model was shown it, and what it made of it."""

    prompt: Prompt
    query: Query
    reasoning: Reasoning

    @property
    def think(self) -> str:
        """The reasoning alone; all of a reply that has neither tag nor answer."""
        return _THOUGHT_ENDS.split(self.reasoning.text, maxsplit=1)[0].replace("<think>", "", 1).strip()

    @property
    def answer(self) -> str:
        """The answer as written: a letter where there are options. Empty for a reply that has none."""
        return next((found.strip() for found in reversed(_ANSWER.findall(self.reasoning.text))), "")

    def response(self) -> Response:
        """The reply as a benchmark takes it."""
        drawn = self.reasoning.drawn
        masks = tuple(PredictedMask(d.region.t, d.region.mask, name_of(self.reasoning.text, d)) for d in drawn)
        meta = {
            "ended": self.reasoning.ended,
            "tokens": len(self.reasoning.ids),
            "regions": [flags(one) for one in drawn],
        }
        return Response(self.reasoning.text, masks, meta)

    def record(self) -> dict[str, Any]:
        """All of it as plain values, masks as RLE."""
        drawn = self.reasoning.drawn
        return {
            "question": self.prompt.question,
            "options": list(self.prompt.options),
            "reply": self.reasoning.text,
            "think": self.think,
            "answer": self.answer,
            "option": option_of(self.prompt, self.reasoning.text),
            "ended": self.reasoning.ended,
            "tokens": len(self.reasoning.ids),
            "regions": [region_record(self.prompt, self.query, self.reasoning.text, d, n) for n, d in enumerate(drawn)],
        }


def name_of(text: str, drawn: Drawn) -> str | None:
    """The name that the words before a ``[SEG]`` of ``text`` give its region."""
    return name_before(text[: drawn.offset].removesuffix("[SEG]"))


def flags(drawn: Drawn) -> dict[str, Any]:
    """What the model read of a region, in short: ``sar`` is the share of its tokens that came from the SAR image."""
    evidence = drawn.evidence
    paired = drawn.region.other is not None and len(evidence.cells) > 0
    return {
        "t": drawn.region.t,
        "pixels": int(np.count_nonzero(drawn.region.mask)),
        "cells": len(evidence.cells),
        "covered": int(evidence.covered),
        "empty": bool(evidence.empty),
        "weak": bool(evidence.weak),
        "sar": round(sum(drawn.sar) / len(drawn.sar), 4) if paired else None,
        "measured": evidence.text.strip(),
        "forced": drawn.forced,
        "dated": drawn.stated,
    }


def region_record(prompt: Prompt, query: Query, text: str, drawn: Drawn, n: int) -> dict[str, Any]:
    """The ``n``-th region (from 0) as plain values; ``text`` is the reply at least up to its ``[SEG]``.

    ``read`` has the cells that the model read: which frame, and top, left, bottom and right in pixels.
    """
    region, mask = drawn.region, drawn.region.mask
    valid = prompt.valid.get(region.t)
    pixels = int(np.count_nonzero(mask))
    judged = mask.size if valid is None else int(np.count_nonzero(valid))
    inside = pixels if valid is None else int(np.count_nonzero(mask & valid))
    area = prompt.ground.area_m2(mask) if prompt.ground.known else None
    return {
        "number": n + 1,
        "name": name_of(text, drawn),
        "frame": region.frame,
        **flags(drawn),
        "share": inside / judged if judged else None,
        "area_m2": area,
        "area": "" if area is None else area_text(area),
        "rle": encode(mask),
        "read": [{"frame": frame, "box": list(box)} for frame, box in cells_read(query, drawn)],
    }


def cells_read(query: Query, drawn: Drawn) -> list[tuple[int, tuple[float, float, float, float]]]:
    """Frame and box (top, left, bottom, right, in pixels) of every token that the model read of a region."""
    region, cells = drawn.region, drawn.evidence.cells
    tiling = query.tilings[region.frame]
    place = {int(token): at for at, token in np.ndenumerate(tiling.token_of_cell)}
    down, across = (size / cells for size, cells in zip(query.shape, tiling.grid, strict=True))
    boxes = []
    for cell in cells:
        row, column = place[int(cell)]
        boxes.append((row * down, column * across, (row + 1) * down, (column + 1) * across))
    if region.other is None or not boxes:
        return [(region.frame, box) for box in boxes]
    # Slots follow the cells: once, or with both images of a pair read twice over.
    return [(region.other if sar else region.frame, boxes[n % len(boxes)]) for n, sar in enumerate(drawn.sar)]


def area_text(area_m2: float) -> str:
    """An area in the unit that suits its size, as the traces of Terra-CoT write it: "12.5 ha"."""
    unit = "km2" if area_m2 >= 1e7 else "ha" if area_m2 >= 1e4 else "m2"
    return quantity_text(area_m2 / UNITS[unit], unit)


def option_of(prompt: Prompt, reply: str) -> str | None:
    """The letter of the option that a reply chooses, as the benchmark reads it; None for open questions."""
    from terrabench.replies.answers import parse

    return parse(reply, prompt.options).letter if prompt.options else None


def answer_line(record: Mapping[str, Any]) -> str:
    """The answer of a ``Told.record`` as a line: the letter with its option, or the words."""
    letter, options = record["option"], record["options"]
    if letter:
        return f"{letter}: {options[LETTERS.index(letter)]}"
    if record["answer"]:
        return f"{record['answer']} (none of the options)" if options else str(record["answer"])
    return "none: the reply was cut off" if record["ended"] == "length" else "none"


def region_line(region: Mapping[str, Any], dates: int) -> str:
    """A region of a ``Told.record`` in words: name, size, and what the model read of it."""
    where = f" in image {region['t']}" if dates > 1 else ""
    if region["empty"]:
        size = f"nothing there{where}: the mask is empty"
    else:
        share = "" if region["share"] is None else f", {quantity_text(100 * region['share'], '%')} of the valid ones"
        size = f"{region['pixels']:,} pixels{where}{share}{', ' if region['area'] else ''}{region['area']}"
    parts = [f"{region['name']}: {size}" if region["name"] else size]
    cells, sar = region["cells"], region["sar"]
    if region["weak"]:
        parts.append("covers no cell well enough; read the best covered one")
    elif cells:
        of = f" of {region['covered']:,} covered" if region["covered"] > cells else ""
        parts.append(f"read {cells:,}{of} {plural(cells, 'cell')}")
    if sar:
        parts.append(f"{quantity_text(100 * sar, '%')} of them from the SAR image")
    if region["measured"]:
        parts.append(f"measured {region['measured']}")
    return "; ".join(parts)
