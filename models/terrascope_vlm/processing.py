"""From frames and a question to a Query, and from text to tokens and back.

A query reads, with the tokens of the chat form of InternVL:

    <|im_start|>user
    Image 1, optical: <img> visual tokens </img>
    Image 1, SAR: <img> visual tokens </img>
    128 x 128 pixels of 10 m x 10 m.
    question, options, instruction<|im_end|>
    <|im_start|>assistant

The number is the date, as in ``Image: t`` of the reply; a single image has no name. The line of sizes is left out where
the ground is not known. Only the question (with options and instruction) counts as question for the fusion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase, ProcessorMixin

from terracot.ground import GroundSampling
from terracot.plugins import Prompt
from terracot.scenes import BoolMask
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.frames import FrameImage, frame_image
from terrascope_vlm.slots import Query, Slots
from terrascope_vlm.tiling import tiling_of

SPECIAL_TOKENS = (
    ("end", "<|im_end|>"),
    ("pad", "<|endoftext|>"),
    ("start", "<|im_start|>"),
    ("image_start", "<img>"),
    ("image_end", "</img>"),
    ("image", "<IMG_CONTEXT>"),
    ("seg", "[SEG]"),
)
"""Tokens by role, those of InternVL3 and ``[SEG]``."""


class TerraScopeProcessor(ProcessorMixin):
    """Tokenizer and tiling of one model. ``of`` makes it for a configuration; it is saved beside the weights."""

    attributes = ["tokenizer"]  # noqa: RUF012
    tokenizer_class = "AutoTokenizer"

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        tile_size: tuple[int, int] = (448, 448),
        tile_cells: tuple[int, int] = (16, 16),
        max_tiles: int = 12,
        bands: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        (h, w), (rows, columns) = tile_size, tile_cells
        self.tile_size, self.tile_cells = (h, w), (rows, columns)
        self.max_tiles = max_tiles
        self.bands = list(bands)
        self.ids = {role: tokenizer.convert_tokens_to_ids(token) for role, token in SPECIAL_TOKENS}
        super().__init__(tokenizer, **kwargs)

    @classmethod
    def of(cls, config: TerraScopeConfig, tokenizer: PreTrainedTokenizerBase) -> TerraScopeProcessor:
        """The processor of a configuration."""
        return cls(tokenizer, config.tile_size, config.tile_cells, config.max_tiles, config.bands)

    def encode(self, text: str) -> list[int]:
        """Token ids of ``text``, nothing added; special tokens in it count as such."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``, with special tokens."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def of_prompt(self, prompt: Prompt) -> Query:
        """The query of a benchmark's prompt."""
        frames = [frame_image(frame, self.bands) for frame in prompt.frames]
        return self.query(frames, prompt.text, prompt.ground, prompt.valid)

    def query(
        self,
        frames: Sequence[FrameImage],
        text: str,
        ground: GroundSampling,
        valid: Mapping[int, BoolMask] | None = None,
    ) -> Query:
        """Frames of one ``(H, W)`` and what is asked of them. Several images are one tile each."""
        limit = self.max_tiles if len(frames) == 1 else 1
        tilings = tuple(tiling_of(frame.shape, self.tile_size, self.tile_cells, limit) for frame in frames)
        parts = [self._text("<|im_start|>user\n")]
        first = 0
        for frame, tiling in zip(frames, tilings, strict=True):
            name = f"Image {frame.t}, {'SAR' if frame.is_sar else 'optical'}: " if len(frames) > 1 else ""
            parts.append(self._text(f"{name}<img>"))
            parts.append(self._visual(first, tiling.tokens))
            parts.append(self._text("</img>\n"))
            first += tiling.tokens
        parts.append(self._text(size_line(ground, frames[0].shape)))
        parts.append(Slots.text(self.encode(_plain(text)), question=True))
        parts.append(self._text("<|im_end|>\n<|im_start|>assistant\n"))
        return Query(tuple(frames), tilings, Slots.joined(parts), ground, dict(valid or {}))

    def _text(self, text: str) -> Slots:
        return Slots.text(self.encode(text))

    def _visual(self, first: int, tokens: int) -> Slots:
        import torch

        return Slots.image(torch.arange(first, first + tokens), self.ids["image"])


def size_line(ground: GroundSampling, shape: tuple[int, int]) -> str:
    """The line of the query that says how large a pixel is; empty where nobody knows."""
    if not ground.known:
        return ""
    dy, dx = ground.sampling
    return f"{shape[0]} x {shape[1]} pixels of {dy:.4g} m x {dx:.4g} m.\n"


def _plain(text: str) -> str:
    """A question cannot write special tokens: their brackets are kept apart."""
    for _, token in SPECIAL_TOKENS:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text
