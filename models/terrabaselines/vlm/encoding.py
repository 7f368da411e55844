"""Conversations as the tensors of a model: tokens with one placeholder for each visual token, and pixels.

Image tokens are placed by the profile, each conversation by itself, then put side by side with padding on the left; so
what a conversation becomes does not depend on its neighbours. Token for token what the stock processors make
(``tests/terrabaselines/vlm/test_stock_processors.py`` holds one against the other).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terrabaselines.vlm.conversation import Conversation
from terrabaselines.vlm.loading import Loaded
from terracot.plugins import ModelError

Sizes = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Encoded:
    """One conversation: token ids, what the image processor made, and ``(width, height)`` as the model sees it."""

    text: str
    ids: list[int]
    pixels: Mapping[str, Any]
    seen: Sizes


@dataclass(frozen=True, eq=False)
class Batch:
    """``tensors`` for ``generate``; ``seen`` by conversation; ``prompt`` tokens of each row, padding included."""

    tensors: Mapping[str, Any]
    seen: tuple[Sizes, ...]
    prompt: int


class Encoder:
    """Encodes for one checkpoint. ``ModelError`` where its tokenizer, template and profile do not fit together."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded, self._profile, self._tokenizer = loaded, loaded.profile, loaded.tokenizer
        pad = self._tokenizer.pad_token_id
        self.pad = pad if pad is not None else self._tokenizer.eos_token_id
        if self.pad is None:
            raise ModelError(f"{loaded.name}: the tokenizer has neither a padding nor an end token")
        if loaded.stock is not None:
            self._tokenizer.padding_side = "left"
            if pad is None:
                self._tokenizer.pad_token = self._tokenizer.eos_token
            return
        for token in filter(None, (self._profile.image_token, self._profile.image_start, self._profile.image_end)):
            if self._ids(token) != [self._tokenizer.convert_tokens_to_ids(token)]:
                raise ModelError(
                    f"{loaded.name}: its tokenizer does not read {token!r} as one token, as the profile "
                    f"{self._profile.name} wants it; name the right profile: profile=NAME or FILE"
                )
        config = loaded.model.config
        self.image_id = self._tokenizer.convert_tokens_to_ids(self._profile.image_token)
        expected = getattr(config, "image_token_id", None) or getattr(config, "image_token_index", None)
        if expected not in (None, self.image_id):
            raise ModelError(
                f"{loaded.name}: config.json puts images at token {expected}, the tokenizer has "
                f"{self._profile.image_token!r} at {self.image_id}; tokenizer and weights are of two checkpoints"
            )

    @property
    def special(self) -> list[str]:
        """Tokens that a question from outside must not be able to write."""
        return sorted({*self._tokenizer.get_added_vocab(), *self._tokenizer.all_special_tokens})

    def batch(self, conversations: Sequence[Conversation]) -> Batch:
        """Conversations side by side."""
        if self._loaded.stock is not None:
            return self._stock_batch(conversations)
        return self.collate([self.encode(conversation) for conversation in conversations])

    def encode(self, conversation: Conversation) -> Encoded:
        """One conversation, its image tokens placed."""
        text = self.written(conversation)
        images = conversation.images
        pixels = self._pixels(images)
        pieces = text.split(self._profile.image_token)
        if len(pieces) != len(images) + 1:
            raise ModelError(
                f"{self._loaded.name}: its chat template writes {self._profile.image_token!r} {len(pieces) - 1} times "
                f"for {len(images)} images; template and profile {self._profile.name} do not fit together"
            )
        counts = self._counts(images, pixels)
        whole = pieces[0]
        for count, piece in zip(counts, pieces[1:], strict=True):
            tokens = self._profile.image_token * count
            whole += f"{self._profile.image_start}{tokens}{self._profile.image_end}{piece}"
        return Encoded(text, self._ids(whole), pixels, self._seen(conversation, pixels))

    def written(self, conversation: Conversation) -> str:
        """The chat as text, one placeholder an image."""
        text = self._render(conversation.messages())
        system = conversation.system
        if system and system not in text:
            text = self._render(conversation.messages(as_lists=True))
            if system not in text:
                raise ModelError(f"{self._loaded.name}: its chat template has no place for the system message")
        return text

    def collate(self, rows: Sequence[Encoded]) -> Batch:
        """Rows of several lengths, padded on the left; pixels one row's after the other's."""
        import torch

        longest = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), longest), self.pad, dtype=torch.long)
        attention = torch.zeros((len(rows), longest), dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, longest - len(row.ids) :] = torch.tensor(row.ids)
            attention[number, longest - len(row.ids) :] = 1
        tensors: dict[str, Any] = {"input_ids": ids, "attention_mask": attention}
        if self._profile.tokens == "grid":
            tensors["mm_token_type_ids"] = ((ids == self.image_id) & (attention == 1)).to(torch.int)
        shown = [row.pixels for row in rows if row.pixels]
        for name in shown[0] if shown else ():
            values = [pixels[name] for pixels in shown]
            if self._profile.tokens == "anyres" and name == "pixel_values":
                values = _equally_many(values)
            tensors[name] = torch.cat(values)
        return Batch(tensors, tuple(row.seen for row in rows), longest)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _render(self, messages: list[dict[str, Any]]) -> str:
        text: str = self._tokenizer.apply_chat_template(
            messages, chat_template=self._loaded.chat_template, tokenize=False, add_generation_prompt=True
        )
        return text

    def _pixels(self, images: Sequence[Any]) -> dict[str, Any]:
        if not images:
            return {}
        if self._profile.tokens == "anyres":
            made = self._loaded.image_processor([list(images)], return_tensors="pt")
        elif self._profile.tokens == "tiles":
            made = self._loaded.image_processor(list(images), crop_to_patches=True, return_tensors="pt")
        else:
            made = self._loaded.image_processor(list(images), return_tensors="pt")
        return dict(made)

    def _counts(self, images: Sequence[Any], pixels: dict[str, Any]) -> list[int]:
        """Visual tokens of each image. Tiles are counted off ``pixels``, so that the model is not handed the count."""
        if not images:
            return []
        config, settings = self._loaded.model.config, self._loaded.settings
        if self._profile.tokens == "grid":
            merged = self._loaded.image_processor.merge_size**2
            return [int(grid.prod()) // merged for grid in pixels["image_grid_thw"]]
        if self._profile.tokens == "tiles":
            each = int(settings.get("image_seq_length") or config.image_seq_length)
            return [each * int(tiles) for tiles in pixels.pop("num_patches")]
        vision = config.vision_config
        base = int(settings.get("num_image_tokens") or (vision.image_size // vision.patch_size) ** 2)
        strategy = settings.get("vision_feature_select_strategy") or config.vision_feature_select_strategy
        less = 1 if strategy == "default" else 0
        if len(images) > 1:
            return [base + 1 - less] * len(images)
        limit = str(settings.get("vision_aspect_ratio") or config.vision_aspect_ratio)
        height, width = (int(side) for side in pixels["image_sizes"][0])
        tile = tuple(int(side) for side in pixels["pixel_values"].shape[-2:])
        pinpoints = self._loaded.image_processor.image_grid_pinpoints
        return [anyres_tokens((height, width), (tile[0], tile[1]), pinpoints, base, limit) - less]

    def _seen(self, conversation: Conversation, pixels: Mapping[str, Any]) -> Sizes:
        """Width and height of the pictures as the vision encoder gets them, where it keeps their form."""
        if "image_grid_thw" in pixels:
            side = self._loaded.image_processor.patch_size
            _, rows, columns = (int(n) for n in pixels["image_grid_thw"][0])
            return float(columns * side), float(rows * side)
        if conversation.images:
            width, height = conversation.images[0].size
            return float(width), float(height)
        return float(conversation.shape[1]), float(conversation.shape[0])

    def _stock_batch(self, conversations: Sequence[Conversation]) -> Batch:
        made = self._loaded.stock.apply_chat_template(
            [conversation.messages(with_pixels=True) for conversation in conversations],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )
        seen = tuple(self._seen(conversation, {}) for conversation in conversations)
        return Batch(dict(made), seen, int(made["input_ids"].shape[1]))


def anyres_tokens(
    size: tuple[int, int], tile: tuple[int, int], pinpoints: Sequence[Sequence[int]], base: int, limit: str
) -> int:
    """Visual tokens of a single image of ``size`` (height, width) for LLaVA-OneVision.

    The image is fitted into the best of ``pinpoints`` (height, width) and cut into tiles of ``base`` tokens each. What
    the fit pads is left out again, each row of tokens ends in a newline, and a grid of more than ``limit``
    ("anyres_max_9": nine tiles) is scaled down. The base view of ``base`` tokens is added.
    """
    from transformers.image_processing_utils import select_best_resolution

    best = select_best_resolution(size, pinpoints)
    side = math.isqrt(base)
    rows, columns = side * (int(best[0]) // tile[0]), side * (int(best[1]) // tile[1])
    height, width = size
    if width / height > columns / rows:
        rows -= (rows - int(round(height * (columns / width), 7))) // 2 * 2
    else:
        columns -= (columns - int(round(width * (rows / height), 7))) // 2 * 2
    ratio = math.sqrt(rows * columns / (int(limit.rpartition("_")[2]) * base))
    if ratio > 1.1:
        rows, columns = int(rows // ratio), int(columns // ratio)
    return rows * columns + rows + base


def _equally_many(values: Sequence[Any]) -> list[Any]:
    """Pixels ``(images, tiles, C, h, w)`` with as many tiles each, black ones added; the model leaves these out."""
    import torch

    most = max(value.shape[1] for value in values)
    return [torch.nn.functional.pad(value, (0, 0) * 3 + (0, most - value.shape[1])) for value in values]
