"""The checkpoint that the authors published, as one of ours.

Its layout is that of Sa2VA, which they build on: InternVL by the names of its own code (``vision_model``, ``mlp1``,
``language_model``), SAM 2 by Meta's (``grounding_encoder.sam2_model``), the projection of ``[SEG]`` as
``text_hidden_fcs``. The file itself was never at hand: ``docs/terrascope.md`` says what of this could not be checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Sam2Config

from terrascope_vlm.authors import internvl_config_of, ours
from terrascope_vlm.checkpoints import CheckpointError, first_line, quiet, refuse_other_keys, refuse_pickles, save
from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.grounding.sizes import config_of
from terrascope_vlm.modeling import TerraScopeForReasoning
from terrascope_vlm.processing import TerraScopeProcessor

OWN = ("nothing.weight",)
"""What no file of theirs has, and begins anew."""


@dataclass(frozen=True)
class Report:
    """Names of weights: ours that their file lacks, theirs that have no place, theirs that only videos need."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    left_out: tuple[str, ...]


def convert(
    source: str | Path,
    out: str | Path,
    *,
    tokenizer: str | Path | PreTrainedTokenizerBase | None = None,
    config: Mapping[str, Any] | None = None,
    sam2_config: Sam2Config | None = None,
    strict: bool = True,
    **settings: Any,
) -> Report:
    """Read the authors' checkpoint and write ours to the folder ``out``.

    ``source``: their folder (safetensors and config.json), or one file of weights (.safetensors; .pth is read as
    weights alone, never run). ``tokenizer`` and ``config`` (config.json's values) are those of the folder if not
    given. ``settings`` are those of ``TerraScopeConfig``; masks are drawn as in their code (``mask_output`` "release")
    unless they say otherwise. ``CheckpointError`` if a weight lacks or has no place; with ``strict`` false what has
    no place is left out.
    """
    path = Path(source)
    folder = path if path.is_dir() else path.parent
    weights, left_out = ours(weights_of(path))
    sam = deepcopy(sam2_config) or config_of({n.removeprefix("grounding.sam."): w for n, w in weights.items()}, path)
    words = _tokenizer(tokenizer if tokenizer is not None else folder)
    values = dict(config) if config is not None else _values(folder)
    internvl = internvl_config_of(values)
    embedding, head = (
        weights.get(name) for name in ("vlm.model.language_model.embed_tokens.weight", "vlm.lm_head.weight")
    )
    if embedding is not None:
        internvl.text_config.vocab_size = len(embedding)
    tied = head is None or (embedding is not None and torch.equal(head, embedding))
    internvl.tie_word_embeddings = internvl.text_config.tie_word_embeddings = tied
    internvl.image_token_id = words.convert_tokens_to_ids("<IMG_CONTEXT>")
    given: dict[str, Any] = {"max_tiles": values.get("max_dynamic_patch", 12), "mask_output": "release"}
    own = TerraScopeConfig(internvl, sam, seg_token_id=words.convert_tokens_to_ids("[SEG]"), **(given | settings))
    processor = TerraScopeProcessor.of(own, words)
    with quiet():
        model, found = TerraScopeForReasoning.from_pretrained(
            None,
            config=own,
            state_dict=weights,
            dtype=embedding.dtype if embedding is not None else torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    missing = sorted(set(found["missing_keys"]) - set(OWN))
    report = Report(tuple(missing), tuple(sorted(found["unexpected_keys"])), tuple(sorted(left_out)))
    wrong = [str(key[0]) for key in found["mismatched_keys"]]
    refuse_other_keys(path, missing, report.unexpected if strict else (), wrong, "it is not of the layout of Sa2VA")
    save(model, processor, out, _card(path, report))
    return report


def weights_of(path: Path) -> dict[str, Tensor]:
    """Their weights by their names, of a folder of safetensors or of one file."""
    if path.is_dir():
        refuse_pickles(path)
        files = sorted(path.glob("*.safetensors"))
    elif path.is_file():
        files = [path]
    else:
        raise CheckpointError(f"there is no {path}; expected a folder with safetensors, or a file of weights")
    found: dict[str, Tensor] = {}
    for file in files:
        try:
            read = load_file(file) if file.suffix == ".safetensors" else torch.load(file, "cpu", weights_only=True)
        except Exception as error:  # what a broken file makes the readers raise
            raise CheckpointError(f"{file} cannot be read as weights alone ({first_line(error)})") from error
        while isinstance(read, dict) and (
            inner := next((k for k in ("state_dict", "model", "module") if k in read), "")
        ):
            read = read[inner]
        if not isinstance(read, dict) or not all(isinstance(weight, Tensor) for weight in read.values()):
            raise CheckpointError(f"{file} holds no weights by name, alone or under 'state_dict', 'model' or 'module'")
        found |= read
    return found


def _values(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder / 'config.json'} cannot be read; give config ({first_line(error)})") from error


def _tokenizer(source: str | Path | PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    if isinstance(source, PreTrainedTokenizerBase):
        return source
    try:
        with quiet():
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(source), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{source}: no tokenizer can be read there; give tokenizer ({first_line(error)})"
        ) from error
    return tokenizer


def _card(path: Path, report: Report) -> str:
    return (
        f"# TerraScope, converted\n\nConverted from {path.name}, a checkpoint in the layout of Sa2VA, by "
        f"`terrascope_vlm.convert`. {len(report.left_out)} weights that only videos need and {len(report.unexpected)} "
        f"others without a place were left out. `nothing.weight` is new and untrained.\n"
    )
