"""Hand-made rows for pages: scenes of plain colours with square masks, so that every pixel is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from terracot.masks import encode
from terracot.render import png_bytes

SIDE = 8
GREY, GREEN, BROWN = (90, 90, 90), (10, 200, 10), (150, 100, 50)
"""Images of the scene: optical and SAR of date 1, optical of date 2."""


def square(top: int, left: int, side: int = 3) -> np.ndarray:
    """``(SIDE, SIDE)`` booleans, True in a square."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def sample(row_id: str = "s1", **changed: Any) -> dict[str, Any]:
    """An open question about two masks, water on date 1 (upper left) and town on date 2 (lower right)."""
    value = {"quantity": "pixels", "of": [1], "value": 9.0, "unit": "px", "text": "9"}
    masks = [
        {"t": 1, "class_name": "water", "plural": False, "rle": encode(square(0, 0))},
        {"t": 2, "class_name": "town", "plural": False, "rle": encode(square(5, 5))},
    ]
    steps = [
        {"kind": "ground", "text": "The water is here:", "mask": 0, "values": []},
        {"kind": "ground", "text": "The town is here:", "mask": 1, "values": []},
        {"kind": "say", "text": "It has 9 pixels.", "mask": None, "values": [value]},
        {"kind": "say", "text": "That is all.", "mask": None, "values": []},
    ]
    row = {
        "id": row_id, "scene_id": "scene", "source": "test", "split": "train", "group": "g", "license": "CC0-1.0",
        "kind": "area", "question": "How much town is there?", "values": [], "masks": masks,
        "truth": {"value": 9.0, "unit": "px", "text": "9"}, "parameters": "{}", "template": "t1", "seed": 0,
        "generator": "test", "level": "l1", "modality": "optical", "form": "open", "options": [], "option_values": [],
        "steps": steps, "answer": "9 pixels", "answer_values": [], "text": "",
    }  # fmt: skip
    return row | changed


def scene(scene_id: str = "scene", **changed: Any) -> dict[str, Any]:
    """Two dates: plain grey with an optical and a SAR image, then plain brown."""

    def frame(t: int, modality: str, colour: Sequence[int]) -> dict[str, Any]:
        picture = np.broadcast_to(np.array(colour, np.uint8), (SIDE, SIDE, 3))
        image = {"bytes": png_bytes(np.ascontiguousarray(picture)), "path": None}
        return {"id": f"{scene_id}/{t}-{modality}", "t": t, "modality": modality, "image": image, "bands": ["a"]}

    row = {
        "scene_id": scene_id, "source": "test", "split": "train", "group": "g", "license": "CC-BY-NC-4.0",
        "non_commercial": True, "attribution": "(c) somebody", "height": SIDE, "width": SIDE, "crs": None,
        "transform": None, "ground": {"basis": "unknown", "origin": "no georeference"}, "provenance": "{}",
        "frames": [frame(1, "optical", GREY), frame(1, "sar", GREEN), frame(2, "optical", BROWN)],
    }  # fmt: skip
    return row | changed


class Opened:
    """A page, and everything that it complained of or asked the network for."""

    def __init__(self, browser: Any, width: int = 1280, height: int = 800) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(5000)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url.split(",")[0]))

    def _told(self, message: Any) -> None:
        if "willReadFrequently" not in message.text:  # of `pixel` below, which reads what was drawn
            self.errors.append(message.text)

    def go(self, path: Path, anchor: str = "") -> Any:
        """Open a file; returns once the picture is drawn."""
        self.page.goto(path.as_uri() + anchor)
        self.until("state.pictures.length && state.pictures.every((p) => p.complete)")
        return self.page

    def until(self, condition: str) -> None:
        """Wait for an expression of the page to be true (Playwright's own waiting needs `eval`, which is forbidden)."""
        for _ in range(200):
            if self.page.evaluate(f"Boolean({condition})"):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"{condition} did not become true")

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        """Colour in the middle of a pixel of the scene, as it is drawn in the frame in view."""
        found = self.page.evaluate(
            """([x, y]) => {
              const canvas = [...document.querySelectorAll("#canvases figure:not([hidden]) canvas")][0];
              const scale = canvas.width / state.scene.width;
              const at = (n) => Math.round((n + 0.5) * scale);
              return [...canvas.getContext("2d").getImageData(at(x), at(y), 1, 1).data].slice(0, 3);
            }""",
            [x, y],
        )
        return (found[0], found[1], found[2])
