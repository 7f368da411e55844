"""A TerraScope out of two checkpoints of the hub: InternVL's (``...-hf``) and SAM 2's.

What it is made of keeps its weights to the last bit. New are the row of ``[SEG]`` (the mean of all others), its
projection to SAM's prompts, and the embedding of an empty mask.
"""

from __future__ import annotations

import json
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoTokenizer, InternVLForConditionalGeneration, PreTrainedTokenizerBase, Sam2Config, Sam2Model

from terrascope_vlm.chat import SPECIAL_TOKENS
from terrascope_vlm.checkpoints import (
    CheckpointError,
    first_line,
    local_folder,
    model_type,
    quiet,
    refuse_other_keys,
    refuse_pickles,
)
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.grounding.keys import from_meta
from terrascope_vlm.grounding.sizes import config_of
from terrascope_vlm.modeling import TerraScopeForReasoning
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.widen import widen

SEG = dict(SPECIAL_TOKENS)["seg"]


def from_parts(
    internvl: str | Path,
    sam2: str | Path,
    *,
    dtype: torch.dtype | None = None,
    sam2_config: Sam2Config | None = None,
    allow_download: bool = False,
    seed: int = 0,
    bands: tuple[str, ...] | list[str] = (),
    **settings: Any,
) -> tuple[TerraScopeForReasoning, TerraScopeProcessor]:
    """The model, ready to be trained, and its processor.

    ``internvl``: a folder as ``OpenGVLab/InternVL3-8B-hf`` is on the hub. ``sam2``: a folder as
    ``facebook/sam2.1-hiera-large`` is, or Meta's own ``.pt`` file (``sam2_config`` if it is of no published size).
    Names on the hub are fetched with ``allow_download`` only. ``dtype`` of all of it is that of InternVL's file if not
    given. ``seed`` is for the new weights; ``settings`` are those of ``TerraScopeConfig``. ``CheckpointError`` says in
    a line what is wrong with a checkpoint.
    """
    folder = local_folder(internvl, allow_download, "one as OpenGVLab/InternVL3-8B-hf is on the hub")
    vlm = internvl_of(folder, dtype)
    tokenizer = _tokenizer(folder)
    seg = add_seg(vlm, tokenizer)
    sam = sam2_of(sam2, vlm.dtype, sam2_config, allow_download)
    config = TerraScopeConfig(vlm.config, sam.config, seg_token_id=seg, **settings)
    model = joined(config, vlm, sam, seed)
    if bands:
        widen(model, bands)
    return model, TerraScopeProcessor.of(config, tokenizer)


def joined(
    config: TerraScopeConfig, vlm: InternVLForConditionalGeneration, sam: Sam2Model, seed: int = 0
) -> TerraScopeForReasoning:
    """The model of these two and new weights for what is between them."""
    with torch.device("meta"):  # the parts are there: nothing of their size is made twice
        model = TerraScopeForReasoning(config)
    model.vlm = vlm
    model.grounding.take(sam)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for own in (model.seg_projection, model.nothing):
            own.to_empty(device=vlm.device).to(vlm.dtype)
            for module in own.modules():
                model._init_weights(module)
    return model.eval()


def internvl_of(folder: Path, dtype: torch.dtype | None = None) -> InternVLForConditionalGeneration:
    """InternVL of a folder in the layout of transformers, all its weights from the file."""
    found = model_type(folder)
    if found != "internvl":
        hint = "; the checkpoints with -hf in their names have the layout of transformers" if "chat" in found else ""
        raise CheckpointError(f"{folder / 'config.json'} says model_type {found!r}, expected 'internvl'{hint}")
    vlm = _loaded(InternVLForConditionalGeneration, folder, dtype or "auto")
    # Files of transformers 4 do not say whether the head is the embedding; the weights do.
    vlm.config.tie_word_embeddings = vlm.lm_head.weight is vlm.get_input_embeddings().weight
    vlm.config.text_config.tie_word_embeddings = vlm.config.tie_word_embeddings
    return vlm


def sam2_of(
    path: str | Path, dtype: torch.dtype, config: Sam2Config | None = None, allow_download: bool = False
) -> Sam2Model:
    """SAM 2 of a folder in the layout of transformers, or of Meta's ``.pt`` file, all its weights from the file."""
    if Path(path).is_file():
        return _of_meta(Path(path), dtype, config)
    folder = local_folder(path, allow_download, "one as facebook/sam2.1-hiera-large is on the hub, or Meta's .pt file")
    found = model_type(folder)
    if found not in ("sam2", "sam2_video"):  # the hub's are for videos, and have all that images need
        raise CheckpointError(f"{folder / 'config.json'} says model_type {found!r}, expected 'sam2' or 'sam2_video'")
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    own = Sam2Config(**{name: values[name] for name in names if name in values})
    return _loaded(Sam2Model, folder, dtype, config=deepcopy(config) or own)


def add_seg(vlm: InternVLForConditionalGeneration, tokenizer: PreTrainedTokenizerBase) -> int:
    """The id of ``[SEG]``. Where the tokenizer lacks it, it is added, and its rows are the means of all others."""
    if SEG in tokenizer.get_vocab():
        return int(tokenizer.convert_tokens_to_ids(SEG))
    words = len(tokenizer)
    tokenizer.add_tokens([SEG], special_tokens=True)
    seg = int(tokenizer.convert_tokens_to_ids(SEG))
    if vlm.get_input_embeddings().num_embeddings <= seg:
        with quiet():
            vlm.resize_token_embeddings(seg + 1, mean_resizing=False)
    with torch.no_grad():
        for module in (vlm.get_input_embeddings(), vlm.get_output_embeddings()):
            module.weight[seg] = module.weight[:words].float().mean(dim=0)
    return seg


def _tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    try:
        with quiet():
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder}: its tokenizer cannot be read ({first_line(error)})") from error
    return tokenizer


def _loaded(kind: Any, folder: Path, dtype: torch.dtype | str, **more: Any) -> Any:
    refuse_pickles(folder)
    try:
        with quiet():
            model, report = kind.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **more,
            )
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: its weights cannot be read ({first_line(error)}); copy it again") from error
    _check(
        folder, report["missing_keys"], report["unexpected_keys"], [str(key[0]) for key in report["mismatched_keys"]]
    )
    return model


def _of_meta(file: Path, dtype: torch.dtype, config: Sam2Config | None) -> Sam2Model:
    try:
        found = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise CheckpointError(f"{file} cannot be read as weights alone ({first_line(error)})") from error
    weights: dict[str, Tensor] = from_meta(found.get("model", found) if isinstance(found, dict) else {})
    with torch.device("meta"):
        sam = Sam2Model(deepcopy(config) or config_of(weights, file))
    expected = sam.state_dict()
    wrong = [name for name in expected if name in weights and weights[name].shape != expected[name].shape]
    _check(file, set(expected) - set(weights), set(weights) - set(expected), wrong)
    sam.load_state_dict({name: weights[name].to(dtype) for name in expected}, assign=True)
    return sam.eval()


def _check(source: Path, missing: set[str], unexpected: set[str], wrong: list[str]) -> None:
    refuse_other_keys(source, missing, (), wrong, "it is not whole, or not of the size that it says")
    if unexpected:
        warnings.warn(
            f"{source}: {len(unexpected)} weights have no place: {', '.join(sorted(unexpected)[:5])}", stacklevel=2
        )
