"""From frames and a question to a Query, and from text to tokens and back.

``terrascope_vlm.chat`` says how a query reads. Importing this module registers the processor with ``AutoProcessor``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from transformers import AutoProcessor, PreTrainedTokenizerBase, ProcessorMixin

from terracot.ground import GroundSampling
from terracot.plugins import Prompt
from terracot.scenes import BoolMask
from terrascope_vlm.chat import SYSTEM, chat_form, image_names, size_line, special_tokens
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.frames import FrameImage, frame_image
from terrascope_vlm.slots import Query, Slots
from terrascope_vlm.tiling import tiling_of


class TerraScopeProcessor(ProcessorMixin):
    """Tokenizer, chat form and tiling of a model. ``of`` makes it for a configuration; it is saved beside the weights.

    ``tokens`` and ``ids`` are the special tokens by role; ``ValueError`` if the tokenizer lacks one. Without ``system``
    a chat begins with the user. ``chat_template`` is the same form for ``apply_chat_template``, if none is given.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        tile_size: tuple[int, int] = (448, 448),
        tile_cells: tuple[int, int] = (16, 16),
        max_tiles: int = 12,
        bands: Sequence[str] = (),
        system: str = SYSTEM,
        chat_template: str | None = None,
    ) -> None:
        (h, w), (rows, columns) = tile_size, tile_cells
        self.tile_size, self.tile_cells = (h, w), (rows, columns)
        self.max_tiles = max_tiles
        self.bands = list(bands)
        self.system = system
        self.tokens = special_tokens(tokenizer)
        self.ids = {role: tokenizer.convert_tokens_to_ids(token) for role, token in self.tokens.items()}
        added = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
        self._inside_added = re.compile("|".join(f"(?<={re.escape(t[0])})(?={re.escape(t[1:])})" for t in added))
        super().__init__(tokenizer, chat_template=chat_template or chat_form(self.tokens, system))

    @classmethod
    def of(
        cls, config: TerraScopeConfig, tokenizer: PreTrainedTokenizerBase, system: str = SYSTEM
    ) -> TerraScopeProcessor:
        """The processor of a configuration."""
        return cls(tokenizer, config.tile_size, config.tile_cells, config.max_tiles, config.bands, system)

    def encode(self, text: str) -> list[int]:
        """Token ids of ``text``, nothing added; special tokens in it count as such."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def plain(self, text: str) -> list[int]:
        """Token ids of ``text`` from outside: no special token can be written in it, "[SEG]" is five letters."""
        cuts = [0, *(match.start() for match in self._inside_added.finditer(text)), len(text)]
        return [token for start, end in pairwise(cuts) for token in self.encode(text[start:end])]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``, with special tokens."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def of_prompt(self, prompt: Prompt) -> Query:
        """The query of a benchmark's prompt. ``ValueError`` if a control took its frames away."""
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
        shapes = {frame.shape for frame in frames}
        if len(shapes) != 1:
            raise ValueError(f"expected one image or several of one size; found sizes {sorted(shapes)}")
        limit = self.max_tiles if len(frames) == 1 else 1
        tilings = tuple(tiling_of(frame.shape, self.tile_size, self.tile_cells, limit) for frame in frames)
        token = self.tokens
        system = f"{token['start']}system\n{self.system}{token['end']}\n" if self.system else ""
        parts = [self._text(f"{system}{token['start']}user\n")]
        first = 0
        for name, tiling in zip(image_names(frames), tilings, strict=True):
            parts.append(self._text(f"{name}{token['image_start']}"))
            parts.append(Slots.image(torch.arange(first, first + tiling.tokens), self.ids["image"]))
            parts.append(self._text(f"{token['image_end']}\n"))
            first += tiling.tokens
        parts.append(self._text(size_line(ground, frames[0].shape)))
        parts.append(Slots.text(self.plain(text), question=True))
        parts.append(self._text(f"{token['end']}\n{token['start']}assistant\n"))
        return Query(tuple(frames), tilings, Slots.joined(parts), ground, dict(valid or {}))

    def _text(self, text: str) -> Slots:
        return Slots.text(self.encode(text))


AutoProcessor.register(TerraScopeConfig, TerraScopeProcessor, exist_ok=True)
