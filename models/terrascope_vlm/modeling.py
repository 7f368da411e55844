"""TerraScopeForReasoning: InternVL that writes ``[SEG]``, SAM 2 that draws it, and the way between the two.

The vision encoder, projector and language model are InternVL's classes of transformers, whole; SAM 2 is a backend of
``terrascope_vlm.grounding``. Own weights are the projection of ``[SEG]``'s state to SAM's prompts and one embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from transformers import InternVLForConditionalGeneration, PreTrainedModel
from transformers.utils import ModelOutput

from terrascope_vlm.batch import Batch, Images, Rows
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.fusion import chosen, optical_share, relevances
from terrascope_vlm.grounding import Features, grounding_of
from terrascope_vlm.losses import mask_loss, text_loss
from terrascope_vlm.slots import IGNORED, NOTHING


@dataclass
class TerraScopeOutput(ModelOutput):
    """``loss`` is ``lm_loss`` + ``mask_loss_weight`` x ``mask_loss``; ``mask_logits`` ``(H, W)`` by target."""

    loss: Tensor | None = None
    lm_loss: Tensor | None = None
    mask_loss: Tensor | None = None
    mask_logits: tuple[Tensor, ...] | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What the model has made of a batch's images: visual tokens ``(tokens, D)`` and their betas ``(tokens,)``."""

    visual: Tensor
    beta: Tensor


class TerraScopeForReasoning(PreTrainedModel):
    """The model. ``forward`` trains; ``terrascope_vlm.generation.reason`` answers."""

    config_class = TerraScopeConfig
    config: TerraScopeConfig
    base_model_prefix = "terrascope"
    main_input_name = "batch"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _no_split_modules = ["Qwen2DecoderLayer", "LlamaDecoderLayer", "InternVLVisionLayer", "Sam2MultiScaleBlock"]  # noqa: RUF012

    def __init__(self, config: TerraScopeConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.vlm = InternVLForConditionalGeneration(config.internvl_config)
        self.grounding = grounding_of(config)
        prompt_width = config.sam2_config.prompt_encoder_config.hidden_size
        self.seg_projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, prompt_width))
        self.nothing = nn.Parameter(torch.zeros(width))
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Of the language model."""
        module: nn.Module = self.vlm.get_input_embeddings()
        return module

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Of the language model."""
        self.vlm.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        """The head of the language model."""
        module: nn.Module = self.vlm.get_output_embeddings()
        return module

    # Seeing

    def normalised(self, pixels: Tensor) -> Tensor:
        """Pixels of 0 to 1 by the mean and deviation of each channel; a missing band is its mean."""
        mean, std = (pixels.new_tensor(v).view(-1, 1, 1) for v in (self.config.pixel_mean, self.config.pixel_std))
        return torch.nan_to_num((pixels - mean) / std, nan=0.0)

    def visual_tokens(self, tiles: Tensor) -> Tensor:
        """``(tokens, D)`` projector outputs of ``(T, C, h, w)`` tiles, tile by tile."""
        found = self.vlm.model.get_image_features(pixel_values=self.normalised(tiles).to(self.dtype))
        tokens: Tensor = found.pooler_output.flatten(0, 1)
        return tokens

    def see(self, images: Images, rows: Rows) -> Seen:
        """Visual tokens of a batch, and how relevant they are to the questions of ``rows`` where there are pairs."""
        tokens = self.visual_tokens(images.tiles).unflatten(0, (len(images.tiles), -1))
        visual = tokens[images.tile_of].flatten(0, 1)  # frames that queries share are seen once
        if not len(images.pairs):
            return Seen(visual, visual.new_zeros(0))
        embed = self.get_input_embeddings()
        questions = [embed(ids[marked]) for ids, marked in zip(rows.ids, rows.question, strict=True)]
        return Seen(visual, relevances(visual, images.pairs, questions))

    def encode(self, large: Tensor) -> Features:
        """What SAM sees of ``(F, C, S, S)`` images."""
        features: Features = self.grounding.encode(self.normalised(large).to(self.dtype))
        return features

    # Reading

    def embedded(self, rows: Any, seen: Seen) -> Tensor:
        """``(B, L, D)`` input embeddings of slots (``Rows``, or any with ``ids``, ``visual`` and ``other``)."""
        text = self.get_input_embeddings()(rows.ids)
        index = chosen(rows.visual, rows.other, seen.beta)
        image = seen.visual[index.clamp(min=0)].to(text.dtype) if len(seen.visual) else text
        out = torch.where((index >= 0)[..., None], image, text)
        return torch.where((rows.visual == NOTHING)[..., None], self.nothing.to(text.dtype), out)

    def read(self, embeddings: Tensor, attention: Tensor, **kwargs: Any) -> Tensor:
        """``(B, L, D)`` last hidden states of the language model."""
        positions = (attention.long().cumsum(-1) - 1).clamp(min=0)
        states: Tensor = self.vlm.model.language_model(
            inputs_embeds=embeddings, attention_mask=attention.long(), position_ids=positions, use_cache=False, **kwargs
        ).last_hidden_state
        return states

    # Drawing

    def drawn(self, states: Tensor, features: Features, shapes: Sequence[tuple[int, int]]) -> tuple[Tensor, ...]:
        """Mask logits ``(H, W)`` of ``[SEG]`` states ``(M, D)`` on their M images, at the size of each image."""
        if not len(states):
            return ()
        logits = self.grounding.decode(features, self.seg_projection(states))
        return tuple(
            functional.interpolate(one[None, None].float(), size=shape, mode="bilinear", align_corners=False)[0, 0]
            for one, shape in zip(logits, shapes, strict=True)
        )

    def mask_features(self, features: Features, frame: Tensor, other: Tensor, images: Images, seen: Seen) -> Features:
        """What the mask decoder reads for each mask: its frame's features, with those of the SAR frame beside it.

        ``features`` are of ``images.large``; ``frame`` and ``other`` (or -1) count the frames of the queries.
        """
        own = features.of(images.frame_of[frame])
        paired = other >= 0
        if self.config.mask_fusion == "optical-only" or not bool(paired.any()):
            return own
        if self.config.mask_fusion == "mean":
            share = torch.where(paired, 0.5, 1.0).view(-1, 1, 1, 1)
        else:
            share = torch.cat([self._share(int(f), int(o), images, seen) for f, o in zip(frame, other, strict=True)])
        return own.mixed(features.of(images.frame_of[torch.where(paired, other, frame)]), share)

    def _share(self, frame: int, other: int, images: Images, seen: Seen) -> Tensor:
        rows, columns = self.config.tile_cells
        if other < 0:
            return seen.beta.new_ones(1, 1, rows, columns)
        optical, sar = images.frame_tokens[frame], images.frame_tokens[other]
        return optical_share(seen.beta, optical, sar, (rows, columns))

    # Training

    def forward(self, batch: Batch, **kwargs: Any) -> TerraScopeOutput:
        """Losses of a batch. A batch without masks has a mask loss of 0."""
        seen = self.see(batch.images, batch.rows)
        states = self.read(self.embedded(batch.rows, seen), batch.rows.attention, **kwargs)
        labels = batch.rows.labels[:, 1:]
        learned = labels != IGNORED
        lm = states.sum() * 0.0
        if bool(learned.any()):  # the head reads only what is learned: whole logits of 150 000 words are large
            lm = text_loss(self.vlm.lm_head(states[:, :-1][learned]), labels[learned])
        logits: tuple[Tensor, ...] = ()
        masks = states.sum() * 0.0
        targets = batch.targets
        if len(targets.row):
            features = self.encode(batch.images.large)
            found = self.mask_features(features, targets.frame, targets.other, batch.images, seen)
            shapes = [(int(mask.shape[0]), int(mask.shape[1])) for mask in targets.masks]
            logits = self.drawn(states[targets.row, targets.column], found, shapes)
            masks = mask_loss(logits, targets.masks, targets.valid)
        return TerraScopeOutput(
            loss=lm + self.config.mask_loss_weight * masks, lm_loss=lm, mask_loss=masks, mask_logits=logits
        )
