"""What makes one TerraScope differ from another: the parts, the evidence, the fusion. Nothing here needs torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from transformers import AutoConfig, InternVLConfig, PreTrainedConfig, Sam2Config

EVIDENCE = ("mask", "box", "random", "text", "measured", "release")
"""What follows ``[SEG]`` in the sequence; ``terrascope_vlm.evidence`` says what each is."""

FUSION = ("none", "concat", "text-guided")
"""Which visual tokens of an optical + SAR pair are injected."""

MASK_FUSION = ("mean", "beta", "optical-only")
"""What the mask decoder reads of a pair. ``optical-only`` is what the authors released."""

MASK_OUTPUT = ("single", "release")
"""Which of SAM 2's mask tokens draws; ``terrascope_vlm.grounding.transformers_backend`` says what each is."""

BACKENDS = ("transformers", "sam2")

RGB_MEAN, RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as InternVL and SAM 2 were trained with
BAND_MEAN, BAND_STD = 0.5, 0.25  # of a band within its display limits, 0 to 1


class TerraScopeConfig(PreTrainedConfig):
    """Configuration of ``TerraScopeForReasoning``. ``ValueError`` names a value that makes no sense.

    ``bands`` are read beside the three channels of the common render: the patch embeddings of both encoders are as many
    channels wide. A frame that lacks a band has zeros (its mean) there. ``min_cover`` is the share of a token's cell
    that a mask covers for the token to be evidence, ``max_evidence`` the lambda of the paper, ``max_tiles`` into how
    many tiles a single image is cut. The size of SAM's input is ``sam2_config.prompt_encoder_config.image_size`` and
    has nothing to do with that of the tiles.
    """

    model_type = "terrascope"
    sub_configs = {"internvl_config": InternVLConfig, "sam2_config": Sam2Config}  # noqa: RUF012

    def __init__(
        self,
        internvl_config: Mapping[str, Any] | PreTrainedConfig | None = None,
        sam2_config: Mapping[str, Any] | PreTrainedConfig | None = None,
        seg_token_id: int | None = None,
        bands: tuple[str, ...] | list[str] = (),
        pixel_mean: tuple[float, ...] | list[float] | None = None,
        pixel_std: tuple[float, ...] | list[float] | None = None,
        max_tiles: int = 12,
        evidence: str = "mask",
        min_cover: float = 0.5,
        max_evidence: int = 128,
        fusion: str = "none",
        mask_fusion: str = "mean",
        mask_output: str = "single",
        mask_loss_weight: float = 0.5,
        grounding_backend: str = "transformers",
        tie_word_embeddings: bool | None = None,
        **kwargs: Any,
    ) -> None:
        self.internvl_config = _as(InternVLConfig, internvl_config)
        self.sam2_config = _as(Sam2Config, sam2_config)
        if tie_word_embeddings is not None:
            self.internvl_config.tie_word_embeddings = tie_word_embeddings
        self.tie_word_embeddings = self.internvl_config.tie_word_embeddings
        self.seg_token_id = seg_token_id
        self.bands = list(bands)
        self.pixel_mean = list(pixel_mean or [*RGB_MEAN, *[BAND_MEAN] * len(bands)])
        self.pixel_std = list(pixel_std or [*RGB_STD, *[BAND_STD] * len(bands)])
        self.max_tiles = max_tiles
        self.evidence = evidence
        self.min_cover = min_cover
        self.max_evidence = max_evidence
        self.fusion = fusion
        self.mask_fusion = mask_fusion
        self.mask_output = mask_output
        self.mask_loss_weight = mask_loss_weight
        self.grounding_backend = grounding_backend
        for name, known in (
            ("evidence", EVIDENCE),
            ("fusion", FUSION),
            ("mask_fusion", MASK_FUSION),
            ("mask_output", MASK_OUTPUT),
            ("grounding_backend", BACKENDS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {', '.join(known)}")
        for name in ("pixel_mean", "pixel_std"):
            if len(getattr(self, name)) != self.channels:
                raise ValueError(
                    f"{name} has {len(getattr(self, name))} values; expected {self.channels}, one a channel"
                )
        self._check_values()
        super().__init__(**kwargs)

    def _check_values(self) -> None:
        counts = (self.max_evidence, self.max_tiles)
        if not 0 <= self.min_cover < 1 or any(type(n) is not int or n < 1 for n in counts):
            raise ValueError(
                f"expected 0 <= min_cover < 1, and whole numbers max_evidence >= 1 and max_tiles >= 1; "
                f"found {self.min_cover}, {self.max_evidence}, {self.max_tiles}"
            )
        if not all(isinstance(band, str) for band in self.bands):
            raise ValueError(f"bands are {self.bands}; expected names")
        if len({band.lower() for band in self.bands}) < len(self.bands):
            raise ValueError(f"bands are {self.bands}; expected no name twice")
        for name in ("pixel_mean", "pixel_std"):
            found, least = getattr(self, name), 0 if name == "pixel_std" else -math.inf
            if not all(least < value < math.inf for value in found):
                what = "numbers above 0" if name == "pixel_std" else "finite numbers"
                raise ValueError(f"{name} is {found}; expected {what}")
        if not 0 <= self.mask_loss_weight < math.inf:
            raise ValueError(f"mask_loss_weight is {self.mask_loss_weight}; expected 0 or more")

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> PreTrainedConfig:
        """That of the language model."""
        return self.internvl_config.text_config

    @property
    def channels(self) -> int:
        """Channels of an image: red, green, blue of the render, and ``bands``."""
        return 3 + len(self.bands)

    @property
    def hidden_size(self) -> int:
        """Width of the language model."""
        return int(self.internvl_config.text_config.hidden_size)

    @property
    def tile_size(self) -> tuple[int, int]:
        """``(H, W)`` pixels of a tile as the vision encoder reads it."""
        height, width = self.internvl_config.vision_config.image_size
        return int(height), int(width)

    @property
    def tile_cells(self) -> tuple[int, int]:
        """``(rows, columns)`` of visual tokens of a tile, after InternVL's pixel shuffle."""
        patch = self.internvl_config.vision_config.patch_size
        ratio = self.internvl_config.downsample_ratio
        rows, columns = (round(size // p * ratio) for size, p in zip(self.tile_size, patch, strict=True))
        return rows, columns

    @property
    def mask_input(self) -> int:
        """Pixels of a side of the image that SAM 2's encoder reads."""
        return int(self.sam2_config.prompt_encoder_config.image_size)


def _as(kind: type[Any], value: Any) -> Any:
    if value is None:
        return kind()
    return kind(**value) if isinstance(value, Mapping) else value


AutoConfig.register(TerraScopeConfig.model_type, TerraScopeConfig, exist_ok=True)
