"""TerraScopeForReasoning: InternVL that writes ``[SEG]``, SAM 2 that draws it, and the way between the two.

The vision encoder, projector and language model are InternVL's classes of transformers, whole; SAM 2 is a backend of
``terrascope_vlm.grounding``. Own weights are the projection of ``[SEG]``'s state to SAM's prompts and one embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from transformers import AutoModel, InternVLForConditionalGeneration, PreTrainedModel
from transformers import initialization as init

from terrascope_vlm.batch import Batch, Images, Rows
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.fusion import chosen, optical_share, relevances
from terrascope_vlm.grounding import Features, grounding_of
from terrascope_vlm.losses import mask_loss, text_loss
from terrascope_vlm.outputs import Kept, Seen, TerraScopeOutput
from terrascope_vlm.sharing import Shared, read_shared
from terrascope_vlm.slots import IGNORED, NOTHING


class TerraScopeForReasoning(PreTrainedModel):
    """The model. ``forward`` trains; ``terrascope_vlm.generation.reason`` answers."""

    config_class = TerraScopeConfig
    config: TerraScopeConfig
    base_model_prefix = "terrascope"
    main_input_name = "batch"
    supports_gradient_checkpointing = True
    # InternVL's class ties them too; peft asks the outermost.
    _tied_weights_keys = {"vlm.lm_head.weight": "vlm.model.language_model.embed_tokens.weight"}  # noqa: RUF012
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
        self.nothing = nn.Embedding(1, width)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Own weights by the rules of transformers; InternVL's and SAM's classes begin theirs themselves."""
        super()._init_weights(module)
        # Prompts of SAM have a spread of about 1, in small models too; 0.02 a weight would begin far below.
        if module in (self.seg_projection[0], self.seg_projection[2]):
            init.xavier_uniform_(module.weight)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> None:
        """As of transformers, with the names of the parameters whatever names a part once had on the hub."""
        super().save_pretrained(*args, **{"save_original_format": False, **kwargs})

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

    def vision_tower_of(self, tiles: Tensor) -> Tensor:
        """``(T, n, V)`` of ``(T, C, h, w)`` tiles: the vision encoder's n tokens each, before the projector."""
        pixels = self.normalised(tiles).to(self.dtype)
        layer = self.config.internvl_config.vision_feature_layer
        with _graph_if_trained(self.vlm.model.vision_tower):
            found = self.vlm.model.vision_tower(pixels, output_hidden_states=layer != -1)
        tokens = found.last_hidden_state if layer == -1 else found.hidden_states[layer]
        if self.config.internvl_config.vision_feature_select_strategy == "default":
            tokens = tokens[:, 1:]
        rows, columns = self.config.tile_cells
        ratio = self.config.internvl_config.downsample_ratio
        square = tokens.unflatten(1, (round(rows / ratio), round(columns / ratio)))
        shuffled: Tensor = self.vlm.model.pixel_shuffle(square, scale_factor=ratio).flatten(1, 2)
        return shuffled

    def projected(self, tower: Tensor) -> Tensor:
        """``(tokens, D)`` projector outputs of ``(T, n, V)``, tile by tile."""
        tokens: Tensor = self.vlm.model.multi_modal_projector(tower).flatten(0, 1)
        return tokens

    def visual_tokens(self, tiles: Tensor) -> Tensor:
        """``(tokens, D)`` projector outputs of ``(T, C, h, w)`` tiles, tile by tile."""
        return self.projected(self.vision_tower_of(tiles))

    def see(self, images: Images, rows: Rows, tower: Tensor | None = None) -> Seen:
        """Visual tokens of a batch, and how relevant they are to the questions of ``rows`` where there are pairs."""
        tower = self.vision_tower_of(images.tiles) if tower is None else tower.to(self.dtype)
        tokens = self.projected(tower).unflatten(0, tower.shape[:2])
        visual = tokens[images.tile_of].flatten(0, 1)  # frames that queries share are seen once
        if not len(images.pairs):
            return Seen(visual, visual.new_zeros(0))
        embed = self.get_input_embeddings()
        questions = [embed(ids[marked]) for ids, marked in zip(rows.ids, rows.question, strict=True)]
        return Seen(visual, relevances(visual, images.pairs, questions))

    def encode(self, large: Tensor) -> Features:
        """What SAM sees of ``(F, C, S, S)`` images."""
        features: Features = self.grounding.adapted(self.maps_of(large))
        return features

    def maps_of(self, large: Tensor) -> Features:
        """What SAM's image encoder alone makes of ``(F, C, S, S)`` images."""
        with _graph_if_trained(self.grounding.sam.vision_encoder):
            maps: Features = self.grounding.backbone(self.normalised(large).to(self.dtype))
        return maps

    # Reading

    def embedded(self, rows: Any, seen: Seen) -> Tensor:
        """``(B, L, D)`` input embeddings of slots (``Rows``, or any with ``ids``, ``visual`` and ``other``)."""
        text = self.get_input_embeddings()(rows.ids)
        index = chosen(rows.visual, rows.other, seen.beta)
        image = seen.visual[index.clamp(min=0)].to(text.dtype) if len(seen.visual) else text
        out = torch.where((index >= 0)[..., None], image, text)
        return torch.where((rows.visual == NOTHING)[..., None], self.nothing.weight[0].to(text.dtype), out)

    def read(self, embeddings: Tensor, attention: Tensor, shared: Shared | None = None, **kwargs: Any) -> Tensor:
        """``(B, L, D)`` last hidden states of the language model; of ``shared`` slots 0, where that saves reading."""
        if shared is not None and not getattr(self.vlm.model.language_model, "gradient_checkpointing", False):
            return read_shared(self.vlm.model.language_model, embeddings, attention, shared)
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

    def forward(self, batch: Batch, kept: Kept | None = None, **kwargs: Any) -> TerraScopeOutput:
        """Losses of a batch. A batch without masks has a mask loss of 0. Only frames with a mask reach SAM."""
        kept = kept or Kept()
        seen = self.see(batch.images, batch.rows, kept.tower)
        states = self.read(self.embedded(batch.rows, seen), batch.rows.attention, batch.rows.shared, **kwargs)
        labels = batch.rows.labels[:, 1:]
        learned = labels != IGNORED
        lm = states.sum() * 0.0
        if bool(learned.any()):  # the head reads only what is learned: whole logits of 150 000 words are large
            lm = text_loss(self.vlm.lm_head(states[:, :-1][learned]), labels[learned])
        logits = self._drawn_targets(batch, seen, states, kept.maps)
        masks = mask_loss(logits, batch.targets.masks, batch.targets.valid) if logits else states.sum() * 0.0
        return TerraScopeOutput(
            loss=lm + self.config.mask_loss_weight * masks, lm_loss=lm, mask_loss=masks, mask_logits=logits
        )

    def _drawn_targets(self, batch: Batch, seen: Seen, states: Tensor, maps: Features | None) -> tuple[Tensor, ...]:
        targets, images = batch.targets, batch.images
        if not len(targets.row):
            return ()
        named = targets.frame
        if self.config.mask_fusion != "optical-only":
            named = torch.cat([named, targets.other[targets.other >= 0]])
        needed, place = torch.unique(images.frame_of[named], return_inverse=True)
        frame_of = torch.zeros_like(images.frame_of).index_put((named,), place)
        maps = self.maps_of(images.large[needed]) if maps is None else maps.of(needed).to(self.dtype)
        features = self.grounding.adapted(maps)
        images = replace(images, frame_of=frame_of)
        found = self.mask_features(features, targets.frame, targets.other, images, seen)
        shapes = [(int(mask.shape[0]), int(mask.shape[1])) for mask in targets.masks]
        return self.drawn(states[targets.row, targets.column], found, shapes)


def _graph_if_trained(module: nn.Module) -> AbstractContextManager[None]:
    """Gradients only where some weight of ``module`` is trained: what is before a frozen encoder is pixels."""
    trained = torch.is_grad_enabled() and any(weight.requires_grad for weight in module.parameters())
    found: AbstractContextManager[None] = torch.set_grad_enabled(trained)
    return found


AutoModel.register(TerraScopeConfig, TerraScopeForReasoning, exist_ok=True)
