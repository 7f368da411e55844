"""A checkpoint is a folder: config.json, weights as safetensors, the processor's files, README.md (the model card).

Nothing is read by pickle, and nothing is fetched unless the caller says so. A folder whose weights are not exactly
those of the model that its configuration describes is refused: transformers alone would make up the missing ones.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from terrascope_vlm.config import TerraScopeConfig
from terrascope_vlm.modeling import TerraScopeForReasoning
from terrascope_vlm.processing import TerraScopeProcessor

FRONT_MATTER = "---\nlibrary_name: transformers\npipeline_tag: image-text-to-text\n---\n"
CODE = ("attn_implementation", "_attn_implementation", "quantization_config")
"""What a configuration must not say: transformers would look for code of such a name, on the hub too."""
OWN_ATTENTION = ("eager", "sdpa")
_AGAIN = "save it again with terrascope_vlm.checkpoints.save"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


class CheckpointError(ValueError):
    """A folder that is no checkpoint of this kind, in one line: what was expected, what was found, what to do."""


def save(
    model: TerraScopeForReasoning,
    processor: TerraScopeProcessor,
    folder: str | Path,
    card: str = "",
    *,
    shard_size: str | int = "5GB",
) -> None:
    """Write all of it to ``folder``; weights in files of at most ``shard_size``, ``card`` (Markdown) as README.md."""
    if not isinstance(model, TerraScopeForReasoning):
        raise TypeError(
            f"expected a TerraScopeForReasoning, found {type(model).__name__}; an adapted one goes through "
            f"terrascope_vlm.lora.save_adapter, or .merged first"
        )
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with quiet():
        model.save_pretrained(target, max_shard_size=shard_size)
        processor.save_pretrained(target)
    text = card or "# TerraScope\n\nNothing was written about this checkpoint.\n"
    (target / "README.md").write_text(text if text.startswith("---\n") else FRONT_MATTER + text, encoding="utf-8")


def load(
    path: str | Path,
    *,
    dtype: torch.dtype | None = None,
    device: str | torch.device | None = None,
    allow_download: bool = False,
    **settings: Any,
) -> tuple[TerraScopeForReasoning, TerraScopeProcessor]:
    """The model, ready to answer, and its processor.

    ``path`` is a folder, or with ``allow_download`` a name on the hub. ``dtype`` is that of the file if not given;
    ``settings`` change the configuration (evidence, fusion, grounding_backend ...). ``CheckpointError`` if it is not a
    whole TerraScope checkpoint.
    """
    folder = _folder(path, allow_download)
    config = _config(folder, settings)
    try:
        with quiet():
            model, report = TerraScopeForReasoning.from_pretrained(
                folder,
                config=config,
                dtype=dtype or "auto",
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are in the report, and refused below with all others
            )
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: its weights cannot be read ({first_line(error)}); copy it again") from error
    except ImportError:  # a package that the settings ask for; the message says how to get it
        raise
    except Exception as error:  # a configuration may say anything, and classes of transformers raise anything for it
        raise CheckpointError(f"{folder / 'config.json'}: no model can be built as it says ({_told(error)})") from error
    refuse_other_keys(
        folder, report["missing_keys"], report["unexpected_keys"], [str(key[0]) for key in report["mismatched_keys"]]
    )
    processor = _processor(folder)
    _check_words(folder, config, processor)
    if settings:
        processor = TerraScopeProcessor.of(config, processor.tokenizer, processor.system)
    _check_sizes(folder, config, processor)
    return model.to(device).eval() if device is not None else model.eval(), processor


def refuse_other_keys(
    source: str | Path,
    missing: Collection[str],
    unexpected: Collection[str],
    wrong: Collection[str],
    advice: str = _AGAIN,
) -> None:
    """``CheckpointError`` if any of the three has a name: weights that lack, that have no place, of another shape."""
    found = (("missing", missing), ("unexpected", unexpected), ("of another shape", wrong))
    parts = [f"{len(names)} {what} ({_some(names)})" for what, names in found if names]
    if parts:
        raise CheckpointError(
            f"{source}: the weights are not those of the model that its configuration describes: {', '.join(parts)}; "
            f"{advice}"
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and reports of transformers; errors are raised here, in one line."""
    bar, level = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bar:
            transformers_logging.enable_progress_bar()


def model_type(folder: Path) -> str:
    """What config.json of a folder calls its model. ``CheckpointError`` without a readable one."""
    file = folder / "config.json"
    if not file.is_file():
        raise CheckpointError(f"{folder} has no config.json, so it is no checkpoint in the layout of transformers")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{file} cannot be read as JSON ({first_line(error)})") from error
    return str(values.get("model_type")) if isinstance(values, dict) else ""


def local_folder(path: str | Path, allow_download: bool, what: str) -> Path:
    """``path`` as a folder, fetched from the hub if it is none and ``allow_download``; no pickles come along."""
    folder = Path(path)
    if folder.is_dir():
        return folder
    if not allow_download:
        raise CheckpointError(
            f"there is no folder {path}; expected {what}, or a name on the hub together with allow_download=True"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        found = snapshot_download(str(path), allow_patterns=["*.json", "*.safetensors", "*.txt", "*.jinja", "*.model"])
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise CheckpointError(f"{path} could not be fetched from the hub ({first_line(error)})") from error
    return Path(found)


def refuse_pickles(folder: Path) -> None:
    """``CheckpointError`` if a folder has weights in pickle files alone, or none."""
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLES)
    if pickles:
        raise CheckpointError(
            f"{folder} has its weights as {pickles[0]} alone, a pickle, which may run any code when it is read; "
            f"expected safetensors: ask for them, or convert the file where you trust it"
        )
    raise CheckpointError(f"{folder} has no weights; expected model.safetensors or its parts")


def _folder(path: str | Path, allow_download: bool) -> Path:
    folder = local_folder(path, allow_download, "one written by terrascope_vlm.checkpoints.save")
    found = model_type(folder)
    if found != TerraScopeConfig.model_type:
        raise CheckpointError(
            f"{folder / 'config.json'} says model_type {found!r}, expected {TerraScopeConfig.model_type!r}; those "
            f"of InternVL and SAM 2 go through terrascope_vlm.parts.from_parts, those of the authors through "
            f"terrascope_vlm.convert.convert"
        )
    refuse_pickles(folder)
    return folder


def _config(folder: Path, settings: Mapping[str, Any]) -> TerraScopeConfig:
    try:
        values, _ = TerraScopeConfig.get_config_dict(folder, local_files_only=True)
        for name in CODE:
            if values.get(name) not in (None, *OWN_ATTENTION):
                raise ValueError(
                    f"{name} is {str(values[name])[:80]!r}, which may name code on the hub; "
                    "expected a checkpoint without it"
                )
        unknown = sorted(set(settings) - set(values))
        if unknown:
            raise ValueError(f"{unknown[0]} is no setting of TerraScopeConfig")
        found: TerraScopeConfig = TerraScopeConfig.from_dict(values | settings)
    except Exception as error:  # as in load
        raise CheckpointError(f"{folder / 'config.json'}: {_told(error)}") from error
    return found


def _check_words(folder: Path, config: TerraScopeConfig, processor: TerraScopeProcessor) -> None:
    """``CheckpointError`` where the tokenizer is not the one of the model."""
    seg, words, rows = processor.ids["seg"], len(processor.tokenizer), config.get_text_config().vocab_size
    if config.seg_token_id not in (None, seg):
        raise CheckpointError(
            f"{folder}: seg_token_id is {config.seg_token_id}, '[SEG]' of the tokenizer {seg}; {_AGAIN}"
        )
    if words > rows:
        raise CheckpointError(f"{folder}: the tokenizer has {words} tokens, the language model {rows}; {_AGAIN}")


def _check_sizes(folder: Path, config: TerraScopeConfig, processor: TerraScopeProcessor) -> None:
    """``CheckpointError`` where the processor would cut images otherwise than the model reads them."""
    for name in ("tile_size", "tile_cells", "max_tiles", "bands"):
        own, expected = getattr(processor, name), getattr(config, name)
        if own != expected:
            raise CheckpointError(
                f"{folder}: {name} of processor_config.json is {own}, expected {expected} as config.json has it; "
                f"{_AGAIN}"
            )


def _processor(folder: Path) -> TerraScopeProcessor:
    try:
        with quiet():
            found: TerraScopeProcessor = TerraScopeProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{folder}: its processor cannot be read ({first_line(error)}); save it again") from error
    for key in ("is_local", "local_files_only"):  # else it is saved with how it was loaded
        found.tokenizer.init_kwargs.pop(key, None)
    return found


def _some(names: Collection[str]) -> str:
    first = sorted(names)[:3]
    return ", ".join(first) + (" ..." if len(names) > len(first) else "")


def _told(error: BaseException) -> str:
    """What an error says first; by its kind where that is not of a value (`KeyError` alone says a key)."""
    return (
        first_line(error)
        if isinstance(error, ValueError | ImportError)
        else f"{type(error).__name__}: {first_line(error)}"
    )


def first_line(error: BaseException) -> str:
    """What an error says first; errors of transformers go on for a page."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
