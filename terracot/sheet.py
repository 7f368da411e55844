"""A sheet of paper to draw on: titled pictures in rows, paragraphs of words, words on chips of a colour, thin lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from terracot.traces import SEG

Colour = tuple[int, int, int]

MIN_SIDE = 384
COLOURS: tuple[Colour, ...] = (
    (255, 70, 70),
    (70, 190, 255),
    (255, 200, 40),
    (120, 230, 90),
    (235, 110, 255),
    (255, 140, 50),
    (80, 235, 215),
    (180, 160, 255),
)
INK, FAINT, PAPER = (30, 33, 40), (105, 110, 120), (255, 255, 255)
MARGIN, GAP, TEXT, SMALL, TITLE, CHIP_SPACE = 24, 16, 17, 14, 21, 4
COLUMNS = 3
_SEG_WORD = re.compile(re.escape(SEG) + r"[.,;:]?")


@dataclass
class Sheet:
    """Draw calls in order, and how far down they reach; the canvas is made when its height is known."""

    width: int
    y: int = MARGIN
    calls: list[tuple[str, tuple[int, int], Any]] = field(default_factory=list)

    def words(self, tokens: Sequence[tuple[str, Colour | None]], size: int = TEXT, ink: Colour = INK) -> None:
        """A paragraph of words; a token with a colour is drawn on a chip of that colour."""
        font, x, right = _font(size), MARGIN, self.width - MARGIN
        for word, chip in tokens:
            word = word.replace("²", "2")  # the font that Pillow brings has no superscripts
            for piece in _broken(word, font, right - MARGIN):
                length = round(font.getlength(piece))
                if x > MARGIN and x + length > right:
                    x, self.y = MARGIN, self.y + _line(size)
                self.calls.append(("word", (x, self.y), (piece, font, ink, chip, length, _line(size))))
                x += length + round(font.getlength(" ")) + (CHIP_SPACE if chip else 0)
        self.y += _line(size) + GAP // 3

    def text(self, text: str, size: int = TEXT, ink: Colour = INK) -> None:
        """A paragraph without chips."""
        self.words([(word, None) for word in text.split()], size, ink)

    def pictures(self, panels: Sequence[tuple[str, npt.NDArray[np.uint8]]], columns: int) -> None:
        """Titled pictures in rows."""
        font = _font(SMALL)
        for start in range(0, len(panels), columns):
            x, tallest = MARGIN, 0
            for title, picture in panels[start : start + columns]:
                shown = _cut(title, font, picture.shape[1])
                self.calls.append(("word", (x, self.y), (shown, font, INK, None, 0, _line(SMALL))))
                self.calls.append(("picture", (x, self.y + _line(SMALL) + 2), picture))
                x += picture.shape[1] + GAP
                tallest = max(tallest, picture.shape[0])
            self.y += tallest + _line(SMALL) + GAP

    def rule(self) -> None:
        """A thin line between blocks."""
        self.calls.append(("rule", (MARGIN, self.y + GAP // 4), self.width - MARGIN))
        self.y += GAP // 2 + GAP // 4

    def draw(self) -> npt.NDArray[np.uint8]:
        """The finished sheet, ``(H, W, 3)``."""
        canvas = Image.new("RGB", (self.width, self.y + MARGIN), PAPER)
        pen = ImageDraw.Draw(canvas)
        for what, (x, y), content in self.calls:
            if what == "picture":
                canvas.paste(Image.fromarray(content), (x, y))
            elif what == "rule":
                pen.line([(x, y), (content, y)], fill=(215, 218, 224))
            else:
                word, font, ink, chip, length, height = content
                if chip is not None:
                    pen.rounded_rectangle([x, y, x + length + CHIP_SPACE, y + height - 3], 4, fill=chip)
                    x += CHIP_SPACE // 2
                pen.text((x, y), word, fill=ink, font=font)
        return np.asarray(canvas)


def trace_words(text: str, mask_of_seg: Sequence[int]) -> list[tuple[str, Colour | None]]:
    """Words of a trace; the n-th ``[SEG]`` carries the number and colour of its mask."""
    tokens: list[tuple[str, Colour | None]] = []
    order = iter(mask_of_seg)
    for word in text.split():
        if _SEG_WORD.fullmatch(word):
            mask = next(order, 0)
            tokens.append((f"{SEG} {mask + 1}", colour(mask)))  # the full stop after it is left to the eye
        else:
            tokens.append((word, None))
    return tokens


def colour(n: int) -> Colour:
    """Of the n-th mask, from 0."""
    return COLOURS[n % len(COLOURS)]


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _line(size: int) -> int:
    return round(size * 1.4)


def _cut(text: str, font: Any, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _broken(word: str, font: Any, width: int) -> Iterator[str]:
    """A word in pieces that fit into a line; almost always the word itself."""
    while font.getlength(word) > width:
        cut = max(1, int(len(word) * width / font.getlength(word)) - 1)
        yield word[:cut]
        word = word[cut:]
    yield word
